/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor of the receive path: what VIF and NDIS force on any driver, and nothing else. It stands in for receive.c,
 * receive_packet.c, nbl_pool.c and poll.c when scripts/check/instructions.py builds the driver that the real one is
 * compared with.
 *
 * For each packet it takes an NBL from a plain list, describes the packet in it (data, checksum, hash, tag, segments:
 * NBLs are used again, so every slot is written), and at the end of a batch calls NDIS once; for each NBL that comes
 * back it calls XenVif once. It checks nothing but the pieces of a coalesced packet, counts nothing, knows one
 * processor, and has as many NBLs as the loads need. No product.
 */
#include "receive.h"
#include "context.h"
#include "floor_poll.h"
#include "memory.h"

#define FLOOR_NBLS 256

struct _XENNET_RECEIVE {
    XENNET_CONTEXT *Context;
    NDIS_HANDLE NdisPool;
    NET_BUFFER_LIST *Free;
    NET_BUFFER_LIST *Head;
    NET_BUFFER_LIST *Tail;
    ULONG Count;
    FLOOR_POLL Poll;
};

static const ULONG FloorHashTypes[] = { 0, NDIS_HASH_IPV4, NDIS_HASH_TCP_IPV4, NDIS_HASH_IPV6, NDIS_HASH_TCP_IPV6 };

static VOID FloorFill(const XENNET_RECEIVED_PACKET *Packet, NET_BUFFER_LIST *Nbl)
{
    XENNET_PACKET_CHECKSUMS Flags = Packet->Checksums;
    const XENNET_PACKET_HASH *Hash = Packet->Hash;
    USHORT Tci = Packet->Tci;
    USHORT SegmentSize = Packet->MaximumSegmentSize;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Checksum;
    NDIS_NET_BUFFER_LIST_8021Q_INFO Tag;
    NDIS_RSC_NBL_INFO Rsc;
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);

    NET_BUFFER_FIRST_MDL(Nb) = Packet->Mdl;
    NET_BUFFER_CURRENT_MDL(Nb) = Packet->Mdl;
    NET_BUFFER_DATA_OFFSET(Nb) = Packet->Offset;
    NET_BUFFER_CURRENT_MDL_OFFSET(Nb) = Packet->Offset;
    NET_BUFFER_DATA_LENGTH(Nb) = Packet->Length;
    NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0] = Packet->Cookie;
    NET_BUFFER_LIST_STATUS(Nbl) = NDIS_STATUS_SUCCESS;
    NET_BUFFER_LIST_NBL_FLAGS(Nbl) = 0;

    // The slots of an NBL that was used before; those of the newest NDIS, where the floor is measured.
    RtlZeroMemory(&NET_BUFFER_LIST_INFO(Nbl, 0), (NetBufferListInfoReserved3) * sizeof(PVOID));
    Checksum.Value = NULL;
    Checksum.Receive.IpChecksumSucceeded = Flags.IpChecksumSucceeded;
    Checksum.Receive.IpChecksumFailed = Flags.IpChecksumFailed;
    Checksum.Receive.TcpChecksumSucceeded = Flags.TcpChecksumSucceeded;
    Checksum.Receive.TcpChecksumFailed = Flags.TcpChecksumFailed;
    Checksum.Receive.UdpChecksumSucceeded = Flags.UdpChecksumSucceeded;
    Checksum.Receive.UdpChecksumFailed = Flags.UdpChecksumFailed;
    NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) = Checksum.Value;

    Tag.Value = NULL;
    Tag.TagHeader.UserPriority = ETHERNET_TCI_PRIORITY(Tci);
    Tag.TagHeader.CanonicalFormatId = ETHERNET_TCI_FORMAT(Tci);
    Tag.TagHeader.VlanId = ETHERNET_TCI_VLAN(Tci);
    NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) = Tag.Value;

    if (Hash->Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ) {
        NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) =
            (PVOID)(ULONG_PTR)(FloorHashTypes[Hash->Type] | NdisHashFunctionToeplitz);
        NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, Hash->Value);
    } else {
        NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) = NULL;
        NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, 0);
    }

    Rsc.Value = NULL;
    if (SegmentSize != 0)
        Rsc.Info.CoalescedSegCount = (USHORT)((Packet->Length - Packet->Info->Length + SegmentSize - 1) / SegmentSize);
    NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) = Rsc.Value;
}

_Use_decl_annotations_
VOID ReceiveQueuePacket(XENNET_RECEIVE *Receive, XENNET_RECEIVED_PACKET *Packet)
{
    NET_BUFFER_LIST *Nbl = Receive->Free;
    NET_BUFFER_LIST *Chain;
    ULONG Count;

    Receive->Free = NET_BUFFER_LIST_NEXT_NBL(Nbl);
    NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
    FloorFill(Packet, Nbl);
    if (Receive->Tail == NULL)
        Receive->Head = Nbl;
    else
        NET_BUFFER_LIST_NEXT_NBL(Receive->Tail) = Nbl;
    Receive->Tail = Nbl;
    Receive->Count++;
    if (!Packet->More) {
        Chain = Receive->Head;
        Count = Receive->Count;
        Receive->Head = NULL;
        Receive->Tail = NULL;
        Receive->Count = 0;
        if (Receive->Poll.Handle != NULL) {
            FloorPollQueue(&Receive->Poll, Chain, Nbl, Count);
            return;
        }
        NdisMIndicateReceiveNetBufferLists(Receive->Context->NdisHandle, Chain, NDIS_DEFAULT_PORT_NUMBER, Count,
                                           NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
    }
}

// The chain holds the packet. NDIS and everybody above go by the packet's length and look for no end of the chain: who
// hands up what a backend has sent in pieces vouches for it, and cannot do that with less than one look at each piece.
static BOOLEAN FloorHolds(const MDL *Mdl, ULONG Length)
{
    ULONG Sum = 0;

    for (; Mdl != NULL; Mdl = Mdl->Next)
        Sum += MmGetMdlByteCount(Mdl);
    return Length <= Sum;
}

_Use_decl_annotations_
VOID ReceiveQueueSpecial(XENNET_RECEIVE *Receive, XENNET_RECEIVED_PACKET *Packet)
{
    if (FloorHolds(Packet->Mdl, Packet->Offset + Packet->Length))
        ReceiveQueuePacket(Receive, Packet);
    else
        VifReturnPacket(&Receive->Context->Vif, Packet->Cookie);
}

_Use_decl_annotations_
VOID ReceiveReturn(XENNET_RECEIVE *Receive, NET_BUFFER_LIST *Chain, ULONG ReturnFlags)
{
    NET_BUFFER_LIST *Nbl;

    UNREFERENCED_PARAMETER(ReturnFlags);
    while (Chain != NULL) {
        Nbl = Chain;
        Chain = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = Receive->Free;
        Receive->Free = Nbl;
        VifReturnPacket(&Receive->Context->Vif, NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)[0]);
    }
}

_Use_decl_annotations_
VOID ReceiveSetFrameSize(XENNET_RECEIVE *Receive, ULONG MaximumFrameSize)
{
    UNREFERENCED_PARAMETER(Receive);
    UNREFERENCED_PARAMETER(MaximumFrameSize);
}

_Use_decl_annotations_
VOID ReceiveSetCoalescing(XENNET_RECEIVE *Receive, ULONG Versions)
{
    UNREFERENCED_PARAMETER(Receive);
    UNREFERENCED_PARAMETER(Versions);
}

_Use_decl_annotations_
VOID ReceiveSetVlan(XENNET_RECEIVE *Receive)
{
    UNREFERENCED_PARAMETER(Receive);
}

_Use_decl_annotations_
VOID ReceiveFlushAll(XENNET_RECEIVE *Receive)
{
    UNREFERENCED_PARAMETER(Receive);
}

_Use_decl_annotations_
VOID ReceiveStop(XENNET_RECEIVE *Receive)
{
    // Nothing waits here between two callbacks.
    UNREFERENCED_PARAMETER(Receive);
}

_Use_decl_annotations_
ULONG64
ReceiveOutstanding(XENNET_RECEIVE *Receive)
{
    UNREFERENCED_PARAMETER(Receive);
    return 0;
}

_Use_decl_annotations_
VOID ReceiveReadCounters(XENNET_RECEIVE *Receive, XENNET_RECEIVE_COUNTERS *Counters)
{
    UNREFERENCED_PARAMETER(Receive);
    RtlZeroMemory(Counters, sizeof(*Counters));
}

_Use_decl_annotations_
XENNET_QUEUE_COUNTERS
ReceiveReadQueue(const XENNET_RECEIVE *Receive, ULONG Index)
{
    static const XENNET_QUEUE_COUNTERS None = { 0 };

    UNREFERENCED_PARAMETER(Receive);
    UNREFERENCED_PARAMETER(Index);
    return None;
}

_Use_decl_annotations_
NDIS_STATUS
ReceiveCreate(XENNET_CONTEXT *Context, const struct _XENNET_OFFLOAD *Offload, XENNET_RECEIVE **Result)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters;
    XENNET_RECEIVE *Receive;
    NET_BUFFER_LIST *Nbl;
    ULONG Index;

    UNREFERENCED_PARAMETER(Offload);

    *Result = NULL;
    Receive = MemoryAllocate(Context->NdisHandle, sizeof(*Receive));
    if (Receive == NULL)
        return NDIS_STATUS_RESOURCES;
    Receive->Context = Context;

    RtlZeroMemory(&Parameters, sizeof(Parameters));
    Parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Parameters.fAllocateNetBuffer = TRUE;
    Parameters.PoolTag = XENNET_TAG;
    Receive->NdisPool = NdisAllocateNetBufferListPool(Context->NdisHandle, &Parameters);
    for (Index = 0; Receive->NdisPool != NULL && Index < FLOOR_NBLS; Index++) {
        Nbl = NdisAllocateNetBufferAndNetBufferList(Receive->NdisPool, 0, 0, NULL, 0, 0);
        if (Nbl == NULL)
            break;
        Nbl->SourceHandle = Context->NdisHandle;
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = Receive->Free;
        Receive->Free = Nbl;
    }
    if (Index < FLOOR_NBLS) {
        ReceiveDestroy(Receive);
        return NDIS_STATUS_RESOURCES;
    }
    FloorPollCreate(Context, &Receive->Poll);
    *Result = Receive;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID ReceiveDestroy(XENNET_RECEIVE *Receive)
{
    NET_BUFFER_LIST *Nbl;

    if (Receive == NULL)
        return;
    FloorPollDestroy(&Receive->Poll);
    while ((Nbl = Receive->Free) != NULL) {
        Receive->Free = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
        NdisFreeNetBufferList(Nbl);
    }
    if (Receive->NdisPool != NULL)
        NdisFreeNetBufferListPool(Receive->NdisPool);
    MemoryFree(Receive);
}
