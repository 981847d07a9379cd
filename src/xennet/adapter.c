/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An adapter's life as NDIS drives it:
 *
 *   Initializing --> Paused --> Restarting --> Running --> Pausing --> Paused --> Halted
 *        |             ^            |
 *        v             +--(failed)--+
 *      Halted
 *
 * AdapterMove is the only writer of State and knows the arrows. NDIS serialises initialize, pause, restart, halt
 * and OID requests; sends, returns and XenVif's callbacks come at any time and read State. Packets move only while
 * Running. Modules start in the order of AdapterStart and end in reverse; each Destroy takes what its Create left.
 *
 * Surprise removal and shutdown only set Gone, which stops new packets: XenVif may be waiting for NBLs that will
 * not come back before NDIS pauses and halts the adapter in its own order.
 *
 * IRQL: PASSIVE except where a handler says otherwise. No locks.
 */
#include "adapter.h"
#include "attributes.h"
#include "event.h"
#include "memory.h"
#include "oid.h"
#include "power.h"
#include "trace.h"

static MINIPORT_INITIALIZE AdapterInitialize;
static MINIPORT_HALT AdapterHalt;
static MINIPORT_PAUSE AdapterPause;
static MINIPORT_RESTART AdapterRestart;
static MINIPORT_SEND_NET_BUFFER_LISTS AdapterSend;
static MINIPORT_RETURN_NET_BUFFER_LISTS AdapterReturn;
static MINIPORT_CANCEL_SEND AdapterCancelSend;
static MINIPORT_CHECK_FOR_HANG AdapterCheckForHang;
static MINIPORT_RESET AdapterReset;
static MINIPORT_DEVICE_PNP_EVENT_NOTIFY AdapterPnpEvent;
static MINIPORT_SHUTDOWN AdapterShutdown;

typedef struct _ADAPTER_ARROW {
    XENNET_STATE From;
    XENNET_STATE To;
} ADAPTER_ARROW;

static const ADAPTER_ARROW AdapterArrows[] = {
    {XennetStateInitializing, XennetStatePaused},
    {XennetStateInitializing, XennetStateHalted},
    {XennetStatePaused, XennetStateRestarting},
    {XennetStatePaused, XennetStateHalted},
    {XennetStateRestarting, XennetStateRunning},
    {XennetStateRestarting, XennetStatePaused},
    {XennetStateRunning, XennetStatePausing},
    {XennetStatePausing, XennetStatePaused}
};

// FALSE, and nothing changed, where the diagram has no such arrow: the caller was called out of order.
static BOOLEAN
AdapterMove(XENNET_ADAPTER *Adapter, XENNET_STATE To)
{
    XENNET_STATE From = (XENNET_STATE)Adapter->State;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(AdapterArrows); Index++) {
        if (AdapterArrows[Index].From == From && AdapterArrows[Index].To == To) {
            (VOID)InterlockedExchange(&Adapter->State, To);
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
AdapterSendRefusal(const XENNET_ADAPTER *Adapter)
{
    if (Adapter->Gone)
        return NDIS_STATUS_ADAPTER_REMOVED;
    if (Adapter->Power != NdisDeviceStateD0)
        return NDIS_STATUS_LOW_POWER_STATE;
    return NDIS_STATUS_PAUSED;
}

_Use_decl_annotations_
VOID
AdapterIndicateStatus(XENNET_ADAPTER *Adapter, NDIS_STATUS Code, VOID *Buffer, ULONG Length)
{
    NDIS_STATUS_INDICATION Indication;

    RtlZeroMemory(&Indication, sizeof(Indication));
    Indication.Header.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION;
    Indication.Header.Revision = NDIS_STATUS_INDICATION_REVISION_1;
    Indication.Header.Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1;
    Indication.SourceHandle = Adapter->NdisHandle;
    Indication.PortNumber = NDIS_DEFAULT_PORT_NUMBER;
    Indication.StatusCode = Code;
    Indication.StatusBuffer = Buffer;
    Indication.StatusBufferSize = Length;
    NdisMIndicateStatusEx(Adapter->NdisHandle, &Indication);
}

// Reads what XenVif and the backend fix for the life of the adapter, within what can be true.
static VOID
AdapterQueryVif(XENNET_ADAPTER *Adapter)
{
    XENNET_VIF *Vif = &Adapter->Vif;
    ULONG Size = 0;

    VIF_CALL(Vif, QueryRingCount, &Adapter->QueueCount);
    if (Adapter->QueueCount == 0 || Adapter->QueueCount > XENNET_MAXIMUM_QUEUES) {
        TRACE_ERROR("XenVif says %u queues, using 1 to %u\n", Adapter->QueueCount, XENNET_MAXIMUM_QUEUES);
        Adapter->QueueCount = Adapter->QueueCount == 0 ? 1 : XENNET_MAXIMUM_QUEUES;
    }

    // XenVif counts a VLAN tag in: the backend's MTU and 18 bytes (its mac.c, since the first release).
    VIF_CALL(Vif, MacQueryMaximumFrameSize, &Size);
    if (Size < ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + ETHERNET_MIN_MTU || Size > ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + MAXUSHORT) {
        TRACE_ERROR("XenVif says frames of %u bytes, using an MTU of %u\n", Size, ETHERNET_MTU);
        Size = ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + ETHERNET_MTU;
    }
    // The keyword only lowers what the backend carries: a longer frame would be lost behind it.
    Adapter->MaximumFrameSize = XENNET_MINIMUM(Size - ETHERNET_TAG_SIZE, Adapter->Config.JumboPacket);
    Adapter->Lookahead = AdapterMtu(Adapter);

    VIF_CALL(Vif, TransmitterQueryRingSize, &Adapter->TransmitRingSize);
    VIF_CALL(Vif, ReceiverQueryRingSize, &Adapter->ReceiveRingSize);
    Adapter->TransmitRingSize *= Adapter->QueueCount;
    Adapter->ReceiveRingSize *= Adapter->QueueCount;
    VIF_CALL(Vif, MacQueryPermanentAddress, &Adapter->PermanentAddress);
    VIF_CALL(Vif, MacQueryCurrentAddress, &Adapter->CurrentAddress);
    // XenVif reads NetworkAddress too; where it has not, its filter knows another address and must let all of them pass.
    if (Adapter->Config.HasAddress && !RtlEqualMemory(&Adapter->CurrentAddress, &Adapter->Config.Address,
                                                      sizeof(Adapter->CurrentAddress))) {
        Adapter->CurrentAddress = Adapter->Config.Address;
        Adapter->ForeignAddress = TRUE;
    }
    VIF_CALL(Vif, ReceiverSetBackfillSize, 0);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
AdapterDestroy(XENNET_ADAPTER *Adapter)
{
    // The store is first: its callback must not find half an adapter.
    StoreDestroy(Adapter->Store);
    VifDisable(&Adapter->Vif);
    ReceiveDestroy(Adapter->Receive);
    TransmitDestroy(Adapter->Transmit);
    LinkDestroy(Adapter->Link);
    RssDestroy(Adapter->Rss);
    OffloadDestroy(Adapter->Offload);
    VifDestroy(&Adapter->Vif);
    MemoryFree(Adapter);
}

typedef NDIS_STATUS ADAPTER_STEP(XENNET_ADAPTER *Adapter);

static NDIS_STATUS
AdapterStepConfig(XENNET_ADAPTER *Adapter)
{
    NDIS_STATUS Status = ConfigRead(Adapter->NdisHandle, &Adapter->Config);

    if (Status == NDIS_STATUS_SUCCESS)
        VlanInitialize(&Adapter->Vlan, Adapter->Config.PriorityVlan, Adapter->Config.VlanId);
    return Status;
}

static NDIS_STATUS
AdapterStepVif(XENNET_ADAPTER *Adapter)
{
    NDIS_STATUS Status;

    NdisMGetDeviceProperty(Adapter->NdisHandle, NULL, NULL, &Adapter->NextDevice, NULL, NULL);
    Status = VifCreate(&Adapter->Vif, Adapter);
    if (Status == NDIS_STATUS_SUCCESS)
        AdapterQueryVif(Adapter);
    return Status;
}

static NDIS_STATUS
AdapterStepOffload(XENNET_ADAPTER *Adapter)
{
    return OffloadCreate(Adapter, &Adapter->Offload);
}

static NDIS_STATUS
AdapterStepRss(XENNET_ADAPTER *Adapter)
{
    return RssCreate(Adapter, &Adapter->Rss);
}

static NDIS_STATUS
AdapterStepLink(XENNET_ADAPTER *Adapter)
{
    return LinkCreate(Adapter, &Adapter->Link);
}

static NDIS_STATUS
AdapterStepTransmit(XENNET_ADAPTER *Adapter)
{
    return TransmitCreate(Adapter, &Adapter->Transmit);
}

static NDIS_STATUS
AdapterStepReceive(XENNET_ADAPTER *Adapter)
{
    return ReceiveCreate(Adapter, &Adapter->Receive);
}

static NDIS_STATUS
AdapterStepOffloadAttributes(XENNET_ADAPTER *Adapter)
{
    return OffloadSetAttributes(Adapter->Offload);
}

static NDIS_STATUS
AdapterStepStore(XENNET_ADAPTER *Adapter)
{
    return StoreCreate(Adapter, &Adapter->Store);
}

// In order; the index plus one is the step that a record in the event log names.
static ADAPTER_STEP *const AdapterSteps[] = {
    AttributesSetRegistration,
    AdapterStepConfig,
    AdapterStepVif,
    AdapterStepOffload,
    AdapterStepRss,
    AdapterStepLink,
    AdapterStepTransmit,
    AdapterStepReceive,
    AttributesSetGeneral,
    AdapterStepOffloadAttributes,
    AdapterStepStore
};

static NDIS_STATUS NTAPI
AdapterInitialize(NDIS_HANDLE NdisHandle, NDIS_HANDLE DriverContext, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter;
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;
    ULONG Step;

    UNREFERENCED_PARAMETER(DriverContext);

    Adapter = MemoryAllocate(NdisHandle, sizeof(*Adapter));
    if (Adapter == NULL)
        return NDIS_STATUS_RESOURCES;
    Adapter->NdisHandle = NdisHandle;
    Adapter->IfIndex = Parameters->IfIndex;
    Adapter->Revisions = DriverRevisions();
    Adapter->ProcessorCount = KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS);
    Adapter->Power = NdisDeviceStateD0;
    Adapter->State = XennetStateInitializing;

    for (Step = 0; Step < RTL_NUMBER_OF(AdapterSteps) && Status == NDIS_STATUS_SUCCESS; Step++)
        Status = AdapterSteps[Step](Adapter);
    if (Status != NDIS_STATUS_SUCCESS) {
        TRACE_ERROR("adapter cannot start: step %u, status %08x\n", Step, (ULONG)Status);
        TraceLogEvent(NdisHandle, NDIS_ERROR_CODE_DRIVER_FAILURE, XENNET_EVENT_START_FAILED, Step, (ULONG)Status, 0);
        EVENT_REPORT(XENNET_REPORT_START_FAILED, Adapter, Step, (ULONG)Status, 0, 0);
        (VOID)AdapterMove(Adapter, XennetStateHalted);
        AdapterDestroy(Adapter);
        return Status;
    }

    EVENT_REPORT(XENNET_REPORT_START, Adapter, Adapter->Vif.Version, Adapter->QueueCount, Adapter->MaximumFrameSize, 0);
    OffloadApplyReceive(Adapter->Offload);
    // A filter that XenVif did not take now is set again by the first OID.
    (VOID)OidApplyPacketFilter(Adapter);
    (VOID)AdapterMove(Adapter, XennetStatePaused);
    return NDIS_STATUS_SUCCESS;
}

static VOID NTAPI
AdapterHalt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Action);

    (VOID)AdapterMove(Adapter, XennetStateHalted);
    EVENT_REPORT(XENNET_REPORT_STOP, Adapter, 0, 0, 0, 0);
    AdapterDestroy(Adapter);
}

static NDIS_STATUS NTAPI
AdapterRestart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;
    NDIS_STATUS Status;

    UNREFERENCED_PARAMETER(Parameters);

    if (!AdapterMove(Adapter, XennetStateRestarting))
        return NDIS_STATUS_INVALID_STATE;
    // Packets that come before the state is Running go back; NDIS does not expect them yet.
    Status = VifEnable(&Adapter->Vif);
    if (Status != NDIS_STATUS_SUCCESS) {
        (VOID)AdapterMove(Adapter, XennetStatePaused);
        return Status;
    }
    LinkStateChanged(Adapter->Link);
    (VOID)AdapterMove(Adapter, XennetStateRunning);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS NTAPI
AdapterPause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Parameters);

    // A restart that failed leaves nothing to pause.
    if (Adapter->State == XennetStatePaused)
        return NDIS_STATUS_SUCCESS;
    if (!AdapterMove(Adapter, XennetStatePausing))
        return NDIS_STATUS_INVALID_STATE;
    // Whoever has seen Running did so at DISPATCH and is through when every processor has been below it once.
    KeFlushQueuedDpcs();
    ReceiveStop(Adapter->Receive);
    VifDisable(&Adapter->Vif);
    TransmitDrain(Adapter->Transmit);
    (VOID)AdapterMove(Adapter, XennetStatePaused);
    return NDIS_STATUS_SUCCESS;
}

static VOID NTAPI
AdapterSend(NDIS_HANDLE Context, PNET_BUFFER_LIST Chain, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Port);

    TransmitSend(Adapter->Transmit, Chain, Flags);
}

static VOID NTAPI
AdapterReturn(NDIS_HANDLE Context, PNET_BUFFER_LIST Chain, ULONG Flags)
{
    XENNET_ADAPTER *Adapter = Context;

    ReceiveReturn(Adapter->Receive, Chain, Flags);
}

// No send waits in this driver, so none can be taken back.
static VOID NTAPI
AdapterCancelSend(NDIS_HANDLE Context, PVOID CancelId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(CancelId);
}

// Hangs are XenVif's to notice; NDIS before 6.30 wants both handlers nevertheless.
static BOOLEAN NTAPI
AdapterCheckForHang(NDIS_HANDLE Context)
{
    UNREFERENCED_PARAMETER(Context);

    return FALSE;
}

static NDIS_STATUS NTAPI
AdapterReset(NDIS_HANDLE Context, PBOOLEAN AddressingReset)
{
    UNREFERENCED_PARAMETER(Context);

    *AddressingReset = FALSE;
    return NDIS_STATUS_NOT_RESETTABLE;
}

static VOID NTAPI
AdapterPnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    XENNET_ADAPTER *Adapter = Context;

    if (Event->DevicePnPEvent == NdisDevicePnPEventSurpriseRemoved)
        (VOID)InterlockedExchange(&Adapter->Gone, TRUE);
}

// On a bug check this runs at any IRQL on one processor: nothing but the flag may be touched.
static VOID NTAPI
AdapterShutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION Action)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Action);

    (VOID)InterlockedExchange(&Adapter->Gone, TRUE);
}

_Use_decl_annotations_
VOID
AdapterSetHandlers(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Characteristics)
{
    Characteristics->InitializeHandlerEx = AdapterInitialize;
    Characteristics->HaltHandlerEx = AdapterHalt;
    Characteristics->PauseHandler = AdapterPause;
    Characteristics->RestartHandler = AdapterRestart;
    Characteristics->SendNetBufferListsHandler = AdapterSend;
    Characteristics->ReturnNetBufferListsHandler = AdapterReturn;
    Characteristics->CancelSendHandler = AdapterCancelSend;
    Characteristics->CheckForHangHandlerEx = AdapterCheckForHang;
    Characteristics->ResetHandlerEx = AdapterReset;
    Characteristics->DevicePnPEventNotifyHandler = AdapterPnpEvent;
    Characteristics->ShutdownHandlerEx = AdapterShutdown;
    Characteristics->OidRequestHandler = OidRequest;
    Characteristics->CancelOidRequestHandler = OidCancelRequest;
    if (DriverRevisions()->RssEntryMoves)
        Characteristics->SynchronousOidRequestHandler = OidSynchronousRequest;
}
