/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SUSPEND 1 as XenBus gives it to a subscriber: early callbacks at HIGH_LEVEL before, late callbacks at DISPATCH_LEVEL
 * after a suspend and resume.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenbus/suspend.h"

enum { SUSPEND_CALLBACKS_MAX = 32 };

struct suspend_callback {
    uint32_t type;
    void *function, *argument;
    struct suspend_callback *next;
};

typedef MS_ABI void suspend_function(void *argument);

static struct xenbus_suspend *enter(struct INTERFACE *interface, const char *method, uint8_t highest)
{
    struct xenbus_suspend *suspend = interface->Context;

    RULE(irql_current() <= highest, "vif-irql", "SUSPEND %s called at IRQL %u, allowed 0 to %u", method, irql_current(),
         highest);
    RULE(__atomic_load_n(&suspend->acquired, __ATOMIC_RELAXED) != 0, "vif-acquire", "SUSPEND %s called without Acquire",
         method);
    return suspend;
}

static MS_ABI int32_t suspend_Acquire(struct INTERFACE *interface)
{
    __atomic_add_fetch(&((struct xenbus_suspend *)interface->Context)->acquired, 1, __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

static MS_ABI void suspend_Release(struct INTERFACE *interface)
{
    __atomic_sub_fetch(&enter(interface, "Release", DISPATCH_LEVEL)->acquired, 1, __ATOMIC_SEQ_CST);
}

static MS_ABI int32_t suspend_Register(struct INTERFACE *interface, uint32_t type, void *function, void *argument,
                                       void **callback)
{
    struct xenbus_suspend *suspend = enter(interface, "Register", DISPATCH_LEVEL);
    struct suspend_callback *made, **link;

    if (type != SUSPEND_CALLBACK_EARLY && type != SUSPEND_CALLBACK_LATE) {
        return STATUS_INVALID_PARAMETER;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return STATUS_NO_MEMORY;
    }
    made->type = type;
    made->function = function;
    made->argument = argument;
    sched_lock(&suspend->lock);
    for (link = &suspend->callbacks; *link != NULL; link = &(*link)->next) {
    }
    *link = made;
    sched_unlock(&suspend->lock);
    *callback = made;
    return STATUS_SUCCESS;
}

static MS_ABI void suspend_Deregister(struct INTERFACE *interface, void *callback)
{
    struct xenbus_suspend *suspend = enter(interface, "Deregister", DISPATCH_LEVEL);
    struct suspend_callback **link, *found;

    sched_lock(&suspend->lock);
    for (link = &suspend->callbacks; *link != NULL && *link != callback; link = &(*link)->next) {
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    sched_unlock(&suspend->lock);
    RULE(found != NULL, "vif-suspend", "a suspend callback was deregistered that is not %s", "registered");
    free(found);
}

static MS_ABI int32_t suspend_Trigger(struct INTERFACE *interface)
{
    struct xenbus_suspend *suspend = enter(interface, "Trigger", PASSIVE_LEVEL);

    return suspend->trigger(suspend->context) == 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static MS_ABI uint32_t suspend_GetCount(struct INTERFACE *interface)
{
    return __atomic_load_n(&enter(interface, "GetCount", HIGH_LEVEL)->count, __ATOMIC_RELAXED);
}

void xenbus_suspend_fill(struct xenbus_suspend *suspend, void *interface)
{
    struct XENBUS_SUSPEND_INTERFACE_V1 *table = interface;

    memset(table, 0, sizeof(*table));
    table->Interface.Size = sizeof(*table);
    table->Interface.Version = 1;
    table->Interface.Context = suspend;
    table->Acquire = suspend_Acquire;
    table->Release = suspend_Release;
    table->Register = suspend_Register;
    table->Deregister = suspend_Deregister;
    table->Trigger = suspend_Trigger;
    table->GetCount = suspend_GetCount;
}

static void run(struct xenbus_suspend *suspend, uint32_t type)
{
    struct suspend_callback *list[SUSPEND_CALLBACKS_MAX];
    size_t count = 0;
    uint8_t irql;

    sched_lock(&suspend->lock);
    for (struct suspend_callback *c = suspend->callbacks; c != NULL && count < sizeof(list) / sizeof(list[0]);
         c = c->next) {
        if (c->type == type) {
            list[count++] = c;
        }
    }
    sched_unlock(&suspend->lock);
    irql = irql_raise(type == SUSPEND_CALLBACK_EARLY ? HIGH_LEVEL : DISPATCH_LEVEL);
    for (size_t i = 0; i < count; i++) {
        DRIVER_CALL_VOID(type == SUSPEND_CALLBACK_EARLY ? "suspend callback, early" : "suspend callback, late",
                         ((suspend_function *)list[i]->function)(list[i]->argument));
    }
    irql_lower(irql);
}

void xenbus_suspend_early(struct xenbus_suspend *suspend)
{
    run(suspend, SUSPEND_CALLBACK_EARLY);
    __atomic_add_fetch(&suspend->count, 1, __ATOMIC_RELAXED);
}

void xenbus_suspend_late(struct xenbus_suspend *suspend)
{
    run(suspend, SUSPEND_CALLBACK_LATE);
}

void xenbus_suspend_leaks(const struct xenbus_suspend *suspend, struct leaks *leaks)
{
    if (suspend->acquired != 0) {
        leak_add(leaks, "SUSPEND interface: %u references not released", suspend->acquired);
    }
    for (const struct suspend_callback *c = suspend->callbacks; c != NULL; c = c->next) {
        leak_add(leaks, "SUSPEND interface: %s callback not deregistered",
                 c->type == SUSPEND_CALLBACK_EARLY ? "an early" : "a late");
    }
}

void xenbus_suspend_stop(struct xenbus_suspend *suspend)
{
    while (suspend->callbacks != NULL) {
        struct suspend_callback *callback = suspend->callbacks;

        suspend->callbacks = callback->next;
        free(callback);
    }
}
