/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notices a backend that has stopped answering. Linux's netback disables a device over a request that makes no sense
 * without saying so: its state stays Connected, and nothing is answered any more. The frontend's thread asks here now
 * and then while connected; when the requests of a ring have waited too long it closes and connects anew, which gives
 * them back aborted. A device that is down at the backend's side does not answer either: each attempt in vain doubles
 * the wait for the next.
 *
 * Frontend thread only, gate held. What it reads of a ring changes under it: the answer is wrong for a moment at most.
 */
#include <stdio.h>

#include "xenvif/state.h"

enum { MAX_DOUBLINGS = 6 };

void stall_forget(struct vif *vif)
{
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        vif->tx[i]->stall.since = 0;
    }
}

bool stall_seen(struct vif *vif)
{
    uint64_t now = sched_now(), limit = vif->options.stall_ns << vif->frontend.stalls_in_vain;

    for (uint32_t i = 0; vif->options.stall_ns != 0 && i < __atomic_load_n(&vif->queues, __ATOMIC_ACQUIRE); i++) {
        struct tx_ring *ring = vif->tx[i];
        RING_IDX consumer = __atomic_load_n(&ring->front.rsp_cons, __ATOMIC_RELAXED);

        if (ring->stall.since != 0 && consumer != ring->stall.consumer) {
            vif->frontend.stalls_in_vain = 0;
            ring->stall.since = 0;
        }
        if (__atomic_load_n(&ring->outstanding, __ATOMIC_RELAXED) == 0 || ring->stall.since == 0) {
            ring->stall.consumer = consumer;
            ring->stall.since = now;
        } else if (now - ring->stall.since >= limit) {
            fprintf(stderr, "testbed: the backend of %s has not answered on queue %u for %llu ms: connecting anew\n",
                    vif->frontend.path, i, (unsigned long long)((now - ring->stall.since) / 1000000));
            __atomic_add_fetch(&vif->frontend.stalls, 1, __ATOMIC_RELAXED);
            vif->frontend.stalls_in_vain += vif->frontend.stalls_in_vain < MAX_DOUBLINGS;
            return true;
        }
    }
    return false;
}
