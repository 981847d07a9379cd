/* SPDX-License-Identifier: BSD-2-Clause */
/* Checksums against a byte-by-byte reference, over any cut of a frame. */
#include "harness.h"
#include "packets.h"
#include "wire/toeplitz.h"

static uint8_t bytes[MAX_FRAME_BYTES + 64];

static uint16_t reference(const uint8_t *p, size_t length)
{
    uint32_t sum = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        sum += (i & 1) != 0 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)(sum << 8 | sum >> 8); /* to the order in memory */
}

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

TEST(sum_equals_the_reference_at_every_length_and_alignment)
{
    uint64_t state = test_seed();
    size_t start, length;

    for (length = 0; length < 300; length++) {
        bytes[length] = (uint8_t)next(&state);
    }
    for (start = 0; start < 9; start++) {
        for (length = 0; length < 200; length++) {
            CHECK_EQ(checksum_sum(bytes + start, length), reference(bytes + start, length));
        }
    }
    memset(bytes, 0xff, 65536);
    CHECK_EQ(checksum_sum(bytes, 65536), 0xffff);
}

TEST(frame_sum_does_not_depend_on_how_the_frame_is_cut)
{
    uint64_t state = test_seed();
    int round;

    for (round = 0; round < 3000; round++) {
        struct frame frame = { .vector_count = 0 };
        uint32_t offset, length, at = 0;

        while (frame.vector_count < FRAME_VECTORS) {
            uint32_t size = (uint32_t)next(&state) % 97;

            frame.vectors[frame.vector_count++] = (struct iovec){ bytes + at, size };
            at += size;
        }
        frame.length = at;
        for (length = 0; length < at; length++) {
            bytes[length] = (uint8_t)next(&state);
        }
        offset = (uint32_t)next(&state) % (at + 1);
        length = (uint32_t)next(&state) % (at - offset + 1);
        CHECK_EQ(frame_sum(&frame, offset, length), reference(bytes + offset, length));
    }
}

static void complete(const struct packet_shape *shape, uint32_t piece, uint32_t padding)
{
    struct frame frame;
    struct layout layout;

    packet_build(shape, bytes, &frame);
    memset(bytes + frame.length, 0xa5, padding); /* padding that would spoil a sum over it */
    frame.length += padding;
    frame.vectors[0].iov_len = frame.length;
    if (piece != 0) {
        packet_scatter(&frame, piece);
    }
    CHECK_EQ(frame_verify_checksum(&frame), CHECKSUM_BAD);
    CHECK(frame_complete_checksum(&frame));
    CHECK(frame.offload.checksum_valid && !frame.offload.checksum_partial);
    CHECK_EQ(frame_verify_checksum(&frame), CHECKSUM_GOOD);
    CHECK(frame_verify_ip_header(&frame));
    CHECK(frame_parse(&frame, &layout));
    bytes[layout.payload + shape->payload / 2] ^= 0x10;
    CHECK_EQ(frame_verify_checksum(&frame), CHECKSUM_BAD);
    if (shape->version == 4) {
        bytes[layout.network + 8] ^= 1;
        CHECK(!frame_verify_ip_header(&frame));
    }
}

TEST(partial_checksum_is_completed_in_place)
{
    static const int protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP };
    uint32_t payload, version, p;

    for (payload = 1; payload < 9100; payload += payload < 40 ? 1 : payload) {
        for (version = 4; version <= 6; version += 2) {
            for (p = 0; p < 2; p++) {
                struct packet_shape shape = { .version = (int)version, .protocol = protocols[p], .payload = payload };

                complete(&shape, 0, 0);
                complete(&shape, 37, 0);
                complete(&shape, 1024, 6);
                shape.vlan = true;
                shape.ip_options = version == 4 ? 12 : 0;
                shape.extension = version == 6 ? 24 : 0;
                complete(&shape, 51, 0);
            }
        }
    }
}

TEST(checksum_whose_place_is_outside_the_frame_is_refused)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 10 };
    struct frame frame;

    packet_build(&shape, bytes, &frame);
    frame.offload.checksum_offset = 65000;
    CHECK(!frame_complete_checksum(&frame));
    packet_build(&shape, bytes, &frame);
    frame.offload.checksum_start = (uint16_t)frame.length;
    CHECK(!frame_complete_checksum(&frame));
    packet_build(&shape, bytes, &frame);
    frame.offload.gso = FRAME_GSO_TCPV4;
    CHECK(!frame_complete_checksum(&frame));
}

/* Microsoft's published verification suite for RSS hashing (its key and two of its vectors per IP version). */
TEST(toeplitz_gives_the_published_values)
{
    static const uint8_t key[TOEPLITZ_KEY_BYTES] = {
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
        0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
        0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    };
    static const uint8_t v4[12] = { 66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 };
    static const uint8_t v6[36] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00,      0x1f,       0xff,      0,
                                    0,    0,    0,    0,    0,    0,         0x07,       0x3f,      0xfe,
                                    0x25, 0x01, 0x02, 0x00, 0x00, 0x03,      0,          0,         0,
                                    0,    0,    0,    0,    0x01, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255 };

    CHECK_EQ(toeplitz(key, v4, 8), 0x323e8fc2);
    CHECK_EQ(toeplitz(key, v4, 12), 0x51ccc178);
    CHECK_EQ(toeplitz(key, v6, 32), 0x2cc18cd5);
    CHECK_EQ(toeplitz(key, v6, 36), 0x40207d3d);
}
