/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each call that can fail is made to fail once per way to it: allocations, NDIS, kernel, VIF, STORE and SUSPEND
 * functions, while the adapter initializes, restarts, answers OIDs and carries traffic. Either the driver fails cleanly
 * (nothing left behind, and a second try works) or it gives full service.
 */
#include "story_rss.h"

#include <stdio.h>
#include <sys/mman.h>

#include "nt/export/fail.h"

enum { SECOND = 1000000000, MAX_SWEEP = 1000 };

struct sweep {
    uint32_t n; /* which candidate fails; 0: count them */
    uint32_t *found;
};

static void arm_before(const struct story_plan *plan)
{
    fail_at(((const struct sweep *)plan->detail)->n);
}

/* Methods that can fail are put into the interface tables when the driver asks for them. */
static void arm_none(const struct story_plan *plan)
{
    (void)plan;
    fail_at(0);
}

/* Full service: both ways, statistics, a pause. After an Enable that failed there is no link until the next try. */
static void serve(struct story *story)
{
    struct NDIS_STATISTICS_INFO statistics;
    uint32_t out = story->out.sent, in = story->in.sent;

    CHECK(story_until(story, story_link_is_up, 5));
    story_send(story, 0, 24, 4);
    story_inject(story, 0, 24);
    story_check_from(story, out, in);
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
}

static void tell_failure(const struct sweep *sweep)
{
    char text[1024];

    if (fail_described(text, sizeof(text))) {
        fprintf(stderr, "# candidate %u failed: %s\n", sweep->n, text);
    }
}

static void start_with_a_failure(struct story *story)
{
    const struct sweep *sweep = story->plan->detail;
    char error[1024];

    fail_disarm();
    *sweep->found = fail_candidates();
    tell_failure(sweep);
    if (!story->started) {
        /* It failed: cleanly, if its message names nothing left behind, and a second try works. */
        CHECK(strstr(story->error, "left behind") == NULL);
        if (!bed_start(&story->bed, &story->options, error, sizeof(error))) {
            test_fail(__FILE__, __LINE__, "the second start failed: %s; the first: %s", error, story->error);
        }
        story->started = true;
        story_count("started at the second try");
    }
    serve(story);
}

/* Everything an adapter does while it works, each step allowed to fail but not to harm. */
static void work_with_a_failure(struct story *story)
{
    const struct sweep *sweep = story->plan->detail;
    static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 1, 2, 3 };
    struct watch *watch = watch_open(story);
    uint8_t buffer[2048];
    struct NET_BUFFER_LIST *nbl;
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(story->bed.adapter, &oids), filter, i;
    struct NDIS_OFFLOAD_PARAMETERS parameters;
    struct rss_set set;
    bool awake;

    serve(story);
    fail_at(sweep->n);
    for (i = 0; i < count; i++) {
        (void)oid_get(story, oids[i], buffer, sizeof(buffer));
    }
    filter = oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER);
    (void)oid_put(story, OID_802_3_MULTICAST_LIST, group, 6);
    filter |= NDIS_PACKET_TYPE_PROMISCUOUS;
    (void)oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
    filter &= ~(uint32_t)NDIS_PACKET_TYPE_PROMISCUOUS;
    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    (void)oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
    rss_fill(&set, 8, story->queues, RSS_ALL_TYPES);
    (void)rss_put(story, &set, sizeof(set));
    for (i = 0; i < 8; i++) {
        nbl = raw_nbl(watch->raw);
        frame_plain(buffer, 200, story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, buffer, 200, 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
    }
    CHECK(raw_wait(watch->raw, 5ull * SECOND)); /* sent or refused, back either way */
    frame_plain(buffer, 200, story_guest_mac, story_peer_mac, 1);
    for (i = 0; i < 8; i++) {
        wire_inject(story, 0, buffer, 200, NULL);
    }
    (void)watch_wait(watch, 8);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    CHECK_EQ(bed_sleep(&story->bed, true, NULL, NULL), 0);
    awake = adapter_set_power(story->bed.adapter, NdisDeviceStateD0) == SUCCESS;
    if (awake) {
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        awake = adapter_restart(story->bed.adapter) == SUCCESS;
    }
    *sweep->found = fail_candidates();
    if (!awake) { /* a restart may fail; the next works */
        fail_disarm();
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    }
    tell_failure(sweep);
    fail_disarm();
    raw_free_all(watch->raw);
    watch_close(watch);
    while (wire_collect(story, buffer, sizeof(buffer), NULL) != 0) {
    }
    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
    CHECK(netback_wait_connected(story->bed.netback, true, 5ull * SECOND));
    serve(story);
}

static void sweep_all(bool start, uint32_t queues, const char *windows, uint32_t version)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };
    uint32_t *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* a child writes it */
    struct sweep sweep = { .found = shared };
    uint32_t candidates = MAX_SWEEP, n;

    if (story_xenvif() != NULL) {
        test_part_not_run("a call may fail in XenVif, which then uses what it did not get");
        return;
    }
    for (n = 0; n <= candidates; n++) { /* the first run only counts */
        struct story_plan plan = { .kind = SCHED_SIMULATED,
                                   .seed = test_seed(),
                                   .vif_version = version,
                                   .queues = queues,
                                   .edge_buffers = 16,
                                   .windows = windows,
                                   .set = strcmp(windows, "11-24h2") == 0 ? polling : NULL,
                                   .detail = &sweep,
                                   .quiet = true,
                                   .may_not_start = start,
                                   .prepare = start ? arm_before : arm_none,
                                   .loose_grants = true,
                                   .body = start ? start_with_a_failure : work_with_a_failure };

        sweep.n = n;
        story_run(&plan);
        if (n == 0) {
            candidates = *shared;
            CHECK(candidates > 10 && candidates < MAX_SWEEP);
        }
    }
    printf("# counted: %u calls failed one by one while the adapter %s (%u queues, VIF %u, Windows %s)\n", candidates,
           start ? "starts" : "works", queues, version, windows);
    fflush(stdout);
}

/* 1c_FaultHandling */
TEST(each_call_that_fails_while_the_adapter_starts_fails_it_cleanly_or_not_at_all)
{
    sweep_all(true, 1, "10-22h2", 10);
}

TEST(each_call_that_fails_while_the_adapter_starts_on_windows_7_fails_it_cleanly_or_not_at_all)
{
    sweep_all(true, 2, "7", 8);
}

TEST(each_call_that_fails_while_an_adapter_that_is_polled_starts_fails_it_cleanly_or_not_at_all)
{
    sweep_all(true, 1, "11-24h2", 9);
}

TEST(each_call_that_fails_while_the_adapter_works_costs_no_more_than_its_request)
{
    sweep_all(false, 1, "10-22h2", 10);
}

TEST(each_call_that_fails_while_the_adapter_works_on_windows_7_costs_no_more_than_its_request)
{
    sweep_all(false, 1, "7", 8);
}

TEST(each_call_that_fails_while_an_adapter_that_is_polled_works_costs_no_more_than_its_request)
{
    sweep_all(false, 2, "11-24h2", 9);
}

/* The NBL pool alone: its calls fail one after the other. */
static void fail_first(const struct story_plan *plan)
{
    fail_at(*(const uint32_t *)plan->detail);
}

static void pool_left_nothing(struct story *story)
{
    char text[1024];

    if (fail_described(text, sizeof(text)) && strstr(text, "NdisAllocateNetBufferAndNetBufferList") != NULL) {
        CHECK(!story->started); /* without its NBLs it would lose packets from the start */
    }
    fail_disarm();
    CHECK(story->started || strstr(story->error, "left behind") == NULL);
}

TEST(a_failing_nbl_pool_leaves_nothing_behind)
{
    uint32_t n;

    for (n = 1; n <= 40; n++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .may_not_start = true,
                                        .detail = &n,
                                        .prepare = fail_first,
                                        .body = pool_left_nothing });
    }
}
