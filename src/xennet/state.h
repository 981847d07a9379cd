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

/*
 * Takes back what XenVif has and lets packets move again. Between restart and pause; by the watchdog, which alone may
 * move the state then. FALSE: XenVif does not work at the moment, the adapter stays paused and sends are refused.
 */
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN StateRecover(_Inout_ struct _XENNET_ADAPTER *Adapter);

// OID_PNP_SET_POWER, Buffer holding one NDIS_DEVICE_POWER_STATE.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StateSetPower(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

// The status of a send that comes while the adapter is not running.
NDIS_STATUS StateSendRefusal(_In_ const struct _XENNET_ADAPTER *Adapter);

#endif
