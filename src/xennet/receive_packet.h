/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One received packet: is what the provider reports of it possible, and how is it described to NDIS.
 * Called by receive.c only, at DISPATCH.
 */
#ifndef XENNET_RECEIVE_PACKET_H
#define XENNET_RECEIVE_PACKET_H

#include <ndis.h>
#include "offload_setting.h"
#include "receive_counters.h"
#include "vif_packet.h"
#include "vlan.h"

// What a packet is measured against. Immutable after ReceiveCreate.
typedef struct _XENNET_RECEIVE_LIMITS {
    const XENNET_OFFLOAD *Offload;
    const XENNET_VLAN *Vlan;
    ULONG QueueCount;       // that there can ever be
    ULONG MaximumFrameSize; // bytes, Ethernet header included
    UCHAR NdisMinor;        // 6.<NdisMinor> is registered
} XENNET_RECEIVE_LIMITS;

/*
 * Describes the packet in the NBL and returns XENNET_RECEIVE_ACCEPT, or names the first thing that cannot be; the NBL
 * is free again then. Counters gets what RSC statistics want of a coalesced packet.
 */
_IRQL_requires_(DISPATCH_LEVEL)
XENNET_RECEIVE_DROP ReceivePacketRead(_In_ const XENNET_RECEIVE_LIMITS *Limits,
                                      _In_ const XENNET_RECEIVED_PACKET *Packet,
                                      _Inout_ XENNET_RECEIVE_COUNTERS *Counters, _Inout_ NET_BUFFER_LIST *Nbl);

// The provider's name for the packet that an NBL carries.
FORCEINLINE PVOID
ReceivePacketCookie(NET_BUFFER_LIST *Nbl)
{
    return NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0];
}

#endif
