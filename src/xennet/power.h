/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device power states: what the adapter can do, and what NDIS asks for.
 */
#ifndef XENNET_POWER_H
#define XENNET_POWER_H

#include <ndis.h>

struct _XENNET_ADAPTER;
struct _XENNET_CONTEXT;

// D0 and D3, no wake-up.
VOID PowerGetCapabilities(_In_ const struct _XENNET_CONTEXT *Context, _Out_ NDIS_PM_CAPABILITIES *Capabilities);

// OID_PNP_SET_POWER, Buffer holding one NDIS_DEVICE_POWER_STATE.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS PowerSetState(_Inout_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

// OID_PM_PARAMETERS, Buffer holding Length bytes.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS PowerSetParameters(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

#endif
