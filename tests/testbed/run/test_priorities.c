/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priorities at random (run/sched_sim_choice.c): mistakes of order that uniform draws hardly ever meet, found in few
 * runs; one seed is one run; and nobody waits for ever for who has a lower priority.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "run/sched.h"

enum { POINTS = 100, OTHERS = 3, RUNS = 2000 };

static bool met; /* the mistake, in this run */

/* --- depth 1: one task has done all of its work before another one begins --- */

static uint32_t ended;

static void first_task(void *argument)
{
    (void)argument;
    met = ended != 0; /* it relies on being quicker than somebody who has a hundred things to do */
    for (int i = 0; i < POINTS; i++) {
        sched_point("first");
    }
}

static void last_task(void *argument)
{
    (void)argument;
    for (int i = 0; i < POINTS; i++) {
        sched_point("last");
    }
    ended = 1;
}

static void other_task(void *argument)
{
    (void)argument;
    for (int i = 0; i < POINTS; i++) {
        sched_point("other");
    }
}

static void run_tasks(void (*const *bodies)(void *), uint32_t count)
{
    struct task *tasks[8];

    for (uint32_t i = 0; i < count; i++) {
        tasks[i] = task_spawn("task", 0, bodies[i], NULL);
    }
    for (uint32_t i = 0; i < count; i++) {
        task_join(tasks[i]);
    }
}

static void overtaken(void *argument)
{
    static void (*const bodies[])(void *) = { first_task, other_task, other_task, other_task, last_task };

    (void)argument;
    ended = 0;
    run_tasks(bodies, 2 + OTHERS);
}

/* --- depth 2: one task runs from its beginning to its end between two steps of another --- */

static uint32_t open_now, began_inside;

static void window(void *argument)
{
    (void)argument;
    for (int i = 0; i < POINTS; i++) {
        sched_point("before");
    }
    open_now = 1;
    sched_point("the window");
    open_now = 0;
    for (int i = 0; i < POINTS; i++) {
        sched_point("after");
    }
}

static void through_the_window(void *argument)
{
    (void)argument;
    sched_point("begins");
    began_inside = open_now;
    for (int i = 0; i < POINTS; i++) {
        sched_point("inside");
    }
    met = began_inside != 0 && open_now != 0;
}

static void passed_through(void *argument)
{
    static void (*const bodies[])(void *) = { window, other_task, through_the_window };

    (void)argument;
    open_now = began_inside = 0;
    run_tasks(bodies, 3);
}

/* The runs until the mistake is met, at most so many. */
static uint32_t runs_until_met(void (*body)(void *), uint32_t depth)
{
    uint32_t run = 0;

    sched_pct = depth;
    for (met = false; run < RUNS && !met; run++) {
        const struct sched_options options = { .kind = SCHED_SIMULATED, .seed = test_seed() + run };

        CHECK_EQ(sched_run(&options, body, NULL), 0);
    }
    sched_pct = 0;
    return run;
}

TEST(an_order_that_uniform_draws_hardly_ever_meet_is_met_in_few_runs)
{
    const struct {
        const char *what;
        void (*body)(void *);
        uint32_t depth, most;
    } mistakes[] = { { "a task that is through before another begins", overtaken, 1, 60 },
                     { "a task that is through between two steps of another", passed_through, 2, 1000 } };

    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const uint32_t uniform = runs_until_met(mistakes[i].body, 0),
                       by_priority = runs_until_met(mistakes[i].body, mistakes[i].depth);

        printf("# counted: %s: %u runs by priorities, %s%u by the usual draws\n", mistakes[i].what, by_priority,
               uniform == RUNS ? "more than " : "", uniform);
        CHECK(by_priority <= mistakes[i].most);
        CHECK(by_priority < uniform);
    }
}

/* --- the trace --- */

static char *traced(uint64_t seed, uint32_t depth)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    const struct sched_options options = { .kind = SCHED_SIMULATED, .seed = seed, .trace = file };

    sched_pct = depth;
    CHECK_EQ(sched_run(&options, passed_through, NULL), 0);
    sched_pct = 0;
    CHECK_EQ(fclose(file), 0);
    return text;
}

TEST(one_seed_and_one_depth_are_one_run)
{
    char *first = traced(7, 3), *again = traced(7, 3), *other_seed = traced(8, 3), *other_depth = traced(7, 0);

    CHECK(strcmp(first, again) == 0);
    CHECK(strcmp(first, other_seed) != 0);
    CHECK(strcmp(first, other_depth) != 0);
    free(first);
    free(again);
    free(other_seed);
    free(other_depth);
}

/* --- who waits without sleeping --- */

static uint32_t done;

static void circles(void *argument)
{
    (void)argument;
    while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) == 0) {
        sched_point("circles");
    }
}

static void polls(void *argument)
{
    uint32_t never = 0;

    (void)argument;
    while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) == 0) {
        (void)sched_wait(&never, 0, sched_now());
    }
}

static void does(void *argument)
{
    (void)argument;
    sched_point("does");
    __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

static void wait_in_circles(void *argument)
{
    static void (*const bodies[])(void *) = { circles, polls, circles, does };

    (void)argument;
    done = 0;
    run_tasks(bodies, 4);
}

TEST(who_waits_in_circles_lets_the_others_run)
{
    for (uint32_t depth = 1; depth <= 3; depth++) {
        sched_pct = depth;
        for (uint32_t seed = 0; seed < 20; seed++) {
            const struct sched_options options = { .kind = SCHED_SIMULATED, .seed = test_seed() + seed };

            CHECK_EQ(sched_run(&options, wait_in_circles, NULL), 0);
        }
    }
}
