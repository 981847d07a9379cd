/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving by NDIS poll, where Windows has it: every packet once, pauses in the middle of traffic, and the same
 * without. On the simulated scheduler over many seeds and on the live one.
 */
#include "story.h"

#include "ndis/protocol/raw.h"

enum { FRAMES = 64, SEEDS = 60 };

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

static void tell(enum sched_kind kind, uint64_t seed, const char *const *set)
{
    struct story_plan plan = { .kind = kind,
                               .seed = seed,
                               .vif_version = 8 + (uint32_t)(seed % 3),
                               .queues = 2,
                               .windows = "11-24h2",
                               .set = set,
                               .tell = receive_and_pause };

    story_run(&plan);
}

TEST(polled_packets_arrive_once_and_pauses_leave_none_behind)
{
    uint32_t seeds = test_seeds(SEEDS), i;

    for (i = 0; i < seeds; i++) {
        tell(SCHED_SIMULATED, test_seed_given() ? test_seed() : test_seed() + i, NULL);
    }
}

TEST(polled_packets_arrive_once_live)
{
    tell(SCHED_LIVE, test_seed(), NULL);
}

TEST(the_keyword_ndispoll_switches_polling_off)
{
    static const char *const set[] = { "*NdisPoll=0", NULL };

    tell(SCHED_SIMULATED, test_seed(), set);
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

static void keep_order(struct story *story)
{
    struct order order = { 0, 0 };
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = &order };
    struct raw *raw = raw_open(story->bed.adapter, &options);

    story_inject(story, 0, 8 * FRAMES);
    story_wait_received(story, 8 * FRAMES);
    story_check(&story->in, 0);
    CHECK_EQ(order.wrong, 0);
    raw_close(raw);
}

TEST(polled_packets_keep_their_order)
{
    uint32_t i;

    for (i = 0; i < 10; i++) {
        struct story_plan plan = {
            .kind = SCHED_SIMULATED, .seed = test_seed() + i, .queues = 1, .windows = "11-24h2", .tell = keep_order
        };

        story_run(&plan);
    }
}
