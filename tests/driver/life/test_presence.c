/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power and presence under full traffic: sleep and wake, S3 and S4, surprise removal, disable and enable, rebalance,
 * shutdown, suspend and migration, resets, cancelled requests, link down and up, a backend that goes away.
 */
#include "story_presence.h"
#include "story_release.h"

enum { SECOND = 1000000000 };

static void sleep_and_wake(struct story *story)
{
    uint32_t state = NdisDeviceStateD1 + (uint32_t)sched_random(3);

    CHECK_EQ(adapter_set_power(story->bed.adapter, state), SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
}

/* PM_PowerStateTransition */
TEST(sleep_and_wake_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "D0 to D1, D2 or D3 and back", .happen = sleep_and_wake });
}

/* The whole machine sleeps: all devices go to D3, are switched off, and come back in the other order. */
static void forget_drivers(void *context)
{
    struct story *story = context;

    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
}

static void sleep_machine(struct story *story, bool hibernate)
{
    struct story *second = presence_second(story);

    CHECK_EQ(adapter_set_power(second->bed.adapter, NdisDeviceStateD3), SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    CHECK_EQ(bed_sleep(&second->bed, hibernate, hibernate ? forget_drivers : NULL, story),
             0); /* it wakes on another host */
    CHECK_EQ(bed_sleep(&story->bed, hibernate, NULL, NULL), 0);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    CHECK_EQ(adapter_set_power(second->bed.adapter, NdisDeviceStateD0), SUCCESS);
    CHECK_EQ(presence_driver_lines(story), 1);
}

static void suspend_to_memory(struct story *story)
{
    sleep_machine(story, false);
}

TEST(s3_with_two_adapters_a_thousand_times_under_traffic)
{
    if (story_xenvif() != NULL) {
        test_part_not_run("XenVif's scan thread uses STORE after it was released for D3");
        return;
    }
    presence_tell(
        &(struct presence){ .name = "S3 and back, two adapters", .happen = suspend_to_memory, .second = true });
}

static void suspend_to_disk(struct story *story)
{
    sleep_machine(story, true);
}

TEST(s4_with_two_adapters_a_thousand_times_under_traffic)
{
    if (story_xenvif() != NULL) {
        test_part_not_run("XenVif's scan thread uses STORE after it was released for D3");
        return;
    }
    presence_tell(&(struct presence){ .name = "S4 and back, two adapters", .happen = suspend_to_disk, .second = true });
}

static void pause_and_restart(struct story *story)
{
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
}

/* NDIS pauses and restarts for a rebalance of resources, for each protocol that binds, for each offload change. */
TEST(pause_and_restart_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "pause and restart", .happen = pause_and_restart });
}

static void disable_and_enable(struct story *story)
{
    presence_exchange(story, false);
}

TEST(disable_and_enable_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .exchanges = true, .name = "disable and enable", .happen = disable_and_enable });
}

static void vanish(struct story *story)
{
    presence_exchange(story, true);
}

TEST(surprise_removal_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .exchanges = true, .name = "surprise removal", .happen = vanish });
}

static void migrate(struct story *story)
{
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0); /* the new host's store has no such line */
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK_EQ(presence_driver_lines(story), 1);
}

TEST(suspend_and_migration_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "migration", .happen = migrate });
}

static void migrate_both(struct story *story)
{
    struct story *second = presence_second(story);

    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(bed_migrate(&second->bed), 0);
    CHECK_EQ(presence_driver_lines(story), 1);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK_EQ(presence_driver_lines(story), 1);
}

TEST(migration_with_two_adapters_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "migration, two adapters", .happen = migrate_both, .second = true });
}

/* Resources are dealt anew: the device stops and starts, and protocols leave and come. */
static void rebalance(struct story *story)
{
    presence_close(story);
    adapter_stop(story->bed.adapter);
    CHECK_EQ(adapter_start(story->bed.adapter), SUCCESS);
    presence_open(story);
}

TEST(rebalance_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "stop and start", .happen = rebalance, .exchanges = true });
}

static void shut_down_and_boot(struct story *story)
{
    adapter_shutdown(story->bed.adapter);
    presence_exchange(story, false);
}

TEST(shutdown_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "shutdown and start", .happen = shut_down_and_boot, .exchanges = true });
}

/* Nothing hangs; who resets nevertheless gets the adapter back. Before NDIS 6.83: after that there are no resets. */
static void reset(struct story *story)
{
    CHECK(!adapter_check_for_hang(story->bed.adapter));
    CHECK_EQ(adapter_reset(story->bed.adapter), SUCCESS);
}

TEST(reset_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "reset", .happen = reset, .windows = "10-1809" });
}

static bool link_is(struct story *story, bool up)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return facts.link_up == up;
}

static bool link_is_up(struct story *story)
{
    return link_is(story, true);
}

static bool link_down(struct story *story)
{
    return link_is(story, false);
}

static void flap(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    netback_set_link(story->bed.netback, false);
    CHECK(story_until(story, link_down, 5));
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateDisconnected);
    netback_set_link(story->bed.netback, true);
    CHECK(story_until(story, link_is_up, 5));
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    adapter_facts(story->bed.adapter, &after);
    CHECK_EQ(after.link_changes - before.link_changes, 2); /* once each, in order */
    CHECK_EQ(after.link_speed_tx, before.link_speed_tx);
}

/* LinkCheck */
TEST(link_down_and_up_a_thousand_times_under_traffic)
{
    presence_tell(&(struct presence){ .name = "link down and up", .happen = flap });
}

static void flap_fast(struct story *story)
{
    netback_set_link(story->bed.netback, false);
    netback_set_link(story->bed.netback, true);
    CHECK(story_until(story, link_is_up, 5));
}

TEST(a_link_that_flaps_faster_than_anybody_looks_ends_up)
{
    presence_tell(&(struct presence){ .name = "fast flaps", .happen = flap_fast });
}

static void refused_after(struct story *story, void (*end)(struct adapter *adapter))
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[64];

    story_send(story, 0, 20, 4);
    end(story->bed.adapter);
    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_NOT_ACCEPTED);
    watch_close(watch);
}

static void refuse_after_shutdown(struct story *story)
{
    refused_after(story, adapter_shutdown);
    story_count("shutdown: sends after it are refused, those before it completed");
}

TEST(shutdown_under_traffic_ends_well)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = refuse_after_shutdown }, 30);
}

/* At HIGH_LEVEL, with the machine in whatever state: only what may be called anywhere. NDIS 6.20 calls every miniport
 * then. */
static void stop_at_bugcheck(struct story *story)
{
    refused_after(story, adapter_bugcheck);
    story_count("bug check: the adapter is quiet");
}

TEST(a_bug_check_stops_the_adapter)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .windows = "7", .body = stop_at_bugcheck }, 3);
}

/* MPE_Ethernet: the backend goes away and another comes; every send completes. */
static void backend_goes(struct story *story)
{
    struct netback_options options = {
        .vif = story->bed.vif_config, .queues = story->queues, .mtu = 1500, .speed_mbps = 10000
    };
    struct watch *watch = watch_open(story);
    uint32_t i;

    for (i = 0; i < 200; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
        uint8_t bytes[200];

        if (i == 100) {
            netback_destroy(story->bed.netback);
            story->bed.netback = NULL;
        }
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
    }
    story->bed.netback = netback_create(story->bed.dom0, story->wire, &options);
    CHECK(story->bed.netback != NULL);
    CHECK(
        raw_wait(watch->raw, 10ull * SECOND)); /* what the old one had was completed, what waited goes to the new one */
    raw_free_all(watch->raw);
    story_count("200 sends completed although their backend went away");
    watch_close(watch);
}

TEST(every_send_completes_when_the_backend_is_exchanged)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = backend_goes }, 10);
}

/* The link changes on one processor while the adapter is paused and restarted on another. */
static void flap_link(void *argument)
{
    struct story *story = argument;
    uint32_t i;

    for (i = 0; i < 20; i++) {
        netback_set_link(story->bed.netback, i % 2 != 0);
        story_rest();
    }
}

static void orderly(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct task *flapper = task_spawn("flapper", 1, flap_link, story);
    uint32_t i, last = MediaConnectStateUnknown;

    for (i = 0; i < 10; i++) {
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    }
    task_join(flapper);
    CHECK(story_until(story, link_is_up, 5));
    for (i = 0; i < watch->status_count && i < MAX_WATCH_STATUS; i++) {
        const struct NDIS_LINK_STATE *link = (const void *)watch->statuses[i].bytes;

        if (watch->statuses[i].code == NDIS_STATUS_LINK_STATE) {
            CHECK(link->MediaConnectState != last); /* each change once, never the same twice */
            last = link->MediaConnectState;
        }
    }
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    watch_close(watch);
}

TEST(link_and_state_stay_in_order_over_processors)
{
    uint32_t seeds = test_seeds(40), i;

    for (i = 0; i < seeds; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .queues = 2,
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .body = orderly });
    }
}
