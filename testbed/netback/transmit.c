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
#include "wire/bytes.h"
#include "wire/checksum.h"

struct packet {
    struct netif_tx_request slots[1 + TX_MAX_SLOTS]; /* size: of the slot alone, also for the first */
    uint32_t slot_count, extra_count;
    struct netif_extra_info extras[EXTRA_TYPE_LAST]; /* by type; type 0: not there */
};

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

/* A large packet without blank checksums (some frontends): its field gets the pseudo-header sum in a copy of the
 * headers. */
static bool reseed(struct netback_queue *queue, struct frame *frame, const struct layout *layout)
{
    struct frame copy = *frame;
    uint16_t seed = checksum_partial_seed(layout, layout->network_end - layout->transport);

    memcpy(queue->tx.headers, layout->headers, layout->payload);
    memcpy(queue->tx.headers + layout->checksum, &seed, sizeof(seed));
    frame->vectors[0] = (struct iovec){ queue->tx.headers, layout->payload };
    frame->vector_count =
        1 + frame_slice(&copy, layout->payload, frame->length - layout->payload, frame->vectors + 1, FRAME_VECTORS - 1);
    return true;
}

/* Linux passes on what is in the frame: a wrong pseudo-header sum becomes a wrong checksum, wherever it is completed,
 * and this machine's network stack, to which a blank checksum is as good as a right one, never notices. So sums of
 * headers are looked at here, and in simulated runs whole frames. */
static void wrong_checksum(struct netback_queue *queue, const struct frame *frame)
{
    sched_trace("netback: a frame of %u bytes leaves with a wrong %s", frame->length,
                frame->offload.checksum_partial ? "pseudo-header sum" : "checksum");
    count(&queue->tx.csum_wrong, 1);
}

/* What the packet carries about its checksums and segments, in the frame's terms. That a large packet is what its extra
 * segment claims is left to whoever takes it, as in Linux. False: there is no checksum to be left open, or it was not
 * offered to this frontend. */
static bool set_offload(struct netback_queue *queue, const struct packet *packet, struct frame *frame)
{
    const struct netif_extra_info *gso = &packet->extras[XEN_NETIF_EXTRA_TYPE_GSO - 1];
    struct netback *netback = queue->netback;
    struct layout layout;
    uint16_t flags = packet->slots[0].flags;
    bool blank = (flags & NETTXF_csum_blank) != 0, large = gso->type != 0,
         large4 = gso->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4;

    frame->offload = (struct frame_offload){ .checksum_valid = !blank && (flags & NETTXF_data_validated) != 0 };
    if (!blank && !large) {
        return true;
    }
    if (!frame_parse(frame, &layout) || layout.checksum == 0 || layout.fragment) {
        return false;
    }
    if (without(netback, large ? (large4 ? NETBACK_BIT_GSO_TCPV4 : NETBACK_BIT_GSO_TCPV6)
                               : (layout.version == 4 ? NETBACK_BIT_CSUM : NETBACK_BIT_IPV6_CSUM))) {
        return false;
    }
    frame->offload.checksum_partial = true;
    frame->offload.checksum_start = layout.transport;
    frame->offload.checksum_offset = (uint16_t)(layout.checksum - layout.transport);
    if (blank && !frame_seed_is_right(&layout)) {
        wrong_checksum(queue, frame);
    }
    if (!large) {
        return true;
    }
    frame->offload.gso = large4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    frame->offload.gso_size = gso->u.gso.size;
    frame->offload.header_length = layout.payload;
    return blank || reseed(queue, frame, &layout);
}

static void send_frame(struct netback_queue *queue, const struct frame *frame)
{
    struct netback *netback = queue->netback;
    uint64_t now, rate = netback->options.rate_kbps;
    bool sent = true;

    if (rate != 0) {
        now = sched_now();
        queue->tx.ready = (queue->tx.ready > now ? queue->tx.ready : now) + (uint64_t)frame->length * 8000000 / rate;
    }
    pcap_write(netback->options.pcap, PCAP_WIRE, PCAP_FROM_DRIVER, frame);
    if (sched_kind() == SCHED_SIMULATED && !frame->offload.checksum_partial &&
        frame_verify_checksum(frame) == CHECKSUM_BAD) {
        wrong_checksum(queue, frame);
    }
    if (flag(&netback->link_up) != 0 && !gather_take(&queue->tx.gather, netback->port, queue->index, frame)) {
        sent = port_send(netback->port, queue->index, frame) == 0;
    }
    count(&queue->tx.packets, 1);
    count(&queue->tx.bytes, frame->length);
    count(&queue->tx.gso, frame->offload.gso != FRAME_GSO_NONE);
    count(&queue->tx.csum_blank, frame->offload.checksum_partial);
    count(&queue->tx.errors, !sent);
}

static void deliver(struct netback_queue *queue, const struct packet *packet)
{
    struct frame frame = { .length = 0 };
    uint32_t i, failed;

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
    if (set_offload(queue, packet, &frame)) {
        send_frame(queue, &frame);
    } else {
        count(&queue->tx.errors, 1); /* dropped without a word to the frontend, as in Linux */
    }
    unmap_slots(queue, packet, packet->slot_count);
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

void transmit_run(void *argument)
{
    struct netback_queue *queue = argument;
    struct netback *netback = queue->netback;

    while (flag(&netback->queues_stop) == 0) {
        uint32_t seen = bell_read(&queue->tx_bell), packets = 0;
        uint64_t when = 0;
        int more = 0;

        if (flag(&netback->disabled) == 0) {
            while (packets < TX_BATCH && (when = ready(queue)) <= sched_now() && take_packet(queue) == PACKET_DONE) {
                packets++;
                sched_point("netback-tx");
            }
            if (packets != 0) {
                gather_flush(&queue->tx.gather, netback->port, queue->index);
                push(queue);
            }
        }
        if (flag(&netback->disabled) == 0) {
            RING_FINAL_CHECK_FOR_REQUESTS(&queue->tx.ring, more);
        }
        if (more == 0) {
            bell_wait(&queue->tx_bell, seen, SCHED_FOREVER);
        } else if (when > sched_now()) {
            bell_wait(&queue->tx_bell, seen, when);
        }
    }
}
