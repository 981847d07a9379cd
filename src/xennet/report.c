/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function for each happening. It has the words for the debugger, the trace event with the same values, and, where
 * there is something to do for an administrator, the entry in the event log.
 *
 * No state, no locks.
 */
#include "report.h"
#include "debug.h"
#include "event_log.h"

_Use_decl_annotations_
VOID
ReportStart(const XENNET_REPORTER *Reporter, ULONG VifVersion, ULONG Queues, ULONG FrameSize)
{
    DEBUG_INFO("started: VIF %u, %u queue(s), frames of %u bytes\n", VifVersion, Queues, FrameSize);
    TRACE_EVENT(XENNET_TRACE_START, Reporter->IfIndex, VifVersion, Queues, FrameSize, 0);
}

_Use_decl_annotations_
VOID
ReportStartFailed(const XENNET_REPORTER *Reporter, ULONG Step, NDIS_STATUS Status)
{
    ULONG Numbers[3];

    DEBUG_ERROR("adapter cannot start: step %u, status %08x\n", Step, (ULONG)Status);
    TRACE_EVENT(XENNET_TRACE_START_FAILED, Reporter->IfIndex, Step, (ULONG)Status, 0, 0);
    Numbers[0] = Reporter->IfIndex;
    Numbers[1] = Step;
    Numbers[2] = (ULONG)Status;
    EventLogWrite(XENNET_EVENT_START_FAILED, NULL, 1 << 2, RTL_NUMBER_OF(Numbers), Numbers);
}

_Use_decl_annotations_
VOID
ReportStop(const XENNET_REPORTER *Reporter)
{
    DEBUG_INFO("stopped\n");
    TRACE_EVENT(XENNET_TRACE_STOP, Reporter->IfIndex, 0, 0, 0, 0);
}

_Use_decl_annotations_
VOID
ReportInterfaceMissing(XENNET_INTERFACE Interface, ULONG Lowest, ULONG Highest, NTSTATUS Status)
{
    static const WCHAR *const Names[] = {L"", L"VIF", L"STORE", L"SUSPEND"};
    ULONG Numbers[3];

    DEBUG_ERROR("XenVif offers no %ws interface of version %u to %u (status %08x): update the XenVif package\n",
                Names[Interface], Lowest, Highest, (ULONG)Status);
    Numbers[0] = Lowest;
    Numbers[1] = Highest;
    Numbers[2] = (ULONG)Status;
    EventLogWrite(XENNET_EVENT_INTERFACE_MISSING, Names[Interface], 1 << 2, RTL_NUMBER_OF(Numbers), Numbers);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
ReportAppendNumber(UNICODE_STRING *Text, ULONG Number)
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
ReportKeyword(const UNICODE_STRING *Keyword, const ULONG *Value, ULONG Used)
{
    WCHAR Buffer[XENNET_LOG_TEXT + 1];
    UNICODE_STRING Text;

    // Zeroed and one short: what was appended is ended, whatever did not fit.
    RtlZeroMemory(Buffer, sizeof(Buffer));
    Text.Buffer = Buffer;
    Text.Length = 0;
    Text.MaximumLength = sizeof(Buffer) - sizeof(WCHAR);
    (void)RtlAppendUnicodeStringToString(&Text, (UNICODE_STRING *)Keyword);
    if (Value != NULL) {
        (void)RtlAppendUnicodeToString(&Text, L" = ");
        ReportAppendNumber(&Text, *Value);
        (void)RtlAppendUnicodeToString(&Text, L", using ");
    } else {
        (void)RtlAppendUnicodeToString(&Text, L" is no number, using ");
    }
    ReportAppendNumber(&Text, Used);
    DEBUG_ERROR("keyword %wZ\n", &Text);
    EventLogWrite(XENNET_EVENT_KEYWORD, Buffer, 0, 0, &Used);
}

_Use_decl_annotations_
VOID
ReportNetworkAddress(ULONG IfIndex, ULONG Length)
{
    ULONG Numbers[2];

    DEBUG_ERROR("keyword NetworkAddress: %u bytes that are no unicast address, using the permanent one\n", Length);
    Numbers[0] = IfIndex;
    Numbers[1] = Length;
    EventLogWrite(XENNET_EVENT_NETWORK_ADDRESS, NULL, 0, RTL_NUMBER_OF(Numbers), Numbers);
}

_Use_decl_annotations_
VOID
ReportState(const XENNET_REPORTER *Reporter, ULONG From, ULONG To)
{
    DEBUG_INFO("state %u -> %u\n", From, To);
    TRACE_EVENT(XENNET_TRACE_STATE, Reporter->IfIndex, From, To, 0, 0);
}

_Use_decl_annotations_
VOID
ReportPower(const XENNET_REPORTER *Reporter, NDIS_DEVICE_POWER_STATE From, NDIS_DEVICE_POWER_STATE To)
{
    DEBUG_INFO("power: D%u -> D%u\n", (ULONG)From - NdisDeviceStateD0, (ULONG)To - NdisDeviceStateD0);
    TRACE_EVENT(XENNET_TRACE_POWER, Reporter->IfIndex, From, To, 0, 0);
}

_Use_decl_annotations_
VOID
ReportLink(const XENNET_REPORTER *Reporter, NET_IF_MEDIA_CONNECT_STATE Connect, NET_IF_MEDIA_DUPLEX_STATE Duplex,
           ULONG64 Speed)
{
    DEBUG_INFO("link: connect %u duplex %u speed %I64u\n", (ULONG)Connect, (ULONG)Duplex, Speed);
    TRACE_EVENT(XENNET_TRACE_LINK, Reporter->IfIndex, Connect, Duplex, Speed, 0);
}

_Use_decl_annotations_
VOID
ReportFrameSize(const XENNET_REPORTER *Reporter, ULONG Backend, ULONG InForce, ULONG Advertised)
{
    ULONG Numbers[3];

    DEBUG_INFO("frames: backend %u, in force %u, advertised %u\n", Backend, InForce, Advertised);
    TRACE_EVENT(XENNET_TRACE_FRAME_SIZE, Reporter->IfIndex, Backend, InForce, Advertised, 0);
    Numbers[0] = Reporter->IfIndex;
    Numbers[1] = Backend;
    Numbers[2] = Advertised;
    if (Backend != Advertised)
        EventLogWrite(XENNET_EVENT_FRAME_SIZE, NULL, 0, RTL_NUMBER_OF(Numbers), Numbers);
}

_Use_decl_annotations_
VOID
ReportOffload(const XENNET_REPORTER *Reporter, ULONG On, ULONG Receive)
{
    DEBUG_INFO("offloads: on %08x, receive %08x\n", On, Receive);
    TRACE_EVENT(XENNET_TRACE_OFFLOAD, Reporter->IfIndex, On, Receive, 0, 0);
}

_Use_decl_annotations_
VOID
ReportRss(const XENNET_REPORTER *Reporter, BOOLEAN Hash, BOOLEAN Scale, ULONG Types, ULONG Entries)
{
    DEBUG_INFO("rss: hash %u scale %u types %08x table %u\n", Hash, Scale, Types, Entries);
    TRACE_EVENT(XENNET_TRACE_RSS, Reporter->IfIndex, Hash, Scale, Types, Entries);
}

_Use_decl_annotations_
VOID
ReportNoRss(const XENNET_REPORTER *Reporter, ULONG Queues, NTSTATUS Status)
{
    ULONG Numbers[3];

    DEBUG_ERROR("%u queues without receive side scaling: the backend has no control ring, or XenVif cannot use it "
                "(status %08x)\n",
                Queues, (ULONG)Status);
    Numbers[0] = Reporter->IfIndex;
    Numbers[1] = Queues;
    Numbers[2] = (ULONG)Status;
    EventLogWrite(XENNET_EVENT_NO_RSS, NULL, 1 << 2, RTL_NUMBER_OF(Numbers), Numbers);
}

_Use_decl_annotations_
VOID
ReportQueues(const XENNET_REPORTER *Reporter, ULONG Before, ULONG Now)
{
    DEBUG_INFO("queues: %u, now %u\n", Before, Now);
    TRACE_EVENT(XENNET_TRACE_QUEUES, Reporter->IfIndex, Before, Now, 0, 0);
}

_Use_decl_annotations_
VOID
ReportFilter(const XENNET_REPORTER *Reporter, ULONG Types)
{
    DEBUG_INFO("packet filter %08x\n", Types);
    TRACE_EVENT(XENNET_TRACE_FILTER, Reporter->IfIndex, Types, 0, 0, 0);
}

_Use_decl_annotations_
VOID
ReportVlan(const XENNET_REPORTER *Reporter, ULONG Id)
{
    DEBUG_INFO("vlan %u\n", Id);
    TRACE_EVENT(XENNET_TRACE_VLAN, Reporter->IfIndex, Id, 0, 0, 0);
}

// What goes on for long must not fill the log: the first, second, fourth, eighth ... time.
static BOOLEAN
ReportIsLogged(ULONG Times)
{
    return (Times & (Times - 1)) == 0;
}

_Use_decl_annotations_
VOID
ReportStall(const XENNET_REPORTER *Reporter, ULONG Sends, ULONG Outstanding, ULONG Seconds, ULONG Times)
{
    ULONG Numbers[5];

    DEBUG_ERROR("the backend has not taken %u send(s) for %u s, %u are outstanding in all\n", Sends, Seconds,
                Outstanding);
    TRACE_EVENT(XENNET_TRACE_STALL, Reporter->IfIndex, Sends, Outstanding, 0, 0);
    Numbers[0] = Reporter->IfIndex;
    Numbers[1] = Sends;
    Numbers[2] = Outstanding;
    Numbers[3] = Seconds;
    Numbers[4] = Times;
    if (ReportIsLogged(Times))
        EventLogWrite(XENNET_EVENT_BACKEND_SILENT, NULL, 0, RTL_NUMBER_OF(Numbers), Numbers);
}

_Use_decl_annotations_
VOID
ReportRecovery(const XENNET_REPORTER *Reporter, BOOLEAN Unanswered, ULONG Sends, BOOLEAN Works, ULONG Times)
{
    ULONG Numbers[4];

    DEBUG_ERROR("the backend %s: %u send(s) aborted, XenVif %s\n",
                Unanswered ? "did not answer at a migration" : "is gone", Sends,
                Works ? "works again" : "cannot be enabled now");
    TRACE_EVENT(XENNET_TRACE_RECOVERY, Reporter->IfIndex, Sends, Works, 0, 0);
    Numbers[0] = Reporter->IfIndex;
    Numbers[1] = Sends;
    Numbers[2] = Times;
    Numbers[3] = Works;
    if (!ReportIsLogged(Times))
        return;
    if (Unanswered)
        EventLogWrite(XENNET_EVENT_NO_ANSWER, NULL, 0, RTL_NUMBER_OF(Numbers), Numbers);
    else
        EventLogWrite(XENNET_EVENT_BACKEND_GONE, NULL, 0, RTL_NUMBER_OF(Numbers), Numbers);
}
