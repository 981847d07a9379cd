/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transmit ring: takes packets from the subscriber, posts them as the ring has room, and lets the rest wait in order.
 * Completion is in transmit_poll.c.
 *
 * A packet with More set only waits; one with More clear posts everything that waits for this ring, pushes the requests
 * and rings the doorbell if the backend asks for it. Whatever completed meanwhile is handed to the subscriber after the
 * lock was given up, still at DISPATCH_LEVEL, possibly before the send call that brought it returns.
 */
#include <stdlib.h>
#include <string.h>

#include "xenvif/state.h"
#include "xenvif/transmit/transmit_internal.h"

bool transmit_create(struct tx_ring *ring, struct vif *vif, uint32_t index)
{
    ring->vif = vif;
    ring->index = index;
    dpc_init(&ring->dpc, index % processor_count(), transmit_poll_dpc, ring);
    ring->packets = calloc(TX_PACKETS, sizeof(*ring->packets));
    ring->cache = calloc(TX_CACHED_GRANTS, sizeof(*ring->cache));
    ring->cached = calloc(TX_CACHED_GRANTS, sizeof(*ring->cached));
    if (ring->packets == NULL || ring->cache == NULL || ring->cached == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < TX_PACKETS; i++) {
        ring->packets[i].next = i + 1 < TX_PACKETS ? (uint16_t)(i + 1) : NO_INDEX;
    }
    ring->packets_free = 0;
    ring->waiting = ring->completed = (struct tx_list){ NO_INDEX, NO_INDEX };
    for (uint32_t i = 0; i < RING_SLOTS; i++) {
        ring->ids_free[i] = (uint16_t)(RING_SLOTS - 1 - i);
    }
    ring->ids_free_count = RING_SLOTS;
    return true;
}

void transmit_destroy(struct tx_ring *ring)
{
    dpc_flush(&ring->dpc);
    if (ring->buffers != NULL) {
        xen_memory_free(ring->vif->xen, ring->buffers, RING_SLOTS);
    }
    free(ring->packets);
    free(ring->cache);
    free(ring->cached);
}

/* --- lists of packets, by index --- */

void transmit_append(struct tx_ring *ring, struct tx_list *list, uint16_t packet)
{
    ring->packets[packet].next = NO_INDEX;
    if (list->first == NO_INDEX) {
        list->first = packet;
    } else {
        ring->packets[list->last].next = packet;
    }
    list->last = packet;
}

uint16_t transmit_take_first(struct tx_ring *ring, struct tx_list *list)
{
    uint16_t packet = list->first;

    list->first = ring->packets[packet].next;
    return packet;
}

/* --- posting, with the lock held --- */

static struct netif_tx_request *next_request(struct tx_ring *ring)
{
    ring->unpushed++;
    return RING_GET_REQUEST(&ring->front, ring->front.req_prod_pvt++);
}

static void post_fragment(struct tx_ring *ring, const struct tx_fragment *fragment, uint16_t packet, uint16_t extras,
                          uint16_t flags)
{
    uint16_t id = ring->ids_free[--ring->ids_free_count];

    ring->slots[id] = (struct tx_slot){ *fragment, packet, extras, true };
    *next_request(ring) = (struct netif_tx_request){ fragment->reference, fragment->offset, flags, id, fragment->size };
    __atomic_store_n(&ring->outstanding, ring->outstanding + 1, __ATOMIC_RELAXED);
    if (__builtin_expect(timeline_on && packet != NO_INDEX, 0)) {
        timeline_known_as(timeline_slot_key(fragment->reference, id), ring->packets[packet].flow);
    }
}

static struct netif_extra_info *next_extra(struct tx_ring *ring, uint8_t type, bool more)
{
    struct netif_extra_info *extra = (struct netif_extra_info *)next_request(ring);

    memset(extra, 0, sizeof(*extra));
    extra->type = type;
    extra->flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
    return extra;
}

static void post_packet(struct tx_ring *ring, uint16_t index, const struct tx_plan *plan)
{
    struct tx_packet *packet = &ring->packets[index];

    packet->slots = (uint16_t)plan->count;
    for (uint32_t i = 0; i < plan->count; i++) {
        uint16_t more = i + 1 < plan->count ? NETTXF_more_data : 0;

        if (i != 0) {
            post_fragment(ring, &plan->fragments[i], index, 0, more);
            continue;
        }
        post_fragment(ring, &plan->fragments[0], index, (uint16_t)plan->extras,
                      (uint16_t)(plan->flags | more | (plan->extras != 0 ? NETTXF_extra_info : 0)));
        if (plan->gso_type != XEN_NETIF_GSO_TYPE_NONE) {
            struct netif_extra_info *extra = next_extra(ring, XEN_NETIF_EXTRA_TYPE_GSO, plan->hash_type != NO_HASH);

            extra->u.gso.type = plan->gso_type;
            extra->u.gso.size = plan->mss;
            ring->gso++;
        }
        if (plan->hash_type != NO_HASH) {
            struct netif_extra_info *extra = next_extra(ring, XEN_NETIF_EXTRA_TYPE_HASH, false);

            extra->u.hash.type = plan->hash_type;
            extra->u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
            memcpy(extra->u.hash.value, &plan->hash_value, sizeof(plan->hash_value));
        }
    }
    ring->packets_sent++;
    ring->bytes += packet->sent;
    ring->csum_blank += (plan->flags & NETTXF_csum_blank) != 0;
}

static void post_multicast(struct tx_ring *ring)
{
    const struct tx_fragment nothing = { 0, 0, 0, NO_INDEX, NO_INDEX };

    while (ring->multicast_count != 0 && RING_FREE_REQUESTS(&ring->front) >= 2) {
        uint32_t first = ring->multicast_first;
        struct netif_extra_info *extra;

        post_fragment(ring, &nothing, NO_INDEX, 1, NETTXF_extra_info);
        extra = next_extra(
            ring, ring->multicast[first].add ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL, false);
        memcpy(extra->u.mcast.addr, ring->multicast[first].address, sizeof(extra->u.mcast.addr));
        ring->multicast_first = (first + 1) % MAX_MULTICAST;
        ring->multicast_count--;
    }
}

static void push(struct tx_ring *ring)
{
    bool notify;

    if (ring->unpushed == 0) {
        return;
    }
    ring->unpushed = 0;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring->front, notify);
    if (notify) {
        ring->doorbells++;
        xen_event_send(ring->event);
    }
}

/* The packet behind this one: another processor has written what is looked at next. */
static void prefetch_behind(const struct tx_ring *ring, uint16_t index)
{
    uint16_t next = ring->packets[index].next;

    if (next != NO_INDEX) {
        const struct MDL *mdl = ring->packets[next].mdl;

        __builtin_prefetch(mdl);
        if (ring->packets[next].next != NO_INDEX) {
            __builtin_prefetch(&ring->packets[ring->packets[next].next]);
        }
    }
}

void transmit_schedule(struct tx_ring *ring)
{
    bool polled = false;

    if (!ring->connected || !ring->enabled) {
        return;
    }
    post_multicast(ring);
    while (ring->waiting.first != NO_INDEX) {
        uint16_t index = ring->waiting.first;
        struct tx_plan plan;

        /* Not worth a look: nearly every packet takes two requests or more, and each takes a page for its headers. */
        if (RING_FREE_REQUESTS(&ring->front) < 2 || ring->buffers_free_count == 0) {
            if (polled) {
                break;
            }
            push(ring);
            transmit_poll(ring);
            polled = true;
            continue;
        }
        ring->packets[index].marks = 0;
        prefetch_behind(ring, index);
        if (!prepare_packet(ring, &ring->packets[index], &plan)) {
            ring->packets[index].status = XENVIF_TRANSMITTER_PACKET_DROPPED;
            transmit_take_first(ring, &ring->waiting);
            transmit_append(ring, &ring->completed, index);
            continue;
        }
        if (plan.count + plan.extras > RING_FREE_REQUESTS(&ring->front) || plan.count > ring->ids_free_count) {
            prepare_undo(ring, &plan);
            if (polled) {
                break;
            }
            push(ring);
            transmit_poll(ring);
            polled = true;
            continue;
        }
        transmit_take_first(ring, &ring->waiting);
        post_packet(ring, index, &plan);
        if (ring->unpushed >= RING_SLOTS / 4) {
            push(ring);
        }
    }
    push(ring);
}

/* --- the subscriber's side --- */

static uint32_t choose_ring(struct vif *vif, const struct tx_request *request)
{
    uint32_t queues = vif->queues_known;
    uint8_t headers[MAX_HEADERS];
    struct XENVIF_PACKET_INFO_V2 info;

    if (request->hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ) {
        uint32_t size = __atomic_load_n(&vif->hash.size, __ATOMIC_ACQUIRE);

        return size != 0 ? vif->hash.mapping[request->hash.Value % size] : 0; /* a queue that may be gone */
    }
    /* FrontendGetQueue, after a migration that found no backend: VIF is enabled all the same. */
    RULE(queues != 0, "vif-queues", "a packet without a Toeplitz value is sent to a XenVif that has no queues");
    if (queues == 1) {
        return 0;
    }
    if (request->hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED) {
        return request->hash.Value % queues;
    }
    transmit_look(request->mdl, request->offset, request->length, headers, &info);
    return (info.IpHeader.Length != 0 ? packet_flow_value(headers, &info) : processor_current()) % queues;
}

static bool is_short(struct vif *vif)
{
    bool refused = false;

    if (__atomic_load_n(&vif->shortage.refused, __ATOMIC_ACQUIRE) == 0) {
        return false;
    }
    sched_lock(&vif->lock);
    if (vif->shortage.taken != 0) {
        vif->shortage.taken--;
    } else if (vif->shortage.refused != 0) {
        refused = true;
        if (--vif->shortage.refused == 0) {
            vif->shortage.taken = vif->shortage.then_taken;
            vif->shortage.refused = vif->shortage.then_refused;
            vif->shortage.then_refused = 0;
        }
    }
    sched_unlock(&vif->lock);
    return refused;
}

int32_t transmit_queue(struct vif *vif, const struct tx_request *request)
{
    uint32_t tables = __atomic_load_n(&vif->tables, __ATOMIC_SEQ_CST);
    struct tx_ring *ring = vif->tx[choose_ring(vif, request)];
    uint8_t irql = irql_raise(DISPATCH_LEVEL), at_dispatch;
    struct tx_list completed;
    uint16_t index;
    bool enabled;

    if (is_short(vif)) {
        irql_lower(irql);
        return STATUS_NO_MEMORY;
    }
    spin_lock(&ring->lock, &at_dispatch);
    index = ring->packets_free;
    enabled = __atomic_load_n(&vif->subscriber.enabled, __ATOMIC_SEQ_CST);
    if (!enabled || index == NO_INDEX) {
        spin_unlock(&ring->lock, at_dispatch);
        irql_lower(irql);
        return enabled ? STATUS_INSUFFICIENT_RESOURCES : STATUS_UNSUCCESSFUL;
    }
    ring->packets_free = ring->packets[index].next;
    ring->packets[index] = (struct tx_packet){
        .cookie = request->cookie,
        .mdl = request->mdl,
        .offset = request->offset,
        .length = request->length,
        .options = request->options,
        .mss = request->mss,
        .tci = request->tci,
        .hash = request->hash,
    };
    if (__builtin_expect(timeline_on, 0)) {
        ring->packets[index].flow = timeline_flow((uint64_t)(uintptr_t)request->mdl);
        timeline_packet(ring->packets[index].flow, STEP_NEXT, LANE_SEND_XENVIF, ring->index, "queued");
    }
    transmit_append(ring, &ring->waiting, index);
    if (!request->more || request->hash.Algorithm != XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ ||
        tables != __atomic_load_n(&vif->tables, __ATOMIC_SEQ_CST)) {
        ring->calls_without_more++;
        transmit_schedule(ring);
    }
    completed = transmit_take_completed(ring);
    spin_unlock(&ring->lock, at_dispatch);
    transmit_return(ring, completed);
    irql_lower(irql);
    return STATUS_SUCCESS;
}

void transmit_multicast(struct vif *vif, const uint8_t address[6], bool add)
{
    struct tx_ring *ring = vif->tx[0];
    uint32_t last;
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    if (ring->connected && ring->enabled) {
        if (ring->multicast_count == MAX_MULTICAST) {
            ring->multicast_first = (ring->multicast_first + 1) % MAX_MULTICAST;
            ring->multicast_count--;
        }
        last = (ring->multicast_first + ring->multicast_count++) % MAX_MULTICAST;
        memcpy(ring->multicast[last].address, address, 6);
        ring->multicast[last].add = add;
        transmit_schedule(ring);
    }
    spin_unlock(&ring->lock, irql);
}

void transmit_offend(struct tx_ring *ring)
{
    struct tx_fragment crossing;
    uint8_t irql;

    spin_lock(&ring->lock, &irql);
    if (ring->connected && ring->ids_free_count != 0 && RING_FREE_REQUESTS(&ring->front) != 0 &&
        prepare_buffer(ring, &crossing)) {
        crossing.offset = XEN_PAGE_SIZE - 1;
        crossing.size = MIN_ETHERNET_PACKET;
        post_fragment(ring, &crossing, NO_INDEX, 0, 0);
        push(ring);
    }
    spin_unlock(&ring->lock, irql);
}

uint32_t transmit_held(const struct tx_ring *ring)
{
    uint32_t free = 0;

    for (uint16_t i = ring->packets_free; i != NO_INDEX; i = ring->packets[i].next) {
        free++;
    }
    return TX_PACKETS - free;
}
