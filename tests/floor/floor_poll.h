/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor of a polled packet: one poll object, a list, a request for a batch on an empty list, and a handler that
 * takes off the list what NDIS wants. No lock, no state. No product.
 */
#ifndef XENNET_FLOOR_POLL_H
#define XENNET_FLOOR_POLL_H

#include <ndis.h>

struct _XENNET_CONTEXT;

typedef VOID NTAPI FLOOR_POLL_REQUEST(NDIS_POLL_HANDLE PollHandle, PVOID Reserved);

typedef struct _FLOOR_POLL {
    NDIS_POLL_HANDLE Handle; // NULL: NDIS does not poll
    FLOOR_POLL_REQUEST *Request;
    NET_BUFFER_LIST *Head;
    NET_BUFFER_LIST *Tail;
    ULONG Count;
} FLOOR_POLL;

// Poll is zeroed, and stays so where NDIS does not poll.
_IRQL_requires_(PASSIVE_LEVEL)
VOID FloorPollCreate(_In_ const struct _XENNET_CONTEXT *Context, _Inout_ FLOOR_POLL *Poll);

_IRQL_requires_(PASSIVE_LEVEL)
VOID FloorPollDestroy(_In_ const FLOOR_POLL *Poll);

_IRQL_requires_(DISPATCH_LEVEL)
VOID FloorPollQueue(_Inout_ FLOOR_POLL *Poll, _In_ NET_BUFFER_LIST *Head, _In_ NET_BUFFER_LIST *Tail, _In_ ULONG Count);

#endif
