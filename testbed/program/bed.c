/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a whole testbed together and takes it down again, in the order in which a machine does: hypervisor, backend, bus
 * driver and its device, driver package, adapter, protocol. Called in sched_run's main task by main.c and by scenarios.
 *
 * bed_stop works on a bed that only partly came up, so bed_start's failures share it. Leaks are collected after
 * everything of the driver's is gone and before the hypervisor goes, so that whatever is still held shows.
 */
#include "program/bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "busdriver/known_faults.h"
#include "ndis/late.h"
#include "nt/check/watchdog.h"
#include "nt/install/inf.h"
#include "program/pump.h"
#include "xen/real/libxen.h"

enum {
    GUEST_DOMAIN = 1,
    BACKEND_DOMAIN = 0,
    GUEST_MEMORY_PAGES = 32 * 1024, /* of address space; only what is used becomes resident */
    QUEUE_MEMORY_PAGES = 8 * 1024,  /* the same for each queue: send buffers, received packets */
    MAX_GRANTS = 65536,
    EDGE_BUFFERS = 256, /* per queue */
    CONNECT_SECONDS = 20,
    PATIENCE = 12, /* times as long as usual for a real Xen under emulation, on a machine that has other work */
    LINK_MBPS = 10000,
    STALL_SECONDS = 10, /* far more than a real backend takes, even an emulated one */
};

#define SECOND 1000000000ull

static const uint8_t guest_mac[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 }; /* Xen's prefix */

static void receive_to_port(void *context, uint32_t processor, const struct frame *frame)
{
    struct port *guest = context;

    (void)port_send(guest, processor % port_queues(guest), frame); /* a refusal is counted by the port */
}

static void receive_pieces_to_port(void *context, uint32_t processor, struct pieces *pieces)
{
    struct port *guest = context;

    (void)port_send_pieces(guest, processor % port_queues(guest), pieces);
}

static struct netback *create_backend(const struct bed *bed, uint32_t mtu)
{
    const struct bed_options *options = bed->options;
    struct netback_options netback = {
        .vif = bed->vif_config,
        .queues = options->queues,
        .mtu = mtu,
        .speed_mbps = LINK_MBPS,
        .without = options->backend_without,
        .rate_kbps = options->backend_rate,
        .pcap = options->pcap,
    };

    return netback_create(bed->dom0, options->wire_port, &netback);
}

void bed_change_host(void *context)
{
    struct bed *bed = context;
    unsigned mtu = bed->options->mtu;
    uint32_t queues, without;

    (void)xen_store_scanf(bed->guest, 0, "device/vif/0/mtu", "%u", &mtu); /* networks have the same MTU everywhere */
    if (bed->netback == NULL) {                                           /* nor is there one on the new host */
        xen_toolstack_add_vif(bed->host, &bed->vif_config);
        return;
    }
    netback_offered(bed->netback, &queues, &without);
    netback_destroy(bed->netback);
    xen_toolstack_add_vif(bed->host, &bed->vif_config);
    bed->netback = create_backend(bed, mtu);
    netback_offer(bed->netback, queues, without);
}

static bool start_embedded_host(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    struct xen_host_options host = { GUEST_MEMORY_PAGES + options->queues * QUEUE_MEMORY_PAGES, MAX_GRANTS,
                                     options->strict_grants };

    bed->host = xen_host_create(&host);
    bed->dom0 = xen_domain_create(bed->host, BACKEND_DOMAIN);
    bed->guest = xen_domain_create(bed->host, GUEST_DOMAIN);
    xen_toolstack_add_vif(bed->host, &bed->vif_config);
    bed->netback = create_backend(bed, options->mtu);
    if (bed->netback == NULL) {
        snprintf(error, size, "the network backend could not be created");
        return false;
    }
    return true;
}

static bool start_host(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    struct libxen_options real = { .peer = BACKEND_DOMAIN };

    if (!options->real_xen) {
        return start_embedded_host(bed, options, error, size);
    }
    bed->guest = libxen_open(&real, error, size);
    return bed->guest != NULL;
}

static bool wait_connected(struct bed *bed)
{
    uint64_t deadline = sched_now() + PATIENCE * CONNECT_SECONDS * SECOND;
    struct vif_counters counters;
    uint32_t word = 0;

    if (bed->netback != NULL) {
        return netback_wait_connected(bed->netback, true, CONNECT_SECONDS * SECOND);
    }
    for (;;) {
        bed_vif_counters(bed, &counters);
        if (counters.queues != 0) {
            return true;
        }
        if (sched_now() > deadline) {
            return false;
        }
        (void)sched_wait(&word, 0, sched_now() + SECOND / 100);
    }
}

static void start_stand_in(struct bed *bed, const struct bed_options *options)
{
    struct vif_options vif = {
        .release = options->release, .version = options->vif_version, .queues = options->queues, .vendor = "XP0002"
    };

    vif.headroom = options->headroom;
    vif.patience = options->real_xen ? PATIENCE : 0;
    vif.stall_ns = (options->stall_seconds != 0 ? options->stall_seconds
                    : options->real_xen         ? STALL_SECONDS
                                                : 0) *
                   SECOND; /* our own backend reports when it gives up on us */

    bed->vif = vif_create(bed->guest, &vif);
}

static bool start_xenvif(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    struct busdriver_options image = { options->xenvif_path, options->xenvif_inf, options->queues, 1 };

    if (options->xenvif_path == NULL) {
        start_stand_in(bed, options);
        return true;
    }
    bed->bus = busdriver_start(bed->guest, &image, error, size);
    if (bed->bus != NULL && bed->host != NULL) {
        xenbus_on_suspend(busdriver_xenbus(bed->bus), bed_change_host, bed);
    }
    return bed->bus != NULL;
}

/* As when a user adds a software device: the INF's own ID, enumerated by root. */
static struct device *create_root_device(const char *id)
{
    const char *const ids[] = { id, NULL }, *const none[] = { NULL };
    const struct pdo_ids all = { "ROOT\\NET", ids, none, "0000", NULL };
    static const struct pdo_ops nothing = { 0 };

    return pdo_create(&all, &nothing, NULL);
}

static bool start_below(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    char id[128];

    if (!inf_root_id(options->inf_path, "XENVIF\\", id, sizeof(id))) {
        return start_xenvif(bed, options, error, size);
    }
    if (options->xenvif_path != NULL || options->real_xen) {
        snprintf(error, size, "the driver's INF is for \"%s\", a device without a XenVif beneath: leave %s out", id,
                 options->xenvif_path != NULL ? "--xenvif" : "Xen");
        return false;
    }
    bed->root = create_root_device(id);
    return true;
}

struct device *bed_pdo(const struct bed *bed)
{
    if (bed->root != NULL) {
        return bed->root;
    }
    return bed->bus != NULL ? busdriver_child(bed->bus, bed->child) : vif_pdo(bed->vif);
}

static bool start_driver(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    if (!start_below(bed, options, error, size)) {
        return false;
    }
    bed->package = package_install(bed_pdo(bed), options->inf_path, options->set, error, size);
    if (bed->package == NULL) {
        return false;
    }
    bed->driver = driver_load(options->driver_path, bed->package, error, size);
    if (bed->driver == NULL) {
        return false;
    }
    bed->adapter = adapter_add(bed->driver, bed_pdo(bed), bed->package, error, size);
    return bed->adapter != NULL;
}

static bool start_traffic(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    struct edge_options edge = {
        .memory = bed->guest,
        .buffers = options->edge_buffers != 0 ? options->edge_buffers : EDGE_BUFFERS,
        .queues = options->queues,
        .frame_size = MAX_FRAME_BYTES,
        .pcap = options->pcap,
        .receive = options->guest_port != NULL ? receive_to_port : options->receive,
        .receive_pieces = options->guest_port != NULL ? receive_pieces_to_port : NULL,
        .context = options->guest_port != NULL ? (void *)options->guest_port : options->context,
    };
    int32_t status = adapter_restart(bed->adapter);

    if (status != STATUS_SUCCESS) {
        snprintf(error, size, "the driver could not be restarted: NDIS status %#x", (unsigned)status);
        return false;
    }
    bed->edge = edge_open(bed->adapter, &edge, error, size);
    if (bed->edge == NULL) {
        return false;
    }
    if (bed->root == NULL && !wait_connected(bed)) {
        snprintf(error, size, "the driver's virtual interface did not connect to the backend within %d seconds",
                 CONNECT_SECONDS);
        return false;
    }
    if (options->guest_port != NULL) {
        struct adapter_facts facts;
        struct port_features features;

        adapter_facts(bed->adapter, &facts);
        features.tso4 = facts.lso4;
        features.tso6 = facts.lso6;
        features.udp = facts.uso4 && facts.uso6; /* whether or not the driver takes checksums of whole datagrams */
        features.checksum = facts.checksum_tx_tcp4 || facts.checksum_tx_tcp6 || features.udp;
        port_set_features(options->guest_port, &features);
        bed->pump = pump_start_edge(options->guest_port, bed->edge);
    }
    return true;
}

bool bed_start(struct bed *bed, const struct bed_options *options, char *error, size_t size)
{
    struct leaks leaks = { 0 };

    memset(bed, 0, sizeof(*bed));
    bed->options = options;
    bed->vif_config =
        (struct xen_vif_config){ .guest = GUEST_DOMAIN, .backend = BACKEND_DOMAIN, .handle = 0, .vif_name = "vif1.0" };
    memcpy(bed->vif_config.mac, guest_mac, sizeof(guest_mac));

    watchdog_patience(options->real_xen ? PATIENCE : 1);
    if (options->topology != NULL) {
        nt_start_on(options->topology);
    } else {
        nt_start(options->processors);
    }
    ndis_start();
    if (start_host(bed, options, error, size) && start_driver(bed, options, error, size) &&
        start_traffic(bed, options, error, size)) {
        return true;
    }
    bed_stop(bed, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        size_t used = strlen(error);

        snprintf(error + used, size - used, "%s%s", i == 0 ? "; left behind: " : ", ", leaks.lines[i]);
    }
    leaks_free(&leaks);
    leaks_free(&bed->known);
    return false;
}

int32_t bed_set_uro(struct bed *bed, bool on)
{
    struct late_offload_parameters parameters;
    uint32_t needed;

    memset(&parameters, 0, sizeof(parameters));
    parameters.before.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.before.Header.Revision = 6;
    parameters.before.Header.Size = LATE_PARAMETERS_SIZE_6;
    parameters.UdpRsc.Enabled = on ? LATE_ON : LATE_OFF;
    return adapter_set(bed->adapter, OID_TCP_OFFLOAD_PARAMETERS, &parameters, LATE_PARAMETERS_SIZE_6, &needed);
}

static void stop_traffic(struct bed *bed)
{
    if (bed->options->guest_port != NULL) {
        port_stop(bed->options->guest_port);
    }
    if (bed->edge != NULL) {
        edge_stop(bed->edge);
    }
    if (bed->pump != NULL) {
        pump_join(bed->pump);
    }
    if (bed->edge != NULL) {
        edge_close(bed->edge);
    }
}

void bed_stop(struct bed *bed, struct leaks *leaks)
{
    char bus_image[64] = "";

    stop_traffic(bed);
    if (bed->adapter != NULL) {
        adapter_remove(bed->adapter);
    }
    if (bed->driver != NULL) {
        driver_unload(bed->driver);
    }
    if (bed->package != NULL) {
        package_free(bed->package);
    }
    if (bed->root != NULL) {
        pdo_destroy(bed->root);
    }
    ndis_leaks(leaks);
    if (bed->bus != NULL) {
        snprintf(bus_image, sizeof(bus_image), "%s", busdriver_name(bed->bus));
        busdriver_stop(bed->bus, leaks);
    }
    if (bed->vif != NULL) {
        vif_leaks(bed->vif, leaks);
        vif_destroy(bed->vif);
    }
    if (bed->netback != NULL) {
        (void)netback_wait_connected(bed->netback, false, CONNECT_SECONDS * SECOND); /* else it shows as a leak */
        netback_leaks(bed->netback, leaks);
        port_stop(bed->options->wire_port);
        netback_destroy(bed->netback);
    }
    nt_leaks(leaks);
    if (bed->bus != NULL) {
        known_faults_take(bus_image, leaks, &bed->known);
    }
    if (bed->host != NULL) {
        xen_toolstack_remove_vif(bed->host, &bed->vif_config);
        xen_leaks(bed->guest, leaks);
        xen_leaks(bed->dom0, leaks);
        xen_domain_destroy(bed->guest);
        xen_domain_destroy(bed->dom0);
        xen_host_destroy(bed->host);
    } else if (bed->guest != NULL) {
        xen_leaks(bed->guest, leaks);
        libxen_close(bed->guest);
    }
    ndis_stop();
    nt_stop();
}

/* A connected frontend's queues, from what it wrote for its backend. */
static uint32_t queues_in_store(const struct bed *bed)
{
    enum { CONNECTED = 4 };
    unsigned state = 0, queues = 1;

    (void)xen_store_scanf(bed->guest, 0, "device/vif/0/state", "%u", &state);
    (void)xen_store_scanf(bed->guest, 0, "device/vif/0/multi-queue-num-queues", "%u", &queues);
    return state == CONNECTED ? queues : 0;
}

void bed_vif_counters(const struct bed *bed, struct vif_counters *counters)
{
    if (bed->vif != NULL) {
        vif_counters(bed->vif, counters);
    } else {
        *counters = (struct vif_counters){ .queues = queues_in_store(bed) };
    }
}

int bed_migrate(struct bed *bed)
{
    if (bed->vif != NULL) {
        return vif_suspend_resume(bed->vif);
    }
    xenbus_suspend_resume(busdriver_xenbus(bed->bus));
    return 0;
}

int bed_sleep(struct bed *bed, bool hibernate, void (*away)(void *context), void *context)
{
    return bed->vif != NULL ? vif_sleep(bed->vif, hibernate, away, context)
                            : busdriver_sleep(bed->bus, hibernate, away, context);
}
