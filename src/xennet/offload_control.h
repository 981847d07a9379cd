/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who switches offloads on and off: keywords at the start, two OID requests later. PASSIVE, serialised by NDIS.
 */
#ifndef XENNET_OFFLOAD_CONTROL_H
#define XENNET_OFFLOAD_CONTROL_H

#include <ndis.h>
#include "config.h"
#include "offload.h"

// The OFFLOAD_* bits that the keywords ask for.
ULONG OffloadControlFromConfig(_In_ const XENNET_CONFIG *Config);

// OID_TCP_OFFLOAD_PARAMETERS: Buffer holds Length bytes, a record of the first revision at least, as oid.c sees to.
// What is refused changes nothing.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS OffloadControlSetParameters(_In_ XENNET_OFFLOAD *Offload, _In_ const VOID *Buffer, _In_ ULONG Length);

// OID_OFFLOAD_ENCAPSULATION, likewise.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS OffloadControlSetEncapsulation(_In_ XENNET_OFFLOAD *Offload, _In_ const VOID *Buffer, _In_ ULONG Length);

#endif
