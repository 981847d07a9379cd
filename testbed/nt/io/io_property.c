/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver may ask about a device: IoGetDeviceProperty and the registry keys that belong to it, answered from the
 * device's Enum key as installation wrote it. PASSIVE_LEVEL.
 */
#include <stdio.h>
#include <string.h>

#include "nt/export/register.h"
#include "nt/io/io_device.h"
#include "nt/io/object.h"
#include "nt/registry/registry.h"
#include "nt/registry/registry_key.h"
#include "nt/rtl/utf.h"

enum property_kind { KIND_NONE, KIND_VALUE, KIND_TEXT, KIND_NUMBER, KIND_UNKNOWN };

/* DEVICE_REGISTRY_PROPERTY, in its order. A value comes from the Enum key, under the name given. */
static const struct {
    const char *name;
    enum property_kind kind;
} properties[] = {
    { "DeviceDesc", KIND_VALUE },
    { "HardwareID", KIND_VALUE },
    { "CompatibleIDs", KIND_VALUE },
    { "boot configuration", KIND_NONE },
    { "boot configuration", KIND_NONE },
    { "Class", KIND_VALUE },
    { "ClassGUID", KIND_VALUE },
    { "Driver", KIND_VALUE },
    { "Mfg", KIND_VALUE },
    { "FriendlyName", KIND_VALUE },
    { "LocationInformation", KIND_VALUE },
    { "PhysicalDeviceObjectName", KIND_TEXT },
    { "BusTypeGuid", KIND_UNKNOWN },
    { "LegacyBusType", KIND_UNKNOWN },
    { "BusNumber", KIND_UNKNOWN },
    { "EnumeratorName", KIND_TEXT },
    { "Address", KIND_UNKNOWN },
    { "UINumber", KIND_UNKNOWN },
    { "InstallState", KIND_NUMBER },
    { "RemovalPolicy", KIND_NUMBER },
};

enum { PROPERTY_NAME = 11, PROPERTY_ENUMERATOR = 15, KEY_DEVICE = 1, KEY_DRIVER = 2 };

static int32_t give(const void *data, size_t size, uint32_t room, void *buffer, uint32_t *length)
{
    *length = (uint32_t)size;
    if (room < size) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memcpy(buffer, data, size);
    return STATUS_SUCCESS;
}

static int32_t give_text(const char *text, uint32_t room, void *buffer, uint32_t *length)
{
    uint16_t wide[256];
    size_t units = utf16_from_utf8(wide, sizeof(wide) / 2, text);

    return give(wide, (units + 1) * 2, room, buffer, length);
}

static MS_ABI int32_t nt_IoGetDeviceProperty(struct DEVICE_OBJECT *object, uint32_t property, uint32_t room,
                                             void *buffer, uint32_t *length)
{
    struct device *pdo = device_of(object);
    uint8_t data[4096];
    size_t size = sizeof(data);
    char text[256];
    uint32_t number = 0;

    *length = 0;
    if (pdo->instance_path[0] == 0) {
        return STATUS_INVALID_DEVICE_REQUEST; /* no PDO */
    }
    RULE(property < sizeof(properties) / sizeof(properties[0]), "unsupported", "IoGetDeviceProperty of property %u",
         property);
    switch (properties[property].kind) {
    case KIND_VALUE:
        if (!registry_get_value(pdo->enum_key, properties[property].name, NULL, data, &size)) {
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        return give(data, size, room, buffer, length);
    case KIND_TEXT:
        snprintf(text, sizeof(text), "%s", property == PROPERTY_NAME ? pdo->name : pdo->instance_path);
        if (property == PROPERTY_ENUMERATOR) {
            text[strcspn(text, "\\")] = 0;
        }
        return give_text(text, room, buffer, length);
    case KIND_NUMBER:
        return give(&number, sizeof(number), room, buffer, length);
    case KIND_UNKNOWN:
        return STATUS_OBJECT_NAME_NOT_FOUND; /* this bus reports none */
    default:
        return STATUS_SUCCESS; /* no resources: an empty answer */
    }
}

static void close_key(void *object)
{
    sched_lock(&registry_lock);
    registry_key_close(object);
    sched_unlock(&registry_lock);
}

static MS_ABI int32_t nt_IoOpenDeviceRegistryKey(struct DEVICE_OBJECT *object, uint32_t which, uint32_t access,
                                                 void **handle)
{
    struct device *pdo = device_of(object);
    struct registry_key *key;
    char path[600], driver[128];

    (void)access;
    if (pdo->instance_path[0] == 0) {
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    if (which == KEY_DEVICE) {
        snprintf(path, sizeof(path), "%s\\Device Parameters", pdo->enum_key);
    } else if (which == KEY_DRIVER) {
        if (!registry_get_string(pdo->enum_key, "Driver", driver, sizeof(driver))) {
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        snprintf(path, sizeof(path), "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\%s", driver);
    } else {
        rule_break("unsupported", "IoOpenDeviceRegistryKey of key type %u", which);
    }
    sched_lock(&registry_lock);
    key = registry_key_create(NULL, path, NULL);
    key->opened++;
    sched_unlock(&registry_lock);
    *handle = handle_create(HANDLE_KEY, key, close_key, path);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_IoGetDeviceNumaNode(struct DEVICE_OBJECT *device, uint16_t *node)
{
    device_of(device);
    *node = 0;
    return STATUS_SUCCESS;
}

#define IO_PROPERTY_EXPORTS(X)                                                                                         \
    X("ntoskrnl.exe", IoGetDeviceProperty, nt_IoGetDeviceProperty, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)            \
    X("ntoskrnl.exe", IoOpenDeviceRegistryKey, nt_IoOpenDeviceRegistryKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)    \
    X("ntoskrnl.exe", IoGetDeviceNumaNode, nt_IoGetDeviceNumaNode, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void io_property_start(void)
{
    EXPORT_REGISTER(IO_PROPERTY_EXPORTS);
}
