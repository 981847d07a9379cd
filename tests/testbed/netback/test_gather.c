/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams gathered for the wire and taken apart again are those that were sent, in their order. */
#include <stdlib.h>

#include "harness.h"
#include "netback/gather.h"
#include "packets.h"
#include "run/sched.h"
#include "wire/port.h"
#include "wire/segment.h"

enum { MAX_SENT = 80, DEPTH = 256, MAX_SEGMENTS = 64 };

static uint8_t sent[MAX_SENT][2048], back[MAX_FRAME_BYTES];
static uint32_t lengths[MAX_SENT], count, seen, writes;

static void add(struct gather *gather, struct port *port, int version, uint16_t source, uint32_t payload, uint32_t id)
{
    struct packet_shape shape = {
        .version = version, .protocol = PROTOCOL_UDP, .payload = payload, .source_port = source
    };
    struct layout layout;
    struct frame frame;
    uint16_t sum;

    lengths[count] = packet_build(&shape, sent[count], &frame);
    if (version == 4) {
        put16(sent[count] + 18, id);
        put16(sent[count] + 24, 0);
        sum = (uint16_t)~checksum_sum(sent[count] + 14, 20);
        memcpy(sent[count] + 24, &sum, 2);
    }
    sent[count][lengths[count] - 1] = (uint8_t)count;
    count++;
    CHECK(frame_parse(&frame, &layout));
    if (!gather_take(gather, port, 0, &frame, &layout)) {
        CHECK_EQ(port_send(port, 0, &frame), 0);
    }
}

static void compare(void *context, struct frame *frame)
{
    static uint8_t bytes[MAX_FRAME_BYTES];

    (void)context;
    CHECK(seen < count);
    CHECK_EQ(frame->length, lengths[seen]);
    frame_copy_out(frame, 0, bytes, frame->length);
    if (memcmp(bytes, sent[seen], frame->length) != 0) {
        test_fail(__FILE__, __LINE__, "datagram %u is not the one that was sent", seen);
    }
    seen++;
}

static void take_all(struct port *port)
{
    struct frame frame = { .vectors = { { back, sizeof(back) } }, .vector_count = 1 };

    while (memory_port_collect(port, 0, &frame, 0) != 0) {
        frame.vectors[0].iov_len = frame.length;
        writes++;
        if (frame.offload.gso == FRAME_GSO_NONE) {
            compare(NULL, &frame);
        } else {
            CHECK_EQ(frame.offload.gso, FRAME_GSO_UDP);
            CHECK(frame_segment(&frame, compare, NULL));
        }
        frame.vectors[0].iov_len = sizeof(back);
    }
    CHECK_EQ(seen, count);
}

/* How many writes what was sent since the last time took. */
static uint32_t end(struct gather *gather, struct port *port)
{
    uint32_t before = writes;

    gather_flush(gather, port, 0);
    take_all(port);
    count = seen = 0;
    return writes - before;
}

static void body(void *argument)
{
    struct port *port = memory_port_create(1, DEPTH);
    struct gather gather = { 0 };
    uint32_t i;

    (void)argument;
    for (i = 0; i < 4; i++) {
        add(&gather, port, 4, 1000, 1000, i);
    }
    CHECK_EQ(end(&gather, port), 4); /* a port that takes no large ones */
    memory_port_take_udp_gso(port);
    for (int version = 4; version <= 6; version += 2) {
        for (i = 0; i < 40; i++) {
            add(&gather, port, version, 1000, 1400, 7 + i);
        }
        add(&gather, port, version, 1000, 10, 47); /* shorter: the last */
        add(&gather, port, version, 1000, 10, 48);
        CHECK_EQ(end(&gather, port), 2);
        for (i = 0; i < MAX_SENT; i++) {
            add(&gather, port, version, 1000, 100, 0xfffc + i); /* no more than the kernel takes apart */
        }
        CHECK_EQ(end(&gather, port), 2);
        for (i = 0; i < 6; i++) {
            add(&gather, port, version, (uint16_t)(1000 + i / 3), 1000, i); /* two flows */
        }
        CHECK_EQ(end(&gather, port), 2);
        for (i = 0; i < 4; i++) {
            add(&gather, port, version, 1000, 1000 + i, i); /* each longer than the one before */
        }
        CHECK_EQ(end(&gather, port), 4);
    }
    for (i = 0; i < 4; i++) {
        add(&gather, port, 4, 1000, 1000, 2 * i); /* identifications that are not those of one datagram's segments */
    }
    CHECK_EQ(end(&gather, port), 4);
    port_destroy(port);
}

TEST(gathered_datagrams_are_those_that_were_sent)
{
    const struct sched_options options = { .kind = SCHED_LIVE };

    CHECK_EQ(sched_run(&options, body, NULL), 0);
}

static uint32_t times_sent;

static void count_sent(void *context)
{
    CHECK(context == &times_sent);
    times_sent++;
}

/* One datagram of a block whose payload lies as the sender had it, headers elsewhere; in pieces of so many bytes. */
static void add_part(struct gather *gather, struct port *port, uint32_t number, uint32_t piece)
{
    static uint8_t block[MAX_SENT * 1000];
    const struct packet_shape shape = { .version = 6, .protocol = PROTOCOL_UDP, .payload = 1000 };
    uint32_t at = 0, header = 62;
    struct layout layout;
    struct frame frame;

    lengths[count] = packet_build(&shape, sent[count], &frame);
    CHECK_EQ(lengths[count], header + 1000);
    sent[count][header] = (uint8_t)number;
    memcpy(block + number * 1000, sent[count] + header, 1000);
    frame.vectors[0].iov_len = header;
    for (frame.vector_count = 1; at < 1000; frame.vector_count++) {
        uint32_t part = 1000 - at < piece ? 1000 - at : piece;

        frame.vectors[frame.vector_count] = (struct iovec){ block + number * 1000 + at, part };
        at += part;
    }
    CHECK(frame_parse(&frame, &layout));
    CHECK(gather_take(gather, port, 0, &frame, &layout));
    count++;
}

static void pieces_body(void *argument)
{
    struct port *port = memory_port_create(1, DEPTH);
    struct gather gather = { .sent = count_sent, .context = &times_sent };
    uint32_t i;

    (void)argument;
    memory_port_take_udp_gso(port);
    for (i = 0; i < 10; i++) {
        add_part(&gather, port, i, 1000);
    }
    CHECK_EQ(gather.pieces.count, 3); /* the port's, the headers, and all of the payload */
    CHECK_EQ(times_sent, 0);
    CHECK(!gather_is_full(&gather));
    CHECK_EQ(end(&gather, port), 1);
    CHECK_EQ(times_sent, 1);
    for (i = 0; i < MAX_SEGMENTS; i++) {
        add_part(&gather, port, i, 1000);
    }
    CHECK(gather_is_full(&gather));
    CHECK_EQ(end(&gather, port), 1);
    /* Pieces that are apart: no more of them than there is room for. */
    for (i = 0; i < 20; i++) {
        add_part(&gather, port, 2 * (i % 20), 50);
    }
    CHECK_EQ(end(&gather, port), 3);
    CHECK_EQ(times_sent, 5);
    port_destroy(port);
}

TEST(gathered_payload_is_not_copied_and_kept_until_it_is_sent)
{
    const struct sched_options options = { .kind = SCHED_LIVE };

    CHECK_EQ(sched_run(&options, pieces_body, NULL), 0);
}
