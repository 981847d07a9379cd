/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 802.1Q tags: which of priority and VLAN travel as out-of-band data, and the one VLAN that an adapter may belong to.
 *
 *   configured VLAN   received packet          sent packet
 *   none (0)          goes up, tag beside it   goes out as its out-of-band data asks
 *   n                 goes up when tagged n    tagged n; one that asks for another VLAN is refused
 *
 * Received tags are taken out whatever is switched on (receive_packet.c). Inline: one test per packet, at DISPATCH.
 * The members are immutable but for Id, which OID requests write and the data path reads as one word.
 */
#ifndef XENNET_VLAN_H
#define XENNET_VLAN_H

#include <ndis.h>
#include "ethernet.h"

#define VLAN_KEYWORD_PRIORITY 1 // bits of *PriorityVLANTag
#define VLAN_KEYWORD_VLAN     2
#define VLAN_MAX_ID           4094

typedef struct _XENNET_VLAN {
    USHORT TciMask; // bits of the control information that are passed on
    BOOLEAN Priority;
    BOOLEAN Vlan;
    volatile ULONG Id; // 0: none
} XENNET_VLAN;

FORCEINLINE VOID
VlanInitialize(XENNET_VLAN *Vlan, ULONG Keyword, ULONG Id)
{
    Vlan->Priority = (Keyword & VLAN_KEYWORD_PRIORITY) != 0;
    Vlan->Vlan = (Keyword & VLAN_KEYWORD_VLAN) != 0;
    Vlan->TciMask = (USHORT)((Vlan->Priority ? 0xF000 : 0) | (Vlan->Vlan ? 0x0FFF : 0));
    Vlan->Id = Vlan->Vlan ? Id : 0;
}

// NDIS_MAC_OPTION_* of the adapter.
FORCEINLINE ULONG
VlanMacOptions(const XENNET_VLAN *Vlan)
{
    ULONG Options =
        NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_NO_LOOPBACK;

    if (Vlan->Priority)
        Options |= NDIS_MAC_OPTION_8021P_PRIORITY;
    if (Vlan->Vlan)
        Options |= NDIS_MAC_OPTION_8021P_PRIORITY | NDIS_MAC_OPTION_8021Q_VLAN; // never the one without the other
    return Options;
}

// The adapter belongs to one VLAN, so every packet that it sends is tagged.
FORCEINLINE BOOLEAN
VlanIdIsSet(const XENNET_VLAN *Vlan)
{
    return Vlan->Id != 0;
}

// The control information for a packet to send; 0: no tag. FALSE: it asks for a VLAN that is not the adapter's.
FORCEINLINE BOOLEAN
VlanSendTag(const XENNET_VLAN *Vlan, PVOID OutOfBand, USHORT *Tci)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO Tag;
    ULONG Id = Vlan->Id;

    Tag.Value = OutOfBand;
    *Tci = (USHORT)(ETHERNET_TCI(Tag.TagHeader.UserPriority, Tag.TagHeader.CanonicalFormatId, Tag.TagHeader.VlanId) &
                    Vlan->TciMask);
    if (Id == 0)
        return TRUE;
    if (ETHERNET_TCI_VLAN(*Tci) != 0 && ETHERNET_TCI_VLAN(*Tci) != Id)
        return FALSE;
    *Tci |= (USHORT)Id;
    return TRUE;
}

FORCEINLINE BOOLEAN
VlanAccepts(const XENNET_VLAN *Vlan, USHORT Tci)
{
    ULONG Id = Vlan->Id;

    return Id == 0 || ETHERNET_TCI_VLAN(Tci) == Id;
}

// What goes beside a received packet. The VLAN always does: without it packets of two VLANs would look alike.
FORCEINLINE PVOID
VlanReceiveTag(const XENNET_VLAN *Vlan, USHORT Tci)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO Tag;

    Tag.Value = NULL;
    if (Tci == 0)
        return Tag.Value;
    if (Vlan->Priority) {
        Tag.TagHeader.UserPriority = ETHERNET_TCI_PRIORITY(Tci);
        Tag.TagHeader.CanonicalFormatId = ETHERNET_TCI_FORMAT(Tci);
    }
    Tag.TagHeader.VlanId = ETHERNET_TCI_VLAN(Tci);
    return Tag.Value;
}

#endif
