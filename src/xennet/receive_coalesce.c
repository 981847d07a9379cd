/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP coalescing. XenVif hands up a datagram with its headers in an MDL of their own and the payload in those behind:
 *
 *   NBL 1 --NB--> headers 1 --> payload 1 --.          NBL 1: NDIS has it, with all of the payload
 *     |                                     |
 *     '-joined-> NBL 2 --NB--> headers 2 .. '-> payload 2 --.      NBL 2, 3: kept by NBL 1, NDIS has not
 *                  '-> NBL 3 --NB--> headers 3 ............ '-> payload 3
 *
 * Lengths in the first headers become those of the whole, checksums zero, as Microsoft's page on URO has it. Nothing is
 * copied or allocated: every packet keeps the NBL that it came in, so that its cookie goes back with the others.
 *
 * Of one flow (addresses and ports) nothing overtakes: what does not fit ends what was joined before it, and what looks
 * like UDP and cannot be read as a plain datagram, with right checksums, ends all. At most as many flows are followed
 * at a time as a table on the stack has.
 *
 * The first words of an NB's MiniportReserved are, while its NBL is one of a batch that was joined or has come back,
 *   [0]  NBL 2 of NBL 1, NULL in any other one and, always, in one that is free
 *   [1]  the last MDL of the packet, once it was joined
 */
#include "receive_coalesce.h"
#include "datagram.h"
#include "ethernet.h"
#include "memory.h"
#include "offload_setting.h"

#define COALESCE_FLOWS 8

#define IPV4_FIRST 0x45 // version, and a header without options

// Bytes of all headers.
#define COALESCE_HEADERS4 (ETHERNET_HEADER_SIZE + OFFLOAD_IPV4_HEADER + UDP_HEADER)
#define COALESCE_HEADERS6 (ETHERNET_HEADER_SIZE + OFFLOAD_IPV6_HEADER + UDP_HEADER)

// Payload of the longest datagram that either header has a length for.
#define COALESCE_MAX_PAYLOAD OFFLOAD_MAX_DATAGRAM

// A datagram that may be joined: what was read of it.
typedef struct _COALESCE_DATAGRAM {
    NET_BUFFER_LIST *Nbl;
    UCHAR *Header; // Ethernet
    MDL *Payload;  // first and last MDL
    MDL *Tail;
    ULONG Length; // bytes of payload
    BOOLEAN Ipv4;
} COALESCE_DATAGRAM;

typedef struct _COALESCE_FLOW {
    COALESCE_DATAGRAM First; // its Nbl: NULL, this is free
    NET_BUFFER_LIST *LastNbl;
    MDL *Tail;
    ULONG Count;
    ULONG Total; // bytes of payload
} COALESCE_FLOW;

typedef struct _COALESCE_TABLE {
    COALESCE_FLOW Flows[COALESCE_FLOWS];
    ULONG Used;
    ULONG Next; // to be given up for another one
    XENNET_RECEIVE_COUNTERS *Counters;
} COALESCE_TABLE;

FORCEINLINE PVOID *
CoalesceReserved(NET_BUFFER_LIST *Nbl)
{
    return NET_BUFFER_MINIPORT_RESERVED(NET_BUFFER_LIST_FIRST_NB(Nbl));
}

FORCEINLINE ULONG
CoalesceGet32(const UCHAR *Bytes)
{
    ULONG Value;

    RtlCopyMemory(&Value, Bytes, sizeof(Value));
    return Value;
}

FORCEINLINE USHORT
CoalesceGet16(const UCHAR *Bytes)
{
    USHORT Value;

    RtlCopyMemory(&Value, Bytes, sizeof(Value));
    return Value;
}

// The MDLs behind the headers have the payload and no byte more.
static BOOLEAN
CoalesceFindPayload(COALESCE_DATAGRAM *Datagram, MDL *Headers)
{
    ULONG Left = Datagram->Length;
    MDL *Mdl = Headers;

    while (Left != 0) {
        Mdl = Mdl->Next;
        if (Mdl == NULL || MmGetMdlByteCount(Mdl) > Left)
            return FALSE;
        Left -= MmGetMdlByteCount(Mdl);
    }
    Datagram->Payload = Headers->Next;
    Datagram->Tail = Mdl;
    return Mdl->Next == NULL;
}

// IPv4 without options and fragments, its checksum right. Length: of the frame, as for the others.
static BOOLEAN
CoalesceIsIpv4(const UCHAR *Ip, ULONG Checksums, ULONG Length)
{
    return (Checksums & CHECKSUM_IP_SUCCEEDED) != 0 && Ip[0] == IPV4_FIRST && Ip[IPV4_PROTOCOL] == PROTOCOL_UDP &&
           (ETHERNET_READ16(Ip + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) == 0 &&
           ETHERNET_READ16(Ip + IPV4_LENGTH) == Length - ETHERNET_HEADER_SIZE;
}

// IPv6 without extension headers.
static BOOLEAN
CoalesceIsIpv6(const UCHAR *Ip, ULONG Length)
{
    return Ip[0] >> 4 == 6 && Ip[IPV6_NEXT] == PROTOCOL_UDP &&
           ETHERNET_READ16(Ip + IPV6_LENGTH) == Length - ETHERNET_HEADER_SIZE - OFFLOAD_IPV6_HEADER;
}

// Headers that may be joined, so many bytes of them, and that is all of them.
static BOOLEAN
CoalesceHeadersAreValid(ULONG Versions, ULONG Checksums, COALESCE_DATAGRAM *Datagram, ULONG Headers, ULONG Length)
{
    const UCHAR *Ip = Datagram->Header + ETHERNET_HEADER_SIZE;
    const UCHAR *Udp = Datagram->Header + Headers - UDP_HEADER;
    ULONG Type = ETHERNET_READ16(Datagram->Header + TYPE_AT);

    Datagram->Ipv4 = Headers == COALESCE_HEADERS4;
    if (Datagram->Ipv4) {
        if ((Versions & OFFLOAD_URO4) == 0 || Type != TYPE_IPV4 || !CoalesceIsIpv4(Ip, Checksums, Length))
            return FALSE;
    } else if ((Versions & OFFLOAD_URO6) == 0 || Type != TYPE_IPV6 || !CoalesceIsIpv6(Ip, Length)) {
        return FALSE;
    }
    // A datagram without a checksum stays what it is: the one that is made of several reports theirs as right.
    return ETHERNET_READ16(Udp + UDP_LENGTH) == Length - Headers + UDP_HEADER && CoalesceGet16(Udp + UDP_CHECKSUM) != 0;
}

// Reads a packet whose UDP checksum is right. FALSE: it is none that may be joined.
static BOOLEAN
CoalesceRead(ULONG Versions, ULONG Checksums, NET_BUFFER_LIST *Nbl, COALESCE_DATAGRAM *Datagram)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    MDL *Mdl = NET_BUFFER_CURRENT_MDL(Nb);
    ULONG Offset = NET_BUFFER_CURRENT_MDL_OFFSET(Nb);
    ULONG Length = NET_BUFFER_DATA_LENGTH(Nb);
    ULONG Headers = MmGetMdlByteCount(Mdl) - Offset;

    if ((Headers != COALESCE_HEADERS4 && Headers != COALESCE_HEADERS6) || Length <= Headers ||
        NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo) != NULL)
        return FALSE;
    Datagram->Nbl = Nbl;
    Datagram->Header = MemoryMap(Mdl);
    if (Datagram->Header == NULL)
        return FALSE;
    Datagram->Header += Offset;
    if (!CoalesceHeadersAreValid(Versions, Checksums, Datagram, Headers, Length))
        return FALSE;
    Datagram->Length = Length - Headers;
    return CoalesceFindPayload(Datagram, Mdl);
}

// Count: of bytes, even.
FORCEINLINE BOOLEAN
CoalesceIsSame(const UCHAR *One, const UCHAR *Other, ULONG Count)
{
    for (; Count >= sizeof(ULONG); Count -= sizeof(ULONG), One += sizeof(ULONG), Other += sizeof(ULONG)) {
        if (CoalesceGet32(One) != CoalesceGet32(Other))
            return FALSE;
    }
    return Count == 0 || CoalesceGet16(One) == CoalesceGet16(Other);
}

// Addresses and ports.
static BOOLEAN
CoalesceIsSameFlow(const COALESCE_DATAGRAM *One, const COALESCE_DATAGRAM *Other)
{
    ULONG Place = ETHERNET_HEADER_SIZE + (One->Ipv4 ? IPV4_FLOW : IPV6_FLOW);
    ULONG End = (One->Ipv4 ? COALESCE_HEADERS4 : COALESCE_HEADERS6) - UDP_HEADER + UDP_LENGTH;

    return One->Ipv4 == Other->Ipv4 && CoalesceIsSame(One->Header + Place, Other->Header + Place, End - Place);
}

// Whatever else the page wants to be the same of two datagrams of one flow: the Ethernet header, its tag, and those of
// the IP header that its reader would miss.
static BOOLEAN
CoalesceIsAlike(const COALESCE_DATAGRAM *One, const COALESCE_DATAGRAM *Other)
{
    const UCHAR *Ip1 = One->Header + ETHERNET_HEADER_SIZE;
    const UCHAR *Ip2 = Other->Header + ETHERNET_HEADER_SIZE;

    if (!CoalesceIsSame(One->Header, Other->Header, ETHERNET_HEADER_SIZE) ||
        NET_BUFFER_LIST_INFO(One->Nbl, Ieee8021QNetBufferListInfo) !=
            NET_BUFFER_LIST_INFO(Other->Nbl, Ieee8021QNetBufferListInfo) ||
        NET_BUFFER_LIST_INFO(One->Nbl, NetBufferListHashValue) !=
            NET_BUFFER_LIST_INFO(Other->Nbl, NetBufferListHashValue) ||
        NET_BUFFER_LIST_INFO(One->Nbl, NetBufferListHashInfo) !=
            NET_BUFFER_LIST_INFO(Other->Nbl, NetBufferListHashInfo))
        return FALSE;
    if (One->Ipv4)
        return Ip1[1] == Ip2[1] && Ip1[IPV4_TTL] == Ip2[IPV4_TTL] &&
               CoalesceGet16(Ip1 + IPV4_FRAGMENT) == CoalesceGet16(Ip2 + IPV4_FRAGMENT);
    return CoalesceGet32(Ip1) == CoalesceGet32(Ip2) && Ip1[IPV6_HOPS] == Ip2[IPV6_HOPS];
}

// Nothing is joined to this one any more: its headers become those of the whole.
static VOID
CoalesceEnd(COALESCE_TABLE *Table, COALESCE_FLOW *Flow)
{
    NET_BUFFER_LIST *Nbl = Flow->First.Nbl;
    UCHAR *Ip = Flow->First.Header + ETHERNET_HEADER_SIZE;
    UCHAR *Udp = Ip + (Flow->First.Ipv4 ? OFFLOAD_IPV4_HEADER : OFFLOAD_IPV6_HEADER);
    NDIS_UDP_RSC_OFFLOAD_NET_BUFFER_LIST_INFO Info;

    Flow->First.Nbl = NULL;
    if (Flow->Count == 1)
        return;
    if (Flow->First.Ipv4) {
        DatagramPut16(Ip + IPV4_LENGTH, OFFLOAD_IPV4_HEADER + UDP_HEADER + Flow->Total);
        DatagramPut16(Ip + IPV4_CHECKSUM, 0);
    } else {
        DatagramPut16(Ip + IPV6_LENGTH, UDP_HEADER + Flow->Total);
    }
    DatagramPut16(Udp + UDP_LENGTH, UDP_HEADER + Flow->Total);
    DatagramPut16(Udp + UDP_CHECKSUM, 0);
    NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(Nbl)) += Flow->Total - Flow->First.Length;
    Info.Value = NULL;
    Info.Receive.SegCount = (USHORT)Flow->Count;
    Info.Receive.SegSize = (USHORT)Flow->First.Length;
    NET_BUFFER_LIST_INFO(Nbl, UdpRecvSegCoalesceOffloadInfo) = Info.Value;
    Table->Counters->JoinedPackets++;
    Table->Counters->JoinedDatagrams += Flow->Count;
}

static VOID
CoalesceEndAll(COALESCE_TABLE *Table)
{
    ULONG Index;

    for (Index = 0; Index < Table->Used; Index++) {
        if (Table->Flows[Index].First.Nbl != NULL)
            CoalesceEnd(Table, &Table->Flows[Index]);
    }
    Table->Used = 0;
}

// The flow that this datagram is one of; NULL: none that is followed.
static COALESCE_FLOW *
CoalesceFind(COALESCE_TABLE *Table, const COALESCE_DATAGRAM *Datagram)
{
    ULONG Index;

    for (Index = 0; Index < Table->Used; Index++) {
        if (Table->Flows[Index].First.Nbl != NULL && CoalesceIsSameFlow(&Table->Flows[Index].First, Datagram))
            return &Table->Flows[Index];
    }
    return NULL;
}

// A place for another flow, for which the oldest one may have to go.
static COALESCE_FLOW *
CoalescePlace(COALESCE_TABLE *Table)
{
    COALESCE_FLOW *Flow;

    if (Table->Used < COALESCE_FLOWS)
        return &Table->Flows[Table->Used++];
    Flow = &Table->Flows[Table->Next];
    Table->Next = (Table->Next + 1) % COALESCE_FLOWS;
    if (Flow->First.Nbl != NULL)
        CoalesceEnd(Table, Flow);
    return Flow;
}

static VOID
CoalesceBegin(COALESCE_FLOW *Flow, const COALESCE_DATAGRAM *Datagram)
{
    Flow->First = *Datagram;
    Flow->LastNbl = Datagram->Nbl;
    Flow->Tail = Datagram->Tail;
    Flow->Count = 1;
    Flow->Total = Datagram->Length;
}

static VOID
CoalesceJoin(COALESCE_FLOW *Flow, const COALESCE_DATAGRAM *Datagram)
{
    NET_BUFFER_LIST *Nbl = Datagram->Nbl;

    if (Flow->Count == 1) {
        CoalesceReserved(Flow->First.Nbl)[0] = Nbl;
        CoalesceReserved(Flow->First.Nbl)[1] = Flow->Tail;
    } else {
        NET_BUFFER_LIST_NEXT_NBL(Flow->LastNbl) = Nbl;
    }
    NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
    CoalesceReserved(Nbl)[1] = Datagram->Tail;
    Flow->Tail->Next = Datagram->Payload;
    Flow->Tail = Datagram->Tail;
    Flow->LastNbl = Nbl;
    Flow->Count++;
    Flow->Total += Datagram->Length;
}

// TRUE: the datagram was joined to one before it.
static BOOLEAN
CoalesceTake(COALESCE_TABLE *Table, const COALESCE_DATAGRAM *Datagram)
{
    COALESCE_FLOW *Flow = CoalesceFind(Table, Datagram);

    if (Flow == NULL) {
        CoalesceBegin(CoalescePlace(Table), Datagram);
        return FALSE;
    }
    if (Datagram->Length > Flow->First.Length || Flow->Total + Datagram->Length > COALESCE_MAX_PAYLOAD ||
        !CoalesceIsAlike(&Flow->First, Datagram)) {
        CoalesceEnd(Table, Flow);
        CoalesceBegin(Flow, Datagram);
        return FALSE;
    }
    CoalesceJoin(Flow, Datagram);
    // A shorter one is the last.
    if (Datagram->Length < Flow->First.Length)
        CoalesceEnd(Table, Flow);
    return TRUE;
}

_Use_decl_annotations_
NET_BUFFER_LIST *
CoalesceBatch(ULONG Versions, XENNET_RECEIVE_COUNTERS *Counters, NET_BUFFER_LIST *Chain, ULONG *Count)
{
    NET_BUFFER_LIST *Last = NULL;
    NET_BUFFER_LIST *Nbl;
    NET_BUFFER_LIST *Next;
    COALESCE_DATAGRAM Datagram;
    COALESCE_TABLE Table;
    ULONG Checksums;

    Table.Used = 0;
    Table.Next = 0;
    Table.Counters = Counters;
    for (Nbl = Chain; Nbl != NULL; Nbl = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        Checksums = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo);
        if ((Checksums & CHECKSUM_UDP_SUCCEEDED) != 0) {
            if (!CoalesceRead(Versions, Checksums, Nbl, &Datagram)) {
                CoalesceEndAll(&Table);
            } else if (CoalesceTake(&Table, &Datagram)) {
                NET_BUFFER_LIST_NEXT_NBL(Last) = Next;
                (*Count)--;
                continue;
            }
        } else if ((Checksums & CHECKSUM_TCP_SUCCEEDED) == 0 && Table.Used != 0) {
            CoalesceEndAll(&Table);
        }
        Last = Nbl;
    }
    CoalesceEndAll(&Table);
    return Last;
}

_Use_decl_annotations_
NET_BUFFER_LIST *
CoalesceUndoOne(NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER_LIST *Next = NET_BUFFER_LIST_NEXT_NBL(Nbl);
    NET_BUFFER_LIST *Joined = CoalesceReserved(Nbl)[0];

    CoalesceReserved(Nbl)[0] = NULL;
    NET_BUFFER_LIST_NEXT_NBL(Nbl) = Joined;
    for (; Joined != NULL; Joined = NET_BUFFER_LIST_NEXT_NBL(Nbl)) {
        ((MDL *)CoalesceReserved(Nbl)[1])->Next = NULL;
        Nbl = Joined;
    }
    ((MDL *)CoalesceReserved(Nbl)[1])->Next = NULL;
    NET_BUFFER_LIST_NEXT_NBL(Nbl) = Next;
    return Nbl;
}
