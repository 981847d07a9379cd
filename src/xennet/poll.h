/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS poll (6.85): received batches wait here until NDIS takes as many as it wants. Only receive.c calls this;
 * without NDIS's poll routines PollCreate gives none, and batches go up at once.
 */
#ifndef XENNET_POLL_H
#define XENNET_POLL_H

#include <ndis.h>

struct _XENNET_CONTEXT;
typedef struct _XENNET_POLL XENNET_POLL;

// Poll: NULL where NDIS, the keyword or a lack of memory leave the adapter without.
_IRQL_requires_(PASSIVE_LEVEL)
VOID PollCreate(_In_ struct _XENNET_CONTEXT *Context, _Outptr_result_maybenull_ XENNET_POLL **Poll);

// Nothing may be queued.
_IRQL_requires_(PASSIVE_LEVEL)
VOID PollDestroy(_In_opt_ XENNET_POLL *Poll);

typedef enum _XENNET_POLL_RESULT {
    XENNET_POLL_QUEUED,
    XENNET_POLL_NONE,   // no RSS processor, or one that came after the adapter: its packets are not polled
    XENNET_POLL_STOPPED // the adapter does not run any more
} XENNET_POLL_RESULT;

// Appends a chain for this processor; unless it is queued it stays the caller's.
_IRQL_requires_(DISPATCH_LEVEL)
XENNET_POLL_RESULT PollQueue(_In_ XENNET_POLL *Poll, _In_ ULONG Processor, _In_ NET_BUFFER_LIST *Head,
                             _In_ NET_BUFFER_LIST *Tail, _In_ ULONG Count);

// Takes all that is queued for a processor. Count: NBLs.
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *PollTakeAll(_In_ XENNET_POLL *Poll, _In_ ULONG Processor, _Out_ ULONG *Count);

#endif
