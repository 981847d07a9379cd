/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical devices: a bus (the XenVif stand-in) creates one per device it finds, with IDs and an interface query. Their
 * PnP IRPs are answered here, at PASSIVE_LEVEL, under one driver object that stands for all buses. Also the functional
 * devices that a device class puts on top.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/io/io_device.h"
#include "nt/io/object.h"
#include "nt/io/pnp_bus.h"
#include "nt/memory/pool.h"
#include "nt/rtl/utf.h"

#define TAG_PNP 0x20506e50 /* "PnP " */

enum { TARGET_DEVICE_RELATION = 4, DEVICE_BUS_EXTENDER = 0x2a, DEVICE_NETWORK = 0x12, SECURE_OPEN = 0x100 };
enum { PENDING_RETURNED = 1 };

struct DEVICE_RELATIONS {
    uint32_t Count;
    struct DEVICE_OBJECT *Objects[1];
};

static MS_ABI int32_t bus_pnp(struct DEVICE_OBJECT *object, struct IRP *irp);
static MS_ABI int32_t bus_power(struct DEVICE_OBJECT *object, struct IRP *irp);

static struct DRIVER_OBJECT bus_driver;
static uint32_t pdo_number;

struct DRIVER_OBJECT *pnp_bus_driver(void)
{
    if (bus_driver.Type == 0) {
        bus_driver.Type = 4;
        bus_driver.Size = (int16_t)sizeof(bus_driver);
        for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
            bus_driver.MajorFunction[i] = (void *)irp_invalid_request;
        }
        bus_driver.MajorFunction[IRP_MJ_PNP] = (void *)bus_pnp;
        bus_driver.MajorFunction[IRP_MJ_POWER] = (void *)bus_power;
    }
    return &bus_driver;
}

/* --- answers that come late --- */

bool pnp_interfaces_come_late;

struct late_answer {
    struct device *pdo;
    struct IRP *irp;
};
static struct task *late_task; /* of the last one */

static int32_t answer(struct device *pdo, struct IRP *irp, const struct IO_STACK_LOCATION *location);

static void end_late_task(void)
{
    if (late_task != NULL) {
        task_join(late_task);
        late_task = NULL;
    }
}

static void answer_late(void *argument)
{
    struct late_answer *late = argument;

    late->irp->IoStatus.Status = answer(late->pdo, late->irp, late->irp->Tail.Overlay.CurrentStackLocation);
    irp_complete(late->irp);
    free(late);
}

static int32_t pend(struct device *pdo, struct IRP *irp)
{
    struct late_answer *late = malloc(sizeof(*late));

    *late = (struct late_answer){ pdo, irp };
    irp->Tail.Overlay.CurrentStackLocation->Control |= PENDING_RETURNED;
    end_late_task();
    late_task = task_spawn("late interface", 0, answer_late, late);
    return STATUS_PENDING;
}

/* --- life --- */

static const char *const *copy_list(const char *const *list)
{
    size_t count = 0;
    char **copy;

    while (list != NULL && list[count] != NULL) {
        count++;
    }
    copy = calloc(count + 1, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strdup(list[i]);
    }
    return (const char *const *)copy;
}

static void free_list(const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        free((char *)(uintptr_t)list[i]);
    }
    free((void *)(uintptr_t)list);
}

struct device *pdo_create(const struct pdo_ids *ids, const struct pdo_ops *ops, void *bus)
{
    struct device *pdo = NULL;
    char name[64];

    do {
        snprintf(name, sizeof(name), "\\Device\\%08x", ++pdo_number);
    } while (device_make(pnp_bus_driver(), 0, name, DEVICE_BUS_EXTENDER, SECURE_OPEN, &pdo) ==
             STATUS_OBJECT_NAME_COLLISION);
    if (pdo == NULL) {
        abort();
    }
    device_started(pdo);
    pdo->ops = ops;
    pdo->bus = bus;
    pdo->ids.device_id = strdup(ids->device_id);
    pdo->ids.hardware_ids = copy_list(ids->hardware_ids);
    pdo->ids.compatible_ids = copy_list(ids->compatible_ids);
    pdo->ids.instance_id = strdup(ids->instance_id);
    pdo->ids.location = ids->location != NULL ? strdup(ids->location) : NULL;
    snprintf(pdo->instance_path, sizeof(pdo->instance_path), "%s\\%s", ids->device_id, ids->instance_id);
    snprintf(pdo->enum_key, sizeof(pdo->enum_key), "%s%s", ENUM_ROOT, pdo->instance_path);
    return pdo;
}

void pdo_free_ids(struct device *pdo)
{
    free((char *)(uintptr_t)pdo->ids.device_id);
    free((char *)(uintptr_t)pdo->ids.instance_id);
    free((char *)(uintptr_t)pdo->ids.location);
    free_list(pdo->ids.hardware_ids);
    free_list(pdo->ids.compatible_ids);
    memset(&pdo->ids, 0, sizeof(pdo->ids));
}

void pdo_destroy(struct device *pdo)
{
    end_late_task();
    pdo_free_ids(pdo);
    device_delete(pdo);
}

struct device *fdo_create(struct DRIVER_OBJECT *driver, struct device *pdo)
{
    struct device *fdo;

    if (device_make(driver, 0, "", DEVICE_NETWORK, SECURE_OPEN, &fdo) != STATUS_SUCCESS) {
        abort();
    }
    device_started(fdo);
    device_attach(fdo, device_top(pdo));
    return fdo;
}

void fdo_destroy(struct device *fdo)
{
    device_delete(fdo);
}

const char *device_instance_path(struct device *device)
{
    return device_bottom(device)->instance_path;
}

const char *device_enum_key(struct device *device)
{
    return device_bottom(device)->enum_key;
}

const struct pdo_ids *device_ids(struct device *device)
{
    return &device_bottom(device)->ids;
}

/* --- the bus's answers --- */

/* A list is each text with its NUL and one more NUL; a single text only its own. */
static uint16_t *wide_answer(const char *const *texts, bool list)
{
    size_t units = list ? 1 : 0, used = 0;
    uint16_t *wide;

    for (size_t i = 0; texts[i] != NULL; i++) {
        units += utf16_from_utf8(NULL, 0, texts[i]) + 1;
    }
    wide = pool_take(units * 2, TAG_PNP, POOL_BLOCK, true, NULL);
    for (size_t i = 0; wide != NULL && texts[i] != NULL; i++) {
        used += utf16_from_utf8(wide + used, units - used, texts[i]) + 1;
    }
    if (wide != NULL && list) {
        wide[used] = 0;
    }
    return wide;
}

/* `status`: what the IRP came with, and keeps where the bus has no answer. */
static int32_t query_id(struct device *pdo, uint32_t type, int32_t status, uintptr_t *information)
{
    const char *one[2] = { NULL, NULL };
    const char *const *list = one;

    switch (type) {
    case ID_DEVICE:
        one[0] = pdo->ids.device_id;
        break;
    case ID_INSTANCE:
        one[0] = pdo->ids.instance_id;
        break;
    case ID_HARDWARE:
        list = pdo->ids.hardware_ids;
        break;
    case ID_COMPATIBLE:
        list = pdo->ids.compatible_ids;
        break;
    default:
        return status;
    }
    *information = (uintptr_t)wide_answer(list, list != one);
    return *information != 0 ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

/* A physical device knows itself. What hangs below it (BusRelations) the driver on top has answered, if it is a bus. */
static int32_t query_relations(struct device *pdo, uint32_t type, int32_t status, uintptr_t *information)
{
    struct DEVICE_RELATIONS *relations;

    if (type != TARGET_DEVICE_RELATION) {
        return status;
    }
    relations = pool_take(sizeof(*relations), TAG_PNP, POOL_BLOCK, true, NULL);
    if (relations == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    object_reference(pdo);
    relations->Count = 1;
    relations->Objects[0] = &pdo->object;
    *information = (uintptr_t)relations;
    return STATUS_SUCCESS;
}

/* DEVICE_CAPABILITIES: in which power state the device is while the machine is working, and while it sleeps. A driver
 * above asks for that state when the machine's changes. */
static void map_power_states(void *capabilities)
{
    enum { DEVICE_STATES_OFFSET = 16, SYSTEM_STATES = 7, WORKING = 1, D0 = 1, D3 = 4 };
    uint32_t states[SYSTEM_STATES] = { 0 };

    for (int i = WORKING; i < SYSTEM_STATES; i++) {
        states[i] = i == WORKING ? D0 : D3;
    }
    if (capabilities != NULL) {
        memcpy((uint8_t *)capabilities + DEVICE_STATES_OFFSET, states, sizeof(states));
    }
}

static int32_t answer(struct device *pdo, struct IRP *irp, const struct IO_STACK_LOCATION *location)
{
    switch (location->MinorFunction) {
    case IRP_MN_QUERY_INTERFACE:
        RULE(irp->IoStatus.Status == STATUS_NOT_SUPPORTED, "irp",
             "a PnP query was sent with status %#x, must be STATUS_NOT_SUPPORTED", (uint32_t)irp->IoStatus.Status);
        if (pdo->ops == NULL || pdo->ops->query_interface == NULL) {
            return STATUS_NOT_SUPPORTED;
        }
        return pdo->ops->query_interface(
            pdo->bus, location->Parameters.QueryInterface.InterfaceType, location->Parameters.QueryInterface.Version,
            location->Parameters.QueryInterface.Interface, location->Parameters.QueryInterface.Size);
    case IRP_MN_QUERY_ID:
        return query_id(pdo, location->Parameters.QueryId.IdType, irp->IoStatus.Status, &irp->IoStatus.Information);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return query_relations(pdo, location->Parameters.QueryDeviceRelations.Type, irp->IoStatus.Status,
                               &irp->IoStatus.Information);
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_REMOVE_DEVICE:
    case IRP_MN_CANCEL_REMOVE_DEVICE:
    case IRP_MN_STOP_DEVICE:
    case IRP_MN_QUERY_STOP_DEVICE:
    case IRP_MN_CANCEL_STOP_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return STATUS_SUCCESS;
    case IRP_MN_QUERY_CAPABILITIES:
        map_power_states(location->Parameters.DeviceCapabilities.Capabilities);
        return STATUS_SUCCESS;
    default:
        return irp->IoStatus.Status; /* a bus leaves what it does not know as it came */
    }
}

static MS_ABI int32_t bus_pnp(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    uint8_t minor = irp->Tail.Overlay.CurrentStackLocation->MinorFunction;
    int32_t status;

    if (pnp_interfaces_come_late && minor == IRP_MN_QUERY_INTERFACE) {
        return pend(device_of(object), irp);
    }
    status = answer(device_of(object), irp, irp->Tail.Overlay.CurrentStackLocation);
    irp->IoStatus.Status = status;
    irp_complete(irp);
    return status;
}

/* Sleeping and waking up is the owner's affair (a machine under simulation has no power to save). */
static MS_ABI int32_t bus_power(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    (void)object;
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp_complete(irp);
    return STATUS_SUCCESS;
}

/* --- IRPs of the testbed's own --- */

struct interface_query {
    const uint8_t *guid;
    uint16_t version, size;
    void *interface;
};

static void fill_interface(struct IO_STACK_LOCATION *location, void *context)
{
    const struct interface_query *query = context;

    location->Parameters.QueryInterface.InterfaceType = (void *)(uintptr_t)query->guid;
    location->Parameters.QueryInterface.Size = query->size;
    location->Parameters.QueryInterface.Version = query->version;
    location->Parameters.QueryInterface.Interface = query->interface;
    location->Parameters.QueryInterface.InterfaceSpecificData = NULL;
}

int32_t pnp_query_interface(struct DEVICE_OBJECT *device, const uint8_t guid[16], uint16_t version, void *interface,
                            uint16_t size)
{
    struct interface_query query = { guid, version, size, interface };

    return irp_send(device, IRP_MJ_PNP, IRP_MN_QUERY_INTERFACE, fill_interface, &query, NULL);
}

static void fill_relations(struct IO_STACK_LOCATION *location, void *type)
{
    location->Parameters.QueryDeviceRelations.Type = *(const uint32_t *)type;
}

int32_t pnp_query_relations(struct DEVICE_OBJECT *device, uint32_t type, int32_t status, uintptr_t *information)
{
    return irp_send_answered(device, IRP_MJ_PNP, IRP_MN_QUERY_DEVICE_RELATIONS, fill_relations, &type, status,
                             information);
}

int32_t pnp_send(struct DEVICE_OBJECT *device, uint8_t minor)
{
    return irp_send(device, IRP_MJ_PNP, minor, NULL, NULL, NULL);
}

void io_start(void)
{
    pdo_number = 0;
    io_device_start();
    io_property_start();
    irp_start();
    irp_cancel_start();
    power_start();
    pnp_bus_start();
}
