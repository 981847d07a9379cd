/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How done NBLs get back to NDIS (transmit_list.h has the picture): at the end of a send call or of a completion, by
 * the outermost of them, or by a DPC of the processor that has them. XenVif lets its callback send. NDIS may send again
 * from within, which only appends; a flush ends after some rounds and leaves the rest to a DPC, so that a protocol that
 * answers every completion with a send cannot keep a processor.
 *
 * IRQL: DISPATCH. Locks: none.
 */
#include "transmit_list.h"
#include "per_processor.h"

#define TRANSMIT_LIST_MAX_ROUNDS 8

_Use_decl_annotations_
VOID
TransmitListQueueDpc(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    Processor->Flushers |= TRANSMIT_LIST_DPC;
    (void)KeInsertQueueDpc(&Processor->Dpc, NULL, NULL);
}

_Use_decl_annotations_
VOID
TransmitListFlushAgain(XENNET_TRANSMIT_PROCESSOR *Processor)
{
    ULONG64 EverDone;
    ULONG Round;

    for (Round = 1; Processor->Done != NULL && Round < TRANSMIT_LIST_MAX_ROUNDS; Round++) {
        EverDone = TransmitListEverDone(Processor);
        TransmitListComplete(Processor);
        Processor->Counters.ListsCompleted = EverDone;
    }
    if (Processor->Done != NULL && (Processor->Flushers & TRANSMIT_LIST_DPC) == 0)
        TransmitListQueueDpc(Processor);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
TransmitListDpc(KDPC *Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
    XENNET_TRANSMIT_PROCESSOR *Processor = Context;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(Argument1);
    UNREFERENCED_PARAMETER(Argument2);

    Processor->Flushers &= ~TRANSMIT_LIST_DPC;
    TransmitListEnter(Processor);
    TransmitListLeave(Processor);
}

_Use_decl_annotations_
VOID
TransmitListFail(NET_BUFFER_LIST *Nbl, NDIS_STATUS Status)
{
    C_ASSERT(sizeof(NET_BUFFER_LIST_STATUS(Nbl)) == sizeof(LONG));

    (void)InterlockedCompareExchange((volatile LONG *)&NET_BUFFER_LIST_STATUS(Nbl), Status, NDIS_STATUS_SUCCESS);
    TransmitRequestSetFailed(Nbl);
}

_Use_decl_annotations_
VOID
TransmitListCountDrop(XENNET_TRANSMIT_PROCESSOR *Processor, const XENNET_REPORTER *Reporter,
                      XENNET_TRANSMIT_DROP Reason, ULONG Packets)
{
    Processor->Counters.Drops[Reason] += Packets;
    REPORT_SEND_DROP(Reporter, Reason, Packets);
}

_Use_decl_annotations_
VOID
TransmitListInitialize(XENNET_TRANSMIT_PROCESSOR *Processor, NDIS_HANDLE NdisHandle)
{
    Processor->NdisHandle = NdisHandle;
    Processor->DoneTail = &Processor->Done;
    KeInitializeDpc(&Processor->Dpc, TransmitListDpc, Processor);
}
