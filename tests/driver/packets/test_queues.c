/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues that XenVif negotiates anew at every connection: more of them or fewer after a migration, and one. Every
 * flow arrives afterwards, whichever queue its hash picked before. On every release of XenVif.
 */
#include <stdlib.h>

#include "../include/counters.h"
#include "netback/netback.h"
#include "nt/processor/topology.h"
#include "story_backend.h"
#include "story_release.h"
#include "story_rss.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

#define SUCCESS NDIS_STATUS_SUCCESS
#define SECOND  1000000000ull

enum { QUEUES = 8, FLOWS = 32, ROUNDS = 1000, ROUNDS_OF_OTHERS = 60, CONNECTIONS = 12, NAP = 200 };

/* Of the releases of XenVif this run is about. */
static bool asked_for(const char *release)
{
    const char *name = getenv("XENNET_XENVIF_LIKE");

    return name == NULL || strcmp(name, release) == 0;
}

/* --- flows --- */

/* What comes out at the wire until each number from `first` on has; what is older is of a time before. */
static void collect_flows(struct story *story, uint32_t first)
{
    bool came[FLOWS] = { false };
    uint32_t left = FLOWS, number, length;
    uint8_t bytes[2048];

    while (left != 0) {
        length = wire_collect(story, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
        if (length == 0) {
            test_fail(__FILE__, __LINE__, "%u of %u flows sent do not come out", left, FLOWS);
        }
        memcpy(&number, bytes + 14, sizeof(number));
        if (length == BACKEND_SEND_BYTES && number >= first && number < first + FLOWS && !came[number - first]) {
            came[number - first] = true;
            left--;
        }
    }
}

static void every_flow_arrives(struct watch *watch, uint32_t first, uint32_t queues)
{
    struct NET_BUFFER_LIST *nbls[FLOWS];
    uint8_t bytes[128];
    uint32_t i;

    for (i = 0; i < FLOWS; i++) {
        nbls[i] = backend_send(watch, first + i, i);
    }
    if (!raw_wait(watch->raw, 10 * SECOND)) {
        test_fail(__FILE__, __LINE__, "sends stay in XenVif, which has %u queues", queues);
    }
    for (i = 0; i < FLOWS; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    raw_free_all(watch->raw);
    collect_flows(watch->story, first);

    watch_forget(watch);
    for (i = 0; i < FLOWS; i++) {
        frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, i);
        wire_inject(watch->story, i % queues, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
    }
    if (!watch_wait(watch, FLOWS)) {
        test_fail(__FILE__, __LINE__, "%u of %u flows on %u queues reached NDIS", watch->count, FLOWS, queues);
    }
}

/* A send leaves on the queue that the table has for its hash. */
static void each_queue_carries_its_share(struct watch *watch)
{
    static uint8_t bytes[2048];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };
    uint32_t queue, i, frames;

    for (i = 0; i < FLOWS; i++) {
        (void)backend_send(watch, i, i);
    }
    CHECK(raw_wait(watch->raw, 10 * SECOND));
    raw_free_all(watch->raw);
    sched_sleep(SECOND);
    for (queue = 0; queue < QUEUES; queue++) {
        for (frames = 0; memory_port_collect(watch->story->wire, queue, &frame, 0) != 0; frames++) {
        }
        CHECK_EQ(frames, FLOWS / QUEUES);
    }
}

/* Traffic both ways that nobody waits for: some of it is on its way when the host changes. */
static void keep_busy(struct watch *watch, uint32_t queues)
{
    uint8_t bytes[128];
    uint32_t i;

    for (i = 0; i < FLOWS; i++) {
        backend_send(watch, UINT32_MAX - i, i);
        frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, i);
        wire_inject(watch->story, i % queues, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
    }
}

static void migrate(struct story *story, uint32_t queues, uint32_t without)
{
    netback_offer(story->bed.netback, queues, without);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 5 * SECOND));
}

/* --- more, fewer, many times --- */

static uint32_t queues_reported(struct story *story)
{
    uint64_t counters[1 + 2 * 64];

    CHECK_EQ(oid_get(story, XENNET_OID_QUEUES, counters, sizeof(counters)), SUCCESS);
    CHECK_EQ(oid_written, (1 + counters[0]) * sizeof(counters[0]));
    return (uint32_t)counters[0] / 2;
}

static void more_queues(struct story *story)
{
    struct watch *watch = watch_open(story);

    CHECK_EQ(queues_reported(story), 1);
    every_flow_arrives(watch, 0, 1);
    migrate(story, QUEUES, 0);
    every_flow_arrives(watch, FLOWS, QUEUES);
    CHECK_EQ(queues_reported(story), QUEUES);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    every_flow_arrives(watch, 2 * FLOWS, QUEUES);
    watch_close(watch);
}

static void plan_on_releases(struct story_plan plan)
{
    plan.kind = SCHED_SIMULATED;
    plan.seed = test_seed();
    plan.edge_buffers = 16;
    plan.loose_grants = true;
    plan.queues = QUEUES;
    story_on_releases(&plan);
}

TEST(queues_that_a_migration_brings_carry_packets)
{
    plan_on_releases((struct story_plan){ .backend_without = 1u << NETBACK_BIT_MULTI_QUEUE, .body = more_queues });
}

static void fewer_queues(struct story *story)
{
    static const uint32_t hosts[] = { 2, 1, 3, QUEUES, 1 };
    struct watch *watch = watch_open(story);
    uint32_t i;

    every_flow_arrives(watch, 0, QUEUES);
    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        migrate(story, hosts[i], 0);
        every_flow_arrives(watch, (i + 1) * FLOWS, hosts[i]);
    }
    watch_close(watch);
}

TEST(with_fewer_queues_no_flow_stays_on_one_that_is_gone)
{
    plan_on_releases((struct story_plan){ .body = fewer_queues });
}

/* NDIS switches RSS off; where it is not offered there is nothing to switch. */
static void switch_off(struct story *story)
{
    struct NDIS_RECEIVE_SCALE_PARAMETERS off;
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    if (!facts.rss) {
        return;
    }
    memset(&off, 0, sizeof(off));
    off.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    off.Header.Revision = 2;
    off.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    off.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_EQ(oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, &off, sizeof(off)), SUCCESS);
}

/* XenVif keeps the table as long as it lives. */
static void off_before(struct story *story)
{
    struct watch *watch = watch_open(story);

    switch_off(story);
    migrate(story, 1, 0);
    every_flow_arrives(watch, 0, 1);
    if (story_release(story->plan)->reconnects) {
        migrate(story, QUEUES, 0);
        backend_leaves(story);
        backend_comes(story, 2, 0);
        sched_sleep(5 * SECOND); /* sends are refused until the driver has seen it */
        every_flow_arrives(watch, FLOWS, 2);
    }
    watch_close(watch);
}

TEST(a_table_of_before_rss_was_switched_off_keeps_no_send)
{
    plan_on_releases((struct story_plan){ .body = off_before });
}

/* Every entry is another processor's. */
static void rss_turn(struct rss_set *set)
{
    const struct PROCESSOR_NUMBER first = set->table[0];

    memmove(&set->table[0], &set->table[1], (QUEUES - 1) * sizeof(set->table[0]));
    set->table[QUEUES - 1] = first;
}

/* To a host without control ring, and back to one that has it. */
static void without_control(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;

    if (oid_listed(story, OID_GEN_RECEIVE_SCALE_PARAMETERS)) {
        rss_fill(&set, QUEUES, QUEUES, RSS_ALL_TYPES);
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    }
    migrate(story, 2, 1u << NETBACK_BIT_CTRL_RING);
    every_flow_arrives(watch, 0, 2);
    if (oid_listed(story, OID_GEN_RECEIVE_SCALE_PARAMETERS)) {
        rss_turn(&set); /* taken, and sent where there is somebody to take it */
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    }
    migrate(story, QUEUES, 0);
    every_flow_arrives(watch, FLOWS, QUEUES);
    for (uint32_t i = 0; i < RSS_VECTORS && oid_listed(story, OID_GEN_RECEIVE_SCALE_PARAMETERS); i++) {
        rss_expect(watch, &rss_vectors[i], true, &set, QUEUES, i % QUEUES);
    }
    watch_close(watch);
}

TEST(a_host_without_control_ring_costs_rss_and_no_packet)
{
    plan_on_releases((struct story_plan){ .needs = STORY_NEEDS_NO_CONTROL, .body = without_control });
}

/* Taken while there is no backend, and so no control ring, and sent to the one that comes. */
static void put_meanwhile(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;

    rss_fill(&set, QUEUES, QUEUES, RSS_ALL_TYPES);
    backend_leaves(story);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    backend_comes(story, QUEUES, 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 5 * SECOND));
    sched_sleep(5 * SECOND);
    for (uint32_t i = 0; i < RSS_VECTORS; i++) {
        rss_expect(watch, &rss_vectors[i], true, &set, QUEUES, i % QUEUES);
    }
    watch_close(watch);
}

TEST(a_table_that_comes_without_a_backend_is_sent_to_the_next_one)
{
    plan_on_releases((struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_RECONNECT, .body = put_meanwhile });
}

/* The table that XenVif has names queues which the backend does not, and it is not enabled with that one. */
static void put_and_fewer_come(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;

    rss_fill(&set, QUEUES, QUEUES, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    backend_leaves(story);
    rss_turn(&set);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    backend_comes(story, 2, 0);
    backend_works(story, watch, 5);
    every_flow_arrives(watch, 0, 2);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    every_flow_arrives(watch, FLOWS, 2);
    watch_close(watch);
}

TEST(a_table_that_comes_without_a_backend_is_sent_to_one_with_fewer_queues)
{
    plan_on_releases(
        (struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_RECONNECT, .body = put_and_fewer_come });
}

/* The host that it wakes up on has no backend for it, and gets one later. */
static void without_backend(struct story *story)
{
    struct watch *watch = watch_open(story);

    backend_leaves(story);
    (void)bed_migrate(&story->bed);
    for (uint32_t i = 0; i < FLOWS; i++) {
        backend_send(watch, UINT32_MAX, i);
        sched_sleep(SECOND / 2);
    }
    backend_comes(story, QUEUES, 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 120 * SECOND));
    CHECK(raw_wait(watch->raw, 10 * SECOND));
    sched_sleep(SECOND);
    every_flow_arrives(watch, FLOWS, QUEUES);
    watch_close(watch);
}

/* XenVif stays enabled without a queue, and divides by their number (FrontendGetQueue). */
TEST(a_host_without_backend_costs_the_packets_sent_there)
{
    plan_on_releases(
        (struct story_plan){ .body = without_backend, .stand_in = "XenVif waits at DISPATCH for one that is to come" });
}

/* The same to an adapter that sends nothing, and receives nothing while XenVif does not run. `detail`: what xenstore
 * says of the backend cannot be read, as another interface there is taken for the adapter's own. */
static void idle_without_backend(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t bytes[128];

    backend_leaves(story);
    (void)bed_migrate(&story->bed);
    if (story->plan->detail != NULL) {
        CHECK_EQ(
            xen_store_printf(story->bed.guest, 0, "device/vif/-other/mac", "%s", (const char *)story->plan->detail), 0);
    }
    sched_sleep(10 * SECOND);
    CHECK(backend_recoveries() != 0);
    backend_comes(story, QUEUES, 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 120 * SECOND));
    CHECK(story_until(story, story_link_is_up, 60)); /* XenVif is tried again every 32 s at the latest */
    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
    wire_inject(story, 0, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
    CHECK(watch_wait(watch, 1));
    every_flow_arrives(watch, FLOWS, QUEUES);
    watch_close(watch);
}

TEST(an_idle_adapter_on_a_host_without_backend_works_once_there_is_one)
{
    plan_on_releases((struct story_plan){ .body = idle_without_backend,
                                          .stand_in = "XenVif waits at DISPATCH for one that is to come" });
}

TEST(a_host_without_backend_is_noticed_where_xenstore_cannot_be_read)
{
    plan_on_releases((struct story_plan){ .body = idle_without_backend,
                                          .stand_in = "XenVif waits at DISPATCH for one that is to come",
                                          .detail = "00:16:3e:5e:00:01" });
}

/* XenVif cannot be enabled there. */
static void needs_control(struct story *story)
{
    struct watch *watch = watch_open(story);

    netback_offer(story->bed.netback, QUEUES, 1u << NETBACK_BIT_CTRL_RING);
    (void)bed_migrate(&story->bed);
    for (uint32_t i = 0; i < FLOWS; i++) {
        backend_send(watch, UINT32_MAX, i);
        sched_sleep(SECOND / 2);
    }
    migrate(story, QUEUES, 0);
    sched_sleep(60 * SECOND); /* sends are refused until the watchdog tries again */
    CHECK(raw_wait(watch->raw, 10 * SECOND));
    every_flow_arrives(watch, FLOWS, QUEUES);
    watch_close(watch);
}

TEST(a_host_that_xenvif_cannot_work_with_costs_the_packets_sent_there)
{
    plan_on_releases((struct story_plan){ .needs = STORY_NEEDS_CONTROL, .body = needs_control });
}

static void pause_adapter(void *argument)
{
    CHECK_EQ(adapter_pause(((struct story *)argument)->bed.adapter), SUCCESS);
}

/* More sends than the rings have room for: some wait in XenVif for a queue, and it has none at the host that it comes
 * to. They come back where it has, also when NDIS pauses the adapter before that. */
static void waits_without_queues(struct story *story)
{
    enum { SENDS = 1000 };
    struct watch *watch = watch_open(story);
    struct task *pause = NULL;

    for (uint32_t queue = 0; queue < QUEUES; queue++) {
        netback_stall(story->bed.netback, queue, SCHED_FOREVER);
    }
    backend_send_many(watch, SENDS, NULL);
    netback_offer(story->bed.netback, QUEUES, 1u << NETBACK_BIT_CTRL_RING);
    (void)bed_migrate(&story->bed);
    sched_sleep(30 * SECOND);
    CHECK(story_xenvif() != NULL || raw_completed(watch->raw) < SENDS); /* an image may have given all of them up */
    backend_send(watch, 0, 0);                                          /* refused, at once */
    if (story->plan->detail != NULL) {
        pause = task_spawn("pause", 0, pause_adapter, story);
        sched_sleep(30 * SECOND);
    }
    for (uint32_t queue = 0; queue < QUEUES; queue++) {
        netback_stall(story->bed.netback, queue, 0);
    }
    migrate(story, QUEUES, 0);
    CHECK(raw_wait(watch->raw, 70 * SECOND));
    if (pause != NULL) {
        task_join(pause);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    }
    CHECK(story_until(story, story_link_is_up, 70)); /* where nothing waited, nothing has waited for it */
    raw_free_all(watch->raw);
    backend_frames(story);
    every_flow_arrives(watch, SENDS, QUEUES);
    watch_close(watch);
}

TEST(sends_that_wait_in_a_xenvif_without_queues_come_back_at_another_host)
{
    plan_on_releases((struct story_plan){ .needs = STORY_NEEDS_CONTROL, .body = waits_without_queues });
}

TEST(a_pause_over_sends_that_wait_in_a_xenvif_without_queues_ends_at_another_host)
{
    plan_on_releases((struct story_plan){ .needs = STORY_NEEDS_CONTROL, .body = waits_without_queues, .detail = "" });
}

static void asleep(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;

    rss_fill(&set, QUEUES, QUEUES, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (uint32_t i = 0; i < 3; i++) { /* the last time it is another table, put meanwhile */
        if (i == 0) {
            CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
            CHECK_EQ(bed_sleep(&story->bed, false, NULL, NULL), 0);
            CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
        } else {
            CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
            if (i == 2) {
                rss_turn(&set);
                CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
            }
            CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        }
        sched_sleep(SECOND); /* XenVif reports the connection in a thread of its own */
        for (uint32_t v = 0; v < RSS_VECTORS; v++) {
            rss_expect(watch, &rss_vectors[v], true, &set, QUEUES, v % QUEUES);
        }
    }
    watch_close(watch);
}

/* XenVif 9.1-r3 does not pass on what it has when it is enabled (__FrontendUpdateHash). */
TEST(receive_side_scaling_outlives_sleep_and_a_pause)
{
    plan_on_releases((struct story_plan){ .needs = STORY_NEEDS_RSS, .body = asleep });
}

static void many(struct story *story)
{
    uint32_t rounds = story->plan->xenvif_like == vif_releases[0].name ? ROUNDS : ROUNDS_OF_OTHERS, round, queues;
    struct watch *watch = watch_open(story);
    uint32_t before = QUEUES;

    for (round = 0; round < rounds; round++) {
        queues = round % (2 * QUEUES) < QUEUES ? round % QUEUES + 1 : QUEUES - round % QUEUES;
        keep_busy(watch, before);
        migrate(story, queues, 0);
        CHECK(raw_wait(watch->raw, 10 * SECOND));
        every_flow_arrives(watch, round * FLOWS, queues);
        before = queues;
    }
    watch_close(watch);
    story_count("%u reconnects between 1 and %u queues under traffic, %u flows each way after each", rounds, QUEUES,
                FLOWS);
}

TEST(a_thousand_reconnects_with_one_to_eight_queues_lose_no_flow)
{
    plan_on_releases((struct story_plan){ .body = many });
}

/* A send of each flow between the moment XenVif takes the number of queues and the driver's table for it. */
static void send_in_between(void *argument)
{
    struct watch *watch = argument;
    struct vif *vif = STORY_STAND_IN(watch->story);

    while (__atomic_load_n(&vif->queues_known, __ATOMIC_ACQUIRE) == QUEUES) {
        sched_sleep(NAP);
    }
    for (uint32_t i = 0; i < FLOWS; i++) {
        backend_send(watch, UINT32_MAX, i);
    }
}

static void between(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct task *task;

    switch_off(story); /* the new backend refuses no table then, and XenVif runs at once */
    backend_leaves(story);
    task = task_spawn("sender", 1, send_in_between, watch);
    backend_comes(story, (uint32_t)(story->plan->seed % 3) + 1, 0);
    task_join(task);
    CHECK(netback_wait_connected(story->bed.netback, true, 5 * SECOND));
    if (!raw_wait(watch->raw, 10 * SECOND)) {
        test_fail(__FILE__, __LINE__, "sends stay on queues that are gone");
    }
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    watch_close(watch);
}

TEST(a_send_before_the_table_of_fewer_queues_comes_back)
{
    for (uint64_t i = 0; i < CONNECTIONS; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .xenvif_like = vif_releases[0].name, /* the one that connects again */
                                        .stand_in = "no XenVif connects again",
                                        .queues = QUEUES,
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .body = between });
    }
}

static void report(void *argument)
{
    vif_tell_mac(STORY_STAND_IN((struct story *)argument));
}

/* A control ring that is not answered any more: one request's time, and traffic goes on. Nor does more time take what
 * is reported while somebody waits for the backend already. */
static void silent_control(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;
    struct task *task;
    uint64_t before;

    netback_silence_control(story->bed.netback, true);
    rss_fill(&set, 16, QUEUES, RSS_ALL_TYPES);
    memset(set.key, 0x55, RSS_KEY);
    before = sched_now();
    CHECK_EQ(rss_put(story, &set, sizeof(set)), (int32_t)NDIS_STATUS_FAILURE);
    CHECK(sched_now() - before < 6 * SECOND);
    every_flow_arrives(watch, 0, QUEUES);
    before = sched_now();
    task = task_spawn("report", 1, report, story);
    sched_sleep(SECOND);
    report(story);
    CHECK(sched_now() - before < 2 * SECOND);
    task_join(task);
    CHECK(sched_now() - before > 4 * SECOND);
    CHECK(sched_now() - before < 6 * SECOND);
    every_flow_arrives(watch, FLOWS, QUEUES);
    netback_silence_control(story->bed.netback, false);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    every_flow_arrives(watch, 2 * FLOWS, QUEUES);
    watch_close(watch);
}

TEST(a_control_ring_that_dies_costs_one_request_and_no_packet)
{
    static const char *const releases[] = { "strict", "main" }; /* the others wait for ever, at DISPATCH_LEVEL */

    for (size_t i = 0; i < 2; i++) {
        if (asked_for(releases[i])) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .xenvif_like = releases[i],
                                            .queues = QUEUES,
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .body = silent_control });
        }
    }
}

/* --- a silent control ring at a migration: XenVif gets no answer, does not run, and looks at nothing any more --- */

struct silence {
    bool rss;
    uint32_t of, queues; /* of the host before, and of the silent one */
    bool sends;          /* while it is silent */
    bool holds;          /* received packets, for which Disable would wait */
};

static void counts_no_answer(void *context, const char *line)
{
    *(uint32_t *)context += strstr(line, " (9): ") != NULL;
}

static void silent_host(struct story *story)
{
    const struct silence *silence = story->plan->detail;
    struct watch *watch = watch_open(story);
    uint32_t reports = 0;
    uint8_t bytes[128];

    if (!silence->rss) {
        switch_off(story);
    }
    every_flow_arrives(watch, 0, silence->of);
    if (silence->holds) {
        edge_hold_received(story->bed.edge, true);
        watch_forget(watch);
        frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 0);
        wire_inject(story, 0, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
        CHECK(watch_wait(watch, 1));
    }
    netback_silence_control(story->bed.netback, true);
    migrate(story, silence->queues, 0);
    if (silence->sends) {
        backend_send(watch, UINT32_MAX, 1);
    }
    sched_sleep(20 * SECOND);
    if (silence->holds) {
        edge_hold_received(story->bed.edge, false);
        sched_sleep(20 * SECOND); /* each request that nobody answers takes five */
    }
    ndis_event_log(counts_no_answer, &reports);
    CHECK(story_xenvif() != NULL || reports != 0); /* main runs without an answer after a migration */
    CHECK(story_xenvif() != NULL || silence->sends || story_logged(" (9): 2, 0, 1, 0") == 1);
    CHECK(raw_wait(watch->raw, SECOND));
    raw_free_all(watch->raw);
    netback_silence_control(story->bed.netback, false);
    sched_sleep(50 * SECOND); /* XenVif is tried again every 32 s at the latest, and each try may take five */
    every_flow_arrives(watch, FLOWS, silence->queues);
    CHECK_EQ(backend_recoveries(), 0);
    watch_close(watch);
}

TEST(a_host_that_was_silent_at_a_migration_is_used_once_it_answers)
{
    static const char *const releases[] = { "strict", "main" }; /* the others wait for ever, at DISPATCH_LEVEL */
    static const struct silence cases[] = {
        { true, QUEUES, 2, false, false },     { true, QUEUES, 2, true, false },
        { true, QUEUES, 1, false, false },     { true, QUEUES, QUEUES, true, false },
        { false, QUEUES, 2, true, false },     { false, QUEUES, QUEUES, false, false },
        { true, QUEUES, QUEUES, false, true }, { true, QUEUES, 2, true, true },
        { false, 1, 1, true, false }
    };

    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        if (asked_for(releases[i % 2])) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed() + i,
                                            .xenvif_like = releases[i % 2],
                                            .queues = cases[i / 2].of,
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .detail = &cases[i / 2],
                                            .body = silent_host });
        }
    }
}

static void answers_late(void *argument)
{
    struct story *story = argument;

    sched_sleep(7 * SECOND);
    netback_silence_control(story->bed.netback, false);
}

/* The driver's own request is given up after five seconds, XenVif's next one is answered: XenVif runs, with sends out
 * for longer than a pause waits, and must not be disabled. */
static void late_host(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbls[FLOWS];
    struct task *task;
    uint32_t reports = 0, i;
    struct rss_set set;
    uint8_t bytes[128];

    rss_fill(&set, QUEUES, QUEUES, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    every_flow_arrives(watch, 0, QUEUES);
    netback_silence_control(story->bed.netback, true);
    task = task_spawn("late", 0, answers_late, story);
    migrate(story, QUEUES, 0);
    task_join(task);
    for (i = 0; i < QUEUES; i++) {
        netback_stall(story->bed.netback, i, 10 * SECOND);
    }
    for (i = 0; i < FLOWS; i++) {
        nbls[i] = backend_send(watch, i, i);
    }
    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 0);
    for (i = 0; i < 10; i++) {
        wire_inject(story, 0, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
        sched_sleep(SECOND);
    }
    CHECK(raw_wait(watch->raw, 10 * SECOND));
    for (i = 0; i < FLOWS; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    CHECK(!backend_serves_no_more(story));
    ndis_event_log(counts_no_answer, &reports);
    CHECK_EQ(reports, 0);
    raw_free_all(watch->raw);
    (void)backend_frames(story);
    every_flow_arrives(watch, FLOWS, QUEUES);
    each_queue_carries_its_share(watch);
    watch_close(watch);
}

TEST(a_host_that_answers_late_at_a_migration_keeps_its_adapter)
{
    static const char *const releases[] = { "strict", "main" };

    for (size_t i = 0; i < 2; i++) {
        if (asked_for(releases[i])) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed() + i,
                                            .xenvif_like = releases[i],
                                            .queues = QUEUES,
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .body = late_host });
        }
    }
}

/* In a low power state that no pause came before, with a packet kept: VIF stays enabled, and nobody notifies the driver
 * of the migration, since SUSPEND is released. `detail`: the host has no control ring, instead of a silent one. */
static void asleep_at_a_migration(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t state = NdisDeviceStateD3;

    every_flow_arrives(watch, 0, QUEUES);
    backend_packet_is_kept(story);
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
    if (story->plan->detail != NULL) {
        netback_offer(story->bed.netback, QUEUES, 1u << NETBACK_BIT_CTRL_RING);
        (void)bed_migrate(&story->bed);
    } else {
        netback_silence_control(story->bed.netback, true);
        migrate(story, QUEUES, 0);
    }
    state = NdisDeviceStateD0;
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
    backend_send(watch, UINT32_MAX, 1);
    sched_sleep(20 * SECOND);
    edge_hold_received(story->bed.edge, false);
    sched_sleep(20 * SECOND);
    CHECK(raw_wait(watch->raw, SECOND));
    raw_free_all(watch->raw);
    if (story->plan->detail != NULL) {
        migrate(story, QUEUES, 0);
    }
    netback_silence_control(story->bed.netback, false);
    sched_sleep(50 * SECOND); /* XenVif is tried again every 32 s at the latest, and each try may take five */
    every_flow_arrives(watch, FLOWS, QUEUES);
    watch_close(watch);
}

TEST(a_migration_in_low_power_with_a_packet_kept_is_noticed_after_it)
{
    static const struct {
        const char *release, *detail;
    } cases[] = { { "strict", NULL }, { "main", NULL }, { "main", "" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (asked_for(cases[i].release)) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed() + i,
                                            .xenvif_like = cases[i].release,
                                            .stand_in = "XenVif uses STORE and SUSPEND, which are released for D3",
                                            .queues = QUEUES,
                                            .edge_buffers = 16,
                                            .loose_grants = true,
                                            .detail = cases[i].detail,
                                            .body = asleep_at_a_migration });
        }
    }
}

/* --- receive side scaling on every release --- */

/* The event's numbers, as people read them: interface, queues, and a status behind them. */
static void has_line(void *context, const char *line)
{
    *(bool *)context |= strstr(line, " (7): 2, 8, 0x") != NULL && strlen(strstr(line, " 0xc")) == strlen(" 0xc00000bb");
}

static void what_is_offered(struct story *story)
{
    bool offered = story->plan->detail != NULL, said = false;
    struct watch *watch = watch_open(story);
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.rss, offered);
    ndis_event_log(has_line, &said);
    CHECK_EQ(said, !offered);
    every_flow_arrives(watch, 0, QUEUES);
    watch_close(watch);
}

TEST(rss_is_offered_where_xenvif_and_the_backend_can_and_the_event_log_has_the_others)
{
    static const struct {
        const char *release;
        bool control, offered;
    } cases[] = {
        { "strict", true, true }, { "strict", false, false }, { "8.2", true, true },      { "8.2", false, false },
        { "9.1", true, false },   { "9.1-r3", true, true },   { "9.1-r3", false, false }, { "main", true, true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct story_plan plan = { .kind = SCHED_SIMULATED,
                                   .seed = test_seed(),
                                   .xenvif_like = cases[i].release,
                                   .queues = QUEUES,
                                   .edge_buffers = 16,
                                   .loose_grants = true,
                                   .backend_without = cases[i].control ? 0 : 1u << NETBACK_BIT_CTRL_RING,
                                   .detail = cases[i].offered ? cases : NULL,
                                   .body = what_is_offered };

        if (asked_for(cases[i].release)) {
            story_run(&plan);
        }
    }
}

/* One processor of each core of two threads: 0, 2, 4, 6 of 8, and 4 queues. */
static void one_of_each_core(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;
    uint32_t used = 0, i;

    rss_fill(&set, 8, 4, RSS_ALL_TYPES);
    for (i = 0; i < 8; i++) {
        set.table[i] = processor_number(i % 4 * 2);
    }
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        uint8_t bytes[256];
        uint32_t length = rss_frame(&rss_vectors[i], true, bytes);

        watch_forget(watch);
        wire_inject(story, i % 4, bytes, length, NULL);
        CHECK(watch_wait(watch, 1));
        CHECK_EQ(watch->seen[0].hash_value, rss_vectors[i].hash_tcp);
        used |= 1u << watch->seen[0].processor;
    }
    /* Those whose index is a queue stay; the others get the queues that are left. */
    CHECK_EQ(used, 0xf);
    for (i = 0; i < RSS_VECTORS; i++) {
        if (set.table[rss_vectors[i].hash_tcp % 8].Number < 4) {
            rss_expect(watch, &rss_vectors[i], true, &set, 8, i % 4);
        }
    }
    watch_close(watch);
}

TEST(where_a_queue_is_a_processors_index_a_table_is_folded_onto_the_queues)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .xenvif_like = "8.2",
                                    .queues = 4,
                                    .processors = 8,
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .body = one_of_each_core });
}

/* Of 4 queues none is taken by an index of its own: the processors get them in the order in which they are named; one
 * that is named again has the queue that it has. */
static void in_order(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;
    uint32_t i;

    rss_fill(&set, 8, 4, RSS_ALL_TYPES);
    for (i = 0; i < 8; i++) {
        set.table[i] = processor_number(4 + (i ^ (i >> 2)) % 4);
    }
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        const uint32_t named = processor_index(&set.table[rss_vectors[i].hash_tcp % 8]);

        rss_expect_on(watch, &rss_vectors[i], true, processor_number(named - 4), i % 4);
    }
    /* Three more than the queues that are left, which is one: that, and then all in turn. */
    for (i = 0; i < 8; i++) {
        set.table[i] = processor_number(i < 3 ? i : 1 + i);
    }
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        static const uint32_t on[8] = { 0, 1, 2, 3, 0, 1, 2, 3 };

        rss_expect_on(watch, &rss_vectors[i], true, processor_number(on[rss_vectors[i].hash_tcp % 8]), i % 4);
    }
    watch_close(watch);
}

TEST(where_a_queue_is_a_processors_index_processors_get_queues_in_the_order_of_the_table)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .xenvif_like = "8.2",
                                    .queues = 4,
                                    .processors = 9,
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .body = in_order });
}

/* Off is off: not Toeplitz with everything on queue 0. */
static void off_spreads(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t counters[1 + 2 * QUEUES], used = 0;
    uint32_t i;

    switch_off(story);
    every_flow_arrives(watch, 0, QUEUES);
    CHECK_EQ(oid_get(story, XENNET_OID_QUEUES, counters, sizeof(counters)), SUCCESS);
    for (i = 0; i < QUEUES; i++) {
        used += counters[1 + 2 * i] != 0;
    }
    CHECK_EQ(used, QUEUES);
    watch_close(watch);
}

TEST(with_rss_off_packets_come_on_the_queue_that_the_backend_chooses)
{
    plan_on_releases((struct story_plan){ .body = off_spreads });
}
