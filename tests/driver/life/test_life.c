/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of an adapter under traffic: connect, send, receive, pause, restart, halt. On the simulated scheduler
 * over many seeds and on the live one, with every VIF version. What is sent outside a pause arrives exactly once; what
 * is on its way when a pause comes is completed, never lost without a trace and never doubled; nothing is left behind.
 */
#include "nt/memory/guard.h"
#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FRAMES = 48, SEEDS = 200 };

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

/* Traffic both ways while nothing else happens: all of it must arrive. */
static void quiet_exchange(struct story *story)
{
    uint32_t out = story->out.sent, in = story->in.sent, lost_out = 0, lost_in = 0, i;
    struct task *sender, *injector;

    for (i = 0; i < out; i++) {
        lost_out += story->out.arrived[i] == 0;
    }
    for (i = 0; i < in; i++) {
        lost_in += story->in.arrived[i] == 0;
    }
    sender = task_spawn("sender", 0, send_some, story);
    injector = task_spawn("injector", 0, inject_some, story);
    task_join(sender);
    task_join(injector);
    story_collect(story, out + FRAMES - lost_out);
    story_wait_received(story, in + FRAMES - lost_in);
    story_check(&story->out, lost_out);
    story_check(&story->in, lost_in);
}

static void life(struct story *story)
{
    struct adapter_counters counters;
    struct task *sender, *injector;

    quiet_exchange(story);

    /* Pause and restart in the middle of traffic. */
    sender = task_spawn("sender", 0, send_some, story);
    injector = task_spawn("injector", 0, inject_some, story);
    CHECK_EQ(adapter_pause(story->bed.adapter), 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), 0);
    task_join(sender);
    task_join(injector);
    story_collect(story, story->out.sent);
    story_wait_received(story, story->in.sent);
    story_check(&story->out, FRAMES);
    story_check(&story->in, FRAMES);

    quiet_exchange(story);
    CHECK_EQ(adapter_pause(story->bed.adapter), 0); /* nothing may be on its way after it */
    adapter_counters(story->bed.adapter, &counters);
    CHECK_EQ(counters.tx_completions, counters.tx_packets);
    CHECK_EQ(counters.rx_returns, counters.rx_packets);
    CHECK_EQ(adapter_restart(story->bed.adapter), 0);
}

TEST(connect_send_receive_pause_restart_halt_over_many_seeds)
{
    uint32_t seeds = test_seeds(SEEDS), i;

    for (i = 0; i < seeds; i++) {
        uint64_t seed = test_seed_given() ? test_seed() : test_seed() + i;
        struct story_plan plan = { .kind = SCHED_SIMULATED,
                                   .seed = seed,
                                   .vif_version = 8 + (uint32_t)(seed % 3),
                                   .queues = 1 + (uint32_t)(seed / 3 % 2),
                                   .windows = story_windows((uint32_t)(seed / 6)),
                                   .body = life };

        story_run(&plan);
    }
}

TEST(connect_send_receive_pause_restart_halt_live)
{
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        struct story_plan plan = { .kind = SCHED_LIVE,
                                   .seed = test_seed(),
                                   .vif_version = version,
                                   .queues = 2,
                                   .windows = story_windows(version),
                                   .body = life };

        story_run(&plan);
    }
}

static void read_trace(const char *path, char **bytes, size_t *size)
{
    FILE *file = fopen(path, "r");

    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    rewind(file);
    *bytes = malloc(*size + 1);
    CHECK(*bytes != NULL);
    CHECK_EQ(fread(*bytes, 1, *size, file), *size);
    fclose(file);
}

TEST(the_same_seed_gives_the_same_trace_byte_for_byte)
{
    char paths[3][TEST_MAX_PATH], *traces[3];
    size_t sizes[3], i;

    for (i = 0; i < 3; i++) {
        struct story_plan plan = {
            .kind = SCHED_SIMULATED, .seed = test_seed() + (i == 2), .queues = 2, .trace_path = paths[i], .body = life
        };

        test_temporary(paths[i], "trace.%zu", i);
        story_run(&plan);
        read_trace(paths[i], &traces[i], &sizes[i]);
        unlink(paths[i]);
    }
    CHECK(sizes[0] > 10000);
    CHECK_EQ(sizes[0], sizes[1]);
    CHECK(memcmp(traces[0], traces[1], sizes[0]) == 0);
    CHECK(sizes[2] != sizes[0] || memcmp(traces[0], traces[2], sizes[0]) != 0); /* another seed is another run */
    for (i = 0; i < 3; i++) {
        free(traces[i]);
    }
}

static void with_guard_pages(const struct story_plan *plan)
{
    (void)plan;
    guard_pages = true;
}

TEST(a_life_with_guard_pages_touches_nothing_beyond_its_memory)
{
    story_everywhere(&(struct story_plan){ .queues = 2, .prepare = with_guard_pages, .body = life, .quiet = true }, 3);
}
