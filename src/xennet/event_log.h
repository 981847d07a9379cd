/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries in the system event log, for the administrator. report.h is what the rest of the driver calls; events.ini has
 * the texts, of which the build makes events.h.
 */
#ifndef XENNET_EVENT_LOG_H
#define XENNET_EVENT_LOG_H

#include <ndis.h>

#include <events.h>

// NDIS takes 108 bytes of strings on x86: five numbers of ten digits, or a text of XENNET_LOG_TEXT characters.
#define XENNET_LOG_NUMBERS 5
#define XENNET_LOG_TEXT    53

VOID EventLogInitialize(_In_ DRIVER_OBJECT *Driver);

// One entry: a text, if there is one, and numbers, those with their bit in Hex set as hexadecimal.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID EventLogWrite(_In_ NTSTATUS Event, _In_opt_ const WCHAR *Text, _In_ ULONG Hex,
                   _In_range_(0, XENNET_LOG_NUMBERS) ULONG Count, _In_ const ULONG *Numbers);

#endif
