/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One received packet: is what the provider reports of it possible, and how is it described to NDIS.
 *
 * Called by receive.c only, at DISPATCH. What nearly every packet is, is read inline (ReceivePacketReadCommon); what
 * that does not take, possible or not, is read again from the beginning in receive_packet.c.
 */
#ifndef XENNET_RECEIVE_PACKET_H
#define XENNET_RECEIVE_PACKET_H

#include <ndis.h>
#include "memory.h"
#include "offload_setting.h"
#include "receive_counters.h"
#include "vif_packet.h"
#include "vlan.h"

// What a packet is measured against. Immutable after ReceiveCreate, but for single words that change with the backend
// and the adapter's VLAN.
typedef struct _XENNET_RECEIVE_LIMITS {
    const XENNET_OFFLOAD *Offload;
    const XENNET_VLAN *Vlan;
    ULONG QueueCount;       // that there can ever be
    ULONG MaximumFrameSize; // bytes, Ethernet header included
    ULONG CommonLengths;    // that ReceivePacketReadCommon takes, from the header's on; 0: none
    ULONG CommonSegment;    // bytes of the longest segment, headers included, that it takes coalesced; 0: none
    UCHAR ChecksumMask;     // of ReceivePacketChecksums, what goes up
    UCHAR NdisMinor;        // 6.<NdisMinor> is registered
} XENNET_RECEIVE_LIMITS;

// After ReceiveCreate, or after a change of frame size or VLAN.
VOID ReceiveLimitsSet(_Inout_ XENNET_RECEIVE_LIMITS *Limits, _In_ ULONG MaximumFrameSize);

/*
 * Any packet: describes it in the NBL and returns XENNET_RECEIVE_ACCEPT, or names the first thing that cannot be; the
 * NBL is free again then. Counters gets what RSC statistics want of a coalesced packet.
 */
_IRQL_requires_(DISPATCH_LEVEL)
XENNET_RECEIVE_DROP ReceivePacketRead(_In_ const XENNET_RECEIVE_LIMITS *Limits,
                                      _In_ const XENNET_RECEIVED_PACKET *Packet,
                                      _Inout_ XENNET_RECEIVE_COUNTERS *Counters, _Inout_ NET_BUFFER_LIST *Nbl);

// The provider's name for the packet that an NBL carries.
FORCEINLINE PVOID
ReceivePacketCookie(NET_BUFFER_LIST *Nbl)
{
    return NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0];
}

#define RECEIVE_PACKET_MAX_COALESCED  (65535 + ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE)
#define RECEIVE_PACKET_MIN_TCP_HEADER 20

// Of NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.
#define CHECKSUM_TCP_FAILED    0x01
#define CHECKSUM_UDP_FAILED    0x02
#define CHECKSUM_IP_FAILED     0x04
#define CHECKSUM_TCP_SUCCEEDED 0x08
#define CHECKSUM_UDP_SUCCEEDED 0x10
#define CHECKSUM_IP_SUCCEEDED  0x20
#define CHECKSUM_TCP_BLANK     0x80 // TcpChecksumValueInvalid

// By the provider's checksum flags: those of NDIS, and RECEIVE_PACKET_UNCOMMON, which ReceivePacketChecksumsHold is
// for.
#define RECEIVE_PACKET_CHECKSUM_MASK 0x1FF
#define RECEIVE_PACKET_UNCOMMON      0x40

extern IMAGE_DATA const UCHAR ReceivePacketChecksums[RECEIVE_PACKET_CHECKSUM_MASK + 1];

/*
 * FALSE: a checksum is said to be both right and wrong. A UDP checksum over IPv6 that XenVif left zero becomes ones:
 * XenVif writes what it sums up, zero too, where RFC 768 has ones sent. Zero says that there is none, and over IPv6
 * receivers drop that whatever the flags say (RFC 8200, 8.1), but for tunnels that were told to take it (RFC 6935):
 * theirs cannot be told apart where UDP checksum offload over IPv6 is off.
 */
_IRQL_requires_(DISPATCH_LEVEL)
RARELY_CALLED BOOLEAN ReceivePacketChecksumsHold(_In_ const XENNET_RECEIVED_PACKET *Packet);

// The hash types of the interface as NDIS has them, XENVIF_PACKET_HASH_TYPE less one being the index.
#define RECEIVE_PACKET_HASH_TYPES 4

extern IMAGE_DATA const ULONG ReceivePacketHashTypes[RECEIVE_PACKET_HASH_TYPES];

// A hash that NDIS has no name for goes up as none: the packet is as good without it.
FORCEINLINE VOID
ReceivePacketReadHash(const XENNET_PACKET_HASH *Hash, NET_BUFFER_LIST *Nbl)
{
    ULONG Info = 0;
    ULONG Value = 0;

    if (Hash != NULL && Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ &&
        (ULONG)Hash->Type - 1 < RECEIVE_PACKET_HASH_TYPES) {
        Info = ReceivePacketHashTypes[(ULONG)Hash->Type - 1];
        Value = Hash->Value;
    }
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) = (PVOID)(ULONG_PTR)Info;
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashValue) = (PVOID)(ULONG_PTR)Value;
}

// Length: the packet's, which whoever calls has read.
FORCEINLINE VOID
ReceivePacketReadData(const XENNET_RECEIVED_PACKET *Packet, ULONG Length, NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    MDL *Mdl = Packet->Mdl;
    ULONG Offset = Packet->Offset;

    NET_BUFFER_FIRST_MDL(Nb) = Mdl;
    NET_BUFFER_CURRENT_MDL(Nb) = Mdl;
    NET_BUFFER_DATA_OFFSET(Nb) = Offset;
    NET_BUFFER_CURRENT_MDL_OFFSET(Nb) = Offset;
    NET_BUFFER_DATA_LENGTH(Nb) = Length;
}

FORCEINLINE VOID
ReceivePacketReadRest(const XENNET_RECEIVED_PACKET *Packet, NET_BUFFER_LIST *Nbl)
{
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

// So many bytes of the packet lie in its first MDL.
FORCEINLINE BOOLEAN
ReceivePacketFirstHolds(const XENNET_RECEIVED_PACKET *Packet, ULONG Length)
{
    return Packet->Mdl != NULL && (ULONG64)Packet->Offset + Length <= MmGetMdlByteCount(Packet->Mdl);
}

// MDLs behind the first one of a packet, and how many are looked at before they are counted: a chain that goes on
// longer is broken.
#define RECEIVE_PACKET_MAX_MDLS  1024
#define RECEIVE_PACKET_MDLS_ONCE 8

// The MDLs from this one on hold so many bytes. Their sizes are added up to the end of the chain, which is cheaper than
// to look for the MDL where the packet ends: four instructions an MDL are most of what a coalesced packet costs. A sum
// that overflows is too small, never too large.
FORCEINLINE BOOLEAN
ReceivePacketChainHolds(MDL *Mdl, ULONG Length)
{
    ULONG Sum = 0;
    ULONG Count;
    ULONG Step;

    for (Count = 0; Count < RECEIVE_PACKET_MAX_MDLS; Count += RECEIVE_PACKET_MDLS_ONCE) {
        for (Step = 0; Step < RECEIVE_PACKET_MDLS_ONCE; Step++) {
            Sum += MmGetMdlByteCount(Mdl);
            Mdl = Mdl->Next;
            if (Mdl == NULL)
                return Length <= Sum;
        }
    }
    return FALSE;
}

// The MDL chain holds the packet, whose first byte is in the first MDL, as NDIS wants it.
FORCEINLINE BOOLEAN
ReceivePacketAllHold(const XENNET_RECEIVED_PACKET *Packet)
{
    MDL *Mdl = Packet->Mdl;
    ULONG Offset = Packet->Offset;
    ULONG64 End = (ULONG64)Offset + Packet->Length;

    return Mdl != NULL && Offset < MmGetMdlByteCount(Mdl) &&
           (End <= MmGetMdlByteCount(Mdl) || (End <= MAXULONG && ReceivePacketChainHolds(Mdl, (ULONG)End)));
}

// Of a packet that ends so many bytes from the start of its first MDL, Bytes of which that MDL has: the next one holds
// the rest. XenVif puts headers into an MDL of their own, before the page with the payload.
FORCEINLINE BOOLEAN
ReceivePacketSecondHolds(const MDL *Mdl, ULONG64 End, ULONG Bytes)
{
    return Mdl != NULL && End - Bytes <= MmGetMdlByteCount(Mdl);
}

// Slots of out-of-band data that an NBL of NDIS 6.20, of 6.30 and of 6.50 has; those behind them are NDIS's own.
#define RECEIVE_PACKET_SLOTS_620 (TcpReceiveBytesTransferred + 1)
#define RECEIVE_PACKET_SLOTS_630 (RscTcpTimestampDelta + 1)
#ifdef _WIN64
#define RECEIVE_PACKET_SLOTS_650 (GftFlowEntryId + 1)
#else
#define RECEIVE_PACKET_SLOTS_650 RECEIVE_PACKET_SLOTS_630
#endif

// NBLs are used again, and anybody above may have written any slot. Slots: RECEIVE_PACKET_SLOTS_*. Those of the hash
// are for ReceivePacketReadHash.
FORCEINLINE VOID
ReceivePacketClearSlots(NET_BUFFER_LIST *Nbl, ULONG Slots)
{
    RtlZeroMemory(&NET_BUFFER_LIST_INFO(Nbl, 0), NetBufferListHashValue * sizeof(PVOID));
    RtlZeroMemory(&NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo + 1),
                  (Slots - NetBufferListHashInfo - 1) * sizeof(PVOID));
}

C_ASSERT(NetBufferListHashInfo == NetBufferListHashValue + 1);

// Describes a packet that was looked at. Checksums: of ReceivePacketChecksums, as they go up.
FORCEINLINE VOID
ReceivePacketDescribeCommon(const XENNET_RECEIVED_PACKET *Packet, ULONG Length, NET_BUFFER_LIST *Nbl, ULONG Checksums)
{
    ReceivePacketReadData(Packet, Length, Nbl);
    ReceivePacketClearSlots(Nbl, RECEIVE_PACKET_SLOTS_650);
    NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) = (PVOID)(ULONG_PTR)Checksums;
    ReceivePacketReadHash(Packet->Hash, Nbl);
    ReceivePacketReadRest(Packet, Nbl);
}

// Segments of a coalesced packet of so many bytes, headers included.
FORCEINLINE ULONG
ReceivePacketSegments(ULONG Length, ULONG HeaderLength, ULONG SegmentSize)
{
    return (Length - HeaderLength + SegmentSize - 1) / SegmentSize;
}

C_ASSERT(FIELD_OFFSET(NDIS_RSC_NBL_INFO, Info.CoalescedSegCount) == 0);
C_ASSERT(RTL_FIELD_SIZE(NDIS_RSC_NBL_INFO, Info.CoalescedSegCount) == sizeof(USHORT));
C_ASSERT(RECEIVE_PACKET_MAX_COALESCED - ETHERNET_HEADER_SIZE - RECEIVE_PACKET_MIN_TCP_HEADER <= MAXUSHORT);

// Reports them to NDIS and to the statistics; they are several.
FORCEINLINE VOID
ReceivePacketReportSegments(ULONG Segments, ULONG Length, XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Nbl)
{
    Counters->CoalescedPackets++;
    Counters->CoalescedSegments += Segments;
    Counters->CoalescedOctets += Length;
    // CoalescedSegCount, which fewer segments than bytes fit; DupAckCount behind it is 0: a backend coalesces segments
    // with payload only, and an ACK that repeats another has none.
    NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) = (PVOID)(ULONG_PTR)Segments;
}

/*
 * What nearly every coalesced packet is: its IP header behind an Ethernet header without a tag, its TCP header right
 * behind that. The lengths are added up in 64 bits: none can overflow. Length: the packet's. Its MDLs hold it.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
ReceivePacketReadCoalesced(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet, ULONG Length,
                           XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Nbl)
{
    const XENNET_PACKET_INFO *Info = Packet->Info;
    ULONG Special = Packet->Special;
    ULONG64 Segment;
    ULONG HeaderLength;
    ULONG IpLength;
    ULONG Segments;
    ULONG Checksums;

    if (Info == NULL)
        return FALSE;
    // With a tag taken out, Special and so this is more than CommonSegment can be.
    HeaderLength = Info->Length;
    Segment = (ULONG64)HeaderLength + Special;
    IpLength = Info->IpHeader.Length;
    if (Segment > Limits->CommonSegment || Length <= Segment || Length > RECEIVE_PACKET_MAX_COALESCED ||
        Info->EthernetHeader.Length > ETHERNET_HEADER_SIZE || Info->IpOptions.Length != 0 ||
        Info->IpHeader.Offset != ETHERNET_HEADER_SIZE ||
        (Limits->Offload->CoalescedHeaders >> (IpLength & 63) & 1) == 0 ||
        Info->TcpHeader.Offset != ETHERNET_HEADER_SIZE + IpLength ||
        Info->TcpHeader.Length < RECEIVE_PACKET_MIN_TCP_HEADER ||
        (ULONG64)Info->TcpHeader.Offset + Info->TcpHeader.Length > HeaderLength)
        return FALSE;
    Checksums = ReceivePacketChecksums[Packet->Checksums.Value & RECEIVE_PACKET_CHECKSUM_MASK];
    if ((Checksums & RECEIVE_PACKET_UNCOMMON) != 0)
        return FALSE;
    Checksums &= Limits->ChecksumMask;
    // Whoever coalesces has looked at the IPv4 headers and made the one that goes up, whatever is switched on.
    if (IpLength != OFFLOAD_IPV6_HEADER)
        Checksums = (Checksums & ~CHECKSUM_IP_FAILED) | CHECKSUM_IP_SUCCEEDED;
    // CommonSegment is below 64 KB.
    Segments = ReceivePacketSegments(Length, HeaderLength, Special);
    ReceivePacketDescribeCommon(Packet, Length, Nbl, Checksums);
    ReceivePacketReportSegments(Segments, Length, Counters, Nbl);
    return TRUE;
}

/*
 * What nearly every other packet is: one frame in one or two MDLs without a tag. Nothing is called. Length: the
 * packet's. FALSE: another one, or one that cannot be; ReceivePacketRead knows.
 */
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
ReceivePacketReadCommon(const XENNET_RECEIVE_LIMITS *Limits, const XENNET_RECEIVED_PACKET *Packet, ULONG Length,
                        NET_BUFFER_LIST *Nbl)
{
    const MDL *Mdl = Packet->Mdl;
    ULONG64 End;
    ULONG Bytes;
    ULONG Checksums;

    // Unsigned: what is shorter than a header is too long.
    if (Length - ETHERNET_HEADER_SIZE >= Limits->CommonLengths || Mdl == NULL)
        return FALSE;
    Bytes = MmGetMdlByteCount(Mdl);
    End = (ULONG64)Packet->Offset + Length;
    if (End > Bytes && (Packet->Offset >= Bytes || !ReceivePacketSecondHolds(Mdl->Next, End, Bytes)))
        return FALSE;
    if (Packet->Info != NULL && Packet->Info->EthernetHeader.Length > ETHERNET_HEADER_SIZE)
        return FALSE;
    Checksums = ReceivePacketChecksums[Packet->Checksums.Value & RECEIVE_PACKET_CHECKSUM_MASK];
    if ((Checksums & RECEIVE_PACKET_UNCOMMON) != 0 && !ReceivePacketChecksumsHold(Packet))
        return FALSE;
    ReceivePacketDescribeCommon(Packet, Length, Nbl, Checksums & Limits->ChecksumMask);
    return TRUE;
}

#endif
