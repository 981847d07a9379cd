/* SPDX-License-Identifier: BSD-2-Clause */
// See floor_poll.h.
#include "floor_poll.h"
#include "context.h"

#define FLOOR_POLL_MINOR 85 // NDIS 6.85

typedef NDIS_STATUS NTAPI FLOOR_POLL_REGISTER(NDIS_HANDLE NdisHandle, PVOID Context,
                                              const NDIS_POLL_CHARACTERISTICS *Characteristics,
                                              NDIS_POLL_HANDLE *PollHandle);
typedef VOID NTAPI FLOOR_POLL_DEREGISTER(NDIS_POLL_HANDLE PollHandle);
typedef VOID NTAPI FLOOR_POLL_SET_AFFINITY(NDIS_POLL_HANDLE PollHandle, const PROCESSOR_NUMBER *PollAffinity);

static PVOID FloorPollFind(const WCHAR *Name)
{
    NDIS_STRING String;

    NdisInitUnicodeString(&String, Name);
    return NdisGetRoutineAddress(&String);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI FloorPollHandler(PVOID Context, NDIS_POLL_DATA *Data)
{
    FLOOR_POLL *Poll = Context;
    NET_BUFFER_LIST *Last = Poll->Head;
    ULONG Count = Poll->Count;
    ULONG Index;

    Data->Receive.IndicatedNblChain = Last;
    Data->Receive.NumberOfRemainingNbls = 0;
    Data->Receive.Flags = 0;
    Data->Transmit.CompletedNblChain = NULL;
    Data->Transmit.NumberOfCompletedNbls = 0;
    Data->Transmit.NumberOfRemainingNbls = 0;
    // NDIS may poll at PASSIVE, and once elsewhere after NdisSetPollAffinity: the list is processor 0's, at DISPATCH.
    // A driver would raise the level; nobody polls the floor below it (poll_vary).
    if (Last == NULL || KeGetCurrentIrql() != DISPATCH_LEVEL || KeGetCurrentProcessorNumberEx(NULL) != 0) {
        Data->Receive.IndicatedNblChain = NULL;
        Data->Receive.NumberOfIndicatedNbls = 0;
        return;
    }
    if (Count <= Data->Receive.MaxNblsToIndicate) {
        Data->Receive.NumberOfIndicatedNbls = Count;
        Poll->Head = NULL;
        Poll->Count = 0;
        return;
    }
    for (Index = 1; Index < Data->Receive.MaxNblsToIndicate; Index++)
        Last = NET_BUFFER_LIST_NEXT_NBL(Last);
    Data->Receive.NumberOfIndicatedNbls = Index;
    Poll->Head = NET_BUFFER_LIST_NEXT_NBL(Last);
    Poll->Count = Count - Index;
    Data->Receive.NumberOfRemainingNbls = Poll->Count;
    NET_BUFFER_LIST_NEXT_NBL(Last) = NULL;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI FloorPollNotification(PVOID Context, NDIS_POLL_NOTIFICATION *Notification)
{
    FLOOR_POLL *Poll = Context;

    if (Notification->Enabled && Poll->Head != NULL)
        Poll->Request(Poll->Handle, NULL);
}

_Use_decl_annotations_
VOID FloorPollQueue(FLOOR_POLL *Poll, NET_BUFFER_LIST *Head, NET_BUFFER_LIST *Tail, ULONG Count)
{
    BOOLEAN First = Poll->Head == NULL;

    if (First)
        Poll->Head = Head;
    else
        NET_BUFFER_LIST_NEXT_NBL(Poll->Tail) = Head;
    Poll->Tail = Tail;
    Poll->Count += Count;
    if (First)
        Poll->Request(Poll->Handle, NULL);
}

_Use_decl_annotations_
VOID FloorPollCreate(const XENNET_CONTEXT *Context, FLOOR_POLL *Poll)
{
    static const PROCESSOR_NUMBER First = { 0, 0, 0 };
    NDIS_POLL_CHARACTERISTICS Characteristics;
    FLOOR_POLL_REGISTER *Register;
    FLOOR_POLL_SET_AFFINITY *SetAffinity;

    if (Context->Revisions->Minor < FLOOR_POLL_MINOR || Context->Config.Poll == 0)
        return;
    Register = (FLOOR_POLL_REGISTER *)(ULONG_PTR)FloorPollFind(L"NdisRegisterPoll");
    SetAffinity = (FLOOR_POLL_SET_AFFINITY *)(ULONG_PTR)FloorPollFind(L"NdisSetPollAffinity");
    Poll->Request = (FLOOR_POLL_REQUEST *)(ULONG_PTR)FloorPollFind(L"NdisRequestPoll");
    RtlZeroMemory(&Characteristics, sizeof(Characteristics));
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Characteristics.Header.Revision = NDIS_POLL_CHARACTERISTICS_REVISION_1;
    Characteristics.Header.Size = NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1;
    Characteristics.SetPollNotificationHandler = FloorPollNotification;
    Characteristics.PollHandler = FloorPollHandler;
    if (Register != NULL && SetAffinity != NULL && Poll->Request != NULL &&
        NT_SUCCESS(Register(Context->NdisHandle, Poll, &Characteristics, &Poll->Handle)))
        SetAffinity(Poll->Handle, &First);
}

_Use_decl_annotations_
VOID FloorPollDestroy(const FLOOR_POLL *Poll)
{
    if (Poll->Handle != NULL)
        ((FLOOR_POLL_DEREGISTER *)(ULONG_PTR)FloorPollFind(L"NdisDeregisterPoll"))(Poll->Handle);
}
