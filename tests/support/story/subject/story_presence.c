/* SPDX-License-Identifier: BSD-2-Clause */
/* Rounds of power and presence (story_presence.h). */
#include "story_presence.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 1000, ROUNDS_PER_RUN = 50, ROUNDS_LIVE = 5, SECOND = 1000000000, PORT_DEPTH = 512 };

/* The second adapter: all of it beside the bed's one, but for machine and driver, which they share. */
struct second {
    struct story story;
    struct xen_vif_config config;
    struct netback_options backend;
    struct story *first;
};
static struct second *second; /* of this child's one story */

struct story *presence_second(struct story *story)
{
    (void)story;
    return second != NULL ? &second->story : NULL;
}

static void send_some(void *argument)
{
    struct story *story = argument;

    story_send(story, 0, PRESENCE_BURST, 1 + (uint32_t)sched_random(6));
}

static void inject_some(void *argument)
{
    story_inject(argument, 0, PRESENCE_BURST);
}

static uint32_t missing(const struct story_ledger *ledger)
{
    uint32_t lost = 0, i;

    for (i = 0; i < ledger->sent; i++) {
        lost += __atomic_load_n(&ledger->arrived[i], __ATOMIC_ACQUIRE) == 0;
    }
    return lost;
}

/* Ledgers hold so many numbers only: begin anew. */
static void turn_page(struct story *story)
{
    if (story->out.sent + 4 * PRESENCE_BURST > MAX_STORY_FRAMES ||
        story->in.sent + 4 * PRESENCE_BURST > MAX_STORY_FRAMES) {
        memset(&story->out, 0, sizeof(story->out));
        memset(&story->in, 0, sizeof(story->in));
    }
}

static void traffic_while(struct story *story, void (*happen)(struct story *))
{
    struct task *sender = task_spawn("sender", 0, send_some, story),
                *injector = task_spawn("injector", 0, inject_some, story);

    happen(story);
    task_join(sender);
    task_join(injector);
}

static void nothing(struct story *story)
{
    (void)story;
}

/* Traffic while nothing happens: all of it arrives, once. */
static void quiet(struct story *story)
{
    uint32_t out = story->out.sent, in = story->in.sent;

    traffic_while(story, nothing);
    story_check_from(story, out, in);
}

/* The text that toolstacks look for, once and no more. */
uint32_t presence_driver_lines(struct story *story)
{
    char **names;
    size_t count = 0, i;
    uint32_t found = 0;

    if (xen_store_list(story->bed.guest, 0, "drivers", &names, &count) != 0) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        char path[300], *value;

        snprintf(path, sizeof(path), "drivers/%s", names[i]);
        if (xen_store_read(story->bed.guest, 0, path, &value) == 0) {
            found += strstr(value, "XENNET") != NULL;
            free(value);
        }
    }
    free(names);
    return found;
}

static void open_edge(struct story *story)
{
    struct edge_options options = { .memory = story->bed.guest,
                                    .buffers = 32,
                                    .queues = story->queues,
                                    .frame_size = MAX_FRAME_BYTES,
                                    .receive = story->options.receive,
                                    .context = story };
    char error[512];

    CHECK_EQ(adapter_restart(story->bed.adapter), NDIS_STATUS_SUCCESS);
    story->bed.edge = edge_open(story->bed.adapter, &options, error, sizeof(error));
    if (story->bed.edge == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not open: %s", error);
    }
}

static void add_adapter(struct story *story)
{
    struct bed *bed = &story->bed;
    char error[512];

    bed->adapter = adapter_add(bed->driver, bed_pdo(bed), bed->package, error, sizeof(error));
    if (bed->adapter == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not start: %s", error);
    }
}

void presence_close(struct story *story)
{
    edge_close(story->bed.edge);
    story->bed.edge = NULL;
}

void presence_open(struct story *story)
{
    open_edge(story);
}

void presence_exchange(struct story *story, bool surprise)
{
    if (surprise) {
        adapter_surprise_remove(story->bed.adapter);
    }
    presence_close(story);
    adapter_remove(story->bed.adapter);
    add_adapter(story);
    open_edge(story);
}

/* A migration takes both devices to the other host. */
static void change_host(void *context)
{
    struct bed *bed = &second->story.bed;

    (void)context;
    bed_change_host(&second->first->bed);
    netback_destroy(bed->netback);
    xen_toolstack_add_vif(bed->host, &second->config);
    bed->netback = netback_create(bed->dom0, second->story.wire, &second->backend);
}

static void add_device(struct story *story, const struct vif_options *options)
{
    struct bed *bed = &second->story.bed;
    char error[512];

    bed->bus = story->bed.bus;
    if (bed->bus == NULL) {
        bed->vif = vif_create(bed->guest, options);
        CHECK(bed->vif != NULL);
        return;
    }
    bed->child = 1;
    xenbus_on_suspend(busdriver_xenbus(bed->bus), change_host, NULL);
    if (!busdriver_wait_children(bed->bus, 2, 10ull * SECOND, error, sizeof(error))) {
        test_fail(__FILE__, __LINE__, "%s", error);
    }
}

/* Out of xenstore, and then not listed by the bus driver any more. */
static void remove_device(void)
{
    struct bed *bed = &second->story.bed;
    struct leaks leaks = { 0 };

    if (bed->bus == NULL) {
        vif_leaks(bed->vif, &leaks);
        CHECK_EQ(leaks.count, 0);
        vif_destroy(bed->vif);
        return;
    }
    xenbus_on_suspend(busdriver_xenbus(bed->bus), bed_change_host, &second->first->bed);
}

void presence_make_second(struct story *story)
{
    struct vif_options options = { .release = story->options.release,
                                   .version = story->options.vif_version,
                                   .queues = 1,
                                   .vendor = "XP0002",
                                   .handle = 1 };
    struct bed *bed;
    char error[512];

    second = calloc(1, sizeof(*second));
    CHECK(second != NULL);
    second->story.plan = story->plan;
    second->story.options = story->options;
    second->story.queues = 1;
    second->story.wire = memory_port_create(1, PORT_DEPTH);
    second->config = story->bed.vif_config;
    second->config.handle = 1;
    second->config.vif_name = "vif1.1";
    bed = &second->story.bed;
    bed->host = story->bed.host;
    bed->guest = story->bed.guest;
    bed->dom0 = story->bed.dom0;
    bed->driver = story->bed.driver;
    xen_toolstack_add_vif(bed->host, &second->config);
    second->first = story;
    second->backend = (struct netback_options){ .vif = second->config, .queues = 1, .mtu = 1500, .speed_mbps = 1000 };
    bed->netback = netback_create(bed->dom0, second->story.wire, &second->backend);
    CHECK(bed->netback != NULL);
    add_device(story, &options);
    bed->package = package_install(bed_pdo(bed), story->options.inf_path, NULL, error, sizeof(error));
    CHECK(bed->package != NULL);
    add_adapter(&second->story);
    open_edge(&second->story);
    CHECK(netback_wait_connected(bed->netback, true, 5ull * SECOND));
}

void presence_remove_second(void)
{
    struct bed *bed = &second->story.bed;

    presence_close(&second->story);
    adapter_remove(bed->adapter);
    package_free(bed->package);
    remove_device();
    (void)netback_wait_connected(bed->netback, false, 5ull * SECOND);
    port_stop(second->story.wire);
    netback_destroy(bed->netback);
    port_destroy(second->story.wire);
    xen_toolstack_remove_vif(bed->host, &second->config);
    free(second);
    second = NULL;
}

/* Something happens while frames go both ways. Where it takes the edge away, what was sent is on its way still. */
static void one_round(struct story *story, const struct presence *presence)
{
    struct task *others[2] = { NULL, NULL };
    uint32_t i;

    turn_page(story);
    if (second != NULL) {
        turn_page(&second->story);
        others[0] = task_spawn("second sender", 0, send_some, &second->story);
        others[1] = task_spawn("second injector", 0, inject_some, &second->story);
    }
    if (presence->exchanges) {
        struct task *injector = task_spawn("injector", 0, inject_some, story);

        send_some(story);
        presence->happen(story);
        task_join(injector);
    } else {
        traffic_while(story, presence->happen);
    }
    for (i = 0; i < 2; i++) {
        if (others[i] != NULL) {
            task_join(others[i]);
        }
    }
}

static void settle(struct story *story, uint32_t round)
{
    CHECK(netback_wait_connected(story->bed.netback, true, 5ull * SECOND));
    quiet(story);
    story_check(&story->out, PRESENCE_BURST * (round + 1)); /* none twice; of those under the event some are missing */
    story_check(&story->in, PRESENCE_BURST * (round + 1));
}

static void rounds(struct story *story)
{
    const struct presence *presence = story->plan->detail;
    uint32_t most = sched_kind() == SCHED_LIVE ? ROUNDS_LIVE : ROUNDS_PER_RUN, lost, round;

    if (presence->second) {
        presence_make_second(story);
    }
    for (round = 0; round < most; round++) {
        one_round(story, presence);
        settle(story, round);
        if (second != NULL) {
            settle(&second->story, round);
        }
    }
    lost = missing(&story->out) + missing(&story->in);
    if (second != NULL) {
        lost += missing(&second->story.out) + missing(&second->story.in);
        presence_remove_second();
    }
    story_count("%s: %u rounds, %u frames, %u dropped by the last events, none doubled, none lost between",
                presence->name, most, (presence->second ? 2 : 1) * most * 4 * PRESENCE_BURST, lost);
}

void presence_tell(const struct presence *presence)
{
    uint32_t runs = test_seed_given() ? 1 : ROUNDS / ROUNDS_PER_RUN, i, version;

    for (i = 0; i < runs; i++) {
        uint64_t seed = test_seed() + i;

        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = seed,
                                        .vif_version = 8 + (uint32_t)(seed % 3),
                                        .queues = 1 + (uint32_t)(seed / 3 % 2),
                                        .windows = presence->windows != NULL ? presence->windows
                                                                             : story_windows((uint32_t)(seed / 6)),
                                        .edge_buffers = 32,
                                        .loose_grants = i != 0,
                                        .detail = presence,
                                        .quiet = i % 6 != 0,
                                        .body = rounds });
    }
    for (version = 8; version <= 10; version++) {
        story_run(
            &(struct story_plan){ .kind = SCHED_LIVE,
                                  .seed = test_seed(),
                                  .vif_version = version,
                                  .windows = presence->windows != NULL ? presence->windows : story_windows(version),
                                  .edge_buffers = 32,
                                  .detail = presence,
                                  .body = rounds });
    }
}
