/* SPDX-License-Identifier: BSD-2-Clause */
/* The port in memory, under both schedulers. */
#include <errno.h>

#include "harness.h"
#include "run/sched.h"
#include "wire/port.h"

static void run(void (*body)(void *), enum sched_kind kind, uint64_t seed)
{
    const struct sched_options options = { .kind = kind, .seed = seed };

    CHECK_EQ(sched_run(&options, body, NULL), 0);
}

static void run_all(void (*body)(void *))
{
    uint32_t seeds = test_seeds(50), i;

    run(body, SCHED_LIVE, 1);
    for (i = 0; i < seeds; i++) {
        run(body, SCHED_SIMULATED, test_seed() + i);
    }
}

static struct port *port;

static struct frame frame_over(uint8_t *bytes, uint32_t length)
{
    return (struct frame){ .vectors = { { bytes, length } }, .vector_count = 1, .length = length };
}

/* Echoes what it receives, as a backend would, until the port is stopped. */
static void echo(void *unused)
{
    uint8_t bytes[2048];
    struct frame frame = frame_over(bytes, sizeof(bytes));

    (void)unused;
    while (port_receive(port, 0, &frame) != 0) {
        frame.vectors[0].iov_len = frame.length;
        while (port_send(port, 0, &frame) == -EAGAIN) {
            sched_point("echo waits");
        }
        frame.vectors[0].iov_len = sizeof(bytes);
        sched_point("echo");
    }
}

static void echoed(void *unused)
{
    uint8_t out[2048], in[2048];
    struct task *task;
    uint32_t i, sent = 0, came = 0;

    (void)unused;
    port = memory_port_create(1, 8);
    task = task_spawn("echo", 0, echo, NULL);
    while (came < 300) {
        struct frame frame = frame_over(out, 14 + sent % 1500), back = frame_over(in, sizeof(in));

        memset(out, (int)sent, frame.length);
        frame.offload.checksum_start = (uint16_t)sent;
        if (sent < 300 && memory_port_inject(port, 0, &frame) == 0) {
            sent++;
            continue;
        }
        CHECK(memory_port_collect(port, 0, &back, 10000000000ull) != 0);
        CHECK_EQ(back.length, 14 + came % 1500);
        CHECK_EQ(back.offload.checksum_start, came);
        for (i = 0; i < back.length; i++) {
            CHECK_EQ(in[i], (uint8_t)came);
        }
        came++;
    }
    port_stop(port);
    task_join(task);
    struct port_counters counters;
    port_counters(port, &counters);
    CHECK_EQ(counters.received, 300);
    CHECK_EQ(counters.sent, 300);
    CHECK_EQ(counters.receive_dropped, 0);
    port_destroy(port);
}

TEST(frames_pass_in_order_with_their_offloads)
{
    run_all(echoed);
}

static void limits(void *unused)
{
    static uint8_t bytes[MAX_FRAME_BYTES + 1];
    struct frame frame = frame_over(bytes, 100), small = frame_over(bytes, 50);
    struct port_counters counters;
    uint64_t start;
    uint32_t i;

    (void)unused;
    port = memory_port_create(2, 4);
    for (i = 0; i < 4; i++) {
        CHECK_EQ(port_send(port, 1, &frame), 0);
    }
    CHECK_EQ(port_send(port, 1, &frame), -EAGAIN);
    CHECK_EQ(memory_port_inject(port, 0, &frame), 0);
    CHECK_EQ(port_try_receive(port, 0, &small), 0); /* longer than the vectors: dropped */
    port_counters(port, &counters);
    CHECK_EQ(counters.receive_dropped, 1);
    CHECK_EQ(counters.send_refused, 1);
    frame.length = MAX_FRAME_BYTES + 1;
    frame.vectors[0].iov_len = frame.length;
    CHECK_EQ(memory_port_inject(port, 0, &frame), -EINVAL);
    CHECK_EQ(port_set_queues(port, 3), -EINVAL);
    CHECK_EQ(port_set_queues(port, 1), 0);
    CHECK_EQ(memory_port_inject(port, 1, &small), -ENOENT);
    start = sched_now();
    CHECK_EQ(memory_port_collect(port, 0, &small, 1000000), 0);
    CHECK(sched_now() - start >= 1000000);
    port_interrupt(port, 0);
    CHECK(!port_wait(port, 0));
    port_stop(port);
    CHECK_EQ(port_receive(port, 0, &small), 0);
    port_destroy(port);
}

TEST(full_ring_long_frame_timeout_interrupt_and_stop)
{
    run_all(limits);
}
