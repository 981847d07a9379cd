/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the send path share: the record, and how a packet is offered to XenVif. transmit.c has the way in
 * and the way back, transmit_chain.c chains of NBLs, transmit_held.c what had to be held back.
 *
 * IRQL: DISPATCH.
 */
#ifndef XENNET_TRANSMIT_PATH_H
#define XENNET_TRANSMIT_PATH_H

#include <ndis.h>
#include "context.h"
#include "per_processor.h"
#include "transmit.h"
#include "transmit_list.h"
#include "transmit_request.h"
#include "transmit_segments.h"

struct _XENNET_TRANSMIT {
    // Immutable after TransmitCreate.
    XENNET_CONTEXT *Context;
    PUCHAR Processors; // XENNET_TRANSMIT_PROCESSOR of each
    ULONG ProcessorCount;
    XENNET_SEGMENTS *Segments;     // NULL: NDIS has no UDP segmentation
    XENNET_TRANSMIT_LIMITS Limits; // its lengths: single words, as the backend allows at the moment
    volatile BOOLEAN Stray;        // hash values may pick queues that are gone

    // The watchdog.
    volatile ULONG Age; // of the NBLs taken now: index of Counters.Out
    ULONG64 Stalls;
};

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_TRANSMIT_PROCESSOR *
TransmitThisProcessor(XENNET_TRANSMIT *Transmit)
{
    return PER_PROCESSOR_THIS(XENNET_TRANSMIT_PROCESSOR, Transmit->Processors);
}

// Hash: what TransmitHash returned. Once the NBL's last NB is offered the NBL may be gone.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOffer(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, XENNET_OFFLOAD_OPTIONS Options,
              USHORT MaximumSegmentSize, USHORT Tci, XENNET_PACKET_HASH *Hash, BOOLEAN More)
{
    return VifTransmitPacket(&Transmit->Context->Vif, NET_BUFFER_CURRENT_MDL(Nb), NET_BUFFER_CURRENT_MDL_OFFSET(Nb),
                             NET_BUFFER_DATA_LENGTH(Nb), Options, MaximumSegmentSize, Tci, Hash, More, Nbl);
}

// The same with what was read of the NB before.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOfferAsRead(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, NET_BUFFER *Nb, XENNET_PACKET_HASH *Hash,
                    BOOLEAN More)
{
    const XENNET_TRANSMIT_REQUEST *Request = TransmitRequestOf(Nb);

    return TransmitOffer(Transmit, Nbl, Nb, Request->Options, Request->MaximumSegmentSize, Request->Tci, Hash, More);
}

// The same for the NB of an NBL of the common kind: no tag.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE NTSTATUS
TransmitOfferCommon(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Nbl, XENNET_PACKET_HASH *Hash, BOOLEAN More)
{
    NET_BUFFER *Nb = NET_BUFFER_LIST_FIRST_NB(Nbl);
    const XENNET_TRANSMIT_REQUEST *Request = TransmitRequestOf(Nb);

    return TransmitOffer(Transmit, Nbl, Nb, Request->Options, Request->MaximumSegmentSize, 0, Hash, More);
}

// What XenVif gets of an NBL's hash; without one it hashes for itself.
_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE XENNET_PACKET_HASH *
TransmitHash(XENNET_TRANSMIT_PROCESSOR *Processor, XENNET_PACKET_HASH *PlainHash, NET_BUFFER_LIST *Nbl, BOOLEAN Hashed)
{
    if (!Hashed)
        return PlainHash;
    TransmitRequestReadHash(Nbl, &Processor->Hash);
    return &Processor->Hash;
}

// Sends a chain; the adapter runs and nothing is held. All of it is completed sooner or later.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitSendAny(_In_ XENNET_TRANSMIT *Transmit, _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor,
                     _In_ NET_BUFFER_LIST *Chain);

// A chain that comes, or had to wait, while the adapter does not run.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitRefuseChain(_In_ XENNET_TRANSMIT *Transmit, _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor,
                         _In_ NET_BUFFER_LIST *Chain);

// XenVif would not take an NB: it counts as back.
_IRQL_requires_(DISPATCH_LEVEL)
RARELY_CALLED VOID TransmitNotQueued(_In_ XENNET_TRANSMIT *Transmit, _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor,
                                     _In_ NET_BUFFER_LIST *Nbl);

// XenVif would not take an NB and has not begun to send those before it; also where the adapter has begun to pause
// since: StateDrain offers it then. Hashed: it was offered with the NBL's own hash value.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitKeep(_Inout_ XENNET_TRANSMIT_PROCESSOR *Processor, _In_ NET_BUFFER_LIST *Nbl, _In_ NET_BUFFER *Nb,
                  _In_ BOOLEAN Hashed);

// Goes on with what is held.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitContinue(_In_ XENNET_TRANSMIT *Transmit, _Inout_ XENNET_TRANSMIT_PROCESSOR *Processor);

// Context: XENNET_TRANSMIT. Does that where something is held.
_IRQL_requires_(DISPATCH_LEVEL)
VOID NTAPI TransmitPushDpc(_In_ KDPC *Dpc, _In_opt_ PVOID Context, _In_opt_ PVOID Argument1, _In_opt_ PVOID Argument2);

#endif
