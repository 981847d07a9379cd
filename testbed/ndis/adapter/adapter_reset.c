/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking for hangs, resets, and requests taken back (Microsoft, "Miniport Adapter Check-for-Hang and Reset
 * Operations", MiniportCancelSend, MiniportCancelOidRequest).
 *
 * NDIS asks a running adapter every two seconds whether it hangs. In live runs a task of the adapter's does; in
 * simulated ones only who wants it, since a clock that always has a next tick would hide deadlocks. A reset may be
 * asked for at any IRQL up to DISPATCH_LEVEL, and from 6.30 on ends when all that was sent before has come back.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/protocol/edge.h"

#include <limits.h>
#include <stdlib.h>

typedef uint8_t MS_ABI hang_handler(void *);
typedef int32_t MS_ABI reset_handler(void *, uint8_t *);
typedef void MS_ABI cancel_handler(void *, void *);

enum { USUAL_SECONDS = 2 };
#define SECOND 1000000000ull

static bool is_result(int32_t status)
{
    switch ((uint32_t)status) {
    case NDIS_STATUS_SUCCESS:
    case NDIS_STATUS_RESET_IN_PROGRESS:
    case NDIS_STATUS_SOFT_ERRORS:
    case NDIS_STATUS_HARD_ERRORS:
        return true;
    default:
        return false;
    }
}

static int32_t reset_now(struct adapter *adapter)
{
    reset_handler *handler = (reset_handler *)adapter->miniport->handlers.ResetHandlerEx;
    uint64_t sent = adapter_sends_started(adapter), left;
    uint8_t addressing = 0, old = irql_current();
    bool raised = sched_kind() == SCHED_SIMULATED && sched_random(2) == 0;
    int32_t status;

    adapter->addressing_reset = false;
    adapter_expect(adapter, ADAPTER_RESETTING);
    if (raised) {
        old = irql_raise(DISPATCH_LEVEL);
    }
    status = DRIVER_CALL("MiniportResetEx", handler(adapter->context, &addressing));
    if (raised) {
        irql_lower(old);
    }
    status = adapter_wait_moved(adapter, status, ADAPTER_RESETTING, "MiniportResetEx", handler);
    RULE(is_result(status), "ndis-reset", "a reset ended with %#x (%s)", (uint32_t)status, ndis_status_name(status));
    left = adapter_sends_left(adapter, sent);
    RULE(left == 0 || adapter->miniport->version < NDIS_VERSION(6, 30), "ndis-reset",
         "a reset ended while %llu sends from before it were outstanding", (unsigned long long)left);
    if ((addressing != 0 || adapter->addressing_reset) && adapter->edge != NULL) {
        edge_restore_addressing(adapter->edge);
    }
    return status;
}

int32_t adapter_reset(struct adapter *adapter)
{
    int32_t status = (int32_t)NDIS_STATUS_INVALID_STATE;

    if (adapter->miniport->handlers.ResetHandlerEx == NULL) {
        return (int32_t)NDIS_STATUS_NOT_SUPPORTED;
    }
    adapter_life_enter(adapter);
    if (adapter_state(adapter) == ADAPTER_RUNNING) {
        status = reset_now(adapter);
    }
    adapter_life_leave(adapter);
    return status;
}

bool adapter_check_for_hang(struct adapter *adapter)
{
    hang_handler *handler = (hang_handler *)adapter->miniport->handlers.CheckForHangHandlerEx;
    bool hangs = false;

    if (handler == NULL || adapter->miniport->handlers.ResetHandlerEx == NULL) {
        return false;
    }
    adapter_life_enter(adapter);
    if (adapter_state(adapter) == ADAPTER_RUNNING) {
        hangs = DRIVER_CALL("MiniportCheckForHangEx", handler(adapter->context)) != 0;
        if (hangs) {
            (void)reset_now(adapter);
        }
    }
    adapter_life_leave(adapter);
    return hangs;
}

static void MS_ABI reset_complete(void *handle, int32_t status, uint8_t addressing)
{
    struct adapter *adapter = adapter_check(handle, "NdisMResetComplete");

    adapter->addressing_reset = addressing != 0;
    adapter_state_complete(adapter, ADAPTER_RESETTING, status, "NdisMResetComplete");
}

/* --- the task that looks --- */

struct hang_watch {
    struct adapter *adapter;
    struct task *task;
    uint32_t stop;
};

static void watch(void *argument)
{
    struct hang_watch *watching = argument;
    uint32_t seconds = watching->adapter->hang_seconds / USUAL_SECONDS * USUAL_SECONDS; /* always a multiple of two */
    uint64_t next = sched_now();

    for (;;) {
        next += (seconds != 0 ? seconds : USUAL_SECONDS) * SECOND;
        while (__atomic_load_n(&watching->stop, __ATOMIC_ACQUIRE) == 0 && sched_wait(&watching->stop, 0, next)) {
        }
        if (__atomic_load_n(&watching->stop, __ATOMIC_ACQUIRE) != 0) {
            return;
        }
        (void)adapter_check_for_hang(watching->adapter);
    }
}

void adapter_hang_watch_start(struct adapter *adapter)
{
    struct hang_watch *watching = ndis_alloc(sizeof(*watching));

    watching->adapter = adapter;
    adapter->hang_watch = watching;
    watching->task = task_spawn("hang watch", 0, watch, watching);
}

void adapter_hang_watch_stop(struct adapter *adapter)
{
    struct hang_watch *watching = adapter->hang_watch;

    if (watching == NULL) {
        return;
    }
    __atomic_store_n(&watching->stop, 1, __ATOMIC_RELEASE);
    sched_wake(&watching->stop, UINT_MAX);
    task_join(watching->task);
    adapter->hang_watch = NULL;
    free(watching);
}

/* --- taking back --- */

void adapter_cancel_sends(struct adapter *adapter, void *cancel_id)
{
    cancel_handler *handler = (cancel_handler *)adapter->miniport->handlers.CancelSendHandler;

    DRIVER_CALL_VOID("MiniportCancelSend", handler(adapter->context, cancel_id));
}

void adapter_cancel_oid(struct adapter *adapter)
{
    cancel_handler *handler = (cancel_handler *)adapter->miniport->handlers.CancelOidRequestHandler;
    void *id = __atomic_load_n(&adapter->oid_id, __ATOMIC_ACQUIRE);

    if (id != NULL) {
        DRIVER_CALL_VOID("MiniportCancelOidRequest", handler(adapter->context, id));
    }
}

#define RESET_EXPORTS(X) X(NdisMResetComplete, reset_complete, PASSIVE_LEVEL, DISPATCH_LEVEL)

void reset_exports(void)
{
    NDIS_EXPORTS(RESET_EXPORTS);
}
