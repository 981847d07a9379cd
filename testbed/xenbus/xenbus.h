/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XenBus stand-in: the device that a XenVif is the function driver of (XENBUS\VEN_XP0002&DEV_VIF), with every
 * interface that XenVif 8.2 to today asks XenBus for, over xen/xen.h. Who owns it loads the driver and moves the
 * device.
 */
#ifndef TESTBED_XENBUS_XENBUS_H
#define TESTBED_XENBUS_XENBUS_H

#include "nt/io/pnp.h"
#include "xen/xen.h"

struct xenbus;

struct xenbus *xenbus_create(struct xen *xen);
void xenbus_destroy(struct xenbus *bus);
struct device *xenbus_pdo(struct xenbus *bus);
/* What the driver on the device still has of each interface. */
void xenbus_leaks(struct xenbus *bus, struct leaks *leaks);

/* Runs while the machine is away: between early and late callbacks of a suspend, from which the guest wakes up on a
 * host with backends of its own. */
void xenbus_on_suspend(struct xenbus *bus, void (*away)(void *context), void *context);
/* Suspend and resume as a migration does: early callbacks, away, late callbacks. PASSIVE. */
void xenbus_suspend_resume(struct xenbus *bus);
void xenbus_debug_request(struct xenbus *bus); /* the toolstack's debug key: every debug callback */

#endif
