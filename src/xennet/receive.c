/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receive path. A packet belongs to XenVif until ReceiveQueuePacket, then to an NBL on this processor's
 * batch, then to NDIS, and goes back to XenVif when NDIS returns the NBL:
 *
 *   XenVif --packet--> [batch of this processor] --one indication--> NDIS --ReceiveReturn--> XenVif
 *                                                                        NBL --> cache of the returning processor
 *
 * A batch ends when XenVif reports that no more packets follow for this processor, or when it is long. When NBLs
 * run out the batch continues on the processor's reserve and is indicated with NDIS_RECEIVE_FLAGS_RESOURCES,
 * after which the NBLs are ours again: scarcity slows traffic down but neither drops nor allocates.
 *
 * IRQL: DISPATCH per packet. Locks: none here. A batch and its counters are touched by their processor at
 * DISPATCH only; the order of packets within one processor is kept.
 */
#include "receive.h"
#include "context.h"
#include "report.h"
#include "lock.h"
#include "memory.h"
#include "nbl_pool.h"
#include "per_processor.h"
#include "poll.h"
#include "processor.h"
#include "receive_packet.h"

#define RECEIVE_MAX_BATCH 256

typedef struct _RECEIVE_BATCH {
    NET_BUFFER_LIST *Head;
    NET_BUFFER_LIST *Tail;
    ULONG Count;
} RECEIVE_BATCH;

typedef struct _RECEIVE_PROCESSOR {
    // This processor at DISPATCH.
    RECEIVE_BATCH Plenty; // NBLs that NDIS may keep
    RECEIVE_BATCH Scarce; // reserved NBLs, all behind those of Plenty
    XENNET_RECEIVE_COUNTERS Counters;

    // Immutable after ReceiveCreate.
    XENNET_RECEIVE *Receive;
    XENNET_NBL_CACHE *Nbls;
    ULONG Index;
} RECEIVE_PROCESSOR;

struct _XENNET_RECEIVE {
    // Immutable after ReceiveCreate.
    XENNET_CONTEXT *Context;
    XENNET_NBL_POOL *Pool;
    XENNET_POLL *Poll; // NULL: batches go up at once
    PUCHAR Processors; // RECEIVE_PROCESSOR of each
    PUCHAR Queues;     // XENNET_QUEUE_COUNTERS of each, laid out as per_processor.h does
    ULONG ProcessorCount;
    XENNET_RECEIVE_LIMITS Limits;
};

FORCEINLINE RECEIVE_PROCESSOR *
ReceiveThisProcessor(XENNET_RECEIVE *Receive)
{
    return PER_PROCESSOR_THIS(RECEIVE_PROCESSOR, Receive->Processors);
}

FORCEINLINE XENNET_QUEUE_COUNTERS *
ReceiveQueue(const XENNET_RECEIVE *Receive, ULONG Index)
{
    return PER_PROCESSOR(XENNET_QUEUE_COUNTERS, Receive->Queues, Index);
}

FORCEINLINE VOID
ReceiveAppend(RECEIVE_BATCH *Batch, NET_BUFFER_LIST *Nbl)
{
    if (Batch->Tail == NULL)
        Batch->Head = Nbl;
    else
        NET_BUFFER_LIST_NEXT_NBL(Batch->Tail) = Nbl;
    Batch->Tail = Nbl;
    Batch->Count++;
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveIndicate(RECEIVE_PROCESSOR *Processor, const RECEIVE_BATCH *Batch, ULONG Flags)
{
    Processor->Counters.NdisCalls++;
    Processor->Counters.Packets += Batch->Count;
    NdisMIndicateReceiveNetBufferLists(Processor->Receive->Context->NdisHandle, Batch->Head, NDIS_DEFAULT_PORT_NUMBER,
                                       Batch->Count, NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | Flags);
}

// NBLs that NDIS never had, and their packets.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveGiveBack(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain, BOOLEAN Reserved)
{
    NET_BUFFER_LIST *Nbl;
    PVOID Cookie;

    while (Chain != NULL) {
        Nbl = Chain;
        Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        Cookie = ReceivePacketCookie(Nbl);
        Processor->Counters.Returned++;
        Processor->Counters.Drops[XENNET_RECEIVE_DROP_STATE]++;
        if (Reserved)
            NblPoolPutReserve(Processor->Nbls, Nbl);
        else
            NblPoolPut(Processor->Nbls, Nbl);
        VifReturnPacket(&Processor->Receive->Context->Vif, Cookie);
    }
}

// Leaves a batch for NDIS to take, or hands it up here and now.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveDeliver(RECEIVE_PROCESSOR *Processor, const RECEIVE_BATCH *Batch)
{
    XENNET_POLL *Poll = Processor->Receive->Poll;

    if (Poll == NULL || !PollServes(Poll, Processor->Index)) {
        ReceiveIndicate(Processor, Batch, 0);
        return;
    }
    NET_BUFFER_LIST_NEXT_NBL(Batch->Tail) = NULL;
    if (!PollQueue(Poll, Processor->Index, Batch->Head, Batch->Tail, Batch->Count)) {
        ReceiveGiveBack(Processor, Batch->Head, FALSE);
        return;
    }
    Processor->Counters.Packets += Batch->Count;
}

// What waits to be polled goes up now, so that the reserved NBLs behind it do not overtake it.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveHurry(RECEIVE_PROCESSOR *Processor)
{
    XENNET_RECEIVE *Receive = Processor->Receive;
    NET_BUFFER_LIST *Chain;
    ULONG Count;

    if (Receive->Poll == NULL)
        return;
    Chain = PollTakeAll(Receive->Poll, Processor->Index, &Count);
    if (Chain == NULL)
        return;
    Processor->Counters.NdisCalls++;
    NdisMIndicateReceiveNetBufferLists(Receive->Context->NdisHandle, Chain, NDIS_DEFAULT_PORT_NUMBER, Count,
                                       NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}

// Ends this processor's batch. The batch is taken off first: NDIS may return NBLs from within the indication.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveFlush(RECEIVE_PROCESSOR *Processor)
{
    RECEIVE_BATCH Plenty = Processor->Plenty;
    RECEIVE_BATCH Scarce = Processor->Scarce;
    NET_BUFFER_LIST *Nbl;
    PVOID Cookie;

    RtlZeroMemory(&Processor->Plenty, sizeof(Processor->Plenty));
    RtlZeroMemory(&Processor->Scarce, sizeof(Processor->Scarce));

    if (Plenty.Head != NULL) {
        Processor->Counters.Kept += Plenty.Count;
        ReceiveDeliver(Processor, &Plenty);
    }
    if (Scarce.Head == NULL)
        return;
    ReceiveHurry(Processor);

    Processor->Counters.ScarcePackets += Scarce.Count;
    ReceiveIndicate(Processor, &Scarce, NDIS_RECEIVE_FLAGS_RESOURCES);
    while (Scarce.Head != NULL) {
        Nbl = Scarce.Head;
        Scarce.Head = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        Cookie = ReceivePacketCookie(Nbl);
        NblPoolPutReserve(Processor->Nbls, Nbl);
        VifReturnPacket(&Processor->Receive->Context->Vif, Cookie);
    }
}

// Puts the packet on the batch, or returns why not.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_RECEIVE_DROP
ReceiveAccept(RECEIVE_PROCESSOR *Processor, const XENNET_RECEIVED_PACKET *Packet)
{
    XENNET_RECEIVE *Receive = Processor->Receive;
    RECEIVE_BATCH *Batch = &Processor->Plenty;
    XENNET_QUEUE_COUNTERS *Queue;
    XENNET_RECEIVE_DROP Reason;
    NET_BUFFER_LIST *Nbl;

    if (!ContextIsRunning(Receive->Context))
        return XENNET_RECEIVE_DROP_STATE;
    Nbl = NblPoolGet(Processor->Nbls);
    if (Nbl == NULL) {
        Batch = &Processor->Scarce;
        Nbl = NblPoolGetReserve(Processor->Nbls);
        if (Nbl == NULL)
            return XENNET_RECEIVE_DROP_RESOURCES;
    } else if (Processor->Scarce.Head != NULL) {
        // Plenty goes up first: what is scarce already must not be overtaken.
        ReceiveFlush(Processor);
    }

    Reason = ReceivePacketRead(&Receive->Limits, Packet, &Processor->Counters, Nbl);
    if (Reason != XENNET_RECEIVE_ACCEPT) {
        if (Batch == &Processor->Plenty)
            NblPoolPut(Processor->Nbls, Nbl);
        else
            NblPoolPutReserve(Processor->Nbls, Nbl);
        return Reason;
    }
    Queue = ReceiveQueue(Receive, Packet->Queue);
    Queue->Packets++;
    Queue->Octets += Packet->Length;
    ReceiveAppend(Batch, Nbl);
    return XENNET_RECEIVE_ACCEPT;
}

_Use_decl_annotations_
BOOLEAN
ReceiveQueuePacket(XENNET_RECEIVE *Receive, const XENNET_RECEIVED_PACKET *Packet)
{
    RECEIVE_PROCESSOR *Processor = ReceiveThisProcessor(Receive);
    XENNET_RECEIVE_DROP Reason;
    BOOLEAN Pause;

    Reason = ReceiveAccept(Processor, Packet);
    if (Reason != XENNET_RECEIVE_ACCEPT) {
        Processor->Counters.Drops[Reason]++;
        REPORT_RECEIVE_DROP(&Receive->Context->Reporter, Reason);
        VifReturnPacket(&Receive->Context->Vif, Packet->Cookie);
    }

    // With all of the reserve outstanding XenVif is asked to pause. It may not come back soon, so nothing is left on
    // the batch then.
    Pause = Processor->Scarce.Count == NBL_POOL_RESERVE;
    if (!Packet->More || Pause || Processor->Plenty.Count >= RECEIVE_MAX_BATCH)
        ReceiveFlush(Processor);
    return Pause;
}

_Use_decl_annotations_
VOID
ReceiveReturn(XENNET_RECEIVE *Receive, NET_BUFFER_LIST *Chain, ULONG ReturnFlags)
{
    BOOLEAN AtDispatch = NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(ReturnFlags) != 0;
    RECEIVE_PROCESSOR *Processor;
    NET_BUFFER_LIST *Nbl;
    KIRQL Irql;
    PVOID Cookie;

    Irql = IrqlRaise(AtDispatch);
    Processor = ReceiveThisProcessor(Receive);
    while (Chain != NULL) {
        Nbl = Chain;
        Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        // The NBL is returned before the packet: VifDisable ends with the last packet, and the pool may go then.
        Processor->Counters.Returned++;
        Cookie = ReceivePacketCookie(Nbl);
        NblPoolPut(Processor->Nbls, Nbl);
        VifReturnPacket(&Receive->Context->Vif, Cookie);
    }
    IrqlLower(AtDispatch, Irql);
}

// What this processor has accepted goes up. XenVif may be between two packets of a batch.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveFlushHere(PVOID Context)
{
    XENNET_RECEIVE *Receive = Context;
    RECEIVE_PROCESSOR *Processor = ReceiveThisProcessor(Receive);

    ReceiveFlush(Processor);
    ReceiveHurry(Processor);
}

_Use_decl_annotations_
VOID
ReceiveFlushAll(XENNET_RECEIVE *Receive)
{
    ProcessorVisitAll(ReceiveFlushHere, Receive);
}

// What this processor has accepted goes back.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveStopHere(PVOID Context)
{
    XENNET_RECEIVE *Receive = Context;
    RECEIVE_PROCESSOR *Processor = ReceiveThisProcessor(Receive);
    NET_BUFFER_LIST *Plenty = Processor->Plenty.Head;
    NET_BUFFER_LIST *Scarce = Processor->Scarce.Head;
    ULONG Count;

    // They go back without having been counted as gone up.
    Processor->Counters.Kept += Processor->Plenty.Count + Processor->Scarce.Count;
    RtlZeroMemory(&Processor->Plenty, sizeof(Processor->Plenty));
    RtlZeroMemory(&Processor->Scarce, sizeof(Processor->Scarce));
    ReceiveGiveBack(Processor, Plenty, FALSE);
    ReceiveGiveBack(Processor, Scarce, TRUE);
    if (Receive->Poll != NULL)
        ReceiveGiveBack(Processor, PollTakeAll(Receive->Poll, Processor->Index, &Count), FALSE);
}

_Use_decl_annotations_
VOID
ReceiveStop(XENNET_RECEIVE *Receive)
{
    ProcessorVisitAll(ReceiveStopHere, Receive);
}

_Use_decl_annotations_
VOID
ReceiveSetFrameSize(XENNET_RECEIVE *Receive, ULONG MaximumFrameSize)
{
    Receive->Limits.MaximumFrameSize = MaximumFrameSize;
}

_Use_decl_annotations_
VOID
ReceiveReadCounters(XENNET_RECEIVE *Receive, XENNET_RECEIVE_COUNTERS *Counters)
{
    PER_PROCESSOR_SUM(RECEIVE_PROCESSOR, Counters, Receive->Processors, Receive->ProcessorCount, Counters);
}

_Use_decl_annotations_
ULONG64
ReceiveOutstanding(XENNET_RECEIVE *Receive)
{
    XENNET_RECEIVE_COUNTERS Counters;

    ReceiveReadCounters(Receive, &Counters);
    return Counters.Kept - Counters.Returned;
}

_Use_decl_annotations_
XENNET_QUEUE_COUNTERS
ReceiveReadQueue(const XENNET_RECEIVE *Receive, ULONG Index)
{
    return *ReceiveQueue(Receive, Index);
}

_Use_decl_annotations_
NDIS_STATUS
ReceiveCreate(XENNET_CONTEXT *Context, const XENNET_OFFLOAD *Offload, XENNET_RECEIVE **Result)
{
    XENNET_RECEIVE *Receive;
    SIZE_T Processors = PER_PROCESSOR_SIZE(RECEIVE_PROCESSOR, Context->ProcessorCount);
    RECEIVE_PROCESSOR *Processor;
    NDIS_STATUS Status;
    ULONG Index;

    *Result = NULL;
    Receive =
        MemoryAllocate(Context->NdisHandle, sizeof(*Receive) + Processors +
                                                PER_PROCESSOR_SIZE(XENNET_QUEUE_COUNTERS, Context->ProcessorCount));
    if (Receive == NULL)
        return NDIS_STATUS_RESOURCES;
    Receive->Context = Context;
    Receive->Processors = PER_PROCESSOR_ARRAY(Receive + 1);
    Receive->Queues = PER_PROCESSOR_ARRAY((PUCHAR)(Receive + 1) + Processors);
    Receive->ProcessorCount = Context->ProcessorCount;
    Receive->Limits.Offload = Offload;
    Receive->Limits.Vlan = &Context->Vlan;
    // A backend of later may bring more queues than there are now, but never more than processors.
    Receive->Limits.QueueCount = Context->ProcessorCount;
    Receive->Limits.MaximumFrameSize = Context->MaximumFrameSize;
    Receive->Limits.NdisMinor = Context->Revisions->Minor;

    Status = NblPoolCreate(Context, &Receive->Pool);
    if (Status != NDIS_STATUS_SUCCESS) {
        ReceiveDestroy(Receive);
        return Status;
    }
    for (Index = 0; Index < Receive->ProcessorCount; Index++) {
        Processor = PER_PROCESSOR(RECEIVE_PROCESSOR, Receive->Processors, Index);
        Processor->Receive = Receive;
        Processor->Nbls = NblPoolCache(Receive->Pool, Index);
        Processor->Index = Index;
    }
    PollCreate(Context, &Receive->Poll);
    *Result = Receive;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
ReceiveDestroy(XENNET_RECEIVE *Receive)
{
    if (Receive == NULL)
        return;
    PollDestroy(Receive->Poll);
    NblPoolDestroy(Receive->Pool);
    MemoryFree(Receive);
}
