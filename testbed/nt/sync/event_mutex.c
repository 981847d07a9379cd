/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other things a driver synchronizes with: semaphores, mutexes, fast mutexes, critical regions.
 *
 * Mutex: signal word 1 free, otherwise owned; owner and depth are kept in the KMUTANT's own fields. A fast mutex raises
 * to APC_LEVEL while held; its KEVENT is an auto-reset event that is set while the mutex is free.
 */
#include "nt/sync/event_objects.h"

#include <limits.h>

#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/sync/thread.h"
#include "run/order.h"

/* --- semaphores --- */

static bool semaphore_try_leaving(uint32_t *word, uint32_t leave)
{
    uint32_t count = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    while (count != 0 && count != SIGNAL_SLEEPERS) {
        if (__atomic_compare_exchange_n(word, &count, count == 1 ? leave : count - 1, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE)) {
            order_acquire(word);
            return true;
        }
    }
    return false;
}

bool semaphore_try(struct semaphore *semaphore)
{
    return semaphore_try_leaving((uint32_t *)&semaphore->header.SignalState, 0);
}

bool semaphore_wait(struct semaphore *semaphore, uint64_t deadline)
{
    uint32_t *word = (uint32_t *)&semaphore->header.SignalState;
    if (semaphore_try_leaving(word, 0)) {
        return true;
    }
    for (;;) {
        uint32_t none = 0;
        __atomic_compare_exchange_n(word, &none, SIGNAL_SLEEPERS, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        bool in_time = (none != 0 && none != SIGNAL_SLEEPERS) || sched_wait(word, SIGNAL_SLEEPERS, deadline);
        if (semaphore_try_leaving(word, SIGNAL_SLEEPERS)) {
            return true;
        }
        if (!in_time) {
            return false;
        }
    }
}

static MS_ABI void nt_KeInitializeSemaphore(struct semaphore *semaphore, int32_t count, int32_t limit)
{
    RULE(count >= 0 && limit > 0 && count <= limit, "semaphore", "semaphore initialized with count %d, limit %d", count,
         limit);
    wait_header_init(&semaphore->header, DISPATCHER_SEMAPHORE, sizeof(*semaphore), count);
    semaphore->limit = limit;
}

static MS_ABI int32_t nt_KeReleaseSemaphore(struct semaphore *semaphore, int32_t increment, int32_t adjustment,
                                            uint8_t wait)
{
    (void)increment;
    (void)wait;
    uint32_t *word = (uint32_t *)&semaphore->header.SignalState;
    uint32_t before = __atomic_load_n(word, __ATOMIC_ACQUIRE), count;
    order_release(word);
    do {
        count = before == SIGNAL_SLEEPERS ? 0 : before;
        RULE(adjustment > 0 && (int64_t)count + adjustment <= semaphore->limit, "semaphore",
             "semaphore released by %d at count %u, limit %d", adjustment, count, semaphore->limit);
    } while (!__atomic_compare_exchange_n(word, &before, count + (uint32_t)adjustment, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    if (before == SIGNAL_SLEEPERS) {
        sched_wake(word, (unsigned)adjustment);
    }
    signal_announce();
    return (int32_t)count;
}

static MS_ABI int32_t nt_KeReadStateSemaphore(const struct semaphore *semaphore)
{
    int32_t count = __atomic_load_n(&semaphore->header.SignalState, __ATOMIC_ACQUIRE);
    return count < 0 ? 0 : count;
}

/* --- mutexes --- */

static bool mutant_again(struct mutant *mutant)
{
    if (__atomic_load_n(&mutant->owner, __ATOMIC_RELAXED) != thread_current()) {
        return false;
    }
    mutant->depth++;
    return true;
}

static void mutant_taken(struct mutant *mutant)
{
    __atomic_store_n(&mutant->owner, thread_current(), __ATOMIC_RELAXED);
    mutant->depth = 1;
}

bool mutant_try(struct mutant *mutant)
{
    if (mutant_again(mutant)) {
        return true;
    }
    if (!signal_try((uint32_t *)&mutant->header.SignalState, NULL)) {
        return false;
    }
    mutant_taken(mutant);
    return true;
}

bool mutant_wait(struct mutant *mutant, uint64_t deadline)
{
    if (mutant_again(mutant)) {
        return true;
    }
    if (!signal_wait((uint32_t *)&mutant->header.SignalState, NULL, deadline)) {
        return false;
    }
    mutant_taken(mutant);
    return true;
}

static MS_ABI void nt_KeInitializeMutex(struct mutant *mutant, uint32_t level)
{
    (void)level;
    *mutant = (struct mutant){ 0 };
    wait_header_init(&mutant->header, DISPATCHER_MUTANT, sizeof(*mutant), 1);
}

static MS_ABI int32_t nt_KeReleaseMutex(struct mutant *mutant, uint8_t wait)
{
    (void)wait;
    RULE(mutant->owner == thread_current(), "lock", "mutex released by a thread that does not hold it");
    if (--mutant->depth != 0) {
        return -(int32_t)mutant->depth;
    }
    __atomic_store_n(&mutant->owner, NULL, __ATOMIC_RELAXED);
    signal_set((uint32_t *)&mutant->header.SignalState, NULL);
    return 0;
}

static MS_ABI int32_t nt_KeReadStateMutex(const struct mutant *mutant)
{
    return __atomic_load_n(&mutant->header.SignalState, __ATOMIC_ACQUIRE) == 1 ? 1 : 1 - (int32_t)mutant->depth;
}

/* --- fast mutexes --- */

static void fast_take(struct fast_mutex *mutex)
{
    RULE(mutex->owner != thread_current(), "lock", "fast mutex acquired that this thread holds already");
    task_self()->waits_for = "a fast mutex";
    signal_wait((uint32_t *)&mutex->gate.Header.SignalState, NULL, SCHED_FOREVER);
    task_self()->waits_for = NULL;
    mutex->owner = thread_current();
}

static void fast_give(struct fast_mutex *mutex)
{
    RULE(mutex->owner == thread_current(), "lock", "fast mutex released by a thread that does not hold it");
    mutex->owner = NULL;
    signal_set((uint32_t *)&mutex->gate.Header.SignalState, NULL);
}

/* ExInitializeFastMutex is inline in the WDK and leaves the gate clear: Count 1 says free. The first user opens it. */
static void fast_prepare(struct fast_mutex *mutex)
{
    int32_t fresh = 1;
    if (__atomic_compare_exchange_n(&mutex->count, &fresh, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        signal_set((uint32_t *)&mutex->gate.Header.SignalState, NULL);
    }
}

static MS_FASTCALL void nt_ExAcquireFastMutex(struct fast_mutex *mutex)
{
    uint8_t old = irql_raise(APC_LEVEL);
    fast_prepare(mutex);
    fast_take(mutex);
    mutex->old_irql = old;
}

static MS_FASTCALL uint8_t nt_ExTryToAcquireFastMutex(struct fast_mutex *mutex)
{
    uint8_t old = irql_raise(APC_LEVEL);
    fast_prepare(mutex);
    if (!signal_try((uint32_t *)&mutex->gate.Header.SignalState, NULL)) {
        irql_lower(old);
        return 0;
    }
    mutex->owner = thread_current();
    mutex->old_irql = old;
    return 1;
}

static MS_FASTCALL void nt_ExReleaseFastMutex(struct fast_mutex *mutex)
{
    uint8_t old = (uint8_t)mutex->old_irql;
    fast_give(mutex);
    irql_lower(old);
}

static MS_FASTCALL void nt_ExAcquireFastMutexUnsafe(struct fast_mutex *mutex)
{
    RULE(irql_current() == APC_LEVEL || thread_current()->critical != 0, "irql",
         "ExAcquireFastMutexUnsafe with APCs enabled");
    fast_prepare(mutex);
    fast_take(mutex);
}

static MS_FASTCALL void nt_ExReleaseFastMutexUnsafe(struct fast_mutex *mutex)
{
    fast_give(mutex);
}

/* --- critical regions --- */

static MS_ABI void nt_KeEnterCriticalRegion(void)
{
    thread_current()->critical++;
}

static MS_ABI void nt_KeLeaveCriticalRegion(void)
{
    RULE(thread_current()->critical != 0, "lock", "KeLeaveCriticalRegion without KeEnterCriticalRegion");
    thread_current()->critical--;
}

#define MUTEX_EXPORTS(X)                                                                                               \
    X("ntoskrnl.exe", KeInitializeSemaphore, nt_KeInitializeSemaphore, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)           \
    X("ntoskrnl.exe", KeReleaseSemaphore, nt_KeReleaseSemaphore, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeReadStateSemaphore, nt_KeReadStateSemaphore, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeInitializeMutex, nt_KeInitializeMutex, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                   \
    X("ntoskrnl.exe", KeReleaseMutex, nt_KeReleaseMutex, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", KeReadStateMutex, nt_KeReadStateMutex, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", ExAcquireFastMutex, nt_ExAcquireFastMutex, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                  \
    X("ntoskrnl.exe", ExTryToAcquireFastMutex, nt_ExTryToAcquireFastMutex, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)        \
    X("ntoskrnl.exe", ExReleaseFastMutex, nt_ExReleaseFastMutex, APC_LEVEL, APC_LEVEL, WINDOWS_7)                      \
    X("ntoskrnl.exe", ExAcquireFastMutexUnsafe, nt_ExAcquireFastMutexUnsafe, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)      \
    X("ntoskrnl.exe", ExReleaseFastMutexUnsafe, nt_ExReleaseFastMutexUnsafe, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)      \
    X("ntoskrnl.exe", KeEnterCriticalRegion, nt_KeEnterCriticalRegion, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)            \
    X("ntoskrnl.exe", KeLeaveCriticalRegion, nt_KeLeaveCriticalRegion, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)

void mutex_exports(void)
{
    EXPORT_REGISTER(MUTEX_EXPORTS);
}
