/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending UDP segments. An NBL that asks for them counts as so many packets as it has segments; they are made as there
 * are buffers for them (segment_pool.h) and given to XenVif at once, so that one is ahead of XenVif at most:
 *
 *   NBL --SegmentMake--> [Ahead] --> [Made] --VIF--> ... --SegmentsReturn--> buffer free, one packet of the NBL back
 *
 * When no buffer is left the NBL waits for some to come back, and whatever is sent on this processor meanwhile waits
 * behind it, so that nothing is lost and nothing overtakes. What XenVif would not take waits likewise, for some
 * milliseconds, where others before it are pending (More); else the rest of its NBL is given up.
 *
 * IRQL: DISPATCH. Locks: none. A processor's share is touched by that processor alone.
 */
#include "transmit_segments.h"
#include "context.h"
#include "memory.h"
#include "per_processor.h"
#include "timestamp.h"

#define SEGMENTS_MAX_RUN 64 // that XenVif does not begin to send at once

struct _XENNET_SEGMENTS {
    // Immutable after SegmentsCreate.
    XENNET_CONTEXT *Context;
    const XENNET_TRANSMIT_LIMITS *Limits;
    PUCHAR Processors; // XENNET_SEGMENTS_PROCESSOR of each
};

// What is left of the NBL that is cut counts as back.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
SegmentsGiveUp(XENNET_SEGMENTS *Segments, XENNET_TRANSMIT_PROCESSOR *Processor, XENNET_TRANSMIT_DROP Reason,
               NDIS_STATUS Status)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;
    NET_BUFFER_LIST *Nbl = Here->Cut.Nbl;
    ULONG Count = SegmentCountLeft(&Here->Cut);

    if (Here->Made != NULL) {
        SegmentPoolPut(&Here->Pool, Here->Made);
        Count++;
    }
    if (Here->Ahead != NULL) {
        SegmentPoolPut(&Here->Pool, Here->Ahead);
        Count++;
    }
    Here->Made = NULL;
    Here->Ahead = NULL;
    Here->Pending = FALSE;
    Here->Cut.Nbl = NULL;
    TransmitListCountDrop(Processor, &Segments->Context->Reporter, Reason, Count);
    TransmitListPut(Processor, Nbl, (LONG)Count, Status);
}

// No segment could be made. TRUE: try again, or, with no NBL being cut any more, it was given up.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentsLack(XENNET_SEGMENTS *Segments, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;

    if (Here->Cut.Status != NDIS_STATUS_SUCCESS) {
        SegmentsGiveUp(Segments, Processor, XENNET_TRANSMIT_DROP_LENGTH, Here->Cut.Status);
        return TRUE;
    }
    switch (SegmentPoolWait(&Here->Pool)) {
    case SegmentPoolWaits:
        return FALSE;

    case SegmentPoolNoneIsOut:
        SegmentsGiveUp(Segments, Processor, XENNET_TRANSMIT_DROP_QUEUE, NDIS_STATUS_RESOURCES);
        return TRUE;

    default:
        return TRUE;
    }
}

/*
 * Gives Made to XenVif. The NBL may be gone then, if that was its last one. FALSE: XenVif would not take it.
 */
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentsOffer(XENNET_SEGMENTS *Segments, XENNET_SEGMENTS_PROCESSOR *Here, BOOLEAN More)
{
    XENNET_TRANSMIT_REQUEST Request = Here->Cut.Request;
    NET_BUFFER_LIST *Nbl = Here->Cut.Nbl;
    XENNET_SEGMENT *Segment = Here->Made;
    XENNET_SEGMENT *Ahead = Here->Ahead;

    // First: XenVif may return it from within.
    Here->Made = Ahead;
    Here->Ahead = NULL;
    if (Ahead == NULL && Here->Cut.Left == 0)
        Here->Cut.Nbl = NULL;
    if (NT_SUCCESS(VifTransmitPacket(&Segments->Context->Vif, &Segment->HeaderMdl.Mdl, 0, Segment->Length,
                                     Request.Options, 0, Request.Tci, &Here->Hash, More, Segment)))
        return TRUE;
    Here->Made = Segment;
    Here->Ahead = Ahead;
    Here->Cut.Nbl = Nbl;
    return FALSE;
}

// Makes and sends until the NBL is through, or was given up. FALSE: it waits.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentsRun(XENNET_SEGMENTS *Segments, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;
    ULONG Run = 0;
    BOOLEAN More;

    while (Here->Cut.Nbl != NULL) {
        if (Here->Made == NULL)
            Here->Made = SegmentMake(&Here->Cut);
        if (Here->Made == NULL) {
            if (!SegmentsLack(Segments, Processor))
                return FALSE;
            continue;
        }
        if (Here->Ahead == NULL && Here->Cut.Left != 0)
            Here->Ahead = SegmentMake(&Here->Cut);
        More = Here->Ahead != NULL && Run < SEGMENTS_MAX_RUN && !Here->Pending;
        if (SegmentsOffer(Segments, Here, More)) {
            Run = More ? Run + 1 : 0;
            Here->Pending = FALSE;
        } else if (Run != 0 || Here->Pending) {
            Here->Pending = TRUE;
            SegmentPoolRetry(&Here->Pool);
            return FALSE;
        } else {
            SegmentsGiveUp(Segments, Processor, XENNET_TRANSMIT_DROP_QUEUE,
                           ContextIsRunning(Segments->Context) ? NDIS_STATUS_RESOURCES : NDIS_STATUS_PAUSED);
        }
    }
    return TRUE;
}

// All segments of an NBL go to one ring: with its own hash, or with one that XenVif computes of what they all have.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
SegmentsReadHash(const XENNET_TRANSMIT_LIMITS *Limits, XENNET_SEGMENTS_PROCESSOR *Here)
{
    if (TransmitRequestHasHash(Limits->HashFunction, Here->Cut.Nbl))
        TransmitRequestReadHash(Here->Cut.Nbl, &Here->Hash);
    else
        Here->Hash = Limits->PlainHash;
}

_Use_decl_annotations_
BOOLEAN
SegmentsSend(XENNET_SEGMENTS *Segments, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, ULONG Age)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;
    XENNET_TRANSMIT_DROP Reason;
    NDIS_STATUS Status;

    TransmitListTake(Processor, 1, Age);
    Status = SegmentBegin(Segments->Limits, &Here->Cut, Nbl, &Reason);
    if (Status != NDIS_STATUS_SUCCESS) {
        TransmitListCountDrop(Processor, &Segments->Context->Reporter, Reason, 1);
        TransmitListStart(Nbl, 1, Age);
        TransmitListPut(Processor, Nbl, 1, Status);
        return TRUE;
    }
    TransmitListStart(Nbl, (LONG)SegmentCountLeft(&Here->Cut), Age);
    SegmentsReadHash(Segments->Limits, Here);
    TimestampSend(Segments->Limits->Stamps, Nbl);
    return SegmentsRun(Segments, Processor);
}

_Use_decl_annotations_
BOOLEAN
SegmentsContinue(XENNET_SEGMENTS *Segments, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;
    BOOLEAN Running = ContextIsRunning(Segments->Context);

    if (Here->Cut.Nbl == NULL)
        return TRUE;
    // What others wait for goes to the ring that they are in.
    if (!Here->Pending)
        SegmentsReadHash(Segments->Limits, Here);
    if (Running)
        return SegmentsRun(Segments, Processor);
    // As transmit.c does with a packet that was kept: XenVif gets it once more, for the sake of those that pend.
    if (Here->Pending && ContextMayOffer(Segments->Context)) {
        if (SegmentsOffer(Segments, Here, FALSE))
            Here->Pending = FALSE;
        else if (Segments->Context->Vif.Version == 8)
            return FALSE;
    }
    if (Here->Cut.Nbl != NULL)
        SegmentsGiveUp(Segments, Processor, XENNET_TRANSMIT_DROP_STATE, ContextSendRefusal(Segments->Context));
    return TRUE;
}

_Use_decl_annotations_
VOID
SegmentsWait(XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain, ULONG Age)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;

    *Here->WaitingTail = Chain;
    for (; Chain != NULL; Chain = NET_BUFFER_LIST_NEXT_NBL(Chain)) {
        TransmitListTake(Processor, 1, Age);
        Chain->Scratch = (PVOID)(ULONG_PTR)Age;
        Here->WaitingTail = &NET_BUFFER_LIST_NEXT_NBL(Chain);
    }
}

_Use_decl_annotations_
NET_BUFFER_LIST *
SegmentsTakeWaiting(const XENNET_SEGMENTS *Segments, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_SEGMENTS_PROCESSOR *Here = Processor->Segments;
    NET_BUFFER_LIST *Chain = Here->Waiting;
    NET_BUFFER_LIST *Nbl = Chain;
    NET_BUFFER_LIST *Last;
    BOOLEAN Cut;

    if (Chain == NULL)
        return NULL;
    Cut = SegmentIsAsked(Segments->Limits, Chain);
    do {
        Processor->Counters.Out[(ULONG_PTR)Nbl->Scratch]--;
        Processor->Counters.Lists--;
        Last = Nbl;
        Nbl = NET_BUFFER_LIST_NEXT_NBL(Nbl);
    } while (Nbl != NULL && !Cut && !SegmentIsAsked(Segments->Limits, Nbl));
    NET_BUFFER_LIST_NEXT_NBL(Last) = NULL;
    Here->Waiting = Nbl;
    if (Nbl == NULL)
        Here->WaitingTail = &Here->Waiting;
    return Chain;
}

_Use_decl_annotations_
VOID
SegmentsReturn(XENNET_TRANSMIT_PROCESSOR *Processor, XENNET_SEGMENT *Segment, NDIS_STATUS Status)
{
    NET_BUFFER_LIST *Nbl = Segment->Nbl;

    // Before the NBL is: its MDLs may go with it, and so may the pool.
    SegmentPoolReturn(&Processor->Segments->Pool, Segment);
    TransmitListPut(Processor, Nbl, 1, Status);
}

_Use_decl_annotations_
XENNET_SEGMENTS_PROCESSOR *
SegmentsProcessor(XENNET_SEGMENTS *Segments, ULONG Index, KDPC *Wake)
{
    XENNET_SEGMENTS_PROCESSOR *Here = PER_PROCESSOR(XENNET_SEGMENTS_PROCESSOR, Segments->Processors, Index);

    Here->WaitingTail = &Here->Waiting;
    Here->Cut.Pool = &Here->Pool;
    SegmentPoolInitialize(&Here->Pool, Segments->Context->NdisHandle, Segments->Context->Config.SegmentBuffers,
                          ContextMtu(Segments->Context), Wake);
    return Here;
}

_Use_decl_annotations_
NDIS_STATUS
SegmentsCreate(XENNET_CONTEXT *Context, const XENNET_TRANSMIT_LIMITS *Limits, XENNET_SEGMENTS **Result)
{
    XENNET_SEGMENTS *Segments;

    *Result = NULL;
    if (!Context->Revisions->UdpSegments)
        return NDIS_STATUS_SUCCESS;
    Segments = MemoryAllocate(Context->NdisHandle, sizeof(*Segments) + PER_PROCESSOR_SIZE(XENNET_SEGMENTS_PROCESSOR,
                                                                                          Context->ProcessorCount));
    if (Segments == NULL)
        return NDIS_STATUS_RESOURCES;
    Segments->Context = Context;
    Segments->Limits = Limits;
    Segments->Processors = PER_PROCESSOR_ARRAY(Segments + 1);
    *Result = Segments;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
SegmentsDestroy(XENNET_SEGMENTS *Segments)
{
    ULONG Index;

    if (Segments == NULL)
        return;
    for (Index = 0; Index < Segments->Context->ProcessorCount; Index++)
        SegmentPoolDestroy(&PER_PROCESSOR(XENNET_SEGMENTS_PROCESSOR, Segments->Processors, Index)->Pool);
    MemoryFree(Segments);
}
