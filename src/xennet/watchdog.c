/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog: a thread for each adapter. While sends are out it looks every two seconds; with none it sleeps until
 * the next one wakes it, so an idle machine stays idle.
 *
 * Age means nothing: a rate-limited backend may have a queue of minutes. What counts is whether a queue moves. The send
 * path sorts what is out by age (XENNET_TRANSMIT_COUNTERS.Out), and a new age begins only when nothing is out of the
 * oldest one. So the oldest ones never become more, and while any queue that has some of them moves they become fewer;
 * when they do not, the queues that have them stand still. That is reported after twelve seconds, longer than Linux's
 * netback holds packets for a neighbour that does not take them, and not cured: whatever could be done to XenVif while
 * its backend is connected would cost more than the stall (state.c).
 *
 * A backend that is gone, as xenstore shows, is different: then what XenVif has is aborted, and XenVif is tried again
 * after 2, 4 ... 32 seconds, until it is enabled; meanwhile there is no link. So is a host whose control ring was
 * silent when a migration came to it: XenVif does not run there, and looks at nothing until somebody enables it. Unless
 * packets come: then XenVif was answered after this driver was not.
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
#include "backend.h"
#include "link.h"
#include "report.h"
#include "memory.h"
#include "min_max.h"
#include "receive.h"
#include "rss.h"
#include "state.h"
#include "transmit.h"

#define WATCHDOG_SECONDS  2 // between two looks
#define WATCHDOG_STALL    6 // looks
#define WATCHDOG_GONE     2
#define WATCHDOG_MAX_WAIT 16 // periods

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
    return TransmitOutstanding(Watchdog->Adapter->Transmit);
}

// A migration that nobody has looked at, over which a send or this driver's own request may wait for XenVif, or a
// backend that was gone when RSS was set.
static BOOLEAN
WatchdogHasToLook(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;

    return Watchdog->Enabled && !Adapter->Context.Gone &&
           (Adapter->Context.Connecting != 0 || Adapter->Context.Detached || RssIsUnanswered(Adapter->Rss) != 0);
}

// Nothing is out: sleep until the next send, unless one, or a migration, has come meanwhile.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogSleep(XENNET_WATCHDOG *Watchdog)
{
    (void)InterlockedExchange(&Watchdog->Adapter->Context.Alarm.Awake, FALSE);
    KeFlushQueuedDpcs();
    if (WatchdogCountOut(Watchdog) != 0 || WatchdogHasToLook(Watchdog))
        (void)InterlockedExchange(&Watchdog->Adapter->Context.Alarm.Awake, TRUE);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogForget(XENNET_WATCHDOG *Watchdog)
{
    Watchdog->OldestOut = 0;
    Watchdog->Quiet = 0;
    Watchdog->Gone = 0;
}

// Gate is held.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogNoteRecovery(XENNET_WATCHDOG *Watchdog, XENNET_RECOVERY Recovery)
{
    if (Recovery == XennetPostponed)
        return;
    Watchdog->Waited = 0;
    Watchdog->Wait = 0;
    WatchdogForget(Watchdog);
}

// Gate is held, and the backend is gone, XenVif does not run, or it could not be enabled at the last try.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogRecover(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;
    ULONG Wait = XENNET_MIN(XENNET_MAX(Watchdog->Wait * 2, 1), WATCHDOG_MAX_WAIT);
    ULONG Out = (ULONG)WatchdogCountOut(Watchdog);
    BOOLEAN Unanswered = RssIsUnanswered(Adapter->Rss) != 0;
    XENNET_RECOVERY Recovery = StateRecover(Adapter);

    WatchdogNoteRecovery(Watchdog, Recovery);
    if (Recovery == XennetPostponed)
        return;
    if (Recovery == XennetDetached)
        Watchdog->Wait = Wait;
    ReportRecovery(&Adapter->Context.Reporter, Unanswered, Out, (BOOLEAN)(Recovery == XennetRecovered),
                   ++Watchdog->Recoveries);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogReportStall(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;

    TransmitNoteStall(Adapter->Transmit);
    ReportStall(&Adapter->Context.Reporter, (ULONG)Watchdog->OldestOut, (ULONG)WatchdogCountOut(Watchdog),
                WATCHDOG_STALL * WATCHDOG_SECONDS, ++Watchdog->Stalls);
}

// Some of the oldest NBLs are out, there is no link because the backend was gone at an earlier look, or XenVif found
// nobody after a migration: then it has no queues, whatever xenstore says.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogLookAtOldest(XENNET_WATCHDOG *Watchdog, ULONG64 Out, BOOLEAN Queues)
{
    Watchdog->Quiet = Out != 0 && Out == Watchdog->OldestOut ? Watchdog->Quiet + 1 : 0;
    Watchdog->OldestOut = Out;
    Watchdog->Gone = !Queues || BackendIsGone(Watchdog->Adapter) ? Watchdog->Gone + 1 : 0;
    if (Watchdog->Gone >= WATCHDOG_GONE) {
        WatchdogRecover(Watchdog);
        return;
    }
    if (Watchdog->Gone == 0 && Watchdog->Adapter->Context.Detached) {
        Watchdog->Adapter->Context.Detached = FALSE;
        LinkStateChanged(Watchdog->Adapter->Link);
    }
    if (Watchdog->Quiet == WATCHDOG_STALL)
        WatchdogReportStall(Watchdog);
}

/*
 * Gate is held. The control ring was silent at a migration. XenVif asks it after this driver does, and may have been
 * answered: then it hands up packets, and has requests at a backend that is well, with which it must not be disabled.
 */
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogLookAtSilence(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;
    LONG Silence = RssIsUnanswered(Adapter->Rss);
    ULONG64 Before = Watchdog->Received;
    XENNET_RECEIVE_COUNTERS Counters;

    ReceiveReadCounters(Adapter->Receive, &Counters);
    Watchdog->Received = Counters.Kept + Counters.ScarcePackets;
    if (Silence != Watchdog->Silence) {
        // What came before is from another host.
        Watchdog->Silence = Silence;
    } else if (Watchdog->Received == Before) {
        WatchdogRecover(Watchdog);
    } else {
        RssNoteEnabled(Adapter->Rss, Silence);
        (void)RssFollow(Adapter->Rss, RssFollowConnection);
    }
}

// XenVif has a queue, also after a migration.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
WatchdogSeesQueues(XENNET_CONTEXT *Context)
{
    LONG Migration = Context->Connecting;

    if (!ContextHasQueues(Context))
        return FALSE;
    // Unless there was another one meanwhile.
    if (Migration != 0)
        (void)InterlockedCompareExchange(&Context->Connecting, 0, Migration);
    return TRUE;
}

// Gate is held, two seconds have passed.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogLook(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;
    ULONG Oldest = (Watchdog->Age + 1) % XENNET_TRANSMIT_AGES;
    BOOLEAN Queues;
    ULONG64 Out;

    if (!Watchdog->Enabled || Adapter->Context.Gone) {
        WatchdogSleep(Watchdog);
        return;
    }
    if (Watchdog->Wait != 0) {
        if (++Watchdog->Waited >= Watchdog->Wait)
            WatchdogRecover(Watchdog);
        return;
    }
    if (RssIsUnanswered(Adapter->Rss) != 0) {
        WatchdogLookAtSilence(Watchdog);
        return;
    }
    Queues = WatchdogSeesQueues(&Adapter->Context);
    TransmitPush(Adapter->Transmit);
    Out = TransmitOutOfAge(Adapter->Transmit, Oldest);
    if (Out != 0 || Adapter->Context.Detached || !Queues) {
        WatchdogLookAtOldest(Watchdog, Out, Queues);
        return;
    }
    WatchdogForget(Watchdog);
    Watchdog->Age = Oldest;
    TransmitSetAge(Adapter->Transmit, Oldest);
    if (WatchdogCountOut(Watchdog) == 0)
        WatchdogSleep(Watchdog);
}

// Gate is held. In pause there is nothing to complete.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogCompleteReset(XENNET_WATCHDOG *Watchdog)
{
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;
    XENNET_RECOVERY Recovery;

    if (InterlockedExchange(&Watchdog->ResetAsked, FALSE) == FALSE)
        return;
    if (Watchdog->Enabled && !Watchdog->Adapter->Context.Gone) {
        Recovery = StateReset(Watchdog->Adapter);
        WatchdogNoteRecovery(Watchdog, Recovery);
        if (Recovery == XennetDetached) {
            Watchdog->Wait = 1;
            (void)InterlockedExchange(&Watchdog->Adapter->Context.Alarm.Awake, TRUE);
            Status = NDIS_STATUS_SOFT_ERRORS;
        }
    }
    NdisMResetComplete(Watchdog->Adapter->Context.NdisHandle, Status, FALSE);
}

// Gate is held. A removal is remembered until there is something to remove.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogCompleteRemoval(XENNET_WATCHDOG *Watchdog)
{
    if (Watchdog->Enabled && InterlockedExchange(&Watchdog->RemoveAsked, FALSE) != FALSE)
        StateRemove(Watchdog->Adapter);
}

// Gate is held. Whoever sees that the backend is gone may be in a hurry: who tells of the link may have to ask XenVif
// for others, too.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogShowDetached(XENNET_WATCHDOG *Watchdog)
{
    XENNET_ADAPTER *Adapter = Watchdog->Adapter;

    if (Adapter->Context.Detached && LinkState(Adapter->Link).Connect == MediaConnectStateConnected)
        LinkStateChanged(Adapter->Link);
}

// Gate is held.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
WatchdogFinishPause(XENNET_WATCHDOG *Watchdog)
{
    StateFinishPause(Watchdog->Adapter);
    NdisMPauseComplete(Watchdog->Adapter->Context.NdisHandle);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID NTAPI
WatchdogThread(PVOID Context)
{
    XENNET_WATCHDOG *Watchdog = Context;
    LARGE_INTEGER Period;
    NTSTATUS Status;

    Period.QuadPart = -WATCHDOG_SECONDS * 10000000LL;
    while (!Watchdog->Ending) {
        Status = KeWaitForSingleObject(&Watchdog->Adapter->Context.Alarm.Event, Executive, KernelMode, FALSE,
                                       Watchdog->Adapter->Context.Alarm.Awake ? &Period : NULL);
        WatchdogTakeGate(Watchdog);
        WatchdogCompleteRemoval(Watchdog);
        WatchdogCompleteReset(Watchdog);
        WatchdogShowDetached(Watchdog);
        if (InterlockedExchange(&Watchdog->PauseAsked, FALSE) != FALSE)
            WatchdogFinishPause(Watchdog);
        else if (Status == STATUS_TIMEOUT)
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
WatchdogStart(XENNET_WATCHDOG *Watchdog, BOOLEAN Works)
{
    BOOLEAN Wake;

    WatchdogTakeGate(Watchdog);
    Watchdog->Enabled = TRUE;
    WatchdogForget(Watchdog);
    Watchdog->Waited = 0;
    Watchdog->Wait = Works ? 0 : 1;
    // A migration while there was nothing to look at, for one.
    Wake = (BOOLEAN)(!Works || WatchdogHasToLook(Watchdog));
    if (Wake)
        (void)InterlockedExchange(&Watchdog->Adapter->Context.Alarm.Awake, TRUE);
    WatchdogLeaveGate(Watchdog);
    if (Wake || Watchdog->RemoveAsked)
        (void)KeSetEvent(&Watchdog->Adapter->Context.Alarm.Event, IO_NO_INCREMENT, FALSE);
}

_Use_decl_annotations_
VOID
WatchdogPause(XENNET_WATCHDOG *Watchdog)
{
    (void)InterlockedExchange(&Watchdog->PauseAsked, TRUE);
    (void)KeSetEvent(&Watchdog->Adapter->Context.Alarm.Event, IO_NO_INCREMENT, FALSE);
}

_Use_decl_annotations_
VOID
WatchdogRemove(XENNET_WATCHDOG *Watchdog)
{
    (void)InterlockedExchange(&Watchdog->RemoveAsked, TRUE);
    (void)KeSetEvent(&Watchdog->Adapter->Context.Alarm.Event, IO_NO_INCREMENT, FALSE);
}

_Use_decl_annotations_
VOID
WatchdogNoteDetached(XENNET_WATCHDOG *Watchdog)
{
    XENNET_CONTEXT *Context = &Watchdog->Adapter->Context;

    Context->Detached = TRUE;
    (void)InterlockedExchange(&Context->Alarm.Awake, TRUE);
    (void)KeSetEvent(&Context->Alarm.Event, IO_NO_INCREMENT, FALSE);
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
