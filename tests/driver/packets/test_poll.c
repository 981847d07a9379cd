/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving by NDIS poll, where Windows has it: every packet once, pauses in the middle of traffic, and the same
 * without. On the simulated scheduler over many seeds and on the live one.
 */
#include "story_watch.h"

#include <sys/mman.h>

#include "nt/export/fail.h"
#include "nt/export/version.h"
#include "xenvif/offer/hostile.h"

enum { FRAMES = 64, SEEDS = 60, MAX_CALLS = 200 };

static const char *const polling[] = { "*NdisPoll=1", NULL };

static void inject_some(void *argument)
{
    story_inject(argument, 0, FRAMES);
}

static void receive_and_pause(struct story *story)
{
    struct task *injector;

    story_inject(story, 0, FRAMES);
    story_wait_received(story, FRAMES);
    story_check(&story->in, 0);

    injector = task_spawn("injector", 0, inject_some, story);
    CHECK_EQ(adapter_pause(story->bed.adapter), 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), 0);
    task_join(injector);
    story_wait_received(story, story->in.sent);
    story_check(&story->in, FRAMES);
    CHECK_EQ(adapter_pause(story->bed.adapter), 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), 0);
}

static void run(enum sched_kind kind, uint64_t seed, void (*body)(struct story *story))
{
    struct story_plan plan = { .kind = kind,
                               .seed = seed,
                               .vif_version = 8 + (uint32_t)(seed % 3),
                               .queues = 2,
                               .windows = "11-24h2",
                               .set = polling,
                               .body = body };

    story_run(&plan);
}

static struct polls {
    uint32_t passive, astray; /* runs that had some */
} *polls;                     /* the children's too */

static void look_at_polls(struct story *story)
{
    struct adapter_counters counters;

    receive_and_pause(story);
    adapter_counters(story->bed.adapter, &counters);
    polls->passive += counters.polls_passive != 0;
    polls->astray += counters.polls_astray != 0;
    CHECK_EQ(counters.polled_astray, 0);
}

/* A queue is of the processor that XenVif's packets come on. NdisSetPollAffinity's page: one poll may still be
 * elsewhere, and polls come at PASSIVE_LEVEL as well. */
TEST(polled_packets_arrive_once_and_pauses_leave_none_behind)
{
    uint32_t seeds = test_seeds(SEEDS), i;

    polls = mmap(NULL, sizeof(*polls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(polls != MAP_FAILED);
    for (i = 0; i < seeds; i++) {
        run(SCHED_SIMULATED, test_seed_given() ? test_seed() : test_seed() + i, look_at_polls);
    }
    CHECK(seeds < SEEDS || test_seed_given() || (polls->passive != 0 && polls->astray != 0));
    munmap(polls, sizeof(*polls));
}

TEST(polled_packets_arrive_once_live)
{
    run(SCHED_LIVE, test_seed(), receive_and_pause);
}

static void count_objects(struct story *story)
{
    const uint32_t *wanted = story->plan->detail;
    struct adapter_counters counters;

    adapter_counters(story->bed.adapter, &counters);
    CHECK_EQ(counters.polls_made, *wanted);
    receive_and_pause(story);
    adapter_counters(story->bed.adapter, &counters);
    CHECK_EQ(counters.polls != 0, *wanted != 0);
}

static void count_with(const char *const *set, uint32_t processors, uint32_t wanted)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .queues = 2,
                                    .processors = processors,
                                    .windows = "11-24h2",
                                    .set = set,
                                    .detail = &wanted,
                                    .body = count_objects });
}

TEST(ndis_polls_where_the_keyword_says_so_and_each_rss_processor_has_one_poll_object)
{
    static const char *const off[] = { "*NdisPoll=0", NULL };
    static const char *const three[] = { "*NdisPoll=1", "*MaxRssProcessors=3", NULL };

    count_with(NULL, 8, 0);
    count_with(off, 8, 0);
    count_with(polling, 8, 8);
    count_with(three, 8, 3);
}

static void simulate_version(const struct story_plan *plan)
{
    static struct windows_version windows;

    windows = *windows_version_find(plan->windows);
    windows.ndis_minor = 85;
    windows_simulate(&windows);
}

/* NDIS 6.85, of Windows 11 21H2 and Windows Server 2022, is the first that polls. */
TEST(ndis_6_85_polls)
{
    uint32_t wanted = 2;

    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .queues = 2,
                                    .windows = "11-24h2",
                                    .set = polling,
                                    .prepare = simulate_version,
                                    .detail = &wanted,
                                    .body = count_objects });
}

/* A poll object that NDIS does not register, or memory for them that there is not: packets go up as they come, and
 * nothing is left behind of what was made before. */
struct refusal {
    uint32_t n; /* the call of the start that fails */
    uint32_t *met;
};

static void fail_one(const struct story_plan *plan)
{
    fail_at(((const struct refusal *)plan->detail)->n);
}

static void without_polling(struct story *story)
{
    const struct refusal *refusal = story->plan->detail;
    struct adapter_counters counters;
    char call[1024];

    fail_disarm();
    if (!fail_described(call, sizeof(call)) || strstr(call, "PollCreate") == NULL) {
        return;
    }
    ++*refusal->met;
    CHECK(story->started);
    receive_and_pause(story);
    adapter_counters(story->bed.adapter, &counters);
    CHECK_EQ(counters.polls, 0);
}

TEST(packets_arrive_where_ndis_registers_no_poll_object)
{
    uint32_t *met = mmap(NULL, sizeof(*met), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* a child's */
    struct refusal refusal = { .met = met };
    uint32_t before = 0;

    CHECK(met != MAP_FAILED);
    /* Until those of PollCreate, which follow each other, are through. */
    for (refusal.n = 1; refusal.n <= MAX_CALLS && (before == 0 || *met != before); refusal.n++) {
        before = *met;
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .stand_in = "a call may fail in XenVif, which then uses what it did not get",
                                        .windows = "11-24h2",
                                        .queues = 2,
                                        .set = polling,
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .may_not_start = true,
                                        .quiet = true,
                                        .detail = &refusal,
                                        .prepare = fail_one,
                                        .body = without_polling });
    }
    CHECK(story_xenvif() != NULL || *met >= 7); /* two blocks of memory, four routines, one object */
    munmap(met, sizeof(*met));
}

/* The machine goes down while packets wait to be polled: nobody takes them any more, and nobody polls for them. */
static void go_down(struct story *story)
{
    struct adapter_counters before, after;
    uint32_t tries;

    story_inject(story, 0, 8 * FRAMES);
    for (tries = 0; tries < 100000; tries++) {
        adapter_counters(story->bed.adapter, &before);
        if (before.rx_packets > 5) {
            break;
        }
        sched_point("packets on their way");
    }
    adapter_shutdown(story->bed.adapter);
    for (tries = 0; tries < 20; tries++) {
        story_rest();
    }
    adapter_counters(story->bed.adapter, &before);
    for (tries = 0; tries < 20; tries++) {
        story_rest();
    }
    adapter_counters(story->bed.adapter, &after);
    CHECK_EQ(after.polls, before.polls);
}

TEST(nobody_polls_after_a_shutdown)
{
    uint32_t i;

    for (i = 0; i < 8; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .queues = 1,
                                        .windows = "11-24h2",
                                        .set = polling,
                                        .edge_buffers = 32,
                                        .loose_grants = true,
                                        .body = go_down });
    }
}

/* Few NBLs for many packets: what is scarce goes up at once and must not overtake what waits to be polled. */
struct order {
    uint32_t last, wrong;
};

static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    struct order *order = context;
    uint32_t number;

    (void)processor, (void)flags;
    if (nb->DataLength != STORY_FRAME_BYTES) {
        return;
    }
    memcpy(&number, (uint8_t *)nb->CurrentMdl->MappedSystemVa + nb->CurrentMdlOffset + 42, sizeof(number));
    order->wrong += number != 0 && number <= order->last;
    order->last = number;
}

enum { PACKETS = 1000 };

static bool all_back(struct story *story)
{
    (void)story;
    return vif_inject_returned() == PACKETS;
}

/* NDIS polls at DISPATCH_LEVEL: while this processor stays there packets wait to be polled, and NBLs run out. */
static void keep_order(struct story *story)
{
    static uint8_t memory[PACKETS][STORY_FRAME_BYTES];
    static struct MDL *mdls[PACKETS];
    struct order order = { 0, 0 };
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = &order };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct XENVIF_PACKET_INFO_V2 info = { .Length = 14 };
    struct XENVIF_PACKET_HASH_V2 hash;
    struct adapter_counters counters;
    uint32_t i;
    uint8_t old;

    memset(&hash, 0, sizeof(hash));
    processor_pin(0);
    for (i = 0; i < PACKETS; i++) {
        frame_plain(memory[i], STORY_FRAME_BYTES, story_guest_mac, story_peer_mac, i);
        memcpy(memory[i] + 42, &i, sizeof(i));
        mdls[i] = mdl_create(memory[i], STORY_FRAME_BYTES);
    }
    old = irql_raise(DISPATCH_LEVEL);
    for (i = 0; i < PACKETS; i++) {
        vif_inject(STORY_STAND_IN(story), 0,
                   &(struct vif_inject){
                       .mdl = mdls[i], .length = STORY_FRAME_BYTES, .info = &info, .hash = &hash, .more = i % 8 != 7 });
    }
    irql_lower(old);
    CHECK(story_until(story, all_back, 20));
    CHECK_EQ(order.wrong, 0);
    CHECK_EQ(order.last, PACKETS - 1);
    adapter_counters(story->bed.adapter, &counters);
    CHECK(counters.rx_low_resources > 0 && counters.rx_low_resources < PACKETS);
    story_count("%u packets in order, %u of them on the reserve", PACKETS, (unsigned)counters.rx_low_resources);
    raw_close(raw);
    for (i = 0; i < PACKETS; i++) {
        mdl_free(mdls[i]);
    }
}

TEST(polled_packets_keep_their_order)
{
    uint32_t i;

    for (i = 0; i < 10; i++) {
        struct story_plan plan = { .kind = SCHED_SIMULATED,
                                   .seed = test_seed() + i,
                                   .queues = 1,
                                   .windows = "11-24h2",
                                   .set = polling,
                                   .prepare = story_inject_start,
                                   .body = keep_order };

        story_run(&plan);
    }
}
