/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Task offloads. Three sets of OFFLOAD_* bits carry the state:
 *
 *   Hardware  what XenVif and the NDIS version allow          (fixed at start)
 *   Default   what the keywords ask for, within Hardware      (fixed at start)
 *   Current   Default, then as OID_TCP_OFFLOAD_PARAMETERS says
 *
 * What NDIS and XenVif are told is OffloadEffective of these.
 *
 * One table ties a bit to its keyword and to its member of NDIS_OFFLOAD_PARAMETERS; both directions of a
 * checksum share a row. XenVif validates checksums and coalesces only for the IP versions that NDIS has
 * announced with OID_OFFLOAD_ENCAPSULATION.
 *
 * IRQL: PASSIVE; NDIS serialises the OID requests that change anything. No locks.
 */
#include "offload.h"
#include "adapter.h"
#include "event.h"
#include "memory.h"
#include "trace.h"

#define OFFLOAD_ENCAPSULATION   NDIS_ENCAPSULATION_IEEE_802_3
#define OFFLOAD_HEADERS_MAXIMUM (ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + 60 + 60)
#define OFFLOAD_LARGE_SIZE_MAXIMUM 65535
#define OFFLOAD_MINIMUM_SEGMENTS 2

typedef struct _OFFLOAD_ROW {
    ULONG ConfigOffset;             // ULONG in XENNET_CONFIG: bit 0 transmit, bit 1 receive; or on and off
    ULONG ParameterOffset;          // UCHAR in NDIS_OFFLOAD_PARAMETERS
    ULONG Transmit;                 // OFFLOAD_* or 0
    ULONG Receive;
    UCHAR MinimumRevision;          // of NDIS_OFFLOAD_PARAMETERS that has the member
    BOOLEAN Checksum;               // member counts 1 to 4, not 1 to 2
} OFFLOAD_ROW;

static const OFFLOAD_ROW OffloadRows[] = {
    {FIELD_OFFSET(XENNET_CONFIG, Ipv4Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPv4Checksum),
     OFFLOAD_IPV4_TX, OFFLOAD_IPV4_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Tcp4Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TCPIPv4Checksum),
     OFFLOAD_TCP4_TX, OFFLOAD_TCP4_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Udp4Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UDPIPv4Checksum),
     OFFLOAD_UDP4_TX, OFFLOAD_UDP4_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Tcp6Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TCPIPv6Checksum),
     OFFLOAD_TCP6_TX, OFFLOAD_TCP6_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Udp6Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UDPIPv6Checksum),
     OFFLOAD_UDP6_TX, OFFLOAD_UDP6_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Lso4), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv4),
     OFFLOAD_LSO4, 0, 1, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, LsoV1), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV1), OFFLOAD_LSO1, 0, 1, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Lso6), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv6),
     OFFLOAD_LSO6, 0, 1, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Rsc4), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, RscIPv4),
     0, OFFLOAD_RSC4, 3, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Rsc6), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, RscIPv6),
     0, OFFLOAD_RSC6, 3, FALSE}
};

// Members of NDIS_OFFLOAD_PARAMETERS for what this miniport never does: switching one on is refused.
static const ULONG OffloadForeignOffsets[] = {
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPsecV1),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TcpConnectionIPv4),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TcpConnectionIPv6)
};

static const USHORT OffloadParameterSizes[] = {
    0,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_2,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_4,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_5
};

// What XenVif can transmit, as OFFLOAD_* bits. Receive offloads are done by XenVif itself and always there.
static ULONG
OffloadHardware(const XENNET_OFFLOAD *Offload)
{
    ULONG Bits = OFFLOAD_IPV4_RX | OFFLOAD_TCP4_RX | OFFLOAD_UDP4_RX | OFFLOAD_TCP6_RX | OFFLOAD_UDP6_RX;

    if (Offload->Transmit.OffloadIpVersion4HeaderChecksum)
        Bits |= OFFLOAD_IPV4_TX;
    if (Offload->Transmit.OffloadIpVersion4TcpChecksum)
        Bits |= OFFLOAD_TCP4_TX;
    if (Offload->Transmit.OffloadIpVersion4UdpChecksum)
        Bits |= OFFLOAD_UDP4_TX;
    if (Offload->Transmit.OffloadIpVersion6TcpChecksum)
        Bits |= OFFLOAD_TCP6_TX;
    if (Offload->Transmit.OffloadIpVersion6UdpChecksum)
        Bits |= OFFLOAD_UDP6_TX;
    // Segments need their checksums from the same place.
    if (Offload->LargeSize4 != 0 && (Bits & OFFLOAD_IPV4_TX) && (Bits & OFFLOAD_TCP4_TX))
        Bits |= OFFLOAD_LSO4 | OFFLOAD_LSO1;
    if (Offload->LargeSize6 != 0 && (Bits & OFFLOAD_TCP6_TX))
        Bits |= OFFLOAD_LSO6;
    if (Offload->Adapter->Revisions->Rsc)
        Bits |= OFFLOAD_RSC4 | OFFLOAD_RSC6;
    return Bits;
}

static ULONG
OffloadFromConfig(const XENNET_CONFIG *Config)
{
    ULONG Bits = 0;
    ULONG Index;
    ULONG Value;

    for (Index = 0; Index < RTL_NUMBER_OF(OffloadRows); Index++) {
        Value = *(const ULONG *)((const UCHAR *)Config + OffloadRows[Index].ConfigOffset);
        if (OffloadRows[Index].Checksum) {
            Bits |= (Value & 1) ? OffloadRows[Index].Transmit : 0;
            Bits |= (Value & 2) ? OffloadRows[Index].Receive : 0;
        } else if (Value != 0) {
            Bits |= OffloadRows[Index].Transmit | OffloadRows[Index].Receive;
        }
    }
    return Bits;
}

// Segments are cut and joined by whoever does their checksums: without the one, the other is off too.
static ULONG
OffloadEffective(ULONG Bits)
{
    if (!(Bits & OFFLOAD_TCP4_TX))
        Bits &= ~(ULONG)(OFFLOAD_LSO4 | OFFLOAD_LSO1);
    if (!(Bits & OFFLOAD_TCP6_TX))
        Bits &= ~(ULONG)OFFLOAD_LSO6;
    if (!(Bits & OFFLOAD_TCP4_RX))
        Bits &= ~(ULONG)OFFLOAD_RSC4;
    if (!(Bits & OFFLOAD_TCP6_RX))
        Bits &= ~(ULONG)OFFLOAD_RSC6;
    return Bits;
}

static ULONG
OffloadSupported(ULONG Bits, ULONG Bit)
{
    return (Bits & Bit) ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED;
}

static ULONG
OffloadEncapsulation(ULONG Bits, ULONG Any)
{
    return (Bits & Any) ? OFFLOAD_ENCAPSULATION : NDIS_ENCAPSULATION_NOT_SUPPORTED;
}

// Writes the OFFLOAD_* bits as the record of the NDIS version this driver registered.
static VOID
OffloadDescribe(const XENNET_OFFLOAD *Offload, ULONG Bits, NDIS_OFFLOAD *Record)
{
    NDIS_TCP_IP_CHECKSUM_OFFLOAD *Checksum = &Record->Checksum;

    RtlZeroMemory(Record, sizeof(*Record));
    Record->Header.Type = NDIS_OBJECT_TYPE_OFFLOAD;
    Record->Header.Revision = Offload->Adapter->Revisions->Offload;
    Record->Header.Size = Offload->Adapter->Revisions->OffloadSize;

    Checksum->IPv4Transmit.Encapsulation = OffloadEncapsulation(Bits, OFFLOAD_IPV4_TX | OFFLOAD_TCP4_TX |
                                                                      OFFLOAD_UDP4_TX);
    Checksum->IPv4Transmit.IpChecksum = OffloadSupported(Bits, OFFLOAD_IPV4_TX);
    Checksum->IPv4Transmit.IpOptionsSupported = OffloadSupported(Bits, OFFLOAD_IPV4_TX);
    Checksum->IPv4Transmit.TcpChecksum = OffloadSupported(Bits, OFFLOAD_TCP4_TX);
    Checksum->IPv4Transmit.TcpOptionsSupported = OffloadSupported(Bits, OFFLOAD_TCP4_TX);
    Checksum->IPv4Transmit.UdpChecksum = OffloadSupported(Bits, OFFLOAD_UDP4_TX);

    Checksum->IPv4Receive.Encapsulation = OffloadEncapsulation(Bits, OFFLOAD_IPV4_RX | OFFLOAD_TCP4_RX |
                                                                     OFFLOAD_UDP4_RX);
    Checksum->IPv4Receive.IpChecksum = OffloadSupported(Bits, OFFLOAD_IPV4_RX);
    Checksum->IPv4Receive.IpOptionsSupported = OffloadSupported(Bits, OFFLOAD_IPV4_RX);
    Checksum->IPv4Receive.TcpChecksum = OffloadSupported(Bits, OFFLOAD_TCP4_RX);
    Checksum->IPv4Receive.TcpOptionsSupported = OffloadSupported(Bits, OFFLOAD_TCP4_RX);
    Checksum->IPv4Receive.UdpChecksum = OffloadSupported(Bits, OFFLOAD_UDP4_RX);

    Checksum->IPv6Transmit.Encapsulation = OffloadEncapsulation(Bits, OFFLOAD_TCP6_TX | OFFLOAD_UDP6_TX);
    Checksum->IPv6Transmit.IpExtensionHeadersSupported = OffloadSupported(Bits, OFFLOAD_TCP6_TX | OFFLOAD_UDP6_TX);
    Checksum->IPv6Transmit.TcpChecksum = OffloadSupported(Bits, OFFLOAD_TCP6_TX);
    Checksum->IPv6Transmit.TcpOptionsSupported = OffloadSupported(Bits, OFFLOAD_TCP6_TX);
    Checksum->IPv6Transmit.UdpChecksum = OffloadSupported(Bits, OFFLOAD_UDP6_TX);

    Checksum->IPv6Receive.Encapsulation = OffloadEncapsulation(Bits, OFFLOAD_TCP6_RX | OFFLOAD_UDP6_RX);
    Checksum->IPv6Receive.IpExtensionHeadersSupported = OffloadSupported(Bits, OFFLOAD_TCP6_RX | OFFLOAD_UDP6_RX);
    Checksum->IPv6Receive.TcpChecksum = OffloadSupported(Bits, OFFLOAD_TCP6_RX);
    Checksum->IPv6Receive.TcpOptionsSupported = OffloadSupported(Bits, OFFLOAD_TCP6_RX);
    Checksum->IPv6Receive.UdpChecksum = OffloadSupported(Bits, OFFLOAD_UDP6_RX);

    if (Bits & OFFLOAD_LSO1) {
        Record->LsoV1.IPv4.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->LsoV1.IPv4.MaxOffLoadSize = Offload->LargeSize4;
        Record->LsoV1.IPv4.MinSegmentCount = OFFLOAD_MINIMUM_SEGMENTS;
        Record->LsoV1.IPv4.TcpOptions = NDIS_OFFLOAD_SUPPORTED;
        Record->LsoV1.IPv4.IpOptions = NDIS_OFFLOAD_SUPPORTED;
    }
    if (Bits & OFFLOAD_LSO4) {
        Record->LsoV2.IPv4.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->LsoV2.IPv4.MaxOffLoadSize = Offload->LargeSize4;
        Record->LsoV2.IPv4.MinSegmentCount = OFFLOAD_MINIMUM_SEGMENTS;
    }
    if (Bits & OFFLOAD_LSO6) {
        Record->LsoV2.IPv6.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->LsoV2.IPv6.MaxOffLoadSize = Offload->LargeSize6;
        Record->LsoV2.IPv6.MinSegmentCount = OFFLOAD_MINIMUM_SEGMENTS;
        Record->LsoV2.IPv6.IpExtensionHeadersSupported = NDIS_OFFLOAD_SUPPORTED;
        Record->LsoV2.IPv6.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
    }
    Record->Rsc.IPv4.Enabled = (Bits & OFFLOAD_RSC4) != 0;
    Record->Rsc.IPv6.Enabled = (Bits & OFFLOAD_RSC6) != 0;
}

// Packets may ask for what is on now, and for their tag.
static VOID
OffloadApplyTransmit(XENNET_OFFLOAD *Offload)
{
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options;
    ULONG Bits = OffloadEffective(Offload->Current);

    Options.Value = 0;
    Options.OffloadTagManipulation = Offload->Transmit.OffloadTagManipulation;
    Options.OffloadIpVersion4HeaderChecksum = (Bits & OFFLOAD_IPV4_TX) != 0;
    Options.OffloadIpVersion4TcpChecksum = (Bits & OFFLOAD_TCP4_TX) != 0;
    Options.OffloadIpVersion4UdpChecksum = (Bits & OFFLOAD_UDP4_TX) != 0;
    Options.OffloadIpVersion6TcpChecksum = (Bits & OFFLOAD_TCP6_TX) != 0;
    Options.OffloadIpVersion6UdpChecksum = (Bits & OFFLOAD_UDP6_TX) != 0;
    Options.OffloadIpVersion4LargePacket = (Bits & OFFLOAD_LSO4) != 0;
    Options.OffloadIpVersion6LargePacket = (Bits & OFFLOAD_LSO6) != 0;
    Offload->Allowed = Options;
    Offload->AllowedLso1 = (Bits & OFFLOAD_LSO1) != 0;
}

_Use_decl_annotations_
VOID
OffloadApplyReceive(XENNET_OFFLOAD *Offload)
{
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options;
    ULONG Bits = OffloadEffective(Offload->Current) & Offload->Encapsulated;

    Options.Value = 0;
    Options.OffloadTagManipulation = VlanIsOn(&Offload->Adapter->Vlan);
    Options.OffloadIpVersion4HeaderChecksum = (Bits & OFFLOAD_IPV4_RX) != 0;
    Options.OffloadIpVersion4TcpChecksum = (Bits & OFFLOAD_TCP4_RX) != 0;
    Options.OffloadIpVersion4UdpChecksum = (Bits & OFFLOAD_UDP4_RX) != 0;
    Options.OffloadIpVersion6TcpChecksum = (Bits & OFFLOAD_TCP6_RX) != 0;
    Options.OffloadIpVersion6UdpChecksum = (Bits & OFFLOAD_UDP6_RX) != 0;
    // Without these XenVif hands up single segments only.
    Options.OffloadIpVersion4LargePacket = (Bits & OFFLOAD_RSC4) != 0;
    Options.OffloadIpVersion6LargePacket = (Bits & OFFLOAD_RSC6) != 0;
    Options.NeedLargePacketSplit = (Bits & (OFFLOAD_RSC4 | OFFLOAD_RSC6)) == 0;
    Options.NeedChecksumValue = Offload->NeedChecksumValue;
    VIF_CALL(&Offload->Adapter->Vif, ReceiverSetOffloadOptions, Options);
    EVENT_REPORT(XENNET_REPORT_OFFLOAD, Offload->Adapter, OffloadEffective(Offload->Current), Bits, 0, 0);
    Offload->ReceiveRsc = Bits & (OFFLOAD_RSC4 | OFFLOAD_RSC6);
}

_Use_decl_annotations_
ULONG
OffloadMaximumLargeSend(const XENNET_OFFLOAD *Offload)
{
    return XENNET_MAXIMUM(Offload->LargeSize4, Offload->LargeSize6) + OFFLOAD_HEADERS_MAXIMUM;
}

_Use_decl_annotations_
NDIS_STATUS
OffloadCreate(XENNET_ADAPTER *Adapter, XENNET_OFFLOAD **Result)
{
    XENNET_OFFLOAD *Offload;

    *Result = NULL;
    Offload = MemoryAllocate(Adapter->NdisHandle, sizeof(*Offload));
    if (Offload == NULL)
        return NDIS_STATUS_RESOURCES;
    Offload->Adapter = Adapter;
    Offload->NeedChecksumValue = Adapter->Config.NeedChecksumValue != 0;

    VIF_CALL(&Adapter->Vif, TransmitterQueryOffloadOptions, &Offload->Transmit);
    VIF_CALL(&Adapter->Vif, TransmitterQueryLargePacketSize, 4, &Offload->LargeSize4);
    VIF_CALL(&Adapter->Vif, TransmitterQueryLargePacketSize, 6, &Offload->LargeSize6);
    if (!Offload->Transmit.OffloadIpVersion4LargePacket)
        Offload->LargeSize4 = 0;
    if (!Offload->Transmit.OffloadIpVersion6LargePacket)
        Offload->LargeSize6 = 0;
    Offload->LargeSize4 = XENNET_MINIMUM(Offload->LargeSize4, OFFLOAD_LARGE_SIZE_MAXIMUM);
    Offload->LargeSize6 = XENNET_MINIMUM(Offload->LargeSize6, OFFLOAD_LARGE_SIZE_MAXIMUM);

    Offload->Hardware = OffloadHardware(Offload);
    Offload->Default = OffloadFromConfig(&Adapter->Config) & Offload->Hardware;
    Offload->Current = Offload->Default;
    OffloadApplyTransmit(Offload);
    TRACE("offloads: hardware %08x default %08x large %u/%u\n", Offload->Hardware, Offload->Default,
          Offload->LargeSize4, Offload->LargeSize6);
    *Result = Offload;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
OffloadDestroy(XENNET_OFFLOAD *Offload)
{
    MemoryFree(Offload);
}

_Use_decl_annotations_
NDIS_STATUS
OffloadSetAttributes(XENNET_OFFLOAD *Offload)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES Attributes;
    NDIS_OFFLOAD Default;
    NDIS_OFFLOAD Hardware;

    OffloadDescribe(Offload, OffloadEffective(Offload->Default), &Default);
    OffloadDescribe(Offload, Offload->Hardware, &Hardware);
    RtlZeroMemory(&Attributes, sizeof(Attributes));
    Attributes.OffloadAttributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES;
    Attributes.OffloadAttributes.Header.Revision = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1;
    Attributes.OffloadAttributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1;
    Attributes.OffloadAttributes.DefaultOffloadConfiguration = &Default;
    Attributes.OffloadAttributes.HardwareOffloadCapabilities = &Hardware;
    return NdisMSetMiniportAttributes(Offload->Adapter->NdisHandle, &Attributes);
}

static VOID
OffloadIndicateConfig(XENNET_OFFLOAD *Offload)
{
    NDIS_OFFLOAD Record;

    OffloadDescribe(Offload, OffloadEffective(Offload->Current), &Record);
    AdapterIndicateStatus(Offload->Adapter, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG, &Record, Record.Header.Size);
}

/*
 * What a row's member asks for: bits to switch on and off. FALSE for a value that the member does not have.
 * NO_CHANGE leaves both directions as they are.
 */
static BOOLEAN
OffloadReadRow(const OFFLOAD_ROW *Row, UCHAR Value, ULONG *On, ULONG *Off)
{
    ULONG Both = Row->Transmit | Row->Receive;
    ULONG Wanted;

    if (Value == NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
        return TRUE;
    if (!Row->Checksum) {
        // LSO and RSC both count 1 for off and 2 for on.
        if (Value != NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED && Value != NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED)
            return FALSE;
        Wanted = Value == NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED ? Both : 0;
    } else {
        if (Value > NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED)
            return FALSE;
        Wanted = 0;
        if (Value == NDIS_OFFLOAD_PARAMETERS_TX_ENABLED_RX_DISABLED || Value == NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED)
            Wanted |= Row->Transmit;
        if (Value == NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED || Value == NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED)
            Wanted |= Row->Receive;
    }
    *On |= Wanted;
    *Off |= Both & ~Wanted;
    return TRUE;
}

_Use_decl_annotations_
NDIS_STATUS
OffloadSetParameters(XENNET_OFFLOAD *Offload, const VOID *Buffer, ULONG Length)
{
    const NDIS_OFFLOAD_PARAMETERS *Parameters = Buffer;
    const UCHAR *Bytes = Buffer;
    ULONG On = 0;
    ULONG Off = 0;
    ULONG Revision;
    ULONG Index;

    if (Length < NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1)
        return NDIS_STATUS_INVALID_LENGTH;
    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_DEFAULT || Parameters->Header.Revision == 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    // A later revision only appends.
    Revision = XENNET_MINIMUM(Parameters->Header.Revision, RTL_NUMBER_OF(OffloadParameterSizes) - 1);
    if (Parameters->Header.Size < OffloadParameterSizes[Revision] || Length < OffloadParameterSizes[Revision])
        return NDIS_STATUS_INVALID_LENGTH;

    for (Index = 0; Index < RTL_NUMBER_OF(OffloadForeignOffsets); Index++) {
        if (Bytes[OffloadForeignOffsets[Index]] > NDIS_OFFLOAD_PARAMETERS_LSOV1_DISABLED)
            return NDIS_STATUS_NOT_SUPPORTED;
    }
    for (Index = 0; Index < RTL_NUMBER_OF(OffloadRows); Index++) {
        if (Revision < OffloadRows[Index].MinimumRevision)
            continue;
        if (!OffloadReadRow(&OffloadRows[Index], Bytes[OffloadRows[Index].ParameterOffset], &On, &Off))
            return NDIS_STATUS_INVALID_PARAMETER;
    }
    if (On & ~Offload->Hardware)
        return NDIS_STATUS_NOT_SUPPORTED;

    Offload->Current = (Offload->Current & ~Off) | On;
    TRACE("offloads: current %08x\n", Offload->Current);
    OffloadApplyTransmit(Offload);
    OffloadApplyReceive(Offload);
    OffloadIndicateConfig(Offload);
    return NDIS_STATUS_SUCCESS;
}

static BOOLEAN
OffloadEncapsulationIsOurs(ULONG Enabled, ULONG Type)
{
    return Enabled <= NDIS_OFFLOAD_SET_OFF && (Enabled != NDIS_OFFLOAD_SET_ON || Type == OFFLOAD_ENCAPSULATION);
}

static ULONG
OffloadEncapsulate(ULONG Encapsulated, ULONG Enabled, ULONG Bits)
{
    if (Enabled == NDIS_OFFLOAD_SET_ON)
        return Encapsulated | Bits;
    if (Enabled == NDIS_OFFLOAD_SET_OFF)
        return Encapsulated & ~Bits;
    return Encapsulated;
}

_Use_decl_annotations_
NDIS_STATUS
OffloadSetEncapsulation(XENNET_OFFLOAD *Offload, const VOID *Buffer, ULONG Length)
{
    const NDIS_OFFLOAD_ENCAPSULATION *Request = Buffer;

    if (Length < NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1)
        return NDIS_STATUS_INVALID_LENGTH;
    if (Request->Header.Type != NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION || Request->Header.Revision == 0 ||
        Request->Header.Size < NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (!OffloadEncapsulationIsOurs(Request->IPv4.Enabled, Request->IPv4.EncapsulationType) ||
        !OffloadEncapsulationIsOurs(Request->IPv6.Enabled, Request->IPv6.EncapsulationType))
        return NDIS_STATUS_NOT_SUPPORTED;

    Offload->Encapsulated = OffloadEncapsulate(Offload->Encapsulated, Request->IPv4.Enabled, OFFLOAD_IPV4_RX_ALL);
    Offload->Encapsulated = OffloadEncapsulate(Offload->Encapsulated, Request->IPv6.Enabled, OFFLOAD_IPV6_RX_ALL);
    OffloadApplyReceive(Offload);
    return NDIS_STATUS_SUCCESS;
}
