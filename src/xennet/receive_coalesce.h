/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP coalescing (URO): datagrams of one flow and size that came in one batch go up as one NBL, whose MDL chain has the
 * headers of the first and the payloads of all. receive_coalesce.c has the rules and the picture.
 *
 * Called by receive.c, once for each batch that goes up and for each chain that comes back while any may be joined.
 * IRQL: DISPATCH. No locks.
 */
#ifndef XENNET_RECEIVE_COALESCE_H
#define XENNET_RECEIVE_COALESCE_H

#include <ndis.h>
#include "receive_counters.h"
#include "receive_packet.h"

// An NBL that was made is not a joined one.
FORCEINLINE VOID
CoalesceInitialize(NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER_MINIPORT_RESERVED(NET_BUFFER_LIST_FIRST_NB(Nbl))[0] = NULL;
}

// Others were joined to this one.
FORCEINLINE BOOLEAN
CoalesceIsJoined(NET_BUFFER_LIST *Nbl)
{
    return NET_BUFFER_MINIPORT_RESERVED(NET_BUFFER_LIST_FIRST_NB(Nbl))[0] != NULL;
}

// There are two packets at least in the batch whose UDP checksum is right: others are not joined.
FORCEINLINE BOOLEAN
CoalesceIsWorthwhile(NET_BUFFER_LIST *Chain)
{
    ULONG_PTR Found = 0;
    NET_BUFFER_LIST *Nbl;

    for (Nbl = Chain; Nbl != NULL; Nbl = NET_BUFFER_LIST_NEXT_NBL(Nbl))
        Found += (ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, TcpIpChecksumNetBufferListInfo) & CHECKSUM_UDP_SUCCEEDED;
    return Found > CHECKSUM_UDP_SUCCEEDED;
}

/*
 * Joins what can be joined of a batch. The first NBL stays the first one; what is joined to another one is no NBL of
 * the chain any more. Versions: OFFLOAD_URO* that are on. Count: of NBLs, which becomes smaller. Returns the last one.
 */
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *CoalesceBatch(_In_ ULONG Versions, _Inout_ XENNET_RECEIVE_COUNTERS *Counters,
                               _Inout_ NET_BUFFER_LIST *Chain, _Inout_ ULONG *Count);

// What was joined to this NBL is in its chain again, behind it, and every MDL as XenVif had it. Returns the last of it.
_IRQL_requires_max_(DISPATCH_LEVEL)
NET_BUFFER_LIST *CoalesceUndoOne(_Inout_ NET_BUFFER_LIST *Nbl);

// The same for all of a chain.
FORCEINLINE VOID
CoalesceUndo(NET_BUFFER_LIST *Chain)
{
    for (; Chain != NULL; Chain = NET_BUFFER_LIST_NEXT_NBL(Chain)) {
        if (CoalesceIsJoined(Chain))
            Chain = CoalesceUndoOne(Chain);
    }
}

#endif
