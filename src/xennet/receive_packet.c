/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything about a received packet comes from a backend that may be hostile. ReceivePacketRead looks at each value
 * before anything depends on it; what it accepts, the stack above may rely on: the MDL chain holds the packet, the
 * length is that of a frame, header places lie inside it, flags do not contradict.
 *
 * IRQL: DISPATCH, on the provider's own time. No locks, no state.
 */
#include "receive_packet.h"
#include "memory.h"

#define RECEIVE_PACKET_MAX_COALESCED  (65535 + ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE)
#define RECEIVE_PACKET_MIN_IP_HEADER  20
#define RECEIVE_PACKET_IPV6_HEADER    40 // coalesced packets have no options
#define RECEIVE_PACKET_MIN_TCP_HEADER 20
// IpChecksumSucceeded, TcpChecksumSucceeded, UdpChecksumSucceeded; the bit above each means that it failed.
#define RECEIVE_PACKET_CHECKSUM_SUCCEEDED (0x001 | 0x008 | 0x040)
// Slots of out-of-band data that an NBL of NDIS 6.20 and 6.30 has.
#define RECEIVE_PACKET_SLOTS_620 (TcpReceiveBytesTransferred + 1)
#define RECEIVE_PACKET_SLOTS_630 (RscTcpTimestampDelta + 1)
#define RECEIVE_PACKET_MAX_MDLS  1024 // MDLs in one packet: a chain that goes on longer is broken

// The hash types of the interface as NDIS has them, XENVIF_PACKET_HASH_TYPE being the index.
static const ULONG ReceivePacketHashTypes[] = {
    0,
    NDIS_HASH_IPV4 | NdisHashFunctionToeplitz,
    NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz,
    NDIS_HASH_IPV6 | NdisHashFunctionToeplitz,
    NDIS_HASH_TCP_IPV6 | NdisHashFunctionToeplitz,
};

// NDIS wants the first byte in the first MDL.
FORCEINLINE BOOLEAN
ReceivePacketFirstHolds(const XENNET_RECEIVED_PACKET *Packet, ULONG Length)
{
    MDL *Mdl = Packet->Mdl;
    ULONG Offset = Packet->Offset;

    return Mdl != NULL && Offset < MmGetMdlByteCount(Mdl) && Length <= MmGetMdlByteCount(Mdl) - Offset;
}

static BOOLEAN
ReceivePacketChainHolds(const XENNET_RECEIVED_PACKET *Packet)
{
    MDL *Mdl = Packet->Mdl;
    ULONG Length = Packet->Length;
    ULONG Bytes;
    ULONG Count;

    if (!ReceivePacketFirstHolds(Packet, 1))
        return FALSE;
    Bytes = MmGetMdlByteCount(Mdl) - Packet->Offset;
    for (Count = 1; Bytes < Length; Count++) {
        Length -= Bytes;
        Mdl = Mdl->Next;
        if (Mdl == NULL || Count == RECEIVE_PACKET_MAX_MDLS)
            return FALSE;
        Bytes = MmGetMdlByteCount(Mdl);
    }
    return TRUE;
}

static BOOLEAN
ReceivePacketHeaderFits(const XENNET_PACKET_HEADER *Header, ULONG Minimum, ULONG Limit)
{
    return Header->Length >= Minimum && Header->Length <= Limit && Header->Offset <= Limit - Header->Length;
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
        !OffloadTakesCoalesced(Limits->Offload, Info->IpHeader.Length == RECEIVE_PACKET_IPV6_HEADER))
        return XENNET_RECEIVE_DROP_SEGMENT;
    if (Info->Length + Packet->MaximumSegmentSize > Limits->MaximumFrameSize + ETHERNET_TAG_SIZE)
        return XENNET_RECEIVE_DROP_SEGMENT;
    return XENNET_RECEIVE_ACCEPT;
}

// Reports the segments of a coalesced packet that is indicated, to NDIS and to the statistics.
static VOID
ReceivePacketReportCoalesced(const XENNET_RECEIVED_PACKET *Packet, XENNET_RECEIVE_COUNTERS *Counters,
                             NET_BUFFER_LIST *Nbl)
{
    ULONG SegmentSize = Packet->MaximumSegmentSize;
    ULONG Payload = Packet->Length - Packet->Info->Length;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    NDIS_RSC_NBL_INFO Rsc;
    ULONG Segments;

    // One segment alone is an ordinary packet.
    if (Payload <= SegmentSize)
        return;
    Segments = (Payload + SegmentSize - 1) / SegmentSize;
    Counters->CoalescedPackets++;
    Counters->CoalescedSegments += Segments;
    Counters->CoalescedOctets += Packet->Length;
    // No duplicate ACKs: a backend coalesces segments with payload only, and an ACK that repeats another has none.
    Rsc.Value = NULL;
    Rsc.Info.CoalescedSegCount = (USHORT)Segments;
    NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) = Rsc.Value;
    // Whoever coalesces has looked at the IPv4 headers and made the one that goes up, whatever is switched on.
    if (Packet->Info->IpHeader.Length != RECEIVE_PACKET_IPV6_HEADER) {
        Checksum.Value = NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo);
        Checksum.Receive.IpChecksumFailed = 0;
        Checksum.Receive.IpChecksumSucceeded = 1;
        NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) = Checksum.Value;
    }
}

// NBLs are used again, and anybody above may have written any slot. NBLs of an older NDIS end before the newer slots;
// those behind the last one here are NDIS's own.
FORCEINLINE VOID
ReceivePacketClearSlots(const XENNET_RECEIVE_LIMITS *Limits, NET_BUFFER_LIST *Nbl)
{
    RtlZeroMemory(&NET_BUFFER_LIST_INFO(Nbl, 0), RECEIVE_PACKET_SLOTS_620 * sizeof(PVOID));
    if (Limits->NdisMinor >= 30)
        RtlZeroMemory(&NET_BUFFER_LIST_INFO(Nbl, RECEIVE_PACKET_SLOTS_620),
                      (RECEIVE_PACKET_SLOTS_630 - RECEIVE_PACKET_SLOTS_620) * sizeof(PVOID));
#ifdef _WIN64
    if (Limits->NdisMinor >= 50) {
        NET_BUFFER_LIST_INFO(Nbl, GftOffloadInformation) = NULL;
        NET_BUFFER_LIST_INFO(Nbl, GftFlowEntryId) = NULL;
    }
#endif
}

// FALSE: a checksum is reported as both right and wrong.
FORCEINLINE BOOLEAN
ReceivePacketReadChecksums(const XENNET_RECEIVE_LIMITS *Limits, XENNET_PACKET_CHECKSUMS Flags, NET_BUFFER_LIST *Nbl)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Info;

    Info.Value = NULL;
    if (Flags.Value != 0) {
        if (Flags.Value & (Flags.Value >> 1) & RECEIVE_PACKET_CHECKSUM_SUCCEEDED)
            return FALSE;
        Info.Receive.IpChecksumSucceeded = Flags.IpChecksumSucceeded;
        Info.Receive.IpChecksumFailed = Flags.IpChecksumFailed;
        Info.Receive.TcpChecksumSucceeded = Flags.TcpChecksumSucceeded;
        Info.Receive.TcpChecksumFailed = Flags.TcpChecksumFailed;
        Info.Receive.UdpChecksumSucceeded = Flags.UdpChecksumSucceeded;
        Info.Receive.UdpChecksumFailed = Flags.UdpChecksumFailed;
        // The backend vouches for the segment but may have left the field half done.
        if (OffloadChecksumValueMayBeBlank(Limits->Offload))
            Info.Receive.TcpChecksumValueInvalid = Flags.TcpChecksumSucceeded;
    }
    NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) = Info.Value;
    return TRUE;
}

// A hash that NDIS has no name for goes up as none: the packet is as good without it.
FORCEINLINE VOID
ReceivePacketReadHash(const XENNET_PACKET_HASH *Hash, NET_BUFFER_LIST *Nbl)
{
    ULONG Info = 0;
    ULONG Value = 0;

    if (Hash != NULL && Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ &&
        (ULONG)Hash->Type < RTL_NUMBER_OF(ReceivePacketHashTypes)) {
        Info = ReceivePacketHashTypes[Hash->Type];
        Value = Info != 0 ? Hash->Value : 0;
    }
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) = (PVOID)(ULONG_PTR)Info;
    NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, Value);
}

FORCEINLINE VOID
ReceivePacketReadData(const XENNET_RECEIVED_PACKET *Packet, NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);

    NET_BUFFER_FIRST_MDL(Nb) = Packet->Mdl;
    NET_BUFFER_CURRENT_MDL(Nb) = Packet->Mdl;
    NET_BUFFER_DATA_OFFSET(Nb) = Packet->Offset;
    NET_BUFFER_CURRENT_MDL_OFFSET(Nb) = Packet->Offset;
    NET_BUFFER_DATA_LENGTH(Nb) = Packet->Length;
    NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0] = Packet->Cookie;
    NET_BUFFER_LIST_STATUS(Nbl) = NDIS_STATUS_SUCCESS;
    NET_BUFFER_LIST_NBL_FLAGS(Nbl) = 0;
}

// XenVif found an 802.1Q header.
FORCEINLINE BOOLEAN
ReceivePacketIsTagged(const XENNET_RECEIVED_PACKET *Packet)
{
    return Packet->Info != NULL && Packet->Info->EthernetHeader.Length > ETHERNET_HEADER_SIZE;
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
FORCEINLINE XENNET_RECEIVE_DROP
ReceivePacketReadCommon(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet, NET_BUFFER_LIST *Nbl,
                        BOOLEAN Tagged)
{
    USHORT Tci = Packet->Tci;
    XENNET_RECEIVE_DROP Reason;

    if (Packet->Queue >= Limits->QueueCount)
        return XENNET_RECEIVE_DROP_QUEUE;
    if (Packet->Length < ETHERNET_HEADER_SIZE)
        return XENNET_RECEIVE_DROP_LENGTH;

    ReceivePacketClearSlots(Limits, Nbl);
    if (!ReceivePacketReadChecksums(Limits, Packet->Checksums, Nbl))
        return XENNET_RECEIVE_DROP_CHECKSUM;
    ReceivePacketReadHash(Packet->Hash, Nbl);
    ReceivePacketReadData(Packet, Nbl);
    if (Tagged) {
        Reason = ReceivePacketTakeTag(Packet, Nbl, &Tci);
        if (Reason != XENNET_RECEIVE_ACCEPT)
            return Reason;
    }
    NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) = VlanReceiveTag(Limits->Vlan, Tci);
    // Last: an impossible packet is an error, whichever VLAN it claims.
    return VlanAccepts(Limits->Vlan, Tci) ? XENNET_RECEIVE_ACCEPT : XENNET_RECEIVE_DROP_VLAN;
}

// A packet in several MDLs, a coalesced or tagged one, or one that cannot be.
static DECLSPEC_NOINLINE XENNET_RECEIVE_DROP
ReceivePacketReadRare(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet,
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
    if (!ReceivePacketChainHolds(Packet))
        return XENNET_RECEIVE_DROP_BUFFER;
    Reason = ReceivePacketReadCommon(Limits, Packet, Nbl, ReceivePacketIsTagged(Packet));
    if (Reason == XENNET_RECEIVE_ACCEPT && Packet->MaximumSegmentSize != 0)
        ReceivePacketReportCoalesced(Packet, Counters, Nbl);
    return Reason;
}

_Use_decl_annotations_
XENNET_RECEIVE_DROP
ReceivePacketRead(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet,
                  XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Nbl)
{
    ULONG Length = Packet->Length;

    // An ordinary packet: one frame in one MDL, without a tag. Nothing is called on this way, so that no register has
    // to be saved.
    if (Packet->MaximumSegmentSize == 0 && Length <= Limits->MaximumFrameSize + ETHERNET_TAG_SIZE &&
        ReceivePacketFirstHolds(Packet, Length) && !ReceivePacketIsTagged(Packet))
        return ReceivePacketReadCommon(Limits, Packet, Nbl, FALSE);
    return ReceivePacketReadRare(Limits, Packet, Counters, Nbl);
}
