/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doing something on every processor in turn, at DISPATCH. Whatever ran at DISPATCH on a processor when the visit began
 * is over when it is visited: DPCs, threaded DPCs in one of their calls, and threads. KeFlushQueuedDpcs promises that
 * for queued DPCs alone.
 */
#ifndef XENNET_PROCESSOR_H
#define XENNET_PROCESSOR_H

#include <ndis.h>

// At DISPATCH.
typedef VOID PROCESSOR_VISIT(_In_ PVOID Context);

// The thread moves from processor to processor; what it wrote before is seen by what runs at DISPATCH after a visit.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ProcessorVisitAll(_In_ PROCESSOR_VISIT *Visit, _In_ PVOID Context);

// The same with nothing to do there: afterwards what ran at DISPATCH anywhere is over.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ProcessorWaitAll(VOID);

// The thread stays on the processor that it is on, until ProcessorLeave.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ProcessorStay(_Out_ GROUP_AFFINITY *Before);

_IRQL_requires_(PASSIVE_LEVEL)
VOID ProcessorLeave(_In_ GROUP_AFFINITY *Before);

#endif
