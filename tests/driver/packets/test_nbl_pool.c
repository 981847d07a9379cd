/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of receive NBLs at rest: while nobody holds an NBL for longer than it takes to read it, none is scarce,
 * however many processors return them and whatever *ReceiveBuffers says.
 */
#include <stdio.h>

#include "ndis/protocol/edge.h"
#include "nt/memory/mdl.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

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
