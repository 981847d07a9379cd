/* SPDX-License-Identifier: BSD-2-Clause */
/* The XenVif stand-in against the embedded backend, both schedulers: connection, packets both ways, every VIF version. */
#include "vif_bed.h"

struct story {
    void (*tell)(struct vif_bed *bed);
    struct vif_bed_options options;
};

static void run_story(void *argument)
{
    const struct story *story = argument;
    static struct vif_bed bed;

    vb_start(&bed, &story->options);
    story->tell(&bed);
    vb_stop(&bed);
}

static void run(struct story *story, enum sched_kind kind, uint64_t seed)
{
    const struct sched_options options = { .kind = kind, .seed = seed };

    CHECK_EQ(sched_run(&options, run_story, story), 0);
}

static void run_all(struct story story, uint32_t seeds)
{
    if (!test_seed_given()) {
        run(&story, SCHED_LIVE, 1);
    }
    seeds = test_seeds(seeds);
    for (uint32_t i = 0; i < seeds; i++) {
        run(&story, SCHED_SIMULATED, test_seed() + i);
    }
}

static uint8_t bytes[FRAME_BYTES_MOST + 64], other[FRAME_BYTES_MOST + 64];

static struct frame udp(uint32_t payload, uint16_t source_port)
{
    struct frame frame;

    packet_build(&(struct packet_shape){ 4, PROTOCOL_UDP, payload, .source_port = source_port }, bytes, &frame);
    return frame;
}

/* --- connection --- */

static void connect_only(struct vif_bed *bed)
{
    uint32_t value;

    vb_bind(bed);
    ((vb_get32 *)bed->vifi.QueryRingCount)(&bed->vifi, &value);
    CHECK_EQ(value, 2);
    ((vb_get32 *)bed->vifi.MacQueryMaximumFrameSize)(&bed->vifi, &value);
    CHECK_EQ(value, 1514);
    vb_unbind(bed);
}

TEST(frontend_connects_and_nothing_is_left_behind)
{
    run_all((struct story){ connect_only, { .version = 10, .queues = 2 } }, 20);
}

/* --- transmit --- */

static void send_and_collect(struct vif_bed *bed)
{
    uint32_t count = 300;

    vb_bind(bed);
    for (uint32_t i = 0; i < count; i++) {
        struct frame frame = udp(200 + i, 1000), got = { .vectors = { { other, sizeof(other) } }, .vector_count = 1 };

        frame_complete_checksum(&frame);
        memcpy(bed->memory + (size_t)i * 4096, bytes, frame.length);
        CHECK_EQ(vb_send(bed, i, NULL, frame.length, 0, 0, NULL, false), 0);
        CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), frame.length);
        CHECK(memcmp(bytes, other, frame.length) == 0);
        CHECK(!got.offload.checksum_partial);
    }
    vb_wait_completed(bed, count);
    CHECK_EQ(bed->sent_ok, count);
    CHECK_EQ(bed->doubled, 0);
    vb_unbind(bed);
}

TEST(packets_sent_arrive_as_they_were)
{
    run_all((struct story){ send_and_collect, { .version = 8, .queues = 1 } }, 3);
}

/* --- receive --- */

static void inject_and_receive(struct vif_bed *bed)
{
    uint32_t count = 200;

    vb_bind(bed);
    bed->keep = true;
    for (uint32_t i = 0; i < count; i++) {
        struct frame frame = udp(100 + i, 1000);

        frame_complete_checksum(&frame);
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
        vb_wait_received(bed, i + 1);
        CHECK_EQ(bed->received[i].length, frame.length);
        CHECK_EQ(vb_copy(&bed->received[i], other), frame.length);
        CHECK(memcmp(bytes, other, frame.length) == 0);
        CHECK_EQ(bed->received[i].info.UdpHeader.Offset, 34);
    }
    vb_give_back(bed);
    vb_unbind(bed);
}

TEST(packets_received_are_as_they_were_sent)
{
    for (uint32_t version = 8; version <= 10; version++) {
        run_all((struct story){ inject_and_receive, { .version = version, .queues = 1 } }, 3);
    }
}
