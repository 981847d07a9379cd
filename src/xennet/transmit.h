/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send path: NBLs from NDIS to XenVif and their completions back, both in batches.
 *
 * transmit_list.h has the states of one NBL, transmit.c the sharing rules.
 */
#ifndef XENNET_TRANSMIT_H
#define XENNET_TRANSMIT_H

#include <ndis.h>
#include "transmit_counters.h"
#include "vif_packet.h"

struct _XENNET_CONTEXT;
struct _XENNET_OFFLOAD;
typedef struct _XENNET_TRANSMIT XENNET_TRANSMIT;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS TransmitCreate(_In_ struct _XENNET_CONTEXT *Context, _In_ const struct _XENNET_OFFLOAD *Offload,
                           _Outptr_ XENNET_TRANSMIT **Transmit);

_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitDestroy(_In_opt_ XENNET_TRANSMIT *Transmit);

// Takes a chain of NBLs; every one of them is completed exactly once, some possibly before the call returns.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitSend(_In_ XENNET_TRANSMIT *Transmit, _In_ NET_BUFFER_LIST *Chain, _In_ ULONG SendFlags);

// XenVif gives a packet back; once for each that it took.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitReturnPacket(_In_ XENNET_TRANSMIT *Transmit, _In_ PVOID Cookie, _In_ XENNET_COMPLETION *Completion);

// From now on, or no longer, every completion on this processor goes to NDIS from a DPC, never from within XenVif's
// call, wherever the send was taken; whoever asks stays on the processor in between.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitDefer(_In_ XENNET_TRANSMIT *Transmit, _In_ BOOLEAN Deferred);

// After VifDisable: returns when every NBL taken has been completed to NDIS. FALSE: after so many naps some are not.
_IRQL_requires_(PASSIVE_LEVEL)
BOOLEAN TransmitDrain(_In_ XENNET_TRANSMIT *Transmit, _In_ ULONG Naps);

// NBLs that are out, as exactly as a sum of moving counts can be: zero is zero once no sends are taken any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG64 TransmitOutstanding(_In_ XENNET_TRANSMIT *Transmit);

// NBLs of one age that are out; nothing is missing.
_IRQL_requires_(PASSIVE_LEVEL)
ULONG64 TransmitOutOfAge(_In_ XENNET_TRANSMIT *Transmit, _In_ ULONG Age);

/*
 * Now and then while sends are out, and when the adapter stops running: packets that XenVif has not begun to send,
 * since it would not take the one behind them, are pushed, or the one behind them is given up.
 */
_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitPush(_In_ XENNET_TRANSMIT *Transmit);

// FALSE: XenVif would still not take a packet behind others that wait for it in its ring. Any processor.
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN TransmitIsPushed(_In_ XENNET_TRANSMIT *Transmit);

// Has each processor's sends looked at as those that may have to wait, until Connecting is 0 again. In XenBus's late
// callback no other processor runs; else no packet may move.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitHoldAll(_Inout_ XENNET_TRANSMIT *Transmit);

// Counts a stall.
_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitNoteStall(_Inout_ XENNET_TRANSMIT *Transmit);

// What packets may ask for has changed.
VOID TransmitSetOffload(_Inout_ XENNET_TRANSMIT *Transmit);

// Frames that are not to be segmented have at most so many bytes from now on, Ethernet header included, tag not.
VOID TransmitSetFrameSize(_Inout_ XENNET_TRANSMIT *Transmit, _In_ ULONG MaximumFrameSize);

// The adapter's VLAN has changed.
VOID TransmitSetVlan(_Inout_ XENNET_TRANSMIT *Transmit);

// So many queues from now on; Mapped: hash values pick one of them. Stray: they may pick one that is gone.
VOID TransmitSetQueues(_Inout_ XENNET_TRANSMIT *Transmit, _In_ ULONG QueueCount, _In_ BOOLEAN Mapped,
                       _In_ BOOLEAN Stray);

// NBLs taken from now on count in Out[Age].
VOID TransmitSetAge(_Inout_ XENNET_TRANSMIT *Transmit, _In_ ULONG Age);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitReadCounters(_In_ XENNET_TRANSMIT *Transmit, _Out_ XENNET_TRANSMIT_COUNTERS *Counters);

#endif
