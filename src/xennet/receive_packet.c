/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything about a received packet comes from a backend that may be hostile. ReceivePacketRead looks at each value
 * before anything depends on it; what it accepts, the stack above may rely on: the MDL chain holds the packet, the
 * length is that of a frame, header places lie inside it, flags do not contradict.
 *
 * IRQL: DISPATCH, on the provider's own time. No locks, no state.
 */
#include "receive_packet.h"
#include "datagram.h"
#include "memory.h"
#include "min_max.h"

#define RECEIVE_PACKET_MIN_IP_HEADER 20

// Three flags of XenVif for each checksum, from the lowest: succeeded, failed, not validated.
#define CHECKSUM_CONTRADICTS(_Flags) (((_Flags) & ((_Flags) >> 1) & 0x049) != 0)

#define CHECKSUM_IP(_Flags) (((_Flags)&0x001 ? CHECKSUM_IP_SUCCEEDED : 0) | ((_Flags)&0x002 ? CHECKSUM_IP_FAILED : 0))

// The backend vouches for the segment but may have left the field half done.
#define CHECKSUM_TCP(_Flags)                                                                                           \
    (((_Flags)&0x008 ? CHECKSUM_TCP_SUCCEEDED | CHECKSUM_TCP_BLANK : 0) | ((_Flags)&0x010 ? CHECKSUM_TCP_FAILED : 0))
#define CHECKSUM_UDP(_Flags)                                                                                           \
    (((_Flags)&0x040 ? CHECKSUM_UDP_SUCCEEDED : 0) | ((_Flags)&0x080 ? CHECKSUM_UDP_FAILED : 0))

// No word on an IP header, which IPv4 always gets, and a UDP checksum that is not wrong.
#define CHECKSUM_IS_UDP6(_Flags) (((_Flags)&0x007) == 0 && ((_Flags)&0x140) != 0)

#define CHECKSUM_1(_Flags)                                                                                             \
    ((CHECKSUM_CONTRADICTS(_Flags) || CHECKSUM_IS_UDP6(_Flags) ? RECEIVE_PACKET_UNCOMMON : 0) | CHECKSUM_IP(_Flags) |  \
     CHECKSUM_TCP(_Flags) | CHECKSUM_UDP(_Flags))
#define CHECKSUM_8(_Flags)                                                                                             \
    CHECKSUM_1((_Flags) + 0), CHECKSUM_1((_Flags) + 1), CHECKSUM_1((_Flags) + 2), CHECKSUM_1((_Flags) + 3),            \
        CHECKSUM_1((_Flags) + 4), CHECKSUM_1((_Flags) + 5), CHECKSUM_1((_Flags) + 6), CHECKSUM_1((_Flags) + 7)
#define CHECKSUM_64(_Flags)                                                                                            \
    CHECKSUM_8((_Flags) + 000), CHECKSUM_8((_Flags) + 010), CHECKSUM_8((_Flags) + 020), CHECKSUM_8((_Flags) + 030),    \
        CHECKSUM_8((_Flags) + 040), CHECKSUM_8((_Flags) + 050), CHECKSUM_8((_Flags) + 060), CHECKSUM_8((_Flags) + 070)

const UCHAR ReceivePacketChecksums[] = {CHECKSUM_64(0000), CHECKSUM_64(0100), CHECKSUM_64(0200), CHECKSUM_64(0300),
                                        CHECKSUM_64(0400), CHECKSUM_64(0500), CHECKSUM_64(0600), CHECKSUM_64(0700)};

const ULONG ReceivePacketHashTypes[] = {
    NDIS_HASH_IPV4 | NdisHashFunctionToeplitz,
    NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz,
    NDIS_HASH_IPV6 | NdisHashFunctionToeplitz,
    NDIS_HASH_TCP_IPV6 | NdisHashFunctionToeplitz,
};

C_ASSERT(XENVIF_PACKET_HASH_TYPE_IPV4 == 1);
C_ASSERT(XENVIF_PACKET_HASH_TYPE_IPV4_TCP == 2);
C_ASSERT(XENVIF_PACKET_HASH_TYPE_IPV6 == 3);
C_ASSERT(XENVIF_PACKET_HASH_TYPE_IPV6_TCP == 4);

_Use_decl_annotations_
VOID
ReceiveLimitsSet(XENNET_RECEIVE_LIMITS *Limits, ULONG MaximumFrameSize)
{
    // With a VLAN there is more to look at, and NBLs of an older NDIS are shorter: no packet is common then.
    BOOLEAN Common = !VlanIdIsSet(Limits->Vlan) && Limits->NdisMinor >= 50;

    Limits->MaximumFrameSize = MaximumFrameSize;
    // Packets are read meanwhile: one store.
    Limits->ChecksumMask = OffloadChecksumValueMayBeBlank(Limits->Offload)
                               ? MAXUCHAR & ~RECEIVE_PACKET_UNCOMMON
                               : MAXUCHAR & ~(RECEIVE_PACKET_UNCOMMON | CHECKSUM_TCP_BLANK);
    Limits->CommonLengths = Common ? MaximumFrameSize + ETHERNET_TAG_SIZE - ETHERNET_HEADER_SIZE + 1 : 0;
    Limits->CommonSegment = Common ? XENNET_MIN(MaximumFrameSize + ETHERNET_TAG_SIZE, (ULONG)MAXUSHORT) : 0;
}

static BOOLEAN
ReceivePacketHeaderFits(const XENNET_PACKET_HEADER *Header, ULONG Minimum, ULONG Limit)
{
    return Header->Length >= Minimum && Header->Length <= Limit && Header->Offset <= Limit - Header->Length;
}

// What the provider calls a UDP datagram over IPv6 is one, and its header lies in the first MDL, which has addresses.
static UCHAR *
ReceivePacketUdp6(const XENNET_RECEIVED_PACKET *Packet)
{
    const XENNET_PACKET_INFO *Info = Packet->Info;
    UCHAR *Frame;

    if (Info == NULL || !ReceivePacketHeaderFits(&Info->UdpHeader, UDP_HEADER, Packet->Length) ||
        !ReceivePacketHeaderFits(&Info->IpHeader, OFFLOAD_IPV6_HEADER, Info->UdpHeader.Offset) ||
        !ReceivePacketFirstHolds(Packet, Info->UdpHeader.Offset + UDP_HEADER))
        return NULL;
    Frame = MemoryMap(Packet->Mdl);
    if (Frame == NULL)
        return NULL;
    Frame += Packet->Offset;
    return Frame[Info->IpHeader.Offset] >> 4 == 6 ? Frame + Info->UdpHeader.Offset : NULL;
}

_Use_decl_annotations_
BOOLEAN
ReceivePacketChecksumsHold(const XENNET_RECEIVED_PACKET *Packet)
{
    UCHAR *Udp;

    if (CHECKSUM_CONTRADICTS(Packet->Checksums.Value & RECEIVE_PACKET_CHECKSUM_MASK))
        return FALSE;
    Udp = ReceivePacketUdp6(Packet);
    if (Udp != NULL && ETHERNET_READ16(Udp + UDP_CHECKSUM) == 0)
        DatagramPut16(Udp + UDP_CHECKSUM, 0xFFFF);
    return TRUE;
}

// A coalesced packet: TCP over IP, payload behind the headers, segments that would have fit a frame.
static XENNET_RECEIVE_DROP
ReceivePacketCheckCoalesced(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet)
{
    const XENNET_PACKET_INFO *Info = Packet->Info;
    ULONG Length = Packet->Length;

    if (Length > RECEIVE_PACKET_MAX_COALESCED)
        return XENNET_RECEIVE_DROP_LENGTH;
    if (Info == NULL || Info->Length >= Length ||
        !ReceivePacketHeaderFits(&Info->IpHeader, RECEIVE_PACKET_MIN_IP_HEADER, Info->Length) ||
        !ReceivePacketHeaderFits(&Info->TcpHeader, RECEIVE_PACKET_MIN_TCP_HEADER, Info->Length) ||
        Info->TcpHeader.Offset < Info->IpHeader.Offset + Info->IpHeader.Length)
        return XENNET_RECEIVE_DROP_HEADER;
    // NDIS coalesces neither IPv4 options nor IPv6 extension headers: "Exceptions that Terminate Coalescing".
    if (Length - Info->Length > Packet->MaximumSegmentSize && Info->IpOptions.Length != 0)
        return XENNET_RECEIVE_DROP_HEADER;
    // Coalescing is switched off, whatever the backend sends: no packet is longer than a frame.
    if (Length - Info->Length > Packet->MaximumSegmentSize &&
        !OffloadTakesCoalesced(Limits->Offload, Info->IpHeader.Length == OFFLOAD_IPV6_HEADER))
        return XENNET_RECEIVE_DROP_SEGMENT;
    if (Info->Length + Packet->MaximumSegmentSize > Limits->MaximumFrameSize + ETHERNET_TAG_SIZE)
        return XENNET_RECEIVE_DROP_SEGMENT;
    return XENNET_RECEIVE_ACCEPT;
}

// A coalesced packet is indicated.
static VOID
ReceivePacketReportCoalesced(const XENNET_RECEIVED_PACKET *Packet, XENNET_RECEIVE_COUNTERS *Counters,
                             NET_BUFFER_LIST *Nbl)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;

    // One segment alone is an ordinary packet.
    if (Packet->Length - Packet->Info->Length <= Packet->MaximumSegmentSize)
        return;
    ReceivePacketReportSegments(ReceivePacketSegments(Packet->Length, Packet->Info->Length, Packet->MaximumSegmentSize),
                                Packet->Length, Counters, Nbl);
    // As in ReceivePacketReadCoalesced.
    if (Packet->Info->IpHeader.Length != OFFLOAD_IPV6_HEADER) {
        Checksum.Value = NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo);
        Checksum.Receive.IpChecksumFailed = 0;
        Checksum.Receive.IpChecksumSucceeded = 1;
        NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) = Checksum.Value;
    }
}

// Takes the 802.1Q header out of a frame in which XenVif found one: the addresses move up to the type behind it.
static DECLSPEC_NOINLINE XENNET_RECEIVE_DROP
ReceivePacketTakeTag(const XENNET_RECEIVED_PACKET *Packet, NET_BUFFER_LIST *Nbl, USHORT *Tci)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    UCHAR *Frame;

    if (Packet->Length < ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE)
        return XENNET_RECEIVE_DROP_LENGTH;
    if (!ReceivePacketFirstHolds(Packet, ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE))
        return XENNET_RECEIVE_DROP_BUFFER;
    Frame = MemoryMap(Packet->Mdl);
    if (Frame == NULL)
        return XENNET_RECEIVE_DROP_RESOURCES;
    Frame += Packet->Offset;
    if (ETHERNET_READ16(Frame + 2 * ETHERNET_ADDRESS_LENGTH) != ETHERNET_TAG_TYPE)
        return XENNET_RECEIVE_ACCEPT;
    *Tci = ETHERNET_READ16(Frame + 2 * ETHERNET_ADDRESS_LENGTH + 2);
    RtlMoveMemory(Frame + ETHERNET_TAG_SIZE, Frame, 2 * ETHERNET_ADDRESS_LENGTH);
    NET_BUFFER_DATA_OFFSET(Nb) += ETHERNET_TAG_SIZE;
    NET_BUFFER_CURRENT_MDL_OFFSET(Nb) += ETHERNET_TAG_SIZE;
    NET_BUFFER_DATA_LENGTH(Nb) -= ETHERNET_TAG_SIZE;
    return XENNET_RECEIVE_ACCEPT;
}

// What every packet has. Its data and its length were looked at before.
_IRQL_requires_(DISPATCH_LEVEL)
static XENNET_RECEIVE_DROP
ReceivePacketDescribe(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet, NET_BUFFER_LIST *Nbl)
{
    ULONG Checksums = ReceivePacketChecksums[Packet->Checksums.Value & RECEIVE_PACKET_CHECKSUM_MASK];
    USHORT Tci = Packet->Tci;
    XENNET_RECEIVE_DROP Reason;

    if (Packet->Queue >= Limits->QueueCount)
        return XENNET_RECEIVE_DROP_QUEUE;
    if (Packet->Length < ETHERNET_HEADER_SIZE)
        return XENNET_RECEIVE_DROP_LENGTH;
    if ((Checksums & RECEIVE_PACKET_UNCOMMON) != 0 && !ReceivePacketChecksumsHold(Packet))
        return XENNET_RECEIVE_DROP_CHECKSUM;

    if (Limits->NdisMinor >= 50)
        ReceivePacketClearSlots(Nbl, RECEIVE_PACKET_SLOTS_650);
    else if (Limits->NdisMinor >= 30)
        ReceivePacketClearSlots(Nbl, RECEIVE_PACKET_SLOTS_630);
    else
        ReceivePacketClearSlots(Nbl, RECEIVE_PACKET_SLOTS_620);
    NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) = (PVOID)(ULONG_PTR)(Checksums & Limits->ChecksumMask);
    ReceivePacketReadHash(Packet->Hash, Nbl);
    ReceivePacketReadData(Packet, Packet->Length, Nbl);
    ReceivePacketReadRest(Packet, Nbl);
    if (ReceivePacketIsTagged(Packet)) {
        Reason = ReceivePacketTakeTag(Packet, Nbl, &Tci);
        if (Reason != XENNET_RECEIVE_ACCEPT)
            return Reason;
    }
    NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) = VlanReceiveTag(Limits->Vlan, Tci);
    // Last: an impossible packet is an error, whichever VLAN it claims.
    return VlanAccepts(Limits->Vlan, Tci) ? XENNET_RECEIVE_ACCEPT : XENNET_RECEIVE_DROP_VLAN;
}

_Use_decl_annotations_
XENNET_RECEIVE_DROP
ReceivePacketRead(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet,
                  XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Nbl)
{
    XENNET_RECEIVE_DROP Reason;

    if (Packet->MaximumSegmentSize != 0) {
        Reason = ReceivePacketCheckCoalesced(Limits, Packet);
        if (Reason != XENNET_RECEIVE_ACCEPT)
            return Reason;
    } else if (Packet->Length > Limits->MaximumFrameSize + ETHERNET_TAG_SIZE) {
        return XENNET_RECEIVE_DROP_LENGTH;
    }
    if (!ReceivePacketAllHold(Packet))
        return XENNET_RECEIVE_DROP_BUFFER;
    Reason = ReceivePacketDescribe(Limits, Packet, Nbl);
    if (Reason == XENNET_RECEIVE_ACCEPT && Packet->MaximumSegmentSize != 0)
        ReceivePacketReportCoalesced(Packet, Counters, Nbl);
    return Reason;
}
