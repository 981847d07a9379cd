/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is advertised to NDIS of an adapter before it is used: the registration, the general and the offload attributes.
 */
#ifndef XENNET_ATTRIBUTES_H
#define XENNET_ATTRIBUTES_H

#include <ndis.h>

struct _XENNET_ADAPTER;

// First of all attributes: gives NDIS the context that every handler gets.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetRegistration(_In_ struct _XENNET_ADAPTER *Adapter);

// After VIF, link and RSS are known.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetGeneral(_In_ struct _XENNET_ADAPTER *Adapter);

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS AttributesSetOffload(_In_ struct _XENNET_ADAPTER *Adapter);

#endif
