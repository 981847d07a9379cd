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
        ULONG64 Counters[2 * XENNET_MAX_QUEUES];
        NDIS_GUID Guids[2];
        NDIS_OID List[OID_MAX_LIST];
    } Scratch;
} OID_VALUE;

// Any OID whose value is one ULONG.
VOID OidQueryNumber(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryCounter(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryNothing(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryDescription(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryDriverVersion(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryAddress(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryMulticast(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryModeration(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryStatistics(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryRscStatistics(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryOwnCounters(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryQueues(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryGuids(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);
VOID OidQueryReceiveHash(_In_ struct _XENNET_ADAPTER *Adapter, _In_ NDIS_OID Oid, _Out_ OID_VALUE *Value);

NDIS_STATUS OidSetLookahead(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);
NDIS_STATUS OidSetVlan(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

#endif
