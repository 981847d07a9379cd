/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams gathered for the wire and taken apart again are those that were sent, in their order. */
#include <stdlib.h>

#include "harness.h"
#include "netback/gather.h"
#include "packets.h"
#include "run/sched.h"
#include "wire/port.h"
#include "wire/segment.h"

enum { MAX_SENT = 80, DEPTH = 256 };

static uint8_t sent[MAX_SENT][2048], back[MAX_FRAME_BYTES];
static uint32_t lengths[MAX_SENT], count, seen, writes;

static void add(struct gather *gather, struct port *port, int version, uint16_t source, uint32_t payload, uint32_t id)
{
    struct packet_shape shape = {
        .version = version, .protocol = PROTOCOL_UDP, .payload = payload, .source_port = source
    };
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
    if (!gather_take(gather, port, 0, &frame)) {
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
    gather_free(&gather);
    port_destroy(port);
}

TEST(gathered_datagrams_are_those_that_were_sent)
{
    const struct sched_options options = { .kind = SCHED_LIVE };

    CHECK_EQ(sched_run(&options, body, NULL), 0);
}
