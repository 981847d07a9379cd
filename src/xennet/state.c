/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of an adapter:
 *
 *   Initializing --> Paused --> Restarting --> Running --> Pausing --> Paused --> Halted
 *        |             ^            |
 *        v             +--(failed)--+
 *      Halted
 *
 * StateMove is the only writer and knows the arrows. NDIS serialises initialize, pause, restart, halt and OID requests;
 * sends, returns and XenVif's callbacks come at any time and read the state. Packets move only while Running.
 *
 * Between the end of a restart and the beginning of the next pause the watchdog may go from Running to Paused and back
 * by itself (StateRecover). A pause first waits for it, so the two never move the state at once.
 *
 * Surprise removal and shutdown only set Gone, which stops new packets: XenVif may be waiting for NBLs that will not
 * come back before NDIS pauses and halts the adapter in its own order.
 *
 * NDIS pauses the adapter before it asks for a low power state and restarts it after it has asked for D0, so by then
 * nothing moves and VIF is disabled; what is left is to remember the state and, back in D0, to look at the link again.
 *
 * IRQL: PASSIVE except where a handler says otherwise. No locks.
 */
#include "state.h"
#include "adapter.h"
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
};

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
        return NDIS_STATUS_ADAPTER_REMOVED;
    if (Adapter->Power != NdisDeviceStateD0)
        return NDIS_STATUS_LOW_POWER_STATE;
    return Adapter->Recovering ? NDIS_STATUS_RESET_IN_PROGRESS : NDIS_STATUS_PAUSED;
}

// From Paused to Restarting, with VIF enabled; back to Paused where that fails.
_IRQL_requires_(PASSIVE_LEVEL)
static NDIS_STATUS
StateBegin(XENNET_ADAPTER *Adapter)
{
    NDIS_STATUS Status;

    if (!StateMove(Adapter, XennetStateRestarting))
        return NDIS_STATUS_INVALID_STATE;
    // Packets that come before the state is Running go back; NDIS does not expect them yet.
    Status = VifEnable(&Adapter->Vif);
    if (Status != NDIS_STATUS_SUCCESS)
        (void)StateMove(Adapter, XennetStatePaused);
    return Status;
}

// From Running to Paused: every packet is back where it came from.
_IRQL_requires_(PASSIVE_LEVEL)
static NDIS_STATUS
StateEnd(XENNET_ADAPTER *Adapter)
{
    if (!StateMove(Adapter, XennetStatePausing))
        return NDIS_STATUS_INVALID_STATE;
    // Whoever has seen Running did so at DISPATCH and is through when every processor has been below it once.
    KeFlushQueuedDpcs();
    ReceiveStop(Adapter->Receive);
    VifDisable(&Adapter->Vif);
    TransmitDrain(Adapter->Transmit);
    (void)StateMove(Adapter, XennetStatePaused);
    return NDIS_STATUS_SUCCESS;
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
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    // The only moment after the start at which NDIS takes another frame size.
    if (Attributes != NULL) {
        LinkTellFrameSize(Adapter->Link);
        Attributes->MtuSize = AdapterMtu(Adapter);
        Attributes->LookaheadSize = AdapterMtu(Adapter);
    } else {
        LinkStateChanged(Adapter->Link);
    }
    (void)StateMove(Adapter, XennetStateRunning);
    WatchdogStart(Adapter->Watchdog);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS NTAPI
StatePause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Parameters);

    WatchdogStop(Adapter->Watchdog);
    Adapter->Recovering = FALSE;
    // A restart that failed leaves nothing to pause, whether NDIS's or the watchdog's.
    if (Adapter->State == XennetStatePaused)
        return NDIS_STATUS_SUCCESS;
    return StateEnd(Adapter);
}

_Use_decl_annotations_
BOOLEAN
StateRecover(XENNET_ADAPTER *Adapter)
{
    Adapter->Recovering = TRUE;
    if (Adapter->State == XennetStateRunning)
        (void)StateEnd(Adapter);
    if (StateBegin(Adapter) != NDIS_STATUS_SUCCESS)
        return FALSE;
    LinkStateChanged(Adapter->Link);
    (void)StateMove(Adapter, XennetStateRunning);
    Adapter->Recovering = FALSE;
    return TRUE;
}

VOID NTAPI
StatePnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    XENNET_ADAPTER *Adapter = Context;

    if (Event->DevicePnPEvent == NdisDevicePnPEventSurpriseRemoved)
        (void)InterlockedExchange(&Adapter->Gone, TRUE);
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
