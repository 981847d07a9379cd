/* SPDX-License-Identifier: BSD-2-Clause */
/* Spin lock functions under their NT names. In-stack queued locks are ordinary ones here: the handle keeps lock and old
 * IRQL. */
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/sync/lock.h"
#include "nt/sync/lock_order.h"

/* KLOCK_QUEUE_HANDLE: a queue link, the lock, the IRQL to go back to. */
struct lock_handle {
    void *next;
    uintptr_t *lock;
    uint8_t old_irql;
};

static MS_ABI void nt_KeInitializeSpinLock(uintptr_t *lock)
{
    lock_order_forget(lock, sizeof(*lock));
    *lock = 0;
}

static MS_ABI uint8_t nt_KeAcquireSpinLockRaiseToDpc(uintptr_t *lock)
{
    uint8_t old;
    spin_lock_from((struct spin_lock *)lock, &old, __builtin_return_address(0));
    return old;
}

static MS_ABI void nt_KeReleaseSpinLock(uintptr_t *lock, uint8_t old_irql)
{
    RULE(old_irql <= DISPATCH_LEVEL, "lock", "spin lock released to IRQL %u, which no acquire returned", old_irql);
    spin_unlock((struct spin_lock *)lock, old_irql);
}

static MS_ABI void nt_KeAcquireSpinLockAtDpcLevel(uintptr_t *lock)
{
    lock_acquire(lock, __builtin_return_address(0));
}

static MS_ABI void nt_KeReleaseSpinLockFromDpcLevel(uintptr_t *lock)
{
    lock_release(lock);
}

static MS_FASTCALL uint8_t nt_KeTryToAcquireSpinLockAtDpcLevel(uintptr_t *lock)
{
    return lock_try(lock, __builtin_return_address(0));
}

static MS_FASTCALL uint8_t nt_KeTestSpinLock(const uintptr_t *lock)
{
    return __atomic_load_n(lock, __ATOMIC_ACQUIRE) == 0;
}

static MS_FASTCALL void nt_KeAcquireInStackQueuedSpinLock(uintptr_t *lock, struct lock_handle *handle)
{
    handle->lock = lock;
    spin_lock_from((struct spin_lock *)lock, &handle->old_irql, __builtin_return_address(0));
}

static MS_FASTCALL void nt_KeReleaseInStackQueuedSpinLock(struct lock_handle *handle)
{
    spin_unlock((struct spin_lock *)handle->lock, handle->old_irql);
}

static MS_FASTCALL void nt_KeAcquireInStackQueuedSpinLockAtDpcLevel(uintptr_t *lock, struct lock_handle *handle)
{
    handle->lock = lock;
    lock_acquire(lock, __builtin_return_address(0));
}

static MS_FASTCALL void nt_KeReleaseInStackQueuedSpinLockFromDpcLevel(struct lock_handle *handle)
{
    lock_release(handle->lock);
}

#ifdef __i386__
/* What the headers make of KeAcquireSpinLock and its like on x86. */
static MS_FASTCALL uint8_t nt_KfAcquireSpinLock(uintptr_t *lock)
{
    return nt_KeAcquireSpinLockRaiseToDpc(lock);
}

static MS_FASTCALL void nt_KfReleaseSpinLock(uintptr_t *lock, uint8_t old_irql)
{
    nt_KeReleaseSpinLock(lock, old_irql);
}

static MS_FASTCALL void nt_KefAcquireSpinLockAtDpcLevel(uintptr_t *lock)
{
    lock_acquire(lock, __builtin_return_address(0));
}

static MS_FASTCALL void nt_KefReleaseSpinLockFromDpcLevel(uintptr_t *lock)
{
    lock_release(lock);
}

#define X86_LOCK_EXPORTS(X)                                                                                            \
    X("hal.dll", KfAcquireSpinLock, nt_KfAcquireSpinLock, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                    \
    X("hal.dll", KfReleaseSpinLock, nt_KfReleaseSpinLock, DISPATCH_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                   \
    X("ntoskrnl.exe", KefAcquireSpinLockAtDpcLevel, nt_KefAcquireSpinLockAtDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL,       \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KefReleaseSpinLockFromDpcLevel, nt_KefReleaseSpinLockFromDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL,   \
      WINDOWS_7)
#endif

#define LOCK_EXPORTS(X)                                                                                                \
    X("ntoskrnl.exe", KeInitializeSpinLock, nt_KeInitializeSpinLock, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeAcquireSpinLockRaiseToDpc, nt_KeAcquireSpinLockRaiseToDpc, PASSIVE_LEVEL, DISPATCH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeReleaseSpinLock, nt_KeReleaseSpinLock, DISPATCH_LEVEL, DISPATCH_LEVEL, WINDOWS_7)              \
    X("ntoskrnl.exe", KeAcquireSpinLockAtDpcLevel, nt_KeAcquireSpinLockAtDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL,         \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeReleaseSpinLockFromDpcLevel, nt_KeReleaseSpinLockFromDpcLevel, DISPATCH_LEVEL, HIGH_LEVEL,     \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeTryToAcquireSpinLockAtDpcLevel, nt_KeTryToAcquireSpinLockAtDpcLevel, DISPATCH_LEVEL,           \
      HIGH_LEVEL, WINDOWS_7)                                                                                           \
    X("ntoskrnl.exe", KeTestSpinLock, nt_KeTestSpinLock, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeAcquireSpinLockForDpc, nt_KeAcquireSpinLockRaiseToDpc, PASSIVE_LEVEL, DISPATCH_LEVEL,          \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeReleaseSpinLockForDpc, nt_KeReleaseSpinLock, DISPATCH_LEVEL, DISPATCH_LEVEL, WINDOWS_7)        \
    X("ntoskrnl.exe", KeAcquireInStackQueuedSpinLock, nt_KeAcquireInStackQueuedSpinLock, PASSIVE_LEVEL,                \
      DISPATCH_LEVEL, WINDOWS_7)                                                                                       \
    X("ntoskrnl.exe", KeReleaseInStackQueuedSpinLock, nt_KeReleaseInStackQueuedSpinLock, DISPATCH_LEVEL,               \
      DISPATCH_LEVEL, WINDOWS_7)                                                                                       \
    X("ntoskrnl.exe", KeAcquireInStackQueuedSpinLockAtDpcLevel, nt_KeAcquireInStackQueuedSpinLockAtDpcLevel,           \
      DISPATCH_LEVEL, HIGH_LEVEL, WINDOWS_7)                                                                           \
    X("ntoskrnl.exe", KeReleaseInStackQueuedSpinLockFromDpcLevel, nt_KeReleaseInStackQueuedSpinLockFromDpcLevel,       \
      DISPATCH_LEVEL, HIGH_LEVEL, WINDOWS_7)

void lock_exports(void)
{
    EXPORT_REGISTER(LOCK_EXPORTS);
#ifdef __i386__
    EXPORT_REGISTER(X86_LOCK_EXPORTS);
#endif
}
