/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Task offloads: what the backend makes possible, what is switched on now, and how NDIS and XenVif
 * are notified of it.
 */
#ifndef XENNET_OFFLOAD_H
#define XENNET_OFFLOAD_H

#include <ndis.h>
#include "offload_setting.h"

struct _XENNET_CONTEXT;
struct _XENNET_RECEIVE;
struct _XENNET_TRANSMIT;

// Wanted: OFFLOAD_* that the keywords ask for.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS OffloadCreate(_In_ struct _XENNET_CONTEXT *Context, _In_ ULONG Wanted, _Outptr_ XENNET_OFFLOAD **Offload);

// Who gets what packets on their way out may ask for, and whose packets go up before RSC is off.
_IRQL_requires_(PASSIVE_LEVEL)
VOID OffloadAttach(_Inout_ XENNET_OFFLOAD *Offload, _In_ struct _XENNET_TRANSMIT *Sender,
                   _In_ struct _XENNET_RECEIVE *Receive);

_IRQL_requires_(PASSIVE_LEVEL)
VOID OffloadDestroy(_In_opt_ XENNET_OFFLOAD *Offload);

// Sets what XenVif does to received packets. Once before the VIF is enabled, then at each change.
_IRQL_requires_(PASSIVE_LEVEL)
VOID OffloadApplyReceive(_In_ XENNET_OFFLOAD *Offload);

// What is on from the start and what can be done, as records of the NDIS version that is registered.
_IRQL_requires_(PASSIVE_LEVEL)
VOID OffloadGetAttributes(_In_ const XENNET_OFFLOAD *Offload, _Out_ NDIS_OFFLOAD *Default,
                          _Out_ NDIS_OFFLOAD *Hardware);

// Current, Encapsulated or SwitchedOff have changed: XenVif gets what follows from them, NDIS a report of what is on.
_IRQL_requires_(PASSIVE_LEVEL)
VOID OffloadApply(_Inout_ XENNET_OFFLOAD *Offload);

// The VIF is connected, perhaps to the backend of another host, which may do less than the last one, or more.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID OffloadFollow(_Inout_ XENNET_OFFLOAD *Offload);

// Bytes of the longest frame that may be sent with segmentation, headers included.
ULONG OffloadMaximumLargeSend(_In_ const XENNET_OFFLOAD *Offload);

#endif
