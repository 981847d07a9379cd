/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader-writer spin locks (EX_SPIN_LOCK, 32 bits of the driver's): the top bit says that a writer has it or waits for
 * the last reader to leave, the next that somebody sleeps here, the rest counts readers. As on Windows a waiting writer
 * keeps new readers out, so a reader that takes the lock once more may wait for ever (rule "lock" cannot see that; a
 * simulated run reports the deadlock).
 *
 * Rules: taken at DISPATCH_LEVEL or above, given back by a side that holds it.
 */
#include <limits.h>

#include "nt/export/register.h"
#include "nt/memory/paged.h"
#include "nt/nt.h"
#include "nt/sync/lock.h"
#include "nt/sync/lock_order.h"
#include "run/order.h"

#define WRITER   0x80000000u
#define SLEEPERS 0x40000000u
#define READERS  0x3fffffffu

static void check_irql(const struct task *task, const char *what)
{
    RULE(task->irql >= DISPATCH_LEVEL, "lock", "reader-writer spin lock %s at IRQL %u", what, task->irql);
}

/* Until the word may be other than `seen`. */
static void sleep_on(uint32_t *word, uint32_t seen, struct task *task)
{
    task->waits_for = "a reader-writer spin lock";
    if ((seen & SLEEPERS) != 0 ||
        __atomic_compare_exchange_n(word, &seen, seen | SLEEPERS, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        (void)sched_wait(word, seen | SLEEPERS, SCHED_FOREVER);
    }
    task->waits_for = NULL;
}

static void acquire_shared(uint32_t *word, const void *from)
{
    struct task *task = task_self();

    check_irql(task, "acquired");
    sched_point("shared lock");
    if (task->locks_held != 0) {
        lock_order_check(task, word, from);
    }
    for (;;) {
        uint32_t seen = __atomic_load_n(word, __ATOMIC_RELAXED);

        if ((seen & WRITER) != 0) {
            sleep_on(word, seen, task);
        } else if (__atomic_compare_exchange_n(word, &seen, seen + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            order_acquire(word);
            lock_taken(word, task, from);
            return;
        }
    }
}

static void release_shared(uint32_t *word)
{
    struct task *task = task_self();
    uint32_t before;

    check_irql(task, "released");
    RULE((__atomic_load_n(word, __ATOMIC_RELAXED) & READERS) != 0, "lock",
         "reader-writer spin lock released by a reader that %s", "does not hold it");
    order_release(word);
    before = __atomic_fetch_sub(word, 1, __ATOMIC_RELEASE);
    lock_given_back(word, task);
    if ((before & SLEEPERS) != 0 && (before & READERS) == 1) {
        __atomic_and_fetch(word, ~SLEEPERS, __ATOMIC_RELAXED);
        sched_wake(word, UINT_MAX);
    }
}

static void acquire_exclusive(uint32_t *word, const void *from)
{
    struct task *task = task_self();
    uint32_t seen;

    check_irql(task, "acquired");
    sched_point("exclusive lock");
    if (task->locks_held != 0) {
        lock_order_check(task, word, from);
    }
    for (;;) {
        seen = __atomic_load_n(word, __ATOMIC_RELAXED);
        if ((seen & WRITER) != 0) {
            sleep_on(word, seen, task);
        } else if (__atomic_compare_exchange_n(word, &seen, seen | WRITER, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            break;
        }
    }
    while (((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) & READERS) != 0) {
        sleep_on(word, seen, task);
    }
    order_acquire(word);
    lock_taken(word, task, from);
}

static void release_exclusive(uint32_t *word)
{
    struct task *task = task_self();
    uint32_t before = __atomic_load_n(word, __ATOMIC_RELAXED);

    check_irql(task, "released");
    RULE((before & WRITER) != 0 && (before & READERS) == 0, "lock",
         "reader-writer spin lock released by a writer that %s", "does not hold it");
    order_release(word);
    before = __atomic_exchange_n(word, 0, __ATOMIC_RELEASE);
    lock_given_back(word, task);
    if ((before & SLEEPERS) != 0) {
        sched_wake(word, UINT_MAX);
    }
}

static MS_ABI uint8_t nt_ExAcquireSpinLockShared(uint32_t *word)
{
    paged_raises(__builtin_return_address(0));
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    acquire_shared(word, __builtin_return_address(0));
    return old;
}

static MS_ABI void nt_ExReleaseSpinLockShared(uint32_t *word, uint8_t old)
{
    release_shared(word);
    irql_lower(old);
}

static MS_ABI uint8_t nt_ExAcquireSpinLockExclusive(uint32_t *word)
{
    paged_raises(__builtin_return_address(0));
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    acquire_exclusive(word, __builtin_return_address(0));
    return old;
}

static MS_ABI void nt_ExReleaseSpinLockExclusive(uint32_t *word, uint8_t old)
{
    release_exclusive(word);
    irql_lower(old);
}

static MS_ABI void nt_ExAcquireSpinLockSharedAtDpcLevel(uint32_t *word)
{
    acquire_shared(word, __builtin_return_address(0));
}

static MS_ABI void nt_ExReleaseSpinLockSharedFromDpcLevel(uint32_t *word)
{
    release_shared(word);
}

static MS_ABI void nt_ExAcquireSpinLockExclusiveAtDpcLevel(uint32_t *word)
{
    acquire_exclusive(word, __builtin_return_address(0));
}

static MS_ABI void nt_ExReleaseSpinLockExclusiveFromDpcLevel(uint32_t *word)
{
    release_exclusive(word);
}

#define FROM(X, name, lowest, highest) X("ntoskrnl.exe", name, nt_##name, lowest, highest, WINDOWS_7)
#define SHARED_LOCK_EXPORTS(X)                                                                                         \
    FROM(X, ExAcquireSpinLockShared, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                    \
    FROM(X, ExReleaseSpinLockShared, DISPATCH_LEVEL, DISPATCH_LEVEL)                                                   \
    FROM(X, ExAcquireSpinLockExclusive, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                 \
    FROM(X, ExReleaseSpinLockExclusive, DISPATCH_LEVEL, DISPATCH_LEVEL)                                                \
    FROM(X, ExAcquireSpinLockSharedAtDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL)                                             \
    FROM(X, ExReleaseSpinLockSharedFromDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL)                                           \
    FROM(X, ExAcquireSpinLockExclusiveAtDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL)                                          \
    FROM(X, ExReleaseSpinLockExclusiveFromDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL)

void lock_shared_exports(void)
{
    EXPORT_REGISTER(SHARED_LOCK_EXPORTS);
}
