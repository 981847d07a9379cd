/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power and presence under full traffic: sleep and wake, surprise removal, disable and enable, rebalance, shutdown, suspend and
 * migration, link down and up, a backend that goes away. A thousand rounds each in simulation. What is sent while the adapter
 * stands still arrives once; what is on its way when it goes is completed, never lost without a trace and never doubled.
 */
#include "story_watch.h"

#include <stdio.h>
#include <stdlib.h>

#define SUCCESS NDIS_STATUS_SUCCESS

enum { ROUNDS = 1000, ROUNDS_PER_RUN = 50, ROUNDS_LIVE = 5, BURST = 12, SECOND = 1000000000 };

struct presence {
    const char *name;
    void (*happen)(struct story *story);
};

static void send_some(void *argument)
{
    struct story *story = argument;

    story_send(story, 0, BURST, 1 + (uint32_t)sched_random(6));
}

static void inject_some(void *argument)
{
    story_inject(argument, 0, BURST);
}

static uint32_t missing(const struct story_ledger *ledger)
{
    uint32_t lost = 0, i;

    for (i = 0; i < ledger->sent; i++) {
        lost += __atomic_load_n(&ledger->arrived[i], __ATOMIC_ACQUIRE) == 0;
    }
    return lost;
}

/* Ledgers hold so many numbers only: begin anew. */
static void turn_page(struct story *story)
{
    if (story->out.sent + 4 * BURST > STORY_FRAMES_MOST || story->in.sent + 4 * BURST > STORY_FRAMES_MOST) {
        memset(&story->out, 0, sizeof(story->out));
        memset(&story->in, 0, sizeof(story->in));
    }
}

static void traffic_while(struct story *story, void (*happen)(struct story *))
{
    struct task *sender = task_spawn("sender", 0, send_some, story), *injector = task_spawn("injector", 0, inject_some, story);

    happen(story);
    task_join(sender);
    task_join(injector);
}

static void nothing(struct story *story)
{
    (void)story;
}

/* Traffic while nothing happens: all of it arrives, once. */
static void quiet(struct story *story)
{
    uint32_t out = story->out.sent, in = story->in.sent;

    traffic_while(story, nothing);
    story_check_from(story, out, in);
}

static void rounds(struct story *story)
{
    const struct presence *presence = story->plan->detail;
    uint32_t most = sched_kind() == SCHED_LIVE ? ROUNDS_LIVE : ROUNDS_PER_RUN, round;

    for (round = 0; round < most; round++) {
        turn_page(story);
        traffic_while(story, presence->happen);
        CHECK(netback_wait_connected(story->bed.netback, true, 5ull * SECOND));
        quiet(story);
        story_check(&story->out, BURST * (round + 1)); /* none twice; of those under the event some are missing */
        story_check(&story->in, BURST * (round + 1));
    }
    story_count("%s: %u rounds, %u frames, %u dropped by the last events, none doubled, none lost between", presence->name, most, most * 4 * BURST,
                missing(&story->out) + missing(&story->in));
}

static void tell(const struct presence *presence)
{
    uint32_t runs = test_seed_given() ? 1 : ROUNDS / ROUNDS_PER_RUN, i, version;

    for (i = 0; i < runs; i++) {
        uint64_t seed = test_seed() + i;

        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = seed, .vif_version = 8 + (uint32_t)(seed % 3), .queues = 1 + (uint32_t)(seed / 3 % 2),
                                        .edge_buffers = 32, .loose_grants = i != 0, .detail = presence, .quiet = i >= 3, .tell = rounds });
    }
    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_LIVE, .seed = test_seed(), .vif_version = version, .edge_buffers = 32, .detail = presence, .tell = rounds });
    }
}

static void sleep_and_wake(struct story *story)
{
    uint32_t state = NdisDeviceStateD1 + (uint32_t)sched_random(3);

    CHECK_EQ(adapter_set_power(story->bed.adapter, state), SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
}

/* PM_PowerStateTransition */
TEST(sleep_and_wake_a_thousand_times_under_traffic)
{
    tell(&(struct presence){ .name = "D0 to D1, D2 or D3 and back", .happen = sleep_and_wake });
}

static void pause_and_restart(struct story *story)
{
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
}

/* NDIS pauses and restarts for a rebalance of resources, for each protocol that binds, for each offload change. */
TEST(pause_and_restart_a_thousand_times_under_traffic)
{
    tell(&(struct presence){ .name = "pause and restart", .happen = pause_and_restart });
}

/* The device goes and comes: everything of the adapter is taken down and made again. */
static void exchange(struct story *story, bool surprise)
{
    struct bed *bed = &story->bed;
    struct edge_options options = { .memory = bed->guest, .buffers = 32, .queues = story->queues, .frame_size = FRAME_BYTES_MOST,
                                    .receive = story->options.receive, .context = story };
    char error[512];

    if (surprise) {
        adapter_surprise_remove(bed->adapter);
    }
    edge_close(bed->edge);
    bed->edge = NULL;
    adapter_remove(bed->adapter);
    bed->adapter = adapter_add(bed->driver, vif_pdo(bed->vif), bed->package, error, sizeof(error));
    if (bed->adapter == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not come back: %s", error);
    }
    CHECK_EQ(adapter_restart(bed->adapter), SUCCESS);
    bed->edge = edge_open(bed->adapter, &options, error, sizeof(error));
    if (bed->edge == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not open again: %s", error);
    }
}

/* The edge's sender must be out of it before the edge goes; frames from the wire keep coming all the time. */
static void exchange_rounds(struct story *story)
{
    const struct presence *presence = story->plan->detail;
    uint32_t most = sched_kind() == SCHED_LIVE ? ROUNDS_LIVE : ROUNDS_PER_RUN, round;

    for (round = 0; round < most; round++) {
        struct task *injector;

        turn_page(story);
        injector = task_spawn("injector", 0, inject_some, story);
        send_some(story); /* on its way still when the adapter goes */
        presence->happen(story);
        task_join(injector);
        CHECK(netback_wait_connected(story->bed.netback, true, 5ull * SECOND));
        quiet(story);
        story_check(&story->out, BURST * (round + 1));
        story_check(&story->in, BURST * (round + 1));
    }
    story_count("%s: %u rounds, %u frames, %u dropped by the last events, none doubled, none lost between", presence->name, most, most * 4 * BURST,
                missing(&story->out) + missing(&story->in));
}

static void tell_exchange(const struct presence *presence)
{
    uint32_t runs = test_seed_given() ? 1 : ROUNDS / ROUNDS_PER_RUN, i, version;

    for (i = 0; i < runs; i++) {
        uint64_t seed = test_seed() + i;

        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = seed, .vif_version = 8 + (uint32_t)(seed % 3), .queues = 1 + (uint32_t)(seed / 3 % 2),
                                        .edge_buffers = 32, .loose_grants = i != 0, .detail = presence, .quiet = i >= 3, .tell = exchange_rounds });
    }
    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_LIVE, .seed = test_seed(), .vif_version = version, .edge_buffers = 32, .detail = presence, .tell = exchange_rounds });
    }
}

static void disable_and_enable(struct story *story)
{
    exchange(story, false);
}

TEST(disable_and_enable_a_thousand_times_under_traffic)
{
    tell_exchange(&(struct presence){ .name = "disable and enable", .happen = disable_and_enable });
}

static void vanish(struct story *story)
{
    exchange(story, true);
}

TEST(surprise_removal_a_thousand_times_under_traffic)
{
    tell_exchange(&(struct presence){ .name = "surprise removal", .happen = vanish });
}

/* The text that toolstacks look for, once and no more. */
static uint32_t driver_lines(struct story *story)
{
    char **names;
    size_t count = 0, i;
    uint32_t found = 0;

    if (xen_store_list(story->bed.guest, 0, "drivers", &names, &count) != 0) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        char path[300], *value;

        snprintf(path, sizeof(path), "drivers/%s", names[i]);
        if (xen_store_read(story->bed.guest, 0, path, &value) == 0) {
            found += strstr(value, "XENNET") != NULL;
            free(value);
        }
    }
    free(names);
    return found;
}

static void migrate(struct story *story)
{
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0); /* the new host's store has no such line */
    CHECK_EQ(vif_suspend_resume(story->bed.vif), 0);
    CHECK_EQ(driver_lines(story), 1);
}

TEST(suspend_and_migration_a_thousand_times_under_traffic)
{
    tell(&(struct presence){ .name = "migration", .happen = migrate });
}

static bool link_is(struct story *story, bool up)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return facts.link_up == up;
}

static bool link_up(struct story *story)
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
    CHECK(story_until(story, link_up, 5));
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    adapter_facts(story->bed.adapter, &after);
    CHECK_EQ(after.link_changes - before.link_changes, 2); /* once each, in order */
    CHECK_EQ(after.link_speed_tx, before.link_speed_tx);
}

/* LinkCheck */
TEST(link_down_and_up_a_thousand_times_under_traffic)
{
    tell(&(struct presence){ .name = "link down and up", .happen = flap });
}

static void flap_fast(struct story *story)
{
    netback_set_link(story->bed.netback, false);
    netback_set_link(story->bed.netback, true);
    CHECK(story_until(story, link_up, 5));
}

TEST(a_link_that_flaps_faster_than_anybody_looks_ends_up)
{
    tell(&(struct presence){ .name = "fast flaps", .happen = flap_fast });
}

static void refuse_after_shutdown(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[64];

    story_send(story, 0, 20, 4);
    adapter_shutdown(story->bed.adapter);
    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK(nbl->Status != SUCCESS);
    watch_close(watch);
    story_count("shutdown: sends after it are refused, those before it came back");
}

TEST(shutdown_under_traffic_ends_well)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .tell = refuse_after_shutdown }, 30);
}

/* MPE_Ethernet: the backend goes away and another comes; every send completes. */
static void backend_goes(struct story *story)
{
    struct netback_options options = { .vif = story->bed.vif_config, .queues = story->queues, .mtu = 1500, .speed_mbps = 10000 };
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
    CHECK(raw_wait(watch->raw, 10ull * SECOND)); /* what the old one had was given back, what waited goes to the new one */
    raw_free_all(watch->raw);
    story_count("200 sends completed although their backend went away");
    watch_close(watch);
}

TEST(every_send_completes_when_the_backend_is_exchanged)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .tell = backend_goes }, 10);
}
