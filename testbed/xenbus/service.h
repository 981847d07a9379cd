/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interfaces of XenBus have in common: a count of references, and a list of what was handed out by them
 * (channels, caches, sets, callbacks), for the rules (what comes back was handed out) and for leaks.
 */
#ifndef TESTBED_XENBUS_SERVICE_H
#define TESTBED_XENBUS_SERVICE_H

#include "nt/nt.h"

enum { ITEM_NAME_BYTES = 48 };

struct xenbus_service;

/* First in everything that is handed out. */
struct xenbus_item {
    struct xenbus_item *next;
    char name[ITEM_NAME_BYTES];
    struct xenbus_service *service; /* whose list it is on; NULL once it was given back */
};

struct xenbus_service {
    const char *name; /* "EVTCHN" */
    const char *item; /* "channel" */
    void *owner;      /* whoever fills the interface: struct xenbus */
    struct sched_lock lock;
    uint32_t acquired;
    struct xenbus_item *items; /* under `lock` */
};

/* The record's head; returns where its methods begin: Acquire, Release, then the interface's own. */
void **xenbus_service_head(struct xenbus_service *service, void *table, size_t methods, uint16_t version);
/* At the start of each method: rules "vif-irql" and "vif-acquire". */
struct xenbus_service *xenbus_service_enter(struct INTERFACE *interface, const char *method, uint8_t lowest,
                                            uint8_t highest);
/* Zeroed and on the list; NULL: no memory. */
void *xenbus_item_new(struct xenbus_service *service, size_t bytes, const char *name);
/* Rule "xenbus": the item is on the list. Called for each packet, so the list itself is not looked at. */
void xenbus_item_check(const struct xenbus_service *service, const void *item, const char *method);
/* Checked and off the list; the caller frees it. */
void xenbus_item_take(struct xenbus_service *service, void *item, const char *method);
void xenbus_service_leaks(struct xenbus_service *service, struct leaks *leaks);

#endif
