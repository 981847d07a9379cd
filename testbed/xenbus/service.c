/* SPDX-License-Identifier: BSD-2-Clause */
/* References and handed-out items of an interface (service.h). Any IRQL that the method called allows. */
#include "xenbus/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MS_ABI int32_t service_Acquire(struct INTERFACE *interface)
{
    __atomic_add_fetch(&((struct xenbus_service *)interface->Context)->acquired, 1, __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

static MS_ABI void service_Release(struct INTERFACE *interface)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Release", PASSIVE_LEVEL, DISPATCH_LEVEL);

    __atomic_sub_fetch(&service->acquired, 1, __ATOMIC_SEQ_CST);
}

/* INTERFACE's own references; XenBus counts by Acquire and Release. */
static MS_ABI void service_Reference(void *context)
{
    (void)context;
}

void **xenbus_service_head(struct xenbus_service *service, void *table, size_t methods, uint16_t version)
{
    struct INTERFACE *interface = table;
    void **method = (void **)(void *)(interface + 1);

    memset(table, 0, sizeof(*interface) + methods * sizeof(void *));
    interface->Size = (uint16_t)(sizeof(*interface) + methods * sizeof(void *));
    interface->Version = version;
    interface->Context = service;
    interface->InterfaceReference = (void *)service_Reference;
    interface->InterfaceDereference = (void *)service_Reference;
    method[0] = (void *)service_Acquire;
    method[1] = (void *)service_Release;
    return method;
}

struct xenbus_service *xenbus_service_enter(struct INTERFACE *interface, const char *method, uint8_t lowest,
                                            uint8_t highest)
{
    struct xenbus_service *service = interface->Context;

    sched_point(service->name);
    RULE(irql_current() >= lowest && irql_current() <= highest, "vif-irql", "%s %s called at IRQL %u, allowed %u to %u",
         service->name, method, irql_current(), lowest, highest);
    RULE(__atomic_load_n(&service->acquired, __ATOMIC_RELAXED) != 0, "vif-acquire", "%s %s called without Acquire",
         service->name, method);
    return service;
}

void *xenbus_item_new(struct xenbus_service *service, size_t bytes, const char *name)
{
    struct xenbus_item *item = calloc(1, bytes), **link;

    if (item == NULL) {
        return NULL;
    }
    snprintf(item->name, sizeof(item->name), "%s", name);
    item->service = service;
    sched_lock(&service->lock);
    for (link = &service->items; *link != NULL; link = &(*link)->next) {
    }
    *link = item;
    sched_unlock(&service->lock);
    return item;
}

void xenbus_item_check(const struct xenbus_service *service, const void *item, const char *method)
{
    RULE(item != NULL && ((const struct xenbus_item *)item)->service == service, "xenbus",
         "%s %s of a %s that was not handed out, or has been given back", service->name, method, service->item);
}

void xenbus_item_take(struct xenbus_service *service, void *item, const char *method)
{
    struct xenbus_item **link, *found;

    sched_lock(&service->lock);
    for (link = &service->items; *link != NULL && *link != item; link = &(*link)->next) {
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
        found->service = NULL;
    }
    sched_unlock(&service->lock);
    RULE(found != NULL, "xenbus", "%s %s gives back a %s that was not handed out, or a second time", service->name,
         method, service->item);
}

void xenbus_service_leaks(struct xenbus_service *service, struct leaks *leaks)
{
    for (const struct xenbus_item *item = service->items; item != NULL; item = item->next) {
        leak_add(leaks, "%s interface: %s %s not given back", service->name, service->item, item->name);
    }
    if (service->acquired != 0) {
        leak_add(leaks, "%s interface: %u references not released", service->name, service->acquired);
    }
}
