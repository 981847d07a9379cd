/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send path: NBLs from NDIS, looked at one by one (transmit_request.h) and handed to XenVif in batches, and what
 * XenVif returns. transmit_list.h has the outstanding NBLs and hands them to NDIS when they are done.
 *
 * IRQL: everything per packet runs at DISPATCH. Locks: none. Per-processor fields are touched only by that
 * processor at DISPATCH; readers sum them without stopping anybody.
 *
 * Nothing is held back: a packet is either in XenVif or completed, so there is nothing to cancel. There are two
 * exceptions, both marked in Held. A packet that XenVif would not take (Kept): those before it were queued with More
 * set and XenVif begins to send them with the next packet for that ring, so it is offered again until it is taken. And
 * UDP segments for which there are no buffers, with what is sent behind them (transmit_segments.h).
 */
#include "transmit.h"
#include "context.h"
#include "debug.h"
#include "lock.h"
#include "memory.h"
#include "per_processor.h"
#include "processor.h"
#include "transmit_list.h"
#include "transmit_request.h"
#include "timestamp.h"
#include "transmit_segments.h"

#define TRANSMIT_MAX_RUN 64           // packets that XenVif does not begin to send at once
#define TRANSMIT_NO_MORE 0x80000000UL // a run that does not begin: each packet is sent at once

struct _XENNET_TRANSMIT {
    // Immutable after TransmitCreate.
    XENNET_CONTEXT *Context;
    PUCHAR Processors; // XENNET_TRANSMIT_PROCESSOR of each
    ULONG ProcessorCount;
    XENNET_SEGMENTS *Segments;     // NULL: NDIS has no UDP segmentation
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

// Completes an NBL of which nothing was queued.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitRefuse(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, ULONG Age,
               XENNET_TRANSMIT_DROP Reason, NDIS_STATUS Status)
{
    NET_BUFFER *Nb;
    LONG Packets = 0;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb))
        Packets++;
    TransmitListCountDrop(Processor, &Transmit->Context->Reporter, Reason, (ULONG)Packets);
    TransmitListStart(Nbl, Packets, Age);
    TransmitListPut(Processor, Nbl, Packets, Status);
}

// XenVif would not take an NB: it counts as back.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
TransmitNotQueued(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    TransmitListCountDrop(Processor, &Transmit->Context->Reporter, XENNET_TRANSMIT_DROP_QUEUE, 1);
    TransmitListPut(Processor, Nbl, 1,
                    ContextIsRunning(Transmit->Context) ? NDIS_STATUS_RESOURCES : NDIS_STATUS_PAUSED);
}

// Hash: what TransmitHash returned. Once the NBL's last NB is offered the NBL may be gone.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOffer(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, XENNET_OFFLOAD_OPTIONS Options,
              USHORT MaximumSegmentSize, USHORT Tci, XENNET_PACKET_HASH *Hash, BOOLEAN More)
{
    return VifTransmitPacket(&Transmit->Context->Vif, NET_BUFFER_CURRENT_MDL(Nb), NET_BUFFER_CURRENT_MDL_OFFSET(Nb),
                             NET_BUFFER_DATA_LENGTH(Nb), Options, MaximumSegmentSize, Tci, Hash, More, Nbl);
}

// The same with what was read of the NB before.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOfferAsRead(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, XENNET_PACKET_HASH *Hash,
                    BOOLEAN More)
{
    const XENNET_TRANSMIT_REQUEST *Request = TransmitRequestOf(Nb);

    return TransmitOffer(Transmit, Nbl, Nb, Request->Options, Request->MaximumSegmentSize, Request->Tci, Hash, More);
}

// The same for the NB of an NBL of the common kind: no tag.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOfferCommon(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, XENNET_PACKET_HASH *Hash, BOOLEAN More)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    const XENNET_TRANSMIT_REQUEST *Request = TransmitRequestOf(Nb);

    return TransmitOffer(Transmit, Nbl, Nb, Request->Options, Request->MaximumSegmentSize, 0, Hash, More);
}

// What XenVif gets of an NBL's hash; without one it hashes for itself.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_PACKET_HASH *
TransmitHash(XENNET_TRANSMIT_PROCESSOR *Processor, XENNET_PACKET_HASH *PlainHash, NET_BUFFER_LIST *Nbl, BOOLEAN Hashed)
{
    if (!Hashed)
        return PlainHash;
    TransmitRequestReadHash(Nbl, &Processor->Hash);
    return &Processor->Hash;
}

// The same for a packet that no other one waits for.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_PACKET_HASH *
TransmitHashOfOne(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    return TransmitHash(Processor, &Transmit->Limits.PlainHash, Nbl,
                        TransmitRequestHasHash(Transmit->Limits.HashFunction, Nbl));
}

// The packet that was kept is offered again, for the last time where the adapter does not run any more. XenVif of
// before 2021 is not disabled before those that wait for this one are back, so there it stays until XenVif takes it.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitOfferKept(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_TRANSMIT_KEPT Kept = Processor->Kept;

    // Until XenVif has it TransmitIsPushed sees it, on other processors: no table is exchanged meanwhile.
    if (ContextMayOffer(Transmit->Context) &&
        NT_SUCCESS(TransmitOfferAsRead(Transmit, Kept.Nbl, Kept.Nb,
                                       TransmitHash(Processor, &Transmit->Limits.PlainHash, Kept.Nbl, Kept.Hashed), FALSE))) {
        Processor->Kept.Nbl = NULL;
        return;
    }
    if (ContextIsRunning(Transmit->Context) ||
        (Transmit->Context->Vif.Version == 8 && ContextMayOffer(Transmit->Context))) {
        Processor->Held = TRUE;
    } else {
        Processor->Kept.Nbl = NULL;
        TransmitNotQueued(Transmit, Processor, Kept.Nbl);
    }
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
        if (Processor->Held)
            (void)KeInsertQueueDpc(&Processor->PushDpc, NULL, NULL);
    }
}

_Use_decl_annotations_
BOOLEAN
TransmitIsPushed(XENNET_TRANSMIT *Transmit)
{
    const XENNET_TRANSMIT_PROCESSOR *Processor;
    ULONG Index;

    for (Index = 0; Index < Transmit->ProcessorCount; Index++) {
        Processor = PER_PROCESSOR(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors, Index);
        if (Processor->Kept.Nbl != NULL || (Processor->Segments != NULL && Processor->Segments->Pending))
            return FALSE;
    }
    return TRUE;
}

// XenVif would not take an NB and has not begun to send those before it; also where the adapter has begun to pause
// since: StateDrain offers it then. Hashed: it was offered with the NBL's own hash value.
static VOID
TransmitKeep(XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, BOOLEAN Hashed)
{
    Processor->Kept.Nbl = Nbl;
    Processor->Kept.Nb = Nb;
    Processor->Kept.Hashed = Hashed;
    Processor->Held = TRUE;
}

/*
 * XenVif would not take an NB. One failure fails the NBL, but the NBs after it are still tried: the last one clears
 * More, and without it those before would lie in XenVif until somebody else sends. Returns the run as
 * TransmitQueueAny does.
 */
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE ULONG
TransmitRefused(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb,
                BOOLEAN More, ULONG Run)
{
    if (!More && (Run & ~TRANSMIT_NO_MORE) != 0 && Processor->Kept.Nbl == NULL)
        TransmitKeep(Processor, Nbl, Nb, TransmitRequestHasHash(Processor->HashFunction, Nbl));
    else
        TransmitNotQueued(Transmit, Processor, Nbl);
    return Processor->Kept.Nbl != NULL ? TRANSMIT_NO_MORE : Run;
}

// XenVif sends the packet behind this NBL to the same ring for certain, so this one may wait for it (More).
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
TransmitHasMore(const XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, BOOLEAN Hashed)
{
    NET_BUFFER_LIST *Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);

    if (Next == NULL || TransmitRequestHasHash(Processor->HashFunction, Next) != Hashed)
        return FALSE;
    return Hashed ? NET_BUFFER_LIST_GET_HASH_VALUE(Nbl) == NET_BUFFER_LIST_GET_HASH_VALUE(Next)
                  : Processor->PlainHash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
}

// The same for the only NB of an NBL. More is found anew: nothing has to be kept for it while XenVif is called.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE ULONG
TransmitRefusedOne(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, ULONG Run)
{
    BOOLEAN Hashed = TransmitRequestHasHash(Processor->HashFunction, Nbl);

    return TransmitRefused(Transmit, Processor, Nbl, NET_BUFFER_LIST_FIRST_NB(Nbl),
                           TransmitHasMore(Processor, Nbl, Hashed), Run);
}

/*
 * Queues an NBL of any kind, after which nothing of it may be read. Run: packets before it that XenVif has not begun to
 * send; returned: after it. More stays set on at most TRANSMIT_MAX_RUN packets. While one is kept no other has to wait
 * in a ring, since only one can be kept (TRANSMIT_NO_MORE).
 */
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE ULONG
TransmitQueueAny(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, ULONG Run)
{
    BOOLEAN Hashed = TransmitRequestHasHash(Processor->HashFunction, Nbl);
    BOOLEAN MoreAfter = TransmitHasMore(Processor, Nbl, Hashed);
    XENNET_PACKET_HASH *Hash = TransmitHash(Processor, &Processor->PlainHash, Nbl, Hashed);
    NET_BUFFER *Nb;
    NET_BUFFER *Next;
    BOOLEAN More;
    BOOLEAN Waits;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = Next) {
        Next = NET_BUFFER_NEXT_NB(Nb);
        More = Next != NULL || MoreAfter;
        Waits = More && Run < TRANSMIT_MAX_RUN;
        if (!NT_SUCCESS(TransmitOfferAsRead(Transmit, Nbl, Nb, Hash, Waits)))
            Run = TransmitRefused(Transmit, Processor, Nbl, Nb, More, Run);
        else
            Run = Waits ? Run + 1 : Run & TRANSMIT_NO_MORE;
    }
    return Run;
}

// The same for an NBL of the common kind. Hashed: what TransmitRequestHasHash returned.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE ULONG
TransmitQueueCommon(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl,
                    BOOLEAN Hashed, ULONG Run)
{
    XENNET_PACKET_HASH *Hash = TransmitHash(Processor, &Processor->PlainHash, Nbl, Hashed);

    // Each way has a call of its own: nothing has to be kept over it that is known in one of them.
    if (Run < TRANSMIT_MAX_RUN && TransmitHasMore(Processor, Nbl, Hashed)) {
        if (!NT_SUCCESS(TransmitOfferCommon(Transmit, Nbl, Hash, TRUE)))
            return TransmitRefusedOne(Transmit, Processor, Nbl, Run);
        return Run + 1;
    }
    if (!NT_SUCCESS(TransmitOfferCommon(Transmit, Nbl, Hash, FALSE)))
        return TransmitRefusedOne(Transmit, Processor, Nbl, Run);
    return Run & TRANSMIT_NO_MORE;
}

// An NBL that is not like nearly all. FALSE: it cannot be sent and was completed.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE BOOLEAN
TransmitReadUncommon(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, ULONG Age)
{
    XENNET_TRANSMIT_DROP Reason;
    NDIS_STATUS Status;
    LONG Count;

    Status = TransmitRequestRead(&Transmit->Limits, Nbl, &Count, &Reason);
    if (Status != NDIS_STATUS_SUCCESS) {
        TransmitRefuse(Transmit, Processor, Nbl, Age, Reason, Status);
        return FALSE;
    }
    TimestampSend(Transmit->Limits.Stamps, Nbl);
    TransmitListStart(Nbl, Count, Age);
    return TRUE;
}

// Reads what each NBL of the chain asks for, up to one that asks for UDP segments (Rest), and returns those that can be
// sent; the others are completed.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE NET_BUFFER_LIST *
TransmitReadChain(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    ULONG Age = Transmit->Age;
    NET_BUFFER_LIST **Link = &Chain;
    NET_BUFFER_LIST *Nbl;
    NET_BUFFER_LIST *Next;
    ULONG Count = 0;

    for (Nbl = Chain; Nbl != NULL; Nbl = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        if (TransmitRequestReadCommon(&Transmit->Limits, Nbl, TransmitRequestOf(NET_BUFFER_LIST_FIRST_NB(Nbl)))) {
            TransmitListStart(Nbl, 1, Age);
        } else if (SegmentIsAsked(&Transmit->Limits, Nbl)) {
            *Link = NULL;
            Processor->Rest = Nbl;
            break;
        } else if (!TransmitReadUncommon(Transmit, Processor, Nbl, Age)) {
            Count++;
            *Link = Next;
            continue;
        }
        Count++;
        Link = &NET_BUFFER_LIST_NEXT_NBL(Nbl);
    }
    TransmitListTake(Processor, Count, Age);
    return Chain;
}

/*
 * Sends the chain up to an NBL that asks for UDP segments: Rest has that, with what is behind it. All of the others are
 * read first, so that a packet which promises more is followed by it: More stays set on the last NB of an NBL only
 * where the next NBL goes to the same ring for certain.
 */
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
TransmitSendChain(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    NET_BUFFER_LIST *Nbl;
    NET_BUFFER_LIST *Next;
    ULONG Run;

    // Both may change meanwhile: what was promised with the first packet holds for the last one.
    Processor->HashFunction = Transmit->Limits.HashFunction;
    Processor->PlainHash.Algorithm = Transmit->Limits.PlainHash.Algorithm;
    Run = Processor->Kept.Nbl != NULL ? TRANSMIT_NO_MORE : 0;
    for (Nbl = TransmitReadChain(Transmit, Processor, Chain); Nbl != NULL; Nbl = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        if (!TransmitRequestIsCommon(NET_BUFFER_LIST_FIRST_NB(Nbl)))
            Run = TransmitQueueAny(Transmit, Processor, Nbl, Run);
        else if (TransmitRequestHasHash(Processor->HashFunction, Nbl))
            Run = TransmitQueueCommon(Transmit, Processor, Nbl, TRUE, Run);
        else
            Run = TransmitQueueCommon(Transmit, Processor, Nbl, FALSE, Run);
    }
}

// Sends Rest, which begins with an NBL that asks for UDP segments. When that has to wait, so does what is behind it.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
TransmitSendRest(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Nbl;
    NET_BUFFER_LIST *Next;

    while ((Nbl = Processor->Rest) != NULL) {
        Processor->Rest = NULL;
        Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        if (!SegmentsSend(Transmit->Segments, Processor, Nbl, Transmit->Age)) {
            SegmentsWait(Processor, Next, Transmit->Age);
            Processor->Held = TRUE;
        } else if (Next != NULL) {
            TransmitSendChain(Transmit, Processor, Next);
        }
    }
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitSendAny(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    TransmitSendChain(Transmit, Processor, Chain);
    if (Processor->Rest != NULL)
        TransmitSendRest(Transmit, Processor);
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

// A chain that comes, or had to wait, while the adapter does not run.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitRefuseChain(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    ULONG Age = Transmit->Age;
    NET_BUFFER_LIST *Nbl;

    while (Chain != NULL) {
        Nbl = Chain;
        Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        TransmitListTake(Processor, 1, Age);
        TransmitRefuse(Transmit, Processor, Nbl, Age, XENNET_TRANSMIT_DROP_STATE,
                       ContextSendRefusal(Transmit->Context));
    }
}

// Goes on with what is held.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitContinue(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Waiting;

    // Whatever is sent below and has to wait sets it again.
    Processor->Held = FALSE;
    if (Processor->Kept.Nbl != NULL)
        TransmitOfferKept(Transmit, Processor);
    if (Processor->Segments == NULL)
        return;
    if (!SegmentsContinue(Transmit->Segments, Processor)) {
        Processor->Held = TRUE;
        return;
    }
    Waiting = SegmentsTakeWaiting(Processor);
    if (Waiting == NULL)
        return;
    if (ContextIsRunning(Transmit->Context))
        TransmitSendAny(Transmit, Processor, Waiting);
    else
        TransmitRefuseChain(Transmit, Processor, Waiting);
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

    if (!Processor->Held)
        return;
    TransmitListEnter(Processor);
    TransmitContinue(Transmit, Processor);
    TransmitListLeave(Processor);
}

// The chain comes while the adapter does not run, or behind something that is held.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
TransmitSendUncommon(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    if (!ContextIsRunning(Transmit->Context)) {
        TransmitRefuseChain(Transmit, Processor, Chain);
        return;
    }
    TransmitContinue(Transmit, Processor);
    if (Processor->Segments != NULL && SegmentsAreCut(Processor->Segments))
        SegmentsWait(Processor, Chain, Transmit->Age);
    else
        TransmitSendAny(Transmit, Processor, Chain);
}

_Use_decl_annotations_
VOID
TransmitSend(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Chain, ULONG SendFlags)
{
    BOOLEAN AtDispatch = NDIS_TEST_SEND_AT_DISPATCH_LEVEL(SendFlags) != 0;
    XENNET_TRANSMIT_PROCESSOR *Processor;
    KIRQL Irql;

    Irql = IrqlRaise(AtDispatch);
    Processor = TransmitThisProcessor(Transmit);
    TransmitListEnter(Processor);
    Processor->Counters.NdisCalls++;

    // At DISPATCH: StateStop visits every processor and so waits for whoever has seen the old state here.
    if (!ContextIsRunning(Transmit->Context) || Processor->Held)
        TransmitSendUncommon(Transmit, Processor, Chain);
    else if (NET_BUFFER_LIST_NEXT_NBL(Chain) != NULL || !TransmitSendOne(Transmit, Processor, Chain))
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

// The packet was not sent.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
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
TransmitDrain(XENNET_TRANSMIT *Transmit)
{
    ULONG64 Out;

    // XenVif has returned everything; what is left is held, and given up by the push, or sits on done lists whose DPCs
    // are queued.
    TransmitPush(Transmit);
    KeFlushQueuedDpcs();
    while ((Out = TransmitOutstanding(Transmit)) != 0) {
        DEBUG_ERROR("VIF was disabled with %u send(s) outstanding, waiting\n", (ULONG)Out);
        NdisMSleep(10000);
        TransmitPush(Transmit);
    }
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
        TransmitListInitialize(Processor, Context->NdisHandle, Index);
        PerProcessorInitializeDpc(&Processor->PushDpc, TransmitPushDpc, Transmit, Index);
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
