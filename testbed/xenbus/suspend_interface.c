/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SUSPEND 1 as XenBus gives it to the drivers above XenVif, and a suspend and resume as a migration brings them: early
 * callbacks at HIGH_LEVEL, the frontend torn down and connected again, late callbacks at DISPATCH_LEVEL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenvif/internal.h"

#define COME_BACK_PATIENCE (10ull * 1000000000ull)
#define RESUME_PATIENCE    (500ull * 1000000000ull) /* an emulated machine */

typedef MS_ABI void suspend_function(void *argument);

static struct vif *enter(struct INTERFACE *interface, const char *method, uint8_t highest)
{
    struct vif *vif = interface->Context;

    RULE(irql_current() <= highest, "vif-irql", "SUSPEND %s called at IRQL %u, allowed 0 to %u", method, irql_current(),
         highest);
    RULE(__atomic_load_n(&vif->suspend_acquired, __ATOMIC_RELAXED) != 0, "vif-acquire",
         "SUSPEND %s called without Acquire", method);
    return vif;
}

static MS_ABI int32_t suspend_Acquire(struct INTERFACE *interface)
{
    __atomic_add_fetch(&((struct vif *)interface->Context)->suspend_acquired, 1, __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

static MS_ABI void suspend_Release(struct INTERFACE *interface)
{
    __atomic_sub_fetch(&enter(interface, "Release", DISPATCH_LEVEL)->suspend_acquired, 1, __ATOMIC_SEQ_CST);
}

static MS_ABI int32_t suspend_Register(struct INTERFACE *interface, uint32_t type, void *function, void *argument,
                                       void **callback)
{
    struct vif *vif = enter(interface, "Register", DISPATCH_LEVEL);
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
    sched_lock(&vif->lock);
    for (link = &vif->suspend_callbacks; *link != NULL; link = &(*link)->next) {
    }
    *link = made;
    sched_unlock(&vif->lock);
    *callback = made;
    return STATUS_SUCCESS;
}

static MS_ABI void suspend_Deregister(struct INTERFACE *interface, void *callback)
{
    struct vif *vif = enter(interface, "Deregister", DISPATCH_LEVEL);
    struct suspend_callback **link, *found;

    sched_lock(&vif->lock);
    for (link = &vif->suspend_callbacks; *link != NULL && *link != callback; link = &(*link)->next) {
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    sched_unlock(&vif->lock);
    RULE(found != NULL, "vif-suspend", "a suspend callback was deregistered that is not %s", "registered");
    free(found);
}

static MS_ABI int32_t suspend_Trigger(struct INTERFACE *interface)
{
    return vif_suspend_resume(enter(interface, "Trigger", PASSIVE_LEVEL)) == 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static MS_ABI uint32_t suspend_GetCount(struct INTERFACE *interface)
{
    return __atomic_load_n(&enter(interface, "GetCount", HIGH_LEVEL)->suspend_count, __ATOMIC_RELAXED);
}

void interface_fill_suspend(struct vif *vif, void *interface)
{
    struct XENBUS_SUSPEND_INTERFACE_V1 *table = interface;

    memset(table, 0, sizeof(*table));
    table->Interface.Size = sizeof(*table);
    table->Interface.Version = 1;
    table->Interface.Context = vif;
    table->Acquire = suspend_Acquire;
    table->Release = suspend_Release;
    table->Register = suspend_Register;
    table->Deregister = suspend_Deregister;
    table->Trigger = suspend_Trigger;
    table->GetCount = suspend_GetCount;
}

void suspend_run(struct vif *vif, uint32_t type)
{
    struct suspend_callback *list[32];
    size_t count = 0;
    uint8_t irql;

    sched_lock(&vif->lock);
    for (struct suspend_callback *c = vif->suspend_callbacks; c != NULL && count < sizeof(list) / sizeof(list[0]);
         c = c->next) {
        if (c->type == type) {
            list[count++] = c;
        }
    }
    sched_unlock(&vif->lock);
    irql = irql_raise(type == SUSPEND_CALLBACK_EARLY ? HIGH_LEVEL : DISPATCH_LEVEL);
    for (size_t i = 0; i < count; i++) {
        DRIVER_CALL_VOID(type == SUSPEND_CALLBACK_EARLY ? "suspend callback, early" : "suspend callback, late",
                         ((suspend_function *)list[i]->function)(list[i]->argument));
    }
    irql_lower(irql);
}

int vif_suspend_resume(struct vif *vif)
{
    suspend_run(vif, SUSPEND_CALLBACK_EARLY);
    __atomic_add_fetch(&vif->suspend_count, 1, __ATOMIC_RELAXED);
    frontend_cycle(vif);
    if (!frontend_wait_connected(vif, COME_BACK_PATIENCE)) {
        return -1;
    }
    suspend_run(vif, SUSPEND_CALLBACK_LATE);
    return 0;
}

void vif_suspend(struct vif *vif)
{
    frontend_stop(vif);
}

bool vif_resume(struct vif *vif, char *error, size_t size)
{
    suspend_run(vif, SUSPEND_CALLBACK_EARLY);
    __atomic_add_fetch(&vif->suspend_count, 1, __ATOMIC_RELAXED);
    if (frontend_restart(vif) < 0) {
        snprintf(error, size, "the resumed domain's network device is not in xenstore");
        return false;
    }
    if (!frontend_wait_connected(vif, RESUME_PATIENCE)) {
        snprintf(error, size, "the virtual interface did not connect again after the resume");
        return false;
    }
    suspend_run(vif, SUSPEND_CALLBACK_LATE);
    return true;
}

void suspend_destroy(struct vif *vif)
{
    while (vif->suspend_callbacks != NULL) {
        struct suspend_callback *callback = vif->suspend_callbacks;

        vif->suspend_callbacks = callback->next;
        free(callback);
    }
}
