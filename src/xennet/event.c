/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Self-describing events. An event is written as three kinds of blocks, one behind the other: the provider's name, the
 * event's name with the names and types of its fields, and the values. The first two are constants here:
 *
 *   provider:  UINT16 size of all, name, 0
 *   event:     UINT16 size of all, 0 (no tags), name, 0, then for each field: name, 0, type
 *
 * The channel number 11 and the kind of each block tell decoders that there is no manifest (Microsoft, "TraceLogging").
 * Systems that know nothing of it keep the bytes, and a decoder elsewhere reads them.
 *
 * IRQL: any; registration at PASSIVE. EventListeners counts sessions as the enable callback tells of them.
 *
 * The texts of the event log are NDIS's own (netevent.dll), chosen by the error code. What is ours are the values
 * behind it, so whoever writes a record also says the same in words through TRACE_ERROR; a keyword is named in the
 * place where such a text has the adapter's name.
 */
#include "event.h"
#include <evntprov.h>

#define EVENT_CHANNEL       11
#define EVENT_KIND_EVENT    1 // EVENT_DATA_DESCRIPTOR.Reserved
#define EVENT_KIND_PROVIDER 2

#define EVENT_LEVEL_ERROR   2
#define EVENT_LEVEL_INFO    4
#define EVENT_LEVEL_VERBOSE 5

#define EVENT_KEYWORD_LIFE     0x1
#define EVENT_KEYWORD_SETTINGS 0x2
#define EVENT_KEYWORD_DROPS    0x4

#define EVENT_MAX_VALUES 5 // the adapter and four of its own

#define EVENT_UINT(_Name) _Name "\0\x0A"
#define EVENT_HEX(_Name)  _Name "\0\x15"

static const GUID EventProvider = {0x6b1f6d0a, 0x3c59, 0x4e0b, {0x9c, 0x0e, 0x58, 0x45, 0x4e, 0x4e, 0x45, 0x54}};

static const struct {
    USHORT Size;
    CHAR Text[sizeof("XenNet")];
} EventTraits = {sizeof(USHORT) + sizeof("XenNet"), "XenNet"};

// The text starts with the byte of tags; the array holds the literal with its end, which does not count.
#define EVENT_SHAPE(_Name, _Text)                                                                                      \
    static const struct {                                                                                              \
        USHORT Size;                                                                                                   \
        CHAR Text[sizeof(_Text)];                                                                                      \
    } _Name = {sizeof(USHORT) + sizeof(_Text) - 1, _Text}

// clang-format off
EVENT_SHAPE(EventStart, "\0" "Start" "\0" EVENT_UINT("Adapter") EVENT_UINT("Vif") EVENT_UINT("Queues")
            EVENT_UINT("FrameSize"));
EVENT_SHAPE(EventStartFailed, "\0" "StartFailed" "\0" EVENT_UINT("Adapter") EVENT_UINT("Step") EVENT_HEX("Status"));
EVENT_SHAPE(EventStop, "\0" "Stop" "\0" EVENT_UINT("Adapter"));
EVENT_SHAPE(EventState, "\0" "State" "\0" EVENT_UINT("Adapter") EVENT_UINT("From") EVENT_UINT("To"));
EVENT_SHAPE(EventLink, "\0" "Link" "\0" EVENT_UINT("Adapter") EVENT_UINT("Connect") EVENT_UINT("Duplex")
            EVENT_UINT("Speed"));
EVENT_SHAPE(EventOffload, "\0" "Offload" "\0" EVENT_UINT("Adapter") EVENT_HEX("On") EVENT_HEX("Receive"));
EVENT_SHAPE(EventRss, "\0" "Rss" "\0" EVENT_UINT("Adapter") EVENT_UINT("Hash") EVENT_UINT("Scale") EVENT_HEX("Types")
            EVENT_UINT("Entries"));
EVENT_SHAPE(EventPower, "\0" "Power" "\0" EVENT_UINT("Adapter") EVENT_UINT("From") EVENT_UINT("To"));
EVENT_SHAPE(EventFilter, "\0" "PacketFilter" "\0" EVENT_UINT("Adapter") EVENT_HEX("Types"));
EVENT_SHAPE(EventVlan, "\0" "Vlan" "\0" EVENT_UINT("Adapter") EVENT_UINT("Id"));
EVENT_SHAPE(EventSendDrop, "\0" "SendDrop" "\0" EVENT_UINT("Adapter") EVENT_UINT("Reason") EVENT_UINT("Packets"));
EVENT_SHAPE(EventReceiveDrop, "\0" "ReceiveDrop" "\0" EVENT_UINT("Adapter") EVENT_UINT("Reason")
            EVENT_UINT("Packets"));
EVENT_SHAPE(EventFrameSize, "\0" "FrameSize" "\0" EVENT_UINT("Adapter") EVENT_UINT("Backend") EVENT_UINT("InForce")
            EVENT_UINT("Told"));
EVENT_SHAPE(EventRecovery, "\0" "Recovery" "\0" EVENT_UINT("Adapter") EVENT_UINT("Lists") EVENT_UINT("Works"));
EVENT_SHAPE(EventQueues, "\0" "Queues" "\0" EVENT_UINT("Adapter") EVENT_UINT("Before") EVENT_UINT("Now"));
// clang-format on

typedef struct _EVENT_ROW {
    const VOID *Shape; // begins with its USHORT size
    UCHAR Values;
    UCHAR Level;
    ULONGLONG Keyword;
} EVENT_ROW;

// In the order of XENNET_REPORT.
static const EVENT_ROW EventRows[] = {
    {&EventStart, 4, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
    {&EventStartFailed, 3, EVENT_LEVEL_ERROR, EVENT_KEYWORD_LIFE},
    {&EventStop, 1, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
    {&EventState, 3, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
    {&EventLink, 4, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
    {&EventOffload, 3, EVENT_LEVEL_INFO, EVENT_KEYWORD_SETTINGS},
    {&EventRss, 5, EVENT_LEVEL_INFO, EVENT_KEYWORD_SETTINGS},
    {&EventPower, 3, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
    {&EventFilter, 2, EVENT_LEVEL_INFO, EVENT_KEYWORD_SETTINGS},
    {&EventVlan, 2, EVENT_LEVEL_INFO, EVENT_KEYWORD_SETTINGS},
    {&EventSendDrop, 3, EVENT_LEVEL_VERBOSE, EVENT_KEYWORD_DROPS},
    {&EventReceiveDrop, 3, EVENT_LEVEL_VERBOSE, EVENT_KEYWORD_DROPS},
    {&EventFrameSize, 4, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
    {&EventRecovery, 3, EVENT_LEVEL_ERROR, EVENT_KEYWORD_LIFE},
    {&EventQueues, 3, EVENT_LEVEL_INFO, EVENT_KEYWORD_LIFE},
};

C_ASSERT(RTL_NUMBER_OF(EventRows) == XENNET_REPORT_COUNT);

static DRIVER_OBJECT *EventDriver;
static REGHANDLE EventHandle;
volatile LONG EventListeners;

static VOID NTAPI
EventEnabled(LPCGUID Source, ULONG Enabled, UCHAR Level, ULONGLONG Any, ULONGLONG All, PEVENT_FILTER_DESCRIPTOR Filter,
             PVOID Context)
{
    UNREFERENCED_PARAMETER(Source);
    UNREFERENCED_PARAMETER(Level);
    UNREFERENCED_PARAMETER(Any);
    UNREFERENCED_PARAMETER(All);
    UNREFERENCED_PARAMETER(Filter);
    UNREFERENCED_PARAMETER(Context);

    // The state of all sessions together; 2 asks for a report of the state and changes nothing.
    if (Enabled <= 1)
        (void)InterlockedExchange(&EventListeners, (LONG)Enabled);
}

_Use_decl_annotations_
VOID
EventRegister(DRIVER_OBJECT *Driver)
{
    NTSTATUS Status;

    EventDriver = Driver;
    Status = EtwRegister(&EventProvider, EventEnabled, NULL, &EventHandle);
    if (NT_SUCCESS(Status))
        return;
    EventHandle = 0;
    TRACE_ERROR("no event tracing (status %08x)\n", (ULONG)Status);
}

_Use_decl_annotations_
VOID
EventUnregister(VOID)
{
    if (EventHandle != 0)
        (void)EtwUnregister(EventHandle);
    EventHandle = 0;
    EventListeners = 0;
}

static VOID
EventDescribe(EVENT_DATA_DESCRIPTOR *Data, const VOID *Block, ULONG Size, ULONG Kind)
{
    Data->Ptr = (ULONG_PTR)Block;
    Data->Size = Size;
    Data->Reserved = Kind;
}

_Use_decl_annotations_
VOID
EventWriteReport(XENNET_REPORT Report, ULONG Adapter, ULONG64 First, ULONG64 Second, ULONG64 Third, ULONG64 Fourth)
{
    EVENT_DATA_DESCRIPTOR Data[3];
    EVENT_DESCRIPTOR Descriptor;
    ULONG64 Values[EVENT_MAX_VALUES];
    const EVENT_ROW *Row = &EventRows[Report];

    RtlZeroMemory(&Descriptor, sizeof(Descriptor));
    Descriptor.Channel = EVENT_CHANNEL;
    Descriptor.Level = Row->Level;
    Descriptor.Keyword = Row->Keyword;
    Values[0] = Adapter;
    Values[1] = First;
    Values[2] = Second;
    Values[3] = Third;
    Values[4] = Fourth;
    EventDescribe(&Data[0], &EventTraits, EventTraits.Size, EVENT_KIND_PROVIDER);
    EventDescribe(&Data[1], Row->Shape, *(const USHORT *)Row->Shape, EVENT_KIND_EVENT);
    EventDescribe(&Data[2], Values, Row->Values * sizeof(Values[0]), 0);
    (void)EtwWrite(EventHandle, &Descriptor, NULL, RTL_NUMBER_OF(Data), Data);
}

_Use_decl_annotations_
VOID
EventLog(NDIS_HANDLE NdisHandle, NDIS_ERROR_CODE Code, XENNET_EVENT Event, ULONG First, ULONG Second, ULONG Third)
{
    NdisWriteErrorLogEntry(NdisHandle, Code, 4, (ULONG)Event, First, Second, Third);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
EventAppendNumber(UNICODE_STRING *Text, ULONG Number)
{
    WCHAR Buffer[sizeof("4294967295")];
    UNICODE_STRING Digits;

    Digits.Buffer = Buffer;
    Digits.Length = 0;
    Digits.MaximumLength = sizeof(Buffer);
    (void)RtlIntegerToUnicodeString(Number, 10, &Digits);
    (void)RtlAppendUnicodeStringToString(Text, &Digits);
}

_Use_decl_annotations_
VOID
EventLogKeyword(const UNICODE_STRING *Keyword, const ULONG *Value, ULONG Used)
{
    WCHAR Buffer[96];
    UNICODE_STRING Text;
    WCHAR *Strings[1];

    // Zeroed and one short: what was appended is ended, whatever did not fit.
    RtlZeroMemory(Buffer, sizeof(Buffer));
    Text.Buffer = Buffer;
    Text.Length = 0;
    Text.MaximumLength = sizeof(Buffer) - sizeof(WCHAR);
    (void)RtlAppendUnicodeStringToString(&Text, (UNICODE_STRING *)Keyword);
    if (Value != NULL) {
        (void)RtlAppendUnicodeToString(&Text, L" = ");
        EventAppendNumber(&Text, *Value);
        (void)RtlAppendUnicodeToString(&Text, L", using ");
    } else {
        (void)RtlAppendUnicodeToString(&Text, L" is no number, using ");
    }
    EventAppendNumber(&Text, Used);
    TRACE_ERROR("keyword %wZ\n", &Text);
    Strings[0] = Buffer;
    (void)NdisWriteEventLogEntry(EventDriver, NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION, XENNET_EVENT_KEYWORD_RANGE,
                                 RTL_NUMBER_OF(Strings), Strings, 0, NULL);
}
