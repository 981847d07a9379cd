/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers of plain OID values. The answers agree with the attributes NDIS got at start, because both read the
 * adapter. PASSIVE, serialised by NDIS; no locks.
 */
#include <version.h>
#include "oid_value.h"
#include "adapter.h"
#include "counters.h"
#include "receive.h"
#include "report.h"
#include "link.h"
#include "min_max.h"
#include "stats.h"
#include "transmit.h"
#include "transmit.h"

static const CHAR OidDescription[] = PRODUCT_NAME_STR " PV Network Device";

C_ASSERT(sizeof(OidDescription) <= RTL_FIELD_SIZE(OID_VALUE, Scratch));
C_ASSERT(RTL_FIELD_SIZE(XENNET_FILTER, Multicast) <= RTL_FIELD_SIZE(OID_VALUE, Scratch));

_Use_decl_annotations_
ULONG
OidNumberMtu(const XENNET_ADAPTER *Adapter)
{
    return ContextMtu(&Adapter->Context);
}

_Use_decl_annotations_
ULONG
OidNumberLookahead(const XENNET_ADAPTER *Adapter)
{
    return XENNET_MIN(Adapter->Lookahead, ContextMtu(&Adapter->Context));
}

_Use_decl_annotations_
ULONG
OidNumberFrameSize(const XENNET_ADAPTER *Adapter)
{
    return Adapter->Context.MaximumFrameSize;
}

_Use_decl_annotations_
ULONG
OidNumberTransmitSpace(const XENNET_ADAPTER *Adapter)
{
    return Adapter->Context.MaximumFrameSize * Adapter->TransmitRingSize * Adapter->Context.QueueCount;
}

_Use_decl_annotations_
ULONG
OidNumberReceiveSpace(const XENNET_ADAPTER *Adapter)
{
    return Adapter->Context.MaximumFrameSize * Adapter->ReceiveRingSize * Adapter->Context.QueueCount;
}

_Use_decl_annotations_
ULONG
OidNumberTransmitPackets(const XENNET_ADAPTER *Adapter)
{
    return Adapter->TransmitRingSize * Adapter->Context.QueueCount;
}

// The three bytes of the maker, as they stand in the address, and an adapter number of ours.
_Use_decl_annotations_
ULONG
OidNumberVendorId(const XENNET_ADAPTER *Adapter)
{
    return Adapter->Filter.PermanentAddress.Byte[0] | ((ULONG)Adapter->Filter.PermanentAddress.Byte[1] << 8) |
           ((ULONG)Adapter->Filter.PermanentAddress.Byte[2] << 16) | 0x01000000;
}

_Use_decl_annotations_
ULONG
OidNumberMacOptions(const XENNET_ADAPTER *Adapter)
{
    return VlanMacOptions(&Adapter->Context.Vlan);
}

_Use_decl_annotations_
ULONG
OidNumberVlanId(const XENNET_ADAPTER *Adapter)
{
    return Adapter->Context.Vlan.Id;
}

_Use_decl_annotations_
ULONG
OidNumberConnectStatus(const XENNET_ADAPTER *Adapter)
{
    return LinkState(Adapter->Link).Connect == MediaConnectStateConnected ? NdisMediaStateConnected
                                                                          : NdisMediaStateDisconnected;
}

_Use_decl_annotations_
ULONG
OidNumberPacketFilter(const XENNET_ADAPTER *Adapter)
{
    return Adapter->Filter.Packet;
}

_Use_decl_annotations_
VOID
OidQueryNumber(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    Value->Scratch.Number = Row->Number(Adapter);
    Value->Length = sizeof(Value->Scratch.Number);
}

_Use_decl_annotations_
VOID
OidQueryConstant(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);

    Value->Scratch.Number = Row->Argument;
    Value->Length = sizeof(Value->Scratch.Number);
}

_Use_decl_annotations_
VOID
OidQueryCounter(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    Value->Scratch.Counter = StatsQuerySum(Adapter, Row->Argument);
    Value->Length = sizeof(Value->Scratch.Counter);
}

_Use_decl_annotations_
VOID
OidQueryReceived(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    Value->Scratch.Counter = StatsQueryIndicated(Adapter);
    Value->Length = sizeof(Value->Scratch.Counter);
}

_Use_decl_annotations_
VOID
OidQueryNoBuffer(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    Value->Scratch.Counter = StatsQueryNoBuffer(Adapter);
    Value->Length = sizeof(Value->Scratch.Counter);
}

// The question itself is the message: a low power state is always possible.
_Use_decl_annotations_
VOID
OidQueryNothing(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Row);

    Value->Length = 0;
}

_Use_decl_annotations_
VOID
OidQueryDescription(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Row);

    RtlCopyMemory(Value->Scratch.Bytes, OidDescription, sizeof(OidDescription));
    Value->Length = sizeof(OidDescription);
}

_Use_decl_annotations_
VOID
OidQueryDriverVersion(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    Value->Scratch.Version = (USHORT)(0x0600 | Adapter->Context.Revisions->Minor);
    Value->Length = sizeof(Value->Scratch.Version);
}

_Use_decl_annotations_
VOID
OidQueryAddress(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    RtlCopyMemory(Value->Scratch.Bytes, (const UCHAR *)&Adapter->Filter + Row->Argument, ETHERNET_ADDRESS_LENGTH);
    Value->Length = ETHERNET_ADDRESS_LENGTH;
}

_Use_decl_annotations_
VOID
OidQueryMulticast(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    Value->Length = Adapter->Filter.MulticastCount * ETHERNET_ADDRESS_LENGTH;
    RtlCopyMemory(Value->Scratch.Bytes, Adapter->Filter.Multicast, Value->Length);
}

_Use_decl_annotations_
VOID
OidQueryModeration(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS *Moderation = &Value->Scratch.Moderation;

    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Row);

    RtlZeroMemory(Moderation, sizeof(*Moderation));
    Moderation->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Moderation->Header.Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->Header.Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->InterruptModeration = NdisInterruptModerationNotSupported;
    Value->Length = sizeof(*Moderation);
}

_Use_decl_annotations_
VOID
OidQueryStatistics(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    StatsQuery(Adapter, &Value->Scratch.Statistics);
    Value->Length = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
}

_Use_decl_annotations_
VOID
OidQueryRscStatistics(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    StatsQueryRsc(Adapter, &Value->Scratch.RscStatistics);
    Value->Length = NDIS_SIZEOF_RSC_STATISTICS_REVISION_1;
}

// The GUIDs by which WMI finds the driver's own counters.
static const NDIS_GUID OidGuids[] = {
    {XENNET_GUID_COUNTERS,
     {XENNET_OID_COUNTERS},
     STATS_OWN_COUNT * sizeof(ULONG64),
     fNDIS_GUID_TO_OID | fNDIS_GUID_ALLOW_READ},
    {XENNET_GUID_QUEUES, {XENNET_OID_QUEUES}, (ULONG)-1, fNDIS_GUID_TO_OID | fNDIS_GUID_ALLOW_READ},
};

C_ASSERT(sizeof(OidGuids) == RTL_FIELD_SIZE(OID_VALUE, Scratch.Guids));
C_ASSERT(STATS_OWN_COUNT * sizeof(ULONG64) <= RTL_FIELD_SIZE(OID_VALUE, Scratch.Counters));

_Use_decl_annotations_
VOID
OidQueryGuids(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Row);

    RtlCopyMemory(Value->Scratch.Guids, OidGuids, sizeof(OidGuids));
    Value->Length = sizeof(OidGuids);
}

_Use_decl_annotations_
VOID
OidQueryOwnCounters(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    StatsQueryOwn(Adapter, Value->Scratch.Counters);
    Value->Length = STATS_OWN_COUNT * sizeof(ULONG64);
}

_Use_decl_annotations_
VOID
OidQueryQueues(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    // The number of values as a ULONG, and another of zeros: so WMI finds the values where it aligns them.
    Value->Scratch.Counters[0] = StatsQueryQueues(Adapter, Value->Scratch.Counters + 1);
    Value->Length = (ULONG)(1 + Value->Scratch.Counters[0]) * sizeof(ULONG64);
}

_Use_decl_annotations_
VOID
OidQueryReceiveHash(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    Value->Length = RssGetHash(Adapter->Rss, Value->Scratch.Hash);
}

_Use_decl_annotations_
NDIS_STATUS
OidSetLookahead(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    ULONG Lookahead = *(const ULONG *)Buffer;

    UNREFERENCED_PARAMETER(Length);

    if (Lookahead > ContextMtu(&Adapter->Context))
        return NDIS_STATUS_INVALID_DATA;
    Adapter->Lookahead = Lookahead;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
NDIS_STATUS
OidSetVlan(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    ULONG Id = *(const ULONG *)Buffer;

    UNREFERENCED_PARAMETER(Length);

    if (Id > VLAN_MAX_ID)
        return NDIS_STATUS_INVALID_DATA;
    Adapter->Context.Vlan.Id = Id;
    ReceiveSetVlan(Adapter->Receive);
    TransmitSetVlan(Adapter->Transmit);
    ReportVlan(&Adapter->Context.Reporter, Id);
    return NDIS_STATUS_SUCCESS;
}
