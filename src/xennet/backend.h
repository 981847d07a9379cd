/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the adapter's backend is still there, as xenstore shows. VIF has no answer to that: XenVif looks at xenstore
 * itself when it is disabled, and nowhere else.
 */
#ifndef XENNET_BACKEND_H
#define XENNET_BACKEND_H

#include <ndis.h>

struct _XENNET_ADAPTER;

typedef enum _XENNET_BACKEND_STATE {
    XennetBackendUnknown,   // xenstore cannot be asked, or has no interface of our address
    XennetBackendAbsent,    // its directory has no state
    XennetBackendPreparing, // initialising, waiting, or being reconfigured
    XennetBackendConnected,
    XennetBackendClosing,
    XennetBackendClosed
} XENNET_BACKEND_STATE;

// Between restart and pause, and within those.
_IRQL_requires_(PASSIVE_LEVEL)
XENNET_BACKEND_STATE BackendQueryState(_In_ struct _XENNET_ADAPTER *Adapter);

// It is certain that nobody will answer what XenVif has sent, and that XenVif will see so when it is disabled.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN BackendIsGone(_In_ struct _XENNET_ADAPTER *Adapter);

#endif
