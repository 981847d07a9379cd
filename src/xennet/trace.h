/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver says about itself: debugger text and the system event log.
 *
 * TRACE is for developers and exists in checked builds only; TRACE_ERROR is for whoever looks at a machine
 * that does not work, in every build. Neither is on a path that a packet takes when all is well. Any IRQL.
 */
#ifndef XENNET_TRACE_H
#define XENNET_TRACE_H

#include <ndis.h>

#define TRACE_ERROR(...) ((VOID)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "xennet: " __VA_ARGS__))

#if DBG
#define TRACE(...) ((VOID)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "xennet: " __VA_ARGS__))
#else
#define TRACE(...) ((VOID)0)
#endif

// Second value of an event log record: where in the driver the record comes from.
typedef enum _XENNET_EVENT {
    XENNET_EVENT_INTERFACE_MISSING = 1,     // then: interface (1 VIF, 2 STORE, 3 SUSPEND), lowest, highest version
    XENNET_EVENT_KEYWORD_RANGE = 2,         // then: keyword's index in the table, value read, value used
    XENNET_EVENT_START_FAILED = 3,          // then: step, status
    XENNET_EVENT_NETWORK_ADDRESS = 4        // NetworkAddress is no station's address; then: bytes it has
} XENNET_EVENT;

// Writes one record of up to three values to the system event log. IRQL: PASSIVE to DISPATCH.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TraceLogEvent(_In_ NDIS_HANDLE NdisHandle, _In_ NDIS_ERROR_CODE Code, _In_ XENNET_EVENT Event,
                   _In_ ULONG First, _In_ ULONG Second, _In_ ULONG Third);

#endif
