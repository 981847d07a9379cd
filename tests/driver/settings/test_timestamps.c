/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Software timestamps: what NDIS gets reported of them, and the performance counter's value beside each packet that is
 * to have one, taken after it came and before it went; nothing beside the others.
 */
#include "ndis/late.h"
#include "nt/sync/timer.h"
#include "story_uso.h"

enum { FRAMES = 40, FRAME = 200 };

struct stamped {
    uint32_t count, stamped, wrong;
    uint64_t from;
};

static uint64_t tick(void)
{
    return clock_interrupt_time();
}

/* On x86 a stamp takes two slots, of which the one behind the first has no name in older headers. */
static uint64_t stamp_in(const struct NET_BUFFER_LIST *nbl)
{
    uint64_t stamp = 0;

    _Static_assert(8 / sizeof(void *) + NetBufferListInfoReserved3 <= MaxNetBufferListInfo, "a stamp lies in the NBL");
    memcpy(&stamp, &nbl->NetBufferListInfo[NetBufferListInfoReserved3], sizeof(stamp));
    return stamp;
}

static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    struct stamped *seen = context;
    uint64_t stamp = stamp_in(nbl);

    (void)processor, (void)flags;
    seen->count++;
    seen->stamped += stamp != 0;
    seen->wrong += stamp != 0 && (stamp < seen->from || stamp > tick());
}

static void expect_reports(struct story *story, bool receive, bool send, bool tagged)
{
    struct late_timestamps stamps;

    CHECK_EQ(oid_get(story, LATE_OID_TIMESTAMP_CAPABILITY, &stamps, LATE_TIMESTAMPS_SIZE), SUCCESS);
    CHECK(stamps.AllReceiveSw == 1 && stamps.AllTransmitSw == 1 && stamps.TaggedTransmitSw == 1);
    CHECK_EQ(stamps.CrossTimestamp, 0);
    CHECK_EQ(oid_get(story, LATE_OID_TIMESTAMP_CURRENT_CONFIG, &stamps, LATE_TIMESTAMPS_SIZE), SUCCESS);
    CHECK_EQ(stamps.AllReceiveSw, receive);
    CHECK_EQ(stamps.AllTransmitSw, send);
    CHECK_EQ(stamps.TaggedTransmitSw, tagged);
}

/* The stamp of one send, whose NBL asks for it or not; 0: it has none. */
static uint64_t stamp_of(struct raw *raw, struct NET_BUFFER_LIST *nbl, bool tagged)
{
    uint64_t before = tick(), stamp;

    nbl->NblFlags |= tagged ? LATE_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT : 0;
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, SECOND));
    CHECK_EQ(nbl->Status, SUCCESS);
    stamp = stamp_in(nbl);
    CHECK(stamp == 0 || (stamp >= before && stamp <= tick()));
    return stamp;
}

static void each_kind(struct story *story)
{
    const uint32_t *value = story->plan->detail;
    bool receive = *value == 1 || *value == 3 || *value == 5, send = *value == 2 || *value == 3, tagged = *value >= 4;
    static uint8_t bytes[2 * FRAME];
    const struct packet_shape datagram = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 100 };
    struct stamped seen = { .from = tick() };
    struct frame frame;
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = &seen };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    uint64_t deadline = sched_now() + 5 * SECOND;
    uint32_t i;

    expect_reports(story, receive, send, tagged);
    for (i = 0; i < FRAMES; i++) {
        packet_build(&datagram, bytes, &frame);
        memcpy(bytes, story_guest_mac, sizeof(story_guest_mac));
        CHECK(frame_complete_checksum(&frame));
        /* One at a time: a stamp that an NBL has from the packet before is too old. */
        sched_sleep(SECOND / 1000);
        seen.from = tick();
        wire_inject(story, 0, bytes, frame.length, &(struct frame_offload){ 0 });
        while (seen.count <= i && sched_now() < deadline) {
            sched_sleep(SECOND / 1000);
        }
    }
    CHECK_EQ(seen.count, FRAMES);
    CHECK_EQ(seen.stamped, receive ? FRAMES : 0);
    CHECK_EQ(seen.wrong, 0);
    for (i = 0; i < 4; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(raw);

        frame_plain(bytes, FRAME, story_peer_mac, story_guest_mac, i);
        raw_add(raw, nbl, bytes, FRAME, 0, NULL, 0);
        if ((i & 2) != 0) {
            raw_add(raw, nbl, bytes, FRAME, 0, NULL, 0);
        }
        CHECK_EQ(stamp_of(raw, nbl, (i & 1) != 0) != 0, send || (tagged && (i & 1) != 0));
    }
    raw_close(raw);
}

TEST(packets_have_the_timestamps_that_the_keyword_names)
{
    static const char *const values[] = { "*SoftwareTimestamp=0", "*SoftwareTimestamp=1", "*SoftwareTimestamp=2",
                                          "*SoftwareTimestamp=3", "*SoftwareTimestamp=4", "*SoftwareTimestamp=5" };

    for (uint32_t i = 0; i < 6; i++) {
        const char *const set[] = { values[i], NULL };

        for (uint32_t version = 8; version <= 10; version++) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .windows = "11-24h2",
                                            .vif_version = version,
                                            .set = set,
                                            .detail = &i,
                                            .body = each_kind });
        }
    }
}

/* A large datagram is stamped once, before its first segment goes. */
static void large(struct story *story)
{
    struct uso *uso = uso_open(story);
    const struct uso_send send = { .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 5000 }, .mss = 1000 };

    CHECK(stamp_of(uso->watch->raw, uso_make(uso, &send), true) != 0);
    CHECK_EQ(uso_expect(uso, &send), 5);
    CHECK(stamp_of(uso->watch->raw, uso_make(uso, &send), false) == 0);
    CHECK_EQ(uso_expect(uso, &send), 5);
    uso_close(uso);
}

TEST(a_large_datagram_has_one_timestamp)
{
    static const char *const set[] = { "*SoftwareTimestamp=4", NULL };

    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "11-24h2", .set = set, .body = large });
}

static void none(struct story *story)
{
    struct late_timestamps stamps;

    CHECK_STATUS(oid_get(story, LATE_OID_TIMESTAMP_CAPABILITY, &stamps, LATE_TIMESTAMPS_SIZE),
                 NDIS_STATUS_NOT_SUPPORTED);
}

TEST(before_ndis_6_82_there_are_none)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "8.1", .body = none });
}
