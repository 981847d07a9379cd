/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels: binding, delivery, masks, closing while the other side sends. */
#include <errno.h>
#include <limits.h>

#include "xen_run.h"

static void count_up(void *argument)
{
    __atomic_add_fetch((uint32_t *)argument, 1, __ATOMIC_SEQ_CST);
    sched_wake(argument, UINT_MAX);
}

static void delivery(struct xen_run *run)
{
    uint32_t front = 0, back = 0;
    struct xen_event *a, *b, *c;

    CHECK_EQ(xen_event_open(run->guest, 0, count_up, &front, &a), 0);
    xen_event_send(a);                                                                        /* nobody there */
    CHECK_EQ(xen_event_bind(run->guest, 1, xen_event_port(a), count_up, &back, &c), -EINVAL); /* meant for domain 0 */
    CHECK_EQ(xen_event_bind(run->dom0, 1, 4000, count_up, &back, &b), -EINVAL);
    CHECK_EQ(xen_event_bind(run->dom0, 1, xen_event_port(a), count_up, &back, &b), 0);
    CHECK_EQ(back, 1); /* whatever was sent before is made up for */
    CHECK_EQ(xen_event_bind(run->dom0, 1, xen_event_port(a), count_up, &back, &c), -EINVAL); /* taken */
    xen_event_send(a);
    CHECK_EQ(back, 2);
    xen_event_send(b);
    CHECK_EQ(front, 1);
    xen_event_mask(a);
    xen_event_send(b);
    xen_event_send(b);
    CHECK_EQ(front, 1);
    xen_event_unmask(a);
    CHECK_EQ(front, 2); /* once */
    xen_event_close(a);
    xen_event_send(b); /* nobody there any more */
    CHECK_EQ(front, 2);
    xen_event_close(b);
}

TEST(events_arrive_once_and_wait_while_masked)
{
    xen_run_all(delivery, 4);
}

static void leaks(struct xen_run *run)
{
    struct leaks found = { 0 };
    uint32_t count = 0;
    struct xen_event *event;

    CHECK_EQ(xen_event_open(run->guest, 0, count_up, &count, &event), 0);
    xen_leaks(run->guest, &found);
    CHECK_EQ(found.count, 1);
    CHECK_CONTAINS(found.lines[0], "event channel 1 to domain 0");
    leaks_free(&found);
    xen_event_close(event);
    xen_leaks(run->guest, &found);
    CHECK_EQ(found.count, 0);
}

TEST(open_channels_are_listed)
{
    xen_run_all(leaks, 2);
}

struct sender {
    struct xen_event *event;
    uint32_t stop;
};

static void keep_sending(void *argument)
{
    struct sender *sender = argument;

    while (!__atomic_load_n(&sender->stop, __ATOMIC_SEQ_CST)) {
        xen_event_send(sender->event);
    }
}

struct receiver {
    uint32_t count;
    bool closed;
};

static void check_open(void *argument)
{
    struct receiver *receiver = argument;

    sched_point("handler"); /* close must wait for a handler that has begun */
    CHECK(!__atomic_load_n(&receiver->closed, __ATOMIC_SEQ_CST));
    count_up(&receiver->count);
}

static void close_under_fire(struct xen_run *run)
{
    for (uint32_t round = 0; round < 20; round++) {
        struct receiver receiver = { 0 };
        struct sender sender = { 0 };
        uint32_t back = 0, seen;
        struct xen_event *front;
        struct task *task;

        CHECK_EQ(xen_event_open(run->guest, 0, check_open, &receiver, &front), 0);
        CHECK_EQ(xen_event_bind(run->dom0, 1, xen_event_port(front), count_up, &back, &sender.event), 0);
        task = task_spawn("sender", 0, keep_sending, &sender);
        while ((seen = __atomic_load_n(&receiver.count, __ATOMIC_SEQ_CST)) < 3) {
            sched_wait(&receiver.count, seen, SCHED_FOREVER);
        }
        xen_event_close(front);
        __atomic_store_n(&receiver.closed, true, __ATOMIC_SEQ_CST);
        sched_point("closed");
        __atomic_store_n(&sender.stop, 1, __ATOMIC_SEQ_CST);
        task_join(task);
        xen_event_close(sender.event);
    }
}

TEST(no_handler_runs_after_close)
{
    xen_run_all(close_under_fire, 20);
}
