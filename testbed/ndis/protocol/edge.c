/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening and closing an adapter as TCP/IP does: binding, packet filter, lookahead, multicast list, offload
 * encapsulation, RSS. PASSIVE_LEVEL, one task. While the edge is open, the adapter may be paused and restarted under
 * it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/check/watchdog.h"
#include "ndis/adapter/record.h"
#include "ndis/nbl/nbl.h"
#include "ndis/protocol/edge.h"
#include "ndis/protocol/edge_internal.h"

enum { LOOKAHEAD = 256 };

/* An OID that every Ethernet miniport must take; the sentence names it when it does not. */
static bool set_required(struct adapter *adapter, uint32_t oid, const char *name, const void *data, uint32_t size,
                         char *error, size_t error_size)
{
    uint32_t needed;
    int32_t status = adapter_set(adapter, oid, data, size, &needed);

    if (status == NDIS_STATUS_SUCCESS) {
        return true;
    }
    snprintf(error, error_size, "%s refused %s with NDIS status %#010x (%s)", adapter->package->image_name, name,
             (uint32_t)status, ndis_status_name(status));
    return false;
}

/* All-hosts and all-nodes, which every IPv4 and IPv6 stack joins; the other groups come by the all-multicast filter. */
static const uint8_t groups[][6] = { { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 }, { 0x33, 0x33, 0x00, 0x00, 0x00, 0x01 } };

static bool set_encapsulation(struct adapter *adapter, char *error, size_t size)
{
    struct NDIS_OFFLOAD_ENCAPSULATION encapsulation;

    if (adapter->hardware_offload.before.Header.Type == 0) {
        return true; /* no offload attributes: TCP/IP does not ask */
    }
    memset(&encapsulation, 0, sizeof(encapsulation));
    NDIS_HEADER(encapsulation.Header, NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1);
    encapsulation.IPv4.Enabled = encapsulation.IPv6.Enabled = NDIS_OFFLOAD_SET_ON;
    encapsulation.IPv4.EncapsulationType = encapsulation.IPv6.EncapsulationType = NDIS_ENCAPSULATION_IEEE_802_3;
    encapsulation.IPv4.HeaderSize = encapsulation.IPv6.HeaderSize = ETHERNET_HEADER;
    return set_required(adapter, OID_OFFLOAD_ENCAPSULATION, "OID_OFFLOAD_ENCAPSULATION", &encapsulation,
                        sizeof(encapsulation), error, size);
}

static bool configure(struct edge *edge, char *error, size_t size)
{
    struct adapter *adapter = edge->adapter;
    uint32_t lookahead = LOOKAHEAD;
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST |
                      NDIS_PACKET_TYPE_BROADCAST;

    filter &= adapter->general.SupportedPacketFilters;
    return set_required(adapter, OID_GEN_CURRENT_LOOKAHEAD, "OID_GEN_CURRENT_LOOKAHEAD", &lookahead, sizeof(lookahead),
                        error, size) &&
           set_encapsulation(adapter, error, size) &&
           set_required(adapter, OID_802_3_MULTICAST_LIST, "OID_802_3_MULTICAST_LIST", groups, sizeof(groups), error,
                        size) &&
           set_required(adapter, OID_GEN_CURRENT_PACKET_FILTER, "OID_GEN_CURRENT_PACKET_FILTER", &filter,
                        sizeof(filter), error, size);
}

void edge_restore_addressing(struct edge *edge)
{
    char error[200];

    RULE(configure(edge, error, sizeof(error)), "ndis-reset", "after a reset: %s", error);
}

static void return_late(struct edge_late *late)
{
    struct NET_BUFFER_LIST *chain;
    uint32_t count;

    sched_lock(&late->lock);
    chain = late->first;
    count = late->count;
    late->first = NULL;
    late->count = 0;
    sched_unlock(&late->lock);
    if (chain != NULL) {
        adapter_return(late->edge->adapter, chain, count);
    }
}

static void late_dpc(void *argument)
{
    return_late(argument);
}

void edge_return_late(struct edge *edge)
{
    uint32_t i;

    for (i = 0; i < processor_count(); i++) {
        dpc_flush(&edge->late[i].dpc);
        return_late(&edge->late[i]);
    }
    edge_held_end(edge);
}

static void free_edge(struct edge *edge)
{
    for (uint32_t i = 0; i < edge->adapter->processor_count; i++) {
        free(edge->late[i].joined);
    }
    edge_queues_destroy(edge);
    nbl_pool_destroy(edge->pool, "edge_close");
    ndis_object_remove(&edge->object);
    free(edge->late);
    free(edge);
}

struct edge *edge_open(struct adapter *adapter, const struct edge_options *options, char *error, size_t size)
{
    struct edge *edge = ndis_alloc(sizeof(*edge));
    uint32_t i;

    edge->adapter = adapter;
    edge->options = *options;
    edge->held = adapter_state(adapter) != ADAPTER_RUNNING;
    edge->pool = nbl_pool_create("the protocol's NBL", 0x65676445, 0, true);
    edge->late = ndis_alloc(adapter->processor_count * sizeof(*edge->late));
    for (i = 0; i < adapter->processor_count; i++) {
        edge->late[i].edge = edge;
        dpc_init(&edge->late[i].dpc, i, late_dpc, &edge->late[i]);
    }
    ndis_object_add(&edge->object, NDIS_KIND_OPEN, "the protocol's binding was not closed");
    if (!edge_queues_create(edge, error, size)) {
        free_edge(edge);
        return NULL;
    }
    edge_held_start(edge);
    /* Packets may come as soon as the filter is set. */
    __atomic_store_n(&adapter->edge, edge, __ATOMIC_SEQ_CST);
    if (!configure(edge, error, size)) {
        edge_close(edge);
        return NULL;
    }
    if (adapter->has_rss && processor_count() > 1) {
        int32_t status = edge_rss_enable(edge);

        if (status != NDIS_STATUS_SUCCESS) {
            snprintf(error, size,
                     "%s offers RSS but refused OID_GEN_RECEIVE_SCALE_PARAMETERS with NDIS status %#010x (%s)",
                     adapter->package->image_name, (uint32_t)status, ndis_status_name(status));
            edge_close(edge);
            return NULL;
        }
    }
    return edge;
}

void edge_stop(struct edge *edge)
{
    uint32_t q;

    __atomic_store_n(&edge->stopped, 1, __ATOMIC_SEQ_CST);
    for (q = 0; q < edge->queue_count; q++) {
        __atomic_fetch_add(&edge->queues[q].signal, 1, __ATOMIC_SEQ_CST);
        sched_wake(&edge->queues[q].signal, UINT_MAX);
    }
}

static void wait_until(struct adapter *adapter, bool (*reached)(struct adapter *))
{
    struct nt_event never;

    /* Rare and short: closing only. What it waits for has no one event to wait on, and must not have, being per
     * processor. */
    event_init(&never, false, false);
    while (!reached(adapter)) {
        (void)event_wait(&never, 100000);
    }
}

static bool sends_done(struct adapter *adapter)
{
    return adapter_outstanding_sends(adapter) == 0;
}

static bool calls_left(struct adapter *adapter)
{
    uint32_t i;

    for (i = 0; i < adapter->processor_count; i++) {
        if (__atomic_load_n(&adapter->processors[i].busy, __ATOMIC_SEQ_CST) != 0) {
            return false;
        }
    }
    return true;
}

void edge_close(struct edge *edge)
{
    struct adapter *adapter = edge->adapter;
    struct expectation expectation;
    uint32_t filter = 0, needed;

    edge_stop(edge);
    edge_hold(edge);
    if (adapter_state(adapter) != ADAPTER_HALTED) {
        (void)adapter_set(adapter, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter), &needed);
        (void)adapter_set(adapter, OID_802_3_MULTICAST_LIST, NULL, 0, &needed);
        edge_rss_disable(edge);
    }
    watchdog_expect(&expectation, (const void *)adapter->miniport->handlers.SendNetBufferListsHandler,
                    "Driver Verifier stops with 0xC4 (0x9200D, NdisTimedDataSend) after 30 s; without it Windows waits "
                    "for ever",
                    "the completion of %lld sends", (long long)adapter_outstanding_sends(adapter));
    wait_until(adapter, sends_done);
    watchdog_met(&expectation);
    __atomic_store_n(&adapter->edge, NULL, __ATOMIC_SEQ_CST);
    wait_until(adapter, calls_left);
    edge_held_stop(edge);
    edge_return_late(edge);
    free_edge(edge);
}
