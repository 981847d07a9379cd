/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a receive ring: connected by the frontend's thread, enabled and disabled with the subscriber. At
 * PASSIVE_LEVEL, with the ring's DPCs either unable to start or flushed wherever the ring itself is touched.
 */
#include <limits.h>
#include <stdlib.h>

#include "xenvif/receive/receive_internal.h"
#include "xenvif/state.h"

#define HELD_SECONDS 30ull /* that Disable waits for a subscriber which keeps packets */

int receive_connect(struct rx_ring *ring)
{
    struct vif *vif = ring->vif;

    ring->shared = xen_memory_alloc(vif->xen, 1);
    if (ring->shared == NULL) {
        return -1;
    }
    XEN_FRONT_RING_INIT(&ring->front, ring->shared, XEN_PAGE_SIZE);
    memset(&ring->assembly, 0, sizeof(ring->assembly));
    return xen_grant(vif->xen, vif->frontend.backend_domid, ring->shared, false, &ring->shared_reference);
}

/* The backend is gone or has unmapped everything: what was posted comes back, what arrived and was not polled is lost.
 */
void receive_disconnect(struct rx_ring *ring)
{
    struct vif *vif = ring->vif;

    receive_flush(ring);
    ring->connected = false;
    for (uint32_t i = 0; i < RING_SLOTS; i++) {
        if (ring->posted[i] != NULL) {
            pool_page_free(ring, ring->posted[i]);
            ring->posted[i] = NULL;
        }
    }
    if (ring->assembly.packet != NULL && (ring->assembly.open || ring->assembly.extra)) {
        pool_packet_free(ring, ring->assembly.packet);
    }
    memset(&ring->assembly, 0, sizeof(ring->assembly));
    pool_revoke(ring);
    if (ring->shared_reference != 0) {
        xen_ungrant(vif->xen, ring->shared_reference);
        ring->shared_reference = 0;
    }
    if (ring->shared != NULL) {
        xen_memory_free(vif->xen, ring->shared, 1);
        ring->shared = NULL;
    }
}

void receive_enable(struct rx_ring *ring)
{
    __atomic_store_n(&ring->enabled, true, __ATOMIC_SEQ_CST);
    receive_event(ring); /* the first run fills the ring */
}

void receive_disable(struct rx_ring *ring)
{
    __atomic_store_n(&ring->enabled, false, __ATOMIC_SEQ_CST);
    receive_flush(ring);
    while (ring->ready != NULL) {
        struct rx_packet *packet = ring->ready;

        ring->ready = packet->next;
        process_drop(ring, packet);
    }
    ring->last_ready = &ring->ready;
    ring->paused = false;
}

void receive_wait_returned(struct rx_ring *ring)
{
    uint64_t deadline = sched_now() + HELD_SECONDS * 1000000000ull;

    __atomic_store_n(&ring->waiting, true, __ATOMIC_SEQ_CST);
    for (;;) {
        uint32_t returns = __atomic_load_n(&ring->returns, __ATOMIC_SEQ_CST);

        receive_drain(ring);
        if (ring->loaned == 0) {
            break;
        }
        RULE(sched_now() < deadline, "vif-held",
             "Disable has waited %llu s for %u received packets that were not given back", HELD_SECONDS, ring->loaned);
        task_self()->waits_for = "received packets that have not been given back";
        sched_wait(&ring->returns, returns, deadline);
        task_self()->waits_for = NULL;
    }
    __atomic_store_n(&ring->waiting, false, __ATOMIC_SEQ_CST);
}

uint32_t receive_held(struct rx_ring *ring)
{
    if (!__atomic_load_n(&ring->enabled, __ATOMIC_SEQ_CST)) {
        receive_drain(ring);
    }
    return ring->loaned;
}

void receive_destroy(struct rx_ring *ring)
{
    receive_flush(ring);
    receive_drain(ring);
    pool_destroy(ring);
    free(ring->dpcs);
    free(ring->used);
}

uint32_t receive_out(const struct rx_ring *ring, uint64_t *oldest)
{
    uint32_t count = 0;

    *oldest = UINT64_MAX;
    for (uint32_t i = 0; i < RX_CHUNKS; i++) {
        const struct rx_packet *packets = ring->packets[i];

        for (uint32_t j = 0; packets != NULL && j < RX_CHUNK; j++) {
            if (__atomic_load_n(&packets[j].out, __ATOMIC_ACQUIRE) != 0) {
                *oldest = packets[j].out_since < *oldest ? packets[j].out_since : *oldest;
                count++;
            }
        }
    }
    return count;
}
