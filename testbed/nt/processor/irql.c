/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors and IRQL. The IRQL belongs to the task; a task at DISPATCH_LEVEL or above holds its processor's token, so
 * that one task per processor is there. Tasks below DISPATCH_LEVEL run side by side, as preemption would have them.
 *
 * Lowering below DISPATCH_LEVEL runs the DPCs that wait on this processor first, in the task that lowers, as the
 * software interrupt of a real machine would; what those DPCs queue in turn is left to the processor's DPC task, so
 * that lowering ends. A task that holds a testbed lock runs no DPCs (they might want that lock) and wakes the DPC task
 * instead.
 *
 * The lock words are sched_wait words: nothing here spins for long.
 */
#include "nt/processor/irql.h"

#include "nt/areas.h"
#include "nt/nt.h"
#include "nt/sync/thread.h"
#include "run/order.h"
#include "nt/memory/paged.h"
#include "nt/processor/dpc.h"
#include "nt/sync/timer.h"
#include "image/image.h"
#include "nt/memory/guard.h"

#define ROUNDS_BESIDE 4 /* the DPC task would have this thread's processor */

#define LOOKS 128 /* a holder is often gone within a microsecond */

struct processor processors[MAX_PROCESSORS];
static uint32_t count;

uint32_t processor_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

uint32_t processor_current(void)
{
    return task_self()->processor;
}

uint8_t irql_current(void)
{
    return task_self()->irql;
}

static bool token_try(struct processor *processor)
{
    uint32_t nobody = 0;
    return __atomic_compare_exchange_n(&processor->token, &nobody, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static void token_take(struct processor *processor)
{
    if (token_try(processor)) {
        return;
    }
    for (int i = 0; i < LOOKS && !sched_is_simulated; i++) {
        __builtin_ia32_pause();
        if (__atomic_load_n(&processor->token, __ATOMIC_RELAXED) == 0 && token_try(processor)) {
            return;
        }
    }
    struct task *task = task_self();
    while (__atomic_exchange_n(&processor->token, 2, __ATOMIC_SEQ_CST) != 0) {
        task->waits_for = "its processor, to raise the IRQL to DISPATCH_LEVEL";
        sched_wait(&processor->token, 2, SCHED_FOREVER);
    }
    task->waits_for = NULL;
}

static void token_give(struct processor *processor)
{
    if (__atomic_exchange_n(&processor->token, 0, __ATOMIC_SEQ_CST) == 2) {
        sched_wake(&processor->token, 1);
    }
}

/* The token is taken. */
static void enter_dispatch(struct task *task, uint8_t to)
{
    order_acquire(&processors[task->processor]);
    paged_out(true);
    task->busy = 0;
    timeline_irql(task->processor, to);
}

uint8_t irql_raise(uint8_t to)
{
    struct task *task = task_self();
    uint8_t from = task->irql;
    RULE(to >= from && to <= HIGH_LEVEL, "irql", "raised from IRQL %u to %u", from, to);
    if (from < DISPATCH_LEVEL && to >= DISPATCH_LEVEL) {
        sched_point("raise");
        RULE(task->processor < processor_count(), "irql", "raised to IRQL %u on processor %u, there are %u", to,
             task->processor, processor_count());
        token_take(&processors[task->processor]);
        enter_dispatch(task, to);
    }
    task->irql = to;
    return from;
}

/* Once more, having done so so often. */
static bool may_drain(const struct task *task, uint32_t rounds)
{
    return task->internal_locks == 0 && (rounds == 0 || (rounds < ROUNDS_BESIDE && sched_is_beside(task->processor)));
}

static void leave_dispatch(struct task *task, uint8_t to)
{
    struct processor *processor = &processors[task->processor];
    uint32_t rounds = 0;
    for (;;) {
        while (__atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST) != 0 && may_drain(task, rounds)) {
            task->irql = DISPATCH_LEVEL;
            rounds++;
            dpc_drain(processor);
        }
        task->irql = to;
        paged_out(false);
        order_release(processor);
        timeline_irql(task->processor, to);
        token_give(processor);
        if (__builtin_expect(__atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST) == 0, 1)) {
            return;
        }
        if (!may_drain(task, rounds)) {
            dpc_kick(processor);
            return;
        }
        if (!token_try(processor)) {
            return; /* who holds it now looks at the queue when giving it up */
        }
        order_acquire(processor);
        paged_out(true);
    }
}

void irql_lower(uint8_t to)
{
    struct task *task = task_self();
    uint8_t from = task->irql;
    RULE(to <= from, "irql", "lowered from IRQL %u to %u", from, to);
    if (from >= DISPATCH_LEVEL && to < DISPATCH_LEVEL) {
        RULE(task->locks_held == 0, "lock", "IRQL lowered from %u to %u with %u spin locks held", from, to,
             task->locks_held);
        leave_dispatch(task, to);
        sched_point("lower");
    } else {
        task->irql = to;
    }
}

void irql_interrupt(void)
{
    struct task *task = task_self();
    uint8_t from = task->irql;

    if (token_try(&processors[task->processor])) {
        enter_dispatch(task, DISPATCH_LEVEL);
        task->irql = DISPATCH_LEVEL;
        irql_lower(from);
    }
}

static inline __attribute__((always_inline)) bool token_change(struct processor *processor, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&processor->token, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

__attribute__((target("general-regs-only"))) bool irql_write_quick(uint64_t value)
{
    struct task *task = sched_current;
    struct processor *processor = &processors[task->processor];

    if (sched_is_simulated || timeline_on || order_kept || paged_there) {
        return false;
    }
    if (value == DISPATCH_LEVEL && task->irql < DISPATCH_LEVEL) {
        if (!token_change(processor, 0, 1)) {
            return false;
        }
        task->busy = 0;
        task->irql = DISPATCH_LEVEL;
        return true;
    }
    if (task->irql != DISPATCH_LEVEL || value >= DISPATCH_LEVEL) {
        return task->irql == value && value == DISPATCH_LEVEL;
    }
    if (task->locks_held != 0 || __atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST) != 0) {
        return false;
    }
    task->irql = (uint8_t)value;
    if (!token_change(processor, 1, 0)) { /* somebody sleeps on it */
        task->irql = DISPATCH_LEVEL;
        return false;
    }
    /* As leave_dispatch: who takes the token looks at the queue when giving it up. */
    if (__atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST) == 0 || !token_change(processor, 0, 1)) {
        return true;
    }
    task->irql = DISPATCH_LEVEL;
    return false;
}

void processor_pin(uint32_t processor)
{
    struct task *task = task_self();
    RULE(task->irql < DISPATCH_LEVEL, "irql", "moved to processor %u at IRQL %u", processor, task->irql);
    RULE(processor < processor_count(), "processor", "moved to processor %u, there are %u", processor,
         processor_count());
    task->processor = processor;
    thread_processor_changed(task);
}

static uint64_t *counted;

void driver_calls_count(uint64_t *calls)
{
    counted = calls;
}

void driver_enter(struct driver_call *call, const char *name)
{
    struct task *task = task_self();
    if (__builtin_expect(task->nt == NULL, 0)) {
        thread_adopt(task);
    }
    if (__builtin_expect(counted != NULL, 0) && name != native_dpc) {
        __atomic_fetch_add(counted, 1, __ATOMIC_RELAXED);
    }
    sched_point(name);
    const char *outer = task->driver_call;
    __atomic_store_n(&task->driver_calls, task->driver_calls + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&task->driver_call, name, __ATOMIC_RELEASE);
    *call = (struct driver_call){ name, outer, task->irql, task->locks_held, { 0 } };
    timeline_enter(&call->span, name);
}

/* The record of the call lies in the caller's frame: what is below it was the callback's. */
static void check_unwound(struct task *task, const struct driver_call *call)
{
    const void *here = call, *timer = task->stack_timer, *dpc = task->stack_dpc;
    char place[IMAGE_LINE_BYTES];

    if (timer != NULL && timer < here) {
        task->stack_timer = NULL;
        if (timer_armed_within(timer, 1)) {
            image_describe((const char *)task->stack_set_in - 1, place, sizeof(place));
            rule_break("timer", "%s returned with a timer set that is on its stack: it was set in %s", call->name,
                       place);
        }
    }
    if (dpc != NULL && dpc < here) {
        task->stack_dpc = NULL;
        if (dpc_queued_within(dpc, 1)) {
            image_describe((const char *)task->stack_set_in - 1, place, sizeof(place));
            rule_break("dpc", "%s returned with a DPC queued that is on its stack: it was queued in %s", call->name,
                       place);
        }
    }
}

void driver_leave(struct driver_call *call)
{
    timeline_leave(&call->span);
    struct task *task = task_self();
    if (__builtin_expect(task->stack_timer != NULL || task->stack_dpc != NULL, 0)) {
        check_unwound(task, call);
    }
    if (__builtin_expect(task->irql != call->irql, 0)) {
        rule_break("irql", "%s was called at IRQL %u and returned at IRQL %u", call->name, call->irql, task->irql);
    }
    if (__builtin_expect(task->locks_held != call->locks, 0)) {
        rule_break("lock", "%s was called with %u spin locks held and returned with %u", call->name, call->locks,
                   task->locks_held);
    }
    __atomic_store_n(&task->driver_calls, task->driver_calls + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&task->driver_call, call->outer, __ATOMIC_RELEASE);
    sched_point(call->name);
}

void irql_start(uint32_t wanted)
{
    RULE(wanted >= 1 && wanted <= MAX_PROCESSORS, "processor", "%u processors wanted, 1 to %u can be simulated", wanted,
         MAX_PROCESSORS);
    for (uint32_t i = 0; i < wanted; i++) {
        irql_add(i);
    }
    irql_count(wanted);
    irql_exports();
}

void irql_add(uint32_t index)
{
    processors[index] = (struct processor){ 0 };
    __atomic_store_n(&sched_processors, index + 1, __ATOMIC_RELEASE); /* its DPC task is put on it before it counts */
}

void irql_count(uint32_t wanted)
{
    __atomic_store_n(&count, wanted, __ATOMIC_RELEASE);
}

void irql_stop(void)
{
    irql_count(0);
    __atomic_store_n(&sched_processors, 0, __ATOMIC_RELEASE);
}
