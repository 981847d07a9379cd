/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_sdv: a wait at DISPATCH_LEVEL. */
#include <ndis.h>

_IRQL_raises_(DISPATCH_LEVEL)
KIRQL Raise(VOID);

VOID Test(VOID);
VOID Test(VOID)
{
    KIRQL Irql = Raise();

    NdisMSleep(1);
    KeLowerIrql(Irql);
}
