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
 *     out, as far as this processor knows. A lone send needs no DPC. Not from within VifDisable (TransmitDefer);
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
    // Whoever will flush: send calls and completions in progress, and TRANSMIT_LIST_DPC, a DPC that is queued.
    ULONG Flushers;
    BOOLEAN Held;                 // something is kept or waits for buffers; or TransmitHoldAll
    BOOLEAN Deferred;             // TransmitDefer
    XENNET_PACKET_HASH Hash;      // of the packet being given to XenVif, which reads it before it returns
    XENNET_PACKET_HASH PlainHash; // of packets without a hash of their own, the same for all of a chain
    ULONG HashFunction;           // whose values pick a queue, the same for all of a chain
    ULONG PlainRun;               // packets without a hash that may wait in XenVif, the same for all of a chain
    NDIS_HANDLE NdisHandle;       // immutable; here it fills a cache line
    XENNET_TRANSMIT_COUNTERS Counters;
    NET_BUFFER_LIST *Rest; // of the chain being sent, from an NBL on that asks for UDP segments
    XENNET_TRANSMIT_KEPT Kept;

    // Immutable after TransmitCreate.
    KDPC PushDpc;
    struct _XENNET_SEGMENTS_PROCESSOR *Segments; // NULL: NDIS has no UDP segmentation

    // Immutable after TransmitListInitialize.
    KDPC Dpc;
} XENNET_TRANSMIT_PROCESSOR;

#ifdef _WIN64
C_ASSERT(FIELD_OFFSET(XENNET_TRANSMIT_PROCESSOR, Counters) == XENNET_CACHE_LINE); // with what each packet has to do
C_ASSERT(FIELD_OFFSET(XENNET_TRANSMIT_PROCESSOR, Counters.Drops) <= 2 * XENNET_CACHE_LINE);
#endif

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

// Processor is zeroed.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitListInitialize(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ NDIS_HANDLE NdisHandle);

// So many packets never reach the backend.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListCountDrop(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ const XENNET_REPORTER *Reporter,
                           _In_ XENNET_TRANSMIT_DROP Reason, _In_ ULONG Packets);

// NDIS has sent from within a completion, and some of that is done.
_IRQL_requires_(DISPATCH_LEVEL)
RARELY_CALLED VOID TransmitListFlushAgain(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

// Some of an NBL was not sent, which whoever calls still holds some of: its status is that of the first failure.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListFail(_Inout_ NET_BUFFER_LIST *Nbl, _In_ NDIS_STATUS Status);

_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitListQueueDpc(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

// NBLs taken on this processor less those done on it. What came from another processor counts below zero.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE ULONG64
TransmitListOut(const XENNET_TRANSMIT_PROCESSOR *Processor)
{
    C_ASSERT(XENNET_TRANSMIT_AGES == 3);

    return Processor->Counters.Out[0] + Processor->Counters.Out[1] + Processor->Counters.Out[2];
}

// NBLs that were ever on this processor's done list.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE ULONG64
TransmitListEverDone(const XENNET_TRANSMIT_PROCESSOR *Processor)
{
    return Processor->Counters.Lists - TransmitListOut(Processor);
}

// Hands the done list to NDIS, which has something. ListsCompleted counts them after the call: TransmitDrain must not
// see an NBL as completed that NDIS has not got back.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListComplete(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Chain = Processor->Done;

    *Processor->DoneTail = NULL;
    Processor->Done = NULL;
    Processor->DoneTail = &Processor->Done;
    Processor->Counters.NdisCalls++;
    NdisMSendNetBufferListsComplete(Processor->NdisHandle, Chain, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
}

// Hands the done list, which has something, to NDIS, and what is done meanwhile. No call is in progress.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitListFlush(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    // What is sent or completed from within sees a call in progress and only appends.
    Processor->Flushers++;
    TransmitListComplete(Processor);
    if (UNLIKELY(Processor->Done != NULL))
        TransmitListFlushAgain(Processor);
    else
        Processor->Counters.ListsCompleted = TransmitListEverDone(Processor);
    Processor->Flushers--;
}

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
    *Processor->DoneTail = Nbl;
    Processor->DoneTail = &NET_BUFFER_LIST_NEXT_NBL(Nbl);
    if (Processor->Flushers != 0)
        return;
    if (TransmitListOut(Processor) == 0 && !Processor->Deferred)
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
