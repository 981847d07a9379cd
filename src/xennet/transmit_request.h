/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One NBL to send: what its out-of-band data asks for, in XenVif's terms, and whether that can be done. Offloads that
 * were never offered, frames that no backend takes and segment sizes that make no sense end here, before anything is
 * queued.
 *
 * Called by transmit.c only, at DISPATCH. What nearly every NBL is, is read inline (TransmitRequestReadCommon); what
 * that does not take, valid or not, is read again from the beginning in transmit_request.c.
 */
#ifndef XENNET_TRANSMIT_REQUEST_H
#define XENNET_TRANSMIT_REQUEST_H

#include <ndis.h>
#include "memory.h"
#include "offload_setting.h"
#include "transmit_counters.h"
#include "vif_packet.h"
#include "vlan.h"

#define MAX_TCP_HEADER        60
#define MAX_TCP_HEADER_OFFSET 1023 // of large sends: ten bits

struct _XENNET_CONTEXT;

// What an NBL is measured against: single words, some of which change with the backend, the queues or the settings.
typedef struct _XENNET_TRANSMIT_LIMITS {
    const XENNET_OFFLOAD *Offload; // what may be asked for at the moment
    const XENNET_VLAN *Vlan;
    ULONG SegmentSlot;   // where an NBL asks for UDP segments, in bytes from its start; else that of its tag
    ULONG Refused;       // options that a packet may not ask for
    ULONG MaximumLength; // of one frame that is not to be segmented, tag included
    ULONG MaximumLargeLength;
    ULONG Stamps;                 // TIMESTAMP_* that are on for sends
    ULONG MaximumSegmentSize;     // MSS of segments that are such frames
    ULONG CommonLengths;          // that TransmitRequestReadCommon takes, from the header's on; 0: none
    ULONG CommonLargeLength;      // the longest large send that it takes; 0: none
    volatile ULONG HashFunction;  // whose values may pick a queue: Toeplitz, or none that exists
    XENNET_PACKET_HASH PlainHash; // of packets without such a value; XenVif reads it
} XENNET_TRANSMIT_LIMITS;

// How an NB is to be sent. It lies in the NB's MiniportReserved from TransmitRequestRead on.
typedef union _XENNET_TRANSMIT_REQUEST {
    struct {
        XENNET_OFFLOAD_OPTIONS Options;
        USHORT MaximumSegmentSize; // 0: not to be segmented
        USHORT Tci;
        USHORT Uncommon; // it was not read by TransmitRequestReadCommon
    };
    ULONG64 Value; // all of it, for one store
} XENNET_TRANSMIT_REQUEST;

C_ASSERT(sizeof(XENNET_TRANSMIT_REQUEST) <= RTL_FIELD_SIZE(NET_BUFFER, MiniportReserved));

// The options, as bits of XENNET_OFFLOAD_OPTIONS.
#define TRANSMIT_REQUEST_LARGE4 0x0002
#define TRANSMIT_REQUEST_IP4    0x0004
#define TRANSMIT_REQUEST_TCP4   0x0008
#define TRANSMIT_REQUEST_UDP4   0x0010
#define TRANSMIT_REQUEST_LARGE6 0x0020
#define TRANSMIT_REQUEST_TCP6   0x0040
#define TRANSMIT_REQUEST_UDP6   0x0080

// By the low bits of what an NBL asks of checksums: the options for it. By the hash type, shifted: XenVif's type.
#define TRANSMIT_REQUEST_CHECKSUM_MASK 0x1F
#define TRANSMIT_REQUEST_TYPE_SHIFT    8
#define TRANSMIT_REQUEST_TYPE_MASK     0x1F

extern IMAGE_DATA const UCHAR TransmitRequestChecksums[TRANSMIT_REQUEST_CHECKSUM_MASK + 1];
extern IMAGE_DATA const UCHAR TransmitRequestHashTypes[TRANSMIT_REQUEST_TYPE_MASK + 1];

#define TRANSMIT_REQUEST_SLOT(_Id) ((ULONG)FIELD_OFFSET(NET_BUFFER_LIST, NetBufferListInfo[_Id]))

VOID TransmitLimitsSet(_Out_ XENNET_TRANSMIT_LIMITS *Limits, _In_ const struct _XENNET_CONTEXT *Context,
                       _In_ const XENNET_OFFLOAD *Offload);

// After a change of what Offload allows.
VOID TransmitLimitsSetOffload(_Inout_ XENNET_TRANSMIT_LIMITS *Limits);

// Bytes of one frame, Ethernet header included, tag not.
VOID TransmitLimitsSetFrameSize(_Inout_ XENNET_TRANSMIT_LIMITS *Limits, _In_ ULONG MaximumFrameSize);

// After a change of the adapter's VLAN.
VOID TransmitLimitsSetVlan(_Inout_ XENNET_TRANSMIT_LIMITS *Limits);

// Mapped: XenVif's table names only queues that there are.
VOID TransmitLimitsSetQueues(_Inout_ XENNET_TRANSMIT_LIMITS *Limits, _In_ ULONG QueueCount, _In_ BOOLEAN Mapped);

// Any NBL: fills the request of each NB and counts them. What a large send reports when it completes takes the place of
// what it asked for. Anything but NDIS_STATUS_SUCCESS: the NBL cannot be sent, for Reason.
_IRQL_requires_(DISPATCH_LEVEL)
NDIS_STATUS TransmitRequestRead(_In_ const XENNET_TRANSMIT_LIMITS *Limits, _Inout_ NET_BUFFER_LIST *Nbl,
                                _Out_ LONG *Count, _Out_ XENNET_TRANSMIT_DROP *Reason);

// The tag that goes into the frames of an NBL. FALSE: of a VLAN that is not the adapter's.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TransmitRequestReadTag(_In_ const XENNET_TRANSMIT_LIMITS *Limits, _In_ NET_BUFFER_LIST *Nbl,
                               _Inout_ XENNET_TRANSMIT_REQUEST *Request);

// What NDIS finds in the out-of-band data of a large send that failed, whether it was read or not.
VOID TransmitRequestSetFailed(_Inout_ NET_BUFFER_LIST *Nbl);

FORCEINLINE XENNET_TRANSMIT_REQUEST *
TransmitRequestOf(NET_BUFFER *Nb)
{
    return (XENNET_TRANSMIT_REQUEST *)NET_BUFFER_MINIPORT_RESERVED(Nb);
}

// TransmitRequestReadCommon has read it: it is the only NB of its NBL, and has no tag.
FORCEINLINE BOOLEAN
TransmitRequestIsCommon(NET_BUFFER *Nb)
{
    return !TransmitRequestOf(Nb)->Uncommon;
}

// NDIS computed a hash for RSS, and its value picks the queue. Function: HashFunction, read once for a chain.
FORCEINLINE BOOLEAN
TransmitRequestHasHash(ULONG Function, NET_BUFFER_LIST *Nbl)
{
    ULONG Information = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo);

    return (Information & NDIS_HASH_FUNCTION_MASK) == Function;
}

// The hash of such an NBL. A type that XenVif has no name for still picks a ring by its value.
FORCEINLINE VOID
TransmitRequestReadHash(NET_BUFFER_LIST *Nbl, XENNET_PACKET_HASH *Hash)
{
    ULONG Information = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo);

    Hash->Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    Hash->Type = (XENVIF_PACKET_HASH_TYPE)
        TransmitRequestHashTypes[(Information >> TRANSMIT_REQUEST_TYPE_SHIFT) & TRANSMIT_REQUEST_TYPE_MASK];
    Hash->Value = NET_BUFFER_LIST_GET_HASH_VALUE(Nbl);
}

// What an NBL asks for by way of UDP segments, or its tag where NDIS has no place for that.
FORCEINLINE PVOID
TransmitRequestSegments(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl)
{
    return *(PVOID *)((PUCHAR)Nbl + Limits->SegmentSlot);
}

// Not anything that is switched off at the moment or never was there.
FORCEINLINE BOOLEAN
TransmitRequestIsAllowed(const XENNET_TRANSMIT_LIMITS *Limits, ULONG Asked)
{
    return (Asked & Limits->Refused) == 0;
}

// What a large send of version 2 asks for by being one, and the checksums that XenVif sets in every segment, whether
// requested or not; setting their bits shows it.
FORCEINLINE ULONG
TransmitRequestLargeOptions(NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso)
{
    return Lso.LsoV2Transmit.IPVersion == NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4
               ? TRANSMIT_REQUEST_LARGE4 | TRANSMIT_REQUEST_IP4 | TRANSMIT_REQUEST_TCP4
               : TRANSMIT_REQUEST_LARGE6 | TRANSMIT_REQUEST_TCP6;
}

// What a large send of version 2 reports when it completes: the type bit and nothing else.
FORCEINLINE PVOID
TransmitRequestResultV2(VOID)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;

    Lso.Value = NULL;
    Lso.LsoV2TransmitComplete.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    return Lso.Value;
}

/*
 * Reads what nearly every NBL is: one NB without a tag, to be sent as it is or as a large send of version 2 whose
 * payload is longer than the MSS wherever its headers end. FALSE: another one, one that cannot be sent, or one for
 * which fewer checksums are switched on than XenVif sets; nothing was done, and TransmitRequestRead knows.
 */
FORCEINLINE BOOLEAN
TransmitRequestReadCommon(const XENNET_TRANSMIT_LIMITS *Limits, NET_BUFFER_LIST *Nbl, XENNET_TRANSMIT_REQUEST *Request)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Lso;
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    ULONG Options =
        TransmitRequestChecksums[(ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) &
                                 TRANSMIT_REQUEST_CHECKSUM_MASK];
    ULONG Segment;

    // At once: a tag, UDP segments, a second NB.
    if (UNLIKELY(Nb == NULL ||
                 ((ULONG_PTR)TransmitRequestSegments(Limits, Nbl) |
                  (ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, Ieee8021QNetBufferListInfo) |
                  (ULONG_PTR)NET_BUFFER_NEXT_NB(Nb)) != 0 ||
                 NET_BUFFER_CURRENT_MDL(Nb) == NULL))
        return FALSE;
    Lso.Value = NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo);
    if (Lso.Value == NULL) {
        // Unsigned: what is shorter than a header is too long.
        if (UNLIKELY(NET_BUFFER_DATA_LENGTH(Nb) - ETHERNET_HEADER_SIZE >= Limits->CommonLengths ||
                     !TransmitRequestIsAllowed(Limits, Options)))
            return FALSE;
        Request->Value = Options;
        return TRUE;
    }
    Segment = Lso.LsoV2Transmit.MSS;
    Options |= TransmitRequestLargeOptions(Lso);
    // Unsigned: an MSS of 0 is too large.
    if (UNLIKELY(Lso.LsoV2Transmit.Type != NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE ||
                 Segment - 1 >= Limits->MaximumSegmentSize ||
                 NET_BUFFER_DATA_LENGTH(Nb) <= MAX_TCP_HEADER_OFFSET + MAX_TCP_HEADER + Segment ||
                 NET_BUFFER_DATA_LENGTH(Nb) > Limits->CommonLargeLength || !TransmitRequestIsAllowed(Limits, Options)))
        return FALSE;
    Request->Value = Options | Segment << 16;
    NET_BUFFER_LIST_INFO(Nbl, TcpLargeSendNetBufferListInfo) = TransmitRequestResultV2();
    return TRUE;
}

#endif
