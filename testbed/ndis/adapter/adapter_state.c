/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An adapter's states. One task at a time moves it (the verbs of ndis.h, at PASSIVE_LEVEL); everyone may read the
 * state.
 *
 *              Initialize           Restart               restart done
 *   Halted ---------------> ( ) ---> Paused ------> Restarting ------> Running
 *      ^                              ^  |  failed      |                 | Pause
 *      |            Halt              |  +<-------------+                 v
 *      +------------------------------+ <------------------------------ Pausing
 *                                              pause done
 *
 * A pause is done only when every NBL indicated has been given back and every send completed: checked where it
 * completes.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/protocol/edge.h"
#include "nt/check/watchdog.h"
#include "run/order.h"

typedef void MS_ABI halt_handler(void *, uint32_t);
typedef int32_t MS_ABI pause_handler(void *, struct NDIS_MINIPORT_PAUSE_PARAMETERS *);
typedef int32_t MS_ABI restart_handler(void *, struct NDIS_MINIPORT_RESTART_PARAMETERS *);

const char *adapter_state_name(enum adapter_state state)
{
    static const char *const names[] = { "Halted", "Initializing", "Paused", "Restarting", "Running", "Pausing" };

    return names[state];
}

/* One task at a time moves an adapter; NDIS's own look for hangs is another. */
void adapter_life_enter(struct adapter *adapter)
{
    while (__atomic_exchange_n(&adapter->life_busy, 1, __ATOMIC_ACQUIRE) != 0) {
        (void)sched_wait(&adapter->life_busy, 1, SCHED_FOREVER);
    }
    order_acquire(&adapter->life_busy);
}

void adapter_life_leave(struct adapter *adapter)
{
    order_release(&adapter->life_busy);
    __atomic_store_n(&adapter->life_busy, 0, __ATOMIC_RELEASE);
    sched_wake(&adapter->life_busy, 1);
}

void adapter_move(struct adapter *adapter, enum adapter_state to)
{
    order_release(&adapter->state);
    __atomic_store_n(&adapter->state, to, __ATOMIC_RELEASE);
    sched_trace("adapter %s", adapter_state_name(to));
    timeline_mark("state", "adapter %s", adapter_state_name(to));
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

uint64_t adapter_sends_started(const struct adapter *adapter)
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
    return (int64_t)(adapter_sends_started(adapter) - sends_completed(adapter));
}

uint64_t adapter_sends_left(const struct adapter *adapter, uint64_t of)
{
    uint64_t completed = sends_completed(adapter);

    return completed < of ? of - completed : 0;
}

/* Only sends from before the pause count: those that come meanwhile are refused, perhaps just now, on another
 * processor. */
void adapter_check_pause_complete(const struct adapter *adapter, const char *function)
{
    int64_t receives = adapter_outstanding_receives(adapter);
    uint64_t left = adapter_sends_left(adapter, adapter->sent_before_pause);

    RULE(receives == 0, "ndis-pause", "%s while %lld indicated NBLs had not been returned", function,
         (long long)receives);
    RULE(left == 0, "ndis-pause", "%s while %llu sends were outstanding", function, (unsigned long long)left);
}

/* NdisMPauseComplete and NdisMRestartComplete arrive here, from any task. */
void adapter_state_complete(struct adapter *adapter, uint32_t which, int32_t status, const char *function)
{
    uint32_t expected = which;

    RULE(__atomic_compare_exchange_n(&adapter->waiting_for, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE),
         "ndis-state", "%s while no such request is pending, adapter is %s", function,
         adapter_state_name(adapter_state(adapter)));
    adapter->moved_status = status;
    event_set(&adapter->moved);
}

void adapter_check_paused(struct adapter *adapter)
{
    int64_t receives = adapter_outstanding_receives(adapter), sends = adapter_outstanding_sends(adapter);

    RULE(receives == 0, "ndis-pause", "the adapter is %s while %lld indicated NBLs have not been returned",
         adapter_state_name(adapter_state(adapter)), (long long)receives);
    RULE(sends == 0, "ndis-pause", "the adapter is %s while %lld sends are outstanding",
         adapter_state_name(adapter_state(adapter)), (long long)sends);
}

/* Wait for the completion a handler that returned `status` promised. The handler ran with waiting_for already set. */
int32_t adapter_wait_moved(struct adapter *adapter, int32_t status, uint32_t which, const char *what,
                           const void *handler)
{
    uint32_t expected = which;
    struct expectation expectation;

    if (status == NDIS_STATUS_PENDING) {
        watchdog_expect(&expectation, handler, WINDOWS_WAITS,
                        "the completion of %s, which returned NDIS_STATUS_PENDING,", what);
        (void)event_wait(&adapter->moved, SCHED_FOREVER);
        watchdog_met(&expectation);
        return adapter->moved_status;
    }
    RULE(__atomic_compare_exchange_n(&adapter->waiting_for, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE),
         "ndis-state", "%s both completed its request and returned %#x", what, (uint32_t)status);
    return status;
}

void adapter_expect(struct adapter *adapter, uint32_t which)
{
    event_clear(&adapter->moved);
    __atomic_store_n(&adapter->waiting_for, which, __ATOMIC_RELEASE);
}

static int32_t pause_now(struct adapter *adapter, uint32_t reason)
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
    /* NDIS stops the protocols first, but promises a miniport nothing: in simulated runs some sends still arrive while
     * it pauses and just after, and must be refused. */
    hold_late = adapter->edge != NULL && sched_kind() == SCHED_SIMULATED && sched_random(2) == 0;
    if (adapter->edge != NULL) {
        if (!hold_late) {
            edge_hold(adapter->edge);
        }
        edge_return_late(adapter->edge);
    }
    adapter->sent_before_pause = adapter_sends_started(adapter);
    adapter_move(adapter, ADAPTER_PAUSING);
    adapter_expect(adapter, ADAPTER_PAUSING);
    status = DRIVER_CALL("MiniportPause", handler(adapter->context, &parameters));
    RULE(status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_PENDING, "ndis-pause",
         "MiniportPause returned %#x: it must not fail", (uint32_t)status);
    status = adapter_wait_moved(adapter, status, ADAPTER_PAUSING, "MiniportPause", handler);
    adapter_move(adapter, ADAPTER_PAUSED);
    adapter_check_pause_complete(adapter, "MiniportPause");
    if (hold_late) {
        edge_hold(adapter->edge);
    }
    adapter_check_paused(adapter);
    return status;
}

int32_t adapter_pause_for(struct adapter *adapter, uint32_t reason)
{
    int32_t status;

    adapter_life_enter(adapter);
    status = pause_now(adapter, reason);
    adapter_life_leave(adapter);
    return status;
}

int32_t adapter_pause(struct adapter *adapter)
{
    return adapter_pause_for(adapter, NDIS_PAUSE_NDIS_INTERNAL);
}

/* The attributes as filters would see them, in the list that MiniportRestart gets. */
static void fill_restart(struct adapter *adapter, struct NDIS_RESTART_GENERAL_ATTRIBUTES *to)
{
    const struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *from = &adapter->general;
    bool second = adapter->miniport->version >= NDIS_VERSION(6, 20);

    memset(to, 0, sizeof(*to));
    NDIS_HEADER(to->Header, NDIS_OBJECT_TYPE_RESTART_GENERAL_ATTRIBUTES, second ? 2 : 1,
                second ? NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_2
                       : NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_1);
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

/* What the miniport changed in them holds from now on: those above are notified of it (Microsoft, "MINIPORT_RESTART").
 */
static void take_restart(struct adapter *adapter, const struct NDIS_RESTART_GENERAL_ATTRIBUTES *from)
{
    RULE(from->MtuSize >= 68, "ndis-attributes", "MtuSize %u in the restart attributes", from->MtuSize);
    adapter->general.MtuSize = from->MtuSize;
    adapter->general.LookaheadSize = from->LookaheadSize;
}

enum { OTHER_RESTART_ATTRIBUTE = 0xff000001 };

static int32_t restart_now(struct adapter *adapter)
{
    restart_handler *handler = adapter->miniport->handlers.RestartHandler;
    struct NDIS_MINIPORT_RESTART_PARAMETERS parameters;
    union {
        struct NDIS_RESTART_ATTRIBUTES head;
        uint8_t bytes[16 + sizeof(struct NDIS_RESTART_GENERAL_ATTRIBUTES)];
    } attributes;
    struct NDIS_RESTART_ATTRIBUTES other; /* somebody else's, in front: the page promises a list and no order */
    int32_t status;

    if (adapter_state(adapter) != ADAPTER_PAUSED) {
        return (int32_t)NDIS_STATUS_INVALID_STATE;
    }
    memset(&attributes, 0, sizeof(attributes));
    memset(&other, 0, sizeof(other));
    other.Oid = OTHER_RESTART_ATTRIBUTE;
    other.Next = &attributes.head;
    attributes.head.Oid = OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    attributes.head.DataLength = sizeof(struct NDIS_RESTART_GENERAL_ATTRIBUTES);
    fill_restart(adapter, (struct NDIS_RESTART_GENERAL_ATTRIBUTES *)(void *)attributes.head.Data);
    memset(&parameters, 0, sizeof(parameters));
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_MINIPORT_RESTART_PARAMETERS_REVISION_1,
                NDIS_SIZEOF_MINIPORT_RESTART_PARAMETERS_REVISION_1);
    parameters.RestartAttributes = &other;
    adapter_move(adapter, ADAPTER_RESTARTING);
    adapter_expect(adapter, ADAPTER_RESTARTING);
    status = DRIVER_CALL("MiniportRestart", handler(adapter->context, &parameters));
    status = adapter_wait_moved(adapter, status, ADAPTER_RESTARTING, "MiniportRestart", handler);
    if (status != NDIS_STATUS_SUCCESS) {
        adapter_move(adapter, ADAPTER_PAUSED);
        adapter_check_paused(adapter);
        return status;
    }
    take_restart(adapter, (const struct NDIS_RESTART_GENERAL_ATTRIBUTES *)(void *)attributes.head.Data);
    adapter_move(adapter, ADAPTER_RUNNING);
    if (adapter->edge != NULL) {
        edge_release(adapter->edge);
    }
    return NDIS_STATUS_SUCCESS;
}

int32_t adapter_restart(struct adapter *adapter)
{
    int32_t status;

    adapter_life_enter(adapter);
    status = restart_now(adapter);
    adapter_life_leave(adapter);
    return status;
}

void adapter_halt(struct adapter *adapter, uint32_t action)
{
    halt_handler *handler = adapter->miniport->handlers.HaltHandlerEx;

    adapter_life_enter(adapter);
    DRIVER_CALL_VOID("MiniportHaltEx", handler(adapter->context, action));
    adapter_move(adapter, ADAPTER_HALTED);
    adapter_check_paused(adapter);
    adapter_life_leave(adapter);
}
