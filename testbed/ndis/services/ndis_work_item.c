/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS I/O work items: queued at any IRQL up to DISPATCH_LEVEL, run in order at PASSIVE_LEVEL by one worker task, which
 * lives from ndis_start to ndis_stop.
 */
#include <stdlib.h>

#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "run/order.h"

typedef void MS_ABI work_function(void *, void *);

struct work_item {
    struct ndis_object object;
    struct work_item *next;
    work_function *function;
    void *context;
    uint32_t queued;
};

static struct sched_lock lock;
static struct work_item *first, **last = &first;
static uint32_t signal, stopping; /* signal counts what was queued: the worker sleeps on it */
static struct task *worker;

static struct work_item *next_item(void)
{
    struct work_item *item;

    sched_lock(&lock);
    item = first;
    if (item != NULL) {
        first = item->next;
        if (first == NULL) {
            last = &first;
        }
        __atomic_store_n(&item->queued, 0, __ATOMIC_RELEASE);
    }
    sched_unlock(&lock);
    return item;
}

static void run_worker(void *argument)
{
    (void)argument;
    for (;;) {
        uint32_t seen = __atomic_load_n(&signal, __ATOMIC_ACQUIRE);
        struct work_item *item = next_item();

        if (item != NULL) {
            order_acquire(item);
            /* The function may free its item: nothing of it is touched after the call. */
            DRIVER_CALL_VOID("NdisIoWorkItem", item->function(item->context, item));
        } else if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
            break;
        } else {
            (void)sched_wait(&signal, seen, SCHED_FOREVER);
        }
    }
}

static void wake_worker(void)
{
    __atomic_fetch_add(&signal, 1, __ATOMIC_RELEASE);
    sched_wake(&signal, 1);
}

void work_items_start(void)
{
    __atomic_store_n(&stopping, 0, __ATOMIC_RELEASE);
    worker = task_spawn("ndis-worker", 0, run_worker, NULL);
}

void work_items_stop(void)
{
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    wake_worker();
    task_join(worker);
}

static void *MS_ABI allocate_item(void *handle)
{
    struct work_item *item;

    RULE(handle != NULL, "ndis-handle", "NdisAllocateIoWorkItem with a NULL handle");
    item = ndis_alloc(sizeof(*item));
    ndis_object_add(&item->object, NDIS_KIND_WORK_ITEM, "a work item was not freed");
    ndis_object_made_here(&item->object);
    return item;
}

static void MS_ABI queue_item(void *handle, work_function *function, void *context)
{
    struct work_item *item = ndis_object_check(handle, NDIS_KIND_WORK_ITEM, "NdisQueueIoWorkItem");

    RULE(__atomic_exchange_n(&item->queued, 1, __ATOMIC_ACQ_REL) == 0, "ndis-work-item",
         "NdisQueueIoWorkItem of an item that is queued already");
    item->function = function;
    item->context = context;
    item->next = NULL;
    order_release(item);
    sched_lock(&lock);
    *last = item;
    last = &item->next;
    sched_unlock(&lock);
    wake_worker();
}

static void MS_ABI free_item(void *handle)
{
    struct work_item *item = ndis_object_check(handle, NDIS_KIND_WORK_ITEM, "NdisFreeIoWorkItem");

    RULE(__atomic_load_n(&item->queued, __ATOMIC_ACQUIRE) == 0, "ndis-work-item",
         "NdisFreeIoWorkItem of an item that is queued");
    ndis_object_remove(&item->object);
    free(item);
}

#define WORK_ITEM_EXPORTS(X)                                                                                           \
    X(NdisAllocateIoWorkItem, allocate_item, PASSIVE_LEVEL, DISPATCH_LEVEL)                                            \
    X(NdisQueueIoWorkItem, queue_item, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                  \
    X(NdisFreeIoWorkItem, free_item, PASSIVE_LEVEL, DISPATCH_LEVEL)

void work_item_exports(void)
{
    NDIS_EXPORTS(WORK_ITEM_EXPORTS);
}
