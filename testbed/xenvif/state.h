/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual interface of the XenVif stand-in: the interfaces that its subscriber calls (offer/), and the netif
 * frontend (frontend/, transmit/, receive/).
 *
 * A transmit ring is under its lock, at DISPATCH_LEVEL; a receive ring belongs to its DPC, and to the frontend's thread
 * while no DPC can run; everything of xenstore belongs to the frontend's thread; the configuration that the subscriber
 * sets is under `vif.lock`. The subscriber is never called with any of these held.
 */
#ifndef TESTBED_XENVIF_STATE_H
#define TESTBED_XENVIF_STATE_H

#include <stdint.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "nt/check/report.h"
#include "run/timeline.h"
#include "xen/barrier.h"
#include "xenbus/store.h"
#include "xenbus/suspend.h"
#include "xenvif/frontend/control.h"
#include "xenvif/frontend/frontend.h"
#include "xenvif/frontend/mac.h"
#include "xenvif/offer/subscriber.h"
#include "xenvif/receive/receive.h"
#include "xenvif/transmit/transmit.h"

struct vif {
    struct xen *xen;
    struct vif_options options;
    const struct vif_release *release;
    struct device *pdo;
    struct subscriber subscriber;
    struct frontend frontend;
    struct control control;
    struct mac mac;
    struct sched_lock lock; /* who changes what follows */
    struct hash hash;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 receive_options;
    uint32_t backfill;
    struct {
        uint32_t taken, refused, then_taken, then_refused; /* see vif_refuse_sends */
    } shortage;
    uint32_t offered;      /* atomic: transmit offloads of any connection so far */
    uint32_t queues;       /* atomic: rings in use, 0: not connected */
    uint32_t queues_known; /* of the last connection */
    uint32_t tables;       /* atomic: that came with a connection, under packets on their way */
    struct tx_ring *tx[MAX_QUEUES];
    struct rx_ring *rx[MAX_QUEUES];
    /* other interfaces */
    struct xenbus_store store;
    struct xenbus_suspend suspend;
    struct report_list out; /* what the subscriber has, for reports */
};

/* How long a backend gets that usually gets `usual` nanoseconds. */
static inline uint64_t vif_patience(const struct vif *vif, uint64_t usual)
{
    return vif->options.patience != 0 ? usual * vif->options.patience : usual;
}

/* fills the function table */
void interface_fill_vif(struct vif *vif, void *interface);
uint32_t interface_offloads(struct vif *vif); /* what TransmitterQueryOffloadOptions returns */

struct device *pdo_make(struct vif *vif);
/* distribution.c */
void distribution_write(struct vif *vif);
void distribution_remove(struct vif *vif);
void pdo_fill_store(struct vif *vif, void *interface);

#endif
