/* SPDX-License-Identifier: BSD-2-Clause */
/* Both schedulers: waking, joining, time, deadlock, and that one seed gives one run. Processors and DPC order on top of
 * them. */
#include "harness.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nt/areas.h"
#include "nt/nt.h"
#include "nt/processor/irql.h"

static int run(enum sched_kind kind, uint64_t seed, FILE *trace, void (*body)(void *), void *argument)
{
    struct sched_options options = { .kind = kind, .seed = seed, .trace = trace };
    return sched_run(&options, body, argument);
}

static void each_scheduler(void (*body)(void *), void *argument)
{
    CHECK_EQ(run(SCHED_LIVE, test_seed(), NULL, body, argument), 0);
    for (uint32_t i = 0; i < test_seeds(50); i++) {
        CHECK_EQ(run(SCHED_SIMULATED, test_seed() + i, NULL, body, argument), 0);
    }
}

/* --- waiting --- */

enum { HANDOVERS = 500 };
struct ping_pong {
    uint32_t turn;
    uint32_t handed[2];
};

static void play(struct ping_pong *game, uint32_t me)
{
    for (int i = 0; i < HANDOVERS; i++) {
        while (__atomic_load_n(&game->turn, __ATOMIC_ACQUIRE) != me) {
            sched_wait(&game->turn, !me, SCHED_FOREVER);
        }
        game->handed[me]++;
        __atomic_store_n(&game->turn, !me, __ATOMIC_RELEASE);
        sched_wake(&game->turn, 1);
    }
}

static void second_player(void *argument)
{
    play(argument, 1);
}

static void ping_pong(void *argument)
{
    struct ping_pong *game = argument;
    *game = (struct ping_pong){ 0 };
    struct task *task = task_spawn("second", 0, second_player, game);
    play(game, 0);
    task_join(task);
}

TEST(no_wake_is_lost)
{
    struct ping_pong game;
    each_scheduler(ping_pong, &game);
    CHECK_EQ(game.handed[0] + game.handed[1], 2 * HANDOVERS);
}

struct guarded {
    struct sched_lock lock;
    uint32_t inside, entries, points;
};

static void enter_often(void *argument)
{
    struct guarded *shared = argument;
    for (int i = 0; i < 200; i++) {
        sched_lock(&shared->lock);
        if (++shared->inside != 1) {
            abort();
        }
        sched_point("inside");
        shared->entries++;
        shared->inside--;
        sched_unlock(&shared->lock);
        sched_point("outside");
    }
}

static void four_enter(void *argument)
{
    struct task *tasks[4];
    *(struct guarded *)argument = (struct guarded){ 0 };
    for (int i = 0; i < 4; i++) {
        tasks[i] = task_spawn("enters", 0, enter_often, argument);
    }
    for (int i = 0; i < 4; i++) {
        task_join(tasks[i]);
    }
}

TEST(testbed_lock_lets_one_task_in_at_a_time)
{
    struct guarded shared;
    each_scheduler(four_enter, &shared);
    CHECK_EQ(shared.entries, 800);
}

static void wait_a_while(void *argument)
{
    uint32_t never = 0;
    uint64_t start = sched_now(), *took = argument;
    while (sched_wait(&never, 0, start + 3000000)) {
    }
    *took = sched_now() - start;
}

TEST(wait_ends_at_its_deadline_and_not_before)
{
    uint64_t took;
    CHECK_EQ(run(SCHED_LIVE, 1, NULL, wait_a_while, &took), 0);
    CHECK(took >= 3000000);
    CHECK_EQ(run(SCHED_SIMULATED, 1, NULL, wait_a_while, &took), 0);
    CHECK(took >= 3000000 && took < 3001000);
}

static void wait_an_hour(void *argument)
{
    uint32_t never = 0;
    (void)argument;
    while (sched_wait(&never, 0, 3600000000000u)) {
    }
}

TEST(virtual_time_does_not_wait)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK_EQ(run(SCHED_SIMULATED, 1, NULL, wait_an_hour, NULL), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 5);
}

static void poll_clock(void *argument)
{
    (void)argument;
    while (sched_now() < 1000000) {
        sched_point("polls the clock");
    }
}

TEST(who_polls_the_virtual_clock_sees_it_move)
{
    CHECK_EQ(run(SCHED_SIMULATED, 1, NULL, poll_clock, NULL), 0);
}

/* --- the end of a run --- */

static uint32_t first_word, second_word;

static void waits_on_second(void *argument)
{
    (void)argument;
    task_self()->waits_for = "the second word";
    while (second_word == 0) {
        sched_wait(&second_word, 0, SCHED_FOREVER);
    }
    first_word = 1;
    sched_wake(&first_word, 1);
}

static void waits_on_first(void *argument)
{
    (void)argument;
    first_word = second_word = 0;
    struct task *task = task_spawn("other side", 2, waits_on_second, NULL);
    task_self()->waits_for = "the first word";
    while (first_word == 0) {
        sched_wait(&first_word, 0, SCHED_FOREVER);
    }
    task_join(task);
}

static void deadlock_child(void *argument)
{
    (void)argument;
    exit(run(SCHED_SIMULATED, 7, NULL, waits_on_first, NULL) == -1 ? 0 : 1);
}

TEST(deadlock_is_found_and_names_who_waits_for_what)
{
    char text[4096];
    CHECK_EQ(test_child(deadlock_child, NULL, text, sizeof(text)), 0);
    CHECK_CONTAINS(text, "deadlock");
    CHECK_CONTAINS(text, "seed 7");
    CHECK_CONTAINS(text, "other side#2 on processor 2 at IRQL 0, 0 locks held, waits for the second word");
    CHECK_CONTAINS(text, "main#1 on processor 0 at IRQL 0, 0 locks held, waits for the first word");
}

static void leave_one_behind(void *argument)
{
    (void)argument;
    task_spawn("left over", 0, waits_on_second, NULL);
}

static void left_over_child(void *argument)
{
    exit(run(*(enum sched_kind *)argument, 1, NULL, leave_one_behind, NULL) == -1 ? 0 : 1);
}

TEST(task_left_alive_is_named)
{
    char text[4096];
    for (enum sched_kind kind = SCHED_LIVE; kind <= SCHED_SIMULATED; kind++) {
        second_word = 0;
        CHECK_EQ(test_child(left_over_child, &kind, text, sizeof(text)), 0);
        CHECK_CONTAINS(text, "left over#2 is still alive");
    }
}

/* --- one seed, one run --- */

static void stir(void *argument)
{
    struct guarded *shared = argument;
    void *noise = malloc(1 + sched_random(2000)); /* addresses differ, the run must not */
    enter_often(shared);
    free(noise);
}

static void stirred(void *argument)
{
    struct guarded shared = { 0 };
    struct task *tasks[5];
    (void)argument;
    nt_start(3);
    for (int i = 0; i < 5; i++) {
        tasks[i] = task_spawn("stirs", (uint32_t)i % 3, stir, &shared);
    }
    for (int i = 0; i < 5; i++) {
        task_join(tasks[i]);
    }
    nt_stop();
}

static void traced_child(void *argument)
{
    exit(run(SCHED_SIMULATED, *(uint64_t *)argument, stderr, stirred, NULL) == 0 ? 0 : 1);
}

/* The case after it runs this one in other processes, where the kernel places everything elsewhere, and says where the
 * trace goes. */
TEST(traced_run_ends_well)
{
    const char *path = getenv("TEST_SCHED_TRACE");
    FILE *out = fopen(path != NULL ? path : "/dev/null", "w");
    CHECK(out != NULL);
    CHECK_EQ(run(SCHED_SIMULATED, 42, out, stirred, NULL), 0);
    fclose(out);
}

static char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    char *text = malloc(1 << 24);
    *size = fread(text, 1, (1 << 24) - 1, file);
    text[*size] = '\0';
    fclose(file);
    return text;
}

TEST(same_seed_gives_the_same_trace_in_another_process)
{
    char *traces[2];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        char path[TEST_MAX_PATH], command[512];
        test_temporary(path, "trace.%d", i);
        snprintf(command, sizeof(command), "TEST_SCHED_TRACE=%s /proc/%d/exe traced_run_ends_well >/dev/null", path,
                 (int)getpid());
        CHECK_EQ(system(command), 0);
        traces[i] = slurp(path, &sizes[i]);
        unlink(path);
    }
    CHECK(sizes[0] > 10000);
    CHECK_EQ(sizes[0], sizes[1]);
    CHECK(memcmp(traces[0], traces[1], sizes[0]) == 0);
}

TEST(another_seed_gives_another_trace)
{
    static char one[1 << 22], two[1 << 22];
    uint64_t seeds[2] = { 1, 2 };
    CHECK_EQ(test_child(traced_child, &seeds[0], one, sizeof(one)), 0);
    CHECK_EQ(test_child(traced_child, &seeds[1], two, sizeof(two)), 0);
    CHECK(strcmp(one, two) != 0);
}

static void switch_much(void *argument)
{
    for (int i = 0; i < 1000000; i++) {
        sched_point("point");
    }
    (void)argument;
}

static void two_switch(void *argument)
{
    (void)argument;
    struct task *task = task_spawn("other", 0, switch_much, NULL);
    switch_much(NULL);
    task_join(task);
}

TEST(two_million_points_take_less_than_two_seconds)
{
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    CHECK_EQ(run(SCHED_SIMULATED, 4, NULL, two_switch, NULL), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double took = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    fprintf(stderr, "# 2,000,000 points in %.3f s\n", took);
    CHECK(took < 2.0);
}

/* --- processors --- */

struct crowd {
    uint32_t at_dispatch[4], most, entries;
};

static void raise_often(void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; i < 100; i++) {
        uint8_t old = irql_raise(DISPATCH_LEVEL);
        uint32_t now = __atomic_add_fetch(&crowd->at_dispatch[processor_current()], 1, __ATOMIC_SEQ_CST);
        if (now != 1) {
            abort();
        }
        sched_point("at dispatch");
        __atomic_sub_fetch(&crowd->at_dispatch[processor_current()], 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&crowd->entries, 1, __ATOMIC_SEQ_CST);
        irql_lower(old);
    }
}

static void crowded(void *argument)
{
    struct task *tasks[12];
    *(struct crowd *)argument = (struct crowd){ 0 };
    nt_start(4);
    for (uint32_t i = 0; i < 12; i++) {
        tasks[i] = task_spawn("raises", i % 4, raise_often, argument);
    }
    for (uint32_t i = 0; i < 12; i++) {
        task_join(tasks[i]);
    }
    nt_stop();
}

TEST(one_task_per_processor_is_at_dispatch_level)
{
    struct crowd crowd;
    each_scheduler(crowded, &crowd);
    CHECK_EQ(crowd.entries, 1200);
}

struct ordered {
    struct nt_dpc dpcs[8];
    uint32_t ran, order[8];
    bool while_raised;
};
static struct ordered *ordered;

static void note_order(void *argument)
{
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    ordered->order[ordered->ran++] = (uint32_t)(uintptr_t)argument;
}

static void queue_eight(void *argument)
{
    ordered = argument;
    *ordered = (struct ordered){ 0 };
    nt_start(2);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    for (uint32_t i = 0; i < 8; i++) {
        dpc_init(&ordered->dpcs[i], processor_current(), note_order, (void *)(uintptr_t)i);
        CHECK(dpc_queue(&ordered->dpcs[i]));
        CHECK(!dpc_queue(&ordered->dpcs[i]));
        sched_point("between");
    }
    CHECK_EQ(ordered->ran, 0);
    irql_lower(old);
    CHECK_EQ(ordered->ran, 8); /* before the thread goes on below DISPATCH_LEVEL */
    nt_stop();
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQ(ordered->order[i], i);
    }
}

TEST(dpcs_run_in_order_before_the_thread_that_lowers_goes_on)
{
    struct ordered all;
    each_scheduler(queue_eight, &all);
}

struct storm {
    struct nt_dpc dpc[4];
    uint32_t queued, ran;
};

static void count_run(void *argument)
{
    __atomic_add_fetch(&((struct storm *)argument)->ran, 1, __ATOMIC_SEQ_CST);
}

static void queue_from_afar(void *argument)
{
    struct storm *storm = argument;
    for (int i = 0; i < 300; i++) {
        if (dpc_queue(&storm->dpc[i % 4])) {
            __atomic_add_fetch(&storm->queued, 1, __ATOMIC_SEQ_CST);
        }
    }
}

static void raise_and_lower(void *argument)
{
    (void)argument;
    for (int i = 0; i < 300; i++) {
        irql_lower((uint8_t)(irql_raise(DISPATCH_LEVEL) * 1));
    }
}

static void storming(void *argument)
{
    struct storm *storm = argument;
    struct task *tasks[6];
    *storm = (struct storm){ 0 };
    nt_start(4);
    for (uint32_t i = 0; i < 4; i++) {
        dpc_init(&storm->dpc[i], i, count_run, storm);
    }
    for (uint32_t i = 0; i < 6; i++) {
        tasks[i] = task_spawn("storms", i % 4, i % 2 ? queue_from_afar : raise_and_lower, storm);
    }
    for (uint32_t i = 0; i < 6; i++) {
        task_join(tasks[i]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        dpc_flush(&storm->dpc[i]);
    }
    CHECK_EQ(storm->ran, storm->queued);
    nt_stop();
}

TEST(every_queued_dpc_runs_once)
{
    struct storm storm;
    each_scheduler(storming, &storm);
}

struct timed {
    struct nt_timer *timer;
    uint64_t set_at, fired_at;
    struct nt_event fired;
};

static void timer_fired(void *argument)
{
    struct timed *timed = argument;
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    CHECK_EQ(processor_current(), 1);
    timed->fired_at = sched_now();
    event_set(&timed->fired);
}

static void time_it(void *argument)
{
    struct timed *timed = argument;
    nt_start(2);
    event_init(&timed->fired, true, false);
    timed->timer = timer_create(1, timer_fired, timed);
    timed->set_at = sched_now();
    timer_set(timed->timer, 2000000);
    CHECK(event_wait(&timed->fired, SCHED_FOREVER));
    CHECK(timed->fired_at - timed->set_at >= 2000000);
    timer_set(timed->timer, 3600000000000u);
    CHECK(timer_cancel(timed->timer));
    CHECK(!timer_cancel(timed->timer));
    CHECK(!event_wait(&timed->fired, 1000000));
    timer_destroy(timed->timer);
    struct leaks leaks = { 0 };
    timer_leaks(&leaks);
    CHECK_EQ(leaks.count, 0);
    nt_stop();
}

TEST(timer_fires_once_on_its_processor_and_not_after_cancel)
{
    struct timed timed;
    each_scheduler(time_it, &timed);
}

static struct nt_event pulse;
static uint32_t pulsed;

static void waits_for_pulse(void *argument)
{
    (void)argument;
    event_wait(&pulse, SCHED_FOREVER);
    __atomic_add_fetch(&pulsed, 1, __ATOMIC_SEQ_CST);
}

static void pulse_three(void *argument)
{
    struct task *tasks[3];
    (void)argument;
    event_init(&pulse, false, false);
    pulsed = 0;
    for (int i = 0; i < 3; i++) {
        tasks[i] = task_spawn("waits", 0, waits_for_pulse, NULL);
    }
    uint32_t never = 0;
    while (sched_wait(&never, 0, sched_now() + 1000000)) { /* all three sleep by then */
    }
    event_set(&pulse);
    event_clear(&pulse);
    for (int i = 0; i < 3; i++) {
        task_join(tasks[i]);
    }
}

TEST(event_set_and_cleared_at_once_wakes_all_who_waited)
{
    for (uint32_t i = 0; i < test_seeds(100); i++) {
        CHECK_EQ(run(SCHED_SIMULATED, test_seed() + i, NULL, pulse_three, NULL), 0);
    }
    CHECK_EQ(pulsed, 3);
}

/* --- where host threads run --- */

enum { PLACED = 5 };

struct placed {
    cpu_set_t on_path[PLACED], again, elsewhere, main;
};

static uint32_t may_look;

static void look_where(void *argument)
{
    while (__atomic_load_n(&may_look, __ATOMIC_ACQUIRE) == 0) {
        (void)sched_wait(&may_look, 0, SCHED_FOREVER);
    }
    CHECK_EQ(sched_getaffinity(0, sizeof(cpu_set_t), argument), 0);
}

static void spawn_placed(struct placed *placed, const bool *gather, uint32_t times)
{
    struct task *tasks[PLACED + 2];
    uint32_t i;

    may_look = 0;
    for (i = 0; i < PLACED; i++) {
        tasks[i] = task_spawn_on_path("on path", i, look_where, &placed->on_path[i]);
    }
    tasks[PLACED] = task_spawn_on_path("on path again", 1, look_where, &placed->again);
    tasks[PLACED + 1] = task_spawn("elsewhere", 1, look_where, &placed->elsewhere);
    for (i = 0; i < times; i++) {
        sched_gather(gather[i]);
    }
    __atomic_store_n(&may_look, 1, __ATOMIC_RELEASE);
    sched_wake(&may_look, UINT32_MAX);
    for (i = 0; i < PLACED + 2; i++) {
        task_join(tasks[i]);
    }
    look_where(&placed->main);
}

static void gather_once(void *placed)
{
    spawn_placed(placed, (const bool[]){ true }, 1);
}

static void gather_never(void *placed)
{
    spawn_placed(placed, NULL, 0);
}

static void gather_for_a_while(void *placed)
{
    spawn_placed(placed, (const bool[]){ true, true, false }, 3);
}

static void nobody_is_placed(void (*body)(void *), const cpu_set_t *usable)
{
    struct placed placed;

    CHECK_EQ(run(SCHED_LIVE, 1, NULL, body, &placed), 0);
    for (int i = 0; i < PLACED; i++) {
        CHECK(CPU_EQUAL(&placed.on_path[i], usable));
    }
    CHECK(CPU_EQUAL(&placed.elsewhere, usable));
}

TEST(live_tasks_on_one_path_share_a_host_processor_and_all_paths_half_of_them)
{
    struct placed placed;
    cpu_set_t usable, all;
    CHECK_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
    if (CPU_COUNT(&usable) < 2) {
        test_skip("needs a second processor");
    }
    CHECK_EQ(run(SCHED_LIVE, 1, NULL, gather_once, &placed), 0);
    CPU_ZERO(&all);
    for (int i = 0; i < PLACED; i++) {
        CHECK_EQ(CPU_COUNT(&placed.on_path[i]), 1);
        CPU_OR(&all, &all, &placed.on_path[i]);
    }
    CHECK(CPU_EQUAL(&placed.on_path[1], &placed.again));
    CHECK_EQ(CPU_COUNT(&all), CPU_COUNT(&usable) / 2 < PLACED ? CPU_COUNT(&usable) / 2 : PLACED);
    CPU_OR(&all, &all, &usable);
    CHECK(CPU_EQUAL(&all, &usable));
    CHECK(CPU_EQUAL(&placed.elsewhere, &usable));
    CHECK(CPU_EQUAL(&placed.main, &usable));
}

TEST(live_tasks_run_anywhere_unless_gathered_and_on_a_host_of_one_processor)
{
    cpu_set_t usable, one;
    int last = CPU_SETSIZE - 1;
    CHECK_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
    nobody_is_placed(gather_never, &usable);
    nobody_is_placed(gather_for_a_while, &usable);
    while (!CPU_ISSET(last, &usable)) {
        last--;
    }
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    nobody_is_placed(gather_once, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof(usable), &usable), 0);
}

TEST(a_case_has_its_time)
{
    struct rlimit processor;
    unsigned seconds = alarm(0);

    alarm(seconds);
    CHECK_EQ(getrlimit(RLIMIT_CPU, &processor), 0);
    CHECK(seconds > 0);
    printf("# note: %u s, %u s of the processor\n", (seconds + 9) / 10 * 10, (unsigned)processor.rlim_cur);
}
