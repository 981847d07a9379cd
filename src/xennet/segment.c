/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting a large UDP datagram. The large one's headers are read once and checked; each segment has a copy of them with
 * lengths, IPv4 identification and checksums of its own.
 *
 * TCP/IP has left the pseudo header's sum, without its length, in the UDP checksum's field; zero stands for "no
 * checksum". XenVif sets the checksum where the backend computes it; else it is computed here, as it is behind IPv6
 * extension headers. IPv4 header checksums are always computed here: with what is the same in all of them summed once
 * that is cheaper than a parser.
 *
 * IRQL: DISPATCH. No locks, no state but Cut.
 */
#include "segment.h"
#include "datagram.h"
#include "ethernet.h"
#include "memory.h"
#include "min_max.h"
#include "offload_setting.h"

#define TYPE_TAG 0x8100

FORCEINLINE USHORT
SegmentFold(ULONG64 Sum)
{
    while (Sum >> 16)
        Sum = (Sum & 0xFFFF) + (Sum >> 16);
    return (USHORT)Sum;
}

// Adds words in network order; an odd byte at the end is a word's first half.
static ULONG64
SegmentSum(const UCHAR *Bytes, ULONG Length, ULONG64 Sum)
{
    for (; Length >= 2; Length -= 2, Bytes += 2)
        Sum += ETHERNET_READ16(Bytes);
    return Length != 0 ? Sum + ((ULONG)Bytes[0] << 8) : Sum;
}

// Goes on to where the next byte lies. FALSE: the chain ends.
FORCEINLINE BOOLEAN
SegmentSkip(MDL **Mdl, ULONG *Offset)
{
    while (*Mdl != NULL && *Offset >= MmGetMdlByteCount(*Mdl)) {
        *Offset -= MmGetMdlByteCount(*Mdl);
        *Mdl = (*Mdl)->Next;
    }
    return *Mdl != NULL;
}

// Copies the headers out of the chain, and goes on to the payload.
_IRQL_requires_(DISPATCH_LEVEL)
static NDIS_STATUS
SegmentReadHeaders(XENNET_SEGMENT_CUT *Cut, const NET_BUFFER *Nb)
{
    const UCHAR *Address;
    ULONG Done;
    ULONG Here;

    Cut->Mdl = NET_BUFFER_CURRENT_MDL(Nb);
    Cut->Offset = NET_BUFFER_CURRENT_MDL_OFFSET(Nb);
    for (Done = 0; Done < Cut->HeaderLength; Done += Here) {
        if (!SegmentSkip(&Cut->Mdl, &Cut->Offset))
            return NDIS_STATUS_INVALID_LENGTH;
        Address = MemoryMap(Cut->Mdl);
        if (Address == NULL)
            return NDIS_STATUS_RESOURCES;
        Here = XENNET_MIN(MmGetMdlByteCount(Cut->Mdl) - Cut->Offset, Cut->HeaderLength - Done);
        RtlCopyMemory(Cut->Header + Done, Address + Cut->Offset, Here);
        Cut->Offset += Here;
    }
    return NDIS_STATUS_SUCCESS;
}

// A UDP header where the NBL has it, behind an IP header of the version that it names.
static BOOLEAN
SegmentHeadersAreValid(XENNET_SEGMENT_CUT *Cut)
{
    const UCHAR *Ip;
    ULONG Type = ETHERNET_READ16(Cut->Header + TYPE_AT);
    ULONG Length;

    Cut->NetworkStart = ETHERNET_HEADER_SIZE;
    if (Type == TYPE_TAG) {
        Type = ETHERNET_READ16(Cut->Header + TYPE_AT + ETHERNET_TAG_SIZE);
        Cut->NetworkStart += ETHERNET_TAG_SIZE;
    }
    if (Type != (Cut->Ipv4 ? TYPE_IPV4 : TYPE_IPV6) || Cut->UdpStart <= Cut->NetworkStart)
        return FALSE;
    Ip = Cut->Header + Cut->NetworkStart;
    Length = Cut->UdpStart - Cut->NetworkStart;
    if (!Cut->Ipv4)
        return Ip[0] >> 4 == 6 && Length >= OFFLOAD_IPV6_HEADER &&
               (Length == OFFLOAD_IPV6_HEADER) == (Ip[IPV6_NEXT] == PROTOCOL_UDP);
    return Ip[0] >> 4 == 4 && Length >= OFFLOAD_IPV4_HEADER && (ULONG)(Ip[0] & 15) * 4 == Length &&
           Ip[IPV4_PROTOCOL] == PROTOCOL_UDP && !(ETHERNET_READ16(Ip + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK);
}

// What the checksums of all segments have in common, and who computes them.
static VOID
SegmentPrepareSums(const XENNET_OFFLOAD *Offload, XENNET_SEGMENT_CUT *Cut)
{
    UCHAR *Ip = Cut->Header + Cut->NetworkStart;
    UCHAR *Udp = Cut->Header + Cut->UdpStart;
    BOOLEAN Plain = Cut->UdpStart - Cut->NetworkStart == OFFLOAD_IPV6_HEADER;

    Cut->UdpSum = ETHERNET_READ16(Udp + UDP_CHECKSUM);
    Cut->HasUdpSum = Cut->UdpSum != 0;
    if (Cut->Ipv4) {
        Cut->Identification = ETHERNET_READ16(Ip + IPV4_ID);
        DatagramPut16(Ip + IPV4_LENGTH, 0);
        DatagramPut16(Ip + IPV4_ID, 0);
        DatagramPut16(Ip + IPV4_CHECKSUM, 0);
        Cut->IpSum = (ULONG)SegmentSum(Ip, Cut->UdpStart - Cut->NetworkStart, 0);
        Cut->SumsHere = !Offload->Transmit.OffloadIpVersion4UdpChecksum;
        Cut->Request.Options.OffloadIpVersion4UdpChecksum = Cut->HasUdpSum && !Cut->SumsHere;
    } else {
        Cut->SumsHere = !Offload->Transmit.OffloadIpVersion6UdpChecksum || !Plain;
        Cut->Request.Options.OffloadIpVersion6UdpChecksum = Cut->HasUdpSum && !Cut->SumsHere;
    }
}

// Sizes that fit into frames.
static BOOLEAN
SegmentSizesAreValid(const XENNET_TRANSMIT_LIMITS *Limits, const XENNET_SEGMENT_CUT *Cut)
{
    ULONG Frame = Cut->HeaderLength - Cut->NetworkStart + ETHERNET_HEADER_SIZE;

    return Cut->SegmentSize != 0 && Cut->Left <= OFFLOAD_MAX_DATAGRAM &&
           Frame + XENNET_MIN(Cut->SegmentSize, Cut->Left) + ETHERNET_TAG_SIZE <= Limits->MaximumLength;
}

_Use_decl_annotations_
NDIS_STATUS
SegmentBegin(const XENNET_TRANSMIT_LIMITS *Limits, XENNET_SEGMENT_CUT *Cut, NET_BUFFER_LIST *Nbl,
             XENNET_TRANSMIT_DROP *Reason)
{
    NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO Info;
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    NDIS_STATUS Status;

    *Reason = XENNET_TRANSMIT_DROP_OFFLOAD;
    Info.Value = TransmitRequestSegments(Limits, Nbl);
    Cut->Ipv4 = Info.Transmit.IPVersion == NDIS_UDP_SEGMENTATION_OFFLOAD_IPV4;
    if (!(Limits->Offload->AllowedUso & (Cut->Ipv4 ? OFFLOAD_USO4 : OFFLOAD_USO6)))
        return NDIS_STATUS_NOT_SUPPORTED;
    RtlZeroMemory(&Cut->Request, sizeof(Cut->Request));
    if (NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) != NULL ||
        !TransmitRequestReadTag(Limits, Nbl, &Cut->Request))
        return NDIS_STATUS_INVALID_PACKET;
    *Reason = XENNET_TRANSMIT_DROP_LENGTH;
    Cut->UdpStart = Info.Transmit.UdpHeaderOffset;
    Cut->HeaderLength = Cut->UdpStart + UDP_HEADER;
    if (Nb == NULL || NET_BUFFER_NEXT_NB(Nb) != NULL || Cut->HeaderLength > SEGMENT_MAX_HEADER ||
        Cut->UdpStart < ETHERNET_HEADER_SIZE + OFFLOAD_IPV4_HEADER || NET_BUFFER_DATA_LENGTH(Nb) <= Cut->HeaderLength)
        return NDIS_STATUS_INVALID_LENGTH;
    Cut->Left = NET_BUFFER_DATA_LENGTH(Nb) - Cut->HeaderLength;
    Status = SegmentReadHeaders(Cut, Nb);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    if (!SegmentHeadersAreValid(Cut))
        return NDIS_STATUS_INVALID_PACKET;
    Cut->SegmentSize = Info.Transmit.MSS;
    if (!SegmentSizesAreValid(Limits, Cut))
        return NDIS_STATUS_INVALID_LENGTH;
    SegmentPrepareSums(Limits->Offload, Cut);
    Cut->Nbl = Nbl;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
ULONG
SegmentCountLeft(const XENNET_SEGMENT_CUT *Cut)
{
    return (Cut->Left + Cut->SegmentSize - 1) / Cut->SegmentSize;
}

// Makes buffers' MDLs out of the next Length bytes of the chain. FALSE: Cut's Status has why.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentDescribe(XENNET_SEGMENT_CUT *Cut, XENNET_SEGMENT *Segment, ULONG Length, MDL **Mdl, ULONG *Offset)
{
    XENNET_SEGMENT *Run = Segment;
    PUCHAR Address;
    ULONG Here;

    Segment->HeaderMdl.Mdl.Next = &Segment->PayloadMdl.Mdl;
    for (;;) {
        if (!SegmentSkip(Mdl, Offset)) {
            Cut->Status = NDIS_STATUS_INVALID_LENGTH;
            return FALSE;
        }
        Address = (PUCHAR)MmGetMdlVirtualAddress(*Mdl) + *Offset;
        Here = XENNET_MIN(MmGetMdlByteCount(*Mdl) - *Offset, Length);
        Here = XENNET_MIN(Here, Cut->Pool->PagesPerRun * PAGE_SIZE - (ULONG)((ULONG_PTR)Address & (PAGE_SIZE - 1)));
        IoBuildPartialMdl(*Mdl, &Run->PayloadMdl.Mdl, Address, Here);
        Run->PayloadMdl.Mdl.Next = NULL;
        *Offset += Here;
        Length -= Here;
        if (Length == 0)
            return TRUE;
        Run->NextRun = SegmentPoolTake(Cut->Pool);
        if (Run->NextRun == NULL)
            return FALSE;
        Run->PayloadMdl.Mdl.Next = &Run->NextRun->PayloadMdl.Mdl;
        Run = Run->NextRun;
    }
}

// Adds the payload to a sum. FALSE: it could not be mapped.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentSumPayload(MDL *Mdl, ULONG Offset, ULONG Length, ULONG64 *Sum)
{
    const UCHAR *Address;
    ULONG64 Part;
    ULONG Here;
    BOOLEAN Odd = FALSE;

    for (; Length != 0; Length -= Here) {
        (void)SegmentSkip(&Mdl, &Offset); // SegmentDescribe has been here
        Address = MemoryMap(Mdl);
        if (Address == NULL)
            return FALSE;
        Here = XENNET_MIN(MmGetMdlByteCount(Mdl) - Offset, Length);
        Part = SegmentFold(SegmentSum(Address + Offset, Here, 0));
        *Sum += Odd ? (Part & 0xFF) << 8 | Part >> 8 : Part;
        Odd ^= Here & 1;
        Offset += Here;
    }
    return TRUE;
}

// The headers of a segment with Length bytes of payload.
static VOID
SegmentWriteHeader(XENNET_SEGMENT_CUT *Cut, XENNET_SEGMENT *Segment, ULONG Length)
{
    UCHAR *Ip = Segment->Header + Cut->NetworkStart;
    UCHAR *Udp = Segment->Header + Cut->UdpStart;
    ULONG IpLength = Cut->HeaderLength - Cut->NetworkStart + Length;

    RtlCopyMemory(Segment->Header, Cut->Header, Cut->HeaderLength);
    Segment->HeaderMdl.Mdl.ByteCount = Cut->HeaderLength;
    if (Cut->Ipv4) {
        DatagramPut16(Ip + IPV4_LENGTH, IpLength);
        DatagramPut16(Ip + IPV4_ID, Cut->Identification);
        DatagramPut16(Ip + IPV4_CHECKSUM, (USHORT)~SegmentFold((ULONG64)Cut->IpSum + IpLength + Cut->Identification));
        Cut->Identification++;
    } else {
        DatagramPut16(Ip + IPV6_LENGTH, IpLength - OFFLOAD_IPV6_HEADER);
    }
    DatagramPut16(Udp + UDP_LENGTH, UDP_HEADER + Length);
    DatagramPut16(Udp + UDP_CHECKSUM, Cut->HasUdpSum ? SegmentFold((ULONG64)Cut->UdpSum + UDP_HEADER + Length) : 0);
}

// The UDP checksum of a segment whose headers are written. FALSE: the payload could not be mapped.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentWriteSum(const XENNET_SEGMENT_CUT *Cut, XENNET_SEGMENT *Segment, ULONG Length)
{
    UCHAR *Udp = Segment->Header + Cut->UdpStart;
    ULONG64 Sum = SegmentSum(Udp, UDP_HEADER, 0);
    USHORT Checksum;

    if (!SegmentSumPayload(Cut->Mdl, Cut->Offset, Length, &Sum))
        return FALSE;
    Checksum = (USHORT)~SegmentFold(Sum);
    // Zero is "no checksum".
    DatagramPut16(Udp + UDP_CHECKSUM, Checksum != 0 ? Checksum : 0xFFFF);
    return TRUE;
}

_Use_decl_annotations_
XENNET_SEGMENT *
SegmentMake(XENNET_SEGMENT_CUT *Cut)
{
    ULONG Length = XENNET_MIN(Cut->Left, Cut->SegmentSize);
    ULONG Offset = Cut->Offset;
    MDL *Mdl = Cut->Mdl;
    XENNET_SEGMENT *Segment;

    Cut->Status = NDIS_STATUS_SUCCESS;
    Segment = SegmentPoolTake(Cut->Pool);
    if (Segment == NULL)
        return NULL;
    if (!SegmentDescribe(Cut, Segment, Length, &Mdl, &Offset)) {
        SegmentPoolPut(Cut->Pool, Segment);
        return NULL;
    }
    SegmentWriteHeader(Cut, Segment, Length);
    if (Cut->HasUdpSum && Cut->SumsHere && !SegmentWriteSum(Cut, Segment, Length)) {
        SegmentPoolPut(Cut->Pool, Segment);
        Cut->Status = NDIS_STATUS_RESOURCES;
        return NULL;
    }
    Segment->Nbl = Cut->Nbl;
    Segment->Length = Cut->HeaderLength + Length;
    Cut->Mdl = Mdl;
    Cut->Offset = Offset;
    Cut->Left -= Length;
    return Segment;
}
