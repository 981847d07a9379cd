/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that a miniport driver makes beside its adapters, for programs to open: a name, a symbolic link, dispatch
 * routines of the driver's own. They get no PnP and no power IRPs. NDIS keeps the device's extension for itself and
 * gives the driver a part of it. PASSIVE_LEVEL, but for the extension.
 */
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "nt/io/io_device.h"

enum { MAJOR_FUNCTIONS = IRP_MJ_MAXIMUM_FUNCTION + 1, NAME_BYTES = 128, SECURE_OPEN = 0x100, DEVICE_NETWORK = 0x12 };

#define MARK 0x4e44495344455645ull

typedef int32_t MS_ABI dispatch_routine(struct DEVICE_OBJECT *, struct IRP *);

struct control_device {
    struct ndis_object object;
    struct device *device;
    char link[NAME_BYTES]; /* "" for none */
};

/* What stands in the device's extension. */
struct control_extension {
    uint64_t mark;
    dispatch_routine *routines[MAJOR_FUNCTIONS];
    uint32_t bytes; /* of the driver's part, which follows */
    uint64_t own[];
};

static struct control_extension *extension_of(struct DEVICE_OBJECT *object)
{
    struct control_extension *extension = object->DeviceExtension;

    return object->Size >= sizeof(*object) + sizeof(*extension) && extension->mark == MARK ? extension : NULL;
}

bool control_device_is(struct DEVICE_OBJECT *object)
{
    return extension_of(object) != NULL;
}

int32_t control_device_dispatch(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    uint8_t major = irp->Tail.Overlay.CurrentStackLocation->MajorFunction;
    dispatch_routine *routine = extension_of(object)->routines[major];

    if (routine == NULL) {
        return irp_invalid_request(object, irp);
    }
    return DRIVER_CALL("dispatch routine", routine(object, irp));
}

static void text_of(char *text, const struct UNICODE_STRING *string)
{
    ndis_utf8(text, NAME_BYTES, string->Buffer, string->Length / 2u);
}

static int32_t make(struct control_device *control, struct miniport *miniport,
                    const struct NDIS_DEVICE_OBJECT_ATTRIBUTES *attributes)
{
    struct control_extension *extension;
    char name[NAME_BYTES] = "";
    int32_t status;

    if (attributes->DeviceName != NULL) {
        text_of(name, attributes->DeviceName);
    }
    status = device_make(miniport->driver_object, (uint32_t)sizeof(*extension) + attributes->ExtensionSize, name,
                         DEVICE_NETWORK, SECURE_OPEN, &control->device);
    if (status != STATUS_SUCCESS) {
        return status;
    }
    if (attributes->SymbolicName != NULL) {
        text_of(control->link, attributes->SymbolicName);
        status = symbolic_link_make(control->link);
        if (status != STATUS_SUCCESS) {
            device_delete(control->device);
            return status;
        }
    }
    extension = device_object(control->device)->DeviceExtension;
    extension->mark = MARK;
    extension->bytes = attributes->ExtensionSize;
    memcpy(extension->routines, attributes->MajorFunctions, sizeof(extension->routines));
    device_started(control->device);
    return STATUS_SUCCESS;
}

/* By the documents the driver's handle; NDIS takes that of one of its adapters, too. */
static struct miniport *miniport_behind(void *handle)
{
    const struct ndis_object *object = handle;

    if (object != NULL && object->kind == NDIS_KIND_ADAPTER) {
        RULE_DOCUMENTED(false, "ndis-handle", "NdisRegisterDeviceEx was given an adapter's handle, not the driver's");
        return ((struct adapter *)handle)->miniport;
    }
    return ndis_object_check(handle, NDIS_KIND_MINIPORT, "NdisRegisterDeviceEx");
}

static int32_t MS_ABI register_device(void *handle, struct NDIS_DEVICE_OBJECT_ATTRIBUTES *attributes,
                                      struct DEVICE_OBJECT **object, void **result)
{
    struct miniport *miniport = miniport_behind(handle);
    struct control_device *control;
    void **routines;
    int32_t status;

    record_check(RECORD_DEVICE_OBJECT, attributes, miniport->version);
    routines = (void **)attributes->MajorFunctions;
    RULE(routines != NULL, "ndis-device", "NdisRegisterDeviceEx without MajorFunctions");
    RULE(routines[IRP_MJ_PNP] == NULL && routines[IRP_MJ_POWER] == NULL, "ndis-device",
         "NdisRegisterDeviceEx with a routine for PnP or power IRPs, which such a device does not get");
    *object = NULL;
    control = ndis_alloc(sizeof(*control));
    status = make(control, miniport, attributes);
    if (status != STATUS_SUCCESS) {
        free(control);
        return status;
    }
    ndis_object_add(&control->object, NDIS_KIND_CONTROL_DEVICE,
                    "a device of NdisRegisterDeviceEx was not deregistered");
    ndis_object_made_here(&control->object);
    *object = device_object(control->device);
    *result = control;
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI deregister_device(void *handle)
{
    struct control_device *control = ndis_object_check(handle, NDIS_KIND_CONTROL_DEVICE, "NdisDeregisterDeviceEx");

    if (control->link[0] != '\0') {
        (void)symbolic_link_delete(control->link);
    }
    device_delete(control->device);
    ndis_object_remove(&control->object);
    free(control);
}

static void *MS_ABI reserved_extension(struct DEVICE_OBJECT *object)
{
    struct control_extension *extension = extension_of(object);

    RULE(extension != NULL, "ndis-device",
         "NdisGetDeviceReservedExtension of a device that NdisRegisterDeviceEx has not made");
    return extension->bytes != 0 ? extension->own : NULL;
}

#define CONTROL_DEVICE_EXPORTS(X)                                                                                      \
    X(NdisRegisterDeviceEx, register_device, PASSIVE_LEVEL, PASSIVE_LEVEL)                                             \
    X(NdisDeregisterDeviceEx, deregister_device, PASSIVE_LEVEL, PASSIVE_LEVEL)                                         \
    X(NdisGetDeviceReservedExtension, reserved_extension, PASSIVE_LEVEL, HIGH_LEVEL)

void control_device_exports(void)
{
    NDIS_EXPORTS(CONTROL_DEVICE_EXPORTS);
}
