/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NBLs that are out, and those that are done. An NBL lives here like this:
 *
 *   NDIS --TransmitListTake--> [Remaining = NBs] --last NB back--> [done list of one processor] --one call--> NDIS
 *
 * Its MiniportReserved holds how many NBs are still out and the age it counts in, its Status the first failure. Whoever
 * takes Remaining to zero owns the NBL and appends it to the done list of the processor it runs on. The done list is
 * handed to NDIS in one call:
 *
 *   - at the end of the send call, if it grew within one;
 *   - at once, when as many NBLs are done on this processor as were taken on it and no DPC is queued: nothing else is
 *     out, as far as this processor knows. A lone send needs no DPC;
 *   - else by a DPC on the same processor, which runs when the provider's own batch is over (it marks no end of one).
 *
 * Where NBLs come back on another processor than they were taken on, the second case does not arise, and none is lost.
 *
 * Called by transmit.c only, at DISPATCH. The only line that two processors write is the NBL's own, when its NBs come
 * back on different processors.
 */
#ifndef XENNET_TRANSMIT_LIST_H
#define XENNET_TRANSMIT_LIST_H

#include <ndis.h>
#include "report.h"
#include "transmit_counters.h"
#include "transmit_request.h"

// An NB that XenVif would not take, with packets before it that it begins to send only with another one.
typedef struct _XENNET_TRANSMIT_KEPT {
    NET_BUFFER_LIST *volatile Nbl; // NULL: none
    NET_BUFFER *Nb;
    BOOLEAN Hashed; // it has gone with the hash value of the NBL, which picks the ring that the others wait in
} XENNET_TRANSMIT_KEPT;

struct _XENNET_SEGMENTS_PROCESSOR;

// One processor's share.
typedef struct _XENNET_TRANSMIT_PROCESSOR {
    // This processor at DISPATCH.
    NET_BUFFER_LIST *Done;      // its last Next is set when it goes to NDIS
    NET_BUFFER_LIST **DoneTail; // what the next one is linked to
    ULONG64 ListsDone;          // NBLs that were ever on the done list; Counters.Lists has those taken
    // Whoever will flush: send calls and completions in progress, and TRANSMIT_LIST_DPC, a DPC that is queued.
    ULONG Flushers;
    BOOLEAN Held;                 // something is kept or waits for buffers; or TransmitHoldAll
    XENNET_PACKET_HASH Hash;      // of the packet being given to XenVif, which reads it before it returns
    XENNET_PACKET_HASH PlainHash; // of packets without a hash of their own, the same for all of a chain
    ULONG HashFunction;           // whose values pick a queue, the same for all of a chain
    XENNET_TRANSMIT_COUNTERS Counters;
    XENNET_TRANSMIT_KEPT Kept;

    // Immutable after TransmitCreate.
    KDPC PushDpc;
    struct _XENNET_SEGMENTS_PROCESSOR *Segments; // NULL: NDIS has no UDP segmentation

    // This processor at DISPATCH.
    NET_BUFFER_LIST *Rest; // of the chain being sent, from an NBL on that asks for UDP segments

    // Immutable after TransmitListInitialize.
    KDPC Dpc;
    NDIS_HANDLE NdisHandle;
} XENNET_TRANSMIT_PROCESSOR;

#define TRANSMIT_LIST_DPC 0x80000000UL // in Flushers

// What NBL.MiniportReserved holds while the NBL is ours.
typedef union _XENNET_TRANSMIT_LIST {
    struct {
        volatile LONG Remaining; // NBs not yet back
        ULONG Age;               // index of Counters.Out
    };
    ULONG64 Start; // both in one store, before anybody else has the NBL
} XENNET_TRANSMIT_LIST;

C_ASSERT(sizeof(XENNET_TRANSMIT_LIST) <= RTL_FIELD_SIZE(NET_BUFFER_LIST, MiniportReserved));

// Index: the processor's. Processor is zeroed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitListInitialize(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ NDIS_HANDLE NdisHandle,
                            _In_ ULONG Index);

// So many packets never reach the backend.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListCountDrop(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ const XENNET_REPORTER *Reporter,
                           _In_ XENNET_TRANSMIT_DROP Reason, _In_ ULONG Packets);

// Hands the done list, which has something, to NDIS, and what is done meanwhile. No call is in progress.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListFlush(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

// Some of an NBL was not sent, which whoever calls still holds some of: its status is that of the first failure.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListFail(_Inout_ NET_BUFFER_LIST *Nbl, _In_ NDIS_STATUS Status);

_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListQueueDpc(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListEnter(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    Processor->Flushers++;
}

// The outermost call flushes.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListLeave(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    Processor->Flushers--;
    if (UNLIKELY(Processor->Done != NULL) && (Processor->Flushers & ~TRANSMIT_LIST_DPC) == 0)
        TransmitListFlush(Processor);
}

FORCEINLINE XENNET_TRANSMIT_LIST *
TransmitListOf(NET_BUFFER_LIST *Nbl)
{
    return (XENNET_TRANSMIT_LIST *)NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl);
}

// Count NBLs of one age are ours. Which processor completes them does not matter: counts are summed.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListTake(XENNET_TRANSMIT_PROCESSOR *Processor, ULONG Count, ULONG Age)
{
    Processor->Counters.Out[Age] += Count;
    Processor->Counters.Lists += Count;
}

// Count NBs of an NBL of this age will come back.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListStart(NET_BUFFER_LIST *Nbl, LONG Count, ULONG Age)
{
    NET_BUFFER_LIST_STATUS(Nbl) = NDIS_STATUS_SUCCESS;
    TransmitListOf(Nbl)->Start = (ULONG64)Age << 32 | (ULONG)Count;
}

// The NBL has nothing out any more: put it on this processor's done list.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListDone(XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    Processor->Counters.Out[TransmitListOf(Nbl)->Age]--;
    Processor->ListsDone++;
    *Processor->DoneTail = Nbl;
    Processor->DoneTail = &NET_BUFFER_LIST_NEXT_NBL(Nbl);
    if (Processor->Flushers != 0)
        return;
    if (Processor->ListsDone == Processor->Counters.Lists)
        TransmitListFlush(Processor);
    else
        TransmitListQueueDpc(Processor);
}

// Count NBs of the NBL are back, with one status for all of them.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListPut(XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, LONG Count, NDIS_STATUS Status)
{
    XENNET_TRANSMIT_LIST *List = TransmitListOf(Nbl);

    if (Status != NDIS_STATUS_SUCCESS)
        TransmitListFail(Nbl, Status);
    // Equal: nobody else holds any, the interlocked operation can be saved.
    if (List->Remaining == Count || InterlockedExchangeAdd(&List->Remaining, -Count) == Count)
        TransmitListDone(Processor, Nbl);
}

#endif
