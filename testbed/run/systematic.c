/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search of systematic.h: depth first over what was chosen at each place where more than one task could run. For
 * the next schedule the process goes back to the beginning, and the choices up to the last one that still has an
 * alternative are made again; no state in between is kept.
 *
 * What decides runs on a stack of its own, so that the stack of whoever asks holds nothing but what it will go on with.
 */
#include "run/systematic.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/sched_choice.h"
#include "run/sched_internal.h"
#include "run/sched_switch.h"
#include "run/snapshot.h"

enum {
    MAX_CHOICES = 1 << 16,
    MAX_SCRIPT = 256,
    MAX_STATES = 1 << 25, /* a power of two; the memory is taken as it is used */
    MAX_CALLS = 2000000   /* choices in one schedule: more is a circle */
};

struct choice {
    uint32_t number;               /* of the call in its schedule */
    uint32_t preempted;            /* before it */
    uint8_t count, taken, goes_on; /* taken: in the order of `ids` */
    uint16_t ids[SCHED_MAX_CHOICE];
};

struct known {
    uint64_t state;
    uint64_t left; /* preemptions, and 1; 0: free */
};

enum request { REQUEST_BEGIN, REQUEST_LOOK, REQUEST_AGAIN };

struct systematic {
    uint32_t preemptions, script_count;
    bool counts_all; /* a choice where nobody could go on counts as a preemption, too */
    uint64_t limit;
    struct {
        uint32_t number, id;
    } script[MAX_SCRIPT];
    bool has_script;
    struct systematic_counts counts;
    /* the schedule */
    uint32_t calls, preempted, at, length;
    struct choice choices[MAX_CHOICES];
    /* between the tasks and the search */
    enum request request;
    bool met;
    uint64_t look_for;
    struct task *main;
    void *main_sp, *asker_sp, *search_sp;
    uint64_t known_count;
    struct known known[MAX_STATES];
    _Alignas(4096) uint8_t stack[COROUTINE_STACK_BYTES];
};

static struct systematic *running; /* as it was at the snapshot, always */

struct systematic *systematic_create(uint32_t preemptions)
{
    struct systematic *systematic =
        mmap(NULL, sizeof(*systematic), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (systematic == MAP_FAILED) {
        perror("testbed: no memory for schedules");
        exit(1);
    }
    systematic->preemptions = preemptions;
    systematic->limit = UINT64_MAX;
    return systematic;
}

void systematic_destroy(struct systematic *systematic)
{
    munmap(systematic, sizeof(*systematic));
}

void systematic_count_all(struct systematic *systematic)
{
    systematic->counts_all = true;
}

void systematic_limit(struct systematic *systematic, uint64_t schedules)
{
    systematic->limit = schedules;
}

bool systematic_script(struct systematic *systematic, const char *text)
{
    systematic->has_script = true;
    while (*text != '\0') {
        int used = 0;
        if (systematic->script_count == MAX_SCRIPT ||
            sscanf(text, "%" SCNu32 ":%" SCNu32 " %n", &systematic->script[systematic->script_count].number,
                   &systematic->script[systematic->script_count].id, &used) != 2 ||
            used == 0) {
            return false;
        }
        systematic->script_count++;
        text += used;
    }
    return true;
}

static void circle(void)
{
    fprintf(stderr, "testbed: a schedule goes round in circles: %u choices\n", (unsigned)MAX_CALLS);
    _exit(1);
}

/* --- the search's side --- */

/* Whether the state was seen with no fewer preemptions left; it has been from now on. */
static bool seen(struct systematic *s, uint64_t state, uint32_t left)
{
    uint64_t at = state & (MAX_STATES - 1);
    while (s->known[at].left != 0 && s->known[at].state != state) {
        at = (at + 1) & (MAX_STATES - 1);
    }
    if (s->known[at].left > left) {
        return true;
    }
    if (s->known[at].left == 0 && ++s->known_count > MAX_STATES / 4 * 3) {
        fprintf(stderr, "testbed: more states than there is room for\n");
        _exit(1);
    }
    s->known[at] = (struct known){ state, left + 1 };
    s->counts.states++;
    return false;
}

static void search(void *argument)
{
    struct systematic *s = argument;
    coroutine_arrived();
    snapshot_take(s->main_sp, s, sizeof(*s));
    for (;;) {
        if (s->request == REQUEST_LOOK) {
            s->met = seen(s, snapshot_state(s->asker_sp) ^ s->look_for, s->preemptions - s->preempted);
            s->counts.pages = snapshot_pages();
            coroutine_continue(&s->search_sp, s->asker_sp, NULL);
        } else {
            if (s->request == REQUEST_AGAIN) {
                snapshot_restore();
                sched_current = s->main;
            }
            s->calls = s->preempted = s->at = 0;
            coroutine_continue(&s->search_sp, s->main_sp, NULL);
        }
    }
}

/* Nothing in this function's frame may differ from one time to the next: it is part of the state. */
__attribute__((noinline)) static void ask(struct systematic *s)
{
    coroutine_continue(&s->asker_sp, s->search_sp, s->stack);
}

/* The last choice that has an alternative takes it. */
static bool advance(struct systematic *s)
{
    while (s->length > 0) {
        struct choice *choice = &s->choices[s->length - 1];
        if (++choice->taken < choice->count) {
            return true;
        }
        s->length--;
    }
    return false;
}

static void again(struct systematic *s)
{
    s->request = REQUEST_AGAIN;
    ask(s);
}

/* --- the tasks' side --- */

static size_t place_of(const uint32_t *ids, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return i;
        }
    }
    fprintf(stderr, "testbed: task %u cannot run there: the run is not the same\n", id);
    _exit(1);
}

static size_t by_script(struct systematic *s, const uint32_t *ids, size_t count, size_t otherwise)
{
    for (uint32_t i = 0; i < s->script_count; i++) {
        if (s->script[i].number == s->calls) {
            return place_of(ids, count, s->script[i].id);
        }
    }
    return otherwise;
}

/* Going on first, then the others; which of them are allowed. */
static void order(struct choice *choice, const uint32_t *ids, size_t count, size_t goes_on, bool others)
{
    choice->goes_on = goes_on != SIZE_MAX;
    choice->ids[choice->count++] = (uint16_t)ids[choice->goes_on ? goes_on : 0];
    for (size_t i = 0; i < count && others; i++) {
        if (i != (choice->goes_on ? goes_on : 0)) {
            choice->ids[choice->count++] = (uint16_t)ids[i];
        }
    }
}

static size_t follow(struct systematic *s, const struct choice *choice, const uint32_t *ids, size_t count)
{
    s->preempted += (choice->goes_on || s->counts_all) && choice->taken != 0;
    return place_of(ids, count, choice->ids[choice->taken]);
}

static size_t choose(const uint32_t *ids, size_t count, size_t goes_on)
{
    struct systematic *s = running;
    const size_t otherwise = goes_on != SIZE_MAX ? goes_on : 0;
    if (++s->calls > MAX_CALLS) {
        circle();
    }
    if (s->has_script) {
        return by_script(s, ids, count, otherwise);
    }
    if (s->at < s->length) {
        return s->choices[s->at].number == s->calls ? follow(s, &s->choices[s->at++], ids, count) : otherwise;
    }
    if ((goes_on != SIZE_MAX || s->counts_all) && s->preempted == s->preemptions) {
        return otherwise;
    }
    s->look_for = (sched_current->id * 2ull + (goes_on != SIZE_MAX)) * 0x9e3779b97f4a7c15u;
    s->request = REQUEST_LOOK;
    ask(s);
    if (s->met) {
        s->counts.met++;
        if (!advance(s)) {
            s->counts.complete = true;
            s->request = REQUEST_AGAIN; /* to the beginning, and there to the end without choosing */
        }
        again(s);
    }
    if (s->length == MAX_CHOICES) {
        circle();
    }
    struct choice *choice = &s->choices[s->length++];
    *choice = (struct choice){ .number = s->calls, .preempted = s->preempted };
    s->at = s->length;
    if (s->counts.choices < s->length) {
        s->counts.choices = s->length;
    }
    order(choice, ids, count, goes_on, true);
    return follow(s, choice, ids, count);
}

void systematic_begin(struct systematic *systematic)
{
    running = systematic;
    systematic->main = sched_current;
    sched_choose_with(choose);
    if (systematic->has_script) {
        return;
    }
    systematic->search_sp = coroutine_prepare(systematic->stack, search, systematic);
    systematic->request = REQUEST_BEGIN;
    coroutine_continue(&systematic->main_sp, systematic->search_sp, systematic->stack);
    if (sched_task_resumes != NULL) {
        sched_task_resumes(sched_current);
    }
    if (systematic->counts.complete) {
        sched_choose_with(NULL);
    }
}

void systematic_pause(struct systematic *systematic)
{
    (void)systematic;
    sched_choose_with(NULL);
}

void systematic_end(struct systematic *systematic)
{
    struct systematic *s = systematic;
    if (s->has_script) {
        s->counts.schedules = 1;
        return;
    }
    if (!s->counts.complete) {
        s->counts.schedules++;
        s->counts.complete = !advance(s);
        if (!s->counts.complete && s->counts.schedules < s->limit) {
            again(s);
        }
    }
    snapshot_end();
}

struct systematic_counts systematic_counts(const struct systematic *systematic)
{
    return systematic->counts;
}

void systematic_write(const struct systematic *systematic, FILE *file)
{
    const char *before = "";
    for (uint32_t i = 0; i < systematic->at; i++) {
        const struct choice *choice = &systematic->choices[i];
        if (choice->taken != 0) {
            fprintf(file, "%s%u:%u", before, choice->number, choice->ids[choice->taken]);
            before = " ";
        }
    }
}
