/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power IRPs: sent down a stack by whoever stands for the power manager (the machine's sleep, NDIS), and on a driver's
 * behalf (PoRequestPowerIrp), which a task of the testbed's own then sends to the top of the device's stack.
 */
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "nt/export/register.h"
#include "nt/io/io_device.h"
#include "nt/io/pnp_bus.h"
#include "nt/memory/pool.h"

enum { SYSTEM_POWER_STATE = 0, DEVICE_POWER_STATE = 1, ACTION_NONE = 0, ACTION_SLEEP = 2 };

struct power {
    uint32_t type, state;
};

static void fill(struct IO_STACK_LOCATION *location, void *context)
{
    const struct power *power = context;

    location->Parameters.Power.Type = power->type;
    memcpy(&location->Parameters.Power.State, &power->state, sizeof(power->state));
    location->Parameters.Power.ShutdownType = power->state == 1 ? ACTION_NONE : ACTION_SLEEP;
}

static int32_t set_power(struct DEVICE_OBJECT *device, uint32_t type, uint32_t state)
{
    struct power power = { type, state };

    return irp_send(device, IRP_MJ_POWER, IRP_MN_SET_POWER, fill, &power, NULL);
}

int32_t pnp_set_device_power(struct DEVICE_OBJECT *device, uint32_t state)
{
    return set_power(device, DEVICE_POWER_STATE, state);
}

int32_t pnp_set_system_power(struct DEVICE_OBJECT *device, uint32_t state)
{
    return set_power(device, SYSTEM_POWER_STATE, state);
}

/* --- on a driver's behalf --- */

typedef MS_ABI void power_complete(struct DEVICE_OBJECT *, uint8_t minor, uint32_t state, void *context,
                                   struct IO_STATUS_BLOCK *result);

struct request {
    struct nt_work work;
    struct DEVICE_OBJECT *device;
    struct power power;
    uint8_t minor;
    power_complete *complete;
    void *context;
};

/* The record is gone before the driver hears of the end, after which it may unload. */
static void carry_out(void *argument)
{
    struct request request = *(struct request *)argument;
    struct IO_STATUS_BLOCK result = { 0 };

    pool_free(argument);
    result.Status =
        irp_send(pnp_top(device_of(request.device)), IRP_MJ_POWER, request.minor, fill, &request.power, NULL);
    if (request.complete != NULL) {
        DRIVER_CALL_VOID("power completion", request.complete(request.device, request.minor, request.power.state,
                                                              request.context, &result));
    }
}

/* Its IRP is the power manager's: `made` stays NULL, which the documents allow nobody to use after completion. */
static MS_ABI int32_t nt_PoRequestPowerIrp(struct DEVICE_OBJECT *device, uint8_t minor, uint32_t state,
                                           power_complete *complete, void *context, struct IRP **made)
{
    struct request *request;

    RULE(minor == IRP_MN_SET_POWER || minor == IRP_MN_QUERY_POWER, "unsupported",
         "PoRequestPowerIrp with minor function %u", minor);
    request = pool_alloc(sizeof(*request), 0x7277506f);
    if (made != NULL) {
        *made = NULL;
    }
    request->device = device;
    request->power = (struct power){ DEVICE_POWER_STATE, state };
    request->minor = minor;
    request->complete = complete;
    request->context = context;
    work_init(&request->work, carry_out, request);
    (void)work_queue(&request->work);
    return STATUS_PENDING;
}

/* Windows keeps the state for its own questions only. */
static MS_ABI uint32_t nt_PoSetPowerState(struct DEVICE_OBJECT *object, uint32_t type, uint32_t state)
{
    struct device *device = device_of(object);
    uint32_t before = device->power_state;

    if (type != DEVICE_POWER_STATE) {
        return state;
    }
    device->power_state = state;
    return before;
}

#define UP_TO(X, name) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)
#define POWER_EXPORTS(X)                                                                                               \
    UP_TO(X, PoRequestPowerIrp)                                                                                        \
    UP_TO(X, PoSetPowerState)

void power_start(void)
{
    EXPORT_REGISTER(POWER_EXPORTS);
}
