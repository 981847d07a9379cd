/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP segmentation: one NBL with a large datagram becomes frames of their own, each with headers made after those of
 * the large one and an MDL over the part of the sender's payload that is its own. netif has no such offload, so this is
 * done here; XenVif sees ordinary packets. Nothing of the payload is copied.
 *
 * Called by transmit_segments.c only, at DISPATCH, on one processor. One NBL is cut at a time.
 */
#ifndef XENNET_SEGMENT_H
#define XENNET_SEGMENT_H

#include <ndis.h>
#include "segment_pool.h"
#include "transmit_counters.h"
#include "transmit_request.h"

// What the segments of one NBL have in common, and how far it is cut. This processor at DISPATCH.
typedef struct _XENNET_SEGMENT_CUT {
    XENNET_SEGMENT_POOL *Pool; // immutable

    NET_BUFFER_LIST *Nbl;
    MDL *Mdl;     // where the payload goes on
    ULONG Offset; // in it
    ULONG Left;   // bytes of payload
    ULONG SegmentSize;
    NDIS_STATUS Status; // why no segment could be made, NDIS_STATUS_SUCCESS for want of a buffer
    XENNET_TRANSMIT_REQUEST Request;
    USHORT Identification; // IPv4, of the next segment
    BOOLEAN Ipv4;
    BOOLEAN SumsHere;   // UDP checksums are computed here
    BOOLEAN HasUdpSum;  // there is one at all
    ULONG NetworkStart; // bytes before the IP header
    ULONG UdpStart;
    ULONG HeaderLength;
    ULONG IpSum;  // of the IPv4 header without length, identification and checksum
    ULONG UdpSum; // of the pseudo header without its length
    UCHAR Header[SEGMENT_MAX_HEADER];
} XENNET_SEGMENT_CUT;

// The NBL asks for it.
FORCEINLINE BOOLEAN
SegmentIsAsked(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl)
{
    return Limits->SegmentSlot == TRANSMIT_REQUEST_SLOT(UdpSegmentationOffloadInfo) &&
           TransmitRequestSegments(Limits, Nbl) != NULL;
}

// Reads an NBL that asks for it. Anything but NDIS_STATUS_SUCCESS: it cannot be sent, for Reason.
_IRQL_requires_(DISPATCH_LEVEL)
NDIS_STATUS SegmentBegin(_In_ const XENNET_TRANSMIT_LIMITS *Limits, _Inout_ XENNET_SEGMENT_CUT *Cut,
                         _In_ NET_BUFFER_LIST *Nbl, _Out_ XENNET_TRANSMIT_DROP *Reason);

// Segments that are still to be made.
ULONG SegmentCountLeft(_In_ const XENNET_SEGMENT_CUT *Cut);

// The next one; NULL: Cut's Status has why. There is one left.
_IRQL_requires_(DISPATCH_LEVEL)
XENNET_SEGMENT *SegmentMake(_Inout_ XENNET_SEGMENT_CUT *Cut);

#endif
