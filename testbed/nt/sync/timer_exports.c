/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers and clocks under their NT names. The clocks stand on sched_now: a simulated run begins at a fixed date, a live
 * one at the host's.
 */
#include <time.h>

#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/processor/dpc.h"
#include "nt/sync/event.h"
#include "nt/sync/timer.h"

#define TICK_100NS            156250u                  /* 15.625 ms, as on most machines */
#define TICKS_PER_SECOND      10000000u                /* KeQueryPerformanceCounter: 100 ns */
#define BOOT_AGE_100NS        (60u * TICKS_PER_SECOND) /* the machine has run for a minute when the testbed starts */
#define UNIX_EPOCH_100NS      116444736000000000u
#define SIMULATED_START_100NS 133801632000000000u /* 1 January 2025 */

uint64_t clock_system_time(void)
{
    if (sched_is_simulated) {
        return SIMULATED_START_100NS + sched_now() / 100;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return UNIX_EPOCH_100NS + (uint64_t)now.tv_sec * TICKS_PER_SECOND + (uint64_t)now.tv_nsec / 100;
}

uint64_t clock_interrupt_time(void)
{
    return BOOT_AGE_100NS + sched_now() / 100;
}

/* --- clocks --- */

static MS_ABI int64_t nt_KeQueryPerformanceCounter(struct LARGE_INTEGER *frequency)
{
    if (frequency != NULL) {
        frequency->QuadPart = TICKS_PER_SECOND;
    }
    return (int64_t)clock_interrupt_time();
}

static MS_ABI void nt_KeQuerySystemTimePrecise(struct LARGE_INTEGER *time)
{
    time->QuadPart = (int64_t)clock_system_time();
}

static MS_ABI uint64_t nt_KeQueryInterruptTime(void)
{
    return clock_interrupt_time();
}

static MS_ABI uint64_t nt_KeQueryInterruptTimePrecise(uint64_t *counter)
{
    uint64_t now = clock_interrupt_time();
    if (counter != NULL) {
        *counter = now;
    }
    return now;
}

static MS_ABI uint32_t nt_KeQueryTimeIncrement(void)
{
    return TICK_100NS;
}

static MS_ABI void nt_KeQueryTickCount(struct LARGE_INTEGER *ticks)
{
    ticks->QuadPart = (int64_t)(clock_interrupt_time() / TICK_100NS);
}

static MS_ABI void nt_KeStallExecutionProcessor(uint32_t microseconds)
{
    const uint64_t until = sched_now() + (uint64_t)microseconds * 1000;
    uint32_t never = 0;
    while (sched_now() < until) {
        if (sched_is_simulated) {
            sched_wait(&never, 0, until);
        } else {
            __builtin_ia32_pause();
        }
    }
}

static MS_ABI void nt_ExSystemTimeToLocalTime(const struct LARGE_INTEGER *system, struct LARGE_INTEGER *local)
{
    local->QuadPart = system->QuadPart; /* the simulated machine keeps UTC */
}

/* RtlTimeToTimeFields' TIME_FIELDS. */
struct time_fields {
    int16_t year, month, day, hour, minute, second, milliseconds, weekday;
};

static MS_ABI void nt_RtlTimeToTimeFields(const struct LARGE_INTEGER *time, struct time_fields *fields)
{
    const time_t seconds = (time_t)((time->QuadPart - (int64_t)UNIX_EPOCH_100NS) / (int64_t)TICKS_PER_SECOND);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    *fields = (struct time_fields){ (int16_t)(parts.tm_year + 1900),
                                    (int16_t)(parts.tm_mon + 1),
                                    (int16_t)parts.tm_mday,
                                    (int16_t)parts.tm_hour,
                                    (int16_t)parts.tm_min,
                                    (int16_t)parts.tm_sec,
                                    (int16_t)(time->QuadPart % (int64_t)TICKS_PER_SECOND / 10000),
                                    (int16_t)parts.tm_wday };
}

/* --- timers --- */

static void check_timer(const struct KTIMER *timer)
{
    RULE(timer->Header.Type == DISPATCHER_NOTIFICATION_TIMER || timer->Header.Type == DISPATCHER_SYNCHRONIZATION_TIMER,
         "timer", "a timer was used that was not initialized as one (type %u)", timer->Header.Type);
}

static MS_ABI void nt_KeInitializeTimer(struct KTIMER *timer)
{
    RULE(!timer_armed_within(timer, sizeof(*timer)), "timer", "timer initialized while it is set");
    ktimer_init(timer, false);
}

static MS_ABI void nt_KeInitializeTimerEx(struct KTIMER *timer, uint32_t type)
{
    RULE(!timer_armed_within(timer, sizeof(*timer)), "timer", "timer initialized while it is set");
    ktimer_init(timer, type == 1);
}

/* LARGE_INTEGER is passed by value: eight bytes, in a register. */
static MS_ABI uint8_t nt_KeSetTimerEx(struct KTIMER *timer, int64_t due, int32_t period, struct KDPC *dpc)
{
    struct LARGE_INTEGER when = { .QuadPart = due };
    check_timer(timer);
    RULE(period >= 0, "timer", "KeSetTimerEx with period %d", period);
    return ktimer_set(timer, wait_deadline(&when), (uint32_t)period, dpc);
}

static MS_ABI uint8_t nt_KeSetTimer(struct KTIMER *timer, int64_t due, struct KDPC *dpc)
{
    return nt_KeSetTimerEx(timer, due, 0, dpc);
}

static MS_ABI uint8_t nt_KeSetCoalescableTimer(struct KTIMER *timer, int64_t due, uint32_t period, uint32_t tolerance,
                                               struct KDPC *dpc)
{
    (void)tolerance;
    return nt_KeSetTimerEx(timer, due, (int32_t)period, dpc);
}

static MS_ABI uint8_t nt_KeCancelTimer(struct KTIMER *timer)
{
    check_timer(timer);
    return ktimer_cancel(timer);
}

static MS_ABI uint8_t nt_KeReadStateTimer(const struct KTIMER *timer)
{
    check_timer(timer);
    return __atomic_load_n(&timer->Header.SignalState, __ATOMIC_ACQUIRE) == 1;
}

#define TIMER_EXPORTS(X)                                                                                               \
    X("ntoskrnl.exe", KeQueryPerformanceCounter, nt_KeQueryPerformanceCounter, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)   \
    X("ntoskrnl.exe", KeQuerySystemTime, nt_KeQuerySystemTimePrecise, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)            \
    X("ntoskrnl.exe", KeQuerySystemTimePrecise, nt_KeQuerySystemTimePrecise, PASSIVE_LEVEL, HIGH_LEVEL, 9200)          \
    X("ntoskrnl.exe", KeQueryInterruptTime, nt_KeQueryInterruptTime, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeQueryInterruptTimePrecise, nt_KeQueryInterruptTimePrecise, PASSIVE_LEVEL, HIGH_LEVEL, 9200)    \
    X("ntoskrnl.exe", KeQueryUnbiasedInterruptTime, nt_KeQueryInterruptTime, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)     \
    X("ntoskrnl.exe", KeQueryTimeIncrement, nt_KeQueryTimeIncrement, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeQueryTickCount, nt_KeQueryTickCount, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", KeStallExecutionProcessor, nt_KeStallExecutionProcessor, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)   \
    X("ntoskrnl.exe", ExSystemTimeToLocalTime, nt_ExSystemTimeToLocalTime, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", RtlTimeToTimeFields, nt_RtlTimeToTimeFields, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", KeInitializeTimer, nt_KeInitializeTimer, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", KeInitializeTimerEx, nt_KeInitializeTimerEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)           \
    X("ntoskrnl.exe", KeSetTimer, nt_KeSetTimer, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                             \
    X("ntoskrnl.exe", KeSetTimerEx, nt_KeSetTimerEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeSetCoalescableTimer, nt_KeSetCoalescableTimer, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", KeCancelTimer, nt_KeCancelTimer, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", KeReadStateTimer, nt_KeReadStateTimer, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void timer_exports(void)
{
    EXPORT_REGISTER(TIMER_EXPORTS);
}
