/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What XenVif has of the RSS setting, and how it gets another one. XenVif hashes Toeplitz over IPv4, TCP/IPv4, IPv6 and
 * TCP/IPv6, and maps hash values to queues with a table of processors, up to 128 entries.
 *
 * Each call costs up to five requests on the control ring (ten for the parameters), waited for at DISPATCH, the first
 * of which empties the backend's table. So only what differs from what XenVif has is sent, the algorithm last: until it
 * is Toeplitz a call costs one request.
 *
 * "Off" is UNSPECIFIED: to XenVif 8.2 NONE means Toeplitz with a table of one entry, all on queue 0.
 *
 * XenVif negotiates the number of queues whenever it connects. Table entries for queues that are gone make the backend
 * refuse the whole table, and then XenVif does not come up again after a migration; packets that they pick stay in
 * XenVif for good. RssFollow mends the table in XenBus's late callback, before XenVif enables, and again whenever
 * XenVif reports a connection. XenVif keeps a table beyond the adapter that gave it; where it cannot be enabled, the
 * new adapter's setting replaces that.
 *
 * IRQL: DISPATCH under RSS_LOCK, whoever calls.
 */
#include "rss.h"
#include "context.h"
#include "debug.h"
#include "report.h"
#include "min_max.h"
#include "rss_setting.h"
#include "transmit.h"

C_ASSERT(RSS_KEY_SIZE == XENVIF_VIF_HASH_KEY_SIZE);

typedef struct _RSS_TYPE {
    ULONG Ndis;
    ULONG Vif;
} RSS_TYPE;

static const RSS_TYPE RssTypes[] = {
    {NDIS_HASH_IPV4, 1 << XENVIF_PACKET_HASH_TYPE_IPV4},
    {NDIS_HASH_TCP_IPV4, 1 << XENVIF_PACKET_HASH_TYPE_IPV4_TCP},
    {NDIS_HASH_IPV6, 1 << XENVIF_PACKET_HASH_TYPE_IPV6},
    {NDIS_HASH_TCP_IPV6, 1 << XENVIF_PACKET_HASH_TYPE_IPV6_TCP},
};

static ULONG
RssTypesToVif(ULONG Ndis)
{
    ULONG Vif = 0;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(RssTypes); Index++)
        Vif |= (Ndis & RssTypes[Index].Ndis) ? RssTypes[Index].Vif : 0;
    return Vif;
}

static ULONG
RssTypesFromVif(ULONG Vif)
{
    ULONG Ndis = 0;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(RssTypes); Index++)
        Ndis |= (Vif & RssTypes[Index].Vif) ? RssTypes[Index].Ndis : 0;
    return Ndis;
}

_Use_decl_annotations_
ULONG
RssQueueLimit(const XENNET_RSS *Rss)
{
    const XENNET_CONTEXT *Context = Rss->Context;
    ULONG Limit = XENNET_MIN(Context->QueueCount, Context->Config.RssQueues);

    return XENNET_MIN(Limit, Context->Config.RssProcessors);
}

FORCEINLINE BOOLEAN
RssSameProcessor(const PROCESSOR_NUMBER *First, const PROCESSOR_NUMBER *Second)
{
    return First->Group == Second->Group && First->Number == Second->Number;
}

// 0, 1, ... Count - 1, and 0 again.
FORCEINLINE ULONG
RssTakeTurn(ULONG *Turn, ULONG Count)
{
    ULONG This = *Turn;

    *Turn = This + 1 < Count ? This + 1 : 0;
    return This;
}

/*
 * A queue works on one processor, and a protocol may name more processors than there are queues: the first ones named
 * keep theirs, the others' entries go to those in turn. XenVif refuses such a table.
 */
_Requires_lock_held_(RSS_LOCK)
static VOID
RssFoldByOrder(XENNET_RSS *Rss, const XENNET_RSS_SETTING *Setting)
{
    PROCESSOR_NUMBER Kept[RSS_MAX_TABLE_ENTRIES];
    ULONG Limit = RssQueueLimit(Rss);
    ULONG Turn = 0;
    ULONG Count = 0;
    ULONG Index;
    ULONG Queue;

    for (Index = 0; Index < Setting->TableCount; Index++) {
        for (Queue = 0; Queue < Count; Queue++) {
            if (RssSameProcessor(&Kept[Queue], &Setting->Table[Index]))
                break;
        }
        if (Queue == Count && Count < Limit)
            Kept[Count++] = Setting->Table[Index];
        else if (Queue == Count)
            Queue = RssTakeTurn(&Turn, Count);
        Rss->Mapping[Index] = Kept[Queue];
    }
}

/*
 * To XenVif before March 2022 a processor's index is the queue, and an index beyond the queues is refused. Processors
 * below them keep their entries; the others named get the queues that nobody else has, then all of them in turn.
 */
_Requires_lock_held_(RSS_LOCK)
static VOID
RssFoldByIndex(XENNET_RSS *Rss, const XENNET_RSS_SETTING *Setting)
{
    UCHAR Taken[RSS_MAX_TABLE_ENTRIES] = {0};
    ULONG Limit = XENNET_MIN(RssQueueLimit(Rss), RSS_MAX_TABLE_ENTRIES);
    ULONG Turn = 0;
    ULONG Index;
    ULONG Before;
    ULONG Queue;

    for (Index = 0; Index < Setting->TableCount; Index++) {
        Queue = KeGetProcessorIndexFromNumber((PROCESSOR_NUMBER *)&Setting->Table[Index]);
        if (Queue < Limit)
            Taken[Queue] = TRUE;
    }
    for (Index = 0; Index < Setting->TableCount; Index++) {
        Rss->Mapping[Index] = Setting->Table[Index];
        if (KeGetProcessorIndexFromNumber(&Rss->Mapping[Index]) < Limit)
            continue;
        for (Before = 0; Before < Index; Before++) {
            if (RssSameProcessor(&Setting->Table[Before], &Setting->Table[Index]))
                break;
        }
        if (Before < Index) {
            Rss->Mapping[Index] = Rss->Mapping[Before];
            continue;
        }
        for (Queue = 0; Queue < Limit && Taken[Queue]; Queue++)
            ;
        if (Queue == Limit)
            Queue = RssTakeTurn(&Turn, Limit);
        Taken[Queue] = TRUE;
        (void)KeGetProcessorNumberFromIndex(Queue, &Rss->Mapping[Index]);
    }
}

_Requires_lock_held_(RSS_LOCK)
static VOID
RssFold(XENNET_RSS *Rss, const XENNET_RSS_SETTING *Setting)
{
    if (Rss->QueueIsIndex)
        RssFoldByIndex(Rss, Setting);
    else
        RssFoldByOrder(Rss, Setting);
}

_Requires_lock_held_(RSS_LOCK)
static NTSTATUS
RssSendAlgorithm(XENNET_RSS *Rss, XENVIF_PACKET_HASH_ALGORITHM Algorithm)
{
    NTSTATUS Status;

    if (Rss->Programmed.AlgorithmKnown && Rss->Programmed.Algorithm == Algorithm)
        return STATUS_SUCCESS;
    Status = VIF_CALL(&Rss->Context->Vif, ReceiverSetHashAlgorithm, Algorithm);
    Rss->Programmed.AlgorithmKnown = NT_SUCCESS(Status);
    Rss->Programmed.Algorithm = Algorithm;
    return Status;
}

_Requires_lock_held_(RSS_LOCK)
static NTSTATUS
RssSendParameters(XENNET_RSS *Rss, XENNET_RSS_SETTING *Setting)
{
    XENNET_RSS_PROGRAMMED *Programmed = &Rss->Programmed;
    NTSTATUS Status;

    if (Programmed->ParametersKnown && Programmed->HashTypes == Setting->HashTypes &&
        RtlEqualMemory(Programmed->Key, Setting->Key, RSS_KEY_SIZE))
        return STATUS_SUCCESS;
    Status =
        VIF_CALL(&Rss->Context->Vif, ReceiverUpdateHashParameters, RssTypesToVif(Setting->HashTypes), &Setting->Key[0]);
    Programmed->ParametersKnown = NT_SUCCESS(Status);
    Programmed->HashTypes = Setting->HashTypes;
    RtlCopyMemory(Programmed->Key, Setting->Key, RSS_KEY_SIZE);
    return Status;
}

_Requires_lock_held_(RSS_LOCK)
static NTSTATUS
RssSendMapping(XENNET_RSS *Rss, const XENNET_RSS_SETTING *Setting)
{
    XENNET_RSS_PROGRAMMED *Programmed = &Rss->Programmed;
    NTSTATUS Status;

    RssFold(Rss, Setting);
    if (Programmed->MappingKnown && Programmed->TableCount == Setting->TableCount &&
        RtlEqualMemory(Programmed->Mapping, Rss->Mapping, Setting->TableCount * sizeof(Rss->Mapping[0])))
        return STATUS_SUCCESS;
    Status = VIF_CALL(&Rss->Context->Vif, UpdateHashMapping, Rss->Mapping, Setting->TableCount);
    if (Status == STATUS_INVALID_PARAMETER && !Rss->QueueIsIndex) {
        Rss->QueueIsIndex = TRUE;
        RssFold(Rss, Setting);
        Status = VIF_CALL(&Rss->Context->Vif, UpdateHashMapping, Rss->Mapping, Setting->TableCount);
        Rss->QueueIsIndex = (BOOLEAN)NT_SUCCESS(Status);
    }
    Programmed->MappingKnown = NT_SUCCESS(Status);
    if (!NT_SUCCESS(Status))
        return Status;
    Programmed->TableCount = Setting->TableCount;
    RtlCopyMemory(Programmed->Mapping, Rss->Mapping, Setting->TableCount * sizeof(Rss->Mapping[0]));
    return Status;
}

// Gives one complete setting to XenVif. With a single queue XenVif refuses to hash, and there is nothing to spread.
_Requires_lock_held_(RSS_LOCK)
static NTSTATUS
RssProgram(XENNET_RSS *Rss, XENNET_RSS_SETTING *Setting)
{
    NTSTATUS Status;

    if (!Setting->Hash || Rss->Context->QueueCount == 1)
        return RssSendAlgorithm(Rss, XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED);
    Status = RssSendParameters(Rss, Setting);
    if (NT_SUCCESS(Status) && Setting->Scale)
        Status = RssSendMapping(Rss, Setting);
    if (NT_SUCCESS(Status))
        Status = RssSendAlgorithm(Rss, XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ);
    return Status;
}

// After a removal no table is needed any more, and who gives the sends back (StateRemove) would wait for XenVif's lock
// as long as a silent control ring is waited for. VIF 8 has them back only from a backend that runs, and so has to be
// followed.
static BOOLEAN
RssMayAsk(const XENNET_CONTEXT *Context)
{
    return !Context->Gone || Context->Vif.Version == 8;
}

_Use_decl_annotations_
NDIS_STATUS
RssCommit(XENNET_RSS *Rss)
{
    NTSTATUS Status = STATUS_NOT_SUPPORTED;

    // XenVif asks the backend at DISPATCH, and some releases wait for ever for one that is not there.
    if (!Rss->Context->Detached && RssMayAsk(Rss->Context))
        Status = RssProgram(Rss, &Rss->Next);
    if (Status == STATUS_TRANSACTION_TIMED_OUT) {
        // Each further call would wait as long, at DISPATCH. XenVif has kept what it had.
        DEBUG_ERROR("the backend does not answer on its control ring, keeping the RSS setting in force\n");
        Rss->Unsent = TRUE;
        return NDIS_STATUS_FAILURE;
    }
    if (Status == STATUS_NOT_SUPPORTED) {
        // XenVif has no control ring at the moment, or nobody at it. RssFollow sends the setting when there is one.
        Rss->Unsent = TRUE;
        Status = STATUS_SUCCESS;
    }
    if (!NT_SUCCESS(Status)) {
        DEBUG_ERROR("XenVif refuses the RSS setting (status %08x), keeping the one in force\n", (ULONG)Status);
        (void)RssProgram(Rss, &Rss->Current);
        return NDIS_STATUS_INVALID_DATA;
    }
    Rss->Current = Rss->Next;
    ReportRss(&Rss->Context->Reporter, Rss->Current.Hash, Rss->Current.Scale, Rss->Current.HashTypes,
              Rss->Current.TableCount);
    return NDIS_STATUS_SUCCESS;
}

// Takes the number of queues that XenVif has now. TRUE: it is another.
_Requires_lock_held_(RSS_LOCK)
static BOOLEAN
RssTakeQueues(XENNET_RSS *Rss)
{
    XENNET_CONTEXT *Context = Rss->Context;
    ULONG Count = ContextQueryQueues(Context);
    ULONG Before = Context->QueueCount;

    // None: not connected at the moment.
    if (Count == 0 || Count == Before)
        return FALSE;
    Context->QueueCount = Count;
    Context->QueuesSeen = XENNET_MAX(Context->QueuesSeen, Count);
    ReportQueues(&Context->Reporter, Before, Count);
    return TRUE;
}

/*
 * Sends what is in force again: one call makes XenVif pass all of it on. A table that XenVif has although RSS is off
 * now still picks queues for packets that carry a hash.
 */
_Requires_lock_held_(RSS_LOCK)
static NTSTATUS
RssSendAgain(XENNET_RSS *Rss)
{
    NTSTATUS Status = STATUS_SUCCESS;

    if (Rss->Programmed.TableCount != 0 && Rss->Current.TableCount != 0) {
        Rss->Programmed.MappingKnown = FALSE;
        Status = RssSendMapping(Rss, &Rss->Current);
    } else {
        Rss->Programmed.AlgorithmKnown = FALSE;
    }
    return NT_SUCCESS(Status) ? RssProgram(Rss, &Rss->Current) : Status;
}

_Use_decl_annotations_
BOOLEAN
RssFollow(XENNET_RSS *Rss, XENNET_RSS_FOLLOW Why)
{
    XENNET_CONTEXT *Context = Rss->Context;
    NTSTATUS Status = STATUS_SUCCESS;
    BOOLEAN Others;
    BOOLEAN Again;
    KIRQL Irql;

    Irql = IrqlRaise(FALSE);
    RssLock(Rss);
    if (Why == RssFollowMigration) {
        (void)InterlockedExchange(&Context->Connecting, Rss->Migrations + 1);
        TransmitHoldAll(Rss->Transmit);
    }
    Again = Others = RssTakeQueues(Rss);
    if (Why != RssFollowConnection) {
        Again = TRUE;
        Rss->Unsent = Rss->NeedsEnabled;
    } else if (!Context->Detached && Context->Vif.Enabled && (Rss->Unsent || Rss->Lost)) {
        // Enable asks for what XenVif has, and who enables it comes by here behind that.
        Again = TRUE;
        Rss->Unsent = FALSE;
    }
    // At a migration always: whether anybody answers decides whether XenVif runs. While it does not, nothing is asked
    // that would wait as long again: the watchdog sees to it.
    if (Again && RssMayAsk(Context) && !(Rss->Unanswered != 0 && Why == RssFollowConnection) &&
        (Rss->Current.Hash || Rss->Programmed.TableCount != 0 || Why != RssFollowConnection)) {
        Status = RssSendAgain(Rss);
        // Else XenVif would not come up, either; where nobody answers, this would only wait as long again.
        if (!NT_SUCCESS(Status) && Status != STATUS_TRANSACTION_TIMED_OUT)
            (void)RssSendAlgorithm(Rss, XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED);
        Rss->Lost = (BOOLEAN)!NT_SUCCESS(Status);
        if (Why == RssFollowMigration) {
            Rss->Migrations++;
            Rss->Unanswered = Status == STATUS_TRANSACTION_TIMED_OUT ? Rss->Migrations : 0;
        }
    }
    Rss->Stray = (BOOLEAN)(Rss->Lost && (Rss->Stray || Others || Why == RssFollowMigration));
    if (Again)
        TransmitSetQueues(Rss->Transmit, Context->QueueCount, (BOOLEAN)(!Rss->Lost && !Rss->Holding), Rss->Stray);
    RssUnlock(Rss);
    IrqlLower(Irql);
    // There may be no send to wake the watchdog, which sees whether XenVif runs at this host.
    if (Rss->Unanswered != 0 || Why == RssFollowMigration)
        AlarmWake(&Context->Alarm);
    if (!NT_SUCCESS(Status))
        DEBUG_ERROR("the backend does not take the RSS setting (status %08x): no hashing until the next one\n",
                    (ULONG)Status);
    return (BOOLEAN)(Status != STATUS_TRANSACTION_TIMED_OUT);
}

_Use_decl_annotations_
LONG
RssIsUnanswered(const XENNET_RSS *Rss)
{
    return Rss->Unanswered;
}

_Use_decl_annotations_
VOID
RssNoteEnabled(XENNET_RSS *Rss, LONG Unanswered)
{
    KIRQL Irql;

    (void)InterlockedCompareExchange(&Rss->Unanswered, 0, Unanswered);
    // XenVif 9.1-r3 does not pass on what it has, as others do, and the backend may be connected anew; what it got
    // while it was disabled it has not passed on either, though it reported success.
    Irql = IrqlRaise(FALSE);
    RssLock(Rss);
    Rss->Unsent = (BOOLEAN)(Rss->Unsent || Rss->NeedsEnabled);
    RssUnlock(Rss);
    IrqlLower(Irql);
}

// The types are a property of the algorithm, which has to be selected to be asked.
_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS
RssQueryTypes(XENNET_RSS *Rss)
{
    XENNET_VIF *Vif = &Rss->Context->Vif;
    ULONG Types = 0;
    NTSTATUS Status;

    Status = VIF_CALL(Vif, ReceiverSetHashAlgorithm, XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ);
    if (NT_SUCCESS(Status))
        Status = VIF_CALL(Vif, ReceiverQueryHashCapabilities, &Types);
    (void)VIF_CALL(Vif, ReceiverSetHashAlgorithm, XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED);
    if (NT_SUCCESS(Status))
        Rss->SupportedTypes = RssTypesFromVif(Types);
    return Status;
}

_Use_decl_annotations_
BOOLEAN
RssQueryCapabilities(XENNET_RSS *Rss)
{
    XENNET_CONTEXT *Context = Rss->Context;

    Rss->Offered = RssQueueLimit(Rss);
    Rss->Current.QueueLimit = Rss->Offered;
    // With a single queue XenVif refuses to hash.
    if (Context->QueueCount == 1)
        return TRUE;
    Rss->QueryStatus = RssQueryTypes(Rss);
    if (!NT_SUCCESS(Rss->QueryStatus))
        return FALSE;
    Rss->NeedsEnabled = Context->Vif.Enabled;
    Rss->Available = Context->Config.Rss != 0 && (Rss->SupportedTypes & (NDIS_HASH_TCP_IPV4 | NDIS_HASH_TCP_IPV6)) != 0;
    DEBUG_INFO("rss: available %u types %08x queues %u\n", Rss->Available, Rss->SupportedTypes, Rss->Offered);
    return TRUE;
}

_Use_decl_annotations_
VOID
RssReportMissing(const XENNET_RSS *Rss)
{
    XENNET_CONTEXT *Context = Rss->Context;

    ReportNoRss(&Context->Reporter, Context->QueueCount, Rss->QueryStatus);
}

_Use_decl_annotations_
VOID
RssAttach(XENNET_RSS *Rss, XENNET_TRANSMIT *Transmit)
{
    Rss->Transmit = Transmit;
}
