/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How done NBLs get back to NDIS (transmit_list.h has the picture): at the end of a send call or of a completion, by
 * the outermost of them, or by a DPC of the processor that has them. NDIS may send again from within, which only
 * appends; a flush ends after some rounds and leaves the rest to a DPC, so that a protocol that answers every
 * completion with a send cannot keep a processor.
 *
 * IRQL: DISPATCH. Locks: none.
 */
#include "transmit_list.h"
#include "per_processor.h"

#define TRANSMIT_LIST_MAX_ROUNDS 8

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
TransmitListFlush(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    NET_BUFFER_LIST *Chain;
    NET_BUFFER_LIST *Nbl;
    ULONG64 Count;
    ULONG Round;

    for (Round = 0; Round < TRANSMIT_LIST_MAX_ROUNDS; Round++) {
        Chain = Processor->DoneHead;
        if (Chain == NULL)
            return;
        Processor->DoneHead = NULL;
        Processor->DoneTail = NULL;
        Count = 0;
        for (Nbl = Chain; Nbl != NULL; Nbl = NET_BUFFER_LIST_NEXT_NBL(Nbl))
            Count++;
        Processor->Counters.NdisCalls++;
        NdisMSendNetBufferListsComplete(Processor->NdisHandle, Chain, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
        // After the call: TransmitDrain must not see an NBL as completed that NDIS has not got back.
        Processor->Counters.ListsCompleted += Count;
    }
    if (Processor->DoneHead != NULL && !Processor->DpcQueued)
        TransmitListQueueDpc(Processor);
}

// While the outermost level flushes, nested calls must still see a depth above zero.
_Use_decl_annotations_
VOID
TransmitListLeave(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    if (Processor->Depth == 1)
        TransmitListFlush(Processor);
    Processor->Depth--;
}

_Use_decl_annotations_
VOID
TransmitListQueueDpc(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    Processor->DpcQueued = TRUE;
    (void)KeInsertQueueDpc(&Processor->Dpc, NULL, NULL);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
TransmitListDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    XENNET_TRANSMIT_PROCESSOR *Processor = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    Processor->DpcQueued = FALSE;
    TransmitListEnter(Processor);
    TransmitListLeave(Processor);
}

_Use_decl_annotations_
VOID
TransmitListInitialize(XENNET_TRANSMIT_PROCESSOR *Processor, NDIS_HANDLE NdisHandle, ULONG Index)
{
    Processor->NdisHandle = NdisHandle;
    PerProcessorInitializeDpc(&Processor->Dpc, TransmitListDpc, Processor, Index);
}
