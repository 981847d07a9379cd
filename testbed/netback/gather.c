/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gathering of gather.h. Each datagram is looked at by itself: headers that differ in more than lengths, checksums
 * and an IPv4 identification that counts up end what was gathered, and so does everything that is no such datagram, so
 * that the order stays. Payload that lies behind the payload before it, as where one large send was cut, is one piece
 * with that. A port that refuses a large frame gets the datagrams singly.
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

    return frame->offload.gso == FRAME_GSO_NONE && layout->protocol == PROTOCOL_UDP && layout->transport != 0 &&
           !layout->fragment && !layout->cut && layout->network_end == frame->length &&
           frame->length > layout->payload && network == (layout->version == 4 ? IPV4_HEADER : IPV6_HEADER);
}

/* All of the headers but what differs between datagrams that one large one was cut into: the IP length, an IPv4
 * header's identification and checksum, the UDP length and checksum. */
static bool same_flow(const struct layout *one, const struct layout *other)
{
    const uint8_t *a = one->headers, *b = other->headers;
    uint32_t ip = one->network, udp = one->transport;

    if (one->payload != other->payload || ip != other->network || one->version != other->version) {
        return false;
    }
    if (one->version == 4) {
        return memcmp(a, b, ip + 2) == 0 && memcmp(a + ip + 6, b + ip + 6, 4) == 0 &&
               memcmp(a + ip + 12, b + ip + 12, udp + 4 - (ip + 12)) == 0;
    }
    return memcmp(a, b, ip + 4) == 0 && memcmp(a + ip + 6, b + ip + 6, udp + 4 - (ip + 6)) == 0;
}

bool gather_is_full(const struct gather *gather)
{
    return gather->count != 0 && (gather->ended || gather->count == MAX_GATHERED ||
                                  gather->pieces.length - gather->first.network + gather->size > MAX_IP);
}

static bool follows(const struct gather *gather, const struct frame *frame, const struct layout *layout)
{
    uint32_t payload = frame->length - layout->payload;
    const struct layout *first = &gather->first;

    return gather->count != 0 && !gather->ended && gather->count != MAX_GATHERED && payload <= gather->size &&
           gather->pieces.length - first->network + payload <= MAX_IP &&
           gather->pieces.count + frame->vector_count <= 1 + FRAME_PIECES && same_flow(first, layout) &&
           (layout->version != 4 || get16(layout->headers + layout->network + 4) ==
                                        ((get16(first->headers + first->network + 4) + gather->count) & 0xffff));
}

/* The first one, without its payload. */
static void begin(struct gather *gather, const struct frame *frame, const struct layout *layout)
{
    gather->first = *layout;
    gather->size = frame->length - layout->payload;
    gather->ended = false;
    gather->pieces.vectors[1] = (struct iovec){ gather->first.headers, layout->payload };
    gather->pieces.count = 2;
    gather->pieces.length = layout->payload;
    gather->pieces.offload = frame->offload;
}

static void add_payload(struct gather *gather, const struct frame *frame, uint32_t from, uint32_t length)
{
    struct pieces *pieces = &gather->pieces;
    struct iovec *last = &pieces->vectors[pieces->count - 1], *next = last + 1;
    uint32_t more = frame_slice(frame, from, length, next, 1 + FRAME_PIECES - pieces->count);

    pieces->count += more;
    pieces->length += length;
    if (more != 0 && (uint8_t *)last->iov_base + last->iov_len == next->iov_base) {
        last->iov_len += next->iov_len;
        memmove(next, next + 1, (more - 1) * sizeof(*next));
        pieces->count--;
    }
}

bool gather_take(struct gather *gather, struct port *port, uint32_t queue, const struct frame *frame,
                 const struct layout *layout)
{
    uint32_t payload;

    if (!port_takes_udp_gso(port) || gather->unable) {
        return false;
    }
    if (!frame->offload.checksum_partial || !is_plain(frame, layout)) {
        gather_flush(gather, port, queue);
        return false;
    }
    if (!follows(gather, frame, layout)) {
        gather_flush(gather, port, queue);
        begin(gather, frame, layout);
    }
    payload = frame->length - layout->payload;
    add_payload(gather, frame, layout->payload, payload);
    gather->ended = payload < gather->size;
    gather->count++;
    return true;
}

/* Lengths and checksums of the whole. */
static void complete_headers(struct gather *gather)
{
    struct layout *layout = &gather->first;
    uint8_t *ip = layout->headers + layout->network, *udp = layout->headers + layout->transport;
    uint32_t length = gather->pieces.length - layout->transport;
    uint16_t seed = checksum_partial_seed(layout, length), sum;

    if (layout->version == 4) {
        put16(ip + 2, gather->pieces.length - layout->network);
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

/* The port takes no large frames. Once in a run, so it may cost an allocation. */
static void send_singly(struct gather *gather, struct port *port, uint32_t queue)
{
    struct single to = { port, queue };
    const struct pieces *pieces = &gather->pieces;
    uint8_t *bytes = malloc(pieces->length);

    gather->unable = true;
    if (bytes != NULL) {
        struct frame frame = { .vectors = { { bytes, pieces->length } },
                               .vector_count = 1,
                               .length = pieces->length,
                               .offload = pieces->offload };

        vectors_copy_out(pieces->vectors + 1, pieces->count - 1, 0, bytes, pieces->length);
        (void)frame_segment(&frame, send_single, &to);
        free(bytes);
    }
}

void gather_flush(struct gather *gather, struct port *port, uint32_t queue)
{
    uint32_t count = gather->count;

    if (count == 0) {
        return;
    }
    gather->count = 0;
    if (count > 1) {
        complete_headers(gather);
        gather->pieces.offload.gso = FRAME_GSO_UDP;
        gather->pieces.offload.gso_size = (uint16_t)gather->size;
        gather->pieces.offload.header_length = gather->first.payload;
    }
    if (port_send_pieces(port, queue, &gather->pieces) == -EINVAL && count > 1) {
        send_singly(gather, port, queue);
    }
    if (gather->sent != NULL) {
        gather->sent(gather->context);
    }
}
