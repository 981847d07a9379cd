/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts of the event log are NDIS's own (netevent.dll), chosen by the error code. What is ours are the values
 * behind it; report.c gives the same in words to the debugger.
 *
 * EventLogDriver is written by DriverEntry.
 */
#include "event_log.h"

static DRIVER_OBJECT *EventLogDriver;

_Use_decl_annotations_
VOID
EventLogInitialize(DRIVER_OBJECT *Driver)
{
    EventLogDriver = Driver;
}

_Use_decl_annotations_
VOID
EventLogWrite(NDIS_HANDLE NdisHandle, NDIS_ERROR_CODE Code, XENNET_LOG_ENTRY Entry, ULONG First, ULONG Second,
              ULONG Third)
{
    NdisWriteErrorLogEntry(NdisHandle, Code, 4, (ULONG)Entry, First, Second, Third);
}

_Use_decl_annotations_
VOID
EventLogWriteText(NDIS_ERROR_CODE Code, XENNET_LOG_ENTRY Entry, WCHAR *Text)
{
    WCHAR *Strings[1];

    Strings[0] = Text;
    (void)NdisWriteEventLogEntry(EventLogDriver, Code, (ULONG)Entry, RTL_NUMBER_OF(Strings), Strings, 0, NULL);
}
