/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ready-made NBLs for the receive path, one cache per processor. nblpool.c has the picture.
 *
 * Get and Put never allocate and, but for one lock per magazine of NBLs, touch nothing that another processor
 * writes. IRQL: DISPATCH, Processor being the index of the current processor.
 */
#ifndef XENNET_NBLPOOL_H
#define XENNET_NBLPOOL_H

#include <ndis.h>

struct _XENNET_ADAPTER;
typedef struct _XENNET_NBL_POOL XENNET_NBL_POOL;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS NblPoolCreate(_In_ struct _XENNET_ADAPTER *Adapter, _Outptr_ XENNET_NBL_POOL **Pool);

// Every NBL must be back.
_IRQL_requires_(PASSIVE_LEVEL)
VOID NblPoolDestroy(_In_opt_ XENNET_NBL_POOL *Pool);

// NULL when this processor's cache and the depot are empty: use the reserve.
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *NblPoolGet(_In_ XENNET_NBL_POOL *Pool, _In_ ULONG Processor);

_IRQL_requires_(DISPATCH_LEVEL)
VOID NblPoolPut(_In_ XENNET_NBL_POOL *Pool, _In_ ULONG Processor, _In_ NET_BUFFER_LIST *Nbl);

// The reserve is lent only for the length of one indication and comes back on the same processor.
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *NblPoolGetReserve(_In_ XENNET_NBL_POOL *Pool, _In_ ULONG Processor);

_IRQL_requires_(DISPATCH_LEVEL)
VOID NblPoolPutReserve(_In_ XENNET_NBL_POOL *Pool, _In_ ULONG Processor, _In_ NET_BUFFER_LIST *Nbl);

#endif
