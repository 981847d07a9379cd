/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios on either provider: the bed, the frames of both ends, and the toolstack. See story_provider.h. */
#include "story_provider.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/version.h"
#include "wire/bytes.h"

enum { PORT_DEPTH = 512, LINE = 512, REAL_EDGE_BUFFERS = 32, SENT_MARK = 0x5a, LINK_MBPS = 10000, CONNECT_SECONDS = 60 };

#define SECOND 1000000000ull

static bool real_provider;

bool provider_option(const char *name, const char *value)
{
    if (strcmp(name, "--provider") != 0 || value == NULL || (strcmp(value, "embedded") != 0 && strcmp(value, "xen") != 0)) {
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

/* --- frames --- */

void provider_fill(uint8_t *bytes, uint32_t length, uint32_t number, bool outwards)
{
    memcpy(bytes, outwards ? story_peer_mac : story_guest_mac, 6);
    memcpy(bytes + 6, outwards ? story_guest_mac : story_peer_mac, 6);
    put16(bytes + 12, 0x88b6);
    for (uint32_t i = 14; i < length; i++) {
        bytes[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8) + SENT_MARK);
    }
}

void provider_send(struct provider *provider, uint32_t queue, const struct frame *frame)
{
    struct edge *edge = provider->story.bed.edge;
    struct frame place;

    CHECK(edge_buffer(edge, queue, &place, true));
    frame_copy_out(frame, 0, place.vectors[0].iov_base, frame->length);
    place.vectors[0].iov_len = place.length = frame->length;
    place.offload = frame->offload;
    edge_queue(edge, queue, &place);
    edge_flush(edge, queue);
}

uint32_t provider_take(struct provider *provider, uint8_t *bytes, struct frame *frame)
{
    *frame = (struct frame){ .vectors = { { bytes, FRAME_BYTES_MOST } }, .vector_count = 1 };
    if (wire_take(provider->wire, frame, PROVIDER_PATIENCE) == 0) {
        give_up("nothing arrived at the wire");
    }
    return frame->length;
}

void provider_inject(struct provider *provider, const struct frame *frame)
{
    wire_send(provider->wire, frame, false);
}

/* On any processor, at up to DISPATCH_LEVEL. */
static void receive(void *context, uint32_t processor, const struct frame *frame)
{
    struct provider *provider = context;
    struct provider_frame *copy = malloc(sizeof(*copy) + frame->length);

    if (copy == NULL) {
        give_up("no memory for a received frame");
    }
    copy->next = NULL;
    copy->length = frame->length;
    copy->processor = processor;
    copy->offload = frame->offload;
    frame_copy_out(frame, 0, copy->bytes, frame->length);
    sched_lock(&provider->lock);
    *provider->last = copy;
    provider->last = &copy->next;
    sched_unlock(&provider->lock);
    __atomic_add_fetch(&provider->came, 1, __ATOMIC_SEQ_CST);
    sched_wake(&provider->came, UINT_MAX);
}

struct provider_frame *provider_received(struct provider *provider, uint64_t timeout_ns)
{
    uint64_t deadline = sched_now() + timeout_ns;

    for (;;) {
        uint32_t seen = __atomic_load_n(&provider->came, __ATOMIC_SEQ_CST);
        struct provider_frame *frame;

        sched_lock(&provider->lock);
        frame = provider->first;
        if (frame != NULL) {
            provider->first = frame->next;
            if (provider->first == NULL) {
                provider->last = &provider->first;
            }
        }
        sched_unlock(&provider->lock);
        if (frame != NULL || !sched_wait(&provider->came, seen, deadline)) {
            return frame;
        }
    }
}

struct provider_frame *provider_expect(struct provider *provider)
{
    struct provider_frame *frame = provider_received(provider, PROVIDER_PATIENCE);

    if (frame == NULL) {
        give_up("nothing arrived in the guest");
    }
    return frame;
}

static void compare(const uint8_t *bytes, uint32_t length, uint32_t expected_length, uint32_t number, bool outwards)
{
    static uint8_t expected[FRAME_BYTES_MOST];

    provider_fill(expected, expected_length, number, outwards);
    if (length != expected_length || memcmp(bytes, expected, length) != 0) {
        give_up("%s: frame %u of %u bytes arrived as %u bytes%s", outwards ? "out" : "in", number, expected_length, length,
                length == expected_length ? " that differ" : "");
    }
}

static void exchange_window(struct provider *provider, const uint32_t *lengths, uint32_t count, uint32_t number)
{
    static uint8_t bytes[FRAME_BYTES_MOST];
    struct frame frame;

    for (uint32_t i = 0; i < count; i++) {
        frame = (struct frame){ .vectors = { { bytes, lengths[i] } }, .vector_count = 1, .length = lengths[i] };
        provider_fill(bytes, lengths[i], number + i, true);
        provider_send(provider, 0, &frame);
        provider_fill(bytes, lengths[i], number + i, false);
        provider_inject(provider, &frame);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct provider_frame *came = provider_expect(provider);

        compare(came->bytes, came->length, lengths[i], number + i, false);
        free(came);
        provider_take(provider, bytes, &frame);
        compare(bytes, frame.length, lengths[i], number + i, true);
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
static void settle(struct provider *provider)
{
    provider_until(provider, device_works, "netback's device has its carrier");
    if (provider->real) {
        command("ip link show vif0.0 > /dev/null"); /* waits for the kernel to be done with it */
    }
}

void provider_exchange(struct provider *provider, const uint32_t *lengths, uint32_t count)
{
    settle(provider);
    for (uint32_t done = 0; done < count; done += PROVIDER_WINDOW) {
        exchange_window(provider, lengths + done, count - done < PROVIDER_WINDOW ? count - done : PROVIDER_WINDOW, done);
    }
}

void provider_frames(struct provider *provider, uint32_t frames)
{
    static const uint32_t lengths[] = { 60, 61, 127, 128, 500, 1000, 1513, 1514 };
    uint32_t all[256];

    CHECK(frames <= sizeof(all) / sizeof(all[0]));
    for (uint32_t i = 0; i < frames; i++) {
        all[i] = lengths[i % (sizeof(lengths) / sizeof(lengths[0]))];
    }
    provider_exchange(provider, all, frames);
}

/* --- the toolstack --- */

/* What netback is told for the features it is to go without, towards the guest and, in its device, from it. */
static const struct { const char *name, *keys, *device; } features[] = {
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
    command("echo 1 > /proc/sys/net/ipv6/conf/vif0.0/disable_ipv6 && ip link set vif0.0 mtu %u up arp off", provider->story.options.mtu);
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
    const struct netback_options netback = { .vif = bed->vif_config, .queues = options->queues, .mtu = options->mtu, .speed_mbps = LINK_MBPS,
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
        *counters = (struct provider_backend){ device_counter("rx_packets"), device_counter("tx_packets"), device_counter("tx_dropped") };
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
        .receive = receive,
        .context = provider,
    };
    if (plan->without != NULL && !netback_features_parse(plan->without, &options->backend_without, error, sizeof(error))) {
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
    settle(provider);
    provider->plan->tell(provider);
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
    windows_play(windows_version_find("10-22h2"));
    CHECK_EQ(sched_run(&options, main_task, provider), 0);
    free(provider);
}

static void run(const struct provider_plan *plan)
{
    static char text[1 << 18];
    int status = test_child(child_body, (void *)plan, text, sizeof(text));

    if (status != 0) {
        test_fail(__FILE__, __LINE__, "%s, %s, seed %" PRIu64 ", VIF %u: wait status %#x\n%s", real_provider ? "xen" : "embedded",
                  plan->kind == SCHED_LIVE ? "live" : "simulated", plan->seed, plan->vif_version, (unsigned)status, text);
    }
}

void provider_everywhere(const struct provider_plan *plan, uint32_t seeds)
{
    struct provider_plan told = *plan;

    (void)story_driver();
    told.kind = SCHED_LIVE;
    told.seed = test_seed();
    told.vif_version = 10;
    run(&told);
    if (real_provider) {
        return;
    }
    told.kind = SCHED_SIMULATED;
    seeds = test_seeds(seeds);
    for (uint32_t i = 0; i < seeds; i++) {
        told.seed = test_seed_given() ? test_seed() : test_seed() + i;
        told.vif_version = 8 + (uint32_t)(told.seed % 3);
        run(&told);
    }
}
