/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: one interface, two implementations.
 *
 * A task is whatever runs by itself: a system thread of the driver, a simulated processor's DPC context, a
 * backend queue, a packet pump. Everything that blocks (spin locks, events, IRQL, rings) is built on
 * sched_wait and sched_wake, which work like a futex, so that neither scheduler knows what it schedules.
 *
 * Live (sched_live.c): a task is a host thread, time is CLOCK_MONOTONIC, sched_point does nothing.
 * Simulated (sched_sim.c): all tasks are coroutines of one host thread, time is virtual and jumps to the next
 * deadline when nothing can run, and at each sched_point and each wait the next task is drawn from the seed.
 * The same seed gives the same run and the same trace, so nothing here may depend on addresses or real time.
 */
#ifndef TESTBED_RUN_SCHED_H
#define TESTBED_RUN_SCHED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum sched_kind { SCHED_LIVE, SCHED_SIMULATED };

#define SCHED_FOREVER UINT64_MAX

struct sched_options {
    enum sched_kind kind;
    uint64_t seed; /* simulated: what every choice is drawn from; live: seeds sched_random only */
    FILE *trace;   /* NULL, or where the trace goes, one line per event */
};

enum { TASK_MAX_LOCKS = 8 };
struct held_lock {
    const void *lock;
    const void *from; /* who took it: an address in the driver, or in the testbed */
};

/* What the rest of the testbed may read and write of a task; only by the task itself. */
struct task {
    const char *name;
    uint32_t id;        /* 1, 2, ... in order of creation: stable over runs of one seed */
    uint32_t processor; /* simulated processor it runs on; changed by nt/processor/irql.c only */
    uint8_t irql;       /* current IRQL; changed by nt/processor/irql.c only */
    uint32_t locks_held;
    uint32_t internal_locks; /* struct sched_lock held: no DPC may run inside this task then */
    const char *waits_for;   /* said before sched_wait by who waits, for deadlock reports; NULL: the last sched_point */
    void *nt;                /* per-task data of nt/ (KTHREAD, KPCR ...) */
    /* For the watchdog and its reports, which read them from outside of the task. */
    uint64_t waits_since;    /* when it last went to sleep */
    uint32_t asleep;         /* it sleeps in sched_wait */
    uint32_t driver_calls;   /* rises with each callback of the driver, and with whatever shows that one goes on */
    const char *driver_call; /* the innermost callback that it is in, or NULL; nt/processor/irql.c */
    struct held_lock held[TASK_MAX_LOCKS]; /* the first of `locks_held`, in the order in which they were taken */
    uint32_t provider_waits;               /* nt/check/provider_wait.h */
    uint64_t provider_waited;
    uint32_t seen_calls; /* the watchdog's own: driver_calls when it last rose, and when that was */
    uint64_t seen_since, seen_used;
    uint32_t glanced_calls;
    bool glanced_warned;
    uint64_t glanced_used;
    const void *waits_on; /* the driver's object that it sleeps on, or NULL */
    /* The last timer and DPC of the driver's that it set or queued on its own stack, and where; nt/processor/irql.c. */
    const void *stack_timer, *stack_dpc, *stack_set_in;
    uint32_t strand;             /* run/order.c: what it runs as */
    struct timeline_span *spans; /* open ones, the innermost first; timeline.c */
    uint32_t draws;              /* simulated, while somebody chooses (sched_choice.h): numbers that it has drawn */
    uint64_t paused_until;       /* its last `pause`, and how long that was; nt/check/fault_emulate.c */
    uint32_t pause_ns;
    uint32_t host; /* live: 0, or the host's processor that it is gathered on and 1; sched_live.c */
    uint32_t busy; /* simulated: points since it came to DISPATCH_LEVEL or began a DPC; set to 0 by nt/processor */
};

/* Simulated: 0, or the depth of mistakes that priorities at random look for (sched_sim_choice.c) in place of the usual
 * draws. The variable XENNET_PCT of the environment, or who sets it before a run. */
extern uint32_t sched_pct;

/* Run `main_task` as the first task until it returns. All tasks it spawned must have been joined by then; any
 * other task still alive is reported on stderr by name and gives -1. Returns 0, or -1 after a deadlock or a live task.
 */
int sched_run(const struct sched_options *options, void (*main_task)(void *), void *argument);

enum sched_kind sched_kind(void);
uint64_t sched_seed(void);

extern uint32_t sched_processors; /* that tasks may be put on, kept by nt/processor; 0: nobody counts them */
/* `name` is copied (at most 31 characters). The task runs on `processor`, counted round those that there are. Never
 * fails: running out of host threads ends the program with a message. */
struct task *task_spawn(const char *name, uint32_t processor, void (*run)(void *), void *argument);
/* The same, for a task that packets pass through (sched_gather). */
struct task *task_spawn_on_path(const char *name, uint32_t processor, void (*run)(void *), void *argument);
/* Live: the host threads of all tasks on a path that were given the same `processor` share one of the host's from now
 * on, so that a frame is still in its cache when the next of them reads it; or the host's scheduler places them, as it
 * does in the beginning. They share the first half of the host's processors; what is at the ends has the rest. Tasks
 * spawned since the last call are placed by the next one. */
void sched_gather(bool together);
/* Live: what a task on that path would do could as well be done by the calling task, since both take turns on one of
 * the host's processors; that saves two changes of the thread. */
bool sched_is_beside(uint32_t path);
void task_join(struct task *task); /* waits for its end and frees it */
extern _Thread_local struct task *sched_current;
extern bool sched_is_simulated;
extern bool sched_hears_calls; /* simulated or traced: exports must come by sched_point or sched_trace */
static inline struct task *task_self(void)
{
    return sched_current;
}

/* --- for reports of what stands still (nt/check/watchdog.c) --- */
/* Calls `each` for every task. Live: no task comes or goes meanwhile. */
void sched_each_task(void (*each)(struct task *task, void *context), void *context);
/* Where a task stands that is not running, of a simulated run: what is needed to walk its stack. */
struct sched_place {
    uintptr_t rip, rsp, rbp;
};
bool sched_place_of(const struct task *task, struct sched_place *place);
/* Live: the signal goes to the task's host thread; simulated: to the one that runs all. */
void sched_signal(const struct task *task, int number);
/* Nanoseconds of processor time that the task's host thread has used. */
uint64_t sched_used(const struct task *task);
uint64_t sched_steps(void); /* simulated: rises with each point, wait and switch */
/* Simulated, or NULL: time is about to jump because nobody can run; no task can ever run again. */
extern void (*sched_time_jumps)(uint64_t to);
extern void (*sched_deadlocked)(void);
/* Simulated, or NULL: a task has taken 100 ms of virtual time of its own at raised IRQL. */
extern void (*sched_busy_too_long)(struct task *task);

/* A place where another task may run. `what` names it in the trace. */
void sched_point_simulated(const char *what);
static inline void sched_point(const char *what)
{
    if (__builtin_expect(sched_is_simulated, 0)) {
        sched_point_simulated(what);
    }
}

/* Sleep while *word == expected, until woken or until `deadline` (ns of sched_now, or SCHED_FOREVER).
 * Returns false only when the deadline passed. Spurious returns happen: callers loop. */
bool sched_wait(uint32_t *word, uint32_t expected, uint64_t deadline);
void sched_sleep(uint64_t nanoseconds);          /* the whole time: nothing ends it early */
void sched_wake(uint32_t *word, unsigned count); /* wakes at most `count` sleepers, UINT_MAX for all */

/* The testbed's own lock, for what the driver does not see: any IRQL, not recursive. All-zero is unlocked. Nothing that
 * calls the driver and nothing that lowers the IRQL to run DPCs belongs inside it (DPCs are left to the DPC task
 * meanwhile). */
struct sched_lock {
    uint32_t word;
};
void sched_lock(struct sched_lock *lock);
void sched_unlock(struct sched_lock *lock);

uint64_t sched_now(void);              /* ns since the scheduler started, monotonic */
uint64_t sched_random(uint64_t bound); /* 0 ... bound - 1 */
bool sched_tracing(void);
void sched_trace(const char *format, ...) __attribute__((format(printf, 1, 2))); /* never print addresses */

#endif
