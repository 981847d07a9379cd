/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands still is reported by the watchdog: in virtual time where runs are simulated, within ten seconds live. */
#include <time.h>

#include "nt/check/report.h"
#include "nt/check/watchdog.h"
#include "nt/sync/thread.h"
#include "nt_run.h"

static struct nt_event never;
static char text[1 << 16];

/* Something else goes on meanwhile, so that it is no deadlock. */
static void tick(void *argument)
{
    timer_set(*(struct nt_timer **)argument, 1000000000);
}

static void with_a_clock(void (*body)(void))
{
    struct nt_timer *timer = timer_create(0, tick, &timer);

    timer_set(timer, 1000000000);
    event_init(&never, false, false);
    body();
}

static void wait_for_ever(void)
{
    (void)event_wait(&never, SCHED_FOREVER);
}

static void call_that_waits(void)
{
    DRIVER_CALL_VOID("MiniportHaltEx", wait_for_ever());
}

static void a_call_that_waits(void)
{
    with_a_clock(call_that_waits);
}

TEST(a_callback_that_waits_for_ever_is_reported)
{
    EXPECT_NT_RULE("hang", a_call_that_waits);
}

static void naps_for_ever(void)
{
    for (;;) {
        (void)event_wait(&never, sched_now() + 1000000);
    }
}

static void call_that_naps(void)
{
    DRIVER_CALL_VOID("MiniportHaltEx", naps_for_ever());
}

static void a_call_that_naps(void)
{
    with_a_clock(call_that_naps);
}

TEST(a_callback_of_short_waits_without_end_is_reported_in_simulation)
{
    EXPECT_NT_RULE("hang", a_call_that_naps);
}

static void expectation_never_met(void)
{
    struct expectation expectation;

    watchdog_expect(&expectation, NULL, WINDOWS_WAITS, "the completion of %s", "a request");
    wait_for_ever();
}

static void a_request_without_end(void)
{
    with_a_clock(expectation_never_met);
}

TEST(a_request_that_is_never_completed_is_reported)
{
    EXPECT_NT_RULE("hang", a_request_without_end);
}

/* What is met, and a wait that is long but ends, are nobody's business. */
static void waits_that_end(void)
{
    struct expectation expectation;

    watchdog_expect(&expectation, NULL, WINDOWS_WAITS, "%s", "an event");
    (void)event_wait(&never, 500ull * 1000000000);
    watchdog_met(&expectation);
    (void)event_wait(&never, 5000ull * 1000000000);
    DRIVER_CALL_VOID("MiniportPause", (void)event_wait(&never, 500ull * 1000000000));
}

static void patient(void)
{
    event_init(&never, false, false);
    waits_that_end();
}

TEST(waits_that_end_are_not_reported)
{
    CHECK_EQ(nt_run(patient, NULL), 0);
}

__attribute__((noinline)) static void spin(void)
{
    for (volatile int on = 1; on;) {
    }
}

static void call_that_loops(void)
{
    DRIVER_CALL_VOID("MiniportPause", spin());
}

TEST(a_simulated_callback_that_calls_nothing_is_reported)
{
    CHECK_EQ(test_child(nt_run_body, (void *)call_that_loops, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    CHECK_CONTAINS(text, "rule hang: MiniportPause has not returned");
    CHECK_CONTAINS(text, "testbed: spin");
    CHECK_CONTAINS(text, "seed 1");
}

/* --- live --- */

static void run_live(void *body)
{
    const struct sched_options options = { .kind = SCHED_LIVE, .seed = 1 };
    struct nt_run run = { .body = (void (*)(void))body };

    sched_run(&options, nt_run_task, &run);
}

static void print_what_is_out(void *context, FILE *out)
{
    fprintf(out, "  the driver has %s\n", (const char *)context);
}

static void loop_at_dispatch(void)
{
    static struct report_list list = { .print = print_what_is_out, .context = "a packet" };

    report_list_add(&list);
    irql_raise(DISPATCH_LEVEL);
    call_that_loops();
}

static struct spin_lock shared;

static void waits_for_the_lock(void *unused)
{
    uint8_t irql;

    (void)unused;
    spin_lock(&shared, &irql);
}

/* A callback that takes a lock which a task that never gives it back has: asleep at DISPATCH_LEVEL. */
static void takes_a_lock(void)
{
    static struct spin_lock own;
    uint8_t irql;

    task_spawn("holder", 1, waits_for_the_lock, NULL);
    while (__atomic_load_n(&shared.word, __ATOMIC_ACQUIRE) == 0) {
    }
    spin_lock(&own, &irql);
    DRIVER_CALL_VOID("MiniportPause", waits_for_the_lock(NULL));
}

/* Seconds that it took. */
static double report_live(void (*body)(void))
{
    struct timespec begun, ended;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    CHECK_EQ(test_child(run_live, (void *)body, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    return (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
}

TEST(a_callback_that_does_not_return_is_reported_within_ten_seconds)
{
    double seconds = report_live(call_that_loops);

    CHECK_CONTAINS(text, "rule hang: MiniportPause has not returned for ");
    CHECK_CONTAINS(text, "at IRQL 0 (PASSIVE_LEVEL): it runs without end: ");
    CHECK_CONTAINS(text, "in task main#1 on processor 0 at IRQL 0 (PASSIVE_LEVEL), 0 locks held, in MiniportPause");
    CHECK_CONTAINS(text, "testbed: spin");
    CHECK(seconds < 12);
}

TEST(a_loop_at_dispatch_level_is_what_windows_stops_with_133_for)
{
    (void)report_live(loop_at_dispatch);
    CHECK_CONTAINS(text, "rule dispatch-time: MiniportPause has taken ");
    CHECK_CONTAINS(text, "0x133 DPC_WATCHDOG_VIOLATION");
    CHECK_CONTAINS(text, "testbed: spin");
    CHECK_CONTAINS(text, "the driver has a packet");
}

TEST(every_task_and_its_locks_are_in_the_report)
{
    (void)report_live(takes_a_lock);
    CHECK_CONTAINS(text, "rule hang: MiniportPause has not returned for ");
    CHECK_CONTAINS(text, "at IRQL 2 (DISPATCH_LEVEL): it waits for a spin lock: Windows stops with 0x133");
    CHECK_CONTAINS(text, "1 lock held, in MiniportPause");
    CHECK_CONTAINS(text, "lock 1 was taken in ");
    CHECK_CONTAINS(text, "task worker#");
    CHECK_CONTAINS(text, "has waited");
}

TEST(an_event_that_nobody_sets_is_reported_live)
{
    (void)report_live(call_that_waits);
    CHECK_CONTAINS(text, "it waits for an event");
    CHECK_CONTAINS(text, "0x9F DRIVER_POWER_STATE_FAILURE");
}

/* --- time at DISPATCH_LEVEL --- */

static void poll_at_dispatch(void)
{
    irql_raise(DISPATCH_LEVEL);
    for (uint32_t i = 0; i < 20000000; i++) {
        sched_point("polls");
    }
    irql_lower(PASSIVE_LEVEL);
}

static void call_that_polls(void)
{
    DRIVER_CALL_VOID("MiniportSendNetBufferLists", poll_at_dispatch());
}

TEST(long_work_at_dispatch_level_is_reported_in_simulation)
{
    EXPECT_NT_RULE("dispatch-time", call_that_polls);
}

/* Raised as NDIS does it, so that the callback does nothing but work. */
__attribute__((noinline)) static void work_at_dispatch(void)
{
    struct timespec begun, now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < 400);
}

static void call_that_works(void)
{
    irql_raise(DISPATCH_LEVEL);
    DRIVER_CALL_VOID("MiniportSendNetBufferLists", work_at_dispatch());
    irql_lower(PASSIVE_LEVEL);
}

TEST(long_work_at_dispatch_level_is_reported_live_with_its_stack)
{
    (void)report_live(call_that_works);
    CHECK_CONTAINS(text, "rule dispatch-time: MiniportSendNetBufferLists has taken ");
    CHECK_CONTAINS(text, "testbed: call_that_works");
    CHECK_CONTAINS(text, "testbed: MiniportSendNetBufferLists has taken ");
}
