/* SPDX-License-Identifier: BSD-2-Clause */
/* Events (KEVENT) under their NT names. Priority increments are accepted and mean nothing here. */
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/sync/event.h"

static uint32_t *word_of(struct KEVENT *event)
{
    RULE(event->Header.Type <= DISPATCHER_SYNCHRONIZATION_EVENT, "event",
         "an event was used that was not initialized as one (type %u)", event->Header.Type);
    return (uint32_t *)&event->Header.SignalState;
}

static MS_ABI void nt_KeInitializeEvent(struct KEVENT *event, uint32_t type, uint8_t state)
{
    RULE(type <= DISPATCHER_SYNCHRONIZATION_EVENT, "event", "KeInitializeEvent with type %u", type);
    kevent_init(event, type == DISPATCHER_SYNCHRONIZATION_EVENT, state != 0);
}

static MS_ABI int32_t nt_KeSetEvent(struct KEVENT *event, int32_t increment, uint8_t wait)
{
    (void)increment;
    RULE(!wait || irql_current() < DISPATCH_LEVEL, "irql", "KeSetEvent with Wait at IRQL %u", irql_current());
    return kevent_set(event);
}

static MS_ABI void nt_KeClearEvent(struct KEVENT *event)
{
    signal_clear(word_of(event));
}

static MS_ABI int32_t nt_KeResetEvent(struct KEVENT *event)
{
    return signal_clear(word_of(event));
}

static MS_ABI int32_t nt_KePulseEvent(struct KEVENT *event, int32_t increment, uint8_t wait)
{
    (void)increment;
    (void)wait;
    int32_t before = kevent_set(event);
    signal_clear(word_of(event));
    return before;
}

static MS_ABI int32_t nt_KeReadStateEvent(struct KEVENT *event)
{
    return __atomic_load_n(word_of(event), __ATOMIC_ACQUIRE) == 1;
}

#define EVENT_EXPORTS(X)                                                                                               \
    X("ntoskrnl.exe", KeInitializeEvent, nt_KeInitializeEvent, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                   \
    X("ntoskrnl.exe", KeSetEvent, nt_KeSetEvent, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                             \
    X("ntoskrnl.exe", KeClearEvent, nt_KeClearEvent, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeResetEvent, nt_KeResetEvent, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KePulseEvent, nt_KePulseEvent, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeReadStateEvent, nt_KeReadStateEvent, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void event_exports(void)
{
    EXPORT_REGISTER(EVENT_EXPORTS);
}
