/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One NBL to send: what its out-of-band data asks for, in XenVif's terms, and whether that can be done. Offloads that
 * were never offered, frames that no backend takes and segment sizes that make no sense end here, before anything is
 * queued.
 *
 * Called by transmit.c only, at DISPATCH, without side effects. What every packet needs is inline, the rest in
 * txrequest.c.
 */
#ifndef XENNET_TXREQUEST_H
#define XENNET_TXREQUEST_H

#include <ndis.h>
#include "offload.h"
#include "transmit.h"
#include "vif_interface.h"
#include "vlan.h"

#define TCP_HEADER_MAXIMUM 60

struct _XENNET_ADAPTER;

// What an NBL is measured against. Immutable after TransmitCreate.
typedef struct _TX_LIMITS {
    const XENNET_OFFLOAD *Offload; // what may be asked for at the moment
    ULONG MaximumLength;           // of one frame that is not to be segmented, tag included
    ULONG MaximumLargeLength;
    BOOLEAN SingleQueue;
    const XENNET_VLAN *Vlan;
} TX_LIMITS;

// How the NBs of one NBL are to be sent, or why they cannot be.
typedef struct _TX_REQUEST {
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options;
    USHORT MaximumSegmentSize;
    USHORT Tci;
    BOOLEAN LsoV1; // completes with the payload sent
    ULONG TcpHeaderOffset;
    LONG Count; // NBs
    XENVIF_PACKET_HASH_V2 Hash;
    XENNET_TRANSMIT_DROP Reason; // of a refusal: which counter it belongs to
} TX_REQUEST;

VOID TxLimitsSet(_Out_ TX_LIMITS *Limits, _In_ struct _XENNET_ADAPTER *Adapter);

// The tag that goes into the frame. FALSE: of a VLAN that is not the adapter's.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TxReadTag(_In_ const TX_LIMITS *Limits, _In_ NET_BUFFER_LIST *Nbl, _Inout_ TX_REQUEST *Request);

// What a large send asks for, checked.
_IRQL_requires_(DISPATCH_LEVEL)
NDIS_STATUS TxReadLarge(_In_ const TX_LIMITS *Limits, _In_ NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso,
                        _Inout_ TX_REQUEST *Request);

// Each NB of a large send has a payload.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TxSegmentsAreValid(_In_ NET_BUFFER_LIST *Nbl, _In_ const TX_REQUEST *Request);

// What a large send of version 1 reports when it completes takes the place of what it asked for. FALSE: no payload.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TxSetPayload(_Inout_ NET_BUFFER_LIST *Nbl, _In_ const TX_REQUEST *Request);

// The MSS for an NB whose payload may be shorter than it; 0 where there is no payload at all.
_IRQL_requires_(DISPATCH_LEVEL)
USHORT TxFitShort(_In_ const NET_BUFFER *Nb, _In_ ULONG TcpHeaderOffset, _In_ USHORT MaximumSegmentSize);

// What NDIS finds in the out-of-band data of a large send that it gets back, its Status being set.
VOID TxSetLargeResult(_Inout_ NET_BUFFER_LIST *Nbl);

/*
 * XenVif takes an MSS up to the payload's length, which makes one segment of it and still sets the lengths that a
 * large send leaves open. The header's length is read only where it decides.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE USHORT
TxFitSegment(const NET_BUFFER *Nb, ULONG TcpHeaderOffset, USHORT MaximumSegmentSize)
{
    if (NET_BUFFER_DATA_LENGTH(Nb) > TcpHeaderOffset + TCP_HEADER_MAXIMUM + MaximumSegmentSize)
        return MaximumSegmentSize;
    return TxFitShort(Nb, TcpHeaderOffset, MaximumSegmentSize);
}

// XenVif sends both to the same ring for certain, so the first may wait for the second (More).
FORCEINLINE BOOLEAN
TxSameRing(const TX_REQUEST *First, const TX_REQUEST *Second)
{
    return First->Hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ &&
           Second->Hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ && First->Hash.Value == Second->Hash.Value;
}

// Reads the hash that NDIS computed for RSS; without one XenVif hashes for itself.
FORCEINLINE VOID
TxReadHash(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, XENVIF_PACKET_HASH_V2 *Hash)
{
    ULONG Information = NET_BUFFER_LIST_GET_HASH_INFO(Nbl);

    if ((Information & NDIS_HASH_FUNCTION_MASK) != NdisHashFunctionToeplitz) {
        // With one queue every value picks it, and a value of our own lets XenVif honour More.
        Hash->Algorithm =
            Limits->SingleQueue ? XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ : XENVIF_PACKET_HASH_ALGORITHM_NONE;
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
TxReadChecksum(NET_BUFFER_LIST *Nbl, TX_REQUEST *Request)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options;

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
TxIsAllowed(const TX_LIMITS *Limits, XENVIF_VIF_OFFLOAD_OPTIONS_V1 Asked)
{
    return (Asked.Value & ~OffloadTransmitOptions(Limits->Offload).Value) == 0;
}

// Translates the NBL's out-of-band data. Fails for what was never offered or makes no sense.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NDIS_STATUS
TxReadOffloads(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, TX_REQUEST *Request)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;

    Request->MaximumSegmentSize = 0;
    Request->Tci = 0;
    Request->LsoV1 = FALSE;
    TxReadHash(Limits, Nbl, &Request->Hash);
    TxReadChecksum(Nbl, Request);
    if ((NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) != NULL || VlanIdIsSet(Limits->Vlan)) &&
        !TxReadTag(Limits, Nbl, Request))
        return NDIS_STATUS_INVALID_PACKET;
    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (Lso.LsoV2Transmit.MSS != 0)
        return TxReadLarge(Limits, Lso, Request);
    return TxIsAllowed(Limits, Request->Options) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

// Counts the NBs. One that is found impossible later would leave those before it in XenVif, waiting for more.
FORCEINLINE BOOLEAN
TxLengthsAreValid(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, TX_REQUEST *Request)
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
TxRequestRead(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, TX_REQUEST *Request)
{
    NDIS_STATUS Status;

    Status = TxReadOffloads(Limits, Nbl, Request);
    if (Status != NDIS_STATUS_SUCCESS) {
        Request->Reason = XENNET_TRANSMIT_DROP_OFFLOAD;
        return Status;
    }
    Request->Reason = XENNET_TRANSMIT_DROP_LENGTH;
    if (!TxLengthsAreValid(Limits, Nbl, Request) ||
        (Request->MaximumSegmentSize != 0 && !TxSegmentsAreValid(Nbl, Request)))
        return NDIS_STATUS_INVALID_LENGTH;
    if (Request->LsoV1 && !TxSetPayload(Nbl, Request))
        return NDIS_STATUS_INVALID_PACKET;
    return NDIS_STATUS_SUCCESS;
}

// What NDIS finds in an NBL that it gets back.
FORCEINLINE VOID
TxSetResult(NET_BUFFER_LIST *Nbl, NDIS_STATUS Status)
{
    NET_BUFFER_LIST_STATUS(Nbl) = Status;
    if (NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) != NULL)
        TxSetLargeResult(Nbl);
}

#endif
