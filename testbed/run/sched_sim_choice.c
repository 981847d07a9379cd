/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs next in a simulated run (sched_sim.h). Whoever has put himself in the seed's place (sched_choice.h), or the
 * seed, in one of two ways:
 *
 * Drawn: a run draws its manner first: how likely a sched_point switches (1/2 to 1/16), and whether the next task is
 * any that can run or mostly the one with the highest priority, priorities being drawn and now and then changed.
 *
 * By priorities at random (sched_pct is a depth; Burckhardt, Kothari, Musuvathi, Nagarakatte, "A randomized scheduler
 * with probabilistic guarantees of finding bugs", ASPLOS 2010): of those that can run always the one with the highest
 * priority, and depth - 1 times whoever runs falls below all others, at points drawn beforehand. A mistake that takes
 * so many orders shows with a probability that depends on the number of points and of tasks alone. How long a run will
 * be is not known here; so it is cut into pieces of a length that is drawn, 2^6 to 2^13 points, and each piece has
 * priorities and falls of its own. A task that goes on for long without sleeping falls, too: it may wait for another.
 */
#include "run/sched_sim.h"
#include "run/snapshot.h"

#include <string.h>

#define DRAWN     (1ull << 48) /* priorities that are drawn lie above it */
#define FALLEN    (1ull << 32) /* those of who fell below; the later the lower */
#define MAX_FALLS 64
#define CIRCLE    20000 /* points of one task without another one */

sched_choice *sched_chooser;
uint32_t sched_pct;

static uint64_t switch_mask;
static bool by_priority;

/* By priorities at random: the piece. */
static struct {
    uint32_t length, at, falls;
    uint32_t fall_at[MAX_FALLS];
    uint64_t fallen;
    uint32_t alone; /* points of the task that runs since another one did */
} piece;

/* While somebody chooses, what can run is in the order of numbers, whatever happened before. */
void sim_sort_runnable(void)
{
    for (size_t i = 0; i < sim_runnable.count; i++) {
        struct sim_task *task = sim_runnable.tasks[i];
        size_t at = i;
        for (; at > 0 && sim_runnable.tasks[at - 1]->common.task.id > task->common.task.id; at--) {
            sim_runnable.tasks[at] = sim_runnable.tasks[at - 1];
        }
        sim_runnable.tasks[at] = task;
    }
    for (size_t i = 0; i < sim_runnable.count; i++) {
        sim_runnable.tasks[i]->runnable_at = i;
    }
}

static uint32_t drawn_below(uint32_t bound)
{
    return (uint32_t)((sched_draw() >> 32) * bound >> 32);
}

static void begin_piece(void)
{
    piece.at = 0;
    piece.fallen = 0;
    piece.falls = sched_pct - 1 < MAX_FALLS ? sched_pct - 1 : MAX_FALLS;
    for (uint32_t i = 0; i < piece.falls; i++) {
        piece.fall_at[i] = drawn_below(piece.length);
    }
    for (size_t i = 0; i < sim_all.count; i++) {
        sim_all.tasks[i]->priority = DRAWN + (sched_draw() >> 16);
    }
}

void sim_begin_manner(void)
{
    const uint64_t manner = sched_draw();

    switch_mask = (2u << (manner & 3)) - 1;
    by_priority = ((manner >> 2) & 3) == 0;
    if (sched_pct != 0) {
        piece.length = 64u << drawn_below(8);
        piece.alone = 0;
        begin_piece();
    }
}

void sim_new_task(struct sim_task *task)
{
    task->priority = (sched_pct != 0 ? DRAWN : 0) + (sched_draw() >> 16);
}

static struct sim_task *highest(void)
{
    struct sim_task *best = sim_runnable.tasks[0];

    for (size_t i = 1; i < sim_runnable.count; i++) {
        if (sim_runnable.tasks[i]->priority > best->priority) {
            best = sim_runnable.tasks[i];
        }
    }
    return best;
}

static void fall(struct sim_task *task)
{
    task->priority = FALLEN - ++piece.fallen;
    piece.alone = 0;
}

static bool falls_now(void)
{
    for (uint32_t i = 0; i < piece.falls; i++) {
        if (piece.fall_at[i] == piece.at) {
            return true;
        }
    }
    return false;
}

static bool switches_by_priority(struct sim_task *task)
{
    if (falls_now() || ++piece.alone >= CIRCLE) {
        fall(task);
    }
    if (++piece.at >= piece.length) {
        begin_piece();
    }
    return highest() != task;
}

/* Calls that touch nothing which another task would see or change, so that whatever the others do may as well happen
 * after them; and those that only let go of what others wait for, before which they could do nothing more than behind
 * it. The driver's plain accesses have no races (nt/race): none of them needs a point, either. */
static bool commutes(const char *call)
{
    static const char *const calls[] = {
        "DbgPrintEx",
        "EtwWrite",
        "IoBuildPartialMdl",
        "KeGetCurrentProcessorNumberEx",
        "KeGetProcessorIndexFromNumber",
        "KeGetProcessorNumberFromIndex",
        "KeInitializeDpc",
        "KeInitializeEvent",
        "KeInitializeTimer",
        "KeQueryActiveProcessorCountEx",
        "KeQueryMaximumProcessorCountEx",
        "KeQueryPerformanceCounter",
        "KeReleaseSpinLockFromDpcLevel",
        "MmBuildMdlForNonPagedPool",
        "MmMapLockedPagesSpecifyCache",
        "MmUnmapLockedPages",
        "NdisGetRoutineAddress",
        "NdisGetVersion",
        "NdisWriteEventLogEntry",
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(call, calls[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The driver's calls, which have names, and what it shares with others; not what the testbed does inside of a call. */
static bool is_the_drivers(const char *what)
{
    if (*what >= 'A' && *what <= 'Z') {
        return !commutes(what);
    }
    return strncmp(what, "volatile", 8) == 0 || strcmp(what, "interlocked") == 0;
}

bool sim_switches(struct sim_task *task, const char *what)
{
    if (sched_chooser != NULL) {
        return task->common.task.driver_call != NULL && is_the_drivers(what);
    }
    if (sched_pct != 0) {
        return switches_by_priority(task);
    }

    const uint64_t draw = sched_draw();
    if ((draw & switch_mask) != 0) {
        return false;
    }
    if (by_priority && ((draw >> 8) & 7) == 0) {
        task->priority = draw >> 16;
    }
    return true;
}

/* What is kept for reports alone, and says how a task came to where it is, would make two of one state. */
static void forget_history(void)
{
    for (size_t i = 0; i < sim_all.count; i++) {
        struct sim_task *task = sim_all.tasks[i];
        struct task *public = &task->common.task;
        public->driver_calls = public->busy = 0;
        memset(&public->held[public->locks_held], 0, (TASK_MAX_LOCKS - public->locks_held) * sizeof(*public->held));
        task->last_point = NULL;
        if (public->asleep == 0) {
            public->waits_since = 0;
            task->timed_out = false;
        }
        /* One that has ended and can run still has to leave its stack. */
        if (public == sched_current || (task->common.done && task->runnable_at == SIZE_MAX)) {
            task->sp = NULL;
        }
    }
}

/* Which of the tasks that can run, by whoever chooses; `asks` goes on by itself unless it sleeps or has ended. */
static size_t chosen(const struct sim_task *asks)
{
    uint32_t ids[SCHED_MAX_CHOICE] = { 0 };
    const size_t count = sim_runnable.count < SCHED_MAX_CHOICE ? sim_runnable.count : SCHED_MAX_CHOICE;
    for (size_t i = 0; i < count; i++) {
        ids[i] = sim_runnable.tasks[i]->common.task.id;
    }
    forget_history();
    return sched_chooser(ids, count, asks != NULL && asks->runnable_at < count ? asks->runnable_at : SIZE_MAX);
}

/* A wait that has ended already is a circle, too. */
static struct sim_task *by_fixed_priority(void)
{
    struct sim_task *best = highest();

    if (best != sim_self()) {
        piece.alone = 0;
    } else if (++piece.alone >= CIRCLE) {
        fall(best);
        best = highest();
    }
    return best;
}

static struct sim_task *drawn(void)
{
    const uint64_t draw = sched_draw();

    return by_priority && (draw & 7) != 0 ? highest()
                                          : sim_runnable.tasks[(size_t)(((draw >> 32) * sim_runnable.count) >> 32)];
}

struct sim_task *sim_choose(void)
{
    if (sim_runnable.count == 1) {
        return sim_runnable.tasks[0];
    }
    if (sched_chooser != NULL) {
        return sim_runnable.tasks[chosen(sim_self())];
    }
    if (sched_pct != 0) {
        return by_fixed_priority();
    }
    return drawn();
}

static size_t chosen_sleeper(const uint32_t *word)
{
    uint32_t ids[SCHED_MAX_CHOICE] = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < sim_all.count && count < SCHED_MAX_CHOICE; i++) {
        if (sim_all.tasks[i]->word == word) {
            ids[count++] = sim_all.tasks[i]->common.task.id;
        }
    }
    return sched_chooser(ids, count, SIZE_MAX);
}

size_t sim_choose_sleeper(const uint32_t *word, size_t sleepers, unsigned woken)
{
    if (sleepers < 2) {
        return 0;
    }
    if (sched_chooser == NULL) {
        return (size_t)sched_random(sleepers);
    }
    return sleepers > woken ? chosen_sleeper(word) : 0;
}

void sched_choose_with(sched_choice *chooser)
{
    static bool excepted;
    sched_chooser = chooser;
    if (chooser != NULL) {
        if (!excepted) {
            snapshot_except(&sim_steps, sizeof(sim_steps));
            excepted = true;
        }
        sim_sort_runnable();
    }
}
