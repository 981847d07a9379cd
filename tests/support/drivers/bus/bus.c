/* SPDX-License-Identifier: BSD-2-Clause */
/* Life of the bus driver and its IRPs; bus.h says what it is for. */
#include "bus.h"

DRIVER_INITIALIZE DriverEntry;
ULONG64 __security_cookie = 0x2B992DDFA232ull;

/* Whatever the compiler copies by a call; nothing is linked. */
void *memcpy(void *To, const void *From, SIZE_T Bytes)
{
    SIZE_T i;

    for (i = 0; i < Bytes; i++) {
        ((UCHAR *)To)[i] = ((const UCHAR *)From)[i];
    }
    return To;
}

static NTSTATUS Completed(PDEVICE_OBJECT Device, PIRP Irp, PVOID Event)
{
    UNREFERENCED_PARAMETER(Device);
    UNREFERENCED_PARAMETER(Irp);
    KeSetEvent(Event, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS SendAndWait(BUS *Bus, PIRP Irp)
{
    KEVENT Event;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, Completed, &Event, TRUE, TRUE, TRUE);
    if (IoCallDriver(Bus->Lower, Irp) == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
    }
    return Irp->IoStatus.Status;
}

NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
{
    Irp->IoStatus.Status = Status;
    IoCompleteRequest(Irp, IO_NO_INCREMENT);
    return Status;
}

static NTSTATUS PassDown(BUS *Bus, PIRP Irp)
{
    IoSkipCurrentIrpStackLocation(Irp);
    return IoCallDriver(Bus->Lower, Irp);
}

static VOID OnEarly(PVOID Argument)
{
    ((BUS *)Argument)->EarlySuspends++;
}

static VOID OnLate(PVOID Argument)
{
    ((BUS *)Argument)->LateSuspends++;
    KeSetEvent(&((BUS *)Argument)->Changed, IO_NO_INCREMENT, FALSE);
}

static VOID OnDebug(PVOID Argument, BOOLEAN Crashing)
{
    BUS *Bus = Argument;
    SERVICE *Debug = &Bus->Service[DEBUG];

    UNREFERENCED_PARAMETER(Crashing);
    CALL(Debug, 3, VOID, (PVOID, const char *, ...), Debug, "bus: children %u early %u late %u sleeps %u\n",
         CountChildren(Bus), Bus->EarlySuspends, Bus->LateSuspends, Bus->Sleeps);
}

static NTSTATUS StartThread(BUS *Bus)
{
    SERVICE *Store = &Bus->Service[STORE];
    HANDLE Handle;
    NTSTATUS Status = PsCreateSystemThread(&Handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, ScanThread, Bus);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    ObReferenceObjectByHandle(Handle, SYNCHRONIZE, *PsThreadType, KernelMode, &Bus->Thread, NULL);
    ZwClose(Handle);
    while (!Bus->Scanning) {
        __asm__ volatile("pause");
    }
    return CALL(Store, 10, NTSTATUS, (PVOID, const char *, const char *, PVOID, PVOID *), Store, "device", "vif",
                &Bus->Changed, &Bus->Watch);
}

static NTSTATUS Start(BUS *Bus)
{
    NTSTATUS Status = UseServices(Bus);

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    CALL(&Bus->Service[SUSPEND], 2, NTSTATUS, (PVOID, ULONG, PVOID, PVOID, PVOID *), &Bus->Service[SUSPEND], 1, OnEarly,
         Bus, &Bus->Early);
    CALL(&Bus->Service[SUSPEND], 2, NTSTATUS, (PVOID, ULONG, PVOID, PVOID, PVOID *), &Bus->Service[SUSPEND], 2, OnLate,
         Bus, &Bus->Late);
    CALL(&Bus->Service[DEBUG], 2, NTSTATUS, (PVOID, const char *, PVOID, PVOID, PVOID *), &Bus->Service[DEBUG], "bus",
         OnDebug, Bus, &Bus->DebugCallback);
    Bus->Started = TRUE;
    return StartThread(Bus);
}

static VOID StopBus(BUS *Bus)
{
    if (!Bus->Started) {
        return;
    }
    CALL(&Bus->Service[STORE], 11, NTSTATUS, (PVOID, PVOID), &Bus->Service[STORE], Bus->Watch);
    Bus->Stop = TRUE;
    KeSetEvent(&Bus->Changed, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Bus->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Bus->Thread);
    DeleteChildren(Bus);
    CALL(&Bus->Service[DEBUG], 5, VOID, (PVOID, PVOID), &Bus->Service[DEBUG], Bus->DebugCallback);
    CALL(&Bus->Service[SUSPEND], 3, VOID, (PVOID, PVOID), &Bus->Service[SUSPEND], Bus->Late);
    CALL(&Bus->Service[SUSPEND], 3, VOID, (PVOID, PVOID), &Bus->Service[SUSPEND], Bus->Early);
    ReleaseServices(Bus);
}

static NTSTATUS AnswerChildren(BUS *Bus, PIRP Irp)
{
    PDEVICE_RELATIONS Relations =
        ExAllocatePoolWithTag(NonPagedPool, sizeof(*Relations) + MAX_CHILDREN * sizeof(PDEVICE_OBJECT), TAG);

    if (Relations == NULL) {
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES);
    }
    ListChildren(Bus, Relations);
    Irp->IoStatus.Information = (ULONG_PTR)Relations;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Bus, Irp);
}

static NTSTATUS Pnp(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    BUS *Bus = Device->DeviceExtension;
    NTSTATUS Status;
    int i;

    if (Bus->None != NULL) {
        return ChildPnp(Device, Irp, Location);
    }
    switch (Location->MinorFunction) {
    case IRP_MN_START_DEVICE:
        Status = SendAndWait(Bus, Irp);
        return Complete(Irp, NT_SUCCESS(Status) ? Start(Bus) : Status);
    case IRP_MN_QUERY_CAPABILITIES:
        Status = SendAndWait(Bus, Irp);
        for (i = 0; i < PowerSystemMaximum; i++) {
            Bus->PowerState[i] = Location->Parameters.DeviceCapabilities.Capabilities->DeviceState[i];
        }
        return Complete(Irp, Status);
    case IRP_MN_QUERY_DEVICE_RELATIONS:
        return Location->Parameters.QueryDeviceRelations.Type == BusRelations ? AnswerChildren(Bus, Irp)
                                                                              : PassDown(Bus, Irp);
    case IRP_MN_REMOVE_DEVICE:
        StopBus(Bus);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Bus, Irp);
#ifndef STAYS_ON_THE_STACK
        IoDetachDevice(Bus->Lower);
        IoDeleteDevice(Device);
#endif
        return Status;
    case IRP_MN_QUERY_REMOVE_DEVICE:
#ifdef REFUSES_TO_GO
        return Complete(Irp, STATUS_UNSUCCESSFUL);
#endif
        Irp->IoStatus.Status = STATUS_SUCCESS;
        return PassDown(Bus, Irp);
    default:
        return PassDown(Bus, Irp);
    }
}

static VOID DevicePowerDone(PDEVICE_OBJECT Device, UCHAR Minor, POWER_STATE State, PVOID Context,
                            PIO_STATUS_BLOCK Result)
{
    UNREFERENCED_PARAMETER(Device);
    UNREFERENCED_PARAMETER(Minor);
    UNREFERENCED_PARAMETER(State);
    UNREFERENCED_PARAMETER(Result);
    KeSetEvent(Context, IO_NO_INCREMENT, FALSE);
}

/* A system state is followed by the device's own, as a power policy owner does it. */
static NTSTATUS Power(PDEVICE_OBJECT Device, PIRP Irp)
{
    PIO_STACK_LOCATION Location = IoGetCurrentIrpStackLocation(Irp);
    BUS *Bus = Device->DeviceExtension;
    POWER_STATE State;
    KEVENT Event;

    if (Bus->None != NULL) {
        return Complete(Irp, STATUS_SUCCESS);
    }
    if (Location->MinorFunction == IRP_MN_SET_POWER && Location->Parameters.Power.Type == SystemPowerState) {
        KeInitializeEvent(&Event, NotificationEvent, FALSE);
        State.DeviceState =
            Location->Parameters.Power.State.SystemState == PowerSystemWorking ? PowerDeviceD0 : PowerDeviceD3;
        if (PoRequestPowerIrp(Bus->Physical, IRP_MN_SET_POWER, State, (PVOID)DevicePowerDone, &Event, NULL) ==
            STATUS_PENDING) {
            KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        }
    } else if (Location->MinorFunction == IRP_MN_SET_POWER) {
        Bus->Sleeps += Location->Parameters.Power.State.DeviceState == PowerDeviceD3;
        PoSetPowerState(Device, DevicePowerState, Location->Parameters.Power.State);
    }
    return PassDown(Bus, Irp);
}

static NTSTATUS AddDevice(PDRIVER_OBJECT Driver, PDEVICE_OBJECT Physical)
{
    PDEVICE_OBJECT Device;
    NTSTATUS Status =
        IoCreateDevice(Driver, sizeof(BUS), NULL, FILE_DEVICE_BUS_EXTENDER, FILE_DEVICE_SECURE_OPEN, FALSE, &Device);
    BUS *Bus;

    if (!NT_SUCCESS(Status)) {
        return Status;
    }
    Bus = Device->DeviceExtension;
    Bus->Self = Device;
    Bus->Physical = Physical;
    KeInitializeEvent(&Bus->Changed, SynchronizationEvent, FALSE);
    Bus->Lower = IoAttachDeviceToDeviceStack(Device, Physical);
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    return STATUS_SUCCESS;
}

static VOID Unload(PDRIVER_OBJECT Driver)
{
    UNREFERENCED_PARAMETER(Driver);
}

NTSTATUS DriverEntry(PDRIVER_OBJECT Driver, PUNICODE_STRING Path)
{
    UNREFERENCED_PARAMETER(Path);
    Driver->DriverExtension->AddDevice = AddDevice;
    Driver->DriverUnload = Unload;
    Driver->MajorFunction[IRP_MJ_PNP] = Pnp;
    Driver->MajorFunction[IRP_MJ_POWER] = Power;
    return STATUS_SUCCESS;
}
