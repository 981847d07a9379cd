/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received packets that an intermediate driver sends on: as a bridge does between two adapters of this driver. The
 * frame that leaves is the frame that came, its checksum complete although the backend left it open, and each received
 * NBL comes back once, however late the other side completes its send.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/protocol/bridge.h"
#include "packets.h"
#include "story_backend.h"
#include "story_presence.h"

enum { FRAMES = 48 };

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
    uint64_t deadline = sched_now() + 10 * SECOND;

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
    netback_stall(other->bed.netback, 0, 2 * SECOND);
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

/* So many packets are with a backend that does not answer; each is a received one, too. */
static struct bridge *leave_out(struct story *story, uint32_t frames)
{
    static struct sent sent[FRAMES];
    struct bridge *bridge = bridge_open(story->bed.adapter, story->bed.adapter);

    inject(story, sent);
    expect(story, sent);
    CHECK(all_back(bridge));
    for (uint32_t queue = 0; queue < story->queues; queue++) {
        netback_stall(story->bed.netback, queue, SCHED_FOREVER);
    }
    for (uint32_t i = 0; i < frames; i++) {
        struct frame frame;

        make(&sent[i], &frame, i);
        wire_inject(story, i % story->queues, sent[i].bytes, sent[i].length, &frame.offload);
    }
    while (bridge_forwarded(bridge) < FRAMES + frames) {
        story_rest();
    }
    return bridge;
}

static void close_with_all_back(struct story *story, struct bridge *bridge)
{
    CHECK(all_back(bridge));
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 0);
    bridge_close(bridge);
}

/* The sends come back from within Disable, with the lock of XenVif held, and with each the received packet that it was,
 * which is XenVif's, too. */
static void hairpin(struct story *story)
{
    const struct hairpin *test = story->plan->detail;
    struct bridge *bridge = leave_out(story, test->frames);

    test->end(story);
    close_with_all_back(story, bridge);
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

/* --- and a reset, before NDIS 6.83: each send waits for the backend, each received packet for its send --- */

struct last_word {
    void (*come)(struct story *story);
    uint64_t after; /* the reset has begun; 0: before it */
};

struct reset {
    struct story *story;
    uint64_t ended;
    int32_t status;
};

static void ask_for_reset(void *argument)
{
    struct reset *reset = argument;

    reset->status = adapter_reset(reset->story->bed.adapter);
    reset->ended = sched_now();
}

static void reset_while_sent_on(struct story *story)
{
    const struct last_word *word = story->plan->detail;
    struct bridge *bridge = leave_out(story, FRAMES);
    struct reset reset = { .story = story };
    struct task *task;
    uint64_t before;

    if (word->after == 0) {
        word->come(story);
    }
    before = sched_now();
    task = task_spawn("reset", 0, ask_for_reset, &reset);
    if (word->after != 0) {
        sched_sleep(word->after);
        CHECK_EQ(reset.ended, 0);
        before = sched_now();
        word->come(story);
    }
    sched_sleep(5 * SECOND);
    if (reset.ended == 0) {
        test_fail(__FILE__, __LINE__, "a reset has not ended with %llu packets sent on that nobody gives back",
                  (unsigned long long)(bridge_forwarded(bridge) - bridge_returned(bridge)));
    }
    task_join(task);
    CHECK(reset.ended - before <= SECOND);
    /* A XenVif that would connect again has given the sends back by itself. */
    CHECK_STATUS(reset.status, word->come == backend_leaves && story_release(story->plan)->reconnects
                                   ? NDIS_STATUS_SUCCESS
                                   : NDIS_STATUS_SOFT_ERRORS);
    close_with_all_back(story, bridge);
}

static void reset_ends(const struct last_word *word, uint32_t needs)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .needs = needs,
                                            .seed = test_seed(),
                                            .queues = 1, /* RSS asks a control ring that nobody answers */
                                            .windows = "10-1809",
                                            .detail = word,
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .body = reset_while_sent_on });
}

/* At its beginning, and when it has given up waiting for a backend that only does not answer. */
TEST(a_reset_of_packets_that_are_sent_back_ends_when_the_backend_is_gone)
{
    reset_ends(&(struct last_word){ backend_leaves, 0 }, 0);
    reset_ends(&(struct last_word){ backend_leaves, 12 * SECOND }, 0);
}

TEST(a_reset_of_packets_that_are_sent_back_ends_when_the_device_is_removed)
{
    reset_ends(&(struct last_word){ end_by_event, 12 * SECOND }, STORY_NEEDS_DISABLE);
}

/* As a pause does: 20 short naps, 35 long ones in which nothing comes back, then 480 at most while a received packet is
 * out; before Disable, which gives up after 100 ms, the short ones once more. */
static void reset_at_a_silent_backend(struct story *story)
{
    struct bridge *bridge = leave_out(story, FRAMES);
    struct reset reset = { .story = story };
    uint64_t before = sched_now();

    ask_for_reset(&reset);
    CHECK_EQ((uint32_t)((reset.ended - before) / 1000000), 200 + (35 + 480) * 250 + 200 + 100);
    CHECK_STATUS(reset.status, NDIS_STATUS_SUCCESS);
    close_with_all_back(story, bridge);
}

TEST(a_reset_of_packets_that_are_sent_back_takes_little_more_than_two_minutes)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .needs = STORY_NEEDS_DISABLE,
                                            .seed = test_seed(),
                                            .queues = 1,
                                            .windows = "10-1809",
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .body = reset_at_a_silent_backend });
}

/* --- the keyword --- */

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
