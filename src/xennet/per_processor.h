/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every processor has a share of: an array with one element for each processor that there can ever be, found by
 * the systemwide index. An element starts on a cache line of its own, so no processor writes a line that another one
 * uses.
 *
 * The array lies behind the structure that owns it, in the same allocation:
 *
 *   MemoryAllocate(NdisHandle, sizeof(*Owner) + PER_PROCESSOR_SIZE(TYPE, Count));
 *   Owner->Processors = PER_PROCESSOR_ARRAY(Owner + 1);
 *
 * What else is shared out in this way, as to queues, is laid out with the same macros.
 *
 * IRQL: any. An element belongs to its processor at DISPATCH; sums are taken without stopping anybody.
 */
#ifndef XENNET_PER_PROCESSOR_H
#define XENNET_PER_PROCESSOR_H

#include <ndis.h>
#include "memory.h"

#define PER_PROCESSOR_STRIDE(_Type) ((sizeof(_Type) + XENNET_CACHE_LINE - 1) & ~((SIZE_T)XENNET_CACHE_LINE - 1))

// Bytes for _Count elements, with room to move the first one to a cache line.
#define PER_PROCESSOR_SIZE(_Type, _Count) (XENNET_CACHE_LINE + (SIZE_T)(_Count)*PER_PROCESSOR_STRIDE(_Type))

// The first element within PER_PROCESSOR_SIZE bytes at _Memory.
#define PER_PROCESSOR_ARRAY(_Memory) ((PUCHAR)MemoryAlign(_Memory))

#define PER_PROCESSOR(_Type, _Array, _Index) ((_Type *)((_Array) + (SIZE_T)(_Index)*PER_PROCESSOR_STRIDE(_Type)))

// The running processor's. The array is read after the index, which is a call on x86: nothing has to be kept over it.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE PVOID
PerProcessorThis(const PUCHAR *Array, SIZE_T Stride)
{
    ULONG Index = NdisCurrentProcessorIndex();

    return *Array + Index * Stride;
}

#define PER_PROCESSOR_THIS(_Type, _Array) ((_Type *)PerProcessorThis(&(_Array), PER_PROCESSOR_STRIDE(_Type)))

// Adds up what _Member, a record of ULONG64 counters, has on each of _Count processors.
#define PER_PROCESSOR_SUM(_Type, _Member, _Array, _Count, _Sum)                                                        \
    PerProcessorSum((_Array) + FIELD_OFFSET(_Type, _Member), PER_PROCESSOR_STRIDE(_Type), (_Count), (ULONG64 *)(_Sum), \
                    sizeof(*(_Sum)) / sizeof(ULONG64))

FORCEINLINE VOID
PerProcessorSum(const UCHAR *First, SIZE_T Stride, ULONG Count, ULONG64 *Sum, ULONG Counters)
{
    const ULONG64 *From;
    ULONG Processor;
    ULONG Index;

    RtlZeroMemory(Sum, Counters * sizeof(*Sum));
    for (Processor = 0; Processor < Count; Processor++) {
        From = (const ULONG64 *)(First + Processor * Stride);
        for (Index = 0; Index < Counters; Index++)
            Sum[Index] += From[Index];
    }
}

// The DPC runs on that processor from now on, whoever queues it; without this it runs where it is queued. Each time
// again, since processors come (hot add): FALSE, that one is not there yet, and has nothing.
FORCEINLINE BOOLEAN
PerProcessorAimDpc(KDPC *Dpc, ULONG Index)
{
    PROCESSOR_NUMBER Number;

    return (BOOLEAN)(NT_SUCCESS(KeGetProcessorNumberFromIndex(Index, &Number)) &&
                     NT_SUCCESS(KeSetTargetProcessorDpcEx(Dpc, &Number)));
}

// The same on the running one, before others may queue it.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
PerProcessorAimDpcHere(KDPC *Dpc)
{
    PROCESSOR_NUMBER Number;

    (void)KeGetCurrentProcessorNumberEx(&Number);
    (void)KeSetTargetProcessorDpcEx(Dpc, &Number);
}

#endif
