/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registration, general and offload attributes, set by miniport.c once per adapter. No state: what stands here comes
 * from the modules that keep it, so an OID that asks the same gets the same answer.
 *
 * IRQL: PASSIVE.
 */
#include "attributes.h"
#include "adapter.h"
#include "link.h"
#include "offload.h"
#include "oid.h"
#include "power.h"
#include "rss.h"

// Every counter that OID_GEN_STATISTICS and its single OIDs answer.
#define ATTRIBUTES_STATISTICS                                                                                          \
    (NDIS_STATISTICS_XMIT_OK_SUPPORTED | NDIS_STATISTICS_RCV_OK_SUPPORTED | NDIS_STATISTICS_XMIT_ERROR_SUPPORTED |     \
     NDIS_STATISTICS_RCV_ERROR_SUPPORTED | NDIS_STATISTICS_RCV_CRC_ERROR_SUPPORTED |                                   \
     NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED | NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED |                         \
     NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED |                 \
     NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED |                \
     NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED |                  \
     NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED | NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED |                   \
     NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED | NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED |                  \
     NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED | NDIS_STATISTICS_BYTES_RCV_SUPPORTED |                            \
     NDIS_STATISTICS_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED |                                   \
     NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED | NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED)

_Use_decl_annotations_
NDIS_STATUS
AttributesSetRegistration(XENNET_ADAPTER *Adapter)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES Attributes;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *Registration = &Attributes.RegistrationAttributes;

    RtlZeroMemory(&Attributes, sizeof(Attributes));
    Registration->Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES;
    Registration->Header.Revision = Adapter->Context.Revisions->Registration;
    Registration->Header.Size = Adapter->Context.Revisions->RegistrationSize;
    Registration->MiniportAdapterContext = Adapter;
    Registration->AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM | NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK |
                                   NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    Registration->InterfaceType = NdisInterfacePNPBus;
    return NdisMSetMiniportAttributes(Adapter->Context.NdisHandle, &Attributes);
}

_Use_decl_annotations_
NDIS_STATUS
AttributesSetGeneral(XENNET_ADAPTER *Adapter)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES Attributes;
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *General = &Attributes.GeneralAttributes;
    NDIS_RECEIVE_SCALE_CAPABILITIES Rss;
    NDIS_PM_CAPABILITIES Power;
    NDIS_OID Oids[OID_MAX_LIST];
    XENNET_LINK_STATE Link = LinkState(Adapter->Link);

    PowerGetCapabilities(&Adapter->Context, &Power);
    RtlZeroMemory(&Attributes, sizeof(Attributes));
    General->Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES;
    General->Header.Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    General->Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
    General->MediaType = NdisMedium802_3;
    General->PhysicalMediumType = NdisPhysicalMedium802_3;
    General->MtuSize = ContextMtu(&Adapter->Context);
    General->MaxXmitLinkSpeed = Link.Speed;
    General->MaxRcvLinkSpeed = Link.Speed;
    General->XmitLinkSpeed = Link.Speed;
    General->RcvLinkSpeed = Link.Speed;
    General->MediaConnectState = Link.Connect;
    General->MediaDuplexState = Link.Duplex;
    General->LookaheadSize = ContextMtu(&Adapter->Context);
    General->PowerManagementCapabilitiesEx = &Power;
    General->MacOptions = VlanMacOptions(&Adapter->Context.Vlan);
    General->SupportedPacketFilters = FILTER_PACKET_TYPES;
    General->MaxMulticastListSize = FILTER_MAX_MULTICAST;
    General->MacAddressLength = ETHERNET_ADDRESS_LENGTH;
    RtlCopyMemory(General->PermanentMacAddress, &Adapter->Filter.PermanentAddress, ETHERNET_ADDRESS_LENGTH);
    RtlCopyMemory(General->CurrentMacAddress, &Adapter->Filter.CurrentAddress, ETHERNET_ADDRESS_LENGTH);
    if (RssIsAvailable(Adapter->Rss)) {
        RssGetCapabilities(Adapter->Rss, &Rss);
        General->RecvScaleCapabilities = &Rss;
    }
    General->AccessType = NET_IF_ACCESS_BROADCAST;
    General->DirectionType = NET_IF_DIRECTION_SENDRECEIVE;
    General->ConnectionType = NET_IF_CONNECTION_DEDICATED;
    General->IfType = IF_TYPE_ETHERNET_CSMACD;
    General->IfConnectorPresent = TRUE;
    General->SupportedStatistics = ATTRIBUTES_STATISTICS;
    General->SupportedPauseFunctions = NdisPauseFunctionsUnsupported;
    General->SupportedOidList = Oids;
    General->SupportedOidListLength = OidGetList(Adapter, Oids);
    return NdisMSetMiniportAttributes(Adapter->Context.NdisHandle, &Attributes);
}

_Use_decl_annotations_
NDIS_STATUS
AttributesSetOffload(XENNET_ADAPTER *Adapter)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES Attributes;
    NDIS_OFFLOAD Default;
    NDIS_OFFLOAD Hardware;

    OffloadGetAttributes(Adapter->Offload, &Default, &Hardware);
    RtlZeroMemory(&Attributes, sizeof(Attributes));
    Attributes.OffloadAttributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES;
    Attributes.OffloadAttributes.Header.Revision = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1;
    Attributes.OffloadAttributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1;
    Attributes.OffloadAttributes.DefaultOffloadConfiguration = &Default;
    Attributes.OffloadAttributes.HardwareOffloadCapabilities = &Hardware;
    return NdisMSetMiniportAttributes(Adapter->Context.NdisHandle, &Attributes);
}
