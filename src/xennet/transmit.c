/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send path. An NBL lives here like this:
 *
 *   NDIS --TransmitSend--> [pending: Remaining = NBs] --last NB back--> [done list of one processor] --> NDIS
 *
 * Its MiniportReserved holds how many NBs are still out and the first failure. Whoever takes Remaining to zero
 * owns the NBL and appends it to the done list of the processor it runs on. The done list is handed to NDIS in
 * one call: at the end of the send call if it grew within one, else by a DPC on the same processor, which
 * runs when the provider's own batch is over (it marks no end of a batch).
 *
 * IRQL: everything per packet runs at DISPATCH. Locks: none. Per-processor fields are touched only by that
 * processor at DISPATCH; readers sum them without stopping anybody. The only line that two processors write
 * is the NBL's own, when its NBs come back on different processors.
 *
 * Nothing is held back: a packet is either in XenVif or completed, so there is nothing to cancel.
 */
#include "transmit.h"
#include "adapter.h"
#include "event.h"
#include "lock.h"
#include "memory.h"
#include "offload.h"
#include "txrequest.h"

// One processor's share; padded to whole cache lines by the array that holds it.
typedef struct _TRANSMIT_PROCESSOR {
    // This processor at DISPATCH.
    NET_BUFFER_LIST *DoneHead;
    NET_BUFFER_LIST *DoneTail;
    ULONG SendDepth;                    // send calls and completions in progress: they flush, no DPC needed
    BOOLEAN DpcQueued;
    XENNET_TRANSMIT_COUNTERS Counters;

    // Immutable after TransmitCreate.
    KDPC Dpc;
    XENNET_TRANSMIT *Transmit;
} TRANSMIT_PROCESSOR;

#define TRANSMIT_STRIDE \
    ((sizeof(TRANSMIT_PROCESSOR) + XENNET_CACHE_LINE - 1) & ~((SIZE_T)XENNET_CACHE_LINE - 1))

struct _XENNET_TRANSMIT {
    // Immutable after TransmitCreate.
    XENNET_ADAPTER *Adapter;
    PUCHAR Processors;                  // TRANSMIT_STRIDE apart
    ULONG ProcessorCount;
    TX_LIMITS Limits;                   // its lengths: single words, as the backend allows at the moment

    // The watchdog.
    volatile ULONG Age;                 // of the NBLs taken now: index of Counters.Out
};

// What NBL.MiniportReserved holds while the NBL is ours.
typedef struct _TRANSMIT_LIST {
    volatile LONG Remaining;            // NBs not yet back
    volatile LONG Status;               // first failure, NDIS_STATUS_SUCCESS until then
} TRANSMIT_LIST;

C_ASSERT(sizeof(TRANSMIT_LIST) <= RTL_FIELD_SIZE(NET_BUFFER_LIST, MiniportReserved));

FORCEINLINE TRANSMIT_LIST *
TransmitList(NET_BUFFER_LIST *Nbl)
{
    return (TRANSMIT_LIST *)NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl);
}

FORCEINLINE TRANSMIT_PROCESSOR *
TransmitProcessor(XENNET_TRANSMIT *Transmit, ULONG Index)
{
    return (TRANSMIT_PROCESSOR *)(Transmit->Processors + (SIZE_T)Index * TRANSMIT_STRIDE);
}

FORCEINLINE TRANSMIT_PROCESSOR *
TransmitThisProcessor(XENNET_TRANSMIT *Transmit)
{
    return TransmitProcessor(Transmit, KeGetCurrentProcessorNumberEx(NULL));
}

// Hands the done list to NDIS. NDIS may send again from within: those calls only append, so depth stays bounded.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitFlush(TRANSMIT_PROCESSOR *Processor)
{
    XENNET_TRANSMIT *Transmit = Processor->Transmit;
    NET_BUFFER_LIST *Chain;
    NET_BUFFER_LIST *Nbl;
    ULONG64 Count;

    while ((Chain = Processor->DoneHead) != NULL) {
        Processor->DoneHead = NULL;
        Processor->DoneTail = NULL;
        Count = 0;
        for (Nbl = Chain; Nbl != NULL; Nbl = NET_BUFFER_LIST_NEXT_NBL(Nbl))
            Count++;
        Processor->Counters.NdisCalls++;
        NdisMSendNetBufferListsComplete(Transmit->Adapter->NdisHandle, Chain, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
        // After the call: TransmitDrain must not see an NBL as completed that NDIS has not got back.
        Processor->Counters.ListsCompleted += Count;
    }
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitEnter(TRANSMIT_PROCESSOR *Processor)
{
    Processor->SendDepth++;
}

// The outermost level flushes; while it does, nested calls must still see a depth above zero.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitLeave(TRANSMIT_PROCESSOR *Processor)
{
    if (Processor->SendDepth == 1)
        TransmitFlush(Processor);
    Processor->SendDepth--;
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
TransmitDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    TRANSMIT_PROCESSOR *Processor = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    Processor->DpcQueued = FALSE;
    TransmitEnter(Processor);
    TransmitLeave(Processor);
}

// The NBL has nothing out any more: put it on this processor's done list.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitDone(TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    Processor->Counters.Out[(ULONG_PTR)Nbl->Scratch]--;
    TxSetResult(Nbl, TransmitList(Nbl)->Status);
    NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
    if (Processor->DoneTail == NULL)
        Processor->DoneHead = Nbl;
    else
        NET_BUFFER_LIST_NEXT_NBL(Processor->DoneTail) = Nbl;
    Processor->DoneTail = Nbl;

    if (Processor->SendDepth == 0 && !Processor->DpcQueued) {
        Processor->DpcQueued = TRUE;
        (VOID)KeInsertQueueDpc(&Processor->Dpc, NULL, NULL);
    }
}

// Count NBs of the NBL are back, with one status for all of them.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitPut(TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, LONG Count, NDIS_STATUS Status)
{
    TRANSMIT_LIST *List = TransmitList(Nbl);

    if (Status != NDIS_STATUS_SUCCESS)
        (VOID)InterlockedCompareExchange(&List->Status, Status, NDIS_STATUS_SUCCESS);
    // Equal: nobody else holds any, the interlocked operation can be saved.
    if (List->Remaining == Count || InterlockedExchangeAdd(&List->Remaining, -Count) == Count)
        TransmitDone(Processor, Nbl);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitCountDrop(TRANSMIT_PROCESSOR *Processor, XENNET_TRANSMIT_DROP Reason, ULONG Packets)
{
    Processor->Counters.Drops[Reason] += Packets;
    EVENT_REPORT(XENNET_REPORT_SEND_DROP, Processor->Transmit->Adapter, Reason, Packets, 0, 0);
}

// The NBL is ours. Which processor completes it does not matter: counts are summed.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitTake(const XENNET_TRANSMIT *Transmit, TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    ULONG Age = Transmit->Age;

    Nbl->Scratch = (PVOID)(ULONG_PTR)Age;
    Processor->Counters.Out[Age]++;
    Processor->Counters.Lists++;
}

// Completes an NBL of which nothing was queued.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitRefuse(TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, XENNET_TRANSMIT_DROP Reason, NDIS_STATUS Status)
{
    NET_BUFFER *Nb;
    ULONG Packets = 0;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb))
        Packets++;
    TransmitCountDrop(Processor, Reason, Packets);
    TransmitList(Nbl)->Remaining = 0;
    TransmitList(Nbl)->Status = Status;
    TransmitDone(Processor, Nbl);
}

// XenVif would not take an NB: it counts as back.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitNotQueued(XENNET_TRANSMIT *Transmit, TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    TransmitCountDrop(Processor, XENNET_TRANSMIT_DROP_QUEUE, 1);
    TransmitPut(Processor, Nbl, 1, AdapterIsRunning(Transmit->Adapter) ? NDIS_STATUS_RESOURCES : NDIS_STATUS_PAUSED);
}

/*
 * Queues every NB of one NBL. More stays set on the last only where the next NBL of this call goes to the same
 * ring for certain. One failure fails the NBL, but the NBs after it are still tried: the last one clears More,
 * and without it those before would lie in XenVif until somebody else sends.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitQueueList(XENNET_TRANSMIT *Transmit, TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl,
                  TX_REQUEST *Request, BOOLEAN MoreAfter)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    NET_BUFFER *Next;
    USHORT MaximumSegmentSize = 0;
    NTSTATUS Status;

    TransmitList(Nbl)->Remaining = Request->Count;
    TransmitList(Nbl)->Status = NDIS_STATUS_SUCCESS;

    // Once the last NB is queued the NBL may be gone: nothing of it is read after that.
    for (; Nb != NULL; Nb = Next) {
        Next = NET_BUFFER_NEXT_NB(Nb);
        // Checked before: there is a payload.
        if (Request->MaximumSegmentSize != 0)
            MaximumSegmentSize = TxFitSegment(Nb, Request->TcpHeaderOffset, Request->MaximumSegmentSize);
        Status = VifTransmitPacket(&Transmit->Adapter->Vif, NET_BUFFER_CURRENT_MDL(Nb),
                                   NET_BUFFER_CURRENT_MDL_OFFSET(Nb), NET_BUFFER_DATA_LENGTH(Nb), Request->Options,
                                   MaximumSegmentSize, Request->Tci, &Request->Hash,
                                   (BOOLEAN)(Next != NULL || MoreAfter), Nbl);
        if (!NT_SUCCESS(Status))
            TransmitNotQueued(Transmit, Processor, Nbl);
    }
}

/*
 * Takes the first NBL of the chain that can be sent off it and reads what it asks for. Those before it are
 * completed. NULL: none is left.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
TransmitNextList(XENNET_TRANSMIT *Transmit, TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST **Chain, TX_REQUEST *Request)
{
    NET_BUFFER_LIST *Nbl;
    NDIS_STATUS Status;

    while ((Nbl = *Chain) != NULL) {
        *Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
        TransmitTake(Transmit, Processor, Nbl);
        Status = TxRequestRead(&Transmit->Limits, Nbl, Request);
        if (Status == NDIS_STATUS_SUCCESS)
            return Nbl;
        TransmitRefuse(Processor, Nbl, Request->Reason, Status);
    }
    return NULL;
}

// Sends the chain, one NBL read ahead of the one being queued so that More is known.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitSendChain(XENNET_TRANSMIT *Transmit, TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    TX_REQUEST Requests[2];
    TX_REQUEST *Request = &Requests[0];
    TX_REQUEST *Ahead = &Requests[1];
    TX_REQUEST *Swap;
    NET_BUFFER_LIST *Nbl = NULL;
    NET_BUFFER_LIST *Next;

    do {
        Next = TransmitNextList(Transmit, Processor, &Chain, Ahead);
        if (Nbl != NULL)
            TransmitQueueList(Transmit, Processor, Nbl, Request, (BOOLEAN)(Next != NULL && TxSameRing(Request, Ahead)));
        Swap = Request;
        Request = Ahead;
        Ahead = Swap;
        Nbl = Next;
    } while (Nbl != NULL);
}

_Use_decl_annotations_
VOID
TransmitSend(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Chain, ULONG SendFlags)
{
    BOOLEAN AtDispatch = NDIS_TEST_SEND_AT_DISPATCH_LEVEL(SendFlags) != 0;
    TRANSMIT_PROCESSOR *Processor;
    NET_BUFFER_LIST *Nbl;
    KIRQL Irql;

    Irql = IrqlRaise(AtDispatch);
    Processor = TransmitThisProcessor(Transmit);
    TransmitEnter(Processor);
    Processor->Counters.NdisCalls++;

    // At DISPATCH: StateEnd's KeFlushQueuedDpcs waits for whoever has seen the old state here.
    if (AdapterIsRunning(Transmit->Adapter)) {
        TransmitSendChain(Transmit, Processor, Chain);
    } else {
        while (Chain != NULL) {
            Nbl = Chain;
            Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
            TransmitTake(Transmit, Processor, Nbl);
            TransmitRefuse(Processor, Nbl, XENNET_TRANSMIT_DROP_STATE, StateSendRefusal(Transmit->Adapter));
        }
    }

    TransmitLeave(Processor);
    WatchdogNoteSend(Transmit->Adapter->Watchdog);
    IrqlLower(AtDispatch, Irql);
}

_Use_decl_annotations_
VOID
TransmitSetFrameSize(XENNET_TRANSMIT *Transmit, ULONG MaximumFrameSize)
{
    Transmit->Limits.MaximumLength = MaximumFrameSize + ETHERNET_TAG_SIZE;
}

_Use_decl_annotations_
VOID
TransmitSetAge(XENNET_TRANSMIT *Transmit, ULONG Age)
{
    Transmit->Age = Age;
}

_Use_decl_annotations_
VOID
TransmitReturnPacket(XENNET_TRANSMIT *Transmit, PVOID Cookie, XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *Completion)
{
    TRANSMIT_PROCESSOR *Processor = TransmitThisProcessor(Transmit);
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    if (Completion->Status != XENVIF_TRANSMITTER_PACKET_OK) {
        TransmitCountDrop(Processor, XENNET_TRANSMIT_DROP_BACKEND, 1);
        Status = Completion->Status == XENVIF_TRANSMITTER_PACKET_DROPPED ? NDIS_STATUS_SEND_ABORTED :
                                                                           NDIS_STATUS_FAILURE;
    }
    TransmitPut(Processor, Cookie, 1, Status);
}

_Use_decl_annotations_
VOID
TransmitReadCounters(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_COUNTERS *Counters)
{
    const ULONG64 *From;
    ULONG64 *To = (ULONG64 *)Counters;
    ULONG Processor;
    ULONG Index;

    RtlZeroMemory(Counters, sizeof(*Counters));
    for (Processor = 0; Processor < Transmit->ProcessorCount; Processor++) {
        From = (const ULONG64 *)&TransmitProcessor(Transmit, Processor)->Counters;
        for (Index = 0; Index < sizeof(*Counters) / sizeof(ULONG64); Index++)
            To[Index] += From[Index];
    }
}

_Use_decl_annotations_
VOID
TransmitDrain(XENNET_TRANSMIT *Transmit)
{
    XENNET_TRANSMIT_COUNTERS Counters;

    // XenVif has returned everything; what is left sits on done lists whose DPCs are queued.
    KeFlushQueuedDpcs();
    for (;;) {
        TransmitReadCounters(Transmit, &Counters);
        if (Counters.Lists == Counters.ListsCompleted)
            return;
        TRACE_ERROR("VIF was disabled with %u send(s) outstanding, waiting\n",
                    (ULONG)(Counters.Lists - Counters.ListsCompleted));
        NdisMSleep(10000);
    }
}

_Use_decl_annotations_
NDIS_STATUS
TransmitCreate(XENNET_ADAPTER *Adapter, XENNET_TRANSMIT **Result)
{
    XENNET_TRANSMIT *Transmit;
    TRANSMIT_PROCESSOR *Processor;
    PROCESSOR_NUMBER Number;
    SIZE_T Size;
    ULONG Index;

    *Result = NULL;
    Size = sizeof(*Transmit) + XENNET_CACHE_LINE + Adapter->ProcessorCount * TRANSMIT_STRIDE;
    Transmit = MemoryAllocate(Adapter->NdisHandle, Size);
    if (Transmit == NULL)
        return NDIS_STATUS_RESOURCES;

    Transmit->Adapter = Adapter;
    Transmit->Processors = MemoryAlign(Transmit + 1);
    Transmit->ProcessorCount = Adapter->ProcessorCount;
    TxLimitsSet(&Transmit->Limits, Adapter);
    for (Index = 0; Index < Transmit->ProcessorCount; Index++) {
        Processor = TransmitProcessor(Transmit, Index);
        Processor->Transmit = Transmit;
        KeInitializeDpc(&Processor->Dpc, TransmitDpc, Processor);
        // A processor number that does not exist yet (hot add) has no packets either.
        if (NT_SUCCESS(KeGetProcessorNumberFromIndex(Index, &Number)))
            (VOID)KeSetTargetProcessorDpcEx(&Processor->Dpc, &Number);
    }
    *Result = Transmit;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
TransmitDestroy(XENNET_TRANSMIT *Transmit)
{
    if (Transmit == NULL)
        return;
    // A DPC may still be on its way out after the last completion.
    KeFlushQueuedDpcs();
    MemoryFree(Transmit);
}
