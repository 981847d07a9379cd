/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an adapter stands between its start and its end.
 *
 * state.c has the diagram.
 */
#ifndef XENNET_STATE_H
#define XENNET_STATE_H

#include <ndis.h>
#include "context.h"

struct _XENNET_ADAPTER;

// NDIS asks for packets to move, after MiniportInitializeEx and after a pause. Without a backend they do not, yet.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StateRestart(_Inout_ struct _XENNET_ADAPTER *Adapter,
                         _In_ const NDIS_MINIPORT_RESTART_PARAMETERS *Parameters);

// NDIS_STATUS_PENDING: sends are out, and StateFinishPause has to wait for them.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StatePause(_Inout_ struct _XENNET_ADAPTER *Adapter);

// Returns when every packet is back where it came from.
_IRQL_requires_(PASSIVE_LEVEL)
VOID StateFinishPause(_Inout_ struct _XENNET_ADAPTER *Adapter);

// A low power state without a pause, and D0 after it: no packet moves in between. Watchdog stopped. StateWake: FALSE
// where XenVif cannot be enabled at the moment.
_IRQL_requires_(PASSIVE_LEVEL)
VOID StateSleep(_Inout_ struct _XENNET_ADAPTER *Adapter);

_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN StateWake(_Inout_ struct _XENNET_ADAPTER *Adapter);

// FALSE, and nothing changed, where the diagram has no such arrow: the caller was called out of order.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN StateMove(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ XENNET_STATE To);

// What the watchdog does between restart and pause, when it alone may move the state.
typedef enum _XENNET_RECOVERY {
    XennetRecovered, // packets move
    XennetDetached,  // XenVif cannot be enabled at the moment: sends are refused, and there is no link
    XennetPostponed  // nothing was done: a protocol holds received packets, for which VifDisable would wait
} XENNET_RECOVERY;

// The backend is gone, or XenVif does not run: aborts what XenVif has, or tries to enable XenVif again.
_IRQL_requires_(PASSIVE_LEVEL)
XENNET_RECOVERY StateRecover(_Inout_ struct _XENNET_ADAPTER *Adapter);

// NDIS wants a reset: completes every send, without disabling XenVif where that can be avoided.
_IRQL_requires_(PASSIVE_LEVEL)
XENNET_RECOVERY StateReset(_Inout_ struct _XENNET_ADAPTER *Adapter);

// The device was removed: completes every send.
_IRQL_requires_(PASSIVE_LEVEL)
VOID StateRemove(_Inout_ struct _XENNET_ADAPTER *Adapter);

#endif
