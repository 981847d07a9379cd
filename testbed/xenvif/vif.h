/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XenVif stand-in: a bus driver with one physical device per virtual interface, the VIF interface in versions 8, 9
 * and 10, STORE 2 and SUSPEND 1, over a netif frontend that speaks to a backend through xen/xen.h alone (embedded or
 * real).
 */
#ifndef TESTBED_XENVIF_VIF_H
#define TESTBED_XENVIF_VIF_H

#include "nt/io/pnp.h"
#include "xen/xen.h"
#include "xenvif/offer/release.h"

struct vif_options {
    const struct vif_release *release; /* that it behaves like; NULL: vif_releases[0] */
    uint32_t version;                  /* VIF interface version offered: 8, 9 or 10; 0: none at all */
    uint32_t queues;                   /* most queues the frontend asks for */
    const char *vendor;                /* "XP0002" */
    uint32_t handle;                   /* device/vif/<handle> */
    bool no_gso_receive;               /* frontend does not announce large receives */
    bool no_control_ring;
    uint32_t
        headroom; /* asked for before the data of each received page, as XDP programs want it; no large receives then */
    uint32_t patience; /* how many times as long as usual a backend gets for its answers: an emulated machine is slow;
                          0: once */
    uint64_t
        stall_ns; /* a backend that leaves requests unanswered for so long is connected to anew; 0: it is waited for */
    bool grant_per_packet; /* a grant for each use of a page, ended at once, instead of keeping it for the next */
};

struct vif;
struct vif *vif_create(struct xen *xen, const struct vif_options *options); /* the PDO exists, frontend Initialising */
void vif_destroy(struct vif *vif);
struct device *vif_pdo(struct vif *vif);

struct vif_counters { /* since creation, summed over queues */
    uint64_t tx_packets, tx_bytes, tx_doorbells, tx_calls_without_more;
    uint64_t rx_packets, rx_bytes, rx_doorbells, rx_batches;
    uint64_t tx_gso, rx_gso, tx_csum_blank, rx_csum_blank;
    uint64_t tx_bounced; /* packets copied because their memory cannot be granted */
    uint32_t queues;     /* in use, 0 when not connected */
    uint32_t mtu;
    uint64_t stalls; /* connections given up because the backend did not answer */
    uint64_t resets; /* rings begun anew by Disable under a connected backend, which loses its place in them */
};
void vif_counters(struct vif *vif, struct vif_counters *counters);
void vif_queue_packets(struct vif *vif, uint64_t *tx, uint64_t *rx,
                       uint32_t queues); /* per queue, arrays of `queues` */

/* Sends the backend a request that crosses its page, over which Linux's netback disables the device without a word. */
void vif_offend(struct vif *vif);

/* From now on, or no more: whoever calls a method trips rule "vif-removed". */
void vif_leave_alone(struct vif *vif, bool alone);
/* XenVif is short of memory: it takes `taken` packets to send from now on, and refuses the `refused` ones behind them.
 */
void vif_refuse_sends(struct vif *vif, uint32_t taken, uint32_t refused);
/* And once more, after those. */
void vif_refuse_sends_again(struct vif *vif, uint32_t taken, uint32_t refused);

/* Packets that the miniport still holds from us and transmit cookies not returned, interface references not released.
 */
void vif_leaks(struct vif *vif, struct leaks *leaks);

/* Suspend and resume as a migration does: EARLY callbacks, frontend torn down and reconnected, LATE callbacks. PASSIVE.
 */
int vif_suspend_resume(struct vif *vif);
/* Its halves: up to the LATE callbacks, to a host that there is; those, and what XenVif does behind them. */
bool vif_migrate_begin(struct vif *vif);
void vif_migrate_end(struct vif *vif);

/* The same around a real suspend of the domain, over which nothing stays open: the frontend closes before, and connects
 * to the new domain's backend between early and late callbacks. False and a sentence in `error`: it did not come back.
 * PASSIVE. */
void vif_suspend(struct vif *vif);
bool vif_resume(struct vif *vif, char *error, size_t size);
/* The device's D3 and D0 while the machine is in S3, or in S4 (`hibernate`): `away` runs while it sleeps. 0, or -1: it
 * did not connect again. */
int vif_sleep(struct vif *vif, bool hibernate, void (*away)(void *context), void *context);

#endif
