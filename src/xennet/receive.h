/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receive path: packets from XenVif to NDIS in batches, and NBLs back from NDIS.
 *
 * receive.c has the ownership rules; receive_packet.c turns one packet into an NBL.
 */
#ifndef XENNET_RECEIVE_H
#define XENNET_RECEIVE_H

#include <ndis.h>
#include "receive_counters.h"
#include "vif_packet.h"

struct _XENNET_CONTEXT;
struct _XENNET_OFFLOAD;
typedef struct _XENNET_RECEIVE XENNET_RECEIVE;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS ReceiveCreate(_In_ struct _XENNET_CONTEXT *Context, _In_ const struct _XENNET_OFFLOAD *Offload,
                          _Outptr_ XENNET_RECEIVE **Receive);

_IRQL_requires_(PASSIVE_LEVEL)
VOID ReceiveDestroy(_In_opt_ XENNET_RECEIVE *Receive);

// XenVif hands over one packet, which goes back with VifReturnPacket exactly once. Pause, where the version of VIF has
// it, is FALSE before. ReceiveQueueSpecial is for packets whose Special is not 0, ReceiveQueuePacket for the others:
// each saves no register for the other's sake.
_IRQL_requires_(DISPATCH_LEVEL)
VOID ReceiveQueueSpecial(_In_ XENNET_RECEIVE *Receive, _Inout_ XENNET_RECEIVED_PACKET *Packet);

_IRQL_requires_(DISPATCH_LEVEL)
VOID ReceiveQueuePacket(_In_ XENNET_RECEIVE *Receive, _Inout_ XENNET_RECEIVED_PACKET *Packet);

// Packets have at most so many bytes from now on, Ethernet header included, tag not.
VOID ReceiveSetFrameSize(_Inout_ XENNET_RECEIVE *Receive, _In_ ULONG MaximumFrameSize);

// UDP datagrams are joined from now on, or are not: OFFLOAD_URO*. What goes up is joined until ReceiveFlushAll ends.
VOID ReceiveSetCoalescing(_Inout_ XENNET_RECEIVE *Receive, _In_ ULONG Versions);

// The adapter's VLAN has changed.
VOID ReceiveSetVlan(_Inout_ XENNET_RECEIVE *Receive);

// Hands up all that was accepted so far: afterwards NDIS has whatever was received before the call.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReceiveFlushAll(_In_ XENNET_RECEIVE *Receive);

// After the state has left Running: returns what was accepted before. Afterwards nobody on any processor acts on the
// old state any more, in receiving or sending.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReceiveStop(_In_ XENNET_RECEIVE *Receive);

// NDIS gives NBLs back.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReceiveReturn(_In_ XENNET_RECEIVE *Receive, _In_ NET_BUFFER_LIST *Chain, _In_ ULONG ReturnFlags);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ReceiveReadCounters(_In_ XENNET_RECEIVE *Receive, _Out_ XENNET_RECEIVE_COUNTERS *Counters);

// Packets that are not back from NDIS; exact once no packets are accepted any more. VifDisable waits for all of them.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG64 ReceiveOutstanding(_In_ XENNET_RECEIVE *Receive);

// Index: below the adapter's ProcessorCount.
_IRQL_requires_max_(DISPATCH_LEVEL)
XENNET_QUEUE_COUNTERS ReceiveReadQueue(_In_ const XENNET_RECEIVE *Receive, _In_ ULONG Index);

#endif
