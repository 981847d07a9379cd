/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers for the UDP segments that one processor makes. segment_pool.c has the picture.
 *
 * IRQL: DISPATCH, on the pool's processor unless a prototype has another word.
 */
#ifndef XENNET_SEGMENT_POOL_H
#define XENNET_SEGMENT_POOL_H

#include <ndis.h>
#include "memory.h"
#include "transmit_list.h"

#define SEGMENT_MAX_HEADER 128

/*
 * A buffer: room for one segment's headers and for an MDL over one run of its payload. A segment whose payload lies in
 * several runs has further buffers behind the first one (NextRun), of which only the MDLs count.
 *
 * The first one is XenVif's cookie, and lies there as an NBL does: with a Remaining that no NBL has.
 */
typedef struct _XENNET_SEGMENT {
    union {
        struct {
            struct _XENNET_SEGMENT *Next; // free ones
            struct _XENNET_SEGMENT *NextRun;
            struct _XENNET_SEGMENT_POOL *Pool; // immutable
            NET_BUFFER_LIST *Nbl;              // that is cut
            ULONG Length;                      // of the frame
        };
        UCHAR Before[FIELD_OFFSET(NET_BUFFER_LIST, MiniportReserved)];
    };
    XENNET_TRANSMIT_LIST List; // immutable
    struct {
        MDL Mdl;
        PFN_NUMBER Pages[2];
    } HeaderMdl;
    UCHAR Header[SEGMENT_MAX_HEADER];
    struct {
        MDL Mdl;
        PFN_NUMBER Pages[1]; // PagesPerRun of the pool
    } PayloadMdl;
} XENNET_SEGMENT;

C_ASSERT(FIELD_OFFSET(XENNET_SEGMENT, List) == FIELD_OFFSET(NET_BUFFER_LIST, MiniportReserved));

struct _SEGMENT_CHUNK;

typedef struct _XENNET_SEGMENT_POOL {
    // The pool's processor at DISPATCH.
    XENNET_SEGMENT *Free;
    ULONG FreeCount;
    ULONG Total; // buffers that there are, wherever they are
    struct _SEGMENT_CHUNK *Chunks;
    ULONG Taken;     // so many times
    ULONG TakenSeen; // at the timer's last run
    BOOLEAN TimerSet;
    BOOLEAN Retry; // the timer is to wake who waits

    // Any processor.
    PVOID volatile Returned; // by other processors: XENNET_SEGMENT
    volatile LONG Wanted;    // buffers that the pool's processor still waits for; none above zero: it does not wait
    volatile LONG Stopping;

    // Immutable after SegmentPoolInitialize.
    NDIS_HANDLE NdisHandle;
    ULONG Maximum;
    ULONG PagesPerRun;
    KDPC *Wake; // of the pool's processor, queued when there is something for it
    KDPC TimerDpc;
    KTIMER Timer;
} XENNET_SEGMENT_POOL;

// Pool is zeroed. Maximum: buffers. Longest: bytes of payload that one segment usually has at most.
_IRQL_requires_(PASSIVE_LEVEL)
VOID SegmentPoolInitialize(_Inout_ XENNET_SEGMENT_POOL *Pool, _In_ NDIS_HANDLE NdisHandle, _In_ ULONG Maximum,
                           _In_ ULONG Longest, _In_ KDPC *Wake);

// Every buffer is back.
_IRQL_requires_(PASSIVE_LEVEL)
VOID SegmentPoolDestroy(_Inout_ XENNET_SEGMENT_POOL *Pool);

// A buffer, its NextRun being NULL; NULL: none is left.
_IRQL_requires_(DISPATCH_LEVEL)
XENNET_SEGMENT *SegmentPoolTake(_Inout_ XENNET_SEGMENT_POOL *Pool);

// A segment's buffers, to be used at once, on their pool's processor.
_IRQL_requires_(DISPATCH_LEVEL)
VOID SegmentPoolPut(_Inout_ XENNET_SEGMENT_POOL *Pool, _In_ XENNET_SEGMENT *Segment);

// The same on any processor: whoever waits for buffers is woken. Here: this processor's pool.
_IRQL_requires_(DISPATCH_LEVEL)
VOID SegmentPoolReturn(_In_ const XENNET_SEGMENT_POOL *Here, _In_ XENNET_SEGMENT *Segment);

typedef enum _SEGMENT_POOL_WAIT {
    SegmentPoolWaits = 1, // Wake is queued as soon as enough of them are back
    SegmentPoolHasMore,   // one came back meanwhile
    SegmentPoolNoneIsOut  // there is nothing to wait for
} SEGMENT_POOL_WAIT;

// Not enough is left.
_IRQL_requires_(DISPATCH_LEVEL)
SEGMENT_POOL_WAIT SegmentPoolWait(_Inout_ XENNET_SEGMENT_POOL *Pool);

// Wake is queued in a moment, whatever comes back: what was refused is to be offered again.
_IRQL_requires_(DISPATCH_LEVEL)
VOID SegmentPoolRetry(_Inout_ XENNET_SEGMENT_POOL *Pool);

#endif
