/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One binary on every Windows that can be simulated: the NDIS version registered, what comes with it and what does not,
 * traffic both ways over sleep and pause, and requests of both generations.
 */
#include "nt/export/version.h"
#include "story_release.h"
#include "story_rss.h"

enum { QUEUES = 2, BURST = 40 };

static void exchange(struct story *story)
{
    uint32_t out = story->out.sent, in = story->in.sent, q;

    for (q = 0; q < QUEUES; q++) {
        story_send(story, q, BURST, 8);
        story_inject(story, q, BURST);
    }
    story_check_from(story, out, in);
}

static void came_up(struct story *story)
{
    const struct windows_version *windows = story->plan->detail;
    uint32_t minor = windows->ndis_minor;
    struct watch *watch = watch_open(story);
    struct adapter_counters counters;
    struct adapter_facts facts;
    struct rss_set set;
    uint16_t version;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.ndis_major, 6);
    CHECK_EQ(facts.ndis_minor, minor);
    CHECK_EQ(oid_get(story, OID_GEN_DRIVER_VERSION, &version, sizeof(version)), SUCCESS);
    CHECK_EQ(version, 6u << 8 | minor);
    CHECK_EQ(facts.rss, story_has(story, STORY_NEEDS_RSS));
    CHECK(facts.lso4 && facts.lso6 && facts.checksum_tx_tcp4 && facts.checksum_rx_tcp6);
    CHECK_EQ(facts.rsc4, minor >= 30);
    CHECK_EQ(facts.rsc6, minor >= 30);
    CHECK_EQ(oid_listed(story, OID_GEN_RECEIVE_SCALE_PARAMETERS_V2), facts.rss && minor >= 80);
    CHECK_EQ(adapter_reset(story->bed.adapter), minor < 83 ? SUCCESS : (int32_t)NDIS_STATUS_NOT_SUPPORTED);
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    exchange(story);
    rss_fill(&set, 16, QUEUES, RSS_ALL_TYPES);
    if (facts.rss) {
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
        rss_expect(watch, &rss_vectors[0], true, &set, 16, 0);
        rss_expect(watch, &rss_vectors[5], true, &set, 16, 1);
    } else {
        CHECK_STATUS(rss_put(story, &set, sizeof(set)), NDIS_STATUS_NOT_SUPPORTED);
    }
    watch_close(watch);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    exchange(story);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    adapter_counters(story->bed.adapter, &counters);
    CHECK_EQ(counters.rx_returns, counters.rx_packets);
    CHECK_EQ(counters.tx_completions, counters.tx_packets);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK_EQ(counters.polls != 0, minor >= 85);
    story_count("Windows %s: NDIS 6.%u, %s, %llu packets in %llu indications", windows->name, minor,
                counters.polls != 0 ? "polled" : "indicated", (unsigned long long)counters.rx_packets,
                (unsigned long long)counters.rx_calls);
}

TEST(the_adapter_comes_up_and_works_on_every_windows)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };
    const struct windows_version *windows;
    uint32_t count = 0;

    for (windows = windows_versions; windows->name != NULL; windows++, count++) {
        story_everywhere(&(struct story_plan){ .windows = windows->name,
                                               .set = polling,
                                               .queues = QUEUES,
                                               .edge_buffers = 64,
                                               .detail = windows,
                                               .body = came_up },
                         1);
    }
    CHECK(count >= 6);
}

static void known_version(struct story *story)
{
    static const uint8_t minors[] = { 20, 30, 40, 50, 51, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89 };
    struct adapter_facts facts;
    uint16_t version = 0;
    bool known = false;
    uint32_t i;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.ndis_major, 6);
    for (i = 0; i < sizeof(minors); i++) {
        known = known || facts.ndis_minor == minors[i];
    }
    CHECK(known);
    CHECK_EQ(oid_get(story, OID_GEN_DRIVER_VERSION, &version, sizeof(version)), SUCCESS);
    CHECK_EQ(version, 0x600 | facts.ndis_minor);
}

/* A Windows that is newer than the driver. */
static void play_the_future(const struct story_plan *plan)
{
    static struct windows_version future;

    (void)plan;
    future = *windows_version_find("2025");
    future.ndis_minor = 95;
    windows_simulate(&future);
}

/* And one that is older than any it knows. */
static void simulate_the_past(const struct story_plan *plan)
{
    static struct windows_version past;

    (void)plan;
    past = *windows_version_find("7");
    past.ndis_minor = 1;
    windows_simulate(&past);
}

static void refuses(struct story *story)
{
    CHECK(!story->started);
    CHECK(strstr(story->error, "DriverEntry") != NULL);
}

TEST(an_ndis_that_is_too_old_is_refused_by_driverentry)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "7",
                                    .prepare = simulate_the_past,
                                    .may_not_start = true,
                                    .body = refuses });
}

TEST(no_ndis_version_outside_the_table_is_claimed)
{
    static const char *const windows[] = { "7", "8.1", "10-1809", "10-22h2", "11-24h2", "2025" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .edge_buffers = 16,
                                        .windows = windows[i],
                                        .body = known_version });
    }
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .prepare = play_the_future,
                                    .body = known_version });
}
