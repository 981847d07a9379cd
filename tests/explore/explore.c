/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs one list of operations (explore.h), as a test with options of its own:
 *
 *   explore --seed S [--operations N]    the list that the seed makes
 *   explore ... --lists N                those of the N seeds from S on, until one fails
 *   explore --replay FILE                a list from a file
 *   explore ... --write FILE             writes the list before it is run
 *   explore ... --only-write FILE        and does not run it
 *   explore ... --trace FILE             every step of the simulated run
 *   explore ... --grammar portable       a list that every XenVif, and the live scheduler, can run
 *   explore ... --scheduler live         in real time
 *   explore ... --observe FILE           writes what somebody outside sees (observe.c)
 *
 * For each list that passed stdout has a JSON object: operations done and skipped by name, calls into the driver that
 * came of them, frames accounted for.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "explore.h"
#include "xenvif/offer/hostile.h"

#define ANY UINT32_MAX

const struct operation_kind operation_kinds[] = {
    { "send", 0, OFTEN, 12, 3, { { 0, 15 }, { 1, 60 }, { 1, 32 } }, explore_send },
    { "inject", 0, OFTEN, 12, 2, { { 0, 15 }, { 1, 60 } }, explore_inject },
    { "send-shape", 0, OFTEN, 10, 4, { { 0, 65535 }, { 0, 200 }, { 0, 4 }, { 0, ANY } }, explore_send_shape },
    { "hold", 0, OFTEN, 3, 1, { { 0, 1 } }, explore_hold },
    { "cancel", 0, OFTEN, 2, 1, { { 0, 255 } }, explore_cancel },
    { "lie", NEEDS_STAND_IN, OFTEN, 6, 4, { { 0, 5 }, { 0, 17000 }, { 0, 2000 }, { 0, ANY } }, explore_lie },
    { "wait", 0, OFTEN, 5, 1, { { 0, 3000 } }, explore_wait },
    { "query", 0, OFTEN, 8, 3, { { 0, 4095 }, { 0, 512 }, { 0, ANY } }, explore_query },
    { "set", 0, OFTEN, 6, 3, { { 0, 4095 }, { 0, 512 }, { 0, ANY } }, explore_set },
    { "failing-call",
      NEEDS_STAND_IN,
      OFTEN,
      3,
      4,
      { { 1, 12 }, { 0, 4095 }, { 0, 512 }, { 0, ANY } },
      explore_failing_call },
    { "rss", 0, OFTEN, 5, 3, { { 0, 7 }, { 0, 15 }, { 0, 3 } }, explore_rss },
    { "offload", 0, OFTEN, 4, 1, { { 0, ANY } }, explore_offload },
    { "filter", 0, OFTEN, 2, 1, { { 0, 63 } }, explore_filter },
    { "pause", 0, OFTEN, 4, 1, { { 0, 20 } }, explore_pause },
    { "power", 0, OFTEN, 3, 2, { { 0, 2 }, { 0, 20 } }, explore_power },
    { "sleep", 0, LOSES, 2, 1, { { 0, 1 } }, explore_sleep },
    { "migrate", 0, LOSES, 3, 2, { { 0, 15 }, { 0, 40 } }, explore_migrate },
    { "exchange", 0, LOSES, 1, 1, { { 0, 1 } }, explore_exchange },
    { "surprise", 0, LOSES, 1, 0, { { 0, 0 } }, explore_surprise },
    { "rebalance", 0, LOSES, 1, 0, { { 0, 0 } }, explore_rebalance },
    { "processor", 0, SELDOM, 1, 0, { { 0, 0 } }, explore_processor },
    { "reset", 0, OFTEN, 2, 0, { { 0, 0 } }, explore_reset },
    { "stall", NEEDS_RECONNECT, LOSES, 4, 2, { { 0, 15 }, { 1, 12000 } }, explore_stall },
    { "refuse", 0, OFTEN, 3, 2, { { 0, 15 }, { 1, 40 } }, explore_refuse },
    { "shortage", NEEDS_STAND_IN, OFTEN, 2, 2, { { 0, 40 }, { 1, 40 } }, explore_shortage },
    { "backend-leaves", NEEDS_RECONNECT, LOSES, 1, 0, { { 0, 0 } }, explore_backend_leaves },
    { "backend-comes", NEEDS_RECONNECT, OFTEN, 3, 1, { { 0, 15 } }, explore_backend_comes },
    { "control", NEEDS_CONTROL_END, OFTEN, 2, 1, { { 0, 1 } }, explore_control },
    { "link", 0, OFTEN, 3, 1, { { 0, 1 } }, explore_link },
    { "mtu", 0, OFTEN, 1, 1, { { 576, 9000 } }, explore_mtu },
    { "settle", 0, SETTLES, 8, 0, { { 0, 0 } }, explore_settle },
};
const uint32_t operation_kind_count = sizeof(operation_kinds) / sizeof(operation_kinds[0]);

/* Of the child that runs the list, too. */
static struct explore_list list;

static struct {
    uint32_t operations, lists;
    const char *replay, *write, *trace, *observe;
    bool portable, live, only_write;
} options = { .operations = 200, .lists = 1 };

static void print_operation(uint32_t number, const struct operation *operation)
{
    fprintf(stderr, "# operation %u: %s", number, operation_kinds[operation->kind].name);
    for (uint32_t v = 0; v < operation_kinds[operation->kind].values; v++) {
        fprintf(stderr, " %u", operation->values[v]);
    }
    fputc('\n', stderr);
}

/* Where the child is, for whoever reads how it ended: writing each operation down would cost more than many of them.
 */
static uint32_t *reached;

static void print_way(void)
{
    enum { NEWEST = 400 };
    const uint32_t end = *reached < list.count ? *reached + 1 : list.count;

    for (uint32_t i = end > NEWEST ? end - NEWEST : 0; i < end; i++) {
        print_operation(i, &list.operations[i]);
    }
    if (*reached == list.count) {
        fprintf(stderr, "# the last settle\n");
    }
}

/* Nothing that is waited for takes so long. */
static void run_clock(void *argument)
{
    enum { MAX_WAIT = 600 };
    struct explorer *explorer = argument;

    while (__atomic_load_n(&explorer->over, __ATOMIC_ACQUIRE) == 0) {
        uint64_t begun = __atomic_load_n(&explorer->begun, __ATOMIC_ACQUIRE);

        if (sched_now() > begun + MAX_WAIT * SECOND) {
            test_fail(__FILE__, __LINE__, "%s has not ended after %u s", explorer->operation, (unsigned)MAX_WAIT);
        }
        (void)sched_wait(&explorer->over, 0, sched_now() + MAX_WAIT * SECOND / 4);
    }
}

static void begin_operation(struct explorer *explorer, const char *name)
{
    explorer->operation = name;
    __atomic_store_n(&explorer->begun, sched_now(), __ATOMIC_RELEASE);
}

static void run_list(struct story *story)
{
    struct explorer explorer = { .story = story, .watch = watch_open(story) };
    struct task *clock = task_spawn("clock", 0, run_clock, &explorer);
    uint32_t *done = calloc(operation_kind_count, sizeof(*done)), performed = 0;
    uint64_t calls = 0;

    CHECK(done != NULL);
    if (options.observe != NULL) {
        observe_start(options.observe);
    }
    driver_calls_count(&calls);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct operation *operation = &list.operations[i];

        __atomic_store_n(reached, i, __ATOMIC_RELAXED);
        begin_operation(&explorer, operation_kinds[operation->kind].name);
        observe_operation(i, operation_kinds[operation->kind].name);
        if (operation_kinds[operation->kind].perform(&explorer, operation->values)) {
            done[operation->kind]++;
            performed++;
            observe("done", "yes");
        } else {
            observe("done", "no");
        }
    }
    __atomic_store_n(reached, list.count, __ATOMIC_RELAXED);
    begin_operation(&explorer, "the last settle");
    observe_operation(list.count, "settle");
    explore_settle(&explorer, NULL);
    driver_calls_count(NULL);
    __atomic_store_n(&explorer.over, 1, __ATOMIC_RELEASE);
    sched_wake(&explorer.over, 1);
    task_join(clock);
    observe_end();
    traffic_end();
    watch_close(explorer.watch);
    printf("{\"operations\": %u, \"skipped\": %u, \"calls\": %" PRIu64 ", \"settled_frames\": %" PRIu64 ", \"done\": {",
           performed, list.count - performed, calls, explorer.settled);
    for (uint32_t kind = 0, first = 1; kind < operation_kind_count; kind++) {
        if (done[kind] != 0) {
            printf("%s\"%s\": %u", first ? "" : ", ", operation_kinds[kind].name, done[kind]);
            first = 0;
        }
    }
    puts("}}");
    fflush(stdout);
    free(done);
}

static bool take_number(const char *text, uint32_t most, uint32_t *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *number = (uint32_t)value;
    return *text != '\0' && *end == '\0' && value >= 1 && value <= most;
}

bool test_option(const char *name, const char *value)
{
    if (value == NULL) {
        return false;
    }
    if (strcmp(name, "--operations") == 0) {
        return take_number(value, MAX_OPERATIONS, &options.operations);
    }
    if (strcmp(name, "--lists") == 0) {
        return take_number(value, UINT32_MAX, &options.lists);
    }
    if (strcmp(name, "--replay") == 0) {
        options.replay = value;
        return true;
    }
    if (strcmp(name, "--trace") == 0) {
        options.trace = value;
        return true;
    }
    if (strcmp(name, "--observe") == 0) {
        options.observe = value;
        return true;
    }
    if (strcmp(name, "--grammar") == 0) {
        options.portable = strcmp(value, "portable") == 0;
        return options.portable;
    }
    if (strcmp(name, "--scheduler") == 0) {
        options.live = strcmp(value, "live") == 0;
        return options.live;
    }
    if (strcmp(name, "--write") == 0 || strcmp(name, "--only-write") == 0) {
        options.only_write = strcmp(name, "--write") != 0;
        options.write = value;
        return true;
    }
    return false;
}

static void take_list(uint64_t seed)
{
    char error[512];

    if (options.replay == NULL) {
        list_make(&list, seed, options.operations, options.portable);
    } else if (!list_read(&list, options.replay, error, sizeof(error))) {
        test_fail(__FILE__, __LINE__, "%s", error);
    } else {
        xenvif_settle_release(&list.config);
    }
    if (list.count == 0) {
        test_fail(__FILE__, __LINE__, "the list has no operations");
    }
    if (options.write != NULL) {
        FILE *file = fopen(options.write, "w");

        if (file == NULL) {
            test_fail(__FILE__, __LINE__, "%s: %s", options.write, strerror(errno));
        }
        list_write(&list, file);
        CHECK_EQ(fclose(file), 0);
    }
}

/* Some may come later (explore_processor). */
static struct topology room_for_newcomers(uint32_t processors)
{
    const uint32_t maximum = processors + MAX_NEWCOMERS;
    struct topology topology = topology_of(processors, MAX_GROUP);

    topology.group[0].maximum = maximum < MAX_GROUP ? maximum : MAX_GROUP;
    return topology;
}

static void run_one(void)
{
    const struct topology topology = room_for_newcomers(list.config.processors);
    const char *keywords[MAX_KEYWORDS + 1] = { NULL };
    bool blank = false; /* checksums that the backend left blank stay so, by a keyword */

    for (uint32_t i = 0; i < MAX_KEYWORDS && list.config.keywords[i][0] != '\0'; i++) {
        keywords[i] = list.config.keywords[i];
        blank = blank || strcmp(keywords[i], "NeedChecksumValue=0") == 0;
    }
    story_run(&(struct story_plan){ .kind = options.live ? SCHED_LIVE : SCHED_SIMULATED,
                                    .seed = list.config.seed,
                                    .windows = list.config.windows,
                                    .xenvif_like = list.config.xenvif_like,
                                    .vif_version = list.config.vif,
                                    .queues = list.config.queues,
                                    .processors = list.config.processors,
                                    .topology = &topology,
                                    .mtu = list.config.mtu,
                                    .backend_without = list.config.without,
                                    .set = keywords,
                                    .trace_path = options.trace,
                                    .edge_buffers = 64,
                                    .any_checksums = blank,
                                    .loose_grants = list.config.seed % 16 != 0,
                                    .prepare = story_inject_start,
                                    .failed = print_way,
                                    .quiet = true,
                                    .body = run_list });
}

/* What a connection gives back the next one takes: the allocator, too, keeps it. */
static void keep_memory(void)
{
    enum { MIB = 1 << 20 };

    (void)mallopt(M_MXFAST, 0);
    (void)mallopt(M_MMAP_THRESHOLD, 32 * MIB);
    (void)mallopt(M_TRIM_THRESHOLD, 512 * MIB);
    (void)mallopt(M_TOP_PAD, 8 * MIB);
}

TEST(a_list_of_operations_breaks_no_rule)
{
    reached = mmap(NULL, sizeof(*reached), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(reached != MAP_FAILED);
    keep_memory();
    for (uint32_t i = 0; i < options.lists; i++) {
        *reached = 0;
        take_list(test_seed() + i);
        if (!options.only_write) {
            run_one();
        }
    }
}
