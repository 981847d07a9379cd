/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binding to XenVif: finding the interfaces by IRP_MN_QUERY_INTERFACE and acquiring them. What XenVif calls is in
 * vif_callback.c; these two files alone see that there are several versions.
 *
 * Called by miniport.c, state.c and store.c at PASSIVE. No locks.
 */
#include <ndis.h>
#include <initguid.h>
#include "vif.h"
#include "debug.h"
#include "report.h"

C_ASSERT(FIELD_OFFSET(XENVIF_VIF_INTERFACE_V8, MacQueryFilterLevel) ==
         FIELD_OFFSET(XENVIF_VIF_INTERFACE_V10, MacQueryFilterLevel));
C_ASSERT(FIELD_OFFSET(XENVIF_VIF_INTERFACE_V9, MacQueryFilterLevel) ==
         FIELD_OFFSET(XENVIF_VIF_INTERFACE_V10, MacQueryFilterLevel));
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

    // PnP requests start out unanswered, so that a stack which does not know the interface reports it.
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

_Use_decl_annotations_
NDIS_STATUS
VifQueryStore(const XENNET_VIF *Vif, XENBUS_STORE_INTERFACE_V2 *Store)
{
    NTSTATUS Status;

    Status = VifQueryInterface(Vif->Device, &GUID_XENBUS_STORE_INTERFACE, XENBUS_STORE_INTERFACE_VERSION_MAX,
                               &Store->Interface, sizeof(*Store));
    if (NT_SUCCESS(Status))
        return NDIS_STATUS_SUCCESS;
    ReportInterfaceMissing(XennetInterfaceStore, XENBUS_STORE_INTERFACE_VERSION_MIN, XENBUS_STORE_INTERFACE_VERSION_MAX,
                           Status);
    return NDIS_STATUS_INTERFACE_NOT_FOUND;
}

_Use_decl_annotations_
NDIS_STATUS
VifQuerySuspend(const XENNET_VIF *Vif, XENBUS_SUSPEND_INTERFACE_V1 *Suspend)
{
    NTSTATUS Status;

    Status = VifQueryInterface(Vif->Device, &GUID_XENBUS_SUSPEND_INTERFACE, XENBUS_SUSPEND_INTERFACE_VERSION_MAX,
                               &Suspend->Interface, sizeof(*Suspend));
    if (NT_SUCCESS(Status))
        return NDIS_STATUS_SUCCESS;
    ReportInterfaceMissing(XennetInterfaceSuspend, XENBUS_SUSPEND_INTERFACE_VERSION_MIN,
                           XENBUS_SUSPEND_INTERFACE_VERSION_MAX, Status);
    return NDIS_STATUS_INTERFACE_NOT_FOUND;
}

_Use_decl_annotations_
NDIS_STATUS
VifCreate(XENNET_VIF *Vif, NDIS_HANDLE NdisHandle)
{
    NTSTATUS Status = STATUS_NOT_SUPPORTED;
    USHORT Version;

    NdisMGetDeviceProperty(NdisHandle, NULL, NULL, &Vif->Device, NULL, NULL);
    for (Version = XENVIF_VIF_INTERFACE_VERSION_MAX; Version >= XENVIF_VIF_INTERFACE_VERSION_MIN; Version--) {
        Status =
            VifQueryInterface(Vif->Device, &GUID_XENVIF_VIF_INTERFACE, Version, &Vif->Table.Header, sizeof(Vif->Table));
        if (NT_SUCCESS(Status))
            break;
    }
    if (!NT_SUCCESS(Status)) {
        ReportInterfaceMissing(XennetInterfaceVif, XENVIF_VIF_INTERFACE_VERSION_MIN, XENVIF_VIF_INTERFACE_VERSION_MAX,
                               Status);
        return NDIS_STATUS_INTERFACE_NOT_FOUND;
    }

    Status = Vif->Table.V10.Acquire(&Vif->Table.Header);
    if (!NT_SUCCESS(Status)) {
        DEBUG_ERROR("VIF %u cannot be acquired (status %08x)\n", (ULONG)Version, (ULONG)Status);
        return NDIS_STATUS_ADAPTER_NOT_READY;
    }
    Vif->Version = Version;
    DEBUG_INFO("VIF %u acquired\n", (ULONG)Version);
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

_Use_decl_annotations_
NDIS_STATUS
VifEnable(XENNET_VIF *Vif, const XENNET_VIF_CALLBACKS *Callbacks, PVOID Argument)
{
    NTSTATUS Status;

    switch (Vif->Version) {
    case 8:
        Status = Vif->Table.V8.EnableVersion8(&Vif->Table.Header, Callbacks->Version8, Argument);
        break;

    case 9:
        Status = Vif->Table.V9.EnableVersion9(&Vif->Table.Header, Callbacks->Version9, Argument);
        break;

    default:
        Status = Vif->Table.V10.Enable(&Vif->Table.Header, Callbacks->Version10, Argument);
        break;
    }
    Vif->EnableStatus = Status;
    if (!NT_SUCCESS(Status)) {
        DEBUG_ERROR("VIF %u cannot be enabled (status %08x)\n", Vif->Version, (ULONG)Status);
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
