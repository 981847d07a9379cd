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

// NDIS asks for packets to move, after MiniportInitializeEx and after a pause.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StateRestart(_Inout_ struct _XENNET_ADAPTER *Adapter,
                         _In_ const NDIS_MINIPORT_RESTART_PARAMETERS *Parameters);

// Returns when every packet is back where it came from.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS StatePause(_Inout_ struct _XENNET_ADAPTER *Adapter);

// FALSE, and nothing changed, where the diagram has no such arrow: the caller was called out of order.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN StateMove(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ XENNET_STATE To);

/*
 * Takes back what XenVif has and lets packets move again. Between restart and pause; by the watchdog, which alone may
 * move the state then. FALSE: XenVif does not work at the moment, the adapter stays paused and sends are refused.
 */
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN StateRecover(_Inout_ struct _XENNET_ADAPTER *Adapter);

#endif
