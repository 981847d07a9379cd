/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An adapter. Its slow state is under `lock`, its life is moved by adapter.c alone. On the data path nothing is shared
 * per packet: counters are per processor, and ownership is a tag inside each NBL.
 */
#ifndef TESTBED_NDIS_ADAPTER_ADAPTER_H
#define TESTBED_NDIS_ADAPTER_ADAPTER_H

#include "ndis/adapter/miniport.h"
#include "ndis/late.h"
#include "nt/check/report.h"

#define NDIS_LINE 128 /* bytes: keeps what one processor writes away from what another one does */

enum adapter_state {
    ADAPTER_HALTED,
    ADAPTER_INITIALIZING,
    ADAPTER_PAUSED,
    ADAPTER_RESTARTING,
    ADAPTER_RUNNING,
    ADAPTER_PAUSING
};
enum { ADAPTER_RESETTING = 16 }; /* no state: what `waiting_for` holds while a reset is on its way */
const char *adapter_state_name(enum adapter_state state);

/* Written by whoever runs on that processor, with relaxed atomics (a call at PASSIVE_LEVEL may be interrupted). */
struct adapter_processor {
    struct adapter_counters counts;
    uint64_t indicated, reclaimed; /* NBLs given to the protocol, and given back */
    uint64_t sent, completed;      /* NBLs given to the miniport, and given back */
    uint32_t busy;                 /* calls that are using the edge: edge_close waits for them */
} __attribute__((aligned(NDIS_LINE)));

enum { RSC_OFF_IPV4 = 1, RSC_OFF_IPV6 = 2, RSC_OFF_UDP = 4, RSC_CHANGING = 8 };

struct adapter {
    struct ndis_object object;
    /* immutable after adapter_add */
    struct miniport *miniport;
    struct DEVICE_OBJECT *physical;
    const struct package *package;
    struct device *functional;
    struct DEVICE_OBJECT *next; /* below the functional device: what NDIS sends down goes there */
    struct adapter_processor *processors;
    uint32_t processor_count; /* that there can ever be: the length of `processors` */
    void *context;            /* MiniportAdapterContext */
    void *add_device_context;
    uint32_t attribute_flags;
    bool has_registration, has_general, added, surprise_removed;
    struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general;
    uint32_t *oids, oid_count;
    /* the life: moved by adapter.c under its caller's single task, read anywhere */
    uint32_t state;
    uint32_t waiting_for; /* the completion that is expected: ADAPTER_PAUSING, ADAPTER_RESTARTING or 0 */
    struct nt_event moved;
    int32_t moved_status;
    uint64_t sent_before_pause;
    uint32_t life_busy; /* 1: somebody moves it */
    uint32_t power;
    bool restart_on_wake;
    bool addressing_reset; /* what a reset reported that ended late */
    uint32_t hang_seconds; /* CheckForHangTimeInSeconds, 0: the usual */
    struct hang_watch *hang_watch;
    /* under lock */
    struct sched_lock lock;
    struct late_offload offload, hardware_offload;
    struct late_timestamps stamps_possible, stamps; /* Header.Size 0: not indicated */
    uint32_t offload_epoch;                         /* raised with each change; read without the lock */
    uint32_t rsc_off; /* atomic: RSC_OFF_..., where a request that switched it off is complete; RSC_CHANGING in one */
    struct NDIS_RECEIVE_SCALE_CAPABILITIES rss;
    bool has_rss;
    struct NDIS_LINK_STATE link;
    uint32_t link_changes;
    /* OIDs: one at a time, by whoever set oid_busy (a lock may not be held over a call of the driver) */
    uint32_t oid_busy;
    struct NDIS_OID_REQUEST *oid_pending;
    void *oid_id; /* RequestId of the one that is with the miniport, NULL: none */
    uint64_t oids_made;
    struct nt_event oid_done;
    int32_t oid_status;
    struct edge *edge;               /* read by indications, written by edge_open and edge_close */
    struct raw *raw;                 /* a test's protocol beside the edge, or NULL (raw.h) */
    uint64_t held;                   /* simulated runs: when packets were with the protocol for the last time */
    struct bridge *bridge, *bridged; /* that takes what is received here, that sends here, or NULL (bridge.h) */
    struct report_list out;          /* what the miniport has, for reports: adapter_report.c */
    int32_t tx_failure;              /* the last send that failed did so with this status */
};
/* adapter_add, by what the driver and the device are to NDIS. */
struct adapter *adapter_create(struct DRIVER_OBJECT *owner, struct device *pdo, const struct package *package,
                               char *error, size_t size);
struct adapter *adapter_check(void *handle, const char *function);
static inline uint32_t adapter_state(const struct adapter *adapter)
{
    return __atomic_load_n(&adapter->state, __ATOMIC_ACQUIRE);
}
static inline struct adapter_processor *adapter_here(struct adapter *adapter)
{
    return &adapter->processors[processor_current()];
}
#define COUNT(field, n) ((void)__atomic_fetch_add(&(field), (n), __ATOMIC_RELAXED))
int64_t adapter_outstanding_receives(const struct adapter *adapter);
int64_t adapter_outstanding_sends(const struct adapter *adapter);
void adapter_check_pause_complete(const struct adapter *adapter, const char *function);
void adapter_state_complete(struct adapter *adapter, uint32_t which, int32_t status, const char *function);
/* adapter_state.c, for the others: the steps of a life, and what a handler that returned PENDING completes. */
void adapter_move(struct adapter *adapter, enum adapter_state to);
void adapter_life_enter(struct adapter *adapter);
void adapter_life_leave(struct adapter *adapter);
int32_t adapter_initialize(struct adapter *adapter); /* adapter.c */
int32_t adapter_pause_for(struct adapter *adapter, uint32_t reason);
void adapter_halt(struct adapter *adapter, uint32_t action);
void adapter_expect(struct adapter *adapter, uint32_t which);
int32_t adapter_wait_moved(struct adapter *adapter, int32_t status, uint32_t which, const char *what,
                           const void *handler);
uint64_t adapter_sends_started(const struct adapter *adapter);
uint64_t adapter_sends_left(const struct adapter *adapter,
                            uint64_t of); /* of the first `of` that were started, not yet back */
int32_t adapter_oid(struct adapter *adapter, struct NDIS_OID_REQUEST *request); /* sends a request made by the caller */
/* RSC_OFF_... of what the miniport last reported to be on; the adapter's lock is held. */
uint32_t adapter_rsc_off(const struct adapter *adapter);
void adapter_take_offload(struct adapter *adapter, const struct NDIS_OFFLOAD *offload, bool hardware);

void adapter_report_start(struct adapter *adapter);
void adapter_report_stop(struct adapter *adapter);

/* --- packets through the adapter (nbl_transfer.c) --- */
/* Give indicated NBLs back to the miniport: one MiniportReturnNetBufferLists call. */
void adapter_return(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t count);
/* What the miniport indicates and completes, by whichever way: the calls of NDIS's names, or a poll. */
void adapter_indicate(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t count, uint32_t flags);
void adapter_send_done(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t flags);
/* One MiniportSendNetBufferLists call, at DISPATCH_LEVEL. */
void adapter_send(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t nbls, uint64_t bytes);

#endif
