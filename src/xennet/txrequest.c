/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From NDIS's out-of-band data to XenVif's options. Everything here looks at one NBL and decides: offloads that
 * were never offered, frames that no backend takes and segment sizes that make no sense end here, before
 * anything is queued.
 *
 * IRQL: DISPATCH. No locks, no state.
 */
#include "txrequest.h"

#define TCP_HEADER_MAXIMUM  60
#define TCP_DATA_OFFSET     12      // high nibble: header length in 4 bytes

// Reads the hash that NDIS computed for RSS; without one XenVif hashes for itself.
static VOID
TxReadHash(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, XENVIF_PACKET_HASH_V2 *Hash)
{
    ULONG Information = NET_BUFFER_LIST_GET_HASH_INFO(Nbl);

    if ((Information & NDIS_HASH_FUNCTION_MASK) != NdisHashFunctionToeplitz) {
        // With one queue every value picks it, and a value of our own lets XenVif honour More.
        Hash->Algorithm = Limits->SingleQueue ? XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ :
                                                XENVIF_PACKET_HASH_ALGORITHM_NONE;
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

// Translates the NBL's out-of-band data. Fails for what was never offered or makes no sense.
static NDIS_STATUS
TxReadOffloads(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, TX_REQUEST *Request)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 Asked;

    Checksum.Value = NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo);
    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);

    Request->Options.Value = 0;
    Request->MaximumSegmentSize = 0;
    Request->TcpHeaderOffset = 0;
    Request->MaximumLength = Limits->MaximumLength;
    TxReadHash(Limits, Nbl, &Request->Hash);

    if (Checksum.Transmit.IsIPv4) {
        Request->Options.OffloadIpVersion4HeaderChecksum = Checksum.Transmit.IpHeaderChecksum;
        Request->Options.OffloadIpVersion4TcpChecksum = Checksum.Transmit.TcpChecksum;
        Request->Options.OffloadIpVersion4UdpChecksum = Checksum.Transmit.UdpChecksum;
    } else if (Checksum.Transmit.IsIPv6) {
        Request->Options.OffloadIpVersion6TcpChecksum = Checksum.Transmit.TcpChecksum;
        Request->Options.OffloadIpVersion6UdpChecksum = Checksum.Transmit.UdpChecksum;
    }

    if (!VlanSendTci(Limits->Vlan, NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo), &Request->Tci))
        return NDIS_STATUS_INVALID_PACKET;
    Request->Options.OffloadTagManipulation = Request->Tci != 0;
    Asked = Request->Options;

    Request->LsoV1 = FALSE;
    if (Lso.LsoV2Transmit.MSS != 0) {
        if (Lso.LsoV2Transmit.MSS > MAXUSHORT)
            return NDIS_STATUS_INVALID_PACKET;
        Request->LsoV1 = Lso.Transmit.Type != NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        if (Request->LsoV1 && !Limits->Offload->AllowedLso1)
            return NDIS_STATUS_NOT_SUPPORTED;
        // XenVif sets the checksums of every segment, whether asked for or not; saying so keeps it plain.
        if (Request->LsoV1 || Lso.LsoV2Transmit.IPVersion == NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4) {
            Asked.OffloadIpVersion4LargePacket = !Request->LsoV1;
            Request->Options.OffloadIpVersion4LargePacket = 1;
            Request->Options.OffloadIpVersion4HeaderChecksum = 1;
            Request->Options.OffloadIpVersion4TcpChecksum = 1;
        } else {
            Asked.OffloadIpVersion6LargePacket = 1;
            Request->Options.OffloadIpVersion6LargePacket = 1;
            Request->Options.OffloadIpVersion6TcpChecksum = 1;
        }
        Request->MaximumSegmentSize = (USHORT)Lso.LsoV2Transmit.MSS;
        Request->TcpHeaderOffset = Lso.LsoV2Transmit.TcpHeaderOffset;
        Request->MaximumLength = Limits->MaximumLargeLength;
    }

    // What is switched off at the moment is refused as well as what never was there.
    if (Asked.Value & ~OffloadTransmitOptions(Limits->Offload).Value)
        return NDIS_STATUS_NOT_SUPPORTED;
    return NDIS_STATUS_SUCCESS;
}

// Reads one byte of a packet, Offset bytes from its start. FALSE where the MDLs end before or cannot be mapped.
static BOOLEAN
TxReadByte(const NET_BUFFER *Nb, ULONG Offset, UCHAR *Byte)
{
    MDL *Mdl = NET_BUFFER_CURRENT_MDL(Nb);
    const UCHAR *Address;

    Offset += NET_BUFFER_CURRENT_MDL_OFFSET(Nb);
    while (Mdl != NULL && Offset >= MmGetMdlByteCount(Mdl)) {
        Offset -= MmGetMdlByteCount(Mdl);
        Mdl = Mdl->Next;
    }
    if (Mdl == NULL)
        return FALSE;
    Address = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority);
    if (Address == NULL)
        return FALSE;
    *Byte = Address[Offset];
    return TRUE;
}

// Bytes of headers up to the payload; 0 where they cannot be read or there is no payload.
static ULONG
TxHeaderLength(const NET_BUFFER *Nb, ULONG TcpHeaderOffset)
{
    ULONG Headers;
    UCHAR DataOffset;

    if (!TxReadByte(Nb, TcpHeaderOffset + TCP_DATA_OFFSET, &DataOffset))
        return 0;
    Headers = TcpHeaderOffset + (ULONG)(DataOffset >> 4) * 4;
    return NET_BUFFER_DATA_LENGTH(Nb) > Headers ? Headers : 0;
}

_Use_decl_annotations_
BOOLEAN
TxFitSegment(const NET_BUFFER *Nb, ULONG TcpHeaderOffset, USHORT *MaximumSegmentSize)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Nb);
    ULONG Headers;

    // The header's length is read only where it decides.
    if (Length > TcpHeaderOffset + TCP_HEADER_MAXIMUM + *MaximumSegmentSize)
        return TRUE;
    Headers = TxHeaderLength(Nb, TcpHeaderOffset);
    if (Headers == 0)
        return FALSE;
    if (*MaximumSegmentSize > Length - Headers)
        *MaximumSegmentSize = (USHORT)(Length - Headers);
    return TRUE;
}

static BOOLEAN
TxLengthIsValid(const NET_BUFFER *Nb, ULONG Maximum)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Nb);

    return NET_BUFFER_CURRENT_MDL(Nb) != NULL && Length >= ETHERNET_HEADER_SIZE && Length <= Maximum;
}

// All NBs can be sent: one that is found impossible later would leave those before it in XenVif, waiting for more.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
TxListIsValid(NET_BUFFER_LIST *Nbl, const TX_REQUEST *Request, LONG *Count)
{
    NET_BUFFER *Nb;
    USHORT MaximumSegmentSize;

    *Count = 0;
    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        if (!TxLengthIsValid(Nb, Request->MaximumLength))
            return FALSE;
        MaximumSegmentSize = Request->MaximumSegmentSize;
        if (MaximumSegmentSize != 0 && !TxFitSegment(Nb, Request->TcpHeaderOffset, &MaximumSegmentSize))
            return FALSE;
        (*Count)++;
    }
    return *Count != 0;
}

// What a large send of version 1 reports when it completes takes the place of what it asked for.
static BOOLEAN
TxSetPayload(NET_BUFFER_LIST *Nbl, const TX_REQUEST *Request)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    ULONG Headers;
    NET_BUFFER *Nb;

    Lso.Value = NULL;
    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        Headers = TxHeaderLength(Nb, Request->TcpHeaderOffset);
        if (Headers == 0)
            return FALSE;
        Lso.LsoV1TransmitComplete.TcpPayload += NET_BUFFER_DATA_LENGTH(Nb) - Headers;
    }
    NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) = Lso.Value;
    return TRUE;
}

_Use_decl_annotations_
NDIS_STATUS
TxRequestRead(const TX_LIMITS *Limits, NET_BUFFER_LIST *Nbl, TX_REQUEST *Request, LONG *Count,
                XENNET_TRANSMIT_DROP *Reason)
{
    NDIS_STATUS Status;

    *Reason = XENNET_TRANSMIT_DROP_OFFLOAD;
    Status = TxReadOffloads(Limits, Nbl, Request);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    *Reason = XENNET_TRANSMIT_DROP_LENGTH;
    if (!TxListIsValid(Nbl, Request, Count))
        return NDIS_STATUS_INVALID_LENGTH;
    if (Request->LsoV1 && !TxSetPayload(Nbl, Request))
        return NDIS_STATUS_INVALID_PACKET;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
BOOLEAN
TxSameRing(const XENVIF_PACKET_HASH_V2 *First, const XENVIF_PACKET_HASH_V2 *Second)
{
    return First->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ &&
           Second->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ && First->Value == Second->Value;
}
