/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted of received packets, and why a packet was dropped. include/counters.h has the same for those who read
 * them.
 */
#ifndef XENNET_RECEIVE_COUNTERS_H
#define XENNET_RECEIVE_COUNTERS_H

#include <ndis.h>

// Why a packet from XenVif was returned instead of handed to NDIS.
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
    ULONG64 Packets;       // indicated: ReceiveReadCounters adds it up
    ULONG64 ScarcePackets; // of those, indicated with NDIS_RECEIVE_FLAGS_RESOURCES
    ULONG64 CoalescedSegments;
    ULONG64 CoalescedOctets;
    ULONG64 CoalescedPackets;
    ULONG64 JoinedDatagrams; // UDP: those that went up in JoinedPackets
    ULONG64 JoinedPackets;
    ULONG64 Drops[XENNET_RECEIVE_DROP_COUNT];
    ULONG64 Kept;        // packets that NDIS or a queue for it may keep, from the first
    ULONG64 Returned;    // of them that are back
    ULONG64 Unindicated; // of those that came back without NDIS having had them
} XENNET_RECEIVE_COUNTERS;

#endif
