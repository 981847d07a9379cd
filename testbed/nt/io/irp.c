/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O request packets: made, sent down a device stack, completed up again. IRPs come from tracked pool (POOL_IRP).
 * Rules: a stack location for each driver on the way, completed once, freed once and not while it is under way, no
 * cancel routine left at completion, PnP only at PASSIVE_LEVEL.
 *
 * Synchronous IRPs (IoBuildSynchronousFsdRequest, and the testbed's own) are finished and freed here when they come
 * back to the top; an IRP from IoAllocateIrp must be kept by its sender's completion routine.
 */
#include <string.h>

#include "image/image.h"
#include "nt/export/register.h"
#include "nt/io/io_device.h"
#include "nt/memory/pool.h"

#define TAG_IRP 0x20707249 /* "Irp " */

enum {
    TYPE_IRP = 6,
    FLAG_SYNCHRONOUS = 0x4,
    FLAG_TESTBED = 0x40000000,
    PENDING_RETURNED = 1,
    INVOKE_ON_CANCEL = 0x20,
    INVOKE_ON_SUCCESS = 0x40,
    INVOKE_ON_ERROR = 0x80
};

typedef MS_ABI int32_t dispatch_routine(struct DEVICE_OBJECT *, struct IRP *);
typedef MS_ABI int32_t completion_routine(struct DEVICE_OBJECT *, struct IRP *, void *);
typedef MS_ABI int32_t set_event(struct KEVENT *, int32_t, uint8_t);

static void initialize(struct IRP *irp, size_t size, int8_t stack)
{
    memset(irp, 0, size);
    irp->Type = TYPE_IRP;
    irp->Size = (uint16_t)size;
    irp->StackCount = stack;
    irp->CurrentLocation = (int8_t)(stack + 1);
    irp->Tail.Overlay.CurrentStackLocation = (struct IO_STACK_LOCATION *)(irp + 1) + stack;
    irp->ThreadListEntry.Flink = irp->ThreadListEntry.Blink = (struct LIST_ENTRY *)&irp->ThreadListEntry;
}

static struct IRP *allocate(int8_t stack, enum pool_kind kind, const void *caller)
{
    size_t size = sizeof(struct IRP) + (size_t)stack * sizeof(struct IO_STACK_LOCATION);
    struct IRP *irp = pool_take(size, TAG_IRP, kind, false, caller);

    if (irp != NULL) {
        initialize(irp, size, stack);
        pool_set_kind(irp, POOL_IRP);
    }
    return irp;
}

static void check_irp(const struct IRP *irp, const char *function)
{
    RULE(irp != NULL && irp->Type == TYPE_IRP, "irp", "%s of what is no IRP, or was freed", function);
}

static int32_t call(const char *name, void *routine, struct DEVICE_OBJECT *device, struct IRP *irp)
{
    if (image_find(routine) != NULL) {
        return DRIVER_CALL(name, ((dispatch_routine *)routine)(device, irp));
    }
    return ((dispatch_routine *)routine)(device, irp);
}

static int32_t send(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    struct IO_STACK_LOCATION *location;

    check_irp(irp, "IoCallDriver");
    device_of(object);
    irp->CurrentLocation--;
    RULE(irp->CurrentLocation > 0, "irp", "IoCallDriver: the IRP has %d stack locations, one more driver needs its own",
         irp->StackCount);
    location = --irp->Tail.Overlay.CurrentStackLocation;
    RULE(location->MajorFunction <= IRP_MJ_MAXIMUM_FUNCTION, "irp", "IoCallDriver with major function %u",
         location->MajorFunction);
    RULE(location->MajorFunction != IRP_MJ_PNP || irql_current() == PASSIVE_LEVEL, "irql",
         "IoCallDriver with a PnP IRP at IRQL %u, allowed 0", irql_current());
    location->DeviceObject = object;
    return call("dispatch routine", object->DriverObject->MajorFunction[location->MajorFunction], object, irp);
}

int32_t irp_pass(struct DEVICE_OBJECT *lower, struct IRP *irp)
{
    irp->CurrentLocation++;
    irp->Tail.Overlay.CurrentStackLocation++;
    return send(lower, irp);
}

/* Back at the top. */
static void finish(struct IRP *irp)
{
    struct nt_event *native = irp->Overlay.AsynchronousParameters.UserApcContext;

    RULE((irp->Flags & FLAG_SYNCHRONOUS) != 0, "irp",
         "an IRP from IoAllocateIrp was completed with no completion routine that keeps it");
    if (irp->UserIosb != NULL) {
        irp->UserIosb->Status = irp->IoStatus.Status;
        irp->UserIosb->Information = irp->IoStatus.Information;
    }
    if ((irp->Flags & FLAG_TESTBED) == 0 && irp->UserEvent != NULL) {
        set_event *set = (set_event *)export_find("ntoskrnl.exe", "KeSetEvent")->function;
        struct KEVENT *event = irp->UserEvent;

        irp->Type = 0;
        pool_give(irp, 0, POOL_IRP, "IoCompleteRequest");
        set(event, 0, 0);
        return;
    }
    irp->Type = 0;
    pool_give(irp, 0, POOL_IRP, "IoCompleteRequest");
    if (native != NULL) {
        event_set(native);
    }
}

static bool invoke(const struct IRP *irp, const struct IO_STACK_LOCATION *location)
{
    return (NT_SUCCESS(irp->IoStatus.Status) && (location->Control & INVOKE_ON_SUCCESS) != 0) ||
           (!NT_SUCCESS(irp->IoStatus.Status) && (location->Control & INVOKE_ON_ERROR) != 0) ||
           (irp->Cancel && (location->Control & INVOKE_ON_CANCEL) != 0);
}

void irp_complete(struct IRP *irp)
{
    check_irp(irp, "IoCompleteRequest");
    RULE(irp->CurrentLocation <= irp->StackCount, "irp", "IoCompleteRequest of an IRP that was completed before");
    RULE(irp->CancelRoutine == NULL, "irp", "IoCompleteRequest of an IRP that still has a cancel routine");
    RULE(irp->IoStatus.Status != STATUS_PENDING, "irp", "IoCompleteRequest of an IRP whose status is STATUS_PENDING");
    while (irp->CurrentLocation <= irp->StackCount) {
        struct IO_STACK_LOCATION *location = irp->Tail.Overlay.CurrentStackLocation;
        struct DEVICE_OBJECT *above;

        irp->PendingReturned = (location->Control & PENDING_RETURNED) != 0;
        irp->CurrentLocation++;
        irp->Tail.Overlay.CurrentStackLocation++;
        /* The completion routine of a location belongs to the driver above, whose device the next location names. */
        above = irp->CurrentLocation <= irp->StackCount ? irp->Tail.Overlay.CurrentStackLocation->DeviceObject : NULL;
        if (invoke(irp, location)) {
            completion_routine *routine = (completion_routine *)location->CompletionRoutine;
            int32_t status;

            if (image_find((void *)routine) != NULL) {
                status = DRIVER_CALL("completion routine", routine(above, irp, location->Context));
            } else {
                status = routine(above, irp, location->Context);
            }
            if (status == STATUS_MORE_PROCESSING_REQUIRED) {
                return;
            }
        } else if (irp->PendingReturned && irp->CurrentLocation <= irp->StackCount) {
            irp->Tail.Overlay.CurrentStackLocation->Control |= PENDING_RETURNED;
        }
    }
    finish(irp);
}

MS_ABI int32_t irp_invalid_request(struct DEVICE_OBJECT *device, struct IRP *irp)
{
    (void)device;
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    irp_complete(irp);
    return STATUS_INVALID_DEVICE_REQUEST;
}

int32_t irp_send(struct DEVICE_OBJECT *object, uint8_t major, uint8_t minor,
                 void (*fill)(struct IO_STACK_LOCATION *, void *), void *context, uintptr_t *information)
{
    return irp_send_answered(object, major, minor, fill, context, STATUS_NOT_SUPPORTED, information);
}

int32_t irp_send_answered(struct DEVICE_OBJECT *object, uint8_t major, uint8_t minor,
                          void (*fill)(struct IO_STACK_LOCATION *, void *), void *context, int32_t status,
                          uintptr_t *information)
{
    struct IRP *irp = allocate(object->StackSize, POOL_NATIVE, NULL);
    struct IO_STATUS_BLOCK result = { 0 };
    struct nt_event done;
    struct IO_STACK_LOCATION *location;

    if (irp == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    event_init(&done, false, false);
    location = irp->Tail.Overlay.CurrentStackLocation - 1;
    location->MajorFunction = major;
    location->MinorFunction = minor;
    if (fill != NULL) {
        fill(location, context);
    }
    irp->Flags = FLAG_SYNCHRONOUS | FLAG_TESTBED;
    irp->IoStatus.Status = status;
    irp->UserIosb = &result;
    irp->Overlay.AsynchronousParameters.UserApcContext = &done;
    send(object, irp);
    event_wait(&done, SCHED_FOREVER);
    if (information != NULL) {
        *information = result.Information;
    }
    return result.Status;
}

/* --- what the driver calls --- */

static MS_ABI struct IRP *nt_IoAllocateIrp(int8_t stack, uint8_t quota)
{
    (void)quota;
    return allocate(stack, POOL_IRP, __builtin_return_address(0));
}

static MS_ABI void nt_IoInitializeIrp(struct IRP *irp, uint16_t size, int8_t stack)
{
    initialize(irp, size, stack);
}

static MS_ABI void nt_IoReuseIrp(struct IRP *irp, int32_t status)
{
    check_irp(irp, "IoReuseIrp");
    initialize(irp, irp->Size, irp->StackCount);
    irp->IoStatus.Status = status;
}

static MS_ABI void nt_IoFreeIrp(struct IRP *irp)
{
    check_irp(irp, "IoFreeIrp");
    RULE(irp->CurrentLocation > irp->StackCount, "irp", "IoFreeIrp of an IRP that is still under way");
    irp->Type = 0;
    pool_give(irp, 0, POOL_IRP, "IoFreeIrp");
}

static MS_ABI struct IRP *nt_IoBuildSynchronousFsdRequest(uint32_t major, struct DEVICE_OBJECT *object, void *buffer,
                                                          uint32_t length, const int64_t *offset, struct KEVENT *event,
                                                          struct IO_STATUS_BLOCK *result)
{
    struct IRP *irp;

    (void)offset;
    RULE(buffer == NULL && length == 0, "unsupported", "IoBuildSynchronousFsdRequest with a buffer (major function %u)",
         major);
    irp = allocate(device_of(object)->object.StackSize, POOL_IRP, __builtin_return_address(0));
    if (irp != NULL) {
        irp->Flags = FLAG_SYNCHRONOUS;
        irp->UserEvent = event;
        irp->UserIosb = result;
        (irp->Tail.Overlay.CurrentStackLocation - 1)->MajorFunction = (uint8_t)major;
    }
    return irp;
}

static MS_FASTCALL int32_t nt_IofCallDriver(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    return send(object, irp);
}

static MS_FASTCALL void nt_IofCompleteRequest(struct IRP *irp, int8_t boost)
{
    (void)boost;
    irp_complete(irp);
}

#define IRP_EXPORTS(X)                                                                                                 \
    X("ntoskrnl.exe", IoAllocateIrp, nt_IoAllocateIrp, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", IoInitializeIrp, nt_IoInitializeIrp, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                   \
    X("ntoskrnl.exe", IoReuseIrp, nt_IoReuseIrp, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                             \
    X("ntoskrnl.exe", IoFreeIrp, nt_IoFreeIrp, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", IoBuildSynchronousFsdRequest, nt_IoBuildSynchronousFsdRequest, PASSIVE_LEVEL, APC_LEVEL,         \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", IofCallDriver, nt_IofCallDriver, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", IofCompleteRequest, nt_IofCompleteRequest, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void irp_start(void)
{
    EXPORT_REGISTER(IRP_EXPORTS);
}
