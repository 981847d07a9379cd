/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second generation of RSS requests. The table is never sent as a whole: it has a size, and its entries are moved
 * one by one, before RSS is switched on (then they are only remembered) or while it works (then XenVif gets the new
 * table at once). Both generations change the same setting of rss.c, so NDIS may use either.
 *
 * The default and the primary processor take packets without a hash; XenVif keeps those where they are, so such a move
 * is checked and otherwise has nothing to do.
 *
 * IRQL: PASSIVE for parameters, DISPATCH for moves. Lock: RSS_LOCK of rss_setting.h.
 */
#include "rss_v2.h"
#include "debug.h"
#include "rss_setting.h"
#include "transmit.h"

// Indexes that name no entry.
#define RSS_V2_DEFAULT_INDEX 0xFFFF
#define RSS_V2_PRIMARY_INDEX 0xFFFE

#define RSS_V2_ENTRY_FLAGS                                                                                             \
    (NDIS_RSS_SET_INDIRECTION_ENTRY_FLAG_PRIMARY_PROCESSOR | NDIS_RSS_SET_INDIRECTION_ENTRY_FLAG_DEFAULT_PROCESSOR)

// Different processors in the table: each takes one queue.
static ULONG
RssV2CountProcessors(const XENNET_RSS_SETTING *Setting)
{
    ULONG Count = 0;
    ULONG Index;
    ULONG Before;

    for (Index = 0; Index < Setting->TableCount; Index++) {
        for (Before = 0; Before < Index; Before++) {
            if (Setting->Table[Before].Group == Setting->Table[Index].Group &&
                Setting->Table[Before].Number == Setting->Table[Index].Number)
                break;
        }
        Count += Before == Index;
    }
    return Count;
}

// A longer table repeats the one there is, a shorter one is what that repeats; a new one is all at the base processor.
static NDIS_STATUS
RssV2Resize(const XENNET_RSS *Rss, XENNET_RSS_SETTING *Next, ULONG Count)
{
    ULONG Index;

    if (Count == 0 || Count > RSS_MAX_TABLE_ENTRIES || (Count & (Count - 1)) != 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    for (Index = Count; Index < Next->TableCount; Index++) {
        if (Next->Table[Index].Group != Next->Table[Index % Count].Group ||
            Next->Table[Index].Number != Next->Table[Index % Count].Number)
            return NDIS_STATUS_INVALID_DATA;
    }
    for (Index = Next->TableCount; Index < Count; Index++) {
        if (Next->TableCount != 0)
            Next->Table[Index] = Next->Table[Index % Next->TableCount];
        else
            Next->Table[Index] = Rss->Base;
    }
    Next->TableCount = Count;
    return NDIS_STATUS_SUCCESS;
}

// Everything of the record but whether RSS is on.
static NDIS_STATUS
RssV2Parse(const XENNET_RSS *Rss, XENNET_RSS_SETTING *Next, const NDIS_RECEIVE_SCALE_PARAMETERS_V2 *Parameters,
           ULONG Length)
{
    ULONG Fixed = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_V2_REVISION_1;
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;

    if (Parameters->Flags & NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_QUEUES_CHANGED) {
        if (Parameters->NumberOfQueues == 0 || Parameters->NumberOfQueues > Rss->Offered)
            return NDIS_STATUS_INVALID_PARAMETER;
        Next->QueueLimit = Parameters->NumberOfQueues;
    }
    if (Parameters->Flags & NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED)
        Status = RssV2Resize(Rss, Next, Parameters->NumberOfIndirectionTableEntries);
    if (!(Parameters->Flags & NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS))
        return Status;
    if (Status == NDIS_STATUS_SUCCESS && RssHashIsOn(Rss))
        Status = NDIS_STATUS_NOT_SUPPORTED;
    if (Status == NDIS_STATUS_SUCCESS && (Parameters->Flags & NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED))
        Status = RssParseHash(Rss, Next, Parameters->HashInformation);
    if (Status == NDIS_STATUS_SUCCESS && (Parameters->Flags & NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED))
        Status = RssParseKey(Next, (const UCHAR *)Parameters, Parameters->HashSecretKeyOffset,
                             Parameters->HashSecretKeySize, Fixed, Length);
    if (Status == NDIS_STATUS_SUCCESS && (Next->HashTypes == 0 || Next->TableCount == 0))
        Status = NDIS_STATUS_INVALID_PARAMETER;
    if (Status == NDIS_STATUS_SUCCESS && RssV2CountProcessors(Next) > Next->QueueLimit)
        Status = NDIS_STATUS_NO_QUEUES;
    return Status;
}

_Use_decl_annotations_
NDIS_STATUS
RssV2SetParameters(XENNET_RSS *Rss, const VOID *Buffer, ULONG Length)
{
    const NDIS_RECEIVE_SCALE_PARAMETERS_V2 *Parameters = Buffer;
    ULONG Fixed = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_V2_REVISION_1;
    NDIS_STATUS Status = NDIS_STATUS_RESOURCES;
    KIRQL Irql;

    DEBUG_ASSERT(Rss->Available && Length >= Fixed);
    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_RSS_PARAMETERS_V2 || Parameters->Header.Revision == 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (Parameters->Header.Size < Fixed)
        return NDIS_STATUS_INVALID_LENGTH;

    if (RssHoldSends(Rss)) {
        Irql = IrqlRaise(FALSE);
        RssLock(Rss);
        Rss->Next = Rss->Current;
        Status = RssV2Parse(Rss, &Rss->Next, Parameters, Length);
        if (Status == NDIS_STATUS_SUCCESS) {
            Rss->Next.Hash = (Parameters->Flags & NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS) != 0;
            Rss->Next.Scale = Rss->Next.Hash;
            Status = RssCommit(Rss);
        }
        RssUnlock(Rss);
        IrqlLower(Irql);
    }
    RssReleaseSends(Rss);
    return Status;
}

/*
 * An entry in use is moved by its own processor and by no other. Here: whose number the caller runs on.
 */
static NDIS_STATUS
RssV2MoveOne(XENNET_RSS_SETTING *Next, const NDIS_RSS_SET_INDIRECTION_ENTRY *Entry, const PROCESSOR_NUMBER *Here)
{
    const PROCESSOR_NUMBER *Before;
    PROCESSOR_NUMBER Target = Entry->TargetProcessorNumber;

    if (Entry->SwitchId != 0 || Entry->VPortId != 0 || (Entry->Flags & ~(ULONG)RSS_V2_ENTRY_FLAGS))
        return NDIS_STATUS_INVALID_PARAMETER;
    if (Target.Reserved != 0 || KeGetProcessorIndexFromNumber(&Target) == INVALID_PROCESSOR_INDEX)
        return NDIS_STATUS_INVALID_DATA;
    if ((Entry->Flags & RSS_V2_ENTRY_FLAGS) || Entry->IndirectionTableIndex == RSS_V2_DEFAULT_INDEX ||
        Entry->IndirectionTableIndex == RSS_V2_PRIMARY_INDEX)
        return NDIS_STATUS_SUCCESS;
    if (Entry->IndirectionTableIndex >= Next->TableCount)
        return NDIS_STATUS_INVALID_PARAMETER;
    Before = &Next->Table[Entry->IndirectionTableIndex];
    if (Next->Scale && (Before->Group != Here->Group || Before->Number != Here->Number))
        return NDIS_STATUS_NOT_ACCEPTED;
    Next->Table[Entry->IndirectionTableIndex] = Target;
    return NDIS_STATUS_SUCCESS;
}

// Count entries, Size bytes apart, all inside their buffer.
_Requires_lock_held_(RSS_LOCK)
static NDIS_STATUS
RssV2MoveAll(XENNET_RSS *Rss, const UCHAR *Entries, ULONG Size, ULONG Count)
{
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;
    PROCESSOR_NUMBER Here;
    ULONG Index;

    (void)KeGetCurrentProcessorNumberEx(&Here);
    Rss->Next = Rss->Current;
    for (Index = 0; Index < Count && Status == NDIS_STATUS_SUCCESS; Index++)
        Status =
            RssV2MoveOne(&Rss->Next, (const NDIS_RSS_SET_INDIRECTION_ENTRY *)(Entries + (SIZE_T)Index * Size), &Here);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;
    if (!Rss->Current.Scale) {
        // Remembered until RSS is switched on.
        Rss->Current = Rss->Next;
        return NDIS_STATUS_SUCCESS;
    }
    if (RssV2CountProcessors(&Rss->Next) > Rss->Next.QueueLimit)
        return NDIS_STATUS_NO_QUEUES;
    // Sends wait in a ring for one that the new table may put into another (RssHoldSends); here nothing can be waited
    // for, and NDIS tries again.
    if (!TransmitIsPushed(Rss->Transmit))
        return NDIS_STATUS_RESOURCES;
    return RssCommit(Rss);
}

_Use_decl_annotations_
NDIS_STATUS
RssV2MoveEntries(XENNET_RSS *Rss, VOID *Buffer, ULONG Length)
{
    const NDIS_RSS_SET_INDIRECTION_ENTRIES *Request = Buffer;
    ULONG Fixed = NDIS_SIZEOF_RSS_SET_INDIRECTION_ENTRIES_REVISION_1;
    NDIS_STATUS Status;
    UCHAR *Entries;
    ULONG Index;
    ULONG Size;

    if (Length < Fixed)
        return NDIS_STATUS_INVALID_LENGTH;
    Size = Request->RssEntrySize;
    if (Request->Header.Type != NDIS_OBJECT_TYPE_RSS_SET_INDIRECTION_ENTRIES || Request->Header.Revision == 0 ||
        Request->Header.Size < Fixed || Size < NDIS_SIZEOF_RSS_SET_INDIRECTION_ENTRY_REVISION_1 ||
        Size % TYPE_ALIGNMENT(NDIS_RSS_SET_INDIRECTION_ENTRY) != 0 ||
        Request->RssEntryTableOffset % TYPE_ALIGNMENT(NDIS_RSS_SET_INDIRECTION_ENTRY) != 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (Request->RssEntryTableOffset < Fixed || Request->RssEntryTableOffset > Length ||
        Request->NumberOfRssEntries > (Length - Request->RssEntryTableOffset) / Size)
        return NDIS_STATUS_INVALID_LENGTH;

    Entries = (UCHAR *)Buffer + Request->RssEntryTableOffset;
    RssLock(Rss);
    Status = RssV2MoveAll(Rss, Entries, Size, Request->NumberOfRssEntries);
    RssUnlock(Rss);
    for (Index = 0; Index < Request->NumberOfRssEntries; Index++)
        ((NDIS_RSS_SET_INDIRECTION_ENTRY *)(Entries + (SIZE_T)Index * Size))->EntryStatus = Status;
    return Status;
}
