/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The segmentation of segment.h. UDP has a length of its own in each segment. TCP fields per segment: sequence number
 * moves on, FIN and PSH only on the last, CWR only on the first (RFC 3168); IPv4 identification counts up, lengths and
 * the IPv4 header checksum are made anew. Any task; no allocation.
 */
#include "wire/segment.h"

#include <string.h>

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/parse.h"

enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static void write_ip(uint8_t *headers, const struct layout *layout, uint32_t frame_length, uint32_t number)
{
    uint8_t *ip = headers + layout->network;
    uint32_t length = frame_length - layout->network;

    if (layout->version == 4) {
        uint16_t sum;

        put16(ip + 2, length);
        put16(ip + 4, (get16(layout->headers + layout->network + 4) + number) & 0xffff);
        put16(ip + 10, 0);
        sum = (uint16_t)~checksum_sum(ip, (ip[0] & 15) * 4u);
        memcpy(ip + 10, &sum, 2);
    } else {
        put16(ip + 4, length - 40);
    }
}

static void write_tcp(uint8_t *headers, const struct layout *layout, uint32_t done, bool last,
                      uint32_t transport_length)
{
    uint8_t *tcp = headers + layout->transport;
    uint16_t seed = checksum_partial_seed(layout, transport_length);

    put32(tcp + 4, get32(layout->headers + layout->transport + 4) + done);
    if (!last) {
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    }
    if (done != 0) {
        tcp[13] &= (uint8_t)~TCP_CWR;
    }
    memcpy(tcp + 16, &seed, 2);
}

static void write_udp(uint8_t *headers, const struct layout *layout, uint32_t transport_length)
{
    uint8_t *udp = headers + layout->transport;
    uint16_t seed = checksum_partial_seed(layout, transport_length);

    put16(udp + 4, transport_length);
    memcpy(udp + 6, &seed, 2);
}

void segment_datagram_headers(const struct layout *layout, uint32_t number, uint32_t part, uint8_t *headers)
{
    memcpy(headers, layout->headers, layout->payload);
    write_ip(headers, layout, layout->payload + part, number);
    write_udp(headers, layout, layout->payload - layout->transport + part);
}

static bool is_what_it_claims(const struct frame *frame, const struct layout *layout)
{
    if (layout->transport == 0 || layout->fragment) {
        return false;
    }
    if (frame->offload.gso == FRAME_GSO_UDP) {
        return layout->protocol == PROTOCOL_UDP;
    }
    return layout->protocol == PROTOCOL_TCP && layout->version == (frame->offload.gso == FRAME_GSO_TCPV4 ? 4 : 6);
}

bool frame_segment(const struct frame *frame, void (*emit)(void *context, struct frame *segment), void *context)
{
    struct layout layout;
    uint8_t headers[LAYOUT_HEADERS];
    uint32_t mss = frame->offload.gso_size, payload, done, number;
    bool udp = frame->offload.gso == FRAME_GSO_UDP;

    if (frame->offload.gso == FRAME_GSO_NONE || mss == 0 || !frame_parse(frame, &layout) ||
        !is_what_it_claims(frame, &layout)) {
        return false;
    }
    payload = layout.network_end - layout.payload;
    for (done = 0, number = 0; done < payload || number == 0; done += mss, number++) {
        uint32_t part = payload - done < mss ? payload - done : mss;
        struct frame segment = { .vector_count = 1, .length = layout.payload + part };

        if (udp) {
            segment_datagram_headers(&layout, number, part, headers);
        } else {
            memcpy(headers, layout.headers, layout.payload);
            write_ip(headers, &layout, segment.length, number);
            write_tcp(headers, &layout, done, done + part == payload, layout.payload - layout.transport + part);
        }
        segment.vectors[0] = (struct iovec){ headers, layout.payload };
        segment.vector_count += frame_slice(frame, layout.payload + done, part, segment.vectors + 1, FRAME_VECTORS - 1);
        segment.offload.checksum_partial = true;
        segment.offload.checksum_start = layout.transport;
        segment.offload.checksum_offset = udp ? 6 : 16;
        emit(context, &segment);
    }
    return true;
}
