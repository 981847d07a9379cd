/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's life: creation, the control task that follows the frontend's state, removal, and what others ask of it.
 *
 *   InitWait --frontend Connected--> Connected      (connect fails: Closing, error node)
 *   InitWait, Connected --frontend Closing--> Closing --frontend Closed--> Closed
 *   any --frontend Initialising--> ... -> Closed -> InitWait   (a frontend that starts over)
 *
 * As in Linux, a step is taken when the frontend's state changes, along the shortest path to the state that answers it.
 */
#include "netback/netback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/state.h"

void netback_fatal(struct netback *netback, const char *what)
{
    if (__atomic_exchange_n(&netback->disabled, 1, __ATOMIC_ACQ_REL) == 0) {
        fprintf(stderr, "testbed: backend disables %s: %s\n", netback->frontend, what);
        sched_trace("netback disabled: %s", what);
    }
}

static void publish_state(struct netback *netback, enum xenbus_state state)
{
    char path[PATH_BYTES + 16];

    snprintf(path, sizeof(path), "%s/state", netback->backend);
    (void)xen_store_printf(netback->xen, 0, path, "%u", (unsigned)state);
    sched_trace("netback state %u", (unsigned)state);
}

static void switch_state(struct netback *netback, enum xenbus_state state)
{
    netback->state = state;
    publish_state(netback, state);
}

static void seek_state(struct netback *netback, enum xenbus_state wanted)
{
    while (netback->state != wanted) {
        switch (netback->state) {
        case XenbusStateConnected:
            switch_state(netback, XenbusStateClosing);
            netback_disconnect(netback);
            break;
        case XenbusStateClosing:
            switch_state(netback, XenbusStateClosed);
            break;
        case XenbusStateClosed:
            switch_state(netback, wanted == XenbusStateClosing ? XenbusStateClosing : XenbusStateInitWait);
            break;
        default:
            if (wanted != XenbusStateConnected) {
                switch_state(netback, XenbusStateClosing);
            } else if (netback_connect(netback) == 0) {
                switch_state(netback, XenbusStateConnected);
            } else { /* as Linux: xenbus reports the error with Closing, then the state goes on as if it had worked */
                switch_state(netback, XenbusStateClosing);
                switch_state(netback, XenbusStateConnected);
            }
            break;
        }
    }
}

static void follow_frontend(struct netback *netback)
{
    uint32_t state;

    if (store_unsigned(netback, netback->frontend, "state", &state) != 0) {
        state = XenbusStateUnknown; /* the directory is gone */
    }
    if ((int)state == netback->frontend_state) {
        return;
    }
    netback->frontend_state = (int)state;
    switch (state) {
    case XenbusStateInitialising:
        seek_state(netback, XenbusStateInitWait);
        break;
    case XenbusStateConnected:
        seek_state(netback, XenbusStateConnected);
        break;
    case XenbusStateClosing:
        seek_state(netback, XenbusStateClosing);
        break;
    case XenbusStateReconfiguring: /* a headroom from now on; what we are does not change, only what the store holds */
        features_read_headroom(netback);
        publish_state(netback, XenbusStateReconfigured);
        break;
    case XenbusStateClosed:
    case XenbusStateUnknown:
        seek_state(netback, XenbusStateClosed);
        break;
    default:
        break; /* InitWait, Initialised: the frontend is on its way */
    }
}

static void follow_multicast(struct netback *netback)
{
    uint32_t wanted;

    if (store_unsigned(netback, netback->frontend, "request-multicast-control", &wanted) != 0) {
        wanted = 0;
    }
    flag_set(&netback->multicast_control, wanted != 0 && !without(netback, NETBACK_BIT_MULTICAST_CONTROL));
}

static void control_run(void *argument)
{
    struct netback *netback = argument;

    for (;;) {
        uint32_t seen = bell_read(&netback->bell);

        if (flag(&netback->stop) != 0) {
            break;
        }
        follow_frontend(netback);
        if (netback->state == XenbusStateConnected) {
            follow_multicast(netback);
            control_poll(netback);
        }
        bell_wait(&netback->bell, seen, SCHED_FOREVER);
    }
    seek_state(netback, XenbusStateClosed);
}

static void on_watch(void *argument, const char *path)
{
    (void)path;
    bell_ring(&((struct netback *)argument)->bell);
}

static void free_queues(struct netback *netback)
{
    uint32_t q;

    for (q = 0; netback->queues != NULL && q < netback->max_queues; q++) {
        free(netback->queues[q].rx.stage);
        free(netback->queues[q].rx.nowhere);
    }
    free(netback->queues);
}

static bool make_queues(struct netback *netback)
{
    uint32_t q;

    netback->queues = aligned_alloc(64, netback->max_queues * sizeof(netback->queues[0]));
    if (netback->queues == NULL) {
        return false;
    }
    memset(netback->queues, 0, netback->max_queues * sizeof(netback->queues[0]));
    for (q = 0; q < netback->max_queues; q++) {
        struct netback_queue *queue = &netback->queues[q];

        queue->netback = netback;
        queue->index = q;
        queue->tx.gather.sent = transmit_unmap_held;
        queue->tx.gather.context = queue;
        queue->rx.stage = malloc(MAX_FRAME_BYTES);
        queue->rx.nowhere = malloc(XEN_PAGE_SIZE);
        if (queue->rx.stage == NULL || queue->rx.nowhere == NULL) {
            return false;
        }
    }
    return true;
}

static uint32_t limit(uint32_t value, uint32_t most)
{
    return value < 1 ? 1 : value > most ? most : value;
}

/* A large packet is scattered and its checksums are blank: without one of these there is no GSO, and none is offered.
 */
static uint32_t with_consequences(uint32_t mask)
{
    const uint32_t gso4 = 1u << NETBACK_BIT_GSO_TCPV4, gso6 = 1u << NETBACK_BIT_GSO_TCPV6;

    mask |= (mask & 1u << NETBACK_BIT_SG) != 0 ? gso4 | gso6 : 0;
    mask |= (mask & 1u << NETBACK_BIT_CSUM) != 0 ? gso4 : 0;
    mask |= (mask & 1u << NETBACK_BIT_IPV6_CSUM) != 0 ? gso6 : 0;
    return mask;
}

struct netback *netback_create(struct xen *backend_domain, struct port *port, const struct netback_options *options)
{
    struct netback *netback = calloc(1, sizeof(*netback));
    char path[PATH_BYTES + 64];

    if (netback == NULL) {
        return NULL;
    }
    netback->xen = backend_domain;
    netback->port = port;
    netback->options = *options;
    netback->options.without = with_consequences(options->without);
    netback->guest = options->vif.guest;
    netback->max_queues = limit(limit(options->queues, port_queues(port)), MAX_QUEUES);
    netback->queues_offered = netback->max_queues;
    netback->link_up = 1;
    netback->mtu = options->mtu;
    netback->frontend_state = -1;
    snprintf(netback->backend, sizeof(netback->backend), "/local/domain/%u/backend/vif/%u/%u", options->vif.backend,
             options->vif.guest, options->vif.handle);
    snprintf(netback->frontend, sizeof(netback->frontend), "/local/domain/%u/device/vif/%u", options->vif.guest,
             options->vif.handle);
    if (!make_queues(netback) || features_advertise(netback) != 0) {
        free_queues(netback);
        free(netback);
        return NULL;
    }
    switch_state(netback, XenbusStateInitWait);
    netback->task = task_spawn("netback-control", 0, control_run, netback);
    snprintf(path, sizeof(path), "%s/state", netback->frontend);
    if (xen_watch_add(netback->xen, path, on_watch, netback, &netback->state_watch) == 0) {
        snprintf(path, sizeof(path), "%s/request-multicast-control", netback->frontend);
        if (xen_watch_add(netback->xen, path, on_watch, netback, &netback->multicast_watch) == 0) {
            return netback;
        }
    }
    netback_destroy(netback);
    return NULL;
}

void netback_destroy(struct netback *netback)
{
    if (netback->multicast_watch != NULL) {
        xen_watch_remove(netback->multicast_watch);
    }
    if (netback->state_watch != NULL) {
        xen_watch_remove(netback->state_watch);
    }
    flag_set(&netback->stop, 1);
    bell_ring(&netback->bell);
    task_join(netback->task);
    free_queues(netback);
    free(netback);
}

bool netback_wait_connected(struct netback *netback, bool connected, uint64_t timeout_ns)
{
    uint64_t now = sched_now(), deadline = timeout_ns > SCHED_FOREVER - now ? SCHED_FOREVER : now + timeout_ns;
    uint32_t other = connected ? 0 : 1;

    while (flag(&netback->connected) == other) {
        if (!sched_wait(&netback->connected, other, deadline)) {
            return flag(&netback->connected) != other;
        }
    }
    return true;
}

void netback_set_link(struct netback *netback, bool up)
{
    flag_set(&netback->link_up, up);
    (void)features_publish_link(netback);
}

void netback_set_mtu(struct netback *netback, uint32_t mtu)
{
    flag_set(&netback->mtu, mtu);
    (void)features_publish_mtu(netback);
}

void netback_refuse(struct netback *netback, uint32_t queue, uint32_t packets)
{
    __atomic_store_n(&netback->queues[queue].tx.refuse, packets, __ATOMIC_RELEASE);
}

void netback_offer(struct netback *netback, uint32_t queues, uint32_t without_features)
{
    netback->queues_offered = queues < netback->max_queues ? queues : netback->max_queues;
    netback->options.without = without_features;
    (void)features_advertise(netback);
}

void netback_offered(const struct netback *netback, uint32_t *queues, uint32_t *without)
{
    *queues = netback->queues_offered;
    *without = netback->options.without;
}

void netback_silence_control(struct netback *netback, bool silent)
{
    flag_set(&netback->control_silent, silent);
    bell_ring(&netback->bell);
}

void netback_stall(struct netback *netback, uint32_t queue, uint64_t nanoseconds)
{
    uint64_t now = sched_now(), until = nanoseconds > SCHED_FOREVER - now ? SCHED_FOREVER : now + nanoseconds;

    __atomic_store_n(&netback->queues[queue].tx.stalled, nanoseconds == 0 ? 0 : until, __ATOMIC_RELEASE);
    bell_ring(&netback->queues[queue].tx_bell);
}

static uint64_t value(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void netback_counters(struct netback *netback, struct netback_counters *counters)
{
    uint32_t q;

    *counters = (struct netback_counters){ 0 };
    for (q = 0; q < netback->max_queues; q++) {
        const struct netback_queue *queue = &netback->queues[q];

        counters->tx_packets += value(&queue->tx.packets);
        counters->tx_bytes += value(&queue->tx.bytes);
        counters->tx_errors += value(&queue->tx.errors);
        counters->tx_gso += value(&queue->tx.gso);
        counters->tx_csum_blank += value(&queue->tx.csum_blank);
        counters->tx_csum_wrong += value(&queue->tx.csum_wrong);
        counters->rx_packets += value(&queue->rx.packets);
        counters->rx_bytes += value(&queue->rx.bytes);
        counters->rx_dropped += value(&queue->rx.dropped);
        counters->rx_gso += value(&queue->rx.gso);
        counters->rx_csum_blank += value(&queue->rx.csum_blank);
        counters->kicks_received += value(&queue->kicks_received);
        counters->kicks_sent += value(&queue->tx.kicks_sent) + value(&queue->rx.kicks_sent);
    }
}

void netback_leaks(struct netback *netback, struct leaks *leaks)
{
    if (flag(&netback->connected) != 0) {
        leak_add(leaks, "backend of %s: still connected, its rings and the pages of posted receive requests are mapped",
                 netback->frontend);
    }
}
