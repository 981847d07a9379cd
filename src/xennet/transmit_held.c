/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the send path holds back, which is two things, both marked in Held. A packet that XenVif would not take (Kept):
 * those before it were queued with More set and XenVif begins to send them with the next packet for that ring, so it is
 * offered again until it is taken. And UDP segments for which there are no buffers, with what is sent behind them
 * (transmit_segments.h). After a migration every processor is marked, so that each send comes by here until the
 * watchdog has seen XenVif with queues (Connecting).
 *
 * It is looked at with the next send of the processor, by the watchdog now and then, when buffers come back, and when
 * the adapter stops running.
 *
 * IRQL: DISPATCH on the processor that holds it; TransmitPush and TransmitIsPushed look from elsewhere. Locks: none.
 */
#include "transmit_path.h"

_Use_decl_annotations_
VOID
TransmitKeep(XENNET_TRANSMIT_PROCESSOR *Processor, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, BOOLEAN Hashed)
{
    Processor->Kept.Nbl = Nbl;
    Processor->Kept.Nb = Nb;
    Processor->Kept.Hashed = Hashed;
    Processor->Held = TRUE;
}

// The packet that was kept is offered again, for the last time where the adapter does not run any more. XenVif of
// before 2021 is not disabled before those that wait for this one are back, so there it stays until XenVif takes it.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitOfferKept(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    XENNET_TRANSMIT_KEPT Kept = Processor->Kept;
    // Those before it went to the ring that its hash value picked, and wait for it there. XenVif begins to send them by
    // itself when it has connected anew.
    BOOLEAN Hashed = (BOOLEAN)(Kept.Hashed && !Transmit->Stray);

    // Until XenVif has it TransmitIsPushed sees it, on other processors: no table is exchanged meanwhile.
    if (ContextMayOffer(Transmit->Context) &&
        NT_SUCCESS(TransmitOfferAsRead(Transmit, Kept.Nbl, Kept.Nb,
                                       TransmitHash(Processor, &Transmit->Limits.PlainHash, Kept.Nbl, Hashed),
                                       FALSE))) {
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
        if (Processor->Held && PerProcessorAimDpc(&Processor->PushDpc, Index))
            (void)KeInsertQueueDpc(&Processor->PushDpc, NULL, NULL);
    }
}

_Use_decl_annotations_
VOID
TransmitHoldAll(XENNET_TRANSMIT *Transmit)
{
    ULONG Index;

    for (Index = 0; Index < Transmit->ProcessorCount; Index++)
        PER_PROCESSOR(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors, Index)->Held = TRUE;
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

_Use_decl_annotations_
VOID
TransmitContinue(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Waiting;

    // Whatever is sent below and has to wait sets it again; while XenVif may have no queues every send comes by here.
    Processor->Held = FALSE;
    // Read behind that, with a barrier: a migration that comes just now marks the processor (TransmitHoldAll).
    if (InterlockedCompareExchange(&Transmit->Context->Connecting, 0, 0) != 0)
        Processor->Held = TRUE;
    if (ContextIsRunning(Transmit->Context) && !ContextHasQueues(Transmit->Context))
        return;
    if (Processor->Kept.Nbl != NULL)
        TransmitOfferKept(Transmit, Processor);
    if (Processor->Segments == NULL)
        return;
    while (SegmentsContinue(Transmit->Segments, Processor)) {
        Waiting = SegmentsTakeWaiting(Transmit->Segments, Processor);
        if (Waiting == NULL)
            return;
        if (ContextIsRunning(Transmit->Context))
            TransmitSendAny(Transmit, Processor, Waiting);
        else
            TransmitRefuseChain(Transmit, Processor, Waiting);
        if (SegmentsAreCut(Processor->Segments))
            break;
    }
    Processor->Held = TRUE;
}

_Use_decl_annotations_
VOID NTAPI
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
