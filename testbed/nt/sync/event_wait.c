/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KeWaitForSingleObject and KeWaitForMultipleObjects: by the object's type, which its dispatcher header tells.
 *
 * A wait for several objects sleeps on one word that every signal changes while such waits are under way (event.c). A
 * wait for all of them takes one after another and puts back what it took when one is missing; others may see that
 * moment, which Windows hides.
 */
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/sync/event_objects.h"
#include "nt/sync/thread.h"
#include "nt/sync/timer.h"

#define STATUS_TIMEOUT 0x102
#define MAX_OBJECTS    64 /* MAXIMUM_WAIT_OBJECTS */

static bool try_object(struct DISPATCHER_HEADER *header)
{
    switch (header->Type) {
    case DISPATCHER_NOTIFICATION_EVENT:
    case DISPATCHER_SYNCHRONIZATION_EVENT:
    case DISPATCHER_THREAD:
    case DISPATCHER_NOTIFICATION_TIMER:
    case DISPATCHER_SYNCHRONIZATION_TIMER:
        return signal_try((uint32_t *)&header->SignalState, wait_epoch(header));
    case DISPATCHER_SEMAPHORE:
        return semaphore_try((struct semaphore *)header);
    case DISPATCHER_MUTANT:
        return mutant_try((struct mutant *)header);
    default:
        rule_break("wait", "waited for something that is no event, timer, thread, semaphore or mutex (type %u)",
                   header->Type);
    }
}

static bool wait_object(struct DISPATCHER_HEADER *header, uint64_t deadline)
{
    switch (header->Type) {
    case DISPATCHER_SEMAPHORE:
        return semaphore_wait((struct semaphore *)header, deadline);
    case DISPATCHER_MUTANT:
        return mutant_wait((struct mutant *)header, deadline);
    default:
        return signal_wait((uint32_t *)&header->SignalState, wait_epoch(header), deadline);
    }
}

static const char *object_name(uint8_t type)
{
    switch (type) {
    case DISPATCHER_SEMAPHORE:
        return "a semaphore";
    case DISPATCHER_MUTANT:
        return "a mutex";
    case DISPATCHER_THREAD:
        return "the end of a system thread";
    case DISPATCHER_NOTIFICATION_TIMER:
    case DISPATCHER_SYNCHRONIZATION_TIMER:
        return "a timer";
    default:
        return "an event";
    }
}

uint64_t wait_deadline(const struct LARGE_INTEGER *timeout)
{
    if (timeout == NULL) {
        return SCHED_FOREVER;
    }
    const int64_t value = timeout->QuadPart, now = (int64_t)clock_system_time();
    const int64_t left = value <= 0 ? -value : value > now ? value - now : 0;
    return (uint64_t)left > (UINT64_MAX >> 8) / 100 ? SCHED_FOREVER : sched_now() + (uint64_t)left * 100;
}

static void check_irql(const char *name, const struct LARGE_INTEGER *timeout)
{
    const bool poll = timeout != NULL && timeout->QuadPart == 0;
    RULE(poll || irql_current() < DISPATCH_LEVEL, "irql",
         "%s called at IRQL %u with a timeout that is not zero, allowed is up to APC_LEVEL", name, irql_current());
    RULE(poll || task_self()->locks_held == 0, "lock", "%s may block with %u spin locks held", name,
         task_self()->locks_held);
}

static MS_ABI int32_t nt_KeWaitForSingleObject(struct DISPATCHER_HEADER *object, uint32_t reason, int8_t mode,
                                               uint8_t alertable, const struct LARGE_INTEGER *timeout)
{
    (void)reason;
    (void)mode;
    (void)alertable;
    check_irql("KeWaitForSingleObject", timeout);
    if (try_object(object)) {
        return STATUS_SUCCESS;
    }
    if (timeout != NULL && timeout->QuadPart == 0) {
        return STATUS_TIMEOUT;
    }
    task_self()->waits_for = object_name(object->Type);
    bool signalled = wait_object(object, wait_deadline(timeout));
    task_self()->waits_for = NULL;
    return signalled ? STATUS_SUCCESS : STATUS_TIMEOUT;
}

static void put_back(struct DISPATCHER_HEADER *header)
{
    if (wait_epoch(header) != NULL) {
        return;
    }
    if (header->Type == DISPATCHER_SEMAPHORE || header->Type == DISPATCHER_MUTANT) {
        rule_break("wait",
                   "KeWaitForMultipleObjects for all of several objects supports events, timers and threads, not %s",
                   object_name(header->Type));
    }
    signal_set((uint32_t *)&header->SignalState, NULL);
}

/* Index of the object taken, count for all, or -1. */
static int32_t try_several(uint32_t count, struct DISPATCHER_HEADER *const *objects, bool any)
{
    for (uint32_t i = 0; i < count; i++) {
        bool taken = try_object(objects[i]);
        if (taken && any) {
            return (int32_t)i;
        }
        if (!taken && !any) {
            while (i-- > 0) {
                put_back(objects[i]);
            }
            return -1;
        }
    }
    return any ? -1 : (int32_t)count;
}

static MS_ABI int32_t nt_KeWaitForMultipleObjects(uint32_t count, struct DISPATCHER_HEADER *const *objects,
                                                  uint32_t wait_type, uint32_t reason, int8_t mode, uint8_t alertable,
                                                  const struct LARGE_INTEGER *timeout, void *blocks)
{
    (void)reason;
    (void)mode;
    (void)alertable;
    (void)blocks;
    check_irql("KeWaitForMultipleObjects", timeout);
    RULE(count >= 1 && count <= MAX_OBJECTS, "wait", "KeWaitForMultipleObjects for %u objects", count);
    const bool any = wait_type == 1;
    const uint64_t deadline = wait_deadline(timeout);
    for (bool in_time = true;;) {
        uint32_t seen = several_begin();
        int32_t taken = try_several(count, objects, any);
        if (taken < 0 && in_time && !(timeout != NULL && timeout->QuadPart == 0)) {
            task_self()->waits_for = any ? "any of several objects" : "all of several objects";
            in_time = several_wait(seen, deadline);
            task_self()->waits_for = NULL;
            several_end();
            continue;
        }
        several_end();
        return taken < 0 ? STATUS_TIMEOUT : any ? taken : STATUS_SUCCESS;
    }
}

static MS_ABI int32_t nt_KeDelayExecutionThread(int8_t mode, uint8_t alertable, const struct LARGE_INTEGER *interval)
{
    uint32_t never = 0;
    const uint64_t deadline = wait_deadline(interval);
    (void)mode;
    (void)alertable;
    task_self()->waits_for = "time to pass";
    while (sched_wait(&never, 0, deadline)) {
    }
    task_self()->waits_for = NULL;
    return STATUS_SUCCESS;
}

#define WAIT_EXPORTS(X)                                                                                                \
    X("ntoskrnl.exe", KeWaitForSingleObject, nt_KeWaitForSingleObject, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", KeWaitForMutexObject, nt_KeWaitForSingleObject, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)        \
    X("ntoskrnl.exe", KeWaitForMultipleObjects, nt_KeWaitForMultipleObjects, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7) \
    X("ntoskrnl.exe", KeDelayExecutionThread, nt_KeDelayExecutionThread, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)

void wait_exports(void)
{
    EXPORT_REGISTER(WAIT_EXPORTS);
}
