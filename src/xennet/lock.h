/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raising the IRQL and taking spin locks in a form that the checkers understand.
 *
 * Each lock has a class (LOCK_CLASS) of its own and wrappers beside the structure that holds it; see
 * annotations.h of the toolchain. A processor at DISPATCH owns its per-processor fields, so raising the IRQL
 * is how most of this driver locks.
 */
#ifndef XENNET_LOCK_H
#define XENNET_LOCK_H

#include <ndis.h>
#include "debug.h"

#ifndef LOCK_CLASS
// Visual C++ takes the annotations as plain SAL, which knows locks by name only.
#define LOCK_CLASS(_Name) typedef int _Name##_CLASS
#define LOCK_PRIMITIVE
#define _IRQL_lowers_
#endif

// NDIS's *_FLAGS_DISPATCH_LEVEL saves the change of level.
LOCK_PRIMITIVE
_IRQL_raises_(DISPATCH_LEVEL)
FORCEINLINE KIRQL
IrqlRaise(BOOLEAN AlreadyAtDispatch)
{
    KIRQL Irql = DISPATCH_LEVEL;

    DEBUG_ASSERT(AlreadyAtDispatch ? DEBUG_IRQL() == DISPATCH_LEVEL : DEBUG_IRQL() <= DISPATCH_LEVEL);
    if (!AlreadyAtDispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    return Irql;
}

// Irql: what IrqlRaise returned, which has all that is to be known.
LOCK_PRIMITIVE _IRQL_lowers_
FORCEINLINE VOID
IrqlLower(KIRQL Irql)
{
    DEBUG_ASSERT(DEBUG_IRQL() == DISPATCH_LEVEL);
    if (Irql != DISPATCH_LEVEL)
        KeLowerIrql(Irql);
}

#endif
