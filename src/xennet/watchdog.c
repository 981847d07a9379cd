/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog: a thread for each adapter. While sends are out it looks every two seconds; with none it sleeps until
 * the next one wakes it, so an idle machine stays idle.
 *
 * The send path sorts what is out by age (XENNET_TRANSMIT_COUNTERS.Out). When something is four to six seconds old,
 * neither XenVif nor the backend is going to return it soon, and StateRecover takes everything back: XenVif aborts what
 * it has when it is disabled. Where it cannot be enabled again, since there is no backend, sends are refused until one
 * of the next tries succeeds; between tries the wait doubles up to half a minute. That is also what a reset that NDIS
 * asks for does.
 *
 * NDIS's own check for hangs would come to the same, but is discouraged since 6.83 and may not be used on every system
 * (MiniportCheckForHangEx), so this works alike on all of them.
 *
 * IRQL: the thread runs at PASSIVE. Gate keeps it and the handlers of pause and restart apart; who holds it may wait
 * for XenVif. The alarm: TransmitSend counts its NBLs before it reads Awake, the thread clears Awake, waits until every
 * processor has been below DISPATCH, and only then reads the counts.
 */
#include "watchdog.h"
#include "adapter.h"
#include "report.h"
#include "memory.h"
#include "min_max.h"
#include "state.h"
#include "transmit.h"

#define WATCHDOG_PERIOD   (-2 * 10000000LL) // 2 s in 100 ns, relative
#define WATCHDOG_MAX_WAIT 16                // periods

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogTakeGate(XENNET_WATCHDOG *Watchdog)
{
    (void)KeWaitForSingleObject(&Watchdog->Gate, Executive, KernelMode, FALSE, NULL);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogLeaveGate(XENNET_WATCHDOG *Watchdog)
{
    (void)KeSetEvent(&Watchdog->Gate, IO_NO_INCREMENT, FALSE);
}

static ULONG64
WatchdogCountOut(XENNET_WATCHDOG *Watchdog)
{
    XENNET_TRANSMIT_COUNTERS Counters;

    TransmitReadCounters(Watchdog->Adapter->Transmit, &Counters);
    return Counters.Lists - Counters.ListsCompleted;
}

// NBLs of the oldest age that are out; the age is four to six seconds in the past when it is looked at.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
WatchdogAgeIsOut(XENNET_WATCHDOG *Watchdog, ULONG Age)
{
    XENNET_TRANSMIT_COUNTERS Counters;

    TransmitReadCounters(Watchdog->Adapter->Transmit, &Counters);
    if (Counters.Out[Age] == 0)
        return FALSE;
    // A sum that was taken while one was on its way counts it nowhere or twice: once more.
    KeFlushQueuedDpcs();
    TransmitReadCounters(Watchdog->Adapter->Transmit, &Counters);
    return Counters.Out[Age] != 0;
}

// Gate is held. FALSE: XenVif does not work, and the wait for the next try is longer.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
WatchdogRecover(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;
    ULONG Out = (ULONG)WatchdogCountOut(Watchdog);
    BOOLEAN Works;

    Works = StateRecover(Adapter);
    ReportRecovery(&Adapter->Context.Reporter, Out, Works, ++Watchdog->Recoveries);
    Watchdog->Waited = 0;
    Watchdog->Wait = Works ? 0 : XENNET_MIN(XENNET_MAX(Watchdog->Wait * 2, 1), WATCHDOG_MAX_WAIT);
    return Works;
}

// Nothing is out: sleep until the next send, unless one has come meanwhile.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogSleep(XENNET_WATCHDOG *Watchdog)
{
    (void)InterlockedExchange(&Watchdog->Adapter->Context.Alarm.Awake, FALSE);
    KeFlushQueuedDpcs();
    if (WatchdogCountOut(Watchdog) != 0)
        (void)InterlockedExchange(&Watchdog->Adapter->Context.Alarm.Awake, TRUE);
}

// Gate is held, two seconds have passed.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogLook(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;
    ULONG Oldest = (Watchdog->Age + 1) % XENNET_TRANSMIT_AGES;

    if (!Watchdog->Enabled || Adapter->Context.Gone) {
        WatchdogSleep(Watchdog);
        return;
    }
    if (Watchdog->Wait != 0) {
        if (++Watchdog->Waited >= Watchdog->Wait)
            (void)WatchdogRecover(Watchdog);
        return;
    }
    if (WatchdogAgeIsOut(Watchdog, Oldest)) {
        (void)WatchdogRecover(Watchdog);
        return;
    }
    Watchdog->Age = Oldest;
    TransmitSetAge(Adapter->Transmit, Oldest);
    if (WatchdogCountOut(Watchdog) == 0)
        WatchdogSleep(Watchdog);
}

// Gate is held. In pause there is nothing to take back.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogCompleteReset(XENNET_WATCHDOG *Watchdog)
{
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    if (InterlockedExchange(&Watchdog->ResetAsked, FALSE) == FALSE)
        return;
    if (Watchdog->Enabled && !Watchdog->Adapter->Context.Gone && !WatchdogRecover(Watchdog))
        Status = NDIS_STATUS_SOFT_ERRORS;
    NdisMResetComplete(Watchdog->Adapter->Context.NdisHandle, Status, FALSE);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID NTAPI
WatchdogThread(PVOID Context)
{
    XENNET_WATCHDOG *Watchdog = Context;
    LARGE_INTEGER Period;
    NTSTATUS Status;

    Period.QuadPart = WATCHDOG_PERIOD;
    while (!Watchdog->Ending) {
        Status = KeWaitForSingleObject(&Watchdog->Adapter->Context.Alarm.Event, Executive, KernelMode, FALSE,
                                       Watchdog->Adapter->Context.Alarm.Awake ? &Period : NULL);
        WatchdogTakeGate(Watchdog);
        WatchdogCompleteReset(Watchdog);
        if (Status == STATUS_TIMEOUT)
            WatchdogLook(Watchdog);
        WatchdogLeaveGate(Watchdog);
    }
    (void)PsTerminateSystemThread(STATUS_SUCCESS);
}

_Use_decl_annotations_
BOOLEAN
WatchdogReset(XENNET_WATCHDOG *Watchdog)
{
    if (InterlockedExchange(&Watchdog->ResetAsked, TRUE) == TRUE)
        return FALSE;
    (void)KeSetEvent(&Watchdog->Adapter->Context.Alarm.Event, IO_NO_INCREMENT, FALSE);
    return TRUE;
}

_Use_decl_annotations_
VOID
WatchdogStart(XENNET_WATCHDOG *Watchdog)
{
    WatchdogTakeGate(Watchdog);
    Watchdog->Enabled = TRUE;
    Watchdog->Wait = 0;
    WatchdogLeaveGate(Watchdog);
}

_Use_decl_annotations_
VOID
WatchdogStop(XENNET_WATCHDOG *Watchdog)
{
    WatchdogTakeGate(Watchdog);
    Watchdog->Enabled = FALSE;
    WatchdogLeaveGate(Watchdog);
}

_Use_decl_annotations_
NDIS_STATUS
WatchdogCreate(XENNET_ADAPTER *Adapter, XENNET_WATCHDOG **Result)
{
    XENNET_WATCHDOG *Watchdog;
    OBJECT_ATTRIBUTES Attributes;
    HANDLE Handle;

    *Result = NULL;
    Watchdog = MemoryAllocate(Adapter->Context.NdisHandle, sizeof(*Watchdog));
    if (Watchdog == NULL)
        return NDIS_STATUS_RESOURCES;
    Watchdog->Adapter = Adapter;
    AlarmInitialize(&Adapter->Context.Alarm);
    KeInitializeEvent(&Watchdog->Gate, SynchronizationEvent, TRUE);
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(
            PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, &Attributes, NULL, NULL, WatchdogThread, Watchdog))) {
        MemoryFree(Watchdog);
        return NDIS_STATUS_RESOURCES;
    }
    // The handle is the kernel's and names a thread, so this cannot fail; the reference keeps the thread's end visible.
    (void)ObReferenceObjectByHandle(Handle, THREAD_ALL_ACCESS, NULL, KernelMode, &Watchdog->Thread, NULL);
    (void)ZwClose(Handle);
    *Result = Watchdog;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
WatchdogDestroy(XENNET_WATCHDOG *Watchdog)
{
    if (Watchdog == NULL)
        return;
    (void)InterlockedExchange(&Watchdog->Ending, TRUE);
    (void)KeSetEvent(&Watchdog->Adapter->Context.Alarm.Event, IO_NO_INCREMENT, FALSE);
    (void)KeWaitForSingleObject(Watchdog->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Watchdog->Thread);
    MemoryFree(Watchdog);
}
