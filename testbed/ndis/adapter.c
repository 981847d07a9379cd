/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An adapter's life. One task at a time moves it (the verbs of ndis.h, at PASSIVE_LEVEL); everyone may read the state.
 *
 *              Initialize           Restart               restart done
 *   Halted ---------------> ( ) ---> Paused ------> Restarting ------> Running
 *      ^                              ^  |  failed      |                 | Pause
 *      |            Halt              |  +<-------------+                 v
 *      +------------------------------+ <------------------------------ Pausing
 *                                              pause done
 *
 * A pause is done only when every NBL indicated has been given back and every send completed: checked where it completes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ndis/internal.h"
#include "nt/registry.h"
#include "nt/topology.h"

typedef int32_t MS_ABI initialize_handler(void *, void *, struct NDIS_MINIPORT_INIT_PARAMETERS *);
typedef void MS_ABI halt_handler(void *, uint32_t);
typedef int32_t MS_ABI pause_handler(void *, struct NDIS_MINIPORT_PAUSE_PARAMETERS *);
typedef int32_t MS_ABI restart_handler(void *, struct NDIS_MINIPORT_RESTART_PARAMETERS *);
typedef void MS_ABI pnp_event_handler(void *, struct NET_DEVICE_PNP_EVENT *);
typedef void MS_ABI shutdown_handler(void *, uint32_t);
typedef int32_t MS_ABI add_device_handler(void *, void *);
typedef void MS_ABI remove_device_handler(void *);

enum halt_action { HALT_DISABLED = 0, HALT_SURPRISE_REMOVED = 3 };
enum { SHUTDOWN_POWER_OFF = 0 };

const char *adapter_state_name(enum adapter_state state)
{
    static const char *const names[] = { "Halted", "Initializing", "Paused", "Restarting", "Running", "Pausing" };

    return names[state];
}

struct adapter *adapter_check(void *handle, const char *function)
{
    return ndis_object_check(handle, NDIS_KIND_ADAPTER, function);
}

static void move(struct adapter *adapter, enum adapter_state to)
{
    __atomic_store_n(&adapter->state, to, __ATOMIC_RELEASE);
    sched_trace("adapter %s", adapter_state_name(to));
}

int64_t adapter_outstanding_receives(const struct adapter *adapter)
{
    int64_t sum = 0;
    uint32_t i;

    for (i = 0; i < adapter->processor_count; i++) {
        sum += (int64_t)(__atomic_load_n(&adapter->processors[i].indicated, __ATOMIC_RELAXED) -
                         __atomic_load_n(&adapter->processors[i].reclaimed, __ATOMIC_RELAXED));
    }
    return sum;
}

static uint64_t sends_started(const struct adapter *adapter)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < adapter->processor_count; i++) {
        sum += __atomic_load_n(&adapter->processors[i].sent, __ATOMIC_RELAXED);
    }
    return sum;
}

static uint64_t sends_completed(const struct adapter *adapter)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < adapter->processor_count; i++) {
        sum += __atomic_load_n(&adapter->processors[i].completed, __ATOMIC_RELAXED);
    }
    return sum;
}

int64_t adapter_outstanding_sends(const struct adapter *adapter)
{
    return (int64_t)(sends_started(adapter) - sends_completed(adapter));
}

/* Only sends from before the pause count: those that come meanwhile are refused, perhaps just now, on another processor. */
void adapter_check_pause_complete(const struct adapter *adapter, const char *function)
{
    int64_t receives = adapter_outstanding_receives(adapter);
    uint64_t completed = sends_completed(adapter);

    RULE(receives == 0, "ndis-pause", "%s while %lld indicated NBLs had not been returned", function, (long long)receives);
    RULE(completed >= adapter->sent_before_pause, "ndis-pause", "%s while %llu sends were outstanding", function,
         (unsigned long long)(adapter->sent_before_pause - completed));
}

static void free_adapter(struct adapter *adapter)
{
    if (adapter->physical->AttachedDevice == adapter->functional) {
        adapter->physical->AttachedDevice = NULL;
    }
    adapter->miniport->adapters--;
    ndis_object_remove(&adapter->object);
    free(adapter->oids);
    free(adapter->functional);
    free(adapter->processors);
    free(adapter);
}

/* The functional device that NDIS puts on top of the bus's; only its links matter, nothing is sent to it. */
static struct DEVICE_OBJECT *create_functional(struct miniport *miniport, struct DEVICE_OBJECT *physical)
{
    struct DEVICE_OBJECT *device = ndis_alloc(sizeof(*device));

    device->Type = 3; /* IO_TYPE_DEVICE */
    device->Size = sizeof(*device);
    device->ReferenceCount = 1;
    device->DriverObject = miniport->driver_object;
    device->StackSize = (int8_t)(physical->StackSize + 1);
    device->Flags = physical->Flags;
    device->DeviceType = 0x17; /* FILE_DEVICE_PHYSICAL_NETCARD */
    physical->AttachedDevice = device;
    return device;
}

static int32_t initialize(struct adapter *adapter)
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
    move(adapter, ADAPTER_INITIALIZING);
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
        snprintf(error, size, "%s refused the device: MiniportAddDevice returned %#x (%s)", adapter->package->image_name, (uint32_t)status,
                 ndis_status_name(status));
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

struct adapter *adapter_create(struct DRIVER_OBJECT *owner, struct DEVICE_OBJECT *physical, const struct package *package, char *error, size_t size)
{
    struct miniport *miniport = miniport_of(owner);
    size_t logged = event_log_count(), used;
    struct adapter *adapter;
    int32_t status;

    if (miniport == NULL) {
        snprintf(error, size, "%s registered no NDIS 6 miniport in DriverEntry: choose an NDIS 6 network driver", package->image_name);
        return NULL;
    }
    adapter = ndis_alloc(sizeof(*adapter));
    adapter->miniport = miniport;
    adapter->physical = physical;
    adapter->package = package;
    adapter->functional = create_functional(miniport, physical);
    adapter->processor_count = processor_maximum();
    adapter->processors = ndis_alloc(adapter->processor_count * sizeof(*adapter->processors));
    adapter->power = NdisDeviceStateD0;
    event_init(&adapter->moved, false, false);
    event_init(&adapter->oid_done, false, false);
    miniport->adapters++;
    ndis_object_add(&adapter->object, NDIS_KIND_ADAPTER, "adapter \"%.40s\" was not removed", package->description);
    if (!add_device(adapter, error, size)) {
        free_adapter(adapter);
        return NULL;
    }
    status = initialize(adapter);
    if (status != NDIS_STATUS_SUCCESS) {
        RULE(status != NDIS_STATUS_PENDING, "ndis-state", "MiniportInitializeEx returned NDIS_STATUS_PENDING");
        used = (size_t)snprintf(error, size, "%s failed to initialize: NDIS status %#010x (%s); event log: ", package->image_name, (uint32_t)status,
                                ndis_status_name(status));
        if (used < size) {
            event_log_since(logged, error + used, size - used);
        }
        move(adapter, ADAPTER_HALTED);
        remove_device(adapter);
        free_adapter(adapter);
        return NULL;
    }
    RULE(adapter->has_general, "ndis-attributes", "MiniportInitializeEx succeeded without %s attributes",
         adapter->has_registration ? "general" : "registration");
    move(adapter, ADAPTER_PAUSED);
    return adapter;
}

struct adapter *adapter_add(struct driver *driver, struct device *pdo, const struct package *package, char *error, size_t size)
{
    return adapter_create(driver_object(driver), device_object(pdo), package, error, size);
}

/* NdisMPauseComplete and NdisMRestartComplete arrive here, from any task. */
void adapter_state_complete(struct adapter *adapter, uint32_t which, int32_t status, const char *function)
{
    uint32_t expected = which;

    RULE(__atomic_compare_exchange_n(&adapter->waiting_for, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE), "ndis-state",
         "%s while no such request is pending, adapter is %s", function, adapter_state_name(adapter_state(adapter)));
    adapter->moved_status = status;
    event_set(&adapter->moved);
}

static void check_paused(struct adapter *adapter)
{
    int64_t receives = adapter_outstanding_receives(adapter), sends = adapter_outstanding_sends(adapter);

    RULE(receives == 0, "ndis-pause", "the adapter is %s while %lld indicated NBLs have not been returned",
         adapter_state_name(adapter_state(adapter)), (long long)receives);
    RULE(sends == 0, "ndis-pause", "the adapter is %s while %lld sends are outstanding", adapter_state_name(adapter_state(adapter)), (long long)sends);
}

/* Wait for the completion a handler that returned `status` promised. The handler ran with waiting_for already set. */
static int32_t wait_moved(struct adapter *adapter, int32_t status, uint32_t which, const char *what)
{
    uint32_t expected = which;

    if (status == NDIS_STATUS_PENDING) {
        (void)event_wait(&adapter->moved, SCHED_FOREVER);
        return adapter->moved_status;
    }
    RULE(__atomic_compare_exchange_n(&adapter->waiting_for, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE), "ndis-state",
         "%s both completed its request and returned %#x", what, (uint32_t)status);
    return status;
}

static void expect(struct adapter *adapter, uint32_t which)
{
    event_clear(&adapter->moved);
    __atomic_store_n(&adapter->waiting_for, which, __ATOMIC_RELEASE);
}

static int32_t pause_for(struct adapter *adapter, uint32_t reason)
{
    pause_handler *handler = adapter->miniport->handlers.PauseHandler;
    struct NDIS_MINIPORT_PAUSE_PARAMETERS parameters;
    bool hold_late;
    int32_t status;

    if (adapter_state(adapter) != ADAPTER_RUNNING) {
        return (int32_t)NDIS_STATUS_INVALID_STATE;
    }
    memset(&parameters, 0, sizeof(parameters));
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_MINIPORT_PAUSE_PARAMETERS_REVISION_1,
                                      NDIS_SIZEOF_MINIPORT_PAUSE_PARAMETERS_REVISION_1);
    parameters.PauseReason = reason;
    /* NDIS stops the protocols first, but promises a miniport nothing: in simulated runs some sends still arrive while it
     * pauses and just after, and must be refused. */
    hold_late = adapter->edge != NULL && sched_kind() == SCHED_SIMULATED && sched_random(2) == 0;
    if (adapter->edge != NULL) {
        if (!hold_late) {
            edge_hold(adapter->edge);
        }
        edge_return_late(adapter->edge);
    }
    adapter->sent_before_pause = sends_started(adapter);
    move(adapter, ADAPTER_PAUSING);
    expect(adapter, ADAPTER_PAUSING);
    status = DRIVER_CALL("MiniportPause", handler(adapter->context, &parameters));
    RULE(status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_PENDING, "ndis-pause", "MiniportPause returned %#x: it must not fail", (uint32_t)status);
    status = wait_moved(adapter, status, ADAPTER_PAUSING, "MiniportPause");
    move(adapter, ADAPTER_PAUSED);
    adapter_check_pause_complete(adapter, "MiniportPause");
    if (hold_late) {
        edge_hold(adapter->edge);
    }
    check_paused(adapter);
    return status;
}

int32_t adapter_pause(struct adapter *adapter)
{
    return pause_for(adapter, NDIS_PAUSE_NDIS_INTERNAL);
}

/* The attributes as filters would see them, in the list that MiniportRestart gets. */
static void fill_restart(struct adapter *adapter, struct NDIS_RESTART_GENERAL_ATTRIBUTES *to)
{
    const struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *from = &adapter->general;
    bool second = adapter->miniport->version >= NDIS_VERSION(6, 20);

    memset(to, 0, sizeof(*to));
    NDIS_HEADER(to->Header, NDIS_OBJECT_TYPE_RESTART_GENERAL_ATTRIBUTES, second ? 2 : 1,
                               second ? NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_2 : NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_1);
    to->MtuSize = from->MtuSize;
    to->MaxXmitLinkSpeed = from->MaxXmitLinkSpeed;
    to->MaxRcvLinkSpeed = from->MaxRcvLinkSpeed;
    to->LookaheadSize = from->LookaheadSize;
    to->MacOptions = from->MacOptions;
    to->SupportedPacketFilters = from->SupportedPacketFilters;
    to->MaxMulticastListSize = from->MaxMulticastListSize;
    to->RecvScaleCapabilities = from->RecvScaleCapabilities;
    to->AccessType = from->AccessType;
    to->ConnectionType = from->ConnectionType;
    to->SupportedStatistics = from->SupportedStatistics;
    to->DataBackFillSize = from->DataBackFillSize;
    to->ContextBackFillSize = from->ContextBackFillSize;
    to->SupportedOidList = from->SupportedOidList;
    to->SupportedOidListLength = from->SupportedOidListLength;
    to->MaxLookaheadSizeAccessed = NDIS_MAX_LOOKAHEAD_SIZE_ACCESSED_UNDEFINED;
}

int32_t adapter_restart(struct adapter *adapter)
{
    restart_handler *handler = adapter->miniport->handlers.RestartHandler;
    struct NDIS_MINIPORT_RESTART_PARAMETERS parameters;
    union {
        struct NDIS_RESTART_ATTRIBUTES head;
        uint8_t bytes[16 + sizeof(struct NDIS_RESTART_GENERAL_ATTRIBUTES)];
    } attributes;
    int32_t status;

    if (adapter_state(adapter) != ADAPTER_PAUSED) {
        return (int32_t)NDIS_STATUS_INVALID_STATE;
    }
    memset(&attributes, 0, sizeof(attributes));
    attributes.head.Oid = OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    attributes.head.DataLength = sizeof(struct NDIS_RESTART_GENERAL_ATTRIBUTES);
    fill_restart(adapter, (struct NDIS_RESTART_GENERAL_ATTRIBUTES *)(void *)attributes.head.Data);
    memset(&parameters, 0, sizeof(parameters));
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_MINIPORT_RESTART_PARAMETERS_REVISION_1,
                                      NDIS_SIZEOF_MINIPORT_RESTART_PARAMETERS_REVISION_1);
    parameters.RestartAttributes = &attributes.head;
    move(adapter, ADAPTER_RESTARTING);
    expect(adapter, ADAPTER_RESTARTING);
    status = DRIVER_CALL("MiniportRestart", handler(adapter->context, &parameters));
    status = wait_moved(adapter, status, ADAPTER_RESTARTING, "MiniportRestart");
    if (status != NDIS_STATUS_SUCCESS) {
        move(adapter, ADAPTER_PAUSED);
        check_paused(adapter);
        return status;
    }
    move(adapter, ADAPTER_RUNNING);
    if (adapter->edge != NULL) {
        edge_release(adapter->edge);
    }
    return NDIS_STATUS_SUCCESS;
}

static void halt(struct adapter *adapter, enum halt_action action)
{
    halt_handler *handler = adapter->miniport->handlers.HaltHandlerEx;

    DRIVER_CALL_VOID("MiniportHaltEx", handler(adapter->context, action));
    move(adapter, ADAPTER_HALTED);
    check_paused(adapter);
}

void adapter_surprise_remove(struct adapter *adapter)
{
    pnp_event_handler *handler = adapter->miniport->handlers.DevicePnPEventNotifyHandler;
    struct NET_DEVICE_PNP_EVENT event;

    memset(&event, 0, sizeof(event));
    NDIS_HEADER(event.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_NET_DEVICE_PNP_EVENT_REVISION_1);
    event.DevicePnPEvent = NdisDevicePnPEventSurpriseRemoved;
    DRIVER_CALL_VOID("MiniportDevicePnPEventNotify", handler(adapter->context, &event));
    (void)pause_for(adapter, NDIS_PAUSE_NDIS_INTERNAL);
    if (adapter_state(adapter) == ADAPTER_PAUSED) {
        halt(adapter, HALT_SURPRISE_REMOVED);
    }
}

void adapter_shutdown(struct adapter *adapter)
{
    shutdown_handler *handler = adapter->miniport->handlers.ShutdownHandlerEx;

    DRIVER_CALL_VOID("MiniportShutdownEx", handler(adapter->context, SHUTDOWN_POWER_OFF));
}

int32_t adapter_set_power(struct adapter *adapter, uint32_t device_state)
{
    bool down = device_state != NdisDeviceStateD0;
    int32_t status;
    uint32_t needed;

    if (down && adapter_state(adapter) == ADAPTER_RUNNING && (adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_NO_PAUSE_ON_SUSPEND) == 0) {
        (void)pause_for(adapter, NDIS_PAUSE_LOW_POWER);
        adapter->restart_on_wake = true;
    }
    status = adapter_set(adapter, OID_PNP_SET_POWER, &device_state, sizeof(device_state), &needed);
    RULE(status == NDIS_STATUS_SUCCESS || !down, "ndis-power", "OID_PNP_SET_POWER to D%u was refused with %#x", device_state - 1, (uint32_t)status);
    if (status == NDIS_STATUS_SUCCESS) {
        adapter->power = device_state;
    }
    if (!down && status == NDIS_STATUS_SUCCESS && adapter->restart_on_wake) {
        adapter->restart_on_wake = false;
        status = adapter_restart(adapter);
    }
    return status;
}

void adapter_remove(struct adapter *adapter)
{
    RULE(adapter->edge == NULL, "ndis-state", "the testbed removes an adapter that a protocol still has open");
    (void)pause_for(adapter, NDIS_PAUSE_MINIPORT_DEVICE_REMOVE);
    if (adapter_state(adapter) != ADAPTER_HALTED) {
        halt(adapter, HALT_DISABLED);
    }
    remove_device(adapter);
    free_adapter(adapter);
}
