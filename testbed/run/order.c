/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector clocks: what each strand knows of every other one's time, and what was known where an object was last
 * released. A strand's own time rises with each of its releases. A simulated run
 * is one host thread; in a live one everything here is under one lock, which makes it slow and keeps it simple.
 */
#include "run/order.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/sched.h"

enum { OBJECT_BUCKETS = 16384, NAME_BYTES = 40 };

struct clock {
    uint32_t count;
    uint32_t *times; /* by strand */
};

struct strand {
    struct clock clock;
    char name[NAME_BYTES];
};

struct object {
    const void *address;
    struct clock clock;
    struct object *next;
};

bool order_kept;
static struct strand *strands; /* [0] is nobody */
static uint32_t before_these;  /* strands of earlier runs, which tasks may still name */
static uint32_t strand_count, strand_room;
static struct object *objects[OBJECT_BUCKETS];

static struct sched_lock lock;
static _Thread_local uint32_t nested;

void order_open(void)
{
    if (!sched_is_simulated && nested++ == 0) {
        sched_lock(&lock);
    }
}

void order_close(void)
{
    if (!sched_is_simulated && --nested == 0) {
        const bool wanted = __atomic_load_n(&lock.word, __ATOMIC_RELAXED) > 1;

        sched_unlock(&lock);
        if (wanted) { /* or whoever accesses most would have it always */
            sched_yield();
        }
    }
}

static void *grown(void *memory, size_t bytes)
{
    memory = realloc(memory, bytes);
    if (memory == NULL) {
        fprintf(stderr, "testbed: no memory for the order of events\n");
        exit(1);
    }
    return memory;
}

static void clock_reach(struct clock *clock, uint32_t count)
{
    if (clock->count < count) {
        clock->times = grown(clock->times, count * sizeof(*clock->times));
        memset(clock->times + clock->count, 0, (count - clock->count) * sizeof(*clock->times));
        clock->count = count;
    }
}

static void clock_join(struct clock *into, const struct clock *from)
{
    clock_reach(into, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        into->times[i] = from->times[i] > into->times[i] ? from->times[i] : into->times[i];
    }
}

static uint32_t strand_new(const char *name, uint32_t number)
{
    if (strand_count == strand_room) {
        strand_room = strand_room != 0 ? strand_room * 2 : 64;
        strands = grown(strands, strand_room * sizeof(*strands));
    }
    if (strand_count == 0) {
        strands[strand_count++] = (struct strand){ .name = "nobody" };
    }
    struct strand *strand = &strands[strand_count];
    memset(strand, 0, sizeof(*strand));
    snprintf(strand->name, sizeof(strand->name), number != 0 ? "%s#%u" : "%s", name, number);
    clock_reach(&strand->clock, strand_count + 1);
    strand->clock.times[strand_count] = 1;
    return strand_count++;
}

static uint32_t current(void)
{
    struct task *task = task_self();
    if (task->strand <= before_these) {
        task->strand = before_these + strand_new(task->name, task->id);
    }
    return task->strand - before_these;
}

static struct object **object_at(const void *address)
{
    struct object **link = &objects[((uintptr_t)address * 0x9e3779b97f4a7c15u >> 40) % OBJECT_BUCKETS];
    while (*link != NULL && (*link)->address != address) {
        link = &(*link)->next;
    }
    return link;
}

void order_released(const void *address)
{
    order_open();
    struct object **link = object_at(address);
    if (*link == NULL) {
        *link = grown(NULL, sizeof(**link));
        **link = (struct object){ .address = address };
    }
    const uint32_t self = current();
    clock_join(&(*link)->clock, &strands[self].clock);
    strands[self].clock.times[self]++;
    order_close();
}

void order_acquired(const void *address)
{
    order_open();
    const struct object *object = *object_at(address);
    const uint32_t self = current(); /* which may move the strands */
    if (object != NULL) {
        clock_join(&strands[self].clock, &object->clock);
    }
    order_close();
}

uint32_t order_become(uint32_t *strand, const char *name)
{
    if (!order_kept) {
        return 0;
    }
    order_open();
    const uint32_t before = current();
    if (*strand <= before_these) {
        *strand = before_these + strand_new(name, 0);
    }
    task_self()->strand = *strand;
    order_close();
    return before_these + before;
}

void order_be(uint32_t strand)
{
    if (order_kept && strand != 0) {
        task_self()->strand = strand;
    }
}

struct order_moment order_now(void)
{
    order_open();
    const uint32_t self = current();
    const struct order_moment now = { self, strands[self].clock.times[self] };
    order_close();
    return now;
}

bool order_before(struct order_moment moment)
{
    order_open();
    const uint32_t self = current();
    const struct clock *known = &strands[self].clock;
    const bool before = moment.strand < known->count && known->times[moment.strand] >= moment.time;
    order_close();
    return before;
}

const char *order_name(uint32_t strand)
{
    return strands[strand].name;
}

void order_keep(void)
{
    order_kept = true;
}

void order_reset(void)
{
    order_kept = false;
    before_these += strand_count;
    for (uint32_t i = 0; i < strand_count; i++) {
        free(strands[i].clock.times);
    }
    free(strands);
    strands = NULL;
    strand_count = strand_room = 0;
    for (uint32_t i = 0; i < OBJECT_BUCKETS; i++) {
        for (struct object *object = objects[i], *next; object != NULL; object = next) {
            next = object->next;
            free(object->clock.times);
            free(object);
        }
        objects[i] = NULL;
    }
}
