/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which received frames go up: the addresses of the adapter, the packet filter and the multicast groups, as NDIS sets
 * them and as XenVif filters by them. PASSIVE but for FilterFollow; NDIS serialises the OID requests that change
 * anything.
 */
#ifndef XENNET_FILTER_H
#define XENNET_FILTER_H

#include <ndis.h>
#include "context.h"
#include "ethernet.h"

#define FILTER_MAX_MULTICAST 32

#define FILTER_PACKET_TYPES                                                                                            \
    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST |                         \
     NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_PROMISCUOUS)

typedef struct _XENNET_FILTER {
    // Immutable after FilterReadAddresses.
    XENNET_CONTEXT *Context;
    ETHERNET_ADDRESS PermanentAddress;
    ETHERNET_ADDRESS CurrentAddress;
    BOOLEAN ForeignAddress; // CurrentAddress is not the one XenVif filters by

    // Within OID requests. The link's worker reads Packet and Crowded; who enables XenVif reads MulticastCount.
    volatile ULONG Packet; // NDIS_PACKET_TYPE_*
    volatile ULONG MulticastCount;
    ETHERNET_ADDRESS Multicast[FILTER_MAX_MULTICAST];
    volatile BOOLEAN Crowded; // the backend may have had no room for a group: it is not to filter them

    volatile ULONG Repeated; // by who enables XenVif: groups that the backend may have in its list once too often
} XENNET_FILTER;

// XenVif's addresses, or the one of NetworkAddress; no groups. Filter is zeroed: nothing goes up yet. Before XenVif is
// enabled.
_IRQL_requires_(PASSIVE_LEVEL)
VOID FilterReadAddresses(_Inout_ XENNET_FILTER *Filter, _In_ XENNET_CONTEXT *Context);

// Gives the packet filter to XenVif.
_IRQL_requires_(PASSIVE_LEVEL)
NTSTATUS FilterApply(_In_ const XENNET_FILTER *Filter);

// After a connection: XenVif asks each new backend for the groups of its list only, whatever its filter lets through.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID FilterFollow(_In_ const XENNET_FILTER *Filter);

// XenVif was enabled.
_IRQL_requires_(PASSIVE_LEVEL)
VOID FilterNoteEnabled(_Inout_ XENNET_FILTER *Filter);

// OID_GEN_CURRENT_PACKET_FILTER.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS FilterSetPacket(_Inout_ XENNET_FILTER *Filter, _In_ ULONG Packet);

// OID_802_3_MULTICAST_LIST: at most FILTER_MAX_MULTICAST addresses, every one of them a multicast address.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS FilterSetMulticast(_Inout_ XENNET_FILTER *Filter, _In_ const VOID *Buffer, _In_ ULONG Length);

// One address more, or one less. Adding one that is there already changes nothing.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS FilterAddMulticast(_Inout_ XENNET_FILTER *Filter, _In_ const ETHERNET_ADDRESS *Address);

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS FilterDeleteMulticast(_Inout_ XENNET_FILTER *Filter, _In_ const ETHERNET_ADDRESS *Address);

#endif
