/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MPE_Ethernet: every send completes within seconds, whatever the backend does: when it goes and does not come back,
 * when it says nothing any more, when one of its queues stands still, when NDIS resets the adapter meanwhile. A backend
 * that is only slow is left alone. Afterwards the adapter works as before.
 */
#include "netback/internal.h"
#include "story_watch.h"
#include "wire/port_internal.h"

#define SECOND 1000000000ull

enum { SENDS = 60, BYTES = 200, COME_BACK = 60 };

/* Virtual time is exact; a machine that runs something else too only has to get there. */
#define MAX_SECONDS (sched_kind() == SCHED_LIVE ? 60u : 12u)

/* --- a wire that takes its time --- */

struct slow_port {
    struct port port;
    struct port *inside;
    uint64_t delay; /* ns for each frame */
    uint32_t stuck; /* of queue 1: 1 as long as it is */
};

static struct port *inside(const struct port *port)
{
    return ((const struct slow_port *)port)->inside;
}

static bool slow_wait(struct port *port, uint32_t queue)
{
    return port_wait(inside(port), queue);
}
static uint32_t slow_receive(struct port *port, uint32_t queue, struct frame *frame)
{
    return port_try_receive(inside(port), queue, frame);
}
static int slow_features(struct port *port, const struct port_features *features)
{
    return port_set_features(inside(port), features);
}
static int slow_queues(struct port *port, uint32_t queues)
{
    return port_set_queues(inside(port), queues);
}
static void slow_interrupt(struct port *port, uint32_t queue)
{
    port_interrupt(inside(port), queue);
}
static void slow_stop(struct port *port)
{
    port_stop(inside(port));
}
static void slow_destroy(struct port *port)
{
    (void)port;
}

static int slow_send(struct port *port, uint32_t queue, const struct frame *frame)
{
    struct slow_port *slow = (struct slow_port *)port;
    uint32_t word = 0;

    while (queue == 1 && __atomic_load_n(&slow->stuck, __ATOMIC_ACQUIRE) != 0) {
        (void)sched_wait(&slow->stuck, 1, SCHED_FOREVER);
    }
    if (slow->delay != 0) {
        (void)sched_wait(&word, 0, sched_now() + slow->delay);
    }
    return port_send(slow->inside, queue, frame);
}

static void slow_counters(const struct port *port, uint32_t queue, struct port_counters *counters)
{
    inside(port)->ops->counters(inside(port), queue, counters);
}

static const struct port_ops slow_ops = { slow_wait,      slow_receive, slow_send,    slow_features, slow_queues,
                                          slow_interrupt, slow_stop,    slow_destroy, slow_counters };

/* --- what the stories share --- */

/* The frontend has taken its rings down: another backend will not mistake them for its own. */
static bool is_alone(struct story *story)
{
    uint32_t state = XenbusStateConnected;

    (void)xen_store_scanf(story->bed.guest, 0, "device/vif/0/state", "%u", &state);
    return state != XenbusStateConnected && state != XenbusStateClosing;
}

static void backend_leaves(struct story *story)
{
    netback_destroy(story->bed.netback);
    story->bed.netback = NULL;
    CHECK(story_until(story, is_alone, MAX_SECONDS));
}

static void backend_comes(struct story *story, struct port *port)
{
    struct netback_options options = {
        .vif = story->bed.vif_config, .queues = story->queues, .mtu = 1500, .speed_mbps = 10000
    };

    story->bed.netback = netback_create(story->bed.dom0, port, &options);
    CHECK(story->bed.netback != NULL);
}

static struct NET_BUFFER_LIST *send_one(struct watch *watch, uint32_t number, uint32_t hash)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[BYTES];

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, number);
    raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)hash;
    nbl->NetBufferListInfo[NetBufferListHashInfo] = (void *)(uintptr_t)(NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
    raw_send(watch->raw, nbl, 0, false);
    return nbl;
}

/* Sends; how long the last took to come back, in ms. */
static uint32_t send_all(struct watch *watch, uint32_t hash)
{
    uint64_t before = sched_now();
    uint32_t i;

    for (i = 0; i < SENDS; i++) {
        send_one(watch, i, hash);
    }
    CHECK(raw_wait(watch->raw, MAX_SECONDS * SECOND));
    return (uint32_t)((sched_now() - before) / 1000000);
}

/* The adapter sends again. */
static void wait_for_sends(struct watch *watch)
{
    uint64_t deadline = sched_now() + COME_BACK * SECOND;
    struct NET_BUFFER_LIST *nbl;

    do {
        story_rest();
        nbl = send_one(watch, 0, 0);
        CHECK(raw_wait(watch->raw, MAX_SECONDS * SECOND));
        if (nbl->Status != SUCCESS) {
            uint32_t word = 0;

            (void)sched_wait(&word, 0, sched_now() + SECOND / 10);
        }
    } while (nbl->Status != SUCCESS && sched_now() < deadline);
    CHECK_EQ(nbl->Status, SUCCESS);
    raw_free_all(watch->raw);
}

/* And what it sends arrives. */
static void wait_for_work(struct story *story, struct watch *watch)
{
    uint32_t length = 0, tries;
    uint8_t bytes[2048];

    wait_for_sends(watch);
    for (tries = 0; tries < 30 && length == 0; tries++) {
        length = wire_collect(story, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
    }
    CHECK_EQ(length, BYTES);
    while (wire_collect(story, bytes, sizeof(bytes), &(struct frame_offload){ 0 }) != 0) {
    }
    story_send(story, 0, 20, 4);
    story_inject(story, 0, 20);
    story_check_from(story, 0, 0);
}

struct found {
    const char *what;
    uint32_t count;
};

static void look(void *context, const char *line)
{
    struct found *found = context;

    found->count += strstr(line, found->what) != NULL;
}

/* Entries in the event log about sends that were aborted. */
static uint32_t recoveries(void)
{
    struct found found = { .what = "TIMEOUT" };

    ndis_event_log(look, &found);
    return found.count;
}

static bool has_recovered(struct story *story)
{
    (void)story;
    return recoveries() != 0;
}

static bool has_recovered_twice(struct story *story)
{
    (void)story;
    return recoveries() >= 2;
}

/* --- the stories --- */

static void away_for_long(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t first, later;

    CHECK_EQ(recoveries(), 0);
    backend_leaves(story);
    first = send_all(watch, 0);
    raw_free_all(watch->raw);
    later = send_all(watch, 0); /* refused while there is nobody to take them */
    CHECK(story_until(story, has_recovered, MAX_SECONDS));
    raw_free_all(watch->raw);
    backend_comes(story, story->wire);
    wait_for_work(story, watch);
    story_count("backend away: %u sends back after %u ms, %u more after %u ms", SENDS, first, SENDS, later);
    watch_close(watch);
}

TEST(every_send_completes_when_there_is_no_backend_at_all)
{
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + version,
                                        .vif_version = version,
                                        .edge_buffers = 32,
                                        .tell = away_for_long });
    }
    story_run(
        &(struct story_plan){ .kind = SCHED_LIVE, .seed = test_seed(), .edge_buffers = 32, .tell = away_for_long });
}

static void says_nothing(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t first, again;

    netback_fatal(story->bed.netback, "the test asks for it"); /* as Linux: Connected, and answers nothing any more */
    first = send_all(watch, 0);
    CHECK(story_until(story, has_recovered, MAX_SECONDS)); /* before that sends are refused at once */
    again = send_all(watch, 0);
    CHECK(story_until(story, has_recovered_twice, MAX_SECONDS));
    raw_free_all(watch->raw);
    backend_leaves(story);
    backend_comes(story, story->wire);
    wait_for_work(story, watch);
    story_count("backend silent: %u sends back after %u ms, %u more after %u ms", SENDS, first, SENDS, again);
    watch_close(watch);
}

TEST(every_send_completes_when_the_backend_is_silent)
{
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + version,
                                        .vif_version = version,
                                        .edge_buffers = 32,
                                        .tell = says_nothing });
    }
    story_run(
        &(struct story_plan){ .kind = SCHED_LIVE, .seed = test_seed(), .edge_buffers = 32, .tell = says_nothing });
}

/* Always some sends out, for longer than the watchdog waits, none of them for so long. */
static void takes_its_time(struct story *story)
{
    enum { ROUNDS = 60, BURST = 10 };
    static struct NET_BUFFER_LIST *nbls[ROUNDS * BURST];
    struct slow_port slow = { .port = { &slow_ops, story->queues }, .inside = story->wire, .delay = SECOND / 50 };
    struct watch *watch = watch_open(story);
    uint32_t i, failed = 0, idle = 0, word = 0;
    uint64_t before = sched_now();

    backend_leaves(story);
    backend_comes(story, &slow.port);
    CHECK(netback_wait_connected(story->bed.netback, true, 5 * SECOND));
    for (i = 0; i < ROUNDS * BURST; i++) {
        nbls[i] = send_one(watch, i, 0);
        if (i % BURST == BURST - 1) {
            (void)sched_wait(&word, 0, sched_now() + SECOND / 50 * BURST * 3 / 4);
            idle += raw_completed(watch->raw) == i + 1;
        }
    }
    CHECK_EQ(idle, 0);
    CHECK(raw_wait(watch->raw, MAX_SECONDS * SECOND));
    for (i = 0; i < ROUNDS * BURST; i++) {
        failed += nbls[i]->Status != SUCCESS;
    }
    CHECK_EQ(failed, 0);
    CHECK_EQ(recoveries(), 0);
    raw_free_all(watch->raw);
    story_count("slow backend: %u sends within %u ms, none aborted", ROUNDS * BURST,
                (uint32_t)((sched_now() - before) / 1000000));
    backend_leaves(story);
    backend_comes(story, story->wire);
    watch_close(watch);
}

TEST(a_backend_that_is_only_slow_is_left_alone)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 32, .tell = takes_its_time });
}

/* Traffic on queue 0 all the time: progress there says nothing about queue 1. */
static void one_queue_stuck(struct story *story)
{
    struct slow_port slow = { .port = { &slow_ops, story->queues }, .inside = story->wire, .stuck = 1 };
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl;
    uint64_t before;
    uint32_t word = 0, others = 0, took;

    backend_leaves(story);
    backend_comes(story, &slow.port);
    CHECK(netback_wait_connected(story->bed.netback, true, 5 * SECOND));
    wait_for_sends(watch);
    before = sched_now();
    nbl = send_one(watch, 0, 1); /* the table's second entry: queue 1 */
    while (!raw_done(nbl) && sched_now() < before + MAX_SECONDS * SECOND) {
        send_one(watch, 0, 0);
        others++;
        (void)sched_wait(&word, 0, sched_now() + SECOND / 10);
    }
    CHECK(raw_done(nbl));
    took = (uint32_t)((sched_now() - before) / 1000000);
    CHECK_STATUS(nbl->Status, NDIS_STATUS_SEND_ABORTED);
    CHECK(raw_wait(watch->raw, MAX_SECONDS * SECOND));
    CHECK_EQ(recoveries(), 1);
    __atomic_store_n(&slow.stuck, 0, __ATOMIC_RELEASE);
    sched_wake(&slow.stuck, 1);
    raw_free_all(watch->raw);
    backend_leaves(story);
    backend_comes(story, story->wire);
    wait_for_work(story, watch);
    story_count("one queue stuck: its send back after %u ms, beside %u on the other queue", took, others);
    watch_close(watch);
}

TEST(a_send_on_a_queue_that_stands_still_completes_beside_traffic_on_another)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .queues = 2,
                                    .edge_buffers = 32,
                                    .loose_grants = true,
                                    .tell = one_queue_stuck });
}

static void reset(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t i;

    CHECK(!adapter_check_for_hang(story->bed.adapter));
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS); /* with nothing out */
    netback_fatal(story->bed.netback, "the test asks for it");
    for (i = 0; i < SENDS; i++) {
        send_one(watch, i, 0);
    }
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS);
    CHECK(raw_wait(watch->raw, SECOND)); /* NDIS 6.30: no send outlives a reset */
    raw_free_all(watch->raw);
    backend_leaves(story);
    CHECK_EQ(adapter_reset(story->bed.adapter),
             (int32_t)NDIS_STATUS_SOFT_ERRORS); /* nothing to be enabled at the moment */
    backend_comes(story, story->wire);
    wait_for_work(story, watch);
    story_count("reset: idle, with %u sends at a silent backend, without a backend", SENDS);
    watch_close(watch);
}

/* Before NDIS 6.83. */
TEST(a_reset_brings_every_send_back)
{
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + version,
                                        .vif_version = version,
                                        .edge_buffers = 32,
                                        .windows = "10-1809",
                                        .tell = reset });
    }
}
