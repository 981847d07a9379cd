/* SPDX-License-Identifier: BSD-2-Clause */
/* The header parser: every shape it knows, every way to cut one short, and bytes that mean nothing. */
#include "harness.h"
#include "packets.h"
#include "xenvif/receive/packet.h"

static uint8_t bytes[MAX_FRAME_BYTES + 64];

TEST(offsets_of_every_shape)
{
    uint32_t version, vlan, more;

    for (version = 4; version <= 6; version += 2) {
        for (vlan = 0; vlan < 2; vlan++) {
            for (more = 0; more <= 40; more += 8) {
                const struct packet_shape shape = { .version = (int)version,
                                                    .protocol = more % 16 != 0 ? PROTOCOL_UDP : PROTOCOL_TCP,
                                                    .payload = 300,
                                                    .vlan = vlan != 0,
                                                    .ip_options = version == 4 ? more : 0,
                                                    .extension = version == 6 ? more : 0 };
                struct frame frame;
                struct layout layout;
                uint32_t network = 14 + 4 * vlan, transport = network + (version == 4 ? 20 : 40) + more;

                packet_build(&shape, bytes, &frame);
                packet_scatter(&frame, 19);
                CHECK(frame_parse(&frame, &layout));
                CHECK_EQ(layout.version, version);
                CHECK_EQ(layout.protocol, shape.protocol);
                CHECK_EQ(layout.tagged, vlan);
                CHECK_EQ(layout.tci, vlan != 0 ? 0x6005 : 0);
                CHECK_EQ(layout.network, network);
                CHECK_EQ(layout.transport, transport);
                CHECK_EQ(layout.payload, transport + (shape.protocol == PROTOCOL_TCP ? 20 : 8));
                CHECK_EQ(layout.checksum, transport + (shape.protocol == PROTOCOL_TCP ? 16 : 6));
                CHECK_EQ(layout.network_end, frame.length);
                CHECK(!layout.fragment && !layout.cut);
            }
        }
    }
}

TEST(every_truncation_stays_inside_the_frame)
{
    uint32_t version;

    for (version = 4; version <= 6; version += 2) {
        const struct packet_shape shape = { .version = (int)version,
                                            .protocol = PROTOCOL_TCP,
                                            .payload = 30,
                                            .vlan = true,
                                            .ip_options = version == 4 ? 16 : 0,
                                            .extension = version == 6 ? 32 : 0 };
        struct frame frame;
        struct layout layout;
        uint32_t whole = packet_build(&shape, bytes, &frame);

        for (frame.length = 0; frame.length < whole; frame.length++) {
            frame.vectors[0].iov_len = frame.length;
            CHECK_EQ(frame_parse(&frame, &layout), frame.length >= ETHERNET_HEADER);
            CHECK(layout.payload <= frame.length && layout.network_end <= frame.length);
            CHECK(layout.version == 0 || layout.cut);
            CHECK(layout.transport == 0 || frame.length >= whole - shape.payload);
        }
    }
}

TEST(fragments_are_reported)
{
    const struct packet_shape v4 = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 100 };
    const struct packet_shape v6 = { .version = 6, .protocol = PROTOCOL_UDP, .payload = 100, .extension = 8 };
    struct frame frame;
    struct layout layout;

    packet_build(&v4, bytes, &frame);
    put16(bytes + 20, 0x2000); /* the first: ports are there */
    CHECK(frame_parse(&frame, &layout) && layout.fragment && layout.transport != 0);
    put16(bytes + 20, 0x0010); /* a later one: they are not */
    CHECK(frame_parse(&frame, &layout) && layout.fragment && layout.transport == 0);
    put16(bytes + 20, 0x4000); /* "do not fragment" is no fragment */
    CHECK(frame_parse(&frame, &layout) && !layout.fragment);

    packet_build(&v6, bytes, &frame);
    bytes[20] = 44;
    put16(bytes + 56, 0x0001);
    CHECK(frame_parse(&frame, &layout) && layout.fragment && layout.transport != 0);
    put16(bytes + 56, 0x0101);
    CHECK(frame_parse(&frame, &layout) && layout.fragment && layout.transport == 0 && layout.protocol == PROTOCOL_UDP);
}

TEST(header_lengths_that_lie_are_not_believed)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 100 };
    struct frame frame;
    struct layout layout;

    packet_build(&shape, bytes, &frame);
    bytes[14] = 0x44;
    CHECK(frame_parse(&frame, &layout) && layout.version == 0);
    packet_build(&shape, bytes, &frame);
    bytes[14] = 0x65;
    CHECK(frame_parse(&frame, &layout) && layout.version == 0);
    packet_build(&shape, bytes, &frame);
    put16(bytes + 16, 19);
    CHECK(frame_parse(&frame, &layout) && layout.version == 0);
    packet_build(&shape, bytes, &frame);
    bytes[46] = 0x40; /* a TCP header of 16 bytes */
    CHECK(frame_parse(&frame, &layout) && layout.transport == 0);
    packet_build(&shape, bytes, &frame);
    put16(bytes + 16, 0); /* a large send from Windows */
    CHECK(frame_parse(&frame, &layout) && layout.transport != 0 && layout.network_end == frame.length);
    packet_build(&shape, bytes, &frame);
    put16(bytes + 16, 60); /* padding behind 20 bytes of payload */
    CHECK(frame_parse(&frame, &layout) && layout.network_end == 74 && !layout.cut);
}

TEST(random_bytes_never_lead_outside)
{
    uint64_t state = test_seed();
    uint32_t round, i;

    for (round = 0; round < 200000; round++) {
        struct frame frame = { .vectors = { { bytes, 0 } }, .vector_count = 1 };
        struct layout layout;

        state = state * 6364136223846793005u + 1442695040888963407u;
        frame.length = (uint32_t)(state >> 40) % 220;
        frame.vectors[0].iov_len = frame.length;
        for (i = 0; i < frame.length; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(state >> 56);
        }
        put16(bytes + 12, round % 3 == 0 ? ETHERTYPE_VLAN : round % 3 == 1 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
        bytes[14] = (uint8_t)((bytes[14] & 15) | (round % 3 == 1 ? 0x40 : 0x60));
        if (frame_parse(&frame, &layout)) {
            CHECK(layout.network <= frame.length && layout.payload <= layout.headers_length &&
                  layout.network_end <= frame.length);
            CHECK(layout.payload <= layout.network_end);
        }
        frame.offload.checksum_partial = true;
        frame.offload.checksum_start = (uint16_t)(state >> 30);
        frame.offload.checksum_offset = (uint16_t)(state >> 20) % 64;
        (void)frame_complete_checksum(&frame);
        (void)frame_verify_checksum(&frame);
        (void)frame_verify_ip_header(&frame);
    }
}

/* A first fragment with more extension headers behind its fragment header, looked at in two steps. */
TEST(a_fragment_whose_headers_go_on_is_looked_at_again)
{
    enum { BYTES = 300, FRAGMENT_HEADER = 44, DESTINATION = 60, LONG_OPTIONS = 8, FIRST_LOOK = 100 };
    static uint8_t packet[BYTES];
    struct XENVIF_PACKET_INFO_V2 part, whole;
    uint8_t *ip = packet + 14;

    put16(packet + 12, ETHERTYPE_IPV6);
    ip[0] = 0x60;
    put16(ip + 4, BYTES - 14 - 40);
    ip[6] = FRAGMENT_HEADER;
    ip[40] = DESTINATION;
    ip[43] = 1; /* the first, and more follow */
    ip[48] = PROTOCOL_UDP;
    ip[49] = LONG_OPTIONS;
    CHECK_EQ(packet_parse(packet, BYTES, BYTES, &whole), PACKET_PARSED);
    CHECK_EQ(whole.IsAFragment, 1);
    CHECK_EQ(whole.IpHeader.Length, 40);
    CHECK_EQ(whole.IpOptions.Length, 8 + (LONG_OPTIONS + 1) * 8);
    CHECK_EQ(packet_parse(packet, FIRST_LOOK, BYTES, &part), PACKET_MORE);
}
