/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SUSPEND 1 as XenBus gives it to a subscriber: callbacks around a suspend and resume. Who owns the record decides what
 * happens in between.
 */
#ifndef TESTBED_XENBUS_SUSPEND_H
#define TESTBED_XENBUS_SUSPEND_H

#include "nt/nt.h"

struct suspend_callback;

struct xenbus_suspend {
    struct sched_lock lock;
    uint32_t acquired, count;
    struct suspend_callback *callbacks; /* in the order of their registration, under `lock` */
    int (*trigger)(void *context);      /* the subscriber asks for a suspend; 0: done */
    void *context;
};

void xenbus_suspend_fill(struct xenbus_suspend *suspend, void *table); /* XENBUS_SUSPEND_INTERFACE_V1 */
/* All callbacks of one type, early ones at HIGH_LEVEL and late ones at DISPATCH_LEVEL. */
void xenbus_suspend_early(struct xenbus_suspend *suspend);
void xenbus_suspend_late(struct xenbus_suspend *suspend);
void xenbus_suspend_leaks(const struct xenbus_suspend *suspend, struct leaks *leaks);
void xenbus_suspend_stop(struct xenbus_suspend *suspend);

#endif
