/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics. XenVif counts packets and octets by address class, keeps them over migration, and counts what it
 * or the backend dropped; this driver adds packets it refused. What the backend dropped on the way out is
 * counted by XenVif already, so the driver's own count of those is left out.
 *
 * XenVif's count of dropped packets needs reading: on receive it has every frame that its filter holds back, and those
 * that count as errors too, so nothing of it is a discard; on send it has the errors among the others. Frames of
 * another VLAN than the adapter's are filtered in the same sense.
 *
 * The driver's own counters stand beside, one for each reason to drop a packet and a pair for each queue, in the order
 * of include/counters.h, which xennet.mof has too.
 *
 * IRQL: up to DISPATCH. No state: every value is summed when asked for.
 */
#include "stats.h"
#include "adapter.h"
#include "counters.h"
#include "min_max.h"
#include "receive.h"
#include "transmit.h"

typedef struct _STATS_ROW {
    ULONG Offset; // of a ULONG64 in NDIS_STATISTICS_INFO
    XENVIF_VIF_STATISTIC Statistic;
} STATS_ROW;

#define STATS_FIELD(_Field) FIELD_OFFSET(NDIS_STATISTICS_INFO, _Field)

// Each provider counter adds to one member.
static const STATS_ROW StatsRows[] = {
    {STATS_FIELD(ifInErrors), XENVIF_RECEIVER_BACKEND_ERRORS},
    {STATS_FIELD(ifInErrors), XENVIF_RECEIVER_FRONTEND_ERRORS},
    {STATS_FIELD(ifHCInUcastPkts), XENVIF_RECEIVER_UNICAST_PACKETS},
    {STATS_FIELD(ifHCInMulticastPkts), XENVIF_RECEIVER_MULTICAST_PACKETS},
    {STATS_FIELD(ifHCInBroadcastPkts), XENVIF_RECEIVER_BROADCAST_PACKETS},
    {STATS_FIELD(ifHCInUcastOctets), XENVIF_RECEIVER_UNICAST_OCTETS},
    {STATS_FIELD(ifHCInMulticastOctets), XENVIF_RECEIVER_MULTICAST_OCTETS},
    {STATS_FIELD(ifHCInBroadcastOctets), XENVIF_RECEIVER_BROADCAST_OCTETS},
    {STATS_FIELD(ifOutDiscards), XENVIF_TRANSMITTER_PACKETS_DROPPED},
    {STATS_FIELD(ifOutErrors), XENVIF_TRANSMITTER_BACKEND_ERRORS},
    {STATS_FIELD(ifOutErrors), XENVIF_TRANSMITTER_FRONTEND_ERRORS},
    {STATS_FIELD(ifHCOutUcastPkts), XENVIF_TRANSMITTER_UNICAST_PACKETS},
    {STATS_FIELD(ifHCOutMulticastPkts), XENVIF_TRANSMITTER_MULTICAST_PACKETS},
    {STATS_FIELD(ifHCOutBroadcastPkts), XENVIF_TRANSMITTER_BROADCAST_PACKETS},
    {STATS_FIELD(ifHCOutUcastOctets), XENVIF_TRANSMITTER_UNICAST_OCTETS},
    {STATS_FIELD(ifHCOutMulticastOctets), XENVIF_TRANSMITTER_MULTICAST_OCTETS},
    {STATS_FIELD(ifHCOutBroadcastOctets), XENVIF_TRANSMITTER_BROADCAST_OCTETS},
};

#define STATS_AT(_Statistics, _Offset) (*(ULONG64 *)((PUCHAR)(_Statistics) + (_Offset)))

// Packets that this driver returned to XenVif or refused to take from NDIS.
static VOID
StatsAddOwn(XENNET_ADAPTER *Adapter, NDIS_STATISTICS_INFO *Statistics)
{
    XENNET_RECEIVE_COUNTERS Receive;
    XENNET_TRANSMIT_COUNTERS Transmit;
    ULONG Reason;

    ReceiveReadCounters(Adapter->Receive, &Receive);
    Statistics->ifInDiscards += Receive.Drops[XENNET_RECEIVE_DROP_STATE] + Receive.Drops[XENNET_RECEIVE_DROP_RESOURCES];
    for (Reason = XENNET_RECEIVE_DROP_QUEUE; Reason < XENNET_RECEIVE_DROP_COUNT; Reason++)
        Statistics->ifInErrors += Receive.Drops[Reason];

    TransmitReadCounters(Adapter->Transmit, &Transmit);
    Statistics->ifOutDiscards +=
        Transmit.Drops[XENNET_TRANSMIT_DROP_STATE] + Transmit.Drops[XENNET_TRANSMIT_DROP_QUEUE];
    Statistics->ifOutErrors +=
        Transmit.Drops[XENNET_TRANSMIT_DROP_OFFLOAD] + Transmit.Drops[XENNET_TRANSMIT_DROP_LENGTH];
}

_Use_decl_annotations_
VOID
StatsQuery(XENNET_ADAPTER *Adapter, NDIS_STATISTICS_INFO *Statistics)
{
    ULONG64 Errors = VifQueryStatistic(&Adapter->Context.Vif, XENVIF_TRANSMITTER_BACKEND_ERRORS);
    ULONG Index;

    RtlZeroMemory(Statistics, sizeof(*Statistics));
    Statistics->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Statistics->Header.Revision = NDIS_STATISTICS_INFO_REVISION_1;
    Statistics->Header.Size = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
    Statistics->SupportedStatistics = STATS_SUPPORTED;

    for (Index = 0; Index < RTL_NUMBER_OF(StatsRows); Index++)
        STATS_AT(Statistics, StatsRows[Index].Offset) +=
            VifQueryStatistic(&Adapter->Context.Vif, StatsRows[Index].Statistic);
    Statistics->ifHCInOctets =
        Statistics->ifHCInUcastOctets + Statistics->ifHCInMulticastOctets + Statistics->ifHCInBroadcastOctets;
    Statistics->ifHCOutOctets =
        Statistics->ifHCOutUcastOctets + Statistics->ifHCOutMulticastOctets + Statistics->ifHCOutBroadcastOctets;
    // The errors are among the dropped ones; those that came between the two readings are seen the next time.
    Statistics->ifOutDiscards -= XENNET_MIN(Statistics->ifOutDiscards, Errors);
    StatsAddOwn(Adapter, Statistics);
}

_Use_decl_annotations_
ULONG64
StatsQuerySum(XENNET_ADAPTER *Adapter, ULONG Members)
{
    NDIS_STATISTICS_INFO Statistics;
    ULONG64 Value = 0;
    ULONG Index;

    if (Members == 0)
        return 0;
    StatsQuery(Adapter, &Statistics);
    for (Index = 0; Index < sizeof(Statistics) / sizeof(ULONG64); Index++) {
        if (Members & (1UL << Index))
            Value += STATS_AT(&Statistics, Index * sizeof(ULONG64));
    }
    return Value;
}

_Use_decl_annotations_
ULONG64
StatsQueryIndicated(XENNET_ADAPTER *Adapter)
{
    ULONG64 Received = StatsQuerySum(Adapter, STATS_MEMBER(ifHCInUcastPkts) | STATS_MEMBER(ifHCInMulticastPkts) |
                                                  STATS_MEMBER(ifHCInBroadcastPkts));
    XENNET_RECEIVE_COUNTERS Receive;
    ULONG64 Dropped = 0;
    ULONG Reason;

    ReceiveReadCounters(Adapter->Receive, &Receive);
    for (Reason = 0; Reason < XENNET_RECEIVE_DROP_COUNT; Reason++)
        Dropped += Receive.Drops[Reason];
    return Received - XENNET_MIN(Received, Dropped);
}

_Use_decl_annotations_
ULONG64
StatsQueryNoBuffer(XENNET_ADAPTER *Adapter)
{
    XENNET_RECEIVE_COUNTERS Receive;

    ReceiveReadCounters(Adapter->Receive, &Receive);
    return Receive.Drops[XENNET_RECEIVE_DROP_RESOURCES];
}

_Use_decl_annotations_
VOID
StatsQueryRsc(XENNET_ADAPTER *Adapter, NDIS_RSC_STATISTICS_INFO *Statistics)
{
    XENNET_RECEIVE_COUNTERS Receive;

    ReceiveReadCounters(Adapter->Receive, &Receive);
    RtlZeroMemory(Statistics, sizeof(*Statistics));
    Statistics->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Statistics->Header.Revision = NDIS_RSC_STATISTICS_REVISION_1;
    Statistics->Header.Size = NDIS_SIZEOF_RSC_STATISTICS_REVISION_1;
    Statistics->CoalescedPkts = Receive.CoalescedSegments;
    Statistics->CoalescedOctets = Receive.CoalescedOctets;
    Statistics->CoalesceEvents = Receive.CoalescedPackets;
}

#define STATS_SLOT(_Name, _Side, _Member) StatsSlot##_Name,

typedef enum _STATS_SLOT_INDEX { XENNET_COUNTERS(STATS_SLOT) StatsSlotCount } STATS_SLOT_INDEX;

C_ASSERT(StatsSlotCount == STATS_OWN_COUNT);

_Use_decl_annotations_
VOID
StatsQueryOwn(XENNET_ADAPTER *Adapter, ULONG64 *Counters)
{
    XENNET_RECEIVE_COUNTERS Receive;
    XENNET_TRANSMIT_COUNTERS Transmit;

    ReceiveReadCounters(Adapter->Receive, &Receive);
    TransmitReadCounters(Adapter->Transmit, &Transmit);
#define STATS_TAKE(_Name, _Side, _Member) Counters[StatsSlot##_Name] = _Side._Member;
    XENNET_COUNTERS(STATS_TAKE)
#undef STATS_TAKE
}

_Use_decl_annotations_
ULONG
StatsQueryQueues(XENNET_ADAPTER *Adapter, ULONG64 *Counters)
{
    ULONG Count = XENNET_MIN(Adapter->Context.QueuesSeen, XENNET_MAX_QUEUES);
    XENNET_QUEUE_COUNTERS Queue;
    ULONG Index;

    for (Index = 0; Index < Count; Index++) {
        Queue = ReceiveReadQueue(Adapter->Receive, Index);
        Counters[2 * Index] = Queue.Packets;
        Counters[2 * Index + 1] = Queue.Octets;
    }
    return 2 * Count;
}
