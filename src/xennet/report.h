/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens to an adapter, reported by one call to all who want it: the debugger (debug.h), whoever traces
 * (trace.h), and, where an administrator can do something about it, the event log (event_log.h).
 *
 * IRQL: up to DISPATCH, unless a prototype has another.
 */
#ifndef XENNET_REPORT_H
#define XENNET_REPORT_H

#include <ndis.h>
#include "trace.h"

// Who reports.
typedef struct _XENNET_REPORTER {
    NDIS_HANDLE NdisHandle;
    ULONG IfIndex; // NDIS's number for the interface
} XENNET_REPORTER;

typedef enum _XENNET_INTERFACE {
    XennetInterfaceVif = 1,
    XennetInterfaceStore,
    XennetInterfaceSuspend
} XENNET_INTERFACE;

// FrameSize: bytes, Ethernet header included.
VOID ReportStart(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG VifVersion, _In_ ULONG Queues, _In_ ULONG FrameSize);
VOID ReportStartFailed(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Step, _In_ NDIS_STATUS Status);
VOID ReportStop(_In_ const XENNET_REPORTER *Reporter);

// The device below has no such interface. Lowest and highest version that the driver can use.
VOID ReportInterfaceMissing(_In_ XENNET_INTERFACE Interface, _In_ ULONG Lowest, _In_ ULONG Highest,
                            _In_ NTSTATUS Status);

// "<keyword> = <value>, using <used>"; Value NULL: it is no number.
_IRQL_requires_(PASSIVE_LEVEL)
VOID ReportKeyword(_In_ const UNICODE_STRING *Keyword, _In_opt_ const ULONG *Value, _In_ ULONG Used);

// NetworkAddress is Length bytes that are no unicast address.
VOID ReportNetworkAddress(_In_ ULONG IfIndex, _In_ ULONG Length);

// XENNET_STATE.
VOID ReportState(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG From, _In_ ULONG To);
VOID ReportPower(_In_ const XENNET_REPORTER *Reporter, _In_ NDIS_DEVICE_POWER_STATE From,
                 _In_ NDIS_DEVICE_POWER_STATE To);

VOID ReportLink(_In_ const XENNET_REPORTER *Reporter, _In_ NET_IF_MEDIA_CONNECT_STATE Connect,
                _In_ NET_IF_MEDIA_DUPLEX_STATE Duplex, _In_ ULONG64 Speed);

// Bytes that the backend carries, that packets may have now, and that NDIS was given at start or restart.
VOID ReportFrameSize(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Backend, _In_ ULONG InForce,
                     _In_ ULONG Advertised);

// OFFLOAD_*: switched on; of received packets in force.
VOID ReportOffload(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG On, _In_ ULONG Receive);

// Types: NDIS_HASH_*.
VOID ReportRss(_In_ const XENNET_REPORTER *Reporter, _In_ BOOLEAN Hash, _In_ BOOLEAN Scale, _In_ ULONG Types,
               _In_ ULONG Entries);

// Several queues without receive side scaling: the backend has no control ring, or XenVif cannot use it.
VOID ReportNoRss(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Queues, _In_ NTSTATUS Status);

// The backend of the moment has another number of queues.
VOID ReportQueues(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Before, _In_ ULONG Now);

// NDIS_PACKET_TYPE_*.
VOID ReportFilter(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Types);
VOID ReportVlan(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Id);

// A queue has not moved for so many seconds, for the Times-th time since the adapter's start: its sends at least, and
// all that are outstanding.
VOID ReportStall(_In_ const XENNET_REPORTER *Reporter, _In_ ULONG Sends, _In_ ULONG Outstanding, _In_ ULONG Seconds,
                 _In_ ULONG Times);

// The backend is gone, or its control ring was silent when XenVif connected (Unanswered), and sends were aborted, for
// the Times-th time since the adapter's start; whether XenVif works.
VOID ReportRecovery(_In_ const XENNET_REPORTER *Reporter, _In_ BOOLEAN Unanswered, _In_ ULONG Sends, _In_ BOOLEAN Works,
                    _In_ ULONG Times);

// A reason to drop packets, as the counters have it. Inline: one test while nobody traces.
#define REPORT_SEND_DROP(_Reporter, _Reason, _Packets)                                                                 \
    TRACE_EVENT(XENNET_TRACE_SEND_DROP, (_Reporter)->IfIndex, (_Reason), (_Packets), 0, 0)

#define REPORT_RECEIVE_DROP(_Reporter, _Reason)                                                                        \
    TRACE_EVENT(XENNET_TRACE_RECEIVE_DROP, (_Reporter)->IfIndex, (_Reason), 1, 0, 0)

#endif
