/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSS as NDIS 6.80 asks for it: parameters without a table, and moves of single table entries.
 */
#ifndef XENNET_RSS_V2_H
#define XENNET_RSS_V2_H

#include <ndis.h>
#include "rss.h"

// OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, at least a whole record of it, where RSS is available: both is oid.c's to see
// to. What is refused changes nothing.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS RssV2SetParameters(_Inout_ XENNET_RSS *Rss, _In_ const VOID *Buffer, _In_ ULONG Length);

/*
 * OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES: all entries of the buffer are moved or none is; each is marked with the
 * outcome. At any time, beside other OID requests.
 */
_IRQL_requires_(DISPATCH_LEVEL)
NDIS_STATUS RssV2MoveEntries(_Inout_ XENNET_RSS *Rss, _Inout_ VOID *Buffer, _In_ ULONG Length);

#endif
