/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive side scaling: what XenVif and the backend can hash and spread, what NDIS asks for, and the translation
 * between the two. rss.c has the requests, rss_program.c what XenVif gets.
 */
#ifndef XENNET_RSS_H
#define XENNET_RSS_H

#include <ndis.h>

struct _XENNET_CONTEXT;
struct _XENNET_TRANSMIT;
typedef struct _XENNET_RSS XENNET_RSS;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS RssCreate(_In_ struct _XENNET_CONTEXT *Context, _Outptr_ XENNET_RSS **Rss);

_IRQL_requires_(PASSIVE_LEVEL)
VOID RssDestroy(_In_opt_ XENNET_RSS *Rss);

// Who follows the queues. Before the first RssFollow.
_IRQL_requires_(PASSIVE_LEVEL)
VOID RssAttach(_Inout_ XENNET_RSS *Rss, _In_ struct _XENNET_TRANSMIT *Transmit);

// Asks XenVif what it and the backend can hash. FALSE: no answer; some releases of XenVif have one only while enabled.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN RssQueryCapabilities(_Inout_ XENNET_RSS *Rss);

// Several queues and no answer: reports that to the event log and the debugger.
_IRQL_requires_(PASSIVE_LEVEL)
VOID RssReportMissing(_In_ const XENNET_RSS *Rss);

typedef enum _XENNET_RSS_FOLLOW {
    RssFollowMigration,  // XenBus's late callback: XenVif is connected to a new backend and not yet enabled; or it may
                         // have been meanwhile, with no packet moving
    RssFollowConnection, // XenVif reports a connection, or was enabled
    RssFollowRefusal     // XenVif cannot be enabled: perhaps over a table that it has from an adapter before this one
} XENNET_RSS_FOLLOW;

// Takes the number of queues that XenVif has now, and gives it and the backend the setting in force where they may not
// have it. FALSE: nobody has answered for as long as XenVif waits.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN RssFollow(_Inout_ XENNET_RSS *Rss, _In_ XENNET_RSS_FOLLOW Why);

// At the last migration the control ring was silent. XenVif asks it as well before it runs, so it does not, says
// nothing and stays enabled. RssNoteEnabled ends this. The migration's number; 0: it was not.
LONG RssIsUnanswered(_In_ const XENNET_RSS *Rss);

// XenVif was enabled, and with that has passed on what it has, or runs; Unanswered: as it was before that. A migration
// since then is another matter. 9.1-r3 passes nothing on: the next RssFollow gives it the setting again.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID RssNoteEnabled(_Inout_ XENNET_RSS *Rss, _In_ LONG Unanswered);

// FALSE: the backend cannot hash or the keyword is off; RSS is not offered then.
BOOLEAN RssIsAvailable(_In_ const XENNET_RSS *Rss);

// The record for the adapter's attributes.
VOID RssGetCapabilities(_In_ const XENNET_RSS *Rss, _Out_ NDIS_RECEIVE_SCALE_CAPABILITIES *Capabilities);

// Of this request and the next one: oid.c lets only those come that have at least a record of the first revision, and
// only where RSS is available.
// OID_GEN_RECEIVE_SCALE_PARAMETERS, revisions 1 to 3. What is refused changes nothing.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS RssSetParameters(_Inout_ XENNET_RSS *Rss, _In_ const VOID *Buffer, _In_ ULONG Length);

// OID_GEN_RECEIVE_HASH: hashes without spreading. Refused while RSS is on.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS RssSetHash(_Inout_ XENNET_RSS *Rss, _In_ const VOID *Buffer, _In_ ULONG Length);

#define RSS_HASH_RECORD_SIZE (NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1 + NDIS_RSS_HASH_SECRET_KEY_SIZE_REVISION_1)

// The reply to a query of OID_GEN_RECEIVE_HASH: the record and the key behind it. Returns the bytes used.
ULONG RssGetHash(_In_ const XENNET_RSS *Rss, _Out_writes_bytes_(RSS_HASH_RECORD_SIZE) VOID *Buffer);

#endif
