/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads a driver image as the I/O manager does: image mapped, driver object made, DriverEntry called at PASSIVE_LEVEL
 * with the service key's path; and takes it away again. The caller's task is the one that DriverEntry runs in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/check/debug.h"
#include "nt/export/export.h"
#include "nt/io/io_device.h"
#include "nt/io/object.h"
#include "nt/memory/pool.h"
#include "nt/rtl/utf.h"
#include "nt/sync/thread.h"
#include "nt/race/race.h"
#include "nt/memory/paged.h"

enum { TYPE_DRIVER = 4, NAME_UNITS = 300 };

typedef MS_ABI int32_t driver_entry(struct DRIVER_OBJECT *, struct UNICODE_STRING *);
typedef MS_ABI void driver_unload_routine(struct DRIVER_OBJECT *);

struct driver {
    struct DRIVER_OBJECT object;
    struct DRIVER_EXTENSION extension;
    struct image *image;
    struct UNICODE_STRING registry_path, hardware;
    uint16_t registry_text[NAME_UNITS], name_text[NAME_UNITS], service_text[NAME_UNITS], hardware_text[NAME_UNITS];
};

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Windows' string records inside other records are layouts of their own in the generated header. */
#define SET_STRING(string, text, utf8)                                                                                 \
    do {                                                                                                               \
        size_t units_ = utf16_from_utf8((text), NAME_UNITS, (utf8));                                                   \
        units_ = units_ < NAME_UNITS ? units_ : NAME_UNITS - 1;                                                        \
        (string).Length = (uint16_t)(units_ * 2);                                                                      \
        (string).MaximumLength = (uint16_t)(units_ * 2 + 2);                                                           \
        (string).Buffer = (text);                                                                                      \
    } while (0)

static void make_object(struct driver *driver, const struct package *package)
{
    uint8_t *entry = image_entry(driver->image);
    char name[200];

    driver->object.Type = TYPE_DRIVER;
    driver->object.Size = (int16_t)sizeof(driver->object);
    driver->object.DriverInit = entry;
    driver->object.DriverStart = entry - image_offset(driver->image, entry);
    driver->object.DriverExtension = &driver->extension;
    driver->extension.DriverObject = &driver->object;
    snprintf(name, sizeof(name), "\\Driver\\%s", package->service);
    SET_STRING(driver->object.DriverName, driver->name_text, name);
    SET_STRING(driver->extension.ServiceKeyName, driver->service_text, package->service);
    SET_STRING(driver->registry_path, driver->registry_text, package->service_key);
    SET_STRING(driver->hardware, driver->hardware_text, "\\REGISTRY\\MACHINE\\HARDWARE\\DESCRIPTION\\SYSTEM");
    driver->object.HardwareDatabase = &driver->hardware;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        driver->object.MajorFunction[i] = (void *)irp_invalid_request;
    }
}

static void (*before_unload)(const struct image *image);

void driver_before_unload(void (*each)(const struct image *image))
{
    before_unload = each;
}

char *place_in_image(const struct image *image, const void *return_address)
{
    char place[IMAGE_LINE_BYTES];

    if (!image_contains(image, return_address)) {
        return NULL;
    }
    image_describe((const char *)return_address - 1, place, sizeof(place));
    return strdup(place);
}

static void discard(struct driver *driver)
{
    paged_image(driver->image, false);
    if (before_unload != NULL) {
        before_unload(driver->image);
    }
    pool_name_callers(driver->image);
    object_name_openers(driver->image);
    image_unload(driver->image);
    free(driver);
}

/* As on Windows: an import that the simulated Windows does not export refuses the driver before any of its code has
 * run.
 */
static bool reports_accesses; /* the image that is being loaded does */

static void *resolve(const char *module, const char *name)
{
    reports_accesses |= strcmp(module, RACE_MODULE) == 0;
    return export_find(module, name) != NULL ? export_bind(module, name) : NULL;
}

/* Among the driver's lines, so that --verbose shows it. */
static void note_cr8(const struct image *image)
{
    char text[256];
    uint32_t replaced, left;

    image_cr8_accesses(image, &replaced, &left);
    if (replaced + left > 0) {
        snprintf(text, sizeof(text),
                 "testbed: %s reads or writes CR8 in %u places: %u became jumps, %u cost a signal\n", image_name(image),
                 replaced + left, replaced, left);
        debug_note(text);
    }
}

struct driver *driver_load(const char *sys_path, const struct package *package, char *error, size_t size)
{
    struct driver *driver = calloc(1, sizeof(*driver));
    driver_entry *entry;
    int32_t status;

    if (driver == NULL) {
        abort();
    }
    reports_accesses = false;
    driver->image = image_load(sys_path, resolve, error, size);
    if (driver->image == NULL) {
        free(driver);
        return NULL;
    }
    if (reports_accesses) {
        race_image(driver->image);
    }
    note_cr8(driver->image);
    paged_image(driver->image, true);
    make_object(driver, package);
    entry = (driver_entry *)image_entry(driver->image);
    status = DRIVER_CALL("DriverEntry", entry(&driver->object, &driver->registry_path));
    if (!NT_SUCCESS(status)) {
        snprintf(error, size, "%s: DriverEntry failed with status 0x%08X: use a driver that runs on the chosen Windows",
                 last_part(sys_path), (uint32_t)status);
        discard(driver);
        return NULL;
    }
    image_discard_init(driver->image);
    return driver;
}

void driver_unload(struct driver *driver)
{
    driver_unload_routine *unload = (driver_unload_routine *)driver->object.DriverUnload;

    RULE(unload != NULL, "unload", "%s has no DriverUnload routine", image_name(driver->image));
    if (image_contains(driver->image, (void *)unload)) {
        DRIVER_CALL_VOID("DriverUnload", unload(&driver->object));
    } else {
        unload(&driver->object);
    }
    RULE(driver->object.DeviceObject == NULL, "unload", "%s returned from DriverUnload with a device object left",
         image_name(driver->image));
    threads_check_ended(driver->image);
    discard(driver);
}

struct DRIVER_OBJECT *driver_object(struct driver *driver)
{
    return &driver->object;
}

struct image *driver_image(struct driver *driver)
{
    return driver->image;
}
