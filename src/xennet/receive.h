/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receive path: packets from XenVif to NDIS in batches, and NBLs back from NDIS.
 *
 * receive.c has the ownership rules; receive_packet.c turns one packet into an NBL.
 */
#ifndef XENNET_RECEIVE_H
#define XENNET_RECEIVE_H

#include <ndis.h>
#include "vif_interface.h"

struct _XENNET_ADAPTER;
typedef struct _XENNET_RECEIVE XENNET_RECEIVE;

// Why a packet from XenVif was given back instead of handed to NDIS.
typedef enum _XENNET_RECEIVE_DROP {
    XENNET_RECEIVE_DROP_STATE,     // adapter not running
    XENNET_RECEIVE_DROP_RESOURCES, // no NBL, not even a reserved one
    XENNET_RECEIVE_DROP_VLAN,      // of another VLAN than the adapter's
    XENNET_RECEIVE_DROP_QUEUE,     // queue index beyond the queues that there can be
    XENNET_RECEIVE_DROP_LENGTH,    // shorter than a header or longer than a frame may be
    XENNET_RECEIVE_DROP_BUFFER,    // MDL chain shorter than the packet
    XENNET_RECEIVE_DROP_HEADER,    // header description that does not fit the packet
    XENNET_RECEIVE_DROP_SEGMENT,   // impossible segment size
    XENNET_RECEIVE_DROP_CHECKSUM,  // checksum both good and bad
    XENNET_RECEIVE_DROP_HASH,      // unknown hash algorithm or type
    XENNET_RECEIVE_DROP_COUNT
} XENNET_RECEIVE_DROP;

#define XENNET_RECEIVE_ACCEPT XENNET_RECEIVE_DROP_COUNT

// What has come on one queue; written by whoever XenVif lets work on it, one at a time.
typedef struct _XENNET_QUEUE_COUNTERS {
    ULONG64 Packets;
    ULONG64 Octets;
} XENNET_QUEUE_COUNTERS;

// Sums over all processors, read while they move.
typedef struct _XENNET_RECEIVE_COUNTERS {
    ULONG64 NdisCalls;     // indications
    ULONG64 Packets;       // indicated
    ULONG64 ScarcePackets; // of those, indicated with NDIS_RECEIVE_FLAGS_RESOURCES
    ULONG64 CoalescedSegments;
    ULONG64 CoalescedOctets;
    ULONG64 CoalescedPackets;
    ULONG64 Drops[XENNET_RECEIVE_DROP_COUNT];
} XENNET_RECEIVE_COUNTERS;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS ReceiveCreate(_In_ struct _XENNET_ADAPTER *Adapter, _Outptr_ XENNET_RECEIVE **Receive);

_IRQL_requires_(PASSIVE_LEVEL)
VOID ReceiveDestroy(_In_opt_ XENNET_RECEIVE *Receive);

/*
 * XenVif hands over one packet, which goes back with VifReturnPacket exactly once. TRUE asks it to hold further
 * packets for a moment.
 */
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN ReceiveQueuePacket(_In_ XENNET_RECEIVE *Receive, _In_ const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters);

// Packets have at most so many bytes from now on, Ethernet header included, tag not.
VOID ReceiveSetFrameSize(_Inout_ XENNET_RECEIVE *Receive, _In_ ULONG MaximumFrameSize);

// After no more packets are accepted: gives back those that wait for NDIS to take them.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReceiveStop(_In_ XENNET_RECEIVE *Receive);

// NDIS gives NBLs back.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReceiveReturn(_In_ XENNET_RECEIVE *Receive, _In_ NET_BUFFER_LIST *Chain, _In_ ULONG ReturnFlags);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReceiveReadCounters(_In_ XENNET_RECEIVE *Receive, _Out_ XENNET_RECEIVE_COUNTERS *Counters);

// Index: below the adapter's ProcessorCount.
_IRQL_requires_max_(DISPATCH_LEVEL)
XENNET_QUEUE_COUNTERS ReceiveReadQueue(_In_ const XENNET_RECEIVE *Receive, _In_ ULONG Index);

#endif
