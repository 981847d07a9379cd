/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals, and events on top of them.
 *
 * Setting costs a system call only when somebody may sleep: a sleeper leaves SIGNAL_SLEEPERS in the word, and one that
 * has slept and takes an auto-reset signal leaves it there again, because others may still sleep.
 *
 * A notification event has an epoch beside the word, counted up before each set: who waited when it was set may go even
 * when the event has been cleared since, as on Windows.
 *
 * After the store that signals, the setter touches nothing but the word's address: a waiter may free the event at once.
 */
#include "nt/sync/event.h"

#include <limits.h>

#include "nt/areas.h"
#include "nt/nt.h"
#include "run/order.h"

/* Waits for several objects sleep here: any signal changes the word while such a wait is under way. */
static uint32_t several_waiting, several_word;

void signal_announce(void)
{
    if (__builtin_expect(__atomic_load_n(&several_waiting, __ATOMIC_SEQ_CST) != 0, 0)) {
        __atomic_add_fetch(&several_word, 1, __ATOMIC_SEQ_CST);
        sched_wake(&several_word, UINT_MAX);
    }
}

uint32_t several_begin(void)
{
    __atomic_add_fetch(&several_waiting, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&several_word, __ATOMIC_SEQ_CST);
}

bool several_wait(uint32_t seen, uint64_t deadline)
{
    return sched_wait(&several_word, seen, deadline);
}

void several_end(void)
{
    __atomic_sub_fetch(&several_waiting, 1, __ATOMIC_SEQ_CST);
}

bool signal_set(uint32_t *word, uint32_t *epoch)
{
    order_release(word);
    if (epoch != NULL) {
        __atomic_add_fetch(epoch, 1, __ATOMIC_SEQ_CST);
    }
    uint32_t before = __atomic_exchange_n(word, 1, __ATOMIC_SEQ_CST);
    if (before == SIGNAL_SLEEPERS) {
        sched_wake(word, epoch != NULL ? UINT_MAX : 1);
    }
    signal_announce();
    return before == 1;
}

bool signal_clear(uint32_t *word)
{
    uint32_t signalled = 1;
    return __atomic_compare_exchange_n(word, &signalled, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static bool take(uint32_t *word, const uint32_t *epoch, uint32_t leave)
{
    uint32_t signalled = 1;
    const bool taken =
        epoch != NULL ? __atomic_load_n(word, __ATOMIC_ACQUIRE) == 1
                      : __atomic_compare_exchange_n(word, &signalled, leave, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
    if (taken) {
        order_acquire(word);
    }
    return taken;
}

bool signal_try(uint32_t *word, const uint32_t *epoch)
{
    return take(word, epoch, 0);
}

bool signal_wait(uint32_t *word, const uint32_t *epoch, uint64_t deadline)
{
    uint32_t began = epoch != NULL ? __atomic_load_n(epoch, __ATOMIC_SEQ_CST) : 0;
    if (take(word, epoch, 0)) {
        return true;
    }
    for (;;) {
        uint32_t found = 0;
        task_self()->waits_on = word;
        __atomic_compare_exchange_n(word, &found, SIGNAL_SLEEPERS, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        bool in_time = found == 1 || sched_wait(word, SIGNAL_SLEEPERS, deadline);
        task_self()->waits_on = NULL;
        if (take(word, epoch, SIGNAL_SLEEPERS) ||
            (epoch != NULL && __atomic_load_n(epoch, __ATOMIC_SEQ_CST) != began)) {
            order_acquire(word);
            return true;
        }
        if (!in_time) {
            return false;
        }
    }
}

static uint32_t *event_epoch(struct nt_event *event)
{
    return event->auto_reset ? NULL : &event->epoch;
}

void event_init(struct nt_event *event, bool auto_reset, bool set)
{
    *event = (struct nt_event){ set, auto_reset, 0 };
}

void event_set(struct nt_event *event)
{
    sched_point("set event");
    signal_set(&event->set, event_epoch(event));
}

void event_clear(struct nt_event *event)
{
    signal_clear(&event->set);
}

bool event_wait(struct nt_event *event, uint64_t timeout_ns)
{
    struct task *task = task_self();
    sched_point("wait for event");
    if (timeout_ns == 0) {
        return signal_try(&event->set, event_epoch(event));
    }
    RULE(task->irql < DISPATCH_LEVEL, "irql", "waited for an event at IRQL %u", task->irql);
    uint64_t deadline = timeout_ns == SCHED_FOREVER ? SCHED_FOREVER : sched_now() + timeout_ns;
    task->waits_for = "an event";
    bool signalled = signal_wait(&event->set, event_epoch(event), deadline);
    task->waits_for = NULL;
    return signalled;
}

void wait_header_init(struct DISPATCHER_HEADER *header, enum dispatcher_type type, size_t bytes, int32_t state)
{
    *header = (struct DISPATCHER_HEADER){ 0 };
    header->Type = (uint8_t)type;
    header->Size = (uint8_t)(bytes / sizeof(uint32_t));
    header->SignalState = state;
}

uint32_t *wait_epoch(struct DISPATCHER_HEADER *header)
{
    switch (header->Type) {
    case DISPATCHER_NOTIFICATION_EVENT:
    case DISPATCHER_NOTIFICATION_TIMER:
    case DISPATCHER_THREAD:
        return (uint32_t *)&header->WaitListHead;
    default:
        return NULL;
    }
}

void kevent_init(struct KEVENT *event, bool auto_reset, bool set)
{
    wait_header_init((struct DISPATCHER_HEADER *)event,
                     auto_reset ? DISPATCHER_SYNCHRONIZATION_EVENT : DISPATCHER_NOTIFICATION_EVENT, sizeof(*event),
                     set);
}

bool kevent_set(struct KEVENT *event)
{
    RULE(event->Header.Type <= DISPATCHER_SYNCHRONIZATION_EVENT, "event",
         "an event was set that was not initialized as one (type %u)", event->Header.Type);
    return signal_set((uint32_t *)&event->Header.SignalState, wait_epoch((struct DISPATCHER_HEADER *)event));
}

void event_start(void)
{
    event_exports();
    wait_exports();
    mutex_exports();
}

void event_stop(void)
{
}
