/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received packets that an intermediate driver sends on: as a bridge does between two adapters of this driver. The
 * frame that leaves is the frame that came, its checksum complete although the backend left it open, and each received
 * NBL comes back once, however late the other side completes its send.
 */
#include "ndis/protocol/bridge.h"
#include "packets.h"
#include "story_presence.h"
#include "story_release.h"

enum { FRAMES = 48, SECOND_NS = 1000000000 };

struct sent {
    uint8_t bytes[2048];
    uint32_t length;
};

/* UDP and TCP over IPv4 and IPv6 of all lengths, with and without a tag; what leaves must be this. */
static void make(struct sent *sent, struct frame *frame, uint32_t i)
{
    struct packet_shape shape = { .version = i & 1 ? 6 : 4,
                                  .protocol = i & 2 ? PROTOCOL_UDP : PROTOCOL_TCP,
                                  .vlan = (i & 4) != 0,
                                  .payload = 20 + i * 29 % 1340,
                                  .source_port = (uint16_t)(1000 + i) };

    sent->length = packet_build(&shape, sent->bytes, frame);
    memcpy(sent->bytes, story_guest_mac, 6);
}

static void inject(struct story *story, struct sent *sent)
{
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct frame frame;

        make(&sent[i], &frame, i);
        wire_inject(story, i % story->queues, sent[i].bytes, sent[i].length, &frame.offload);
        CHECK(frame_complete_checksum(&frame)); /* in `sent`, for the comparison */
    }
}

/* Each frame once, whole, with a checksum that is right as it lies there. */
static void expect(struct story *story, const struct sent *sent)
{
    bool came[FRAMES] = { false };
    struct frame_offload offload;
    uint8_t bytes[2048];
    uint32_t length, n, i;

    for (n = 0; n < FRAMES; n++) {
        length = wire_collect(story, bytes, sizeof(bytes), &offload);
        if (length == 0) {
            test_fail(__FILE__, __LINE__, "%u of %u frames were sent on", n, FRAMES);
        }
        CHECK(!offload.checksum_partial);
        for (i = 0; i < FRAMES && (came[i] || length != sent[i].length || memcmp(bytes, sent[i].bytes, length) != 0);
             i++) {
        }
        if (i == FRAMES) {
            test_fail(__FILE__, __LINE__, "a frame of %u bytes left that never came", length);
        }
        came[i] = true;
    }
}

static bool all_back(struct bridge *bridge)
{
    uint64_t deadline = sched_now() + 10ull * SECOND_NS;

    while (bridge_returned(bridge) != bridge_forwarded(bridge) && sched_now() < deadline) {
        story_rest();
    }
    return bridge_returned(bridge) == bridge_forwarded(bridge);
}

static void check_wire(struct story *story)
{
    struct netback_counters counters;

    netback_counters(story->bed.netback, &counters);
    CHECK_EQ(counters.tx_csum_wrong, 0);
}

static void both_ways(struct story *story)
{
    static struct sent forth[FRAMES], back[FRAMES];
    struct story *other;
    struct bridge *there, *here;

    presence_make_second(story);
    other = presence_second(story);
    there = bridge_open(story->bed.adapter, other->bed.adapter);
    here = bridge_open(other->bed.adapter, story->bed.adapter);
    inject(story, forth);
    inject(other, back);
    expect(other, forth);
    expect(story, back);
    CHECK(all_back(there) && all_back(here));
    CHECK_EQ(bridge_forwarded(there), FRAMES);

    /* The other side's neighbour takes nothing for two seconds: meanwhile the first is paused, and waits for its own.
     */
    netback_stall(other->bed.netback, 0, 2ull * SECOND_NS);
    inject(story, forth);
    while (bridge_forwarded(there) < 2 * FRAMES) {
        story_rest();
    }
    CHECK_EQ(adapter_pause(story->bed.adapter), NDIS_STATUS_SUCCESS);
    CHECK_EQ(bridge_returned(there), 2 * FRAMES);
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 0);
    expect(other, forth);
    CHECK_EQ(adapter_restart(story->bed.adapter), NDIS_STATUS_SUCCESS);
    story_count("%u packets sent on between two adapters", 3 * FRAMES);
    bridge_close(there);
    bridge_close(here);
    check_wire(other);
    presence_remove_second();
}

TEST(received_packets_that_are_sent_on_leave_whole_and_come_back)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .queues = 2,
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .body = both_ways });
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .body = both_ways }, 2);
}

/* --- sent on to where they came from --- */

static void end_by_pause(struct story *story)
{
    CHECK_EQ(adapter_pause(story->bed.adapter), NDIS_STATUS_SUCCESS);
}

static void end_by_event(struct story *story)
{
    adapter_surprise_event(story->bed.adapter);
}

struct hairpin {
    uint32_t frames;             /* out; of a single one the driver knows that nothing else is */
    uint32_t queues, processors; /* more of these: Disable is called on one that has sent nothing */
    void (*end)(struct story *story);
};

/* The sends come back from within Disable, with the lock of XenVif held, and with each the received packet that it was,
 * which is XenVif's, too. */
static void hairpin(struct story *story)
{
    const struct hairpin *test = story->plan->detail;
    static struct sent sent[FRAMES];
    struct bridge *bridge = bridge_open(story->bed.adapter, story->bed.adapter);

    inject(story, sent);
    expect(story, sent);
    CHECK(all_back(bridge));
    for (uint32_t queue = 0; queue < story->queues; queue++) {
        netback_stall(story->bed.netback, queue, SCHED_FOREVER);
    }
    for (uint32_t i = 0; i < test->frames; i++) {
        struct frame frame;

        make(&sent[i], &frame, i);
        wire_inject(story, i % story->queues, sent[i].bytes, sent[i].length, &frame.offload);
    }
    while (bridge_forwarded(bridge) < FRAMES + test->frames) {
        story_rest();
    }
    test->end(story);
    CHECK(all_back(bridge));
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 0);
    bridge_close(bridge);
}

TEST(packets_that_are_sent_back_come_back_from_a_disable_that_completes_them)
{
    static const struct hairpin cases[] = { { 1, 1, 1, end_by_pause }, { FRAMES, 2, 2, end_by_pause },
                                            { 1, 1, 1, end_by_event }, { FRAMES, 2, 2, end_by_event },
                                            { 1, 1, 2, end_by_pause }, { FRAMES, 1, 2, end_by_event } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                                .needs = STORY_NEEDS_DISABLE,
                                                .seed = test_seed() + i,
                                                .queues = cases[i].queues,
                                                .processors = cases[i].processors,
                                                .detail = &cases[i],
                                                .edge_buffers = 16,
                                                .loose_grants = true,
                                                .body = hairpin });
    }
}

/* What the keyword is for: the flag that vouches for a blank checksum ends at the first protocol. */
static void blank_ones(struct story *story)
{
    static struct sent forth[FRAMES];
    struct frame_offload offload;
    struct netback_counters counters;
    struct bridge *there;
    uint8_t bytes[2048];
    struct story *other;

    presence_make_second(story);
    other = presence_second(story);
    there = bridge_open(story->bed.adapter, other->bed.adapter);
    inject(story, forth);
    for (uint32_t n = 0; n < FRAMES; n++) {
        CHECK(wire_collect(other, bytes, sizeof(bytes), &offload) != 0);
    }
    CHECK(all_back(there));
    netback_counters(other->bed.netback, &counters);
    CHECK_EQ(counters.tx_csum_wrong, FRAMES);
    bridge_close(there);
    presence_remove_second();
}

TEST(without_needchecksumvalue_a_blank_checksum_that_is_sent_on_is_a_wrong_one)
{
    static const char *const set[] = { "NeedChecksumValue=0", NULL };

    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .xenvif_like = "strict", /* releases write them whatever is asked */
                                    .seed = test_seed(),
                                    .set = set,
                                    .edge_buffers = 16,
                                    .body = blank_ones });
}
