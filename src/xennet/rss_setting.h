/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One RSS setting and what rss.c, rss_v2.c and rss_program.c share of it: both generations of requests end in
 * RssCommit.
 */
#ifndef XENNET_RSS_SETTING_H
#define XENNET_RSS_SETTING_H

#include <ndis.h>
#include "context.h"
#include "lock.h"

#define RSS_KEY_SIZE          NDIS_RSS_HASH_SECRET_KEY_SIZE_REVISION_1
#define RSS_MAX_TABLE_ENTRIES 128 // entries: the limit of XenVif and of NDIS

LOCK_CLASS(RSS_LOCK);

typedef struct _XENNET_RSS_SETTING {
    BOOLEAN Hash;    // hash values are computed
    BOOLEAN Scale;   // and spread over processors
    ULONG HashTypes; // NDIS_HASH_*
    UCHAR Key[RSS_KEY_SIZE];
    ULONG QueueLimit; // processors in the table, at most
    ULONG TableCount; // entries, a power of two; 0: never set
    PROCESSOR_NUMBER Table[RSS_MAX_TABLE_ENTRIES];
} XENNET_RSS_SETTING;

// What XenVif has, as far as it is known: a call that failed may have changed some of it.
typedef struct _XENNET_RSS_PROGRAMMED {
    BOOLEAN AlgorithmKnown;
    BOOLEAN ParametersKnown;
    BOOLEAN MappingKnown;
    XENVIF_PACKET_HASH_ALGORITHM Algorithm;
    ULONG HashTypes;
    UCHAR Key[RSS_KEY_SIZE];
    ULONG TableCount; // 0: never had a table
    PROCESSOR_NUMBER Mapping[RSS_MAX_TABLE_ENTRIES];
} XENNET_RSS_PROGRAMMED;

struct _XENNET_RSS {
    // Immutable after RssQueryCapabilities.
    XENNET_CONTEXT *Context;
    struct _XENNET_TRANSMIT *Transmit; // follows the queues
    ULONG SupportedTypes;              // NDIS_HASH_*; 0: no hashing at all
    ULONG Offered;                     // queues advertised to NDIS: those of the backend at the start
    BOOLEAN Available;
    NTSTATUS QueryStatus;  // XenVif's answer to the question what it can hash
    BOOLEAN NeedsEnabled;  // XenVif passes settings on only while it is enabled
    PROCESSOR_NUMBER Base; // where a table begins that nobody has filled: the keywords' base processor

    // Under Lock.
    KSPIN_LOCK Lock;
    BOOLEAN QueueIsIndex;     // XenVif takes the processor's index for the queue
    BOOLEAN Unsent;           // XenVif has not passed on all of the setting
    BOOLEAN Lost;             // nor could it: the backend of the moment does not hash
    BOOLEAN Stray;            // and XenVif's table is for the queues of another one
    BOOLEAN Holding;          // a table is about to be exchanged: no send waits in XenVif for the next one
    LONG Migrations;          // so far
    volatile LONG Unanswered; // which of them got no answer, nor did XenVif, which therefore does not run; 0: none
    XENNET_RSS_SETTING Current;
    XENNET_RSS_SETTING Next;                         // too big for the stack
    PROCESSOR_NUMBER Mapping[RSS_MAX_TABLE_ENTRIES]; // as XenVif gets it
    XENNET_RSS_PROGRAMMED Programmed;
};

LOCK_PRIMITIVE
_IRQL_requires_(DISPATCH_LEVEL)
_Acquires_lock_(RSS_LOCK)
FORCEINLINE VOID
RssLock(XENNET_RSS *Rss)
{
    KeAcquireSpinLockAtDpcLevel(&Rss->Lock);
}

LOCK_PRIMITIVE
_IRQL_requires_(DISPATCH_LEVEL)
_Releases_lock_(RSS_LOCK)
FORCEINLINE VOID
RssUnlock(XENNET_RSS *Rss)
{
    KeReleaseSpinLockFromDpcLevel(&Rss->Lock);
}

// Gives Next to XenVif and, when that has taken it, makes it Current; else Current stays in force.
_Requires_lock_held_(RSS_LOCK)
NDIS_STATUS RssCommit(_Inout_ XENNET_RSS *Rss);

/*
 * Sends of one hash value wait in XenVif's ring for the last of their batch (More). Another table would put that one
 * into another ring, and those before it would stay where they are. So no send waits while a table is exchanged. FALSE:
 * some do, since XenVif has no memory for the last one; no other table may be given to it then. RssReleaseSends follows
 * in both cases.
 */
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN RssHoldSends(_In_ XENNET_RSS *Rss);

_IRQL_requires_(PASSIVE_LEVEL)
VOID RssReleaseSends(_In_ XENNET_RSS *Rss);

// Hashes without RSS (OID_GEN_RECEIVE_HASH).
BOOLEAN RssHashIsOn(_In_ const XENNET_RSS *Rss);

// Queues that a table may use with the backend of the moment: one at least.
ULONG RssQueueLimit(_In_ const XENNET_RSS *Rss);

// A part of the buffer that a record describes by offset and size: behind Fixed bytes and within Length.
BOOLEAN RssPartFits(_In_ ULONG Offset, _In_ ULONG Size, _In_ ULONG Fixed, _In_ ULONG Length);

// Hash function and types; only those offered.
NDIS_STATUS RssParseHash(_In_ const XENNET_RSS *Rss, _Inout_ XENNET_RSS_SETTING *Next, _In_ ULONG Information);

NDIS_STATUS RssParseKey(_Inout_ XENNET_RSS_SETTING *Next, _In_ const UCHAR *Buffer, _In_ ULONG Offset, _In_ ULONG Size,
                        _In_ ULONG Fixed, _In_ ULONG Length);

#endif
