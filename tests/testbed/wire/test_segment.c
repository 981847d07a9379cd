/* SPDX-License-Identifier: BSD-2-Clause */
/* Software segmentation: segments put together again are the frame, and each is a packet of its own. */
#include "harness.h"
#include "packets.h"
#include "wire/segment.h"

static uint8_t bytes[MAX_FRAME_BYTES + 64], rebuilt[MAX_FRAME_BYTES], whole[MAX_FRAME_BYTES];

struct gathered {
    const struct layout *layout;
    uint32_t count, payload, mss, total;
};

static void gather(void *context, struct frame *segment)
{
    struct gathered *gathered = context;
    struct layout layout;
    uint32_t part, first = gathered->count == 0, last;
    uint8_t flags;

    CHECK(frame_complete_checksum(segment));
    CHECK_EQ(frame_verify_checksum(segment), CHECKSUM_GOOD);
    CHECK(frame_verify_ip_header(segment));
    CHECK(frame_parse(segment, &layout));
    CHECK(!layout.cut && layout.network_end == segment->length);
    part = segment->length - layout.payload;
    CHECK(part <= gathered->mss);
    last = gathered->payload + part == gathered->total;
    CHECK(last || part == gathered->mss);
    CHECK_EQ(get32(layout.headers + layout.transport + 4), (uint32_t)(0xfffff000u + gathered->payload));
    flags = layout.headers[layout.transport + 13];
    CHECK_EQ(flags, 0x10 | (first ? 0x80 : 0) | (last ? 0x09 : 0));
    if (layout.version == 4) {
        CHECK_EQ(get16(layout.headers + layout.network + 4), 0x1234 + gathered->count);
    }
    frame_copy_out(segment, layout.payload, rebuilt + gathered->payload, part);
    gathered->payload += part;
    gathered->count++;
}

static void segment(const struct packet_shape *shape, uint32_t mss, uint32_t piece)
{
    struct gathered gathered = { .mss = mss, .total = shape->payload };
    struct frame frame;
    struct layout layout;
    uint32_t length = packet_build(shape, bytes, &frame);

    frame.offload.gso = shape->version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    frame.offload.gso_size = (uint16_t)mss;
    CHECK(frame_parse(&frame, &layout));
    memcpy(whole, bytes, length);
    packet_scatter(&frame, piece);
    CHECK(frame_segment(&frame, gather, &gathered));
    CHECK_EQ(gathered.payload, shape->payload);
    CHECK_EQ(gathered.count, (shape->payload + mss - 1) / mss);
    CHECK(memcmp(rebuilt, bytes + layout.payload, shape->payload) == 0);
    CHECK(memcmp(whole, bytes, length) == 0); /* the frame itself is left alone */
}

TEST(segments_make_up_the_frame)
{
    static const uint32_t sizes[] = { 536, 1448, 8948 };
    uint32_t payload, s, version;

    for (payload = 1; payload <= 65000; payload += payload / 2 + 1) {
        for (version = 4; version <= 6; version += 2) {
            for (s = 0; s < 3; s++) {
                struct packet_shape shape = { .version = (int)version, .protocol = PROTOCOL_TCP, .payload = payload };

                segment(&shape, sizes[s], 4096);
                shape.vlan = true;
                shape.ip_options = version == 4 ? 8 : 0;
                shape.extension = version == 6 ? 8 : 0;
                segment(&shape, sizes[s], 3001);
            }
        }
    }
}

static void must_not(void *context, struct frame *frame)
{
    (void)context;
    test_fail(__FILE__, __LINE__, "a segment of %u bytes came out", frame->length);
}

TEST(what_cannot_be_segmented_is_refused)
{
    const struct packet_shape tcp = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 3000 };
    const struct packet_shape udp = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 3000 };
    struct frame frame;

    packet_build(&tcp, bytes, &frame);
    CHECK(!frame_segment(&frame, must_not, NULL)); /* not GSO */
    frame.offload.gso = FRAME_GSO_TCPV4;
    CHECK(!frame_segment(&frame, must_not, NULL)); /* no MSS */
    frame.offload.gso_size = 1000;
    frame.offload.gso = FRAME_GSO_TCPV6;
    CHECK(!frame_segment(&frame, must_not, NULL)); /* not that version */
    packet_build(&udp, bytes, &frame);
    frame.offload.gso = FRAME_GSO_TCPV4;
    frame.offload.gso_size = 1000;
    CHECK(!frame_segment(&frame, must_not, NULL)); /* no TCP */
}
