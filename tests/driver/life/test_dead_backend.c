/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What NDIS asks for while the backend does not answer, is late, or is not there: removal, disable, shutdown, pause and
 * restart end within ten seconds on every release of XenVif that can, an ordinary pause costs nothing, and a device
 * that is gone is left alone.
 */
#include "ndis/adapter/adapter.h"
#include "nt/sync/thread.h"
#include "story_backend.h"
#include "story_rss.h"
#include "xenvif/state.h"

#define NOT_ACCEPTED ((int32_t)NDIS_STATUS_NOT_ACCEPTED)

enum { SENDS = 60, MAX_SECONDS = 10, COME_BACK_SECONDS = 40 };

/* --- a backend that is dead, in one of two ways --- */

enum death { SILENT, GONE };

static void die(struct story *story)
{
    if (*(const enum death *)story->plan->detail == SILENT) {
        backend_goes_silent(story);
    } else {
        backend_leaves(story);
    }
}

static void remove_device(struct story *story)
{
    adapter_surprise_remove(story->bed.adapter);
}

static void pause_adapter(struct story *story)
{
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
}

static void disable_device(struct story *story)
{
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    adapter_halt(story->bed.adapter, NdisHaltDeviceDisabled);
}

static void shut_down(struct story *story)
{
    adapter_shutdown(story->bed.adapter);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS); /* of those that were out, each comes back after all */
}

/* How long each takes, in ms: 20 short naps, then long ones of 250 until none of 35, or the first, has brought a send
 * back; XenVif's Disable gives up after 100. A backend that is gone is seen behind the short ones. */
static const struct {
    const char *name;
    void (*happen)(struct story *story);
    uint32_t silent, gone;
} events[] = {
    { "surprise removal", remove_device, 550, 200 },
    { "pause", pause_adapter, 9050, 200 },
    { "disable", disable_device, 9050, 200 },
    { "shutdown", shut_down, 550, 200 },
};

static uint32_t event, sends;

static void ends_in_time(struct story *story)
{
    const bool silent = *(const enum death *)story->plan->detail == SILENT;
    struct watch *watch = watch_open(story);
    uint32_t expected = silent ? events[event].silent : events[event].gone, took;
    uint64_t before;

    die(story);
    backend_send_many(watch, sends, NULL);
    before = sched_now();
    events[event].happen(story);
    took = (uint32_t)((sched_now() - before) / 1000000);
    if (story_xenvif() != NULL && took == expected + 1) { /* its own code takes time, too */
        took = expected;
    }
    CHECK_EQ(took, expected);
    CHECK(raw_wait(watch->raw, 0));
    watch_close(watch);
}

static void each_event(enum death death, uint32_t needs)
{
    for (uint32_t i = 0; i < 2 * sizeof(events) / sizeof(events[0]); i++) {
        event = i / 2;
        sends = i % 2 == 0 || death == GONE ? SENDS : 1;
        story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                                .seed = test_seed(),
                                                .detail = &death,
                                                .edge_buffers = 32,
                                                .needs = needs,
                                                .loose_grants = true,
                                                .body = ends_in_time });
    }
}

TEST(removal_pause_disable_and_shutdown_end_at_a_silent_backend)
{
    each_event(SILENT, STORY_NEEDS_DISABLE);
}

TEST(a_pause_ends_at_a_silent_backend_with_either_newer_version_of_vif)
{
    static const enum death silent = SILENT;

    sends = SENDS;
    event = 1;
    for (uint32_t version = 9; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .vif_version = version,
                                        .detail = &silent,
                                        .edge_buffers = 32,
                                        .needs = STORY_NEEDS_DISABLE | STORY_NEEDS_VIF9,
                                        .loose_grants = true,
                                        .body = ends_in_time });
    }
}

TEST(removal_pause_disable_and_shutdown_end_without_a_backend)
{
    each_event(GONE, 0);
}

/* Protocols wait for their sends after the event and before the miniport hears of anything else. */
static void event_alone(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t before;

    backend_goes_silent(story);
    backend_send_many(watch, SENDS, NULL);
    before = sched_now();
    adapter_surprise_event(story->bed.adapter);
    CHECK(raw_wait(watch->raw, MAX_SECONDS * SECOND));
    story_count("after the event alone %u sends are back after %u ms", SENDS,
                (uint32_t)((sched_now() - before) / 1000000));
    watch_close(watch);
}

TEST(the_event_of_a_surprise_removal_brings_every_send_back)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .needs = STORY_NEEDS_DISABLE,
                                            .loose_grants = true,
                                            .body = event_alone });
}

/* --- a backend that is late --- */

static void pause_under_load(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[SENDS];
    struct watch *watch = watch_open(story);
    uint32_t failed = 0, i;

    netback_stall(story->bed.netback, 0, 5 * SECOND);
    backend_send_many(watch, SENDS, nbls);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    for (i = 0; i < SENDS; i++) {
        failed += nbls[i]->Status != SUCCESS;
    }
    CHECK_EQ(failed, 0);
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), SENDS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    backend_works(story, watch, 1);
    CHECK(!backend_serves_no_more(story));
    watch_close(watch);
}

TEST(a_pause_under_load_waits_for_what_is_out)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = pause_under_load });
}

/* 50 frames a second: the pause takes as long as the queue does. */
static void pause_with_a_queue(struct story *story)
{
    enum { QUEUED = 700 };
    static struct NET_BUFFER_LIST *nbls[QUEUED];
    struct watch *watch = watch_open(story);
    uint32_t failed = 0, i;

    backend_send_many(watch, QUEUED, nbls);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    for (i = 0; i < QUEUED; i++) {
        failed += nbls[i]->Status != SUCCESS;
    }
    CHECK_EQ(failed, 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK(!backend_serves_no_more(story));
    watch_close(watch);
}

TEST(a_pause_waits_as_long_as_sends_come_back)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .backend_rate = BACKEND_SEND_BYTES * 8 * 50 / 1000,
                                            .loose_grants = true,
                                            .body = pause_with_a_queue });
}

static void falls_silent(void *argument)
{
    sched_sleep(11 * SECOND / 10);
    backend_goes_silent(argument);
}

/* Some sends come back, the others never will: the long naps are counted from the one in which the last came. */
static void pause_until_silent(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t before = sched_now();
    struct task *task;

    backend_send_many(watch, 700, NULL);
    task = task_spawn("silence", 0, falls_silent, story);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ((uint32_t)((sched_now() - before) / 1000000), 200 + 4 * 250 + 35 * 250 + 100);
    task_join(task);
    CHECK(raw_wait(watch->raw, 0));
    watch_close(watch);
}

TEST(a_pause_waits_anew_after_each_send_that_comes_back)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .needs = STORY_NEEDS_DISABLE,
                                            .backend_rate = BACKEND_SEND_BYTES * 8 * 50 / 1000,
                                            .loose_grants = true,
                                            .body = pause_until_silent });
}

/* A frame every 1.6 s, and more of them than a pause may take. */
static void pause_of_a_trickle(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t before = sched_now();

    backend_send_many(watch, 200, NULL);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ((uint32_t)((sched_now() - before) / 1000000), 200 + 480 * 250 + 100);
    CHECK(raw_wait(watch->raw, 0));
    watch_close(watch);
}

TEST(a_pause_takes_two_minutes_at_most)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .needs = STORY_NEEDS_DISABLE,
                                            .backend_rate = 1,
                                            .loose_grants = true,
                                            .body = pause_of_a_trickle });
}

/* OID_PNP_SET_POWER to an adapter that was not paused before, while a protocol keeps a received packet: the request
 * ends with every send back, as before any low power state. */
static void sleep_under_load(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[SENDS];
    struct watch *watch = watch_open(story);
    uint32_t state = NdisDeviceStateD3;

    backend_packet_is_kept(story);
    netback_stall(story->bed.netback, 0, 5 * SECOND);
    backend_send_many(watch, SENDS, nbls);
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
    CHECK(raw_wait(watch->raw, 0));
    for (uint32_t i = 0; i < SENDS; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 1);
    state = NdisDeviceStateD0;
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), SENDS);
    backend_works(story, watch, 1);
    edge_hold_received(story->bed.edge, false);
    watch_close(watch);
}

TEST(low_power_waits_for_what_is_out_whatever_a_protocol_keeps)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = sleep_under_load });
}

/* The same with nothing kept: XenVif is disabled before the device sleeps. */
static void sleep_alone(struct story *story)
{
    struct watch *watch = watch_open(story);

    for (uint32_t state = NdisDeviceStateD1; state <= NdisDeviceStateD3; state++) {
        uint32_t on = NdisDeviceStateD0;

        CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
        CHECK(!STORY_STAND_IN(story)->subscriber.enabled);
        CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &on, sizeof(on)), SUCCESS);
        CHECK(STORY_STAND_IN(story)->subscriber.enabled);
        backend_works(story, watch, 1);
    }
    watch_close(watch);
}

TEST(xenvif_is_disabled_in_low_power_although_nobody_paused_the_adapter)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 32, .loose_grants = true, .body = sleep_alone });
}

/* --- RSS --- */

/* Whether anybody noticed before, or not. What was asked for meanwhile is in force where a backend comes. */
static void rss_without_backend(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;
    uint64_t before;

    rss_fill(&set, 128, story->queues, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    backend_leaves(story);
    if (sched_random(2) == 0) {
        /* What comes back before the watchdog has looked twice leaves it asleep until the next send. */
        for (int tries = 0; tries < 10 && !story_link_is_down(story); tries++) {
            backend_send_many(watch, 8, NULL);
            CHECK(raw_wait(watch->raw, 30ull * SECOND));
            sched_sleep(SECOND);
        }
        CHECK(story_link_is_down(story));
    }
    before = sched_now();
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    rss_fill(&set, 16, story->queues, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    CHECK(sched_now() - before < SECOND / 10);
    CHECK(story_until(story, story_link_is_down, 1));
    if (story_release(story->plan)->reconnects) {
        backend_comes(story, story->queues, 0);
        backend_works(story, watch, 60);
        rss_expect(watch, &rss_vectors[0], true, &set, 16, 0);
    }
    watch_close(watch);
}

TEST(rss_is_set_without_a_backend_and_waits_for_none)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .needs = STORY_NEEDS_RSS,
                                            .seed = test_seed(),
                                            .queues = 2,
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = rss_without_backend });
}

/* --- a device that is gone --- */

static void check_left_alone(struct story *story, struct watch *watch)
{
    static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 1, 2, 3 };
    struct NET_BUFFER_LIST *nbl;
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED, connected;
    uint16_t asked = STORY_STAND_IN(story)->control.last_id;
    struct rss_set set;
    uint64_t before = sched_now();

    rss_fill(&set, 128, 4, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), NOT_ACCEPTED);
    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), NOT_ACCEPTED);
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, group, sizeof(group)), NOT_ACCEPTED);
    CHECK_EQ(oid_get(story, OID_GEN_MEDIA_CONNECT_STATUS, &connected, sizeof(connected)), NOT_ACCEPTED);
    nbl = backend_send(watch, 1, 0);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK_EQ(nbl->Status, NOT_ACCEPTED);
    CHECK(sched_now() - before < SECOND / 10);
    CHECK_EQ(STORY_STAND_IN(story)->control.last_id, asked); /* nothing went over the control ring */
}

static void gone_after_removal(struct story *story)
{
    struct watch *watch = watch_open(story);

    backend_goes_silent(story);
    adapter_surprise_event(story->bed.adapter);
    check_left_alone(story, watch);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    watch_close(watch);
}

static void gone_after_shutdown(struct story *story)
{
    struct watch *watch = watch_open(story);

    adapter_shutdown(story->bed.adapter);
    check_left_alone(story, watch);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    watch_close(watch);
}

static void gone_before_restart(struct story *story)
{
    struct watch *watch = watch_open(story);

    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    adapter_surprise_event(story->bed.adapter);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK(!STORY_STAND_IN(story)->subscriber.enabled);
    check_left_alone(story, watch);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    watch_close(watch);
}

TEST(a_device_that_is_gone_is_left_alone)
{
    void (*const stories[])(struct story *story) = { gone_after_removal, gone_after_shutdown, gone_before_restart };

    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .queues = 4,
                                        .edge_buffers = 32,
                                        .loose_grants = true,
                                        .body = stories[i] });
    }
}

/* --- a backend that is not there at a restart --- */

static void restart_without_backend(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl;
    uint64_t before;

    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    backend_leaves(story);
    before = sched_now();
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK(sched_now() - before <= MAX_SECONDS * SECOND);
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateDisconnected);
    nbl = backend_send(watch, 0, 0);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK(nbl->Status != SUCCESS);
    sched_sleep(20 * SECOND);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS); /* once more, still without one */
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    if (story_release(story->plan)->reconnects) {
        backend_comes(story, story->queues, 0);
        backend_works(story, watch, COME_BACK_SECONDS);
        CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    }
    watch_close(watch);
}

TEST(an_adapter_comes_up_without_a_backend_and_works_when_there_is_one)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = restart_without_backend });
}

/* --- the link at a restart --- */

static void link_of_restarts(struct story *story)
{
    enum { RESTARTS = 20 };
    struct watch *watch = watch_open(story);

    for (uint32_t i = 0; i < RESTARTS; i++) {
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    }
    CHECK_EQ(watch_statuses(watch, NDIS_STATUS_LINK_STATE), 0);
    CHECK(STORY_STAND_IN(story)->subscriber.mac_count != 0);
    watch_close(watch);
}

/* In simulated runs MAC_STATE_CHANGE comes before Enable returns now and then. */
TEST(a_link_change_reported_before_enable_returns_is_no_change)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = link_of_restarts }, 10);
}

struct disabling {
    struct story *story;
    const struct nt_thread *thread; /* that holds XenVif's lock in Disable */
    uint64_t affinity;              /* of it then */
    bool stop;
};

static void look_into_disable(void *argument)
{
    struct disabling *look = argument;

    while (!__atomic_load_n(&look->stop, __ATOMIC_ACQUIRE)) {
        const struct task *task = __atomic_load_n(&STORY_STAND_IN(look->story)->subscriber.exclusive, __ATOMIC_RELAXED);

        if (task != NULL && task->nt != NULL) {
            look->thread = task->nt;
            look->affinity = look->thread->affinity;
        }
        sched_sleep(SECOND / 10000);
    }
}

/* What NDIS gets there comes from a DPC of the processor on which XenVif holds its lock. */
static void stays_while_disabling(struct story *story)
{
    struct disabling look = { .story = story };
    struct watch *watch = watch_open(story);
    struct task *task;

    netback_stall(story->bed.netback, 0, SCHED_FOREVER);
    (void)backend_send(watch, 0, 0);
    task = task_spawn("look", 1, look_into_disable, &look);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    __atomic_store_n(&look.stop, true, __ATOMIC_RELEASE);
    task_join(task);
    CHECK(look.thread != NULL);
    CHECK_EQ(__builtin_popcountll(look.affinity), 1);
    netback_stall(story->bed.netback, 0, 0);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    CHECK(raw_wait(watch->raw, SECOND));
    watch_close(watch);
}

TEST(a_thread_that_disables_xenvif_stays_on_its_processor)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .needs = STORY_NEEDS_DISABLE | STORY_NEEDS_VIF9,
                                    .edge_buffers = 8,
                                    .loose_grants = true,
                                    .body = stays_while_disabling });
}
