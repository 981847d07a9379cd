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
 * NDIS pauses the adapter before it asks for a low power state and restarts it after it has asked for D0, so by then
 * nothing moves and VIF is disabled; what is left is to remember the state and, back in D0, to look at the link again.
 *
 * IRQL: PASSIVE except where a handler says otherwise. No locks.
 */
#include "state.h"
#include "adapter.h"
#include "backend.h"
#include "event.h"
#include "watchdog.h"

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

#define STATE_NAP          10000  // between two looks at what is out, in us
#define STATE_SHORT_NAPS   20     // then
#define STATE_LONG_NAP     250000 // is enough
#define STATE_PATIENCE     35     // long naps without a completion before VIF is disabled all the same
#define STATE_MAX_NAPS     480    // long naps in all: a backend that only just moves must not hold NDIS for ever
#define STATE_GONE_EVERY   4      // long naps between two looks at xenstore
#define STATE_REMOVAL_NAPS 4      // that is enough for a device which is not there any more

_Use_decl_annotations_
BOOLEAN
StateMove(XENNET_ADAPTER *Adapter, XENNET_STATE To)
{
    XENNET_STATE From = (XENNET_STATE)Adapter->State;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(StateArrows); Index++) {
        if (StateArrows[Index].From == From && StateArrows[Index].To == To) {
            (void)InterlockedExchange(&Adapter->State, To);
            TRACE("state %u -> %u\n", (ULONG)From, (ULONG)To);
            EVENT_REPORT(XENNET_REPORT_STATE, Adapter, From, To, 0, 0);
            return TRUE;
        }
    }
    TRACE_ERROR("state %u cannot become %u\n", (ULONG)From, (ULONG)To);
    return FALSE;
}

_Use_decl_annotations_
NDIS_STATUS
StateSendRefusal(const XENNET_ADAPTER *Adapter)
{
    if (Adapter->Gone)
        return NDIS_STATUS_NOT_ACCEPTED;
    if (Adapter->Power != NdisDeviceStateD0)
        return NDIS_STATUS_LOW_POWER_STATE;
    return Adapter->Recovering ? NDIS_STATUS_RESET_IN_PROGRESS : NDIS_STATUS_PAUSED;
}

// From Paused to Restarting, with VIF enabled; back to Paused where that fails.
_IRQL_requires_(PASSIVE_LEVEL)
static NDIS_STATUS
StateBegin(XENNET_ADAPTER *Adapter)
{
    XENNET_BACKEND_STATE Backend;
    NDIS_STATUS Status;

    if (!StateMove(Adapter, XennetStateRestarting))
        return NDIS_STATUS_INVALID_STATE;
    Status = NDIS_STATUS_ADAPTER_NOT_READY;
    // XenVif would wait at DISPATCH, for up to two minutes, for a backend that is not there.
    Backend = Adapter->Gone ? XennetBackendAbsent : BackendQueryState(Adapter);
    if (Backend != XennetBackendAbsent && Backend != XennetBackendClosing) {
        // Packets that come before the state is Running go back; NDIS does not expect them yet.
        Status = VifEnable(&Adapter->Vif);
        // An enabled XenVif may have nothing but the rings of a backend that went away.
        if (Status == NDIS_STATUS_SUCCESS && BackendIsGone(Adapter)) {
            VifDisable(&Adapter->Vif);
            Status = NDIS_STATUS_ADAPTER_NOT_READY;
        }
    }
    if (Status != NDIS_STATUS_SUCCESS)
        (void)StateMove(Adapter, XennetStatePaused);
    Adapter->Detached = Status != NDIS_STATUS_SUCCESS;
    return Status;
}

// From Running to Pausing: no new packet moves, and what XenVif would not take until now is given up.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
StateStop(XENNET_ADAPTER *Adapter)
{
    if (!StateMove(Adapter, XennetStatePausing))
        return FALSE;
    // Whoever has seen Running did so at DISPATCH and is through when every processor has been below it once.
    KeFlushQueuedDpcs();
    ReceiveStop(Adapter->Receive);
    TransmitPush(Adapter->Transmit);
    return TRUE;
}

// Waits for sends as the file's head says. TRUE: VIF may be disabled.
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
        if (Adapter->Gone)
            Patience = XENNET_MINIMUM(Patience, STATE_REMOVAL_NAPS);
        if (Naps % STATE_GONE_EVERY == 0 && BackendIsGone(Adapter))
            return TRUE;
        if (Adapter->Vif.Version != 8 && (Quiet >= Patience || Naps >= STATE_MAX_NAPS))
            return FALSE;
        NdisMSleep(STATE_LONG_NAP);
        Now = TransmitOutstanding(Adapter->Transmit);
        Quiet = Now < Last ? 0 : Quiet + 1;
        Last = Now;
    }
    return TRUE;
}

// From Pausing to Paused: every packet is back where it came from.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
StateFinish(XENNET_ADAPTER *Adapter, ULONG Patience)
{
    if (!StateDrain(Adapter, Patience))
        TRACE_ERROR("VIF is disabled with %u send(s) at a backend that does not answer\n",
                    (ULONG)TransmitOutstanding(Adapter->Transmit));
    VifDisable(&Adapter->Vif);
    TransmitDrain(Adapter->Transmit);
    (void)StateMove(Adapter, XennetStatePaused);
}

// What NDIS passes on to those above; NULL where it does not want to hear of changes.
static NDIS_RESTART_GENERAL_ATTRIBUTES *
StateRestartAttributes(const NDIS_MINIPORT_RESTART_PARAMETERS *Parameters)
{
    NDIS_RESTART_ATTRIBUTES *Attributes = Parameters->RestartAttributes;

    while (Attributes != NULL && Attributes->Oid != OID_GEN_MINIPORT_RESTART_ATTRIBUTES)
        Attributes = Attributes->Next;
    return Attributes != NULL ? (NDIS_RESTART_GENERAL_ATTRIBUTES *)Attributes->Data : NULL;
}

NDIS_STATUS NTAPI
StateRestart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;
    NDIS_RESTART_GENERAL_ATTRIBUTES *Attributes = StateRestartAttributes(Parameters);
    NDIS_STATUS Status;

    Status = StateBegin(Adapter);
    if (Status == NDIS_STATUS_INVALID_STATE)
        return Status;
    // No backend: the adapter comes up without a link, and the watchdog goes on trying.
    Adapter->Recovering = Status != NDIS_STATUS_SUCCESS;
    // The only moment after the start at which NDIS takes another frame size.
    if (Attributes != NULL && Status == NDIS_STATUS_SUCCESS) {
        LinkTellFrameSize(Adapter->Link);
        Attributes->MtuSize = AdapterMtu(Adapter);
        Attributes->LookaheadSize = AdapterMtu(Adapter);
    } else {
        LinkStateChanged(Adapter->Link);
    }
    if (Status == NDIS_STATUS_SUCCESS)
        (void)StateMove(Adapter, XennetStateRunning);
    WatchdogStart(Adapter->Watchdog, Status == NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
StateFinishPause(XENNET_ADAPTER *Adapter)
{
    StateFinish(Adapter, STATE_PATIENCE);
    NdisMPauseComplete(Adapter->NdisHandle);
}

NDIS_STATUS NTAPI
StatePause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Parameters);

    WatchdogStop(Adapter->Watchdog);
    Adapter->Recovering = FALSE;
    // Nothing to pause without a backend, or after a removal that the watchdog has seen to.
    if (Adapter->State == XennetStatePaused)
        return NDIS_STATUS_SUCCESS;
    if (!StateStop(Adapter))
        return NDIS_STATUS_INVALID_STATE;
    if (TransmitOutstanding(Adapter->Transmit) != 0) {
        WatchdogPause(Adapter->Watchdog);
        return NDIS_STATUS_PENDING;
    }
    StateFinish(Adapter, STATE_PATIENCE);
    return NDIS_STATUS_SUCCESS;
}

// From Paused, or from Pausing with everything back, to where packets move.
_IRQL_requires_(PASSIVE_LEVEL)
static XENNET_RECOVERY
StateResume(XENNET_ADAPTER *Adapter)
{
    BOOLEAN Works = Adapter->State != XennetStatePaused || StateBegin(Adapter) == NDIS_STATUS_SUCCESS;

    LinkStateChanged(Adapter->Link);
    if (!Works)
        return XennetDetached;
    (void)StateMove(Adapter, XennetStateRunning);
    Adapter->Recovering = FALSE;
    return XennetRecovered;
}

_Use_decl_annotations_
XENNET_RECOVERY
StateRecover(XENNET_ADAPTER *Adapter)
{
    if (Adapter->State == XennetStateRunning) {
        // A protocol gives received packets back early when NDIS pauses it, and only then.
        if (ReceiveOutstanding(Adapter->Receive) != 0) {
            Adapter->Detached = TRUE;
            LinkStateChanged(Adapter->Link);
            return XennetPostponed;
        }
        Adapter->Recovering = TRUE;
        (void)StateStop(Adapter);
        // What came meanwhile, a packet or the backend, is a reason not to disable XenVif.
        if (ReceiveOutstanding(Adapter->Receive) == 0 && BackendIsGone(Adapter))
            StateFinish(Adapter, 0);
    }
    return StateResume(Adapter);
}

_Use_decl_annotations_
XENNET_RECOVERY
StateReset(XENNET_ADAPTER *Adapter)
{
    Adapter->Recovering = TRUE;
    if (Adapter->State == XennetStateRunning) {
        (void)StateStop(Adapter);
        (void)StateDrain(Adapter, STATE_PATIENCE);
        // A reset ends when the sends are back, however long that takes: VifDisable would wait for the receiver, too.
        while (TransmitOutstanding(Adapter->Transmit) != 0 && ReceiveOutstanding(Adapter->Receive) != 0)
            NdisMSleep(STATE_LONG_NAP);
        if (TransmitOutstanding(Adapter->Transmit) != 0)
            StateFinish(Adapter, 0);
    }
    return StateResume(Adapter);
}

_Use_decl_annotations_
VOID
StateRemove(XENNET_ADAPTER *Adapter)
{
    if (Adapter->State == XennetStateRunning && StateStop(Adapter))
        StateFinish(Adapter, STATE_PATIENCE);
}

VOID NTAPI
StatePnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    XENNET_ADAPTER *Adapter = Context;

    if (Event->DevicePnPEvent != NdisDevicePnPEventSurpriseRemoved)
        return;
    (void)InterlockedExchange(&Adapter->Gone, TRUE);
    WatchdogRemove(Adapter->Watchdog);
}

// On a bug check this runs at any IRQL on one processor: nothing but the flag may be touched.
VOID NTAPI
StateShutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION Action)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Action);

    (void)InterlockedExchange(&Adapter->Gone, TRUE);
}

_Use_decl_annotations_
NDIS_STATUS
StateSetPower(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    NDIS_DEVICE_POWER_STATE State = *(const NDIS_DEVICE_POWER_STATE *)Buffer;

    UNREFERENCED_PARAMETER(Length);

    if (State != NdisDeviceStateD0 && State != NdisDeviceStateD1 && State != NdisDeviceStateD2 &&
        State != NdisDeviceStateD3)
        return NDIS_STATUS_INVALID_DATA;
    if (State != NdisDeviceStateD0 && AdapterIsRunning(Adapter)) {
        TRACE_ERROR("asked for D%u while running\n", (ULONG)State - NdisDeviceStateD0);
        return NDIS_STATUS_INVALID_STATE;
    }
    TRACE("power: D%u -> D%u\n", (ULONG)Adapter->Power - NdisDeviceStateD0, (ULONG)State - NdisDeviceStateD0);
    EVENT_REPORT(XENNET_REPORT_POWER, Adapter, Adapter->Power, State, 0, 0);
    Adapter->Power = State;
    if (State == NdisDeviceStateD0) {
        StoreWake(Adapter->Store);
        LinkStateChanged(Adapter->Link);
    } else {
        StoreSleep(Adapter->Store);
    }
    return NDIS_STATUS_SUCCESS;
}
