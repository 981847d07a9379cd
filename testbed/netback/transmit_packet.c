/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet as the port takes it: what the guest left of checksums and segments, as Linux's netback passes it on.
 * Datagrams that are gathered (gather.h) go to the port later than others; their pages stay mapped until it has them.
 */
#include <string.h>

#include "netback/state.h"
#include "netback/transmit_packet.h"
#include "wire/bytes.h"
#include "wire/checksum.h"

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

/* What the packet carries about its checksums and segments, in the frame's terms; with a blank checksum also its
 * layout. That a large packet is what its extra segment claims is left to whoever takes it, as in Linux. False: there
 * is no checksum to be left open, or it was not offered to this frontend. */
static bool set_offload(struct netback_queue *queue, const struct packet *packet, struct frame *frame,
                        struct layout *layout)
{
    const struct netif_extra_info *gso = &packet->extras[XEN_NETIF_EXTRA_TYPE_GSO - 1];
    struct netback *netback = queue->netback;
    uint16_t flags = packet->slots[0].flags;
    bool blank = (flags & NETTXF_csum_blank) != 0, large = gso->type != 0,
         large4 = gso->u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4;

    frame->offload = (struct frame_offload){ .checksum_valid = !blank && (flags & NETTXF_data_validated) != 0 };
    if (!blank && !large) {
        return true;
    }
    if (!frame_parse(frame, layout) || layout->checksum == 0 || layout->fragment) {
        return false;
    }
    if (without(netback, large ? (large4 ? NETBACK_BIT_GSO_TCPV4 : NETBACK_BIT_GSO_TCPV6)
                               : (layout->version == 4 ? NETBACK_BIT_CSUM : NETBACK_BIT_IPV6_CSUM))) {
        return false;
    }
    frame->offload.checksum_partial = true;
    frame->offload.checksum_start = layout->transport;
    frame->offload.checksum_offset = (uint16_t)(layout->checksum - layout->transport);
    if (blank && !frame_seed_is_right(layout)) {
        wrong_checksum(queue, frame);
    }
    if (!large) {
        return true;
    }
    frame->offload.gso = large4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    frame->offload.gso_size = gso->u.gso.size;
    frame->offload.header_length = layout->payload;
    return blank || reseed(queue, frame, layout);
}

void transmit_unmap_held(void *context)
{
    struct netback_queue *queue = context;
    uint32_t i;

    for (i = 0; i < queue->tx.held_count; i++) {
        xen_unmap(queue->netback->xen, queue->netback->guest, queue->tx.held[i]);
    }
    queue->tx.held_count = 0;
}

/* True: it goes to the port later, and its pages stay mapped until then. */
static bool gathered(struct netback_queue *queue, const struct packet *packet, const struct frame *frame,
                     const struct layout *layout)
{
    struct queue_tx *tx = &queue->tx;
    uint32_t i;

    if (tx->held_count + packet->slot_count > RING_SLOTS) {
        gather_flush(&tx->gather, queue->netback->port, queue->index);
    }
    if (!gather_take(&tx->gather, queue->netback->port, queue->index, frame, layout)) {
        return false;
    }
    for (i = 0; i < packet->slot_count; i++) {
        tx->held[tx->held_count++] = packet->slots[i].gref;
    }
    return true;
}

static bool to_port(struct netback_queue *queue, const struct packet *packet, const struct frame *frame,
                    const struct layout *layout, bool *held)
{
    struct netback *netback = queue->netback;

    *held = false;
    if (flag(&netback->link_up) == 0) {
        return true;
    }
    *held = gathered(queue, packet, frame, layout);
    return *held || port_send(netback->port, queue->index, frame) == 0;
}

bool transmit_packet(struct netback_queue *queue, const struct packet *packet, struct frame *frame)
{
    struct netback *netback = queue->netback;
    uint64_t now, rate = netback->options.rate_kbps;
    struct layout layout;
    bool sent, held;

    if (!set_offload(queue, packet, frame, &layout)) {
        count(&queue->tx.errors, 1); /* dropped without a word to the frontend, as in Linux */
        return false;
    }
    if (rate != 0) {
        now = sched_now();
        queue->tx.ready = (queue->tx.ready > now ? queue->tx.ready : now) + (uint64_t)frame->length * 8000000 / rate;
    }
    pcap_write(netback->options.pcap, PCAP_WIRE, PCAP_FROM_DRIVER, frame);
    if (sched_kind() == SCHED_SIMULATED && !frame->offload.checksum_partial &&
        frame_verify_checksum(frame) == CHECKSUM_BAD) {
        wrong_checksum(queue, frame);
    }
    sent = to_port(queue, packet, frame, &layout, &held);
    count(&queue->tx.packets, 1);
    count(&queue->tx.bytes, frame->length);
    count(&queue->tx.gso, frame->offload.gso != FRAME_GSO_NONE);
    count(&queue->tx.csum_blank, frame->offload.checksum_partial);
    count(&queue->tx.errors, !sent);
    return held;
}

void transmit_flush(struct netback_queue *queue)
{
    gather_flush(&queue->tx.gather, queue->netback->port, queue->index);
}
