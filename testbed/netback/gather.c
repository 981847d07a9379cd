/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gathering of gather.h. Each datagram is looked at by itself: headers that differ in more than lengths, checksums
 * and an IPv4 identification that counts up end what was gathered, and so does everything that is no such datagram, so
 * that the order stays. Payload is copied. A port that refuses a large frame gets the datagrams singly.
 */
#include "netback/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/port.h"
#include "wire/segment.h"

enum { MAX_GATHERED = 64, IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8, MAX_IP = 65535 };

static bool is_plain(const struct frame *frame, const struct layout *layout)
{
    uint32_t network = layout->transport - layout->network;

    return frame->offload.checksum_partial && frame->offload.gso == FRAME_GSO_NONE &&
           layout->protocol == PROTOCOL_UDP && layout->transport != 0 && !layout->fragment && !layout->cut &&
           layout->network_end == frame->length && frame->length > layout->payload &&
           network == (layout->version == 4 ? IPV4_HEADER : IPV6_HEADER);
}

/* The headers, but for what differs between datagrams that one large one was cut into. */
static void blank(uint8_t *headers, const struct layout *layout)
{
    uint8_t *ip = headers + layout->network, *udp = headers + layout->transport;

    memcpy(headers, layout->headers, layout->payload);
    if (layout->version == 4) {
        memset(ip + 2, 0, 4);
        memset(ip + 10, 0, 2);
    } else {
        memset(ip + 4, 0, 2);
    }
    memset(udp + 4, 0, 4);
}

static bool follows(const struct gather *gather, const struct frame *frame, const struct layout *layout)
{
    uint8_t one[LAYOUT_HEADERS], other[LAYOUT_HEADERS];
    uint32_t payload = frame->length - layout->payload;
    const struct layout *first = &gather->first;

    if (gather->count == 0 || gather->ended || gather->count == MAX_GATHERED || payload > gather->size ||
        layout->payload != first->payload || layout->network != first->network ||
        gather->length - first->network + payload > MAX_IP ||
        (layout->version == 4 && get16(layout->headers + layout->network + 4) !=
                                     ((get16(first->headers + first->network + 4) + gather->count) & 0xffff))) {
        return false;
    }
    blank(one, first);
    blank(other, layout);
    return memcmp(one, other, layout->payload) == 0;
}

bool gather_take(struct gather *gather, struct port *port, uint32_t queue, const struct frame *frame)
{
    struct layout layout;
    uint32_t payload;

    if (!port_takes_udp_gso(port) || gather->unable) {
        return false;
    }
    if (!frame_parse(frame, &layout) || !is_plain(frame, &layout)) {
        gather_flush(gather, port, queue);
        return false;
    }
    if (gather->bytes == NULL && (gather->bytes = malloc(MAX_FRAME_BYTES)) == NULL) {
        return false;
    }
    payload = frame->length - layout.payload;
    if (!follows(gather, frame, &layout)) {
        gather_flush(gather, port, queue);
        gather->first = layout;
        gather->size = payload;
        gather->ended = false;
        memcpy(gather->bytes, layout.headers, layout.payload);
        gather->length = layout.payload;
    }
    frame_copy_out(frame, layout.payload, gather->bytes + gather->length, payload);
    gather->length += payload;
    gather->ended = payload < gather->size;
    gather->count++;
    return true;
}

/* Lengths and checksums of the whole. */
static void complete_headers(struct gather *gather)
{
    const struct layout *layout = &gather->first;
    uint8_t *ip = gather->bytes + layout->network, *udp = gather->bytes + layout->transport;
    uint32_t length = gather->length - layout->transport;
    uint16_t seed = checksum_partial_seed(layout, length), sum;

    if (layout->version == 4) {
        put16(ip + 2, gather->length - layout->network);
        put16(ip + 10, 0);
        sum = (uint16_t)~checksum_sum(ip, IPV4_HEADER);
        memcpy(ip + 10, &sum, sizeof(sum));
    } else {
        put16(ip + 4, length);
    }
    put16(udp + 4, length);
    memcpy(udp + 6, &seed, sizeof(seed));
}

struct single {
    struct port *port;
    uint32_t queue;
};

static void send_single(void *context, struct frame *segment)
{
    const struct single *to = context;

    (void)port_send(to->port, to->queue, segment);
}

void gather_flush(struct gather *gather, struct port *port, uint32_t queue)
{
    struct single to = { port, queue };
    struct frame frame;
    uint32_t count = gather->count;

    if (count == 0) {
        return;
    }
    gather->count = 0;
    if (count > 1) {
        complete_headers(gather);
    }
    memset(&frame.offload, 0, sizeof(frame.offload));
    frame.vectors[0] = (struct iovec){ gather->bytes, gather->length };
    frame.vector_count = 1;
    frame.length = gather->length;
    frame.offload.checksum_partial = true;
    frame.offload.checksum_start = gather->first.transport;
    frame.offload.checksum_offset = 6;
    if (count > 1) {
        frame.offload.gso = FRAME_GSO_UDP;
        frame.offload.gso_size = (uint16_t)gather->size;
        frame.offload.header_length = gather->first.payload;
    }
    if (port_send(port, queue, &frame) == -EINVAL && count > 1) {
        gather->unable = true;
        (void)frame_segment(&frame, send_single, &to);
    }
}

void gather_free(struct gather *gather)
{
    free(gather->bytes);
    gather->bytes = NULL;
}
