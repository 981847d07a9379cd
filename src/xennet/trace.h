/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace events (ETW). Each carries its own name and those of its fields, so any decoder shows them without a manifest.
 * The provider is "XenNet", {6B1F6D0A-3C59-4E0B-9C0E-58454E4E4554}. Any IRQL; without a session an event costs one
 * test.
 *
 * report.h is what the rest of the driver calls.
 */
#ifndef XENNET_TRACE_H
#define XENNET_TRACE_H

#include <ndis.h>

typedef enum _XENNET_TRACE_EVENT {
    XENNET_TRACE_START,        // VIF version, queues, frame bytes
    XENNET_TRACE_START_FAILED, // step, status
    XENNET_TRACE_STOP,
    XENNET_TRACE_STATE,        // from, to: XENNET_STATE
    XENNET_TRACE_LINK,         // connect, duplex, bits per second
    XENNET_TRACE_OFFLOAD,      // OFFLOAD_* switched on; those of received packets in force
    XENNET_TRACE_RSS,          // hash, scale, NDIS_HASH_* types, table entries
    XENNET_TRACE_POWER,        // from, to: NDIS_DEVICE_POWER_STATE
    XENNET_TRACE_FILTER,       // NDIS_PACKET_TYPE_*
    XENNET_TRACE_VLAN,         // VLAN or 0
    XENNET_TRACE_SEND_DROP,    // XENNET_TRANSMIT_DROP, packets
    XENNET_TRACE_RECEIVE_DROP, // XENNET_RECEIVE_DROP, packets
    XENNET_TRACE_FRAME_SIZE,   // bytes the backend carries, bytes in force, bytes advertised to NDIS
    XENNET_TRACE_RECOVERY,     // NBLs that were outstanding, whether XenVif works again
    XENNET_TRACE_QUEUES,       // queues before, queues now
    XENNET_TRACE_STALL,        // NBLs that stand still, NBLs that are outstanding
    XENNET_TRACE_COUNT
} XENNET_TRACE_EVENT;

// Before the first adapter and after the last. Without a registration events go nowhere.
_IRQL_requires_(PASSIVE_LEVEL)
VOID TraceRegister(VOID);

_IRQL_requires_(PASSIVE_LEVEL)
VOID TraceUnregister(VOID);

extern volatile LONG TraceListeners; // written by trace.c: 0 without a session

// Call TRACE_EVENT. Adapter: its interface index. The values that an event does not have are ignored.
VOID TraceWrite(_In_ XENNET_TRACE_EVENT Event, _In_ ULONG Adapter, _In_ ULONG64 First, _In_ ULONG64 Second,
                _In_ ULONG64 Third, _In_ ULONG64 Fourth);

#define TRACE_EVENT(_Event, _Adapter, _First, _Second, _Third, _Fourth)                                                \
    do {                                                                                                               \
        if (TraceListeners != 0)                                                                                       \
            TraceWrite((_Event), (_Adapter), (_First), (_Second), (_Third), (_Fourth));                                \
    } while (0)

#endif
