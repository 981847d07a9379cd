/* SPDX-License-Identifier: BSD-2-Clause */
/* The checksums of checksum.h. Called per frame where an offload is not there; pure functions, any task. */
#include "wire/checksum.h"

#include <string.h>

#include "wire/bytes.h"

static uint16_t fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint16_t checksum_sum(const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    uint64_t sum = 0;
    uint32_t word;
    uint16_t half;

    /* 32-bit words into a 64-bit sum cannot overflow below 16 GB, and the compiler makes vector code of the loop. */
    for (; length >= 4; length -= 4, p += 4) {
        memcpy(&word, p, 4);
        sum += word;
    }
    if (length >= 2) {
        memcpy(&half, p, 2);
        sum += half;
        p += 2;
        length -= 2;
    }
    if (length == 1) {
        half = 0;
        memcpy(&half, p, 1);
        sum += half;
    }
    return fold(sum);
}

uint16_t checksum_add(uint16_t a, uint16_t b)
{
    return fold((uint64_t)a + b);
}

uint16_t frame_sum(const struct frame *frame, uint32_t offset, uint32_t length)
{
    uint64_t sum = 0;
    uint32_t i, done = 0;

    for (i = 0; i < frame->vector_count && done < length; i++) {
        size_t size = frame->vectors[i].iov_len;
        uint16_t part;

        if (offset >= size) {
            offset -= (uint32_t)size;
            continue;
        }
        size -= offset;
        if (size > length - done) {
            size = length - done;
        }
        part = checksum_sum((const uint8_t *)frame->vectors[i].iov_base + offset, size);
        if ((done & 1) != 0) {
            part = (uint16_t)(part << 8 | part >> 8); /* the piece starts at an odd place of the whole */
        }
        sum += part;
        done += (uint32_t)size;
        offset = 0;
    }
    return fold(sum);
}

uint16_t checksum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t transport_length)
{
    uint8_t tail[8];

    put32(tail, transport_length);
    put32(tail + 4, protocol);
    return checksum_add(ip[0] >> 4 == 4 ? checksum_sum(ip + 12, 8) : checksum_sum(ip + 8, 32),
                        checksum_sum(tail, sizeof(tail)));
}

uint16_t checksum_partial_seed(const struct layout *layout, uint32_t transport_length)
{
    return checksum_pseudo(layout->headers + layout->network, layout->protocol, transport_length);
}

bool frame_complete_checksum(struct frame *frame)
{
    struct frame_offload *offload = &frame->offload;
    uint32_t start = offload->checksum_start, field = start + offload->checksum_offset, end = frame->length;
    struct layout layout;
    uint16_t sum;

    if (!offload->checksum_partial) {
        return true;
    }
    if (offload->gso != FRAME_GSO_NONE || start >= frame->length || field + 2 > frame->length ||
        field + 2 > frame_room(frame)) {
        return false;
    }
    /* Ethernet padding is not part of the datagram. */
    if (frame_parse(frame, &layout) && layout.version != 0 && layout.network_end > field + 1) {
        end = layout.network_end;
    }
    sum = (uint16_t)~frame_sum(frame, start, end - start);
    if (sum == 0) {
        sum = 0xffff; /* 0 means "none" to UDP, and both are zero in ones' complement */
    }
    frame_copy_in(frame, field, &sum, 2);
    offload->checksum_partial = false;
    offload->checksum_valid = true;
    return true;
}

enum checksum_verdict frame_verify_checksum(const struct frame *frame)
{
    struct layout layout;
    uint32_t length;
    uint16_t sum;

    if (!frame_parse(frame, &layout) || layout.checksum == 0 || layout.fragment) {
        return CHECKSUM_NONE;
    }
    if (layout.cut) {
        return CHECKSUM_BAD;
    }
    if (layout.protocol == PROTOCOL_UDP && get16(layout.headers + layout.checksum) == 0) {
        return layout.version == 4 ? CHECKSUM_NONE : CHECKSUM_BAD; /* RFC 8200, 8.1: over IPv6 it is not optional */
    }
    length = layout.network_end - layout.transport;
    sum = checksum_add(checksum_partial_seed(&layout, length), frame_sum(frame, layout.transport, length));
    return sum == 0xffff ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

bool frame_seed_is_right(const struct layout *layout)
{
    uint16_t seed = checksum_partial_seed(layout, layout->network_end - layout->transport);

    return memcmp(layout->headers + layout->checksum, &seed, sizeof(seed)) == 0;
}

enum checksum_verdict frame_check_checksum(const struct frame *frame)
{
    struct layout layout;

    if (!frame->offload.checksum_partial) {
        return frame->offload.gso == FRAME_GSO_NONE ? frame_verify_checksum(frame) : CHECKSUM_BAD;
    }
    if (!frame_parse(frame, &layout) || layout.checksum == 0 || layout.fragment || layout.cut) {
        return CHECKSUM_BAD; /* nothing there that could be completed */
    }
    return frame->offload.checksum_start == layout.transport &&
                   frame->offload.checksum_offset == layout.checksum - layout.transport && frame_seed_is_right(&layout)
               ? CHECKSUM_GOOD
               : CHECKSUM_BAD;
}

bool frame_verify_ip_header(const struct frame *frame)
{
    struct layout layout;

    if (!frame_parse(frame, &layout) || layout.ethertype != ETHERTYPE_IPV4) {
        return true;
    }
    return layout.version == 4 &&
           checksum_sum(layout.headers + layout.network, (layout.headers[layout.network] & 15) * 4u) == 0xffff;
}
