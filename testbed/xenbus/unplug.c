/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UNPLUG 1 to 3 as XenBus gives it to a subscriber, on a machine whose emulated network cards were unplugged and which
 * was not booted from an emulated disk; and BUS_INTERFACE_STANDARD, of which XenVif reads one field: the device ID of
 * the platform device in PCI configuration space, from which its hardware IDs get their vendor (XP0001, XP0002).
 */
#include <stdio.h>
#include <string.h>

#include "nt/check/debug.h"
#include "xenbus/services.h"

enum { PCI_DEVICE_ID_OFFSET = 2, PCI_DEVICE_ID = 0x0002 };

static MS_ABI void unplug_Request(struct INTERFACE *interface, uint32_t type, uint8_t make)
{
    (void)type, (void)make;
    (void)xenbus_service_enter(interface, "Request", PASSIVE_LEVEL, DISPATCH_LEVEL);
}

static MS_ABI uint8_t unplug_IsRequested(struct INTERFACE *interface, uint32_t type)
{
    (void)type;
    (void)xenbus_service_enter(interface, "IsRequested", PASSIVE_LEVEL, DISPATCH_LEVEL);
    return true;
}

static MS_ABI uint8_t unplug_BootEmulated(struct INTERFACE *interface)
{
    (void)xenbus_service_enter(interface, "BootEmulated", PASSIVE_LEVEL, DISPATCH_LEVEL);
    return false;
}

/* XenBus has its monitor ask the user; what it was asked shows in what the driver prints. */
static MS_ABI void unplug_Reboot(struct INTERFACE *interface, const char *module)
{
    char line[128];

    (void)xenbus_service_enter(interface, "Reboot", PASSIVE_LEVEL, DISPATCH_LEVEL);
    snprintf(line, sizeof(line), "%s asks for a reboot\n", module);
    debug_note(line);
}

void xenbus_unplug_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    size_t methods = version >= 3 ? 6 : version == 2 ? 4 : 3;
    void **method = xenbus_service_head(service, table, methods, version) + 2;

    *method++ = (void *)unplug_Request;
    if (version >= 2) {
        *method++ = (void *)unplug_IsRequested;
    }
    if (version >= 3) {
        *method++ = (void *)unplug_BootEmulated;
        *method++ = (void *)unplug_Reboot;
    }
}

/* --- BUS_INTERFACE_STANDARD: references by its head, then translation, DMA adapter, set and get data --- */

static MS_ABI uint8_t standard_TranslateBusAddress(void)
{
    rule_break("unsupported", "BUS_INTERFACE_STANDARD's TranslateBusAddress");
}

static MS_ABI void *standard_GetDmaAdapter(void)
{
    rule_break("unsupported", "BUS_INTERFACE_STANDARD's GetDmaAdapter");
}

static MS_ABI uint32_t standard_SetBusData(void)
{
    rule_break("unsupported", "BUS_INTERFACE_STANDARD's SetBusData");
}

static MS_ABI uint32_t standard_GetBusData(struct xenbus_service *service, uint32_t type, void *buffer, uint32_t offset,
                                           uint32_t length)
{
    const uint16_t device = PCI_DEVICE_ID;

    (void)service, (void)type;
    if (offset != PCI_DEVICE_ID_OFFSET || length != sizeof(device)) {
        return 0;
    }
    memcpy(buffer, &device, sizeof(device));
    return sizeof(device);
}

static MS_ABI void standard_Reference(struct xenbus_service *service)
{
    __atomic_add_fetch(&service->acquired, 1, __ATOMIC_SEQ_CST);
}

static MS_ABI void standard_Dereference(struct xenbus_service *service)
{
    RULE(service->acquired != 0, "xenbus", "BUS_INTERFACE_STANDARD: more references given back than %s", "taken");
    __atomic_sub_fetch(&service->acquired, 1, __ATOMIC_SEQ_CST);
}

void xenbus_standard_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    struct INTERFACE *interface = table;
    void **method = xenbus_service_head(service, table, 4, version);

    method[0] = (void *)standard_TranslateBusAddress;
    method[1] = (void *)standard_GetDmaAdapter;
    method[2] = (void *)standard_SetBusData;
    method[3] = (void *)standard_GetBusData;
    interface->InterfaceReference = (void *)standard_Reference;
    interface->InterfaceDereference = (void *)standard_Dereference;
    standard_Reference(service); /* an interface comes with a reference on it (Microsoft, IRP_MN_QUERY_INTERFACE) */
}
