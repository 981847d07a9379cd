/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a large UDP send must become is computed here from the page's rules and RFC 768, 791 and 8200 alone: nothing of
 * the driver, and the testbed's parser and checksums only.
 */
#include <stdlib.h>

#include "story_uso.h"

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/parse.h"

enum { MAX_FRAME = 65535 + 64, MIN_FRAME = 60, FEW = 256, IDENTIFICATION = 0x1234 };

struct uso *uso_open(struct story *story)
{
    struct uso *uso = calloc(1, sizeof(*uso));

    CHECK(uso != NULL);
    uso->story = story;
    uso->watch = watch_open(story);
    uso->bytes = malloc(MAX_FRAME);
    uso->back = malloc(MAX_FRAME);
    CHECK(uso->bytes != NULL && uso->back != NULL);
    return uso;
}

void uso_free(struct uso *uso)
{
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    raw_free_all(uso->watch->raw);
}

void uso_close(struct uso *uso)
{
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    watch_close(uso->watch);
    free(uso->bytes);
    free(uso->back);
    free(uso);
}

uint32_t uso_draw(uint32_t *state, uint32_t bound)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % bound;
}

static uint32_t headers(const struct packet_shape *shape)
{
    return 14 + (shape->vlan ? 4 : 0) + (shape->version == 4 ? 20 + shape->ip_options : 40 + shape->extension) + 8;
}

uint32_t uso_length(const struct packet_shape *shape)
{
    return headers(shape) + shape->payload;
}

uint32_t uso_fit(const struct packet_shape *shape, uint32_t mss)
{
    uint32_t room = 1514 + (shape->vlan ? 4 : 0) - headers(shape);

    return mss < room ? mss : room;
}

struct NET_BUFFER_LIST *uso_make(struct uso *uso, const struct uso_send *send)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(uso->watch->raw);
    union late_udp_segmentation info;
    uint32_t length, start = headers(&send->shape) - 8;
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO tag;
    struct layout layout;
    struct frame frame;
    uint16_t seed;

    length = packet_build(&send->shape, uso->bytes, &frame);
    CHECK_EQ(length, uso_length(&send->shape));
    CHECK(frame_parse(&frame, &layout));
    memset(&info, 0, sizeof(info));
    memset(&tag, 0, sizeof(tag));
    if (send->mss != 0) {
        /* As TCP/IP leaves it: the pseudo header's sum without a length, or nothing. */
        seed = checksum_partial_seed(&layout, 0);
        memcpy(uso->bytes + start + 6, &seed, 2);
        info.Transmit.MSS = send->mss;
        info.Transmit.UdpHeaderOffset = start;
        info.Transmit.IPVersion = send->shape.version == 6;
        nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = info.Value;
    } else {
        CHECK(frame_complete_checksum(&frame));
    }
    if (send->no_checksum) {
        memset(uso->bytes + start + 6, 0, 2);
    }
    if (send->tci != 0) {
        tag.TagHeader.UserPriority = send->tci >> 13;
        tag.TagHeader.VlanId = send->tci & 0xfff;
        nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = tag.Value;
    }
    raw_add(uso->watch->raw, nbl, uso->bytes, length, send->offset, send->cuts, send->cut_count);
    return nbl;
}

struct NET_BUFFER_LIST *uso_start(struct uso *uso, const struct uso_send *send)
{
    struct NET_BUFFER_LIST *nbl = uso_make(uso, send);

    raw_send(uso->watch->raw, nbl, 0, false);
    return nbl;
}

int32_t uso_send(struct uso *uso, const struct uso_send *send)
{
    struct NET_BUFFER_LIST *nbl = uso_start(uso, send);

    if (send->mss != 0 && send->shape.payload / send->mss > FEW) {
        return SUCCESS;
    }
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    return nbl->Status;
}

static void expect_headers(const struct uso *uso, const struct uso_send *send, const struct frame *frame, uint32_t part,
                           uint32_t number)
{
    const uint8_t *ip, *udp;
    struct layout layout;

    CHECK(frame_parse(frame, &layout));
    CHECK_EQ(layout.version, send->shape.version);
    CHECK_EQ(layout.protocol, PROTOCOL_UDP);
    CHECK(!layout.cut && !layout.fragment);
    CHECK_EQ(layout.tagged, send->shape.vlan || send->tci != 0);
    if (send->tci != 0) {
        CHECK_EQ(layout.tci, send->tci);
    }
    ip = uso->back + layout.network;
    udp = uso->back + layout.transport;
    CHECK_EQ(layout.network_end, layout.payload + part);
    CHECK_EQ(get16(udp + 4), 8 + part);
    if (send->shape.version == 4) {
        CHECK_EQ(get16(ip + 2), layout.transport - layout.network + 8u + part);
        CHECK_EQ(get16(ip + 4), (IDENTIFICATION + number) & 0xffff);
        CHECK(frame_verify_ip_header(frame));
    } else {
        CHECK_EQ(get16(ip + 4), layout.transport - layout.network - 40u + 8 + part);
    }
    if (send->no_checksum) {
        CHECK_EQ(get16(udp + 6), 0);
    } else {
        CHECK_EQ(frame_check_checksum(frame), CHECKSUM_GOOD);
    }
}

/* The payload of packet_build at this place. */
static void expect_payload(const uint8_t *bytes, uint32_t from, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        uint32_t at = from + i;

        if (bytes[i] != (uint8_t)(at * 7 + (at >> 8))) {
            test_fail(__FILE__, __LINE__, "byte %u of the payload is %u, not %u", at, bytes[i],
                      (uint8_t)(at * 7 + (at >> 8)));
        }
    }
}

uint32_t uso_expect(struct uso *uso, const struct uso_send *send)
{
    uint32_t before = headers(&send->shape) + (send->tci != 0 ? 4 : 0), done = 0, number = 0;
    uint32_t mss = send->mss != 0 ? send->mss : send->shape.payload;

    for (; done < send->shape.payload; done += mss, number++) {
        uint32_t part = send->shape.payload - done < mss ? send->shape.payload - done : mss;
        struct frame frame = { .vector_count = 1 };
        uint32_t length = before + part;

        frame.length = wire_collect(uso->story, uso->back, MAX_FRAME, &frame.offload);
        if (frame.length == 0) {
            test_fail(__FILE__, __LINE__, "segment %u of a send of %u bytes by %u did not arrive", number,
                      send->shape.payload, mss);
        }
        frame.vectors[0] = (struct iovec){ uso->back, frame.length };
        CHECK_EQ(frame.length, length < MIN_FRAME ? MIN_FRAME : length);
        expect_headers(uso, send, &frame, part, number);
        expect_payload(uso->back + before, done, part);
    }
    return number;
}
