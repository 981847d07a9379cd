/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics as NDIS counts them: XenVif's 64-bit counters plus what this driver drops on its own.
 */
#ifndef XENNET_STATS_H
#define XENNET_STATS_H

#include <ndis.h>

struct _XENNET_ADAPTER;

// All counters this driver keeps, as NDIS_STATISTICS_INFO.SupportedStatistics names them.
#define STATS_SUPPORTED                                                                                                \
    (NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV |              \
     NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV |                        \
     NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS | NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR |                                \
     NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT |            \
     NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT |                      \
     NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR | NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS |                              \
     NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV |                \
     NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT |               \
     NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT)

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID StatsQuery(_In_ struct _XENNET_ADAPTER *Adapter, _Out_ NDIS_STATISTICS_INFO *Statistics);

// A set of ULONG64 members of NDIS_STATISTICS_INFO, as bits.
#define STATS_MEMBER(_Member) (1UL << (FIELD_OFFSET(NDIS_STATISTICS_INFO, _Member) / sizeof(ULONG64)))

C_ASSERT(sizeof(NDIS_STATISTICS_INFO) <= 32 * sizeof(ULONG64));

// The sum of those members; 0 of none.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG64 StatsQuerySum(_In_ struct _XENNET_ADAPTER *Adapter, _In_ ULONG Members);

// Packets that XenVif handed up and that were indicated; those for which no NBL was left.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG64 StatsQueryIndicated(_In_ struct _XENNET_ADAPTER *Adapter);

_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG64 StatsQueryNoBuffer(_In_ struct _XENNET_ADAPTER *Adapter);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID StatsQueryRsc(_In_ struct _XENNET_ADAPTER *Adapter, _Out_ NDIS_RSC_STATISTICS_INFO *Statistics);

// Lines of XENNET_COUNTERS in include/counters.h.
#define STATS_OWN_COUNT 26

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID StatsQueryOwn(_In_ struct _XENNET_ADAPTER *Adapter, _Out_writes_(STATS_OWN_COUNT) ULONG64 *Counters);

// Packets and bytes of each queue, with room for twice XENNET_MAX_QUEUES; how many values there are.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG StatsQueryQueues(_In_ struct _XENNET_ADAPTER *Adapter, _Out_ ULONG64 *Counters);

#endif
