/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP segmentation where it ends: what is refused and with which status, switches, pauses, a XenVif or a machine that
 * has no memory, payload that nobody has mapped. Nothing is lost that was taken, and every NBL comes back once.
 */
#include "nt/export/fail.h"
#include "ndis/adapter/adapter.h"
#include "nt/memory/mdl.h"
#include "nt/memory/pool.h"
#include "story_rss.h"
#include "story_uso.h"

enum { QUEUES = 2 };

static const struct uso_send plain = { .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 5000 },
                                       .mss = 1000 };

static int32_t status_of(struct uso *uso, struct NET_BUFFER_LIST *nbl)
{
    raw_send(uso->watch->raw, nbl, 0, false);
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    return nbl->Status;
}

static struct NET_BUFFER_LIST *with_info(struct uso *uso, uint32_t mss, uint32_t start, uint32_t version)
{
    struct NET_BUFFER_LIST *nbl = uso_make(uso, &plain);
    union late_udp_segmentation info;

    memset(&info, 0, sizeof(info));
    info.Transmit.MSS = mss;
    info.Transmit.UdpHeaderOffset = start;
    info.Transmit.IPVersion = version;
    nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = info.Value;
    return nbl;
}

/* The plain one with a byte of its headers changed. */
static struct NET_BUFFER_LIST *with_byte(struct uso *uso, uint32_t at, uint8_t value)
{
    struct NET_BUFFER_LIST *nbl = uso_make(uso, &plain);

    ((uint8_t *)nbl->FirstNetBuffer->MdlChain->MappedSystemVa)[at] = value;
    return nbl;
}

static void refused(struct story *story)
{
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    struct NET_BUFFER_LIST *nbl;
    uint8_t more[100] = { 0 };
    uint32_t i;

    static const struct {
        uint32_t mss, start, version;
        uint32_t status;
    } infos[] = {
        { 0, 34, 0, NDIS_STATUS_INVALID_LENGTH },       { 1473, 34, 0, NDIS_STATUS_INVALID_LENGTH },
        { 0xfffff, 34, 0, NDIS_STATUS_INVALID_LENGTH }, { 1000, 0, 0, NDIS_STATUS_INVALID_LENGTH },
        { 1000, 33, 0, NDIS_STATUS_INVALID_LENGTH },    { 1000, 38, 0, NDIS_STATUS_INVALID_PACKET },
        { 1000, 121, 0, NDIS_STATUS_INVALID_LENGTH },   { 1000, 1023, 0, NDIS_STATUS_INVALID_LENGTH },
        { 1000, 34, 1, NDIS_STATUS_INVALID_PACKET },    { 1000, 54, 1, NDIS_STATUS_INVALID_PACKET },
    };
    static const struct {
        uint32_t at;
        uint8_t value;
    } bytes[] = { { 12, 0x86 }, { 14, 0x65 }, { 14, 0x46 }, { 14, 0x44 }, { 23, 6 }, { 20, 0x20 }, { 21, 1 } };

    for (i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
        nbl = with_info(uso, infos[i].mss, infos[i].start, infos[i].version);
        CHECK_STATUS(status_of(uso, nbl), infos[i].status);
    }
    for (i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        CHECK_STATUS(status_of(uso, with_byte(uso, bytes[i].at, bytes[i].value)), NDIS_STATUS_INVALID_PACKET);
    }
    nbl = uso_make(uso, &plain); /* two NBs */
    raw_add(uso->watch->raw, nbl, more, sizeof(more), 0, NULL, 0);
    CHECK_STATUS(status_of(uso, nbl), NDIS_STATUS_INVALID_LENGTH);
    nbl = uso_make(uso, &plain); /* a large TCP send, too */
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = (void *)(uintptr_t)(1000 | 34u << 20 | 1u << 30);
    CHECK_STATUS(status_of(uso, nbl), NDIS_STATUS_INVALID_PACKET);
    send.shape.payload = 0;
    CHECK_STATUS(status_of(uso, uso_make(uso, &send)), NDIS_STATUS_INVALID_LENGTH);
    send = plain;
    send.shape.version = 6;
    nbl = uso_make(uso, &send); /* as if there were an extension header */
    nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = (void *)(uintptr_t)(1000 | 62u << 20 | 1u << 31);
    CHECK_STATUS(status_of(uso, nbl), NDIS_STATUS_INVALID_PACKET);
    send.shape.payload = USO_MAX_DATAGRAM + 1;
    CHECK_STATUS(status_of(uso, uso_make(uso, &send)), NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(backend_frames(story), 0);
    CHECK_EQ(story_counter(story, "SendDropOffload") + story_counter(story, "SendDropLength"), 22);
    /* The largest that fits is sent. */
    send = plain;
    send.mss = 1472;
    CHECK_STATUS(uso_send(uso, &send), SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), 4);
    uso_close(uso);
}

TEST(impossible_requests_are_refused_with_nothing_sent)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .body = refused });
}

/* A MDL chain that ends before the packet does. */
static void cut_short(struct story *story)
{
    static const uint32_t cuts[] = { 20, 5022 };
    struct uso *uso = uso_open(story);
    struct NET_BUFFER_LIST *nbl = uso_make(uso, &plain), *behind;
    struct uso_send send = plain;
    struct MDL *rest;

    nbl->FirstNetBuffer->DataLength += 4096;
    raw_send(uso->watch->raw, nbl, 0, false);
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(backend_frames(story), 5); /* those that could be made */
    /* What is behind it goes at once, before the watchdog looks. */
    behind = uso_make(uso, &plain);
    raw_link(nbl, behind);
    raw_send(uso->watch->raw, nbl, 0, false);
    CHECK(raw_wait(uso->watch->raw, SECOND / 5));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_INVALID_LENGTH);
    CHECK_STATUS(behind->Status, SUCCESS);
    CHECK_EQ(backend_frames(story), 10);
    nbl->FirstNetBuffer->DataLength -= 4096;
    /* The same within its headers. */
    send.cuts = cuts;
    send.cut_count = 2;
    nbl = uso_make(uso, &send);
    rest = nbl->FirstNetBuffer->MdlChain->Next;
    nbl->FirstNetBuffer->MdlChain->Next = NULL;
    raw_send(uso->watch->raw, nbl, 0, false);
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(backend_frames(story), 0);
    nbl->FirstNetBuffer->MdlChain->Next = rest;
    uso_close(uso);
}

TEST(a_chain_that_ends_early_costs_its_nbl_only)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .body = cut_short });
}

static int32_t set_uso(struct story *story, uint8_t v4, uint8_t v6)
{
    struct late_offload_parameters parameters;
    uint32_t needed;

    memset(&parameters, 0, sizeof(parameters));
    parameters.before.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.before.Header.Revision = 5;
    parameters.before.Header.Size = LATE_PARAMETERS_SIZE_5;
    parameters.UdpSegmentation.IPv4 = v4;
    parameters.UdpSegmentation.IPv6 = v6;
    return adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, &parameters, LATE_PARAMETERS_SIZE_5, &needed);
}

static void expect_facts(struct story *story, bool v4, bool v6)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.uso4, v4);
    CHECK_EQ(facts.uso6, v6);
    CHECK_EQ(facts.uso4_size, v4 ? USO_MAX_DATAGRAM : 0);
    CHECK_EQ(facts.uso6_size, v6 ? USO_MAX_DATAGRAM : 0);
}

static void expect_sends(struct uso *uso, bool v4, bool v6)
{
    struct uso_send send = plain;

    CHECK_STATUS(uso_send(uso, &send), v4 ? SUCCESS : NDIS_STATUS_NOT_SUPPORTED);
    if (v4) {
        CHECK_EQ(uso_expect(uso, &send), 5);
    }
    send.shape.version = 6;
    CHECK_STATUS(uso_send(uso, &send), v6 ? SUCCESS : NDIS_STATUS_NOT_SUPPORTED);
    if (v6) {
        CHECK_EQ(uso_expect(uso, &send), 5);
    }
}

static void switched(struct story *story)
{
    struct uso *uso = uso_open(story);
    uint32_t before = watch_statuses(uso->watch, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG);

    expect_facts(story, true, true);
    expect_sends(uso, true, true);
    CHECK_STATUS(set_uso(story, LATE_OFF, 0), SUCCESS);
    CHECK_EQ(watch_statuses(uso->watch, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG), before + 1);
    expect_facts(story, false, true);
    expect_sends(uso, false, true);
    CHECK_STATUS(set_uso(story, LATE_ON, LATE_OFF), SUCCESS);
    expect_sends(uso, true, false);
    CHECK_STATUS(set_uso(story, 3, 0), NDIS_STATUS_INVALID_DATA);
    expect_facts(story, true, false);
    CHECK_STATUS(set_uso(story, 0, LATE_ON), SUCCESS);
    expect_sends(uso, true, true);
    CHECK_EQ(story->bed.adapter->hardware_offload.UdpSegmentation.IPv4.MinSegmentCount, 2);
    CHECK_EQ(story->bed.adapter->hardware_offload.UdpSegmentation.IPv4.SubMssFinalSegmentSupported, 1);
    CHECK_EQ(story->bed.adapter->hardware_offload.UdpSegmentation.IPv6.MinSegmentCount, 2);
    CHECK_EQ(story->bed.adapter->hardware_offload.UdpSegmentation.IPv6.SubMssFinalSegmentSupported, 1);
    uso_close(uso);
}

TEST(a_request_switches_each_ip_version_and_off_is_off)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .body = switched });
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "11-24h2", .body = switched });
}

static void off_at_start(struct story *story)
{
    struct uso *uso = uso_open(story);

    expect_facts(story, false, false);
    expect_sends(uso, false, false);
    CHECK_STATUS(set_uso(story, LATE_ON, LATE_ON), SUCCESS);
    expect_sends(uso, true, true);
    uso_close(uso);
}

/* Checksum offload is a setting of its own: off, it switches no segmentation off. */
static void without_checksums(struct story *story)
{
    struct uso *uso = uso_open(story);

    expect_facts(story, true, true);
    expect_sends(uso, true, true);
    uso_close(uso);
}

TEST(keywords_switch_segmentation_alone)
{
    static const char *const off[] = { "*UsoIPv4=0", "*UsoIPv6=0", NULL };
    static const char *const sums[] = { "*UDPChecksumOffloadIPv4=0", "*UDPChecksumOffloadIPv6=0",
                                        "*IPChecksumOffloadIPv4=0", NULL };

    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .set = off, .body = off_at_start });
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .set = sums, .body = without_checksums });
}

/* Before 6.83 there is none of it, and the slot is not looked at. */
static void none_before(struct story *story)
{
    struct watch *watch = watch_open(story);

    expect_facts(story, false, false);
    CHECK_STATUS(set_uso(story, LATE_ON, 0), NDIS_STATUS_INVALID_DATA);
    watch_close(watch);
}

TEST(older_windows_has_none_of_it)
{
    static const char *const windows[] = { "7", "8.1", "10-1809" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){
            .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = windows[i], .body = none_before });
    }
}

/* Priorities and VLANs are those of the large one; so is the hash that picks the queue. */
static void tagged(struct story *story)
{
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    struct NET_BUFFER_LIST *nbl;
    uint32_t i;

    send.tci = 0xa007;
    CHECK_STATUS(uso_send(uso, &send), SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), 5);
    send.tci = 0;
    for (i = 0; i < 8; i++) {
        nbl = uso_make(uso, &send);
        nbl->NetBufferListInfo[NetBufferListHashInfo] = (void *)(uintptr_t)(NdisHashFunctionToeplitz | NDIS_HASH_IPV4);
        nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)i;
        CHECK_STATUS(status_of(uso, nbl), SUCCESS);
        CHECK_EQ(uso_expect(uso, &send), 5);
    }
    uso_close(uso);
}

TEST(tags_and_hashes_are_those_of_the_large_datagram)
{
    story_everywhere(&(struct story_plan){ .windows = "10-22h2", .queues = 2, .quiet = true, .body = tagged }, 3);
}

/* Pages that a stack has locked and not mapped: headers and payload in MDLs of their own. XenVif maps what it copies.
 */
static void unmapped(struct story *story)
{
    struct uso *uso = uso_open(story);
    uint32_t cuts[] = { 42, 3000, 2000 };
    struct uso_send send = plain;
    struct NET_BUFFER_LIST *nbl;
    struct MDL *mdl;

    send.cuts = cuts;
    send.cut_count = 3;
    nbl = uso_make(uso, &send);
    for (mdl = nbl->FirstNetBuffer->MdlChain; mdl != NULL; mdl = mdl->Next) {
        mdl->MdlFlags = MDL_PAGES_LOCKED;
        mdl->MappedSystemVa = NULL;
    }
    CHECK_STATUS(status_of(uso, nbl), SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), 5);
    send.mss = 10; /* short frames are copied */
    send.shape.payload = 500;
    cuts[1] = 300;
    cuts[2] = 200;
    for (uint32_t i = 0; i < 4; i++) { /* the buffers that XenVif mapped are used again */
        nbl = uso_make(uso, &send);
        for (mdl = nbl->FirstNetBuffer->MdlChain->Next; mdl != NULL; mdl = mdl->Next) {
            mdl->MdlFlags = MDL_PAGES_LOCKED;
            mdl->MappedSystemVa = NULL;
        }
        CHECK_STATUS(status_of(uso, nbl), SUCCESS);
        CHECK_EQ(uso_expect(uso, &send), 50);
    }
    uso_close(uso);
}

TEST(payload_that_nobody_has_mapped_is_sent)
{
    story_everywhere(&(struct story_plan){ .windows = "10-22h2", .quiet = true, .body = unmapped }, 2);
}

/* Headers that cannot be mapped: nothing of the datagram goes out. */
static void unmapped_headers(struct story *story)
{
    static const uint32_t cuts[] = { 42, 5000 };
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    struct NET_BUFFER_LIST *nbl;
    char text[1024];

    send.cuts = cuts;
    send.cut_count = 2;
    nbl = uso_make(uso, &send);
    nbl->FirstNetBuffer->MdlChain->MdlFlags = MDL_PAGES_LOCKED;
    fail_at(1);
    CHECK_STATUS(status_of(uso, nbl), NDIS_STATUS_RESOURCES);
    CHECK(fail_described(text, sizeof(text)));
    CHECK_CONTAINS(text, "MmMapLockedPagesSpecifyCache");
    fail_disarm();
    CHECK_EQ(backend_frames(story), 0);
    CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    uso_close(uso);
}

TEST(a_datagram_whose_headers_cannot_be_mapped_is_refused)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .body = unmapped_headers });
}

/* XenVif refuses a segment: the first one of a run ends its NBL, a later one is offered again. */
static void xenvif_refuses(struct story *story)
{
    struct uso *uso = uso_open(story);
    struct NET_BUFFER_LIST *nbl;
    uint32_t at;

    for (at = 0; at < 6; at++) {
        vif_refuse_sends(STORY_STAND_IN(story), at, 1);
        nbl = uso_start(uso, &plain);
        CHECK(raw_wait(uso->watch->raw, SECOND / 5)); /* the watchdog would look after two seconds */
        vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
        if (at == 0) {
            CHECK_STATUS(nbl->Status, NDIS_STATUS_RESOURCES);
            CHECK_EQ(backend_frames(story), 0);
        } else {
            CHECK_STATUS(nbl->Status, SUCCESS);
            CHECK_EQ(uso_expect(uso, &plain), 5);
        }
    }
    uso_close(uso);
}

/* Simulated, since it waits for seconds. */
static void on_each_version(void (*body)(struct story *story), const char *const *set)
{
    for (uint32_t version = 8; version <= 10; version++) {
        for (uint32_t seed = 0; seed < 6; seed++) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed() + seed,
                                            .windows = "10-22h2",
                                            .vif_version = version,
                                            .set = set,
                                            .wire_depth = 4096,
                                            .body = body });
        }
    }
}

TEST(a_segment_that_xenvif_refuses_is_offered_again)
{
    on_each_version(xenvif_refuses, NULL);
}

/* The adapter pauses while sends wait for buffers: what was not made is given up, all of it comes back. */
static void paused(struct story *story)
{
    enum { MANY = 6 };
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    struct NET_BUFFER_LIST *nbls[MANY];
    uint32_t i, whole = 0;

    send.shape.payload = 60000;
    netback_stall(story->bed.netback, 0, SECOND / 2);
    for (i = 0; i < MANY; i++) {
        send.mss = i == MANY - 1 ? 0 : 500;
        send.shape.payload = send.mss == 0 ? 400 : 60000;
        nbls[i] = uso_start(uso, &send);
    }
    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK(raw_wait(uso->watch->raw, 0));
    for (i = 0; i < MANY; i++) {
        whole += nbls[i]->Status == SUCCESS;
        CHECK(nbls[i]->Status == SUCCESS || IS(nbls[i]->Status, NDIS_STATUS_PAUSED) ||
              IS(nbls[i]->Status, NDIS_STATUS_SEND_ABORTED));
    }
    CHECK(whole < MANY);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    (void)backend_frames(story);
    CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    uso_close(uso);
}

TEST(a_pause_gives_up_what_waits)
{
    static const char *const small[] = { "SegmentBuffers=64", NULL };

    on_each_version(paused, small);
}

/* XenVif begins to send with every 65th segment and the last one. */
static void segment_runs(struct story *story)
{
    static const uint32_t counts[] = { 2, 64, 65, 66, 130, 131 };
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    struct vif_counters before, after;

    send.mss = 100;
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        send.shape.payload = counts[i] * send.mss;
        vif_counters(STORY_STAND_IN(story), &before);
        CHECK_STATUS(uso_send(uso, &send), SUCCESS);
        vif_counters(STORY_STAND_IN(story), &after);
        CHECK_EQ(after.tx_calls_without_more - before.tx_calls_without_more, (counts[i] + 64) / 65);
        CHECK_EQ(uso_expect(uso, &send), counts[i]);
    }
    uso_close(uso);
}

TEST(a_run_of_segments_is_begun_with_every_65th_and_the_last)
{
    on_each_version(segment_runs, NULL);
}

/* XenVif takes no segment at all for a moment, just behind a run that it has begun to send: nothing pends on that one,
 * and the rest of its NBL is given up. */
static void refused_behind_a_run(struct story *story)
{
    enum { RUN = 65, SEGMENTS = 70 };
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    struct NET_BUFFER_LIST *nbl;

    send.shape.payload = SEGMENTS * 100;
    send.mss = 100;
    vif_refuse_sends(STORY_STAND_IN(story), RUN, 1);
    nbl = uso_start(uso, &send);
    CHECK(raw_wait(uso->watch->raw, SECOND / 5));
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    CHECK_STATUS(nbl->Status, NDIS_STATUS_RESOURCES);
    CHECK_EQ(backend_frames(story), RUN);
    CHECK_STATUS(uso_send(uso, &send), SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), SEGMENTS);
    uso_close(uso);
}

TEST(no_more_than_a_run_of_segments_waits_behind_a_refused_one)
{
    on_each_version(refused_behind_a_run, NULL);
}

/* A pause offers the last segment once more, which sends all of them. Then nothing waits in a ring, and an RSS table
 * may change. */
static void paused_in_time(struct story *story)
{
    struct uso *uso = uso_open(story);
    struct NET_BUFFER_LIST *nbl;
    struct rss_set set;

    vif_refuse_sends(STORY_STAND_IN(story), 4, 1);
    nbl = uso_start(uso, &plain);
    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK(raw_wait(uso->watch->raw, 0));
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    CHECK_STATUS(nbl->Status, SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    rss_fill(&set, 16, QUEUES, RSS_ALL_TYPES);
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), SUCCESS);
    uso_close(uso);
}

TEST(a_pause_offers_a_refused_segment_once_more)
{
    for (uint32_t version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .needs = STORY_NEEDS_RSS,
                                        .windows = "10-22h2",
                                        .vif_version = version,
                                        .queues = QUEUES,
                                        .body = paused_in_time });
    }
}

/* None was forgotten: idle ones are given back all at once. */
static void check_given_back(uint64_t before)
{
    sched_sleep(40 * SECOND);
    CHECK(pool_used() < before + 4096);
}

/* XenVif has refused one that others pend on, for good: a pause ends that. With VIF 8 it waits until XenVif takes that
 * one, as 20 looks later; else it disables VIF over the others, which nobody has begun to send. */
static void paused_refused(struct story *story)
{
    const bool may_be_disabled = story_version(story->plan) != 8;
    struct uso *uso = uso_open(story);
    const uint64_t used = pool_used();
    struct NET_BUFFER_LIST *nbl;
    uint64_t before;
    uint32_t took;

    vif_refuse_sends(STORY_STAND_IN(story), 3, may_be_disabled ? 1000 : 20);
    nbl = uso_start(uso, &plain);
    before = sched_now();
    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    took = (uint32_t)((sched_now() - before) / 1000000);
    if (may_be_disabled ? took >= 10000 : took <= 1000) {
        test_fail(__FILE__, __LINE__, "a pause of VIF %u takes %u ms", story_version(story->plan), took);
    }
    CHECK(raw_wait(uso->watch->raw, 0));
    CHECK(nbl->Status != SUCCESS);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    (void)backend_frames(story);
    CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    check_given_back(used);
    uso_close(uso);
}

TEST(a_pause_gives_up_what_xenvif_refuses)
{
    on_each_version(paused_refused, NULL);
}

/* The same, for good, and the backend goes: a pause ends that with every version. */
static void paused_without_backend(struct story *story)
{
    struct uso *uso = uso_open(story);
    const uint64_t used = pool_used();
    struct NET_BUFFER_LIST *nbl, *behind;

    vif_refuse_sends(STORY_STAND_IN(story), 3, UINT32_MAX);
    nbl = uso_start(uso, &plain);
    behind = uso_start(uso, &plain);
    backend_leaves(story);
    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK(raw_wait(uso->watch->raw, 0));
    CHECK(nbl->Status != SUCCESS && behind->Status != SUCCESS);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    check_given_back(used);
    uso_close(uso);
}

TEST(a_pause_gives_up_what_xenvif_refuses_without_a_backend)
{
    on_each_version(paused_without_backend, NULL);
}

/* No memory for buffers: the NBL fails, and the next one has them. */
static void no_memory(struct story *story)
{
    struct uso *uso = uso_open(story);

    fail_at(1);
    CHECK_STATUS(status_of(uso, uso_make(uso, &plain)), NDIS_STATUS_RESOURCES);
    fail_disarm();
    CHECK_EQ(backend_frames(story), 0);
    CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    uso_close(uso);
}

TEST(without_memory_for_buffers_a_send_fails)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .body = no_memory });
}

/* A segment in more pieces than there are buffers for. */
static void too_many_pieces(struct story *story)
{
    enum { PIECES = 62 };
    struct uso *uso = uso_open(story);
    struct uso_send send = plain;
    uint32_t cuts[PIECES], i;

    send.shape.payload = 2 * 30 + 1000;
    for (i = 0; i < PIECES; i++) {
        cuts[i] = i == 0 ? 42 : i == PIECES - 1 ? send.shape.payload - 2 * (PIECES - 2) : 2;
    }
    send.cuts = cuts;
    send.cut_count = PIECES;
    CHECK_STATUS(uso_send(uso, &send), SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), 2);
    uso_close(uso);
}

TEST(a_segment_may_lie_in_many_pieces)
{
    static const char *const small[] = { "SegmentBuffers=64", NULL };

    story_everywhere(&(struct story_plan){ .windows = "10-22h2", .set = small, .quiet = true, .body = too_many_pieces },
                     2);
}

/* The pool grows with use and is gone when nothing was cut for a while. */
static void shrinks(struct story *story)
{
    struct uso *uso = uso_open(story);
    uint64_t before = pool_used(), used = 0;

    for (uint32_t i = 0; i < 3; i++) { /* and again */
        CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
        CHECK_EQ(uso_expect(uso, &plain), 5);
        used = pool_used();
        CHECK(used > before + 64 * 128);
        sched_sleep(9 * SECOND);
        CHECK(pool_used() > before + 64 * 128);
        sched_sleep(30 * SECOND);
        CHECK(pool_used() < before + 4096);
    }
    CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    story_count("%u bytes for buffers while they are in use, none 30 s later", (uint32_t)(used - before));
    uso_close(uso);
}

TEST(buffers_are_given_back_when_they_are_idle)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .body = shrinks });
}
