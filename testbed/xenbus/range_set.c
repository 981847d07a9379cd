/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RANGE_SET 1 as XenBus gives it to a subscriber: a set of numbers, kept as ranges in order. Rules: a number that is in
 * the set already is not put into it again. Any IRQL up to DISPATCH_LEVEL, under the set's own lock.
 */
#include <stdlib.h>

#include "xenbus/services.h"

struct range {
    struct range *next;
    int64_t start, end; /* the numbers start ... end - 1 */
};

struct range_set {
    struct xenbus_item item;
    struct sched_lock lock;
    struct range *first;
};

static MS_ABI int32_t range_Create(struct INTERFACE *interface, const char *name, struct range_set **made)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Create", PASSIVE_LEVEL, DISPATCH_LEVEL);

    *made = xenbus_item_new(service, sizeof(**made), name);
    return *made != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static struct range_set *enter(struct INTERFACE *interface, struct range_set *set, const char *method)
{
    xenbus_item_check(xenbus_service_enter(interface, method, PASSIVE_LEVEL, DISPATCH_LEVEL), set, method);
    return set;
}

/* Joins `made` with the range before and the one behind it where they touch. */
static void insert(struct range **first, struct range *made)
{
    struct range **link = first, *behind;

    while (*link != NULL && (*link)->end < made->start) {
        link = &(*link)->next;
    }
    if (*link != NULL && (*link)->end == made->start) {
        (*link)->end = made->end;
        free(made);
        made = *link;
    } else {
        made->next = *link;
        *link = made;
    }
    behind = made->next;
    if (behind != NULL && made->end == behind->start) {
        made->end = behind->end;
        made->next = behind->next;
        free(behind);
    }
}

static MS_ABI int32_t range_Put(struct INTERFACE *interface, struct range_set *set, int64_t start, uint64_t count)
{
    struct range *made = calloc(1, sizeof(*made));
    bool there = false;

    enter(interface, set, "Put");
    if (made == NULL) {
        return STATUS_NO_MEMORY;
    }
    made->start = start;
    made->end = start + (int64_t)count;
    sched_lock(&set->lock);
    for (const struct range *range = set->first; range != NULL; range = range->next) {
        there = there || (range->start < made->end && made->start < range->end);
    }
    if (!there) {
        insert(&set->first, made);
    }
    sched_unlock(&set->lock);
    RULE(!there, "xenbus", "RANGE_SET Put of %lld to %lld, of which set %s has some already", (long long)start,
         (long long)(start + (int64_t)count - 1), set->item.name);
    return STATUS_SUCCESS;
}

/* Takes start ... end - 1 out of the range that holds all of it. Under the set's lock. */
static int32_t take(struct range_set *set, int64_t start, int64_t end)
{
    struct range **link, *range, *rest;

    for (link = &set->first; *link != NULL && (*link)->end < end; link = &(*link)->next) {
    }
    range = *link;
    if (range == NULL || range->start > start) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (range->start < start && end < range->end) {
        rest = calloc(1, sizeof(*rest));
        if (rest == NULL) {
            return STATUS_NO_MEMORY;
        }
        *rest = (struct range){ range->next, end, range->end };
        range->next = rest;
        range->end = start;
    } else if (range->start < start) {
        range->end = start;
    } else if (end < range->end) {
        range->start = end;
    } else {
        *link = range->next;
        free(range);
    }
    return STATUS_SUCCESS;
}

static MS_ABI int32_t range_Get(struct INTERFACE *interface, struct range_set *set, int64_t start, uint64_t count)
{
    int32_t status;

    enter(interface, set, "Get");
    sched_lock(&set->lock);
    status = take(set, start, start + (int64_t)count);
    sched_unlock(&set->lock);
    return status;
}

/* `count` numbers in a row, the lowest ones. */
static MS_ABI int32_t range_Pop(struct INTERFACE *interface, struct range_set *set, uint64_t count, int64_t *start)
{
    int32_t status = STATUS_INSUFFICIENT_RESOURCES;
    struct range *range;

    enter(interface, set, "Pop");
    sched_lock(&set->lock);
    for (range = set->first; range != NULL && (uint64_t)(range->end - range->start) < count; range = range->next) {
    }
    if (range != NULL) {
        *start = range->start;
        status = take(set, *start, *start + (int64_t)count);
    }
    sched_unlock(&set->lock);
    return status;
}

static void set_free(struct range_set *set)
{
    while (set->first != NULL) {
        struct range *range = set->first;

        set->first = range->next;
        free(range);
    }
    free(set);
}

static MS_ABI void range_Destroy(struct INTERFACE *interface, struct range_set *set)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Destroy", PASSIVE_LEVEL, DISPATCH_LEVEL);

    xenbus_item_take(service, set, "Destroy");
    set_free(set);
}

void xenbus_range_set_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    void **method = xenbus_service_head(service, table, 7, version) + 2;

    *method++ = (void *)range_Create;
    *method++ = (void *)range_Put;
    *method++ = (void *)range_Pop;
    *method++ = (void *)range_Get;
    *method++ = (void *)range_Destroy;
}

void xenbus_range_set_stop(struct xenbus_service *service)
{
    while (service->items != NULL) {
        struct range_set *set = (struct range_set *)service->items;

        service->items = set->item.next;
        set_free(set);
    }
}
