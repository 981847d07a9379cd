/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries in the system event log, for the administrator. report.h is what the rest of the driver calls.
 */
#ifndef XENNET_EVENT_LOG_H
#define XENNET_EVENT_LOG_H

#include <ndis.h>

// First value of an entry: what it is about.
typedef enum _XENNET_LOG_ENTRY {
    XENNET_LOG_INTERFACE_MISSING = 1, // then: interface (XENNET_INTERFACE), lowest, highest version
    XENNET_LOG_KEYWORD_RANGE = 2,     // an entry in words: see EventLogWriteText
    XENNET_LOG_START_FAILED = 3,      // then: step, status
    XENNET_LOG_NETWORK_ADDRESS = 4,   // NetworkAddress is no unicast address; then: bytes it has
    XENNET_LOG_BACKEND_SILENT = 5,    // a queue stands still; then: its sends at least, all outstanding, times
    XENNET_LOG_FRAME_SIZE = 6,        // the backend's frames have changed; then: bytes now, bytes advertised to NDIS
    XENNET_LOG_NO_RSS = 7,            // several queues, no receive side scaling; then: queues, XenVif's status
    XENNET_LOG_BACKEND_GONE = 8       // sends were aborted; then: how many, whether XenVif works, times
} XENNET_LOG_ENTRY;

// Before the first adapter: an entry in words is the driver's.
_IRQL_requires_(PASSIVE_LEVEL)
VOID EventLogInitialize(_In_ DRIVER_OBJECT *Driver);

// One entry of up to three values. Code chooses NDIS's text.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID EventLogWrite(_In_ NDIS_HANDLE NdisHandle, _In_ NDIS_ERROR_CODE Code, _In_ XENNET_LOG_ENTRY Entry,
                   _In_ ULONG First, _In_ ULONG Second, _In_ ULONG Third);

// One entry of words, which stand in the place where NDIS's text has the adapter's name.
_IRQL_requires_(PASSIVE_LEVEL)
VOID EventLogWriteText(_In_ NDIS_ERROR_CODE Code, _In_ XENNET_LOG_ENTRY Entry, _In_ WCHAR *Text);

#endif
