/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue's transmit task: takes packets off the guest's transmit ring, checks them as Linux's netback does, hands them
 * to the port from the guest's own mapped pages, answers. A batch is drained, then its responses are pushed with one
 * notification.
 *
 * Several slots are taken whether or not "feature-sg" was offered, as Linux does: XenVif does not look at that key.
 *
 * Misbehaviour comes in two sorts, as in Linux: a packet that is only wrong gets error responses; requests that cannot
 * be made sense of disable the interface. Everything shared is copied before it is looked at; headers are parsed from a
 * copy.
 */
#include <string.h>

#include "netback/state.h"
#include "netback/transmit_packet.h"

enum outcome { PACKET_DONE, PACKET_NONE, PACKET_FATAL };

static enum outcome fatal(struct netback_queue *queue, const char *what)
{
    netback_fatal(queue->netback, what);
    return PACKET_FATAL;
}

static void respond(struct netback_queue *queue, uint16_t id, int16_t status)
{
    netif_tx_back_ring_t *ring = &queue->tx.ring;

    *RING_GET_RESPONSE(ring, ring->rsp_prod_pvt) = (struct netif_tx_response){ .id = id, .status = status };
    ring->rsp_prod_pvt++;
}

/* Extra segments used up slots too; each is balanced by a null response right behind the first. */
static void respond_first(struct netback_queue *queue, const struct packet *packet, int16_t status)
{
    uint32_t i;

    respond(queue, packet->slots[0].id, status);
    for (i = 0; i < packet->extra_count; i++) {
        respond(queue, 0, NETIF_RSP_NULL);
    }
}

static void respond_all(struct netback_queue *queue, const struct packet *packet, int16_t status)
{
    uint32_t i;

    respond_first(queue, packet, status);
    for (i = 1; i < packet->slot_count; i++) {
        respond(queue, packet->slots[i].id, status);
    }
}

static enum outcome take_extras(struct netback_queue *queue, RING_IDX producer, struct packet *packet)
{
    netif_tx_back_ring_t *ring = &queue->tx.ring;
    struct netif_extra_info extra;

    do {
        if (ring->req_cons == producer) {
            return fatal(queue, "an extra segment is missing");
        }
        memcpy(&extra, RING_GET_REQUEST(ring, ring->req_cons), sizeof(extra));
        xen_rmb(); /* the copy is complete before it is judged */
        ring->req_cons++;
        packet->extra_count++;
        if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE || extra.type > EXTRA_TYPE_LAST) {
            return fatal(queue, "an extra segment has an unknown type");
        }
        packet->extras[extra.type - 1] = extra;
    } while ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0);
    return PACKET_DONE;
}

/* The slots behind the first. `*wrong`: the packet is to be dropped; its responses, all errors, have been made then. */
static enum outcome take_slots(struct netback_queue *queue, RING_IDX producer, struct packet *packet, bool *wrong)
{
    netif_tx_back_ring_t *ring = &queue->tx.ring;
    struct netif_tx_request *first = &packet->slots[0];
    bool more = (first->flags & NETTXF_more_data) != 0;
    uint32_t slots = 0, left = first->size;

    *wrong = false;
    while (more) {
        struct netif_tx_request slot;

        if (ring->req_cons == producer) {
            return fatal(queue, "a packet ends in the middle");
        }
        if (slots >= TX_SLOTS_FATAL) {
            return fatal(queue, "a packet has too many slots");
        }
        RING_COPY_REQUEST(ring, ring->req_cons, &slot);
        ring->req_cons++;
        slots++;
        if ((uint32_t)slot.offset + slot.size > XEN_PAGE_SIZE) {
            return fatal(queue, "a transmit request crosses its page");
        }
        more = (slot.flags & NETTXF_more_data) != 0;
        if (!*wrong && (slots > TX_MAX_SLOTS || slot.size > left)) {
            *wrong = true;
            respond_all(queue, packet, NETIF_RSP_ERROR);
        }
        if (*wrong) {
            respond(queue, slot.id, NETIF_RSP_ERROR);
            continue;
        }
        left -= slot.size;
        packet->slots[packet->slot_count++] = slot;
    }
    first->size = (uint16_t)left; /* the ring has the whole packet's size there */
    return PACKET_DONE;
}

/* Maps every slot; the frame then lies over the guest's pages. False: `failed` slot is the first without a valid grant.
 */
static bool map_slots(struct netback_queue *queue, const struct packet *packet, struct frame *frame, uint32_t *failed)
{
    struct netback *netback = queue->netback;
    uint32_t i;

    for (i = 0; i < packet->slot_count; i++) {
        const struct netif_tx_request *slot = &packet->slots[i];
        void *page;

        if (xen_map(netback->xen, netback->guest, slot->gref, false, &page) != 0) {
            *failed = i;
            return false;
        }
        frame->vectors[i] = (struct iovec){ (uint8_t *)page + slot->offset, slot->size };
        frame->length += slot->size;
    }
    frame->vector_count = packet->slot_count;
    return true;
}

static void unmap_slots(struct netback_queue *queue, const struct packet *packet, uint32_t slots)
{
    uint32_t i;

    for (i = 0; i < slots; i++) {
        xen_unmap(queue->netback->xen, queue->netback->guest, packet->slots[i].gref);
    }
}

static void deliver(struct netback_queue *queue, const struct packet *packet)
{
    struct frame frame;
    uint32_t i, failed;

    frame.length = 0;
    if (!map_slots(queue, packet, &frame, &failed)) {
        unmap_slots(queue, packet, failed);
        count(&queue->tx.errors, 1);
        respond_first(queue, packet, failed == 0 ? NETIF_RSP_ERROR : NETIF_RSP_OKAY);
        for (i = 1; i < packet->slot_count; i++) {
            respond(queue, packet->slots[i].id, failed == i ? NETIF_RSP_ERROR : NETIF_RSP_OKAY);
        }
        return;
    }
    if (__builtin_expect(timeline_on, 0)) {
        uint32_t flow = timeline_flow(timeline_slot_key(packet->slots[0].gref, packet->slots[0].id));

        timeline_packet(flow, STEP_NEXT, LANE_SEND_BACKEND, queue->index, "to the wire");
    }
    if (!transmit_packet(queue, packet, &frame)) {
        unmap_slots(queue, packet, packet->slot_count);
    }
    respond_all(queue, packet, NETIF_RSP_OKAY);
}

static bool is_multicast_change(struct netback_queue *queue, const struct packet *packet)
{
    const struct netif_extra_info *add = &packet->extras[XEN_NETIF_EXTRA_TYPE_MCAST_ADD - 1];
    const struct netif_extra_info *remove = &packet->extras[XEN_NETIF_EXTRA_TYPE_MCAST_DEL - 1];

    if (add->type != 0) {
        respond_first(queue, packet,
                      multicast_add(queue->netback, add->u.mcast.addr) ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
        return true;
    }
    if (remove->type != 0) {
        multicast_remove(queue->netback, remove->u.mcast.addr);
        respond_first(queue, packet, NETIF_RSP_OKAY);
        return true;
    }
    return false;
}

static enum outcome take_packet(struct netback_queue *queue)
{
    netif_tx_back_ring_t *ring = &queue->tx.ring;
    RING_IDX producer = __atomic_load_n(&ring->sring->req_prod, __ATOMIC_ACQUIRE);
    const struct netif_extra_info *gso;
    struct packet packet;
    bool wrong;

    if (ring->req_cons == producer) {
        return PACKET_NONE;
    }
    if (producer - ring->rsp_prod_pvt > RING_SIZE(ring)) {
        return fatal(queue, "more transmit requests than the ring holds");
    }
    packet.slot_count = 1;
    packet.extra_count = 0;
    memset(packet.extras, 0, sizeof(packet.extras));
    RING_COPY_REQUEST(ring, ring->req_cons, &packet.slots[0]);
    ring->req_cons++;
    if ((packet.slots[0].flags & NETTXF_extra_info) != 0 && take_extras(queue, producer, &packet) != PACKET_DONE) {
        return PACKET_FATAL;
    }
    if (is_multicast_change(queue, &packet)) {
        return PACKET_DONE;
    }
    if (take_slots(queue, producer, &packet, &wrong) != PACKET_DONE) {
        return PACKET_FATAL;
    }
    if (!wrong && packet.slots[0].size < ETHERNET_HEADER) {
        respond_all(queue, &packet, NETIF_RSP_ERROR);
        wrong = true;
    }
    if (!wrong && __atomic_load_n(&queue->tx.refuse, __ATOMIC_ACQUIRE) != 0) {
        __atomic_fetch_sub(&queue->tx.refuse, 1, __ATOMIC_RELAXED);
        respond_all(queue, &packet, NETIF_RSP_ERROR);
        wrong = true;
    }
    if (wrong) {
        count(&queue->tx.errors, 1);
        return PACKET_DONE;
    }
    if ((uint32_t)packet.slots[0].offset + packet.slots[0].size > XEN_PAGE_SIZE) {
        return fatal(queue, "a transmit request crosses its page");
    }
    gso = &packet.extras[XEN_NETIF_EXTRA_TYPE_GSO - 1];
    if (gso->type != 0 && (gso->u.gso.size == 0 || (gso->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
                                                    gso->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6))) {
        return fatal(queue, "a GSO segment has no size or an unknown type");
    }
    deliver(queue, &packet);
    return PACKET_DONE;
}

static void push(struct netback_queue *queue)
{
    bool notify;

    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&queue->tx.ring, notify);
    if (notify) {
        count(&queue->tx.kicks_sent, 1);
        xen_event_send(queue->tx_event);
    }
}

/* When the next packet may be taken: in the past, unless the host is slow. */
static uint64_t ready(const struct netback_queue *queue)
{
    uint64_t stalled = __atomic_load_n(&queue->tx.stalled, __ATOMIC_ACQUIRE);

    return stalled > queue->tx.ready ? stalled : queue->tx.ready;
}

/* Another packet may be taken into the batch, and may be taken now; if not now, `when`. What is gathered ends a batch
 * when nothing can follow it, so that its responses are not kept for what comes behind it. */
static bool batch_goes_on(const struct netback_queue *queue, uint32_t packets, uint64_t *when)
{
    const struct gather *gather = &queue->tx.gather;

    if (gather->count == 0 ? packets >= TX_BATCH
                           : packets >= TX_GATHERING_BATCH || (packets >= TX_BATCH / 2 && gather_is_full(gather))) {
        return false;
    }
    *when = ready(queue);
    return *when == 0 || *when <= sched_now();
}

/* Takes a batch. True: there is more, to be taken at `when` or before. The queue is ours. */
static bool run_batch(struct netback_queue *queue, uint64_t *when)
{
    struct netback *netback = queue->netback;
    uint32_t packets = 0;
    int more = 0;

    *when = 0;
    if (flag(&netback->disabled) == 0) {
        while (batch_goes_on(queue, packets, when) && take_packet(queue) == PACKET_DONE) {
            packets++;
            sched_point("netback-tx");
        }
        if (packets != 0) {
            transmit_flush(queue);
            push(queue);
        }
    }
    if (flag(&netback->disabled) == 0) {
        RING_FINAL_CHECK_FOR_REQUESTS(&queue->tx.ring, more);
    }
    return more != 0;
}

static bool begin_work(struct netback_queue *queue)
{
    uint32_t nobody = 0;

    return __atomic_compare_exchange_n(&queue->tx.at_work, &nobody, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void end_work(struct netback_queue *queue)
{
    if (__atomic_exchange_n(&queue->tx.at_work, 0, __ATOMIC_SEQ_CST) == 2) {
        sched_wake(&queue->tx.at_work, 1);
    }
}

/* The task's own way in: it has nothing else to do. */
static void await_work(struct netback_queue *queue)
{
    if (begin_work(queue)) {
        return;
    }
    while (__atomic_exchange_n(&queue->tx.at_work, 2, __ATOMIC_SEQ_CST) != 0) {
        sched_wait(&queue->tx.at_work, 2, SCHED_FOREVER);
    }
}

bool transmit_here(struct netback_queue *queue)
{
    const struct netback *netback = queue->netback;
    uint64_t when;
    bool more;

    /* Events come before the tasks are there, too. */
    if (flag(&netback->connected) == 0 || flag(&netback->queues_stop) != 0 || !begin_work(queue)) {
        return false;
    }
    more = run_batch(queue, &when);
    end_work(queue);
    return !more;
}

void transmit_run(void *argument)
{
    struct netback_queue *queue = argument;

    while (flag(&queue->netback->queues_stop) == 0) {
        uint32_t seen = bell_read(&queue->tx_bell);
        uint64_t when;
        bool more;

        await_work(queue);
        more = run_batch(queue, &when);
        end_work(queue);
        if (!more) {
            bell_wait(&queue->tx_bell, seen, SCHED_FOREVER);
        } else if (when > sched_now()) {
            bell_wait(&queue->tx_bell, seen, when);
        }
    }
}
