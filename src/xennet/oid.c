/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OID requests. A row of OidTable gives the handlers of one OID and the length its data must have; what is in the
 * table is in the supported list, and the other way round. Every request completes before the handler returns.
 *
 * Query handlers produce a value, the length rules are applied here once: too small a buffer fails with
 * BytesNeeded; a 64-bit counter asked for with 4 bytes gives its low half. Set handlers get a buffer that has
 * at least (or exactly) the length of the row. Which status a request gets follows the OID's page, and where that names
 * none the page of MiniportOidRequest: a value out of bounds is NDIS_STATUS_INVALID_DATA.
 * tests/driver/settings/oid_pages.h has the cases. After a surprise removal every request gets
 * NDIS_STATUS_NOT_ACCEPTED, but those for power, whose pages want them never refused.
 *
 * IRQL: PASSIVE; NDIS serialises. No locks. oid_value.c has the handlers of plain values.
 */
#include <version.h>
#include "oid.h"
#include "adapter.h"
#include "backend.h"
#include "counters.h"
#include "lock.h"
#include "link.h"
#include "offload_control.h"
#include "oid_value.h"
#include "power.h"
#include "rss_v2.h"
#include "stats.h"
#include "watchdog.h"

#define OID_EXACT     0x01  // a set has exactly SetLength bytes
#define OID_COUNTER   0x02  // 64 bits, or the low 32 of them
#define OID_RSS       0x04  // only where RSS is offered
#define OID_RSC       0x08  // only with an NDIS that knows RSC
#define OID_VLAN      0x10  // only with VLANs switched on
#define OID_RSS_MOVES 0x20  // only with RSS of the second generation
#define OID_UNLISTED  0x40  // the driver's own: NDIS finds it by its GUID
#define OID_TOO_SHORT 0x80  // its page has BUFFER_TOO_SHORT where others have INVALID_LENGTH
#define OID_ALWAYS    0x100 // its page lets it never be refused, not even after a surprise removal

static NDIS_STATUS
OidSetOffloadParameters(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    return OffloadControlSetParameters(Adapter->Offload, Buffer, Length);
}

static NDIS_STATUS
OidSetOffloadEncapsulation(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    return OffloadControlSetEncapsulation(Adapter->Offload, Buffer, Length);
}

static NDIS_STATUS
OidSetPacketFilter(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    UNREFERENCED_PARAMETER(Length);

    return FilterSetPacket(&Adapter->Filter, *(const ULONG *)Buffer);
}

static NDIS_STATUS
OidSetMulticast(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    return FilterSetMulticast(&Adapter->Filter, Buffer, Length);
}

static NDIS_STATUS
OidAddMulticast(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    UNREFERENCED_PARAMETER(Length);

    return FilterAddMulticast(&Adapter->Filter, Buffer);
}

static NDIS_STATUS
OidDeleteMulticast(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    UNREFERENCED_PARAMETER(Length);

    return FilterDeleteMulticast(&Adapter->Filter, Buffer);
}

// RSS of the second generation refuses a value with INVALID_PARAMETER, as its pages have it; the first and the hash
// have what the page of MiniportOidRequest has for all OIDs.
static NDIS_STATUS
OidRssStatus(NDIS_STATUS Status)
{
    return Status == NDIS_STATUS_INVALID_PARAMETER ? NDIS_STATUS_INVALID_DATA : Status;
}

// Before XenVif is asked for what it asks the backend for.
static VOID
OidLookForBackend(XENNET_ADAPTER *Adapter)
{
    if (BackendIsGone(Adapter))
        WatchdogNoteDetached(Adapter->Watchdog);
}

static NDIS_STATUS
OidSetScaleParameters(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    OidLookForBackend(Adapter);
    return OidRssStatus(RssSetParameters(Adapter->Rss, Buffer, Length));
}

static NDIS_STATUS
OidSetScaleParametersV2(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    OidLookForBackend(Adapter);
    return RssV2SetParameters(Adapter->Rss, Buffer, Length);
}

static NDIS_STATUS
OidSetReceiveHash(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    OidLookForBackend(Adapter);
    return OidRssStatus(RssSetHash(Adapter->Rss, Buffer, Length));
}

static NDIS_STATUS
OidSetLinkParameters(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    UNREFERENCED_PARAMETER(Length);

    return LinkSetParameters(Adapter->Link, Buffer);
}

// Interrupt moderation is the backend's business.
static NDIS_STATUS
OidSetModeration(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Buffer);
    UNREFERENCED_PARAMETER(Length);

    return NDIS_STATUS_INVALID_DATA;
}

static VOID
OidQueryList(XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Row);

    Value->Length = OidGetList(Adapter, Value->Scratch.List);
}

#define OID_VENDOR_VERSION (((ULONG)MAJOR_VERSION << 16) | (ULONG)MINOR_VERSION)

#define OID_NUMBER_ROW(_Oid, _Number)                                                                                  \
    {                                                                                                                  \
        _Oid, 0, OidQueryNumber, NULL, 0, _Number, 0                                                                   \
    }

#define OID_CONSTANT_ROW(_Oid, _Value)                                                                                 \
    {                                                                                                                  \
        _Oid, 0, OidQueryConstant, NULL, 0, NULL, _Value                                                               \
    }

#define OID_COUNTER_ROW(_Oid, _Members)                                                                                \
    {                                                                                                                  \
        _Oid, OID_COUNTER, OidQueryCounter, NULL, 0, NULL, _Members                                                    \
    }

static const OID_ROW OidTable[] = {
    {OID_GEN_SUPPORTED_LIST, 0, OidQueryList, NULL, 0, NULL, 0},
    OID_CONSTANT_ROW(OID_GEN_HARDWARE_STATUS, NdisHardwareStatusReady),
    OID_CONSTANT_ROW(OID_GEN_MEDIA_SUPPORTED, NdisMedium802_3),
    OID_CONSTANT_ROW(OID_GEN_MEDIA_IN_USE, NdisMedium802_3),
    OID_CONSTANT_ROW(OID_GEN_PHYSICAL_MEDIUM, NdisPhysicalMedium802_3),
    OID_NUMBER_ROW(OID_GEN_MAXIMUM_LOOKAHEAD, OidNumberMtu),
    {OID_GEN_CURRENT_LOOKAHEAD, OID_EXACT, OidQueryNumber, OidSetLookahead, sizeof(ULONG), OidNumberLookahead, 0},
    OID_NUMBER_ROW(OID_GEN_MAXIMUM_FRAME_SIZE, OidNumberMtu),
    OID_NUMBER_ROW(OID_GEN_MAXIMUM_TOTAL_SIZE, OidNumberFrameSize),
    OID_NUMBER_ROW(OID_GEN_TRANSMIT_BUFFER_SPACE, OidNumberTransmitSpace),
    OID_NUMBER_ROW(OID_GEN_RECEIVE_BUFFER_SPACE, OidNumberReceiveSpace),
    OID_NUMBER_ROW(OID_GEN_TRANSMIT_BLOCK_SIZE, OidNumberFrameSize),
    OID_NUMBER_ROW(OID_GEN_RECEIVE_BLOCK_SIZE, OidNumberFrameSize),
    OID_NUMBER_ROW(OID_GEN_VENDOR_ID, OidNumberVendorId),
    {OID_GEN_VENDOR_DESCRIPTION, 0, OidQueryDescription, NULL, 0, NULL, 0},
    OID_CONSTANT_ROW(OID_GEN_VENDOR_DRIVER_VERSION, OID_VENDOR_VERSION),
    {OID_GEN_DRIVER_VERSION, 0, OidQueryDriverVersion, NULL, 0, NULL, 0},
    OID_NUMBER_ROW(OID_GEN_MAXIMUM_SEND_PACKETS, OidNumberTransmitPackets),
    OID_NUMBER_ROW(OID_GEN_MAC_OPTIONS, OidNumberMacOptions),
    {OID_GEN_VLAN_ID, OID_VLAN | OID_EXACT, OidQueryNumber, OidSetVlan, sizeof(ULONG), OidNumberVlanId, 0},
    OID_NUMBER_ROW(OID_GEN_MEDIA_CONNECT_STATUS, OidNumberConnectStatus),
    {OID_GEN_CURRENT_PACKET_FILTER, OID_EXACT, OidQueryNumber, OidSetPacketFilter, sizeof(ULONG), OidNumberPacketFilter,
     0},
    {OID_GEN_LINK_PARAMETERS, 0, NULL, OidSetLinkParameters, NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1, NULL, 0},
    {OID_GEN_INTERRUPT_MODERATION, 0, OidQueryModeration, OidSetModeration,
     NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1, NULL, 0},
    {OID_GEN_STATISTICS, 0, OidQueryStatistics, NULL, 0, NULL, 0},
    OID_COUNTER_ROW(OID_GEN_XMIT_OK, STATS_MEMBER(ifHCOutUcastPkts) | STATS_MEMBER(ifHCOutMulticastPkts) |
                                         STATS_MEMBER(ifHCOutBroadcastPkts)),
    {OID_GEN_RCV_OK, OID_COUNTER, OidQueryReceived, NULL, 0, NULL, 0},
    OID_COUNTER_ROW(OID_GEN_XMIT_ERROR, STATS_MEMBER(ifOutErrors)),
    OID_COUNTER_ROW(OID_GEN_RCV_ERROR, STATS_MEMBER(ifInErrors)),
    {OID_GEN_RCV_NO_BUFFER, OID_COUNTER, OidQueryNoBuffer, NULL, 0, NULL, 0},
    OID_COUNTER_ROW(OID_GEN_RCV_CRC_ERROR, 0),
    OID_COUNTER_ROW(OID_GEN_XMIT_DISCARDS, STATS_MEMBER(ifOutDiscards)),
    OID_COUNTER_ROW(OID_GEN_RCV_DISCARDS, STATS_MEMBER(ifInDiscards)),
    OID_COUNTER_ROW(OID_GEN_BYTES_XMIT, STATS_MEMBER(ifHCOutOctets)),
    OID_COUNTER_ROW(OID_GEN_BYTES_RCV, STATS_MEMBER(ifHCInOctets)),
    OID_COUNTER_ROW(OID_GEN_DIRECTED_BYTES_XMIT, STATS_MEMBER(ifHCOutUcastOctets)),
    OID_COUNTER_ROW(OID_GEN_DIRECTED_FRAMES_XMIT, STATS_MEMBER(ifHCOutUcastPkts)),
    OID_COUNTER_ROW(OID_GEN_MULTICAST_BYTES_XMIT, STATS_MEMBER(ifHCOutMulticastOctets)),
    OID_COUNTER_ROW(OID_GEN_MULTICAST_FRAMES_XMIT, STATS_MEMBER(ifHCOutMulticastPkts)),
    OID_COUNTER_ROW(OID_GEN_BROADCAST_BYTES_XMIT, STATS_MEMBER(ifHCOutBroadcastOctets)),
    OID_COUNTER_ROW(OID_GEN_BROADCAST_FRAMES_XMIT, STATS_MEMBER(ifHCOutBroadcastPkts)),
    OID_COUNTER_ROW(OID_GEN_DIRECTED_BYTES_RCV, STATS_MEMBER(ifHCInUcastOctets)),
    OID_COUNTER_ROW(OID_GEN_DIRECTED_FRAMES_RCV, STATS_MEMBER(ifHCInUcastPkts)),
    OID_COUNTER_ROW(OID_GEN_MULTICAST_BYTES_RCV, STATS_MEMBER(ifHCInMulticastOctets)),
    OID_COUNTER_ROW(OID_GEN_MULTICAST_FRAMES_RCV, STATS_MEMBER(ifHCInMulticastPkts)),
    OID_COUNTER_ROW(OID_GEN_BROADCAST_BYTES_RCV, STATS_MEMBER(ifHCInBroadcastOctets)),
    OID_COUNTER_ROW(OID_GEN_BROADCAST_FRAMES_RCV, STATS_MEMBER(ifHCInBroadcastPkts)),
    {OID_GEN_RECEIVE_SCALE_PARAMETERS, OID_RSS, NULL, OidSetScaleParameters,
     NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1, NULL, 0},
    {OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, OID_RSS | OID_RSS_MOVES, NULL, OidSetScaleParametersV2,
     NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_V2_REVISION_1, NULL, 0},
    {OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES, OID_RSS | OID_RSS_MOVES, NULL, NULL, 0, NULL, 0},
    {OID_GEN_RECEIVE_HASH, OID_RSS, OidQueryReceiveHash, OidSetReceiveHash,
     NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1, NULL, 0},
    {OID_802_3_PERMANENT_ADDRESS, 0, OidQueryAddress, NULL, 0, NULL, FIELD_OFFSET(XENNET_FILTER, PermanentAddress)},
    {OID_802_3_CURRENT_ADDRESS, 0, OidQueryAddress, NULL, 0, NULL, FIELD_OFFSET(XENNET_FILTER, CurrentAddress)},
    {OID_802_3_MULTICAST_LIST, 0, OidQueryMulticast, OidSetMulticast, 0, NULL, 0},
    {OID_802_3_ADD_MULTICAST_ADDRESS, OID_EXACT, NULL, OidAddMulticast, ETHERNET_ADDRESS_LENGTH, NULL, 0},
    {OID_802_3_DELETE_MULTICAST_ADDRESS, OID_EXACT, NULL, OidDeleteMulticast, ETHERNET_ADDRESS_LENGTH, NULL, 0},
    OID_CONSTANT_ROW(OID_802_3_MAXIMUM_LIST_SIZE, FILTER_MAX_MULTICAST),
    // There is no wire for them to happen on.
    OID_CONSTANT_ROW(OID_802_3_RCV_ERROR_ALIGNMENT, 0),
    OID_CONSTANT_ROW(OID_802_3_XMIT_ONE_COLLISION, 0),
    OID_CONSTANT_ROW(OID_802_3_XMIT_MORE_COLLISIONS, 0),
    {OID_OFFLOAD_ENCAPSULATION, 0, NULL, OidSetOffloadEncapsulation, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1, NULL,
     0},
    {OID_TCP_OFFLOAD_PARAMETERS, 0, NULL, OidSetOffloadParameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1, NULL, 0},
    {OID_TCP_RSC_STATISTICS, OID_RSC, OidQueryRscStatistics, NULL, 0, NULL, 0},
    {OID_PM_PARAMETERS, OID_TOO_SHORT, NULL, PowerSetParameters, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1, NULL, 0},
    {OID_PNP_QUERY_POWER, OID_ALWAYS, OidQueryNothing, NULL, 0, NULL, 0},
    {OID_PNP_SET_POWER, OID_ALWAYS | OID_EXACT, NULL, PowerSetState, sizeof(NDIS_DEVICE_POWER_STATE), NULL, 0},
    {OID_GEN_SUPPORTED_GUIDS, 0, OidQueryGuids, NULL, 0, NULL, 0},
    {XENNET_OID_COUNTERS, OID_UNLISTED, OidQueryOwnCounters, NULL, 0, NULL, 0},
    {XENNET_OID_QUEUES, OID_UNLISTED, OidQueryQueues, NULL, 0, NULL, 0},
};

C_ASSERT(RTL_NUMBER_OF(OidTable) <= OID_MAX_LIST);

static BOOLEAN
OidApplies(const XENNET_ADAPTER *Adapter, const OID_ROW *Row)
{
    if ((Row->Flags & OID_RSS) && !RssIsAvailable(Adapter->Rss))
        return FALSE;
    if ((Row->Flags & OID_RSS_MOVES) && !Adapter->Context.Revisions->RssEntryMoves)
        return FALSE;
    if ((Row->Flags & OID_VLAN) && !Adapter->Context.Vlan.Vlan)
        return FALSE;
    return !(Row->Flags & OID_RSC) || Adapter->Context.Revisions->Rsc;
}

static const OID_ROW *
OidFind(const XENNET_ADAPTER *Adapter, NDIS_OID Oid)
{
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(OidTable); Index++) {
        if (OidTable[Index].Oid == Oid)
            return OidApplies(Adapter, &OidTable[Index]) ? &OidTable[Index] : NULL;
    }
    return NULL;
}

_Use_decl_annotations_
ULONG
OidGetList(const XENNET_ADAPTER *Adapter, NDIS_OID *List)
{
    ULONG Count = 0;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(OidTable); Index++) {
        if (!(OidTable[Index].Flags & OID_UNLISTED) && OidApplies(Adapter, &OidTable[Index]))
            List[Count++] = OidTable[Index].Oid;
    }
    return Count * sizeof(NDIS_OID);
}

static NDIS_STATUS
OidQuery(XENNET_ADAPTER *Adapter, const OID_ROW *Row, NDIS_OID_REQUEST *Request)
{
    ULONG Room = Request->DATA.QUERY_INFORMATION.InformationBufferLength;
    OID_VALUE Value;

    Request->DATA.QUERY_INFORMATION.BytesWritten = 0;
    Request->DATA.QUERY_INFORMATION.BytesNeeded = 0;
    Value.Length = 0;
    Row->Query(Adapter, Row, &Value);

    if (Room < Value.Length) {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Value.Length;
        if (!(Row->Flags & OID_COUNTER) || Room < sizeof(ULONG))
            return NDIS_STATUS_BUFFER_TOO_SHORT;
        // Little endian: the low half comes first.
        Value.Length = sizeof(ULONG);
    }
    RtlCopyMemory(Request->DATA.QUERY_INFORMATION.InformationBuffer, &Value.Scratch, Value.Length);
    Request->DATA.QUERY_INFORMATION.BytesWritten = Value.Length;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
OidSet(XENNET_ADAPTER *Adapter, const OID_ROW *Row, NDIS_OID_REQUEST *Request)
{
    ULONG Length = Request->DATA.SET_INFORMATION.InformationBufferLength;
    NDIS_STATUS Status;

    Request->DATA.SET_INFORMATION.BytesRead = 0;
    Request->DATA.SET_INFORMATION.BytesNeeded = 0;
    if (Length < Row->SetLength || ((Row->Flags & OID_EXACT) && Length != Row->SetLength)) {
        Request->DATA.SET_INFORMATION.BytesNeeded = Row->SetLength;
        return (Row->Flags & OID_TOO_SHORT) ? NDIS_STATUS_BUFFER_TOO_SHORT : NDIS_STATUS_INVALID_LENGTH;
    }
    Status = Row->Set(Adapter, Request->DATA.SET_INFORMATION.InformationBuffer, Length);
    if (Status == NDIS_STATUS_SUCCESS)
        Request->DATA.SET_INFORMATION.BytesRead = Length;
    else if (Status == NDIS_STATUS_INVALID_LENGTH)
        Request->DATA.SET_INFORMATION.BytesNeeded = Row->SetLength;
    return Status;
}

NDIS_STATUS NTAPI
OidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    XENNET_ADAPTER *Adapter = Context;
    const OID_ROW *Row;

    Row = OidFind(Adapter, Request->DATA.QUERY_INFORMATION.Oid);
    // A device that is gone is left alone.
    if (Adapter->Context.Gone && (Row == NULL || !(Row->Flags & OID_ALWAYS)))
        return NDIS_STATUS_NOT_ACCEPTED;
    if (Row == NULL)
        return NDIS_STATUS_NOT_SUPPORTED;
    switch (Request->RequestType) {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
        return Row->Query != NULL ? OidQuery(Adapter, Row, Request) : NDIS_STATUS_NOT_SUPPORTED;

    case NdisRequestSetInformation:
        return Row->Set != NULL ? OidSet(Adapter, Row, Request) : NDIS_STATUS_NOT_SUPPORTED;

    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

// The one request that NDIS makes without waiting for those before it.
NDIS_STATUS NTAPI
OidSynchronousRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    XENNET_ADAPTER *Adapter = Context;
    NDIS_STATUS Status;
    KIRQL Irql;

    Request->DATA.METHOD_INFORMATION.BytesNeeded = 0;
    Request->DATA.METHOD_INFORMATION.BytesRead = 0;
    Request->DATA.METHOD_INFORMATION.BytesWritten = 0;
    if (Adapter->Context.Gone)
        return NDIS_STATUS_NOT_ACCEPTED;
    if (Request->RequestType != NdisRequestMethod ||
        Request->DATA.METHOD_INFORMATION.Oid != OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES ||
        OidFind(Adapter, OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES) == NULL)
        return NDIS_STATUS_NOT_SUPPORTED;

    Irql = IrqlRaise(FALSE);
    Status = RssV2MoveEntries(Adapter->Rss, Request->DATA.METHOD_INFORMATION.InformationBuffer,
                              Request->DATA.METHOD_INFORMATION.InputBufferLength);
    IrqlLower(Irql);
    if (Status == NDIS_STATUS_INVALID_LENGTH)
        Request->DATA.METHOD_INFORMATION.BytesNeeded = NDIS_SIZEOF_RSS_SET_INDIRECTION_ENTRIES_REVISION_1;
    if (Status == NDIS_STATUS_SUCCESS) {
        Request->DATA.METHOD_INFORMATION.BytesRead = Request->DATA.METHOD_INFORMATION.InputBufferLength;
        Request->DATA.METHOD_INFORMATION.BytesWritten = Request->DATA.METHOD_INFORMATION.InputBufferLength;
    }
    return Status;
}

// No request outlives its call, so there is none to cancel.
VOID NTAPI
OidCancelRequest(NDIS_HANDLE Context, PVOID RequestId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(RequestId);
}
