/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol has no more blocks of datagrams below it than a socket's send buffer would let it, and goes on when half
 * of them are back. Other frames are not bounded by that. */
#include <stdlib.h>

#include "ndis/protocol/edge_internal.h"
#include "packets.h"
#include "story.h"

#define SECOND 1000000000ull

enum { SEGMENTS = 40, SIZE = 1000, SLOTS = 64 };

static bool queue_one(struct edge *edge, bool block)
{
    static uint8_t bytes[MAX_FRAME_BYTES];
    const struct packet_shape shape = { .version = 6,
                                        .protocol = PROTOCOL_UDP,
                                        .payload = block ? SEGMENTS * SIZE : SIZE };
    struct frame built, frame;

    if (!edge_buffer(edge, 0, &frame, false)) {
        return false;
    }
    packet_build(&shape, bytes, &built);
    memcpy(frame.vectors[0].iov_base, bytes, built.length);
    frame.length = built.length;
    frame.offload = built.offload;
    if (block) {
        frame.offload.gso = FRAME_GSO_UDP;
        frame.offload.gso_size = SIZE;
    }
    edge_queue(edge, 0, &frame);
    return true;
}

static void bounded(struct story *story)
{
    struct edge *edge = story->bed.edge;
    uint32_t blocks = 0, arrived = 0, others = 0;
    uint8_t *bytes = malloc(MAX_FRAME_BYTES);
    struct frame frame;

    netback_stall(story->bed.netback, 0, SECOND / 4);
    while (queue_one(edge, false)) {
        others++;
    }
    CHECK_EQ(others, SLOTS);
    edge_flush(edge, 0);
    CHECK(edge_buffer(edge, 0, &frame, true));
    edge_buffer_unused(edge, 0, &frame);
    sched_sleep(SECOND);
    netback_stall(story->bed.netback, 0, SECOND / 4);
    while (queue_one(edge, true)) {
        blocks++;
    }
    CHECK_EQ(blocks, EDGE_MAX_BLOCKS);
    edge_flush(edge, 0);
    CHECK(!edge_buffer(edge, 0, &frame, false));
    CHECK(edge_buffer(edge, 0, &frame, true));
    CHECK(edge->queues[0].blocks <= EDGE_MAX_BLOCKS / 2);
    edge_buffer_unused(edge, 0, &frame);
    sched_sleep(SECOND);
    CHECK_EQ(edge->queues[0].blocks, 0);
    for (;; arrived++) {
        struct frame came = { .vectors = { { bytes, MAX_FRAME_BYTES } }, .vector_count = 1 };

        if (memory_port_collect(story->wire, 0, &came, 0) == 0) {
            break;
        }
    }
    CHECK_EQ(arrived, others + blocks * SEGMENTS);
    free(bytes);
}

TEST(blocks_below_the_protocol_are_bounded)
{
    for (uint32_t seed = 0; seed < 10; seed++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + seed,
                                        .windows = "10-22h2",
                                        .wire_depth = 2048,
                                        .edge_buffers = SLOTS,
                                        .quiet = true,
                                        .body = bounded });
    }
}
