/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ready-made NBLs for the receive path, one cache per processor. nbl_pool.c has the picture.
 *
 * Getting and putting never allocates and, but for one lock per magazine of NBLs, touches nothing that another
 * processor writes. IRQL: DISPATCH, the cache being that of the current processor.
 */
#ifndef XENNET_NBL_POOL_H
#define XENNET_NBL_POOL_H

#include <ndis.h>

struct _XENNET_CONTEXT;
typedef struct _XENNET_NBL_POOL XENNET_NBL_POOL;

#define NBL_POOL_MAGAZINE 64
#define NBL_POOL_RESERVE  32

// A processor's own NBLs in one chain: those taken for the batch that is being collected, behind them the free ones.
// So nothing is linked or unlinked for a packet. This processor at DISPATCH.
typedef struct _XENNET_NBL_CACHE {
    NET_BUFFER_LIST *First;
    NET_BUFFER_LIST **Free; // where the free ones begin: First, or the Next of the last one taken
    ULONG Taken;
    ULONG Count; // of the whole chain
    NET_BUFFER_LIST *Reserve;
    XENNET_NBL_POOL *Pool; // immutable
} XENNET_NBL_CACHE;

// Caches: one of each processor, the first one at Caches, Stride bytes apart, zeroed.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS NblPoolCreate(_In_ struct _XENNET_CONTEXT *Context, _Inout_ PVOID Caches, _In_ SIZE_T Stride,
                          _Outptr_ XENNET_NBL_POOL **Pool);

// Every NBL must be back.
_IRQL_requires_(PASSIVE_LEVEL)
VOID NblPoolDestroy(_In_opt_ XENNET_NBL_POOL *Pool);

// Gets a magazine from the depot for a cache without a free NBL; FALSE: there is none.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN NblPoolFillCache(_Inout_ XENNET_NBL_CACHE *Cache);

// Gives what a cache has too many of to the depot.
_IRQL_requires_(DISPATCH_LEVEL)
VOID NblPoolSpillCache(_Inout_ XENNET_NBL_CACHE *Cache);

FORCEINLINE VOID
NblPoolPush(NET_BUFFER_LIST **List, NET_BUFFER_LIST *Nbl)
{
    NET_BUFFER_LIST_NEXT_NBL(Nbl) = *List;
    *List = Nbl;
}

FORCEINLINE NET_BUFFER_LIST *
NblPoolPop(NET_BUFFER_LIST **List)
{
    NET_BUFFER_LIST *Nbl = *List;

    if (Nbl != NULL) {
        *List = NET_BUFFER_LIST_NEXT_NBL(Nbl);
        NET_BUFFER_LIST_NEXT_NBL(Nbl) = NULL;
    }
    return Nbl;
}

// The first free NBL of the cache, which still has it; NULL: see NblPoolFillCache.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
NblPoolPeek(const XENNET_NBL_CACHE *Cache)
{
    return *Cache->Free;
}

// Takes the NBL that NblPoolPeek returned.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
NblPoolTake(XENNET_NBL_CACHE *Cache, NET_BUFFER_LIST *Nbl)
{
    Cache->Free = &NET_BUFFER_LIST_NEXT_NBL(Nbl);
    Cache->Taken++;
}

// The last one taken; there is one.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
NblPoolLastTaken(const XENNET_NBL_CACHE *Cache)
{
    return CONTAINING_RECORD(Cache->Free, NET_BUFFER_LIST, Next);
}

// Cuts those taken off; NULL: there are none.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
NblPoolCut(XENNET_NBL_CACHE *Cache)
{
    NET_BUFFER_LIST **Mark = Cache->Free;
    NET_BUFFER_LIST *Free = *Mark;
    NET_BUFFER_LIST *Chain;
    ULONG Taken = Cache->Taken;

    // With none taken the mark is First itself.
    *Mark = NULL;
    Chain = Cache->First;
    Cache->First = Free;
    Cache->Free = &Cache->First;
    Cache->Count -= Taken;
    Cache->Taken = 0;
    return Chain;
}

// Puts a chain back, Last being its last one. Count has all of them but the last. TRUE: NblPoolSpillCache is due.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
NblPoolPut(XENNET_NBL_CACHE *Cache, NET_BUFFER_LIST *Chain, NET_BUFFER_LIST *Last)
{
    NET_BUFFER_LIST **Free = Cache->Free;

    NET_BUFFER_LIST_NEXT_NBL(Last) = *Free;
    *Free = Chain;
    return ++Cache->Count >= 2 * NBL_POOL_MAGAZINE;
}

// The reserve is outstanding only for the length of one indication and returns on the same processor. NULL: all of it
// is outstanding.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
NblPoolGetReserve(XENNET_NBL_CACHE *Cache)
{
    return NblPoolPop(&Cache->Reserve);
}

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
NblPoolPutReserve(XENNET_NBL_CACHE *Cache, NET_BUFFER_LIST *Nbl)
{
    NblPoolPush(&Cache->Reserve, Nbl);
}

#endif
