/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP coalescing (URO) where it ends: what is advertised and switched, checksums that nobody validates, NBLs that run
 * out, pauses, packets that lie. Nothing that is joined comes after the request that switches it off (rule ndis-uro).
 */
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/services/services.h"
#include "nt/memory/mdl.h"
#include "story_uro.h"
#include "story_uso.h"

enum { SIZE = 1000, COUNT = 6 };

static const char *const windows = "11-24h2";

/* NBLs that a batch of COUNT alike datagrams goes up in. */
static uint32_t nbls_of_batch(struct uro_batch *batch)
{
    struct uro_datagram datagram = { .payload = SIZE };
    uint32_t i, nbls;

    for (i = 0; i < COUNT; i++) {
        uro_batch_add(batch, 1, &datagram, 0, NULL);
    }
    uro_batch_go(batch, 0, false);
    uro_batch_end(batch);
    CHECK_EQ(batch->uro->datagrams, COUNT);
    nbls = batch->uro->nbls;
    uro_forget(batch->uro);
    return nbls;
}

static bool is_on(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return facts.uro;
}

static void switched(struct story *story)
{
    struct uro_batch *batch = uro_batch_open(story, 4);

    CHECK_EQ(story->bed.adapter->hardware_offload.UdpRsc.Enabled, 1);
    CHECK(is_on(story));
    CHECK_EQ(nbls_of_batch(batch), 1);
    CHECK_STATUS(uro_switch(story, 0), SUCCESS);
    CHECK(is_on(story));
    CHECK_STATUS(uro_switch(story, LATE_OFF), SUCCESS);
    CHECK(!is_on(story));
    CHECK_EQ(nbls_of_batch(batch), COUNT);
    CHECK_STATUS(uro_switch(story, 3), NDIS_STATUS_INVALID_DATA);
    CHECK(!is_on(story));
    CHECK_STATUS(uro_switch(story, LATE_ON), SUCCESS);
    CHECK(is_on(story));
    CHECK_EQ(nbls_of_batch(batch), 1);
    uro_batch_close(batch);
}

TEST(a_request_switches_it_and_off_is_off)
{
    story_everywhere(
        &(struct story_plan){ .windows = windows, .edge_buffers = 16, .prepare = story_inject_start, .body = switched },
        2);
}

static void off_at_start(struct story *story)
{
    struct uro_batch *batch = uro_batch_open(story, 6);

    CHECK_EQ(story->bed.adapter->hardware_offload.UdpRsc.Enabled, 1);
    CHECK(!is_on(story));
    CHECK_EQ(nbls_of_batch(batch), COUNT);
    CHECK_STATUS(uro_switch(story, LATE_ON), SUCCESS);
    CHECK_EQ(nbls_of_batch(batch), 1);
    uro_batch_close(batch);
}

TEST(the_keyword_switches_it_at_start)
{
    static const char *const off[] = { "*UdpRsc=0", NULL };

    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = windows,
                                    .set = off,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = off_at_start });
}

/* Receive checksum offload has to validate what is joined: off for one IP version, that one's come singly. */
static void one_version(struct story *story, bool joins4, bool joins6)
{
    struct uro_batch *batch = uro_batch_open(story, 4);

    CHECK_EQ(is_on(story), joins4 || joins6);
    CHECK_EQ(nbls_of_batch(batch), joins4 ? 1 : COUNT);
    batch->uro->version = 6;
    CHECK_EQ(nbls_of_batch(batch), joins6 ? 1 : COUNT);
    uro_batch_close(batch);
}

static void only6(struct story *story)
{
    one_version(story, false, true);
}

static void only4(struct story *story)
{
    one_version(story, true, false);
}

static void neither(struct story *story)
{
    one_version(story, false, false);
}

TEST(without_validated_checksums_nothing_is_joined)
{
    static const char *const udp4[] = { "*UDPChecksumOffloadIPv4=1", NULL };
    static const char *const ip4[] = { "*IPChecksumOffloadIPv4=1", NULL };
    static const char *const udp6[] = { "*UDPChecksumOffloadIPv6=0", NULL };
    static const char *const both[] = { "*UDPChecksumOffloadIPv4=0", "*UDPChecksumOffloadIPv6=0", NULL };
    static const char *const stamps[] = { "*SoftwareTimestamp=1", NULL };
    struct story_plan plan = { .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .windows = windows,
                               .edge_buffers = 16,
                               .prepare = story_inject_start };

    plan.body = only6;
    plan.set = udp4;
    story_run(&plan);
    plan.set = ip4;
    story_run(&plan);
    plan.body = only4;
    plan.set = udp6;
    story_run(&plan);
    plan.body = neither;
    plan.set = both;
    story_run(&plan);
    plan.set = stamps; /* of each packet its own */
    story_run(&plan);
}

/* Before 6.89 there is none of it. */
static void none_before(struct story *story)
{
    struct uro_batch *batch = uro_batch_open(story, 4);

    CHECK(!is_on(story));
    CHECK_STATUS(uro_switch(story, LATE_ON), NDIS_STATUS_INVALID_DATA);
    CHECK_EQ(nbls_of_batch(batch), COUNT);
    uro_batch_close(batch);
}

TEST(older_windows_has_none_of_it)
{
    static const char *const older[] = { "8.1", "10-1809", "10-22h2" };

    for (uint32_t i = 0; i < sizeof(older) / sizeof(older[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .windows = older[i],
                                        .edge_buffers = 16,
                                        .prepare = story_inject_start,
                                        .body = none_before });
    }
}

/* Pairs of more flows than a poll takes at once, on a processor of their own: some wait joined. */
static void pairs_go(void *argument)
{
    struct uro_batch *batch = argument;

    uro_batch_go(batch, 1, batch->uro->story->plan->detail == NULL);
}

static struct task *pairs_begin(struct uro_batch *batch, uint64_t seed)
{
    struct uro_datagram datagram = { .payload = SIZE };
    struct task *task;
    uint32_t i;

    for (i = 0; i < 2 * URO_FLOWS; i++) {
        uro_batch_add(batch, i / 2, &datagram, 0, NULL);
    }
    task = task_spawn("XenVif", 1, pairs_go, batch);
    for (i = 0; i < seed * 5; i++) {
        sched_point("packets on their way");
    }
    return task;
}

/* Switched off and on in the middle of traffic, polled or not. */
static void off_in_traffic(struct story *story)
{
    enum { ROUNDS = 6, AT_ONCE = 40 };
    struct uro *uro = uro_open(story, 4);
    struct uro_datagram datagram = { .payload = SIZE };
    uint32_t round, i;

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < AT_ONCE; i++) {
            uro_inject(uro, i % 3, &datagram);
        }
        for (i = 0; i < 40 * round; i++) {
            sched_point("packets on their way");
        }
        CHECK_STATUS(uro_switch(story, round % 2 == 0 ? LATE_OFF : LATE_ON), SUCCESS);
    }
    uro_wait(uro);
    uro_close(uro);
}

/* While some wait to be polled. */
static void off_in_batch(struct story *story)
{
    struct uro_batch *batch = uro_batch_open(story, 4);
    struct task *task = pairs_begin(batch, story->plan->seed % 32);

    CHECK_STATUS(uro_switch(story, LATE_OFF), SUCCESS);
    task_join(task);
    uro_batch_end(batch);
    uro_batch_close(batch);
}

TEST(joined_datagrams_are_up_when_the_request_that_switches_it_off_is_complete)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };

    poll_vary(false); /* what waits overtakes what NDIS took at PASSIVE_LEVEL */
    for (uint32_t i = 0; i < 24; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = windows,
                                        .set = i & 1 ? polling : NULL,
                                        .edge_buffers = 32,
                                        .loose_grants = true,
                                        .body = off_in_traffic });
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = windows,
                                        .set = polling,
                                        .processors = 2,
                                        .edge_buffers = 32,
                                        .detail = windows,
                                        .prepare = story_inject_start,
                                        .body = off_in_batch });
    }
    poll_vary(true);
}

/* The adapter pauses between two packets of a batch, or with datagrams joined and queued for a poll: all go back. */
static void paused(struct story *story)
{
    struct uro_batch *batch = uro_batch_open(story, 4);
    struct task *task = pairs_begin(batch, story->plan->seed % 32);

    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    task_join(task);
    uro_batch_end(batch);
    uro_forget(batch->uro);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK_EQ(nbls_of_batch(batch), 1);
    uro_batch_close(batch);
}

TEST(a_pause_gives_back_what_was_joined)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };

    for (uint32_t i = 0; i < 48; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = windows,
                                        .set = i & 1 ? polling : NULL,
                                        .processors = 2,
                                        .edge_buffers = 16,
                                        .detail = i & 2 ? windows : NULL,
                                        .prepare = story_inject_start,
                                        .body = paused });
    }
}

/* Packets that lie about what is in them, 200 seeds: lengths, headers, flags and chains are drawn. */
static void lies(struct story *story)
{
    enum { ROUNDS = 30, MANY = 24, MAX_BYTES = 1600 };
    static uint8_t bytes[MANY][MAX_BYTES];
    struct watch *watch = watch_open(story);
    struct XENVIF_PACKET_INFO_V2 info;
    struct MDL *mdls[MANY][3];
    uint32_t state = (uint32_t)story->plan->seed * 3 + 1, round, i, n;
    uint64_t given = 0;

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < MANY; i++) {
            struct packet_shape shape = { .version = uso_draw(&state, 2) ? 4 : 6,
                                          .protocol = uso_draw(&state, 8) ? PROTOCOL_UDP : PROTOCOL_TCP,
                                          .payload = uso_draw(&state, 4) ? SIZE : uso_draw(&state, 1400) };
            struct vif_inject packet = { .more = i + 1 < MANY };
            struct frame frame;
            uint32_t length = packet_build(&shape, bytes[i], &frame), part = shape.version == 4 ? 42 : 62, done = 0;

            for (n = uso_draw(&state, 4); n != 0; n--) {
                bytes[i][uso_draw(&state, 64)] = (uint8_t)uso_draw(&state, 256);
            }
            part = uso_draw(&state, 4) ? part : 1 + uso_draw(&state, 100);
            for (n = 0; n < 3; n++, done += part, part = 1 + uso_draw(&state, MAX_BYTES)) {
                part = part < MAX_BYTES - done ? part : MAX_BYTES - done;
                mdls[i][n] = mdl_create(bytes[i] + done, part);
                if (n != 0) {
                    mdls[i][n - 1]->Next = mdls[i][n];
                }
            }
            memset(&info, (int)uso_draw(&state, 256), sizeof(info));
            packet.mdl = mdls[i][0];
            packet.offset = uso_draw(&state, 8) ? 0 : uso_draw(&state, 50);
            packet.length = uso_draw(&state, 4) ? length : uso_draw(&state, MAX_BYTES);
            packet.checksum = uso_draw(&state, 4) ? 0x41 : uso_draw(&state, 512);
            packet.mss = (uint16_t)(uso_draw(&state, 8) ? 0 : uso_draw(&state, 1500));
            packet.info = uso_draw(&state, 4) ? NULL : &info;
            vif_inject(STORY_STAND_IN(story), 0, &packet);
            given++;
        }
        while (vif_inject_returned() != given) {
            story_rest();
        }
        for (i = 0; i < MANY; i++) {
            for (n = 0; n < 3; n++) {
                CHECK(mdls[i][n]->Next == (n == 2 ? NULL : mdls[i][n + 1]));
            }
            for (n = 0; n < 3; n++) {
                mdl_free(mdls[i][n]);
            }
        }
    }
    watch_close(watch);
}

TEST(packets_that_lie_are_joined_by_no_rule_broken)
{
    for (uint32_t i = 0; i < 200; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = windows,
                                        .vif_version = 8 + i % 3,
                                        .any_checksums = true,
                                        .edge_buffers = 16,
                                        .quiet = true,
                                        .prepare = story_inject_start,
                                        .body = lies });
    }
}

/* Two datagrams that a provider vouches for, asked to or not: how many NBLs of several come up. */
static uint32_t pair_joined(struct story *story, uint32_t version)
{
    static const struct uro_datagram datagram = { .payload = 64 };
    struct uro_batch *batch = uro_batch_open(story, version);
    uint32_t joined;

    uro_batch_add(batch, 1, &datagram, 0, NULL);
    uro_batch_add(batch, 1, &datagram, 0, NULL);
    uro_batch_go(batch, 0, false);
    uro_batch_wait(2);
    joined = batch->uro->joined_nbls;
    uro_batch_free(batch);
    uro_batch_close(batch);
    return joined;
}

/* Without checksums of received UDP over one IP version, its datagrams are not joined, and those of the other one are.
 */
static void vouched_for(struct story *story)
{
    enum { UDP4 = 6, UDP6 = 8, SENDS_ONLY = 2, BOTH = 4, RECORD = 35 };

    for (uint32_t off = 4; off <= 6; off += 2) {
        uint8_t record[RECORD] = { NDIS_OBJECT_TYPE_DEFAULT, 6, RECORD };
        uint32_t needed;

        record[off == 4 ? UDP4 : UDP6] = SENDS_ONLY;
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, RECORD, &needed), SUCCESS);
        CHECK_EQ(pair_joined(story, off), 0);
        CHECK_EQ(pair_joined(story, 10 - off), 1);
        record[off == 4 ? UDP4 : UDP6] = BOTH;
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, RECORD, &needed), SUCCESS);
        CHECK_EQ(pair_joined(story, off), 1);
    }
}

TEST(datagrams_of_one_ip_version_are_joined_without_the_other)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = windows,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = vouched_for });
}

/* A protocol keeps some of what it gets, and no DPC makes NBLs: those on the reserve come singly, and none is lost. */
static void scarce(struct story *story)
{
    enum { MANY = 20, EACH = 200 };
    struct uro_batch *batches[MANY];
    struct uro *uro = uro_open(story, 4);
    struct uro_datagram datagram = { .payload = 64 };
    uint32_t b, i;
    uint8_t old;

    processor_pin(0);
    old = irql_raise(DISPATCH_LEVEL);
    for (b = 0; b < MANY; b++) {
        batches[b] = calloc(1, sizeof(*batches[b]));
        batches[b]->uro = uro;
        for (i = 0; i < EACH; i++) {
            uro_batch_add(batches[b], 1, &datagram, 0, NULL);
        }
        uro_batch_go(batches[b], 0, false);
    }
    irql_lower(old);
    CHECK_EQ(uro->datagrams, MANY * EACH);
    CHECK(story_counter(story, "ReceiveScarcePackets") != 0);
    for (b = 0; b < MANY; b++) {
        uro_batch_wait(b == 0 ? MANY * EACH : 0);
        uro_batch_free(batches[b]);
        free(batches[b]);
    }
    uro_close(uro);
}

TEST(nothing_is_lost_when_nbls_run_out)
{
    static const char *const few[] = { "*ReceiveBuffers=256", NULL };

    for (uint32_t i = 0; i < 8; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = windows,
                                        .set = few,
                                        .edge_buffers = 16,
                                        .prepare = story_inject_start,
                                        .body = scarce });
    }
}
