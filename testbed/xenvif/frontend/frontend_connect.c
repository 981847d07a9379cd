/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection consists of: features read, rings and event channels made and published in one transaction, rings
 * started once the backend has connected, and all of it taken down again. At PASSIVE_LEVEL with the frontend's gate
 * held.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "nt/processor/topology.h"
#include "xenvif/state.h"

enum { ATTEMPTS = 10 };

#define COME_BACK_PATIENCE (5ull * 1000000000ull)
#define MAC_SOON           1000000ull

static bool feature(struct vif *vif, const char *key)
{
    uint32_t value = 0;

    return frontend_reads(vif, key, &value) && value != 0;
}

/* One for each processor, as many as the backend and the registry (FrontendMaxQueues) allow: anew at every connect. */
static uint32_t negotiated_queues(const struct vif *vif, uint32_t most)
{
    uint32_t queues = vif->options.queues < processor_count() ? vif->options.queues : processor_count();

    return most == 0 ? 1 : most < queues ? most : queues;
}

static void read_features(struct vif *vif)
{
    uint32_t most = 1;

    frontend_reads(vif, "multi-queue-max-queues", &most);
    vif->frontend.features = (struct features){
        .sg = feature(vif, "feature-sg"),
        .gso4 = feature(vif, "feature-gso-tcpv4"),
        .gso6 = feature(vif, "feature-gso-tcpv6"),
        .checksum4 = !feature(vif, "feature-no-csum-offload"),
        .checksum6 = feature(vif, "feature-ipv6-csum-offload"),
        .split = feature(vif, "feature-split-event-channels"),
        .control = feature(vif, "feature-ctrl-ring") && !vif->options.no_control_ring,
        .multicast = feature(vif, "feature-multicast-control") && feature(vif, "feature-dynamic-multicast-control"),
        .headroom = feature(vif, "feature-xdp-headroom") ? vif->options.headroom : 0,
        .queues = negotiated_queues(vif, most),
    };
}

/* One channel for both rings of a queue. */
static void both_event(void *argument)
{
    struct rx_ring *ring = argument;

    transmit_event(ring->vif->tx[ring->index]);
    receive_event(ring);
}

static int make_queue(struct vif *vif, uint32_t index)
{
    struct tx_ring *tx = vif->tx[index];
    struct rx_ring *rx = vif->rx[index];
    uint16_t backend = vif->frontend.backend_domid;
    bool split = vif->frontend.features.split;
    int result = receive_connect(rx);

    if (result == 0) {
        result = transmit_connect(tx);
    }
    if (result == 0) {
        result = xen_event_open(vif->xen, backend, split ? receive_event : both_event, rx, &rx->event);
    }
    if (result == 0 && split) {
        result = xen_event_open(vif->xen, backend, transmit_event, tx, &tx->event);
    } else {
        tx->event = rx->event;
    }
    return result;
}

static int write_key(struct vif *vif, xen_transaction t, const char *folder, const char *key, uint32_t value)
{
    char path[192];

    snprintf(path, sizeof(path), "%s%s/%s", vif->frontend.path, folder, key);
    return xen_store_printf(vif->xen, t, path, "%u", value);
}

static void remove_key(struct vif *vif, xen_transaction t, const char *key)
{
    char path[192];

    snprintf(path, sizeof(path), "%s/%s", vif->frontend.path, key);
    xen_store_remove(vif->xen, t, path); /* usually not there */
}

static int write_queue(struct vif *vif, xen_transaction t, uint32_t index)
{
    const struct tx_ring *tx = vif->tx[index];
    const struct rx_ring *rx = vif->rx[index];
    char folder[24] = "";
    int result;

    if (vif->frontend.features.queues > 1) {
        snprintf(folder, sizeof(folder), "/queue-%u", index);
    }
    result = write_key(vif, t, folder, "tx-ring-ref", tx->shared_reference);
    result = result == 0 ? write_key(vif, t, folder, "rx-ring-ref", rx->shared_reference) : result;
    if (vif->frontend.features.split) {
        result = result == 0 ? write_key(vif, t, folder, "event-channel-tx", xen_event_port(tx->event)) : result;
        return result == 0 ? write_key(vif, t, folder, "event-channel-rx", xen_event_port(rx->event)) : result;
    }
    return result == 0 ? write_key(vif, t, folder, "event-channel", xen_event_port(rx->event)) : result;
}

/* Keys of an earlier connection would contradict those of this one. */
static void remove_stale(struct vif *vif, xen_transaction t)
{
    static const char *const keys[] = { "tx-ring-ref",        "rx-ring-ref",
                                        "event-channel",      "event-channel-tx",
                                        "event-channel-rx",   "ctrl-ring-ref",
                                        "event-channel-ctrl", "request-multicast-control",
                                        "xdp-headroom" };
    char queue[24];

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        remove_key(vif, t, keys[i]);
    }
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        snprintf(queue, sizeof(queue), "queue-%u", i);
        remove_key(vif, t, queue);
    }
}

static int write_keys(struct vif *vif, xen_transaction t)
{
    const struct features *features = &vif->frontend.features;
    bool gso = !vif->options.no_gso_receive &&
               features->headroom == 0; /* Linux counts a large packet's slots without the headroom */
    const struct {
        const char *key;
        uint32_t value;
    } keys[] = {
        { "request-rx-copy", 1 },           { "feature-sg", 1 },
        { "feature-rx-notify", 1 },         { "feature-gso-tcpv4", gso },
        { "feature-gso-tcpv6", gso },       { "feature-no-csum-offload", 0 },
        { "feature-ipv6-csum-offload", 1 }, { "multi-queue-num-queues", features->queues },
    };
    int result = 0;

    remove_stale(vif, t);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && result == 0; i++) {
        result = write_key(vif, t, "", keys[i].key, keys[i].value);
    }
    for (uint32_t i = 0; i < features->queues && result == 0; i++) {
        result = write_queue(vif, t, i);
    }
    if (features->control && result == 0) {
        result = write_key(vif, t, "", "ctrl-ring-ref", vif->control.shared_reference);
        result = result == 0 ? write_key(vif, t, "", "event-channel-ctrl", xen_event_port(vif->control.event)) : result;
    }
    if (features->headroom != 0 && result == 0) {
        result = write_key(vif, t, "", "xdp-headroom", features->headroom);
    }
    if (features->multicast && result == 0) {
        /* Whatever the filter lets through (TransmitterStoreWrite): it is heeded when it is set again. */
        result = write_key(vif, t, "", "request-multicast-control", 1);
    }
    return result;
}

int connect_publish(struct vif *vif)
{
    int result = 0;

    read_features(vif);
    mac_read(vif);
    for (uint32_t i = 0; i < vif->frontend.features.queues && result == 0; i++) {
        result = make_queue(vif, i);
    }
    if (result == 0) {
        result = control_ring_connect(vif);
    }
    for (int attempt = 0; result == 0 && attempt < ATTEMPTS; attempt++) {
        xen_transaction t;

        result = xen_transaction_start(vif->xen, &t);
        if (result == 0) {
            result = write_keys(vif, t);
            int ended = xen_transaction_end(vif->xen, t, result == 0);

            if (result == 0 && ended != -EAGAIN) {
                return ended;
            }
        }
    }
    return result == 0 ? -EAGAIN : result;
}

/* --- rings and the subscriber --- */

/* The last connection had more queues. Kinder than XenVif, whose Disable reaches the queues of the connection only:
 * what waited there before it waits for good, and no driver could get it back. What is sent there after it no XenVif
 * ever has: the number becomes another only where no driver can send, in D0 before Enable, and at a migration, through
 * which XenBus keeps all processors until the late callbacks are done. */
void connect_abort_beyond(struct vif *vif)
{
    for (uint32_t i = vif->queues_known; i < vif->options.queues; i++) {
        transmit_disable(vif->tx[i]);
        transmit_abort(vif->tx[i]);
    }
}

int32_t connect_run(struct vif *vif)
{
    struct hash hash;
    int32_t status;

    sched_lock(&vif->lock);
    hash = vif->hash;
    sched_unlock(&vif->lock);
    status = control_update(vif, &hash); /* every release since 8.2.0: Enable passes all settings on once more */
    if (!NT_SUCCESS(status)) {
        sched_trace("vif: the backend does not take the hash: %#x, nothing runs", (uint32_t)status);
        return status;
    }
    for (uint32_t i = 0; i < vif->queues_known; i++) {
        receive_enable(vif->rx[i]);
        transmit_enable(vif->tx[i]);
    }
    connect_abort_beyond(vif);
    __atomic_store_n(&vif->frontend.running, true, __ATOMIC_SEQ_CST);
    mac_announce_multicast(vif);
    return STATUS_SUCCESS;
}

void connect_start(struct vif *vif)
{
    uint32_t queues = vif->frontend.features.queues;

    mac_state_changed(vif);
    __atomic_or_fetch(&vif->offered, interface_offloads(vif),
                      __ATOMIC_RELAXED); /* a subscriber may still go by an earlier answer */
    vif->control.connected = vif->control.event != NULL;
    for (uint32_t i = 0; i < queues; i++) {
        uint8_t irql;

        vif->rx[i]->connected = true;
        spin_lock(&vif->tx[i]->lock, &irql);
        vif->tx[i]->connected = true;
        spin_unlock(&vif->tx[i]->lock, irql);
    }
    __atomic_store_n(&vif->queues_known, queues, __ATOMIC_RELEASE);
    __atomic_store_n(&vif->queues, queues, __ATOMIC_RELEASE);
    connect_abort_beyond(vif);
    vif->frontend.again = 0;
    if (__atomic_load_n(&vif->subscriber.enabled, __ATOMIC_SEQ_CST) && !vif->frontend.migrating &&
        connect_run(vif) == STATUS_TRANSACTION_TIMED_OUT) {
        vif->frontend.again = sched_now() + CONNECT_AGAIN;
    }
}

void connect_stop(struct vif *vif)
{
    __atomic_store_n(&vif->queues, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&vif->frontend.running, false, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        receive_disable(vif->rx[i]);
    }
}

void connect_teardown(struct vif *vif)
{
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        struct tx_ring *tx = vif->tx[i];
        struct rx_ring *rx = vif->rx[i];

        if (tx->event != NULL && tx->event != rx->event) {
            xen_event_close(tx->event);
        }
        if (rx->event != NULL) {
            xen_event_close(rx->event);
        }
        transmit_disconnect(tx);
        tx->event = NULL;
        receive_disconnect(rx);
        rx->event = NULL;
    }
    control_ring_disconnect(vif);
}

/* XenVif's own late callback, after those of the drivers above it. Checked builds of it assert that this works. */
void frontend_migrated(struct vif *vif)
{
    event_wait(&vif->frontend.gate, SCHED_FOREVER);
    vif->frontend.migrating = false;
    connect_abort_beyond(vif); /* sent since the connection; on a machine that migrates no processor runs then */
    if (__atomic_load_n(&vif->subscriber.enabled, __ATOMIC_SEQ_CST) && vif->frontend.phase == FRONTEND_CONNECTED) {
        if (vif->release->enable_needs_control && !vif->control.connected) {
            frontend_give_up(vif); /* FrontendSetState: what cannot be enabled is closed and disconnected */
        } else {
            (void)connect_run(vif);
        }
    }
    event_set(&vif->frontend.gate);
    frontend_announce(vif);
}

/* It found no backend: XenVif stays enabled, without a queue. */
void frontend_not_migrated(struct vif *vif)
{
    event_wait(&vif->frontend.gate, SCHED_FOREVER);
    vif->frontend.migrating = false;
    if (vif->frontend.phase != FRONTEND_CONNECTED) {
        frontend_give_up(vif);
    }
    event_set(&vif->frontend.gate);
}

/* XenVif's thread is free to be faster than Enable: now and then it is. */
static void let_mac_be_first(struct vif *vif, uint32_t before)
{
    if (sched_kind() == SCHED_SIMULATED && sched_random(2) == 0) {
        uint64_t deadline = sched_now() + MAC_SOON;

        while (__atomic_load_n(&vif->subscriber.mac_count, __ATOMIC_SEQ_CST) == before &&
               sched_wait(&vif->subscriber.mac_count, before, deadline)) {
        }
    }
}

int32_t frontend_enable(struct vif *vif)
{
    int32_t status = STATUS_UNSUCCESSFUL;
    uint32_t before = __atomic_load_n(&vif->subscriber.mac_count, __ATOMIC_SEQ_CST);

    frontend_look_again(vif);
    if (!frontend_wait_connected(vif, vif_patience(vif, COME_BACK_PATIENCE))) {
        return status;
    }
    event_wait(&vif->frontend.gate, SCHED_FOREVER);
    if (vif->frontend.phase == FRONTEND_CONNECTED && vif->release->enable_needs_control && !vif->control.connected) {
        status = STATUS_INSUFFICIENT_RESOURCES;
    } else if (vif->frontend.phase == FRONTEND_CONNECTED) {
        __atomic_store_n(&vif->subscriber.enabled, true, __ATOMIC_SEQ_CST);
        status = connect_run(vif);
        if (status == STATUS_SUCCESS) {
            frontend_announce(vif);
        } else {
            __atomic_store_n(&vif->subscriber.enabled, false, __ATOMIC_SEQ_CST);
        }
    }
    event_set(&vif->frontend.gate);
    if (status == STATUS_SUCCESS) {
        let_mac_be_first(vif, before);
    }
    return status;
}

/* At DISPATCH_LEVEL with the lock held that every other method shares: a method that is called from within a completion
 * spins on it. Enable holds it, too, and finds no packet of a driver that disabled XenVif before. */
static void disable_transmit(struct vif *vif)
{
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    __atomic_store_n(&vif->subscriber.exclusive, task_self(), __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        transmit_disable(vif->tx[i]);
    }
    __atomic_store_n(&vif->subscriber.exclusive, NULL, __ATOMIC_RELAXED);
    irql_lower(irql);
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        dpc_flush(&vif->tx[i]->dpc);
    }
}

/* Requests first, then received packets without limit, and only then what was not posted yet: XenVif's order. */
void frontend_disable(struct vif *vif)
{
    uint32_t in_mac;

    __atomic_store_n(&vif->subscriber.enabled, false, __ATOMIC_SEQ_CST);
    event_wait(&vif->frontend.gate, SCHED_FOREVER);
    __atomic_store_n(&vif->frontend.running, false, __ATOMIC_SEQ_CST);
    disable_transmit(vif);
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        receive_disable(vif->rx[i]);
    }
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        receive_wait_returned(vif->rx[i]);
    }
    /* What a table put on a queue that is gone stays there. */
    for (uint32_t i = 0; i < vif->queues_known; i++) {
        transmit_abort(vif->tx[i]);
    }
    event_set(&vif->frontend.gate);
    while ((in_mac = __atomic_load_n(&vif->subscriber.in_mac, __ATOMIC_SEQ_CST)) != 0) {
        sched_wait(&vif->subscriber.in_mac, in_mac, SCHED_FOREVER);
    }
}
