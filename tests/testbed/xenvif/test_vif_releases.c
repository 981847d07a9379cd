/* SPDX-License-Identifier: BSD-2-Clause */
/* Where releases of XenVif differ in a life: Disable with requests out, a backend that went away, no control ring. What
 * breaks a rule there is in test_vif_rules. */
#include "netback/state.h"
#include "vif_bed.h"

enum { LATE_SENDS = 10 };

static void send_late(struct vif_bed *bed)
{
    vb_bind(bed);
    vb_exchange(bed, 1);
    netback_stall(bed->netback, 0, SCHED_FOREVER);
    for (uint32_t i = 0; i < LATE_SENDS; i++) {
        CHECK_EQ(vb_send(bed, i, NULL, 60, 0, 0, NULL, false), 0);
    }
}

/* A XenVif of after 2021 waits for 100 ms and then answers its own requests; the backend, which is only late, takes
 * that for an impossible number of requests and serves the device no more. */
static void disabled_too_early(struct vif_bed *bed)
{
    uint64_t start;

    send_late(bed);
    start = sched_now();
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
    CHECK(sched_now() - start >= SECOND / 10);
    CHECK(sched_now() - start < SECOND / 4 || sched_kind() == SCHED_LIVE);
    CHECK_EQ(vb_completed(bed), 1 + LATE_SENDS);
    CHECK_EQ(bed->sent_dropped, LATE_SENDS);
    CHECK_EQ(__atomic_load_n(&bed->netback->disabled, __ATOMIC_SEQ_CST), 0);
    netback_stall(bed->netback, 0, 0);
    for (uint32_t i = 0; i < 50 && __atomic_load_n(&bed->netback->disabled, __ATOMIC_SEQ_CST) == 0; i++) {
        sched_sleep(SECOND / 50);
    }
    CHECK_EQ(__atomic_load_n(&bed->netback->disabled, __ATOMIC_SEQ_CST), 1);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

TEST(disable_with_requests_out_costs_the_device)
{
    vb_run_all(
        (struct vb_story){ disabled_too_early, { .release = vif_release_find("9.1"), .version = 10, .queues = 1 } },
        20);
}

static void wakes_later(void *argument)
{
    struct vif_bed *bed = argument;

    sched_sleep(SECOND);
    netback_stall(bed->netback, 0, 0);
}

/* XenVif 8.2 waits until the backend answers, and then nothing is lost. */
static void disabled_in_time(struct vif_bed *bed)
{
    struct task *helper;

    send_late(bed);
    helper = task_spawn("helper", 1, wakes_later, bed);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
    task_join(helper);
    CHECK_EQ(bed->sent_ok, 1 + LATE_SENDS);
    for (uint32_t i = 0; i < LATE_SENDS; i++) {
        struct frame got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };

        CHECK_EQ(memory_port_collect(bed->port, 0, &got, SECOND), 60);
    }
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
    vb_bind(bed);
    vb_exchange(bed, 2 + LATE_SENDS);
    CHECK_EQ(bed->netback->disabled, 0);
    vb_unbind(bed);
}

TEST(disable_of_an_old_release_waits_for_the_backend)
{
    vb_run_all((struct vb_story){ disabled_in_time, { .release = vif_release_find("8.2"), .version = 8, .queues = 1 } },
               20);
}

static void returns_later(void *argument)
{
    struct vif_bed *bed = argument;

    sched_sleep(SECOND);
    CHECK_EQ(vb_completed(bed), 1);
    vb_give_back(bed);
}

/* What is posted comes back before the received packets are waited for, what only waits in XenVif after it. */
static void disabled_while_held(struct vif_bed *bed)
{
    const struct XENVIF_PACKET_HASH_V2 more = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ };
    struct frame frame = vb_udp(100, 1);
    struct task *helper;

    vb_bind(bed);
    bed->keep = true;
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, 1);
    netback_stall(bed->netback, 0, SCHED_FOREVER);
    CHECK_EQ(vb_send(bed, 0, NULL, 60, 0, 0, NULL, false), 0);
    CHECK_EQ(vb_send(bed, 1, NULL, 60, 0, 0, &more, true), 0);
    helper = task_spawn("helper", 1, returns_later, bed);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
    task_join(helper);
    CHECK_EQ(vb_completed(bed), 2);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

TEST(disable_aborts_what_waits_after_the_received_packets_are_back)
{
    vb_run_all((struct vb_story){ disabled_while_held, { .version = 10, .queues = 1 } }, 20);
}

static void left_for_good(struct vif_bed *bed)
{
    const struct vif_bed_options options = { .version = 10, .queues = 1 };
    struct vif_counters counters;

    vb_bind(bed);
    vb_exchange(bed, 1);
    netback_destroy(bed->netback);
    sched_sleep(2 * SECOND);
    vif_counters(bed->vif, &counters);
    CHECK_EQ(counters.queues, 1); /* nobody notified the subscriber */
    CHECK_EQ(vb_send(bed, 0, NULL, 60, 0, 0, NULL, false), 0);
    sched_sleep(SECOND);
    CHECK_EQ(vb_completed(bed), 1);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi); /* at once: the backend is not Connected any more */
    CHECK_EQ(vb_completed(bed), 2);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
    vif_suspend(bed->vif); /* closes: a new backend must not connect to what is still there for the old one */
    vb_start_netback(bed, &options);
}

TEST(a_release_does_not_notice_that_the_backend_went_away)
{
    vb_run_all((struct vb_story){ left_for_good, { .release = vif_release_find("main"), .version = 10, .queues = 1 } },
               20);
}

static void query_and_acquire(struct vif_bed *bed)
{
    CHECK_EQ(pnp_query_interface(device_object(vif_pdo(bed->vif)), vb_guid(), (uint16_t)bed->version, &bed->vifi,
                                 sizeof(bed->vifi)),
             0);
    CHECK_EQ(((vb_acquire *)bed->vifi.Acquire)(&bed->vifi), 0);
}

static void no_control(struct vif_bed *bed)
{
    query_and_acquire(bed);
    CHECK_EQ(((vb_enable *)bed->vifi.Enable)(&bed->vifi, (void *)vb_callback, bed), STATUS_INSUFFICIENT_RESOURCES);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

TEST(a_release_cannot_be_enabled_without_a_control_ring)
{
    vb_run_all((struct vb_story){ no_control,
                                  { .release = vif_release_find("main"),
                                    .version = 10,
                                    .queues = 1,
                                    .without = 1u << NETBACK_BIT_CTRL_RING } },
               20);
}
