/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chains of NBLs to send. A chain is read before any of it is queued, since a packet that promises more has to be
 * followed by it; then its NBLs are queued in order, those that ask for UDP segments by transmit_segments.c.
 *
 * The way of what nearly every NBL of a chain is (TransmitRequestReadCommon) has two loops, over what is read and over
 * what is queued, each with as much as fits the registers; anything else goes through functions of its own.
 *
 * IRQL: DISPATCH. Locks: none.
 */
#include "transmit_path.h"
#include "timestamp.h"

#define TRANSMIT_MAX_RUN 64           // packets that XenVif does not begin to send at once
#define TRANSMIT_NO_MORE 0x80000000UL // a run that does not begin: each packet is sent at once

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

_Use_decl_annotations_
VOID
TransmitNotQueued(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl)
{
    TransmitListCountDrop(Processor, &Transmit->Context->Reporter, XENNET_TRANSMIT_DROP_QUEUE, 1);
    TransmitListPut(Processor, Nbl, 1,
                    ContextIsRunning(Transmit->Context) ? NDIS_STATUS_RESOURCES : NDIS_STATUS_PAUSED);
}

_Use_decl_annotations_
VOID
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

/*
 * XenVif would not take an NB. One failure fails the NBL, but the NBs after it are still tried: the last one clears
 * More, and without it those before would lie in XenVif until somebody else sends. Returns the run as
 * TransmitQueueAny does.
 */
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED ULONG
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

    if (UNLIKELY(Next == NULL) || UNLIKELY(TransmitRequestHasHash(Processor->HashFunction, Next) != Hashed))
        return FALSE;
    return Hashed ? NET_BUFFER_LIST_GET_HASH_VALUE(Nbl) == NET_BUFFER_LIST_GET_HASH_VALUE(Next)
                  : Processor->PlainRun != 0;
}

// The same for the only NB of an NBL. More is found anew: nothing has to be kept for it while XenVif is called.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED ULONG
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
static RARELY_CALLED ULONG
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

// The same for one NBL of the common kind and those behind it that are like it, up to one that nothing waits for.
// Hashed: what TransmitRequestHasHash returned of the first. Returns what is not queued yet.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
TransmitQueueCommon(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl,
                    BOOLEAN Hashed, ULONG *Run)
{
    XENNET_PACKET_HASH *Hash;
    NET_BUFFER_LIST *Next;

    // Each way has a call of its own: nothing has to be kept over it that is known in one of them.
    do {
        Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        Hash = TransmitHash(Processor, &Processor->PlainHash, Nbl, Hashed);
        if (UNLIKELY(*Run >= (Hashed ? TRANSMIT_MAX_RUN : Processor->PlainRun)) ||
            UNLIKELY(!TransmitHasMore(Processor, Nbl, Hashed))) {
            if (NT_SUCCESS(TransmitOfferCommon(Transmit, Nbl, Hash, FALSE)))
                *Run &= TRANSMIT_NO_MORE;
            else
                *Run = TransmitRefusedOne(Transmit, Processor, Nbl, *Run);
            return Next;
        }
        if (NT_SUCCESS(TransmitOfferCommon(Transmit, Nbl, Hash, TRUE)))
            ++*Run;
        else
            *Run = TransmitRefusedOne(Transmit, Processor, Nbl, *Run);
        Nbl = Next;
    } while (TransmitRequestIsCommon(NET_BUFFER_LIST_FIRST_NB(Nbl)));
    return Nbl;
}

// An NBL that is not like nearly all. FALSE: it cannot be sent and was completed.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED BOOLEAN
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
        if (LIKELY(
                TransmitRequestReadCommon(&Transmit->Limits, Nbl, TransmitRequestOf(NET_BUFFER_LIST_FIRST_NB(Nbl))))) {
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
    Processor->PlainRun =
        Processor->PlainHash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ ? TRANSMIT_MAX_RUN : 0;
    Run = Processor->Kept.Nbl != NULL ? TRANSMIT_NO_MORE : 0;
    for (Nbl = TransmitReadChain(Transmit, Processor, Chain); Nbl != NULL; Nbl = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        if (!TransmitRequestIsCommon(NET_BUFFER_LIST_FIRST_NB(Nbl)))
            Run = TransmitQueueAny(Transmit, Processor, Nbl, Run);
        else if (TransmitRequestHasHash(Processor->HashFunction, Nbl))
            Next = TransmitQueueCommon(Transmit, Processor, Nbl, TRUE, &Run);
        else
            Next = TransmitQueueCommon(Transmit, Processor, Nbl, FALSE, &Run);
    }
}

// Sends Rest, which begins with an NBL that asks for UDP segments. When that has to wait, so does what is behind it.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
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

_Use_decl_annotations_
VOID
TransmitSendAny(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    TransmitSendChain(Transmit, Processor, Chain);
    if (Processor->Rest != NULL)
        TransmitSendRest(Transmit, Processor);
}
