/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace events that describe themselves. An event is written as three kinds of blocks, one behind the other: the
 * provider's name, the event's name with the names and types of its fields, and the values. The first two are constants
 * here:
 *
 *   provider:  UINT16 size of all, name, 0
 *   event:     UINT16 size of all, 0 (no tags), name, 0, then for each field: name, 0, type
 *
 * The channel number 11 and the kind of each block show decoders that there is no manifest (Microsoft, "TraceLogging").
 * Systems without such decoders keep the bytes, and a decoder elsewhere reads them.
 *
 * IRQL: any; registration at PASSIVE. TraceListeners follows the enable callback.
 */
#include "trace.h"
#include <evntprov.h>
#include "debug.h"

#define TRACE_CHANNEL       11
#define TRACE_KIND_EVENT    1 // EVENT_DATA_DESCRIPTOR.Reserved
#define TRACE_KIND_PROVIDER 2

#define TRACE_LEVEL_ERROR   2
#define TRACE_LEVEL_INFO    4
#define TRACE_LEVEL_VERBOSE 5

#define TRACE_KEYWORD_LIFE     0x1
#define TRACE_KEYWORD_SETTINGS 0x2
#define TRACE_KEYWORD_DROPS    0x4

#define TRACE_MAX_VALUES 5 // the adapter and four of its own

#define TRACE_UINT(_Name) _Name "\0\x0A"
#define TRACE_HEX(_Name)  _Name "\0\x15"

static const GUID TraceProvider = {0x6b1f6d0a, 0x3c59, 0x4e0b, {0x9c, 0x0e, 0x58, 0x45, 0x4e, 0x4e, 0x45, 0x54}};

static const struct {
    USHORT Size;
    CHAR Text[sizeof("XenNet")];
} TraceTraits = {sizeof(USHORT) + sizeof("XenNet"), "XenNet"};

// The text starts with the byte of tags; the array holds the literal with its end, which does not count.
#define TRACE_SHAPE(_Name, _Text)                                                                                      \
    static const struct {                                                                                              \
        USHORT Size;                                                                                                   \
        CHAR Text[sizeof(_Text)];                                                                                      \
    } _Name = {sizeof(USHORT) + sizeof(_Text) - 1, _Text}

// clang-format off
TRACE_SHAPE(TraceStart, "\0" "Start" "\0" TRACE_UINT("Adapter") TRACE_UINT("Vif") TRACE_UINT("Queues")
            TRACE_UINT("FrameSize"));
TRACE_SHAPE(TraceStartFailed, "\0" "StartFailed" "\0" TRACE_UINT("Adapter") TRACE_UINT("Step") TRACE_HEX("Status"));
TRACE_SHAPE(TraceStop, "\0" "Stop" "\0" TRACE_UINT("Adapter"));
TRACE_SHAPE(TraceState, "\0" "State" "\0" TRACE_UINT("Adapter") TRACE_UINT("From") TRACE_UINT("To"));
TRACE_SHAPE(TraceLink, "\0" "Link" "\0" TRACE_UINT("Adapter") TRACE_UINT("Connect") TRACE_UINT("Duplex")
            TRACE_UINT("Speed"));
TRACE_SHAPE(TraceOffload, "\0" "Offload" "\0" TRACE_UINT("Adapter") TRACE_HEX("On") TRACE_HEX("Receive"));
TRACE_SHAPE(TraceRss, "\0" "Rss" "\0" TRACE_UINT("Adapter") TRACE_UINT("Hash") TRACE_UINT("Scale") TRACE_HEX("Types")
            TRACE_UINT("Entries"));
TRACE_SHAPE(TracePower, "\0" "Power" "\0" TRACE_UINT("Adapter") TRACE_UINT("From") TRACE_UINT("To"));
TRACE_SHAPE(TraceFilter, "\0" "PacketFilter" "\0" TRACE_UINT("Adapter") TRACE_HEX("Types"));
TRACE_SHAPE(TraceVlan, "\0" "Vlan" "\0" TRACE_UINT("Adapter") TRACE_UINT("Id"));
TRACE_SHAPE(TraceSendDrop, "\0" "SendDrop" "\0" TRACE_UINT("Adapter") TRACE_UINT("Reason") TRACE_UINT("Packets"));
TRACE_SHAPE(TraceReceiveDrop, "\0" "ReceiveDrop" "\0" TRACE_UINT("Adapter") TRACE_UINT("Reason")
            TRACE_UINT("Packets"));
TRACE_SHAPE(TraceFrameSize, "\0" "FrameSize" "\0" TRACE_UINT("Adapter") TRACE_UINT("Backend") TRACE_UINT("InForce")
            TRACE_UINT("Advertised"));
TRACE_SHAPE(TraceRecovery, "\0" "Recovery" "\0" TRACE_UINT("Adapter") TRACE_UINT("Lists") TRACE_UINT("Works"));
TRACE_SHAPE(TraceStall, "\0" "Stall" "\0" TRACE_UINT("Adapter") TRACE_UINT("Lists") TRACE_UINT("Out"));
TRACE_SHAPE(TraceQueues, "\0" "Queues" "\0" TRACE_UINT("Adapter") TRACE_UINT("Before") TRACE_UINT("Now"));
// clang-format on

typedef struct _TRACE_ROW {
    const VOID *Shape; // begins with its USHORT size
    UCHAR Values;
    UCHAR Level;
    ULONGLONG Keyword;
} TRACE_ROW;

// In the order of XENNET_TRACE_EVENT.
static const TRACE_ROW TraceRows[] = {
    {&TraceStart, 4, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceStartFailed, 3, TRACE_LEVEL_ERROR, TRACE_KEYWORD_LIFE},
    {&TraceStop, 1, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceState, 3, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceLink, 4, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceOffload, 3, TRACE_LEVEL_INFO, TRACE_KEYWORD_SETTINGS},
    {&TraceRss, 5, TRACE_LEVEL_INFO, TRACE_KEYWORD_SETTINGS},
    {&TracePower, 3, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceFilter, 2, TRACE_LEVEL_INFO, TRACE_KEYWORD_SETTINGS},
    {&TraceVlan, 2, TRACE_LEVEL_INFO, TRACE_KEYWORD_SETTINGS},
    {&TraceSendDrop, 3, TRACE_LEVEL_VERBOSE, TRACE_KEYWORD_DROPS},
    {&TraceReceiveDrop, 3, TRACE_LEVEL_VERBOSE, TRACE_KEYWORD_DROPS},
    {&TraceFrameSize, 4, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceRecovery, 3, TRACE_LEVEL_ERROR, TRACE_KEYWORD_LIFE},
    {&TraceQueues, 3, TRACE_LEVEL_INFO, TRACE_KEYWORD_LIFE},
    {&TraceStall, 3, TRACE_LEVEL_ERROR, TRACE_KEYWORD_LIFE},
};

C_ASSERT(RTL_NUMBER_OF(TraceRows) == XENNET_TRACE_COUNT);

static REGHANDLE TraceHandle;
volatile LONG TraceListeners;

static VOID NTAPI
TraceEnabled(LPCGUID Source, ULONG Enabled, UCHAR Level, ULONGLONG Any, ULONGLONG All, PEVENT_FILTER_DESCRIPTOR Filter,
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
        (void)InterlockedExchange(&TraceListeners, (LONG)Enabled);
}

_Use_decl_annotations_
VOID
TraceRegister(VOID)
{
    NTSTATUS Status;

    Status = EtwRegister(&TraceProvider, TraceEnabled, NULL, &TraceHandle);
    if (NT_SUCCESS(Status))
        return;
    TraceHandle = 0;
    DEBUG_ERROR("no event tracing (status %08x)\n", (ULONG)Status);
}

_Use_decl_annotations_
VOID
TraceUnregister(VOID)
{
    if (TraceHandle != 0)
        (void)EtwUnregister(TraceHandle);
    TraceHandle = 0;
    TraceListeners = 0;
}

static VOID
TraceDescribe(EVENT_DATA_DESCRIPTOR *Data, const VOID *Block, ULONG Size, ULONG Kind)
{
    Data->Ptr = (ULONG_PTR)Block;
    Data->Size = Size;
    Data->Reserved = Kind;
}

_Use_decl_annotations_
VOID
TraceWrite(XENNET_TRACE_EVENT Event, ULONG Adapter, ULONG64 First, ULONG64 Second, ULONG64 Third, ULONG64 Fourth)
{
    EVENT_DATA_DESCRIPTOR Data[3];
    EVENT_DESCRIPTOR Descriptor;
    ULONG64 Values[TRACE_MAX_VALUES];
    const TRACE_ROW *Row = &TraceRows[Event];

    RtlZeroMemory(&Descriptor, sizeof(Descriptor));
    Descriptor.Channel = TRACE_CHANNEL;
    Descriptor.Level = Row->Level;
    Descriptor.Keyword = Row->Keyword;
    Values[0] = Adapter;
    Values[1] = First;
    Values[2] = Second;
    Values[3] = Third;
    Values[4] = Fourth;
    TraceDescribe(&Data[0], &TraceTraits, TraceTraits.Size, TRACE_KIND_PROVIDER);
    TraceDescribe(&Data[1], Row->Shape, *(const USHORT *)Row->Shape, TRACE_KIND_EVENT);
    TraceDescribe(&Data[2], Values, Row->Values * sizeof(Values[0]), 0);
    (void)EtwWrite(TraceHandle, &Descriptor, NULL, RTL_NUMBER_OF(Data), Data);
}
