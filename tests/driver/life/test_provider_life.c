/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life, unchanged on the embedded backend and on Linux's netback: coming up, link and MTU from the toolstack,
 * pause, power, reconnects under traffic, a backend that goes and comes back, one that disables the device in silence,
 * and figures that agree.
 */
#include <stdio.h>
#include <stdlib.h>

#include "story_provider.h"
#include "wire/parse.h"

enum { SEEDS = 3, QUEUES = 2, ROUNDS = 100, REAL_ROUNDS = 20, POWER_ROUNDS = 5, LOADED = 40 };

bool test_option(const char *name, const char *value)
{
    return provider_option(name, value);
}

/* --- coming up --- */

static void comes_up(struct provider *provider)
{
    struct bed *bed = &provider->story.bed;
    struct adapter_facts facts;
    struct vif_counters counters;

    adapter_facts(bed->adapter, &facts);
    vif_counters(bed->vif, &counters);
    CHECK(facts.link_up);
    CHECK_EQ(facts.mtu, 1500);
    CHECK_EQ(counters.queues, QUEUES);
    CHECK(memcmp(facts.current_mac, story_guest_mac, 6) == 0 && memcmp(facts.permanent_mac, story_guest_mac, 6) == 0);
    CHECK(facts.lso4 && facts.lso6 && facts.rsc4 && facts.rsc6 && facts.rss);
    CHECK(facts.checksum_tx_tcp4 && facts.checksum_tx_tcp6 && facts.checksum_tx_udp4 && facts.checksum_tx_udp6);
    provider_frames(provider, PROVIDER_WINDOW);
}

TEST(the_adapter_comes_up_with_all_that_the_backend_has)
{
    provider_everywhere(&(struct provider_plan){ .queues = QUEUES, .body = comes_up }, SEEDS);
}

/* --- what the toolstack changes --- */

static bool link_is_up(struct provider *provider)
{
    struct adapter_facts facts;

    adapter_facts(provider->story.bed.adapter, &facts);
    return facts.link_up;
}

static bool link_is_down(struct provider *provider)
{
    return !link_is_up(provider);
}

static bool speed_is_one_gigabit(struct provider *provider)
{
    struct adapter_facts facts;

    adapter_facts(provider->story.bed.adapter, &facts);
    return facts.link_up && facts.link_speed_tx == 1000000000;
}

static void link_changes(struct provider *provider)
{
    for (int i = 0; i < 3; i++) {
        provider_write(provider, "disconnect", "1");
        provider_until(provider, link_is_down, "the link goes down");
        provider_write(provider, "disconnect", "0");
        provider_until(provider, link_is_up, "the link comes up");
        provider_frames(provider, PROVIDER_WINDOW);
    }
    provider_write(provider, "speed", "1G");
    provider_until(provider, speed_is_one_gigabit, "the link has another speed");
    provider_frames(provider, PROVIDER_WINDOW);
}

TEST(link_and_speed_follow_the_toolstack)
{
    provider_everywhere(&(struct provider_plan){ .body = link_changes }, SEEDS);
}

static uint32_t vif_mtu(struct provider *provider)
{
    struct vif_counters counters;

    vif_counters(provider->story.bed.vif, &counters);
    return counters.mtu;
}

/* XenVif reads the MTU as it connects: a change holds from the next connection on. */
static void mtu_changes(struct provider *provider)
{
    const uint32_t before[] = { 60, 1514 }, after[] = { 60, 1413, 1414 };

    provider_write(provider, "mtu", "1400");
    provider_write(provider, "speed", "1G"); /* makes the frontend look at its directory */
    provider_until(provider, speed_is_one_gigabit, "the link has another speed");
    provider_exchange(provider, before, 2);
    CHECK_EQ(vif_mtu(provider), 1500);
    CHECK_EQ(bed_migrate(&provider->story.bed), 0);
    CHECK_EQ(vif_mtu(provider), 1400);
    provider_exchange(provider, after, 3);
}

TEST(an_mtu_holds_from_the_next_connection)
{
    provider_everywhere(&(struct provider_plan){ .body = mtu_changes }, SEEDS);
}

/* --- pause and power --- */

static void pauses(struct provider *provider)
{
    struct adapter *adapter = provider->story.bed.adapter;

    for (int i = 0; i < POWER_ROUNDS; i++) {
        CHECK_EQ(adapter_pause(adapter), 0);
        CHECK_EQ(adapter_restart(adapter), 0);
        provider_frames(provider, PROVIDER_WINDOW);
    }
    for (int i = 0; i < POWER_ROUNDS; i++) {
        CHECK_EQ(adapter_set_power(adapter, 4), 0); /* NdisDeviceStateD3 */
        CHECK_EQ(adapter_set_power(adapter, 1), 0); /* NdisDeviceStateD0 */
        provider_frames(provider, PROVIDER_WINDOW);
    }
}

TEST(pause_and_low_power_lose_nothing_afterwards)
{
    provider_everywhere(&(struct provider_plan){ .queues = QUEUES, .body = pauses }, SEEDS);
}

/* --- reconnects --- */

/* Frames both ways for as long as `loaded`: what comes of them is nobody's business. */
struct load {
    struct provider *provider;
    uint32_t loaded; /* atomic */
};

static void send_load(void *argument)
{
    struct load *load = argument;
    uint8_t bytes[LOADED * 4];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = sizeof(bytes) };

    provider_fill(bytes, sizeof(bytes), 0, true);
    while (__atomic_load_n(&load->loaded, __ATOMIC_ACQUIRE) != 0) {
        provider_send(load->provider, 0, &frame);
        story_rest();
    }
}

static void inject_load(void *argument)
{
    struct load *load = argument;
    uint8_t bytes[LOADED * 4];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = sizeof(bytes) };

    provider_fill(bytes, sizeof(bytes), 0, false);
    while (__atomic_load_n(&load->loaded, __ATOMIC_ACQUIRE) != 0) {
        provider_inject(load->provider, &frame);
        story_rest();
    }
}

static void drain(struct provider *provider)
{
    static uint8_t bytes[MAX_FRAME_BYTES];
    struct provider_frame *came;
    struct frame frame;

    while ((came = provider_received(provider, 300000000)) != NULL) {
        free(came);
    }
    do {
        frame = (struct frame){ .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };
    } while (wire_take(provider->wire, &frame, 300000000) != 0);
}

/* Event channels, watches and transactions that the guest's domain holds; not its pages and grants, which go with the
 * load. */
static uint32_t held(struct provider *provider)
{
    return provider_held(provider, "event channel") + provider_held(provider, "watch") +
           provider_held(provider, "transaction");
}

static void reconnects(struct provider *provider)
{
    struct load load = { provider, 1 };
    struct task *sender = task_spawn("sender", 0, send_load, &load),
                *injector = task_spawn("injector", 0, inject_load, &load);
    uint32_t before = held(provider), rounds = provider->real ? REAL_ROUNDS : ROUNDS;

    CHECK(before >= 2 * QUEUES + 3); /* channels of the queues and of the control ring, watches */
    for (uint32_t i = 0; i < rounds; i++) {
        CHECK_EQ(bed_migrate(&provider->story.bed), 0);
        CHECK_EQ(held(provider), before);
    }
    __atomic_store_n(&load.loaded, 0, __ATOMIC_RELEASE);
    task_join(sender);
    task_join(injector);
    drain(provider);
    provider_frames(provider, 2 * PROVIDER_WINDOW);
}

TEST(reconnects_under_traffic_leave_nothing)
{
    provider_everywhere(&(struct provider_plan){ .queues = QUEUES, .body = reconnects }, SEEDS);
}

/* --- backends that fail --- */

static void backend_returns(struct provider *provider)
{
    for (int i = 0; i < 3; i++) {
        provider_frames(provider, PROVIDER_WINDOW);
        provider_backend_leave(provider);
        provider_backend_come(provider);
    }
    drain(provider);
    provider_frames(provider, 2 * PROVIDER_WINDOW);
}

TEST(a_backend_goes_away_and_comes_back)
{
    provider_everywhere(&(struct provider_plan){ .queues = QUEUES, .body = backend_returns }, SEEDS);
}

static bool has_stalled(struct provider *provider)
{
    struct vif_counters counters;

    vif_counters(provider->story.bed.vif, &counters);
    return counters.stalls != 0;
}

static void disabled(struct provider *provider)
{
    provider_frames(provider, PROVIDER_WINDOW);
    vif_offend(provider->story.bed.vif);
    provider_until(provider, has_stalled, "the frontend notices that the backend has disabled the device");
    provider_backend_leave(provider);
    provider_backend_come(provider);
    drain(provider);
    provider_frames(provider, 2 * PROVIDER_WINDOW);
}

TEST(a_device_disabled_in_silence_is_noticed_and_a_new_one_works)
{
    provider_everywhere(&(struct provider_plan){ .stall_seconds = 3, .body = disabled }, SEEDS);
}

/* --- figures --- */

static bool all_completed(struct provider *provider)
{
    struct adapter_counters adapter;

    adapter_counters(provider->story.bed.adapter, &adapter);
    return adapter.tx_completions == adapter.tx_packets;
}

static void figures(struct provider *provider)
{
    enum { FRAMES = 8 * PROVIDER_WINDOW };
    struct bed *bed = &provider->story.bed;
    struct NDIS_STATISTICS_INFO statistics;
    struct provider_backend before, after;
    struct adapter_counters adapter;
    struct vif_counters vif;

    provider_backend(provider, &before);
    provider_frames(provider, FRAMES);
    provider_until(provider, all_completed, "every send completes");
    provider_backend(provider, &after);
    adapter_counters(bed->adapter, &adapter);
    vif_counters(bed->vif, &vif);
    CHECK_EQ(oid_get(&provider->story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), 0);
    CHECK_EQ(after.from_guest - before.from_guest, FRAMES);
    CHECK_EQ(after.to_guest - before.to_guest, FRAMES);
    CHECK_EQ(after.dropped - before.dropped, 0);
    CHECK_EQ(vif.tx_packets, FRAMES);
    CHECK_EQ(vif.rx_packets, FRAMES);
    CHECK_EQ(adapter.tx_packets, FRAMES);
    CHECK_EQ(adapter.rx_packets, FRAMES);
    CHECK_EQ(statistics.ifHCOutUcastPkts, FRAMES);
    CHECK_EQ(statistics.ifHCInUcastPkts, FRAMES);
    CHECK_EQ(statistics.ifHCOutUcastOctets, vif.tx_bytes);
    CHECK_EQ(statistics.ifHCInUcastOctets, vif.rx_bytes);
    CHECK_EQ(statistics.ifOutDiscards + statistics.ifInDiscards + statistics.ifOutErrors + statistics.ifInErrors, 0);
}

TEST(driver_frontend_and_backend_count_the_same)
{
    provider_everywhere(&(struct provider_plan){ .body = figures }, SEEDS);
}
