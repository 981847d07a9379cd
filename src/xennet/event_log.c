/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts are a message table in the driver's resources (events.ini); what is written here are the code and the
 * strings for the text's places. The entry's object is the driver, so an entry can be written before there is an
 * adapter; which adapter is meant is among the strings.
 *
 * EventLogDriver is written by DriverEntry.
 */
#include "event_log.h"

#define EVENT_LOG_DIGITS sizeof("0x00000000")

static DRIVER_OBJECT *EventLogDriver;

_Use_decl_annotations_
VOID
EventLogInitialize(DRIVER_OBJECT *Driver)
{
    EventLogDriver = Driver;
}

// Decimal, or eight hexadecimal digits. Not Rtl's: that is for PASSIVE only.
static VOID
EventLogFormat(WCHAR *Text, ULONG Number, BOOLEAN Hex)
{
    ULONG Base = Hex ? 16 : 10;
    ULONG Digits = Hex ? 8 : 1;
    ULONG Rest;

    for (Rest = Number / Base; !Hex && Rest != 0; Rest /= Base)
        Digits++;
    if (Hex) {
        *Text++ = L'0';
        *Text++ = L'x';
    }
    Text[Digits] = L'\0';
    while (Digits-- != 0) {
        Text[Digits] = (WCHAR)(Number % Base < 10 ? L'0' + Number % Base : L'a' + Number % Base - 10);
        Number /= Base;
    }
}

_Use_decl_annotations_
VOID
EventLogWrite(NTSTATUS Event, const WCHAR *Text, ULONG Hex, ULONG Count, const ULONG *Numbers)
{
    WCHAR Digits[XENNET_LOG_NUMBERS][EVENT_LOG_DIGITS];
    const WCHAR *Strings[1 + XENNET_LOG_NUMBERS];
    USHORT Used = 0;
    ULONG Index;

    if (Text != NULL)
        Strings[Used++] = Text;
    for (Index = 0; Index < Count; Index++) {
        EventLogFormat(Digits[Index], Numbers[Index], (BOOLEAN)(Hex >> Index & 1));
        Strings[Used++] = Digits[Index];
    }
    (void)NdisWriteEventLogEntry(EventLogDriver, Event, (ULONG)Event & 0xffff, Used, (PVOID)Strings, 0, NULL);
}
