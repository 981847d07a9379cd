/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host whose control ring is silent when a migration comes to it, and nothing that would wake the watchdog there or
 * show it that XenVif runs: a machine that slept meanwhile and sends nothing, packets that come while NBLs are scarce.
 * Also one that fell silent before the end of the device. test_queues has what such a host does to flows.
 */
#include "ndis/adapter/adapter.h"
#include "nt/memory/mdl.h"
#include "story_backend.h"
#include "story_rss.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

enum { BYTES = 100 };

/* Requests are given up there; to the other releases they last for ever. */
static const char *const releases[] = { "strict", "main" };

static void on_releases_that_give_up(const struct story_plan *plan)
{
    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        struct story_plan turn = *plan;

        turn.kind = SCHED_SIMULATED;
        turn.seed = test_seed() + i;
        turn.xenvif_like = releases[i];
        turn.edge_buffers = 16;
        turn.loose_grants = true;
        story_run(&turn);
    }
}

static void migrate(struct story *story)
{
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 5 * SECOND));
}

static void counts_no_answer(void *context, const char *line)
{
    *(uint32_t *)context += strstr(line, " (9): ") != NULL;
}

static uint32_t no_answers(void)
{
    uint32_t reports = 0;

    ndis_event_log(counts_no_answer, &reports);
    return reports;
}

static void answers_late(void *argument)
{
    struct story *story = argument;

    sched_sleep(7 * SECOND);
    netback_silence_control(story->bed.netback, false);
}

/* The driver's request is given up after five seconds, XenVif's own one is answered: XenVif runs. */
static void migrate_to_late_host(struct story *story)
{
    struct task *task;

    netback_silence_control(story->bed.netback, true);
    task = task_spawn("late", 0, answers_late, story);
    migrate(story);
    task_join(task);
}

/* --- asleep --- */

static void put_power(struct story *story, uint32_t state)
{
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
}

static void falls_asleep(void *argument)
{
    put_power(argument, NdisDeviceStateD3);
}

/* A protocol keeps a packet, so that VIF stays enabled over a low power state that waits for a send; the migration
 * comes before that is back. Awake again, the adapter has nothing to send; the host answers by now. */
static void asleep(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct task *task;

    backend_packet_is_kept(story);
    netback_stall(story->bed.netback, 0, 3 * SECOND);
    (void)backend_send(watch, 0, 0);
    task = task_spawn("power", 0, falls_asleep, story);
    sched_sleep(SECOND);
    migrate_to_late_host(story);
    task_join(task);
    CHECK(raw_wait(watch->raw, 10 * SECOND));
    sched_sleep(10 * SECOND); /* the watchdog has nothing to look at in a machine that sleeps */
    edge_hold_received(story->bed.edge, false);
    put_power(story, NdisDeviceStateD0);
    sched_sleep(10 * SECOND);
    CHECK_EQ(no_answers(), 0); /* the driver has asked again, and XenVif was not enabled anew, which has requests out */
    (void)backend_frames(story);
    backend_works(story, watch, 1);
    watch_close(watch);
}

TEST(a_host_that_fell_silent_before_low_power_is_asked_again_after_it)
{
    on_releases_that_give_up(&(struct story_plan){ .queues = 1, .body = asleep });
}

/* VIF stayed enabled for the packet that is kept; the device that is gone is not asked whether it has migrated. */
static void removed_while_asleep(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint16_t asked;
    uint64_t before;

    backend_packet_is_kept(story);
    put_power(story, NdisDeviceStateD3);
    netback_silence_control(story->bed.netback, true);
    adapter_surprise_event(story->bed.adapter);
    asked = STORY_STAND_IN(story)->control.last_id;
    before = sched_now();
    put_power(story, NdisDeviceStateD0);
    CHECK(sched_now() - before < SECOND / 10);
    CHECK_EQ(STORY_STAND_IN(story)->control.last_id, asked);
    edge_hold_received(story->bed.edge, false);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 0);
    watch_close(watch);
}

TEST(a_device_that_is_removed_in_low_power_is_not_asked_in_d0)
{
    on_releases_that_give_up(&(struct story_plan){ .queues = 1, .body = removed_while_asleep });
}

/* What the backend was not told yet nobody needs any more: a request would keep XenVif's lock from who disables it. */
static void told_after_shutdown(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;
    uint16_t asked;

    netback_silence_control(story->bed.netback, true);
    rss_fill(&set, 16, story->queues, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), (int32_t)NDIS_STATUS_FAILURE);
    adapter_shutdown(story->bed.adapter);
    asked = STORY_STAND_IN(story)->control.last_id;
    vif_tell_mac(STORY_STAND_IN(story));
    CHECK_EQ(STORY_STAND_IN(story)->control.last_id, asked);
    watch_close(watch);
}

TEST(a_silent_host_is_not_asked_again_after_the_end_of_the_device)
{
    on_releases_that_give_up(&(struct story_plan){ .queues = 2, .body = told_after_shutdown });
}

/* --- a pause --- */

/* A protocol keeps a packet, for which the watchdog leaves the adapter as it is. The host is one that answers late, and
 * then brings no send back: the pause gives it four long naps. */
static void paused(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint64_t before;

    backend_packet_is_kept(story);
    migrate_to_late_host(story);
    netback_stall(story->bed.netback, 0, 60 * SECOND);
    (void)backend_send(watch, 0, 0);
    CHECK(!raw_wait(watch->raw, SECOND / 10));
    edge_hold_received(story->bed.edge, false);
    before = sched_now();
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ((uint32_t)((sched_now() - before) / 1000000), 200 + 4 * 250 + 100);
    CHECK(raw_wait(watch->raw, 0));
    watch_close(watch);
}

TEST(a_pause_at_a_host_that_answered_late_waits_for_four_long_naps)
{
    on_releases_that_give_up(
        &(struct story_plan){ .stand_in = "main runs at such a host without an answer", .queues = 1, .body = paused });
}

/* --- scarce NBLs --- */

static uint64_t injected;

static bool injected_back(struct story *story)
{
    (void)story;
    return vif_inject_returned() == injected;
}

/* As many packets on NBLs of the reserve, which come back at once, as on those that a protocol keeps. */
static void half_of_them_scarce(struct story *story, struct MDL *mdl)
{
    struct adapter_counters before, now;
    uint64_t packets, scarce;
    uint8_t old;

    adapter_counters(story->bed.adapter, &before);
    processor_pin(0);
    old = irql_raise(DISPATCH_LEVEL); /* the edge keeps what it gets until a DPC runs, and no DPC makes NBLs */
    do {
        vif_inject(STORY_STAND_IN(story), 0, &(struct vif_inject){ .mdl = mdl, .length = BYTES });
        injected++;
        adapter_counters(story->bed.adapter, &now);
        packets = now.rx_packets - before.rx_packets;
        scarce = now.rx_low_resources - before.rx_low_resources;
    } while (scarce == 0 || 2 * scarce != packets);
    irql_lower(old);
    CHECK(story_until(story, injected_back, 6)); /* some stay with the protocol for seconds */
}

/* XenVif runs, as its packets show. */
static void scarce(struct story *story)
{
    static uint8_t bytes[BYTES];
    struct watch *watch = watch_open(story);
    struct MDL *mdl = mdl_create(bytes, BYTES);

    frame_plain(bytes, BYTES, story_guest_mac, story_peer_mac, 0);
    migrate_to_late_host(story);
    for (uint32_t i = 0; i < 10; i++) {
        sched_sleep(SECOND / 2); /* no look of the watchdog falls between the packets of a round */
        half_of_them_scarce(story, mdl);
    }
    CHECK_EQ(watch_statuses(watch, NDIS_STATUS_LINK_STATE), 0);
    CHECK_EQ(no_answers(), 0);
    watch_close(watch);
    mdl_free(mdl);
}

TEST(packets_on_scarce_nbls_show_that_xenvif_runs)
{
    static const char *const few[] = { "*ReceiveBuffers=256", NULL };

    on_releases_that_give_up(
        &(struct story_plan){ .queues = 1, .set = few, .prepare = story_inject_start, .body = scarce });
}
