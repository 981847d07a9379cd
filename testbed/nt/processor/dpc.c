/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred procedure calls: one queue per processor, first in first out (KDPCs of high importance go first), run at
 * DISPATCH_LEVEL with the processor's token held: by whoever gives the token up next (irql.c), or by the processor's
 * DPC task.
 *
 * A queue holds two kinds of objects, told apart by the lowest bit of the link: the testbed's struct nt_dpc (0) and the
 * driver's KDPC (1), linked through its own DpcListEntry. Both leave the queue before their routine runs, which may
 * free or queue them again; nothing here touches them after that.
 */
#include "nt/processor/dpc.h"

#include "nt/areas.h"
#include "nt/nt.h"
#include "nt/processor/irql.h"
#include "run/order.h"
#include "nt/memory/guard.h"

#define KDPC_BIT 1u

static bool is_kdpc(const void *link)
{
    return ((uintptr_t)link & KDPC_BIT) != 0;
}

static struct KDPC *link_kdpc(void *link)
{
    return (struct KDPC *)((uintptr_t)link & ~(uintptr_t)KDPC_BIT);
}

static void **link_next(void *link)
{
    return is_kdpc(link) ? &link_kdpc(link)->DpcListEntry.Next : (void **)&((struct nt_dpc *)link)->next;
}

static void *kdpc_link(struct KDPC *dpc)
{
    return (void *)((uintptr_t)dpc | KDPC_BIT);
}

void dpc_kick(struct processor *processor)
{
    if (__atomic_exchange_n(&processor->kick, 1, __ATOMIC_SEQ_CST) == 0) {
        sched_wake(&processor->kick, 1);
    }
}

/* The calling task is interrupted, runs the DPCs and goes on. */
static bool interrupted(const struct processor *processor)
{
    const struct task *task = task_self();

    if (!sched_is_beside((uint32_t)(processor - processors)) || task->internal_locks != 0 ||
        task->irql >= DISPATCH_LEVEL || &processors[task->processor] != processor) {
        return false;
    }
    irql_interrupt();
    return true;
}

static void enqueue(struct processor *processor, void *link, bool first)
{
    sched_lock(&processor->dpc_lock);
    if (processor->dpc_first == NULL || !first) {
        *link_next(link) = NULL;
        if (processor->dpc_first == NULL) {
            processor->dpc_first = link;
        } else {
            *link_next(processor->dpc_last) = link;
        }
        processor->dpc_last = link;
    } else {
        *link_next(link) = processor->dpc_first;
        processor->dpc_first = link;
    }
    __atomic_store_n(&processor->dpc_count, processor->dpc_count + 1, __ATOMIC_SEQ_CST);
    sched_unlock(&processor->dpc_lock);
    /* Whoever holds the token looks at the queue after giving it up; else the DPC task must come. */
    if (__atomic_load_n(&processor->token, __ATOMIC_SEQ_CST) == 0 && !interrupted(processor)) {
        dpc_kick(processor);
    }
}

static void *dequeue(struct processor *processor)
{
    sched_lock(&processor->dpc_lock);
    void *link = processor->dpc_first;
    if (link != NULL) {
        processor->dpc_first = *link_next(link);
        __atomic_store_n(&processor->dpc_count, processor->dpc_count - 1, __ATOMIC_SEQ_CST);
    }
    sched_unlock(&processor->dpc_lock);
    return link;
}

static bool unlink_from(struct processor *processor, void *link)
{
    bool found = false;
    void *before = NULL;
    sched_lock(&processor->dpc_lock);
    for (void **at = &processor->dpc_first; *at != NULL; at = link_next(*at)) {
        if (*at == link) {
            *at = *link_next(link);
            if (processor->dpc_last == link) {
                processor->dpc_last = before;
            }
            __atomic_store_n(&processor->dpc_count, processor->dpc_count - 1, __ATOMIC_SEQ_CST);
            found = true;
            break;
        }
        before = *at;
    }
    sched_unlock(&processor->dpc_lock);
    return found;
}

static void run_kdpc(struct KDPC *dpc)
{
    typedef MS_ABI void routine(struct KDPC *, void *, void *, void *);
    routine *function = (routine *)dpc->DeferredRoutine;
    void *context = dpc->DeferredContext, *first = dpc->SystemArgument1, *second = dpc->SystemArgument2;
    __atomic_store_n((uintptr_t *)&dpc->DpcData, 0, __ATOMIC_RELEASE);
    order_acquire(dpc);
    DRIVER_CALL_VOID("DPC", function(dpc, context, first, second));
}

const char native_dpc[] = "DPC of the testbed";

static void run_native(struct nt_dpc *dpc)
{
    void (*function)(void *) = dpc->function;
    void *argument = dpc->argument;
    __atomic_store_n(&dpc->queued, 0, __ATOMIC_RELEASE);
    order_acquire(dpc);
    DRIVER_CALL_VOID(native_dpc, function(argument));
}

/* A DPC interrupts whoever runs on its processor: nothing orders it with what that task does below DISPATCH_LEVEL. */
static uint32_t begin_interrupt(struct processor *processor)
{
    char name[16];
    snprintf(name, sizeof(name), "DPCs of %u", (unsigned)(processor - processors));
    order_release(processor);
    const uint32_t interrupted = order_become(&processor->strand, name);
    order_acquire(processor);
    return interrupted;
}

static void end_interrupt(struct processor *processor, uint32_t interrupted)
{
    order_release(processor);
    order_be(interrupted);
}

void dpc_drain(struct processor *processor)
{
    const uint32_t interrupted = order_kept ? begin_interrupt(processor) : 0;
    /* As many as wait now: a DPC that queues itself again must not keep the caller. */
    for (uint32_t left = __atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST); left > 0; left--) {
        void *link = dequeue(processor);
        if (link == NULL) {
            break;
        }
        processor->dpcs_run++;
        task_self()->busy = 0;
        if (is_kdpc(link)) {
            run_kdpc(link_kdpc(link));
        } else {
            run_native(link);
        }
    }
    if (interrupted != 0) {
        end_interrupt(processor, interrupted);
    }
}

/* --- the testbed's own DPCs --- */

void dpc_init(struct nt_dpc *dpc, uint32_t processor, void (*function)(void *), void *argument)
{
    *dpc = (struct nt_dpc){ .function = function, .argument = argument, .processor = processor };
}

bool dpc_queue(struct nt_dpc *dpc)
{
    uint32_t idle = 0;
    sched_point("queue DPC");
    order_release(dpc);
    if (!__atomic_compare_exchange_n(&dpc->queued, &idle, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        return false;
    }
    RULE(dpc->processor < processor_count(), "processor", "DPC queued to processor %u, there are %u", dpc->processor,
         processor_count());
    enqueue(&processors[dpc->processor], dpc, false);
    return true;
}

struct barrier {
    struct nt_dpc dpc;
    struct nt_event passed;
};

static void pass(void *argument)
{
    event_set(&((struct barrier *)argument)->passed);
}

/* Everything queued on the processor so far has run to its end when a DPC queued after it runs. */
static void wait_for_queue(uint32_t processor)
{
    struct barrier barrier;
    event_init(&barrier.passed, false, false);
    dpc_init(&barrier.dpc, processor, pass, &barrier);
    dpc_queue(&barrier.dpc);
    event_wait(&barrier.passed, SCHED_FOREVER);
}

void dpc_flush(struct nt_dpc *dpc)
{
    RULE(irql_current() < DISPATCH_LEVEL, "irql", "DPC flushed at IRQL %u", irql_current());
    do {
        wait_for_queue(dpc->processor);
    } while (__atomic_load_n(&dpc->queued, __ATOMIC_ACQUIRE) != 0);
}

void dpc_flush_all(void)
{
    for (uint32_t i = 0; i < processor_count(); i++) {
        wait_for_queue(i);
    }
}

/* --- the driver's --- */

bool kdpc_queue(struct KDPC *dpc, void *first, void *second)
{
    uint32_t target = dpc->Number != 0 ? dpc->Number - 1u : processor_current();
    RULE(dpc->Type == KDPC_TYPE && dpc->DeferredRoutine != NULL, "dpc", "KDPC queued that was not initialized");
    RULE(target < processor_count(), "processor", "KDPC queued to processor %u, there are %u", target,
         processor_count());
    uintptr_t idle = 0;
    order_release(dpc);
    if (!__atomic_compare_exchange_n((uintptr_t *)&dpc->DpcData, &idle, (uintptr_t)&processors[target], false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        return false;
    }
    if (on_this_stack(dpc)) {
        task_self()->stack_dpc = kdpc_link(dpc);
        task_self()->stack_set_in = guard_caller();
    }
    dpc->SystemArgument1 = first;
    dpc->SystemArgument2 = second;
    enqueue(&processors[target], kdpc_link(dpc), dpc->Importance == KDPC_HIGH_IMPORTANCE);
    return true;
}

bool kdpc_remove(struct KDPC *dpc)
{
    struct processor *processor = (struct processor *)__atomic_load_n((uintptr_t *)&dpc->DpcData, __ATOMIC_ACQUIRE);
    if (processor == NULL || !unlink_from(processor, kdpc_link(dpc))) {
        return false;
    }
    __atomic_store_n((uintptr_t *)&dpc->DpcData, 0, __ATOMIC_RELEASE);
    return true;
}

bool dpc_queued_within(const void *address, size_t bytes)
{
    for (uint32_t i = 0; i < processor_count(); i++) {
        struct processor *processor = &processors[i];
        bool found = false;
        if (__atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST) == 0) {
            continue;
        }
        sched_lock(&processor->dpc_lock);
        for (void *link = processor->dpc_first; link != NULL; link = *link_next(link)) {
            found |= (uintptr_t)link - (uintptr_t)address < bytes;
        }
        sched_unlock(&processor->dpc_lock);
        if (found) {
            return true;
        }
    }
    return false;
}

/* --- a task per processor --- */

static bool stopping;

static void dpc_task(void *argument)
{
    struct processor *processor = argument;
    for (;;) {
        while (__atomic_exchange_n(&processor->kick, 0, __ATOMIC_SEQ_CST) == 0) {
            if (__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
                return;
            }
            task_self()->waits_for = "DPCs";
            sched_wait(&processor->kick, 0, SCHED_FOREVER);
        }
        task_self()->waits_for = NULL;
        while (__atomic_load_n(&processor->dpc_count, __ATOMIC_SEQ_CST) != 0) {
            uint8_t old = irql_raise(DISPATCH_LEVEL);
            dpc_drain(processor);
            irql_lower(old);
        }
    }
}

void dpc_add(uint32_t index)
{
    char name[32];
    snprintf(name, sizeof(name), "dpc%u", index);
    processors[index].dpc_task = task_spawn_on_path(name, index, dpc_task, &processors[index]);
}

void dpc_start(void)
{
    stopping = false;
    dpc_exports();
    for (uint32_t i = 0; i < processor_count(); i++) {
        dpc_add(i);
    }
}

void dpc_stop(void)
{
    dpc_flush_all();
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < processor_count(); i++) {
        dpc_kick(&processors[i]);
        task_join(processors[i].dpc_task);
    }
}
