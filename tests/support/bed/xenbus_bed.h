/* SPDX-License-Identifier: BSD-2-Clause */
/* A XenBus stand-in on an embedded host, and its interfaces as a subscriber has them: for the tests of xenbus/. */
#ifndef TESTS_XENBUS_BED_H
#define TESTS_XENBUS_BED_H

#include "nt_run.h"
#include "xen/embedded/backend.h"
#include "xenbus/xenbus.h"

enum { PEER = 0, GUEST = 1, TABLE_BYTES = 256, PAGES = 64 };

extern const uint8_t evtchn_guid[16], gnttab_guid[16], cache_guid[16], range_guid[16], debug_guid[16], unplug_guid[16],
    standard_guid[16], store_guid[16], suspend_guid[16];

/* Emptied by xenbus_bed_begin. */
struct xenbus_bed {
    struct xen_host *host;
    struct xen *guest, *dom0;
    struct xenbus *bus;
    uint32_t calls, constructed, destroyed, locked; /* the case's own */
    int32_t construct_status;
};
extern struct xenbus_bed at;

/* An interface as its subscriber has it. */
struct asked {
    struct INTERFACE head;
    void *method[(TABLE_BYTES - sizeof(struct INTERFACE)) / sizeof(void *)];
};

/* METHOD(table, 3, int32_t, (void *, uint32_t), table, 7) */
#define METHOD(table, number, result, parameters, ...)                                                                 \
    (((result MS_ABI(*) parameters)(table)->method[number])(__VA_ARGS__))

void xenbus_bed_begin(void);
size_t xenbus_bed_end(void); /* how much was left behind */
/* Asked for by IRP, and acquired. */
void ask(struct asked *table, const uint8_t guid[16], uint16_t version, uint16_t size);
void release(struct asked *table);

#endif
