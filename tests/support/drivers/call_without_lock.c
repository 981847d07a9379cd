/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_sdv: a call that needs a lock, made without it. */
#include <ndis.h>

LOCK_CLASS(TEST_LOCK);

_Requires_lock_held_(TEST_LOCK)
VOID Inner(VOID);

VOID Outer(VOID);
VOID Outer(VOID)
{
    Inner();
}
