/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector clocks: what each strand knows of every other one's time, and what was known where an object was last
 * released. A strand's own time rises with each of its releases. Simulated runs only, which are one host thread:
 * nothing locks.
 */
#include "run/order.h"

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
    struct object **link = object_at(address);
    if (*link == NULL) {
        *link = grown(NULL, sizeof(**link));
        **link = (struct object){ .address = address };
    }
    const uint32_t self = current();
    clock_join(&(*link)->clock, &strands[self].clock);
    strands[self].clock.times[self]++;
}

void order_acquired(const void *address)
{
    const struct object *object = *object_at(address);
    const uint32_t self = current(); /* which may move the strands */
    if (object != NULL) {
        clock_join(&strands[self].clock, &object->clock);
    }
}

uint32_t order_become(uint32_t *strand, const char *name)
{
    if (!order_kept) {
        return 0;
    }
    const uint32_t before = current();
    if (*strand <= before_these) {
        *strand = before_these + strand_new(name, 0);
    }
    task_self()->strand = *strand;
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
    const uint32_t self = current();
    return (struct order_moment){ self, strands[self].clock.times[self] };
}

bool order_before(struct order_moment moment)
{
    const uint32_t self = current();
    const struct clock *known = &strands[self].clock;
    return moment.strand < known->count && known->times[moment.strand] >= moment.time;
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
