/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS timer objects over nt's one-shot timers, and time. A timer function runs at DISPATCH_LEVEL on the processor
 * where the timer was allocated; a periodic timer sets itself again before it calls the driver, so that the driver may
 * cancel it there.
 */
#include <stdlib.h>

#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"

typedef void MS_ABI timer_function(void *, void *, void *, void *);

struct ndis_timer {
    struct ndis_object object;
    struct nt_timer *timer;
    timer_function *function;
    void *context, *default_context;
    uint32_t period; /* milliseconds, 0: once */
    uint32_t set;    /* waiting to fire */
};

static void fire(void *argument)
{
    struct ndis_timer *timer = argument;

    if (timer->period != 0) {
        timer_set(timer->timer, (uint64_t)timer->period * 1000000);
    } else {
        __atomic_store_n(&timer->set, 0, __ATOMIC_RELEASE);
    }
    DRIVER_CALL_VOID("NdisTimerFunction", timer->function(NULL, timer->context, NULL, NULL));
}

static int32_t MS_ABI allocate_timer(void *handle, struct NDIS_TIMER_CHARACTERISTICS *characteristics, void **result)
{
    struct ndis_timer *timer;
    char text[5];

    RULE(handle != NULL, "ndis-handle", "NdisAllocateTimerObject with a NULL handle");
    record_check(RECORD_TIMER, characteristics, ndis_version_simulated());
    RULE(characteristics->TimerFunction != NULL && characteristics->AllocationTag != 0, "ndis-timer",
         "a timer without function or tag");
    timer = ndis_alloc(sizeof(*timer));
    timer->function = (timer_function *)characteristics->TimerFunction;
    timer->default_context = characteristics->FunctionContext;
    timer->timer = timer_create(processor_current(), fire, timer);
    ndis_object_add(&timer->object, NDIS_KIND_TIMER, "timer '%s' was not freed",
                    ndis_tag_text(characteristics->AllocationTag, text));
    ndis_object_made_here(&timer->object);
    *result = timer;
    return NDIS_STATUS_SUCCESS;
}

/* Returns whether it was set already. Negative due times are relative, in 100 ns. */
static uint8_t MS_ABI set_timer(void *handle, int64_t due, uint32_t period, void *context)
{
    struct ndis_timer *timer = ndis_object_check(handle, NDIS_KIND_TIMER, "NdisSetTimerObject");
    uint8_t was;

    RULE(due <= 0, "ndis-timer", "NdisSetTimerObject with an absolute due time is not simulated");
    was = timer_cancel(timer->timer);
    timer->context = context != NULL ? context : timer->default_context;
    timer->period = period;
    __atomic_store_n(&timer->set, 1, __ATOMIC_RELEASE);
    timer_set(timer->timer, (uint64_t)-due * 100);
    return was;
}

static uint8_t MS_ABI set_coalescable(void *handle, int64_t due, uint32_t period, void *context, uint32_t tolerance)
{
    (void)tolerance; /* it may fire exactly when it is due */
    return set_timer(handle, due, period, context);
}

static uint8_t MS_ABI cancel_timer(void *handle)
{
    struct ndis_timer *timer = ndis_object_check(handle, NDIS_KIND_TIMER, "NdisCancelTimerObject");

    timer->period = 0;
    __atomic_store_n(&timer->set, 0, __ATOMIC_RELEASE);
    return timer_cancel(timer->timer);
}

static void MS_ABI free_timer(void *handle)
{
    struct ndis_timer *timer = ndis_object_check(handle, NDIS_KIND_TIMER, "NdisFreeTimerObject");

    RULE(__atomic_load_n(&timer->set, __ATOMIC_ACQUIRE) == 0, "ndis-timer",
         "NdisFreeTimerObject of a timer that is set");
    timer_destroy(timer->timer);
    ndis_object_remove(&timer->object);
    free(timer);
}

static void MS_ABI sleep_microseconds(uint32_t microseconds)
{
    struct nt_event never;

    event_init(&never, false, false);
    (void)event_wait(&never, (uint64_t)microseconds * 1000);
}

static void MS_ABI up_time(int64_t *milliseconds)
{
    *milliseconds = (int64_t)(sched_now() / 1000000);
}

static void MS_ABI system_time(int64_t *time)
{
    const int64_t start = 133536384000000000; /* 2024-03-01 in 100 ns since 1601: fixed, so that runs repeat */

    *time = start + (int64_t)(sched_now() / 100);
}

#define TIMER_EXPORTS(X)                                                                                               \
    X(NdisAllocateTimerObject, allocate_timer, PASSIVE_LEVEL, DISPATCH_LEVEL)                                          \
    X(NdisSetTimerObject, set_timer, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                    \
    X(NdisSetCoalescableTimerObject, set_coalescable, PASSIVE_LEVEL, DISPATCH_LEVEL)                                   \
    X(NdisCancelTimerObject, cancel_timer, PASSIVE_LEVEL, DISPATCH_LEVEL)                                              \
    X(NdisFreeTimerObject, free_timer, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                  \
    X(NdisMSleep, sleep_microseconds, PASSIVE_LEVEL, APC_LEVEL)                                                        \
    X(NdisGetSystemUpTimeEx, up_time, PASSIVE_LEVEL, HIGH_LEVEL)                                                       \
    X(NdisGetCurrentSystemTime, system_time, PASSIVE_LEVEL, HIGH_LEVEL)

void ndis_timer_exports(void)
{
    NDIS_EXPORTS(TIMER_EXPORTS);
}
