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
#include "receive_coalesce.h"
#include "receive_packet.h"
#include "timestamp.h"

#define RECEIVE_MAX_BATCH 256
#define RECEIVE_NO_QUEUE  MAXULONG // that no packet comes on

typedef struct _RECEIVE_BATCH {
    NET_BUFFER_LIST *Head;
    NET_BUFFER_LIST *Tail;
    ULONG Count;
} RECEIVE_BATCH;

typedef struct _RECEIVE_PROCESSOR {
    // This processor at DISPATCH.
    XENNET_NBL_CACHE Nbls; // those taken are on the batch: NDIS may keep them
    RECEIVE_BATCH Scarce;  // reserved NBLs, all behind those
    ULONG Queue;           // of the last packet, below Limits.QueueCount, or RECEIVE_NO_QUEUE, as with Scarce
    ULONG Index;           // immutable; here it fills a gap
    XENNET_QUEUE_COUNTERS *QueueCounters;
    XENNET_RECEIVE_COUNTERS Counters;

    // Immutable after ReceiveCreate.
    XENNET_RECEIVE *Receive;
    NDIS_HANDLE NdisHandle;
} RECEIVE_PROCESSOR;

#ifdef _WIN64
C_ASSERT(sizeof(RECEIVE_PROCESSOR) == 256); // one shift finds a processor's
#endif

struct _XENNET_RECEIVE {
    // Immutable after ReceiveCreate.
    XENNET_CONTEXT *Context;
    XENNET_NBL_POOL *Pool;
    XENNET_POLL *Poll; // NULL: batches go up at once
    PUCHAR Processors; // RECEIVE_PROCESSOR of each
    PUCHAR Queues;     // XENNET_QUEUE_COUNTERS of each, laid out as per_processor.h does
    ULONG ProcessorCount;
    BOOLEAN CanPause; // the version of VIF has Pause
    BOOLEAN Stamps;   // packets get timestamps: none takes the common way

    // Within OID requests; read without order.
    ULONG Joins;         // OFFLOAD_URO*: UDP datagrams are joined before they go up
    ULONG Batches;       // a batch goes up in another way than as it is: Poll, or Joins
    ULONG CommonReturns; // the flag of a return that nothing but the packets is to be done for; 0: some may be joined

    XENNET_RECEIVE_LIMITS Limits;
};

_IRQL_requires_(DISPATCH_LEVEL)
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

FORCEINLINE VOID
ReceiveCount(RECEIVE_PROCESSOR *Processor, ULONG Octets)
{
    XENNET_QUEUE_COUNTERS *Queue = Processor->QueueCounters;

    Queue->Packets++;
    Queue->Octets += Octets;
}

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
ReceiveIndicate(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain, ULONG Count, ULONG Flags)
{
    Processor->Counters.NdisCalls++;
    NdisMIndicateReceiveNetBufferLists(Processor->NdisHandle, Chain, NDIS_DEFAULT_PORT_NUMBER, Count,
                                       NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | Flags);
}

// The cache has too many NBLs. It spills them before the packet goes back.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
ReceiveSpill(XENNET_RECEIVE *Receive, RECEIVE_PROCESSOR *Processor, PVOID Cookie)
{
    NblPoolSpillCache(&Processor->Nbls);
    VifReturnPacket(&Receive->Context->Vif, Cookie);
}

/*
 * An NBL goes back to the processor's cache and its packet to XenVif. A chain of them before it, from First on, may
 * have lost its packets already. The NBLs go back before the last packet does: VifDisable ends with the last packet,
 * and the pool may go then.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
ReceivePutBackLast(XENNET_RECEIVE *Receive, RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *First, NET_BUFFER_LIST *Last)
{
    PVOID Cookie = ReceivePacketCookie(Last);

    Processor->Counters.Returned++;
    if (NblPoolPut(&Processor->Nbls, First, Last))
        ReceiveSpill(Receive, Processor, Cookie);
    else
        VifReturnPacket(&Receive->Context->Vif, Cookie);
}

// The NBLs of a chain go back to the processor's cache and their packets to XenVif.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
ReceivePutBack(XENNET_RECEIVE *Receive, RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    NET_BUFFER_LIST *Nbl = Chain;
    NET_BUFFER_LIST *Next;
    ULONG Count = 0;

    for (; (Next = NET_BUFFER_LIST_NEXT_NBL(Nbl)) != NULL; Nbl = Next) {
        VifReturnPacket(&Receive->Context->Vif, ReceivePacketCookie(Nbl));
        Count++;
    }
    Processor->Nbls.Count += Count;
    Processor->Counters.Returned += Count;
    ReceivePutBackLast(Receive, Processor, Chain, Nbl);
}

// NBLs that NDIS never had, and their packets.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveGiveBack(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    ULONG64 Returned = Processor->Counters.Returned;

    if (Chain == NULL)
        return;
    CoalesceUndo(Chain);
    ReceivePutBack(Processor->Receive, Processor, Chain);
    Returned = Processor->Counters.Returned - Returned;
    Processor->Counters.Unindicated += Returned;
    Processor->Counters.Drops[XENNET_RECEIVE_DROP_STATE] += Returned;
}

// The same for reserved NBLs, whether NDIS had them or not.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ReceiveGiveBackScarce(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain)
{
    NET_BUFFER_LIST *Nbl;
    PVOID Cookie;

    while (Chain != NULL) {
        Nbl = Chain;
        Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        Cookie = ReceivePacketCookie(Nbl);
        NblPoolPutReserve(&Processor->Nbls, Nbl);
        VifReturnPacket(&Processor->Receive->Context->Vif, Cookie);
    }
}

// Leaves a batch for NDIS to take, or hands it up here and now.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
ReceivePoll(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain, NET_BUFFER_LIST *Last, ULONG Count)
{
    XENNET_POLL_RESULT Result = PollQueue(Processor->Receive->Poll, Processor->Index, Chain, Last, Count);

    if (Result == XENNET_POLL_NONE)
        ReceiveIndicate(Processor, Chain, Count, 0);
    else if (Result == XENNET_POLL_STOPPED)
        ReceiveGiveBack(Processor, Chain);
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
    if (Chain != NULL)
        ReceiveIndicate(Processor, Chain, Count, 0);
}

// The batch is taken off first: NDIS may return NBLs from within the indication.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
ReceiveFlushScarce(RECEIVE_PROCESSOR *Processor)
{
    RECEIVE_BATCH Scarce = Processor->Scarce;

    RtlZeroMemory(&Processor->Scarce, sizeof(Processor->Scarce));
    ReceiveHurry(Processor);
    Processor->Counters.ScarcePackets += Scarce.Count;
    ReceiveIndicate(Processor, Scarce.Head, Scarce.Count, NDIS_RECEIVE_FLAGS_RESOURCES);
    ReceiveGiveBackScarce(Processor, Scarce.Head);
}

// To whoever takes batches of this adapter.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
ReceiveHandUp(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain, NET_BUFFER_LIST *Last, ULONG Count)
{
    if (Processor->Receive->Poll != NULL)
        ReceivePoll(Processor, Chain, Last, Count);
    else
        ReceiveIndicate(Processor, Chain, Count, 0);
}

// A batch of which UDP datagrams may be joined.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
ReceiveJoin(RECEIVE_PROCESSOR *Processor, NET_BUFFER_LIST *Chain, NET_BUFFER_LIST *Last, ULONG Count)
{
    if (CoalesceIsWorthwhile(Chain))
        Last = CoalesceBatch(Processor->Receive->Joins, &Processor->Counters, Chain, &Count);
    ReceiveHandUp(Processor, Chain, Last, Count);
}

// Ends this processor's batch, whatever it has. NDIS may return NBLs from within the indications.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
ReceiveFlush(RECEIVE_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Last = NblPoolLastTaken(&Processor->Nbls);
    ULONG Count = Processor->Nbls.Taken;
    NET_BUFFER_LIST *Chain;

    if (Count != 0) {
        Processor->Counters.Kept += Count;
        Chain = NblPoolCut(&Processor->Nbls);
        if (Processor->Receive->Joins != 0)
            ReceiveJoin(Processor, Chain, Last, Count);
        else
            ReceiveHandUp(Processor, Chain, Last, Count);
    }
    if (Processor->Scarce.Head != NULL)
        ReceiveFlushScarce(Processor);
}

// Ends a batch without reserved NBLs, which has one packet at least: NDIS polls for it.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
ReceiveFlushPolled(const XENNET_RECEIVE *Receive, RECEIVE_PROCESSOR *Processor)
{
    ULONG Count = Processor->Nbls.Taken;

    if (Receive->Joins != 0 && Count > 1) {
        ReceiveFlush(Processor);
        return;
    }
    Processor->Counters.Kept += Count;
    if (!PollQueueTaken(PollGetQueue(Receive->Poll, Processor->Index), &Processor->Nbls)) {
        Processor->Counters.Kept -= Processor->Nbls.Taken;
        ReceiveFlush(Processor);
    }
}

// Ends a batch without reserved NBLs, which has one packet at least. NDIS may return NBLs from within the indication.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
ReceiveFlushCommon(const XENNET_RECEIVE *Receive, RECEIVE_PROCESSOR *Processor)
{
    ULONG Count = Processor->Nbls.Taken;

    if (Receive->Batches) {
        if (Receive->Poll != NULL) {
            ReceiveFlushPolled(Receive, Processor);
            return;
        }
        if (Count > 1) {
            ReceiveFlush(Processor);
            return;
        }
    }
    Processor->Counters.Kept += Count;
    ReceiveIndicate(Processor, NblPoolCut(&Processor->Nbls), Count, 0);
}

// The first free NBL of the cache, which may get some from the depot for it.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
ReceivePeek(RECEIVE_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Nbl = NblPoolPeek(&Processor->Nbls);

    if (Nbl == NULL && NblPoolFillCache(&Processor->Nbls))
        Nbl = NblPoolPeek(&Processor->Nbls);
    return Nbl;
}

// Puts a packet of any kind on the batch, or returns why not.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_RECEIVE_DROP
ReceiveAccept(RECEIVE_PROCESSOR *Processor, const XENNET_RECEIVED_PACKET *Packet)
{
    XENNET_RECEIVE *Receive = Processor->Receive;
    XENNET_RECEIVE_DROP Reason;
    NET_BUFFER_LIST *Nbl;
    BOOLEAN Reserved = FALSE;

    if (!ContextIsRunning(Receive->Context))
        return XENNET_RECEIVE_DROP_STATE;
    Nbl = ReceivePeek(Processor);
    if (Nbl != NULL && Processor->Scarce.Head != NULL) {
        // The batch goes up first: what is scarce already must not be overtaken.
        ReceiveFlush(Processor);
        Nbl = ReceivePeek(Processor);
    }
    if (Nbl == NULL) {
        Reserved = TRUE;
        Nbl = NblPoolGetReserve(&Processor->Nbls);
        if (Nbl == NULL)
            return XENNET_RECEIVE_DROP_RESOURCES;
    }

    Reason = ReceivePacketRead(&Receive->Limits, Packet, &Processor->Counters, Nbl);
    if (Reason != XENNET_RECEIVE_ACCEPT) {
        if (Reserved)
            NblPoolPutReserve(&Processor->Nbls, Nbl);
        return Reason;
    }
    if (Receive->Stamps)
        TimestampSet(Nbl);
    // It was checked: there is such a queue.
    Processor->Queue = Receive->Stamps || Reserved ? RECEIVE_NO_QUEUE : Packet->Queue;
    Processor->QueueCounters = ReceiveQueue(Receive, Packet->Queue);
    ReceiveCount(Processor, Packet->Length);
    if (Reserved)
        ReceiveAppend(&Processor->Scarce, Nbl);
    else
        NblPoolTake(&Processor->Nbls, Nbl);
    return XENNET_RECEIVE_ACCEPT;
}

// A packet that is not like nearly all, or that comes when NBLs have run out or the adapter does not run.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
ReceiveUncommon(RECEIVE_PROCESSOR *Processor, XENNET_RECEIVED_PACKET *Packet)
{
    XENNET_RECEIVE *Receive = Processor->Receive;
    XENNET_RECEIVE_DROP Reason = ReceiveAccept(Processor, Packet);
    BOOLEAN Full;

    if (Reason != XENNET_RECEIVE_ACCEPT) {
        Processor->Counters.Drops[Reason]++;
        REPORT_RECEIVE_DROP(&Receive->Context->Reporter, Reason);
        VifReturnPacket(&Receive->Context->Vif, Packet->Cookie);
    }

    // With all of the reserve outstanding XenVif is asked to pause. It may not come back soon, so nothing is left on
    // the batch then.
    Full = Processor->Scarce.Count == NBL_POOL_RESERVE;
    if (Full && Receive->CanPause)
        Packet->Pause = TRUE;
    if (!Packet->More || Full || Processor->Nbls.Taken >= RECEIVE_MAX_BATCH)
        ReceiveFlush(Processor);
}

// A packet whose MDLs do not hold it.
_IRQL_requires_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
ReceiveBroken(XENNET_RECEIVE *Receive, XENNET_RECEIVED_PACKET *Packet)
{
    ReceiveUncommon(ReceiveThisProcessor(Receive), Packet);
}

// The free NBL for a packet of one of the common kinds; NULL: it has to go the other way.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
ReceiveBegin(const XENNET_RECEIVE *Receive, const RECEIVE_PROCESSOR *Processor, const XENNET_RECEIVED_PACKET *Packet)
{
    NET_BUFFER_LIST *Nbl = NblPoolPeek(&Processor->Nbls);

    // While there are scarce packets no queue is Processor->Queue.
    if (!ContextIsRunning(Receive->Context) || Packet->Queue != Processor->Queue)
        return NULL;
    return Nbl;
}

// The packet is in the NBL.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
ReceiveEnd(const XENNET_RECEIVE *Receive, RECEIVE_PROCESSOR *Processor, const XENNET_RECEIVED_PACKET *Packet,
           ULONG Length, NET_BUFFER_LIST *Nbl)
{
    ReceiveCount(Processor, Length);
    NblPoolTake(&Processor->Nbls, Nbl);
    if (!Packet->More || Processor->Nbls.Taken >= RECEIVE_MAX_BATCH)
        ReceiveFlushCommon(Receive, Processor);
}

_Use_decl_annotations_
VOID
ReceiveQueueSpecial(XENNET_RECEIVE *Receive, XENNET_RECEIVED_PACKET *Packet)
{
    RECEIVE_PROCESSOR *Processor;
    NET_BUFFER_LIST *Nbl;
    ULONG Length;

    // First, while there is nothing else to keep in registers.
    if (!ReceivePacketAllHold(Packet)) {
        ReceiveBroken(Receive, Packet);
        return;
    }
    Processor = ReceiveThisProcessor(Receive);
    Nbl = ReceiveBegin(Receive, Processor, Packet);
    Length = Packet->Length;
    if (Nbl != NULL && ReceivePacketReadCoalesced(&Receive->Limits, Packet, Length, &Processor->Counters, Nbl))
        ReceiveEnd(Receive, Processor, Packet, Length, Nbl);
    else
        ReceiveUncommon(Processor, Packet);
}

_Use_decl_annotations_
VOID
ReceiveQueuePacket(XENNET_RECEIVE *Receive, XENNET_RECEIVED_PACKET *Packet)
{
    RECEIVE_PROCESSOR *Processor = ReceiveThisProcessor(Receive);
    NET_BUFFER_LIST *Nbl = ReceiveBegin(Receive, Processor, Packet);
    ULONG Length = Packet->Length;

    if (Nbl != NULL && ReceivePacketReadCommon(&Receive->Limits, Packet, Length, Nbl))
        ReceiveEnd(Receive, Processor, Packet, Length, Nbl);
    else
        ReceiveUncommon(Processor, Packet);
}

// One NBL, from DISPATCH.
_IRQL_requires_(DISPATCH_LEVEL)
static DECLSPEC_NOINLINE VOID
ReceiveReturnOne(XENNET_RECEIVE *Receive, NET_BUFFER_LIST *Nbl)
{
    DEBUG_ASSERT(DEBUG_IRQL() == DISPATCH_LEVEL);
    ReceivePutBackLast(Receive, ReceiveThisProcessor(Receive), Nbl, Nbl);
}

// From below DISPATCH, a chain, or with what was joined among it.
static DECLSPEC_NOINLINE VOID
ReceiveReturnAny(XENNET_RECEIVE *Receive, NET_BUFFER_LIST *Chain, ULONG ReturnFlags)
{
    KIRQL Irql;

    if (Receive->CommonReturns == 0)
        CoalesceUndo(Chain);
    Irql = IrqlRaise(NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(ReturnFlags) != 0);
    ReceivePutBack(Receive, ReceiveThisProcessor(Receive), Chain);
    IrqlLower(Irql);
}

// Where some may be joined: this one is not.
LOCK_PRIMITIVE
static DECLSPEC_NOINLINE VOID
ReceiveReturnUncommon(XENNET_RECEIVE *Receive, NET_BUFFER_LIST *Chain, ULONG ReturnFlags)
{
    if (NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(ReturnFlags) && NET_BUFFER_LIST_NEXT_NBL(Chain) == NULL &&
        !CoalesceIsJoined(Chain))
        ReceiveReturnOne(Receive, Chain);
    else
        ReceiveReturnAny(Receive, Chain, ReturnFlags);
}

// LOCK_PRIMITIVE: annotations cannot express that a flag has the level.
LOCK_PRIMITIVE
_Use_decl_annotations_
VOID
ReceiveReturn(XENNET_RECEIVE *Receive, NET_BUFFER_LIST *Chain, ULONG ReturnFlags)
{
    // Each a function of its own: this one saves no register.
    if ((ReturnFlags & Receive->CommonReturns) != 0 && NET_BUFFER_LIST_NEXT_NBL(Chain) == NULL)
        ReceiveReturnOne(Receive, Chain);
    else
        ReceiveReturnUncommon(Receive, Chain, ReturnFlags);
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
    RECEIVE_BATCH Scarce = Processor->Scarce;
    ULONG Count = Processor->Nbls.Taken;

    RtlZeroMemory(&Processor->Scarce, sizeof(Processor->Scarce));
    Processor->Counters.Kept += Count;
    ReceiveGiveBack(Processor, NblPoolCut(&Processor->Nbls));
    Processor->Counters.Drops[XENNET_RECEIVE_DROP_STATE] += Scarce.Count;
    ReceiveGiveBackScarce(Processor, Scarce.Head);
    if (Receive->Poll != NULL)
        ReceiveGiveBack(Processor, PollTakeAll(Receive->Poll, Processor->Index, &Count));
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
    ReceiveLimitsSet(&Receive->Limits, MaximumFrameSize);
}

_Use_decl_annotations_
VOID
ReceiveSetCoalescing(XENNET_RECEIVE *Receive, ULONG Versions)
{
    // Those that were joined may come back at any time later.
    if (Versions != 0)
        Receive->CommonReturns = 0;
    Receive->Joins = Versions;
    Receive->Batches = Receive->Poll != NULL ? 1 : Versions;
}

_Use_decl_annotations_
VOID
ReceiveSetVlan(XENNET_RECEIVE *Receive)
{
    ReceiveLimitsSet(&Receive->Limits, Receive->Limits.MaximumFrameSize);
}

_Use_decl_annotations_
VOID
ReceiveReadCounters(XENNET_RECEIVE *Receive, XENNET_RECEIVE_COUNTERS *Counters)
{
    PER_PROCESSOR_SUM(RECEIVE_PROCESSOR, Counters, Receive->Processors, Receive->ProcessorCount, Counters);
    Counters->Packets = Counters->Kept - Counters->Unindicated + Counters->ScarcePackets;
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
    Receive->CanPause = Context->Vif.Version >= 10;
    Receive->Stamps = (TimestampInForce(Context) & TIMESTAMP_RECEIVE) != 0;
    Receive->Limits.Offload = Offload;
    Receive->Limits.Vlan = &Context->Vlan;
    // A backend of later may bring more queues than there are now, but never more than processors.
    Receive->Limits.QueueCount = Context->ProcessorCount;
    Receive->Limits.NdisMinor = Context->Revisions->Minor;
    ReceiveLimitsSet(&Receive->Limits, Context->MaximumFrameSize);

    for (Index = 0; Index < Receive->ProcessorCount; Index++) {
        Processor = PER_PROCESSOR(RECEIVE_PROCESSOR, Receive->Processors, Index);
        Processor->Receive = Receive;
        Processor->NdisHandle = Context->NdisHandle;
        Processor->QueueCounters = ReceiveQueue(Receive, 0);
        Processor->Queue = Receive->Stamps ? RECEIVE_NO_QUEUE : 0;
        Processor->Index = Index;
    }
    Status = NblPoolCreate(Context, Receive->Processors + FIELD_OFFSET(RECEIVE_PROCESSOR, Nbls),
                           PER_PROCESSOR_STRIDE(RECEIVE_PROCESSOR), &Receive->Pool);
    if (Status != NDIS_STATUS_SUCCESS) {
        ReceiveDestroy(Receive);
        return Status;
    }
    PollCreate(Context, &Receive->Poll);
    Receive->CommonReturns = NDIS_RETURN_FLAGS_DISPATCH_LEVEL;
    ReceiveSetCoalescing(Receive, 0);
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
