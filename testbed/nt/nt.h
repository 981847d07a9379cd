/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel as the rest of the testbed (ndis/, xenvif/) uses it: native names for what nt/ also exports to the driver
 * under NT names. Unless said otherwise a function may be called at IRQL <= DISPATCH_LEVEL.
 *
 * Processors: a task at IRQL >= DISPATCH_LEVEL holds its processor's token, so at most one task per processor is there,
 * as on a real machine; the processor's DPC task takes the token to drain the DPC queue. Lowering gives it back.
 */
#ifndef TESTBED_NT_NT_H
#define TESTBED_NT_NT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "abi.h"
#include "nt/check/rule.h"
#include "nt/export/export.h"
#include "run/leak.h"
#include "run/sched.h"
#include "run/timeline.h"

/* --- start and stop --- */
enum { MAX_GROUP = 8 * sizeof(uintptr_t), MAX_GROUPS = 32 }; /* on x86 there is one group, of 32 */
struct processor_group {
    uint32_t maximum; /* numbers 0 ... maximum - 1 are there or may come */
    uint64_t active;  /* those that are there from the start */
};
struct topology {
    uint32_t groups;
    struct processor_group group[MAX_GROUPS];
};
/* So many processors, each group filled up to `group_size` (1 to 64) before the next begins, as Windows' boot option
 * does. */
struct topology topology_of(uint32_t wanted, uint32_t group_size);
void nt_start(uint32_t processors); /* in groups of 64; registers nt's exports, starts the processors' DPC tasks */
void nt_start_on(const struct topology *topology);
void nt_stop(void);                 /* all work done, tasks joined */
void nt_leaks(struct leaks *leaks); /* pool blocks, MDLs, threads, work items, timers, devices, IRPs, open keys */

/* --- processors and IRQL --- */
uint32_t processor_count(void);                         /* that are there now: indexes 0 ... count - 1 */
uint32_t processor_add(uint16_t group, uint8_t number); /* a processor comes, at PASSIVE: its index */
uint32_t processor_current(void);
uint8_t irql_current(void);
uint8_t irql_raise(uint8_t to); /* returns the old IRQL; takes the processor's token at DISPATCH and above */
void irql_lower(uint8_t to);
void processor_pin(uint32_t processor); /* moves the calling task; at IRQL < DISPATCH only */

/* --- spin locks for the testbed's own Windows side (same checks as the driver's) --- */
struct spin_lock {
    uintptr_t word;
};
void spin_lock(struct spin_lock *lock, uint8_t *old_irql);
/* The same for an export: `from` is where the driver called it. */
void spin_lock_from(struct spin_lock *lock, uint8_t *old_irql, const void *from);
void spin_unlock(struct spin_lock *lock, uint8_t old_irql);

/* --- events --- */
struct nt_event {
    uint32_t set;
    bool auto_reset;
    uint32_t epoch; /* all owned by nt/sync/event.c */
};
void event_init(struct nt_event *event, bool auto_reset, bool set);
void event_set(struct nt_event *event);
void event_clear(struct nt_event *event);
bool event_wait(struct nt_event *event, uint64_t timeout_ns); /* false: timed out; below DISPATCH unless timeout 0 */

/* --- DPCs: may be queued from any task and any IRQL, also by an event channel handler --- */
struct nt_dpc {
    void (*function)(void *argument);
    void *argument;
    uint32_t processor;
    uint32_t queued; /* owned by nt/processor/dpc.c */
    struct nt_dpc *next;
};
void dpc_init(struct nt_dpc *dpc, uint32_t processor, void (*function)(void *), void *argument);
bool dpc_queue(struct nt_dpc *dpc); /* false: was queued already */
void dpc_flush(struct nt_dpc *dpc); /* PASSIVE: returns when it is neither queued nor running */

/* --- timers (one-shot, callback at DISPATCH on `processor`) --- */
struct nt_timer;
#define timer_create nt_timer_create /* POSIX has a timer_create, too */
struct nt_timer *timer_create(uint32_t processor, void (*function)(void *), void *argument);
void timer_set(struct nt_timer *timer, uint64_t delay_ns);
bool timer_cancel(struct nt_timer *timer);
void timer_destroy(struct nt_timer *timer);

/* --- threads at PASSIVE_LEVEL --- */
struct task *thread_start(const char *name, void (*run)(void *), void *argument);
void thread_join(struct task *thread);

/* --- work items: run by a worker task at PASSIVE_LEVEL; queued from any IRQL <= DISPATCH_LEVEL --- */
struct nt_work {
    void (*function)(void *argument);
    void *argument;
    uint32_t queued; /* owned by nt/sync/thread_work.c */
    struct nt_work *next;
};
void work_init(struct nt_work *work, void (*function)(void *), void *argument);
bool work_queue(struct nt_work *work); /* false: was queued already; may be queued again once it runs */

/* --- pool --- */
void *pool_alloc(size_t bytes, uint32_t tag);
void pool_free(void *block);

/* --- MDLs: always nonpaged, mapped; StartVa/ByteOffset/ByteCount as Windows has them --- */
struct MDL *mdl_create(void *address, uint32_t bytes);
/* The driver's, allocated at `caller`; NULL when the run was told to fail here. */
struct MDL *mdl_create_for(void *address, uint32_t bytes, const void *caller);
void mdl_free(struct MDL *mdl);
static inline void *mdl_address(const struct MDL *mdl)
{
    return mdl->MappedSystemVa;
}
struct MDL *
mdl_chain_at(struct MDL *mdl,
             size_t *offset); /* the MDL that holds byte *offset, which becomes relative to it; NULL past the end */

/* --- calling the driver: each callback goes through this, so that IRQL and locks are checked to be unchanged after it
 * --- */
struct driver_call {
    const char *name, *outer;
    uint8_t irql;
    uint32_t locks;
    struct timeline_span span;
};
void driver_enter(struct driver_call *call, const char *name);
void driver_leave(struct driver_call *call);
extern const char native_dpc[]; /* the name of a call that is the testbed's own */
/* Counts the calls into drivers from here on, in *calls; NULL: no longer. */
void driver_calls_count(uint64_t *calls);
#define DRIVER_CALL(name, call)                                                                                        \
    ({                                                                                                                 \
        struct driver_call entered_;                                                                                   \
        driver_enter(&entered_, name);                                                                                 \
        __auto_type result_ = (call);                                                                                  \
        driver_leave(&entered_);                                                                                       \
        result_;                                                                                                       \
    })
#define DRIVER_CALL_VOID(name, call)                                                                                   \
    do {                                                                                                               \
        struct driver_call entered_;                                                                                   \
        driver_enter(&entered_, name);                                                                                 \
        (call);                                                                                                        \
        driver_leave(&entered_);                                                                                       \
    } while (0)

/* Live runs: set once the run is over, so that tasks blocked outside the scheduler can be notified. */
#define NT_SUCCESS(status)            ((int32_t)(status) >= 0)
#define STATUS_SUCCESS                0
#define STATUS_PENDING                0x103
#define STATUS_UNSUCCESSFUL           ((int32_t)0xC0000001)
#define STATUS_NOT_IMPLEMENTED        ((int32_t)0xC0000002)
#define STATUS_INVALID_PARAMETER      ((int32_t)0xC000000D)
#define STATUS_NO_MEMORY              ((int32_t)0xC0000017)
#define STATUS_BUFFER_TOO_SMALL       ((int32_t)0xC0000023)
#define STATUS_OBJECT_NAME_NOT_FOUND  ((int32_t)0xC0000034)
#define STATUS_INSUFFICIENT_RESOURCES ((int32_t)0xC000009A)
#define STATUS_NOT_SUPPORTED          ((int32_t)0xC00000BB)
#define STATUS_TRANSACTION_TIMED_OUT  ((int32_t)0xC0000210)
#define STATUS_NOT_FOUND              ((int32_t)0xC0000225)
#define STATUS_RETRY                  ((int32_t)0xC000022D)
#define STATUS_DEVICE_NOT_READY       ((int32_t)0xC00000A3)

#endif
