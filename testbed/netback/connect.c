/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connecting to a frontend that reports Connected: reads its keys, maps each queue's rings, binds its event channels,
 * starts its tasks; and all of that backwards. Control task only. Either everything is connected afterwards or nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/slots.h"
#include "netback/state.h"

int netback_complain(struct netback *netback, int failure, const char *what)
{
    char path[PATH_BYTES + 64];

    /* The error node stands where xenbus drivers put it: /local/domain/<id>/error/<path below the domain>/error. */
    snprintf(path, sizeof(path), "/local/domain/%u/error/backend/vif/%u/%u/error", netback->options.vif.backend,
             netback->guest, netback->options.vif.handle);
    (void)xen_store_printf(netback->xen, 0, path, "%d %s", -failure, what);
    fprintf(stderr, "testbed: backend of %s: %s: %s\n", netback->frontend, what, strerror(-failure));
    return failure;
}

static void on_tx_event(void *argument)
{
    struct netback_queue *queue = argument;

    __atomic_fetch_add(&queue->kicks_received, 1, __ATOMIC_RELAXED);
    if (!sched_is_beside(queue->index) || !transmit_here(queue)) {
        bell_ring(&queue->tx_bell);
    }
}

static void on_rx_event(void *argument)
{
    struct netback_queue *queue = argument;

    __atomic_fetch_add(&queue->kicks_received, 1, __ATOMIC_RELAXED);
    bell_ring(&queue->rx_bell);
}

static void on_shared_event(void *argument)
{
    struct netback_queue *queue = argument;

    on_tx_event(queue);
    bell_ring(&queue->rx_bell);
}

static int bind_events(struct netback_queue *queue, const char *directory)
{
    struct netback *netback = queue->netback;
    uint32_t tx, rx;
    int failure;

    if (store_unsigned(netback, directory, "event-channel-tx", &tx) == 0 &&
        store_unsigned(netback, directory, "event-channel-rx", &rx) == 0) {
        failure = xen_event_bind(netback->xen, netback->guest, tx, on_tx_event, queue, &queue->tx_event);
        if (failure == 0) {
            failure = xen_event_bind(netback->xen, netback->guest, rx, on_rx_event, queue, &queue->rx_event);
        }
    } else if (store_unsigned(netback, directory, "event-channel", &tx) == 0) {
        failure = xen_event_bind(netback->xen, netback->guest, tx, on_shared_event, queue, &queue->tx_event);
        queue->rx_event = queue->tx_event;
    } else {
        return netback_complain(netback, -ENOENT, "reading event-channel, or event-channel-tx and event-channel-rx");
    }
    return failure == 0 ? 0 : netback_complain(netback, failure, "binding an event channel");
}

/* As in Linux a ring is taken up where its responses stand: a new backend may come to the rings of the one before it.
 */
#define ATTACH(ring, shared)                                                                                           \
    do {                                                                                                               \
        RING_IDX responses = __atomic_load_n(&(shared)->rsp_prod, __ATOMIC_ACQUIRE);                                   \
                                                                                                                       \
        BACK_RING_ATTACH(ring, shared, responses, XEN_PAGE_SIZE);                                                      \
    } while (0)
#define AHEAD(ring) (__atomic_load_n(&(ring)->sring->req_prod, __ATOMIC_ACQUIRE) - (ring)->req_cons > RING_SIZE(ring))

static int map_rings(struct netback_queue *queue, const char *directory)
{
    struct netback *netback = queue->netback;
    void *page;
    int failure;

    if (store_unsigned(netback, directory, "tx-ring-ref", &queue->tx_reference) != 0 ||
        store_unsigned(netback, directory, "rx-ring-ref", &queue->rx_reference) != 0) {
        return netback_complain(netback, -ENOENT, "reading tx-ring-ref and rx-ring-ref");
    }
    failure = xen_map(netback->xen, netback->guest, queue->tx_reference, true, &page);
    if (failure != 0) {
        return netback_complain(netback, failure, "mapping a transmit ring");
    }
    queue->tx_mapped = true;
    ATTACH(&queue->tx.ring, (netif_tx_sring_t *)page);
    failure = xen_map(netback->xen, netback->guest, queue->rx_reference, true, &page);
    if (failure != 0) {
        return netback_complain(netback, failure, "mapping a receive ring");
    }
    queue->rx_mapped = true;
    ATTACH(&queue->rx.ring, (netif_rx_sring_t *)page);
    if (AHEAD(&queue->tx.ring) || AHEAD(&queue->rx.ring)) {
        return netback_complain(netback, -EIO, "a ring has more requests than it holds");
    }
    queue->rx.mapped = queue->rx.ring.req_cons;
    queue->rx.expected_extras = 0;
    memset(&queue->rx.hash, 0, sizeof(queue->rx.hash));
    return 0;
}

static int queue_connect(struct netback_queue *queue, uint32_t queues)
{
    char directory[PATH_BYTES + 16];
    int failure;

    if (queues == 1) {
        snprintf(directory, sizeof(directory), "%s", queue->netback->frontend);
    } else {
        snprintf(directory, sizeof(directory), "%s/queue-%u", queue->netback->frontend, queue->index);
    }
    failure = map_rings(queue, directory);
    return failure != 0 ? failure : bind_events(queue, directory);
}

static void queue_disconnect(struct netback_queue *queue)
{
    struct netback *netback = queue->netback;

    if (queue->rx_event != NULL && queue->rx_event != queue->tx_event) {
        xen_event_close(queue->rx_event);
    }
    if (queue->tx_event != NULL) {
        xen_event_close(queue->tx_event);
    }
    queue->tx_event = NULL;
    queue->rx_event = NULL;
    if (queue->rx_mapped) {
        slots_unmap(queue);
        xen_unmap(netback->xen, netback->guest, queue->rx_reference);
    }
    if (queue->tx_mapped) {
        xen_unmap(netback->xen, netback->guest, queue->tx_reference);
    }
    queue->rx_mapped = false;
    queue->tx_mapped = false;
}

static void queues_start(struct netback *netback)
{
    const struct frontend_features *features = &netback->features;
    struct port_features port = { .checksum = features->checksum4 || features->checksum6,
                                  .tso4 = features->gso4,
                                  .tso6 = features->gso6,
                                  .udp = features->gso4 || features->gso6 };
    uint32_t q;
    int failure = port_set_queues(netback->port, netback->queue_count);

    if (failure == 0) {
        failure = port_set_features(netback->port, &port);
    }
    if (failure != 0) { /* frames then come as they come: what the frontend cannot take is done in software */
        fprintf(stderr, "testbed: the backend's port refuses its settings: %s\n", strerror(-failure));
    }
    for (q = 0; q < netback->queue_count; q++) {
        struct netback_queue *queue = &netback->queues[q];
        char name[32];

        snprintf(name, sizeof(name), "netback-tx %u", q);
        queue->tx_task = task_spawn_on_path(name, q, transmit_run, queue);
        snprintf(name, sizeof(name), "netback-rx %u", q);
        queue->rx_task = task_spawn_on_path(name, q, receive_run, queue);
    }
}

int netback_connect(struct netback *netback)
{
    uint32_t queues, q;
    int failure = store_unsigned(netback, netback->frontend, "multi-queue-num-queues", &queues);

    if (failure == -ENOENT) {
        queues = 1;
    } else if (failure != 0 || queues == 0 ||
               queues > (without(netback, NETBACK_BIT_MULTI_QUEUE) ? 1 : netback->queues_offered)) {
        return netback_complain(netback, -EINVAL, "multi-queue-num-queues is out of range");
    }
    features_read(netback);
    flag_set(&netback->queues_stop, 0);
    failure = control_connect(netback);
    for (q = 0; failure == 0 && q < queues; q++) {
        failure = queue_connect(&netback->queues[q], queues);
    }
    if (failure != 0) {
        for (q = 0; q < queues; q++) {
            queue_disconnect(&netback->queues[q]);
        }
        control_disconnect(netback);
        return failure;
    }
    netback->queue_count = queues;
    queues_start(netback);
    flag_set(&netback->connected, 1);
    sched_wake(&netback->connected, UINT32_MAX);
    return 0;
}

void netback_disconnect(struct netback *netback)
{
    uint32_t q;

    flag_set(&netback->queues_stop, 1);
    for (q = 0; q < netback->queue_count; q++) {
        bell_ring(&netback->queues[q].tx_bell);
        bell_ring(&netback->queues[q].rx_bell);
        port_interrupt(netback->port, q);
    }
    for (q = 0; q < netback->queue_count; q++) {
        task_join(netback->queues[q].tx_task);
        task_join(netback->queues[q].rx_task);
    }
    for (q = 0; q < netback->queue_count; q++) {
        queue_disconnect(&netback->queues[q]);
    }
    netback->queue_count = 0;
    control_disconnect(netback);
    netback->multicast_count = 0; /* its users have ended */
    netback->multicast_refused = false;
    flag_set(&netback->connected, 0);
    sched_wake(&netback->connected, UINT32_MAX);
}
