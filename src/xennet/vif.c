/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binding to XenVif: finding the interfaces by IRP_MN_QUERY_INTERFACE, acquiring them, and translating the
 * callback of each VIF version into the driver's own events. Versions 9 and 10 pass a record of which 10
 * appends Pause; 8 passes the same fields as variable arguments.
 *
 * Called by adapter.c and store.c at PASSIVE; called back by XenVif at DISPATCH on any processor. No locks:
 * the provider serialises nothing, and neither do the sinks.
 */
#include <stdarg.h>

#include <ndis.h>
#include <initguid.h>
#include "vif.h"
#include "adapter.h"
#include "link.h"
#include "receive.h"
#include "event.h"
#include "transmit.h"

C_ASSERT(FIELD_OFFSET(XENVIF_VIF_INTERFACE_V8, MacQueryFilterLevel) ==
         FIELD_OFFSET(XENVIF_VIF_INTERFACE_V10, MacQueryFilterLevel));
C_ASSERT(FIELD_OFFSET(XENVIF_VIF_INTERFACE_V9, MacQueryFilterLevel) ==
         FIELD_OFFSET(XENVIF_VIF_INTERFACE_V10, MacQueryFilterLevel));
C_ASSERT(FIELD_OFFSET(XENVIF_VIF_CALLBACK_PARAMETERS_V9, ReceiverQueuePacket.Cookie) ==
         FIELD_OFFSET(XENVIF_VIF_CALLBACK_PARAMETERS_V10, ReceiverQueuePacket.Cookie));

typedef enum _VIF_INTERFACE { VifInterfaceVif = 1, VifInterfaceStore = 2, VifInterfaceSuspend = 3 } VIF_INTERFACE;

/*
 * Asks the device below for one version of one interface. Synchronous: the request completes before the call
 * returns. The provider answers STATUS_NOT_SUPPORTED for a version it does not have.
 */
_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS
VifQueryInterface(DEVICE_OBJECT *Device, const GUID *Guid, USHORT Version, INTERFACE *Interface, USHORT Size)
{
    KEVENT Event;
    IO_STATUS_BLOCK Block;
    IRP *Irp;
    IO_STACK_LOCATION *Stack;
    NTSTATUS Status;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    RtlZeroMemory(&Block, sizeof(Block));
    RtlZeroMemory(Interface, Size);

    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Device, NULL, 0, NULL, &Event, &Block);
    if (Irp == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;

    // PnP requests start out unanswered, so that a stack which does not know the interface says so.
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    // The next location down, written out: the macro of checked builds drags the kernel's assertions in.
    Stack = Irp->Tail.Overlay.CurrentStackLocation - 1;
    Stack->MinorFunction = IRP_MN_QUERY_INTERFACE;
    Stack->Parameters.QueryInterface.InterfaceType = Guid;
    Stack->Parameters.QueryInterface.Size = Size;
    Stack->Parameters.QueryInterface.Version = Version;
    Stack->Parameters.QueryInterface.Interface = Interface;
    Stack->Parameters.QueryInterface.InterfaceSpecificData = NULL;

    Status = IoCallDriver(Device, Irp);
    if (Status == STATUS_PENDING) {
        (void)KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Block.Status;
    }
    return Status;
}

static VOID
VifReportMissing(XENNET_ADAPTER *Adapter, VIF_INTERFACE Interface, const CHAR *Name, ULONG Lowest, ULONG Highest,
                 NTSTATUS Status)
{
    TRACE_ERROR("XenVif offers no %s interface of version %u to %u (status %08x): update the XenVif package\n", Name,
                Lowest, Highest, (ULONG)Status);
    EventLog(Adapter->NdisHandle, NDIS_ERROR_CODE_BAD_VERSION, XENNET_EVENT_INTERFACE_MISSING, (ULONG)Interface, Lowest,
             Highest);
}

_Use_decl_annotations_
NDIS_STATUS
VifQueryStore(XENNET_ADAPTER *Adapter, XENBUS_STORE_INTERFACE_V2 *Store)
{
    NTSTATUS Status;

    Status = VifQueryInterface(Adapter->NextDevice, &GUID_XENBUS_STORE_INTERFACE, XENBUS_STORE_INTERFACE_VERSION_MAX,
                               &Store->Interface, sizeof(*Store));
    if (NT_SUCCESS(Status))
        return NDIS_STATUS_SUCCESS;
    VifReportMissing(Adapter, VifInterfaceStore, "STORE", XENBUS_STORE_INTERFACE_VERSION_MIN,
                     XENBUS_STORE_INTERFACE_VERSION_MAX, Status);
    return NDIS_STATUS_INTERFACE_NOT_FOUND;
}

_Use_decl_annotations_
NDIS_STATUS
VifQuerySuspend(XENNET_ADAPTER *Adapter, XENBUS_SUSPEND_INTERFACE_V1 *Suspend)
{
    NTSTATUS Status;

    Status = VifQueryInterface(Adapter->NextDevice, &GUID_XENBUS_SUSPEND_INTERFACE,
                               XENBUS_SUSPEND_INTERFACE_VERSION_MAX, &Suspend->Interface, sizeof(*Suspend));
    if (NT_SUCCESS(Status))
        return NDIS_STATUS_SUCCESS;
    VifReportMissing(Adapter, VifInterfaceSuspend, "SUSPEND", XENBUS_SUSPEND_INTERFACE_VERSION_MIN,
                     XENBUS_SUSPEND_INTERFACE_VERSION_MAX, Status);
    return NDIS_STATUS_INTERFACE_NOT_FOUND;
}

_Use_decl_annotations_
NDIS_STATUS
VifCreate(XENNET_VIF *Vif, XENNET_ADAPTER *Adapter)
{
    NTSTATUS Status = STATUS_NOT_SUPPORTED;
    USHORT Version;

    Vif->Adapter = Adapter;
    for (Version = XENVIF_VIF_INTERFACE_VERSION_MAX; Version >= XENVIF_VIF_INTERFACE_VERSION_MIN; Version--) {
        Status = VifQueryInterface(Adapter->NextDevice, &GUID_XENVIF_VIF_INTERFACE, Version, &Vif->Table.Header,
                                   sizeof(Vif->Table));
        if (NT_SUCCESS(Status))
            break;
    }
    if (!NT_SUCCESS(Status)) {
        VifReportMissing(Adapter, VifInterfaceVif, "VIF", XENVIF_VIF_INTERFACE_VERSION_MIN,
                         XENVIF_VIF_INTERFACE_VERSION_MAX, Status);
        return NDIS_STATUS_INTERFACE_NOT_FOUND;
    }

    Status = Vif->Table.V10.Acquire(&Vif->Table.Header);
    if (!NT_SUCCESS(Status)) {
        TRACE_ERROR("VIF %u cannot be acquired (status %08x)\n", (ULONG)Version, (ULONG)Status);
        return NDIS_STATUS_ADAPTER_NOT_READY;
    }
    Vif->Version = Version;
    TRACE("VIF %u acquired\n", (ULONG)Version);
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
VifDestroy(XENNET_VIF *Vif)
{
    if (Vif->Version == 0)
        return;
    VifDisable(Vif);
    Vif->Table.V10.Release(&Vif->Table.Header);
    Vif->Version = 0;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI
VifCallback10(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, XENVIF_VIF_CALLBACK_PARAMETERS_V10 *Parameters)
{
    XENNET_ADAPTER *Adapter = Argument;

    // Packets come at DISPATCH, a change of the link at PASSIVE.
    switch (Type) {
    case XENVIF_TRANSMITTER_RETURN_PACKET:
        TransmitReturnPacket(Adapter->Transmit, Parameters->TransmitterReturnPacket.Cookie,
                             Parameters->TransmitterReturnPacket.Completion);
        break;

    case XENVIF_RECEIVER_QUEUE_PACKET:
        Parameters->ReceiverQueuePacket.Pause =
            ReceiveQueuePacket(Adapter->Receive, (XENVIF_VIF_CALLBACK_PARAMETERS_V9 *)Parameters);
        break;

    case XENVIF_MAC_STATE_CHANGE:
        LinkStateChanged(Adapter->Link);
        break;

    default:
        TRACE_ERROR("VIF callback of unknown type %u\n", (ULONG)Type);
        break;
    }
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI
VifCallback9(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters)
{
    XENNET_ADAPTER *Adapter = Argument;

    // Version 9 has no Pause to write: it would land behind the provider's record.
    if (Type == XENVIF_RECEIVER_QUEUE_PACKET)
        (void)ReceiveQueuePacket(Adapter->Receive, Parameters);
    else
        VifCallback10(Argument, Type, (XENVIF_VIF_CALLBACK_PARAMETERS_V10 *)Parameters);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID __cdecl VifCallback8(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, ...)
{
    XENVIF_VIF_CALLBACK_PARAMETERS_V9 Parameters;
    va_list Arguments;

    va_start(Arguments, Type);
    switch (Type) {
    case XENVIF_TRANSMITTER_RETURN_PACKET:
        Parameters.TransmitterReturnPacket.Cookie = va_arg(Arguments, PVOID);
        Parameters.TransmitterReturnPacket.Completion =
            va_arg(Arguments, XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *);
        break;

    case XENVIF_RECEIVER_QUEUE_PACKET:
        // Small integers travel as int; the flags are a 4-byte record and travel as one.
        Parameters.ReceiverQueuePacket.Index = va_arg(Arguments, ULONG);
        Parameters.ReceiverQueuePacket.Mdl = va_arg(Arguments, MDL *);
        Parameters.ReceiverQueuePacket.Offset = va_arg(Arguments, ULONG);
        Parameters.ReceiverQueuePacket.Length = va_arg(Arguments, ULONG);
        Parameters.ReceiverQueuePacket.Flags = va_arg(Arguments, XENVIF_PACKET_CHECKSUM_FLAGS_V1);
        Parameters.ReceiverQueuePacket.MaximumSegmentSize = (USHORT)va_arg(Arguments, int);
        Parameters.ReceiverQueuePacket.TagControlInformation = (USHORT)va_arg(Arguments, int);
        Parameters.ReceiverQueuePacket.Info = va_arg(Arguments, XENVIF_PACKET_INFO_V2 *);
        Parameters.ReceiverQueuePacket.Hash = va_arg(Arguments, XENVIF_PACKET_HASH_V2 *);
        Parameters.ReceiverQueuePacket.More = (BOOLEAN)va_arg(Arguments, int);
        Parameters.ReceiverQueuePacket.Cookie = va_arg(Arguments, PVOID);
        break;

    default:
        break;
    }
    va_end(Arguments);
    VifCallback9(Argument, Type, &Parameters);
}

_Use_decl_annotations_
NDIS_STATUS
VifEnable(XENNET_VIF *Vif)
{
    NTSTATUS Status;

    switch (Vif->Version) {
    case 8:
        Status = Vif->Table.V8.EnableVersion8(&Vif->Table.Header, VifCallback8, Vif->Adapter);
        break;

    case 9:
        Status = Vif->Table.V9.EnableVersion9(&Vif->Table.Header, VifCallback9, Vif->Adapter);
        break;

    default:
        Status = Vif->Table.V10.Enable(&Vif->Table.Header, VifCallback10, Vif->Adapter);
        break;
    }
    if (!NT_SUCCESS(Status)) {
        TRACE_ERROR("VIF %u cannot be enabled (status %08x)\n", Vif->Version, (ULONG)Status);
        return NDIS_STATUS_RESOURCES;
    }
    Vif->Enabled = TRUE;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
VifDisable(XENNET_VIF *Vif)
{
    if (!Vif->Enabled)
        return;
    Vif->Table.V10.Disable(&Vif->Table.Header);
    Vif->Enabled = FALSE;
}

_Use_decl_annotations_
ULONGLONG
VifQueryStatistic(XENNET_VIF *Vif, XENVIF_VIF_STATISTIC Statistic)
{
    ULONGLONG Value = 0;

    // A provider that lacks a counter leaves it at zero.
    (void)VIF_CALL(Vif, QueryStatistic, Statistic, &Value);
    return Value;
}
