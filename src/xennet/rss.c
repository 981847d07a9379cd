/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive side scaling as NDIS asks for it. A request is parsed into a complete new setting, beginning from the one in
 * force; only when all of it is valid is it given to XenVif (rss_program.c), and only when XenVif has taken it is it
 * kept. If XenVif refuses half way, the old setting is put back.
 *
 * IRQL: PASSIVE, NDIS serialising the OID requests; but for the moves of single table entries, which rss_v2.c takes
 * at DISPATCH at any time. RSS_LOCK is held over a whole change, XenVif's part included: none of that calls back. The
 * data path reads nothing from here.
 */
#include "rss.h"
#include "context.h"
#include "debug.h"
#include "report.h"
#include "memory.h"
#include "min_max.h"
#include "processor.h"
#include "rss_setting.h"
#include "transmit.h"

#define RSS_NAP      10000 // microseconds, and how often, for XenVif to take a packet that it had no memory for
#define RSS_MAX_NAPS 100

// A part of the buffer that a record describes by offset and size: behind Fixed bytes and within Length.
_Use_decl_annotations_
BOOLEAN
RssPartFits(ULONG Offset, ULONG Size, ULONG Fixed, ULONG Length)
{
    return Offset >= Fixed && Offset <= Length && Size <= Length - Offset;
}

_Use_decl_annotations_
NDIS_STATUS
RssParseHash(const XENNET_RSS *Rss, XENNET_RSS_SETTING *Next, ULONG Information)
{
    ULONG Types = Information & NDIS_HASH_TYPE_MASK;

    if ((Information & NDIS_HASH_FUNCTION_MASK) != NdisHashFunctionToeplitz)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (Types == 0 || (Types & ~Rss->SupportedTypes) ||
        (Information & ~(NDIS_HASH_TYPE_MASK | NDIS_HASH_FUNCTION_MASK)))
        return NDIS_STATUS_INVALID_PARAMETER;
    Next->HashTypes = Types;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
NDIS_STATUS
RssParseKey(XENNET_RSS_SETTING *Next, const UCHAR *Buffer, ULONG Offset, ULONG Size, ULONG Fixed, ULONG Length)
{
    if (Size != RSS_KEY_SIZE || !RssPartFits(Offset, Size, Fixed, Length))
        return NDIS_STATUS_INVALID_PARAMETER;
    RtlCopyMemory(Next->Key, Buffer + Offset, RSS_KEY_SIZE);
    return NDIS_STATUS_SUCCESS;
}

// Revision 1 has a byte per entry, the processor in group 0; later ones a PROCESSOR_NUMBER.
static NDIS_STATUS
RssParseTable(XENNET_RSS_SETTING *Next, const UCHAR *Buffer, const NDIS_RECEIVE_SCALE_PARAMETERS *Parameters,
              ULONG Fixed, ULONG Length)
{
    ULONG EntrySize = Parameters->Header.Revision == 1 ? sizeof(UCHAR) : sizeof(PROCESSOR_NUMBER);
    ULONG Size = Parameters->IndirectionTableSize;
    ULONG Offset = Parameters->IndirectionTableOffset;
    ULONG Count = Size / EntrySize;
    PROCESSOR_NUMBER Number;
    ULONG Index;

    if (Size % EntrySize != 0 || Count == 0 || Count > RSS_MAX_TABLE_ENTRIES || (Count & (Count - 1)) != 0 ||
        Offset % EntrySize != 0 || !RssPartFits(Offset, Size, Fixed, Length))
        return NDIS_STATUS_INVALID_PARAMETER;

    for (Index = 0; Index < Count; Index++) {
        RtlZeroMemory(&Number, sizeof(Number));
        RtlCopyMemory(EntrySize == 1 ? (PVOID)&Number.Number : (PVOID)&Number, Buffer + Offset + Index * EntrySize,
                      EntrySize);
        Number.Reserved = 0;
        if (KeGetProcessorIndexFromNumber(&Number) == INVALID_PROCESSOR_INDEX)
            return NDIS_STATUS_INVALID_PARAMETER;
        Next->Table[Index] = Number;
    }
    Next->TableCount = Count;
    return NDIS_STATUS_SUCCESS;
}

static ULONG
RssParametersSize(ULONG Revision)
{
    switch (Revision) {
    case 1:
        return NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1;
    case 2:
        return NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    default:
        return NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3;
    }
}

_Use_decl_annotations_
BOOLEAN
RssHashIsOn(const XENNET_RSS *Rss)
{
    return Rss->Current.Hash && !Rss->Current.Scale;
}

_Requires_lock_held_(RSS_LOCK)
static NDIS_STATUS
RssChangeParameters(XENNET_RSS *Rss, const VOID *Buffer, ULONG Length)
{
    const NDIS_RECEIVE_SCALE_PARAMETERS *Parameters = Buffer;
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;
    ULONG Fixed;

    DEBUG_ASSERT_LOCKED(&Rss->Lock);
    DEBUG_ASSERT(Rss->Available && Length >= NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1);
    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_RSS_PARAMETERS || Parameters->Header.Revision == 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    Fixed = RssParametersSize(Parameters->Header.Revision);
    if (Parameters->Header.Size < Fixed || Length < Fixed)
        return NDIS_STATUS_INVALID_LENGTH;

    Rss->Next = Rss->Current;
    if ((Parameters->Flags & NDIS_RSS_PARAM_FLAG_DISABLE_RSS) ||
        (!(Parameters->Flags & NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED) && Parameters->HashInformation == 0)) {
        Rss->Next.Hash = FALSE;
        Rss->Next.Scale = FALSE;
        return RssCommit(Rss);
    }
    if (RssHashIsOn(Rss))
        return NDIS_STATUS_NOT_SUPPORTED;

    if (!(Parameters->Flags & NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED))
        Status = RssParseHash(Rss, &Rss->Next, Parameters->HashInformation);
    if (Status == NDIS_STATUS_SUCCESS && !(Parameters->Flags & NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED))
        Status = RssParseKey(&Rss->Next, Buffer, Parameters->HashSecretKeyOffset, Parameters->HashSecretKeySize, Fixed,
                             Length);
    if (Status == NDIS_STATUS_SUCCESS && !(Parameters->Flags & NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED))
        Status = RssParseTable(&Rss->Next, Buffer, Parameters, Fixed, Length);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    // "Unchanged" means nothing before the first time.
    if (Rss->Next.HashTypes == 0 || Rss->Next.TableCount == 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    Rss->Next.Hash = TRUE;
    Rss->Next.Scale = TRUE;
    return RssCommit(Rss);
}

_Use_decl_annotations_
BOOLEAN
RssHoldSends(XENNET_RSS *Rss)
{
    BOOLEAN Single;
    KIRQL Irql;
    ULONG Naps;

    Irql = IrqlRaise(FALSE);
    RssLock(Rss);
    Rss->Holding = TRUE;
    Single = Rss->Context->QueueCount == 1;
    if (!Single)
        TransmitSetQueues(Rss->Transmit, Rss->Context->QueueCount, FALSE, Rss->Stray);
    RssUnlock(Rss);
    IrqlLower(Irql);
    if (Single)
        return TRUE;
    ProcessorWaitAll();
    for (Naps = 0; Naps < RSS_MAX_NAPS && !TransmitIsPushed(Rss->Transmit); Naps++) {
        TransmitPush(Rss->Transmit);
        NdisMSleep(RSS_NAP);
    }
    return TransmitIsPushed(Rss->Transmit);
}

_Use_decl_annotations_
VOID
RssReleaseSends(XENNET_RSS *Rss)
{
    KIRQL Irql;

    Irql = IrqlRaise(FALSE);
    RssLock(Rss);
    Rss->Holding = FALSE;
    TransmitSetQueues(Rss->Transmit, Rss->Context->QueueCount, (BOOLEAN)!Rss->Lost, Rss->Stray);
    RssUnlock(Rss);
    IrqlLower(Irql);
}

_Use_decl_annotations_
NDIS_STATUS
RssSetParameters(XENNET_RSS *Rss, const VOID *Buffer, ULONG Length)
{
    NDIS_STATUS Status = NDIS_STATUS_RESOURCES;
    KIRQL Irql;

    if (RssHoldSends(Rss)) {
        Irql = IrqlRaise(FALSE);
        RssLock(Rss);
        Status = RssChangeParameters(Rss, Buffer, Length);
        RssUnlock(Rss);
        IrqlLower(Irql);
    }
    RssReleaseSends(Rss);
    return Status;
}

_Requires_lock_held_(RSS_LOCK)
static NDIS_STATUS
RssChangeHash(XENNET_RSS *Rss, const VOID *Buffer, ULONG Length)
{
    const NDIS_RECEIVE_HASH_PARAMETERS *Parameters = Buffer;
    ULONG Fixed = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1;
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    DEBUG_ASSERT_LOCKED(&Rss->Lock);
    DEBUG_ASSERT(Rss->SupportedTypes != 0 && Length >= Fixed);
    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_DEFAULT || Parameters->Header.Revision == 0 ||
        Parameters->Header.Size < Fixed)
        return NDIS_STATUS_INVALID_PARAMETER;
    // Either hashes or RSS: the pages of both OIDs want the other one switched off first.
    if (Rss->Current.Scale)
        return (Parameters->Flags & NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH) ? NDIS_STATUS_NOT_SUPPORTED
                                                                        : NDIS_STATUS_SUCCESS;

    Rss->Next = Rss->Current;
    if (!(Parameters->Flags & NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH)) {
        Rss->Next.Hash = FALSE;
        return RssCommit(Rss);
    }
    if (!(Parameters->Flags & NDIS_RECEIVE_HASH_FLAG_HASH_INFO_UNCHANGED))
        Status = RssParseHash(Rss, &Rss->Next, Parameters->HashInformation);
    if (Status == NDIS_STATUS_SUCCESS && !(Parameters->Flags & NDIS_RECEIVE_HASH_FLAG_HASH_KEY_UNCHANGED))
        Status = RssParseKey(&Rss->Next, Buffer, Parameters->HashSecretKeyOffset, Parameters->HashSecretKeySize, Fixed,
                             Length);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    if (Rss->Next.HashTypes == 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    Rss->Next.Hash = TRUE;
    return RssCommit(Rss);
}

_Use_decl_annotations_
NDIS_STATUS
RssSetHash(XENNET_RSS *Rss, const VOID *Buffer, ULONG Length)
{
    NDIS_STATUS Status = NDIS_STATUS_RESOURCES;
    KIRQL Irql;

    if (RssHoldSends(Rss)) {
        Irql = IrqlRaise(FALSE);
        RssLock(Rss);
        Status = RssChangeHash(Rss, Buffer, Length);
        RssUnlock(Rss);
        IrqlLower(Irql);
    }
    RssReleaseSends(Rss);
    return Status;
}

_Use_decl_annotations_
ULONG
RssGetHash(const XENNET_RSS *Rss, VOID *Buffer)
{
    NDIS_RECEIVE_HASH_PARAMETERS *Parameters = Buffer;
    BOOLEAN Enabled = RssHashIsOn(Rss);

    RtlZeroMemory(Buffer, RSS_HASH_RECORD_SIZE);
    Parameters->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Parameters->Header.Revision = NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1;
    Parameters->Header.Size = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1;
    Parameters->Flags = Enabled ? NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH : 0;
    Parameters->HashInformation = Enabled ? (Rss->Current.HashTypes | NdisHashFunctionToeplitz) : 0;
    Parameters->HashSecretKeySize = RSS_KEY_SIZE;
    Parameters->HashSecretKeyOffset = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1;
    RtlCopyMemory((PUCHAR)Buffer + NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1, Rss->Current.Key, RSS_KEY_SIZE);
    return RSS_HASH_RECORD_SIZE;
}

_Use_decl_annotations_
BOOLEAN
RssIsAvailable(const XENNET_RSS *Rss)
{
    return Rss->Available;
}

_Use_decl_annotations_
VOID
RssGetCapabilities(const XENNET_RSS *Rss, NDIS_RECEIVE_SCALE_CAPABILITIES *Capabilities)
{
    const XENNET_REVISIONS *Revisions = Rss->Context->Revisions;

    RtlZeroMemory(Capabilities, sizeof(*Capabilities));
    Capabilities->Header.Type = NDIS_OBJECT_TYPE_RSS_CAPABILITIES;
    Capabilities->Header.Revision = Revisions->RssCapabilities;
    Capabilities->Header.Size = Revisions->RssCapabilitiesSize;
    Capabilities->CapabilitiesFlags = NDIS_RSS_CAPS_MESSAGE_SIGNALED_INTERRUPTS | NDIS_RSS_CAPS_CLASSIFICATION_AT_ISR |
                                      NDIS_RSS_CAPS_CLASSIFICATION_AT_DPC | NdisHashFunctionToeplitz;
    if (Rss->SupportedTypes & NDIS_HASH_TCP_IPV4)
        Capabilities->CapabilitiesFlags |= NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4;
    if (Rss->SupportedTypes & NDIS_HASH_TCP_IPV6)
        Capabilities->CapabilitiesFlags |= NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6;
    if (Revisions->RssEntryMoves)
        Capabilities->CapabilitiesFlags |= NDIS_RSS_CAPS_SUPPORTS_INDEPENDENT_ENTRY_MOVE;
    Capabilities->NumberOfInterruptMessages = Rss->Offered;
    Capabilities->NumberOfReceiveQueues = Rss->Offered;
    Capabilities->NumberOfIndirectionTableEntries = RSS_MAX_TABLE_ENTRIES;
}

_Use_decl_annotations_
NDIS_STATUS
RssCreate(XENNET_CONTEXT *Context, XENNET_RSS **Result)
{
    XENNET_RSS *Rss;

    *Result = NULL;
    Rss = MemoryAllocate(Context->NdisHandle, sizeof(*Rss));
    if (Rss == NULL)
        return NDIS_STATUS_RESOURCES;
    Rss->Context = Context;
    Rss->Base.Group = (USHORT)Context->Config.RssBaseGroup;
    Rss->Base.Number = (UCHAR)Context->Config.RssBaseNumber;
    // The keywords may be of another machine. Group 0 has a processor 0: Windows has started on it.
    if (KeGetProcessorIndexFromNumber(&Rss->Base) == INVALID_PROCESSOR_INDEX)
        RtlZeroMemory(&Rss->Base, sizeof(Rss->Base));
    KeInitializeSpinLock(&Rss->Lock);
    *Result = Rss;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
RssDestroy(XENNET_RSS *Rss)
{
    MemoryFree(Rss);
}
