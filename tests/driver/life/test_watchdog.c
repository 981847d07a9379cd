/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends at a backend that is slow, stands still, says nothing any more, goes, and comes back; resets that NDIS asks
 * for. What moves is left alone, however long it takes. What stands still at a connected backend is reported and not
 * aborted: disabling XenVif would cost the device. What a backend had that is gone is aborted within seconds.
 */
#include "nt/trace/etw.h"
#include "story_backend.h"

#include <stdio.h>

enum { SENDS = 60, ABORTED_SECONDS = 12, COME_BACK_SECONDS = 60, REPORTED_SECONDS = 24, MAX_TRIES = 64 };

/* In real time others of this machine want their share. */
static uint32_t patient(uint32_t most)
{
    return sched_kind() == SCHED_LIVE ? 5 * most : most;
}

/* How long the sends took to come back, in ms. */
static uint32_t send_all(struct watch *watch)
{
    uint64_t before = sched_now();

    backend_send_many(watch, SENDS, NULL);
    CHECK(raw_wait(watch->raw, patient(ABORTED_SECONDS) * SECOND));
    return (uint32_t)((sched_now() - before) / 1000000);
}

/* The event's numbers, as people read them: interface, sends that were out, how often, whether XenVif works. */
static void names_sends(void *context, const char *line)
{
    const char *numbers = strstr(line, " (8): 2, ");
    uint32_t sends, times, works;
    int size = 0;

    *(bool *)context |= numbers != NULL &&
                        sscanf(numbers, " (8): 2, %u, %u, %u%n", &sends, &times, &works, &size) == 3 && sends != 0 &&
                        sends <= SENDS && times == 1 && works == 0 && numbers[size] == '\0';
}

static bool has_recovered(struct story *story)
{
    (void)story;
    return backend_recoveries() != 0;
}

static void away_for_long(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *refused;
    uint32_t first, later;
    bool named = false;

    CHECK_EQ(backend_recoveries(), 0);
    backend_leaves(story);
    first = send_all(watch);
    if (!story_until(story, has_recovered, patient(ABORTED_SECONDS))) {
        test_fail(__FILE__, __LINE__, "%u sends came back after %u ms, and no recovery was reported", SENDS, first);
    }
    ndis_event_log(names_sends, &named);
    CHECK(named);
    CHECK(story_until(story, story_link_is_down, patient(1)));
    raw_free_all(watch->raw);
    later = send_all(watch); /* refused while there is nobody to take them */
    CHECK(later < patient(1000));
    refused = backend_send(watch, 0, 0);
    CHECK(raw_wait(watch->raw, patient(1) * SECOND));
    CHECK_STATUS(refused->Status, NDIS_STATUS_RESET_IN_PROGRESS);
    CHECK_EQ(backend_stalls(), 0);
    if (story_release(story->plan)->reconnects) {
        backend_comes(story, story->queues, 0);
        backend_works(story, watch, COME_BACK_SECONDS);
        CHECK(story_link_is_up(story));
    }
    story_count("backend away: %u sends back after %u ms, %u more after %u ms", SENDS, first, SENDS, later);
    watch_close(watch);
}

TEST(every_send_completes_when_there_is_no_backend_at_all)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = away_for_long });
    for (uint32_t version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + version,
                                        .vif_version = version,
                                        .edge_buffers = 32,
                                        .body = away_for_long });
    }
    story_run(
        &(struct story_plan){ .kind = SCHED_LIVE, .seed = test_seed(), .edge_buffers = 32, .body = away_for_long });
}

static void says_nothing(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t before;

    backend_goes_silent(story);
    sched_sleep(SECOND); /* what it was at is through */
    backend_send_many(watch, SENDS, NULL);
    sched_sleep(REPORTED_SECONDS * SECOND);
    CHECK_EQ(backend_stalls(), 1);
    CHECK_EQ(story_logged(" (5): 2, 60, 60, 12, 1"), 1); /* of the oldest, out, for so many seconds, the first time */
    CHECK_EQ(story_counter(story, "SendStalls"), 1);
    sched_sleep(60 * SECOND);
    CHECK_EQ(raw_completed(watch->raw), 0); /* they are XenVif's, and it may not be disabled */
    CHECK_EQ(backend_recoveries(), 0);
    CHECK_EQ(backend_stalls(), 1);
    before = sched_now();
    backend_leaves(story);
    CHECK(raw_wait(watch->raw, ABORTED_SECONDS * SECOND));
    story_count("backend silent: a stall reported; %u sends back %u ms after it was gone", SENDS,
                (uint32_t)((sched_now() - before) / 1000000));
    raw_free_all(watch->raw);
    if (story_release(story->plan)->reconnects) {
        backend_comes(story, story->queues, 0);
        backend_works(story, watch, COME_BACK_SECONDS);
    }
    watch_close(watch);
}

TEST(a_silent_backend_is_reported_and_its_sends_come_back_when_it_is_gone)
{
    story_on_releases(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 32, .loose_grants = true, .body = says_nothing });
}

/* Each stall counts; the first, second, fourth, eighth ... is in the event log. */
static void stalls_again(struct story *story)
{
    static const uint32_t logged[] = { 1, 2, 2, 3, 3, 3, 3, 4 };
    struct watch *watch = watch_open(story);

    for (uint32_t i = 0; i < sizeof(logged) / sizeof(logged[0]); i++) {
        netback_stall(story->bed.netback, 0, SCHED_FOREVER);
        (void)backend_send(watch, i, 0);
        sched_sleep(REPORTED_SECONDS * SECOND);
        CHECK_EQ(story_counter(story, "SendStalls"), i + 1);
        CHECK_EQ(backend_stalls(), logged[i]);
        netback_stall(story->bed.netback, 0, 0);
        CHECK(raw_wait(watch->raw, 4 * SECOND));
        sched_sleep(4 * SECOND);
    }
    CHECK_EQ(story_logged(" (5): 2, 1, 1, 12, 8"), 1);
    raw_free_all(watch->raw);
    watch_close(watch);
}

TEST(a_backend_that_stalls_again_and_again_is_logged_ever_less_often)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 32, .loose_grants = true, .body = stalls_again });
}

/* With nothing out the watchdog sleeps: nobody asks XenVif anything. */
static void check_sleeps(struct story *story)
{
    sched_sleep(8 * SECOND); /* it may look twice or so before */
    vif_leave_alone(STORY_STAND_IN(story), true);
    sched_sleep(60 * SECOND);
    vif_leave_alone(STORY_STAND_IN(story), false);
}

static void idle(struct story *story)
{
    struct watch *watch = watch_open(story);

    check_sleeps(story);
    (void)send_all(watch);
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), SENDS);
    check_sleeps(story);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    check_sleeps(story);
    CHECK_EQ(bed_migrate(&story->bed), 0); /* the second one is counted as another */
    (void)send_all(watch);
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), SENDS);
    check_sleeps(story);
    CHECK_STATUS(adapter_reset(story->bed.adapter), SUCCESS);
    check_sleeps(story);
    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    check_sleeps(story);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    check_sleeps(story);
    netback_stall(story->bed.netback, 0, REPORTED_SECONDS * SECOND);
    (void)backend_send(watch, 0, 0);
    CHECK(raw_wait(watch->raw, 2 * REPORTED_SECONDS * SECOND));
    raw_free_all(watch->raw);
    check_sleeps(story);
    CHECK_STATUS(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    check_sleeps(story);
    CHECK_STATUS(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    check_sleeps(story);
    CHECK_EQ(backend_recoveries(), 0);
    watch_close(watch);
}

TEST(an_idle_adapter_asks_xenvif_nothing)
{
    for (uint32_t queues = 1; queues <= 2; queues++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .queues = queues,
                                        .edge_buffers = 32,
                                        .loose_grants = true,
                                        .windows = "10-1809",
                                        .body = idle });
    }
}

struct tries {
    uint32_t count;
    uint64_t begun[MAX_TRIES], over[MAX_TRIES]; /* Enable waits in between */
    uint64_t stopped;                           /* the adapter ran before */
};

static void notes_try(void *context, const struct etw_event *event)
{
    struct tries *tries = context;
    char text[256];

    CHECK(etw_describe(event, text, sizeof(text)));
    CHECK(tries->count < MAX_TRIES);
    if (strstr(text, "XenNet State Adapter=2 From=4 To=5") != NULL) {
        tries->stopped = event->time;
    } else if (strstr(text, "XenNet State Adapter=2 From=2 To=3") != NULL) {
        tries->begun[tries->count] = event->time;
    } else if (strstr(text, "XenNet State Adapter=2 From=3 To=2") != NULL) {
        tries->over[tries->count++] = event->time;
    }
}

static void check_waited(const struct tries *tries, uint32_t which, uint64_t since, uint32_t expected)
{
    const uint32_t waited = (uint32_t)((tries->begun[which] - since) / 1000000);

    if (waited != expected) {
        test_fail(__FILE__, __LINE__, "try %u came after %u ms, not %u", which, waited, expected);
    }
}

/* XenVif is tried when the backend has been gone at two looks, and again 2, 4, 8, 16 and 32 s later; from then on every
 * 32 s. A restart begins anew. */
static void away_for_minutes(struct story *story)
{
    static const uint32_t waits[] = { 2000, 4000, 8000, 16000, 32000, 32000, 32000 };
    enum { WAITS = sizeof(waits) / sizeof(waits[0]) };
    struct watch *watch = watch_open(story);
    struct tries tries = { 0 };
    uint64_t sent;
    uint32_t i;

    backend_leaves(story);
    sent = sched_now();
    (void)send_all(watch);
    sched_sleep(200 * SECOND);
    etw_each(notes_try, &tries);
    CHECK(tries.count > WAITS);
    CHECK_EQ((uint32_t)((tries.stopped - sent) / 1000000), 8000); /* fourth look: oldest age, then gone twice */
    for (i = 0; i < WAITS; i++) {
        check_waited(&tries, i + 1, tries.over[i], waits[i]);
    }
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    tries.count = 0;
    etw_each(notes_try, &tries);
    i = tries.count; /* the restart's own */
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    sched_sleep(200 * SECOND);
    tries.count = 0;
    etw_each(notes_try, &tries);
    CHECK(tries.count > i + WAITS);
    for (uint32_t k = 0; k < WAITS; k++) {
        check_waited(&tries, i + 1 + k, tries.over[i + k], waits[k]);
    }
    watch_close(watch);
}

TEST(a_backend_that_stays_away_is_looked_for_ever_less_often)
{
    etw_enable(true, 0, 0);
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = away_for_minutes });
    etw_enable(false, 0, 0);
}

/* Fifty frames a second for a minute, and always a queue of thirty seconds before them. */
static void takes_its_time(struct story *story)
{
    enum { ALL = 3000, AHEAD = 1500 };
    static struct NET_BUFFER_LIST *nbls[ALL];
    struct watch *watch = watch_open(story);
    uint64_t before = sched_now();
    uint32_t sent = 0, failed = 0, i;

    while (sent < ALL) {
        while (sent < ALL && sent - raw_completed(watch->raw) < AHEAD) {
            nbls[sent] = backend_send(watch, sent, 0);
            sent++;
        }
        sched_sleep(SECOND / 10);
        backend_frames_now(story);
    }
    CHECK(raw_wait(watch->raw, 2 * AHEAD / 50 * SECOND));
    for (i = 0; i < ALL; i++) {
        failed += nbls[i]->Status != SUCCESS;
    }
    story_count("50 frames a second, %u queued: %u sends in %u s, %u failed, %u recoveries, %u stalls", AHEAD, ALL,
                (uint32_t)((sched_now() - before) / SECOND), failed, backend_recoveries(), backend_stalls());
    CHECK(sched_now() - before >= 59 * SECOND);
    CHECK_EQ(failed, 0);
    CHECK_EQ(backend_recoveries() + backend_stalls(), 0);
    watch_close(watch);
}

TEST(a_backend_that_is_only_slow_is_left_alone)
{
    /* 200 bytes 50 times a second */
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .backend_rate = BACKEND_SEND_BYTES * 8 * 50 / 1000,
                                            .loose_grants = true,
                                            .body = takes_its_time });
}

/* Linux's netback keeps packets for a neighbour that does not take them, for ten seconds, and then drops them. */
static void neighbour_stalls(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[SENDS];
    struct watch *watch = watch_open(story);
    uint32_t failed = 0, i;

    netback_stall(story->bed.netback, 0, 10 * SECOND);
    backend_send_many(watch, SENDS, nbls);
    CHECK(raw_wait(watch->raw, 11 * SECOND));
    for (i = 0; i < SENDS; i++) {
        failed += nbls[i]->Status != SUCCESS;
    }
    CHECK_EQ(failed, 0);
    CHECK_EQ(backend_recoveries() + backend_stalls(), 0);
    raw_free_all(watch->raw);
    CHECK(backend_frames(story) >= SENDS);
    backend_works(story, watch, 1);
    watch_close(watch);
}

TEST(a_neighbour_that_takes_nothing_for_ten_seconds_costs_nothing)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .body = neighbour_stalls });
}

/* Traffic on queue 0 all the time, always with another number of sends out: its progress must not hide that queue 1
 * stands still, and queue 1 must not cost it. */
static void one_queue_stuck(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl;
    uint64_t before = sched_now();
    uint32_t others = 0, arrived = 0, round, i;

    netback_stall(story->bed.netback, 1, SCHED_FOREVER);
    nbl = backend_send(watch, 0, 1); /* the table's second entry: queue 1 */
    for (round = 0; sched_now() < before + REPORTED_SECONDS * SECOND; round++) {
        for (i = 0; i < round % 7; i++, others++) {
            (void)backend_send(watch, 0, 0);
        }
        sched_sleep(SECOND / 10);
        arrived += backend_frames_now(story);
    }
    CHECK(raw_completed(watch->raw) + 10 >= others);
    CHECK(!raw_done(nbl));
    CHECK_EQ(backend_stalls(), 1);
    CHECK_EQ(backend_recoveries(), 0);
    netback_stall(story->bed.netback, 1, 0);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK_EQ(nbl->Status, SUCCESS);
    story_count("one queue stuck for %u s: its send succeeded in the end, and %u on the other queue meanwhile",
                REPORTED_SECONDS, others);
    raw_free_all(watch->raw);
    CHECK_EQ(arrived + backend_frames(story), others + 1);
    watch_close(watch);
}

TEST(a_queue_that_stands_still_beside_another_that_moves_is_reported)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_RSS, /* a table that names the second queue */
                                    .seed = test_seed(),
                                    .queues = 2,
                                    .edge_buffers = 32,
                                    .backend_rate = BACKEND_SEND_BYTES * 8 * 50 / 1000,
                                    .loose_grants = true,
                                    .body = one_queue_stuck });
}

/* A protocol keeps one received packet, for an application that does not read. What comes and goes meanwhile must not
 * wait for it. */
static void held_while_away(struct story *story)
{
    struct watch *watch = watch_open(story);

    backend_packet_is_kept(story);
    backend_leaves(story);
    backend_send_many(watch, SENDS, NULL);
    CHECK(story_until(story, story_link_is_down, ABORTED_SECONDS));
    CHECK_EQ(backend_recoveries(), 0);
    backend_comes(story, story->queues, 0);
    backend_works(story, watch, COME_BACK_SECONDS);
    CHECK(story_until(story, story_link_is_up, COME_BACK_SECONDS));
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 1);
    edge_hold_received(story->bed.edge, false);
    watch_close(watch);
}

TEST(a_received_packet_that_a_protocol_holds_stops_nothing)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 32,
                                    .needs = STORY_NEEDS_RECONNECT,
                                    .loose_grants = true,
                                    .body = held_while_away });
}

/* --- resets, before NDIS 6.83 --- */

static void reset_while_slow(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[SENDS];
    struct watch *watch = watch_open(story);
    uint32_t failed = 0, i;

    CHECK(!adapter_check_for_hang(story->bed.adapter));
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS); /* with nothing out */
    netback_stall(story->bed.netback, 0, 2 * SECOND);
    backend_send_many(watch, SENDS, nbls);
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS);
    CHECK(raw_wait(watch->raw, SECOND)); /* NDIS 6.30: no send outlives a reset */
    for (i = 0; i < SENDS; i++) {
        failed += nbls[i]->Status != SUCCESS;
    }
    CHECK_EQ(failed, 0);
    raw_free_all(watch->raw);
    CHECK(backend_frames(story) >= SENDS);
    backend_works(story, watch, 1);
    watch_close(watch);
}

TEST(a_reset_waits_for_sends_that_come_back)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .loose_grants = true,
                                            .windows = "10-1809",
                                            .body = reset_while_slow });
}

static void reset_while_silent(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t before = sched_now();

    backend_goes_silent(story);
    backend_send_many(watch, SENDS, NULL);
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS);
    CHECK_EQ((uint32_t)((sched_now() - before) / 1000000), 9250); /* as a pause, and the short naps once more */
    CHECK(raw_wait(watch->raw, SECOND));
    raw_free_all(watch->raw);
    backend_leaves(story);
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS); /* nothing is out */
    backend_send_many(watch, SENDS, NULL);
    CHECK_EQ(adapter_reset(story->bed.adapter),
             (int32_t)NDIS_STATUS_SOFT_ERRORS); /* nothing to be enabled at the moment */
    CHECK(raw_wait(watch->raw, SECOND));
    if (story_release(story->plan)->reconnects) {
        backend_comes(story, story->queues, 0);
        backend_works(story, watch, COME_BACK_SECONDS);
    }
    watch_close(watch);
}

TEST(a_reset_completes_every_send_at_a_dead_backend)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .needs = STORY_NEEDS_DISABLE,
                                            .loose_grants = true,
                                            .windows = "10-1809",
                                            .body = reset_while_silent });
}

/* NDIS may ask for one after the event of a removal; the device is left alone then. */
static void reset_after_removal(struct story *story)
{
    adapter_surprise_event(story->bed.adapter);
    sched_sleep(SECOND); /* the driver disables VIF, once */
    vif_leave_alone(STORY_STAND_IN(story), true);
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS);
    vif_leave_alone(STORY_STAND_IN(story), false);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
}

TEST(a_reset_after_a_surprise_removal_ends_and_touches_nothing)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 32,
                                    .loose_grants = true,
                                    .windows = "10-1809",
                                    .body = reset_after_removal });
}

static struct {
    int32_t status;
    bool over;
} reset;

static void ask_for_reset(void *argument)
{
    struct story *story = argument;

    reset.status = adapter_reset(story->bed.adapter);
    __atomic_store_n(&reset.over, true, __ATOMIC_RELEASE);
}

/* The send stays with XenVif, which may not be disabled while a protocol keeps what it received. */
static void reset_while_kept(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl;
    struct task *task;

    backend_packet_is_kept(story);
    backend_goes_silent(story);
    (void)backend_send(watch, 0, 0);
    task = task_spawn("reset", 0, ask_for_reset, story);
    sched_sleep(SECOND);
    nbl = backend_send(watch, 1, 0);
    sched_sleep(60 * SECOND);
    CHECK(raw_done(nbl));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_RESET_IN_PROGRESS);
    CHECK(!__atomic_load_n(&reset.over, __ATOMIC_ACQUIRE));
    CHECK_EQ(raw_completed(watch->raw), 1);
    edge_hold_received(story->bed.edge, false);
    sched_sleep(SECOND);
    CHECK(__atomic_load_n(&reset.over, __ATOMIC_ACQUIRE));
    task_join(task);
    CHECK_EQ(reset.status, SUCCESS);
    CHECK(raw_wait(watch->raw, 0));
    watch_close(watch);
}

TEST(a_reset_waits_until_a_protocol_returns_what_it_keeps)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .needs = STORY_NEEDS_DISABLE,
                                            .loose_grants = true,
                                            .windows = "10-1809",
                                            .body = reset_while_kept });
}
