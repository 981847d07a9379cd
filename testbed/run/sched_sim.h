/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the parts of the simulated scheduler: tasks, time and waits (sched_sim.c), who runs next
 * (sched_sim_choice.c), what reports look at (sched_sim_report.c).
 */
#ifndef TESTBED_RUN_SCHED_SIM_H
#define TESTBED_RUN_SCHED_SIM_H

#include <stddef.h>

#include "run/sched_choice.h"
#include "run/sched_internal.h"

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

/* In the order of creation, and in one that removal by swapping makes; or, while somebody chooses, that of numbers. */
extern struct task_list sim_all, sim_runnable;
extern uint64_t sim_steps; /* read by another host thread */

static inline struct sim_task *sim_self(void)
{
    return (struct sim_task *)sched_current;
}

/* --- sched_sim_choice.c --- */
void sim_begin_manner(void);              /* of a run: draws it */
void sim_new_task(struct sim_task *task); /* that may run from now on: its priority */
void sim_sort_runnable(void);
/* At a point where another task could run: whether one is to be chosen. */
bool sim_switches(struct sim_task *task, const char *what);
struct sim_task *sim_choose(void); /* of those that can run, at least one */
size_t sim_choose_sleeper(const uint32_t *word, size_t sleepers, unsigned woken); /* which of them is woken first */

/* --- sched_sim_report.c --- */
void sim_begin_reports(void); /* by the host thread of the run */
void sim_report_deadlock(uint64_t now);

#endif
