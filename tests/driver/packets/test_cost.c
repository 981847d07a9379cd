/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs the driver, counted and never timed: NDIS calls, pushes to the backend, allocations, locks, and
 * instructions. scripts/check/instructions.py runs the last test on the driver and on a floor that does nothing but
 * the calls it must (tests/floor).
 */
#include "packets.h"
#include "story_native.h"
#include "story_presence.h"
#include "story_release.h"
#include "story_step.h"
#include "story_watch.h"
#include "ndis/services/services.h"
#include "xenvif/offer/hostile.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { SECOND = 1000000000, MEMORY = 72 * 1024, LARGE_PAYLOAD = 60000, MSS = 1448, HEADERS = 54 };

/* One kind of traffic: `calls` times a batch of `batch` packets. */
struct load {
    const char *what;
    bool out, large;
    uint32_t batch, calls;
    /* 1: headers in an MDL of their own and the payload in pages behind it, as XenVif has them; 2: such datagrams of
     * one flow */
    uint32_t apart;
    uint32_t most; /* instructions a packet, a tenth above what docs/measurements.md has */
};

static const struct load loads[] = {
    { "send, one packet a call", true, false, 1, 16, false, 167 },
    { "send, 32 packets a call", true, false, 32, 2, false, 114 },
    { "large send of 60 KB, one a call", true, true, 1, 2, false, 185 },
    { "receive, one packet a batch", false, false, 1, 4, false, 195 },
    { "receive, 32 packets a batch", false, false, 32, 2, false, 140 },
    { "coalesced receive of 60 KB, one a batch", false, true, 1, 2, false, 236 },
    { "receive, one a batch, headers apart", false, false, 1, 4, true, 190 },
    { "receive, 32 a batch, headers apart", false, false, 32, 2, true, 149 },
    { "coalesced receive of 60 KB, in 16 MDLs", false, true, 1, 2, true, 317 },
};

/* The same through NDIS's poll, where it is switched on. */
static const struct load polled[] = {
    { "polled receive, one packet a batch", false, false, 1, 4, false, 262 },
    { "polled receive, 8 packets a batch", false, false, 8, 4, false, 189 },
    { "polled receive, 32 packets a batch", false, false, 32, 2, false, 180 },
};

/* A packet or two of each kind that has a short way, which one that goes the other way costs far more than. */
static const struct load common[] = {
    { "send, one packet", true, false, 1, 2, false, 167 },
    { "large send of 60 KB", true, true, 1, 1, false, 185 },
    { "receive, one packet", false, false, 1, 2, false, 195 },
    { "receive, one packet, headers apart", false, false, 1, 2, true, 190 },
    { "coalesced receive of 60 KB", false, true, 1, 1, false, 236 },
};

/* Where UDP datagrams are joined (URO), and others looked at for it. */
static const struct load joining[] = {
    { "receive, one a batch, URO on", false, false, 1, 4, true, 201 },
    { "receive, 32 a batch, URO on", false, false, 32, 2, true, 165 },
    { "UDP receive, 32 joined", false, false, 32, 2, 2, 393 },
};

enum { PAGES = 16, PAGE = 4096, DATAGRAMS = 32, UDP_HEADERS = 42, DATAGRAM = 1400 };

static struct MDL *mdl, *pieces[PAGES];
static uint8_t memory[MEMORY];
static struct MDL *datagram_mdls[DATAGRAMS][2];
static uint8_t datagrams[DATAGRAMS][UDP_HEADERS + DATAGRAM];

static void drain_wire(struct story *story)
{
    static uint8_t bytes[65536 + 64];
    uint32_t q;

    for (q = 0; q < story->queues; q++) {
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        while (memory_port_collect(story->wire, q, &frame, 0) != 0) {
        }
    }
}

static struct NET_BUFFER_LIST *make_chain(struct watch *watch, const struct load *load)
{
    static uint8_t bytes[65536 + 64];
    struct packet_shape shape = { .version = 4,
                                  .protocol = PROTOCOL_TCP,
                                  .payload = load->large ? LARGE_PAYLOAD : 100 };
    struct NET_BUFFER_LIST *chain = NULL, *nbl;
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame), i;

    memcpy(bytes, story_peer_mac, 6);
    for (i = 0; i < load->batch; i++) {
        struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = { .Value = NULL };
        struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };

        nbl = raw_nbl(watch->raw);
        raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
        if (load->large) {
            large.LsoV2Transmit.MSS = MSS;
            large.LsoV2Transmit.TcpHeaderOffset = 34;
            large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        } else {
            sum.Transmit.IsIPv4 = sum.Transmit.TcpChecksum = sum.Transmit.IpHeaderChecksum = 1;
            sum.Transmit.TcpHeaderOffset = 34;
        }
        nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = sum.Value;
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
        if (chain == NULL) {
            chain = nbl;
        } else {
            raw_link(chain, nbl);
        }
    }
    return chain;
}

static struct XENVIF_PACKET_INFO_V2 info = { .Length = HEADERS };
static struct XENVIF_PACKET_HASH_V2 hash;

static struct vif_inject packet_of(const struct load *load, bool more)
{
    hash.Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    hash.Type = XENVIF_PACKET_HASH_TYPE_IPV4_TCP;
    hash.Value = 7;
    info.EthernetHeader.Length = 14;
    info.IpHeader.Offset = 14;
    info.IpHeader.Length = 20;
    info.TcpHeader.Offset = 34;
    info.TcpHeader.Length = 20;
    return (struct vif_inject){ .mdl = load->apart ? pieces[0] : mdl,
                                .length = load->large ? HEADERS + LARGE_PAYLOAD : 200,
                                .mss = load->large ? MSS : 0,
                                .info = &info,
                                .hash = &hash,
                                .checksum = 1u << 0 | 1u << 3,
                                .more = more };
}

/* The driver writes into the headers of what it joins, so they are made anew. */
static void make_datagram(uint32_t number, struct vif_inject *inject)
{
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = DATAGRAM };
    struct frame frame;

    CHECK_EQ(packet_build(&shape, datagrams[number], &frame), sizeof(datagrams[number]));
    inject->mdl = datagram_mdls[number][0];
    inject->length = sizeof(datagrams[number]);
    inject->checksum = 1u << 0 | 1u << 6;
    inject->hash = NULL;
}

static void receive_batch(struct story *story, const struct load *load)
{
    uint32_t i;

    for (i = 0; i < load->batch; i++) {
        struct vif_inject inject = packet_of(load, i + 1 < load->batch);

        if (load->apart == 2) {
            make_datagram(i, &inject);
        }

        vif_inject(STORY_STAND_IN(story), 0, &inject);
    }
}

/* Seconds within which the protocol has returned what it keeps for an application (testbed/ndis/protocol/edge_held.c).
 */
enum { HELD = 5 };

static uint64_t expected_back;

static bool all_back(struct story *story)
{
    (void)story;
    return vif_inject_returned() == expected_back;
}

/* The load once; the chains are made before, so that nothing but its way through the driver lies between start and
 * stop. */
static void carry(struct watch *watch, const struct load *load, bool step)
{
    struct NET_BUFFER_LIST *chains[64];
    struct story *story = watch->story;
    uint32_t i;

    CHECK(load->calls <= 64);
    for (i = 0; load->out && i < load->calls; i++) {
        chains[i] = make_chain(watch, load);
    }
    if (step) {
        step_start(story);
    }
    for (i = 0; i < load->calls; i++) {
        if (load->out) {
            raw_send(watch->raw, chains[i], 0, false);
            CHECK(raw_wait(watch->raw, 5ull * SECOND));
        } else {
            expected_back = vif_inject_returned() + load->batch;
            receive_batch(story, load);
            CHECK(story_until(story, all_back, HELD));
        }
    }
    if (step) {
        step_stop();
    }
    for (i = 0; load->out && i < load->calls; i++) {
        struct NET_BUFFER_LIST *nbl;

        for (nbl = chains[i]; nbl != NULL; nbl = nbl->Next) {
            CHECK_EQ(nbl->Status, NDIS_STATUS_SUCCESS);
        }
    }
    raw_free_all(watch->raw);
    drain_wire(story);
    watch_forget(watch);
}

static void open_memory(void)
{
    mdl = mdl_create(memory, MEMORY);
    for (uint32_t i = 0; i < PAGES; i++) {
        pieces[i] = i == 0 ? mdl_create(memory, HEADERS) : mdl_create(memory + HEADERS + (i - 1) * PAGE, PAGE);
        if (i != 0) {
            pieces[i - 1]->Next = pieces[i];
        }
    }
    for (uint32_t i = 0; i < DATAGRAMS; i++) {
        datagram_mdls[i][0] = mdl_create(datagrams[i], UDP_HEADERS);
        datagram_mdls[i][1] = mdl_create(datagrams[i] + UDP_HEADERS, DATAGRAM);
        datagram_mdls[i][0]->Next = datagram_mdls[i][1];
    }
    frame_plain(memory, 64, story_guest_mac, story_peer_mac, 7);
}

static void close_memory(void)
{
    mdl_free(mdl);
    for (uint32_t i = 0; i < PAGES; i++) {
        mdl_free(pieces[i]);
    }
    for (uint32_t i = 0; i < DATAGRAMS; i++) {
        mdl_free(datagram_mdls[i][0]);
        mdl_free(datagram_mdls[i][1]);
    }
}

static void count_loads(struct story *story, const struct load *load, uint32_t count)
{
    struct watch *watch = watch_open(story);

    presence_close(story); /* it returns some packets late and on any processor: NBLs then come from elsewhere */
    open_memory();
    /* What the start still has to do, such as to follow the queues, is no packet's. */
    sched_sleep(SECOND);
    for (; count != 0; load++, count--) {
        const uint32_t packets = load->batch * load->calls;

        carry(watch, load, false);
        if (!load->out) {
            sched_sleep(3ull * SECOND); /* the watchdog has looked at what was sent, and rests */
        }
        carry(watch, load, true);
        CHECK(step_instructions() > 10 * packets);
        story_count("%s: %.1f instructions a packet", load->what, (double)step_instructions() / packets);
        step_write(load->what);
        /* Another build of the driver, such as the floor or one with coverage counters, has figures of its own, unless
         * whoever built it says that it is compiled as the package's is. */
        CHECK((getenv("XENNET_DRIVER") != NULL && getenv("XENNET_AS_SHIPPED") == NULL) ||
              step_instructions() <= (uint64_t)load->most * packets);
    }
    close_memory();
    watch_close(watch);
}

static void instructions(struct story *story)
{
    count_loads(story, loads, sizeof(loads) / sizeof(loads[0]));
}

static void common_instructions(struct story *story)
{
    count_loads(story, common, sizeof(common) / sizeof(common[0]));
}

static void polled_instructions(struct story *story)
{
    count_loads(story, polled, sizeof(polled) / sizeof(polled[0]));
}

static void joining_instructions(struct story *story)
{
    count_loads(story, joining, sizeof(joining) / sizeof(joining[0]));
}

/* A median of several turns; the figures are no reason to fail. */
static double median(double *values, uint32_t count)
{
    uint32_t i, j;

    for (i = 1; i < count; i++) {
        for (j = i; j > 0 && values[j] < values[j - 1]; j--) {
            const double value = values[j];

            values[j] = values[j - 1];
            values[j - 1] = value;
        }
    }
    return values[count / 2];
}

/* Times that the kernel has taken the processor away from this thread. */
static long switches(void)
{
    struct rusage usage;

    CHECK_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nivcsw;
}

/* This thread stays where its caches are. */
static void stay_here(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void measure_ticks(struct story *story, const struct load *load, uint32_t count, bool polls)
{
    /* Turns that somebody else interrupted are made again, within reason: below a slice of the scheduler each. */
    enum { TURNS = 9, PATIENCE = 500, PACKETS = 20000 };
    struct watch *watch = watch_open(story);
    uint32_t turn, left;

    open_memory();
    native_start(story, polls);
    stay_here();
    for (; count != 0; load++, count--) {
        const struct vif_inject packet = packet_of(load, false);
        struct NET_BUFFER_LIST *chain = load->out ? make_chain(watch, load) : NULL;
        const struct native_load native = { .chain = chain,
                                            .large = chain != NULL
                                                         ? chain->NetBufferListInfo[TcpLargeSendNetBufferListInfo]
                                                         : NULL,
                                            .batch = load->batch,
                                            .packet = &packet };
        double values[TURNS];

        (void)native_run(story, &native, PACKETS / 10);
        for (turn = 0, left = PATIENCE; turn < TURNS; left--) {
            const long before = switches();

            values[turn] = native_run(story, &native, PACKETS);
            turn += switches() == before || left <= TURNS;
        }
        story_count("%s: %.1f ticks a packet", load->what, median(values, TURNS));
    }
    native_end();
}

static void ticks(struct story *story)
{
    measure_ticks(story, loads, sizeof(loads) / sizeof(loads[0]), false);
}

static void polled_ticks(struct story *story)
{
    measure_ticks(story, polled, sizeof(polled) / sizeof(polled[0]), true);
}

static const struct load send_batches = { "", true, false, 32, 8, false, 0 },
                         receive_batches = { "", false, false, 32, 8, false, 0 };

/* Of NDIS and of the backend: one call for 32 packets, whichever way they go. */
static void calls(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct adapter_counters before, after;
    struct vif_counters vif_before, vif_after;
    const uint32_t batches = send_batches.calls;

    open_memory();
    adapter_counters(story->bed.adapter, &before);
    vif_counters(STORY_STAND_IN(story), &vif_before);
    carry(watch, &send_batches, false);
    carry(watch, &receive_batches, false);
    adapter_counters(story->bed.adapter, &after);
    vif_counters(STORY_STAND_IN(story), &vif_after);
    CHECK_EQ(after.tx_packets - before.tx_packets, 32 * batches);
    CHECK_EQ(after.tx_calls - before.tx_calls, batches);
    CHECK_EQ(after.rx_packets - before.rx_packets, 32 * batches);
    CHECK_EQ(after.rx_calls - before.rx_calls, batches);
    /* XenVif may give a batch back in parts, but each part is one call. */
    CHECK(after.tx_completion_calls - before.tx_completion_calls <= 2 * batches);
    CHECK_EQ(vif_after.tx_calls_without_more - vif_before.tx_calls_without_more, batches);
    story_count("%u packets each way: %u send calls, %u completion calls, %u indications, %u ends of a push",
                32 * batches, (unsigned)(after.tx_calls - before.tx_calls),
                (unsigned)(after.tx_completion_calls - before.tx_completion_calls),
                (unsigned)(after.rx_calls - before.rx_calls),
                (unsigned)(vif_after.tx_calls_without_more - vif_before.tx_calls_without_more));
    close_memory();
    watch_close(watch);
}

TEST(batches_of_32_cost_one_ndis_call_each_way_and_one_push)
{
    /* Where NDIS polls, it says how many packets it takes at once. */
    story_everywhere(&(struct story_plan){ .edge_buffers = 16,
                                           .windows = STORY_WINDOWS,
                                           .loose_grants = true,
                                           .prepare = story_inject_start,
                                           .body = calls },
                     3);
}

/* With several queues the hash value decides: NBLs of one value in a row are one push. */
static void pushes(struct story *story)
{
    struct watch *watch = watch_open(story);
    /* A type that XenVif has no name for picks a ring by its value like any other. */
    static const uint32_t types[] = { NDIS_HASH_TCP_IPV4, NDIS_HASH_TCP_IPV6, NDIS_HASH_IPV6, NDIS_HASH_TCP_IPV6_EX };
    struct NET_BUFFER_LIST *chain = make_chain(watch, &send_batches), *nbl;
    struct vif_counters before, after;
    uint32_t i;

    for (nbl = chain, i = 0; nbl != NULL; nbl = nbl->Next, i++) {
        nbl->NetBufferListInfo[NetBufferListHashInfo] = (void *)(uintptr_t)(types[i / 8] | NdisHashFunctionToeplitz);
        nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)(i / 8);
    }
    vif_counters(STORY_STAND_IN(story), &before);
    raw_send(watch->raw, chain, 0, false);
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    vif_counters(STORY_STAND_IN(story), &after);
    CHECK_EQ(after.tx_packets - before.tx_packets, 32);
    CHECK_EQ(after.tx_calls_without_more - before.tx_calls_without_more, 4);
    story_count("32 packets of 4 hash values in one call: 4 ends of a push");
    drain_wire(story);
    raw_free_all(watch->raw);
    watch_close(watch);
}

TEST(one_send_call_is_one_push_for_each_hash_value)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .queues = 4, .body = pushes }, 1);
}

static void check_no_memory(const char *when)
{
    static const char *const names[] = { "NdisAllocate", "NdisFree", "ExAllocate", "ExFree", "ExInterlocked" };
    uint32_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (step_calls(names[i]) != 0) {
            test_fail(__FILE__, __LINE__, "%s: %u calls of %s*", when, (unsigned)step_calls(names[i]), names[i]);
        }
    }
}

/* Some batches are kept by the edge until a DPC gives them back. Nothing that the edge keeps comes back while this
 * processor stays at DISPATCH_LEVEL: NBLs run out, and the reserve has to do. */
static void run_dry(struct story *story)
{
    const struct load batch = { "", false, false, 8, 1, false, 0 }, more = { "", false, false, 40, 1, false, 0 };
    uint64_t calls;
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct adapter_counters before, after;
    uint32_t i;

    adapter_counters(story->bed.adapter, &before);
    for (i = 0; i < 400; i++) {
        if (i == 390) {
            step_start(story);
        }
        receive_batch(story, &batch);
    }
    step_stop();
    adapter_counters(story->bed.adapter, &after);
    CHECK(after.rx_low_resources - before.rx_low_resources > 10 * 8);
    CHECK_EQ(after.rx_packets - before.rx_packets, 400 * 8);
    /* Batches stay batches: 8 packets on the reserve are one call, and 40 are two, the reserve being 32. */
    calls = after.rx_calls;
    receive_batch(story, &batch);
    adapter_counters(story->bed.adapter, &after);
    CHECK_EQ(after.rx_calls - calls, 1);
    receive_batch(story, &more);
    adapter_counters(story->bed.adapter, &after);
    CHECK_EQ(after.rx_calls - calls, 3);
    /* A lie costs its packet and no NBL of the reserve. */
    for (i = 0; i < 40; i++) {
        const struct vif_inject lie = { .mdl = mdl, .length = 5 };

        vif_inject(STORY_STAND_IN(story), 0, &lie);
    }
    receive_batch(story, &more);
    irql_lower(old);
    check_no_memory("low resources");
    story_count("%u packets on the reserve, nothing allocated",
                (unsigned)(after.rx_low_resources - before.rx_low_resources));
}

static void no_memory_no_locks(struct story *story)
{
    struct watch *watch = watch_open(story);

    open_memory();
    carry(watch, &send_batches, false);
    carry(watch, &send_batches, true);
    CHECK(step_calls("NdisMSendNetBufferListsComplete") >= send_batches.calls);
    CHECK_EQ(step_calls("KeAcquire"), 0);
    check_no_memory("sending");
    carry(watch, &receive_batches, false);
    carry(watch, &receive_batches, true);
    CHECK_EQ(step_calls("NdisMIndicateReceiveNetBufferLists"), receive_batches.calls);
    CHECK_EQ(step_calls("KeAcquire"), 0);
    check_no_memory("receiving");
    expected_back = vif_inject_returned() + 400 * 8 + 8 + 3 * 40;
    run_dry(story);
    CHECK(story_until(story, all_back, HELD));
    close_memory();
    watch_close(watch);
}

static const struct load lone_sends = { "", true, false, 1, 8, false, 0 };

/* Nothing else is out when the one packet comes back, so nothing has to be waited for. */
static void check_no_dpc(struct watch *watch)
{
    carry(watch, &lone_sends, false);
    carry(watch, &lone_sends, true);
    CHECK_EQ(step_calls("NdisMSendNetBufferListsComplete"), lone_sends.calls);
    CHECK_EQ(step_calls("KeInsertQueueDpc"), 0);
}

static void no_dpc(struct story *story)
{
    struct watch *watch = watch_open(story);

    check_no_dpc(watch);
    /* The first ones of a batch cannot know how many come with them. */
    carry(watch, &send_batches, true);
    CHECK(step_calls("KeInsertQueueDpc") <= send_batches.calls);
    watch_close(watch);
}

TEST(a_lone_send_is_completed_without_a_dpc)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .loose_grants = true, .body = no_dpc });
}

/* XenVif gives back what is out from within Disable, where a DPC has to complete it; behind that none has to. */
static void no_dpc_after_a_pause(struct story *story)
{
    struct watch *watch = watch_open(story);

    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    check_no_dpc(watch);
    watch_close(watch);
}

TEST(a_lone_send_after_a_pause_is_completed_without_a_dpc)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .body = no_dpc_after_a_pause });
}

TEST(a_packet_costs_no_allocation_and_no_lock)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .prepare = story_inject_start,
                                    .body = no_memory_no_locks });
}

TEST(a_common_packet_goes_the_short_way)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_VIF9,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .prepare = story_inject_start,
                                    .body = common_instructions });
}

TEST(instructions_of_a_packet_are_counted)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_VIF9, /* the limits are those of the newest VIF */
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .prepare = story_inject_start,
                                    .body = instructions });
}

static void run_polled(void (*prepare)(const struct story_plan *plan), void (*body)(struct story *story))
{
    static const char *const polling[] = { "*NdisPoll=1", "*UdpRsc=0", NULL };

    poll_vary(false);
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_VIF9,
                                    .seed = test_seed(),
                                    .windows = "11-24h2",
                                    .set = polling,
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .prepare = prepare,
                                    .body = body });
    poll_vary(true);
}

TEST(instructions_of_a_polled_packet_are_counted)
{
    run_polled(story_inject_start, polled_instructions);
}

TEST(instructions_of_joined_datagrams_are_counted)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_VIF9,
                                    .seed = test_seed(),
                                    .windows = "11-24h2",
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .prepare = story_inject_start,
                                    .body = joining_instructions });
}

TEST(ticks_of_a_packet_are_measured)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_VIF9,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .body = ticks });
}

TEST(ticks_of_a_polled_packet_are_measured)
{
    run_polled(NULL, polled_ticks);
}
