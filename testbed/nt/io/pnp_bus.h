/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PnP manager's part towards a driver that is itself a bus: its device is started, its children are asked for and
 * identified, and what it asks for (IoInvalidateDeviceRelations, IoRequestDeviceEject) is kept until somebody acts on
 * it. PASSIVE_LEVEL, by the one task that moves the device, unless said otherwise.
 */
#ifndef TESTBED_NT_IO_PNP_BUS_H
#define TESTBED_NT_IO_PNP_BUS_H

#include "nt/io/pnp.h"

/* IRP_MN_QUERY_CAPABILITIES to the top of the device's stack: drivers on it learn in which power states the device is.
 * Windows asks before it starts a device. */
bool pnp_ask_capabilities(struct device *device);
/* IRP_MN_START_DEVICE with no resources, sent to `device` and those below it. */
int32_t pnp_start_device(struct DEVICE_OBJECT *device);
/* The top of the device's stack. */
struct DEVICE_OBJECT *pnp_top(struct device *device);
/* IRP_MN_SET_POWER with a device state (1: D0 ... 4: D3), or a system state (1: working ... 6: off). */
int32_t pnp_set_device_power(struct DEVICE_OBJECT *device, uint32_t state);
int32_t pnp_set_system_power(struct DEVICE_OBJECT *device, uint32_t state);

/* AddDevice of a driver for a physical device: its functional device is on the stack then. */
int32_t pnp_add_device(struct driver *driver, struct device *pdo);
/* BusRelations: at most `most` physical devices, each with a reference for the caller (object_dereference). Returns how
 * many there are. */
uint32_t pnp_children(struct device *bus, struct device **children, uint32_t most);
/* What the PnP manager asks of a device that it has not seen before: capabilities, IDs, location, bus information; the
 * device has names from then on. False and a sentence: it did not answer as it must (rule-like, but a driver's fault
 * that Windows reports too). */
bool pnp_identify(struct device *child, char *error, size_t size);
void pnp_forget(struct device *child); /* the names that pnp_identify gave it */

/* Sleeps until the bus says that its children changed since `seen` was read, or until `deadline`. */
uint32_t pnp_changes(struct device *bus);
void pnp_wait_change(struct device *bus, uint32_t seen, uint64_t deadline);
bool pnp_eject_requested(struct device *child);

void pnp_bus_start(void);

#endif
