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

// An NBL that was made is not a joined one.
FORCEINLINE VOID
CoalesceInitialize(NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER_MINIPORT_RESERVED(NET_BUFFER_LIST_FIRST_NB(Nbl))[0] = NULL;
}

/*
 * Joins what can be joined of a batch: the first NBL stays the first one, and what is joined to another one is no NBL
 * of the chain any more. Versions: OFFLOAD_URO* that are on. Count: of NBLs, which becomes smaller. Returns the last
 * one.
 */
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *CoalesceBatch(_In_ ULONG Versions, _Inout_ XENNET_RECEIVE_COUNTERS *Counters,
                               _Inout_ NET_BUFFER_LIST *Chain, _Inout_ ULONG *Count);

// What was joined is in the chain again, behind what it was joined to, and every MDL as XenVif had it.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID CoalesceUndo(_Inout_ NET_BUFFER_LIST *Chain);

#endif
