/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OID values that need no module of their own: plain numbers, addresses, records of fixed content.
 * Called by oid.c, whose table names these handlers. PASSIVE, serialised by NDIS.
 */
#ifndef XENNET_OID_VALUE_H
#define XENNET_OID_VALUE_H

#include <ndis.h>
#include "context.h"
#include "ethernet.h"
#include "rss.h"

struct _XENNET_ADAPTER;

#define OID_MAX_LIST 96

// A query handler writes Scratch and the bytes of it that count.
typedef struct _OID_VALUE {
    ULONG Length;
    union {
        ULONG Number;
        ULONG64 Counter;
        USHORT Version;
        UCHAR Bytes[32 * ETHERNET_ADDRESS_LENGTH];
        UCHAR Hash[RSS_HASH_RECORD_SIZE];
        NDIS_STATISTICS_INFO Statistics;
        NDIS_RSC_STATISTICS_INFO RscStatistics;
        NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation;
        ULONG64 Counters[1 + 2 * XENNET_MAX_QUEUES];
        NDIS_GUID Guids[2];
        NDIS_OID List[OID_MAX_LIST];
    } Scratch;
} OID_VALUE;

// One OID: how it is answered and set, and what its query handler needs to know.
typedef struct _OID_ROW OID_ROW;
typedef VOID OID_QUERY(struct _XENNET_ADAPTER *Adapter, const OID_ROW *Row, OID_VALUE *Value);
typedef NDIS_STATUS OID_SET(struct _XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length);
typedef ULONG OID_NUMBER(_In_ const struct _XENNET_ADAPTER *Adapter);

struct _OID_ROW {
    NDIS_OID Oid;
    ULONG Flags;
    OID_QUERY *Query;
    OID_SET *Set;
    ULONG SetLength;
    OID_NUMBER *Number; // of OidQueryNumber
    ULONG Argument; // of OidQueryConstant: the value; of OidQueryCounter: STATS_MEMBER bits; of OidQueryAddress: offset
};

OID_NUMBER OidNumberMtu;
OID_NUMBER OidNumberLookahead;
OID_NUMBER OidNumberFrameSize;
OID_NUMBER OidNumberTransmitSpace;
OID_NUMBER OidNumberReceiveSpace;
OID_NUMBER OidNumberTransmitPackets;
OID_NUMBER OidNumberVendorId;
OID_NUMBER OidNumberMacOptions;
OID_NUMBER OidNumberVlanId;
OID_NUMBER OidNumberConnectStatus;
OID_NUMBER OidNumberPacketFilter;

// One ULONG, computed or the same for every adapter.
VOID OidQueryConstant(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryNumber(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryCounter(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryReceived(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryNoBuffer(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryNothing(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryDescription(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryDriverVersion(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryAddress(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryMulticast(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryModeration(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryStatistics(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryRscStatistics(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryOwnCounters(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryQueues(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryGuids(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);
VOID OidQueryReceiveHash(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const OID_ROW *Row, _Out_ OID_VALUE *Value);

NDIS_STATUS OidSetLookahead(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);
NDIS_STATUS OidSetVlan(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

#endif
