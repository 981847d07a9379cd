/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Task offloads. Three sets of OFFLOAD_* bits carry the state:
 *
 *   Hardware  what XenVif, its backend and the NDIS version allow  (fixed at start)
 *   Default   what the keywords ask for, within Hardware           (fixed at start)
 *   Current   Default, then as OID_TCP_OFFLOAD_PARAMETERS sets it
 *
 * What NDIS and XenVif get is OffloadEffective of these, without the IP versions that OID_OFFLOAD_ENCAPSULATION has
 * switched off, and without what the backend of the moment does not do: XenVif hands a packet on as it is asked for, so
 * on a host that does less than the one of the start, such a packet would be lost. NDIS gets a report of each change.
 *
 * XenVif validates checksums and coalesces only for the IP versions that NDIS has announced with
 * OID_OFFLOAD_ENCAPSULATION. What is switched on and off, and by what, is offload_control.c's.
 *
 * IRQL: PASSIVE, OffloadFollow up to DISPATCH. No locks: NDIS serialises the OID requests that change anything, and the
 * link's worker of the moment (link.c) is the one that follows the host. Whoever of the two reports looks afterwards
 * whether that is still what is on, so the last report is right; neither waits for the other, whose report a protocol
 * may answer with a request.
 */
#include "offload.h"
#include "context.h"
#include "debug.h"
#include "report.h"
#include "memory.h"
#include "min_max.h"
#include "receive.h"
#include "timestamp.h"
#include "transmit.h"

#define OFFLOAD_MAX_HEADERS    (ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + 60 + 60)
#define OFFLOAD_MAX_LARGE_SIZE 65535
#define OFFLOAD_MIN_SEGMENTS   2

// What XenVif and its backend can do now, as OFFLOAD_* bits. Receive offloads are done by XenVif itself and always
// there.
static ULONG
OffloadPossible(const XENNET_OFFLOAD *Offload)
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
    if (Offload->LargeSize4 != 0 && Offload->Transmit.OffloadIpVersion4LargePacket && (Bits & OFFLOAD_IPV4_TX) &&
        (Bits & OFFLOAD_TCP4_TX))
        Bits |= OFFLOAD_LSO4 | OFFLOAD_LSO1;
    if (Offload->LargeSize6 != 0 && Offload->Transmit.OffloadIpVersion6LargePacket && (Bits & OFFLOAD_TCP6_TX))
        Bits |= OFFLOAD_LSO6;
    if (Offload->Context->Revisions->Rsc)
        Bits |= OFFLOAD_RSC4 | OFFLOAD_RSC6;
    // Their checksums are XenVif's or, where the backend does none, the driver's.
    if (Offload->Context->Revisions->UdpSegments)
        Bits |= OFFLOAD_USO4 | OFFLOAD_USO6;
    // A timestamp is of one packet.
    if (Offload->Context->Revisions->UdpCoalescing && (TimestampInForce(Offload->Context) & TIMESTAMP_RECEIVE) == 0)
        Bits |= OFFLOAD_URO4 | OFFLOAD_URO6;
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
    if (!(Bits & OFFLOAD_UDP4_RX) || !(Bits & OFFLOAD_IPV4_RX))
        Bits &= ~(ULONG)OFFLOAD_URO4;
    if (!(Bits & OFFLOAD_UDP6_RX))
        Bits &= ~(ULONG)OFFLOAD_URO6;
    return Bits;
}

static ULONG
OffloadInForce(const XENNET_OFFLOAD *Offload)
{
    return OffloadEffective(Offload->Current & OffloadPossible(Offload) & ~Offload->SwitchedOff);
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
    Record->Header.Revision = Offload->Context->Revisions->Offload;
    Record->Header.Size = Offload->Context->Revisions->OffloadSize;

    Checksum->IPv4Transmit.Encapsulation =
        OffloadEncapsulation(Bits, OFFLOAD_IPV4_TX | OFFLOAD_TCP4_TX | OFFLOAD_UDP4_TX);
    Checksum->IPv4Transmit.IpChecksum = OffloadSupported(Bits, OFFLOAD_IPV4_TX);
    Checksum->IPv4Transmit.IpOptionsSupported = OffloadSupported(Bits, OFFLOAD_IPV4_TX);
    Checksum->IPv4Transmit.TcpChecksum = OffloadSupported(Bits, OFFLOAD_TCP4_TX);
    Checksum->IPv4Transmit.TcpOptionsSupported = OffloadSupported(Bits, OFFLOAD_TCP4_TX);
    Checksum->IPv4Transmit.UdpChecksum = OffloadSupported(Bits, OFFLOAD_UDP4_TX);

    Checksum->IPv4Receive.Encapsulation =
        OffloadEncapsulation(Bits, OFFLOAD_IPV4_RX | OFFLOAD_TCP4_RX | OFFLOAD_UDP4_RX);
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
        Record->LsoV1.IPv4.MinSegmentCount = OFFLOAD_MIN_SEGMENTS;
        Record->LsoV1.IPv4.TcpOptions = NDIS_OFFLOAD_SUPPORTED;
        Record->LsoV1.IPv4.IpOptions = NDIS_OFFLOAD_SUPPORTED;
    }
    if (Bits & OFFLOAD_LSO4) {
        Record->LsoV2.IPv4.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->LsoV2.IPv4.MaxOffLoadSize = Offload->LargeSize4;
        Record->LsoV2.IPv4.MinSegmentCount = OFFLOAD_MIN_SEGMENTS;
    }
    if (Bits & OFFLOAD_LSO6) {
        Record->LsoV2.IPv6.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->LsoV2.IPv6.MaxOffLoadSize = Offload->LargeSize6;
        Record->LsoV2.IPv6.MinSegmentCount = OFFLOAD_MIN_SEGMENTS;
        Record->LsoV2.IPv6.IpExtensionHeadersSupported = NDIS_OFFLOAD_SUPPORTED;
        Record->LsoV2.IPv6.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
    }
    if (Bits & OFFLOAD_USO4) {
        Record->UdpSegmentation.IPv4.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->UdpSegmentation.IPv4.MaxOffLoadSize = OFFLOAD_MAX_DATAGRAM;
        Record->UdpSegmentation.IPv4.MinSegmentCount = OFFLOAD_MIN_SEGMENTS;
        Record->UdpSegmentation.IPv4.SubMssFinalSegmentSupported = TRUE;
    }
    if (Bits & OFFLOAD_USO6) {
        Record->UdpSegmentation.IPv6.Encapsulation = OFFLOAD_ENCAPSULATION;
        Record->UdpSegmentation.IPv6.MaxOffLoadSize = OFFLOAD_MAX_DATAGRAM;
        Record->UdpSegmentation.IPv6.MinSegmentCount = OFFLOAD_MIN_SEGMENTS;
        Record->UdpSegmentation.IPv6.SubMssFinalSegmentSupported = TRUE;
    }
    Record->Rsc.IPv4.Enabled = (Bits & OFFLOAD_RSC4) != 0;
    Record->Rsc.IPv6.Enabled = (Bits & OFFLOAD_RSC6) != 0;
    Record->UdpRsc.Enabled = (Bits & OFFLOAD_URO_ALL) != 0;
}

// Packets may ask for what is on now, and for their tag.
static VOID
OffloadApplyTransmit(XENNET_OFFLOAD *Offload)
{
    XENNET_OFFLOAD_OPTIONS Options;
    ULONG Bits = OffloadInForce(Offload);

    Options.Value = 0;
    Options.OffloadTagManipulation = Offload->Transmit.OffloadTagManipulation;
    Options.OffloadIpVersion4HeaderChecksum = (Bits & OFFLOAD_IPV4_TX) != 0;
    Options.OffloadIpVersion4TcpChecksum = (Bits & OFFLOAD_TCP4_TX) != 0;
    Options.OffloadIpVersion4UdpChecksum = (Bits & OFFLOAD_UDP4_TX) != 0;
    Options.OffloadIpVersion6TcpChecksum = (Bits & OFFLOAD_TCP6_TX) != 0;
    Options.OffloadIpVersion6UdpChecksum = (Bits & OFFLOAD_UDP6_TX) != 0;
    Options.OffloadIpVersion4LargePacket = (Bits & OFFLOAD_LSO4) != 0;
    Options.OffloadIpVersion6LargePacket = (Bits & OFFLOAD_LSO6) != 0;
    Offload->Refused = ~(ULONG)Options.Value;
    Offload->AllowedLso1 = (Bits & OFFLOAD_LSO1) != 0;
    Offload->AllowedUso = Bits & (OFFLOAD_USO4 | OFFLOAD_USO6);
    if (Offload->Sender != NULL)
        TransmitSetOffload(Offload->Sender);
}

_Use_decl_annotations_
VOID
OffloadApplyReceive(XENNET_OFFLOAD *Offload)
{
    XENNET_OFFLOAD_OPTIONS Options;
    ULONG Bits = OffloadInForce(Offload) & Offload->Encapsulated;
    ULONG Rsc = Bits & (OFFLOAD_RSC4 | OFFLOAD_RSC6);
    ULONG Uro = Bits & OFFLOAD_URO_ALL;
    BOOLEAN WentOff;

    Options.Value = 0;
    // Tags are taken out by receive_packet.c: XenVif moved the mapped address of the MDL alone until 2024-03.
    Options.OffloadIpVersion4HeaderChecksum = (Bits & OFFLOAD_IPV4_RX) != 0;
    Options.OffloadIpVersion4TcpChecksum = (Bits & OFFLOAD_TCP4_RX) != 0;
    Options.OffloadIpVersion4UdpChecksum = (Bits & OFFLOAD_UDP4_RX) != 0;
    Options.OffloadIpVersion6TcpChecksum = (Bits & OFFLOAD_TCP6_RX) != 0;
    Options.OffloadIpVersion6UdpChecksum = (Bits & OFFLOAD_UDP6_RX) != 0;
    // Without these XenVif hands up single segments only.
    Options.OffloadIpVersion4LargePacket = (Bits & OFFLOAD_RSC4) != 0;
    Options.OffloadIpVersion6LargePacket = (Bits & OFFLOAD_RSC6) != 0;
    Options.NeedLargePacketSplit = Rsc == 0;
    // A stack without a report that a checksum is right verifies it: the backend may have left it blank.
    Options.NeedChecksumValue = Offload->NeedChecksumValue || (Bits & OFFLOAD_TRANSPORT_RX) != OFFLOAD_TRANSPORT_RX;
    VIF_CALL(&Offload->Context->Vif, ReceiverSetOffloadOptions, Options);
    ReportOffload(&Offload->Context->Reporter, OffloadInForce(Offload), Bits);
    WentOff = (Offload->ReceiveRsc & ~Rsc) != 0 || (Offload->ReceiveUro & ~Uro) != 0;
    Offload->ReceiveRsc = Rsc;
    Offload->ReceiveUro = Uro;
    Offload->CoalescedHeaders = ((Rsc & OFFLOAD_RSC4) != 0 ? (ULONG64)1 << OFFLOAD_IPV4_HEADER : 0) |
                                ((Rsc & OFFLOAD_RSC6) != 0 ? (ULONG64)1 << OFFLOAD_IPV6_HEADER : 0);
    if (Offload->Receive != NULL)
        ReceiveSetCoalescing(Offload->Receive, Uro);
    // A coalesced packet that XenVif took up with the old options is dropped from here on; those accepted before go up.
    if (WentOff && Offload->Receive != NULL)
        ReceiveFlushAll(Offload->Receive);
}

_Use_decl_annotations_
ULONG
OffloadMaximumLargeSend(const XENNET_OFFLOAD *Offload)
{
    return XENNET_MAX(Offload->LargeSize4, Offload->LargeSize6) + OFFLOAD_MAX_HEADERS;
}

_Use_decl_annotations_
NDIS_STATUS
OffloadCreate(XENNET_CONTEXT *Context, ULONG Wanted, XENNET_OFFLOAD **Result)
{
    XENNET_OFFLOAD *Offload;

    *Result = NULL;
    Offload = MemoryAllocate(Context->NdisHandle, sizeof(*Offload));
    if (Offload == NULL)
        return NDIS_STATUS_RESOURCES;
    Offload->Context = Context;
    Offload->NeedChecksumValue = Context->Config.NeedChecksumValue != 0;

    VIF_CALL(&Context->Vif, TransmitterQueryOffloadOptions, &Offload->Transmit);
    VIF_CALL(&Context->Vif, TransmitterQueryLargePacketSize, 4, &Offload->LargeSize4);
    VIF_CALL(&Context->Vif, TransmitterQueryLargePacketSize, 6, &Offload->LargeSize6);
    Offload->LargeSize4 = XENNET_MIN(Offload->LargeSize4, OFFLOAD_MAX_LARGE_SIZE);
    Offload->LargeSize6 = XENNET_MIN(Offload->LargeSize6, OFFLOAD_MAX_LARGE_SIZE);

    Offload->Hardware = OffloadPossible(Offload);
    Offload->Default = Wanted & Offload->Hardware;
    Offload->Current = Offload->Default;
    OffloadApplyTransmit(Offload);
    DEBUG_INFO("offloads: hardware %08x default %08x large %u/%u\n", Offload->Hardware, Offload->Default,
               Offload->LargeSize4, Offload->LargeSize6);
    *Result = Offload;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
OffloadAttach(XENNET_OFFLOAD *Offload, struct _XENNET_TRANSMIT *Sender, struct _XENNET_RECEIVE *Receive)
{
    Offload->Sender = Sender;
    Offload->Receive = Receive;
}

_Use_decl_annotations_
VOID
OffloadDestroy(XENNET_OFFLOAD *Offload)
{
    MemoryFree(Offload);
}

_Use_decl_annotations_
VOID
OffloadGetAttributes(const XENNET_OFFLOAD *Offload, NDIS_OFFLOAD *Default, NDIS_OFFLOAD *Hardware)
{
    OffloadDescribe(Offload, OffloadEffective(Offload->Default), Default);
    OffloadDescribe(Offload, Offload->Hardware, Hardware);
}

// Packets on their way out, and NDIS, follow what is on now.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID
OffloadIndicate(XENNET_OFFLOAD *Offload)
{
    NDIS_OFFLOAD Record;
    ULONG Bits;

    do {
        Bits = OffloadInForce(Offload);
        OffloadApplyTransmit(Offload);
        OffloadDescribe(Offload, Bits, &Record);
        ContextIndicateStatus(Offload->Context, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG, &Record, Record.Header.Size);
    } while (OffloadInForce(Offload) != Bits);
}

_Use_decl_annotations_
VOID
OffloadApply(XENNET_OFFLOAD *Offload)
{
    OffloadApplyReceive(Offload);
    OffloadIndicate(Offload);
}

_Use_decl_annotations_
VOID
OffloadFollow(XENNET_OFFLOAD *Offload)
{
    XENNET_OFFLOAD_OPTIONS Options;

    Options.Value = 0;
    VIF_CALL(&Offload->Context->Vif, TransmitterQueryOffloadOptions, &Options);
    if (Options.Value == Offload->Transmit.Value)
        return;
    Offload->Transmit = Options;
    OffloadIndicate(Offload);
    ReportOffload(&Offload->Context->Reporter, OffloadInForce(Offload),
                  OffloadInForce(Offload) & Offload->Encapsulated);
}
