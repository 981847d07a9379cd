/* SPDX-License-Identifier: BSD-2-Clause */
/* The shared parts of the driver's tests (story.h). */
#include "story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/image.h"
#include "nt/export/version.h"
#include "nt/processor/topology.h"
#include "story_release.h"
#include "xenvif/offer/hostile.h"

enum { SECOND = 1000000000, WIRE_DEPTH = 512 };

static const char *built(const char *name)
{
    static char paths[2][4096];
    char *path = paths[strcmp(name, "xennet.inf") == 0];
    const char *folder = windows_simulated()->major < 10 ? "windows7/" IMAGE_ARCHITECTURE
                                                         : IMAGE_ARCHITECTURE; /* the package for that Windows */

    snprintf(path, sizeof(paths[0]), "%s/xennet/%s/%s", test_root(), folder, name);
    if (access(path, R_OK) != 0) {
        test_skip("xennet/" IMAGE_ARCHITECTURE " has no built driver: run ./build.py free");
    }
    return path;
}

const char *story_driver(void)
{
    const char *other = getenv("XENNET_DRIVER"); /* a build of the driver other than the package's */

    return other != NULL ? other : built("xennet.sys");
}

const char *story_inf(void)
{
    const char *other = getenv("XENNET_INF"); /* of somebody else's driver */

    return other != NULL ? other : built("xennet.inf");
}

uint64_t story_patience(void)
{
    return (sched_kind() == SCHED_LIVE ? 5ull : 1ull) * SECOND;
}

void story_rest(void)
{

    sched_sleep(SECOND / 1000);
}

bool story_until(struct story *story, bool (*reached)(struct story *story), uint32_t seconds)
{
    uint64_t deadline = sched_now() + (uint64_t)seconds * SECOND;

    while (!reached(story)) {
        if (sched_now() >= deadline) {
            return false;
        }
        story_rest();
    }
    return true;
}

struct logged {
    const char *event;
    uint32_t count;
};

static void count_logged(void *context, const char *line)
{
    struct logged *logged = context;
    const size_t length = strlen(line), size = strlen(logged->event);

    logged->count += length >= size && strcmp(line + length - size, logged->event) == 0;
}

uint32_t story_logged(const char *event)
{
    struct logged logged = { .event = event };

    ndis_event_log(count_logged, &logged);
    return logged.count;
}

void story_count(const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "# counted: %s\n", text);
}

static void receive(void *context, uint32_t processor, const struct frame *frame)
{
    struct story *story = context;

    (void)processor;
    story_enter(&story->in, frame, false);
}

struct story_child {
    const struct story_plan *plan;
    struct story story;
};

/* No frame left the guest with a checksum that whoever gets it finds wrong; none came to it with an untrue flag, except
 * what a hostile provider injected. */
static void check_checksums(struct story *story)
{
    struct netback_counters backend = { 0 };
    struct adapter_counters counters = { 0 };

    if (story->plan->any_checksums) {
        return;
    }
    if (story->bed.netback != NULL) {
        netback_counters(story->bed.netback, &backend);
        CHECK_EQ(backend.tx_csum_wrong, 0);
    }
    if (story->bed.adapter != NULL && vif_inject_returned() == 0) {
        adapter_counters(story->bed.adapter, &counters);
        CHECK_EQ(counters.rx_sums_wrong, 0);
    }
}

static void check_leaks(const struct leaks *leaks)
{
    for (size_t i = 0; i < leaks->count; i++) {
        fprintf(stderr, "# left behind: %s\n", leaks->lines[i]);
    }
    CHECK_EQ(leaks->count, 0);
}

static void main_task(void *argument)
{
    struct story_child *child = argument;
    const struct story_plan *plan = child->plan;
    struct story *story = &child->story;
    struct leaks leaks = { 0 };

    story->plan = plan;
    story->queues = plan->queues != 0 ? plan->queues : 1;
    story->wire = memory_port_create(story->queues, plan->wire_depth != 0 ? plan->wire_depth : WIRE_DEPTH);
    story->options = (struct bed_options){
        .driver_path = story_driver(),
        .inf_path = story_inf(),
        .xenvif_path = story_xenvif(),
        .xenvif_inf = story_xenvif() != NULL ? story_xenvif_inf() : NULL,
        .set = plan->set,
        .processors = plan->processors != 0 ? plan->processors : story->queues,
        .topology = plan->topology,
        .queues = story->queues,
        .release = story_release(plan),
        .vif_version = story_version(plan),
        .mtu = plan->mtu != 0 ? plan->mtu : 1500,
        .backend_without = plan->backend_without,
        .backend_rate = plan->backend_rate,
        .edge_buffers = plan->edge_buffers,
        .strict_grants = plan->kind == SCHED_SIMULATED && !plan->loose_grants,
        .wire_port = story->wire,
        .receive = receive,
        .context = story,
    };
    if (plan->prepare != NULL) {
        plan->prepare(plan);
    }
    story->started = bed_start(&story->bed, &story->options, story->error, sizeof(story->error));
    if (!story->started && !plan->may_not_start) {
        test_fail(__FILE__, __LINE__, "the bed did not start: %s", story->error);
    }
    plan->body(story);
    if (!story->started) {
        port_destroy(story->wire);
        return;
    }
    check_checksums(story);
    bed_stop(&story->bed, &leaks);
    check_leaks(&leaks);
    leaks_free(&story->bed.known);
    port_destroy(story->wire);
}

static void child_body(void *argument)
{
    struct story_child *child = argument;
    const struct story_plan *plan = child->plan;
    struct sched_options options = { .kind = plan->kind, .seed = plan->seed };

    windows_simulate(windows_version_find(plan->windows != NULL ? plan->windows : STORY_WINDOWS));
    /* A XenVif is as its release is: what Windows lets it pass is remarked, as by run.py. */
    rule_be_lenient(getenv("XENNET_LENIENT") != NULL || story_xenvif() != NULL);
    if (plan->trace_path != NULL) {
        options.trace = fopen(plan->trace_path, "w");
        CHECK(options.trace != NULL);
    }
    CHECK_EQ(sched_run(&options, main_task, child), 0);
    if (options.trace != NULL) {
        CHECK_EQ(fclose(options.trace), 0);
    }
}

/* The test's counts are part of the test's output, for people; everything else a child prints matters only when it
 * fails. */
static void print_counts(const char *text, const struct story_plan *plan)
{
    const char *line = text;

    while ((line = strstr(line, "# counted: ")) != NULL) {
        int length = (int)strcspn(line, "\n");

        printf("%.*s (%s, XenVif like %s, VIF %u, Windows %s)\n", length, line,
               plan->kind == SCHED_LIVE ? "live" : "simulated", story_release(plan)->name, story_version(plan),
               plan->windows != NULL ? plan->windows : STORY_WINDOWS);
        line += length;
    }
    fflush(stdout);
}

const char *story_windows(uint32_t turn)
{
    static const char *const kinds[] = { "7", STORY_WINDOWS, "11-24h2" };

    return kinds[turn % (sizeof(kinds) / sizeof(kinds[0]))];
}

void story_everywhere(const struct story_plan *plan, uint32_t seeds)
{
    uint32_t version, i;

    seeds = test_seeds(seeds);
    for (version = 8; version <= 10; version++) {
        struct story_plan turn = *plan;

        turn.vif_version = version;
        turn.kind = SCHED_SIMULATED;
        for (i = 0; i < seeds; i++) {
            turn.seed = test_seed_given() ? test_seed() : test_seed() + i;
            turn.windows = plan->windows != NULL ? plan->windows : story_windows((uint32_t)turn.seed + version);
            story_run(&turn);
            turn.quiet = true;
        }
        turn.kind = SCHED_LIVE;
        turn.seed = test_seed();
        turn.windows = plan->windows != NULL ? plan->windows : story_windows((uint32_t)turn.seed + version + 1);
        turn.quiet = plan->quiet;
        story_run(&turn);
    }
}

/* Cuts the text to its last line. */
static const char *story_last_line(char *text)
{
    size_t length = strlen(text);
    char *line;

    while (length > 0 && text[length - 1] == '\n') {
        text[--length] = 0;
    }
    line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

static bool has_processors_for(const struct story_plan *plan)
{
    const uint32_t processors = plan->processors > plan->queues ? plan->processors : plan->queues;
    const uint32_t groups = plan->topology != NULL ? plan->topology->groups : (processors + MAX_GROUP - 1) / MAX_GROUP;

    if (groups > WINDOWS_GROUPS) {
        test_part_not_run("Windows for x86 has one group of 32 processors");
        return false;
    }
    return true;
}

void story_run(const struct story_plan *plan)
{
    static char text[1 << 18];
    struct story_child *child = calloc(1, sizeof(*child));
    int status;

    CHECK(child != NULL);
    (void)story_driver();
    if (!has_processors_for(plan) || !story_release_can(plan)) {
        free(child);
        return;
    }
    child->plan = plan;
    test_seed_tried(plan->seed);
    status = test_child(child_body, child, text, sizeof(text));
    free(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == STORY_NEEDS_STAND_IN_STATUS) {
        test_part_not_run(story_last_line(text));
        return;
    }
    test_part_ran();
    if (status != 0) {
        if (plan->failed != NULL) {
            plan->failed();
        }
        test_fail(__FILE__, __LINE__, "%s, XenVif like %s, seed %" PRIu64 ": wait status %#x\n%s",
                  plan->kind == SCHED_LIVE ? "live" : "simulated", story_release(plan)->name, plan->seed,
                  (unsigned)status, text);
    }
    if (!plan->quiet) {
        print_counts(text, plan);
    }
}

void story_once(void (*body)(struct story *), uint32_t queues)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = queues, .edge_buffers = 16, .body = body });
}

void story_inject_start(const struct story_plan *plan)
{
    (void)plan;
    vif_inject_start();
}
