/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin locks, read-write locks and events by NDIS's names. Spin locks are the kernel's, with its checks. A read-write
 * lock raises to DISPATCH_LEVEL like a spin lock; its word counts readers, or is WRITER.
 */
#include <limits.h>
#include <stdlib.h>

#include "ndis/export.h"
#include "ndis/object.h"
#include "nt/memory/paged.h"
#include "nt/sync/lock.h"
#include "nt/sync/lock_order.h"
#include "run/order.h"

#define WRITER 0x80000000u

struct rw_lock {
    struct ndis_object object;
    uint32_t word;
};

/* NDIS_RW_LOCK, which drivers of NDIS 6.0 have in memory of their own, and its LOCK_STATE. */
struct old_rw_lock {
    uint32_t word;
};
struct old_lock_state {
    uint16_t lock_state;
    uint8_t old_irql;
};

/* LOCK_STATE_EX, by the documented members that drivers do not touch. */
struct lock_state {
    uint8_t old_irql, lock_state, flags;
};
enum { HELD_READ = 1, HELD_WRITE = 2, LOCK_AT_DISPATCH = 1 };

static void MS_ABI allocate_spin_lock(struct NDIS_SPIN_LOCK *lock)
{
    lock_order_forget(lock, sizeof(*lock));
    memset(lock, 0, sizeof(*lock));
}

static void MS_ABI free_spin_lock(struct NDIS_SPIN_LOCK *lock)
{
    RULE(lock->SpinLock == 0, "ndis-lock", "NdisFreeSpinLock of a lock that is held");
    lock_order_forget(lock, sizeof(*lock));
}

static void MS_ABI acquire_spin_lock(struct NDIS_SPIN_LOCK *lock)
{
    uint8_t old;

    spin_lock_from((struct spin_lock *)(void *)&lock->SpinLock, &old, __builtin_return_address(0));
    lock->OldIrql = old;
}

static void MS_ABI release_spin_lock(struct NDIS_SPIN_LOCK *lock)
{
    spin_unlock((struct spin_lock *)(void *)&lock->SpinLock, lock->OldIrql);
}

static void MS_ABI acquire_spin_lock_dpc(struct NDIS_SPIN_LOCK *lock)
{
    uint8_t old;

    spin_lock_from((struct spin_lock *)(void *)&lock->SpinLock, &old, __builtin_return_address(0));
}

static void MS_ABI release_spin_lock_dpc(struct NDIS_SPIN_LOCK *lock)
{
    spin_unlock((struct spin_lock *)(void *)&lock->SpinLock, DISPATCH_LEVEL);
}

static void *MS_ABI allocate_rw_lock(void *handle)
{
    struct rw_lock *lock;

    RULE(handle != NULL, "ndis-handle", "NdisAllocateRWLock with a NULL handle");
    lock = ndis_alloc(sizeof(*lock));
    ndis_object_add(&lock->object, NDIS_KIND_RW_LOCK, "a read-write lock was not freed");
    ndis_object_made_here(&lock->object);
    return lock;
}

static void MS_ABI free_rw_lock(void *handle)
{
    struct rw_lock *lock = ndis_object_check(handle, NDIS_KIND_RW_LOCK, "NdisFreeRWLock");

    RULE(lock->word == 0, "ndis-lock", "NdisFreeRWLock of a lock that is held");
    lock_order_forget(lock, sizeof(*lock));
    ndis_object_remove(&lock->object);
    free(lock);
}

/* Returns the IRQL to go back to. */
static uint8_t take(uint32_t *lock, bool write, const void *from)
{
    struct task *task = task_self();
    uint8_t old;

    paged_raises(from);
    old = irql_current() >= DISPATCH_LEVEL ? irql_current() : irql_raise(DISPATCH_LEVEL);
    if (task->locks_held != 0) {
        lock_order_check(task, lock, from);
    }
    for (;;) {
        uint32_t word = __atomic_load_n(lock, __ATOMIC_RELAXED);

        if (write ? word == 0 : word != WRITER) {
            if (__atomic_compare_exchange_n(lock, &word, write ? WRITER : word + 1, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED)) {
                break;
            }
            continue;
        }
        (void)sched_wait(lock, word, SCHED_FOREVER);
    }
    order_acquire(lock);
    lock_taken(lock, task, from);
    return old;
}

static void give(uint32_t *lock, uint32_t held, uint8_t old, const char *function)
{
    uint32_t word = __atomic_load_n(lock, __ATOMIC_RELAXED);

    RULE(held == HELD_READ || held == HELD_WRITE, "ndis-lock", "%s with a lock state that holds nothing", function);
    RULE(held == HELD_WRITE ? word == WRITER : word != 0 && word != WRITER, "ndis-lock",
         "%s of a lock not held that way", function);
    order_release(lock);
    lock_given_back(lock, task_self());
    if (held == HELD_WRITE) {
        __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    } else {
        __atomic_fetch_sub(lock, 1, __ATOMIC_RELEASE);
    }
    sched_wake(lock, UINT_MAX);
    if (old < DISPATCH_LEVEL) {
        irql_lower(old);
    }
}

static void acquire(struct rw_lock *lock, struct lock_state *state, uint8_t flags, bool write, const void *from)
{
    RULE((flags & LOCK_AT_DISPATCH) == 0 || irql_current() >= DISPATCH_LEVEL, "ndis-flags",
         "a read-write lock taken with NDIS_RWL_AT_DISPATCH_LEVEL at IRQL %u", irql_current());
    state->flags = flags;
    state->old_irql = take(&lock->word, write, from);
    state->lock_state = write ? HELD_WRITE : HELD_READ;
}

static void MS_ABI acquire_read(void *handle, struct lock_state *state, uint8_t flags)
{
    acquire(ndis_object_check(handle, NDIS_KIND_RW_LOCK, "NdisAcquireRWLockRead"), state, flags, false,
            __builtin_return_address(0));
}

static void MS_ABI acquire_write(void *handle, struct lock_state *state, uint8_t flags)
{
    acquire(ndis_object_check(handle, NDIS_KIND_RW_LOCK, "NdisAcquireRWLockWrite"), state, flags, true,
            __builtin_return_address(0));
}

static void MS_ABI release_rw(void *handle, struct lock_state *state)
{
    struct rw_lock *lock = ndis_object_check(handle, NDIS_KIND_RW_LOCK, "NdisReleaseRWLock");
    uint8_t held = state->lock_state;

    state->lock_state = 0;
    give(&lock->word, held, state->old_irql, "NdisReleaseRWLock");
}

static void MS_ABI initialize_old_rw_lock(struct old_rw_lock *lock)
{
    lock_order_forget(lock, sizeof(*lock));
    lock->word = 0;
}

static void MS_ABI acquire_old_rw_lock(struct old_rw_lock *lock, uint8_t write, struct old_lock_state *state)
{
    uint8_t old = take(&lock->word, write != 0, __builtin_return_address(0));

    *state = (struct old_lock_state){ write != 0 ? HELD_WRITE : HELD_READ, old };
}

static void MS_ABI release_old_rw_lock(struct old_rw_lock *lock, struct old_lock_state *state)
{
    uint16_t held = state->lock_state;

    state->lock_state = 0;
    give(&lock->word, held, state->old_irql, "NdisReleaseReadWriteLock");
}

/* An NDIS_EVENT is opaque to drivers: it holds the testbed's event. */
static struct nt_event *event_of(struct NDIS_EVENT *event)
{
    _Static_assert(sizeof(struct nt_event) <= sizeof(struct NDIS_EVENT),
                   "an nt_event fits where Windows keeps a KEVENT");
    return (struct nt_event *)(void *)event;
}

static void MS_ABI initialize_event(struct NDIS_EVENT *event)
{
    event_init(event_of(event), false, false);
}

static void MS_ABI set_event(struct NDIS_EVENT *event)
{
    event_set(event_of(event));
}

static void MS_ABI reset_event(struct NDIS_EVENT *event)
{
    event_clear(event_of(event));
}

static uint8_t MS_ABI wait_event(struct NDIS_EVENT *event, uint32_t milliseconds)
{
    return event_wait(event_of(event), milliseconds == 0 ? SCHED_FOREVER : (uint64_t)milliseconds * 1000000);
}

#define LOCK_EXPORTS(X)                                                                                                \
    X(NdisAllocateSpinLock, allocate_spin_lock, PASSIVE_LEVEL, HIGH_LEVEL)                                             \
    X(NdisFreeSpinLock, free_spin_lock, PASSIVE_LEVEL, HIGH_LEVEL)                                                     \
    X(NdisAcquireSpinLock, acquire_spin_lock, PASSIVE_LEVEL, DISPATCH_LEVEL)                                           \
    X(NdisReleaseSpinLock, release_spin_lock, DISPATCH_LEVEL, DISPATCH_LEVEL)                                          \
    X(NdisDprAcquireSpinLock, acquire_spin_lock_dpc, DISPATCH_LEVEL, DISPATCH_LEVEL)                                   \
    X(NdisDprReleaseSpinLock, release_spin_lock_dpc, DISPATCH_LEVEL, DISPATCH_LEVEL)                                   \
    X(NdisAllocateRWLock, allocate_rw_lock, PASSIVE_LEVEL, DISPATCH_LEVEL)                                             \
    X(NdisFreeRWLock, free_rw_lock, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                     \
    X(NdisAcquireRWLockRead, acquire_read, PASSIVE_LEVEL, DISPATCH_LEVEL)                                              \
    X(NdisAcquireRWLockWrite, acquire_write, PASSIVE_LEVEL, DISPATCH_LEVEL)                                            \
    X(NdisReleaseRWLock, release_rw, DISPATCH_LEVEL, DISPATCH_LEVEL)                                                   \
    X(NdisInitializeReadWriteLock, initialize_old_rw_lock, PASSIVE_LEVEL, DISPATCH_LEVEL)                              \
    X(NdisAcquireReadWriteLock, acquire_old_rw_lock, PASSIVE_LEVEL, DISPATCH_LEVEL)                                    \
    X(NdisReleaseReadWriteLock, release_old_rw_lock, DISPATCH_LEVEL, DISPATCH_LEVEL)                                   \
    X(NdisInitializeEvent, initialize_event, PASSIVE_LEVEL, HIGH_LEVEL)                                                \
    X(NdisSetEvent, set_event, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                          \
    X(NdisResetEvent, reset_event, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                      \
    X(NdisWaitEvent, wait_event, PASSIVE_LEVEL, PASSIVE_LEVEL)

void ndis_lock_exports(void)
{
    NDIS_EXPORTS(LOCK_EXPORTS);
}
