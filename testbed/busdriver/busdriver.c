/* SPDX-License-Identifier: BSD-2-Clause */
/* See busdriver.h. */
#include "busdriver/busdriver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/io/object.h"
#include "nt/io/pnp_bus.h"
#include "nt/memory/mdl.h"
#include "nt/registry/registry.h"

#define START_PATIENCE (10ull * 1000000000ull)

enum { SYSTEM_WORKING = 1, SYSTEM_SLEEPING3 = 4, SYSTEM_HIBERNATE = 5, KEY_BYTES = 400 };

struct busdriver {
    struct xen *xen;
    struct xenbus *xenbus;
    struct package *package;
    struct driver *driver;
    bool added;                            /* its functional device is on the stack */
    struct device *children[MAX_CHILDREN]; /* identified, each with a reference of ours */
    uint32_t child_count;
    struct page_source pages;
};

static void *pages_take(void *context, size_t pages)
{
    return xen_memory_alloc(context, pages);
}

static void pages_give(void *context, void *address, size_t pages)
{
    xen_memory_free(context, address, pages);
}

static bool pages_own(void *context, const void *address)
{
    return xen_memory_owns(context, address);
}

/* XenVif asks for so many queues at most; its INF's own number is for machines of any size. */
static void set_queues(const struct busdriver *bus, uint32_t queues)
{
    char key[KEY_BYTES];

    snprintf(key, sizeof(key), "%s\\Parameters", bus->package->service_key);
    registry_create_key(key);
    registry_set_dword(key, "FrontendMaxQueues", queues);
}

static bool start_device(struct busdriver *bus, char *error, size_t size)
{
    struct device *pdo = xenbus_pdo(bus->xenbus);
    int32_t status = pnp_add_device(bus->driver, pdo);

    if (!NT_SUCCESS(status)) {
        snprintf(error, size, "%s refused the XenBus device: AddDevice returned %#x", busdriver_name(bus),
                 (uint32_t)status);
        return false;
    }
    bus->added = true;
    (void)pnp_ask_capabilities(pdo);
    status = pnp_start_device(pnp_top(pdo));
    if (!NT_SUCCESS(status)) {
        snprintf(error, size, "%s did not start: IRP_MN_START_DEVICE returned %#x", busdriver_name(bus),
                 (uint32_t)status);
    }
    return NT_SUCCESS(status);
}

static bool known(const struct busdriver *bus, const struct device *child)
{
    for (uint32_t i = 0; i < bus->child_count; i++) {
        if (bus->children[i] == child) {
            return true;
        }
    }
    return false;
}

static void forget(struct busdriver *bus, uint32_t index)
{
    struct device *child = bus->children[index];

    pnp_forget(child);
    (void)object_dereference(child);
    for (uint32_t i = index + 1; i < bus->child_count; i++) {
        bus->children[i - 1] = bus->children[i];
    }
    bus->child_count--;
}

/* A device that is not listed any more is removed, unless a driver on it has seen to that; then its bus driver may
 * delete it, and not before (Microsoft, "Handling an IRP_MN_SURPRISE_REMOVAL Request"). */
static void remove_child(struct device *child)
{
    if (pnp_top(child) == device_object(child)) {
        (void)pnp_send(device_object(child), IRP_MN_SURPRISE_REMOVAL);
        (void)pnp_send(device_object(child), IRP_MN_REMOVE_DEVICE);
    }
}

/* BusRelations: new devices are identified, those that are not listed any more are removed. */
static bool enumerate(struct busdriver *bus, char *error, size_t size)
{
    struct device *listed[MAX_CHILDREN];
    uint32_t count = pnp_children(xenbus_pdo(bus->xenbus), listed, MAX_CHILDREN);

    count = count < MAX_CHILDREN ? count : MAX_CHILDREN;
    for (uint32_t i = bus->child_count; i-- > 0;) {
        bool there = false;

        for (uint32_t k = 0; k < count; k++) {
            there = there || listed[k] == bus->children[i];
        }
        if (!there) {
            remove_child(bus->children[i]);
            forget(bus, i);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (known(bus, listed[i])) {
            (void)object_dereference(listed[i]);
        } else if (bus->child_count < MAX_CHILDREN) {
            bus->children[bus->child_count++] = listed[i];
            if (!pnp_identify(listed[i], error, size)) {
                return false;
            }
        }
    }
    return true;
}

bool busdriver_wait_children(struct busdriver *bus, uint32_t count, uint64_t timeout_ns, char *error, size_t size)
{
    struct device *pdo = xenbus_pdo(bus->xenbus);
    uint64_t deadline = sched_now() + timeout_ns;

    for (;;) {
        uint32_t seen = pnp_changes(pdo);

        if (!enumerate(bus, error, size)) {
            return false;
        }
        if (bus->child_count == count) {
            return true;
        }
        if (sched_now() >= deadline) {
            snprintf(error, size, "%s lists %u network devices, not %u: does xenstore have them below device/vif?",
                     busdriver_name(bus), bus->child_count, count);
            return false;
        }
        pnp_wait_change(pdo, seen, deadline);
    }
}

static bool start(struct busdriver *bus, const struct busdriver_options *options, char *error, size_t size)
{
    bus->package = package_install_bus(xenbus_pdo(bus->xenbus), options->inf_path, error, size);
    if (bus->package == NULL) {
        return false;
    }
    set_queues(bus, options->queues);
    bus->driver = driver_load(options->image_path, bus->package, error, size);
    return bus->driver != NULL && start_device(bus, error, size) &&
           busdriver_wait_children(bus, options->children, START_PATIENCE, error, size);
}

struct busdriver *busdriver_start(struct xen *xen, const struct busdriver_options *options, char *error, size_t size)
{
    struct busdriver *bus = calloc(1, sizeof(*bus));
    struct leaks leaks = { 0 };

    if (bus == NULL) {
        abort();
    }
    bus->xen = xen;
    bus->pages = (struct page_source){ xen, pages_take, pages_give, pages_own };
    mdl_pages_from(&bus->pages);
    bus->xenbus = xenbus_create(xen);
    if (start(bus, options, error, size)) {
        return bus;
    }
    busdriver_stop(bus, &leaks);
    leaks_free(&leaks);
    return NULL;
}

void busdriver_stop(struct busdriver *bus, struct leaks *leaks)
{
    struct device *pdo = xenbus_pdo(bus->xenbus);

    if (bus->added) {
        RULE(NT_SUCCESS(pnp_send(pnp_top(pdo), IRP_MN_QUERY_REMOVE_DEVICE)), "pnp",
             "%s refuses to be removed although nobody uses its devices", busdriver_name(bus));
        (void)pnp_send(pnp_top(pdo), IRP_MN_REMOVE_DEVICE);
        RULE(pnp_top(pdo) == device_object(pdo), "pnp",
             "%s left its functional device on the stack when it was removed", busdriver_name(bus));
    }
    while (bus->child_count > 0) {
        forget(bus, bus->child_count - 1);
    }
    if (bus->driver != NULL) {
        driver_unload(bus->driver);
    }
    if (bus->package != NULL) {
        package_free(bus->package);
    }
    xenbus_leaks(bus->xenbus, leaks);
    xenbus_destroy(bus->xenbus);
    mdl_pages_from(NULL);
    free(bus);
}

struct xenbus *busdriver_xenbus(struct busdriver *bus)
{
    return bus->xenbus;
}

const char *busdriver_name(struct busdriver *bus)
{
    return bus->package->image_name;
}

struct device *busdriver_child(struct busdriver *bus, uint32_t index)
{
    return index < bus->child_count ? bus->children[index] : NULL;
}

uint32_t busdriver_children(struct busdriver *bus)
{
    return bus->child_count;
}

uint32_t busdriver_vif_version(struct device *child)
{
    static const struct {
        uint32_t a;
        uint16_t b, c;
        uint8_t d[8];
    } guid = GUID_XENVIF_VIF_INTERFACE;
    struct XENVIF_VIF_INTERFACE_V10 table;

    for (uint16_t version = 10; version >= 8; version--) {
        if (NT_SUCCESS(
                pnp_query_interface(device_object(child), (const uint8_t *)&guid, version, &table, sizeof(table)))) {
            return version;
        }
    }
    return 0;
}

int busdriver_sleep(struct busdriver *bus, bool hibernate, void (*away)(void *context), void *context)
{
    struct DEVICE_OBJECT *top = pnp_top(xenbus_pdo(bus->xenbus));

    if (!NT_SUCCESS(pnp_set_system_power(top, hibernate ? SYSTEM_HIBERNATE : SYSTEM_SLEEPING3))) {
        return -1;
    }
    if (away != NULL) {
        away(context);
    }
    return NT_SUCCESS(pnp_set_system_power(top, SYSTEM_WORKING)) ? 0 : -1;
}
