/* SPDX-License-Identifier: BSD-2-Clause */
/* Rundown protection: bit 0 says that no more comes in, the rest counts holders by two. */
#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/nt.h"
#include "run/order.h"

static MS_FASTCALL void nt_ExInitializeRundownProtection(uintptr_t *count)
{
    *count = 0;
}

static MS_FASTCALL uint8_t nt_ExAcquireRundownProtection(uintptr_t *count)
{
    uintptr_t now = __atomic_load_n(count, __ATOMIC_RELAXED);

    while ((now & 1) == 0) {
        if (__atomic_compare_exchange_n(count, &now, now + 2, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            order_acquire(count);
            return 1;
        }
    }
    return 0;
}

static MS_FASTCALL void nt_ExReleaseRundownProtection(uintptr_t *count)
{
    order_release(count);
    uintptr_t was = __atomic_fetch_sub(count, 2, __ATOMIC_RELEASE);

    RULE(was >= 2, "rundown", "ExReleaseRundownProtection without a matching acquire");
    if (was == 3) {
        sched_wake((uint32_t *)count, UINT32_MAX);
    }
}

static MS_FASTCALL void nt_ExWaitForRundownProtectionRelease(uintptr_t *count)
{
    uintptr_t now = __atomic_or_fetch(count, 1, __ATOMIC_ACQ_REL);

    while (now != 1) {
        sched_wait((uint32_t *)count, (uint32_t)now, SCHED_FOREVER);
        now = __atomic_load_n(count, __ATOMIC_ACQUIRE);
    }
    order_acquire(count);
}

static MS_FASTCALL void nt_ExRundownCompleted(uintptr_t *count)
{
    RULE(*count <= 1, "rundown", "ExRundownCompleted while protection is still held");
    *count = 1;
}

static MS_FASTCALL void nt_ExReInitializeRundownProtection(uintptr_t *count)
{
    RULE(*count == 1, "rundown", "ExReInitializeRundownProtection before the rundown completed");
    order_release(count);
    *count = 0;
}

#define UP_TO(X, name, highest) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define RUNDOWN_EXPORTS(X)                                                                                             \
    UP_TO(X, ExInitializeRundownProtection, APC_LEVEL)                                                                 \
    UP_TO(X, ExAcquireRundownProtection, DISPATCH_LEVEL)                                                               \
    UP_TO(X, ExReleaseRundownProtection, DISPATCH_LEVEL)                                                               \
    UP_TO(X, ExWaitForRundownProtectionRelease, APC_LEVEL)                                                             \
    UP_TO(X, ExRundownCompleted, APC_LEVEL)                                                                            \
    UP_TO(X, ExReInitializeRundownProtection, APC_LEVEL)

void rundown_start(void)
{
    EXPORT_REGISTER(RUNDOWN_EXPORTS);
}
