/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One network adapter: its context and its parts. For those who put an adapter together (miniport, state, watchdog) and
 * those who answer for all of it (OIDs, attributes, statistics, XenVif's callbacks); a part itself sees context.h only.
 */
#ifndef XENNET_ADAPTER_H
#define XENNET_ADAPTER_H

#include <ndis.h>
#include "context.h"
#include "filter.h"

typedef struct _XENNET_ADAPTER {
    XENNET_CONTEXT Context;

    // Immutable after MiniportInitializeEx.
    struct _XENNET_OFFLOAD *Offload;
    struct _XENNET_TRANSMIT *Transmit;
    struct _XENNET_RECEIVE *Receive;
    struct _XENNET_RSS *Rss;
    struct _XENNET_LINK *Link;
    struct _XENNET_STORE *Store;
    struct _XENNET_WATCHDOG *Watchdog;
    ULONG TransmitRingSize; // packets of one queue
    ULONG ReceiveRingSize;

    // Within OID requests, which NDIS serialises.
    XENNET_FILTER Filter; // its addresses: immutable after MiniportInitializeEx
    ULONG Lookahead;
} XENNET_ADAPTER;

#endif
