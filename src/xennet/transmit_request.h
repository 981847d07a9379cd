/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One NBL to send: what its out-of-band data asks for, in XenVif's terms, and whether that can be done. Offloads that
 * were never offered, frames that no backend takes and segment sizes that make no sense end here, before anything is
 * queued.
 *
 * Called by transmit.c only, at DISPATCH, without side effects. What every packet needs is inline, the rest in
 * transmit_request.c.
 */
#ifndef XENNET_TRANSMIT_REQUEST_H
#define XENNET_TRANSMIT_REQUEST_H

#include <ndis.h>
#include "offload_setting.h"
#include "transmit_counters.h"
#include "vif_packet.h"
#include "vlan.h"

#define MAX_TCP_HEADER 60

struct _XENNET_CONTEXT;

// What an NBL is measured against.
typedef struct _XENNET_TRANSMIT_LIMITS {
    const XENNET_OFFLOAD *Offload; // what may be asked for at the moment
    ULONG MaximumLength;           // of one frame that is not to be segmented, tag included
    ULONG MaximumLargeLength;
    // As the queues are at the moment, single words.
    ULONG HashFunction;                          // whose values may pick a queue: Toeplitz, or none that exists
    XENVIF_PACKET_HASH_ALGORITHM PlainAlgorithm; // of packets without such a value
    const XENNET_VLAN *Vlan;
} XENNET_TRANSMIT_LIMITS;

// How the NBs of one NBL are to be sent, or why they cannot be.
typedef struct _XENNET_TRANSMIT_REQUEST {
    XENNET_OFFLOAD_OPTIONS Options;
    USHORT MaximumSegmentSize;
    USHORT Tci;
    BOOLEAN LsoV1; // completes with the payload sent
    ULONG TcpHeaderOffset;
    LONG Count; // NBs
    XENNET_PACKET_HASH Hash;
    XENNET_TRANSMIT_DROP Reason; // of a refusal: which counter it belongs to
} XENNET_TRANSMIT_REQUEST;

VOID TransmitLimitsSet(_Out_ XENNET_TRANSMIT_LIMITS *Limits, _In_ const struct _XENNET_CONTEXT *Context,
                       _In_ const XENNET_OFFLOAD *Offload);

// Mapped: XenVif's table names only queues that there are.
VOID TransmitLimitsSetQueues(_Inout_ XENNET_TRANSMIT_LIMITS *Limits, _In_ ULONG QueueCount, _In_ BOOLEAN Mapped);

// The tag that goes into the frame. FALSE: of a VLAN that is not the adapter's.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TransmitRequestReadTag(_In_ const XENNET_TRANSMIT_LIMITS *Limits, _In_ NET_BUFFER_LIST *Nbl,
                               _Inout_ XENNET_TRANSMIT_REQUEST *Request);

// What a large send asks for, checked.
_IRQL_requires_(DISPATCH_LEVEL)
NDIS_STATUS TransmitRequestReadLarge(_In_ const XENNET_TRANSMIT_LIMITS *Limits,
                                     _In_ NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso,
                                     _Inout_ XENNET_TRANSMIT_REQUEST *Request);

// Each NB of a large send has a payload.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TransmitRequestSegmentsAreValid(_In_ NET_BUFFER_LIST *Nbl, _In_ const XENNET_TRANSMIT_REQUEST *Request);

// What a large send of version 1 reports when it completes takes the place of what it asked for. FALSE: no payload.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TransmitRequestSetPayload(_Inout_ NET_BUFFER_LIST *Nbl, _In_ const XENNET_TRANSMIT_REQUEST *Request);

// The MSS for an NB whose payload may be shorter than it; 0 where there is no payload at all.
_IRQL_requires_(DISPATCH_LEVEL)
USHORT TransmitRequestFitShort(_In_ const NET_BUFFER *Nb, _In_ ULONG TcpHeaderOffset, _In_ USHORT MaximumSegmentSize);

// What NDIS finds in the out-of-band data of a large send that it gets back, its Status being set.
VOID TransmitRequestSetLargeResult(_Inout_ NET_BUFFER_LIST *Nbl);

/*
 * XenVif takes an MSS up to the payload's length, which makes one segment of it and still sets the lengths that a
 * large send leaves open. The header's length is read only where it decides.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE USHORT
TransmitRequestFitSegment(const NET_BUFFER *Nb, ULONG TcpHeaderOffset, USHORT MaximumSegmentSize)
{
    if (NET_BUFFER_DATA_LENGTH(Nb) > TcpHeaderOffset + MAX_TCP_HEADER + MaximumSegmentSize)
        return MaximumSegmentSize;
    return TransmitRequestFitShort(Nb, TcpHeaderOffset, MaximumSegmentSize);
}

// XenVif sends both to the same ring for certain, so the first may wait for the second (More).
FORCEINLINE BOOLEAN
TransmitRequestSameRing(const XENNET_TRANSMIT_REQUEST *First, const XENNET_TRANSMIT_REQUEST *Second)
{
    return First->Hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ &&
           Second->Hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ && First->Hash.Value == Second->Hash.Value;
}

// Reads the hash that NDIS computed for RSS; without one XenVif hashes for itself.
FORCEINLINE VOID
TransmitRequestReadHash(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl, XENNET_PACKET_HASH *Hash)
{
    ULONG Information = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo);

    if ((Information & NDIS_HASH_FUNCTION_MASK) != Limits->HashFunction) {
        Hash->Algorithm = Limits->PlainAlgorithm;
        Hash->Type = XENVIF_PACKET_HASH_TYPE_NONE;
        Hash->Value = 0;
        return;
    }

    Hash->Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    Hash->Value = NET_BUFFER_LIST_GET_HASH_VALUE(Nbl);
    switch (Information & NDIS_HASH_TYPE_MASK) {
    case NDIS_HASH_TCP_IPV4:
        Hash->Type = XENVIF_PACKET_HASH_TYPE_IPV4_TCP;
        break;

    case NDIS_HASH_IPV4:
        Hash->Type = XENVIF_PACKET_HASH_TYPE_IPV4;
        break;

    case NDIS_HASH_TCP_IPV6:
        Hash->Type = XENVIF_PACKET_HASH_TYPE_IPV6_TCP;
        break;

    case NDIS_HASH_IPV6:
        Hash->Type = XENVIF_PACKET_HASH_TYPE_IPV6;
        break;

    default:
        // A type XenVif has no name for still picks a ring by its value.
        Hash->Type = XENVIF_PACKET_HASH_TYPE_NONE;
        break;
    }
}

// Reads which checksums the packet asks for.
FORCEINLINE VOID
TransmitRequestReadChecksum(NET_BUFFER_LIST *Nbl, XENNET_TRANSMIT_REQUEST *Request)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    XENNET_OFFLOAD_OPTIONS Options;

    Checksum.Value = NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo);
    Options.Value = 0;
    if (Checksum.Transmit.IsIPv4) {
        Options.OffloadIpVersion4HeaderChecksum = Checksum.Transmit.IpHeaderChecksum;
        Options.OffloadIpVersion4TcpChecksum = Checksum.Transmit.TcpChecksum;
        Options.OffloadIpVersion4UdpChecksum = Checksum.Transmit.UdpChecksum;
    } else if (Checksum.Transmit.IsIPv6) {
        Options.OffloadIpVersion6TcpChecksum = Checksum.Transmit.TcpChecksum;
        Options.OffloadIpVersion6UdpChecksum = Checksum.Transmit.UdpChecksum;
    }
    Request->Options = Options;
}

// What is switched off at the moment is refused as well as what never was there.
FORCEINLINE BOOLEAN
TransmitRequestIsAllowed(const XENNET_TRANSMIT_LIMITS *Limits, XENNET_OFFLOAD_OPTIONS Asked)
{
    return (Asked.Value & ~OffloadTransmitOptions(Limits->Offload).Value) == 0;
}

// Translates the NBL's out-of-band data. Fails for what was never offered or makes no sense.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NDIS_STATUS
TransmitRequestReadOffloads(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl,
                            XENNET_TRANSMIT_REQUEST *Request)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;

    Request->MaximumSegmentSize = 0;
    Request->Tci = 0;
    Request->LsoV1 = FALSE;
    TransmitRequestReadHash(Limits, Nbl, &Request->Hash);
    TransmitRequestReadChecksum(Nbl, Request);
    if ((NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) != NULL || VlanIdIsSet(Limits->Vlan)) &&
        !TransmitRequestReadTag(Limits, Nbl, Request))
        return NDIS_STATUS_INVALID_PACKET;
    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (Lso.LsoV2Transmit.MSS != 0)
        return TransmitRequestReadLarge(Limits, Lso, Request);
    return TransmitRequestIsAllowed(Limits, Request->Options) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

// Counts the NBs. One that is found impossible later would leave those before it in XenVif, waiting for more.
FORCEINLINE BOOLEAN
TransmitRequestLengthsAreValid(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl,
                               XENNET_TRANSMIT_REQUEST *Request)
{
    ULONG Maximum = Request->MaximumSegmentSize != 0 ? Limits->MaximumLargeLength : Limits->MaximumLength;
    NET_BUFFER *Nb;
    LONG Count = 0;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        if (NET_BUFFER_CURRENT_MDL(Nb) == NULL || NET_BUFFER_DATA_LENGTH(Nb) < ETHERNET_HEADER_SIZE ||
            NET_BUFFER_DATA_LENGTH(Nb) > Maximum)
            return FALSE;
        Count++;
    }
    Request->Count = Count;
    return Count != 0;
}

// Fills Request; anything but NDIS_STATUS_SUCCESS: the NBL cannot be sent.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NDIS_STATUS
TransmitRequestRead(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl, XENNET_TRANSMIT_REQUEST *Request)
{
    NDIS_STATUS Status;

    Status = TransmitRequestReadOffloads(Limits, Nbl, Request);
    if (Status != NDIS_STATUS_SUCCESS) {
        Request->Reason = XENNET_TRANSMIT_DROP_OFFLOAD;
        return Status;
    }
    Request->Reason = XENNET_TRANSMIT_DROP_LENGTH;
    if (!TransmitRequestLengthsAreValid(Limits, Nbl, Request) ||
        (Request->MaximumSegmentSize != 0 && !TransmitRequestSegmentsAreValid(Nbl, Request)))
        return NDIS_STATUS_INVALID_LENGTH;
    if (Request->LsoV1 && !TransmitRequestSetPayload(Nbl, Request))
        return NDIS_STATUS_INVALID_PACKET;
    return NDIS_STATUS_SUCCESS;
}

// What NDIS finds in an NBL that it gets back.
FORCEINLINE VOID
TransmitRequestSetResult(NET_BUFFER_LIST *Nbl, NDIS_STATUS Status)
{
    NET_BUFFER_LIST_STATUS(Nbl) = Status;
    if (NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) != NULL)
        TransmitRequestSetLargeResult(Nbl);
}

#endif
