/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers for UDP segments, one pool for each processor:
 *
 *   memory --chunks of 64--> [free] --SegmentPoolTake--> a segment in XenVif --back on this processor--> [free]
 *                              ^                                |
 *                              +------- [returned] <--back on another processor
 *
 * A pool grows by a chunk when nothing is free, up to SegmentBuffers. A timer runs while there are any: when none was
 * taken for a whole period and none is out, all of them are freed. A buffer never leaves its pool, so that free ones
 * need no lock; other processors push what they have to return onto a list that the pool's processor takes as a whole.
 * Who waits is woken when half of what is out is back, or a chunk, not for each buffer.
 *
 * IRQL: DISPATCH. Locks: none. Wanted is set before Returned is looked at for the last time, and Returned is pushed to
 * before Wanted is read, each with an interlocked operation between: one of the two sees the other.
 */
#include "segment_pool.h"
#include "min_max.h"
#include "per_processor.h"

#define SEGMENT_POOL_CHUNK     64
#define SEGMENT_POOL_MAX_PAGES 5                  // of one run; longer payloads have several
#define SEGMENT_POOL_PERIOD    (-10 * 10000000LL) // 10 s in 100 ns, relative
#define SEGMENT_POOL_RETRY     (-10 * 10000LL)    // 10 ms
#define SEGMENT_POOL_NO_NBL    (-1)               // Remaining of what is no NBL

typedef struct _SEGMENT_CHUNK {
    struct _SEGMENT_CHUNK *Next;
} SEGMENT_CHUNK;

// Bytes of a buffer: a multiple of what its members are aligned to.
static SIZE_T
SegmentPoolStride(const XENNET_SEGMENT_POOL *Pool)
{
    SIZE_T Size = FIELD_OFFSET(XENNET_SEGMENT, PayloadMdl.Pages) + Pool->PagesPerRun * sizeof(PFN_NUMBER);

    return (Size + XENNET_CACHE_LINE - 1) & ~((SIZE_T)XENNET_CACHE_LINE - 1);
}

static VOID
SegmentPoolInitializeBuffer(XENNET_SEGMENT_POOL *Pool, XENNET_SEGMENT *Segment)
{
    Segment->Pool = Pool;
    Segment->List.Remaining = SEGMENT_POOL_NO_NBL;
    MmInitializeMdl(&Segment->HeaderMdl.Mdl, Segment->Header, sizeof(Segment->Header));
    MmBuildMdlForNonPagedPool(&Segment->HeaderMdl.Mdl);
    // IoBuildPartialMdl sets the rest; the size has the most pages that it may ever list.
    MmInitializeMdl(&Segment->PayloadMdl.Mdl, NULL, Pool->PagesPerRun * PAGE_SIZE);
}

FORCEINLINE VOID
SegmentPoolPush(XENNET_SEGMENT_POOL *Pool, XENNET_SEGMENT *Segment)
{
    Segment->Next = Pool->Free;
    Pool->Free = Segment;
    Pool->FreeCount++;
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
SegmentPoolSetTimer(XENNET_SEGMENT_POOL *Pool, LONGLONG Time)
{
    LARGE_INTEGER Due;

    if (Pool->Stopping)
        return;
    Due.QuadPart = Time;
    Pool->TimerSet = TRUE;
    PerProcessorAimDpcHere(&Pool->TimerDpc);
    (void)KeSetTimer(&Pool->Timer, Due, &Pool->TimerDpc);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
SegmentPoolArm(XENNET_SEGMENT_POOL *Pool)
{
    if (!Pool->TimerSet)
        SegmentPoolSetTimer(Pool, SEGMENT_POOL_PERIOD);
}

// Adds a chunk. FALSE: that would be too many, or there is no memory.
_IRQL_requires_(DISPATCH_LEVEL)
static BOOLEAN
SegmentPoolGrow(XENNET_SEGMENT_POOL *Pool)
{
    SIZE_T Stride = SegmentPoolStride(Pool);
    SEGMENT_CHUNK *Chunk;
    PUCHAR First;
    ULONG Index;

    if (Pool->Total + SEGMENT_POOL_CHUNK > Pool->Maximum)
        return FALSE;
    Chunk = MemoryAllocate(Pool->NdisHandle, sizeof(*Chunk) + XENNET_CACHE_LINE + SEGMENT_POOL_CHUNK * Stride);
    if (Chunk == NULL)
        return FALSE;
    Chunk->Next = Pool->Chunks;
    Pool->Chunks = Chunk;
    First = MemoryAlign(Chunk + 1);
    for (Index = 0; Index < SEGMENT_POOL_CHUNK; Index++) {
        SegmentPoolInitializeBuffer(Pool, (XENNET_SEGMENT *)(First + Index * Stride));
        SegmentPoolPush(Pool, (XENNET_SEGMENT *)(First + Index * Stride));
    }
    Pool->Total += SEGMENT_POOL_CHUNK;
    SegmentPoolArm(Pool);
    return TRUE;
}

// All buffers are free.
static VOID
SegmentPoolFree(XENNET_SEGMENT_POOL *Pool)
{
    SEGMENT_CHUNK *Chunk;

    Pool->Free = NULL;
    Pool->FreeCount = 0;
    Pool->Total = 0;
    while ((Chunk = Pool->Chunks) != NULL) {
        Pool->Chunks = Chunk->Next;
        MemoryFree(Chunk);
    }
}

// What other processors have returned becomes free.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
SegmentPoolCollect(XENNET_SEGMENT_POOL *Pool)
{
    XENNET_SEGMENT *Segment;
    XENNET_SEGMENT *Next;

    if (Pool->Returned == NULL)
        return;
    for (Segment = InterlockedExchangePointer(&Pool->Returned, NULL); Segment != NULL; Segment = Next) {
        Next = Segment->Next;
        SegmentPoolPut(Pool, Segment);
    }
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
SegmentPoolTimerDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    XENNET_SEGMENT_POOL *Pool = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    Pool->TimerSet = FALSE;
    SegmentPoolCollect(Pool);
    if (Pool->Retry && !Pool->Stopping) {
        Pool->Retry = FALSE;
        (void)KeInsertQueueDpc(Pool->Wake, NULL, NULL);
        SegmentPoolArm(Pool);
        return;
    }
    if (Pool->Taken == Pool->TakenSeen && Pool->FreeCount == Pool->Total) {
        SegmentPoolFree(Pool);
        return;
    }
    Pool->TakenSeen = Pool->Taken;
    SegmentPoolArm(Pool);
}

_Use_decl_annotations_
VOID
SegmentPoolInitialize(XENNET_SEGMENT_POOL *Pool, NDIS_HANDLE NdisHandle, ULONG Maximum, ULONG Longest, KDPC *Wake)
{
    Pool->NdisHandle = NdisHandle;
    Pool->Maximum = Maximum;
    // It may begin anywhere in its first page.
    Pool->PagesPerRun = XENNET_MIN((Longest + PAGE_SIZE - 1) / PAGE_SIZE + 1, SEGMENT_POOL_MAX_PAGES);
    Pool->Wake = Wake;
    KeInitializeTimer(&Pool->Timer);
    KeInitializeDpc(&Pool->TimerDpc, SegmentPoolTimerDpc, Pool);
}

_Use_decl_annotations_
VOID
SegmentPoolDestroy(XENNET_SEGMENT_POOL *Pool)
{
    // A run that is under way may have read it before: it is over, and its timer set, before the timer is cancelled.
    (void)InterlockedExchange(&Pool->Stopping, TRUE);
    KeFlushQueuedDpcs();
    (void)KeCancelTimer(&Pool->Timer);
    KeFlushQueuedDpcs();
    SegmentPoolFree(Pool);
}

_Use_decl_annotations_
XENNET_SEGMENT *
SegmentPoolTake(XENNET_SEGMENT_POOL *Pool)
{
    XENNET_SEGMENT *Segment;

    if (Pool->Free == NULL) {
        SegmentPoolCollect(Pool);
        if (Pool->Free == NULL && !SegmentPoolGrow(Pool))
            return NULL;
    }
    Segment = Pool->Free;
    Pool->Free = Segment->Next;
    Pool->FreeCount--;
    Pool->Taken++;
    Segment->NextRun = NULL;
    return Segment;
}

_Use_decl_annotations_
VOID
SegmentPoolPut(XENNET_SEGMENT_POOL *Pool, XENNET_SEGMENT *Segment)
{
    XENNET_SEGMENT *Next;

    do {
        Next = Segment->NextRun;
        SegmentPoolPush(Pool, Segment);
        Segment = Next;
    } while (Segment != NULL);
}

_Use_decl_annotations_
VOID
SegmentPoolReturn(const XENNET_SEGMENT_POOL *Here, XENNET_SEGMENT *Segment)
{
    XENNET_SEGMENT_POOL *Pool = Segment->Pool;
    XENNET_SEGMENT *Run;
    XENNET_SEGMENT *Head;
    LONG Count = 0;
    LONG Wanted;

    // XenVif has mapped what it had to copy.
    for (Run = Segment; Run != NULL; Run = Run->NextRun) {
        MmPrepareMdlForReuse(&Run->PayloadMdl.Mdl);
        Count++;
    }

    if (Pool == Here) {
        SegmentPoolPut(Pool, Segment);
    } else {
        do {
            Head = Pool->Returned;
            Segment->Next = Head;
        } while (InterlockedCompareExchangePointer(&Pool->Returned, Segment, Head) != Head);
    }
    if (Pool->Wanted <= 0)
        return;
    Wanted = InterlockedExchangeAdd(&Pool->Wanted, -Count);
    if (Wanted > 0 && Wanted <= Count)
        (void)KeInsertQueueDpc(Pool->Wake, NULL, NULL);
}

_Use_decl_annotations_
SEGMENT_POOL_WAIT
SegmentPoolWait(XENNET_SEGMENT_POOL *Pool)
{
    ULONG Before = Pool->FreeCount;
    ULONG Out = Pool->Total - Before;

    PerProcessorAimDpcHere(Pool->Wake);
    // What is out and not collected here counts down, all of it: more is never wanted than comes.
    (void)InterlockedExchange(&Pool->Wanted, (LONG)XENNET_MIN((Out + 1) / 2, SEGMENT_POOL_CHUNK));
    SegmentPoolCollect(Pool);
    if (Pool->FreeCount == Before && Out != 0)
        return SegmentPoolWaits;
    (void)InterlockedExchange(&Pool->Wanted, 0);
    return Pool->FreeCount != Before ? SegmentPoolHasMore : SegmentPoolNoneIsOut;
}

_Use_decl_annotations_
VOID
SegmentPoolRetry(XENNET_SEGMENT_POOL *Pool)
{
    Pool->Retry = TRUE;
    SegmentPoolSetTimer(Pool, SEGMENT_POOL_RETRY);
}
