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

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS NblPoolCreate(_In_ struct _XENNET_CONTEXT *Context, _Outptr_ XENNET_NBL_POOL **Pool);

// Every NBL must be back.
_IRQL_requires_(PASSIVE_LEVEL)
VOID NblPoolDestroy(_In_opt_ XENNET_NBL_POOL *Pool);

// A processor's own NBLs. This processor at DISPATCH.
typedef struct _XENNET_NBL_CACHE {
    NET_BUFFER_LIST *Free;
    NET_BUFFER_LIST *Reserve;
    ULONG FreeCount;
    XENNET_NBL_POOL *Pool; // immutable
} XENNET_NBL_CACHE;

#define NBL_POOL_MAGAZINE 64
#define NBL_POOL_RESERVE  32

XENNET_NBL_CACHE *NblPoolCache(_In_ XENNET_NBL_POOL *Pool, _In_ ULONG Processor);

// Gets a magazine from the depot; FALSE: there is none.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN NblPoolFillCache(_Inout_ XENNET_NBL_CACHE *Cache);

// Gives a magazine to the depot.
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

// NULL when cache and depot are empty: use the reserve.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
NblPoolGet(XENNET_NBL_CACHE *Cache)
{
    if (Cache->Free == NULL && !NblPoolFillCache(Cache))
        return NULL;
    Cache->FreeCount--;
    return NblPoolPop(&Cache->Free);
}

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE VOID
NblPoolPut(XENNET_NBL_CACHE *Cache, NET_BUFFER_LIST *Nbl)
{
    NblPoolPush(&Cache->Free, Nbl);
    if (++Cache->FreeCount == 2 * NBL_POOL_MAGAZINE)
        NblPoolSpillCache(Cache);
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
