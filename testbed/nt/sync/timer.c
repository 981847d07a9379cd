/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: one list sorted by due time, one task that sleeps until the first is due. A timer that fires signals its
 * header, queues its DPC, and is armed again if it has a period.
 *
 * The list lies apart from the KTIMERs, whose memory a driver may use for something else by mistake; Header.Inserted
 * says that one is in it. The testbed's timers wrap one and differ in having a native DPC. All of it under one lock,
 * which nests inside nothing and has only the DPC queue's inside. A cancelled timer may be freed at once: its DPC may
 * still run, as on Windows.
 */
#include "nt/sync/timer.h"

#include <stdlib.h>
#include <string.h>

#include "nt/areas.h"
#include "nt/nt.h"
#include "nt/processor/dpc.h"
#include "nt/sync/event.h"
#include "run/order.h"
#include "nt/memory/guard.h"
#include "nt/processor/irql.h"

#define NS_PER_MS 1000000u
#define NATIVE    0x40u /* Header.TimerControlFlags: this KTIMER is a struct nt_timer's */

struct nt_timer {
    struct KTIMER timer; /* first */
    struct nt_dpc dpc;
    struct nt_timer *next; /* all created ones, for leaks */
};

static struct sched_lock lock;
static struct armed {
    struct KTIMER *timer;
    uint64_t due;
} *armed; /* by due time */
static size_t armed_count, armed_room;
static struct nt_timer *created;
static struct task *timer_task_handle;
static uint32_t changed; /* the timer task sleeps on it */
static bool stopping;

static bool is_armed(const struct KTIMER *timer)
{
    return timer->Header.Inserted;
}

static void unlink_timer(struct KTIMER *timer)
{
    size_t at = 0;
    while (at < armed_count && armed[at].timer != timer) {
        at++;
    }
    if (at < armed_count) {
        memmove(&armed[at], &armed[at + 1], (--armed_count - at) * sizeof(*armed));
    }
    timer->Header.Inserted = 0;
}

/* Behind those due at the same time. Returns whether it is the first now. */
static bool link_timer(struct KTIMER *timer, uint64_t due)
{
    size_t at = armed_count;
    if (armed_count == armed_room) {
        armed_room = armed_room != 0 ? armed_room * 2 : 64;
        armed = realloc(armed, armed_room * sizeof(*armed));
        if (armed == NULL) {
            fprintf(stderr, "testbed: no memory for timers\n");
            exit(1);
        }
    }
    while (at > 0 && armed[at - 1].due > due) {
        at--;
    }
    memmove(&armed[at + 1], &armed[at], (armed_count++ - at) * sizeof(*armed));
    armed[at] = (struct armed){ timer, due };
    timer->DueTime.QuadPart = due;
    timer->Header.Inserted = 1;
    return at == 0;
}

static void wake_task(void)
{
    __atomic_add_fetch(&changed, 1, __ATOMIC_SEQ_CST);
    sched_wake(&changed, 1);
}

/* Under the lock, so that a KTIMER cannot be freed by a cancelling owner before we are done with it. */
static void fire(struct KTIMER *timer, uint64_t now)
{
    unlink_timer(timer);
    order_acquire(timer);
    if (timer->Header.TimerControlFlags & NATIVE) {
        dpc_queue(&((struct nt_timer *)timer)->dpc);
        return;
    }
    if (timer->Period != 0) {
        uint64_t next = timer->DueTime.QuadPart + (uint64_t)timer->Period * NS_PER_MS;
        link_timer(timer, next > now ? next : now + 1);
    }
    struct KDPC *dpc = timer->Dpc;
    signal_set((uint32_t *)&timer->Header.SignalState, wait_epoch((struct DISPATCHER_HEADER *)timer));
    if (dpc != NULL) {
        kdpc_queue(dpc, (void *)(uintptr_t)(uint32_t)(clock_system_time()),
                   (void *)(uintptr_t)(clock_system_time() >> 32));
    }
}

static void timer_task(void *argument)
{
    (void)argument;
    for (;;) {
        uint32_t seen = __atomic_load_n(&changed, __ATOMIC_SEQ_CST);
        uint64_t next = SCHED_FOREVER;
        if (__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
            return;
        }
        sched_lock(&lock);
        uint64_t now = sched_now();
        while (armed_count != 0 && armed[0].due <= now) {
            fire(armed[0].timer, now);
        }
        if (armed_count != 0) {
            next = armed[0].due;
        }
        sched_unlock(&lock);
        task_self()->waits_for = "timers";
        sched_wait(&changed, seen, next);
    }
}

void ktimer_init(struct KTIMER *timer, bool synchronization)
{
    *timer = (struct KTIMER){ 0 };
    wait_header_init((struct DISPATCHER_HEADER *)timer,
                     synchronization ? DISPATCHER_SYNCHRONIZATION_TIMER : DISPATCHER_NOTIFICATION_TIMER, sizeof(*timer),
                     0);
    timer->Header.TimerControlFlags = 0;
}

bool ktimer_set(struct KTIMER *timer, uint64_t due, uint32_t period_ms, struct KDPC *dpc)
{
    sched_lock(&lock);
    bool was = is_armed(timer);
    if (on_this_stack(timer)) {
        task_self()->stack_timer = timer;
        task_self()->stack_set_in = guard_caller();
    }
    order_release(timer);
    if (was) {
        unlink_timer(timer);
    }
    signal_clear((uint32_t *)&timer->Header.SignalState);
    timer->Period = period_ms;
    timer->Dpc = dpc;
    bool first = link_timer(timer, due);
    sched_unlock(&lock);
    if (first) {
        wake_task();
    }
    return was;
}

bool ktimer_cancel(struct KTIMER *timer)
{
    sched_lock(&lock);
    bool was = is_armed(timer);
    if (was) {
        unlink_timer(timer);
    }
    sched_unlock(&lock);
    return was;
}

bool timer_armed_within(const void *address, size_t bytes)
{
    bool found = false;
    if (__atomic_load_n(&armed_count, __ATOMIC_RELAXED) == 0) {
        return false;
    }
    sched_lock(&lock);
    for (size_t i = 0; i < armed_count; i++) {
        found |= (uintptr_t)armed[i].timer - (uintptr_t)address < bytes;
    }
    sched_unlock(&lock);
    return found;
}

/* --- the testbed's own timers --- */

struct nt_timer *timer_create(uint32_t processor, void (*function)(void *), void *argument)
{
    struct nt_timer *timer = calloc(1, sizeof(*timer));
    if (timer == NULL) {
        fprintf(stderr, "testbed: no memory for a timer\n");
        exit(1);
    }
    ktimer_init(&timer->timer, false);
    timer->timer.Header.TimerControlFlags = NATIVE;
    dpc_init(&timer->dpc, processor, function, argument);
    sched_lock(&lock);
    timer->next = created;
    created = timer;
    sched_unlock(&lock);
    return timer;
}

void timer_set(struct nt_timer *timer, uint64_t delay_ns)
{
    sched_point("set timer");
    ktimer_set(&timer->timer, sched_now() + delay_ns, 0, NULL);
}

bool timer_cancel(struct nt_timer *timer)
{
    sched_point("cancel timer");
    return ktimer_cancel(&timer->timer);
}

void timer_destroy(struct nt_timer *timer)
{
    ktimer_cancel(&timer->timer);
    dpc_flush(&timer->dpc);
    sched_lock(&lock);
    struct nt_timer **link = &created;
    while (*link != timer) {
        link = &(*link)->next;
    }
    *link = timer->next;
    sched_unlock(&lock);
    free(timer);
}

void timer_start(void)
{
    armed_count = 0;
    created = NULL;
    stopping = false;
    timer_exports();
    timer_task_handle = task_spawn("timer", 0, timer_task, NULL);
}

void timer_stop(void)
{
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    wake_task();
    task_join(timer_task_handle);
}

void timer_leaks(struct leaks *leaks)
{
    sched_lock(&lock);
    for (size_t i = 0; i < armed_count; i++) {
        leak_add(leaks, "timer: one is still set, due at %llu ns, period %u ms", (unsigned long long)armed[i].due,
                 armed[i].timer->Period);
    }
    for (const struct nt_timer *timer = created; timer != NULL; timer = timer->next) {
        leak_add(leaks, "timer: one of the testbed's was not destroyed (processor %u)", timer->dpc.processor);
    }
    sched_unlock(&lock);
}
