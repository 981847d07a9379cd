/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any NBL, whatever it asks for: several NBs, tags, large sends of both versions with short payloads, and what cannot
 * be. transmit_request.h has the way that nearly every NBL takes.
 *
 * IRQL: DISPATCH. No locks, no state.
 */
#include "transmit_request.h"
#include "memory.h"
#include "context.h"
#include "min_max.h"
#include "offload.h"
#include "timestamp.h"

#define MIN_IP_HEADER   20
#define MIN_TCP_HEADER  20
#define TCP_DATA_OFFSET 12 // high nibble: header length in 4 bytes

// Ipv4 goes before Ipv6 where an NBL has both.
#define CHECKSUM_OPTIONS(_Ipv4, _Ipv6, _Tcp, _Udp, _Ip)                                                                \
    ((_Ipv4)   ? (((_Ip) ? TRANSMIT_REQUEST_IP4 : 0) | ((_Tcp) ? TRANSMIT_REQUEST_TCP4 : 0) |                          \
                ((_Udp) ? TRANSMIT_REQUEST_UDP4 : 0))                                                                \
     : (_Ipv6) ? (((_Tcp) ? TRANSMIT_REQUEST_TCP6 : 0) | ((_Udp) ? TRANSMIT_REQUEST_UDP6 : 0))                         \
               : 0)

// IsIPv4 is the lowest bit, IsIPv6 the next one; then TcpChecksum, UdpChecksum, IpHeaderChecksum.
#define CHECKSUM_ROW(_Tcp, _Udp, _Ip)                                                                                  \
    CHECKSUM_OPTIONS(0, 0, _Tcp, _Udp, _Ip), CHECKSUM_OPTIONS(1, 0, _Tcp, _Udp, _Ip),                                  \
        CHECKSUM_OPTIONS(0, 1, _Tcp, _Udp, _Ip), CHECKSUM_OPTIONS(1, 1, _Tcp, _Udp, _Ip)

const UCHAR TransmitRequestChecksums[] = {CHECKSUM_ROW(0, 0, 0), CHECKSUM_ROW(1, 0, 0), CHECKSUM_ROW(0, 1, 0),
                                          CHECKSUM_ROW(1, 1, 0), CHECKSUM_ROW(0, 0, 1), CHECKSUM_ROW(1, 0, 1),
                                          CHECKSUM_ROW(0, 1, 1), CHECKSUM_ROW(1, 1, 1)};

// NDIS_HASH_IPV4, _TCP_IPV4, _IPV6 and _TCP_IPV6 are bits; what has another one or several has no name.
const UCHAR TransmitRequestHashTypes[] = {0,
                                          XENVIF_PACKET_HASH_TYPE_IPV4,
                                          XENVIF_PACKET_HASH_TYPE_IPV4_TCP,
                                          0,
                                          XENVIF_PACKET_HASH_TYPE_IPV6,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          XENVIF_PACKET_HASH_TYPE_IPV6_TCP,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0,
                                          0};

C_ASSERT(NDIS_HASH_IPV4 >> TRANSMIT_REQUEST_TYPE_SHIFT == 1);
C_ASSERT(NDIS_HASH_TCP_IPV4 >> TRANSMIT_REQUEST_TYPE_SHIFT == 2);
C_ASSERT(NDIS_HASH_IPV6 >> TRANSMIT_REQUEST_TYPE_SHIFT == 4);
C_ASSERT(NDIS_HASH_TCP_IPV6 >> TRANSMIT_REQUEST_TYPE_SHIFT == 16);

_Use_decl_annotations_
VOID
TransmitLimitsSet(XENNET_TRANSMIT_LIMITS *Limits, const XENNET_CONTEXT *Context, const XENNET_OFFLOAD *Offload)
{
    Limits->Offload = Offload;
    Limits->Vlan = &Context->Vlan;
    Limits->SegmentSlot = TRANSMIT_REQUEST_SLOT(Context->Revisions->UdpSegments ? UdpSegmentationOffloadInfo
                                                                                : Ieee8021QNetBufferListInfo);
    Limits->MaximumLargeLength = OffloadMaximumLargeSend(Offload);
    Limits->Stamps = TimestampInForce(Context) & (TIMESTAMP_SEND | TIMESTAMP_SEND_TAGGED);
    TransmitLimitsSetOffload(Limits);
    TransmitLimitsSetFrameSize(Limits, Context->MaximumFrameSize);
    TransmitLimitsSetQueues(Limits, Context->QueueCount, TRUE);
}

_Use_decl_annotations_
VOID
TransmitLimitsSetOffload(XENNET_TRANSMIT_LIMITS *Limits)
{
    Limits->Refused = OffloadRefusedOptions(Limits->Offload);
}

_Use_decl_annotations_
VOID
TransmitLimitsSetVlan(XENNET_TRANSMIT_LIMITS *Limits)
{
    // Every packet of an adapter that belongs to a VLAN is tagged, or it may get a timestamp: none is common.
    BOOLEAN Uncommon = VlanIdIsSet(Limits->Vlan) || Limits->Stamps != 0;

    Limits->CommonLengths = Uncommon ? 0 : Limits->MaximumLength - ETHERNET_HEADER_SIZE + 1;
    Limits->CommonLargeLength = Uncommon ? 0 : Limits->MaximumLargeLength;
}

_Use_decl_annotations_
VOID
TransmitLimitsSetFrameSize(XENNET_TRANSMIT_LIMITS *Limits, ULONG MaximumFrameSize)
{
    ULONG Length = MaximumFrameSize + ETHERNET_TAG_SIZE;

    Limits->MaximumLength = Length;
    // Segments that were cut for a larger frame size than is in force now are refused.
    Limits->MaximumSegmentSize =
        XENNET_MIN(Length - ETHERNET_HEADER_SIZE - MIN_IP_HEADER - MIN_TCP_HEADER, (ULONG)MAXUSHORT);
    TransmitLimitsSetVlan(Limits);
}

_Use_decl_annotations_
VOID
TransmitLimitsSetQueues(XENNET_TRANSMIT_LIMITS *Limits, ULONG QueueCount, BOOLEAN Mapped)
{
    Limits->HashFunction = Mapped ? NdisHashFunctionToeplitz : MAXULONG;
    // With one queue every value picks it, and a value of our own lets XenVif honour More; otherwise it hashes itself.
    Limits->PlainHash.Algorithm =
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

// What a large send asks for, checked.
_IRQL_requires_(DISPATCH_LEVEL)
static NDIS_STATUS
TransmitRequestReadLarge(const XENNET_TRANSMIT_LIMITS *Limits, NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso,
                         XENNET_TRANSMIT_REQUEST *Request)
{
    BOOLEAN Version1 = Lso.Transmit.Type != NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    ULONG Asked = Request->Options.Value;

    if (Lso.LsoV2Transmit.MSS > MAXUSHORT)
        return NDIS_STATUS_INVALID_PACKET;
    if (Version1 && !Limits->Offload->AllowedLso1)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (Version1) {
        // IPv4 only: the bit that has the IP version in version 2 is reserved.
        Request->Options.Value |= TRANSMIT_REQUEST_LARGE4 | TRANSMIT_REQUEST_IP4 | TRANSMIT_REQUEST_TCP4;
    } else {
        Asked |= TransmitRequestLargeOptions(Lso) & (TRANSMIT_REQUEST_LARGE4 | TRANSMIT_REQUEST_LARGE6);
        Request->Options.Value |= (USHORT)TransmitRequestLargeOptions(Lso);
    }
    if (Lso.LsoV2Transmit.MSS > Limits->MaximumSegmentSize)
        return NDIS_STATUS_INVALID_LENGTH;
    Request->MaximumSegmentSize = (USHORT)Lso.LsoV2Transmit.MSS;
    return TransmitRequestIsAllowed(Limits, Asked) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

// Translates the NBL's out-of-band data. Fails for what was never offered or makes no sense.
_IRQL_requires_(DISPATCH_LEVEL)
static NDIS_STATUS
TransmitRequestReadOffloads(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl,
                            XENNET_TRANSMIT_REQUEST *Request)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;

    Request->Value = 0;
    Request->Uncommon = TRUE;
    Request->Options.Value =
        TransmitRequestChecksums[(ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) &
                                 TRANSMIT_REQUEST_CHECKSUM_MASK];
    if ((NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) != NULL || VlanIdIsSet(Limits->Vlan)) &&
        !TransmitRequestReadTag(Limits, Nbl, Request))
        return NDIS_STATUS_INVALID_PACKET;
    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (Lso.LsoV2Transmit.MSS != 0)
        return TransmitRequestReadLarge(Limits, Lso, Request);
    return TransmitRequestIsAllowed(Limits, Request->Options.Value) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
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

/*
 * XenVif takes an MSS up to the payload's length, which makes one segment of it and still sets the lengths that a large
 * send leaves open. The header's length is read only where it decides. 0: there is no payload at all.
 */
static USHORT
TransmitRequestFitSegment(const NET_BUFFER *Nb, ULONG TcpHeaderOffset, USHORT MaximumSegmentSize)
{
    ULONG Headers;
    ULONG Payload;

    if (NET_BUFFER_DATA_LENGTH(Nb) > TcpHeaderOffset + MAX_TCP_HEADER + MaximumSegmentSize)
        return MaximumSegmentSize;
    Headers = TransmitRequestHeaderLength(Nb, TcpHeaderOffset);
    if (Headers == 0)
        return 0;
    Payload = NET_BUFFER_DATA_LENGTH(Nb) - Headers;
    return MaximumSegmentSize > Payload ? (USHORT)Payload : MaximumSegmentSize;
}

// Counts the NBs. One that is found impossible later would leave those before it in XenVif, waiting for more.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
TransmitRequestLengthsAreValid(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl,
                               const XENNET_TRANSMIT_REQUEST *Request, LONG *Count)
{
    ULONG Maximum = Request->MaximumSegmentSize != 0 ? Limits->MaximumLargeLength : Limits->MaximumLength;
    NET_BUFFER *Nb;

    *Count = 0;
    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        if (NET_BUFFER_CURRENT_MDL(Nb) == NULL || NET_BUFFER_DATA_LENGTH(Nb) < ETHERNET_HEADER_SIZE ||
            NET_BUFFER_DATA_LENGTH(Nb) > Maximum)
            return FALSE;
        *TransmitRequestOf(Nb) = *Request;
        ++*Count;
    }
    return *Count != 0;
}

// Each NB of a large send has a payload.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
TransmitRequestSegmentsAreValid(NET_BUFFER_LIST *Nbl, ULONG TcpHeaderOffset)
{
    XENNET_TRANSMIT_REQUEST *Request;
    NET_BUFFER *Nb;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        Request = TransmitRequestOf(Nb);
        Request->MaximumSegmentSize = TransmitRequestFitSegment(Nb, TcpHeaderOffset, Request->MaximumSegmentSize);
        if (Request->MaximumSegmentSize == 0)
            return FALSE;
    }
    return TRUE;
}

// What a large send of version 1 reports when it completes takes the place of what it asked for. FALSE: no payload.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
TransmitRequestSetPayload(NET_BUFFER_LIST *Nbl, ULONG TcpHeaderOffset)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    ULONG Headers;
    NET_BUFFER *Nb;

    Lso.Value = NULL;
    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb)) {
        Headers = TransmitRequestHeaderLength(Nb, TcpHeaderOffset);
        if (Headers == 0)
            return FALSE;
        Lso.LsoV1TransmitComplete.TcpPayload += NET_BUFFER_DATA_LENGTH(Nb) - Headers;
    }
    NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) = Lso.Value;
    return TRUE;
}

_Use_decl_annotations_
NDIS_STATUS
TransmitRequestRead(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl, LONG *Count,
                    XENNET_TRANSMIT_DROP *Reason)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    XENNET_TRANSMIT_REQUEST Request;
    NDIS_STATUS Status;

    *Reason = XENNET_TRANSMIT_DROP_OFFLOAD;
    Status = TransmitRequestReadOffloads(Limits, Nbl, &Request);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    *Reason = XENNET_TRANSMIT_DROP_LENGTH;
    if (!TransmitRequestLengthsAreValid(Limits, Nbl, &Request, Count))
        return NDIS_STATUS_INVALID_LENGTH;
    if (Request.MaximumSegmentSize == 0)
        return NDIS_STATUS_SUCCESS;
    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (!TransmitRequestSegmentsAreValid(Nbl, Lso.LsoV2Transmit.TcpHeaderOffset))
        return NDIS_STATUS_INVALID_LENGTH;
    if (Lso.Transmit.Type == NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE)
        NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) = TransmitRequestResultV2();
    else if (!TransmitRequestSetPayload(Nbl, Lso.LsoV2Transmit.TcpHeaderOffset))
        return NDIS_STATUS_INVALID_PACKET;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
TransmitRequestSetFailed(NET_BUFFER_LIST *Nbl)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;

    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (Lso.Value == NULL)
        return;
    // Version 1 reports how much was sent: nothing, for all that is known.
    NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) =
        Lso.Transmit.Type == NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE ? TransmitRequestResultV2() : NULL;
}
