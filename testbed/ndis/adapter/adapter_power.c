/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes an adapter sleep, stop and vanish: device power states, a rebalance of resources, surprise removal,
 * shutdown. Called at PASSIVE_LEVEL by the one task that moves the adapter. NDIS pauses an adapter before anything of
 * it goes away, and announces what comes by MiniportDevicePnPEventNotify first.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/protocol/edge.h"
#include "nt/io/pnp_bus.h"

#include <stdlib.h>

typedef void MS_ABI pnp_event_handler(void *, struct NET_DEVICE_PNP_EVENT *);
typedef void MS_ABI shutdown_handler(void *, uint32_t);

enum { SHUTDOWN_POWER_OFF = 0, SHUTDOWN_BUGCHECK = 1, PROTOCOLS_SECONDS = 10 };

static void notify(struct adapter *adapter, uint32_t what)
{
    pnp_event_handler *handler = adapter->miniport->handlers.DevicePnPEventNotifyHandler;
    struct NET_DEVICE_PNP_EVENT event;

    memset(&event, 0, sizeof(event));
    NDIS_HEADER(event.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_NET_DEVICE_PNP_EVENT_REVISION_1);
    event.DevicePnPEvent = what;
    DRIVER_CALL_VOID("MiniportDevicePnPEventNotify", handler(adapter->context, &event));
}

void adapter_surprise_event(struct adapter *adapter)
{
    notify(adapter, NdisDevicePnPEventSurpriseRemoved);
}

/* Protocols give back what they have received, and wait for what they have sent. */
static void pause_protocols(struct adapter *adapter)
{
    uint64_t deadline = sched_now() + PROTOCOLS_SECONDS * 1000000000ull;
    uint32_t never = 0;

    if (adapter->edge != NULL) {
        edge_hold(adapter->edge);
        edge_return_late(adapter->edge);
    }
    while (adapter_outstanding_sends(adapter) != 0) {
        RULE(sched_now() < deadline, "ndis-removal",
             "%u s after a surprise removal the protocols still wait for %lld sends: the adapter is never paused",
             PROTOCOLS_SECONDS, (long long)adapter_outstanding_sends(adapter));
        (void)sched_wait(&never, 0, sched_now() + 100000);
    }
}

/* Microsoft, "Processing the Surprise Removal of a NIC": the event, then the protocols, and only then the miniport. */
void adapter_surprise_remove(struct adapter *adapter)
{
    adapter_surprise_event(adapter);
    pause_protocols(adapter);
    (void)adapter_pause_for(adapter, NDIS_PAUSE_NDIS_INTERNAL);
    if (adapter_state(adapter) == ADAPTER_PAUSED) {
        adapter_halt(adapter, NdisHaltDeviceSurpriseRemoved);
    }
    adapter->surprise_removed = true;
    (void)pnp_send(adapter->next, IRP_MN_SURPRISE_REMOVAL);
}

void adapter_shutdown(struct adapter *adapter)
{
    shutdown_handler *handler = adapter->miniport->handlers.ShutdownHandlerEx;

    DRIVER_CALL_VOID("MiniportShutdownEx", handler(adapter->context, SHUTDOWN_POWER_OFF));
}

/* From 6.30 on a miniport is called at a bug check only if its attributes say so. */
void adapter_bugcheck(struct adapter *adapter)
{
    shutdown_handler *handler = adapter->miniport->handlers.ShutdownHandlerEx;
    uint8_t old;

    if (adapter->miniport->version >= NDIS_VERSION(6, 30) &&
        (adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_REGISTER_BUGCHECK_CALLBACK) == 0) {
        return;
    }
    old = irql_raise(HIGH_LEVEL);
    DRIVER_CALL_VOID("MiniportShutdownEx", handler(adapter->context, SHUTDOWN_BUGCHECK));
    irql_lower(old);
}

/* NDIS sets what may wake the adapter before it lets it sleep: here nothing. */
static void set_wake(struct adapter *adapter)
{
    struct NDIS_PM_PARAMETERS wake;
    uint32_t needed, i;

    memset(&wake, 0, sizeof(wake));
    NDIS_HEADER(wake.Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_PM_PARAMETERS_REVISION_1,
                NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1);
    for (i = 0; i < adapter->oid_count; i++) {
        if (adapter->oids[i] == OID_PM_PARAMETERS) {
            int32_t status =
                adapter_set(adapter, OID_PM_PARAMETERS, &wake, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1, &needed);

            RULE(status == NDIS_STATUS_SUCCESS, "ndis-power",
                 "OID_PM_PARAMETERS that asks for no wake-up was refused with %#x", (uint32_t)status);
        }
    }
}

int32_t adapter_set_power(struct adapter *adapter, uint32_t device_state)
{
    bool down = device_state != NdisDeviceStateD0;
    int32_t status;
    uint32_t needed;

    if (down) {
        set_wake(adapter);
    }
    if (down && adapter_state(adapter) == ADAPTER_RUNNING &&
        (adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_NO_PAUSE_ON_SUSPEND) == 0) {
        (void)adapter_pause_for(adapter, NDIS_PAUSE_LOW_POWER);
        adapter->restart_on_wake = true;
    }
    if (!down) {
        status = pnp_set_device_power(adapter->next, device_state);
        RULE(NT_SUCCESS(status), "ndis-power", "the bus driver refused D0 with %#x", (uint32_t)status);
    }
    status = adapter_set(adapter, OID_PNP_SET_POWER, &device_state, sizeof(device_state), &needed);
    RULE(status == NDIS_STATUS_SUCCESS || !down, "ndis-power", "OID_PNP_SET_POWER to D%u was refused with %#x",
         device_state - 1, (uint32_t)status);
    if (status == NDIS_STATUS_SUCCESS) {
        adapter->power = device_state;
    }
    if (down) {
        (void)pnp_set_device_power(adapter->next, device_state);
    }
    if (!down && status == NDIS_STATUS_SUCCESS && adapter->restart_on_wake) {
        adapter->restart_on_wake = false;
        status = adapter_restart(adapter);
    }
    return status;
}

void adapter_stop(struct adapter *adapter)
{
    RULE(adapter->edge == NULL, "ndis-state", "the testbed stops an adapter that a protocol still has %s", "open");
    notify(adapter, NdisDevicePnPEventQueryStopped);
    (void)pnp_send(adapter->next, IRP_MN_QUERY_STOP_DEVICE);
    notify(adapter, NdisDevicePnPEventStopped);
    (void)adapter_pause_for(adapter, NDIS_PAUSE_NDIS_INTERNAL);
    adapter_halt(adapter, NdisHaltDeviceStopped);
    (void)pnp_send(adapter->next, IRP_MN_STOP_DEVICE);
}

int32_t adapter_start(struct adapter *adapter)
{
    int32_t status;

    RULE(adapter_state(adapter) == ADAPTER_HALTED, "ndis-state", "the testbed starts an adapter that is %s",
         adapter_state_name(adapter_state(adapter)));
    adapter->has_registration = adapter->has_general = adapter->has_rss = false;
    free(adapter->oids);
    adapter->oids = NULL;
    adapter->oid_count = 0;
    memset(&adapter->offload, 0, sizeof(adapter->offload));
    memset(&adapter->hardware_offload, 0, sizeof(adapter->hardware_offload));
    memset(&adapter->stamps_possible, 0, sizeof(adapter->stamps_possible));
    memset(&adapter->stamps, 0, sizeof(adapter->stamps));
    status = pnp_start_device(adapter->next);
    RULE(NT_SUCCESS(status), "ndis-state", "the bus driver could not start the device again: %#x", (uint32_t)status);
    status = adapter_initialize(adapter);
    adapter_move(adapter, status == NDIS_STATUS_SUCCESS ? ADAPTER_PAUSED : ADAPTER_HALTED);
    return status;
}
