/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For test_busdriver: a bus driver on the XenBus device. When it is started it uses each interface once; a thread of it
 * keeps a device for each device/vif/N in xenstore. IRP_MN_START_DEVICE fails with 0xE0000000 and the step's number
 * where something did not answer as it must. What happened since shows in one line when debugging asks for it.
 */
#include <ntddk.h>

DRIVER_INITIALIZE DriverEntry;
ULONG64 __security_cookie = 0x2B992DDFA232ull;
NTSYSAPI KIRQL NTAPI ExAcquireSpinLockExclusive(LONG volatile *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockExclusive(LONG volatile *Lock, KIRQL Irql);
NTSYSAPI KIRQL NTAPI ExAcquireSpinLockShared(LONG volatile *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockShared(LONG volatile *Lock, KIRQL Irql);

#define TAG 'suBT'

/* Whatever the compiler copies by a call; nothing is linked. */
void *memcpy(void *To, const void *From, SIZE_T Bytes)
{
    SIZE_T i;

    for (i = 0; i < Bytes; i++) {
        ((UCHAR *)To)[i] = ((const UCHAR *)From)[i];
    }
    return To;
}

#define MAX_CHILDREN 8
#define STEP(Number) ((NTSTATUS)(0xE0000000u + (Number)))

typedef struct SERVICE {
    INTERFACE Head;
    PVOID Method[16];
} SERVICE;
enum { STANDARD, EVTCHN, GNTTAB, CACHE, RANGE_SET, DEBUG, UNPLUG, STORE, SUSPEND, SERVICES };

static const struct {
    GUID Guid;
    USHORT Version, Size;
} Wanted[SERVICES] = {
    { { 0x496B8280, 0x6F25, 0x11D0, { 0xBE, 0xAF, 0x08, 0x00, 0x2B, 0xE2, 0x09, 0x2F } }, 1, 64 },
    { { 0xBE2440AC, 0x1098, 0x4150, { 0xAF, 0x4D, 0x45, 0x2F, 0xAD, 0xCE, 0xF9, 0x23 } }, 9, 120 },
    { { 0x763679C5, 0xE5C2, 0x4A6D, { 0x8B, 0x88, 0x6B, 0xB0, 0x2E, 0xC4, 0x2D, 0x8E } }, 4, 112 },
    { { 0xA98DFD78, 0x416A, 0x4949, { 0x92, 0xA5, 0xE0, 0x84, 0xF2, 0xF4, 0xB4, 0x4E } }, 2, 80 },
    { { 0xEE7E78A2, 0x6847, 0x48C5, { 0xB1, 0x23, 0xBB, 0x01, 0x2F, 0x0E, 0xAB, 0xF4 } }, 1, 88 },
    { { 0x0DF600AE, 0x6B20, 0x4227, { 0xBF, 0x94, 0x03, 0xDA, 0x9A, 0x26, 0xA1, 0x14 } }, 1, 80 },
    { { 0x73DB6517, 0x3D06, 0x4937, { 0x98, 0x9F, 0x19, 0x9B, 0x75, 0x01, 0xE2, 0x29 } }, 3, 80 },
    { { 0x86824C3B, 0xD34E, 0x4753, { 0xB2, 0x81, 0x2F, 0x1E, 0x3A, 0xD2, 0x14, 0xD7 } }, 2, 136 },
    { { 0x0554F2AF, 0xB510, 0x4C71, { 0xAC, 0x03, 0x1C, 0x50, 0x3E, 0x39, 0x42, 0x38 } }, 1, 80 },
};

/* CALL(&Service, 3, NTSTATUS, (PVOID, ULONG), &Service, 7) */
#define CALL(Service, Number, Result, Parameters, ...) (((Result(*) Parameters)(Service)->Method[Number])(__VA_ARGS__))

typedef struct BUS BUS;
typedef struct CHILD {
    BUS *Bus; /* first, as in BUS: NULL there */
    ULONG Number;
    BOOLEAN Gone;
} CHILD;

struct BUS {
    BUS *None;
    PDEVICE_OBJECT Self, Physical, Lower;
    SERVICE Service[SERVICES];
    PVOID DebugCallback, Early, Late, Watch;
    KEVENT Changed;
    PVOID Thread;
    BOOLEAN Stop, Started;
    volatile BOOLEAN Scanning;
    DEVICE_POWER_STATE PowerState[PowerSystemMaximum]; /* the device below, for each state of the machine */
    ULONG Events, EarlySuspends, LateSuspends, Sleeps, Constructed;
    KSPIN_LOCK CacheLock;
    LONG ChildrenLock;
    PDEVICE_OBJECT Children[MAX_CHILDREN];
};

/* --- IRPs to the device below --- */

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

static NTSTATUS Complete(PIRP Irp, NTSTATUS Status)
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

static NTSTATUS Query(BUS *Bus, int Number)
{
    KEVENT Event;
    IO_STATUS_BLOCK Result;
    PIRP Irp;
    PIO_STACK_LOCATION Location;
    NTSTATUS Status;

    KeInitializeEvent(&Event, NotificationEvent, FALSE);
    Irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, Bus->Lower, NULL, 0, NULL, &Event, &Result);
    if (Irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    Location = IoGetNextIrpStackLocation(Irp);
    Location->MinorFunction = IRP_MN_QUERY_INTERFACE;
    Location->Parameters.QueryInterface.InterfaceType = &Wanted[Number].Guid;
    Location->Parameters.QueryInterface.Version = Wanted[Number].Version;
    Location->Parameters.QueryInterface.Size = Wanted[Number].Size;
    Location->Parameters.QueryInterface.Interface = &Bus->Service[Number].Head;
    Irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    Status = IoCallDriver(Bus->Lower, Irp);
    if (Status == STATUS_PENDING) {
        KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL);
        Status = Result.Status;
    }
    return Status;
}

/* --- each interface once --- */

static BOOLEAN OnEvent(PVOID Interrupt, PVOID Argument)
{
    UNREFERENCED_PARAMETER(Interrupt);
    ((BUS *)Argument)->Events++;
    return TRUE;
}

static NTSTATUS UseEventChannel(BUS *Bus)
{
    SERVICE *Service = &Bus->Service[EVTCHN];
    PVOID Channel = CALL(Service, 2, PVOID, (PVOID, ULONG, PVOID, PVOID, ...), Service, 2, OnEvent, Bus, 0, 1);
    KIRQL Irql;
    BOOLEAN Fine;

    if (Channel == NULL) {
        return STEP(1);
    }
    CALL(Service, 6, VOID, (PVOID, PVOID), Service, Channel);
    KeRaiseIrql(DISPATCH_LEVEL, &Irql);
    CALL(Service, 5, VOID, (PVOID, PVOID), Service, Channel);
    KeLowerIrql(Irql);
    Fine = Bus->Events == 1 && CALL(Service, 7, ULONG, (PVOID, PVOID), Service, Channel) == 1 &&
           CALL(Service, 9, ULONG, (PVOID, PVOID), Service, Channel) != 0;
    CALL(Service, 4, BOOLEAN, (PVOID, PVOID, BOOLEAN, BOOLEAN), Service, Channel, FALSE, TRUE);
    CALL(Service, 10, VOID, (PVOID, PVOID), Service, Channel);
    return Fine ? STATUS_SUCCESS : STEP(2);
}

static NTSTATUS UseGrants(BUS *Bus)
{
    SERVICE *Service = &Bus->Service[GNTTAB];
    PHYSICAL_ADDRESS Low, High, Skip;
    PVOID Cache, Entry;
    NTSTATUS Status = STEP(4);
    PMDL Mdl;

    Low.QuadPart = Skip.QuadPart = 0;
    High.QuadPart = -1;
    Mdl = MmAllocatePagesForMdl(Low, High, Skip, PAGE_SIZE);
    if (Mdl == NULL) {
        return STEP(3);
    }
    if (NT_SUCCESS(CALL(Service, 2, NTSTATUS, (PVOID, const char *, ULONG, ULONG, PVOID, PVOID, PVOID, PVOID *),
                        Service, "bus", 0, 0, NULL, NULL, NULL, &Cache))) {
        if (NT_SUCCESS(CALL(Service, 3, NTSTATUS, (PVOID, PVOID, BOOLEAN, USHORT, ULONG64, BOOLEAN, PVOID *), Service,
                            Cache, FALSE, 0, *MmGetMdlPfnArray(Mdl), FALSE, &Entry))) {
            (void)CALL(Service, 5, ULONG, (PVOID, PVOID), Service, Entry);
            Status = CALL(Service, 4, NTSTATUS, (PVOID, PVOID, BOOLEAN, PVOID), Service, Cache, FALSE, Entry);
        }
        CALL(Service, 7, VOID, (PVOID, PVOID), Service, Cache);
    }
    MmFreePagesFromMdl(Mdl);
    ExFreePool(Mdl);
    return Status;
}

static NTSTATUS Construct(PVOID Argument, PVOID Object)
{
    *(ULONG *)Object = 1;
    ((BUS *)Argument)->Constructed++;
    return STATUS_SUCCESS;
}

static VOID Destroy(PVOID Argument, PVOID Object)
{
    UNREFERENCED_PARAMETER(Object);
    ((BUS *)Argument)->Constructed--;
}

static VOID LockCache(PVOID Argument)
{
    KeAcquireSpinLockAtDpcLevel(&((BUS *)Argument)->CacheLock);
}

static VOID UnlockCache(PVOID Argument)
{
    KeReleaseSpinLockFromDpcLevel(&((BUS *)Argument)->CacheLock);
}

static NTSTATUS UseCache(BUS *Bus)
{
    SERVICE *Service = &Bus->Service[CACHE];
    PVOID Cache, Object;

    if (!NT_SUCCESS(CALL(Service, 2, NTSTATUS,
                         (PVOID, const char *, ULONG, ULONG, ULONG, PVOID, PVOID, PVOID, PVOID, PVOID, PVOID *),
                         Service, "bus", 64, 2, 0, Construct, Destroy, LockCache, UnlockCache, Bus, &Cache))) {
        return STEP(5);
    }
    Object = CALL(Service, 3, PVOID, (PVOID, PVOID, BOOLEAN), Service, Cache, FALSE);
    if (Object != NULL) {
        CALL(Service, 4, VOID, (PVOID, PVOID, PVOID, BOOLEAN), Service, Cache, Object, FALSE);
    }
    CALL(Service, 5, VOID, (PVOID, PVOID), Service, Cache);
    return Object != NULL && Bus->Constructed == 0 ? STATUS_SUCCESS : STEP(6);
}

static NTSTATUS UseRanges(BUS *Bus)
{
    SERVICE *Service = &Bus->Service[RANGE_SET];
    LONGLONG Number = -1;
    PVOID Set;

    if (!NT_SUCCESS(CALL(Service, 2, NTSTATUS, (PVOID, const char *, PVOID *), Service, "bus", &Set))) {
        return STEP(7);
    }
    CALL(Service, 3, NTSTATUS, (PVOID, PVOID, LONGLONG, ULONG64), Service, Set, 3, 5);
    CALL(Service, 4, NTSTATUS, (PVOID, PVOID, ULONG64, LONGLONG *), Service, Set, 2, &Number);
    CALL(Service, 5, NTSTATUS, (PVOID, PVOID, LONGLONG, ULONG64), Service, Set, 5, 3);
    CALL(Service, 6, VOID, (PVOID, PVOID), Service, Set);
    return Number == 3 ? STATUS_SUCCESS : STEP(8);
}

static NTSTATUS UseRest(BUS *Bus)
{
    SERVICE *Unplug = &Bus->Service[UNPLUG], *Standard = &Bus->Service[STANDARD];
    USHORT Device = 0;

    CALL(Unplug, 2, VOID, (PVOID, ULONG, BOOLEAN), Unplug, 2, TRUE);
    if (!CALL(Unplug, 3, BOOLEAN, (PVOID, ULONG), Unplug, 2)) {
        return STEP(9);
    }
    if (CALL(Standard, 3, ULONG, (PVOID, ULONG, PVOID, ULONG, ULONG), Standard->Head.Context, 0, &Device, 2, 2) != 2 ||
        Device != 2) {
        return STEP(10);
    }
    return STATUS_SUCCESS;
}

/* --- the network devices --- */

static PDEVICE_OBJECT *FindChild(BUS *Bus, ULONG Number)
{
    ULONG i;

    for (i = 0; i < MAX_CHILDREN; i++) {
        if (Bus->Children[i] != NULL && ((CHILD *)Bus->Children[i]->DeviceExtension)->Number == Number &&
            !((CHILD *)Bus->Children[i]->DeviceExtension)->Gone) {
            return &Bus->Children[i];
        }
    }
    return NULL;
}

static VOID AddChild(BUS *Bus, ULONG Number)
{
    PDEVICE_OBJECT Device;
    CHILD *Child;
    KIRQL Irql;
    ULONG i;

    if (FindChild(Bus, Number) != NULL ||
        !NT_SUCCESS(IoCreateDevice(Bus->Self->DriverObject, sizeof(CHILD), NULL, FILE_DEVICE_UNKNOWN,
                                   FILE_AUTOGENERATED_DEVICE_NAME, FALSE, &Device))) {
        return;
    }
    Child = Device->DeviceExtension;
    Child->Bus = Bus;
    Child->Number = Number;
    Device->Flags &= ~DO_DEVICE_INITIALIZING;
    Irql = ExAcquireSpinLockExclusive(&Bus->ChildrenLock);
    for (i = 0; i < MAX_CHILDREN - 1 && Bus->Children[i] != NULL; i++) {
    }
    Bus->Children[i] = Device;
    ExReleaseSpinLockExclusive(&Bus->ChildrenLock, Irql);
}

/* One that is gone is not listed any more, and deleted when IRP_MN_REMOVE_DEVICE comes for it. */
static VOID MarkGone(BUS *Bus, ULONG There)
{
    KIRQL Irql = ExAcquireSpinLockExclusive(&Bus->ChildrenLock);
    ULONG i;

    for (i = 0; i < MAX_CHILDREN; i++) {
        CHILD *Child = Bus->Children[i] != NULL ? Bus->Children[i]->DeviceExtension : NULL;

        if (Child != NULL && !(There & 1u << Child->Number)) {
            Child->Gone = TRUE;
        }
    }
    ExReleaseSpinLockExclusive(&Bus->ChildrenLock, Irql);
}

static VOID DeleteChild(PDEVICE_OBJECT Device)
{
    BUS *Bus = ((CHILD *)Device->DeviceExtension)->Bus;
    KIRQL Irql = ExAcquireSpinLockExclusive(&Bus->ChildrenLock);
    ULONG i;

    for (i = 0; i < MAX_CHILDREN; i++) {
        if (Bus->Children[i] == Device) {
            Bus->Children[i] = NULL;
        }
    }
    ExReleaseSpinLockExclusive(&Bus->ChildrenLock, Irql);
    IoDeleteDevice(Device);
}

static VOID Scan(BUS *Bus)
{
    SERVICE *Store = &Bus->Service[STORE];
    ULONG There = 0, i;
    PCHAR List, At;

    if (NT_SUCCESS(CALL(Store, 7, NTSTATUS, (PVOID, PVOID, const char *, const char *, PCHAR *), Store, NULL, "device",
                        "vif", &List))) {
        for (At = List; *At != 0; At++) {
            if (At[0] >= '0' && At[0] < '0' + MAX_CHILDREN && At[1] == 0) {
                There |= 1u << (At[0] - '0');
            }
            while (*At != 0) {
                At++;
            }
        }
        CALL(Store, 2, VOID, (PVOID, PCHAR), Store, List);
    }
    MarkGone(Bus, There);
    for (i = 0; i < MAX_CHILDREN; i++) {
        if (There & 1u << i) {
            AddChild(Bus, i);
        }
    }
    IoInvalidateDeviceRelations(Bus->Physical, BusRelations);
}

static VOID ScanThread(PVOID Argument)
{
    BUS *Bus = Argument;

    Bus->Scanning = TRUE;
    for (;;) {
        KeWaitForSingleObject(&Bus->Changed, Executive, KernelMode, FALSE, NULL);
        if (Bus->Stop) {
            break;
        }
        Scan(Bus);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

/* --- life --- */

/* Has the bytes of `pause` within an instruction. */
__attribute__((noinline)) static ULONG ConstantWithPause(void)
{
    return 0x1290F345;
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
    ULONG i, Children = 0;
    KIRQL Irql = ExAcquireSpinLockShared(&Bus->ChildrenLock);

    UNREFERENCED_PARAMETER(Crashing);
    for (i = 0; i < MAX_CHILDREN; i++) {
        Children += Bus->Children[i] != NULL && !((CHILD *)Bus->Children[i]->DeviceExtension)->Gone;
    }
    ExReleaseSpinLockShared(&Bus->ChildrenLock, Irql);
    CALL(Debug, 3, VOID, (PVOID, const char *, ...), Debug, "bus: children %u early %u late %u sleeps %u\n", Children,
         Bus->EarlySuspends, Bus->LateSuspends, Bus->Sleeps);
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
    NTSTATUS Status = STATUS_SUCCESS;
    ULONG i;

    for (i = 0; i < SERVICES && NT_SUCCESS(Status); i++) {
        Status = Query(Bus, i);
        if (NT_SUCCESS(Status) && i != STANDARD) {
            Status = CALL(&Bus->Service[i], 0, NTSTATUS, (PVOID), &Bus->Service[i]);
        }
    }
    Status = NT_SUCCESS(Status) ? UseEventChannel(Bus) : Status;
    Status = NT_SUCCESS(Status) ? UseGrants(Bus) : Status;
    Status = NT_SUCCESS(Status) ? UseCache(Bus) : Status;
    Status = NT_SUCCESS(Status) ? UseRanges(Bus) : Status;
    Status = NT_SUCCESS(Status) ? UseRest(Bus) : Status;
    Status = NT_SUCCESS(Status) && ConstantWithPause() >> 8 != 0x1290F3 ? STEP(11) : Status;
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
    ULONG i;

    if (!Bus->Started) {
        return;
    }
    CALL(&Bus->Service[STORE], 11, NTSTATUS, (PVOID, PVOID), &Bus->Service[STORE], Bus->Watch);
    Bus->Stop = TRUE;
    KeSetEvent(&Bus->Changed, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(Bus->Thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(Bus->Thread);
    for (i = 0; i < MAX_CHILDREN; i++) {
        if (Bus->Children[i] != NULL) {
            DeleteChild(Bus->Children[i]);
        }
    }
    CALL(&Bus->Service[DEBUG], 5, VOID, (PVOID, PVOID), &Bus->Service[DEBUG], Bus->DebugCallback);
    CALL(&Bus->Service[SUSPEND], 3, VOID, (PVOID, PVOID), &Bus->Service[SUSPEND], Bus->Late);
    CALL(&Bus->Service[SUSPEND], 3, VOID, (PVOID, PVOID), &Bus->Service[SUSPEND], Bus->Early);
    for (i = STANDARD + 1; i < SERVICES; i++) {
        CALL(&Bus->Service[i], 1, VOID, (PVOID), &Bus->Service[i]);
    }
    Bus->Service[STANDARD].Head.InterfaceDereference(Bus->Service[STANDARD].Head.Context);
}

/* --- dispatch --- */

static NTSTATUS ListChildren(BUS *Bus, PIRP Irp)
{
    PDEVICE_RELATIONS Relations =
        ExAllocatePoolWithTag(NonPagedPool, sizeof(*Relations) + MAX_CHILDREN * sizeof(PDEVICE_OBJECT), TAG);
    KIRQL Irql;
    ULONG i;

    if (Relations == NULL) {
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES);
    }
    Relations->Count = 0;
    Irql = ExAcquireSpinLockShared(&Bus->ChildrenLock);
    for (i = 0; i < MAX_CHILDREN; i++) {
        if (Bus->Children[i] != NULL && !((CHILD *)Bus->Children[i]->DeviceExtension)->Gone) {
            ObReferenceObject(Bus->Children[i]);
            Relations->Objects[Relations->Count++] = Bus->Children[i];
        }
    }
    ExReleaseSpinLockShared(&Bus->ChildrenLock, Irql);
    Irp->IoStatus.Information = (ULONG_PTR)Relations;
    Irp->IoStatus.Status = STATUS_SUCCESS;
    return PassDown(Bus, Irp);
}

static NTSTATUS Text(PIRP Irp, const WCHAR *Text, ULONG Units)
{
    WCHAR *Copy = ExAllocatePoolWithTag(PagedPool, Units * sizeof(WCHAR), TAG);
    ULONG i;

    if (Copy == NULL) {
        return Complete(Irp, STATUS_INSUFFICIENT_RESOURCES);
    }
    for (i = 0; i < Units; i++) {
        Copy[i] = Text[i];
    }
    Irp->IoStatus.Information = (ULONG_PTR)Copy;
    return Complete(Irp, STATUS_SUCCESS);
}

static NTSTATUS ChildPnp(PDEVICE_OBJECT Device, PIRP Irp, PIO_STACK_LOCATION Location)
{
    CHILD *Child = Device->DeviceExtension;
    WCHAR Number[2] = { (WCHAR)(L'0' + Child->Number), 0 };

    switch (Location->MinorFunction) {
    case IRP_MN_QUERY_ID:
        switch (Location->Parameters.QueryId.IdType) {
        case BusQueryDeviceID:
            return Text(Irp, L"TESTBUS\\NET", 12);
        case BusQueryHardwareIDs:
            return Text(Irp, L"TESTBUS\\NET\0", 13);
        case BusQueryInstanceID:
            return Text(Irp, Number, 2);
        default:
            return Complete(Irp, Irp->IoStatus.Status);
        }
    case IRP_MN_QUERY_DEVICE_TEXT:
        return Text(Irp, Number, 2);
    case IRP_MN_QUERY_CAPABILITIES:
    case IRP_MN_START_DEVICE:
    case IRP_MN_QUERY_REMOVE_DEVICE:
    case IRP_MN_SURPRISE_REMOVAL:
        return Complete(Irp, STATUS_SUCCESS);
    case IRP_MN_REMOVE_DEVICE:
        if (Child->Gone) {
            DeleteChild(Device);
        }
        return Complete(Irp, STATUS_SUCCESS);
    default:
        return Complete(Irp, Irp->IoStatus.Status);
    }
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
        return Location->Parameters.QueryDeviceRelations.Type == BusRelations ? ListChildren(Bus, Irp)
                                                                              : PassDown(Bus, Irp);
    case IRP_MN_REMOVE_DEVICE:
        StopBus(Bus);
        Irp->IoStatus.Status = STATUS_SUCCESS;
        Status = PassDown(Bus, Irp);
        IoDetachDevice(Bus->Lower);
        IoDeleteDevice(Device);
        return Status;
    case IRP_MN_QUERY_REMOVE_DEVICE:
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
