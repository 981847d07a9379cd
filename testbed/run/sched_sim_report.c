/* SPDX-License-Identifier: BSD-2-Clause */
/* What reports look at in a simulated run (sched_sim.h): deadlocks, and where each task stands. */
#include "run/sched_sim.h"
#include "run/sched_switch.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

static pthread_t host; /* that runs all tasks */

void sim_begin_reports(void)
{
    host = pthread_self();
}

void sim_report_deadlock(uint64_t now)
{
    fprintf(stderr, "testbed: deadlock at %llu ns of virtual time, seed %llu: no task can run\n",
            (unsigned long long)now, (unsigned long long)sched_seed());
    for (size_t i = 0; i < sim_all.count; i++) {
        const struct sim_task *task = sim_all.tasks[i];
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
    for (size_t i = 0; i < sim_all.count; i++) {
        if (!sim_all.tasks[i]->common.done) {
            each(&sim_all.tasks[i]->common.task, context);
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

void sched_each_context(void (*each)(void *argument, struct task *task, void *sp, void *stack), void *argument)
{
    for (size_t i = 0; i < sim_all.count; i++) {
        if (!sim_all.tasks[i]->common.done) {
            each(argument, &sim_all.tasks[i]->common.task, sim_all.tasks[i]->sp, sim_all.tasks[i]->stack);
        }
    }
}
