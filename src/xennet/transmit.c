/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send path: NBLs from NDIS, looked at one by one (transmit_request.h) and handed to XenVif in batches
 * (transmit_chain.c), and what XenVif returns. transmit_list.h has the outstanding NBLs and hands them to NDIS when
 * they are done.
 *
 * IRQL: everything per packet runs at DISPATCH. Locks: none. Per-processor fields are touched only by that
 * processor at DISPATCH; readers sum them without stopping anybody.
 *
 * Nothing is held back: a packet is either in XenVif or completed, so there is nothing to cancel. transmit_held.c has
 * the two exceptions.
 */
#include "transmit_path.h"
#include "debug.h"
#include "lock.h"
#include "memory.h"
#include "processor.h"

// The same for a packet that no other one waits for.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_PACKET_HASH *
TransmitHashOfOne(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    return TransmitHash(Processor, &Transmit->Limits.PlainHash, Nbl,
                        TransmitRequestHasHash(Transmit->Limits.HashFunction, Nbl));
}

/*
 * Sends one NBL of the common kind: what it asks for stays in registers. FALSE: it is of another kind, and nothing was
 * done.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
TransmitSendOne(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    XENNET_TRANSMIT_REQUEST Request;
    XENNET_PACKET_HASH *Hash;
    ULONG Age = Transmit->Age;

    if (!TransmitRequestReadCommon(&Transmit->Limits, Nbl, &Request))
        return FALSE;
    TransmitListTake(Processor, 1, Age);
    TransmitListStart(Nbl, 1, Age);
    Hash = TransmitHashOfOne(Transmit, Processor, Nbl);
    if (!NT_SUCCESS(TransmitOffer(Transmit, Nbl, Nb, Request.Options, Request.MaximumSegmentSize, 0, Hash, FALSE)))
        TransmitNotQueued(Transmit, Processor, Nbl);
    return TRUE;
}

// The chain comes while the adapter does not run, behind something that is held, or after a migration before the
// watchdog has seen XenVif with queues.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
TransmitSendUncommon(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    if (!ContextIsRunning(Transmit->Context) || !ContextHasQueues(Transmit->Context)) {
        TransmitRefuseChain(Transmit, Processor, Chain);
        return;
    }
    TransmitContinue(Transmit, Processor);
    if (Processor->Segments != NULL && SegmentsAreCut(Processor->Segments))
        SegmentsWait(Processor, Chain, Transmit->Age);
    else
        TransmitSendAny(Transmit, Processor, Chain);
}

// From below DISPATCH. A function of its own: the other way keeps no IRQL.
static DECLSPEC_NOINLINE VOID
TransmitSendRaised(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Chain)
{
    KIRQL Irql;

    Irql = IrqlRaise(FALSE);
    TransmitSend(Transmit, Chain, NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    IrqlLower(Irql);
}

_Use_decl_annotations_
VOID
TransmitSend(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Chain, ULONG SendFlags)
{
    XENNET_TRANSMIT_PROCESSOR *Processor;
    KIRQL Irql;

    if (UNLIKELY(!NDIS_TEST_SEND_AT_DISPATCH_LEVEL(SendFlags))) {
        TransmitSendRaised(Transmit, Chain);
        return;
    }
    Irql = IrqlRaise(TRUE);
    Processor = TransmitThisProcessor(Transmit);
    TransmitListEnter(Processor);
    Processor->Counters.NdisCalls++;

    // At DISPATCH: StateStop visits every processor and so waits for whoever has seen the old state here.
    if (!ContextIsRunning(Transmit->Context) || Processor->Held)
        TransmitSendUncommon(Transmit, Processor, Chain);
    else if (UNLIKELY(NET_BUFFER_LIST_NEXT_NBL(Chain) != NULL || !TransmitSendOne(Transmit, Processor, Chain)))
        TransmitSendAny(Transmit, Processor, Chain);

    TransmitListLeave(Processor);
    AlarmRaise(&Transmit->Context->Alarm);
    IrqlLower(Irql);
}

_Use_decl_annotations_
VOID
TransmitSetOffload(XENNET_TRANSMIT *Transmit)
{
    TransmitLimitsSetOffload(&Transmit->Limits);
}

_Use_decl_annotations_
VOID
TransmitSetFrameSize(XENNET_TRANSMIT *Transmit, ULONG MaximumFrameSize)
{
    TransmitLimitsSetFrameSize(&Transmit->Limits, MaximumFrameSize);
}

_Use_decl_annotations_
VOID
TransmitSetVlan(XENNET_TRANSMIT *Transmit)
{
    TransmitLimitsSetVlan(&Transmit->Limits);
}

_Use_decl_annotations_
VOID
TransmitSetQueues(XENNET_TRANSMIT *Transmit, ULONG QueueCount, BOOLEAN Mapped, BOOLEAN Stray)
{
    Transmit->Stray = Stray;
    TransmitLimitsSetQueues(&Transmit->Limits, QueueCount, Mapped);
}

_Use_decl_annotations_
VOID
TransmitSetAge(XENNET_TRANSMIT *Transmit, ULONG Age)
{
    Transmit->Age = Age;
}

// The packet was not sent.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
TransmitReturnFailed(XENNET_TRANSMIT *Transmit, PVOID Cookie, const XENNET_COMPLETION *Completion)
{
    XENNET_TRANSMIT_PROCESSOR *Processor = TransmitThisProcessor(Transmit);
    NDIS_STATUS Status =
        Completion->Status == XENVIF_TRANSMITTER_PACKET_DROPPED ? NDIS_STATUS_SEND_ABORTED : NDIS_STATUS_FAILURE;

    TransmitListCountDrop(Processor, &Transmit->Context->Reporter, XENNET_TRANSMIT_DROP_BACKEND, 1);
    if (TransmitListOf(Cookie)->Remaining < 0)
        SegmentsReturn(Processor, Cookie, Status);
    else
        TransmitListPut(Processor, Cookie, 1, Status);
}

// One packet of several, or a segment: that lies there as an NBL does, with a Remaining that no NBL has.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
TransmitReturnOneOfSeveral(XENNET_TRANSMIT_PROCESSOR *Processor, PVOID Cookie)
{
    if (TransmitListOf(Cookie)->Remaining < 0)
        SegmentsReturn(Processor, Cookie, NDIS_STATUS_SUCCESS);
    else
        TransmitListPut(Processor, Cookie, 1, NDIS_STATUS_SUCCESS);
}

_Use_decl_annotations_
VOID
TransmitReturnPacket(XENNET_TRANSMIT *Transmit, PVOID Cookie, XENNET_COMPLETION *Completion)
{
    XENNET_TRANSMIT_PROCESSOR *Processor;

    if (Completion->Status != XENVIF_TRANSMITTER_PACKET_OK) {
        TransmitReturnFailed(Transmit, Cookie, Completion);
        return;
    }
    Processor = TransmitThisProcessor(Transmit);
    if (TransmitListOf(Cookie)->Remaining == 1)
        TransmitListDone(Processor, Cookie);
    else
        TransmitReturnOneOfSeveral(Processor, Cookie);
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
TransmitDefer(XENNET_TRANSMIT *Transmit, BOOLEAN Deferred)
{
    KIRQL Irql;

    Irql = IrqlRaise(FALSE);
    TransmitThisProcessor(Transmit)->Deferred = Deferred;
    IrqlLower(Irql);
}

_Use_decl_annotations_
BOOLEAN
TransmitDrain(XENNET_TRANSMIT *Transmit, ULONG Naps)
{
    ULONG64 Out;

    // XenVif has returned what it can; what is left is held, and given up by the push, or sits on done lists whose DPCs
    // are queued.
    TransmitPush(Transmit);
    KeFlushQueuedDpcs();
    while ((Out = TransmitOutstanding(Transmit)) != 0) {
        if (Naps-- == 0) {
            DEBUG_ERROR("%u send(s) wait in XenVif for a queue that it does not have\n", (ULONG)Out);
            return FALSE;
        }
        NdisMSleep(10000);
        TransmitPush(Transmit);
    }
    return TRUE;
}

_Use_decl_annotations_
NDIS_STATUS
TransmitCreate(XENNET_CONTEXT *Context, const XENNET_OFFLOAD *Offload, XENNET_TRANSMIT **Result)
{
    XENNET_TRANSMIT *Transmit;
    XENNET_TRANSMIT_PROCESSOR *Processor;
    NDIS_STATUS Status;
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
    Status = SegmentsCreate(Context, &Transmit->Limits, &Transmit->Segments);
    if (Status != NDIS_STATUS_SUCCESS) {
        MemoryFree(Transmit);
        return Status;
    }
    for (Index = 0; Index < Transmit->ProcessorCount; Index++) {
        Processor = PER_PROCESSOR(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors, Index);
        TransmitListInitialize(Processor, Context->NdisHandle);
        KeInitializeDpc(&Processor->PushDpc, TransmitPushDpc, Transmit);
        if (Transmit->Segments != NULL)
            Processor->Segments = SegmentsProcessor(Transmit->Segments, Index, &Processor->PushDpc);
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
    // A DPC may still be on its way out after the last completion, or a callback.
    KeFlushQueuedDpcs();
    ProcessorWaitAll();
    DEBUG_ASSERT(TransmitOutstanding(Transmit) == 0);
    SegmentsDestroy(Transmit->Segments);
    MemoryFree(Transmit);
}
