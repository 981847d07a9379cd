/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS poll (6.85): received batches wait here until NDIS takes as many as it wants. Only receive.c calls this;
 * without NDIS's poll routines PollCreate gives none, and batches go up at once.
 *
 * A lone packet's way through here is longer than the rest of its way, so what queues a batch is inline.
 */
#ifndef XENNET_POLL_H
#define XENNET_POLL_H

#include <ndis.h>
#include "context.h"
#include "lock.h"
#include "nbl_pool.h"
#include "per_processor.h"

// NDIS's functions, which are found at run time.
typedef NDIS_STATUS NTAPI POLL_NDIS_REGISTER(NDIS_HANDLE NdisHandle, PVOID Context,
                                             const NDIS_POLL_CHARACTERISTICS *Characteristics,
                                             NDIS_POLL_HANDLE *PollHandle);
typedef VOID NTAPI POLL_NDIS_DEREGISTER(NDIS_POLL_HANDLE PollHandle);
typedef VOID NTAPI POLL_NDIS_SET_AFFINITY(NDIS_POLL_HANDLE PollHandle, const PROCESSOR_NUMBER *PollAffinity);
typedef VOID NTAPI POLL_NDIS_REQUEST(NDIS_POLL_HANDLE PollHandle, PVOID Reserved);

typedef struct _POLL_QUEUE {
    // Of the queue's processor, at DISPATCH.
    NET_BUFFER_LIST *Head;
    NET_BUFFER_LIST *Tail;
    ULONG Count;

    // Immutable after PollCreate.
    ULONG Index; // of the processor
    XENNET_CONTEXT *Context;
    POLL_NDIS_REQUEST *Request;
    NDIS_POLL_HANDLE Handle; // NULL: of no RSS processor
} POLL_QUEUE;

typedef struct _XENNET_POLL {
    // Immutable after PollCreate.
    XENNET_CONTEXT *Context;
    POLL_NDIS_REGISTER *Register;
    POLL_NDIS_DEREGISTER *Deregister;
    POLL_NDIS_SET_AFFINITY *SetAffinity;
    POLL_NDIS_REQUEST *Request;
    PUCHAR Queues;    // POLL_QUEUE of each processor
    ULONG QueueCount; // processors that there can ever be
} XENNET_POLL;

// Poll: NULL where NDIS, the keyword or a lack of memory leave the adapter without.
_IRQL_requires_(PASSIVE_LEVEL)
VOID PollCreate(_In_ XENNET_CONTEXT *Context, _Outptr_result_maybenull_ XENNET_POLL **Poll);

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

// Takes all that is queued for this processor. Count: NBLs.
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *PollTakeAll(_In_ XENNET_POLL *Poll, _In_ ULONG Processor, _Out_ ULONG *Count);

FORCEINLINE POLL_QUEUE *
PollGetQueue(const XENNET_POLL *Poll, ULONG Processor)
{
    return PER_PROCESSOR(POLL_QUEUE, Poll->Queues, Processor);
}

// Appends a chain and asks NDIS for a poll where nothing waited before. It may poll from within the request.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
PollAppend(POLL_QUEUE *Queue, NET_BUFFER_LIST *Head, NET_BUFFER_LIST *Tail, ULONG Count)
{
    BOOLEAN First = Queue->Head == NULL;

    if (First)
        Queue->Head = Head;
    else
        NET_BUFFER_LIST_NEXT_NBL(Queue->Tail) = Head;
    Queue->Tail = Tail;
    Queue->Count += Count;
    if (First)
        Queue->Request(Queue->Handle, NULL);
}

// Appends the NBLs that were taken for this processor's batch, one at least. The adapter ran when the last of them
// came: no pause has visited the processor since. FALSE: they are still there, and not polled.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
PollQueueTaken(POLL_QUEUE *Queue, XENNET_NBL_CACHE *Cache)
{
    NET_BUFFER_LIST *Last = NblPoolLastTaken(Cache);
    ULONG Count = Cache->Taken;

    if (Queue->Handle == NULL)
        return FALSE;
    PollAppend(Queue, NblPoolCut(Cache), Last, Count);
    return TRUE;
}

#endif
