/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_build: a lock of the driver's kind around INSIDE, with AFTER behind it. */
#include <ndis.h>

LOCK_CLASS(TEST_LOCK);

struct THING {
    KSPIN_LOCK Lock;
    _Guarded_by_(TEST_LOCK) ULONG Count;
};

LOCK_PRIMITIVE _Acquires_lock_(TEST_LOCK)
_IRQL_raises_(DISPATCH_LEVEL)
FORCEINLINE KIRQL ThingAcquire(struct THING *Thing)
{
    return KeAcquireSpinLockRaiseToDpc(&Thing->Lock);
}

LOCK_PRIMITIVE _Releases_lock_(TEST_LOCK)
_IRQL_lowers_
FORCEINLINE VOID ThingRelease(struct THING *Thing, KIRQL Irql)
{
    KeReleaseSpinLock(&Thing->Lock, Irql);
}

_Requires_lock_held_(TEST_LOCK)
VOID ThingCount(struct THING *Thing);

_Use_decl_annotations_
VOID ThingCount(struct THING *Thing)
{
    Thing->Count++;
}

VOID Test(struct THING *Thing);
VOID Test(struct THING *Thing)
{
    KIRQL Irql = ThingAcquire(Thing);

    INSIDE;
    ThingRelease(Thing, Irql);
    AFTER;
}
