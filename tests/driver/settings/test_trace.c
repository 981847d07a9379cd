/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's trace events, read from what they say about themselves: each that a life brings is there, whole, with
 * its fields, and one for each reason to drop a packet. What an administrator must know is in the event log.
 */
#include "story_backend.h"

#include "../include/counters.h"
#include "nt/trace/etw.h"
#include "nt/export/fail.h"
#include "xenvif/offer/hostile.h"

#include <stdio.h>

enum { MAX_EVENTS = 4096, LINE = 256 };

struct lines {
    uint32_t count, broken;
    char text[MAX_EVENTS][LINE];
};

static void keep(void *context, const struct etw_event *event)
{
    struct lines *lines = context;

    if (lines->count < MAX_EVENTS) {
        lines->broken += !etw_describe(event, lines->text[lines->count++], LINE);
    }
}

static uint32_t times(const struct lines *lines, const char *wanted)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < lines->count; i++) {
        found += strstr(lines->text[i], wanted) != NULL;
    }
    return found;
}

static void want(const struct lines *lines, const char *wanted)
{
    uint32_t i;

    if (times(lines, wanted) == 0) {
        for (i = 0; i < lines->count; i++) {
            fprintf(stderr, "# %s\n", lines->text[i]);
        }
        test_fail(__FILE__, __LINE__, "no event says \"%s\"", wanted);
    }
}

static void collect(struct lines *lines)
{
    memset(lines, 0, sizeof(*lines));
    etw_each(keep, lines);
    CHECK_EQ(lines->broken, 0);
}

static void live(struct story *story)
{
    static struct lines lines;
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    uint8_t byte = 0;
    uint32_t vlan = 5, needed;
    char start[80];

    /* Refused: shorter than an Ethernet header. */
    raw_add(raw, nbl, &byte, 1, 0, NULL, 0);
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, 1000000000));
    raw_close(raw);
    CHECK_EQ(adapter_set(story->bed.adapter, OID_GEN_VLAN_ID, &vlan, sizeof(vlan), &needed), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);

    netback_set_link(story->bed.netback, false);
    sched_sleep(SECOND / 10);
    netback_set_link(story->bed.netback, true);
    sched_sleep(SECOND / 10);

    netback_set_mtu(story->bed.netback, 1400);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    sched_sleep(SECOND / 10);
    CHECK_EQ(adapter_reset(story->bed.adapter), NDIS_STATUS_SUCCESS);

    collect(&lines);
    snprintf(start, sizeof(start), "XenNet Start Adapter=2 Vif=%u Queues=2 FrameSize=1514", story_version(story->plan));
    want(&lines, start);
    want(&lines, "XenNet State Adapter=2 From=3 To=4");
    want(&lines, "XenNet State Adapter=2 From=4 To=5");
    want(&lines, "XenNet Link Adapter=2 Connect=2");
    want(&lines, "XenNet Link Adapter=2 Connect=1");
    want(&lines, "XenNet Offload Adapter=2 On=0x");
    if (story_has(story, STORY_NEEDS_RSS)) {
        want(&lines, "XenNet Rss Adapter=2 Hash=1 Scale=1 Types=0x1700 Entries=128");
    }
    want(&lines, "XenNet Power Adapter=2 From=1 To=4");
    want(&lines, "XenNet PacketFilter Adapter=2 Types=0x");
    want(&lines, "XenNet Vlan Adapter=2 Id=5");
    want(&lines, "XenNet SendDrop Adapter=2 Reason=2 Packets=1");
    want(&lines, "XenNet FrameSize Adapter=2 Backend=1414 InForce=1414 Advertised=1514");
    want(&lines, "XenNet State Adapter=2 From=5 To=4"); /* the reset */

    /* The end of it. */
    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    adapter_remove(story->bed.adapter);
    story->bed.adapter = NULL;
    collect(&lines);
    want(&lines, "XenNet Stop Adapter=2");
    want(&lines, "XenNet State Adapter=2 From=2 To=6");
}

TEST(trace_events_report_the_life_of_an_adapter)
{
    struct story_plan plan = {
        .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = 2, .windows = "10-1809", .body = live /* it resets */
    };

    etw_enable(true, 0, 0);
    story_run(&plan);
    etw_enable(false, 0, 0);
}

/* A surprise removal pauses the adapter by itself, in order; the pause that NDIS asks for then has nothing to do. */
static void removed(struct story *story)
{
    static struct lines lines;

    adapter_surprise_event(story->bed.adapter);
    sched_sleep(SECOND);
    collect(&lines);
    CHECK_EQ(times(&lines, "XenNet State Adapter=2 From=4 To=5"), 1);
    CHECK_EQ(times(&lines, "XenNet State Adapter=2 From=5 To=2"), 1);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    collect(&lines);
    CHECK_EQ(times(&lines, "XenNet State Adapter=2 From=4 To=5"), 1);
}

TEST(a_surprise_removal_pauses_the_adapter)
{
    etw_enable(true, 0, 0);
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .loose_grants = true, .body = removed });
    etw_enable(false, 0, 0);
}

static void stall_and_leave(struct story *story)
{
    static struct lines lines;
    struct watch *watch = watch_open(story);

    backend_goes_silent(story);
    (void)backend_send(watch, 1, 0);
    sched_sleep(24ull * 1000000000);
    collect(&lines);
    want(&lines, "XenNet Stall Adapter=2 Lists=1 Out=1");
    backend_leaves(story);
    sched_sleep(SECOND);
    (void)backend_send(watch, 2, 0);
    CHECK(raw_wait(watch->raw, 12ull * 1000000000));
    sched_sleep(8ull * 1000000000);
    collect(&lines);
    /* XenVif that sees the backend go aborts the first by itself, the others keep it for the recovery. */
    want(&lines, story_has(story, STORY_NEEDS_RECONNECT) ? "XenNet Recovery Adapter=2 Lists=1 Works=0"
                                                         : "XenNet Recovery Adapter=2 Lists=2 Works=0");
    watch_close(watch);
}

TEST(a_backend_that_stands_still_or_goes_has_its_event)
{
    struct story_plan plan = { .kind = SCHED_SIMULATED, .seed = test_seed(), .body = stall_and_leave };

    etw_enable(true, 0, 0);
    story_run(&plan);
    etw_enable(false, 0, 0);
}

/* --- each reason to drop a packet --- */

enum { COUNTER_NAMES = 26, MEMORY = 4096 };

static uint8_t memory[MEMORY];
static struct MDL *mdl;
static struct XENVIF_PACKET_INFO_V2 info;
static struct XENVIF_PACKET_HASH_V2 hash;

static struct vif_inject honest(void)
{
    memset(&info, 0, sizeof(info));
    memset(&hash, 0, sizeof(hash));
    info.Length = 54;
    info.IpHeader.Offset = 14;
    info.IpHeader.Length = 20;
    info.TcpHeader.Offset = 34;
    info.TcpHeader.Length = 20;
    return (struct vif_inject){ .mdl = mdl, .length = 100, .info = &info, .hash = &hash };
}

static bool gone; /* then no OID is answered, and events are all there is */

static uint64_t counter_of(struct story *story, uint32_t index)
{
    uint64_t counters[COUNTER_NAMES];

    if (gone) {
        return 0;
    }
    CHECK_EQ(oid_get(story, XENNET_OID_COUNTERS, counters, sizeof(counters)), NDIS_STATUS_SUCCESS);
    return counters[index];
}

/* A drop has its event and its counter: send reasons 0 to 4 are the first counters, receive reasons 0 to 8 follow. */
static void dropped(struct story *story, const char *side, uint32_t reason, uint64_t before)
{
    static struct lines lines;
    char text[64];

    collect(&lines);
    snprintf(text, sizeof(text), "XenNet %sDrop Adapter=2 Reason=%u Packets=1", side, reason);
    want(&lines, text);
    if (!gone) {
        CHECK_EQ(counter_of(story, (strcmp(side, "Send") == 0 ? 0 : 5) + reason), before + 1);
    }
}

static void drop_received(struct story *story, uint32_t reason, const struct vif_inject *packet)
{
    uint64_t before = counter_of(story, 5 + reason);

    vif_inject(STORY_STAND_IN(story), 0, packet);
    dropped(story, "Receive", reason, before);
}

static void drop_sent(struct watch *watch, uint32_t reason, uint32_t length, uint32_t mss)
{
    static const uint8_t bytes[3000];
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint64_t before = counter_of(watch->story, reason);

    large.LsoV2Transmit.MSS = mss;
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
    raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, 20ull * SECOND));
    CHECK(nbl->Status != NDIS_STATUS_SUCCESS);
    dropped(watch->story, "Send", reason, before);
    raw_free_all(watch->raw);
}

static void fill(struct watch *watch)
{
    uint64_t queue = counter_of(watch->story, 3), backend = counter_of(watch->story, 4), sent = 0;
    static struct lines lines;
    uint8_t bytes[100];

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    while (counter_of(watch->story, 3) == queue) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
        sent++;
    }
    collect(&lines);
    want(&lines, "XenNet SendDrop Adapter=2 Reason=3 Packets=1");
    CHECK(raw_wait(watch->raw, 20ull * SECOND));
    CHECK_EQ(counter_of(watch->story, 4), backend + sent - 1);
    collect(&lines);
    want(&lines, "XenNet SendDrop Adapter=2 Reason=4 Packets=1");
    raw_free_all(watch->raw);
}

static void drop_each(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct vif_inject packet;
    uint32_t vlan = 5, none = 0;
    bool again = story_has(story, STORY_NEEDS_RECONNECT);

    mdl = mdl_create(memory, MEMORY);
    frame_plain(memory, 100, story_guest_mac, story_peer_mac, 1);
    drop_sent(watch, 1, 3000, 0xfffff); /* an MSS that does not exist */
    drop_sent(watch, 2, 10, 0);

    packet = honest();
    CHECK_EQ(oid_put(story, OID_GEN_VLAN_ID, &vlan, sizeof(vlan)), NDIS_STATUS_SUCCESS);
    drop_received(story, 2, &packet);
    CHECK_EQ(oid_put(story, OID_GEN_VLAN_ID, &none, sizeof(none)), NDIS_STATUS_SUCCESS);
    packet = honest(), packet.index = 77;
    drop_received(story, 3, &packet);
    packet = honest(), packet.length = 10;
    drop_received(story, 4, &packet);
    packet = honest(), packet.mdl = NULL;
    drop_received(story, 5, &packet);
    packet = honest(), packet.mss = 20, info.TcpHeader.Length = 10;
    drop_received(story, 6, &packet);
    packet = honest(), packet.mss = 9000;
    drop_received(story, 7, &packet);
    packet = honest(), packet.checksum = 1u << 3 | 1u << 4;
    drop_received(story, 8, &packet);

    /* Without a backend XenVif takes packets until it has no room, then no more, and completes what it has in the end.
     */
    netback_destroy(story->bed.netback);
    story->bed.netback = NULL;
    fill(watch);
    if (again) {
        struct netback_options options = {
            .vif = story->bed.vif_config, .queues = story->queues, .mtu = 1500, .speed_mbps = 10000
        };

        story->bed.netback = netback_create(story->bed.dom0, story->wire, &options);
        CHECK(netback_wait_connected(story->bed.netback, true, 60ull * SECOND));
        sched_sleep(60ull * SECOND); /* the adapter is back too */
    }
    adapter_shutdown(story->bed.adapter);
    gone = true;
    drop_sent(watch, 0, 100, 0);
    packet = honest();
    drop_received(story, 0, &packet);
    mdl_free(mdl);
    watch_close(watch);
    story_count("4 reasons to drop a send and 8 to drop a packet received, an event and a counter each, and both of a "
                "state an event");
}

/* Reason 1 of receives, no NBL although the reserve was just refilled, cannot be brought about. */
TEST(each_reason_to_drop_has_its_trace_event)
{
    struct story_plan plan = { .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .prepare = story_inject_start,
                               .edge_buffers = 16,
                               .body = drop_each };

    etw_enable(true, 0, 0);
    story_run(&plan);
    etw_enable(false, 0, 0);
}

/* --- a start that fails --- */

static void fail_to_start(struct story *story)
{
    static struct lines lines;
    struct bed *bed = &story->bed;
    char error[1024];
    uint32_t n;

    edge_close(bed->edge);
    bed->edge = NULL;
    adapter_remove(bed->adapter);
    for (n = 1; times(&lines, "XenNet StartFailed Adapter=") == 0; n++) {
        fail_at(n);
        bed->adapter = adapter_add(bed->driver, bed_pdo(bed), bed->package, error, sizeof(error));
        fail_disarm();
        CHECK(bed->adapter == NULL); /* the calls before the first step are not many, and each of them fails it */
        collect(&lines);
    }
    want(&lines, "Step=1 Status=0xc000009a");
    CHECK(strstr(error, "event 0xe0000003 (3): ") != NULL); /* the event log's record */
}

TEST(a_start_that_fails_has_its_event_and_its_record)
{
    struct story_plan plan = { .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .stand_in = "a call may fail in XenVif, which then uses what it did not get",
                               .body = fail_to_start };

    etw_enable(true, 0, 0);
    story_run(&plan);
    etw_enable(false, 0, 0);
}
