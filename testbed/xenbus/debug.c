/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEBUG 1 as XenBus gives it to a subscriber: callbacks that print their state when the toolstack asks for it (`xl
 * debug-keys`), and Printf, which works inside such a callback. What is printed goes where DbgPrint goes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/check/debug.h"
#include "nt/rtl/string_format.h"
#include "xenbus/services.h"

enum { LINE_BYTES = 512 };

typedef MS_ABI void debug_function(void *argument, uint8_t crashing);

struct debug_callback {
    struct xenbus_item item;
    debug_function *function;
    void *argument;
};

static MS_ABI int32_t debug_Register(struct INTERFACE *interface, const char *prefix, debug_function *function,
                                     void *argument, struct debug_callback **made)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Register", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct debug_callback *callback = xenbus_item_new(service, sizeof(*callback), prefix);

    if (callback == NULL) {
        return STATUS_NO_MEMORY;
    }
    callback->function = function;
    callback->argument = argument;
    *made = callback;
    return STATUS_SUCCESS;
}

static MS_CDECL void debug_Printf(struct INTERFACE *interface, const char *format, ...)
{
    ms_va_list arguments;
    char line[LINE_BYTES];
    size_t length;

    (void)xenbus_service_enter(interface, "Printf", PASSIVE_LEVEL, HIGH_LEVEL);
    ms_va_start(arguments, format);
    length = format_narrow(line, sizeof(line) - 1, format, arguments).length;
    ms_va_end(arguments);
    line[length < sizeof(line) ? length : sizeof(line) - 1] = '\0';
    debug_note(line);
}

static MS_ABI void debug_Trigger(struct INTERFACE *interface, struct debug_callback *callback)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Trigger", PASSIVE_LEVEL, DISPATCH_LEVEL);

    if (callback == NULL) {
        xenbus_debug_run(service);
        return;
    }
    xenbus_item_check(service, callback, "Trigger");
    DRIVER_CALL_VOID("debug callback", callback->function(callback->argument, false));
}

static MS_ABI void debug_Deregister(struct INTERFACE *interface, struct debug_callback *callback)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Deregister", PASSIVE_LEVEL, DISPATCH_LEVEL);

    xenbus_item_take(service, callback, "Deregister");
    free(callback);
}

void xenbus_debug_run(struct xenbus_service *service)
{
    for (struct xenbus_item *item = service->items; item != NULL; item = item->next) {
        struct debug_callback *callback = (struct debug_callback *)item;

        DRIVER_CALL_VOID("debug callback", callback->function(callback->argument, false));
    }
}

void xenbus_debug_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    void **method = xenbus_service_head(service, table, 6, version) + 2;

    *method++ = (void *)debug_Register;
    *method++ = (void *)debug_Printf;
    *method++ = (void *)debug_Trigger;
    *method++ = (void *)debug_Deregister;
}
