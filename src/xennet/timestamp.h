/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Software timestamps: the performance counter's value when a packet came from XenVif, or went to it, beside the packet
 * (NDIS 6.82 and later). Off by default; where they are on, every packet takes the way of the uncommon ones, so that
 * nobody else pays.
 *
 * IRQL: up to DISPATCH unless a prototype has another word. No locks, no state.
 */
#ifndef XENNET_TIMESTAMP_H
#define XENNET_TIMESTAMP_H

#include <ndis.h>
#include "context.h"

// Whose packets are stamped, as *SoftwareTimestamp combines them.
#define TIMESTAMP_RECEIVE     0x1
#define TIMESTAMP_SEND        0x2
#define TIMESTAMP_SEND_TAGGED 0x4 // those that ask for it

// TIMESTAMP_* that are on.
ULONG TimestampInForce(_In_ const XENNET_CONTEXT *Context);

// Reports to NDIS what there is and what is on, once at start.
_IRQL_requires_(PASSIVE_LEVEL)
VOID TimestampReport(_In_ const XENNET_CONTEXT *Context);

FORCEINLINE VOID
TimestampSet(NET_BUFFER_LIST *Nbl)
{
    LARGE_INTEGER Now = KeQueryPerformanceCounter(NULL);

#ifdef _WIN64
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListInfoReserved3) = (PVOID)(ULONG_PTR)Now.QuadPart;
#else
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListInfoReserved3) = (PVOID)(ULONG_PTR)Now.LowPart;
    NET_BUFFER_LIST_INFO(Nbl, NetBufferListInfoReserved4) = (PVOID)(LONG_PTR)Now.HighPart;
#endif
}

// A packet on its way out. Kinds: TIMESTAMP_* that are on.
FORCEINLINE VOID
TimestampSend(ULONG Kinds, NET_BUFFER_LIST *Nbl)
{
    if ((Kinds & TIMESTAMP_SEND) || ((Kinds & TIMESTAMP_SEND_TAGGED) &&
                                     (NET_BUFFER_LIST_NBL_FLAGS(Nbl) & NDIS_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT)))
        TimestampSet(Nbl);
}

#endif
