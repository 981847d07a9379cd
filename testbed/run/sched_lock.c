/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The testbed's own lock on sched_wait and sched_wake: 0 free, 1 held, 2 held and somebody may sleep. The holder's task
 * counts its locks, because a task that holds one must not run DPCs when it lowers its IRQL (nt/processor/irql.c).
 */
#include "run/sched.h"

/* A live holder is about to let go: a short look is cheaper than a system call. A simulated one cannot move while we
 * look. */
#define LOOKS 64

/* Simulated tasks are one thread: interlocked accesses would be slower, and no safer. */
static bool try_lock(struct sched_lock *lock)
{
    uint32_t free_word = 0;

    if (!sched_is_simulated) {
        return __atomic_compare_exchange_n(&lock->word, &free_word, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
    }
    if (lock->word != 0) {
        return false;
    }
    lock->word = 1;
    return true;
}

static uint32_t clear(struct sched_lock *lock)
{
    if (!sched_is_simulated) {
        return __atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE);
    }

    const uint32_t was = lock->word;
    lock->word = 0;
    return was;
}

void sched_lock(struct sched_lock *lock)
{
    bool taken = try_lock(lock);

    for (int i = 0; i < LOOKS && !sched_is_simulated && !taken; i++) {
        __builtin_ia32_pause();
        taken = __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && try_lock(lock);
    }
    while (!taken && __atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
        struct task *task = task_self();
        if (task != NULL) {
            task->waits_for = "a lock of the testbed";
        }
        sched_wait(&lock->word, 2, SCHED_FOREVER);
    }

    struct task *task = task_self();
    if (task != NULL) {
        task->internal_locks++;
        task->waits_for = NULL;
    }
}

void sched_unlock(struct sched_lock *lock)
{
    struct task *task = task_self();
    if (task != NULL) {
        task->internal_locks--;
    }
    if (clear(lock) == 2) {
        sched_wake(&lock->word, 1);
    }
}
