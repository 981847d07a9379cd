/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OID requests: one table has which there are, how long their data is and who answers.
 */
#ifndef XENNET_OID_H
#define XENNET_OID_H

#include <ndis.h>
#include "oid_value.h"

struct _XENNET_ADAPTER;

MINIPORT_OID_REQUEST OidRequest;
MINIPORT_CANCEL_OID_REQUEST OidCancelRequest;
MINIPORT_SYNCHRONOUS_OID_REQUEST OidSynchronousRequest; // NDIS 6.80, at DISPATCH, beside the others

// Writes the OIDs this adapter answers, at most OID_MAX_LIST, and returns their length in bytes.
ULONG OidGetList(_In_ const struct _XENNET_ADAPTER *Adapter, _Out_writes_(OID_MAX_LIST) NDIS_OID *List);

// Passes the packet filter in force to XenVif. Once at start, then whenever it is set.
_IRQL_requires_(PASSIVE_LEVEL)
NTSTATUS OidApplyPacketFilter(_In_ struct _XENNET_ADAPTER *Adapter);

#endif
