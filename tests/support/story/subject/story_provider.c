/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests on either provider: the bed and the toolstack. Frames are in story_provider_frames.c. See story_provider.h.
 */
#include "story_provider.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/export/version.h"

enum { PORT_DEPTH = 512, LINE = 512, REAL_EDGE_BUFFERS = 32, LINK_MBPS = 10000, CONNECT_SECONDS = 60 };

#define SECOND 1000000000ull

static bool real_provider;

bool provider_option(const char *name, const char *value)
{
    if (strcmp(name, "--provider") != 0 || value == NULL ||
        (strcmp(value, "embedded") != 0 && strcmp(value, "xen") != 0)) {
        return false;
    }
    real_provider = strcmp(value, "xen") == 0;
    return true;
}

bool provider_real(void)
{
    return real_provider;
}

void give_up(const char *format, ...)
{
    char text[LINE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    test_fail(__FILE__, __LINE__, "%s", text);
}

static void command(const char *format, ...)
{
    char text[LINE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (system(text) != 0) {
        give_up("'%s' failed", text);
    }
}

/* --- the toolstack --- */

/* What netback is set to for the features it is to go without, towards the guest and, in its device, from it. */
static const struct {
    const char *name, *keys, *device;
} features[] = {
    { "sg", "feature-sg=0", "sg off tso off gso off" },
    { "gso-tcpv4", "feature-gso-tcpv4=0", "tx-tcp-segmentation off" },
    { "gso-tcpv6", "feature-gso-tcpv6=0", "tx-tcp6-segmentation off" },
    { "csum", "feature-no-csum-offload=1", "tx-checksum-ipv4 off" },
    { "ipv6-csum", "feature-ipv6-csum-offload=0", "tx-checksum-ipv6 off" },
    { "multi-queue", "multi-queue-max-queues=1", NULL },
    { "split-event-channels", "feature-split-event-channels=0", NULL },
    { "ctrl-ring", "feature-ctrl-ring=0", NULL },
    { "multicast-control", "feature-multicast-control=0 feature-dynamic-multicast-control=0", NULL },
};
enum { FEATURES = sizeof(features) / sizeof(features[0]) };

static bool lacks(const struct provider_plan *plan, const char *name)
{
    const char *at = plan->without;
    size_t length = strlen(name);

    while (at != NULL && *at != '\0') {
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
        at = strchr(at, ',');
        at += at != NULL;
    }
    return false;
}

static void device_up(struct provider *provider)
{
    command("echo 1 > /proc/sys/net/ipv6/conf/vif0.0/disable_ipv6 && ip link set vif0.0 mtu %u up arp off",
            provider->story.options.mtu);
    for (size_t i = 0; i < FEATURES; i++) {
        if (features[i].device != NULL && lacks(provider->plan, features[i].name)) {
            command("ethtool -K vif0.0 %s > /dev/null", features[i].device);
        }
    }
    provider->wire = wire_open(true, NULL);
}

static void device_add(struct provider *provider)
{
    char keys[LINE] = "";

    for (size_t i = 0; i < FEATURES; i++) {
        if (lacks(provider->plan, features[i].name)) {
            snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), " %s", features[i].keys);
        }
    }
    command("[ ! -e /sys/class/net/vif0.0 ] || sh /vif remove"); /* of a test that failed */
    command("sh /vif add %u %u%s", provider->story.options.queues, provider->story.options.mtu, keys);
    device_up(provider);
}

void provider_write(struct provider *provider, const char *key, const char *value)
{
    struct bed *bed = &provider->story.bed;
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/%u/device/vif/0/%s", xen_domid(bed->guest), key);
    CHECK_EQ(xen_store_write(provider->real ? bed->guest : bed->dom0, 0, path, value), 0);
}

void provider_until(struct provider *provider, bool (*reached)(struct provider *provider), const char *what)
{
    uint64_t deadline = sched_now() + PROVIDER_PATIENCE;

    while (!reached(provider)) {
        if (sched_now() > deadline) {
            give_up("%s, which did not come to pass", what);
        }
        story_rest();
    }
}

static bool device_works(struct provider *provider)
{
    char state[16] = "";
    FILE *file = provider->real ? fopen("/sys/class/net/vif0.0/operstate", "r") : NULL;

    if (file != NULL) {
        (void)!fgets(state, sizeof(state), file);
        fclose(file);
    }
    return !provider->real || strncmp(state, "up", 2) == 0;
}

/* A real device drops what it is given until the kernel has noticed, by and by, that its carrier has come. */
void provider_settle(struct provider *provider)
{
    provider_until(provider, device_works, "netback's device has its carrier");
    if (provider->real) {
        command("ip link show vif0.0 > /dev/null"); /* waits for the kernel to be done with it */
    }
}

static bool is_connected(struct provider *provider)
{
    struct vif_counters counters;

    vif_counters(provider->story.bed.vif, &counters);
    return counters.queues != 0;
}

static bool is_unconnected(struct provider *provider)
{
    return !is_connected(provider);
}

void provider_backend_leave(struct provider *provider)
{
    struct bed *bed = &provider->story.bed;

    if (provider->real) {
        wire_close(provider->wire);
        command("sh /vif remove-backend");
    } else {
        netback_destroy(bed->netback);
        bed->netback = NULL;
    }
    provider_until(provider, is_unconnected, "the frontend notices that its backend is gone");
}

void provider_backend_come(struct provider *provider)
{
    const struct bed_options *options = &provider->story.options;
    struct bed *bed = &provider->story.bed;
    const struct netback_options netback = { .vif = bed->vif_config,
                                             .queues = options->queues,
                                             .mtu = options->mtu,
                                             .speed_mbps = LINK_MBPS,
                                             .without = options->backend_without };

    if (provider->real) {
        command("sh /vif add-backend %u", options->mtu);
        device_up(provider);
    } else {
        bed->netback = netback_create(bed->dom0, provider->port, &netback);
        CHECK(bed->netback != NULL);
        CHECK(netback_wait_connected(bed->netback, true, CONNECT_SECONDS * SECOND));
    }
    provider_until(provider, is_connected, "the frontend connects to the backend that came");
}

uint32_t provider_held(struct provider *provider, const char *what)
{
    struct leaks leaks = { 0 };
    uint32_t count = 0;

    xen_leaks(provider->story.bed.guest, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        count += strstr(leaks.lines[i], what) != NULL;
    }
    leaks_free(&leaks);
    return count;
}

static uint64_t device_counter(const char *name)
{
    char path[96];
    unsigned long long value = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/sys/class/net/vif0.0/statistics/%s", name);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%llu", &value) != 1) {
        give_up("%s cannot be read", path);
    }
    fclose(file);
    return value;
}

void provider_backend(struct provider *provider, struct provider_backend *counters)
{
    struct netback_counters embedded;

    if (provider->real) { /* the device's own view: it receives what the guest sends */
        *counters = (struct provider_backend){ device_counter("rx_packets"), device_counter("tx_packets"),
                                               device_counter("tx_dropped") };
        return;
    }
    netback_counters(provider->story.bed.netback, &embedded);
    *counters = (struct provider_backend){ embedded.tx_packets, embedded.rx_packets, embedded.rx_dropped };
}

/* --- runs --- */

static void set_options(struct provider *provider)
{
    const struct provider_plan *plan = provider->plan;
    struct bed_options *options = &provider->story.options;
    char error[LINE];

    *options = (struct bed_options){
        .driver_path = story_driver(),
        .inf_path = story_inf(),
        .processors = plan->queues != 0 ? plan->queues : 1,
        .queues = plan->queues != 0 ? plan->queues : 1,
        .vif_version = plan->vif_version,
        .mtu = plan->mtu != 0 ? plan->mtu : 1500,
        .headroom = plan->headroom,
        .stall_seconds = plan->stall_seconds,
        .real_xen = provider->real,
        .strict_grants = plan->kind == SCHED_SIMULATED,
        .edge_buffers = provider->real ? REAL_EDGE_BUFFERS : 0,
        .receive = provider_receive,
        .context = provider,
    };
    if (plan->without != NULL &&
        !netback_features_parse(plan->without, &options->backend_without, error, sizeof(error))) {
        give_up("%s", error);
    }
}

static void main_task(void *argument)
{
    struct provider *provider = argument;
    struct story *story = &provider->story;
    struct leaks leaks = { 0 };
    struct provider_frame *left;

    set_options(provider);
    if (provider->real) {
        device_add(provider);
    } else {
        provider->port = story->options.wire_port = memory_port_create(story->options.queues, PORT_DEPTH);
        provider->wire = wire_open(false, provider->port);
    }
    if (!bed_start(&story->bed, &story->options, story->error, sizeof(story->error))) {
        give_up("the bed did not start: %s", story->error);
    }
    provider_settle(provider);
    provider->plan->body(provider);
    bed_stop(&story->bed, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        fprintf(stderr, "# left behind: %s\n", leaks.lines[i]);
    }
    CHECK_EQ(leaks.count, 0);
    wire_close(provider->wire);
    if (provider->real) {
        command("sh /vif remove");
    } else {
        port_destroy(provider->port);
    }
    while ((left = provider->first) != NULL) {
        provider->first = left->next;
        free(left);
    }
}

static void child_body(void *argument)
{
    const struct provider_plan *plan = argument;
    const struct sched_options options = { .kind = plan->kind, .seed = plan->seed };
    struct provider *provider = calloc(1, sizeof(*provider));

    CHECK(provider != NULL);
    provider->plan = plan;
    provider->real = real_provider;
    provider->last = &provider->first;
    windows_simulate(windows_version_find("10-22h2"));
    CHECK_EQ(sched_run(&options, main_task, provider), 0);
    free(provider);
}

static void run(const struct provider_plan *plan)
{
    static char text[1 << 18];
    int status = test_child(child_body, (void *)plan, text, sizeof(text));

    if (status != 0) {
        test_fail(__FILE__, __LINE__, "%s, %s, seed %" PRIu64 ", VIF %u: wait status %#x\n%s",
                  real_provider ? "xen" : "embedded", plan->kind == SCHED_LIVE ? "live" : "simulated", plan->seed,
                  plan->vif_version, (unsigned)status, text);
    }
}

void provider_everywhere(const struct provider_plan *plan, uint32_t seeds)
{
    struct provider_plan turn = *plan;

    (void)story_driver();
    turn.kind = SCHED_LIVE;
    turn.seed = test_seed();
    turn.vif_version = 10;
    run(&turn);
    if (real_provider) {
        return;
    }
    turn.kind = SCHED_SIMULATED;
    seeds = test_seeds(seeds);
    for (uint32_t i = 0; i < seeds; i++) {
        turn.seed = test_seed_given() ? test_seed() : test_seed() + i;
        turn.vif_version = 8 + (uint32_t)(turn.seed % 3);
        run(&turn);
    }
}
