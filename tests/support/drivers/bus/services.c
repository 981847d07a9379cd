/* SPDX-License-Identifier: BSD-2-Clause */
/* Each interface of the XenBus device, asked for and used once. */
#include "bus.h"

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

/* Has the bytes of `pause` within an instruction. */
__attribute__((noinline)) static ULONG ConstantWithPause(void)
{
    return 0x1290F345;
}

NTSTATUS UseServices(BUS *Bus)
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
    return NT_SUCCESS(Status) && ConstantWithPause() >> 8 != 0x1290F3 ? STEP(11) : Status;
}

VOID ReleaseServices(BUS *Bus)
{
    ULONG i;

    for (i = STANDARD + 1; i < SERVICES; i++) {
        CALL(&Bus->Service[i], 1, VOID, (PVOID), &Bus->Service[i]);
    }
    Bus->Service[STANDARD].Head.InterfaceDereference(Bus->Service[STANDARD].Head.Context);
}
