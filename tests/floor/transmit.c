/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor of the send path: what VIF and NDIS force on any driver, and nothing else. It stands in for transmit*.c and
 * segment*.c when scripts/check/instructions.py builds the driver that the real one is compared with.
 *
 * For each NBL it reads the out-of-band data, which VIF takes as options; for each NB it calls XenVif once; for each
 * completion it counts the NB off and, after the last one that is out, calls NDIS once. It checks nothing, counts
 * nothing for statistics, knows one processor and one queue, and would lose its way on more. No product: nothing but
 * the count of instructions is run on it.
 */
#include "transmit.h"
#include "context.h"
#include "lock.h"
#include "memory.h"

struct _XENNET_TRANSMIT {
    XENNET_CONTEXT *Context;
    NET_BUFFER_LIST *DoneHead;
    NET_BUFFER_LIST *DoneTail;
    LONG Outstanding; // NBs
};

static VOID FloorReadHash(NET_BUFFER_LIST *Nbl, XENNET_PACKET_HASH *Hash)
{
    ULONG Information = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo);

    Hash->Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    Hash->Type = XENVIF_PACKET_HASH_TYPE_NONE;
    Hash->Value = 0;
    if (Information == 0)
        return;
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
    default:
        Hash->Type = XENVIF_PACKET_HASH_TYPE_IPV6;
        break;
    }
}

static XENNET_OFFLOAD_OPTIONS FloorReadOptions(NET_BUFFER_LIST *Nbl, USHORT *SegmentSize, USHORT *Tci)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    NDIS_NET_BUFFER_LIST_8021Q_INFO Tag;
    XENNET_OFFLOAD_OPTIONS Options;

    Options.Value = 0;
    Checksum.Value = NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo);
    if (Checksum.Transmit.IsIPv4) {
        Options.OffloadIpVersion4HeaderChecksum = Checksum.Transmit.IpHeaderChecksum;
        Options.OffloadIpVersion4TcpChecksum = Checksum.Transmit.TcpChecksum;
        Options.OffloadIpVersion4UdpChecksum = Checksum.Transmit.UdpChecksum;
    } else if (Checksum.Transmit.IsIPv6) {
        Options.OffloadIpVersion6TcpChecksum = Checksum.Transmit.TcpChecksum;
        Options.OffloadIpVersion6UdpChecksum = Checksum.Transmit.UdpChecksum;
    }

    Tag.Value = NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo);
    *Tci = 0;
    if (Tag.Value != NULL) {
        *Tci = (USHORT)ETHERNET_TCI(Tag.TagHeader.UserPriority, Tag.TagHeader.CanonicalFormatId, Tag.TagHeader.VlanId);
        Options.OffloadTagManipulation = 1;
    }

    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    *SegmentSize = (USHORT)Lso.LsoV2Transmit.MSS;
    if (Lso.LsoV2Transmit.MSS != 0) {
        if (Lso.LsoV2Transmit.IPVersion == NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4) {
            Options.OffloadIpVersion4LargePacket = 1;
            Options.OffloadIpVersion4HeaderChecksum = 1;
            Options.OffloadIpVersion4TcpChecksum = 1;
        } else {
            Options.OffloadIpVersion6LargePacket = 1;
            Options.OffloadIpVersion6TcpChecksum = 1;
        }
    }
    return Options;
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID FloorSendList(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, BOOLEAN MoreAfter)
{
    XENNET_OFFLOAD_OPTIONS Options;
    XENNET_PACKET_HASH Hash;
    NET_BUFFER *Nb;
    NET_BUFFER *Next;
    USHORT SegmentSize;
    USHORT Tci;
    LONG Count = 0;

    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = NET_BUFFER_NEXT_NB(Nb))
        Count++;
    *(LONG *)NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl) = Count;
    Transmit->Outstanding += Count;

    FloorReadHash(Nbl, &Hash);
    Options = FloorReadOptions(Nbl, &SegmentSize, &Tci);
    for (Nb = NET_BUFFER_LIST_FIRST_NB(Nbl); Nb != NULL; Nb = Next) {
        Next = NET_BUFFER_NEXT_NB(Nb);
        (VOID) VifTransmitPacket(&Transmit->Context->Vif, NET_BUFFER_CURRENT_MDL(Nb), NET_BUFFER_CURRENT_MDL_OFFSET(Nb),
                                 NET_BUFFER_DATA_LENGTH(Nb), Options, SegmentSize, Tci, &Hash,
                                 (BOOLEAN)(Next != NULL || MoreAfter), Nbl);
    }
}

_Use_decl_annotations_
VOID TransmitSend(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Chain, ULONG SendFlags)
{
    BOOLEAN AtDispatch = NDIS_TEST_SEND_AT_DISPATCH_LEVEL(SendFlags) != 0;
    NET_BUFFER_LIST *Nbl;
    KIRQL Irql;

    Irql = IrqlRaise(AtDispatch);
    while (Chain != NULL) {
        Nbl = Chain;
        Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
        FloorSendList(Transmit, Nbl, (BOOLEAN)(Chain != NULL));
    }
    IrqlLower(Irql);
}

_Use_decl_annotations_
VOID TransmitReturnPacket(XENNET_TRANSMIT *Transmit, PVOID Cookie, XENNET_COMPLETION *Completion)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO *Lso;
    NET_BUFFER_LIST *Nbl = Cookie;
    NET_BUFFER_LIST *Chain;

    if (--*(LONG *)NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl) == 0) {
        NET_BUFFER_LIST_STATUS(Nbl) =
            Completion->Status == XENVIF_TRANSMITTER_PACKET_OK ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
        Lso = (NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO *)&NET_BUFFER_LIST_INFO(Nbl,
                                                                                        TcpLargeSendNetBufferListInfo);
        if (Lso->Value != NULL) {
            Lso->LsoV2TransmitComplete.Reserved = 0;
            Lso->LsoV2TransmitComplete.Reserved2 = 0;
        }
        if (Transmit->DoneTail == NULL)
            Transmit->DoneHead = Nbl;
        else
            NET_BUFFER_LIST_NEXT_NBL(Transmit->DoneTail) = Nbl;
        Transmit->DoneTail = Nbl;
    }
    if (--Transmit->Outstanding == 0) {
        Chain = Transmit->DoneHead;
        Transmit->DoneHead = NULL;
        Transmit->DoneTail = NULL;
        NdisMSendNetBufferListsComplete(Transmit->Context->NdisHandle, Chain, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    }
}

_Use_decl_annotations_
VOID TransmitReadCounters(XENNET_TRANSMIT *Transmit, XENNET_TRANSMIT_COUNTERS *Counters)
{
    UNREFERENCED_PARAMETER(Transmit);
    RtlZeroMemory(Counters, sizeof(*Counters));
}

_Use_decl_annotations_
VOID TransmitSetOffload(XENNET_TRANSMIT *Transmit)
{
    UNREFERENCED_PARAMETER(Transmit);
}

_Use_decl_annotations_
VOID TransmitSetFrameSize(XENNET_TRANSMIT *Transmit, ULONG MaximumFrameSize)
{
    UNREFERENCED_PARAMETER(Transmit);
    UNREFERENCED_PARAMETER(MaximumFrameSize);
}

_Use_decl_annotations_
VOID TransmitSetVlan(XENNET_TRANSMIT *Transmit)
{
    UNREFERENCED_PARAMETER(Transmit);
}

_Use_decl_annotations_
VOID TransmitSetAge(XENNET_TRANSMIT *Transmit, ULONG Age)
{
    UNREFERENCED_PARAMETER(Transmit);
    UNREFERENCED_PARAMETER(Age);
}

_Use_decl_annotations_
VOID TransmitSetQueues(XENNET_TRANSMIT *Transmit, ULONG QueueCount, BOOLEAN Mapped, BOOLEAN Stray)
{
    UNREFERENCED_PARAMETER(Transmit);
    UNREFERENCED_PARAMETER(QueueCount);
    UNREFERENCED_PARAMETER(Mapped);
    UNREFERENCED_PARAMETER(Stray);
}

_Use_decl_annotations_
ULONG64
TransmitOutstanding(XENNET_TRANSMIT *Transmit)
{
    return (ULONG64)Transmit->Outstanding;
}

_Use_decl_annotations_
ULONG64
TransmitOutOfAge(XENNET_TRANSMIT *Transmit, ULONG Age)
{
    UNREFERENCED_PARAMETER(Transmit);
    UNREFERENCED_PARAMETER(Age);
    return 0;
}

_Use_decl_annotations_
VOID TransmitPush(XENNET_TRANSMIT *Transmit)
{
    UNREFERENCED_PARAMETER(Transmit);
}

_Use_decl_annotations_
BOOLEAN TransmitIsPushed(XENNET_TRANSMIT *Transmit)
{
    UNREFERENCED_PARAMETER(Transmit);
    return TRUE;
}

_Use_decl_annotations_
VOID TransmitHoldAll(XENNET_TRANSMIT *Transmit)
{
    UNREFERENCED_PARAMETER(Transmit);
}

_Use_decl_annotations_
VOID TransmitNoteStall(XENNET_TRANSMIT *Transmit)
{
    UNREFERENCED_PARAMETER(Transmit);
}

_Use_decl_annotations_
VOID TransmitDefer(XENNET_TRANSMIT *Transmit, BOOLEAN Deferred)
{
    UNREFERENCED_PARAMETER(Transmit);
    UNREFERENCED_PARAMETER(Deferred);
}

_Use_decl_annotations_
BOOLEAN TransmitDrain(XENNET_TRANSMIT *Transmit, ULONG Naps)
{
    // VifDisable has returned everything, and the last completion called NDIS.
    UNREFERENCED_PARAMETER(Transmit);
    UNREFERENCED_PARAMETER(Naps);
    return TRUE;
}

_Use_decl_annotations_
NDIS_STATUS
TransmitCreate(XENNET_CONTEXT *Context, const struct _XENNET_OFFLOAD *Offload, XENNET_TRANSMIT **Result)
{
    UNREFERENCED_PARAMETER(Offload);

    *Result = MemoryAllocate(Context->NdisHandle, sizeof(**Result));
    if (*Result == NULL)
        return NDIS_STATUS_RESOURCES;
    (*Result)->Context = Context;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID TransmitDestroy(XENNET_TRANSMIT *Transmit)
{
    MemoryFree(Transmit);
}
