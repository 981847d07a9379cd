/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other half of a transmit ring: responses, completions to the subscriber, connecting and giving up.
 *
 * Responses come from a backend that need not be sane: an id that is not out is counted and ignored. A packet that is
 * given up while the backend still has it leaves its requests behind; their pages stay granted until the response or
 * the end of the connection.
 */
#include <limits.h>
#include <string.h>

#include "xenvif/state.h"
#include "xenvif/transmit/transmit_internal.h"

#define MILLISECOND   1000000ull
#define LOOPS_FOREVER (60000 * MILLISECOND)

static void take_response(struct tx_ring *ring, const struct netif_tx_response *response)
{
    struct tx_slot *slot = response->id < RING_SLOTS ? &ring->slots[response->id] : NULL;
    struct tx_packet *packet;

    if (slot == NULL || !slot->used) {
        ring->statistics[XENVIF_TRANSMITTER_FRONTEND_ERRORS]++; /* no packet's, so not of those that were dropped */
        return;
    }
    slot->used = false;
    prepare_release(ring, &slot->fragment);
    ring->ids_free[ring->ids_free_count++] = response->id;
    __atomic_store_n(&ring->outstanding, ring->outstanding - 1, __ATOMIC_RELAXED);
    if (slot->packet == NO_INDEX) {
        return;
    }
    packet = &ring->packets[slot->packet];
    if (response->status != NETIF_RSP_OKAY && packet->status == 0) {
        packet->status =
            response->status == NETIF_RSP_DROPPED ? XENVIF_TRANSMITTER_PACKET_DROPPED : XENVIF_TRANSMITTER_PACKET_ERROR;
    }
    if (--packet->slots == 0) {
        timeline_packet(packet->flow, STEP_NEXT, LANE_SEND_RESPONSE, ring->index, "response");
        if (packet->status == 0) {
            packet->status = XENVIF_TRANSMITTER_PACKET_OK;
        }
        transmit_append(ring, &ring->completed, slot->packet);
    }
}

void transmit_poll(struct tx_ring *ring)
{
    int more;

    if (!ring->connected) {
        return;
    }
    do {
        RING_IDX produced = __atomic_load_n(&ring->shared->rsp_prod, __ATOMIC_ACQUIRE);

        if (produced - ring->front.rsp_cons > RING_SLOTS) {
            ring->statistics[XENVIF_TRANSMITTER_FRONTEND_ERRORS]++;
            ring->connected = false; /* nothing in it can be believed any more */
            return;
        }
        while (ring->front.rsp_cons != produced) {
            struct netif_tx_response response;

            RING_COPY_RESPONSE(&ring->front, ring->front.rsp_cons, &response);
            ring->front.rsp_cons++;
            if (response.status != NETIF_RSP_NULL) { /* those belong to extra segments */
                take_response(ring, &response);
            }
        }
        RING_FINAL_CHECK_FOR_RESPONSES(&ring->front, more);
    } while (more);
    if (ring->outstanding == 0) {
        sched_wake(&ring->outstanding, UINT_MAX);
    }
}

/* --- to the subscriber --- */

static void count(struct tx_ring *ring, const struct tx_packet *packet)
{
    uint64_t *statistics = ring->statistics;

    if (packet->status != XENVIF_TRANSMITTER_PACKET_OK) {
        statistics[XENVIF_TRANSMITTER_PACKETS_DROPPED]++;
        statistics[XENVIF_TRANSMITTER_BACKEND_ERRORS] += packet->status == XENVIF_TRANSMITTER_PACKET_ERROR;
        return;
    }
    statistics[XENVIF_TRANSMITTER_UNICAST_PACKETS + 2 * (packet->type - ETHERNET_ADDRESS_UNICAST)]++;
    statistics[XENVIF_TRANSMITTER_UNICAST_OCTETS + 2 * (packet->type - ETHERNET_ADDRESS_UNICAST)] +=
        packet->sent - packet->padding;
    for (uint32_t marks = packet->marks; marks != 0; marks &= marks - 1) {
        statistics[XENVIF_TRANSMITTER_TAGGED_PACKETS + __builtin_ctz(marks)]++;
    }
}

struct tx_list transmit_take_completed(struct tx_ring *ring)
{
    struct tx_list completed = ring->completed;

    for (uint16_t i = completed.first; i != NO_INDEX; i = ring->packets[i].next) {
        count(ring, &ring->packets[i]);
    }
    ring->completed = (struct tx_list){ NO_INDEX, NO_INDEX };
    return completed;
}

/* The records on the list are nobody else's until they are on the free list, which is the lock's. */
void transmit_return(struct tx_ring *ring, struct tx_list completed)
{
    uint8_t irql;

    if (completed.first == NO_INDEX) {
        return;
    }
    for (uint16_t i = completed.first; i != NO_INDEX; i = ring->packets[i].next) {
        const struct tx_packet *packet = &ring->packets[i];
        struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 completion = { .size_ = { 0 } };

        completion.Status = packet->status;
        if (packet->status == XENVIF_TRANSMITTER_PACKET_OK) {
            completion.Type = packet->type;
            completion.PacketLength = (uint16_t)(packet->sent - packet->padding);
            completion.PayloadLength = (uint16_t)packet->payload;
        }
        callback_transmit(ring->vif, packet->cookie, &completion);
    }
    spin_lock(&ring->lock, &irql);
    ring->packets[completed.last].next = ring->packets_free;
    ring->packets_free = completed.first;
    spin_unlock(&ring->lock, irql);
}

void transmit_poll_dpc(void *argument)
{
    struct tx_ring *ring = argument;
    struct tx_list completed;
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    transmit_poll(ring);
    transmit_schedule(ring);
    completed = transmit_take_completed(ring);
    spin_unlock(&ring->lock, irql);
    transmit_return(ring, completed);
}

void transmit_event(void *argument)
{
    dpc_queue(&((struct tx_ring *)argument)->dpc);
}

/* --- life of a connection; the frontend's thread, or Enable and Disable, at PASSIVE --- */

int transmit_connect(struct tx_ring *ring)
{
    struct vif *vif = ring->vif;
    uint16_t backend = vif->frontend.backend_domid;
    int result;

    ring->shared = xen_memory_alloc(vif->xen, 1);
    if (ring->buffers == NULL) {
        ring->buffers = xen_memory_alloc(vif->xen, RING_SLOTS);
    }
    if (ring->shared == NULL || ring->buffers == NULL) {
        return -1;
    }
    XEN_FRONT_RING_INIT(&ring->front, ring->shared, XEN_PAGE_SIZE);
    result = xen_grant(vif->xen, backend, ring->shared, false, &ring->shared_reference);
    for (uint32_t i = 0; i < RING_SLOTS; i++) {
        ring->buffers_free[i] = (uint16_t)i;
    }
    ring->buffers_free_count = ring->min_buffers_free = RING_SLOTS;
    ring->unpushed = 0;
    return result;
}

static void end_grant(struct vif *vif, uint32_t *reference)
{

    for (int tries = 0; *reference != 0 && xen_ungrant(vif->xen, *reference) == -16 /* -EBUSY */ && tries < 100;
         tries++) {
        sched_sleep(MILLISECOND);
    }
    *reference = 0;
}

/* The lock is held: whatever is out completes as dropped. `forget`: the backend is gone, its requests will never be
 * answered. */
static void give_up(struct tx_ring *ring, bool forget)
{
    for (uint16_t id = 0; id < RING_SLOTS && ring->outstanding != 0; id++) {
        struct tx_slot *slot = &ring->slots[id];

        if (!slot->used) {
            continue;
        }
        if (slot->packet != NO_INDEX && --ring->packets[slot->packet].slots == 0) {
            ring->packets[slot->packet].status = XENVIF_TRANSMITTER_PACKET_DROPPED;
            transmit_append(ring, &ring->completed, slot->packet);
        }
        slot->packet = NO_INDEX;
        if (forget) {
            slot->used = false;
            prepare_release(ring, &slot->fragment);
            ring->ids_free[ring->ids_free_count++] = id;
            ring->outstanding--;
        }
    }
}

static void abort_waiting(struct tx_ring *ring)
{
    while (ring->waiting.first != NO_INDEX) {
        uint16_t index = transmit_take_first(ring, &ring->waiting);

        ring->packets[index].status = XENVIF_TRANSMITTER_PACKET_DROPPED;
        transmit_append(ring, &ring->completed, index);
    }
}

void transmit_disconnect(struct tx_ring *ring)
{
    struct vif *vif = ring->vif;
    struct tx_list completed;
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    transmit_poll(ring);
    ring->connected = false;
    give_up(ring, true);
    ring->multicast_count = 0;
    completed = transmit_take_completed(ring);
    spin_unlock(&ring->lock, irql);
    irql = irql_raise(DISPATCH_LEVEL);
    transmit_return(ring, completed);
    irql_lower(irql);
    dpc_flush(&ring->dpc);
    while (ring->cached_count != 0) {
        struct tx_cached *entry = &ring->cache[ring->cached[--ring->cached_count]];

        if (entry->page != NULL) {
            end_grant(vif, &entry->reference);
            entry->page = NULL;
        }
        entry->listed = false;
    }
    for (uint32_t i = ring->min_buffers_free; i < RING_SLOTS && ring->buffers != NULL;
         i++) { /* the others are as new */
        end_grant(vif, &ring->buffer_references[i]);
        memset(ring->buffers + (size_t)i * XEN_PAGE_SIZE, 0, XEN_PAGE_SIZE);
    }
    ring->min_buffers_free = RING_SLOTS;
    end_grant(vif, &ring->shared_reference);
    if (ring->shared != NULL) {
        xen_memory_free(vif->xen, ring->shared, 1);
    }
    ring->shared = NULL;
}

static void return_completed(struct tx_ring *ring)
{
    struct tx_list completed;
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    completed = transmit_take_completed(ring);
    spin_unlock(&ring->lock, irql);
    irql = irql_raise(DISPATCH_LEVEL);
    transmit_return(ring, completed);
    irql_lower(irql);
}

void transmit_enable(struct tx_ring *ring)
{
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    ring->enabled = true;
    transmit_schedule(ring); /* packets may have waited for the connection */
    spin_unlock(&ring->lock, irql);
    return_completed(ring); /* and be none that this one can take */
}

/* True: the rest of what is out is given up. */
static bool disable_gives_up(const struct tx_ring *ring, uint64_t since, bool backend_connected, bool backend_closing)
{
    uint64_t waited = sched_now() - since;

    if (ring->vif->release->disable == VIF_DISABLE_RESETS) {
        return waited >= 100 * MILLISECOND || (!backend_connected && !backend_closing);
    }
    RULE(!backend_connected || waited < LOOPS_FOREVER, "vif-disable",
         "Disable has waited %llu s at DISPATCH_LEVEL for %u requests that a connected backend does not answer: XenVif "
         "like %s never returns",
         LOOPS_FOREVER / (1000 * MILLISECOND), ring->outstanding, ring->vif->release->name);
    return !backend_connected;
}

/* The lock is held. The ring is answered by ourselves, on a page begun anew: a backend that still looks at it finds
 * another number of requests than it has taken. */
static void fake_responses(struct tx_ring *ring, bool backend_connected)
{
    sched_trace("vif fakes %u responses on queue %u", ring->outstanding, ring->index);
    __atomic_fetch_add(&ring->resets, backend_connected, __ATOMIC_RELAXED);
    ring->shared->req_prod = ring->shared->rsp_prod = 0;
    ring->shared->req_event = ring->shared->rsp_event = 1;
    give_up(ring, true);
    ring->front.rsp_cons = ring->front.req_prod_pvt;
    __atomic_store_n(&ring->shared->rsp_prod, ring->front.rsp_cons, __ATOMIC_RELEASE);
}

/* Waits with the processor at DISPATCH_LEVEL, as XenVif does. */
static void wait_for_backend(struct tx_ring *ring)
{
    uint32_t backend = XenbusStateUnknown;
    uint64_t since = sched_now();
    uint8_t irql;

    (void)frontend_reads(ring->vif, "state", &backend);
    irql = irql_raise(DISPATCH_LEVEL);
    for (;;) {
        bool done;
        uint8_t old;

        spin_lock(&ring->lock, &old);
        transmit_poll(ring);
        done = ring->outstanding == 0;
        if (!done && (!ring->connected || /* not believed any more */
                      disable_gives_up(ring, since, backend == XenbusStateConnected, backend == XenbusStateClosing))) {
            fake_responses(ring, backend == XenbusStateConnected);
            done = true;
        }
        spin_unlock(&ring->lock, old);
        if (done) {
            break;
        }
        sched_sleep(MILLISECOND);
    }
    irql_lower(irql);
}

void transmit_disable(struct tx_ring *ring)
{
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    ring->enabled = false;
    spin_unlock(&ring->lock, irql);
    wait_for_backend(ring);
    return_completed(ring);
}

void transmit_abort(struct tx_ring *ring)
{
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    abort_waiting(ring);
    spin_unlock(&ring->lock, irql);
    return_completed(ring);
    dpc_flush(&ring->dpc);
}
