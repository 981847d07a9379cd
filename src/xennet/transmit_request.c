/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of a send that few packets have: large sends and tags. transmit_request.h has the way that every packet
 * takes.
 *
 * IRQL: DISPATCH. No locks, no state.
 */
#include "transmit_request.h"
#include "memory.h"
#include "context.h"
#include "offload.h"

#define MIN_IP_HEADER   20
#define MIN_TCP_HEADER  20
#define TCP_DATA_OFFSET 12 // high nibble: header length in 4 bytes

_Use_decl_annotations_
VOID
TransmitLimitsSet(XENNET_TRANSMIT_LIMITS *Limits, const XENNET_CONTEXT *Context, const XENNET_OFFLOAD *Offload)
{
    Limits->Offload = Offload;
    Limits->MaximumLength = Context->MaximumFrameSize + ETHERNET_TAG_SIZE;
    Limits->MaximumLargeLength = OffloadMaximumLargeSend(Offload);
    Limits->Vlan = &Context->Vlan;
    TransmitLimitsSetQueues(Limits, Context->QueueCount, TRUE);
}

_Use_decl_annotations_
VOID
TransmitLimitsSetQueues(XENNET_TRANSMIT_LIMITS *Limits, ULONG QueueCount, BOOLEAN Mapped)
{
    Limits->HashFunction = Mapped ? NdisHashFunctionToeplitz : MAXULONG;
    // With one queue every value picks it, and a value of our own lets XenVif honour More; otherwise it hashes itself.
    Limits->PlainAlgorithm =
        QueueCount == 1 && Mapped ? XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ : XENVIF_PACKET_HASH_ALGORITHM_NONE;
}

_Use_decl_annotations_
BOOLEAN
TransmitRequestReadTag(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl, XENNET_TRANSMIT_REQUEST *Request)
{
    if (!VlanSendTag(Limits->Vlan, NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo), &Request->Tci))
        return FALSE;
    Request->Options.OffloadTagManipulation = Request->Tci != 0;
    return TRUE;
}

_Use_decl_annotations_
NDIS_STATUS
TransmitRequestReadLarge(const XENNET_TRANSMIT_LIMITS *Limits, NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso,
                         XENNET_TRANSMIT_REQUEST *Request)
{
    XENNET_OFFLOAD_OPTIONS Asked = Request->Options;

    if (Lso.LsoV2Transmit.MSS > MAXUSHORT)
        return NDIS_STATUS_INVALID_PACKET;
    Request->LsoV1 = Lso.Transmit.Type != NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    if (Request->LsoV1 && !Limits->Offload->AllowedLso1)
        return NDIS_STATUS_NOT_SUPPORTED;
    // XenVif sets the checksums of every segment, whether requested or not; setting the bits shows it.
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
    // Segments that were cut for a larger frame size than is in force now.
    if (ETHERNET_HEADER_SIZE + MIN_IP_HEADER + MIN_TCP_HEADER + Lso.LsoV2Transmit.MSS > Limits->MaximumLength)
        return NDIS_STATUS_INVALID_LENGTH;
    Request->MaximumSegmentSize = (USHORT)Lso.LsoV2Transmit.MSS;
    Request->TcpHeaderOffset = Lso.LsoV2Transmit.TcpHeaderOffset;
    return TransmitRequestIsAllowed(Limits, Asked) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

// Reads one byte of a packet, Offset bytes from its start. FALSE where the MDLs end before or cannot be mapped.
static BOOLEAN
TransmitRequestReadByte(const NET_BUFFER *Nb, ULONG Offset, UCHAR *Byte)
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
    Address = MemoryMap(Mdl);
    if (Address == NULL)
        return FALSE;
    *Byte = Address[Offset];
    return TRUE;
}

// Bytes of headers up to the payload; 0 where they cannot be read or there is no payload.
static ULONG
TransmitRequestHeaderLength(const NET_BUFFER *Nb, ULONG TcpHeaderOffset)
{
    ULONG Headers;
    UCHAR DataOffset;

    if (!TransmitRequestReadByte(Nb, TcpHeaderOffset + TCP_DATA_OFFSET, &DataOffset))
        return 0;
    Headers = TcpHeaderOffset + (ULONG)(DataOffset >> 4) * 4;
    return NET_BUFFER_DATA_LENGTH(Nb) > Headers ? Headers : 0;
}

_Use_decl_annotations_
USHORT
TransmitRequestFitShort(const NET_BUFFER *Nb, ULONG TcpHeaderOffset, USHORT MaximumSegmentSize)
{
    ULONG Headers = TransmitRequestHeaderLength(Nb, TcpHeaderOffset);
    ULONG Payload;

    if (Headers == 0)
        return 0;
    Payload = NET_BUFFER_DATA_LENGTH(Nb) - Headers;
    return MaximumSegmentSize > Payload ? (USHORT)Payload : MaximumSegmentSize;
}

_Use_decl_annotations_
BOOLEAN
TransmitRequestSegmentsAreValid(NET_BUFFER_LIST *Nbl, const XENNET_TRANSMIT_REQUEST *Request)
{
    NET_BUFFER *Nb;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        if (TransmitRequestFitSegment(Nb, Request->TcpHeaderOffset, Request->MaximumSegmentSize) == 0)
            return FALSE;
    }
    return TRUE;
}

_Use_decl_annotations_
BOOLEAN
TransmitRequestSetPayload(NET_BUFFER_LIST *Nbl, const XENNET_TRANSMIT_REQUEST *Request)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    ULONG Headers;
    NET_BUFFER *Nb;

    Lso.Value = NULL;
    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        Headers = TransmitRequestHeaderLength(Nb, Request->TcpHeaderOffset);
        if (Headers == 0)
            return FALSE;
        Lso.LsoV1TransmitComplete.TcpPayload += NET_BUFFER_DATA_LENGTH(Nb) - Headers;
    }
    NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) = Lso.Value;
    return TRUE;
}

_Use_decl_annotations_
VOID
TransmitRequestSetLargeResult(NET_BUFFER_LIST *Nbl)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO *Lso;

    Lso = (NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO *)&NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (Lso->Transmit.Type == NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE) {
        // The completion of a large send of version 2 has the type bit and nothing else.
        Lso->LsoV2TransmitComplete.Reserved = 0;
        Lso->LsoV2TransmitComplete.Reserved2 = 0;
    } else if (NET_BUFFER_LIST_STATUS(Nbl) != NDIS_STATUS_SUCCESS) {
        // Version 1 reports how much was sent: nothing, for all that is known.
        Lso->Value = NULL;
    }
}
