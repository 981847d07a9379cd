/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IRPs that are cancelled, and cancel-safe queues: the driver's own list, its lock and its comparison, with the order
 * of their calls and the race against IoCancelIrp in Windows' hands. At IRQL <= DISPATCH_LEVEL.
 *
 * A queued IRP has its queue (or the context that its driver gave, which names the queue) in DriverContext[3] and a
 * cancel routine. Whoever exchanges that routine for NULL owns the IRP: who removes it, or who cancels it.
 */
#include "nt/export/register.h"
#include "nt/io/io_device.h"
#include "nt/nt.h"

enum { TYPE_CONTEXT = 1, TYPE_QUEUE = 2, TYPE_QUEUE_EX = 3, PENDING_RETURNED = 1 };

/* IO_CSQ */
struct queue {
    uint32_t type;
    void *insert;
    MS_ABI void (*remove)(struct queue *, struct IRP *);
    MS_ABI struct IRP *(*peek)(struct queue *, struct IRP *, void *);
    MS_ABI void (*acquire)(struct queue *, uint8_t *);
    MS_ABI void (*release)(struct queue *, uint8_t);
    MS_ABI void (*complete_cancelled)(struct queue *, struct IRP *);
    void *reserved;
};
typedef MS_ABI void insert_routine(struct queue *, struct IRP *);
typedef MS_ABI int32_t insert_ex_routine(struct queue *, struct IRP *, void *);
typedef MS_ABI void cancel_routine(struct DEVICE_OBJECT *, struct IRP *);

/* IO_CSQ_IRP_CONTEXT */
struct context {
    uint32_t type;
    struct IRP *irp; /* NULL once it is out of the queue */
    struct queue *queue;
};

static struct spin_lock cancel_lock;

static void check_queue(const struct queue *queue, const char *function)
{
    RULE(queue != NULL && (queue->type == TYPE_QUEUE || queue->type == TYPE_QUEUE_EX), "irp",
         "%s of a queue that IoCsqInitialize has not made", function);
}

static cancel_routine *take_cancel_routine(struct IRP *irp)
{
    return (cancel_routine *)__atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_SEQ_CST);
}

static void note(struct IRP *irp, struct queue *queue, struct context *context)
{
    irp->Tail.Overlay.DriverContext[3] = context != NULL ? (void *)context : (void *)queue;
    if (context != NULL) {
        *context = (struct context){ TYPE_CONTEXT, irp, queue };
    }
}

/* Out of its queue. */
static void forget(struct IRP *irp)
{
    struct context *context = irp->Tail.Overlay.DriverContext[3];

    if (context->type == TYPE_CONTEXT) {
        context->irp = NULL;
    }
    irp->Tail.Overlay.DriverContext[3] = NULL;
}

/* IoCancelIrp met a queued IRP; the cancel lock is held. */
static MS_ABI void cancel_queued(struct DEVICE_OBJECT *device, struct IRP *irp)
{
    struct context *context = irp->Tail.Overlay.DriverContext[3];
    struct queue *queue = context->type == TYPE_CONTEXT ? context->queue : (struct queue *)context;
    uint8_t irql;

    (void)device;
    spin_unlock(&cancel_lock, irp->CancelIrql);
    queue->acquire(queue, &irql);
    queue->remove(queue, irp);
    forget(irp);
    queue->release(queue, irql);
    queue->complete_cancelled(queue, irp);
}

static MS_ABI int32_t nt_IoCsqInsertIrpEx(struct queue *queue, struct IRP *irp, struct context *context, void *how)
{
    int32_t status = STATUS_SUCCESS;
    uint8_t irql;

    check_queue(queue, "IoCsqInsertIrp");
    note(irp, queue, context);
    queue->acquire(queue, &irql);
    irp->Tail.Overlay.CurrentStackLocation->Control |= PENDING_RETURNED;
    if (queue->type == TYPE_QUEUE_EX) {
        status = ((insert_ex_routine *)queue->insert)(queue, irp, how);
    } else {
        ((insert_routine *)queue->insert)(queue, irp);
    }
    if (!NT_SUCCESS(status)) {
        forget(irp);
        queue->release(queue, irql);
        return status;
    }
    __atomic_store_n(&irp->CancelRoutine, (void *)cancel_queued, __ATOMIC_SEQ_CST);
    if (irp->Cancel && take_cancel_routine(irp) != NULL) {
        queue->remove(queue, irp);
        forget(irp);
        queue->release(queue, irql);
        queue->complete_cancelled(queue, irp);
        return status;
    }
    queue->release(queue, irql);
    return status;
}

static MS_ABI void nt_IoCsqInsertIrp(struct queue *queue, struct IRP *irp, struct context *context)
{
    (void)nt_IoCsqInsertIrpEx(queue, irp, context, NULL);
}

/* With the queue's lock held. False: somebody cancels it, and removes it as soon as the lock is free. */
static bool remove_irp(struct queue *queue, struct IRP *irp)
{
    if (take_cancel_routine(irp) == NULL) {
        return false;
    }
    queue->remove(queue, irp);
    forget(irp);
    return true;
}

static MS_ABI struct IRP *nt_IoCsqRemoveIrp(struct queue *queue, struct context *context)
{
    struct IRP *irp;
    uint8_t irql;

    check_queue(queue, "IoCsqRemoveIrp");
    queue->acquire(queue, &irql);
    irp = context->irp;
    RULE(irp == NULL || context->queue == queue, "irp", "IoCsqRemoveIrp with the context of another queue");
    if (irp != NULL && !remove_irp(queue, irp)) {
        irp = NULL;
    }
    queue->release(queue, irql);
    return irp;
}

static MS_ABI struct IRP *nt_IoCsqRemoveNextIrp(struct queue *queue, void *which)
{
    struct IRP *irp;
    uint8_t irql;

    check_queue(queue, "IoCsqRemoveNextIrp");
    queue->acquire(queue, &irql);
    irp = queue->peek(queue, NULL, which);
    while (irp != NULL && !remove_irp(queue, irp)) {
        irp = queue->peek(queue, irp, which);
    }
    queue->release(queue, irql);
    return irp;
}

static int32_t initialize(struct queue *queue, uint32_t type, const struct queue *routines)
{
    *queue = *routines;
    queue->type = type;
    RULE(queue->insert != NULL && queue->remove != NULL && queue->peek != NULL && queue->acquire != NULL &&
             queue->release != NULL && queue->complete_cancelled != NULL,
         "irp", "IoCsqInitialize without all six routines");
    return STATUS_SUCCESS;
}

#define ROUTINES void *insert, void *remove, void *peek, void *acquire, void *release, void *complete
#define QUEUE_OF_ROUTINES                                                                                              \
    &(const struct queue)                                                                                              \
    {                                                                                                                  \
        .insert = insert, .remove = remove, .peek = peek, .acquire = acquire, .release = release,                      \
        .complete_cancelled = complete                                                                                 \
    }

static MS_ABI int32_t nt_IoCsqInitialize(struct queue *queue, ROUTINES)
{
    return initialize(queue, TYPE_QUEUE, QUEUE_OF_ROUTINES);
}

static MS_ABI int32_t nt_IoCsqInitializeEx(struct queue *queue, ROUTINES)
{
    return initialize(queue, TYPE_QUEUE_EX, QUEUE_OF_ROUTINES);
}

static MS_ABI void nt_IoAcquireCancelSpinLock(uint8_t *irql)
{
    spin_lock_from(&cancel_lock, irql, __builtin_return_address(0));
}

static MS_ABI void nt_IoReleaseCancelSpinLock(uint8_t irql)
{
    spin_unlock(&cancel_lock, irql);
}

/* The routine gives the lock back, to the IRQL that is in the IRP. */
static MS_ABI uint8_t nt_IoCancelIrp(struct IRP *irp)
{
    struct IO_STACK_LOCATION *location = irp->Tail.Overlay.CurrentStackLocation;
    cancel_routine *routine;
    uint8_t irql;

    spin_lock_from(&cancel_lock, &irql, __builtin_return_address(0));
    irp->Cancel = 1;
    routine = take_cancel_routine(irp);
    if (routine == NULL) {
        spin_unlock(&cancel_lock, irql);
        return 0;
    }
    RULE(irp->CurrentLocation <= irp->StackCount, "irp",
         "IoCancelIrp of an IRP that was completed with a cancel routine");
    irp->CancelIrql = irql;
    routine(location->DeviceObject, irp);
    RULE(irql_current() == irql, "irql", "a cancel routine returned at IRQL %u, called at %u with the cancel lock held",
         irql_current(), irql);
    return 1;
}

#define LOW(X, name) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)
#define IRP_CANCEL_EXPORTS(X)                                                                                          \
    LOW(X, IoCsqInitialize)                                                                                            \
    LOW(X, IoCsqInitializeEx)                                                                                          \
    LOW(X, IoCsqInsertIrp)                                                                                             \
    LOW(X, IoCsqInsertIrpEx)                                                                                           \
    LOW(X, IoCsqRemoveIrp)                                                                                             \
    LOW(X, IoCsqRemoveNextIrp)                                                                                         \
    LOW(X, IoAcquireCancelSpinLock)                                                                                    \
    LOW(X, IoCancelIrp)                                                                                                \
    X("ntoskrnl.exe", IoReleaseCancelSpinLock, nt_IoReleaseCancelSpinLock, DISPATCH_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void irp_cancel_start(void)
{
    EXPORT_REGISTER(IRP_CANCEL_EXPORTS);
}
