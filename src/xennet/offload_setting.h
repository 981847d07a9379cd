/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is switched on of the task offloads. It changes within OID requests, which NDIS serialises, and with the host;
 * the data path reads single words of it and never a combination that matters. offload.c has the rules.
 */
#ifndef XENNET_OFFLOAD_SETTING_H
#define XENNET_OFFLOAD_SETTING_H

#include <ndis.h>
#include "vif_packet.h"

struct _XENNET_CONTEXT;
struct _XENNET_RECEIVE;
struct _XENNET_TRANSMIT;

// One bit per offload that can be switched by itself.
#define OFFLOAD_IPV4_TX 0x00000001
#define OFFLOAD_IPV4_RX 0x00000002
#define OFFLOAD_TCP4_TX 0x00000004
#define OFFLOAD_TCP4_RX 0x00000008
#define OFFLOAD_UDP4_TX 0x00000010
#define OFFLOAD_UDP4_RX 0x00000020
#define OFFLOAD_TCP6_TX 0x00000040
#define OFFLOAD_TCP6_RX 0x00000080
#define OFFLOAD_UDP6_TX 0x00000100
#define OFFLOAD_UDP6_RX 0x00000200
#define OFFLOAD_LSO4    0x00000400
#define OFFLOAD_LSO6    0x00000800
#define OFFLOAD_RSC4    0x00001000
#define OFFLOAD_RSC6    0x00002000
#define OFFLOAD_LSO1    0x00004000 // version 1: IPv4 only, completed with the bytes sent
#define OFFLOAD_USO4    0x00008000 // UDP segments, which the driver makes itself (segment.h)
#define OFFLOAD_USO6    0x00010000
#define OFFLOAD_URO4    0x00020000 // UDP datagrams, which the driver joins itself (receive_coalesce.h)
#define OFFLOAD_URO6    0x00040000 // NDIS has one switch for both

#define OFFLOAD_TRANSPORT_RX (OFFLOAD_TCP4_RX | OFFLOAD_UDP4_RX | OFFLOAD_TCP6_RX | OFFLOAD_UDP6_RX)

// Coalesced packets have neither IPv4 options nor IPv6 extension headers.
#define OFFLOAD_IPV4_HEADER 20
#define OFFLOAD_IPV6_HEADER 40

#define OFFLOAD_MAX_DATAGRAM 65507 // payload of the longest one in IPv4

#define OFFLOAD_ENCAPSULATION NDIS_ENCAPSULATION_IEEE_802_3

#define OFFLOAD_IPV4_ALL                                                                                               \
    (OFFLOAD_IPV4_TX | OFFLOAD_IPV4_RX | OFFLOAD_TCP4_TX | OFFLOAD_TCP4_RX | OFFLOAD_UDP4_TX | OFFLOAD_UDP4_RX |       \
     OFFLOAD_LSO4 | OFFLOAD_LSO1 | OFFLOAD_RSC4 | OFFLOAD_USO4 | OFFLOAD_URO4)
#define OFFLOAD_IPV6_ALL                                                                                               \
    (OFFLOAD_TCP6_TX | OFFLOAD_TCP6_RX | OFFLOAD_UDP6_TX | OFFLOAD_UDP6_RX | OFFLOAD_LSO6 | OFFLOAD_RSC6 |             \
     OFFLOAD_USO6 | OFFLOAD_URO6)
#define OFFLOAD_URO_ALL (OFFLOAD_URO4 | OFFLOAD_URO6)

typedef struct _XENNET_OFFLOAD {
    // Immutable after OffloadCreate.
    struct _XENNET_CONTEXT *Context;
    ULONG LargeSize4; // payload bytes of one large send, 0: none
    ULONG LargeSize6;
    ULONG Hardware;            // OFFLOAD_*: what can be switched on
    ULONG Default;             // OFFLOAD_*: what the keywords ask for, within Hardware
    BOOLEAN NeedChecksumValue; // the keyword

    // Immutable after OffloadAttach.
    struct _XENNET_RECEIVE *Receive;
    struct _XENNET_TRANSMIT *Sender;

    // The worker of the moment of the link.
    XENNET_OFFLOAD_OPTIONS Transmit; // what XenVif and its backend do to a packet on its way out

    // Within OID requests, the first three by that worker too; the data path reads AllowedLso1, AllowedUso, ReceiveRsc
    // and CoalescedHeaders without order.
    ULONG Refused; // options that a packet on its way out may not ask for, all but the bits of Transmit that are on
    BOOLEAN AllowedLso1;
    ULONG AllowedUso;         // OFFLOAD_USO*
    ULONG Current;            // OFFLOAD_*: what is switched on
    ULONG Encapsulated;       // OFFLOAD_*_ALL of the IP versions NDIS has bound: those that receives are looked at for
    ULONG SwitchedOff;        // OFFLOAD_*_ALL of the IP versions that it has switched off as a whole
    ULONG ReceiveRsc;         // OFFLOAD_RSC*: coalesced packets are indicated to NDIS as such
    ULONG ReceiveUro;         // OFFLOAD_URO*: datagrams are joined
    ULONG64 CoalescedHeaders; // ReceiveRsc by lengths of IP headers: bit n for n bytes
} XENNET_OFFLOAD;

FORCEINLINE ULONG
OffloadRefusedOptions(const XENNET_OFFLOAD *Offload)
{
    return Offload->Refused;
}

FORCEINLINE ULONG
OffloadChecksumValueMayBeBlank(const XENNET_OFFLOAD *Offload)
{
    return !Offload->NeedChecksumValue;
}

// NDIS takes coalesced packets of this IP version at the moment.
FORCEINLINE BOOLEAN
OffloadTakesCoalesced(const XENNET_OFFLOAD *Offload, BOOLEAN Ipv6)
{
    return (Offload->ReceiveRsc & (Ipv6 ? OFFLOAD_RSC6 : OFFLOAD_RSC4)) != 0;
}

#endif
