/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated scheduler: every task is a coroutine of one host thread, time is virtual, and each choice is drawn from
 * the seed.
 *
 * A run draws its manner first: how likely a sched_point switches (1/2 to 1/16), and whether the next task is any that
 * can run or mostly the one with the highest priority, priorities being drawn and now and then changed (after the idea
 * of probabilistic concurrency testing: few, well placed switches find what many uniform ones miss). Time passes a
 * little at every point and jumps to the next deadline when nothing can run; when there is no deadline either, that is
 * a deadlock.
 *
 * Invariants: arrays are in an order that only the seed decides (creation, and removal by swapping), words are compared
 * but never ordered by address; so one seed gives one run. No switch happens between a wait's look at its word and its
 * sleep.
 */
#include "run/sched_internal.h"
#include "run/sched_choice.h"
#include "run/sched_switch.h"
#include "run/snapshot.h"
#include "run/order.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POINT_NS      20 /* virtual time a point takes: so that who polls a clock sees it move */
#define RAISED        2  /* DISPATCH_LEVEL: time at it is bounded */
#define BUSY_POINTS   (100000000 / POINT_NS)
#define SPURIOUS_MASK 63 /* one wait in 64 returns for no reason, as sched.h allows */

struct sim_task {
    struct task_common common;
    void *sp;
    void *stack;
    const char *last_point;
    uint32_t *word; /* slept on, or NULL */
    uint64_t deadline;
    bool timed_out;
    size_t runnable_at; /* index in runnable, or SIZE_MAX */
    uint64_t priority;
};

struct task_list {
    struct sim_task **tasks;
    size_t count, room;
};

static struct task_list all, runnable;
static uint64_t now, next_deadline;
static uint64_t switch_mask;
static bool by_priority;
static uint32_t last_id;
static void *host_sp;
static int status;
static uint64_t steps; /* read by another host thread */
static pthread_t host;

static void list_add(struct task_list *list, struct sim_task *task)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 64;
        list->tasks = realloc(list->tasks, list->room * sizeof(*list->tasks));
        if (list->tasks == NULL) {
            fprintf(stderr, "testbed: no memory for tasks\n");
            exit(1);
        }
    }
    list->tasks[list->count++] = task;
}

static struct sim_task *self(void)
{
    return (struct sim_task *)sched_current;
}

/* While somebody chooses, what can run is in the order of numbers, whatever happened before. */
static void sort_runnable(void)
{
    for (size_t i = 0; i < runnable.count; i++) {
        struct sim_task *task = runnable.tasks[i];
        size_t at = i;
        for (; at > 0 && runnable.tasks[at - 1]->common.task.id > task->common.task.id; at--) {
            runnable.tasks[at] = runnable.tasks[at - 1];
        }
        runnable.tasks[at] = task;
    }
    for (size_t i = 0; i < runnable.count; i++) {
        runnable.tasks[i]->runnable_at = i;
    }
}

static void make_runnable(struct sim_task *task)
{
    task->word = NULL;
    task->deadline = SCHED_FOREVER;
    task->runnable_at = runnable.count;
    list_add(&runnable, task);
    if (sched_chooser != NULL) {
        sort_runnable();
    }
}

static void remove_runnable(struct sim_task *task)
{
    if (sched_chooser != NULL) {
        const size_t at = task->runnable_at;
        memmove(&runnable.tasks[at], &runnable.tasks[at + 1], (--runnable.count - at) * sizeof(*runnable.tasks));
        runnable.tasks[runnable.count] = NULL;
        task->runnable_at = SIZE_MAX;
        sort_runnable();
        return;
    }
    struct sim_task *last = runnable.tasks[--runnable.count];
    runnable.tasks[task->runnable_at] = last;
    last->runnable_at = task->runnable_at;
    task->runnable_at = SIZE_MAX;
}

/* Sleepers whose time has come can run; finds the next deadline. */
static void expire(void)
{
    next_deadline = SCHED_FOREVER;
    for (size_t i = 0; i < all.count; i++) {
        struct sim_task *task = all.tasks[i];
        if (task->word == NULL || task->deadline == SCHED_FOREVER) {
            continue;
        }
        if (task->deadline <= now) {
            task->timed_out = true;
            make_runnable(task);
        } else if (task->deadline < next_deadline) {
            next_deadline = task->deadline;
        }
    }
}

static void report_deadlock(void)
{
    fprintf(stderr, "testbed: deadlock at %llu ns of virtual time, seed %llu: no task can run\n",
            (unsigned long long)now, (unsigned long long)sched_seed());
    for (size_t i = 0; i < all.count; i++) {
        const struct sim_task *task = all.tasks[i];
        const struct task *public = &task->common.task;
        if (task->common.done) {
            fprintf(stderr, "  %s#%u has ended\n", public->name, public->id);
        } else {
            fprintf(stderr, "  %s#%u on processor %u at IRQL %u, %u locks held, waits for %s\n", public->name,
                    public->id, public->processor, public->irql, public->locks_held,
                    public->waits_for  ? public->waits_for
                    : task->last_point ? task->last_point
                                       : "something");
        }
    }
    sched_trace("deadlock");
    if (sched_deadlocked != NULL) {
        sched_deadlocked();
    }
}

void sched_each_simulated(void (*each)(struct task *task, void *context), void *context)
{
    for (size_t i = 0; i < all.count; i++) {
        if (!all.tasks[i]->common.done) {
            each(&all.tasks[i]->common.task, context);
        }
    }
}

bool sched_place_of(const struct task *task, struct sched_place *place)
{
    return sched_is_simulated && task != sched_current &&
           coroutine_place(((const struct sim_task *)task)->sp, &place->rip, &place->rsp, &place->rbp);
}

void sched_signal_simulated(int number)
{
    pthread_kill(host, number);
}

uint64_t sched_used_simulated(void)
{
    struct timespec used = { 0 };
    clockid_t clock;
    if (pthread_getcpuclockid(host, &clock) == 0) {
        clock_gettime(clock, &used);
    }
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

uint64_t sched_steps(void)
{
    return __atomic_load_n(&steps, __ATOMIC_RELAXED);
}

/* What is kept for reports alone, and says how a task came to where it is, would make two of one state. */
static void forget_history(void)
{
    for (size_t i = 0; i < all.count; i++) {
        struct sim_task *task = all.tasks[i];
        struct task *public = &task->common.task;
        public->driver_calls = public->busy = 0;
        memset(&public->held[public->locks_held], 0, (TASK_MAX_LOCKS - public->locks_held) * sizeof(*public->held));
        task->last_point = NULL;
        if (public->asleep == 0) {
            public->waits_since = 0;
            task->timed_out = false;
        }
        if (public == sched_current || task->common.done) {
            task->sp = NULL;
        }
    }
}

/* Which of the tasks that can run, by whoever chooses; `asks` goes on by itself unless it sleeps or has ended. */
static size_t chosen(const struct sim_task *asks)
{
    uint32_t ids[SCHED_MAX_CHOICE] = { 0 };
    const size_t count = runnable.count < SCHED_MAX_CHOICE ? runnable.count : SCHED_MAX_CHOICE;
    for (size_t i = 0; i < count; i++) {
        ids[i] = runnable.tasks[i]->common.task.id;
    }
    forget_history();
    return sched_chooser(ids, count, asks != NULL && asks->runnable_at < count ? asks->runnable_at : SIZE_MAX);
}

/* The task to run next; NULL after a deadlock. */
static struct sim_task *choose(void)
{
    while (runnable.count == 0) {
        if (next_deadline == SCHED_FOREVER) {
            report_deadlock();
            return NULL;
        }
        if (sched_time_jumps != NULL) {
            sched_time_jumps(next_deadline);
        }
        now = next_deadline;
        expire();
    }
    if (runnable.count == 1) {
        return runnable.tasks[0];
    }
    if (sched_chooser != NULL) {
        return runnable.tasks[chosen(self())];
    }
    uint64_t draw = sched_draw();
    if (by_priority && (draw & 7) != 0) {
        struct sim_task *best = runnable.tasks[0];
        for (size_t i = 1; i < runnable.count; i++) {
            if (runnable.tasks[i]->priority > best->priority) {
                best = runnable.tasks[i];
            }
        }
        return best;
    }
    return runnable.tasks[(size_t)(((draw >> 32) * runnable.count) >> 32)];
}

static void switch_to(void **from, struct sim_task *to)
{
    if (to == NULL) {
        status = -1;
        sched_current = NULL;
        coroutine_continue(from, host_sp, NULL);
        return;
    }
    sched_current = &to->common.task;
    coroutine_continue(from, to->sp, to->stack);
    /* Somebody switched back to us: sched_current is us again, or nobody at the end of the run. */
    if (sched_task_resumes != NULL && sched_current != NULL) {
        sched_task_resumes(sched_current);
    }
}

static void yield(void)
{
    struct sim_task *me = self(), *next = choose();
    if (next != me) {
        switch_to(&me->sp, next);
    }
}

static void pass_time(void)
{
    now += sched_chooser != NULL ? 0 : POINT_NS;
    __atomic_store_n(&steps, steps + 1, __ATOMIC_RELAXED);
    if (now >= next_deadline) {
        expire();
    }
}

/* Its calls, which have names, and what it shares with others; not what the testbed does inside of a call. */
static bool is_the_drivers(const char *what)
{
    return (*what >= 'A' && *what <= 'Z') || strncmp(what, "volatile", 8) == 0 || strcmp(what, "interlocked") == 0;
}

void sched_point_simulated(const char *what)
{
    struct sim_task *me = self();
    if (me == NULL) {
        return; /* before the run or after it: nobody else could run */
    }
    me->last_point = what;
    if (me->common.task.irql >= RAISED && ++me->common.task.busy == BUSY_POINTS && sched_busy_too_long != NULL) {
        sched_busy_too_long(&me->common.task);
    }
    if (sched_tracing()) {
        sched_trace("%s", what);
    }
    pass_time();
    if (sched_chooser != NULL) {
        if (runnable.count > 1 && me->common.task.driver_call != NULL && is_the_drivers(what)) {
            yield();
        }
    } else if (runnable.count > 1) {
        uint64_t draw = sched_draw();
        if ((draw & switch_mask) == 0) {
            if (by_priority && ((draw >> 8) & 7) == 0) {
                me->priority = draw >> 16;
            }
            yield();
        }
    }
}

bool sched_wait_simulated(uint32_t *word, uint32_t expected, uint64_t deadline)
{
    struct sim_task *me = self();
    pass_time();
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
        return true;
    }
    if (deadline <= now) {
        yield();
        return __atomic_load_n(word, __ATOMIC_SEQ_CST) != expected;
    }
    if (sched_chooser == NULL && (sched_draw() & SPURIOUS_MASK) == 0) {
        yield();
        return true;
    }
    if (sched_tracing()) {
        sched_trace("waits for %s", me->common.task.waits_for ? me->common.task.waits_for : "a wake");
    }
    me->common.task.waits_since = now;
    me->common.task.asleep = 1;
    remove_runnable(me);
    me->word = word;
    me->deadline = deadline;
    me->timed_out = false;
    if (deadline < next_deadline) {
        next_deadline = deadline;
    }
    yield();
    me->common.task.asleep = 0;
    return !me->timed_out;
}

static size_t chosen_sleeper(const uint32_t *word)
{
    uint32_t ids[SCHED_MAX_CHOICE] = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < all.count && count < SCHED_MAX_CHOICE; i++) {
        if (all.tasks[i]->word == word) {
            ids[count++] = all.tasks[i]->common.task.id;
        }
    }
    return sched_chooser(ids, count, SIZE_MAX);
}

void sched_wake_simulated(uint32_t *word, unsigned count)
{
    bool woke = false;
    while (count > 0) {
        size_t sleepers = 0;
        for (size_t i = 0; i < all.count; i++) {
            sleepers += all.tasks[i]->word == word;
        }
        if (sleepers == 0) {
            break;
        }
        size_t which = sleepers > 1 && sched_chooser == NULL ? (size_t)sched_random(sleepers) : 0;
        if (sleepers > 1 && sleepers > count && sched_chooser != NULL) {
            which = chosen_sleeper(word);
        }
        for (size_t i = 0; i < all.count; i++) {
            if (all.tasks[i]->word == word && which-- == 0) {
                if (sched_tracing()) {
                    sched_trace("wakes %s#%u", all.tasks[i]->common.name, all.tasks[i]->common.task.id);
                }
                make_runnable(all.tasks[i]);
                break;
            }
        }
        count--;
        woke = true;
    }
    if (woke && self() != NULL) {
        sched_point_simulated("wake");
    }
}

uint64_t sched_now_simulated(void)
{
    return now;
}

static void task_main(void *argument)
{
    struct sim_task *me = argument;
    coroutine_arrived();
    if (sched_task_resumes != NULL) {
        sched_task_resumes(&me->common.task);
    }
    order_acquire(me);
    me->common.run(me->common.argument);
    if (sched_task_ends != NULL) {
        sched_task_ends(&me->common.task);
    }
    order_release(me);
    me->common.done = 1;
    if (me->common.task.id == 1) { /* the main task: the run is over */
        sched_current = NULL;
        coroutine_continue(&me->sp, host_sp, NULL);
    }
    sched_wake_simulated(&me->common.done, UINT_MAX);
    remove_runnable(me);
    switch_to(&me->sp, choose());
}

struct task *task_spawn_simulated(const char *name, uint32_t processor, void (*run)(void *), void *argument)
{
    struct sim_task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        fprintf(stderr, "testbed: no memory for task %s\n", name);
        exit(1);
    }
    task_common_init(&task->common, name, ++last_id, processor, run, argument);
    task->stack = coroutine_stack_get();
    task->sp = coroutine_prepare(task->stack, task_main, task);
    task->priority = sched_draw() >> 16;
    list_add(&all, task);
    make_runnable(task);
    return &task->common.task;
}

static void free_task(struct sim_task *task)
{
    coroutine_stack_put(task->stack);
    free(task);
}

void task_reap_simulated(struct task *task)
{
    struct sim_task *ended = (struct sim_task *)task;
    size_t at = 0;
    while (ended->runnable_at != SIZE_MAX) { /* it has reported so, but still has to leave its stack */
        if (sched_chooser != NULL) {
            switch_to(&self()->sp, ended);
        } else {
            yield();
        }
    }
    while (all.tasks[at] != ended) {
        at++;
    }
    memmove(&all.tasks[at], &all.tasks[at + 1], (--all.count - at) * sizeof(*all.tasks));
    free_task(ended);
}

sched_choice *sched_chooser;

void sched_choose_with(sched_choice *chooser)
{
    static bool excepted;
    sched_chooser = chooser;
    if (chooser != NULL) {
        if (!excepted) {
            snapshot_except(&steps, sizeof(steps));
            excepted = true;
        }
        sort_runnable();
    }
}

void sched_pass(uint64_t nanoseconds)
{
    now += nanoseconds;
    expire();
}

void sched_each_context(void (*each)(void *argument, struct task *task, void *sp, void *stack), void *argument)
{
    for (size_t i = 0; i < all.count; i++) {
        if (!all.tasks[i]->common.done) {
            each(argument, &all.tasks[i]->common.task, all.tasks[i]->sp, all.tasks[i]->stack);
        }
    }
}

int sched_run_simulated(void (*main_task)(void *), void *argument)
{
    now = 0;
    next_deadline = SCHED_FOREVER;
    last_id = 0;
    status = 0;
    steps = 0;
    host = pthread_self();
    all.count = runnable.count = 0;
    uint64_t manner = sched_draw();
    switch_mask = (2u << (manner & 3)) - 1;
    by_priority = ((manner >> 2) & 3) == 0;

    struct sim_task *first = (struct sim_task *)task_spawn_simulated("main", 0, main_task, argument);
    switch_to(&host_sp, first);
    sched_current = NULL;

    for (size_t i = 0; i < all.count; i++) {
        struct sim_task *task = all.tasks[i];
        if (status == 0 && task != first) {
            fprintf(stderr, "testbed: task %s#%u %s at the end of the run\n", task->common.name, task->common.task.id,
                    task->common.done ? "was not joined" : "is still alive");
        }
        if (task != first && status == 0) {
            status = -1;
        }
        free_task(task);
    }
    free(all.tasks);
    free(runnable.tasks);
    all = runnable = (struct task_list){ 0 };
    return status;
}
