/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and IRPs between io_device.c, io_property.c, irp.c, pnp.c and driver.c. */
#ifndef TESTBED_NT_IO_IO_DEVICE_H
#define TESTBED_NT_IO_IO_DEVICE_H

#include "nt/io/pnp.h"
#include "nt/nt.h"

struct device {
    struct DEVICE_OBJECT object; /* first: a device object's address is its device's */
    struct device *next;         /* all devices, under io_device.c's lock */
    struct device *lower;
    uint32_t references; /* one for its existence */
    bool deleted;
    char name[128]; /* \Device\..., "" when it has none */
    /* a PDO's */
    const struct pdo_ops *ops;
    void *bus;
    struct pdo_ids ids; /* copies */
    char instance_path[256];
    char enum_key[400];
    uint32_t changes;     /* of a bus's children, as its driver announced them: a futex word */
    bool eject;           /* its bus driver asked for that */
    uint32_t power_state; /* DEVICE_POWER_STATE, as its driver last said */
};

#define ENUM_ROOT "\\Registry\\Machine\\System\\CurrentControlSet\\Enum\\"
/* BUS_QUERY_ID_TYPE */
enum { ID_DEVICE = 0, ID_HARDWARE = 1, ID_COMPATIBLE = 2, ID_INSTANCE = 3 };

/* STATUS_OBJECT_NAME_COLLISION or success. `name` "" for none. */
int32_t device_make(struct DRIVER_OBJECT *driver, uint32_t extension, const char *name, uint32_t type,
                    uint32_t characteristics, struct device **made);
void device_delete(struct device *device);
void device_attach(struct device *device, struct device *top);
void device_detach(struct device *device);
struct device *device_of(struct DEVICE_OBJECT *object);
void device_started(struct device *device); /* it takes IRPs from now on */
struct device *device_top(struct device *device);
struct device *device_bottom(struct device *device); /* the PDO of its stack */

/* STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_NOT_FOUND or success. */
int32_t symbolic_link_make(const char *name);
int32_t symbolic_link_delete(const char *name);

void pdo_free_ids(struct device *pdo); /* what a bus, or pnp_identify, made of them */

/* The driver object that owns every PDO; its PnP dispatch answers for the bus. */
struct DRIVER_OBJECT *pnp_bus_driver(void);

/* DriverEntry leaves unset major functions at this: the IRP fails with STATUS_INVALID_DEVICE_REQUEST. */
MS_ABI int32_t irp_invalid_request(struct DEVICE_OBJECT *device, struct IRP *irp);
/* One IRP of the testbed's, sent down and waited for; `fill` sets the stack location's parameters. */
int32_t irp_send(struct DEVICE_OBJECT *device, uint8_t major, uint8_t minor,
                 void (*fill)(struct IO_STACK_LOCATION *, void *), void *context, uintptr_t *information);
/* The same with the status that a driver further up has left in it. */
int32_t irp_send_answered(struct DEVICE_OBJECT *device, uint8_t major, uint8_t minor,
                          void (*fill)(struct IO_STACK_LOCATION *, void *), void *context, int32_t status,
                          uintptr_t *information);
void irp_complete(struct IRP *irp);
/* To the next driver down, with the same stack location (IoSkipCurrentIrpStackLocation). */
int32_t irp_pass(struct DEVICE_OBJECT *lower, struct IRP *irp);

void io_device_start(void);
void io_property_start(void);
void irp_start(void);
void irp_cancel_start(void);
void power_start(void);

#define STATUS_INVALID_DEVICE_REQUEST   ((int32_t)0xC0000010)
#define STATUS_MORE_PROCESSING_REQUIRED ((int32_t)0xC0000016)
#define STATUS_OBJECT_NAME_COLLISION    ((int32_t)0xC0000035)
#define STATUS_NO_SUCH_DEVICE           ((int32_t)0xC000000E)

enum { IRP_MJ_POWER = 22, IRP_MJ_PNP = 27, IRP_MJ_MAXIMUM_FUNCTION = 27 };

#endif
