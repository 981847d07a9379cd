/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole testbed put together: Xen host, backend, XenVif (the stand-in or an image), Windows, the driver under test
 * installed from its INF, the protocol edge, and pumps between edge and port. main.c runs one on TAPs; scenarios and
 * tests run one on memory ports.
 */
#ifndef TESTBED_PROGRAM_BED_H
#define TESTBED_PROGRAM_BED_H

#include "busdriver/busdriver.h"
#include "ndis/ndis.h"
#include "netback/netback.h"
#include "xenvif/vif.h"

struct bed_options {
    const char *driver_path, *inf_path;
    const char *xenvif_path, *xenvif_inf; /* a bus driver's image instead of the stand-in; NULL: the stand-in */
    const char *const *set;               /* NULL-terminated KEYWORD=VALUE */
    uint32_t processors, queues;
    const struct topology *topology;   /* or NULL: `processors` in groups of 64 */
    const struct vif_release *release; /* of XenVif; NULL: the first */
    uint32_t vif_version;              /* 8, 9, 10 */
    uint32_t mtu;
    uint32_t backend_without; /* netback feature mask */
    uint32_t backend_rate;    /* of each queue from the guest, in kbit/s; 0: no limit */
    bool strict_grants;
    bool real_xen; /* a real hypervisor's frontend: no netback and no wire port of ours; the toolstack has set up the
                      device */
    uint32_t headroom;       /* that the frontend asks for before received data */
    uint32_t stall_seconds;  /* a backend that answers nothing for so long is connected to anew; 0: 10 on a real
                                hypervisor, else never */
    uint32_t edge_buffers;   /* frames on their way per send queue; 0: the usual number */
    struct port *guest_port; /* or NULL: the caller uses bed->edge itself and gives `receive` */
    struct port *wire_port;
    struct pcap *pcap;
    void (*receive)(void *context, uint32_t processor, const struct frame *frame);
    void *context;
};

struct bed {
    struct xen_host *host; /* host, dom0, netback: NULL on a real hypervisor */
    struct xen *guest, *dom0;
    struct netback *netback;
    struct vif *vif;       /* NULL with a bus driver's image */
    uint32_t child;        /* which of the bus driver's devices */
    struct busdriver *bus; /* NULL with the stand-in */
    struct device *root;   /* a software device, with no XenVif beneath, or NULL */
    struct package *package;
    struct driver *driver;
    struct adapter *adapter;
    struct edge *edge;
    const struct bed_options *options;
    struct xen_vif_config vif_config;
    struct pump *pump;
    struct leaks known; /* left behind by a bus driver's image, as its release is known to (busdriver/known_faults.h);
                           bed_stop fills it, leaks_free */
};

/* Inside sched_run's main task. False and one sentence in `error` when it cannot start; everything is taken down then.
 */
bool bed_start(struct bed *bed, const struct bed_options *options, char *error, size_t size);
/* The network device that the driver is installed for. */
/* The request that switches the joining of received datagrams; its status. */
int32_t bed_set_uro(struct bed *bed, bool on);
struct device *bed_pdo(const struct bed *bed);
/* What the stand-in counts; all 0 but the queues with a bus driver's image, which reports nothing of that kind. */
void bed_vif_counters(const struct bed *bed, struct vif_counters *counters);
/* What a migration meets at the other host: a backend of its own, both directories written anew. */
void bed_change_host(void *bed);
/* A migration, from early to late callbacks: 0, or -1. */
int bed_migrate(struct bed *bed);
/* The bus driver's devices asleep, as vif_sleep. */
int bed_sleep(struct bed *bed, bool hibernate, void (*away)(void *context), void *context);

/* Takes all down in order and lists what was left behind, but for bed->known. */
void bed_stop(struct bed *bed, struct leaks *leaks);

#endif
