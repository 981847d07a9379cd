/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XENBUS device and which interfaces it answers for (xenbus.h). GUIDs, versions and sizes are those that XenVif's
 * published releases ask for; a version that an interface does not have is refused, as XenBus refuses it.
 */
#include "xenbus/xenbus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/export/fail.h"
#include "xenbus/capture.h"
#include "xenbus/services.h"
#include "xenbus/store.h"
#include "xenbus/suspend.h"

#define STATUS_BUFFER_OVERFLOW ((int32_t)0x80000005)

enum {
    KEPT_BUFFERS = 256, /* that XenVif's MAC thread may still read */
    REVISIONS = 16,     /* of each major number: far more than were published */
    MAJORS = 2,
    ID_BYTES = 48
};

enum service_number { BUS, EVTCHN, GNTTAB, CACHE, RANGE_SET, DEBUG, UNPLUG, SERVICES };

struct xenbus {
    struct xen *xen;
    struct device *pdo;
    struct xenbus_service services[SERVICES];
    struct xenbus_store store;
    struct xenbus_suspend suspend;
    void (*away)(void *context);
    void *away_context;
};

static const struct offer {
    uint8_t guid[16];
    uint16_t oldest, newest;
    const char *name, *item;
    void (*fill)(struct xenbus_service *service, void *table, uint16_t version);
    void (*stop)(struct xenbus_service *service);
} offers[SERVICES] = {
    [BUS] = { { 0x80, 0x82, 0x6b, 0x49, 0x25, 0x6f, 0xd0, 0x11, 0xbe, 0xaf, 0x08, 0x00, 0x2b, 0xe2, 0x09, 0x2f },
              1,
              1,
              "BUS_INTERFACE_STANDARD",
              "nothing",
              xenbus_standard_fill,
              xenbus_items_free },
    [EVTCHN] = { { 0xac, 0x40, 0x24, 0xbe, 0x98, 0x10, 0x50, 0x41, 0xaf, 0x4d, 0x45, 0x2f, 0xad, 0xce, 0xf9, 0x23 },
                 5,
                 9,
                 "EVTCHN",
                 "channel",
                 xenbus_evtchn_fill,
                 xenbus_evtchn_stop },
    [GNTTAB] = { { 0xc5, 0x79, 0x36, 0x76, 0xc2, 0xe5, 0x6d, 0x4a, 0x8b, 0x88, 0x6b, 0xb0, 0x2e, 0xc4, 0x2d, 0x8e },
                 1,
                 4,
                 "GNTTAB",
                 "cache",
                 xenbus_gnttab_fill,
                 xenbus_gnttab_stop },
    [CACHE] = { { 0x78, 0xfd, 0x8d, 0xa9, 0x6a, 0x41, 0x49, 0x49, 0x92, 0xa5, 0xe0, 0x84, 0xf2, 0xf4, 0xb4, 0x4e },
                1,
                2,
                "CACHE",
                "cache",
                xenbus_cache_fill,
                xenbus_cache_stop },
    [RANGE_SET] = { { 0xa2, 0x78, 0x7e, 0xee, 0x47, 0x68, 0xc5, 0x48, 0xb1, 0x23, 0xbb, 0x01, 0x2f, 0x0e, 0xab, 0xf4 },
                    1,
                    1,
                    "RANGE_SET",
                    "set",
                    xenbus_range_set_fill,
                    xenbus_range_set_stop },
    [DEBUG] = { { 0xae, 0x00, 0xf6, 0x0d, 0x20, 0x6b, 0x27, 0x42, 0xbf, 0x94, 0x03, 0xda, 0x9a, 0x26, 0xa1, 0x14 },
                1,
                1,
                "DEBUG",
                "callback",
                xenbus_debug_fill,
                xenbus_items_free },
    [UNPLUG] = { { 0x17, 0x65, 0xdb, 0x73, 0x06, 0x3d, 0x37, 0x49, 0x98, 0x9f, 0x19, 0x9b, 0x75, 0x01, 0xe2, 0x29 },
                 1,
                 3,
                 "UNPLUG",
                 "nothing",
                 xenbus_unplug_fill,
                 xenbus_items_free },
};

static const uint8_t store_guid[16] = { 0x3b, 0x4c, 0x82, 0x86, 0x4e, 0xd3, 0x53, 0x47,
                                        0xb2, 0x81, 0x2f, 0x1e, 0x3a, 0xd2, 0x14, 0xd7 };
static const uint8_t suspend_guid[16] = { 0xaf, 0xf2, 0x54, 0x05, 0x10, 0xb5, 0x71, 0x4c,
                                          0xac, 0x03, 0x1c, 0x50, 0x3e, 0x39, 0x42, 0x38 };

struct xen *xenbus_xen(const struct xenbus *bus)
{
    return bus->xen;
}

/* The record filled in at `table`; NULL: no such interface or version. */
static struct INTERFACE *fill(struct xenbus *bus, const uint8_t guid[16], uint16_t version, void *table)
{
    if (memcmp(guid, store_guid, sizeof(store_guid)) == 0 && version == 2) {
        xenbus_store_fill(&bus->store, table);
        return table;
    }
    if (memcmp(guid, suspend_guid, sizeof(suspend_guid)) == 0 && version == 1) {
        xenbus_suspend_fill(&bus->suspend, table);
        return table;
    }
    for (size_t i = 0; i < SERVICES; i++) {
        if (memcmp(guid, offers[i].guid, sizeof(offers[i].guid)) == 0 && version >= offers[i].oldest &&
            version <= offers[i].newest) {
            offers[i].fill(&bus->services[i], table, version);
            return table;
        }
    }
    return NULL;
}

static int32_t query_interface(void *owner, const uint8_t guid[16], uint16_t version, void *interface, uint16_t size)
{
    uint64_t table[XENBUS_TABLE_BYTES / sizeof(uint64_t)];
    const struct INTERFACE *filled = fill(owner, guid, version, table);

    if (filled == NULL) {
        return STATUS_NOT_SUPPORTED;
    }
    if (fail_now("IRP_MN_QUERY_INTERFACE")) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (size < filled->Size) {
        return STATUS_BUFFER_OVERFLOW;
    }
    memcpy(interface, table, filled->Size);
    return STATUS_SUCCESS;
}

static const struct pdo_ops ops = { .query_interface = query_interface };

/* Every revision of every XenBus so far, newest first: which of them a XenVif binds to is in its INF. */
static struct device *make_pdo(struct xenbus *bus)
{
    static const char *const none[] = { NULL };
    char text[MAJORS * REVISIONS][ID_BYTES];
    const char *ids[MAJORS * REVISIONS + 1] = { NULL };
    struct pdo_ids names = { .hardware_ids = ids, .compatible_ids = none, .instance_id = "_", .location = "vif" };

    for (unsigned i = 0; i < MAJORS * REVISIONS; i++) {
        snprintf(text[i], ID_BYTES, "XENBUS\\VEN_XP0002&DEV_VIF&REV_%02X%06X", 9 - i / REVISIONS,
                 REVISIONS - 1 - i % REVISIONS);
        ids[i] = text[i];
    }
    names.device_id = ids[0];
    return pdo_create(&names, &ops, bus);
}

static int trigger_suspend(void *context)
{
    xenbus_suspend_resume(context);
    return 0;
}

struct xenbus *xenbus_create(struct xen *xen)
{
    struct xenbus *bus = calloc(1, sizeof(*bus));

    if (bus == NULL) {
        abort();
    }
    bus->xen = xen;
    for (size_t i = 0; i < SERVICES; i++) {
        bus->services[i] = (struct xenbus_service){ .name = offers[i].name, .item = offers[i].item, .owner = bus };
    }
    xenbus_store_start(&bus->store, xen);
    bus->store.keep_freed = KEPT_BUFFERS;
    bus->suspend.trigger = trigger_suspend;
    bus->suspend.context = bus;
    bus->pdo = make_pdo(bus);
    return bus;
}

void xenbus_items_free(struct xenbus_service *service)
{
    while (service->items != NULL) {
        struct xenbus_item *item = service->items;

        service->items = item->next;
        free(item);
    }
}

void xenbus_destroy(struct xenbus *bus)
{
    pdo_destroy(bus->pdo);
    for (size_t i = 0; i < SERVICES; i++) {
        offers[i].stop(&bus->services[i]);
    }
    xenbus_store_stop(&bus->store);
    xenbus_suspend_stop(&bus->suspend);
    free(bus);
}

struct device *xenbus_pdo(struct xenbus *bus)
{
    return bus->pdo;
}

void xenbus_leaks(struct xenbus *bus, struct leaks *leaks)
{
    for (size_t i = 0; i < SERVICES; i++) {
        xenbus_service_leaks(&bus->services[i], leaks);
    }
    xenbus_store_leaks(&bus->store, leaks);
    xenbus_suspend_leaks(&bus->suspend, leaks);
}

void xenbus_on_suspend(struct xenbus *bus, void (*away)(void *context), void *context)
{
    bus->away = away;
    bus->away_context = context;
}

void xenbus_suspend_resume(struct xenbus *bus)
{
    struct capture *capture = capture_begin();

    xenbus_suspend_early(&bus->suspend);
    if (bus->away != NULL) {
        bus->away(bus->away_context);
    }
    xenbus_suspend_late(&bus->suspend);
    capture_end(capture);
}

void xenbus_debug_request(struct xenbus *bus)
{
    xenbus_debug_run(&bus->services[DEBUG]);
}
