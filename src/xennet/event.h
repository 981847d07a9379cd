/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event tracing: what the driver reports while somebody listens. Each event carries its own name and those of its
 * fields, so any decoder shows them without a manifest. The provider is "XenNet",
 * {6B1F6D0A-3C59-4E0B-9C0E-58454E4E4554}.
 *
 * Any IRQL. With nobody listening a report costs one test.
 */
#ifndef XENNET_EVENT_H
#define XENNET_EVENT_H

#include <ndis.h>

typedef enum _XENNET_REPORT {
    XENNET_REPORT_START,                // VIF version, queues, frame bytes
    XENNET_REPORT_START_FAILED,         // step, status
    XENNET_REPORT_STOP,
    XENNET_REPORT_STATE,                // from, to: XENNET_STATE
    XENNET_REPORT_LINK,                 // connect, duplex, bits per second
    XENNET_REPORT_OFFLOAD,              // OFFLOAD_* switched on; those of received packets in force
    XENNET_REPORT_RSS,                  // hash, scale, NDIS_HASH_* types, table entries
    XENNET_REPORT_POWER,                // from, to: NDIS_DEVICE_POWER_STATE
    XENNET_REPORT_FILTER,               // NDIS_PACKET_TYPE_*
    XENNET_REPORT_VLAN,                 // VLAN or 0
    XENNET_REPORT_SEND_DROP,            // XENNET_TRANSMIT_DROP, packets
    XENNET_REPORT_RECEIVE_DROP,         // XENNET_RECEIVE_DROP, packets
    XENNET_REPORT_COUNT
} XENNET_REPORT;

// Before the first adapter and after the last. Without a registration reports go nowhere.
_IRQL_requires_(PASSIVE_LEVEL)
VOID EventRegister(VOID);

_IRQL_requires_(PASSIVE_LEVEL)
VOID EventUnregister(VOID);

// Adapter: its interface index. The values that an event does not have are not looked at.
VOID EventWriteReport(_In_ XENNET_REPORT Report, _In_ ULONG Adapter, _In_ ULONG64 First, _In_ ULONG64 Second,
                      _In_ ULONG64 Third, _In_ ULONG64 Fourth);

extern volatile LONG EventListeners;    // written by event.c

#define EVENT_REPORT(_Report, _Adapter, _First, _Second, _Third, _Fourth)                   \
    do {                                                                                    \
        if (EventListeners != 0)                                                            \
            EventWriteReport((_Report), (_Adapter)->IfIndex, (_First), (_Second), (_Third), (_Fourth)); \
    } while (0)

#endif
