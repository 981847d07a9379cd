/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work items: a queue and two worker tasks at PASSIVE_LEVEL, native (struct nt_work in nt.h) and under the NT names.
 *
 * A work item leaves the queue before it runs and may be queued or freed by its routine; nothing here touches it after
 * that.
 */
#include <stdlib.h>

#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/sync/thread.h"
#include "run/order.h"

#define WORKERS 2

static struct sched_lock lock;
static struct nt_work *first, *last;
static uint32_t queued; /* items ever queued: workers sleep while it stands still and the queue is empty */
static struct task *workers[WORKERS];
static bool stopping;

/* An IO_WORKITEM, which drivers hold by address only. */
struct io_work {
    struct nt_work work;
    void *object; /* the device or driver the routine is given */
    void *routine, *context;
    bool extended; /* IoQueueWorkItemEx: the routine gets the item too */
    struct io_work *next;
};

static struct io_work *allocated;

void work_init(struct nt_work *work, void (*function)(void *), void *argument)
{
    *work = (struct nt_work){ .function = function, .argument = argument };
}

bool work_queue(struct nt_work *work)
{
    uint32_t idle = 0;
    sched_point("queue work item");
    order_release(work);
    if (!__atomic_compare_exchange_n(&work->queued, &idle, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        return false;
    }
    work->next = NULL;
    sched_lock(&lock);
    if (first == NULL) {
        first = work;
    } else {
        last->next = work;
    }
    last = work;
    sched_unlock(&lock);
    __atomic_add_fetch(&queued, 1, __ATOMIC_SEQ_CST);
    sched_wake(&queued, 1);
    return true;
}

static struct nt_work *next_work(void)
{
    sched_lock(&lock);
    struct nt_work *work = first;
    if (work != NULL) {
        first = work->next;
    }
    sched_unlock(&lock);
    return work;
}

static void worker(void *argument)
{
    (void)argument;
    for (;;) {
        uint32_t seen = __atomic_load_n(&queued, __ATOMIC_SEQ_CST);
        struct nt_work *work = next_work();
        if (work != NULL) {
            void (*function)(void *) = work->function;
            void *context = work->argument;
            order_acquire(work);
            __atomic_store_n(&work->queued, 0, __ATOMIC_RELEASE);
            DRIVER_CALL_VOID("work item", function(context));
        } else if (__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
            return;
        } else {
            task_self()->waits_for = "work items";
            sched_wait(&queued, seen, SCHED_FOREVER);
            task_self()->waits_for = NULL;
        }
    }
}

void work_start(void)
{
    first = last = NULL;
    stopping = false;
    work_exports();
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = task_spawn("worker", i % processor_count(), worker, NULL);
    }
}

void work_stop(void)
{
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&queued, 1, __ATOMIC_SEQ_CST);
    sched_wake(&queued, WORKERS);
    for (uint32_t i = 0; i < WORKERS; i++) {
        task_join(workers[i]);
    }
}

/* --- IO_WORKITEM --- */

static void run_io_work(void *argument)
{
    struct io_work *item = argument;
    if (item->extended) {
        typedef MS_ABI void routine(void *, void *, void *);
        ((routine *)item->routine)(item->object, item->context, item);
    } else {
        typedef MS_ABI void routine(void *, void *);
        ((routine *)item->routine)(item->object, item->context);
    }
}

static MS_ABI struct io_work *nt_IoAllocateWorkItem(void *object)
{
    struct io_work *item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return NULL;
    }
    item->object = object;
    sched_lock(&lock);
    item->next = allocated;
    allocated = item;
    sched_unlock(&lock);
    return item;
}

static MS_ABI void nt_IoFreeWorkItem(struct io_work *item)
{
    sched_lock(&lock);
    struct io_work **link = &allocated;
    while (*link != NULL && *link != item) {
        link = &(*link)->next;
    }
    bool known = *link != NULL;
    if (known) {
        *link = item->next;
    }
    sched_unlock(&lock);
    RULE(known, "work", "IoFreeWorkItem of something that is no work item, or was freed before");
    RULE(__atomic_load_n(&item->work.queued, __ATOMIC_ACQUIRE) == 0, "work",
         "IoFreeWorkItem of a work item that is queued");
    free(item);
}

static void queue_io_work(struct io_work *item, void *routine, void *context, bool extended)
{
    RULE(__atomic_load_n(&item->work.queued, __ATOMIC_ACQUIRE) == 0, "work", "work item queued that is queued already");
    item->routine = routine;
    item->context = context;
    item->extended = extended;
    item->work.function = run_io_work;
    item->work.argument = item;
    work_queue(&item->work);
}

static MS_ABI void nt_IoQueueWorkItem(struct io_work *item, void *routine, uint32_t queue, void *context)
{
    (void)queue;
    queue_io_work(item, routine, context, false);
}

static MS_ABI void nt_IoQueueWorkItemEx(struct io_work *item, void *routine, uint32_t queue, void *context)
{
    (void)queue;
    queue_io_work(item, routine, context, true);
}

void work_leaks(struct leaks *leaks)
{
    sched_lock(&lock);
    for (const struct io_work *item = allocated; item != NULL; item = item->next) {
        leak_add(leaks, "work item: one was not freed (%s)",
                 item->work.queued       ? "queued"
                 : item->routine != NULL ? "used"
                                         : "never used");
    }
    sched_unlock(&lock);
}

#define WORK_EXPORTS(X)                                                                                                \
    X("ntoskrnl.exe", IoAllocateWorkItem, nt_IoAllocateWorkItem, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", IoFreeWorkItem, nt_IoFreeWorkItem, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", IoQueueWorkItem, nt_IoQueueWorkItem, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                   \
    X("ntoskrnl.exe", IoQueueWorkItemEx, nt_IoQueueWorkItemEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void work_exports(void)
{
    EXPORT_REGISTER(WORK_EXPORTS);
}
