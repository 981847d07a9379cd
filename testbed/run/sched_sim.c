/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated scheduler: every task is a coroutine of one host thread, time is virtual, and each choice is drawn from
 * the seed.
 *
 * Who runs next is chosen in sched_sim_choice.c. Time passes a little at every point and jumps to the next deadline
 * when nothing can run; when there is no deadline either, that is a deadlock.
 *
 * Invariants: arrays are in an order that only the seed decides (creation, and removal by swapping), words are compared
 * but never ordered by address; so one seed gives one run. No switch happens between a wait's look at its word and its
 * sleep.
 */
#include "run/sched_sim.h"
#include "run/sched_switch.h"
#include "run/order.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define POINT_NS      20 /* virtual time a point takes: so that who polls a clock sees it move */
#define RAISED        2  /* DISPATCH_LEVEL: time at it is bounded */
#define BUSY_POINTS   (100000000 / POINT_NS)
#define SPURIOUS_MASK 63 /* one wait in 64 returns for no reason, as sched.h allows */

struct task_list sim_all, sim_runnable;
uint64_t sim_steps;
static uint64_t now, next_deadline;
static uint32_t last_id;
static void *host_sp;
static int status;

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

static void make_runnable(struct sim_task *task)
{
    task->word = NULL;
    task->deadline = SCHED_FOREVER;
    task->runnable_at = sim_runnable.count;
    list_add(&sim_runnable, task);
    if (sched_chooser != NULL) {
        sim_sort_runnable();
    }
}

static void remove_runnable(struct sim_task *task)
{
    if (sched_chooser != NULL) {
        const size_t at = task->runnable_at;
        memmove(&sim_runnable.tasks[at], &sim_runnable.tasks[at + 1],
                (--sim_runnable.count - at) * sizeof(*sim_runnable.tasks));
        sim_runnable.tasks[sim_runnable.count] = NULL;
        task->runnable_at = SIZE_MAX;
        sim_sort_runnable();
        return;
    }
    struct sim_task *last = sim_runnable.tasks[--sim_runnable.count];
    sim_runnable.tasks[task->runnable_at] = last;
    last->runnable_at = task->runnable_at;
    task->runnable_at = SIZE_MAX;
}

/* Sleepers whose time has come can run; finds the next deadline. */
static void expire(void)
{
    next_deadline = SCHED_FOREVER;
    for (size_t i = 0; i < sim_all.count; i++) {
        struct sim_task *task = sim_all.tasks[i];
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

/* The task to run next; NULL after a deadlock. */
static struct sim_task *choose(void)
{
    while (sim_runnable.count == 0) {
        if (next_deadline == SCHED_FOREVER) {
            sim_report_deadlock(now);
            return NULL;
        }
        if (sched_time_jumps != NULL) {
            sched_time_jumps(next_deadline);
        }
        now = next_deadline;
        expire();
    }
    return sim_choose();
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
    struct sim_task *me = sim_self(), *next = choose();
    if (next != me) {
        switch_to(&me->sp, next);
    }
}

static void pass_time(void)
{
    now += sched_chooser != NULL ? 0 : POINT_NS;
    __atomic_store_n(&sim_steps, sim_steps + 1, __ATOMIC_RELAXED);
    if (now >= next_deadline) {
        expire();
    }
}

void sched_point_simulated(const char *what)
{
    struct sim_task *me = sim_self();
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
    if (sim_runnable.count > 1 && sim_switches(me, what)) {
        yield();
    }
}

bool sched_wait_simulated(uint32_t *word, uint32_t expected, uint64_t deadline)
{
    struct sim_task *me = sim_self();
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

void sched_wake_simulated(uint32_t *word, unsigned count)
{
    bool woke = false;
    while (count > 0) {
        size_t sleepers = 0;
        for (size_t i = 0; i < sim_all.count; i++) {
            sleepers += sim_all.tasks[i]->word == word;
        }
        if (sleepers == 0) {
            break;
        }
        size_t which = sim_choose_sleeper(word, sleepers, count);
        for (size_t i = 0; i < sim_all.count; i++) {
            if (sim_all.tasks[i]->word == word && which-- == 0) {
                if (sched_tracing()) {
                    sched_trace("wakes %s#%u", sim_all.tasks[i]->common.name, sim_all.tasks[i]->common.task.id);
                }
                make_runnable(sim_all.tasks[i]);
                break;
            }
        }
        count--;
        woke = true;
    }
    if (woke && sim_self() != NULL) {
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
    sim_new_task(task);
    list_add(&sim_all, task);
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
        if (sched_chooser != NULL || sched_pct != 0) {
            switch_to(&sim_self()->sp, ended);
        } else {
            yield();
        }
    }
    while (sim_all.tasks[at] != ended) {
        at++;
    }
    memmove(&sim_all.tasks[at], &sim_all.tasks[at + 1], (--sim_all.count - at) * sizeof(*sim_all.tasks));
    free_task(ended);
}

uint64_t sched_steps(void)
{
    return __atomic_load_n(&sim_steps, __ATOMIC_RELAXED);
}

void sched_pass(uint64_t nanoseconds)
{
    now += nanoseconds;
    expire();
}

int sched_run_simulated(void (*main_task)(void *), void *argument)
{
    now = 0;
    next_deadline = SCHED_FOREVER;
    last_id = 0;
    status = 0;
    sim_steps = 0;
    sim_begin_reports();
    sim_all.count = sim_runnable.count = 0;
    sim_begin_manner();

    struct sim_task *first = (struct sim_task *)task_spawn_simulated("main", 0, main_task, argument);
    switch_to(&host_sp, first);
    sched_current = NULL;

    for (size_t i = 0; i < sim_all.count; i++) {
        struct sim_task *task = sim_all.tasks[i];
        if (status == 0 && task != first) {
            fprintf(stderr, "testbed: task %s#%u %s at the end of the run\n", task->common.name, task->common.task.id,
                    task->common.done ? "was not joined" : "is still alive");
        }
        if (task != first && status == 0) {
            status = -1;
        }
        free_task(task);
    }
    free(sim_all.tasks);
    free(sim_runnable.tasks);
    sim_all = sim_runnable = (struct task_list){ 0 };
    return status;
}
