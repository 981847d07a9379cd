/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Link state: what XenVif says, checked, and told to NDIS once per change and in order.
 */
#ifndef XENNET_LINK_H
#define XENNET_LINK_H

#include <ndis.h>

struct _XENNET_ADAPTER;
typedef struct _XENNET_LINK XENNET_LINK;

typedef struct _XENNET_LINK_STATE {
    NET_IF_MEDIA_CONNECT_STATE Connect;
    NET_IF_MEDIA_DUPLEX_STATE Duplex;
    ULONG64 Speed;                      // bits per second, NDIS_LINK_SPEED_UNKNOWN without a link
} XENNET_LINK_STATE;

// Reads the state the adapter's attributes start from.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS LinkCreate(_In_ struct _XENNET_ADAPTER *Adapter, _Outptr_ XENNET_LINK **Link);

_IRQL_requires_(PASSIVE_LEVEL)
VOID LinkDestroy(_In_opt_ XENNET_LINK *Link);

// Asks XenVif and tells NDIS if anything changed. On any processor, at the same time as others.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID LinkStateChanged(_In_ XENNET_LINK *Link);

// What NDIS was last told; each member by itself is exact.
_IRQL_requires_max_(DISPATCH_LEVEL)
XENNET_LINK_STATE LinkState(_In_ const XENNET_LINK *Link);

#endif
