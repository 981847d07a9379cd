/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device objects: made and deleted, named, attached to stacks, referenced. A device lives until it is deleted and the
 * last reference to it is gone. One lock over the list of devices and the symbolic links; never held while somebody
 * else's code runs.
 */
#include "nt/io/io_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/image.h"
#include "nt/export/register.h"
#include "nt/io/object.h"
#include "nt/rtl/utf.h"

enum { TYPE_DEVICE = 3, FLAG_INITIALIZING = 0x80, LINK_BYTES = 160 };

struct link {
    struct link *next;
    char name[LINK_BYTES];
};

static struct sched_lock lock;
static struct device *devices;
static struct link *links;

static void reference(void *body)
{
    __atomic_add_fetch(&((struct device *)body)->references, 1, __ATOMIC_RELAXED);
}

static void dereference(void *body)
{
    struct device *device = body;

    RULE(__atomic_load_n(&device->references, __ATOMIC_RELAXED) > 0, "object",
         "more references to a device given back than were taken");
    if (__atomic_sub_fetch(&device->references, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    sched_lock(&lock);
    for (struct device **at = &devices; *at != NULL; at = &(*at)->next) {
        if (*at == device) {
            *at = device->next;
            break;
        }
    }
    sched_unlock(&lock);
    object_unregister(device);
    free(device);
}

static const struct object_ops ops = { "device", reference, dereference };

int32_t device_make(struct DRIVER_OBJECT *driver, uint32_t extension, const char *name, uint32_t type,
                    uint32_t characteristics, struct device **made)
{
    size_t size = (sizeof(struct device) + extension + 15) & ~(size_t)15;
    struct device *device = aligned_alloc(16, size);
    struct device **end;

    if (device == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memset(device, 0, size);
    device->object.Type = TYPE_DEVICE;
    device->object.Size = (uint16_t)(sizeof(struct DEVICE_OBJECT) + extension);
    device->object.ReferenceCount = 0;
    device->object.DriverObject = driver;
    device->object.Flags = FLAG_INITIALIZING;
    device->object.Characteristics = characteristics;
    device->object.DeviceExtension = extension != 0 ? device + 1 : NULL;
    device->object.DeviceType = type;
    device->object.StackSize = 1;
    device->references = 1;
    snprintf(device->name, sizeof(device->name), "%s", name);
    sched_lock(&lock);
    for (end = &devices; *end != NULL; end = &(*end)->next) {
        if (name[0] != 0 && !(*end)->deleted && strcasecmp((*end)->name, name) == 0) {
            sched_unlock(&lock);
            free(device);
            return STATUS_OBJECT_NAME_COLLISION;
        }
    }
    *end = device;
    device->object.NextDevice = driver->DeviceObject;
    driver->DeviceObject = &device->object;
    sched_unlock(&lock);
    object_register(device, &ops);
    *made = device;
    return STATUS_SUCCESS;
}

struct device *device_of(struct DEVICE_OBJECT *object)
{
    struct device *device = (struct device *)object;

    RULE(object != NULL && object->Type == TYPE_DEVICE, "object", "not a device object");
    RULE(!device->deleted, "object", "a device object that was deleted is used");
    return device;
}

void device_delete(struct device *device)
{
    struct DEVICE_OBJECT **at = &device->object.DriverObject->DeviceObject;

    /* A bus driver deletes its device when IRP_MN_REMOVE_DEVICE has come down to it; those above detach after that. */
    RULE(device->object.AttachedDevice == NULL || device->lower == NULL, "object",
         "a device is deleted while another is attached to it");
    if (device->lower != NULL) {
        device_detach(device);
    }
    sched_lock(&lock);
    while (*at != NULL && *at != &device->object) {
        at = &(*at)->NextDevice;
    }
    if (*at != NULL) {
        *at = device->object.NextDevice;
    }
    device->deleted = true;
    sched_unlock(&lock);
    dereference(device);
}

void device_attach(struct device *device, struct device *top)
{
    reference(top);
    device->lower = top;
    top->object.AttachedDevice = &device->object;
    device->object.StackSize = (int8_t)(top->object.StackSize + 1);
    device->object.AlignmentRequirement = top->object.AlignmentRequirement;
}

void device_detach(struct device *device)
{
    struct device *lower = device->lower;

    lower->object.AttachedDevice = NULL;
    device->lower = NULL;
    dereference(lower);
}

struct device *device_top(struct device *device)
{
    while (device->object.AttachedDevice != NULL) {
        device = device_of(device->object.AttachedDevice);
    }
    return device;
}

struct device *device_bottom(struct device *device)
{
    while (device->lower != NULL) {
        device = device->lower;
    }
    return device;
}

struct DEVICE_OBJECT *device_object(struct device *device)
{
    return &device->object;
}

struct DEVICE_OBJECT *device_lower(struct device *device)
{
    return device->lower != NULL ? &device->lower->object : NULL;
}

void device_started(struct device *device)
{
    device->object.Flags &= ~(uint32_t)FLAG_INITIALIZING;
}

int32_t symbolic_link_make(const char *name)
{
    struct link *link = calloc(1, sizeof(*link));

    if (link == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    snprintf(link->name, sizeof(link->name), "%s", name);
    sched_lock(&lock);
    for (struct link *other = links; other != NULL; other = other->next) {
        if (strcasecmp(other->name, link->name) == 0) {
            sched_unlock(&lock);
            free(link);
            return STATUS_OBJECT_NAME_COLLISION;
        }
    }
    link->next = links;
    links = link;
    sched_unlock(&lock);
    return STATUS_SUCCESS;
}

int32_t symbolic_link_delete(const char *name)
{
    struct link *found = NULL;

    sched_lock(&lock);
    for (struct link **at = &links; *at != NULL; at = &(*at)->next) {
        if (strcasecmp((*at)->name, name) == 0) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    sched_unlock(&lock);
    free(found);
    return found != NULL ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

void io_leaks(struct leaks *leaks)
{
    sched_lock(&lock);
    for (struct device *device = devices; device != NULL; device = device->next) {
        const char *name = device->name[0] != 0            ? device->name
                           : device->instance_path[0] != 0 ? device->instance_path
                                                           : "without a name";

        if (device->deleted) {
            leak_add(leaks, "device %s: %u references not given back", name, device->references);
        } else {
            leak_add(leaks, "device %s", name);
        }
    }
    for (struct link *link = links; link != NULL; link = link->next) {
        leak_add(leaks, "symbolic link %s", link->name);
    }
    sched_unlock(&lock);
}

void io_stop(void)
{
    while (devices != NULL) {
        struct device *device = devices;

        devices = device->next;
        free(device);
    }
    while (links != NULL) {
        struct link *link = links;

        links = link->next;
        free(link);
    }
}

/* --- what the driver calls --- */

static void text_of(const struct UNICODE_STRING *string, char *text, size_t size)
{
    utf8_from_utf16(text, size, string != NULL ? string->Buffer : NULL, string != NULL ? string->Length / 2u : 0);
}

static MS_ABI int32_t nt_IoCreateDevice(struct DRIVER_OBJECT *driver, uint32_t extension,
                                        const struct UNICODE_STRING *name, uint32_t type, uint32_t characteristics,
                                        uint8_t exclusive, struct DEVICE_OBJECT **object)
{
    char text[128];
    struct device *device;
    int32_t status;

    (void)exclusive;
    text_of(name, text, sizeof(text));
    status = device_make(driver, extension, text, type, characteristics, &device);
    if (status == STATUS_SUCCESS) {
        *object = &device->object;
    }
    return status;
}

static MS_ABI void nt_IoDeleteDevice(struct DEVICE_OBJECT *object)
{
    device_delete(device_of(object));
}

static MS_ABI struct DEVICE_OBJECT *nt_IoAttachDeviceToDeviceStack(struct DEVICE_OBJECT *source,
                                                                   struct DEVICE_OBJECT *target)
{
    struct device *top = device_top(device_of(target));

    device_attach(device_of(source), top);
    return &top->object;
}

static MS_ABI void nt_IoDetachDevice(struct DEVICE_OBJECT *target)
{
    RULE(target->AttachedDevice != NULL, "object", "IoDetachDevice of a device that nothing is attached to");
    device_detach(device_of(target->AttachedDevice));
}

static MS_ABI struct DEVICE_OBJECT *nt_IoGetAttachedDevice(struct DEVICE_OBJECT *object)
{
    return &device_top(device_of(object))->object;
}

static MS_ABI struct DEVICE_OBJECT *nt_IoGetAttachedDeviceReference(struct DEVICE_OBJECT *object)
{
    struct device *top = device_top(device_of(object));

    reference(top);
    return &top->object;
}

static MS_ABI struct DEVICE_OBJECT *nt_IoGetLowerDeviceObject(struct DEVICE_OBJECT *object)
{
    struct device *lower = device_of(object)->lower;

    if (lower != NULL) {
        reference(lower);
    }
    return lower != NULL ? &lower->object : NULL;
}

static MS_ABI int32_t nt_IoCreateSymbolicLink(const struct UNICODE_STRING *name, const struct UNICODE_STRING *target)
{
    char text[LINK_BYTES];

    (void)target;
    text_of(name, text, sizeof(text));
    return symbolic_link_make(text);
}

static MS_ABI int32_t nt_IoDeleteSymbolicLink(const struct UNICODE_STRING *name)
{
    char text[LINK_BYTES];

    text_of(name, text, sizeof(text));
    return symbolic_link_delete(text);
}

#define IO_DEVICE_EXPORTS(X)                                                                                           \
    X("ntoskrnl.exe", IoCreateDevice, nt_IoCreateDevice, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                          \
    X("ntoskrnl.exe", IoDeleteDevice, nt_IoDeleteDevice, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                          \
    X("ntoskrnl.exe", IoAttachDeviceToDeviceStack, nt_IoAttachDeviceToDeviceStack, PASSIVE_LEVEL, DISPATCH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", IoDetachDevice, nt_IoDetachDevice, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                      \
    X("ntoskrnl.exe", IoGetAttachedDevice, nt_IoGetAttachedDevice, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)           \
    X("ntoskrnl.exe", IoGetAttachedDeviceReference, nt_IoGetAttachedDeviceReference, PASSIVE_LEVEL, DISPATCH_LEVEL,    \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", IoGetLowerDeviceObject, nt_IoGetLowerDeviceObject, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)     \
    X("ntoskrnl.exe", IoCreateSymbolicLink, nt_IoCreateSymbolicLink, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)          \
    X("ntoskrnl.exe", IoDeleteSymbolicLink, nt_IoDeleteSymbolicLink, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void io_device_start(void)
{
    EXPORT_REGISTER(IO_DEVICE_EXPORTS);
}
