/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NBLs for the receive path:
 *
 *   processor 0: cache (0..127), reserve (32)  <--magazines of 64-->  +-------+  <--maintenance DPC--> NDIS pool
 *   processor 1: cache (0..127), reserve (32)  <--magazines of 64-->  | depot |
 *   ...                                                               +-------+
 *
 * A processor takes and returns NBLs at its own cache, without a lock. NBLs return on whichever processor
 * NDIS returns them, so caches exchange whole magazines with the depot: one lock per 64 packets. When the
 * depot runs low a DPC adds magazines up to a limit; a timer takes them away again when the depot has not needed them
 * for a whole period. The reserve never leaves its processor.
 *
 * *ReceiveBuffers limits what NDIS may hold. NBLs in caches are not held by anybody, and a processor that only returns
 * NBLs keeps up to two magazines of them: so the limit is raised by as much for each processor that there can be.
 *
 * IRQL: DISPATCH. Lock: NBL_POOL_DEPOT_LOCK, innermost, held for a few instructions. A cache and a reserve belong to
 * their processor at DISPATCH. A free NBL's Next links its magazine; the first one's MiniportReserved[1] links the
 * depot.
 */
#include "nbl_pool.h"
#include "context.h"
#include "lock.h"
#include "memory.h"
#include "receive_coalesce.h"

#define NBL_POOL_DEPOT_LOW     5                  // magazines: below this the depot is refilled; more than one batch
#define NBL_POOL_GROWTH        4                  // magazines a maintenance run adds or removes at most
#define NBL_POOL_INITIAL       6                  // magazines the pool starts with and shrinks to
#define NBL_POOL_CACHED        2                  // magazines that one cache may keep
#define NBL_POOL_SHRINK_PERIOD (-10 * 10000000LL) // 10 s in 100 ns, relative

LOCK_CLASS(NBL_POOL_DEPOT_LOCK);

struct _XENNET_NBL_POOL {
    // Immutable after NblPoolCreate.
    NDIS_HANDLE NdisPool;
    NDIS_HANDLE NdisHandle;
    PUCHAR Caches; // XENNET_NBL_CACHE of each processor, Stride bytes apart
    SIZE_T Stride;
    ULONG ProcessorCount;
    ULONG Maximum; // magazines
    KDPC Dpc;
    KDPC TimerDpc;
    KTIMER Timer;

    // Under Lock.
    KSPIN_LOCK Lock;
    _Guarded_by_(NBL_POOL_DEPOT_LOCK) NET_BUFFER_LIST *Depot;
    _Guarded_by_(NBL_POOL_DEPOT_LOCK) ULONG DepotCount;  // magazines
    _Guarded_by_(NBL_POOL_DEPOT_LOCK) ULONG DepotLowest; // since the timer was set
    _Guarded_by_(NBL_POOL_DEPOT_LOCK) ULONG Total;       // magazines, wherever they are
    _Guarded_by_(NBL_POOL_DEPOT_LOCK) BOOLEAN TimerArmed;
    _Guarded_by_(NBL_POOL_DEPOT_LOCK) BOOLEAN Stopping;
};

LOCK_PRIMITIVE
_IRQL_requires_(DISPATCH_LEVEL)
_Acquires_lock_(NBL_POOL_DEPOT_LOCK)
FORCEINLINE VOID
NblPoolLock(XENNET_NBL_POOL *Pool)
{
    KeAcquireSpinLockAtDpcLevel(&Pool->Lock);
}

LOCK_PRIMITIVE
_IRQL_requires_(DISPATCH_LEVEL)
_Releases_lock_(NBL_POOL_DEPOT_LOCK)
FORCEINLINE VOID
NblPoolUnlock(XENNET_NBL_POOL *Pool)
{
    KeReleaseSpinLockFromDpcLevel(&Pool->Lock);
}

FORCEINLINE NET_BUFFER_LIST **
NblPoolNextMagazine(NET_BUFFER_LIST *Magazine)
{
    return (NET_BUFFER_LIST **)&NET_BUFFER_LIST_MINIPORT_RESERVED(Magazine)[1];
}

static VOID
NblPoolFreeList(NET_BUFFER_LIST *List)
{
    NET_BUFFER_LIST *Nbl;

    while ((Nbl = NblPoolPop(&List)) != NULL)
        NdisFreeNetBufferList(Nbl);
}

// Allocates Count NBLs, all or none.
static NET_BUFFER_LIST *
NblPoolAllocateList(XENNET_NBL_POOL *Pool, ULONG Count)
{
    NET_BUFFER_LIST *List = NULL;
    NET_BUFFER_LIST *Nbl;

    while (Count-- != 0) {
        Nbl = NdisAllocateNetBufferAndNetBufferList(Pool->NdisPool, 0, 0, NULL, 0, 0);
        if (Nbl == NULL) {
            NblPoolFreeList(List);
            return NULL;
        }
        Nbl->SourceHandle = Pool->NdisHandle;
        CoalesceInitialize(Nbl);
        NblPoolPush(&List, Nbl);
    }
    return List;
}

_Requires_lock_held_(NBL_POOL_DEPOT_LOCK)
static VOID
NblPoolPushDepot(XENNET_NBL_POOL *Pool, NET_BUFFER_LIST *Magazine)
{
    DEBUG_ASSERT_LOCKED(&Pool->Lock);
    *NblPoolNextMagazine(Magazine) = Pool->Depot;
    Pool->Depot = Magazine;
    Pool->DepotCount++;
}

_Requires_lock_held_(NBL_POOL_DEPOT_LOCK)
static NET_BUFFER_LIST *
NblPoolPopDepot(XENNET_NBL_POOL *Pool)
{
    NET_BUFFER_LIST *Magazine = Pool->Depot;

    DEBUG_ASSERT_LOCKED(&Pool->Lock);
    if (Magazine == NULL)
        return NULL;
    Pool->Depot = *NblPoolNextMagazine(Magazine);
    Pool->DepotCount--;
    if (Pool->DepotCount < Pool->DepotLowest)
        Pool->DepotLowest = Pool->DepotCount;
    return Magazine;
}

// Refills the depot. Allocation happens between two holds of the lock.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
NblPoolGrow(XENNET_NBL_POOL *Pool)
{
    NET_BUFFER_LIST *Magazine;
    ULONG Added;
    BOOLEAN Wanted;

    for (Added = 0; Added < NBL_POOL_GROWTH; Added++) {
        NblPoolLock(Pool);
        Wanted =
            !Pool->Stopping && Pool->Total < Pool->Maximum && Pool->DepotCount < NBL_POOL_DEPOT_LOW + NBL_POOL_GROWTH;
        if (Wanted)
            Pool->Total++;
        NblPoolUnlock(Pool);
        if (!Wanted)
            return;

        Magazine = NblPoolAllocateList(Pool, NBL_POOL_MAGAZINE);

        NblPoolLock(Pool);
        if (Magazine != NULL)
            NblPoolPushDepot(Pool, Magazine);
        else
            Pool->Total--;
        NblPoolUnlock(Pool);
        if (Magazine == NULL)
            return;
    }
}

// Sets the timer that will look for magazines nobody needs, while there are more than the initial ones.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
NblPoolArm(XENNET_NBL_POOL *Pool)
{
    LARGE_INTEGER Due;

    Due.QuadPart = NBL_POOL_SHRINK_PERIOD;
    NblPoolLock(Pool);
    if (!Pool->Stopping && !Pool->TimerArmed && Pool->Total > NBL_POOL_INITIAL) {
        Pool->TimerArmed = TRUE;
        Pool->DepotLowest = Pool->DepotCount;
        (void)KeSetTimer(&Pool->Timer, Due, &Pool->TimerDpc);
    }
    NblPoolUnlock(Pool);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
NblPoolGrowDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    XENNET_NBL_POOL *Pool = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    NblPoolGrow(Pool);
    NblPoolArm(Pool);
}

// Frees magazines that lay in the depot for the whole period, a few at a time, and looks again later.
_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
NblPoolTimerDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    XENNET_NBL_POOL *Pool = Context;
    NET_BUFFER_LIST *Idle[NBL_POOL_GROWTH];
    ULONG Spare;
    ULONG Count = 0;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    NblPoolLock(Pool);
    Pool->TimerArmed = FALSE;
    Spare = Pool->DepotLowest > NBL_POOL_DEPOT_LOW ? Pool->DepotLowest - NBL_POOL_DEPOT_LOW : 0;
    while (Count < NBL_POOL_GROWTH && Count < Spare && Pool->Total > NBL_POOL_INITIAL) {
        Idle[Count] = NblPoolPopDepot(Pool);
        Pool->Total--;
        Count++;
    }
    NblPoolUnlock(Pool);

    while (Count != 0)
        NblPoolFreeList(Idle[--Count]);
    NblPoolArm(Pool);
}

static XENNET_NBL_CACHE *
NblPoolCache(XENNET_NBL_POOL *Pool, ULONG Processor)
{
    return (XENNET_NBL_CACHE *)(Pool->Caches + Processor * Pool->Stride);
}

_Use_decl_annotations_
BOOLEAN
NblPoolFillCache(XENNET_NBL_CACHE *Cache)
{
    XENNET_NBL_POOL *Pool = Cache->Pool;
    NET_BUFFER_LIST *Magazine;
    BOOLEAN Low;

    NblPoolLock(Pool);
    Magazine = NblPoolPopDepot(Pool);
    Low = Pool->DepotCount < NBL_POOL_DEPOT_LOW && Pool->Total < Pool->Maximum;
    NblPoolUnlock(Pool);
    if (Low)
        (void)KeInsertQueueDpc(&Pool->Dpc, NULL, NULL);
    if (Magazine == NULL)
        return FALSE;
    *Cache->Free = Magazine;
    Cache->Count += NBL_POOL_MAGAZINE;
    return TRUE;
}

_Use_decl_annotations_
VOID
NblPoolSpillCache(XENNET_NBL_CACHE *Cache)
{
    XENNET_NBL_POOL *Pool = Cache->Pool;
    NET_BUFFER_LIST *Last;
    NET_BUFFER_LIST *Magazine;
    ULONG Index;

    while (Cache->Count - Cache->Taken >= 2 * NBL_POOL_MAGAZINE) {
        // The newest ones go: the walk to the end of the magazine stays in lines this processor has just written.
        Magazine = *Cache->Free;
        for (Last = Magazine, Index = 1; Index < NBL_POOL_MAGAZINE; Index++)
            Last = NET_BUFFER_LIST_NEXT_NBL(Last);
        *Cache->Free = NET_BUFFER_LIST_NEXT_NBL(Last);
        NET_BUFFER_LIST_NEXT_NBL(Last) = NULL;
        Cache->Count -= NBL_POOL_MAGAZINE;

        NblPoolLock(Pool);
        NblPoolPushDepot(Pool, Magazine);
        NblPoolUnlock(Pool);
    }
}

static NDIS_STATUS
NblPoolFill(XENNET_NBL_POOL *Pool)
{
    NET_BUFFER_LIST *Magazine;
    XENNET_NBL_CACHE *Cache;
    ULONG Index;
    KIRQL Irql;

    for (Index = 0; Index < Pool->ProcessorCount; Index++) {
        Cache = NblPoolCache(Pool, Index);
        Cache->Pool = Pool;
        Cache->Free = &Cache->First;
    }
    // Processors that are added later have no reserve; they live from the depot.
    for (Index = 0; Index < KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS); Index++) {
        Cache = NblPoolCache(Pool, Index);
        Cache->Reserve = NblPoolAllocateList(Pool, NBL_POOL_RESERVE);
        if (Cache->Reserve == NULL)
            return NDIS_STATUS_RESOURCES;
    }
    for (Index = 0; Index < NBL_POOL_INITIAL; Index++) {
        Magazine = NblPoolAllocateList(Pool, NBL_POOL_MAGAZINE);
        if (Magazine == NULL)
            return NDIS_STATUS_RESOURCES;
        Irql = IrqlRaise(FALSE);
        NblPoolLock(Pool);
        NblPoolPushDepot(Pool, Magazine);
        Pool->Total++;
        NblPoolUnlock(Pool);
        IrqlLower(Irql);
    }
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
NDIS_STATUS
NblPoolCreate(XENNET_CONTEXT *Context, PVOID Caches, SIZE_T Stride, XENNET_NBL_POOL **Result)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters;
    XENNET_NBL_POOL *Pool;
    NDIS_STATUS Status;

    *Result = NULL;
    Pool = MemoryAllocate(Context->NdisHandle, sizeof(*Pool));
    if (Pool == NULL)
        return NDIS_STATUS_RESOURCES;
    Pool->NdisHandle = Context->NdisHandle;
    Pool->Caches = Caches;
    Pool->Stride = Stride;
    Pool->ProcessorCount = Context->ProcessorCount;
    Pool->Maximum = Context->Config.ReceiveBuffers / NBL_POOL_MAGAZINE + NBL_POOL_CACHED * Pool->ProcessorCount;
    KeInitializeSpinLock(&Pool->Lock);
    KeInitializeDpc(&Pool->Dpc, NblPoolGrowDpc, Pool);
    KeInitializeDpc(&Pool->TimerDpc, NblPoolTimerDpc, Pool);
    KeInitializeTimer(&Pool->Timer);

    RtlZeroMemory(&Parameters, sizeof(Parameters));
    Parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Parameters.ProtocolId = NDIS_PROTOCOL_ID_DEFAULT;
    Parameters.fAllocateNetBuffer = TRUE;
    Parameters.PoolTag = XENNET_TAG;
    Pool->NdisPool = NdisAllocateNetBufferListPool(Context->NdisHandle, &Parameters);
    Status = Pool->NdisPool != NULL ? NblPoolFill(Pool) : NDIS_STATUS_RESOURCES;
    if (Status != NDIS_STATUS_SUCCESS) {
        NblPoolDestroy(Pool);
        return Status;
    }
    *Result = Pool;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
NblPoolDestroy(XENNET_NBL_POOL *Pool)
{
    NET_BUFFER_LIST *Magazine;
    ULONG Index;
    KIRQL Irql;

    if (Pool == NULL)
        return;

    Irql = IrqlRaise(FALSE);
    NblPoolLock(Pool);
    Pool->Stopping = TRUE;
    NblPoolUnlock(Pool);
    IrqlLower(Irql);
    (void)KeCancelTimer(&Pool->Timer);
    KeFlushQueuedDpcs();

    for (Index = 0; Index < Pool->ProcessorCount; Index++) {
        NblPoolFreeList(NblPoolCache(Pool, Index)->First);
        NblPoolFreeList(NblPoolCache(Pool, Index)->Reserve);
    }
    for (;;) {
        Irql = IrqlRaise(FALSE);
        NblPoolLock(Pool);
        Magazine = NblPoolPopDepot(Pool);
        NblPoolUnlock(Pool);
        IrqlLower(Irql);
        if (Magazine == NULL)
            break;
        NblPoolFreeList(Magazine);
    }
    if (Pool->NdisPool != NULL)
        NdisFreeNetBufferListPool(Pool->NdisPool);
    MemoryFree(Pool);
}
