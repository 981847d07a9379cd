/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send path: NBLs from NDIS, looked at one by one (transmit_request.h) and handed to XenVif in batches, and what
 * XenVif returns. transmit_list.h has the outstanding NBLs and hands them to NDIS when they are done.
 *
 * IRQL: everything per packet runs at DISPATCH. Locks: none. Per-processor fields are touched only by that
 * processor at DISPATCH; readers sum them without stopping anybody.
 *
 * Nothing is held back: a packet is either in XenVif or completed, so there is nothing to cancel. The one exception is
 * a packet that XenVif would not take (Kept): those before it were queued with More set and XenVif begins to send them
 * with the next packet for that ring, so it is offered again until it is taken.
 */
#include "transmit.h"
#include "context.h"
#include "debug.h"
#include "report.h"
#include "lock.h"
#include "memory.h"
#include "per_processor.h"
#include "transmit_list.h"
#include "transmit_request.h"

#define TRANSMIT_MAX_RUN 64 // packets that XenVif does not begin to send at once

struct _XENNET_TRANSMIT {
    // Immutable after TransmitCreate.
    XENNET_CONTEXT *Context;
    PUCHAR Processors; // XENNET_TRANSMIT_PROCESSOR of each
    ULONG ProcessorCount;
    XENNET_TRANSMIT_LIMITS Limits; // its lengths: single words, as the backend allows at the moment

    // The watchdog.
    volatile ULONG Age; // of the NBLs taken now: index of Counters.Out
    ULONG64 Stalls;
};

FORCEINLINE XENNET_TRANSMIT_PROCESSOR *
TransmitThisProcessor(XENNET_TRANSMIT *Transmit)
{
    return PER_PROCESSOR_THIS(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitCountDrop(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, XENNET_TRANSMIT_DROP Reason,
                  ULONG Packets)
{
    Processor->Counters.Drops[Reason] += Packets;
    REPORT_SEND_DROP(&Transmit->Context->Reporter, Reason, Packets);
}

// Completes an NBL of which nothing was queued.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitRefuse(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl,
               XENNET_TRANSMIT_DROP Reason, NDIS_STATUS Status)
{
    NET_BUFFER *Nb;
    LONG Packets = 0;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb))
        Packets++;
    TransmitCountDrop(Transmit, Processor, Reason, (ULONG)Packets);
    TransmitListStart(Nbl, Packets);
    TransmitListPut(Processor, Nbl, Packets, Status);
}

// XenVif would not take an NB: it counts as back.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitNotQueued(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    TransmitCountDrop(Transmit, Processor, XENNET_TRANSMIT_DROP_QUEUE, 1);
    TransmitListPut(Processor, Nbl, 1,
                    ContextIsRunning(Transmit->Context) ? NDIS_STATUS_RESOURCES : NDIS_STATUS_PAUSED);
}

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOffer(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, XENNET_TRANSMIT_REQUEST *Request,
              BOOLEAN More)
{
    USHORT MaximumSegmentSize = 0;

    // Checked before: there is a payload.
    if (Request->MaximumSegmentSize != 0)
        MaximumSegmentSize = TransmitRequestFitSegment(Nb, Request->TcpHeaderOffset, Request->MaximumSegmentSize);
    return VifTransmitPacket(&Transmit->Context->Vif, NET_BUFFER_CURRENT_MDL(Nb), NET_BUFFER_CURRENT_MDL_OFFSET(Nb),
                             NET_BUFFER_DATA_LENGTH(Nb), Request->Options, MaximumSegmentSize, Request->Tci,
                             &Request->Hash, More, Nbl);
}

// The packet that was kept is offered again, for the last time where the adapter does not run any more. XenVif of
// before 2021 is not disabled before those that wait for this one are back, so there it stays until XenVif takes it.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitOfferKept(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_TRANSMIT_KEPT Kept = Processor->Kept;

    // First: XenVif may return the packet, and NDIS send another, from within.
    Processor->Kept.Nbl = NULL;
    if (!Transmit->Context->Gone && NT_SUCCESS(TransmitOffer(Transmit, Kept.Nbl, Kept.Nb, &Kept.Request, FALSE)))
        return;
    if (ContextIsRunning(Transmit->Context) || (Transmit->Context->Vif.Version == 8 && !Transmit->Context->Gone))
        Processor->Kept = Kept;
    else
        TransmitNotQueued(Transmit, Processor, Kept.Nbl);
}

/*
 * XenVif would not take an NB. Pending: packets before it that XenVif has not begun to send; also where the adapter has
 * begun to pause since: StateDrain offers it then. A second packet is not kept: it is given up, and what is pending
 * before it is bounded and goes with whatever is sent next.
 */
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitRefused(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb,
                const XENNET_TRANSMIT_REQUEST *Request, BOOLEAN Pending)
{
    if (!Pending || Processor->Kept.Nbl != NULL) {
        TransmitNotQueued(Transmit, Processor, Nbl);
        return;
    }
    Processor->Kept.Nbl = Nbl;
    Processor->Kept.Nb = Nb;
    Processor->Kept.Request = *Request;
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
TransmitPushDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    XENNET_TRANSMIT *Transmit = Context;
    XENNET_TRANSMIT_PROCESSOR *Processor = TransmitThisProcessor(Transmit);

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    if (Processor->Kept.Nbl == NULL)
        return;
    TransmitListEnter(Processor);
    TransmitOfferKept(Transmit, Processor);
    TransmitListLeave(Processor);
}

_Use_decl_annotations_
VOID
TransmitPush(XENNET_TRANSMIT *Transmit)
{
    XENNET_TRANSMIT_PROCESSOR *Processor;
    ULONG Index;

    // Read from here without its processor: one that is missed is seen at the next look.
    for (Index = 0; Index < Transmit->ProcessorCount; Index++) {
        Processor = PER_PROCESSOR(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors, Index);
        if (Processor->Kept.Nbl != NULL)
            (void)KeInsertQueueDpc(&Processor->PushDpc, NULL, NULL);
    }
}

/*
 * Queues every NB of one NBL. More stays set on the last only where the next NBL of this call goes to the same
 * ring for certain, and on at most TRANSMIT_MAX_RUN packets. One failure fails the NBL, but the NBs after it are still
 * tried: the last one clears More, and without it those before would lie in XenVif until somebody else sends.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
TransmitQueueList(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl,
                  XENNET_TRANSMIT_REQUEST *Request, BOOLEAN MoreAfter, ULONG *Run)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    NET_BUFFER *Next;
    BOOLEAN Last;
    BOOLEAN More;

    TransmitListStart(Nbl, Request->Count);

    // Once the last NB is queued the NBL may be gone: nothing of it is read after that.
    for (; Nb != NULL; Nb = Next) {
        Next = NET_BUFFER_NEXT_NB(Nb);
        Last = Next == NULL && !MoreAfter;
        More = !Last && *Run < TRANSMIT_MAX_RUN;
        if (NT_SUCCESS(TransmitOffer(Transmit, Nbl, Nb, Request, More)))
            *Run = More ? *Run + 1 : 0;
        else
            TransmitRefused(Transmit, Processor, Nbl, Nb, Request, (BOOLEAN)(Last && *Run != 0));
    }
}

/*
 * Takes the first NBL of the chain that can be sent off it and reads what it asks for. Those before it are
 * completed. NULL: none is left.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
TransmitNextList(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST **Chain,
                 XENNET_TRANSMIT_REQUEST *Request)
{
    NET_BUFFER_LIST *Nbl;
    NDIS_STATUS Status;

    while ((Nbl = *Chain) != NULL) {
        *Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
        TransmitListTake(Processor, Nbl, Transmit->Age);
        Status = TransmitRequestRead(&Transmit->Limits, Nbl, Request);
        if (Status == NDIS_STATUS_SUCCESS)
            return Nbl;
        TransmitRefuse(Transmit, Processor, Nbl, Request->Reason, Status);
    }
    return NULL;
}

// Sends the chain, one NBL read ahead of the one being queued so that More is known.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitSendChain(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    XENNET_TRANSMIT_REQUEST Requests[2];
    XENNET_TRANSMIT_REQUEST *Request = &Requests[0];
    XENNET_TRANSMIT_REQUEST *Ahead = &Requests[1];
    XENNET_TRANSMIT_REQUEST *Swap;
    NET_BUFFER_LIST *Nbl = NULL;
    NET_BUFFER_LIST *Next;
    ULONG Run = 0; // packets before this one that XenVif has not begun to send

    do {
        Next = TransmitNextList(Transmit, Processor, &Chain, Ahead);
        if (Nbl != NULL)
            TransmitQueueList(Transmit, Processor, Nbl, Request,
                              (BOOLEAN)(Next != NULL && TransmitRequestSameRing(Request, Ahead)), &Run);
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
    XENNET_TRANSMIT_PROCESSOR *Processor;
    NET_BUFFER_LIST *Nbl;
    KIRQL Irql;

    Irql = IrqlRaise(AtDispatch);
    Processor = TransmitThisProcessor(Transmit);
    TransmitListEnter(Processor);
    Processor->Counters.NdisCalls++;

    // At DISPATCH: StateStop visits every processor and so waits for whoever has seen the old state here.
    if (ContextIsRunning(Transmit->Context)) {
        if (Processor->Kept.Nbl != NULL)
            TransmitOfferKept(Transmit, Processor);
        TransmitSendChain(Transmit, Processor, Chain);
    } else {
        while (Chain != NULL) {
            Nbl = Chain;
            Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
            TransmitListTake(Processor, Nbl, Transmit->Age);
            TransmitRefuse(Transmit, Processor, Nbl, XENNET_TRANSMIT_DROP_STATE, ContextSendRefusal(Transmit->Context));
        }
    }

    TransmitListLeave(Processor);
    AlarmRaise(&Transmit->Context->Alarm);
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
TransmitSetQueues(XENNET_TRANSMIT *Transmit, ULONG QueueCount, BOOLEAN Mapped)
{
    TransmitLimitsSetQueues(&Transmit->Limits, QueueCount, Mapped);
}

_Use_decl_annotations_
VOID
TransmitSetAge(XENNET_TRANSMIT *Transmit, ULONG Age)
{
    Transmit->Age = Age;
}

_Use_decl_annotations_
VOID
TransmitReturnPacket(XENNET_TRANSMIT *Transmit, PVOID Cookie, XENNET_COMPLETION *Completion)
{
    XENNET_TRANSMIT_PROCESSOR *Processor = TransmitThisProcessor(Transmit);
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    if (Completion->Status != XENVIF_TRANSMITTER_PACKET_OK) {
        TransmitCountDrop(Transmit, Processor, XENNET_TRANSMIT_DROP_BACKEND, 1);
        Status =
            Completion->Status == XENVIF_TRANSMITTER_PACKET_DROPPED ? NDIS_STATUS_SEND_ABORTED : NDIS_STATUS_FAILURE;
    }
    TransmitListPut(Processor, Cookie, 1, Status);
}

_Use_decl_annotations_
VOID
TransmitReadCounters(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_COUNTERS *Counters)
{
    PER_PROCESSOR_SUM(XENNET_TRANSMIT_PROCESSOR, Counters, Transmit->Processors, Transmit->ProcessorCount, Counters);
    Counters->Stalls = Transmit->Stalls;
}

_Use_decl_annotations_
VOID
TransmitNoteStall(XENNET_TRANSMIT *Transmit)
{
    Transmit->Stalls++;
}

_Use_decl_annotations_
ULONG64
TransmitOutstanding(XENNET_TRANSMIT *Transmit)
{
    XENNET_TRANSMIT_COUNTERS Counters;

    TransmitReadCounters(Transmit, &Counters);
    return Counters.Lists - Counters.ListsCompleted;
}

_Use_decl_annotations_
ULONG64
TransmitOutOfAge(XENNET_TRANSMIT *Transmit, ULONG Age)
{
    XENNET_TRANSMIT_COUNTERS Counters;

    TransmitReadCounters(Transmit, &Counters);
    if (Counters.Out[Age] == 0)
        return 0;
    // A sum that was taken while one was on its way counts it nowhere or twice: once more.
    KeFlushQueuedDpcs();
    TransmitReadCounters(Transmit, &Counters);
    return Counters.Out[Age];
}

_Use_decl_annotations_
VOID
TransmitDrain(XENNET_TRANSMIT *Transmit)
{
    ULONG64 Out;

    // XenVif has returned everything; what is left sits on done lists whose DPCs are queued.
    KeFlushQueuedDpcs();
    while ((Out = TransmitOutstanding(Transmit)) != 0) {
        DEBUG_ERROR("VIF was disabled with %u send(s) outstanding, waiting\n", (ULONG)Out);
        NdisMSleep(10000);
    }
}

_Use_decl_annotations_
NDIS_STATUS
TransmitCreate(XENNET_CONTEXT *Context, const XENNET_OFFLOAD *Offload, XENNET_TRANSMIT **Result)
{
    XENNET_TRANSMIT *Transmit;
    XENNET_TRANSMIT_PROCESSOR *Processor;
    ULONG Index;

    *Result = NULL;
    Transmit = MemoryAllocate(Context->NdisHandle, sizeof(*Transmit) + PER_PROCESSOR_SIZE(XENNET_TRANSMIT_PROCESSOR,
                                                                                          Context->ProcessorCount));
    if (Transmit == NULL)
        return NDIS_STATUS_RESOURCES;

    Transmit->Context = Context;
    Transmit->Processors = PER_PROCESSOR_ARRAY(Transmit + 1);
    Transmit->ProcessorCount = Context->ProcessorCount;
    TransmitLimitsSet(&Transmit->Limits, Context, Offload);
    for (Index = 0; Index < Transmit->ProcessorCount; Index++) {
        Processor = PER_PROCESSOR(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors, Index);
        TransmitListInitialize(Processor, Context->NdisHandle, Index);
        PerProcessorInitializeDpc(&Processor->PushDpc, TransmitPushDpc, Transmit, Index);
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
    DEBUG_ASSERT(TransmitOutstanding(Transmit) == 0);
    MemoryFree(Transmit);
}
