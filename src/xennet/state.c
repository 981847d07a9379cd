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
 * IRQL: PASSIVE except where a handler says otherwise. No locks.
 */
#include "state.h"
#include "adapter.h"
#include "debug.h"
#include "report.h"
#include "link.h"
#include "receive.h"
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
};

_Use_decl_annotations_
BOOLEAN
StateMove(XENNET_ADAPTER *Adapter, XENNET_STATE To)
{
    XENNET_STATE From = (XENNET_STATE)Adapter->Context.State;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(StateArrows); Index++) {
        if (StateArrows[Index].From == From && StateArrows[Index].To == To) {
            (void)InterlockedExchange(&Adapter->Context.State, To);
            ReportState(&Adapter->Context.Reporter, From, To);
            return TRUE;
        }
    }
    DEBUG_ERROR("state %u cannot become %u\n", (ULONG)From, (ULONG)To);
    return FALSE;
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
    Status = VifEnable(&Adapter->Context.Vif, &VifCallbacks, Adapter);
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
    VifDisable(&Adapter->Context.Vif);
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

_Use_decl_annotations_
NDIS_STATUS
StateRestart(XENNET_ADAPTER *Adapter, const NDIS_MINIPORT_RESTART_PARAMETERS *Parameters)
{
    NDIS_RESTART_GENERAL_ATTRIBUTES *Attributes = StateRestartAttributes(Parameters);
    NDIS_STATUS Status;

    Status = StateBegin(Adapter);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    // The only moment after the start at which NDIS takes another frame size.
    if (Attributes != NULL) {
        LinkAdvertiseFrameSize(Adapter->Link);
        Attributes->MtuSize = ContextMtu(&Adapter->Context);
        Attributes->LookaheadSize = ContextMtu(&Adapter->Context);
    } else {
        LinkStateChanged(Adapter->Link);
    }
    (void)StateMove(Adapter, XennetStateRunning);
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
NDIS_STATUS
StatePause(XENNET_ADAPTER *Adapter)
{
    Adapter->Context.Recovering = FALSE;
    // A restart that failed leaves nothing to pause, whether NDIS's or the watchdog's.
    if (Adapter->Context.State == XennetStatePaused)
        return NDIS_STATUS_SUCCESS;
    return StateEnd(Adapter);
}

_Use_decl_annotations_
BOOLEAN
StateRecover(XENNET_ADAPTER *Adapter)
{
    Adapter->Context.Recovering = TRUE;
    if (Adapter->Context.State == XennetStateRunning)
        (void)StateEnd(Adapter);
    if (StateBegin(Adapter) != NDIS_STATUS_SUCCESS)
        return FALSE;
    LinkStateChanged(Adapter->Link);
    (void)StateMove(Adapter, XennetStateRunning);
    Adapter->Context.Recovering = FALSE;
    return TRUE;
}
