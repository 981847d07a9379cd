/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An adapter from MiniportInitializeEx to MiniportHaltEx: its parts are made in the order of AdapterSteps and taken
 * down in reverse; each Destroy takes what its Create left. What happens in between is state.c's; here are the handlers
 * that lead from NDIS straight to one of the parts.
 *
 * IRQL: PASSIVE except where a handler says otherwise. No locks.
 */
#include "adapter.h"
#include "attributes.h"
#include "event.h"
#include "memory.h"
#include "oid.h"
#include "state.h"

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

// A group's address and none at all are no station's: a local one takes its place, which XenVif's filter does not know.
static VOID
AdapterMendAddress(XENNET_ADAPTER *Adapter, ETHERNET_ADDRESS *Address)
{
    static const ETHERNET_ADDRESS None = {{0}};

    if (!(Address->Byte[0] & 0x01) && !RtlEqualMemory(Address, &None, sizeof(None)))
        return;
    TRACE_ERROR("XenVif says an address that is no station's, using a local one\n");
    Address->Byte[0] = (UCHAR)((Address->Byte[0] & ~0x01) | 0x02);
    Adapter->ForeignAddress = TRUE;
}

_Use_decl_annotations_
ULONG
AdapterQueryQueues(XENNET_ADAPTER *Adapter)
{
    ULONG Count = 0;

    // XenVif makes one ring a processor at most; receive.c has no place for more.
    VIF_CALL(&Adapter->Vif, QueryRingCount, &Count);
    if (Count > Adapter->ProcessorCount)
        TRACE_ERROR("XenVif reports %u queues, using %u\n", Count, Adapter->ProcessorCount);
    return XENNET_MIN(Count, Adapter->ProcessorCount);
}

// Reads what XenVif and the backend fix for the life of the adapter, within what can be true.
static VOID
AdapterQueryVif(XENNET_ADAPTER *Adapter)
{
    XENNET_VIF *Vif = &Adapter->Vif;

    Adapter->QueueCount = XENNET_MAX(AdapterQueryQueues(Adapter), 1);
    Adapter->QueuesSeen = Adapter->QueueCount;

    Adapter->MaximumFrameSize = LinkQueryFrameSize(Adapter);
    if (Adapter->MaximumFrameSize == 0) {
        TRACE_ERROR("XenVif says no frame size that can be, using an MTU of %u\n", ETHERNET_MTU);
        Adapter->MaximumFrameSize = XENNET_MIN(ETHERNET_HEADER_SIZE + ETHERNET_MTU, Adapter->Config.JumboPacket);
    }
    Adapter->ToldFrameSize = Adapter->MaximumFrameSize;
    Adapter->Lookahead = AdapterMtu(Adapter);

    VIF_CALL(Vif, TransmitterQueryRingSize, &Adapter->TransmitRingSize);
    VIF_CALL(Vif, ReceiverQueryRingSize, &Adapter->ReceiveRingSize);
    VIF_CALL(Vif, MacQueryPermanentAddress, &Adapter->PermanentAddress);
    VIF_CALL(Vif, MacQueryCurrentAddress, &Adapter->CurrentAddress);
    AdapterMendAddress(Adapter, &Adapter->PermanentAddress);
    AdapterMendAddress(Adapter, &Adapter->CurrentAddress);
    // XenVif reads NetworkAddress too; where it has not, its filter knows another address and must let all of them
    // pass.
    if (Adapter->Config.HasAddress &&
        !RtlEqualMemory(&Adapter->CurrentAddress, &Adapter->Config.Address, sizeof(Adapter->CurrentAddress))) {
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
    WatchdogDestroy(Adapter->Watchdog);
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
AdapterStepWatchdog(XENNET_ADAPTER *Adapter)
{
    return WatchdogCreate(Adapter, &Adapter->Watchdog);
}

static NDIS_STATUS
AdapterStepStore(XENNET_ADAPTER *Adapter)
{
    return StoreCreate(Adapter, &Adapter->Store);
}

// In order; the index plus one is the step that a record in the event log names.
static ADAPTER_STEP *const AdapterSteps[] = {
    AttributesSetRegistration, AdapterStepConfig,    AdapterStepVif,     AdapterStepOffload,   AdapterStepRss,
    AdapterStepLink,           AdapterStepTransmit,  AdapterStepReceive, RssQueryCapabilities, AdapterStepWatchdog,
    AttributesSetGeneral,      AttributesSetOffload, AdapterStepStore,
};

NDIS_STATUS NTAPI
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
        EventLog(NdisHandle, NDIS_ERROR_CODE_DRIVER_FAILURE, XENNET_EVENT_START_FAILED, Step, (ULONG)Status, 0);
        EVENT_REPORT(XENNET_REPORT_START_FAILED, Adapter, Step, (ULONG)Status, 0, 0);
        (void)StateMove(Adapter, XennetStateHalted);
        AdapterDestroy(Adapter);
        return Status;
    }

    EVENT_REPORT(XENNET_REPORT_START, Adapter, Adapter->Vif.Version, Adapter->QueueCount, Adapter->MaximumFrameSize, 0);
    OffloadApplyReceive(Adapter->Offload);
    // A filter that XenVif did not take now is set again by the first OID.
    (void)OidApplyPacketFilter(Adapter);
    (void)StateMove(Adapter, XennetStatePaused);
    return NDIS_STATUS_SUCCESS;
}

VOID NTAPI
AdapterHalt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Action);

    (void)StateMove(Adapter, XennetStateHalted);
    EVENT_REPORT(XENNET_REPORT_STOP, Adapter, 0, 0, 0, 0);
    AdapterDestroy(Adapter);
}

VOID NTAPI
AdapterSend(NDIS_HANDLE Context, PNET_BUFFER_LIST Chain, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    XENNET_ADAPTER *Adapter = Context;

    UNREFERENCED_PARAMETER(Port);

    TransmitSend(Adapter->Transmit, Chain, Flags);
}

VOID NTAPI
AdapterReturn(NDIS_HANDLE Context, PNET_BUFFER_LIST Chain, ULONG Flags)
{
    XENNET_ADAPTER *Adapter = Context;

    ReceiveReturn(Adapter->Receive, Chain, Flags);
}

// No send waits in this driver, so none can be taken back.
VOID NTAPI
AdapterCancelSend(NDIS_HANDLE Context, PVOID CancelId)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(CancelId);
}

// The watchdog finds hangs by itself, on every version of NDIS.
BOOLEAN NTAPI
AdapterCheckForHang(NDIS_HANDLE Context)
{
    UNREFERENCED_PARAMETER(Context);

    return FALSE;
}

NDIS_STATUS NTAPI
AdapterReset(NDIS_HANDLE Context, PBOOLEAN AddressingReset)
{
    XENNET_ADAPTER *Adapter = Context;

    // XenVif keeps addresses and filters.
    *AddressingReset = FALSE;
    return WatchdogReset(Adapter->Watchdog) ? NDIS_STATUS_PENDING : NDIS_STATUS_RESET_IN_PROGRESS;
}
