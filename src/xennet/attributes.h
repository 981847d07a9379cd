/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What NDIS is told about an adapter before it is used: the registration, the general and the offload attributes.
 */
#ifndef XENNET_ATTRIBUTES_H
#define XENNET_ATTRIBUTES_H

#include <ndis.h>

struct _XENNET_ADAPTER;

#define ATTRIBUTES_PACKET_FILTERS                                                                                      \
    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST |                         \
     NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_PROMISCUOUS)

// First of all attributes: gives NDIS the context that every handler gets.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetRegistration(_In_ struct _XENNET_ADAPTER *Adapter);

// NDIS_MAC_OPTION_*, also the answer to OID_GEN_MAC_OPTIONS.
ULONG AttributesMacOptions(_In_ const struct _XENNET_ADAPTER *Adapter);

// After VIF, link and RSS are known.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetGeneral(_In_ struct _XENNET_ADAPTER *Adapter);

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetOffload(_In_ struct _XENNET_ADAPTER *Adapter);

// OID_PM_PARAMETERS, Buffer holding Length bytes.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetPower(_In_ struct _XENNET_ADAPTER *Adapter, _In_ const VOID *Buffer, _In_ ULONG Length);

#endif
