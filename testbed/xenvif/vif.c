/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual interface put together and taken down, its counters and what was left behind. At PASSIVE_LEVEL. */
#include "xenvif/vif.h"

#include <stdlib.h>

#include "xenvif/state.h"

static bool make_rings(struct vif *vif)
{
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        vif->tx[i] = aligned_alloc(64, (sizeof(struct tx_ring) + 63) & ~(size_t)63);
        vif->rx[i] = aligned_alloc(64, (sizeof(struct rx_ring) + 63) & ~(size_t)63);
        if (vif->tx[i] == NULL || vif->rx[i] == NULL) {
            return false;
        }
        memset(vif->tx[i], 0, sizeof(struct tx_ring));
        memset(vif->rx[i], 0, sizeof(struct rx_ring));
        if (!transmit_create(vif->tx[i], vif, i) || !receive_create(vif->rx[i], vif, i)) {
            return false;
        }
    }
    return true;
}

static void free_rings(struct vif *vif)
{
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        if (vif->tx[i] != NULL) {
            transmit_destroy(vif->tx[i]);
        }
        if (vif->rx[i] != NULL) {
            receive_destroy(vif->rx[i]);
        }
        free(vif->tx[i]);
        free(vif->rx[i]);
    }
}

/* What XenVif's subscriber has, for the report of a standstill. */
static void print_out(void *context, FILE *out)
{
    const struct vif *vif = context;

    for (uint32_t i = 0; i < vif->options.queues; i++) {
        uint64_t oldest;
        uint32_t received = receive_out(vif->rx[i], &oldest);

        if (received != 0) {
            fprintf(
                out,
                "  the driver has %u received packets of queue %u, handed over by ReceiverQueuePacket and not given "
                "back by ReceiverReturnPacket, the oldest for %.1f s\n",
                received, i, (double)(sched_now() - oldest) / 1e9);
        }
    }
}

static int trigger_suspend(void *context)
{
    return vif_suspend_resume(context);
}

struct vif *vif_create(struct xen *xen, const struct vif_options *options)
{
    struct vif *vif = calloc(1, sizeof(*vif));

    if (vif == NULL) {
        return NULL;
    }
    vif->xen = xen;
    vif->options = *options;
    xenbus_store_start(&vif->store, xen);
    vif->suspend.trigger = trigger_suspend;
    vif->suspend.context = vif;
    vif->release = options->release != NULL ? options->release : &vif_releases[0];
    vif->options.queues = options->queues == 0 ? 1 : options->queues < MAX_QUEUES ? options->queues : MAX_QUEUES;
    vif->hash.algorithm = XENVIF_PACKET_HASH_ALGORITHM_NONE;
    if (!make_rings(vif) || frontend_start(vif) < 0) {
        free_rings(vif);
        free(vif);
        return NULL;
    }
    distribution_write(vif);
    vif->pdo = pdo_make(vif);
    vif->out = (struct report_list){ .print = print_out, .context = vif };
    report_list_add(&vif->out);
    return vif;
}

void vif_destroy(struct vif *vif)
{
    report_list_remove(&vif->out);
    xenbus_store_stop(&vif->store);
    xenbus_suspend_stop(&vif->suspend);
    distribution_remove(vif);
    frontend_stop(vif);
    pdo_destroy(vif->pdo);
    free_rings(vif);
    free(vif);
}

struct device *vif_pdo(struct vif *vif)
{
    return vif->pdo;
}

static uint64_t get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void vif_counters(struct vif *vif, struct vif_counters *counters)
{
    *counters = (struct vif_counters){ .queues = __atomic_load_n(&vif->queues, __ATOMIC_RELAXED),
                                       .mtu = __atomic_load_n(&vif->mac.mtu, __ATOMIC_RELAXED),
                                       .stalls = __atomic_load_n(&vif->frontend.stalls, __ATOMIC_RELAXED) };
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        const struct tx_ring *tx = vif->tx[i];
        const struct rx_ring *rx = vif->rx[i];

        counters->resets += get(&tx->resets);
        counters->tx_packets += get(&tx->packets_sent);
        counters->tx_bytes += get(&tx->bytes);
        counters->tx_doorbells += get(&tx->doorbells);
        counters->tx_calls_without_more += get(&tx->calls_without_more);
        counters->tx_gso += get(&tx->gso);
        counters->tx_csum_blank += get(&tx->csum_blank);
        counters->tx_bounced += get(&tx->bounced);
        counters->rx_packets += get(&rx->packets_received);
        counters->rx_bytes += get(&rx->bytes);
        counters->rx_doorbells += get(&rx->doorbells);
        counters->rx_batches += get(&rx->batches);
        counters->rx_gso += get(&rx->gso);
        counters->rx_csum_blank += get(&rx->csum_blank);
    }
}

void vif_refuse_sends(struct vif *vif, uint32_t taken, uint32_t refused)
{
    sched_lock(&vif->lock);
    vif->shortage.taken = taken;
    vif->shortage.then_refused = 0;
    __atomic_store_n(&vif->shortage.refused, refused, __ATOMIC_RELEASE);
    sched_unlock(&vif->lock);
}

void vif_refuse_sends_again(struct vif *vif, uint32_t taken, uint32_t refused)
{
    sched_lock(&vif->lock);
    vif->shortage.then_taken = taken;
    vif->shortage.then_refused = refused;
    sched_unlock(&vif->lock);
}

void vif_offend(struct vif *vif)
{
    transmit_offend(vif->tx[0]);
}

void vif_queue_packets(struct vif *vif, uint64_t *tx, uint64_t *rx, uint32_t queues)
{
    for (uint32_t i = 0; i < queues; i++) {
        tx[i] = i < vif->options.queues ? get(&vif->tx[i]->packets_sent) : 0;
        rx[i] = i < vif->options.queues ? get(&vif->rx[i]->packets_received) : 0;
    }
}

void vif_leaks(struct vif *vif, struct leaks *leaks)
{
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        uint32_t sent = transmit_held(vif->tx[i]), received = receive_held(vif->rx[i]);

        if (sent != 0) {
            leak_add(leaks, "VIF interface: %u packets sent on queue %u not completed", sent, i);
        }
        if (received != 0) {
            leak_add(leaks, "VIF interface: %u packets received on queue %u not given back", received, i);
        }
    }
    if (vif->subscriber.enabled) {
        leak_add(leaks, "VIF interface: still %s", "enabled");
    }
    if (vif->subscriber.acquired != 0) {
        leak_add(leaks, "VIF interface: %u references not released", vif->subscriber.acquired);
    }
    xenbus_suspend_leaks(&vif->suspend, leaks);
    xenbus_store_leaks(&vif->store, leaks);
}
