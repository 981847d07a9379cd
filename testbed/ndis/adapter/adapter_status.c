/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a miniport indicates while it runs: status indications, state completions, and what the testbed knows of the
 * adapter from them (adapter_facts, adapter_counters). Indications come at any IRQL up to DISPATCH_LEVEL; the adapter's
 * lock covers what they change.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/protocol/raw_internal.h"

static void take_link(struct adapter *adapter, const struct NDIS_STATUS_INDICATION *indication)
{
    const struct NDIS_LINK_STATE *link = indication->StatusBuffer;

    RULE(link != NULL && indication->StatusBufferSize >= sizeof(*link), "ndis-status",
         "NDIS_STATUS_LINK_STATE with %u bytes, needs %zu", indication->StatusBufferSize, sizeof(*link));
    record_check(RECORD_LINK_STATE, &link->Header, adapter->miniport->version);
    sched_lock(&adapter->lock);
    adapter->link = *link;
    adapter->link_changes++;
    sched_unlock(&adapter->lock);
    sched_trace("link %s", link->MediaConnectState == MediaConnectStateConnected ? "up" : "down");
    timeline_mark("link", "link %s", link->MediaConnectState == MediaConnectStateConnected ? "up" : "down");
}

static void take_offload(struct adapter *adapter, const struct NDIS_STATUS_INDICATION *indication, bool hardware)
{
    const struct NDIS_OFFLOAD *offload = indication->StatusBuffer;

    RULE(offload != NULL && indication->StatusBufferSize >= sizeof(offload->Header) &&
             indication->StatusBufferSize >= offload->Header.Size,
         "ndis-status", "an offload indication of %u bytes is shorter than its record", indication->StatusBufferSize);
    adapter_take_offload(adapter, offload, hardware);
}

/* What is on is indicated after what there is, and is part of it: NDIS rejects it otherwise. */
static void take_timestamps(struct adapter *adapter, const struct NDIS_STATUS_INDICATION *indication, bool possible)
{
    const struct late_timestamps *stamps = indication->StatusBuffer;
    const uint8_t *on, *can = adapter->stamps_possible.hardware;
    uint32_t i;

    RULE(stamps != NULL && indication->StatusBufferSize >= LATE_TIMESTAMPS_SIZE &&
             stamps->Header.Size == LATE_TIMESTAMPS_SIZE && stamps->Header.Revision == 1 &&
             stamps->Header.Type == NDIS_OBJECT_TYPE_DEFAULT && adapter->miniport->version >= NDIS_VERSION(6, 82),
         "ndis-status", "an indication of timestamps of %u bytes that is no NDIS_TIMESTAMP_CAPABILITIES of NDIS 6.82",
         indication->StatusBufferSize);
    RULE(possible || adapter->stamps_possible.Header.Size != 0, "ndis-status",
         "NDIS_STATUS_TIMESTAMP_CURRENT_CONFIG before NDIS_STATUS_TIMESTAMP_CAPABILITY");
    on = stamps->hardware;
    for (i = 0; !possible && i < sizeof(stamps->hardware) + 3; i++) {
        RULE(!on[i] || can[i], "ndis-status", "timestamps are on that the driver has not reported it can make");
    }
    memcpy(possible ? &adapter->stamps_possible : &adapter->stamps, stamps, LATE_TIMESTAMPS_SIZE);
}

static void MS_ABI indicate_status(void *handle, struct NDIS_STATUS_INDICATION *indication)
{
    struct adapter *adapter = adapter_check(handle, "NdisMIndicateStatusEx");
    enum adapter_state state = adapter_state(adapter);

    RULE(indication != NULL, "ndis-status", "NdisMIndicateStatusEx without an indication");
    record_check(RECORD_STATUS_INDICATION, &indication->Header, adapter->miniport->version);
    RULE_DOCUMENTED(indication->SourceHandle == handle, "ndis-status",
                    "status %#x: SourceHandle is not the adapter's handle", indication->StatusCode);
    RULE(indication->PortNumber == NDIS_DEFAULT_PORT_NUMBER, "ndis-status",
         "status %#x for port %u, which was never allocated", indication->StatusCode, indication->PortNumber);
    RULE(state != ADAPTER_HALTED, "ndis-status", "status %#x indicated for an adapter that is halted",
         indication->StatusCode);
    RULE(adapter->has_general, "ndis-status", "status %#x indicated before the general attributes were set",
         indication->StatusCode);
    if (adapter->raw != NULL) {
        raw_status(adapter->raw, (uint32_t)indication->StatusCode, indication->StatusBuffer,
                   indication->StatusBufferSize);
    }
    switch ((uint32_t)indication->StatusCode) {
    case NDIS_STATUS_LINK_STATE:
        take_link(adapter, indication);
        break;
    case NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG:
        take_offload(adapter, indication, false);
        break;
    case LATE_STATUS_TIMESTAMP_CAPABILITY:
        take_timestamps(adapter, indication, true);
        break;
    case LATE_STATUS_TIMESTAMP_CURRENT_CONFIG:
        take_timestamps(adapter, indication, false);
        break;
    case NDIS_STATUS_TASK_OFFLOAD_HARDWARE_CAPABILITIES:
        take_offload(adapter, indication, true);
        break;
    default:
        sched_trace("status %#x", indication->StatusCode); /* of interest to nobody above this adapter */
        break;
    }
}

static void MS_ABI pause_complete(void *handle)
{
    struct adapter *adapter = adapter_check(handle, "NdisMPauseComplete");

    adapter_check_pause_complete(adapter, "NdisMPauseComplete");
    adapter_state_complete(adapter, ADAPTER_PAUSING, NDIS_STATUS_SUCCESS, "NdisMPauseComplete");
}

static void MS_ABI restart_complete(void *handle, int32_t status)
{
    struct adapter *adapter = adapter_check(handle, "NdisMRestartComplete");

    RULE(status != NDIS_STATUS_PENDING, "ndis-state", "NdisMRestartComplete with NDIS_STATUS_PENDING");
    adapter_state_complete(adapter, ADAPTER_RESTARTING, status, "NdisMRestartComplete");
}

/* Encapsulation IEEE 802.3 and the option on: the offload is in force for Ethernet frames. */
static bool on(uint32_t encapsulation, uint32_t option)
{
    return (encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0 && option == NDIS_OFFLOAD_SET_ON;
}

void adapter_facts(struct adapter *adapter, struct adapter_facts *facts)
{
    const struct late_offload *late = &adapter->offload;
    const struct NDIS_OFFLOAD *o = &late->before;
    uint32_t rsc_off;

    memset(facts, 0, sizeof(*facts));
    sched_lock(&adapter->lock);
    facts->ndis_major = (uint8_t)(adapter->miniport->version >> 8);
    facts->ndis_minor = (uint8_t)adapter->miniport->version;
    memcpy(facts->permanent_mac, adapter->general.PermanentMacAddress, 6);
    memcpy(facts->current_mac, adapter->general.CurrentMacAddress, 6);
    facts->mtu = adapter->general.MtuSize;
    facts->link_speed_tx = adapter->link.XmitLinkSpeed;
    facts->link_speed_rx = adapter->link.RcvLinkSpeed;
    facts->link_up = adapter->link.MediaConnectState == MediaConnectStateConnected;
    facts->link_changes = adapter->link_changes;
    facts->checksum_tx_tcp4 = on(o->Checksum.IPv4Transmit.Encapsulation, o->Checksum.IPv4Transmit.TcpChecksum);
    facts->checksum_tx_udp4 = on(o->Checksum.IPv4Transmit.Encapsulation, o->Checksum.IPv4Transmit.UdpChecksum);
    facts->checksum_tx_ip4 = on(o->Checksum.IPv4Transmit.Encapsulation, o->Checksum.IPv4Transmit.IpChecksum);
    facts->checksum_tx_tcp6 = on(o->Checksum.IPv6Transmit.Encapsulation, o->Checksum.IPv6Transmit.TcpChecksum);
    facts->checksum_tx_udp6 = on(o->Checksum.IPv6Transmit.Encapsulation, o->Checksum.IPv6Transmit.UdpChecksum);
    facts->checksum_rx_tcp4 = on(o->Checksum.IPv4Receive.Encapsulation, o->Checksum.IPv4Receive.TcpChecksum);
    facts->checksum_rx_udp4 = on(o->Checksum.IPv4Receive.Encapsulation, o->Checksum.IPv4Receive.UdpChecksum);
    facts->checksum_rx_ip4 = on(o->Checksum.IPv4Receive.Encapsulation, o->Checksum.IPv4Receive.IpChecksum);
    facts->checksum_rx_tcp6 = on(o->Checksum.IPv6Receive.Encapsulation, o->Checksum.IPv6Receive.TcpChecksum);
    facts->checksum_rx_udp6 = on(o->Checksum.IPv6Receive.Encapsulation, o->Checksum.IPv6Receive.UdpChecksum);
    facts->lso4 =
        (o->LsoV2.IPv4.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0 && o->LsoV2.IPv4.MaxOffLoadSize != 0;
    facts->lso6 =
        (o->LsoV2.IPv6.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0 && o->LsoV2.IPv6.MaxOffLoadSize != 0;
    facts->lso4_size = facts->lso4 ? o->LsoV2.IPv4.MaxOffLoadSize : 0;
    facts->lso6_size = facts->lso6 ? o->LsoV2.IPv6.MaxOffLoadSize : 0;
    rsc_off = adapter_rsc_off(adapter);
    facts->rsc4 = (rsc_off & RSC_OFF_IPV4) == 0;
    facts->rsc6 = (rsc_off & RSC_OFF_IPV6) == 0;
    facts->uso4 = (late->UdpSegmentation.IPv4.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0;
    facts->uso6 = (late->UdpSegmentation.IPv6.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0;
    facts->uso4_size = facts->uso4 ? late->UdpSegmentation.IPv4.MaxOffLoadSize : 0;
    facts->uso6_size = facts->uso6 ? late->UdpSegmentation.IPv6.MaxOffLoadSize : 0;
    facts->uro = (rsc_off & RSC_OFF_UDP) == 0;
    facts->rss = adapter->has_rss;
    facts->rss_queues = adapter->has_rss ? adapter->rss.NumberOfReceiveQueues : 0;
    sched_unlock(&adapter->lock);
}

const char *adapter_send_failure(const struct adapter *adapter)
{
    return ndis_status_name(adapter->tx_failure);
}

void adapter_counters(struct adapter *adapter, struct adapter_counters *counters)
{
    uint64_t *sum = (uint64_t *)counters;
    uint32_t i;
    size_t n;

    memset(counters, 0, sizeof(*counters));
    for (i = 0; i < adapter->processor_count; i++) {
        const uint64_t *part = (const uint64_t *)&adapter->processors[i].counts;

        for (n = 0; n < sizeof(*counters) / sizeof(uint64_t); n++) {
            sum[n] += __atomic_load_n(&part[n], __ATOMIC_RELAXED);
        }
    }
}

#define STATUS_EXPORTS(X)                                                                                              \
    X(NdisMIndicateStatusEx, indicate_status, PASSIVE_LEVEL, DISPATCH_LEVEL)                                           \
    X(NdisMPauseComplete, pause_complete, PASSIVE_LEVEL, DISPATCH_LEVEL)                                               \
    X(NdisMRestartComplete, restart_complete, PASSIVE_LEVEL, DISPATCH_LEVEL)

void status_exports(void)
{
    NDIS_EXPORTS(STATUS_EXPORTS);
}
