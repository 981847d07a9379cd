/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses and the packet filter. XenVif filters by class of address (unicast, multicast, broadcast), each with a
 * level: all, those that match its own list, or none. A setting that XenVif does not take is not kept.
 *
 * IRQL: PASSIVE; NDIS serialises. No locks.
 */
#include "filter.h"
#include "debug.h"
#include "report.h"

#define FILTER_BACKEND_MULTICAST 64 // groups that a backend has room for

// A multicast address and none at all are no unicast address: a locally administered one takes its place, which
// XenVif's filter does not know.
static VOID
FilterMendAddress(XENNET_FILTER *Filter, ETHERNET_ADDRESS *Address)
{
    static const ETHERNET_ADDRESS None = {{0}};

    if (!(Address->Byte[0] & 0x01) && !RtlEqualMemory(Address, &None, sizeof(None)))
        return;
    DEBUG_ERROR("XenVif reported an invalid MAC address; using a locally administered one\n");
    Address->Byte[0] = (UCHAR)((Address->Byte[0] & ~0x01) | 0x02);
    Filter->ForeignAddress = TRUE;
}

_Use_decl_annotations_
VOID
FilterReadAddresses(XENNET_FILTER *Filter, XENNET_CONTEXT *Context)
{
    XENNET_VIF *Vif = &Context->Vif;

    Filter->Context = Context;
    // Those of an adapter before, which XenVif would name to the backend once more.
    (void)VIF_CALL(Vif, MacSetMulticastAddresses, NULL, 0);
    VIF_CALL(Vif, MacQueryPermanentAddress, &Filter->PermanentAddress);
    VIF_CALL(Vif, MacQueryCurrentAddress, &Filter->CurrentAddress);
    FilterMendAddress(Filter, &Filter->PermanentAddress);
    FilterMendAddress(Filter, &Filter->CurrentAddress);
    // XenVif reads NetworkAddress too; where it has not, its filter knows another address and must let all of them
    // pass.
    if (Context->Config.HasAddress &&
        !RtlEqualMemory(&Filter->CurrentAddress, &Context->Config.Address, sizeof(Filter->CurrentAddress))) {
        Filter->CurrentAddress = Context->Config.Address;
        Filter->ForeignAddress = TRUE;
    }
}

// Everything of a class, what XenVif's list has of it, or nothing.
static XENVIF_MAC_FILTER_LEVEL
FilterLevel(ULONG Packet, ULONG Everything, ULONG Matching)
{
    if (Packet & (Everything | NDIS_PACKET_TYPE_PROMISCUOUS))
        return XENVIF_MAC_FILTER_ALL;
    return (Packet & Matching) ? XENVIF_MAC_FILTER_MATCHING : XENVIF_MAC_FILTER_NONE;
}

// With the level for everything XenVif asks the backend not to filter. What NDIS does not want it leaves out itself, as
// with all those whose hardware filters groups by a hash.
static XENVIF_MAC_FILTER_LEVEL
FilterMulticastLevel(const XENNET_FILTER *Filter, ULONG Packet)
{
    return FilterLevel(Packet, NDIS_PACKET_TYPE_ALL_MULTICAST | (Filter->Crowded ? NDIS_PACKET_TYPE_MULTICAST : 0),
                       NDIS_PACKET_TYPE_MULTICAST);
}

_Use_decl_annotations_
NTSTATUS
FilterApply(const XENNET_FILTER *Filter)
{
    ULONG Packet = Filter->Packet;
    XENNET_VIF *Vif = &Filter->Context->Vif;
    NTSTATUS Status;

    Status = VIF_CALL(
        Vif, MacSetFilterLevel, ETHERNET_ADDRESS_UNICAST,
        FilterLevel(Packet, Filter->ForeignAddress ? NDIS_PACKET_TYPE_DIRECTED : 0, NDIS_PACKET_TYPE_DIRECTED));
    if (!NT_SUCCESS(Status))
        return Status;
    Status = VIF_CALL(Vif, MacSetFilterLevel, ETHERNET_ADDRESS_MULTICAST, FilterMulticastLevel(Filter, Packet));
    if (!NT_SUCCESS(Status))
        return Status;
    return VIF_CALL(Vif, MacSetFilterLevel, ETHERNET_ADDRESS_BROADCAST,
                    FilterLevel(Packet, NDIS_PACKET_TYPE_BROADCAST, 0));
}

_Use_decl_annotations_
VOID
FilterFollow(const XENNET_FILTER *Filter)
{
    ULONG Packet;

    if (FilterMulticastLevel(Filter, Filter->Packet) != XENVIF_MAC_FILTER_ALL)
        return;
    // A request that comes meanwhile has its filter applied last.
    do {
        Packet = Filter->Packet;
        (void)VIF_CALL(&Filter->Context->Vif, MacSetFilterLevel, ETHERNET_ADDRESS_MULTICAST,
                       FilterMulticastLevel(Filter, Packet));
    } while (Filter->Packet != Packet);
}

/*
 * XenVif names its groups to the backend with each Enable. That the backend is to forget them it only queues with
 * Disable, and discards what is queued, in 8.2.0, 8.2.1 and today's. Linux's netback has room for 64
 * (XEN_NETBK_MCAST_MAX), does not look whether it has one already, and drops what is sent to a group that found no
 * room: IPv6 would not find this guest at its next address.
 */
_Use_decl_annotations_
VOID
FilterNoteEnabled(XENNET_FILTER *Filter)
{
    Filter->Repeated += Filter->MulticastCount;
}

// XenVif has named Count groups, and only then taken back those of before.
static VOID
FilterLookForRoom(XENNET_FILTER *Filter, ULONG Count)
{
    if (Filter->Crowded || Filter->Repeated + Filter->MulticastCount + Count <= FILTER_BACKEND_MULTICAST)
        return;
    Filter->Crowded = TRUE;
    FilterFollow(Filter);
}

_Use_decl_annotations_
NDIS_STATUS
FilterSetPacket(XENNET_FILTER *Filter, ULONG Packet)
{
    ULONG Before = Filter->Packet;

    if (Packet & ~(ULONG)FILTER_PACKET_TYPES)
        return NDIS_STATUS_INVALID_DATA;
    Filter->Packet = Packet;
    if (!NT_SUCCESS(FilterApply(Filter))) {
        Filter->Packet = Before;
        (void)FilterApply(Filter);
        return NDIS_STATUS_FAILURE;
    }
    ReportFilter(&Filter->Context->Reporter, Packet);
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
NDIS_STATUS
FilterSetMulticast(XENNET_FILTER *Filter, const VOID *Buffer, ULONG Length)
{
    ETHERNET_ADDRESS List[FILTER_MAX_MULTICAST];
    ULONG Count = Length / ETHERNET_ADDRESS_LENGTH;
    ULONG Index;

    if (Length % ETHERNET_ADDRESS_LENGTH != 0)
        return NDIS_STATUS_INVALID_LENGTH;
    if (Count > FILTER_MAX_MULTICAST)
        return NDIS_STATUS_MULTICAST_FULL;
    if (Count != 0)
        RtlCopyMemory(List, Buffer, Length);
    // The page of OID_802_3_MULTICAST_LIST has one status for too many addresses and for one that is no group's.
    for (Index = 0; Index < Count; Index++) {
        if (!(List[Index].Byte[0] & 0x01))
            return NDIS_STATUS_MULTICAST_FULL;
    }
    if (!NT_SUCCESS(VIF_CALL(&Filter->Context->Vif, MacSetMulticastAddresses, Count != 0 ? List : NULL, Count)))
        return NDIS_STATUS_RESOURCES;
    FilterLookForRoom(Filter, Count);
    RtlCopyMemory(Filter->Multicast, List, Length);
    Filter->MulticastCount = Count;
    return NDIS_STATUS_SUCCESS;
}

// Where an address stands in the list; the list's length when it does not.
static ULONG
FilterFindMulticast(const XENNET_FILTER *Filter, const ETHERNET_ADDRESS *Address)
{
    ULONG Index = 0;

    while (Index < Filter->MulticastCount &&
           RtlCompareMemory(&Filter->Multicast[Index], Address, ETHERNET_ADDRESS_LENGTH) != ETHERNET_ADDRESS_LENGTH)
        Index++;
    return Index;
}

_Use_decl_annotations_
NDIS_STATUS
FilterAddMulticast(XENNET_FILTER *Filter, const ETHERNET_ADDRESS *Address)
{
    ETHERNET_ADDRESS List[FILTER_MAX_MULTICAST];
    ULONG Count = Filter->MulticastCount;

    if (FilterFindMulticast(Filter, Address) < Count)
        return NDIS_STATUS_SUCCESS;
    if (Count == FILTER_MAX_MULTICAST)
        return NDIS_STATUS_MULTICAST_FULL;
    RtlCopyMemory(List, Filter->Multicast, Count * ETHERNET_ADDRESS_LENGTH);
    List[Count] = *Address;
    return FilterSetMulticast(Filter, List, (Count + 1) * ETHERNET_ADDRESS_LENGTH);
}

_Use_decl_annotations_
NDIS_STATUS
FilterDeleteMulticast(XENNET_FILTER *Filter, const ETHERNET_ADDRESS *Address)
{
    ETHERNET_ADDRESS List[FILTER_MAX_MULTICAST];
    ULONG Count = Filter->MulticastCount;
    ULONG Index = FilterFindMulticast(Filter, Address);

    if (Index == Count)
        return NDIS_STATUS_MULTICAST_NOT_FOUND;
    RtlCopyMemory(List, Filter->Multicast, Count * ETHERNET_ADDRESS_LENGTH);
    List[Index] = List[Count - 1];
    return FilterSetMulticast(Filter, List, (Count - 1) * ETHERNET_ADDRESS_LENGTH);
}
