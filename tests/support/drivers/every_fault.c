/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_sdv: something to find for each analysis. */
#include <ndis.h>

LOCK_CLASS(TEST_LOCK);

_Requires_lock_held_(TEST_LOCK)
VOID Inner(VOID);

VOID Outer(VOID);
VOID Outer(VOID)
{
    Inner();
}

int Bad(void);
int Bad(void)
{
    int A[4];

    A[4] = 1;
    return *(int *)0;
}
