/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for the debugger: DEBUG_ERROR for whoever looks at a machine that does not work, in every build; DEBUG_INFO for
 * developers, in checked builds only. Any IRQL, never on a path that a packet takes when all is well.
 */
#ifndef XENNET_DEBUG_H
#define XENNET_DEBUG_H

#include <ndis.h>

#define DEBUG_ERROR(...) ((void)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "xennet: " __VA_ARGS__))

// What must hold, in checked builds: a broken one is the debugger's, by the name of the expression. DEBUG_IRQL is the
// level where Windows can be asked for it, DISPATCH otherwise.
#if DBG
#define DEBUG_ASSERT(_Expression)                                                                                      \
    ((void)((_Expression) ? 0 : (RtlAssert((PVOID) #_Expression, (PVOID)__FILE__, __LINE__, NULL), 0)))
#define DEBUG_IRQL()               (DebugIrql != NULL ? DebugIrql() : (KIRQL)DISPATCH_LEVEL)
#define DEBUG_ASSERT_LOCKED(_Lock) DEBUG_ASSERT(!KeTestSpinLock(_Lock))

typedef KIRQL(NTAPI *DEBUG_GET_IRQL)(VOID);
extern DEBUG_GET_IRQL DebugIrql; // driver.c
#else
#define DEBUG_ASSERT(_Expression)  ((void)0)
#define DEBUG_ASSERT_LOCKED(_Lock) ((void)0)
#endif

#if DBG
#define DEBUG_INFO(...) ((void)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "xennet: " __VA_ARGS__))
#else
#define DEBUG_INFO(...) ((void)0)
#endif

#endif
