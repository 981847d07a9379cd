/* SPDX-License-Identifier: BSD-2-Clause */
#include "story_payload.h"

#include "packets.h"

static uint8_t out[MAX_FRAME_BYTES], back[MAX_FRAME_BYTES];

uint32_t story_payload_build(uint8_t *bytes, int version, int protocol, uint32_t payload, const uint8_t to[6],
                             const uint8_t from[6], struct frame_offload *offload)
{
    struct packet_shape shape = { .version = version, .protocol = protocol, .payload = payload };
    struct frame frame;
    const uint32_t length = packet_build(&shape, bytes, &frame);

    memcpy(bytes, to, 6);
    memcpy(bytes + 6, from, 6);
    *offload = frame.offload;
    return length;
}

void story_edge_send(struct story *story, const uint8_t *bytes, uint32_t length, const struct frame_offload *offload)
{
    struct frame frame;

    CHECK(edge_buffer(story->bed.edge, 0, &frame, true));
    CHECK(frame.vectors[0].iov_len >= length);
    memcpy(frame.vectors[0].iov_base, bytes, length);
    frame.vectors[0].iov_len = length;
    frame.vector_count = 1;
    frame.length = length;
    frame.offload = *offload;
    edge_queue(story->bed.edge, 0, &frame);
    edge_flush(story->bed.edge, 0);
}

/* The payload arrives in order, in one piece or several, each with its own right headers. */
static void expect_payload(struct story *story, uint32_t payload, uint32_t piece)
{
    uint32_t done = 0;

    while (done < payload) {
        struct frame frame = { .vector_count = 1 };
        struct layout layout;
        uint32_t part;

        frame.length = wire_collect(story, back, sizeof(back), &frame.offload);
        if (frame.length == 0) {
            test_fail(__FILE__, __LINE__, "%u of %u bytes of a packet arrived", done, payload);
        }
        frame.vectors[0] = (struct iovec){ back, frame.length };
        CHECK(frame_parse(&frame, &layout) && layout.transport != 0 && !layout.cut);
        part = layout.network_end - layout.payload;
        CHECK(part != 0 && part <= payload - done);
        if (frame.offload.gso != FRAME_GSO_NONE) {
            CHECK_EQ(frame.offload.gso_size, piece);
        } else {
            CHECK(part <= piece);
            CHECK_EQ(frame_check_checksum(&frame), CHECKSUM_GOOD);
        }
        CHECK(frame_verify_ip_header(&frame));
        for (uint32_t i = 0; i < part; i++) {
            CHECK_EQ(back[layout.payload + i], (uint8_t)((done + i) * 7 + ((done + i) >> 8)));
        }
        if (layout.protocol == PROTOCOL_TCP) {
            CHECK_EQ(get32(back + layout.transport + 4), 0xfffff000u + done);
        } else {
            CHECK_EQ(get16(back + layout.transport + 4), 8 + part);
        }
        done += part;
    }
}

void story_payload_probe(struct story *story, uint32_t piece, uint32_t pieces)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    const struct {
        int version, protocol;
        bool large;
        enum frame_gso gso;
    } kinds[] = { { 4, PROTOCOL_TCP, facts.lso4, FRAME_GSO_TCPV4 },
                  { 6, PROTOCOL_TCP, facts.lso6, FRAME_GSO_TCPV6 },
                  { 4, PROTOCOL_UDP, facts.uso4, FRAME_GSO_UDP },
                  { 6, PROTOCOL_UDP, facts.uso6, FRAME_GSO_UDP } };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const uint32_t size = kinds[i].large ? piece * pieces - 1 : piece;
        struct frame_offload offload;
        const uint32_t length = story_payload_build(out, kinds[i].version, kinds[i].protocol, size, story_peer_mac,
                                                    story_guest_mac, &offload);

        if (kinds[i].large) {
            offload.gso = kinds[i].gso;
            offload.gso_size = piece;
        }
        story_edge_send(story, out, length, &offload);
        expect_payload(story, size, piece);
    }
}
