/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything about a received packet comes from a backend that may be hostile. RxPacketCheck looks at each value
 * before anything depends on it; what it accepts, RxPacketFill and the stack above may rely on: the MDL chain
 * holds the packet, the length is that of a frame, header places lie inside it, flags do not contradict.
 *
 * IRQL: DISPATCH, on the provider's own time. No locks, no state.
 */
#include "rxpacket.h"

#define RX_LARGE_MAXIMUM        (65535 + ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE)
#define RX_IP_HEADER_MINIMUM    20
#define RX_TCP_HEADER_MINIMUM   20
#define RX_MDL_MAXIMUM          1024    // MDLs in one packet: a chain that goes on longer is broken

// The hash types of the interface as NDIS numbers them, XENVIF_PACKET_HASH_TYPE being the index.
static const ULONG RxHashTypes[] = {
    0,
    NDIS_HASH_IPV4,
    NDIS_HASH_TCP_IPV4,
    NDIS_HASH_IPV6,
    NDIS_HASH_TCP_IPV6
};

static BOOLEAN
RxChainHolds(MDL *Mdl, ULONG Offset, ULONG Length)
{
    ULONG Count;
    ULONG Bytes;

    // NDIS wants the first byte in the first MDL.
    if (Mdl == NULL || Offset >= MmGetMdlByteCount(Mdl))
        return FALSE;
    Bytes = MmGetMdlByteCount(Mdl) - Offset;
    for (Count = 1; Bytes < Length; Count++) {
        Length -= Bytes;
        Mdl = Mdl->Next;
        if (Mdl == NULL || Count == RX_MDL_MAXIMUM)
            return FALSE;
        Bytes = MmGetMdlByteCount(Mdl);
    }
    return TRUE;
}

static BOOLEAN
RxHeaderFits(const XENVIF_PACKET_HEADER_V1 *Header, ULONG Minimum, ULONG Limit)
{
    return Header->Length >= Minimum && Header->Length <= Limit && Header->Offset <= Limit - Header->Length;
}

// A coalesced packet: TCP over IP, payload behind the headers, segments that would have fit a frame.
static XENNET_RECEIVE_DROP
RxCheckCoalesced(const XENNET_RX_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters, ULONG *Segments)
{
    const XENVIF_PACKET_INFO_V2 *Info = Parameters->ReceiverQueuePacket.Info;
    ULONG Length = Parameters->ReceiverQueuePacket.Length;
    ULONG SegmentSize = Parameters->ReceiverQueuePacket.MaximumSegmentSize;
    ULONG Payload;

    if (Length > RX_LARGE_MAXIMUM)
        return XENNET_RECEIVE_DROP_LENGTH;
    if (Info == NULL || Info->Length >= Length ||
        !RxHeaderFits(&Info->IpHeader, RX_IP_HEADER_MINIMUM, Info->Length) ||
        !RxHeaderFits(&Info->TcpHeader, RX_TCP_HEADER_MINIMUM, Info->Length) ||
        Info->TcpHeader.Offset < Info->IpHeader.Offset + Info->IpHeader.Length)
        return XENNET_RECEIVE_DROP_HEADER;
    if (Info->Length + SegmentSize > Limits->MaximumFrameSize + ETHERNET_TAG_SIZE)
        return XENNET_RECEIVE_DROP_SEGMENT;

    Payload = Length - Info->Length;
    if (Payload > SegmentSize)
        *Segments = (Payload + SegmentSize - 1) / SegmentSize;
    return XENNET_RECEIVE_ACCEPT;
}

static BOOLEAN
RxChecksumsArePossible(XENVIF_PACKET_CHECKSUM_FLAGS_V1 Flags)
{
    return !(Flags.IpChecksumSucceeded && Flags.IpChecksumFailed) &&
           !(Flags.TcpChecksumSucceeded && Flags.TcpChecksumFailed) &&
           !(Flags.UdpChecksumSucceeded && Flags.UdpChecksumFailed);
}

static BOOLEAN
RxHashIsPossible(const XENVIF_PACKET_HASH_V2 *Hash)
{
    if (Hash == NULL || Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_NONE ||
        Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED)
        return TRUE;
    return Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ && (ULONG)Hash->Type < RTL_NUMBER_OF(RxHashTypes);
}

_Use_decl_annotations_
XENNET_RECEIVE_DROP
RxPacketCheck(const XENNET_RX_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters, ULONG *Segments)
{
    ULONG Length = Parameters->ReceiverQueuePacket.Length;
    XENNET_RECEIVE_DROP Reason;

    *Segments = 0;
    if (Parameters->ReceiverQueuePacket.Index >= Limits->QueueCount)
        return XENNET_RECEIVE_DROP_QUEUE;
    if (Length < ETHERNET_HEADER_SIZE)
        return XENNET_RECEIVE_DROP_LENGTH;

    if (Parameters->ReceiverQueuePacket.MaximumSegmentSize != 0) {
        Reason = RxCheckCoalesced(Limits, Parameters, Segments);
        if (Reason != XENNET_RECEIVE_ACCEPT)
            return Reason;
    } else if (Length > Limits->MaximumFrameSize + ETHERNET_TAG_SIZE) {
        return XENNET_RECEIVE_DROP_LENGTH;
    }

    if (!RxChainHolds(Parameters->ReceiverQueuePacket.Mdl, Parameters->ReceiverQueuePacket.Offset, Length))
        return XENNET_RECEIVE_DROP_BUFFER;
    if (!RxChecksumsArePossible(Parameters->ReceiverQueuePacket.Flags))
        return XENNET_RECEIVE_DROP_CHECKSUM;
    if (!RxHashIsPossible(Parameters->ReceiverQueuePacket.Hash))
        return XENNET_RECEIVE_DROP_HASH;
    // Last: an impossible packet is an error, whichever VLAN it claims.
    if (!VlanAccepts(Limits->Vlan, Parameters->ReceiverQueuePacket.TagControlInformation))
        return XENNET_RECEIVE_DROP_VLAN;
    return XENNET_RECEIVE_ACCEPT;
}

static PVOID
RxChecksumInfo(XENVIF_PACKET_CHECKSUM_FLAGS_V1 Flags, ULONG Invalid)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Info;

    Info.Value = NULL;
    if (Flags.Value == 0)
        return Info.Value;
    Info.Receive.IpChecksumSucceeded = Flags.IpChecksumSucceeded;
    Info.Receive.IpChecksumFailed = Flags.IpChecksumFailed;
    Info.Receive.TcpChecksumSucceeded = Flags.TcpChecksumSucceeded;
    Info.Receive.TcpChecksumFailed = Flags.TcpChecksumFailed;
    Info.Receive.UdpChecksumSucceeded = Flags.UdpChecksumSucceeded;
    Info.Receive.UdpChecksumFailed = Flags.UdpChecksumFailed;
    // The backend vouches for the segment but may have left the field half done.
    Info.Receive.TcpChecksumValueInvalid = Flags.TcpChecksumSucceeded & Invalid;
    return Info.Value;
}

static VOID
RxFillHash(const XENVIF_PACKET_HASH_V2 *Hash, NET_BUFFER_LIST *Nbl)
{
    ULONG Type = 0;

    if (Hash != NULL && Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ)
        Type = RxHashTypes[Hash->Type];
    NET_BUFFER_LIST_SET_HASH_INFO(Nbl, Type != 0 ? (Type | NdisHashFunctionToeplitz) : 0);
    NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, Type != 0 ? Hash->Value : 0);
}

_Use_decl_annotations_
VOID
RxPacketFill(const XENNET_RX_LIMITS *Limits, const XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters, ULONG Segments,
             NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    NDIS_RSC_NBL_INFO Rsc;

    NET_BUFFER_FIRST_MDL(Nb) = Parameters->ReceiverQueuePacket.Mdl;
    NET_BUFFER_CURRENT_MDL(Nb) = Parameters->ReceiverQueuePacket.Mdl;
    NET_BUFFER_DATA_OFFSET(Nb) = Parameters->ReceiverQueuePacket.Offset;
    NET_BUFFER_CURRENT_MDL_OFFSET(Nb) = Parameters->ReceiverQueuePacket.Offset;
    NET_BUFFER_DATA_LENGTH(Nb) = Parameters->ReceiverQueuePacket.Length;

    NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0] = Parameters->ReceiverQueuePacket.Cookie;
    NET_BUFFER_LIST_STATUS(Nbl) = NDIS_STATUS_SUCCESS;
    NET_BUFFER_LIST_FLAGS(Nbl) = 0;
    NET_BUFFER_LIST_NBL_FLAGS(Nbl) = 0;

    // NBLs are used again, so every slot the stack reads on receive is written every time.
    NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) =
        RxChecksumInfo(Parameters->ReceiverQueuePacket.Flags, OffloadChecksumValueMayBeBlank(Limits->Offload));
    NET_BUFFER_LIST_INFO(Nbl, TcpReceiveNoPush) = NULL;
    NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) =
        VlanReceiveInfo(Limits->Vlan, Parameters->ReceiverQueuePacket.TagControlInformation);
    RxFillHash(Parameters->ReceiverQueuePacket.Hash, Nbl);

    Rsc.Value = NULL;
    if (Segments != 0 && OffloadReportsSegments(Limits->Offload))
        Rsc.Info.CoalescedSegCount = (USHORT)Segments;
    NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) = Rsc.Value;
    NET_BUFFER_LIST_INFO(Nbl, RscTcpTimestampDelta) = NULL;
}
