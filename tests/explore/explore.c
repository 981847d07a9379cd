/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs one list of operations (explore.h), as a test with options of its own:
 *
 *   explore --seed S [--operations N]    the list that the seed makes
 *   explore --replay FILE                a list from a file
 *   explore ... --write FILE             writes the list before it is run
 *   explore ... --trace FILE             every step of the simulated run
 *
 * On success stdout has a JSON object: operations done and skipped by name, frames accounted for.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "explore.h"
#include "xenvif/offer/hostile.h"

#define ANY UINT32_MAX

const struct operation_kind operation_kinds[] = {
    { "send", 12, 3, { { 0, 15 }, { 1, 60 }, { 1, 32 } }, explore_send },
    { "inject", 12, 2, { { 0, 15 }, { 1, 60 } }, explore_inject },
    { "send-shape", 10, 4, { { 0, 65535 }, { 0, 200 }, { 0, 4 }, { 0, ANY } }, explore_send_shape },
    { "hold", 3, 1, { { 0, 1 } }, explore_hold },
    { "cancel", 2, 1, { { 0, 255 } }, explore_cancel },
    { "lie", 6, 4, { { 0, 5 }, { 0, 17000 }, { 0, 2000 }, { 0, ANY } }, explore_lie },
    { "wait", 5, 1, { { 0, 3000 } }, explore_wait },
    { "query", 8, 3, { { 0, 4095 }, { 0, 512 }, { 0, ANY } }, explore_query },
    { "set", 6, 3, { { 0, 4095 }, { 0, 512 }, { 0, ANY } }, explore_set },
    { "failing-call", 3, 4, { { 1, 12 }, { 0, 4095 }, { 0, 512 }, { 0, ANY } }, explore_failing_call },
    { "rss", 5, 3, { { 0, 7 }, { 0, 15 }, { 0, 3 } }, explore_rss },
    { "offload", 4, 1, { { 0, ANY } }, explore_offload },
    { "filter", 2, 1, { { 0, 63 } }, explore_filter },
    { "pause", 4, 1, { { 0, 20 } }, explore_pause },
    { "power", 3, 2, { { 0, 2 }, { 0, 20 } }, explore_power },
    { "sleep", 2, 1, { { 0, 1 } }, explore_sleep },
    { "migrate", 3, 2, { { 0, 15 }, { 0, 40 } }, explore_migrate },
    { "exchange", 1, 1, { { 0, 1 } }, explore_exchange },
    { "surprise", 1, 0, { { 0, 0 } }, explore_surprise },
    { "rebalance", 1, 0, { { 0, 0 } }, explore_rebalance },
    { "reset", 2, 0, { { 0, 0 } }, explore_reset },
    { "stall", 4, 2, { { 0, 15 }, { 1, 12000 } }, explore_stall },
    { "refuse", 3, 2, { { 0, 15 }, { 1, 40 } }, explore_refuse },
    { "shortage", 2, 2, { { 0, 40 }, { 1, 40 } }, explore_shortage },
    { "backend-leaves", 1, 0, { { 0, 0 } }, explore_backend_leaves },
    { "backend-comes", 3, 1, { { 0, 15 } }, explore_backend_comes },
    { "control", 2, 1, { { 0, 1 } }, explore_control },
    { "link", 3, 1, { { 0, 1 } }, explore_link },
    { "mtu", 1, 1, { { 576, 9000 } }, explore_mtu },
    { "settle", 8, 0, { { 0, 0 } }, explore_settle },
};
const uint32_t operation_kind_count = sizeof(operation_kinds) / sizeof(operation_kinds[0]);

/* Shared with the child that runs the list. */
static struct explore_list list;

static void print_operation(uint32_t number, const struct operation *operation)
{
    fprintf(stderr, "# operation %u: %s", number, operation_kinds[operation->kind].name);
    for (uint32_t v = 0; v < operation_kinds[operation->kind].values; v++) {
        fprintf(stderr, " %u", operation->values[v]);
    }
    fputc('\n', stderr);
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

    CHECK(done != NULL);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct operation *operation = &list.operations[i];

        print_operation(i, operation);
        begin_operation(&explorer, operation_kinds[operation->kind].name);
        if (operation_kinds[operation->kind].perform(&explorer, operation->values)) {
            done[operation->kind]++;
            performed++;
        }
    }
    fprintf(stderr, "# the last settle\n");
    begin_operation(&explorer, "the last settle");
    explore_settle(&explorer, NULL);
    __atomic_store_n(&explorer.over, 1, __ATOMIC_RELEASE);
    sched_wake(&explorer.over, 1);
    task_join(clock);
    traffic_end();
    watch_close(explorer.watch);
    printf("{\"operations\": %u, \"skipped\": %u, \"settled_frames\": %" PRIu64 ", \"done\": {", performed,
           list.count - performed, explorer.settled);
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

static void prepare(const struct story_plan *plan)
{
    (void)plan;
    vif_inject_start();
}

static struct {
    uint32_t operations;
    const char *replay, *write, *trace;
} options = { .operations = 200 };

bool test_option(const char *name, const char *value)
{
    if (value == NULL) {
        return false;
    }
    if (strcmp(name, "--operations") == 0) {
        char *end;
        unsigned long count = strtoul(value, &end, 10);

        options.operations = (uint32_t)count;
        return *value != '\0' && *end == '\0' && count >= 1 && count <= MAX_OPERATIONS;
    }
    if (strcmp(name, "--replay") == 0) {
        options.replay = value;
        return true;
    }
    if (strcmp(name, "--trace") == 0) {
        options.trace = value;
        return true;
    }
    if (strcmp(name, "--write") == 0) {
        options.write = value;
        return true;
    }
    return false;
}

static void take_list(void)
{
    char error[512];

    if (options.replay == NULL) {
        list_make(&list, test_seed(), options.operations);
    } else if (!list_read(&list, options.replay, error, sizeof(error))) {
        test_fail(__FILE__, __LINE__, "%s", error);
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

TEST(a_list_of_operations_breaks_no_rule)
{
    const char *keywords[MAX_KEYWORDS + 1] = { NULL };

    take_list();
    if (list.count == 0) {
        test_fail(__FILE__, __LINE__, "the list has no operations");
    }
    for (uint32_t i = 0; i < MAX_KEYWORDS && list.config.keywords[i][0] != '\0'; i++) {
        keywords[i] = list.config.keywords[i];
    }
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = list.config.seed,
                                    .windows = list.config.windows,
                                    .xenvif_like = list.config.xenvif_like,
                                    .vif_version = list.config.vif,
                                    .queues = list.config.queues,
                                    .processors = list.config.processors,
                                    .mtu = list.config.mtu,
                                    .backend_without = list.config.without,
                                    .set = keywords,
                                    .trace_path = options.trace,
                                    .edge_buffers = 64,
                                    .loose_grants = list.config.seed % 4 != 0,
                                    .prepare = prepare,
                                    .quiet = true,
                                    .body = run_list });
}
