/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For test_no_wire: an NDIS 6.20 miniport whose medium ends in itself, as drivers for software devices have it. What is
 * sent is counted and completed. It uses nothing but NDIS. MEDIUM_LOSES, MEDIUM_STAYS_DOWN: what it does wrong.
 */
#include <ndis.h>

#define MTU        1500
#define LINK_SPEED 1000000000ull
#define FILTERS    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST)

DRIVER_INITIALIZE DriverEntry;
ULONG64 __security_cookie = 0x2B992DDFA232ull;

static struct {
    NDIS_HANDLE Driver, Adapter;
    ULONG Lookahead, Filter, Calls;
    ULONG64 Sent;
} Medium;

static NDIS_OID Oids[] = { OID_GEN_CURRENT_LOOKAHEAD, OID_GEN_CURRENT_PACKET_FILTER, OID_802_3_MULTICAST_LIST,
                           OID_GEN_XMIT_OK,           OID_802_3_CURRENT_ADDRESS,     OID_GEN_VENDOR_DESCRIPTION };
static UCHAR Address[6] = { 2, 0, 0x5e, 0, 0, 7 };

/* Whatever the compiler clears by a call; nothing is linked. */
void *memset(void *To, int Value, SIZE_T Bytes)
{
    volatile UCHAR *Byte = To;

    while (Bytes-- > 0) {
        *Byte++ = (UCHAR)Value;
    }
    return To;
}

static VOID NTAPI Unload(DRIVER_OBJECT *Driver)
{
    UNREFERENCED_PARAMETER(Driver);
    NdisMDeregisterMiniportDriver(Medium.Driver);
}

static NDIS_STATUS SetAttributes(NDIS_HANDLE Adapter)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES Attributes = { 0 };
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *Registration = &Attributes.RegistrationAttributes;
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *General = &Attributes.GeneralAttributes;
    NDIS_STATUS Status;
    int i;

    Registration->Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES;
    Registration->Header.Revision = NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1;
    Registration->Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1;
    Registration->MiniportAdapterContext = &Medium;
    Registration->AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK;
    Registration->InterfaceType = NdisInterfacePNPBus;
    Status = NdisMSetMiniportAttributes(Adapter, &Attributes);
    if (Status != NDIS_STATUS_SUCCESS) {
        return Status;
    }
    memset(&Attributes, 0, sizeof(Attributes));
    General->Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES;
    General->Header.Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    General->Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    General->MediaType = NdisMedium802_3;
    General->MtuSize = MTU;
    General->MaxXmitLinkSpeed = General->XmitLinkSpeed = LINK_SPEED;
    General->MaxRcvLinkSpeed = General->RcvLinkSpeed = LINK_SPEED;
    General->MediaConnectState = MediaConnectStateConnected;
    General->MediaDuplexState = MediaDuplexStateFull;
    General->LookaheadSize = MTU;
    General->MacOptions = NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA | NDIS_MAC_OPTION_NO_LOOPBACK;
    General->SupportedPacketFilters = FILTERS;
    General->MaxMulticastListSize = 32;
    General->MacAddressLength = sizeof(Address);
    for (i = 0; i < (int)sizeof(Address); i++) {
        General->PermanentMacAddress[i] = General->CurrentMacAddress[i] = Address[i];
    }
    General->AccessType = NET_IF_ACCESS_BROADCAST;
    General->DirectionType = NET_IF_DIRECTION_SENDRECEIVE;
    General->ConnectionType = NET_IF_CONNECTION_DEDICATED;
    General->IfType = IF_TYPE_ETHERNET_CSMACD;
    General->SupportedOidList = Oids;
    General->SupportedOidListLength = sizeof(Oids);
    return NdisMSetMiniportAttributes(Adapter, &Attributes);
}

static NDIS_STATUS NTAPI Initialize(NDIS_HANDLE Adapter, NDIS_HANDLE Context, PNDIS_MINIPORT_INIT_PARAMETERS Parameters)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Parameters);
    Medium.Adapter = Adapter;
    return SetAttributes(Adapter);
}

static VOID NTAPI Halt(NDIS_HANDLE Context, NDIS_HALT_ACTION Action)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Action);
}

static NDIS_STATUS NTAPI Pause(NDIS_HANDLE Context, PNDIS_MINIPORT_PAUSE_PARAMETERS Parameters)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Parameters);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS NTAPI Restart(NDIS_HANDLE Context, PNDIS_MINIPORT_RESTART_PARAMETERS Parameters)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Parameters);
    return NDIS_STATUS_SUCCESS;
}

static VOID NTAPI Send(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, NDIS_PORT_NUMBER Port, ULONG Flags)
{
    PNET_BUFFER_LIST List;

    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Port);
#ifdef MEDIUM_LOSES
    if (++Medium.Calls == 100) { /* one NBL, of however many the call has */
        List = Lists;
        Lists = NET_BUFFER_LIST_NEXT_NBL(List);
        NET_BUFFER_LIST_NEXT_NBL(List) = NULL;
        if (Lists == NULL) {
            return;
        }
    }
#endif
    for (List = Lists; List != NULL; List = NET_BUFFER_LIST_NEXT_NBL(List)) {
        NET_BUFFER_LIST_STATUS(List) = NDIS_STATUS_SUCCESS;
        Medium.Sent++;
    }
    NdisMSendNetBufferListsComplete(
        Medium.Adapter, Lists,
        (Flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL) != 0 ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static VOID NTAPI Return(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, ULONG Flags)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Lists);
    UNREFERENCED_PARAMETER(Flags);
}

static VOID NTAPI Cancel(NDIS_HANDLE Context, PVOID Id)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Id);
}

static NDIS_STATUS Answer(PNDIS_OID_REQUEST Request, const VOID *Value, ULONG Bytes)
{
    ULONG i;

    if (Request->DATA.QUERY_INFORMATION.InformationBufferLength < Bytes) {
        Request->DATA.QUERY_INFORMATION.BytesNeeded = Bytes;
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    for (i = 0; i < Bytes; i++) {
        ((UCHAR *)Request->DATA.QUERY_INFORMATION.InformationBuffer)[i] = ((const UCHAR *)Value)[i];
    }
    Request->DATA.QUERY_INFORMATION.BytesWritten = Bytes;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS Query(PNDIS_OID_REQUEST Request)
{
    switch (Request->DATA.QUERY_INFORMATION.Oid) {
    case OID_GEN_CURRENT_LOOKAHEAD:
        return Answer(Request, &Medium.Lookahead, sizeof(Medium.Lookahead));
    case OID_GEN_CURRENT_PACKET_FILTER:
        return Answer(Request, &Medium.Filter, sizeof(Medium.Filter));
    case OID_GEN_XMIT_OK:
        return Answer(Request, &Medium.Sent, sizeof(Medium.Sent));
    case OID_802_3_CURRENT_ADDRESS:
        return Answer(Request, Address, sizeof(Address));
    case OID_GEN_VENDOR_DESCRIPTION:
        return Answer(Request, "medium", sizeof("medium"));
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

static NDIS_STATUS Set(PNDIS_OID_REQUEST Request)
{
    const VOID *Value = Request->DATA.SET_INFORMATION.InformationBuffer;

    Request->DATA.SET_INFORMATION.BytesRead = Request->DATA.SET_INFORMATION.InformationBufferLength;
    switch (Request->DATA.SET_INFORMATION.Oid) {
    case OID_GEN_CURRENT_LOOKAHEAD:
        Medium.Lookahead = *(const ULONG *)Value;
        return NDIS_STATUS_SUCCESS;
    case OID_GEN_CURRENT_PACKET_FILTER:
        Medium.Filter = *(const ULONG *)Value;
        return NDIS_STATUS_SUCCESS;
    case OID_PNP_SET_POWER:
#ifdef MEDIUM_STAYS_DOWN
        return *(const ULONG *)Value == NdisDeviceStateD0 ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS;
#endif
    case OID_802_3_MULTICAST_LIST:
        return NDIS_STATUS_SUCCESS;
    default:
        Request->DATA.SET_INFORMATION.BytesRead = 0;
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

static NDIS_STATUS NTAPI OidRequest(NDIS_HANDLE Context, PNDIS_OID_REQUEST Request)
{
    UNREFERENCED_PARAMETER(Context);
    switch (Request->RequestType) {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
        return Query(Request);
    case NdisRequestSetInformation:
        return Set(Request);
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

static VOID NTAPI PnpEvent(NDIS_HANDLE Context, PNET_DEVICE_PNP_EVENT Event)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Event);
}

static VOID NTAPI Shutdown(NDIS_HANDLE Context, NDIS_SHUTDOWN_ACTION Action)
{
    UNREFERENCED_PARAMETER(Context);
    UNREFERENCED_PARAMETER(Action);
}

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Path)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Handlers = { 0 };

    Handlers.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS;
    Handlers.Header.Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    Handlers.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    Handlers.MajorNdisVersion = 6;
    Handlers.MinorNdisVersion = 20;
    Handlers.InitializeHandlerEx = Initialize;
    Handlers.HaltHandlerEx = Halt;
    Handlers.UnloadHandler = Unload;
    Handlers.PauseHandler = Pause;
    Handlers.RestartHandler = Restart;
    Handlers.OidRequestHandler = OidRequest;
    Handlers.SendNetBufferListsHandler = Send;
    Handlers.ReturnNetBufferListsHandler = Return;
    Handlers.CancelSendHandler = Cancel;
    Handlers.DevicePnPEventNotifyHandler = PnpEvent;
    Handlers.ShutdownHandlerEx = Shutdown;
    Handlers.CancelOidRequestHandler = Cancel;
    return NdisMRegisterMiniportDriver(Driver, Path, NULL, &Handlers, &Medium.Driver);
}
