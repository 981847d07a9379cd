/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's line in xenstore, where a toolstack looks for what runs in the guest: drivers/<n>.
 */
#ifndef XENNET_STORE_H
#define XENNET_STORE_H

#include <ndis.h>

struct _XENNET_CONTEXT;
struct _XENNET_RSS;
typedef struct _XENNET_STORE XENNET_STORE;

// Binds STORE and SUSPEND and publishes the line, unless another adapter of this driver has done so.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StoreCreate(_In_ struct _XENNET_CONTEXT *Context, _In_ struct _XENNET_RSS *Rss,
                        _Outptr_ XENNET_STORE **Store);

/*
 * In low power nothing of XenBus may stay acquired: it ends the machine with a bug check at S4 otherwise. Back in D0
 * the line is written again where it is missing, as after a hibernation that another host ends.
 */
_IRQL_requires_(PASSIVE_LEVEL)
VOID StoreSleep(_Inout_ XENNET_STORE *Store);

_IRQL_requires_(PASSIVE_LEVEL)
VOID StoreWake(_Inout_ XENNET_STORE *Store);

// NULL: in low power, or not there.
struct _XENBUS_STORE_INTERFACE_V2;
struct _XENBUS_STORE_INTERFACE_V2 *StoreInterface(_In_opt_ XENNET_STORE *Store);

// The last adapter takes the line away.
_IRQL_requires_(PASSIVE_LEVEL)
VOID StoreDestroy(_In_opt_ XENNET_STORE *Store);

#endif
