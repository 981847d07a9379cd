/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plug and play, as far as a network driver package meets it: a bus creates a physical device object (PDO) with IDs and
 * an interface query; the package's INF is matched against the IDs as SetupAPI ranks them, its sections are carried out
 * on the registry, the image is loaded, DriverEntry is called, and the device is handed to whoever registered as the
 * driver's class (NDIS takes over AddDevice and the PnP IRPs of its miniports).
 */
#ifndef TESTBED_NT_IO_PNP_H
#define TESTBED_NT_IO_PNP_H

#include "image/image.h"
#include "nt/nt.h"

enum {
    IRP_MN_START_DEVICE = 0,
    IRP_MN_QUERY_REMOVE_DEVICE = 1,
    IRP_MN_REMOVE_DEVICE = 2,
    IRP_MN_CANCEL_REMOVE_DEVICE = 3,
    IRP_MN_STOP_DEVICE = 4,
    IRP_MN_QUERY_STOP_DEVICE = 5,
    IRP_MN_CANCEL_STOP_DEVICE = 6,
    IRP_MN_QUERY_DEVICE_RELATIONS = 7,
    IRP_MN_QUERY_INTERFACE = 8,
    IRP_MN_QUERY_CAPABILITIES = 9,
    IRP_MN_QUERY_DEVICE_TEXT = 12,
    IRP_MN_QUERY_ID = 19,
    IRP_MN_QUERY_PNP_DEVICE_STATE = 20,
    IRP_MN_SURPRISE_REMOVAL = 23
};
enum { IRP_MN_SET_POWER = 2, IRP_MN_QUERY_POWER = 3 };

struct device; /* wraps a DEVICE_OBJECT */

struct pdo_ops {
    /* IRP_MN_QUERY_INTERFACE: fill `interface` (size bytes) and take a reference. STATUS_NOT_SUPPORTED: no such GUID or
     * version. */
    int32_t (*query_interface)(void *bus, const uint8_t guid[16], uint16_t version, void *interface, uint16_t size);
};

struct pdo_ids {
    const char *device_id;           /* XENVIF\VEN_XP0002&DEV_NET&REV_09000005 */
    const char *const *hardware_ids; /* NULL-terminated, best first */
    const char *const *compatible_ids;
    const char *instance_id; /* "0" */
    const char *location;
};

struct device *pdo_create(const struct pdo_ids *ids, const struct pdo_ops *ops, void *bus);
void pdo_destroy(struct device *pdo);
struct DEVICE_OBJECT *device_object(struct device *device);
/* IRP_MN_QUERY_INTERFACE to a PDO is pended and answered by a task, as a filter between may do. */
extern bool pnp_interfaces_come_late;

/* --- the device stack above a PDO: whoever is the driver's class (NDIS) puts the driver's functional device on it
 * --- */
struct driver;
struct device *fdo_create(struct DRIVER_OBJECT *driver,
                          struct device *pdo);             /* attached to the top of the PDO's stack */
void fdo_destroy(struct device *fdo);                      /* detached and deleted */
struct DEVICE_OBJECT *device_lower(struct device *device); /* the next device object down the stack; NULL for a PDO */

/* A package installed from its INF: the service and driver (class) keys it made in the registry. */
struct package {
    const char *service;     /* "xennet" */
    const char *service_key; /* \Registry\Machine\System\CurrentControlSet\Services\xennet */
    const char *driver_key;  /* ...\Control\Class\{4d36e972-...}\0000 */
    const char *description; /* device description from the model line */
    const char *matched_id;  /* the ID that matched */
    const char *image_name;  /* file name from ServiceBinary: xennet.sys */
};
/* Errors are one sentence in `error` naming file, section or ID and what to do. Returns NULL then. `set` is a
 * NULL-terminated list of "KEYWORD=VALUE" written to the driver key after AddReg, as Device Manager does; a keyword
 * that the INF has no Ndi\params entry for is an error that lists the known ones. */
struct package *package_install(struct device *pdo, const char *inf_path, const char *const *set, char *error,
                                size_t size);
/* The same for a bus driver of class System, which has no keywords. */
struct package *package_install_bus(struct device *pdo, const char *inf_path, char *error, size_t size);
void package_free(struct package *package);

/* The names Windows has for a device, as UTF-8: "XENVIF\\VEN_...\\0", and its Enum key in the registry. */
const char *device_instance_path(struct device *pdo);
const char *device_enum_key(struct device *pdo);
const struct pdo_ids *device_ids(struct device *pdo);

/* Load the image, bind its imports, create the driver object, call DriverEntry at PASSIVE_LEVEL. NULL and a sentence on
 * failure. */
struct driver *driver_load(const char *sys_path, const struct package *package, char *error, size_t size);
/* `each` is called with every image that is about to go, before its memory is. */
struct image;
void driver_before_unload(void (*each)(const struct image *image));
/* "xennet.sys+0x12 Function (file.c:3)", in memory of its own; NULL: not in that image. */
char *place_in_image(const struct image *image, const void *return_address);
void driver_unload(struct driver *driver); /* calls DriverUnload, checks, unmaps */
struct DRIVER_OBJECT *driver_object(struct driver *driver);
struct image *driver_image(struct driver *driver);

/* Synchronous IRPs down to a device object (the PDO answers). */
int32_t pnp_query_interface(struct DEVICE_OBJECT *device, const uint8_t guid[16], uint16_t version, void *interface,
                            uint16_t size);
/* IRP_MN_QUERY_DEVICE_RELATIONS, with the status that a driver further up has left. */
int32_t pnp_query_relations(struct DEVICE_OBJECT *device, uint32_t type, int32_t status, uintptr_t *information);
/* A PnP IRP without parameters (IRP_MN_REMOVE_DEVICE ...), answered by the stack
 * from `device` down. */
int32_t pnp_send(struct DEVICE_OBJECT *device, uint8_t minor);

#endif
