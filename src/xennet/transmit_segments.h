/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending what must be cut into UDP segments. transmit_segments.c has the rules.
 *
 * Called by transmit.c only. IRQL: DISPATCH unless a prototype has another word.
 */
#ifndef XENNET_TRANSMIT_SEGMENTS_H
#define XENNET_TRANSMIT_SEGMENTS_H

#include <ndis.h>
#include "segment.h"
#include "transmit_list.h"

struct _XENNET_CONTEXT;
typedef struct _XENNET_SEGMENTS XENNET_SEGMENTS;

// One processor's share. This processor at DISPATCH.
typedef struct _XENNET_SEGMENTS_PROCESSOR {
    XENNET_SEGMENT_CUT Cut; // its Nbl: the one that is cut, NULL: none
    XENNET_SEGMENT *Made;   // to be given to XenVif next, and the one behind it
    XENNET_SEGMENT *Ahead;
    BOOLEAN Pending; // XenVif has packets that it begins to send with Made
    XENNET_PACKET_HASH Hash;
    NET_BUFFER_LIST *Waiting; // for the one that is cut
    NET_BUFFER_LIST **WaitingTail;
    XENNET_SEGMENT_POOL Pool;
} XENNET_SEGMENTS_PROCESSOR;

// NDIS has a place for UDP segmentation. NULL in *Segments without a failure: it has not.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS SegmentsCreate(_In_ struct _XENNET_CONTEXT *Context, _In_ const XENNET_TRANSMIT_LIMITS *Limits,
                           _Outptr_ XENNET_SEGMENTS **Segments);

// Wake: of the processor with this index. Before the first send.
_IRQL_requires_(PASSIVE_LEVEL)
XENNET_SEGMENTS_PROCESSOR *SegmentsProcessor(_Inout_ XENNET_SEGMENTS *Segments, _In_ ULONG Index, _In_ KDPC *Wake);

// Nothing is out.
_IRQL_requires_(PASSIVE_LEVEL)
VOID SegmentsDestroy(_In_opt_ XENNET_SEGMENTS *Segments);

// An NBL is being cut, and waits.
FORCEINLINE BOOLEAN
SegmentsAreCut(const XENNET_SEGMENTS_PROCESSOR *Processor)
{
    return Processor->Cut.Nbl != NULL;
}

// Takes an NBL that asks for segments, none being cut; it is completed sooner or later. FALSE: some of it waits.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN SegmentsSend(_In_ XENNET_SEGMENTS *Segments, _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor,
                     _In_ NET_BUFFER_LIST *Nbl, _In_ ULONG Age);

// Goes on with what waits, or gives it up where the adapter does not run any more. FALSE: it still waits.
_IRQL_requires_(DISPATCH_LEVEL)
BOOLEAN SegmentsContinue(_In_ XENNET_SEGMENTS *Segments, _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

// Keeps a chain, whose NBLs count as taken from now on, until what is cut is through.
_IRQL_requires_(DISPATCH_LEVEL)
VOID SegmentsWait(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ NET_BUFFER_LIST *Chain, _In_ ULONG Age);

// The first of what was kept, which does not count as taken any more: an NBL that asks for segments, or all those
// before one that does. NULL: there is none.
_IRQL_requires_(DISPATCH_LEVEL)
NET_BUFFER_LIST *SegmentsTakeWaiting(_In_ const XENNET_SEGMENTS *Segments,
                                     _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

// XenVif gives a segment back. Processor: this one.
_IRQL_requires_(DISPATCH_LEVEL)
VOID SegmentsReturn(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ XENNET_SEGMENT *Segment,
                    _In_ NDIS_STATUS Status);

#endif
