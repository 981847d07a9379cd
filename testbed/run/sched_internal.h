/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between sched.c and its two schedulers. A scheduler embeds `struct task` as the first member of its own record, so
 * that the pointer handed out converts back.
 */
#ifndef TESTBED_RUN_SCHED_INTERNAL_H
#define TESTBED_RUN_SCHED_INTERNAL_H

#include "run/sched.h"

#define TASK_MAX_NAME 32

/* What both schedulers keep of a task. */
struct task_common {
    struct task task;
    char name[TASK_MAX_NAME];
    void (*run)(void *);
    void *argument;
    uint32_t done; /* 0 until it ended; waited on by task_join */
    bool joined;
};

void task_common_init(struct task_common *common, const char *name, uint32_t id, uint32_t processor,
                      void (*run)(void *), void *argument);

int sched_run_live(void (*main_task)(void *), void *argument);
int sched_run_simulated(void (*main_task)(void *), void *argument);

#define OFF_PATH UINT32_MAX /* it is no task of task_spawn_on_path */
struct task *task_spawn_live(const char *name, uint32_t processor, uint32_t path, void (*run)(void *), void *argument);
struct task *task_spawn_simulated(const char *name, uint32_t processor, void (*run)(void *), void *argument);
void sched_gather_live(bool together);
bool sched_is_beside_live(uint32_t path);
void task_reap_live(struct task *task); /* after done: free what the ended task had */
void task_reap_simulated(struct task *task);

bool sched_wait_live(uint32_t *word, uint32_t expected, uint64_t deadline);
bool sched_wait_simulated(uint32_t *word, uint32_t expected, uint64_t deadline);
void sched_wake_live(uint32_t *word, unsigned count);
void sched_wake_simulated(uint32_t *word, unsigned count);
void sched_each_live(void (*each)(struct task *task, void *context), void *context);
void sched_each_simulated(void (*each)(struct task *task, void *context), void *context);
void sched_signal_live(const struct task *task, int number);
void sched_signal_simulated(int number);
uint64_t sched_used_live(const struct task *task);
uint64_t sched_used_simulated(void);
uint64_t sched_now_live(void);
uint64_t sched_now_simulated(void);

/* A stream of 64-bit numbers from the run's seed. Live runs share it over threads, simulated runs are one thread. */
uint64_t sched_draw(void);

/* Called in the task's own context: when it starts, each time it comes to run again (simulated), and before it ends.
 * Set by nt/sync/thread.c, which keeps the Windows thread block and the GS base. */
extern void (*sched_task_resumes)(struct task *task);
extern void (*sched_task_ends)(struct task *task);

#endif
