/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's MTU changes while the adapter runs. XenVif reads it whenever it connects, so a migration brings another
 * one. A smaller one is in force at once: longer frames are refused and counted, the OIDs say so. A larger one waits
 * until NDIS restarts the adapter, which is when NDIS takes a frame size. Both ways, with VIF 8, 9 and 10.
 */
#include "../include/counters.h"
#include "packets.h"
#include "story_release.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

#define INDEX(name, side, member) INDEX_##name,

enum { XENNET_COUNTERS(INDEX) INDEX_COUNT };
enum { SECOND = 1000000000, HEADER = 14, TAG = 4, START = 3000, LESS = 1400, MORE = 9000, BUFFER = 16384 };
enum { HEADERS = 40 }; /* of IPv4 and TCP */

static uint32_t wanted;

static uint64_t counter(struct story *story, uint32_t index)
{
    uint64_t counters[INDEX_COUNT];

    CHECK_EQ(oid_get(story, XENNET_OID_COUNTERS, counters, sizeof(counters)), SUCCESS);
    return counters[index];
}

static bool in_force(struct story *story)
{
    return oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE) == wanted;
}

/* The toolstack writes another MTU, and the domain moves. */
static void move(struct story *story, uint32_t mtu, uint32_t expected)
{
    netback_set_mtu(story->bed.netback, mtu);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 5ull * SECOND));
    wanted = expected;
    if (!story_until(story, in_force, 5)) {
        test_fail(__FILE__, __LINE__, "an MTU of %u is in force, expected %u",
                  oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), expected);
    }
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_TOTAL_SIZE), expected + HEADER);
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_LOOKAHEAD), expected);
    CHECK(oid_get32(story, OID_GEN_CURRENT_LOOKAHEAD) <= expected);
}

static int32_t send(struct watch *watch, uint32_t length, uint32_t mss)
{
    static uint8_t bytes[MAX_FRAME_BYTES];
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    int32_t status;

    frame_plain(bytes, length, story_peer_mac, story_guest_mac, length);
    if (mss != 0) {
        const struct packet_shape shape = { .version = 4,
                                            .protocol = PROTOCOL_TCP,
                                            .payload = length - HEADER - HEADERS };
        struct frame frame;

        CHECK_EQ(packet_build(&shape, bytes, &frame), length);
        large.LsoV2Transmit.MSS = mss;
        large.LsoV2Transmit.TcpHeaderOffset = 34;
        large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        large.LsoV2Transmit.IPVersion = NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4;
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
    }
    raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    status = nbl->Status;
    raw_free_all(watch->raw);
    return status;
}

static bool arrives(struct story *story, struct watch *watch, uint32_t length)
{
    static uint8_t bytes[BUFFER];

    watch_forget(watch);
    frame_plain(bytes, length, story_guest_mac, story_peer_mac, length);
    wire_inject(story, 0, bytes, length, NULL);
    return watch_wait(watch, 1);
}

/* What fits goes through both ways, what does not is refused and counted. */
static void measure(struct story *story, struct watch *watch, uint32_t mtu)
{
    uint64_t before = counter(story, INDEX_SendDropLength);

    CHECK_EQ(send(watch, mtu + HEADER, 0), SUCCESS);
    CHECK_EQ(send(watch, mtu + HEADER + TAG + 1, 0), (int32_t)NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(counter(story, INDEX_SendDropLength), before + 1);
    CHECK_EQ(send(watch, mtu + HEADER + TAG, 0), SUCCESS); /* its tag may be among its bytes */
    CHECK_EQ(send(watch, 2 * mtu, mtu + TAG - HEADERS), SUCCESS);
    CHECK_EQ(send(watch, 2 * mtu, mtu + TAG - HEADERS + 1), (int32_t)NDIS_STATUS_INVALID_LENGTH);
    CHECK(arrives(story, watch, mtu + HEADER));
}

static void change(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct adapter_facts facts;
    uint64_t before;

    measure(story, watch, START);

    /* Less: in force at once. Segments cut for the old size are refused too; what was reported to NDIS stays. */
    move(story, LESS, LESS);
    measure(story, watch, LESS);
    before = counter(story, INDEX_SendDropOffload);
    CHECK_EQ(send(watch, 4 * START, START - HEADERS), (int32_t)NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(counter(story, INDEX_SendDropOffload), before + 1);
    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.mtu, START);

    /* More than at the start: up to what was reported to NDIS. */
    move(story, MORE, START);
    measure(story, watch, START);

    /* NDIS restarts the adapter and learns it. */
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), MORE);
    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.mtu, MORE);
    measure(story, watch, MORE);

    /* Down again, and reported at the next restart. */
    move(story, LESS, LESS);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.mtu, LESS);
    measure(story, watch, LESS);
    story_count("MTU %u, %u, %u, %u after a restart, %u: followed", START, LESS, MORE, MORE, LESS);
    watch_close(watch);
}

TEST(an_mtu_that_changes_is_followed_as_far_as_ndis_allows)
{
    story_everywhere(&(struct story_plan){ .mtu = START, .edge_buffers = 32, .loose_grants = true, .body = change }, 3);
}

static void keep_to_the_keyword(struct story *story)
{
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), 2000);
    move(story, LESS, LESS);
    move(story, MORE, 2000);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), 2000);
}

TEST(jumbopacket_stays_the_upper_limit_of_an_mtu_that_changes)
{
    static const char *const set[] = { "*JumboPacket=2014", NULL };

    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .mtu = START, .set = set, .body = keep_to_the_keyword });
}

/* XenVif's thread for changes of the link: whatever the restart does, it may be in the midst of them. */
static bool over;

static void link_thread(void *context)
{
    struct story *story = context;

    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        vif_tell_mac(STORY_STAND_IN(story));
        story_rest();
    }
}

static void restarted_meanwhile(struct story *story)
{
    enum { ROUNDS = 12 };
    struct adapter_facts facts;
    struct task *task;
    uint32_t i;

    over = false;
    task = task_spawn("link thread", 1, link_thread, story);
    for (i = 0; i < ROUNDS; i++) {
        const uint32_t mtu = i % 2 == 0 ? MORE : LESS;

        move(story, mtu, i == 0 ? START : LESS);
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), mtu);
        adapter_facts(story->bed.adapter, &facts);
        CHECK_EQ(facts.mtu, mtu);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELEASE);
    task_join(task);
}

TEST(a_restart_reports_the_mtu_that_is_in_force_whoever_follows_the_link_meanwhile)
{
    for (uint32_t seed = 0; seed < test_seeds(30); seed++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + seed,
                                        .mtu = START,
                                        .processors = 2,
                                        .loose_grants = true,
                                        .body = restarted_meanwhile });
    }
}

/* --- sizes at the edge of what XenVif may report --- */

/* What is in force once XenVif reports frames of so many bytes (it counts a tag in, too), and after a restart. */
static void expect_reported(struct story *story, uint32_t frame, uint32_t at_once, uint32_t after_restart)
{
    vif_lie(LIE_FRAME_SIZE, frame);
    vif_tell_mac(STORY_STAND_IN(story));
    wanted = at_once;
    story_rest(); /* somebody else may be the one who follows it */
    if (!story_until(story, in_force, 5)) {
        test_fail(__FILE__, __LINE__, "frames of %u bytes: an MTU of %u at once, expected %u", frame,
                  oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), at_once);
    }
    CHECK_EQ(adapter_pause(story->bed.adapter), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), NDIS_STATUS_SUCCESS);
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), after_restart);
}

/* The event's numbers, as people read them: interface, frame size of the host, frame size that Windows was given. */
static void reported(struct story *story)
{
    expect_reported(story, 68 + HEADER + TAG, 68, 68);
    expect_reported(story, 68 + HEADER + TAG - 1, 68, 68);
    expect_reported(story, 1500 + HEADER + TAG, 68, 1500);
    expect_reported(story, 65535 + HEADER + TAG + 1, 1500, 1500);
    expect_reported(story, 65535 + HEADER + TAG, 1500, 65535);
    expect_reported(story, 0, 65535, 65535);
    CHECK_EQ(story_logged(" (6): 2, 82, 1514"), 1);
}

static void report_the_usual(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_FRAME_SIZE, 1500 + HEADER + TAG);
}

TEST(the_smallest_and_the_largest_mtu_are_taken_and_none_beyond)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .stand_in = "no XenVif reports such sizes",
                                    .prepare = report_the_usual,
                                    .body = reported });
}
