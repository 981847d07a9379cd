/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What wakes the watchdog: the send path raises the alarm, the watchdog's thread waits for it and clears Awake when it
 * goes to sleep. watchdog.c has the order of the two.
 */
#ifndef XENNET_ALARM_H
#define XENNET_ALARM_H

#include <ndis.h>
#include "memory.h"

typedef struct _XENNET_ALARM {
    volatile LONG Awake; // interlocked: sends may be outstanding, the thread looks every two seconds
    KEVENT Event;
} XENNET_ALARM;

// Nobody listens before the watchdog's thread runs, nobody raises it before packets move.
VOID AlarmInitialize(_Out_ XENNET_ALARM *Alarm);

_IRQL_requires_max_(DISPATCH_LEVEL)
RARELY_CALLED VOID AlarmWake(_Inout_ XENNET_ALARM *Alarm);

// At the end of each send call, at DISPATCH: one test as long as traffic goes on.
FORCEINLINE VOID
AlarmRaise(XENNET_ALARM *Alarm)
{
    if (!Alarm->Awake)
        AlarmWake(Alarm);
}

#endif
