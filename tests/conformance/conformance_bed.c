/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening a provider, connecting and closing a raw frontend. See conformance_bed.h. */
#include "conformance_bed.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wire/port.h"
#include "xen/embedded/backend.h"
#include "xen/real/libxen.h"

#define SECOND      1000000000ull
#define MILLISECOND 1000000ull

enum { GUEST = 1, MTU = 1500, CONNECT_SECONDS = 60, LIMIT = 4096 };

static const struct xen_vif_config config = { .guest = GUEST,
                                              .mac = { 0, 0x16, 0x3e, 0x5e, 0, 1 },
                                              .vif_name = "vif1.0" };

void give_up(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("conformance_netif: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void saw(struct bed *bed, const char *format, ...)
{
    size_t used = strlen(bed->saw);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(bed->saw + used, sizeof(bed->saw) - used, format, arguments);
    va_end(arguments);
}

void bed_pause(uint64_t ns)
{
    sched_sleep(ns);
}

/* --- keys --- */

void front_write(struct bed *bed, const char *key, uint32_t value)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", bed->front, key);
    if (xen_store_printf(bed->xen, 0, path, "%u", value) != 0) {
        give_up("%s cannot be written", path);
    }
}

void front_remove(struct bed *bed, const char *key)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", bed->front, key);
    (void)xen_store_remove(bed->xen, 0, path); /* it may not be there */
}

int back_read(struct bed *bed, const char *key)
{
    char path[128];
    int value;

    snprintf(path, sizeof(path), "%s/%s", bed->back, key);
    return xen_store_scanf(bed->xen, 0, path, "%d", &value) == 1 ? value : -1;
}

static void wait_state(struct bed *bed, int state)
{
    uint64_t deadline = sched_now() + CONNECT_SECONDS * SECOND;

    while (back_read(bed, "state") != state) {
        if (sched_now() > deadline) {
            give_up("the backend's state is %d, not %d", back_read(bed, "state"), state);
        }
        bed_pause(2 * MILLISECOND);
    }
}

/* --- the device --- */

static void command(const char *text)
{
    if (system(text) != 0) {
        give_up("'%s' failed", text);
    }
}

static void device_add(struct bed *bed)
{
    struct port *port;

    if (bed->real) {
        command("sh /vif add 4 1500 && echo 1 > /proc/sys/net/ipv6/conf/vif0.0/disable_ipv6 && ip link set vif0.0 up "
                "arp off");
        bed->wire = wire_open(true, NULL);
        return;
    }
    port = memory_port_create(QUEUES, 1024);
    bed->options = (struct netback_options){ .vif = config, .queues = QUEUES, .mtu = MTU, .speed_mbps = 10000 };
    if (xen_toolstack_add_vif(bed->host, &config) != 0) {
        give_up("the toolstack cannot add an interface");
    }
    bed->netback = netback_create(bed->dom0, port, &bed->options);
    if (bed->netback == NULL) {
        give_up("no backend");
    }
    bed->wire = wire_open(false, port);
}

static void device_remove(struct bed *bed)
{
    struct port *port = wire_port(bed->wire);

    wire_close(bed->wire);
    if (bed->real) {
        command("sh /vif remove");
        return;
    }
    port_stop(port);
    netback_destroy(bed->netback);
    port_destroy(port);
    xen_toolstack_remove_vif(bed->host, &config);
}

static void grant(struct bed *bed, const uint8_t *page, uint32_t *reference)
{
    if (xen_grant(bed->xen, 0, page, false, reference) != 0) {
        give_up("a page cannot be granted");
    }
}

static uint8_t *pages(struct bed *bed, size_t count)
{
    uint8_t *address = xen_memory_alloc(bed->xen, count);

    if (address == NULL) {
        give_up("no memory to grant");
    }
    return address;
}

/* Pages are granted for good: what a case leaves behind cannot then take one away under the backend. */
static void pages_open(struct bed *bed)
{
    for (uint32_t q = 0; q < QUEUES; q++) {
        struct raw_queue *queue = &bed->queue[q];

        queue->rings = pages(bed, 2);
        queue->tx_pages = pages(bed, RING_SLOTS);
        queue->rx_pages = pages(bed, RING_SLOTS);
        grant(bed, queue->rings, &queue->tx_ref);
        grant(bed, queue->rings + XEN_PAGE_SIZE, &queue->rx_ref);
        for (uint32_t i = 0; i < RING_SLOTS; i++) {
            grant(bed, queue->tx_pages + i * XEN_PAGE_SIZE, &queue->tx_grants[i]);
            grant(bed, queue->rx_pages + i * XEN_PAGE_SIZE, &queue->rx_grants[i]);
        }
    }
    bed->control_page = pages(bed, 2);
    bed->argument_page = bed->control_page + XEN_PAGE_SIZE;
    grant(bed, bed->control_page, &bed->control_ref);
    grant(bed, bed->argument_page, &bed->argument_ref);
}

void bed_open(struct bed *bed, bool real)
{
    const struct xen_host_options host = { LIMIT, LIMIT, true };
    const struct libxen_options peer = { .peer = 0 };
    char error[256];

    memset(bed, 0, sizeof(*bed));
    bed->real = real;
    bed->patience = real ? 15 * SECOND : 2 * SECOND; /* an emulated machine is slow */
    snprintf(bed->front, sizeof(bed->front), "/local/domain/%u/device/vif/0", real ? 0 : GUEST);
    snprintf(bed->back, sizeof(bed->back), "/local/domain/0/backend/vif/%u/0", real ? 0 : GUEST);
    if (real) {
        command("echo 32768 > /sys/module/xen_gntalloc/parameters/limit");
        backend_find();
        bed->xen = libxen_open(&peer, error, sizeof(error));
        if (bed->xen == NULL) {
            give_up("%s", error);
        }
    } else {
        bed->host = xen_host_create(&host);
        bed->dom0 = xen_domain_create(bed->host, 0);
        bed->xen = xen_domain_create(bed->host, GUEST);
    }
    pages_open(bed);
    device_add(bed);
}

void bed_close(struct bed *bed)
{
    if (bed->setup != NULL) {
        bed_disconnect(bed);
    }
    device_remove(bed);
    for (uint32_t q = 0; q < QUEUES; q++) {
        struct raw_queue *queue = &bed->queue[q];

        for (uint32_t i = 0; i < RING_SLOTS; i++) {
            xen_ungrant(bed->xen, queue->tx_grants[i]);
            xen_ungrant(bed->xen, queue->rx_grants[i]);
        }
        xen_ungrant(bed->xen, queue->tx_ref);
        xen_ungrant(bed->xen, queue->rx_ref);
        xen_memory_free(bed->xen, queue->rings, 2);
        xen_memory_free(bed->xen, queue->tx_pages, RING_SLOTS);
        xen_memory_free(bed->xen, queue->rx_pages, RING_SLOTS);
    }
    xen_ungrant(bed->xen, bed->control_ref);
    xen_ungrant(bed->xen, bed->argument_ref);
    xen_memory_free(bed->xen, bed->control_page, 2);
    if (bed->real) {
        libxen_close(bed->xen);
        return;
    }
    xen_domain_destroy(bed->xen);
    xen_domain_destroy(bed->dom0);
    xen_host_destroy(bed->host);
}

void bed_renew(struct bed *bed)
{
    device_remove(bed);
    for (uint32_t q = 0; q < QUEUES; q++) {
        queue_release(bed, q);
    }
    control_release(bed);
    bed->setup = NULL;
    if (!bed->real) { /* the real toolstack's script removes the whole directory */
        (void)xen_store_remove(bed->xen, 0, bed->front);
    }
    device_add(bed);
}

/* --- a connection --- */

static void on_event(void *argument)
{
    bell_ring(&((struct bed *)argument)->bell);
}

static void open_channel(struct bed *bed, struct xen_event **event)
{
    if (xen_event_open(bed->xen, 0, on_event, bed, event) != 0) {
        give_up("no event channel");
    }
}

void queue_prepare(struct bed *bed, uint32_t index, bool split)
{
    struct raw_queue *queue = &bed->queue[index];

    memset(queue->rings, 0, 2 * XEN_PAGE_SIZE);
    XEN_FRONT_RING_INIT(&queue->tx, (netif_tx_sring_t *)queue->rings, XEN_PAGE_SIZE);
    XEN_FRONT_RING_INIT(&queue->rx, (netif_rx_sring_t *)(queue->rings + XEN_PAGE_SIZE), XEN_PAGE_SIZE);
    open_channel(bed, &queue->tx_event);
    queue->rx_event = queue->tx_event;
    if (split) {
        open_channel(bed, &queue->rx_event);
    }
    queue->posted = RING_SLOTS;
}

void queue_publish(struct bed *bed, uint32_t index, const struct setup *setup)
{
    const struct raw_queue *queue = &bed->queue[index];
    char prefix[16] = "", key[64];
    const struct {
        const char *name;
        uint32_t value;
        bool wanted;
    } keys[] = {
        { "tx-ring-ref", queue->tx_ref, true },
        { "rx-ring-ref", queue->rx_ref, true },
        { "event-channel", xen_event_port(queue->tx_event), !setup->split },
        { "event-channel-tx", xen_event_port(queue->tx_event), setup->split },
        { "event-channel-rx", xen_event_port(queue->rx_event), setup->split },
    };

    if (setup->queues > 1) {
        snprintf(prefix, sizeof(prefix), "queue-%u/", index);
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        snprintf(key, sizeof(key), "%s%s", prefix, keys[i].name);
        if (keys[i].wanted) {
            front_write(bed, key, keys[i].value);
        }
    }
}

void queue_release(struct bed *bed, uint32_t index)
{
    struct raw_queue *queue = &bed->queue[index];

    if (queue->rx_event != NULL && queue->rx_event != queue->tx_event) {
        xen_event_close(queue->rx_event);
    }
    if (queue->tx_event != NULL) {
        xen_event_close(queue->tx_event);
    }
    queue->tx_event = queue->rx_event = NULL;
}

void control_prepare(struct bed *bed)
{
    memset(bed->control_page, 0, XEN_PAGE_SIZE);
    XEN_FRONT_RING_INIT(&bed->control, (xen_netif_ctrl_sring_t *)bed->control_page, XEN_PAGE_SIZE);
    open_channel(bed, &bed->control_event);
    front_write(bed, "ctrl-ring-ref", bed->control_ref);
    front_write(bed, "event-channel-ctrl", xen_event_port(bed->control_event));
}

void control_release(struct bed *bed)
{
    if (bed->control_event != NULL) {
        xen_event_close(bed->control_event);
        bed->control_event = NULL;
    }
}

void features_write(struct bed *bed, const struct setup *setup)
{
    static const char *const stale[] = { "tx-ring-ref",
                                         "rx-ring-ref",
                                         "event-channel",
                                         "event-channel-tx",
                                         "event-channel-rx",
                                         "queue-0",
                                         "queue-1",
                                         "queue-2",
                                         "queue-3",
                                         "multi-queue-num-queues",
                                         "request-multicast-control",
                                         "xdp-headroom" };

    for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++) {
        front_remove(bed, stale[i]);
    }
    front_write(bed, "request-rx-copy", 1);
    front_write(bed, "feature-rx-notify", 1);
    front_write(bed, "feature-sg", !setup->no_sg);
    front_write(bed, "feature-gso-tcpv4", !setup->no_gso);
    front_write(bed, "feature-gso-tcpv6", !setup->no_gso);
    front_write(bed, "feature-no-csum-offload", setup->no_checksum);
    front_write(bed, "feature-ipv6-csum-offload", !setup->no_checksum);
    if (setup->multicast) {
        front_write(bed, "request-multicast-control", 1);
    }
    if (setup->queues > 1) {
        front_write(bed, "multi-queue-num-queues", setup->queues);
    }
    if (setup->headroom != 0) {
        front_write(bed, "xdp-headroom", setup->headroom);
    }
}

void bed_connect(struct bed *bed, const struct setup *setup)
{
    bed_connect_posting(bed, setup, RING_SLOTS, false);
}

void bed_connect_posting(struct bed *bed, const struct setup *setup, uint32_t posted, bool bad_grant)
{
    wait_state(bed, XenbusStateInitWait);
    features_write(bed, setup);
    for (uint32_t q = 0; q < setup->queues; q++) {
        queue_prepare(bed, q, setup->split);
        queue_publish(bed, q, setup);
    }
    control_prepare(bed);
    front_write(bed, "state", XenbusStateConnected);
    wait_state(bed, XenbusStateConnected);
    bed->setup = setup;
    for (uint32_t q = 0; q < setup->queues; q++) {
        bed->queue[q].posted = posted;
        bed->queue[q].headroom = setup->headroom;
        rx_post(bed, q, bad_grant);
    }
}

void bed_disconnect(struct bed *bed)
{
    front_write(bed, "state", XenbusStateClosing);
    (void)settled_state(bed, XenbusStateConnected);
    front_write(bed, "state", XenbusStateClosed);
    wait_state(bed, XenbusStateClosed);
    for (uint32_t q = 0; q < bed->setup->queues; q++) {
        queue_release(bed, q);
    }
    control_release(bed);
    bed->setup = NULL;
    front_write(bed, "state", XenbusStateInitialising);
    wait_state(bed, XenbusStateInitWait);
}
