/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bus driver's image (a xenvif.sys, or the tests' own) on the XenBus stand-in's device: installed from its INF,
 * loaded, started, asked for its network devices; and the machine around it that sleeps, migrates and gets devices.
 *
 * PASSIVE_LEVEL, by the one task that moves the machine. The network devices belong to whoever loads a driver for them.
 */
#ifndef TESTBED_BUSDRIVER_BUSDRIVER_H
#define TESTBED_BUSDRIVER_BUSDRIVER_H

#include "nt/io/pnp.h"
#include "xen/xen.h"
#include "xenbus/xenbus.h"

enum { MAX_CHILDREN = 8 };

struct busdriver_options {
    const char *image_path, *inf_path;
    uint32_t queues;   /* at most: XenVif's FrontendMaxQueues */
    uint32_t children; /* network devices that are waited for */
};

struct busdriver;
/* NULL and one sentence in `error`, everything taken down again but for what `leaks` of busdriver_stop would list. */
struct busdriver *busdriver_start(struct xen *xen, const struct busdriver_options *options, char *error, size_t size);
/* The network devices' drivers are gone already. */
void busdriver_stop(struct busdriver *bus, struct leaks *leaks);

struct xenbus *busdriver_xenbus(struct busdriver *bus);
const char *busdriver_name(struct busdriver *bus); /* "xenvif.sys" */
/* The newest VIF version that a network device answers for; 0: none. */
uint32_t busdriver_vif_version(struct device *child);

/* The network device of device/vif/<handle>, in the order of their coming; NULL: no such one now. */
struct device *busdriver_child(struct busdriver *bus, uint32_t index);
uint32_t busdriver_children(struct busdriver *bus);
/* Until there are so many, or `timeout_ns` are over: false. Devices that are gone are forgotten. */
bool busdriver_wait_children(struct busdriver *bus, uint32_t count, uint64_t timeout_ns, char *error, size_t size);

/* The machine asleep, S3 or S4 (`hibernate`), as the bus driver's own device gets to know of it; `away` runs meanwhile.
 * Each network device is in D3 already (NDIS put it there) and goes to D0 after. 0, or -1: it refused. */
int busdriver_sleep(struct busdriver *bus, bool hibernate, void (*away)(void *context), void *context);

#endif
