/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything about a received packet comes from a backend that may be hostile. ReceivePacketRead looks at each value
 * before anything depends on it; what it accepts, the stack above may rely on: the MDL chain holds the packet, the
 * length is that of a frame, header places lie inside it, flags do not contradict.
 *
 * IRQL: DISPATCH, on the provider's own time. No locks, no state.
 */
#include "receive_packet.h"

#define RECEIVE_PACKET_MAX_COALESCED  (65535 + ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE)
#define RECEIVE_PACKET_MIN_IP_HEADER  20
#define RECEIVE_PACKET_IPV6_HEADER    40 // coalesced packets have no options
#define RECEIVE_PACKET_MIN_TCP_HEADER 20
// IpChecksumSucceeded, TcpChecksumSucceeded, UdpChecksumSucceeded; the bit above each says that it failed.
#define RECEIVE_PACKET_CHECKSUM_SUCCEEDED (0x001 | 0x008 | 0x040)
#define RECEIVE_PACKET_MAX_MDLS           1024 // MDLs in one packet: a chain that goes on longer is broken

// The hash types of the interface as NDIS tells them, XENVIF_PACKET_HASH_TYPE being the index.
static const ULONG ReceivePacketHashTypes[] = {
    0,
    NDIS_HASH_IPV4 | NdisHashFunctionToeplitz,
    NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz,
    NDIS_HASH_IPV6 | NdisHashFunctionToeplitz,
    NDIS_HASH_TCP_IPV6 | NdisHashFunctionToeplitz,
};

// NDIS wants the first byte in the first MDL.
FORCEINLINE BOOLEAN
ReceivePacketFirstHolds(const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters, ULONG Length)
{
    MDL *Mdl = Parameters->ReceiverQueuePacket.Mdl;
    ULONG Offset = Parameters->ReceiverQueuePacket.Offset;

    return Mdl != NULL && Offset < MmGetMdlByteCount(Mdl) && Length <= MmGetMdlByteCount(Mdl) - Offset;
}

static BOOLEAN
ReceivePacketChainHolds(const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters)
{
    MDL *Mdl = Parameters->ReceiverQueuePacket.Mdl;
    ULONG Length = Parameters->ReceiverQueuePacket.Length;
    ULONG Bytes;
    ULONG Count;

    if (!ReceivePacketFirstHolds(Parameters, 1))
        return FALSE;
    Bytes = MmGetMdlByteCount(Mdl) - Parameters->ReceiverQueuePacket.Offset;
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
ReceivePacketHeaderFits(const XENVIF_PACKET_HEADER_V1 *Header, ULONG Minimum, ULONG Limit)
{
    return Header->Length >= Minimum && Header->Length <= Limit && Header->Offset <= Limit - Header->Length;
}

// A coalesced packet: TCP over IP, payload behind the headers, segments that would have fit a frame.
static XENNET_RECEIVE_DROP
ReceivePacketCheckCoalesced(const XENNET_RECEIVE_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters)
{
    const XENVIF_PACKET_INFO_V2 *Info = Parameters->ReceiverQueuePacket.Info;
    ULONG Length = Parameters->ReceiverQueuePacket.Length;

    if (Length > RECEIVE_PACKET_MAX_COALESCED)
        return XENNET_RECEIVE_DROP_LENGTH;
    if (Info == NULL || Info->Length >= Length ||
        !ReceivePacketHeaderFits(&Info->IpHeader, RECEIVE_PACKET_MIN_IP_HEADER, Info->Length) ||
        !ReceivePacketHeaderFits(&Info->TcpHeader, RECEIVE_PACKET_MIN_TCP_HEADER, Info->Length) ||
        Info->TcpHeader.Offset < Info->IpHeader.Offset + Info->IpHeader.Length)
        return XENNET_RECEIVE_DROP_HEADER;
    // Coalescing is switched off, whatever the backend sends: no packet is longer than a frame.
    if (Length - Info->Length > Parameters->ReceiverQueuePacket.MaximumSegmentSize &&
        !OffloadTakesCoalesced(Limits->Offload, Info->IpHeader.Length == RECEIVE_PACKET_IPV6_HEADER))
        return XENNET_RECEIVE_DROP_SEGMENT;
    if (Info->Length + Parameters->ReceiverQueuePacket.MaximumSegmentSize >
        Limits->MaximumFrameSize + ETHERNET_TAG_SIZE)
        return XENNET_RECEIVE_DROP_SEGMENT;
    return XENNET_RECEIVE_ACCEPT;
}

// What is told of a coalesced packet that goes up: its segments, to NDIS and to the statistics.
static VOID
ReceivePacketReportCoalesced(const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters, XENNET_RECEIVE_COUNTERS *Counters,
                             NET_BUFFER_LIST *Nbl)
{
    ULONG SegmentSize = Parameters->ReceiverQueuePacket.MaximumSegmentSize;
    ULONG Payload = Parameters->ReceiverQueuePacket.Length - Parameters->ReceiverQueuePacket.Info->Length;
    NDIS_RSC_NBL_INFO Rsc;
    ULONG Segments;

    // One segment alone is an ordinary packet.
    if (Payload <= SegmentSize)
        return;
    Segments = (Payload + SegmentSize - 1) / SegmentSize;
    Counters->CoalescedPackets++;
    Counters->CoalescedSegments += Segments;
    Counters->CoalescedOctets += Parameters->ReceiverQueuePacket.Length;
    // No duplicate ACKs: a backend coalesces segments with payload only, and an ACK that repeats another has none.
    Rsc.Value = NULL;
    Rsc.Info.CoalescedSegCount = (USHORT)Segments;
    NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) = Rsc.Value;
}

// FALSE: a checksum is said to be both right and wrong.
FORCEINLINE BOOLEAN
ReceivePacketReadChecksums(const XENNET_RECEIVE_LIMITS *Limits, XENVIF_PACKET_CHECKSUM_FLAGS_V1 Flags,
                           NET_BUFFER_LIST *Nbl)
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

// FALSE: an algorithm or a type that does not exist.
FORCEINLINE BOOLEAN
ReceivePacketReadHash(const XENVIF_PACKET_HASH_V2 *Hash, NET_BUFFER_LIST *Nbl)
{
    if (Hash != NULL && Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ) {
        if ((ULONG)Hash->Type >= RTL_NUMBER_OF(ReceivePacketHashTypes))
            return FALSE;
        if (Hash->Type != XENVIF_PACKET_HASH_TYPE_NONE) {
            NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) = (PVOID)(ULONG_PTR)ReceivePacketHashTypes[Hash->Type];
            NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, Hash->Value);
            return TRUE;
        }
    } else if (Hash != NULL && Hash->Algorithm != XENVIF_PACKET_HASH_ALGORITHM_NONE &&
               Hash->Algorithm != XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED) {
        return FALSE;
    }
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) = NULL;
    NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, 0);
    return TRUE;
}

FORCEINLINE VOID
ReceivePacketReadData(const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters, NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);

    NET_BUFFER_FIRST_MDL(Nb) = Parameters->ReceiverQueuePacket.Mdl;
    NET_BUFFER_CURRENT_MDL(Nb) = Parameters->ReceiverQueuePacket.Mdl;
    NET_BUFFER_DATA_OFFSET(Nb) = Parameters->ReceiverQueuePacket.Offset;
    NET_BUFFER_CURRENT_MDL_OFFSET(Nb) = Parameters->ReceiverQueuePacket.Offset;
    NET_BUFFER_DATA_LENGTH(Nb) = Parameters->ReceiverQueuePacket.Length;
    NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0] = Parameters->ReceiverQueuePacket.Cookie;
    NET_BUFFER_LIST_STATUS(Nbl) = NDIS_STATUS_SUCCESS;
    NET_BUFFER_LIST_FLAGS(Nbl) = 0;
    NET_BUFFER_LIST_NBL_FLAGS(Nbl) = 0;
}

// What every packet has. Its data and its length were looked at before.
FORCEINLINE XENNET_RECEIVE_DROP
ReceivePacketReadCommon(const XENNET_RECEIVE_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters,
                        NET_BUFFER_LIST *Nbl)
{
    USHORT Tci = Parameters->ReceiverQueuePacket.TagControlInformation;

    if (Parameters->ReceiverQueuePacket.Index >= Limits->QueueCount)
        return XENNET_RECEIVE_DROP_QUEUE;
    if (Parameters->ReceiverQueuePacket.Length < ETHERNET_HEADER_SIZE)
        return XENNET_RECEIVE_DROP_LENGTH;

    // NBLs are used again, so every slot the stack reads on receive is written every time.
    if (!ReceivePacketReadChecksums(Limits, Parameters->ReceiverQueuePacket.Flags, Nbl))
        return XENNET_RECEIVE_DROP_CHECKSUM;
    if (!ReceivePacketReadHash(Parameters->ReceiverQueuePacket.Hash, Nbl))
        return XENNET_RECEIVE_DROP_HASH;
    NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) = NULL;
    NET_BUFFER_LIST_INFO(Nbl, RscTcpTimestampDelta) = NULL;
    NET_BUFFER_LIST_INFO(Nbl, TcpReceiveNoPush) = NULL;
    NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) = VlanReceiveInfo(Limits->Vlan, Tci);
    ReceivePacketReadData(Parameters, Nbl);
    // Last: an impossible packet is an error, whichever VLAN it claims.
    return VlanAccepts(Limits->Vlan, Tci) ? XENNET_RECEIVE_ACCEPT : XENNET_RECEIVE_DROP_VLAN;
}

// A packet in several MDLs, a coalesced one, or one that cannot be.
static DECLSPEC_NOINLINE XENNET_RECEIVE_DROP
ReceivePacketReadRare(const XENNET_RECEIVE_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters,
                      XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Nbl)
{
    XENNET_RECEIVE_DROP Reason;

    if (Parameters->ReceiverQueuePacket.MaximumSegmentSize != 0) {
        Reason = ReceivePacketCheckCoalesced(Limits, Parameters);
        if (Reason != XENNET_RECEIVE_ACCEPT)
            return Reason;
    } else if (Parameters->ReceiverQueuePacket.Length > Limits->MaximumFrameSize + ETHERNET_TAG_SIZE) {
        return XENNET_RECEIVE_DROP_LENGTH;
    }
    if (!ReceivePacketChainHolds(Parameters))
        return XENNET_RECEIVE_DROP_BUFFER;
    Reason = ReceivePacketReadCommon(Limits, Parameters, Nbl);
    if (Reason == XENNET_RECEIVE_ACCEPT && Parameters->ReceiverQueuePacket.MaximumSegmentSize != 0)
        ReceivePacketReportCoalesced(Parameters, Counters, Nbl);
    return Reason;
}

_Use_decl_annotations_
XENNET_RECEIVE_DROP
ReceivePacketRead(const XENNET_RECEIVE_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters,
                  XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Nbl)
{
    ULONG Length = Parameters->ReceiverQueuePacket.Length;

    // An ordinary packet: one frame in one MDL. Nothing is called on this way, so that no register has to be saved.
    if (Parameters->ReceiverQueuePacket.MaximumSegmentSize == 0 &&
        Length <= Limits->MaximumFrameSize + ETHERNET_TAG_SIZE && ReceivePacketFirstHolds(Parameters, Length))
        return ReceivePacketReadCommon(Limits, Parameters, Nbl);
    return ReceivePacketReadRare(Limits, Parameters, Counters, Nbl);
}
