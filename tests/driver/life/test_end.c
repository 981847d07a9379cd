/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends that come early or from outside: a provider without a VIF version that the driver knows, surprise removal,
 * shutdown and low power in the middle of traffic. Whatever happens, what was taken is returned and nothing arrives
 * twice or damaged.
 */
#include "nt/io/pnp.h"
#include "story.h"

enum { FRAMES = 64, SEEDS = 40 };

static void send_some(void *argument)
{
    struct story *story = argument;

    story_send(story, 0, FRAMES, 1 + (uint32_t)sched_random(8));
}

static void inject_some(void *argument)
{
    struct story *story = argument;

    story_inject(story, 0, FRAMES);
}

/* `happen` in the middle of traffic both ways; frames may be lost from then on, but not doubled and not damaged. */
static void amid_traffic(struct story *story, void (*happen)(struct story *story))
{
    struct task *sender = task_spawn("sender", 0, send_some, story),
                *injector = task_spawn("injector", 0, inject_some, story);

    happen(story);
    task_join(sender);
    task_join(injector);
    story_collect(story, story->out.sent);
    story_check(&story->out, FRAMES);
    story_check(&story->in, FRAMES);
}

static void everywhere(void (*body)(struct story *story))
{
    uint32_t seeds = test_seeds(SEEDS), i;

    for (i = 0; i < seeds; i++) {
        uint64_t seed = test_seed_given() ? test_seed() : test_seed() + i;
        struct story_plan plan = { .kind = SCHED_SIMULATED,
                                   .seed = seed,
                                   .vif_version = 8 + (uint32_t)(seed % 3),
                                   .queues = 1 + (uint32_t)(seed / 3 % 2),
                                   .windows = story_windows((uint32_t)(seed / 6)),
                                   .body = body };

        story_run(&plan);
    }
    story_run(&(struct story_plan){ .kind = SCHED_LIVE, .queues = 2, .body = body });
}

static void remove_surprisingly(struct story *story)
{
    adapter_surprise_remove(story->bed.adapter);
}
static void surprise(struct story *story)
{
    amid_traffic(story, remove_surprisingly);
}
TEST(surprise_removal_amid_traffic_returns_everything)
{
    everywhere(surprise);
}

static void shut_down(struct story *story)
{
    adapter_shutdown(story->bed.adapter);
}
static void shutdown_story(struct story *story)
{
    amid_traffic(story, shut_down);
}
TEST(shutdown_amid_traffic_stops_the_packets)
{
    everywhere(shutdown_story);
}

static void sleep_and_wake(struct story *story)
{
    CHECK_EQ(adapter_set_power(story->bed.adapter, 4), 0); /* NdisDeviceStateD3 */
    CHECK_EQ(adapter_set_power(story->bed.adapter, 1), 0); /* NdisDeviceStateD0 */
}

static void low_power(struct story *story)
{
    uint32_t out, in, lost_out = 0, lost_in = 0, i;

    amid_traffic(story, sleep_and_wake);
    story_wait_received(story, story->in.sent);
    for (i = 0; i < FRAMES; i++) {
        lost_out += story->out.arrived[i] == 0;
        lost_in += story->in.arrived[i] == 0;
    }
    out = story->out.sent;
    in = story->in.sent;
    story_send(story, 0, FRAMES, 4);
    story_inject(story, 0, FRAMES);
    story_collect(story, out + FRAMES - lost_out);
    story_wait_received(story, in + FRAMES - lost_in);
    story_check(&story->out, lost_out); /* awake, it loses nothing */
    story_check(&story->in, lost_in);
}
TEST(low_power_amid_traffic_and_awake_again)
{
    everywhere(low_power);
}

static void refused(struct story *story)
{
    CHECK(!story->started);
    CHECK_CONTAINS(story->error, "(1): VIF, 8, 10");
    CHECK_CONTAINS(story->error, "XenVif offers no VIF interface of version 8 to 10");
    CHECK(strstr(story->error, "left behind") == NULL);
}
TEST(a_provider_without_a_known_vif_version_is_refused_by_name)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .stand_in = "a XenVif offers the versions that it has",
                                    .vif_version = 11,
                                    .may_not_start = true,
                                    .body = refused });
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .stand_in = "a XenVif offers the versions that it has",
                                    .vif_version = 7,
                                    .may_not_start = true,
                                    .body = refused });
}

static void late_interfaces(const struct story_plan *plan)
{
    (void)plan;
    pnp_interfaces_come_late = true;
}

static void served(struct story *story)
{
    story_send(story, 0, FRAMES, 4);
    story_inject(story, 0, FRAMES);
    story_check_from(story, 0, 0);
}

TEST(interfaces_that_come_late_are_waited_for)
{
    for (uint32_t i = 0; i < 6; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .vif_version = 8 + i % 3,
                                        .edge_buffers = 16,
                                        .prepare = late_interfaces,
                                        .body = served });
    }
}
