/* SPDX-License-Identifier: BSD-2-Clause */
#include "packets.h"

uint32_t packet_build(const struct packet_shape *shape, uint8_t *bytes, struct frame *frame)
{
    uint8_t *p = bytes, *ip, *transport;
    uint32_t header = shape->protocol == PROTOCOL_TCP ? 20 : 8, i, length;
    struct layout layout;
    uint16_t sum;

    memset(bytes, 0, 256);
    memcpy(p, "\x00\x16\x3e\x01\x02\x03\x00\x16\x3e\x0a\x0b\x0c", 12);
    p += 12;
    if (shape->vlan) {
        put16(p, ETHERTYPE_VLAN);
        put16(p + 2, 0x6005);
        p += 4;
    }
    put16(p, shape->version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    ip = p + 2;
    if (shape->version == 4) {
        uint32_t size = 20 + shape->ip_options;

        ip[0] = (uint8_t)(0x40 | size / 4);
        put16(ip + 2, size + header + shape->payload);
        put16(ip + 4, 0x1234);
        ip[8] = 64;
        ip[9] = (uint8_t)shape->protocol;
        memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
        memset(ip + 20, 1, shape->ip_options);
        sum = (uint16_t)~checksum_sum(ip, size);
        memcpy(ip + 10, &sum, 2);
        transport = ip + size;
    } else {
        ip[0] = 0x60;
        put16(ip + 4, shape->extension + header + shape->payload);
        ip[6] = (uint8_t)(shape->extension != 0 ? 60 : shape->protocol);
        ip[7] = 64;
        memcpy(ip + 8, "\xfd\x00\x00\x18\0\0\0\0\0\0\0\0\0\0\0\x01\xfd\x00\x00\x18\0\0\0\0\0\0\0\0\0\0\0\x02", 32);
        transport = ip + 40 + shape->extension;
        if (shape->extension != 0) {
            ip[40] = (uint8_t)shape->protocol;
            ip[41] = (uint8_t)(shape->extension / 8 - 1);
            ip[42] = 1; /* one padding option over the rest */
            ip[43] = (uint8_t)(shape->extension - 4);
        }
    }
    put16(transport, shape->source_port != 0 ? shape->source_port : 1000);
    put16(transport + 2, 2000);
    if (shape->protocol == PROTOCOL_TCP) {
        put32(transport + 4, 0xfffff000);
        transport[12] = 0x50;
        transport[13] = 0x99; /* CWR, ACK, PSH, FIN */
        put16(transport + 14, 8192);
    } else {
        put16(transport + 4, header + shape->payload);
    }
    for (i = 0; i < shape->payload; i++) {
        transport[header + i] = (uint8_t)(i * 7 + (i >> 8));
    }
    length = (uint32_t)(transport - bytes) + header + shape->payload;
    *frame = (struct frame){ .vectors = { { bytes, length } }, .vector_count = 1, .length = length };
    frame_parse(frame, &layout);
    sum = checksum_partial_seed(&layout, header + shape->payload);
    memcpy(bytes + layout.checksum, &sum, 2);
    frame->offload = (struct frame_offload){ .checksum_partial = true,
                                             .checksum_start = layout.transport,
                                             .checksum_offset = (uint16_t)(layout.checksum - layout.transport),
                                             .header_length = layout.payload };
    return length;
}

void packet_scatter(struct frame *frame, uint32_t piece)
{
    uint8_t *bytes = frame->vectors[0].iov_base;
    uint32_t at = 0, count = 0;

    while (at < frame->length && count < FRAME_VECTORS) {
        uint32_t size = count == FRAME_VECTORS - 1 || frame->length - at < piece ? frame->length - at : piece;

        frame->vectors[count++] = (struct iovec){ bytes + at, size };
        at += size;
    }
    frame->vector_count = count;
}
