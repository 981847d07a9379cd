/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One poll object for each RSS processor. A batch that XenVif ends is appended to its processor's queue; the first one
 * asks NDIS to poll, and NDIS comes back as long as something moves or remains:
 *
 *   receive.c --PollQueue--> [queue of a processor] --PollHandler, at most what NDIS wants--> NDIS
 *
 * A queue is its processor's own, at DISPATCH: there XenVif's packets come, there NDIS polls, at PASSIVE too, once
 * NdisSetPollAffinity has named it, and there ReceiveStop gives back what is left at a pause. So there is no lock.
 * After NdisSetPollAffinity NDIS may poll once elsewhere: that gets nothing, and the notification behind it asks again.
 *
 * The adapter's state decides whether a batch may still be queued or taken, which makes the emptying at a pause final.
 * An adapter that does not run any more reports nothing that remains: NDIS would poll for ever what is returned
 * elsewhere, or by nobody after a shutdown.
 *
 * The routines are looked up at run time: they are in NDIS 6.85 and later.
 */
#include "poll.h"
#include "memory.h"
#include "debug.h"

#define POLL_FIRST_MINOR 85 // NDIS 6.85

// May be read anywhere: whoever queues a batch behind none asks NDIS to poll afterwards.
LOCK_PRIMITIVE
FORCEINLINE BOOLEAN
PollIsEmpty(const POLL_QUEUE *Queue)
{
    return *(NET_BUFFER_LIST *const volatile *)&Queue->Head == NULL;
}

// Cuts off all of it, at DISPATCH, as the handler sees for itself; Taken: how many NBLs. Without Head, Tail is nothing.
_IRQL_requires_max_(DISPATCH_LEVEL)
FORCEINLINE NET_BUFFER_LIST *
PollCutAll(POLL_QUEUE *Queue, ULONG *Taken)
{
    NET_BUFFER_LIST *Head = Queue->Head;

    *Taken = Queue->Count;
    Queue->Head = NULL;
    Queue->Count = 0;
    return Head;
}

// Cuts off at most Maximum NBLs; Taken: how many.
_IRQL_requires_(DISPATCH_LEVEL)
static NET_BUFFER_LIST *
PollCut(POLL_QUEUE *Queue, ULONG Maximum, ULONG *Taken)
{
    NET_BUFFER_LIST *Head = Queue->Head;
    NET_BUFFER_LIST *Last;
    ULONG Count;

    if (Maximum >= Queue->Count)
        return PollCutAll(Queue, Taken);
    *Taken = Maximum;
    if (Maximum == 0)
        return NULL;
    Last = Head;
    for (Count = 1; Count < Maximum; Count++)
        Last = NET_BUFFER_LIST_NEXT_NBL(Last);
    Queue->Head = NET_BUFFER_LIST_NEXT_NBL(Last);
    Queue->Count -= Maximum;
    NET_BUFFER_LIST_NEXT_NBL(Last) = NULL;
    return Head;
}

// What a poll at DISPATCH on the queue's processor does not come to.
_IRQL_requires_max_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
PollTakeUncommon(POLL_QUEUE *Queue, NDIS_POLL_DATA *Data)
{
    KIRQL Irql = IrqlRaise((BOOLEAN)(KeGetCurrentIrql() == DISPATCH_LEVEL));

    // What lies here when the adapter pauses is returned by whoever pauses it.
    if (NdisCurrentProcessorIndex() == Queue->Index && ContextIsRunning(Queue->Context)) {
        Data->Receive.IndicatedNblChain =
            PollCut(Queue, Data->Receive.MaxNblsToIndicate, &Data->Receive.NumberOfIndicatedNbls);
        Data->Receive.NumberOfRemainingNbls = Queue->Count;
    }
    IrqlLower(Irql);
}

// All that lies there, by a poll at DISPATCH on the queue's processor. FALSE: it is another, nothing was taken.
_IRQL_requires_max_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
PollTakeCommon(POLL_QUEUE *Queue, NDIS_POLL_DATA *Data)
{
    BOOLEAN Taken;
    KIRQL Irql;

    if (KeGetCurrentIrql() != DISPATCH_LEVEL)
        return FALSE;
    Irql = IrqlRaise(TRUE);
    Taken = (BOOLEAN)(NdisCurrentProcessorIndex() == Queue->Index && Queue->Count <= Data->Receive.MaxNblsToIndicate &&
                      ContextIsRunning(Queue->Context));
    if (Taken)
        Data->Receive.IndicatedNblChain = PollCutAll(Queue, &Data->Receive.NumberOfIndicatedNbls);
    IrqlLower(Irql);
    return Taken;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI
PollHandler(PVOID Context, NDIS_POLL_DATA *Data)
{
    POLL_QUEUE *Queue = Context;

    Data->Receive.IndicatedNblChain = NULL;
    Data->Receive.NumberOfIndicatedNbls = 0;
    Data->Receive.NumberOfRemainingNbls = 0;
    Data->Receive.Flags = 0;
    // Sends complete from their own batches, see transmit.c.
    Data->Transmit.CompletedNblChain = NULL;
    Data->Transmit.NumberOfCompletedNbls = 0;
    Data->Transmit.NumberOfRemainingNbls = 0;
    // NDIS asks once more than there is something.
    if (!PollIsEmpty(Queue) && !PollTakeCommon(Queue, Data))
        PollTakeUncommon(Queue, Data);
}

// There is no interrupt of ours to hold back; work that came while NDIS made up its mind, or that it asked for
// elsewhere, is announced again.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI
PollNotification(PVOID Context, NDIS_POLL_NOTIFICATION *Notification)
{
    POLL_QUEUE *Queue = Context;

    if (Notification->Enabled && !PollIsEmpty(Queue) && ContextIsRunning(Queue->Context))
        Queue->Request(Queue->Handle, NULL);
}

_Use_decl_annotations_
XENNET_POLL_RESULT
PollQueue(XENNET_POLL *Poll, ULONG Processor, NET_BUFFER_LIST *Head, NET_BUFFER_LIST *Tail, ULONG Count)
{
    POLL_QUEUE *Queue = PollGetQueue(Poll, Processor);

    if (Queue->Handle == NULL)
        return XENNET_POLL_NONE;
    if (!ContextIsRunning(Queue->Context))
        return XENNET_POLL_STOPPED;
    PollAppend(Queue, Head, Tail, Count);
    return XENNET_POLL_QUEUED;
}

_Use_decl_annotations_
NET_BUFFER_LIST *
PollTakeAll(XENNET_POLL *Poll, ULONG Processor, ULONG *Count)
{
    return PollCutAll(PollGetQueue(Poll, Processor), Count);
}

static PVOID
PollFind(const NDIS_STRING *Name)
{
    NDIS_STRING Copy = *Name;

    return NdisGetRoutineAddress(&Copy);
}

_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
PollLookUp(XENNET_POLL *Poll)
{
    static const NDIS_STRING Names[] = {NDIS_STRING_CONST("NdisRegisterPoll"), NDIS_STRING_CONST("NdisDeregisterPoll"),
                                        NDIS_STRING_CONST("NdisSetPollAffinity"), NDIS_STRING_CONST("NdisRequestPoll")};

    Poll->Register = (POLL_NDIS_REGISTER *)(ULONG_PTR)PollFind(&Names[0]);
    Poll->Deregister = (POLL_NDIS_DEREGISTER *)(ULONG_PTR)PollFind(&Names[1]);
    Poll->SetAffinity = (POLL_NDIS_SET_AFFINITY *)(ULONG_PTR)PollFind(&Names[2]);
    Poll->Request = (POLL_NDIS_REQUEST *)(ULONG_PTR)PollFind(&Names[3]);
    return Poll->Register != NULL && Poll->Deregister != NULL && Poll->SetAffinity != NULL && Poll->Request != NULL;
}

_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS
PollRegister(XENNET_POLL *Poll, PROCESSOR_NUMBER Number)
{
    NDIS_POLL_CHARACTERISTICS Characteristics;
    ULONG Index = KeGetProcessorIndexFromNumber(&Number);
    POLL_QUEUE *Queue;
    NTSTATUS Status;

    if (Index >= Poll->QueueCount)
        return STATUS_INVALID_PARAMETER;
    Queue = PollGetQueue(Poll, Index);
    if (Queue->Handle != NULL)
        return STATUS_SUCCESS;
    RtlZeroMemory(&Characteristics, sizeof(Characteristics));
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Characteristics.Header.Revision = NDIS_POLL_CHARACTERISTICS_REVISION_1;
    Characteristics.Header.Size = NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1;
    Characteristics.SetPollNotificationHandler = PollNotification;
    Characteristics.PollHandler = PollHandler;
    Status = Poll->Register(Poll->Context->NdisHandle, Queue, &Characteristics, &Queue->Handle);
    if (!NT_SUCCESS(Status)) {
        Queue->Handle = NULL;
        return Status;
    }
    Poll->SetAffinity(Queue->Handle, &Number);
    return Status;
}

// The processors that an RSS table may name now. Packets of others, and of those that come later, go up as they come.
_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS
PollRegisterAll(XENNET_POLL *Poll)
{
    NDIS_HANDLE NdisHandle = Poll->Context->NdisHandle;
    NDIS_RSS_PROCESSOR_INFO Probe;
    NDIS_RSS_PROCESSOR_INFO *Info;
    const UCHAR *Entry;
    SIZE_T Size = 0;
    NTSTATUS Status;
    ULONG Index;

    // Only the size: with processors listed this cannot succeed.
    (void)NdisGetRssProcessorInformation(NdisHandle, &Probe, &Size);
    Info = Size != 0 ? MemoryAllocate(NdisHandle, Size) : NULL;
    if (Info == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = (NTSTATUS)NdisGetRssProcessorInformation(NdisHandle, Info, &Size);
    if (NT_SUCCESS(Status)) {
        Entry = (const UCHAR *)Info + Info->RssProcessorArrayOffset;
        for (Index = 0; Index < Info->RssProcessorCount && NT_SUCCESS(Status); Index++) {
            Status = PollRegister(Poll, ((const NDIS_RSS_PROCESSOR *)(ULONG_PTR)Entry)->ProcNum);
            Entry += Info->RssProcessorEntrySize;
        }
    }
    MemoryFree(Info);
    return Status;
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
PollInitializeQueues(XENNET_POLL *Poll)
{
    POLL_QUEUE *Queue;
    ULONG Index;

    for (Index = 0; Index < Poll->QueueCount; Index++) {
        Queue = PollGetQueue(Poll, Index);
        Queue->Context = Poll->Context;
        Queue->Request = Poll->Request;
        Queue->Index = Index;
    }
}

_Use_decl_annotations_
VOID
PollCreate(XENNET_CONTEXT *Context, XENNET_POLL **Result)
{
    XENNET_POLL *Poll;
    NTSTATUS Status;

    *Result = NULL;
    if (Context->Revisions->Minor < POLL_FIRST_MINOR || Context->Config.Poll == 0)
        return;
    Poll = MemoryAllocate(Context->NdisHandle, sizeof(*Poll) + PER_PROCESSOR_SIZE(POLL_QUEUE, Context->ProcessorCount));
    if (Poll == NULL)
        return;
    Poll->Context = Context;
    Poll->Queues = PER_PROCESSOR_ARRAY(Poll + 1);
    Poll->QueueCount = Context->ProcessorCount;
    if (!PollLookUp(Poll)) {
        MemoryFree(Poll);
        return;
    }
    PollInitializeQueues(Poll);
    Status = PollRegisterAll(Poll);
    if (!NT_SUCCESS(Status)) {
        DEBUG_ERROR("NDIS does not poll (status %08x): packets go up as they come\n", (ULONG)Status);
        PollDestroy(Poll);
        return;
    }
    *Result = Poll;
}

_Use_decl_annotations_
VOID
PollDestroy(XENNET_POLL *Poll)
{
    ULONG Processor;

    if (Poll == NULL)
        return;
    for (Processor = 0; Processor < Poll->QueueCount; Processor++) {
        if (PollGetQueue(Poll, Processor)->Handle != NULL)
            Poll->Deregister(PollGetQueue(Poll, Processor)->Handle);
    }
    MemoryFree(Poll);
}
