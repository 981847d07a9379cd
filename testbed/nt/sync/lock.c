/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin locks and what is checked of them: acquired below DISPATCH_LEVEL, acquired twice by one task, released by who
 * does not hold it (rule "lock"). That none is held when the IRQL falls or the driver returns is checked in irql.c.
 *
 * A waiter in a live run looks a while and then sleeps: its processor's token stays taken, as a spinning processor
 * would be.
 */
#include "nt/sync/lock.h"

#include "nt/areas.h"
#include "nt/memory/paged.h"
#include "nt/nt.h"
#include "nt/sync/lock_order.h"
#include "run/order.h"

#define LOOKS 256

#ifdef __x86_64__
typedef uint32_t lock_half;
#else
typedef uint16_t lock_half;
#endif

struct lock_word {
    union {
        struct {
            lock_half state, holder;
        };
        uint32_t waited_on; /* the state, on x86 the holder as well */
    };
};
_Static_assert(sizeof(struct lock_word) == sizeof(uintptr_t), "KSPIN_LOCK");

static bool take(struct lock_word *lock)
{
    lock_half nobody = 0;
    return __atomic_compare_exchange_n(&lock->state, &nobody, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void lock_taken(const void *lock, struct task *task, const void *from)
{
    if (task->locks_held < TASK_MAX_LOCKS) {
        task->held[task->locks_held] = (struct held_lock){ lock, from };
    }
    task->locks_held++;
}

static void taken(struct lock_word *lock, struct task *task, const void *from)
{
    __atomic_store_n(&lock->holder, (lock_half)task->id, __ATOMIC_RELAXED);
    order_acquire(lock);
    lock_taken(lock, task, from);
}

/* Locks need not be given back in the order in which they were taken. */
void lock_given_back(const void *lock, struct task *task)
{
    uint32_t last = --task->locks_held, i = last < TASK_MAX_LOCKS ? last : TASK_MAX_LOCKS - 1;
    while (i > 0 && task->held[i].lock != lock) {
        i--;
    }
    for (; i < last && i + 1 < TASK_MAX_LOCKS; i++) {
        task->held[i] = task->held[i + 1];
    }
}

static void wait_for(struct lock_word *lock, struct task *task)
{
    for (int i = 0; i < LOOKS && !sched_is_simulated; i++) {
        __builtin_ia32_pause();
        if (__atomic_load_n(&lock->state, __ATOMIC_RELAXED) == 0 && take(lock)) {
            return;
        }
    }
    while (__atomic_exchange_n(&lock->state, 2, __ATOMIC_ACQUIRE) != 0) {
        const uint32_t seen = __atomic_load_n(&lock->waited_on, __ATOMIC_RELAXED);
        task->waits_for = "a spin lock";
        if ((lock_half)seen == 2) {
            sched_wait(&lock->waited_on, seen, SCHED_FOREVER);
        }
    }
    task->waits_for = NULL;
}

void lock_acquire(uintptr_t *word, const void *from)
{
    struct lock_word *lock = (struct lock_word *)word;
    struct task *task = task_self();
    RULE(task->irql >= DISPATCH_LEVEL, "lock", "spin lock acquired at IRQL %u", task->irql);
    sched_point("lock");
    if (__builtin_expect(task->locks_held != 0, 0)) {
        lock_order_check(task, lock, from);
    }
    if (__builtin_expect(!take(lock), 0)) {
        RULE(__atomic_load_n(&lock->holder, __ATOMIC_RELAXED) != (lock_half)task->id, "lock",
             "spin lock acquired that this task holds already");
        wait_for(lock, task);
    }
    taken(lock, task, from);
}

bool lock_try(uintptr_t *word, const void *from)
{
    struct lock_word *lock = (struct lock_word *)word;
    struct task *task = task_self();
    RULE(task->irql >= DISPATCH_LEVEL, "lock", "spin lock tried at IRQL %u", task->irql);
    sched_point("try lock");
    if (!take(lock)) {
        RULE(__atomic_load_n(&lock->holder, __ATOMIC_RELAXED) != (lock_half)task->id, "lock",
             "spin lock tried that this task holds already");
        return false;
    }
    taken(lock, task, from);
    return true;
}

void lock_release(uintptr_t *word)
{
    struct lock_word *lock = (struct lock_word *)word;
    struct task *task = task_self();
    RULE(__atomic_load_n(&lock->state, __ATOMIC_RELAXED) != 0, "lock", "spin lock released that nobody holds");
    RULE(lock->holder == (lock_half)task->id, "lock",
         "spin lock released by a task that does not hold it: task #%u does", lock->holder);
    RULE(task->irql >= DISPATCH_LEVEL, "lock", "spin lock released at IRQL %u", task->irql);
    lock_given_back(lock, task);
    order_release(lock);
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(&lock->state, 0, __ATOMIC_RELEASE) == 2) {
        sched_wake(&lock->waited_on, 1);
    }
}

void spin_lock_from(struct spin_lock *lock, uint8_t *old_irql, const void *from)
{
    struct task *task = task_self();
    paged_raises(from);
    *old_irql = task->irql < DISPATCH_LEVEL ? irql_raise(DISPATCH_LEVEL) : task->irql;
    lock_acquire(&lock->word, from);
}

void spin_lock(struct spin_lock *lock, uint8_t *old_irql)
{
    spin_lock_from(lock, old_irql, __builtin_return_address(0));
}

void spin_unlock(struct spin_lock *lock, uint8_t old_irql)
{
    lock_release(&lock->word);
    irql_lower(old_irql);
}

void lock_start(void)
{
    lock_exports();
    lock_shared_exports();
    slist_exports();
}

void lock_stop(void)
{
    lock_order_stop();
}
