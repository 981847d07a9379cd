/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces of XenBus that a bus driver on it asks for, each one filled in a version and stopped. */
#ifndef TESTBED_XENBUS_SERVICES_H
#define TESTBED_XENBUS_SERVICES_H

#include "xen/xen.h"
#include "xenbus/service.h"

struct xenbus;
struct xen *xenbus_xen(const struct xenbus *bus);

/* Fill `table` (at most XENBUS_TABLE_BYTES) in a version that the interface has. */
enum { XENBUS_TABLE_BYTES = 256 };
void xenbus_evtchn_fill(struct xenbus_service *service, void *table, uint16_t version);
void xenbus_gnttab_fill(struct xenbus_service *service, void *table, uint16_t version);
void xenbus_cache_fill(struct xenbus_service *service, void *table, uint16_t version);
void xenbus_range_set_fill(struct xenbus_service *service, void *table, uint16_t version);
void xenbus_debug_fill(struct xenbus_service *service, void *table, uint16_t version);
void xenbus_unplug_fill(struct xenbus_service *service, void *table, uint16_t version);
void xenbus_standard_fill(struct xenbus_service *service, void *table, uint16_t version); /* BUS_INTERFACE_STANDARD */

/* What is still handed out goes. */
void xenbus_evtchn_stop(struct xenbus_service *service);
void xenbus_gnttab_stop(struct xenbus_service *service);
void xenbus_cache_stop(struct xenbus_service *service);
void xenbus_range_set_stop(struct xenbus_service *service);
void xenbus_items_free(struct xenbus_service *service); /* for those that are nothing but memory */

/* All debug callbacks, at the caller's IRQL: what XenBus does when the toolstack sends a debug request. */
void xenbus_debug_run(struct xenbus_service *service);

#endif
