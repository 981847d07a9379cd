/* SPDX-License-Identifier: BSD-2-Clause */
/* Towards a driver that is a bus: see pnp_bus.h. */
#include "nt/io/pnp_bus.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "nt/export/register.h"
#include "nt/io/io_device.h"
#include "nt/io/object.h"
#include "nt/memory/pool.h"
#include "nt/rtl/utf.h"

enum {
    BUS_RELATIONS = 0,
    TEXT_DESCRIPTION = 0,
    TEXT_LOCATION = 1,
    CAPABILITIES_BYTES = 64,
    MAX_IDS = 32,
    ID_BYTES = 200, /* MAX_DEVICE_ID_LEN */
};

typedef MS_ABI int32_t add_device_routine(struct DRIVER_OBJECT *, struct DEVICE_OBJECT *);

struct relations { /* DEVICE_RELATIONS */
    uint32_t count;
    struct DEVICE_OBJECT *objects[];
};

struct DEVICE_OBJECT *pnp_top(struct device *device)
{
    return &device_top(device)->object;
}

/* CM_RESOURCE_LIST: one list, of no resources. */
static const uint32_t no_resources[] = { 1, 0, 0, 0x00010001, 0 };

static void fill_start(struct IO_STACK_LOCATION *location, void *context)
{
    (void)context;
    location->Parameters.StartDevice.AllocatedResources = (void *)(uintptr_t)no_resources;
    location->Parameters.StartDevice.AllocatedResourcesTranslated = (void *)(uintptr_t)no_resources;
}

int32_t pnp_start_device(struct DEVICE_OBJECT *device)
{
    return irp_send(device, IRP_MJ_PNP, IRP_MN_START_DEVICE, fill_start, NULL, NULL);
}

int32_t pnp_add_device(struct driver *driver, struct device *pdo)
{
    struct DRIVER_OBJECT *object = driver_object(driver);
    add_device_routine *add = (add_device_routine *)object->DriverExtension->AddDevice;
    int32_t status;

    if (add == NULL) {
        return STATUS_NOT_SUPPORTED;
    }
    status = DRIVER_CALL("AddDevice", add(object, &pdo->object));
    RULE(!NT_SUCCESS(status) || device_top(pdo) != pdo, "pnp", "AddDevice succeeded and attached no device to the %s",
         "stack");
    return status;
}

/* --- children --- */

static void fill_relations(struct IO_STACK_LOCATION *location, void *context)
{
    (void)context;
    location->Parameters.QueryDeviceRelations.Type = BUS_RELATIONS;
}

uint32_t pnp_children(struct device *bus, struct device **children, uint32_t most)
{
    uintptr_t information = 0;
    struct relations *relations;
    uint32_t count;

    if (!NT_SUCCESS(
            irp_send(pnp_top(bus), IRP_MJ_PNP, IRP_MN_QUERY_DEVICE_RELATIONS, fill_relations, NULL, &information)) ||
        information == 0) {
        return 0;
    }
    relations = (struct relations *)information;
    count = relations->count;
    for (uint32_t i = 0; i < count; i++) {
        if (i < most) {
            children[i] = device_of(relations->objects[i]);
            RULE(children[i]->lower == NULL, "pnp", "BusRelations lists a device that is no %s", "physical device");
        } else {
            (void)object_dereference(relations->objects[i]);
        }
    }
    pool_give(relations, 0, POOL_BLOCK, "the PnP manager");
    return count;
}

struct id_query {
    uint32_t type;
    bool text;
};

static void fill_query(struct IO_STACK_LOCATION *location, void *context)
{
    const struct id_query *query = context;

    if (query->text) {
        location->Parameters.QueryDeviceText.DeviceTextType = query->type;
        location->Parameters.QueryDeviceText.LocaleId = 0x409;
    } else {
        location->Parameters.QueryId.IdType = query->type;
    }
}

/* The driver's text from pool, freed by the caller with pool_give; NULL: it has none. */
static uint16_t *query(struct device *child, bool text, uint32_t type)
{
    struct id_query asked = { type, text };
    uintptr_t information = 0;
    int32_t status = irp_send(pnp_top(child), IRP_MJ_PNP, text ? IRP_MN_QUERY_DEVICE_TEXT : IRP_MN_QUERY_ID, fill_query,
                              &asked, &information);

    return NT_SUCCESS(status) ? (uint16_t *)information : NULL;
}

static const char *query_one(struct device *child, bool text, uint32_t type)
{
    uint16_t *wide = query(child, text, type);
    char narrow[ID_BYTES] = "";

    if (wide == NULL) {
        return NULL;
    }
    utf8_from_utf16(narrow, sizeof(narrow), wide, utf16_length(wide));
    pool_give(wide, 0, POOL_BLOCK, "the PnP manager");
    return strdup(narrow);
}

static const char *const *query_list(struct device *child, uint32_t type)
{
    uint16_t *wide = query(child, false, type);
    const uint16_t *at = wide;
    char **list = calloc(MAX_IDS + 1, sizeof(*list));

    for (size_t count = 0; list != NULL && at != NULL && *at != 0 && count < MAX_IDS; count++) {
        list[count] = calloc(1, ID_BYTES);
        utf8_from_utf16(list[count], ID_BYTES, at, utf16_length(at));
        at += utf16_length(at) + 1;
    }
    if (wide != NULL) {
        pool_give(wide, 0, POOL_BLOCK, "the PnP manager");
    }
    return (const char *const *)list;
}

/* DEVICE_CAPABILITIES: Size, Version, flags; the rest is the bus driver's to fill in. */
static void fill_capabilities(struct IO_STACK_LOCATION *location, void *context)
{
    location->Parameters.DeviceCapabilities.Capabilities = context;
}

bool pnp_ask_capabilities(struct device *device)
{
    uint16_t record[CAPABILITIES_BYTES / 2] = { CAPABILITIES_BYTES, 1 };

    memset(record + 4, 0xff, 8); /* Address and UINumber: unknown */
    return NT_SUCCESS(
        irp_send(pnp_top(device), IRP_MJ_PNP, IRP_MN_QUERY_CAPABILITIES, fill_capabilities, record, NULL));
}

bool pnp_identify(struct device *child, char *error, size_t size)
{
    struct pdo_ids *ids = &child->ids;

    ids->device_id = query_one(child, false, ID_DEVICE);
    ids->instance_id = query_one(child, false, ID_INSTANCE);
    ids->hardware_ids = query_list(child, ID_HARDWARE);
    ids->compatible_ids = query_list(child, ID_COMPATIBLE);
    ids->location = query_one(child, true, TEXT_LOCATION);
    if (ids->device_id == NULL || ids->instance_id == NULL || !pnp_ask_capabilities(child)) {
        snprintf(error, size, "the bus driver's device does not answer for its %s",
                 ids->device_id == NULL     ? "device ID"
                 : ids->instance_id == NULL ? "instance ID"
                                            : "capabilities");
        return false;
    }
    snprintf(child->instance_path, sizeof(child->instance_path), "%s\\%s", ids->device_id, ids->instance_id);
    snprintf(child->enum_key, sizeof(child->enum_key), "%s%s", ENUM_ROOT, child->instance_path);
    return true;
}

void pnp_forget(struct device *child)
{
    pdo_free_ids(child);
}

/* --- what a bus driver asks for, at any IRQL up to DISPATCH_LEVEL --- */

static struct device *physical(struct DEVICE_OBJECT *object, const char *function)
{
    struct device *device = device_of(object);

    RULE(device->lower == NULL, "pnp", "%s of a device that is no physical device", function);
    return device;
}

static MS_ABI void nt_IoInvalidateDeviceRelations(struct DEVICE_OBJECT *object, uint32_t type)
{
    struct device *device = physical(object, "IoInvalidateDeviceRelations");

    if (type == BUS_RELATIONS) {
        __atomic_add_fetch(&device->changes, 1, __ATOMIC_SEQ_CST);
        sched_wake(&device->changes, UINT_MAX);
    }
}

/* Windows asks for the state then (IRP_MN_QUERY_PNP_DEVICE_STATE); nothing here depends on it. */
static MS_ABI void nt_IoInvalidateDeviceState(struct DEVICE_OBJECT *object)
{
    (void)physical(object, "IoInvalidateDeviceState");
}

static MS_ABI void nt_IoRequestDeviceEject(struct DEVICE_OBJECT *object)
{
    struct device *device = physical(object, "IoRequestDeviceEject");

    __atomic_store_n(&device->eject, true, __ATOMIC_RELEASE);
}

uint32_t pnp_changes(struct device *bus)
{
    return __atomic_load_n(&bus->changes, __ATOMIC_SEQ_CST);
}

void pnp_wait_change(struct device *bus, uint32_t seen, uint64_t deadline)
{
    (void)sched_wait(&bus->changes, seen, deadline);
}

bool pnp_eject_requested(struct device *child)
{
    return __atomic_load_n(&child->eject, __ATOMIC_ACQUIRE);
}

#define UP_TO(X, name) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)
#define PNP_BUS_EXPORTS(X)                                                                                             \
    UP_TO(X, IoInvalidateDeviceRelations)                                                                              \
    UP_TO(X, IoInvalidateDeviceState)                                                                                  \
    UP_TO(X, IoRequestDeviceEject)

void pnp_bus_start(void)
{
    EXPORT_REGISTER(PNP_BUS_EXPORTS);
}
