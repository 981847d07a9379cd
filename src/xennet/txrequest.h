/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One NBL to send: what its out-of-band data asks for, in XenVif's terms, and whether that can be done.
 * Called by transmit.c only, at DISPATCH, without side effects.
 */
#ifndef XENNET_TXREQUEST_H
#define XENNET_TXREQUEST_H

#include <ndis.h>
#include "offload.h"
#include "transmit.h"
#include "vif_interface.h"
#include "vlan.h"

// What an NBL is measured against. Immutable after TransmitCreate.
typedef struct _TX_LIMITS {
    const XENNET_OFFLOAD *Offload;          // what may be asked for at the moment
    ULONG MaximumLength;                    // of one frame that is not to be segmented, tag included
    ULONG MaximumLargeLength;
    BOOLEAN SingleQueue;
    const XENNET_VLAN *Vlan;
} TX_LIMITS;

// How the NBs of one NBL are to be sent.
typedef struct _TX_REQUEST {
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options;
    USHORT MaximumSegmentSize;
    USHORT Tci;
    ULONG TcpHeaderOffset;
    BOOLEAN LsoV1;                      // completes with the payload sent
    ULONG MaximumLength;
    XENVIF_PACKET_HASH_V2 Hash;
} TX_REQUEST;

// Fills Request and Count (NBs), or says why the NBL cannot be sent and which counter that belongs to.
_IRQL_requires_(DISPATCH_LEVEL)
NDIS_STATUS TxRequestRead(_In_ const TX_LIMITS *Limits, _In_ NET_BUFFER_LIST *Nbl, _Out_ TX_REQUEST *Request,
                          _Out_ LONG *Count, _Out_ XENNET_TRANSMIT_DROP *Reason);

/*
 * XenVif takes an MSS up to the payload's length, which makes one segment of it and still sets the lengths that a
 * large send leaves open. Lowers the MSS to that; FALSE where there is no payload at all.
 */
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN TxFitSegment(_In_ const NET_BUFFER *Nb, _In_ ULONG TcpHeaderOffset, _Inout_ USHORT *MaximumSegmentSize);

// XenVif sends both to the same ring for certain, so the first may wait for the second (More).
BOOLEAN TxSameRing(_In_ const XENVIF_PACKET_HASH_V2 *First, _In_ const XENVIF_PACKET_HASH_V2 *Second);

#endif
