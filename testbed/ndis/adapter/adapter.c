/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Adapters come and go: AddDevice, MiniportInitializeEx, and their end. PASSIVE_LEVEL, by the one task that moves the
 * adapter. adapter_state.c has the states, adapter_power.c what makes an adapter sleep, stop and vanish,
 * adapter_reset.c hangs and resets.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "nt/io/pnp_bus.h"
#include "nt/processor/topology.h"
#include "nt/registry/registry.h"

typedef int32_t MS_ABI initialize_handler(void *, void *, struct NDIS_MINIPORT_INIT_PARAMETERS *);
typedef int32_t MS_ABI add_device_handler(void *, void *);
typedef void MS_ABI remove_device_handler(void *);

struct adapter *adapter_check(void *handle, const char *function)
{
    return ndis_object_check(handle, NDIS_KIND_ADAPTER, function);
}

static void free_adapter(struct adapter *adapter)
{
    adapter->miniport->adapters--;
    adapter_report_stop(adapter);
    fdo_destroy(adapter->functional);
    ndis_object_remove(&adapter->object);
    free(adapter->oids);
    free(adapter->processors);
    free(adapter);
}

int32_t adapter_initialize(struct adapter *adapter)
{
    initialize_handler *handler = adapter->miniport->handlers.InitializeHandlerEx;
    struct NDIS_MINIPORT_INIT_PARAMETERS parameters;
    uint32_t port_authentication[5] = { 0 }; /* NDIS_PORT_AUTHENTICATION_PARAMETERS: header, then four states */
    struct NDIS_OBJECT_HEADER header;
    uint32_t luid = 1;

    NDIS_HEADER(header, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_PORT_AUTHENTICATION_PARAMETERS_REVISION_1);
    memcpy(port_authentication, &header, sizeof(header));
    port_authentication[1] = port_authentication[2] = NdisPortControlStateUncontrolled;
    port_authentication[3] = port_authentication[4] = NdisPortAuthorized;
    memset(&parameters, 0, sizeof(parameters));
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS, NDIS_MINIPORT_INIT_PARAMETERS_REVISION_1,
                NDIS_SIZEOF_MINIPORT_INIT_PARAMETER_REVISION_1);
    (void)registry_get_dword(adapter->package->driver_key, "NetLuidIndex", &luid);
    parameters.MiniportAddDeviceContext = adapter->add_device_context;
    parameters.IfIndex = 2; /* 1 is the loopback interface */
    parameters.NetLuid.Info.NetLuidIndex = luid & 0xffffff;
    parameters.NetLuid.Info.IfType = 6;
    parameters.DefaultPortAuthStates = (void *)port_authentication;
    adapter_move(adapter, ADAPTER_INITIALIZING);
    __atomic_store_n(&adapter->rsc_off, 0, __ATOMIC_SEQ_CST); /* it begins with what its keywords say */
    return DRIVER_CALL("MiniportInitializeEx", handler(adapter, adapter->miniport->driver_context, &parameters));
}

static bool add_device(struct adapter *adapter, char *error, size_t size)
{
    add_device_handler *handler = adapter->miniport->pnp.MiniportAddDeviceHandler;
    int32_t status;

    if (handler == NULL) {
        return true;
    }
    status = DRIVER_CALL("MiniportAddDevice", handler(adapter, adapter->miniport->driver_context));
    if (status != NDIS_STATUS_SUCCESS) {
        snprintf(error, size, "%s refused the device: MiniportAddDevice returned %#x (%s)",
                 adapter->package->image_name, (uint32_t)status, ndis_status_name(status));
        return false;
    }
    adapter->added = true;
    return true;
}

static void remove_device(struct adapter *adapter)
{
    remove_device_handler *handler = adapter->miniport->pnp.MiniportRemoveDeviceHandler;

    if (adapter->added && handler != NULL) {
        DRIVER_CALL_VOID("MiniportRemoveDevice", handler(adapter->add_device_context));
    }
}

/* The bus below first: MiniportInitializeEx finds a device that is started. */
static bool start_device(struct adapter *adapter, char *error, size_t size)
{
    int32_t status = pnp_start_device(adapter->next);

    if (!NT_SUCCESS(status)) {
        snprintf(error, size, "the bus driver could not start the device: IRP_MN_START_DEVICE returned %#x",
                 (uint32_t)status);
    }
    return NT_SUCCESS(status);
}

struct adapter *adapter_create(struct DRIVER_OBJECT *owner, struct device *pdo, const struct package *package,
                               char *error, size_t size)
{
    struct miniport *miniport = miniport_of(owner);
    size_t logged = event_log_count(), used;
    struct adapter *adapter;
    int32_t status;

    if (miniport == NULL) {
        snprintf(error, size, "%s registered no NDIS 6 miniport in DriverEntry: choose an NDIS 6 network driver",
                 package->image_name);
        return NULL;
    }
    adapter = ndis_alloc(sizeof(*adapter));
    adapter->miniport = miniport;
    adapter->physical = device_object(pdo);
    adapter->package = package;
    adapter->functional = fdo_create(owner, pdo);
    adapter->next = device_lower(adapter->functional);
    adapter->processor_count = processor_maximum();
    adapter->processors = ndis_alloc(adapter->processor_count * sizeof(*adapter->processors));
    adapter->power = NdisDeviceStateD0;
    event_init(&adapter->moved, false, false);
    event_init(&adapter->oid_done, false, false);
    miniport->adapters++;
    ndis_object_add(&adapter->object, NDIS_KIND_ADAPTER, "adapter \"%.40s\" was not removed", package->description);
    adapter_report_start(adapter);
    if (!add_device(adapter, error, size)) {
        free_adapter(adapter);
        return NULL;
    }
    if (!start_device(adapter, error, size)) {
        remove_device(adapter);
        free_adapter(adapter);
        return NULL;
    }
    status = adapter_initialize(adapter);
    if (status != NDIS_STATUS_SUCCESS) {
        RULE(status != NDIS_STATUS_PENDING, "ndis-state", "MiniportInitializeEx returned NDIS_STATUS_PENDING");
        used = (size_t)snprintf(error, size,
                                "%s failed to initialize: NDIS status %#010x (%s); event log: ", package->image_name,
                                (uint32_t)status, ndis_status_name(status));
        if (used < size) {
            event_log_since(logged, error + used, size - used);
        }
        adapter_move(adapter, ADAPTER_HALTED);
        remove_device(adapter);
        (void)pnp_send(adapter->next, IRP_MN_REMOVE_DEVICE);
        free_adapter(adapter);
        return NULL;
    }
    RULE(adapter->has_general, "ndis-attributes", "MiniportInitializeEx succeeded without %s attributes",
         adapter->has_registration ? "general" : "registration");
    adapter_move(adapter, ADAPTER_PAUSED);
    if (sched_kind() == SCHED_LIVE) {
        adapter_hang_watch_start(adapter);
    }
    return adapter;
}

struct adapter *adapter_add(struct driver *driver, struct device *pdo, const struct package *package, char *error,
                            size_t size)
{
    return adapter_create(driver_object(driver), pdo, package, error, size);
}

void adapter_remove(struct adapter *adapter)
{
    RULE(adapter->edge == NULL, "ndis-state", "the testbed removes an adapter that a protocol still has open");
    adapter_hang_watch_stop(adapter);
    if (!adapter->surprise_removed) {
        (void)pnp_send(adapter->next, IRP_MN_QUERY_REMOVE_DEVICE);
    }
    (void)adapter_pause_for(adapter, NDIS_PAUSE_MINIPORT_DEVICE_REMOVE);
    if (adapter_state(adapter) != ADAPTER_HALTED) {
        adapter_halt(adapter, NdisHaltDeviceDisabled);
    }
    remove_device(adapter);
    (void)pnp_send(adapter->next, IRP_MN_REMOVE_DEVICE);
    free_adapter(adapter);
}
