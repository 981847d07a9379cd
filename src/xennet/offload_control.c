/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching offloads. One table ties an OFFLOAD_* bit to its keyword and to its member of NDIS_OFFLOAD_PARAMETERS; both
 * directions of a checksum share a row. A request is read as a whole before anything changes: "no change" touches
 * nothing, only what Hardware has can be switched on, one impossible member refuses all of it.
 *
 * Called by offload.c at start and by oid.c within OID requests, which NDIS serialises. IRQL: PASSIVE. No state, no
 * locks.
 */
#include "offload_control.h"
#include "debug.h"
#include "min_max.h"

typedef struct _OFFLOAD_CONTROL_ROW {
    ULONG ConfigOffset;    // ULONG in XENNET_CONFIG: bit 0 transmit, bit 1 receive; or on and off
    ULONG ParameterOffset; // UCHAR in NDIS_OFFLOAD_PARAMETERS
    ULONG Transmit;        // OFFLOAD_* or 0
    ULONG Receive;
    UCHAR MinimumRevision; // of NDIS_OFFLOAD_PARAMETERS that has the member
    BOOLEAN Checksum;      // member counts 1 to 4, not 1 to 2
} OFFLOAD_CONTROL_ROW;

static const OFFLOAD_CONTROL_ROW OffloadControlRows[] = {
    {FIELD_OFFSET(XENNET_CONFIG, Ipv4Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPv4Checksum), OFFLOAD_IPV4_TX,
     OFFLOAD_IPV4_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Tcp4Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TCPIPv4Checksum), OFFLOAD_TCP4_TX,
     OFFLOAD_TCP4_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Udp4Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UDPIPv4Checksum), OFFLOAD_UDP4_TX,
     OFFLOAD_UDP4_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Tcp6Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TCPIPv6Checksum), OFFLOAD_TCP6_TX,
     OFFLOAD_TCP6_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Udp6Checksum), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UDPIPv6Checksum), OFFLOAD_UDP6_TX,
     OFFLOAD_UDP6_RX, 1, TRUE},
    {FIELD_OFFSET(XENNET_CONFIG, Lso4), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv4), OFFLOAD_LSO4, 0, 1, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Lso4), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV1), OFFLOAD_LSO1, 0, 1, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Lso6), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv6), OFFLOAD_LSO6, 0, 1, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Rsc4), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, RscIPv4), 0, OFFLOAD_RSC4, 3, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Rsc6), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, RscIPv6), 0, OFFLOAD_RSC6, 3, FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Uso4), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UdpSegmentation.IPv4), OFFLOAD_USO4, 0, 5,
     FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Uso6), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UdpSegmentation.IPv6), OFFLOAD_USO6, 0, 5,
     FALSE},
    {FIELD_OFFSET(XENNET_CONFIG, Uro), FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UdpRsc.Enabled), 0, OFFLOAD_URO_ALL, 6,
     FALSE},
};

// Members of NDIS_OFFLOAD_PARAMETERS for what this miniport never does: switching one on is refused.
typedef struct _OFFLOAD_CONTROL_FOREIGN {
    ULONG Offset;
    UCHAR MinimumRevision;
    UCHAR On; // the one value, or the least, that switches it on
    UCHAR MaxOn;
} OFFLOAD_CONTROL_FOREIGN;

#define OFFLOAD_CONTROL_FOREIGN_ROW(_Member, _Revision, _On, _MaxOn)                                                   \
    {                                                                                                                  \
        FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, _Member), _Revision, _On, _MaxOn                                         \
    }

static const OFFLOAD_CONTROL_FOREIGN OffloadControlForeign[] = {
    OFFLOAD_CONTROL_FOREIGN_ROW(IPsecV1, 1, 2, MAXUCHAR),
    OFFLOAD_CONTROL_FOREIGN_ROW(TcpConnectionIPv4, 1, 2, MAXUCHAR),
    OFFLOAD_CONTROL_FOREIGN_ROW(TcpConnectionIPv6, 1, 2, MAXUCHAR),
    OFFLOAD_CONTROL_FOREIGN_ROW(IPsecV2, 2, 2, MAXUCHAR),
    OFFLOAD_CONTROL_FOREIGN_ROW(IPsecV2IPv4, 2, 2, MAXUCHAR),
    OFFLOAD_CONTROL_FOREIGN_ROW(EncapsulatedPacketTaskOffload, 3, NDIS_OFFLOAD_SET_ON, NDIS_OFFLOAD_SET_ON),
};

static const USHORT OffloadControlParameterSizes[] = {
    0,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_2,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_4,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_5,
    NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_6,
};

_Use_decl_annotations_
ULONG
OffloadControlFromConfig(const XENNET_CONFIG *Config)
{
    ULONG Bits = 0;
    ULONG Index;
    ULONG Value;

    for (Index = 0; Index < RTL_NUMBER_OF(OffloadControlRows); Index++) {
        Value = *(const ULONG *)((const UCHAR *)Config + OffloadControlRows[Index].ConfigOffset);
        if (OffloadControlRows[Index].Checksum) {
            Bits |= (Value & 1) ? OffloadControlRows[Index].Transmit : 0;
            Bits |= (Value & 2) ? OffloadControlRows[Index].Receive : 0;
        } else if (Value != 0) {
            Bits |= OffloadControlRows[Index].Transmit | OffloadControlRows[Index].Receive;
        }
    }
    return Bits;
}

/*
 * What a row's member asks for: bits to switch on and off. FALSE for a value that the member does not have.
 * NO_CHANGE leaves both directions as they are.
 */
static BOOLEAN
OffloadControlReadRow(const OFFLOAD_CONTROL_ROW *Row, UCHAR Value, ULONG *On, ULONG *Off)
{
    ULONG Both = Row->Transmit | Row->Receive;
    ULONG Wanted;

    if (Value == NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
        return TRUE;
    if (!Row->Checksum) {
        // LSO, RSC, USO and URO all count 1 for off and 2 for on.
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

static BOOLEAN
OffloadControlIsForeign(const UCHAR *Parameters, ULONG Revision)
{
    const OFFLOAD_CONTROL_FOREIGN *Row;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(OffloadControlForeign); Index++) {
        Row = &OffloadControlForeign[Index];
        if (Revision >= Row->MinimumRevision && Parameters[Row->Offset] >= Row->On &&
            Parameters[Row->Offset] <= Row->MaxOn)
            return TRUE;
    }
    return FALSE;
}

_Use_decl_annotations_
NDIS_STATUS
OffloadControlSetParameters(XENNET_OFFLOAD *Offload, const VOID *Buffer, ULONG Length)
{
    const NDIS_OFFLOAD_PARAMETERS *Parameters = Buffer;
    const UCHAR *Bytes = Buffer;
    ULONG On = 0;
    ULONG Off = 0;
    ULONG Revision;
    ULONG Index;

    DEBUG_ASSERT(Length >= NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1);
    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_DEFAULT || Parameters->Header.Revision == 0)
        return NDIS_STATUS_INVALID_DATA;
    // A later revision only appends.
    Revision = XENNET_MIN(Parameters->Header.Revision, RTL_NUMBER_OF(OffloadControlParameterSizes) - 1);
    if (Parameters->Header.Size < OffloadControlParameterSizes[Revision] ||
        Length < OffloadControlParameterSizes[Revision])
        return NDIS_STATUS_INVALID_LENGTH;

    if (OffloadControlIsForeign(Bytes, Revision))
        return NDIS_STATUS_INVALID_DATA;
    for (Index = 0; Index < RTL_NUMBER_OF(OffloadControlRows); Index++) {
        if (Revision < OffloadControlRows[Index].MinimumRevision)
            continue;
        if (!OffloadControlReadRow(&OffloadControlRows[Index], Bytes[OffloadControlRows[Index].ParameterOffset], &On,
                                   &Off))
            return NDIS_STATUS_INVALID_DATA;
    }
    if (On & ~Offload->Hardware)
        return NDIS_STATUS_INVALID_DATA;

    Offload->Current = (Offload->Current & ~Off) | On;
    OffloadApply(Offload);
    return NDIS_STATUS_SUCCESS;
}

static BOOLEAN
OffloadControlEncapsulationIsOurs(ULONG Enabled, ULONG Type)
{
    return Enabled <= NDIS_OFFLOAD_SET_OFF && (Enabled != NDIS_OFFLOAD_SET_ON || Type == OFFLOAD_ENCAPSULATION);
}

// Receive offloads begin with the first request; one that switches an IP version off ends all that is done for it.
static VOID
OffloadControlEncapsulate(XENNET_OFFLOAD *Offload, ULONG Enabled, ULONG Bits)
{
    if (Enabled == NDIS_OFFLOAD_SET_ON) {
        Offload->Encapsulated |= Bits;
        Offload->SwitchedOff &= ~Bits;
    } else if (Enabled == NDIS_OFFLOAD_SET_OFF) {
        Offload->Encapsulated &= ~Bits;
        Offload->SwitchedOff |= Bits;
    }
}

_Use_decl_annotations_
NDIS_STATUS
OffloadControlSetEncapsulation(XENNET_OFFLOAD *Offload, const VOID *Buffer, ULONG Length)
{
    const NDIS_OFFLOAD_ENCAPSULATION *Request = Buffer;

    UNREFERENCED_PARAMETER(Length);
    DEBUG_ASSERT(Length >= NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1);
    if (Request->Header.Type != NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION || Request->Header.Revision == 0 ||
        Request->Header.Size < NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (!OffloadControlEncapsulationIsOurs(Request->IPv4.Enabled, Request->IPv4.EncapsulationType) ||
        !OffloadControlEncapsulationIsOurs(Request->IPv6.Enabled, Request->IPv6.EncapsulationType))
        return NDIS_STATUS_INVALID_PARAMETER;

    OffloadControlEncapsulate(Offload, Request->IPv4.Enabled, OFFLOAD_IPV4_ALL);
    OffloadControlEncapsulate(Offload, Request->IPv6.Enabled, OFFLOAD_IPV6_ALL);
    OffloadApply(Offload);
    return NDIS_STATUS_SUCCESS;
}
