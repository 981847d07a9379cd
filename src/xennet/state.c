/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of an adapter:
 *
 *   Initializing --> Paused --> Restarting --> Running <--> Pausing --> Paused --> Halted
 *        |             ^            |
 *        v             +--(failed)--+
 *      Halted
 *
 * StateMove is the only writer and knows the arrows. NDIS serialises initialize, pause, restart, halt and OID requests;
 * sends, returns and XenVif's callbacks come at any time and read the state. Packets move only while Running.
 *
 * Between the end of a restart and the beginning of the next pause the watchdog may go from Running to Paused and back
 * by itself. A pause first waits for it, so the two never move the state at once. An adapter that NDIS restarts while
 * XenVif cannot be enabled stays Paused, with no link, until the watchdog has enabled it.
 *
 * VIF is disabled with nothing out wherever that can be waited for: with requests at a connected backend XenVif either
 * waits for them at DISPATCH for as long as it takes (VIF 8), or gives up after 100 ms on a ring that the backend still
 * works on, which costs the device. So StateDrain waits as long as sends come back, and for 9 s when none does.
 *
 * Surprise removal: NDIS pauses the protocols after the event and before the adapter, and they wait for their sends; so
 * the watchdog completes those at once. Shutdown only sets Gone.
 *
 * IRQL: PASSIVE except where a handler has another level. No locks.
 */
#include "state.h"
#include "adapter.h"
#include "backend.h"
#include "debug.h"
#include "report.h"
#include "link.h"
#include "min_max.h"
#include "processor.h"
#include "receive.h"
#include "rss.h"
#include "transmit.h"
#include "vif_callback.h"

typedef struct _STATE_ARROW {
    XENNET_STATE From;
    XENNET_STATE To;
} STATE_ARROW;

static const STATE_ARROW StateArrows[] = {
    {XennetStateInitializing, XennetStatePaused}, {XennetStateInitializing, XennetStateHalted},
    {XennetStatePaused, XennetStateRestarting},   {XennetStatePaused, XennetStateHalted},
    {XennetStateRestarting, XennetStateRunning},  {XennetStateRestarting, XennetStatePaused},
    {XennetStateRunning, XennetStatePausing},     {XennetStatePausing, XennetStatePaused},
    {XennetStatePausing, XennetStateRunning},
};

#define STATE_NAP            10000  // between two looks at what is out, in us
#define STATE_SHORT_NAPS     20     // then
#define STATE_LONG_NAP       250000 // is enough
#define STATE_PATIENCE       35     // long naps without a completion before VIF is disabled all the same
#define STATE_MAX_NAPS       480    // long naps in all: a backend that only just moves must not hold NDIS for ever
#define STATE_GONE_EVERY     4      // long naps between two looks at xenstore
#define STATE_REMOVAL_NAPS   1      // that is enough for a device which is not there any more
#define STATE_DRAIN_NAPS     200    // short naps for what is on its way to NDIS after VifDisable
#define STATE_MAX_DRAIN_NAPS 3200   // before a pause tries XenVif again

_Use_decl_annotations_
BOOLEAN
StateMove(XENNET_ADAPTER *Adapter, XENNET_STATE To)
{
    XENNET_STATE From = (XENNET_STATE)Adapter->Context.State;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(StateArrows); Index++) {
        if (StateArrows[Index].From == From && StateArrows[Index].To == To) {
            (void)InterlockedExchange(&Adapter->Context.State, To);
            ContextSetRunning(&Adapter->Context);
            ReportState(&Adapter->Context.Reporter, From, To);
            return TRUE;
        }
    }
    DEBUG_ERROR("state %u cannot become %u\n", (ULONG)From, (ULONG)To);
    DEBUG_ASSERT(!"a state that may become this one");
    return FALSE;
}

// XenVif has nobody to send to.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
StateIsLost(XENNET_ADAPTER *Adapter)
{
    return !ContextHasQueues(&Adapter->Context) || BackendIsGone(Adapter);
}

// From Paused to Restarting, with VIF enabled; back to Paused where that fails.
_IRQL_requires_(PASSIVE_LEVEL)
static NDIS_STATUS
StateBegin(XENNET_ADAPTER *Adapter)
{
    XENNET_BACKEND_STATE Backend;
    NDIS_STATUS Status;
    LONG Unanswered;

    if (!StateMove(Adapter, XennetStateRestarting))
        return NDIS_STATUS_INVALID_STATE;
    Status = NDIS_STATUS_ADAPTER_NOT_READY;
    // XenVif would wait at DISPATCH for a backend that is not there: for up to two minutes, or for its control ring for
    // ever.
    Backend = Adapter->Context.Gone ? XennetBackendAbsent : BackendQueryState(Adapter);
    if (Backend != XennetBackendAbsent && Backend != XennetBackendClosing && Backend != XennetBackendLeft) {
        Unanswered = RssIsUnanswered(Adapter->Rss);
        // Packets that come before the state is Running go back; NDIS does not expect them yet.
        Status = VifEnable(&Adapter->Context.Vif, &VifCallbacks, Adapter);
        // A backend that is there and answers refuses what XenVif has from before.
        if (Status != NDIS_STATUS_SUCCESS && Adapter->Context.Vif.EnableStatus != STATUS_TRANSACTION_TIMED_OUT &&
            BackendQueryState(Adapter) == XennetBackendConnected) {
            (void)RssFollow(Adapter->Rss, RssFollowRefusal);
            Status = VifEnable(&Adapter->Context.Vif, &VifCallbacks, Adapter);
        }
        if (Status == NDIS_STATUS_SUCCESS) {
            RssNoteEnabled(Adapter->Rss, Unanswered);
            FilterNoteEnabled(&Adapter->Filter);
        }
        // An enabled XenVif may have nothing but the rings of a backend that went away.
        if (Status == NDIS_STATUS_SUCCESS && BackendIsGone(Adapter)) {
            VifDisable(&Adapter->Context.Vif);
            Status = NDIS_STATUS_ADAPTER_NOT_READY;
        }
    }
    if (Status != NDIS_STATUS_SUCCESS)
        (void)StateMove(Adapter, XennetStatePaused);
    Adapter->Context.Detached = Status != NDIS_STATUS_SUCCESS;
    return Status;
}

// From Running to Pausing: no new packet moves, and what XenVif would not take until now is given up.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
StateStop(XENNET_ADAPTER *Adapter)
{
    if (!StateMove(Adapter, XennetStatePausing))
        return FALSE;
    // Whoever has seen Running did so at DISPATCH and is through when every processor was visited.
    ReceiveStop(Adapter->Receive);
    TransmitPush(Adapter->Transmit);
    return TRUE;
}

// Waits for sends as the file's head has it. TRUE: VIF may be disabled.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
StateDrain(XENNET_ADAPTER *Adapter, ULONG Patience)
{
    ULONG64 Last = TransmitOutstanding(Adapter->Transmit);
    ULONG64 Now;
    ULONG Naps;
    ULONG Quiet = 0;

    for (Naps = 0; Naps < STATE_SHORT_NAPS && Last != 0; Naps++) {
        NdisMSleep(STATE_NAP);
        Last = TransmitOutstanding(Adapter->Transmit);
    }
    for (Naps = 0; Last != 0; Naps++) {
        if (Adapter->Context.Gone)
            Patience = XENNET_MIN(Patience, STATE_REMOVAL_NAPS);
        // A host that only answered late lets sends come back.
        if (Naps % STATE_GONE_EVERY == 0 &&
            (StateIsLost(Adapter) || (Quiet >= STATE_GONE_EVERY && RssIsUnanswered(Adapter->Rss) != 0)))
            return TRUE;
        if (Adapter->Context.Vif.Version != 8 && (Quiet >= Patience || Naps >= STATE_MAX_NAPS))
            return FALSE;
        NdisMSleep(STATE_LONG_NAP);
        TransmitPush(Adapter->Transmit);
        Now = TransmitOutstanding(Adapter->Transmit);
        Quiet = Now < Last ? 0 : Quiet + 1;
        Last = Now;
    }
    return TRUE;
}

/*
 * XenVif gives back what is out from within Disable, with its lock held exclusively: what NDIS calls then must not get
 * to XenVif, which would wait for itself. A protocol that sends on what it received gives that back when its send is
 * completed. So this thread stays on its processor, and NDIS gets nothing there but from a DPC, which runs as soon as
 * XenVif has let go; it goes on to wait for received packets after that.
 */
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
StateDisable(XENNET_ADAPTER *Adapter)
{
    GROUP_AFFINITY Before;

    ProcessorStay(&Before);
    TransmitDefer(Adapter->Transmit, TRUE);
    VifDisable(&Adapter->Context.Vif);
    TransmitDefer(Adapter->Transmit, FALSE);
    ProcessorLeave(&Before);
}

// From Pausing to Paused: every packet is back where it came from, but for sends that wait in XenVif for a queue that
// it does not have at the moment. They go out, or come back, once it is enabled with that queue.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
StateFinish(XENNET_ADAPTER *Adapter, ULONG Patience)
{
    if (!StateDrain(Adapter, Patience))
        DEBUG_ERROR("VIF is disabled with %u send(s) at a backend that does not answer\n",
                    (ULONG)TransmitOutstanding(Adapter->Transmit));
    StateDisable(Adapter);
    (void)TransmitDrain(Adapter->Transmit, STATE_DRAIN_NAPS);
    (void)StateMove(Adapter, XennetStatePaused);
}

// What NDIS passes on to those above; NULL where it does not take changes.
static NDIS_RESTART_GENERAL_ATTRIBUTES *
StateRestartAttributes(const NDIS_MINIPORT_RESTART_PARAMETERS *Parameters)
{
    NDIS_RESTART_ATTRIBUTES *Attributes = Parameters->RestartAttributes;

    while (Attributes != NULL && Attributes->Oid != OID_GEN_MINIPORT_RESTART_ATTRIBUTES)
        Attributes = Attributes->Next;
    return Attributes != NULL ? (NDIS_RESTART_GENERAL_ATTRIBUTES *)Attributes->Data : NULL;
}

_Use_decl_annotations_
NDIS_STATUS
StateRestart(XENNET_ADAPTER *Adapter, const NDIS_MINIPORT_RESTART_PARAMETERS *Parameters)
{
    NDIS_RESTART_GENERAL_ATTRIBUTES *Attributes = StateRestartAttributes(Parameters);
    NDIS_STATUS Status;

    Status = StateBegin(Adapter);
    if (Status == NDIS_STATUS_INVALID_STATE)
        return Status;
    // No backend: the adapter comes up without a link, and the watchdog goes on trying.
    Adapter->Context.Recovering = Status != NDIS_STATUS_SUCCESS;
    // The only moment after the start at which NDIS takes another frame size.
    if (Attributes != NULL && Status == NDIS_STATUS_SUCCESS) {
        LinkAdvertiseFrameSize(Adapter->Link);
        Attributes->MtuSize = ContextMtu(&Adapter->Context);
        Attributes->LookaheadSize = ContextMtu(&Adapter->Context);
    } else {
        LinkStateChanged(Adapter->Link);
    }
    if (Status == NDIS_STATUS_SUCCESS)
        (void)StateMove(Adapter, XennetStateRunning);
    return NDIS_STATUS_SUCCESS;
}

// No pause is over with sends out: XenVif is enabled and disabled until it has a queue for those that wait for one.
_Use_decl_annotations_
VOID
StateFinishPause(XENNET_ADAPTER *Adapter)
{
    ULONG Naps = STATE_DRAIN_NAPS;

    if (Adapter->Context.State != XennetStatePaused)
        StateFinish(Adapter, STATE_PATIENCE);
    while (!TransmitDrain(Adapter->Transmit, Naps)) {
        if (StateBegin(Adapter) == NDIS_STATUS_SUCCESS)
            StateFinish(Adapter, STATE_PATIENCE);
        Naps = XENNET_MIN(2 * Naps, STATE_MAX_DRAIN_NAPS);
    }
}

_Use_decl_annotations_
NDIS_STATUS
StatePause(XENNET_ADAPTER *Adapter)
{
    Adapter->Context.Recovering = FALSE;
    // Nothing to pause without a backend, or after a removal that the watchdog has seen to, but for sends that another
    // processor is refusing right now, or that wait in XenVif.
    if (Adapter->Context.State == XennetStatePaused) {
        ProcessorWaitAll();
        return TransmitOutstanding(Adapter->Transmit) != 0 ? NDIS_STATUS_PENDING : NDIS_STATUS_SUCCESS;
    }
    // A low power state may have gone half of the way already.
    if (Adapter->Context.State != XennetStatePausing && !StateStop(Adapter))
        return NDIS_STATUS_INVALID_STATE;
    if (TransmitOutstanding(Adapter->Transmit) != 0)
        return NDIS_STATUS_PENDING;
    StateFinish(Adapter, STATE_PATIENCE);
    return NDIS_STATUS_SUCCESS;
}

// From Paused, or from Pausing with everything back, to where packets move.
_IRQL_requires_(PASSIVE_LEVEL)
static XENNET_RECOVERY
StateResume(XENNET_ADAPTER *Adapter)
{
    BOOLEAN Works = Adapter->Context.State != XennetStatePaused || StateBegin(Adapter) == NDIS_STATUS_SUCCESS;

    // Wakes the watchdog after a migration to a silent host while nothing moved (RssFollow): no send may come that
    // does.
    LinkStateChanged(Adapter->Link);
    if (!Works)
        return XennetDetached;
    (void)StateMove(Adapter, XennetStateRunning);
    Adapter->Context.Recovering = FALSE;
    return XennetRecovered;
}

// Protocols keep received packets over it, for which VifDisable would wait: then VIF stays enabled, in Pausing.
_Use_decl_annotations_
VOID
StateSleep(XENNET_ADAPTER *Adapter)
{
    if (Adapter->Context.State != XennetStateRunning || !StateStop(Adapter))
        return;
    if (ReceiveOutstanding(Adapter->Receive) == 0)
        StateFinish(Adapter, STATE_PATIENCE);
    else
        (void)StateDrain(Adapter, STATE_PATIENCE);
}

_Use_decl_annotations_
BOOLEAN
StateWake(XENNET_ADAPTER *Adapter)
{
    // VIF stayed enabled. What XenVif found since then, at another host, nobody has told: SUSPEND was released. Nobody
    // is there to ask after a removal.
    if (Adapter->Context.State == XennetStatePausing && !Adapter->Context.Gone)
        (void)RssFollow(Adapter->Rss, RssFollowMigration);
    return StateResume(Adapter) == XennetRecovered;
}

_Use_decl_annotations_
XENNET_RECOVERY
StateRecover(XENNET_ADAPTER *Adapter)
{
    if (Adapter->Context.State == XennetStateRunning) {
        // A protocol gives received packets back early when NDIS pauses it, and only then.
        if (ReceiveOutstanding(Adapter->Receive) != 0) {
            Adapter->Context.Detached = TRUE;
            LinkStateChanged(Adapter->Link);
            return XennetPostponed;
        }
        Adapter->Context.Recovering = TRUE;
        (void)StateStop(Adapter);
        // What came meanwhile, a packet or the backend, is a reason not to disable XenVif.
        if (ReceiveOutstanding(Adapter->Receive) == 0 && (RssIsUnanswered(Adapter->Rss) != 0 || StateIsLost(Adapter)))
            StateFinish(Adapter, 0);
    }
    return StateResume(Adapter);
}

_Use_decl_annotations_
XENNET_RECOVERY
StateReset(XENNET_ADAPTER *Adapter)
{
    ULONG Naps;

    Adapter->Context.Recovering = TRUE;
    if (Adapter->Context.State == XennetStateRunning) {
        (void)StateStop(Adapter);
        (void)StateDrain(Adapter, STATE_PATIENCE);
        // A reset ends when the sends are back, and VifDisable would wait for the receiver, too: better here, while a
        // backend may still answer. A receiver that waits for the sends itself gets them from VifDisable alone.
        for (Naps = 0; Naps < STATE_MAX_NAPS && TransmitOutstanding(Adapter->Transmit) != 0 &&
                       ReceiveOutstanding(Adapter->Receive) != 0 && !Adapter->Context.Gone && !StateIsLost(Adapter);
             Naps++)
            NdisMSleep(STATE_LONG_NAP);
        if (TransmitOutstanding(Adapter->Transmit) != 0)
            StateFinish(Adapter, 0);
    } else {
        // Sends that another processor is refusing right now.
        ProcessorWaitAll();
    }
    return StateResume(Adapter);
}

_Use_decl_annotations_
VOID
StateRemove(XENNET_ADAPTER *Adapter)
{
    if (Adapter->Context.State == XennetStateRunning && StateStop(Adapter))
        StateFinish(Adapter, STATE_PATIENCE);
}
