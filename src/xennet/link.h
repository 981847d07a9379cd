/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The link: state, speed and frame size as XenVif reports them, checked, and indicated to NDIS once per change and in
 * order.
 */
#ifndef XENNET_LINK_H
#define XENNET_LINK_H

#include <ndis.h>

struct _XENNET_CONTEXT;
struct _XENNET_FILTER;
struct _XENNET_OFFLOAD;
struct _XENNET_RECEIVE;
struct _XENNET_RSS;
struct _XENNET_TRANSMIT;
typedef struct _XENNET_LINK XENNET_LINK;

typedef struct _XENNET_LINK_STATE {
    NET_IF_MEDIA_CONNECT_STATE Connect;
    NET_IF_MEDIA_DUPLEX_STATE Duplex;
    ULONG64 Speed; // bits per second, NDIS_LINK_SPEED_UNKNOWN without a link
} XENNET_LINK_STATE;

// Reads the state the adapter's attributes start from.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS LinkCreate(_In_ struct _XENNET_CONTEXT *Context, _Outptr_ XENNET_LINK **Link);

// Who follows the frame size, the queues, what the backend does and that it is another. Before the first
// LinkStateChanged.
_IRQL_requires_(PASSIVE_LEVEL)
VOID LinkAttach(_Inout_ XENNET_LINK *Link, _In_ struct _XENNET_TRANSMIT *Transmit, _In_ struct _XENNET_RECEIVE *Receive,
                _In_ struct _XENNET_RSS *Rss, _In_ struct _XENNET_OFFLOAD *Offload,
                _In_ const struct _XENNET_FILTER *Filter);

_IRQL_requires_(PASSIVE_LEVEL)
VOID LinkDestroy(_In_opt_ XENNET_LINK *Link);

// Asks XenVif unless the device is gone, notifies NDIS if the state changed, and follows the frame size, the queues and
// what the backend does. On any processor, at the same time as others.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID LinkStateChanged(_In_ XENNET_LINK *Link);

// The bytes of a frame, Ethernet header included and tag not, that XenVif and *JumboPacket allow; 0: XenVif reports
// an invalid size.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG LinkQueryFrameSize(_In_ struct _XENNET_CONTEXT *Context);

// NDIS is about to get the frame size of now, so it may be used in full; it is in force when this returns.
_IRQL_requires_(PASSIVE_LEVEL)
VOID LinkAdvertiseFrameSize(_Inout_ XENNET_LINK *Link);

// What NDIS was last notified of; each member by itself is exact.
_IRQL_requires_max_(DISPATCH_LEVEL)
XENNET_LINK_STATE LinkState(_In_ const XENNET_LINK *Link);

// OID_GEN_LINK_PARAMETERS. Speed and duplex are the backend's: what asks for those in force, or leaves them to
// negotiation, succeeds. Parameters: as long as revision 1.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS LinkSetParameters(_In_ const XENNET_LINK *Link, _In_ const NDIS_LINK_PARAMETERS *Parameters);

#endif
