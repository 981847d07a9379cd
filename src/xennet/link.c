/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The link. XenVif's MAC_STATE_CHANGE carries nothing, comes from a thread at PASSIVE, possibly before VifEnable has
 * returned, and others ask at the same time on other processors and at DISPATCH. So whoever raises Requests from zero
 * does the work for all: it asks, compares, indicates, and starts over if more came in meanwhile. That way indications
 * never overtake each other and no lock is held over a call into NDIS.
 *
 * The frame size is the toolstack's, read by XenVif whenever it connects to a backend: after a migration it may be
 * another. NDIS has no word for that. It takes a frame size when an adapter starts and, with the restart attributes,
 * when it is restarted (OID_GEN_MAXIMUM_FRAME_SIZE, NDIS_RESTART_GENERAL_ATTRIBUTES). So a smaller one is in force at
 * once: what is longer would be lost behind the backend, and is refused here where it counts. A larger one waits for a
 * restart.
 *
 * IRQL: up to DISPATCH. State is written by the one worker of the moment; InterlockedCompareExchange of Requests
 * (release) pairs with the InterlockedIncrement (acquire) of the next.
 */
#include "link.h"
#include "context.h"
#include "filter.h"
#include "lock.h"
#include "report.h"
#include "memory.h"
#include "min_max.h"
#include "offload.h"
#include "receive.h"
#include "rss.h"
#include "transmit.h"

#define LINK_MAX_SPEED 10000000000000ULL // 10 Tb/s: what is beyond was made up
#define LINK_NAP       1000              // us
#define LINK_AUTOMATIC                                                                                                 \
    (NDIS_LINK_STATE_XMIT_LINK_SPEED_AUTO_NEGOTIATED | NDIS_LINK_STATE_RCV_LINK_SPEED_AUTO_NEGOTIATED |                \
     NDIS_LINK_STATE_DUPLEX_AUTO_NEGOTIATED | NDIS_LINK_STATE_PAUSE_FUNCTIONS_AUTO_NEGOTIATED)

struct _XENNET_LINK {
    // Immutable after LinkCreate.
    XENNET_CONTEXT *Context;
    XENNET_TRANSMIT *Transmit; // that follow the frame size
    XENNET_RECEIVE *Receive;
    XENNET_RSS *Rss;             // that follows the queues
    XENNET_OFFLOAD *Offload;     // that follows what the backend does
    const XENNET_FILTER *Filter; // that a new backend has to be told of

    // Interlocked.
    volatile LONG Requests;

    // The worker of the moment.
    XENNET_LINK_STATE State;
    ULONG FrameSize; // that XenVif last reported
};

// The three answers come from the backend.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID
LinkQuery(XENNET_LINK *Link, XENNET_LINK_STATE *State)
{
    State->Connect = MediaConnectStateUnknown;
    State->Duplex = MediaDuplexStateUnknown;
    State->Speed = 0;
    VIF_CALL(&Link->Context->Vif, MacQueryState, &State->Connect, &State->Speed, &State->Duplex);

    // XenVif looks at the toolstack's keys only, not at whether there is a backend.
    if (Link->Context->Detached)
        State->Connect = MediaConnectStateDisconnected;
    if (State->Connect != MediaConnectStateConnected && State->Connect != MediaConnectStateDisconnected)
        State->Connect = MediaConnectStateUnknown;
    if (State->Duplex != MediaDuplexStateHalf && State->Duplex != MediaDuplexStateFull)
        State->Duplex = MediaDuplexStateUnknown;
    if (State->Connect != MediaConnectStateConnected) {
        State->Speed = NDIS_LINK_SPEED_UNKNOWN;
        State->Duplex = MediaDuplexStateUnknown;
    } else if (State->Speed == 0 || State->Speed > LINK_MAX_SPEED) {
        State->Speed = NDIS_LINK_SPEED_UNKNOWN;
    }
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID
LinkIndicate(XENNET_LINK *Link, const XENNET_LINK_STATE *State)
{
    NDIS_LINK_STATE Record;

    RtlZeroMemory(&Record, sizeof(Record));
    Record.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Record.Header.Revision = NDIS_LINK_STATE_REVISION_1;
    Record.Header.Size = NDIS_SIZEOF_LINK_STATE_REVISION_1;
    Record.MediaConnectState = State->Connect;
    Record.MediaDuplexState = State->Duplex;
    Record.XmitLinkSpeed = State->Speed;
    Record.RcvLinkSpeed = State->Speed;
    Record.PauseFunctions = NdisPauseFunctionsUnsupported;
    ContextIndicateStatus(Link->Context, NDIS_STATUS_LINK_STATE, &Record, sizeof(Record));
    ReportLink(&Link->Context->Reporter, State->Connect, State->Duplex, State->Speed);
}

_Use_decl_annotations_
ULONG
LinkQueryFrameSize(XENNET_CONTEXT *Context)
{
    ULONG Size = 0;

    // XenVif counts a VLAN tag in: the backend's MTU and 18 bytes (its mac.c, since the first release).
    VIF_CALL(&Context->Vif, MacQueryMaximumFrameSize, &Size);
    if (Size < ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + ETHERNET_MIN_MTU ||
        Size > ETHERNET_HEADER_SIZE + ETHERNET_TAG_SIZE + MAXUSHORT)
        return 0;
    // The keyword only lowers what the backend carries: a longer frame would be lost behind it.
    return XENNET_MIN(Size - ETHERNET_TAG_SIZE, Context->Config.JumboPacket);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID
LinkFollowFrameSize(XENNET_LINK *Link, ULONG Size)
{
    XENNET_CONTEXT *Context = Link->Context;
    ULONG Advertised = Context->AdvertisedFrameSize;
    ULONG InForce = XENNET_MIN(Size, Advertised);

    if (Size == Link->FrameSize && InForce == Context->MaximumFrameSize)
        return;
    Link->FrameSize = Size;
    Context->MaximumFrameSize = InForce;
    TransmitSetFrameSize(Link->Transmit, InForce);
    ReceiveSetFrameSize(Link->Receive, InForce);
    ReportFrameSize(&Context->Reporter, Size, InForce, Advertised);
}

// XenVif reports a size of 0 while it is not connected: then what was in force stays, as does the frame size for an
// invalid one.
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID
LinkFollowBackend(XENNET_LINK *Link)
{
    ULONG Reported = 0;
    ULONG Size;

    VIF_CALL(&Link->Context->Vif, MacQueryMaximumFrameSize, &Reported);
    if (Reported == 0)
        return;
    Size = LinkQueryFrameSize(Link->Context);
    if (Size != 0)
        LinkFollowFrameSize(Link, Size);
    OffloadFollow(Link->Offload);
    FilterFollow(Link->Filter);
}

_Use_decl_annotations_
VOID
LinkAdvertiseFrameSize(XENNET_LINK *Link)
{
    ULONG Size = LinkQueryFrameSize(Link->Context);

    if (Size != 0)
        Link->Context->AdvertisedFrameSize = Size;
    LinkStateChanged(Link);
    // Somebody else may be the worker of the moment, and NDIS gets what is in force.
    while (Link->Requests != 0)
        NdisMSleep(LINK_NAP);
}

_Use_decl_annotations_
VOID
LinkStateChanged(XENNET_LINK *Link)
{
    XENNET_LINK_STATE State;
    BOOLEAN Answered;
    KIRQL Irql;
    LONG Seen;

    // NDIS does not know the adapter yet, and the restart asks again.
    if (Link->Context->State == XennetStateInitializing)
        return;
    // Nobody is left to indicate to, but VIF 8 has sends back only from a backend that takes the table of its queues.
    if (Link->Context->Gone) {
        if (Link->Context->Vif.Enabled)
            (void)RssFollow(Link->Rss, RssFollowConnection);
        return;
    }
    if (InterlockedIncrement(&Link->Requests) != 1)
        return;
    do {
        Seen = Link->Requests;
        LinkFollowBackend(Link);
        // XenVif's lock was held over a wait for the backend: what was reported meanwhile is of the same connection,
        // and to ask again would take as long again. At DISPATCH, or another connection could come before that is
        // noted.
        Irql = IrqlRaise(FALSE);
        Answered = RssFollow(Link->Rss, RssFollowConnection);
        if (!Answered)
            Seen = Link->Requests;
        IrqlLower(Irql);
        if (!Answered)
            LinkFollowBackend(Link);
        LinkQuery(Link, &State);
        if (State.Connect == Link->State.Connect && State.Duplex == Link->State.Duplex &&
            State.Speed == Link->State.Speed)
            continue;
        Link->State = State;
        LinkIndicate(Link, &State);
    } while (InterlockedCompareExchange(&Link->Requests, 0, Seen) != Seen);
}

_Use_decl_annotations_
XENNET_LINK_STATE
LinkState(const XENNET_LINK *Link)
{
    return Link->State;
}

// A speed that the request leaves to negotiation, or the one there is.
static BOOLEAN
LinkSpeedIs(ULONG64 Wanted, ULONG64 Speed, ULONG Flags, ULONG Automatic)
{
    return (Flags & Automatic) || Wanted == Speed;
}

_Use_decl_annotations_
NDIS_STATUS
LinkSetParameters(const XENNET_LINK *Link, const NDIS_LINK_PARAMETERS *Parameters)
{
    ULONG Flags = Parameters->AutoNegotiationFlags;

    if (Parameters->Header.Type != NDIS_OBJECT_TYPE_DEFAULT || Parameters->Header.Revision == 0 ||
        Parameters->Header.Size < NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1 || (Flags & ~(ULONG)LINK_AUTOMATIC))
        return NDIS_STATUS_INVALID_DATA;
    if (!LinkSpeedIs(Parameters->XmitLinkSpeed, Link->State.Speed, Flags,
                     NDIS_LINK_STATE_XMIT_LINK_SPEED_AUTO_NEGOTIATED) ||
        !LinkSpeedIs(Parameters->RcvLinkSpeed, Link->State.Speed, Flags,
                     NDIS_LINK_STATE_RCV_LINK_SPEED_AUTO_NEGOTIATED))
        return NDIS_STATUS_INVALID_DATA;
    if (!(Flags & NDIS_LINK_STATE_DUPLEX_AUTO_NEGOTIATED) && Parameters->MediaDuplexState != Link->State.Duplex)
        return NDIS_STATUS_INVALID_DATA;
    if (!(Flags & NDIS_LINK_STATE_PAUSE_FUNCTIONS_AUTO_NEGOTIATED) &&
        Parameters->PauseFunctions != NdisPauseFunctionsUnsupported)
        return NDIS_STATUS_INVALID_DATA;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
NDIS_STATUS
LinkCreate(XENNET_CONTEXT *Context, XENNET_LINK **Result)
{
    XENNET_LINK *Link;

    *Result = NULL;
    Link = MemoryAllocate(Context->NdisHandle, sizeof(*Link));
    if (Link == NULL)
        return NDIS_STATUS_RESOURCES;
    Link->Context = Context;
    LinkQuery(Link, &Link->State);
    Link->FrameSize = Context->MaximumFrameSize;
    *Result = Link;
    return NDIS_STATUS_SUCCESS;
}

_Use_decl_annotations_
VOID
LinkAttach(XENNET_LINK *Link, XENNET_TRANSMIT *Transmit, XENNET_RECEIVE *Receive, XENNET_RSS *Rss,
           XENNET_OFFLOAD *Offload, const XENNET_FILTER *Filter)
{
    Link->Transmit = Transmit;
    Link->Receive = Receive;
    Link->Rss = Rss;
    Link->Offload = Offload;
    Link->Filter = Filter;
}

_Use_decl_annotations_
VOID
LinkDestroy(XENNET_LINK *Link)
{
    MemoryFree(Link);
}
