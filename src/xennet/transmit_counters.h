/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted of sends, and why a packet was dropped. include/counters.h has the same for those who read them.
 */
#ifndef XENNET_TRANSMIT_COUNTERS_H
#define XENNET_TRANSMIT_COUNTERS_H

#include <ndis.h>

// Why a packet that NDIS handed over never reached the backend.
typedef enum _XENNET_TRANSMIT_DROP {
    XENNET_TRANSMIT_DROP_STATE,   // adapter not running
    XENNET_TRANSMIT_DROP_OFFLOAD, // an offload that was never offered
    XENNET_TRANSMIT_DROP_LENGTH,  // empty, shorter than a header, or longer than a frame may be
    XENNET_TRANSMIT_DROP_QUEUE,   // XenVif would not take it
    XENNET_TRANSMIT_DROP_BACKEND, // XenVif or the backend dropped it
    XENNET_TRANSMIT_DROP_COUNT
} XENNET_TRANSMIT_DROP;

#define XENNET_TRANSMIT_AGES 3

// Sums over all processors, in packets (NBs) unless a member has another unit, read while they move.
typedef struct _XENNET_TRANSMIT_COUNTERS {
    ULONG64 NdisCalls; // send calls plus completion calls
    ULONG64 Lists;     // NBLs taken
    ULONG64 ListsCompleted;
    ULONG64 Out[XENNET_TRANSMIT_AGES]; // NBLs of each age that are out
    ULONG64 Drops[XENNET_TRANSMIT_DROP_COUNT];
    ULONG64 Stalls; // times that a queue stood still
} XENNET_TRANSMIT_COUNTERS;

#endif
