/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VIF interface of XenVif, whichever of versions 8, 9 and 10 the provider has. Nothing outside vif.c and
 * vif_callback.c sees that there is more than one: the methods are the same, and so is what the callbacks end in.
 *
 * The per-packet calls are inline: one indirect call each. IRQL: as the provider has it, DISPATCH for
 * VifTransmitPacket, up to DISPATCH for VifReturnPacket, PASSIVE for everything that may wait.
 */
#ifndef XENNET_VIF_H
#define XENNET_VIF_H

#include <ndis.h>
#include "vif_interface.h"
#include "vif_packet.h"
#include "store_interface.h"
#include "suspend_interface.h"

// One for each version.
typedef struct _XENNET_VIF_CALLBACKS {
    XENVIF_VIF_CALLBACK_V8 Version8;
    XENVIF_VIF_CALLBACK_V9 Version9;
    XENVIF_VIF_CALLBACK_V10 Version10;
} XENNET_VIF_CALLBACKS;

typedef struct _XENNET_VIF {
    // Immutable between VifCreate and VifDestroy.
    union {
        INTERFACE Header;
        XENVIF_VIF_INTERFACE_V8 V8;
        XENVIF_VIF_INTERFACE_V9 V9;
        XENVIF_VIF_INTERFACE_V10 V10;
    } Table;
    DEVICE_OBJECT *Device; // below the adapter
    ULONG Version;         // 0: not acquired

    // Under NDIS's serialisation of pause and restart.
    volatile BOOLEAN Enabled;
    NTSTATUS EnableStatus; // of the last Enable
} XENNET_VIF;

/*
 * Finds the newest VIF interface below the adapter and acquires it. Without one, reports that to the event log and
 * the debugger and fails with NDIS_STATUS_INTERFACE_NOT_FOUND.
 */
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS VifCreate(_Inout_ XENNET_VIF *Vif, _In_ NDIS_HANDLE NdisHandle);

// Disables and releases; nothing to do for a VIF that was not created.
_IRQL_requires_(PASSIVE_LEVEL)
VOID VifDestroy(_Inout_ XENNET_VIF *Vif);

// Finds STORE 2 and SUSPEND 1 below the adapter. The caller acquires what it uses.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS VifQueryStore(_In_ const XENNET_VIF *Vif, _Out_ XENBUS_STORE_INTERFACE_V2 *Store);

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS VifQuerySuspend(_In_ const XENNET_VIF *Vif, _Out_ XENBUS_SUSPEND_INTERFACE_V1 *Suspend);

// From within VifEnable on, callbacks with Argument come on any processor: packets at DISPATCH, changes of the link up
// to DISPATCH.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS VifEnable(_Inout_ XENNET_VIF *Vif, _In_ const XENNET_VIF_CALLBACKS *Callbacks, _In_ PVOID Argument);

/*
 * Returns when every received packet is back and every transmitted one was returned. With requests at a connected
 * backend it may not return at all (VIF 8), or cost the device (state.c).
 */
_IRQL_requires_(PASSIVE_LEVEL)
VOID VifDisable(_Inout_ XENNET_VIF *Vif);

_IRQL_requires_max_(DISPATCH_LEVEL)
ULONGLONG VifQueryStatistic(_In_ XENNET_VIF *Vif, _In_ XENVIF_VIF_STATISTIC Statistic);

// The methods of version 10 at their common place in all three tables.
#define VIF_CALL(_Vif, _Method, ...) ((_Vif)->Table.V10._Method(&(_Vif)->Table.Header, __VA_ARGS__))

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
VifTransmitPacket(XENNET_VIF *Vif, MDL *Mdl, ULONG Offset, ULONG Length, XENNET_OFFLOAD_OPTIONS Options,
                  USHORT MaximumSegmentSize, USHORT Tci, XENNET_PACKET_HASH *Hash, BOOLEAN More, PVOID Cookie)
{
    return VIF_CALL(Vif, TransmitterQueuePacket, Mdl, Offset, Length, Options, MaximumSegmentSize, Tci, Hash, More,
                    Cookie);
}

FORCEINLINE VOID
VifReturnPacket(XENNET_VIF *Vif, PVOID Cookie)
{
    VIF_CALL(Vif, ReceiverReturnPacket, Cookie);
}

#endif
