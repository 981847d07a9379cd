/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers of plain OID values. The answers agree with the attributes NDIS got at start, because both read the
 * adapter. PASSIVE, serialised by NDIS; no locks.
 */
#include <version.h>
#include "oid_value.h"
#include "adapter.h"
#include "counters.h"
#include "event.h"
#include "link.h"
#include "min_max.h"
#include "stats.h"

#define OID_VENDOR_VERSION (((ULONG)MAJOR_VERSION << 16) | (ULONG)MINOR_VERSION)

static const CHAR OidDescription[] = PRODUCT_NAME_STR " PV Network Device";

C_ASSERT(sizeof(OidDescription) <= RTL_FIELD_SIZE(OID_VALUE, Scratch));
C_ASSERT(RTL_FIELD_SIZE(XENNET_FILTER, Multicast) <= RTL_FIELD_SIZE(OID_VALUE, Scratch));

static ULONG
OidNumber(const XENNET_ADAPTER *Adapter, NDIS_OID Oid)
{
    switch (Oid) {
    case OID_GEN_HARDWARE_STATUS:
        return NdisHardwareStatusReady;

    case OID_GEN_MEDIA_SUPPORTED:
    case OID_GEN_MEDIA_IN_USE:
        return NdisMedium802_3;

    case OID_GEN_PHYSICAL_MEDIUM:
        return NdisPhysicalMedium802_3;

    case OID_GEN_MAXIMUM_LOOKAHEAD:
    case OID_GEN_MAXIMUM_FRAME_SIZE:
        return ContextMtu(&Adapter->Context);

    case OID_GEN_CURRENT_LOOKAHEAD:
        return XENNET_MIN(Adapter->Lookahead, ContextMtu(&Adapter->Context));

    case OID_GEN_MAXIMUM_TOTAL_SIZE:
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
    case OID_GEN_RECEIVE_BLOCK_SIZE:
        return Adapter->Context.MaximumFrameSize;

    case OID_GEN_TRANSMIT_BUFFER_SPACE:
        return Adapter->Context.MaximumFrameSize * Adapter->TransmitRingSize * Adapter->Context.QueueCount;

    case OID_GEN_RECEIVE_BUFFER_SPACE:
        return Adapter->Context.MaximumFrameSize * Adapter->ReceiveRingSize * Adapter->Context.QueueCount;

    case OID_GEN_VENDOR_ID:
        // The three bytes of the maker, as they stand in the address, and an adapter number of ours.
        return Adapter->Filter.PermanentAddress.Byte[0] | ((ULONG)Adapter->Filter.PermanentAddress.Byte[1] << 8) |
               ((ULONG)Adapter->Filter.PermanentAddress.Byte[2] << 16) | 0x01000000;

    case OID_GEN_VENDOR_DRIVER_VERSION:
        return OID_VENDOR_VERSION;

    case OID_GEN_MAXIMUM_SEND_PACKETS:
        return Adapter->TransmitRingSize * Adapter->Context.QueueCount;

    case OID_GEN_MAC_OPTIONS:
        return VlanMacOptions(&Adapter->Context.Vlan);

    case OID_GEN_VLAN_ID:
        return Adapter->Context.Vlan.Id;

    case OID_GEN_MEDIA_CONNECT_STATUS:
        return LinkState(Adapter->Link).Connect == MediaConnectStateConnected ? NdisMediaStateConnected
                                                                              : NdisMediaStateDisconnected;

    case OID_GEN_CURRENT_PACKET_FILTER:
        return Adapter->Filter.Packet;

    case OID_802_3_MAXIMUM_LIST_SIZE:
        return FILTER_MAX_MULTICAST;

    default:
        // Collisions and alignment errors: there is no wire for them to happen on.
        return 0;
    }
}

_Use_decl_annotations_
VOID
OidQueryNumber(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    Value->Scratch.Number = OidNumber(Adapter, Oid);
    Value->Length = sizeof(Value->Scratch.Number);
}

_Use_decl_annotations_
VOID
OidQueryCounter(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    Value->Scratch.Counter = StatsQueryCounter(Adapter, Oid);
    Value->Length = sizeof(Value->Scratch.Counter);
}

// The question itself is the message: a low power state is always possible.
_Use_decl_annotations_
VOID
OidQueryNothing(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Oid);

    Value->Length = 0;
}

_Use_decl_annotations_
VOID
OidQueryDescription(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Oid);

    RtlCopyMemory(Value->Scratch.Bytes, OidDescription, sizeof(OidDescription));
    Value->Length = sizeof(OidDescription);
}

_Use_decl_annotations_
VOID
OidQueryDriverVersion(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

    Value->Scratch.Version = (USHORT)(0x0600 | Adapter->Context.Revisions->Minor);
    Value->Length = sizeof(Value->Scratch.Version);
}

_Use_decl_annotations_
VOID
OidQueryAddress(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    RtlCopyMemory(Value->Scratch.Bytes,
                  Oid == OID_802_3_PERMANENT_ADDRESS ? &Adapter->Filter.PermanentAddress
                                                     : &Adapter->Filter.CurrentAddress,
                  ETHERNET_ADDRESS_LENGTH);
    Value->Length = ETHERNET_ADDRESS_LENGTH;
}

_Use_decl_annotations_
VOID
OidQueryMulticast(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

    Value->Length = Adapter->Filter.MulticastCount * ETHERNET_ADDRESS_LENGTH;
    RtlCopyMemory(Value->Scratch.Bytes, Adapter->Filter.Multicast, Value->Length);
}

_Use_decl_annotations_
VOID
OidQueryModeration(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS *Moderation = &Value->Scratch.Moderation;

    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Oid);

    RtlZeroMemory(Moderation, sizeof(*Moderation));
    Moderation->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Moderation->Header.Revision = NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->Header.Size = NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1;
    Moderation->InterruptModeration = NdisInterruptModerationNotSupported;
    Value->Length = sizeof(*Moderation);
}

_Use_decl_annotations_
VOID
OidQueryStatistics(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

    StatsQuery(Adapter, &Value->Scratch.Statistics);
    Value->Length = NDIS_SIZEOF_STATISTICS_INFO_REVISION_1;
}

_Use_decl_annotations_
VOID
OidQueryRscStatistics(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

    StatsQueryRsc(Adapter, &Value->Scratch.RscStatistics);
    Value->Length = NDIS_SIZEOF_RSC_STATISTICS_REVISION_1;
}

// The GUIDs by which WMI finds the driver's own counters.
static const NDIS_GUID OidGuids[] = {
    {XENNET_GUID_COUNTERS,
     {XENNET_OID_COUNTERS},
     STATS_OWN_COUNT * sizeof(ULONG64),
     fNDIS_GUID_TO_OID | fNDIS_GUID_ALLOW_READ},
    {XENNET_GUID_QUEUES,
     {XENNET_OID_QUEUES},
     sizeof(ULONG64),
     fNDIS_GUID_TO_OID | fNDIS_GUID_ARRAY | fNDIS_GUID_ALLOW_READ},
};

C_ASSERT(sizeof(OidGuids) == RTL_FIELD_SIZE(OID_VALUE, Scratch.Guids));
C_ASSERT(STATS_OWN_COUNT * sizeof(ULONG64) <= RTL_FIELD_SIZE(OID_VALUE, Scratch.Counters));

_Use_decl_annotations_
VOID
OidQueryGuids(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Oid);

    RtlCopyMemory(Value->Scratch.Guids, OidGuids, sizeof(OidGuids));
    Value->Length = sizeof(OidGuids);
}

_Use_decl_annotations_
VOID
OidQueryOwnCounters(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

    StatsQueryOwn(Adapter, Value->Scratch.Counters);
    Value->Length = STATS_OWN_COUNT * sizeof(ULONG64);
}

_Use_decl_annotations_
VOID
OidQueryQueues(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

    Value->Length = StatsQueryQueues(Adapter, Value->Scratch.Counters) * sizeof(ULONG64);
}

_Use_decl_annotations_
VOID
OidQueryReceiveHash(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Oid);

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
    EVENT_REPORT(XENNET_REPORT_VLAN, &Adapter->Context, Id, 0, 0, 0);
    TRACE("vlan %u\n", Id);
    return NDIS_STATUS_SUCCESS;
}
