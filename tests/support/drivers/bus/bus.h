/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For test_busdriver: a bus driver on the XenBus device. When it is started it uses each interface once (services.c); a
 * thread of it keeps a device for each device/vif/N in xenstore (children.c). IRP_MN_START_DEVICE fails with 0xE0000000
 * and the step's number where something did not answer as it must. What happened since shows in one line when debugging
 * asks for it.
 */
#ifndef BUS_H
#define BUS_H

/* mingw's headers define these two in every object. */
#define __INTRINSIC_DEFINED_InterlockedBitTestAndSet
#define __INTRINSIC_DEFINED_InterlockedBitTestAndReset
#include <ntddk.h>

NTSYSAPI KIRQL NTAPI ExAcquireSpinLockExclusive(LONG volatile *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockExclusive(LONG volatile *Lock, KIRQL Irql);
NTSYSAPI KIRQL NTAPI ExAcquireSpinLockShared(LONG volatile *Lock);
NTSYSAPI VOID NTAPI ExReleaseSpinLockShared(LONG volatile *Lock, KIRQL Irql);

#define TAG          'suBT'
#define MAX_CHILDREN 8
#define STEP(Number) ((NTSTATUS)(0xE0000000u + (Number)))

typedef struct SERVICE {
    INTERFACE Head;
    PVOID Method[16];
} SERVICE;
enum { STANDARD, EVTCHN, GNTTAB, CACHE, RANGE_SET, DEBUG, UNPLUG, STORE, SUSPEND, SERVICES };

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

/* bus.c */
NTSTATUS Complete(PIRP Irp, NTSTATUS Status);

/* services.c: all of them are asked for and used; the number of the step that failed in the status. */
NTSTATUS UseServices(BUS *Bus);
VOID ReleaseServices(BUS *Bus);

/* children.c */
VOID ScanThread(PVOID Bus);
ULONG CountChildren(BUS *Bus);
VOID DeleteChildren(BUS *Bus);
VOID ListChildren(BUS *Bus, PDEVICE_RELATIONS Relations);
NTSTATUS ChildPnp(PDEVICE_OBJECT Device, PIRP Irp, PIO_STACK_LOCATION Location);

#endif
