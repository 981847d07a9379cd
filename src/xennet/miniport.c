/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An adapter from MiniportInitializeEx to MiniportHaltEx: its parts are made in the order of MiniportSteps and taken
 * down in reverse; each Destroy takes what its Create left. What happens in between is state.c's; here are the handlers
 * that lead from NDIS straight to one of the parts.
 *
 * IRQL: PASSIVE except where a handler has another level. No locks.
 */
#include "miniport.h"
#include "adapter.h"
#include "attributes.h"
#include "debug.h"
#include "report.h"
#include "link.h"
#include "memory.h"
#include "min_max.h"
#include "offload.h"
#include "offload_control.h"
#include "receive.h"
#include "rss.h"
#include "state.h"
#include "store.h"
#include "timestamp.h"
#include "transmit.h"
#include "vif_callback.h"
#include "watchdog.h"

// Reads what XenVif and the backend fix for the life of the adapter, within what can be true.
static VOID
MiniportQueryVif(XENNET_ADAPTER *Adapter)
{
    XENNET_VIF *Vif = &Adapter->Context.Vif;

    Adapter->Context.QueueCount = XENNET_MAX(ContextQueryQueues(&Adapter->Context), 1);
    Adapter->Context.QueuesSeen = Adapter->Context.QueueCount;

    Adapter->Context.MaximumFrameSize = LinkQueryFrameSize(&Adapter->Context);
    if (Adapter->Context.MaximumFrameSize == 0) {
        DEBUG_ERROR("XenVif reported an invalid frame size; using an MTU of %u\n", ETHERNET_MTU);
        Adapter->Context.MaximumFrameSize =
            XENNET_MIN(ETHERNET_HEADER_SIZE + ETHERNET_MTU, Adapter->Context.Config.JumboPacket);
    }
    Adapter->Context.AdvertisedFrameSize = Adapter->Context.MaximumFrameSize;
    Adapter->Lookahead = ContextMtu(&Adapter->Context);

    VIF_CALL(Vif, TransmitterQueryRingSize, &Adapter->TransmitRingSize);
    VIF_CALL(Vif, ReceiverQueryRingSize, &Adapter->ReceiveRingSize);
    FilterReadAddresses(&Adapter->Filter, &Adapter->Context);
    VIF_CALL(Vif, ReceiverSetBackfillSize, 0);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
MiniportDestroy(XENNET_ADAPTER *Adapter)
{
    // The store is first: its callback must not find half an adapter.
    StoreDestroy(Adapter->Store);
    WatchdogDestroy(Adapter->Watchdog);
    VifDisable(&Adapter->Context.Vif);
    ReceiveDestroy(Adapter->Receive);
    TransmitDestroy(Adapter->Transmit);
    LinkDestroy(Adapter->Link);
    RssDestroy(Adapter->Rss);
    OffloadDestroy(Adapter->Offload);
    VifDestroy(&Adapter->Context.Vif);
    MemoryFree(Adapter);
}

typedef NDIS_STATUS MINIPORT_STEP(XENNET_ADAPTER *Adapter);

static NDIS_STATUS
MiniportStepConfig(XENNET_ADAPTER *Adapter)
{
    NDIS_STATUS Status = ConfigRead(&Adapter->Context.Reporter, &Adapter->Context.Config);

    if (Status == NDIS_STATUS_SUCCESS)
        VlanInitialize(&Adapter->Context.Vlan, Adapter->Context.Config.PriorityVlan, Adapter->Context.Config.VlanId);
    return Status;
}

static NDIS_STATUS
MiniportStepVif(XENNET_ADAPTER *Adapter)
{
    NDIS_STATUS Status;

    Status = VifCreate(&Adapter->Context.Vif, Adapter->Context.NdisHandle);
    if (Status == NDIS_STATUS_SUCCESS)
        MiniportQueryVif(Adapter);
    return Status;
}

static NDIS_STATUS
MiniportStepOffload(XENNET_ADAPTER *Adapter)
{
    return OffloadCreate(&Adapter->Context, OffloadControlFromConfig(&Adapter->Context.Config), &Adapter->Offload);
}

static NDIS_STATUS
MiniportStepRss(XENNET_ADAPTER *Adapter)
{
    return RssCreate(&Adapter->Context, &Adapter->Rss);
}

static NDIS_STATUS
MiniportStepLink(XENNET_ADAPTER *Adapter)
{
    return LinkCreate(&Adapter->Context, &Adapter->Link);
}

static NDIS_STATUS
MiniportStepTransmit(XENNET_ADAPTER *Adapter)
{
    return TransmitCreate(&Adapter->Context, Adapter->Offload, &Adapter->Transmit);
}

static NDIS_STATUS
MiniportStepReceive(XENNET_ADAPTER *Adapter)
{
    NDIS_STATUS Status = ReceiveCreate(&Adapter->Context, Adapter->Offload, &Adapter->Receive);

    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    OffloadAttach(Adapter->Offload, Adapter->Transmit, Adapter->Receive);
    LinkAttach(Adapter->Link, Adapter->Transmit, Adapter->Receive, Adapter->Rss, Adapter->Offload, &Adapter->Filter);
    RssAttach(Adapter->Rss, Adapter->Transmit);
    return Status;
}

// With transmit and receive there: packets may come while VIF is enabled, and go back.
static NDIS_STATUS
MiniportStepCapabilities(XENNET_ADAPTER *Adapter)
{
    BOOLEAN Answered = RssQueryCapabilities(Adapter->Rss);

    if (Answered)
        return NDIS_STATUS_SUCCESS;
    if (VifEnable(&Adapter->Context.Vif, &VifCallbacks, Adapter) == NDIS_STATUS_SUCCESS) {
        Answered = RssQueryCapabilities(Adapter->Rss);
        VifDisable(&Adapter->Context.Vif);
    }
    if (!Answered)
        RssReportMissing(Adapter->Rss);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
MiniportStepWatchdog(XENNET_ADAPTER *Adapter)
{
    return WatchdogCreate(Adapter, &Adapter->Watchdog);
}

static NDIS_STATUS
MiniportStepStore(XENNET_ADAPTER *Adapter)
{
    return StoreCreate(&Adapter->Context, Adapter->Rss, &Adapter->Store);
}

// In order; the index plus one is the step that a record in the event log names.
static MINIPORT_STEP *const MiniportSteps[] = {
    AttributesSetRegistration, MiniportStepConfig,   MiniportStepVif,      MiniportStepOffload,
    MiniportStepRss,           MiniportStepLink,     MiniportStepTransmit, MiniportStepReceive,
    MiniportStepCapabilities,  MiniportStepWatchdog, AttributesSetGeneral, AttributesSetOffload,
    MiniportStepStore,
};

NDIS_STATUS NTAPI
MiniportInitialize(NDIS_HANDLE NdisHandle, NDIS_HANDLE DriverContext, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter;
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;
    ULONG Step;

    UNREFERENCED_PARAMETER(DriverContext);

    Adapter = MemoryAllocate(NdisHandle, sizeof(*Adapter));
    if (Adapter == NULL)
        return NDIS_STATUS_RESOURCES;
    Adapter->Context.NdisHandle = NdisHandle;
    Adapter->Context.Reporter.NdisHandle = NdisHandle;
    Adapter->Context.Reporter.IfIndex = Parameters->IfIndex;
    Adapter->Context.Revisions = RevisionsInForce();
    Adapter->Context.ProcessorCount = KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS);
    Adapter->Context.Power = NdisDeviceStateD0;
    Adapter->Context.State = XennetStateInitializing;

    for (Step = 0; Step < RTL_NUMBER_OF(MiniportSteps) && Status == NDIS_STATUS_SUCCESS; Step++)
        Status = MiniportSteps[Step](Adapter);
    if (Status != NDIS_STATUS_SUCCESS) {
        ReportStartFailed(&Adapter->Context.Reporter, Step, Status);
        (void)StateMove(Adapter, XennetStateHalted);
        MiniportDestroy(Adapter);
        return Status;
    }

    ReportStart(&Adapter->Context.Reporter, Adapter->Context.Vif.Version, Adapter->Context.QueueCount,
                Adapter->Context.MaximumFrameSize);
    OffloadApplyReceive(Adapter->Offload);
    TimestampReport(&Adapter->Context);
    // A filter that XenVif did not take now is set again by the first OID.
    (void)FilterApply(&Adapter->Filter);
    (void)StateMove(Adapter, XennetStatePaused);
    return NDIS_STATUS_SUCCESS;
}

VOID NTAPI
MiniportHalt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Action);

    (void)StateMove(Adapter, XennetStateHalted);
    ReportStop(&Adapter->Context.Reporter);
    MiniportDestroy(Adapter);
}

NDIS_STATUS NTAPI
MiniportRestart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;
    NDIS_STATUS Status = StateRestart(Adapter, Parameters);

    if (Status == NDIS_STATUS_SUCCESS)
        WatchdogStart(Adapter->Watchdog, (BOOLEAN)(Adapter->Context.State == XennetStateRunning));
    return Status;
}

NDIS_STATUS NTAPI
MiniportPause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;
    NDIS_STATUS Status;

    UNREFERENCED_PARAMETER(Parameters);

    Adapter->Context.Asleep = FALSE;
    WatchdogStop(Adapter->Watchdog);
    Status = StatePause(Adapter);
    if (Status == NDIS_STATUS_PENDING)
        WatchdogPause(Adapter->Watchdog);
    return Status;
}

VOID NTAPI
MiniportPnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    XENNET_ADAPTER *Adapter = Context;

    if (Event->DevicePnPEvent != NdisDevicePnPEventSurpriseRemoved)
        return;
    ContextSetGone(&Adapter->Context);
    WatchdogRemove(Adapter->Watchdog);
}

// On a bug check this runs at any IRQL on one processor: nothing but the flag may be touched.
VOID NTAPI
MiniportShutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION Action)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Action);

    ContextSetGone(&Adapter->Context);
}

VOID NTAPI
MiniportSend(NDIS_HANDLE Context, PNET_BUFFER_LIST Chain, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Port);

    TransmitSend(Adapter->Transmit, Chain, Flags);
}

VOID NTAPI
MiniportReturn(NDIS_HANDLE Context, PNET_BUFFER_LIST Chain, ULONG Flags)
{
    XENNET_ADAPTER *Adapter = Context;

    ReceiveReturn(Adapter->Receive, Chain, Flags);
}

// Sends wait for nothing but buffers for UDP segments, which come back without anybody else: none is to cancel.
VOID NTAPI
MiniportCancelSend(NDIS_HANDLE Context, PVOID CancelId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(CancelId);
}

// The watchdog finds hangs by itself, on every version of NDIS.
BOOLEAN NTAPI
MiniportCheckForHang(NDIS_HANDLE Context)
{
    UNREFERENCED_PARAMETER(Context);

    return FALSE;
}

NDIS_STATUS NTAPI
MiniportReset(NDIS_HANDLE Context, PBOOLEAN AddressingReset)
{
    XENNET_ADAPTER *Adapter = Context;

    // XenVif keeps addresses and filters.
    *AddressingReset = FALSE;
    return WatchdogReset(Adapter->Watchdog) ? NDIS_STATUS_PENDING : NDIS_STATUS_RESET_IN_PROGRESS;
}
