/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs every schedule of a scene (systematic_scenes.h), as a test with options of its own:
 *
 *   systematic --scene NAME [--preemptions N]     all schedules up to so many preemptions (3)
 *   systematic --scene NAME --delays N            up to so many delays
 *   systematic ... --limit N                      at most so many
 *   systematic ... --script "CHOICE:TASK ..."     one of them, which a failure has printed; with --trace FILE
 *
 * On success stdout has a JSON object: the counts. XENNET_DRIVER is the driver, which is to be one whose accesses are
 * points (build/races/x64/xennet.sys); another one switches at its calls alone.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nt/memory/paged.h"
#include "nt/race/race.h"
#include "nt/areas.h"
#include "run/systematic.h"
#include "systematic_scenes.h"

enum { WARM_ROUNDS = 3, ROOM = 64 << 20 };

static struct {
    const char *scene, *script, *trace;
    uint32_t bound, limit;
    bool delays;
} options = { .bound = 3 };
static struct systematic *systematic;
static const struct scene_plan *plan;

struct actor {
    struct scene *scene;
    void (*act)(struct scene *scene);
};

static void act(void *argument)
{
    const struct actor *actor = argument;

    actor->act(actor->scene);
}

static void perform(struct scene *scene)
{
    struct actor actors[MAX_ACTORS];
    struct task *tasks[MAX_ACTORS];
    uint32_t count = 0;

    for (; count < MAX_ACTORS && plan->actors[count] != NULL; count++) {
        actors[count] = (struct actor){ scene, plan->actors[count] };
        tasks[count] = task_spawn("actor", count, act, &actors[count]);
    }
    for (uint32_t i = 0; i < count; i++) {
        task_join(tasks[i]);
    }
}

static void run_scene(struct story *story)
{
    struct scene scene = { .story = story, .watch = watch_open(story) };

    watchdog_stop(); /* its host thread would write to what is a snapshot */
    paged_stop();
    for (uint32_t i = 0; i < WARM_ROUNDS; i++) {
        plan->before(&scene);
        perform(&scene);
        plan->after(&scene);
    }
    plan->before(&scene);
    systematic_begin(systematic);
    perform(&scene);
    systematic_pause(systematic);
    plan->after(&scene);
    systematic_end(systematic);
    watch_close(scene.watch);
}

static void prepare(const struct story_plan *story_plan)
{
    (void)story_plan;
    race_points_only = true;
    /* The heap is made large once: what the kernel maps does not go back with a snapshot. */
    (void)mallopt(M_MMAP_THRESHOLD, ROOM);
    (void)mallopt(M_TRIM_THRESHOLD, 2 * ROOM);
    (void)mallopt(M_TOP_PAD, ROOM);
    (void)setrlimit(RLIMIT_CPU, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    alarm(0);
}

static void print_script(void)
{
    struct systematic_counts counts = systematic_counts(systematic);

    fprintf(stderr, "# after %" PRIu64 " schedules, %" PRIu64 " states; the schedule: --script \"", counts.schedules,
            counts.states);
    systematic_write(systematic, stderr);
    fputs("\"\n", stderr);
}

static bool take_number(const char *text, uint32_t *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *number = (uint32_t)value;
    return *text != '\0' && *end == '\0';
}

bool test_option(const char *name, const char *value)
{
    if (value == NULL) {
        return false;
    }
    if (strcmp(name, "--scene") == 0) {
        options.scene = value;
        return true;
    }
    if (strcmp(name, "--script") == 0) {
        options.script = value;
        return true;
    }
    if (strcmp(name, "--trace") == 0) {
        options.trace = value;
        return true;
    }
    if (strcmp(name, "--preemptions") == 0 || strcmp(name, "--delays") == 0) {
        options.delays = name[2] == 'd';
        return take_number(value, &options.bound);
    }
    if (strcmp(name, "--limit") == 0) {
        return take_number(value, &options.limit);
    }
    return false;
}

static const struct scene_plan *find_scene(void)
{
    for (uint32_t i = 0; i < scene_plan_count; i++) {
        if (options.scene != NULL && strcmp(scene_plans[i].name, options.scene) == 0) {
            return &scene_plans[i];
        }
    }
    for (uint32_t i = 0; i < scene_plan_count; i++) {
        fprintf(stderr, "# %s: %s\n", scene_plans[i].name, scene_plans[i].about);
    }
    test_fail(__FILE__, __LINE__, "--scene NAME, one of those above");
    return NULL;
}

TEST(every_schedule_ends_well)
{
    struct systematic_counts counts;

    alarm(0);
    plan = find_scene();
    systematic = systematic_create(options.bound);
    if (options.delays) {
        systematic_count_all(systematic);
    }
    if (options.limit != 0) {
        systematic_limit(systematic, options.limit);
    }
    if (options.script != NULL && !systematic_script(systematic, options.script)) {
        test_fail(__FILE__, __LINE__, "--script takes pairs CHOICE:TASK, not '%s'", options.script);
    }
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = plan->windows,
                                    .xenvif_like = plan->xenvif_like,
                                    .queues = plan->queues,
                                    .processors = plan->processors,
                                    .set = plan->set,
                                    .trace_path = options.trace,
                                    .edge_buffers = 8,
                                    .loose_grants = true,
                                    .prepare = prepare,
                                    .failed = print_script,
                                    .quiet = true,
                                    .body = run_scene });
    counts = systematic_counts(systematic);
    printf("{\"scene\": \"%s\", \"%s\": %u, \"complete\": %s, \"schedules\": %" PRIu64 ", \"met\": %" PRIu64
           ", \"states\": %" PRIu64 ", \"choices\": %" PRIu64 ", \"pages\": %" PRIu64 "}\n",
           plan->name, options.delays ? "delays" : "preemptions", options.bound, counts.complete ? "true" : "false",
           counts.schedules, counts.met, counts.states, counts.choices, counts.pages);
    fflush(stdout);
    systematic_destroy(systematic);
}
