/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver says about itself, to three readers:
 *
 *   EVENT_REPORT   whoever traces: each event carries its own name and those of its fields, so any decoder shows them
 *                  without a manifest. The provider is "XenNet", {6B1F6D0A-3C59-4E0B-9C0E-58454E4E4554}. Any IRQL;
 *                  with nobody listening a report costs one test.
 *   EventLog       the administrator, in the system event log.
 *   TRACE_ERROR    whoever looks at a machine that does not work, in the debugger and in every build; TRACE, for
 *                  developers, in checked builds only. Any IRQL, never on a path that a packet takes when all is well.
 */
#ifndef XENNET_EVENT_H
#define XENNET_EVENT_H

#include <ndis.h>

#define TRACE_ERROR(...) ((void)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "xennet: " __VA_ARGS__))

#if DBG
#define TRACE(...) ((void)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "xennet: " __VA_ARGS__))
#else
#define TRACE(...) ((void)0)
#endif

// First value of a record in the event log: what it is about.
typedef enum _XENNET_EVENT {
    XENNET_EVENT_INTERFACE_MISSING = 1, // then: interface (1 VIF, 2 STORE, 3 SUSPEND), lowest, highest version
    XENNET_EVENT_KEYWORD_RANGE = 2,     // an entry in words: see EventLogKeyword
    XENNET_EVENT_START_FAILED = 3,      // then: step, status
    XENNET_EVENT_NETWORK_ADDRESS = 4,   // NetworkAddress is no station's address; then: bytes it has
    XENNET_EVENT_BACKEND_SILENT = 5,    // sends were taken back; then: how many, whether XenVif works, times
    XENNET_EVENT_FRAME_SIZE = 6,        // the backend's frames have changed; then: bytes now, bytes told to NDIS
    XENNET_EVENT_NO_RSS = 7             // several queues, no receive side scaling; then: queues, XenVif's status
} XENNET_EVENT;

typedef enum _XENNET_REPORT {
    XENNET_REPORT_START,        // VIF version, queues, frame bytes
    XENNET_REPORT_START_FAILED, // step, status
    XENNET_REPORT_STOP,
    XENNET_REPORT_STATE,        // from, to: XENNET_STATE
    XENNET_REPORT_LINK,         // connect, duplex, bits per second
    XENNET_REPORT_OFFLOAD,      // OFFLOAD_* switched on; those of received packets in force
    XENNET_REPORT_RSS,          // hash, scale, NDIS_HASH_* types, table entries
    XENNET_REPORT_POWER,        // from, to: NDIS_DEVICE_POWER_STATE
    XENNET_REPORT_FILTER,       // NDIS_PACKET_TYPE_*
    XENNET_REPORT_VLAN,         // VLAN or 0
    XENNET_REPORT_SEND_DROP,    // XENNET_TRANSMIT_DROP, packets
    XENNET_REPORT_RECEIVE_DROP, // XENNET_RECEIVE_DROP, packets
    XENNET_REPORT_FRAME_SIZE,   // bytes the backend carries, bytes in force, bytes told to NDIS
    XENNET_REPORT_RECOVERY,     // NBLs that were out, whether XenVif works again
    XENNET_REPORT_QUEUES,       // queues before, queues now
    XENNET_REPORT_COUNT
} XENNET_REPORT;

// Before the first adapter and after the last. Without a registration reports go nowhere.
_IRQL_requires_(PASSIVE_LEVEL)
VOID EventRegister(_In_ DRIVER_OBJECT *Driver);

_IRQL_requires_(PASSIVE_LEVEL)
VOID EventUnregister(VOID);

// Adapter: its interface index. The values that an event does not have are not looked at.
VOID EventWriteReport(_In_ XENNET_REPORT Report, _In_ ULONG Adapter, _In_ ULONG64 First, _In_ ULONG64 Second,
                      _In_ ULONG64 Third, _In_ ULONG64 Fourth);

extern volatile LONG EventListeners; // written by event.c

// Writes one record of up to three values to the system event log.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID EventLog(_In_ NDIS_HANDLE NdisHandle, _In_ NDIS_ERROR_CODE Code, _In_ XENNET_EVENT Event, _In_ ULONG First,
              _In_ ULONG Second, _In_ ULONG Third);

// Writes "<keyword> = <value>, using <used>" to the system event log; Value NULL: it is no number.
_IRQL_requires_(PASSIVE_LEVEL)
VOID EventLogKeyword(_In_ const UNICODE_STRING *Keyword, _In_opt_ const ULONG *Value, _In_ ULONG Used);

#define EVENT_REPORT(_Report, _Adapter, _First, _Second, _Third, _Fourth)                                              \
    do {                                                                                                               \
        if (EventListeners != 0)                                                                                       \
            EventWriteReport((_Report), (_Adapter)->IfIndex, (_First), (_Second), (_Third), (_Fourth));                \
    } while (0)

#endif
