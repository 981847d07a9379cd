/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an adapter stands between its start and its end, and the handlers of NDIS that move it.
 *
 * state.c has the diagram.
 */
#ifndef XENNET_STATE_H
#define XENNET_STATE_H

#include <ndis.h>

struct _XENNET_ADAPTER;

typedef enum _XENNET_STATE {
    XennetStateInitializing = 1,
    XennetStatePaused,
    XennetStateRestarting,
    XennetStateRunning,
    XennetStatePausing,
    XennetStateHalted
} XENNET_STATE;

MINIPORT_PAUSE StatePause;
MINIPORT_RESTART StateRestart;
MINIPORT_DEVICE_PNP_EVENT_NOTIFY StatePnpEvent;
MINIPORT_SHUTDOWN StateShutdown;

// FALSE, and nothing changed, where the diagram has no such arrow: the caller was called out of order.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN StateMove(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ XENNET_STATE To);

// What the watchdog does between restart and pause, when it alone may move the state.
typedef enum _XENNET_RECOVERY {
    XennetRecovered, // packets move
    XennetDetached,  // XenVif cannot be enabled at the moment: sends are refused, and there is no link
    XennetPostponed  // nothing was done: a protocol holds received packets, for which VifDisable would wait
} XENNET_RECOVERY;

// The backend is gone: aborts what XenVif has, or tries to enable XenVif again.
_IRQL_requires_(PASSIVE_LEVEL)
XENNET_RECOVERY StateRecover(_Inout_ struct _XENNET_ADAPTER *Adapter);

// NDIS wants a reset: completes every send, without disabling XenVif where that can be avoided.
_IRQL_requires_(PASSIVE_LEVEL)
XENNET_RECOVERY StateReset(_Inout_ struct _XENNET_ADAPTER *Adapter);

// The device was removed: completes every send.
_IRQL_requires_(PASSIVE_LEVEL)
VOID StateRemove(_Inout_ struct _XENNET_ADAPTER *Adapter);

// The second half of a pause that StatePause left pending.
_IRQL_requires_(PASSIVE_LEVEL)
VOID StateFinishPause(_Inout_ struct _XENNET_ADAPTER *Adapter);

// OID_PNP_SET_POWER, Buffer holding one NDIS_DEVICE_POWER_STATE.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StateSetPower(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

// The status of a send that comes while the adapter is not running.
NDIS_STATUS StateSendRefusal(_In_ const struct _XENNET_ADAPTER *Adapter);

#endif
