/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * STORE 2 as XenBus gives it to a subscriber: the XenVif stand-in hands its own one on to xennet, and a real xenvif.sys
 * gets one from the XenBus stand-in. One record for each device that gives the interface away.
 */
#ifndef TESTBED_XENBUS_STORE_H
#define TESTBED_XENBUS_STORE_H

#include "nt/nt.h"
#include "xen/xen.h"

struct xenbus_store {
    struct xen *xen;
    struct sched_lock lock;
    uint32_t acquired;
    void *objects;       /* buffers, watches and transactions handed out, under `lock` */
    void *kept;          /* buffers freed by a subscriber that reads them once more (see keep_freed) */
    uint32_t keep_freed; /* so many freed buffers stay readable: XenVif's MAC thread reads one after it freed it */
    uint32_t kept_count;
};

void xenbus_store_start(struct xenbus_store *store, struct xen *xen);
void xenbus_store_fill(struct xenbus_store *store, void *table); /* XENBUS_STORE_INTERFACE_V2 */
void xenbus_store_leaks(struct xenbus_store *store, struct leaks *leaks);
void xenbus_store_stop(struct xenbus_store *store); /* what was handed out goes too */

#endif
