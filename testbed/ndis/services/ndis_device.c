/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a miniport asks about its device: the device objects around it, its name, DMA, functions by name. PASSIVE_LEVEL.
 */
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"

struct dma {
    struct ndis_object object;
    struct adapter *adapter;
};

enum { TAG_NAME = 0x6d614e4e, SG_LIST_BYTES = 512 };

static void MS_ABI device_property(void *handle, void **physical, void **functional, void **next, void **resources,
                                   void **translated)
{
    struct adapter *adapter = adapter_check(handle, "NdisMGetDeviceProperty");

    if (physical != NULL) {
        *physical = adapter->physical;
    }
    if (functional != NULL) {
        *functional = device_object(adapter->functional);
    }
    if (next != NULL) {
        *next = adapter->next;
    }
    if (resources != NULL) {
        *resources = NULL;
    }
    if (translated != NULL) {
        *translated = NULL;
    }
}

/* The name is the driver's: it frees it with NdisFreeMemory. */
static int32_t MS_ABI instance_name(struct UNICODE_STRING *name, void *handle)
{
    struct adapter *adapter = adapter_check(handle, "NdisMQueryAdapterInstanceName");
    uint16_t wide[128];
    size_t units = ndis_utf16(wide, sizeof(wide) / 2, adapter->package->description);

    name->Buffer = pool_alloc((units + 1) * 2, TAG_NAME);
    if (name->Buffer == NULL) {
        return (int32_t)NDIS_STATUS_RESOURCES;
    }
    memcpy(name->Buffer, wide, (units + 1) * 2);
    name->Length = (uint16_t)(units * 2);
    name->MaximumLength = (uint16_t)(units * 2 + 2);
    return NDIS_STATUS_SUCCESS;
}

static int32_t MS_ABI register_dma(void *handle, struct NDIS_SG_DMA_DESCRIPTION *description, void **result)
{
    struct adapter *adapter = adapter_check(handle, "NdisMRegisterScatterGatherDma");
    struct dma *dma;

    record_check(RECORD_SG_DMA, description, adapter->miniport->version);
    RULE(description->ProcessSGListHandler != NULL, "ndis-dma",
         "NdisMRegisterScatterGatherDma without ProcessSGListHandler");
    RULE(description->MaximumPhysicalMapping > 0, "ndis-dma",
         "NdisMRegisterScatterGatherDma with MaximumPhysicalMapping 0");
    dma = ndis_alloc(sizeof(*dma));
    dma->adapter = adapter;
    description->ScatterGatherListSize = SG_LIST_BYTES;
    ndis_object_add(&dma->object, NDIS_KIND_DMA, "scatter/gather DMA was not deregistered");
    ndis_object_made_here(&dma->object);
    *result = dma;
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI deregister_dma(void *handle)
{
    struct dma *dma = ndis_object_check(handle, NDIS_KIND_DMA, "NdisMDeregisterScatterGatherDma");

    ndis_object_remove(&dma->object);
    free(dma);
}

static void *MS_ABI routine_address(struct UNICODE_STRING *name)
{
    char text[128];

    ndis_utf8(text, sizeof(text), (const uint16_t *)name->Buffer, name->Length / 2);
    return export_find("ndis.sys", text) != NULL ? export_bind("ndis.sys", text) : NULL;
}

static uint32_t MS_ABI shared_data_alignment(void)
{
    return 64;
}

/* For queues of virtual machines alone, which nobody here has. */
static int32_t MS_ABI allocate_shared_memory(void)
{
    rule_break("unsupported", "NdisAllocateSharedMemory: VMQ and SR-IOV are not simulated");
}

static void MS_ABI free_shared_memory(void)
{
    rule_break("unsupported", "NdisFreeSharedMemory: VMQ and SR-IOV are not simulated");
}

static void MS_ABI remove_miniport(void *handle)
{
    struct adapter *adapter = adapter_check(handle, "NdisMRemoveMiniport");

    event_log_add("%s: the driver asked for its device to be removed", adapter->package->service);
}

#define DEVICE_EXPORTS(X)                                                                                              \
    X(NdisMGetDeviceProperty, device_property, PASSIVE_LEVEL, PASSIVE_LEVEL)                                           \
    X(NdisMQueryAdapterInstanceName, instance_name, PASSIVE_LEVEL, PASSIVE_LEVEL)                                      \
    X(NdisMRegisterScatterGatherDma, register_dma, PASSIVE_LEVEL, PASSIVE_LEVEL)                                       \
    X(NdisMDeregisterScatterGatherDma, deregister_dma, PASSIVE_LEVEL, PASSIVE_LEVEL)                                   \
    X(NdisGetRoutineAddress, routine_address, PASSIVE_LEVEL, PASSIVE_LEVEL)                                            \
    X(NdisGetSharedDataAlignment, shared_data_alignment, PASSIVE_LEVEL, DISPATCH_LEVEL)                                \
    X(NdisAllocateSharedMemory, allocate_shared_memory, PASSIVE_LEVEL, PASSIVE_LEVEL)                                  \
    X(NdisFreeSharedMemory, free_shared_memory, PASSIVE_LEVEL, PASSIVE_LEVEL)                                          \
    X(NdisMRemoveMiniport, remove_miniport, PASSIVE_LEVEL, DISPATCH_LEVEL)

void device_exports(void)
{
    NDIS_EXPORTS(DEVICE_EXPORTS);
}
