/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of receive NBLs. While nobody holds an NBL for longer than it takes to read it, none is scarce, however many
 * processors return them and whatever *ReceiveBuffers says. Under load there are more of them, up to that number, and
 * idle again as many as at first.
 */
#include <stdio.h>

#include "ndis/nbl/nbl.h"
#include "ndis/protocol/edge.h"
#include "nt/export/fail.h"
#include "nt/memory/mdl.h"
#include "nt/sync/timer.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

#define SECOND 1000000000ull

enum { BATCH = 32, SETTLE_PACKETS = 8192, HELD = 8, OPEN = 70, PACKETS = HELD + OPEN };

struct rest_plan {
    uint32_t processors, buffers, packets;
};

/* The edge's tasks return from whatever processor they run on: in simulation from all of them. */
static void receive_packets(struct story *story, uint32_t packets)
{
    static uint8_t bytes[128];

    for (uint32_t i = 0; i < packets; i += BATCH) {
        for (uint32_t k = 0; k < BATCH; k++) {
            frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, i + k);
            wire_inject(story, 0, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
        }
        story_rest();
    }
}

static void nothing_is_scarce(struct story *story)
{
    const struct rest_plan *rest = story->plan->detail;
    struct adapter_counters before, after;

    receive_packets(story, SETTLE_PACKETS);
    adapter_counters(story->bed.adapter, &before);
    receive_packets(story, rest->packets);
    adapter_counters(story->bed.adapter, &after);
    CHECK(after.rx_packets - before.rx_packets >= rest->packets - BATCH);
    CHECK_EQ(after.rx_low_resources - before.rx_low_resources, 0);
    story_count("%u processors, *ReceiveBuffers=%u: %u packets, none scarce", rest->processors, rest->buffers,
                (uint32_t)(after.rx_packets - before.rx_packets));
}

TEST(at_rest_no_packet_is_scarce_on_any_number_of_processors)
{
    static const struct rest_plan rests[] = {
        { 4, 256, 20000 }, { 16, 1024, 20000 }, { 48, 4096, 100000 }, { 200, 256, 100000 }, { 200, 4096, 1000000 }
    };

    for (uint32_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        char keyword[40];
        const char *const set[] = { keyword, NULL };

        snprintf(keyword, sizeof(keyword), "*ReceiveBuffers=%u", rests[i].buffers);
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .processors = rests[i].processors,
                                        .set = set,
                                        .edge_buffers = BATCH,
                                        .loose_grants = true,
                                        .detail = &rests[i],
                                        .body = nothing_is_scarce });
    }
}

static bool all_back(struct story *story)
{
    (void)story;
    return vif_inject_returned() == PACKETS;
}

/* Between packets of a batch that XenVif has not ended (More) a protocol returns what it kept, as it does when one of
 * its sends completes there. */
static void returned_within_a_batch(struct story *story)
{
    static uint8_t memory[PACKETS][STORY_FRAME_BYTES];
    struct XENVIF_PACKET_INFO_V2 info = { .Length = 14 };
    struct MDL *mdls[PACKETS];
    struct adapter_counters before, after;
    uint32_t i;
    uint8_t old;

    adapter_counters(story->bed.adapter, &before);
    edge_hold_received(story->bed.edge, true);
    processor_pin(0);
    old = irql_raise(DISPATCH_LEVEL);
    for (i = 0; i < PACKETS; i++) {
        frame_plain(memory[i], STORY_FRAME_BYTES, story_guest_mac, story_peer_mac, i);
        mdls[i] = mdl_create(memory[i], STORY_FRAME_BYTES);
        vif_inject(STORY_STAND_IN(story), 0,
                   &(struct vif_inject){ .mdl = mdls[i],
                                         .length = STORY_FRAME_BYTES,
                                         .info = &info,
                                         .more = i != HELD - 1 && i != PACKETS - 1 });
        if (i == PACKETS - 2) {
            CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), HELD);
            edge_hold_received(story->bed.edge, false);
        }
    }
    irql_lower(old);
    CHECK(story_until(story, all_back, 20));
    adapter_counters(story->bed.adapter, &after);
    CHECK_EQ(after.rx_packets - before.rx_packets, PACKETS);
    CHECK_EQ(after.rx_low_resources - before.rx_low_resources, 0);
    for (i = 0; i < PACKETS; i++) {
        mdl_free(mdls[i]);
    }
}

TEST(packets_return_within_a_batch)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .prepare = story_inject_start, .body = returned_within_a_batch });
}

/* --- how many there are --- */

enum { MAGAZINE = 64, RESERVE = 32, BURST = 3000, BURSTS = 3 };

struct growth {
    const char *set[2];         /* *ReceiveBuffers, beside which a cache keeps two magazines */
    uint32_t after[BURSTS + 1]; /* magazines at first, and after each burst: four more, as long as the depot is low */
    uint32_t idle[2];           /* 20 s and 30 s after the first one grew */
};

static struct {
    struct nbl_pool *pool;
    struct MDL *mdl;
    uint64_t injected;
} receive;

static void find_pool(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    (void)context, (void)processor, (void)flags;
    receive.pool = nbl->NdisPoolHandle;
}

/* Beside the reserve of each processor. */
static uint32_t magazines(void)
{
    const int64_t nbls = nbl_pool_out(receive.pool) - RESERVE * (int64_t)processor_count();

    CHECK_EQ(nbls % MAGAZINE, 0);
    return (uint32_t)(nbls / MAGAZINE);
}

static bool all_returned(struct story *story)
{
    (void)story;
    return vif_inject_returned() == receive.injected;
}

static void inject_one(struct story *story, uint32_t length, bool more)
{
    vif_inject(STORY_STAND_IN(story), 0, &(struct vif_inject){ .mdl = receive.mdl, .length = length, .more = more });
    receive.injected++;
}

/* The edge keeps what it gets until a DPC runs, and this processor lets none run before the last packet. */
static void burst(struct story *story, uint32_t packets)
{
    uint8_t old;

    processor_pin(0);
    old = irql_raise(DISPATCH_LEVEL);
    for (uint32_t i = 0; i < packets; i++) {
        inject_one(story, STORY_FRAME_BYTES, i % 4 != 3);
    }
    irql_lower(old);
    CHECK(story_until(story, all_returned, 6)); /* some stay with the protocol for seconds */
}

/* As many packets as it takes until the edge keeps so many. */
static void burst_kept(struct story *story, uint32_t kept)
{
    uint8_t old;

    processor_pin(0);
    old = irql_raise(DISPATCH_LEVEL);
    for (uint32_t i = 0; i % 4 != 0 || adapter_outstanding_receives(story->bed.adapter) < kept; i++) {
        inject_one(story, STORY_FRAME_BYTES, i % 4 != 3);
    }
    irql_lower(old);
    CHECK(story_until(story, all_returned, 6));
}

static void wait_until(uint64_t time)
{
    CHECK(sched_now() < time);
    sched_sleep(time - sched_now());
}

/* One more may lie in the processor's own cache, which the pool does not look at. */
static void check_idle(uint32_t expected)
{
    CHECK(magazines() == expected || magazines() == expected + 1);
}

/* A protocol that finds the pool, and a frame to receive. */
static struct raw *open_pool(struct story *story)
{
    static uint8_t bytes[STORY_FRAME_BYTES];

    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 7);
    receive.mdl = mdl_create(bytes, sizeof(bytes));
    return raw_open(story->bed.adapter, &(struct raw_options){ .memory = story->bed.guest, .received = find_pool });
}

static void close_pool(struct raw *raw)
{
    mdl_free(receive.mdl);
    raw_close(raw);
}

/* With *ReceiveBuffers of `set`. */
static void run_pool(const char *const *set, const void *detail, void (*body)(struct story *story))
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .set = set,
                                    .detail = detail,
                                    .loose_grants = true,
                                    .prepare = story_inject_start,
                                    .body = body });
}

static void grow_and_shrink(struct story *story)
{
    const struct growth *growth = story->plan->detail;
    struct raw *raw = open_pool(story);
    uint64_t grown;

    burst(story, 4);
    CHECK_EQ(magazines(), growth->after[0]);
    grown = sched_now();
    for (uint32_t i = 1; i <= BURSTS; i++) {
        burst(story, BURST);
        CHECK_EQ(magazines(), growth->after[i]);
    }
    /* A period of ten seconds in which the depot was low, and two in which nobody needed the others. */
    wait_until(grown + 199 * SECOND / 10);
    CHECK_EQ(magazines(), growth->after[BURSTS]);
    wait_until(grown + 201 * SECOND / 10);
    check_idle(growth->idle[0]);
    wait_until(grown + 299 * SECOND / 10);
    check_idle(growth->idle[0]);
    wait_until(grown + 301 * SECOND / 10);
    check_idle(growth->idle[1]);
    sched_sleep(60 * SECOND);
    check_idle(growth->after[0]);
    CHECK(!timer_armed_within(NULL, SIZE_MAX)); /* an idle adapter wakes no processor */
    for (uint32_t i = 1; i <= BURSTS; i++) {    /* they went, and may come again */
        burst(story, BURST);
        CHECK_EQ(magazines(), growth->after[i]);
    }
    close_pool(raw);
}

TEST(nbls_grow_in_number_under_load_and_shrink_when_idle)
{
    static const struct growth cases[] = { { { "*ReceiveBuffers=256" }, { 6, 6, 6, 6 }, { 6, 6 } },
                                           { { "*ReceiveBuffers=384" }, { 6, 8, 8, 8 }, { 6, 6 } },
                                           { { "*ReceiveBuffers=512" }, { 6, 10, 10, 10 }, { 6, 6 } },
                                           { { "*ReceiveBuffers=1024" }, { 6, 10, 11, 11 }, { 7, 6 } } };

    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_pool(cases[i].set, &cases[i], grow_and_shrink);
    }
}

/* Bursts that need four magazines beside the one in the cache: the depot has one more than it should at the least, and
 * that one goes. */
static void shrink_under_load(struct story *story)
{
    enum { NEEDED = 4 * MAGAZINE + 4, TIMES = 20 };
    struct raw *raw = open_pool(story);

    for (uint32_t i = 0; i < BURSTS; i++) {
        burst(story, BURST);
    }
    CHECK_EQ(magazines(), 11);
    for (uint32_t i = 0; i < TIMES; i++) {
        burst_kept(story, NEEDED);
        sched_sleep(3 * SECOND);
    }
    CHECK_EQ(magazines(), 10);
    sched_sleep(60 * SECOND);
    check_idle(6);
    close_pool(raw);
}

TEST(nbls_that_bursts_need_stay)
{
    static const char *const set[] = { "*ReceiveBuffers=1024", NULL };

    run_pool(set, NULL, shrink_under_load);
}

/* Windows has no memory for a magazine: the depot grows the next time, and to what it would have. */
static void grow_later(struct story *story)
{
    struct raw *raw = open_pool(story);
    char text[1024];

    burst(story, 4);
    fail_at(1);
    burst(story, BURST);
    CHECK(fail_described(text, sizeof(text)));
    CHECK_CONTAINS(text, "NdisAllocateNetBufferAndNetBufferList");
    fail_disarm();
    CHECK_EQ(magazines(), 6);
    burst(story, BURST);
    CHECK_EQ(magazines(), 10);
    close_pool(raw);
}

TEST(a_depot_that_could_not_grow_grows_later)
{
    static const char *const set[] = { "*ReceiveBuffers=512", NULL };

    run_pool(set, NULL, grow_later);
}

/* An impossible packet takes no NBL of the reserve, however many come. */
static void refused_while_scarce(struct story *story)
{
    static uint8_t bytes[STORY_FRAME_BYTES];
    struct adapter_counters before, after;
    uint8_t old;

    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 7);
    receive.mdl = mdl_create(bytes, sizeof(bytes));
    processor_pin(0);
    old = irql_raise(DISPATCH_LEVEL);
    for (uint32_t i = 0; i < BURST; i++) {
        inject_one(story, STORY_FRAME_BYTES, false);
    }
    for (uint32_t i = 0; i < 2 * RESERVE; i++) {
        inject_one(story, 13, false);
    }
    adapter_counters(story->bed.adapter, &before);
    for (uint32_t i = 0; i < RESERVE; i++) {
        inject_one(story, STORY_FRAME_BYTES, i != RESERVE - 1);
    }
    adapter_counters(story->bed.adapter, &after);
    CHECK_EQ(after.rx_low_resources - before.rx_low_resources, RESERVE);
    irql_lower(old);
    CHECK(story_until(story, all_returned, 6));
    mdl_free(receive.mdl);
}

TEST(packets_that_are_refused_leave_the_reserve_as_it_is)
{
    static const char *const set[] = { "*ReceiveBuffers=256", NULL };

    run_pool(set, NULL, refused_while_scarce);
}

/* A batch that has not ended, on NBLs of the cache or, when those have run out, of the reserve: a pause gives it back,
 * and nothing of it goes up later. */
static void stopped_within_a_batch(struct story *story)
{
    struct raw *raw = open_pool(story);
    uint32_t state = NdisDeviceStateD3;
    uint64_t dropped;
    uint8_t old;

    for (uint32_t i = 0; i < 4; i++) {
        processor_pin(0);
        old = irql_raise(DISPATCH_LEVEL);
        for (uint32_t k = 0; i % 2 != 0 && k < BURST; k++) {
            inject_one(story, STORY_FRAME_BYTES, false);
        }
        for (uint32_t k = 0; k < 3; k++) {
            inject_one(story, STORY_FRAME_BYTES, true);
        }
        irql_lower(old);
        dropped = oid_get64(story, OID_GEN_RCV_DISCARDS);
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_EQ(vif_inject_returned(), receive.injected);
        CHECK_EQ(oid_get64(story, OID_GEN_RCV_DISCARDS), dropped + 3);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        burst(story, 4);
        CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 0);
    }
    /* Nothing is out by the driver's own count either: it disables XenVif. */
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
    CHECK(!STORY_STAND_IN(story)->subscriber.enabled);
    state = NdisDeviceStateD0;
    CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS);
    close_pool(raw);
}

TEST(a_pause_within_a_batch_gives_it_back)
{
    static const char *const set[] = { "*ReceiveBuffers=256", NULL };

    run_pool(set, NULL, stopped_within_a_batch);
}

/* Beside six magazines there is a reserve for each processor. */
static void reserves(struct story *story)
{
    struct raw *raw = open_pool(story);

    burst(story, 4);
    CHECK_EQ(nbl_pool_out(receive.pool), 6 * MAGAZINE + (int64_t)RESERVE * processor_count());
    close_pool(raw);
}

TEST(each_processor_has_a_reserve)
{
    for (uint32_t processors = 1; processors <= 7; processors += 3) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .processors = processors,
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .prepare = story_inject_start,
                                        .body = reserves });
    }
}
