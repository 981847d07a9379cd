/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What any part of an adapter may ask for. IRQL: up to DISPATCH. No locks.
 */
#include "context.h"
#include "debug.h"
#include "min_max.h"

_Use_decl_annotations_
ULONG
ContextQueryQueues(XENNET_CONTEXT *Context)
{
    ULONG Count = 0;

    // XenVif makes one ring a processor at most; receive.c has no place for more.
    VIF_CALL(&Context->Vif, QueryRingCount, &Count);
    if (Count > Context->ProcessorCount)
        DEBUG_ERROR("XenVif reported %u queues; using %u\n", Count, Context->ProcessorCount);
    return XENNET_MIN(Count, Context->ProcessorCount);
}

_Use_decl_annotations_
NDIS_STATUS
ContextSendRefusal(const XENNET_CONTEXT *Context)
{
    if (Context->Gone)
        return NDIS_STATUS_NOT_ACCEPTED;
    if (Context->Power != NdisDeviceStateD0)
        return NDIS_STATUS_LOW_POWER_STATE;
    return Context->Recovering || ContextIsRunning(Context) ? NDIS_STATUS_RESET_IN_PROGRESS : NDIS_STATUS_PAUSED;
}

_Use_decl_annotations_
VOID
ContextIndicateStatus(const XENNET_CONTEXT *Context, NDIS_STATUS Code, VOID *Buffer, ULONG Length)
{
    NDIS_STATUS_INDICATION Indication;

    RtlZeroMemory(&Indication, sizeof(Indication));
    Indication.Header.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION;
    Indication.Header.Revision = NDIS_STATUS_INDICATION_REVISION_1;
    Indication.Header.Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1;
    Indication.SourceHandle = Context->NdisHandle;
    Indication.PortNumber = NDIS_DEFAULT_PORT_NUMBER;
    Indication.StatusCode = Code;
    Indication.StatusBuffer = Buffer;
    Indication.StatusBufferSize = Length;
    NdisMIndicateStatusEx(Context->NdisHandle, &Indication);
}
