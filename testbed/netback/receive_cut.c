/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large datagrams from the port, which netif cannot pass on as they are, cut without a copy: where the last one was cut
 * into segments of some size, the next one is read so that the payload of each segment lies in a page of its own,
 * behind room for headers that are written afterwards. What comes and is no such datagram is copied to the stage.
 *
 *   page 0: [headers][payload]   page 1: [room   ][payload]   ...      (extra segments' slots between them)
 *
 * Not where the frontend computes no checksums, or where they go to another queue's ring.
 */
#include "netback/receive_internal.h"
#include "netback/state.h"
#include "wire/bytes.h"
#include "wire/segment.h"

enum { MAX_CUT_SLOTS = RING_SLOTS / 2 };

uint32_t cut_slots(const struct netback_queue *queue)
{
    const struct rx_cut *cut = &queue->rx.cut;

    return cut->size == 0 || cut->header + cut->size > slot_room(queue)
               ? 0
               : (MAX_FRAME_BYTES - cut->header + cut->size - 1) / cut->size * (1 + cut->extras);
}

void cut_expect(struct netback_queue *queue, const struct frame *frame, const struct judged *judged)
{
    const struct netback *netback = queue->netback;
    struct rx_cut *cut = &queue->rx.cut;
    struct layout layout;

    *cut = (struct rx_cut){ .size = 0 };
    if (frame->offload.gso != FRAME_GSO_UDP || judged->target != queue || !netback->features.checksum4 ||
        !netback->features.checksum6 || !frame_parse(frame, &layout)) {
        return;
    }
    *cut = (struct rx_cut){ frame->offload.gso_size, layout.payload, judged->extras.count };
    if (cut_slots(queue) > MAX_CUT_SLOTS || cut_slots(queue) > queue->rx.most_posted) {
        cut->size = 0;
    }
}

/* The page of segment `number`, from its headers on. */
static uint8_t *segment_at(struct netback_queue *queue, uint32_t number)
{
    uint32_t slot = queue->rx.ring.req_cons + number * (1 + queue->rx.cut.extras);

    return queue->rx.slots[slot & (RING_SLOTS - 1)].page + queue->rx.headroom;
}

static void lay_out(struct netback_queue *queue, struct pieces *pieces)
{
    const struct rx_cut *cut = &queue->rx.cut;
    uint32_t segments = cut_slots(queue) / (1 + cut->extras), i;

    pieces->vectors[1] = (struct iovec){ segment_at(queue, 0), cut->header + cut->size };
    for (i = 1; i < segments; i++) {
        pieces->vectors[1 + i] = (struct iovec){ segment_at(queue, i) + cut->header, cut->size };
    }
    pieces->count = 1 + segments;
}

static bool is_expected(const struct rx_cut *cut, const struct pieces *pieces, struct layout *layout)
{
    const struct frame head = {
        .vectors = { pieces->vectors[1] }, .vector_count = 1, .length = pieces->length, .offload = pieces->offload
    };

    return pieces->offload.gso == FRAME_GSO_UDP && pieces->offload.gso_size == cut->size &&
           pieces->offload.checksum_partial && frame_parse(&head, layout) && layout->payload == cut->header &&
           layout->protocol == PROTOCOL_UDP && !layout->fragment && layout->network_end == pieces->length &&
           pieces->length > cut->header;
}

static enum received to_stage(struct netback_queue *queue, const struct pieces *pieces, struct frame *frame,
                              enum verdict *verdict, struct judged *judged)
{
    vectors_copy_out(pieces->vectors + 1, pieces->count - 1, 0, queue->rx.stage, pieces->length);
    receive_stage(queue, frame);
    frame->length = pieces->length;
    frame->offload = pieces->offload;
    queue->rx.cut.size = 0;
    *verdict = receive_judge(queue, frame, judged);
    return RECEIVED_ELSEWHERE;
}

/* Extra segments are those of the first segment: they have in common what these are made of. */
static void complete(struct netback_queue *queue, const struct pieces *pieces, const struct layout *layout,
                     const struct judged *judged)
{
    const struct rx_cut *cut = &queue->rx.cut;
    uint32_t left = pieces->length - cut->header, number = 0;
    struct frame segment;

    segment.offload = pieces->offload;
    segment.offload.gso = FRAME_GSO_NONE;
    for (; left != 0; number++) {
        uint32_t part = left < cut->size ? left : cut->size;

        /* The window's first slot is this segment's. */
        segment_datagram_headers(layout, number, part, segment_at(queue, 0));
        segment.length = cut->header + part;
        slots_complete(queue, &segment, &judged->extras);
        left -= part;
    }
}

enum received receive_cut(struct netback_queue *queue, struct frame *frame, enum verdict *verdict,
                          struct judged *judged)
{
    struct netback *netback = queue->netback;
    struct frame first;
    struct pieces pieces;
    struct layout layout;

    lay_out(queue, &pieces);
    if (port_try_receive_pieces(netback->port, queue->index, &pieces) == 0) {
        return RECEIVED_NOTHING;
    }
    pcap_write_pieces(netback->options.pcap, PCAP_WIRE, PCAP_TOWARDS_DRIVER, &pieces);
    if (!is_expected(&queue->rx.cut, &pieces, &layout)) {
        return to_stage(queue, &pieces, frame, verdict, judged);
    }
    first = (struct frame){ .vectors = { pieces.vectors[1] }, .vector_count = 1, .offload = pieces.offload };
    first.length = pieces.length < queue->rx.cut.header + queue->rx.cut.size
                       ? pieces.length
                       : queue->rx.cut.header + queue->rx.cut.size;
    first.offload.gso = FRAME_GSO_NONE;
    *verdict = receive_judge(queue, &first, judged);
    if (*verdict == DROP) {
        receive_drop(queue, (pieces.length - queue->rx.cut.header + queue->rx.cut.size - 1) / queue->rx.cut.size);
        return RECEIVED;
    }
    if (*verdict != DELIVER || judged->target != queue || judged->extras.count != queue->rx.cut.extras) {
        return to_stage(queue, &pieces, frame, verdict, judged);
    }
    complete(queue, &pieces, &layout, judged);
    slots_push(queue);
    return RECEIVED;
}
