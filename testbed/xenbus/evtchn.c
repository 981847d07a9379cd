/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVTCHN 5 to 9 as XenBus gives it to a subscriber: event channels over xen/xen.h. The subscriber's callback runs where
 * the event comes from, like an interrupt: it may queue a DPC, and nothing that waits. From version 6 on Send asks for
 * DISPATCH_LEVEL, so that no suspend can come in between; WAIT may be called there too, and then spins on a machine.
 *
 * A channel is masked when it is opened, and by each event where its subscriber wants that. It is masked here and not
 * in the provider, whose handlers may not change their own channel. An event that comes meanwhile is kept: Unmask
 * delivers it by force, or leaves the channel masked and returns TRUE, and the caller looks once more by itself.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/sync/event.h"
#include "xenbus/services.h"

enum { TYPE_UNBOUND = 2, TYPE_INTER_DOMAIN = 3, VERSION_SEND_AT_DISPATCH = 6, VERSION_COUNT = 7, VERSION_FORCE = 8 };

enum { MASKED = 1, PENDING = 2 };

#define STATUS_TIMEOUT 0x102

typedef MS_ABI uint8_t service_routine(void *interrupt, void *argument);

struct channel {
    struct xenbus_item item;
    struct xen_event *event;
    service_routine *function;
    void *argument;
    bool mask;      /* masked by itself before each callback */
    uint32_t state; /* atomic: MASKED, PENDING */
    uint32_t count; /* events so far: a futex word */
};

static void deliver(struct channel *channel)
{
    __atomic_add_fetch(&channel->count, 1, __ATOMIC_SEQ_CST);
    sched_wake(&channel->count, UINT_MAX);
    (void)DRIVER_CALL("event channel callback", channel->function(NULL, channel->argument));
}

static void channel_event(void *argument)
{
    struct channel *channel = argument;
    uint32_t before = __atomic_load_n(&channel->state, __ATOMIC_RELAXED), after;

    do {
        after = (before & MASKED) != 0 ? before | PENDING : channel->mask ? MASKED : 0;
    } while (!__atomic_compare_exchange_n(&channel->state, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if ((before & MASKED) == 0) {
        deliver(channel);
    }
}

/* After the argument: the peer's domain, for an interdomain channel its port, and whether events mask the channel. */
static MS_CDECL struct channel *evtchn_Open(struct INTERFACE *interface, uint32_t type, service_routine *function,
                                            void *argument, ...)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Open", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct xen *xen = xenbus_xen(service->owner);
    ms_va_list arguments;
    struct channel *channel;
    uint32_t port = 0;
    uint16_t domain;
    bool mask;
    int result;

    RULE(type == TYPE_UNBOUND || type == TYPE_INTER_DOMAIN, "unsupported", "EVTCHN Open of type %u", type);
    ms_va_start(arguments, argument);
    domain = (uint16_t) __builtin_va_arg(arguments, uint32_t);
    if (type == TYPE_INTER_DOMAIN) {
        port = __builtin_va_arg(arguments, uint32_t);
    }
    mask = (uint8_t) __builtin_va_arg(arguments, uint32_t) != 0;
    ms_va_end(arguments);
    channel = xenbus_item_new(service, sizeof(*channel), type == TYPE_UNBOUND ? "unbound" : "interdomain");
    if (channel == NULL) {
        return NULL;
    }
    channel->function = function;
    channel->argument = argument;
    channel->mask = mask;
    channel->state = MASKED;
    result = type == TYPE_UNBOUND ? xen_event_open(xen, domain, channel_event, channel, &channel->event)
                                  : xen_event_bind(xen, domain, port, channel_event, channel, &channel->event);
    if (result < 0) {
        xenbus_item_take(service, channel, "Open");
        free(channel);
        return NULL;
    }
    snprintf(channel->item.name, sizeof(channel->item.name), "%u", xen_event_port(channel->event));
    return channel;
}

static struct channel *enter(struct INTERFACE *interface, struct channel *channel, const char *method, uint8_t lowest,
                             uint8_t highest)
{
    xenbus_item_check(xenbus_service_enter(interface, method, lowest, highest), channel, method);
    return channel;
}

/* Events come in their sender's context here, on whichever processor that is. */
static MS_ABI int32_t evtchn_Bind(struct INTERFACE *interface, struct channel *channel, uint16_t group, uint8_t number)
{
    (void)group, (void)number;
    enter(interface, channel, "Bind", PASSIVE_LEVEL, DISPATCH_LEVEL);
    return STATUS_SUCCESS;
}

/* TRUE: still masked, an event has come. */
static MS_ABI uint8_t evtchn_Unmask(struct INTERFACE *interface, struct channel *channel, uint8_t in_callback,
                                    uint8_t force)
{
    uint32_t before, after;

    (void)in_callback;
    enter(interface, channel, "Unmask", PASSIVE_LEVEL, HIGH_LEVEL);
    before = __atomic_load_n(&channel->state, __ATOMIC_RELAXED);
    do {
        after = (before & PENDING) == 0 ? 0 : !force || channel->mask ? MASKED : 0;
    } while (!__atomic_compare_exchange_n(&channel->state, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if ((before & PENDING) == 0 || !force) {
        return (before & PENDING) != 0;
    }
    deliver(channel);
    return false;
}

static MS_ABI void evtchn_UnmaskV4(struct INTERFACE *interface, struct channel *channel, uint8_t in_callback)
{
    (void)evtchn_Unmask(interface, channel, in_callback, true);
}

static MS_ABI void evtchn_SendV1(struct INTERFACE *interface, struct channel *channel)
{
    xen_event_send(enter(interface, channel, "Send", PASSIVE_LEVEL, HIGH_LEVEL)->event);
}

static MS_ABI void evtchn_Send(struct INTERFACE *interface, struct channel *channel)
{
    xen_event_send(enter(interface, channel, "Send", DISPATCH_LEVEL, HIGH_LEVEL)->event);
}

static MS_ABI void evtchn_Trigger(struct INTERFACE *interface, struct channel *channel)
{
    deliver(enter(interface, channel, "Trigger", PASSIVE_LEVEL, HIGH_LEVEL));
}

static MS_ABI uint32_t evtchn_GetCount(struct INTERFACE *interface, struct channel *channel)
{
    enter(interface, channel, "GetCount", PASSIVE_LEVEL, HIGH_LEVEL);
    return __atomic_load_n(&channel->count, __ATOMIC_SEQ_CST);
}

static int32_t wait(struct channel *channel, uint32_t count, const struct LARGE_INTEGER *timeout)
{
    uint64_t deadline = wait_deadline(timeout);

    for (;;) {
        uint32_t seen = __atomic_load_n(&channel->count, __ATOMIC_SEQ_CST);

        if ((int32_t)(seen - count) >= 0) {
            return STATUS_SUCCESS;
        }
        if (sched_now() >= deadline) {
            return STATUS_TIMEOUT;
        }
        (void)sched_wait(&channel->count, seen, deadline);
    }
}

static MS_ABI int32_t evtchn_Wait(struct INTERFACE *interface, struct channel *channel, uint32_t count,
                                  const struct LARGE_INTEGER *timeout)
{
    enter(interface, channel, "Wait", PASSIVE_LEVEL, DISPATCH_LEVEL);
    return wait(channel, count, timeout);
}

/* Before version 7: for the next event. */
static MS_ABI int32_t evtchn_WaitV5(struct INTERFACE *interface, struct channel *channel,
                                    const struct LARGE_INTEGER *timeout)
{
    enter(interface, channel, "Wait", PASSIVE_LEVEL, DISPATCH_LEVEL);
    return wait(channel, __atomic_load_n(&channel->count, __ATOMIC_SEQ_CST) + 1, timeout);
}

static MS_ABI uint32_t evtchn_GetPort(struct INTERFACE *interface, struct channel *channel)
{
    return xen_event_port(enter(interface, channel, "GetPort", PASSIVE_LEVEL, HIGH_LEVEL)->event);
}

static MS_ABI void evtchn_Close(struct INTERFACE *interface, struct channel *channel)
{
    xenbus_item_take(xenbus_service_enter(interface, "Close", PASSIVE_LEVEL, DISPATCH_LEVEL), channel, "Close");
    xen_event_close(channel->event);
    free(channel);
}

void xenbus_evtchn_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    bool counts = version >= VERSION_COUNT;
    void **method = xenbus_service_head(service, table, counts ? 11 : 10, version) + 2;

    *method++ = (void *)evtchn_Open;
    *method++ = (void *)evtchn_Bind;
    *method++ = version >= VERSION_FORCE ? (void *)evtchn_Unmask : (void *)evtchn_UnmaskV4;
    *method++ = version >= VERSION_SEND_AT_DISPATCH ? (void *)evtchn_Send : (void *)evtchn_SendV1;
    *method++ = (void *)evtchn_Trigger;
    if (counts) {
        *method++ = (void *)evtchn_GetCount;
    }
    *method++ = counts ? (void *)evtchn_Wait : (void *)evtchn_WaitV5;
    *method++ = (void *)evtchn_GetPort;
    *method++ = (void *)evtchn_Close;
}

void xenbus_evtchn_stop(struct xenbus_service *service)
{
    while (service->items != NULL) {
        struct channel *channel = (struct channel *)service->items;

        service->items = channel->item.next;
        xen_event_close(channel->event);
        free(channel);
    }
}
