/* SPDX-License-Identifier: BSD-2-Clause */
#include "alarm.h"

_Use_decl_annotations_
VOID
AlarmInitialize(XENNET_ALARM *Alarm)
{
    Alarm->Awake = FALSE;
    KeInitializeEvent(&Alarm->Event, SynchronizationEvent, FALSE);
}

_Use_decl_annotations_
VOID
AlarmWake(XENNET_ALARM *Alarm)
{
    if (InterlockedExchange(&Alarm->Awake, TRUE) == FALSE)
        (void)KeSetEvent(&Alarm->Event, IO_NO_INCREMENT, FALSE);
}
