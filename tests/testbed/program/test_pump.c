/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole bed with a port on both sides, as the program has it: queues and processors in every number. */
#include <errno.h>
#include <stdio.h>

#include "harness.h"
#include "nt/export/version.h"
#include "program/bed.h"
#include "story.h"
#include "xenvif/offer/release.h"

enum { SECOND = 1000000000, DEPTH = 64, MOST = 16, FRAME_BYTES = 100 };

struct shape {
    enum sched_kind kind;
    uint32_t queues, processors;
};

static struct port *guest, *wire;

/* A broadcast frame of a protocol that nobody knows, which passes every filter; its last bytes are its number. */
static struct frame frame_of(uint8_t *bytes, uint32_t number)
{
    memset(bytes, 0xff, 6);
    memcpy(bytes + 6, "\x02\x00\x00\x00\x00\x01\x88\xb5", 8);
    memset(bytes + 14, (int)number, FRAME_BYTES - 14);
    return (struct frame){ .vectors = { { bytes, FRAME_BYTES } }, .vector_count = 1, .length = FRAME_BYTES };
}

/* Waits on each queue of the other end in turn until the frame has come, as it was sent. */
static void must_arrive(struct port *to, uint32_t queues, uint32_t number)
{
    uint8_t got[2048], expected[FRAME_BYTES];
    uint64_t deadline = sched_now() + 10ull * SECOND;
    uint32_t q = 0;

    frame_of(expected, number);
    while (sched_now() < deadline) {
        struct frame frame = { .vectors = { { got, sizeof(got) } }, .vector_count = 1 };

        if (memory_port_collect(to, q++ % queues, &frame, SECOND / 1000) != 0) {
            CHECK_EQ(frame.length, FRAME_BYTES);
            CHECK(memcmp(got, expected, FRAME_BYTES) == 0);
            return;
        }
    }
    test_fail(__FILE__, __LINE__, "frame %u never came", number);
}

static void cross(struct port *from, struct port *to, uint32_t queues)
{
    for (uint32_t q = 0; q < queues; q++) {
        uint8_t bytes[FRAME_BYTES];
        struct frame frame = frame_of(bytes, q + 1);
        int failure = memory_port_inject(from, q, &frame);

        if (failure == -ENOENT && q != 0) {
            return; /* XenVif has agreed with the backend on fewer queues */
        }
        CHECK_EQ(failure, 0);
        must_arrive(to, queues, q + 1);
    }
}

static void run_bed(void *argument)
{
    const struct shape *shape = argument;
    struct bed_options options = {
        .driver_path = story_driver(),
        .inf_path = story_inf(),
        .processors = shape->processors,
        .queues = shape->queues,
        .vif_version = 10,
        .mtu = 1500,
        .edge_buffers = 16,
        .release = &vif_releases[0],
    };
    struct leaks leaks = { 0 };
    struct bed bed;
    char error[512];

    guest = options.guest_port = memory_port_create(shape->queues, DEPTH);
    wire = options.wire_port = memory_port_create(shape->queues, DEPTH);
    CHECK(bed_start(&bed, &options, error, sizeof(error)));
    cross(guest, wire, shape->queues);
    cross(wire, guest, shape->queues);
    bed_stop(&bed, &leaks);
    CHECK_EQ(leaks.count, 0);
    port_destroy(guest);
    port_destroy(wire);
}

static void run_shape(void *argument)
{
    const struct shape *shape = argument;
    const struct sched_options options = { .kind = shape->kind, .seed = test_seed() };

    windows_simulate(windows_version_find(STORY_WINDOWS));
    CHECK_EQ(sched_run(&options, run_bed, argument), 0);
}

static void every_shape(enum sched_kind kind)
{
    static char text[1 << 16];

    (void)story_driver();
    for (uint32_t queues = 1; queues <= MOST; queues++) {
        for (uint32_t processors = 1; processors <= MOST; processors++) {
            struct shape shape = { kind, queues, processors };

            if (test_child(run_shape, &shape, text, sizeof(text)) != 0) {
                test_fail(__FILE__, __LINE__, "%u queues on %u processors: %s", queues, processors, text);
            }
        }
    }
}

TEST(every_number_of_queues_carries_frames_on_every_number_of_processors)
{
    every_shape(SCHED_LIVE);
}

TEST(every_number_of_queues_and_processors_is_carried_in_simulation)
{
    every_shape(SCHED_SIMULATED);
}

static void more_tasks_than_processors(void *unused)
{
    (void)unused;
    nt_start(3);
    for (uint32_t i = 0; i < 16; i++) {
        struct task *task = task_spawn("idle", i, (void (*)(void *))sched_point, "idle");

        CHECK_EQ(task->processor, i % 3);
        task_join(task);
    }
    nt_stop();
}

TEST(a_task_is_on_a_processor_that_there_is)
{
    const struct sched_options options = { .kind = SCHED_SIMULATED, .seed = test_seed() };

    CHECK_EQ(sched_run(&options, more_tasks_than_processors, NULL), 0);
}
