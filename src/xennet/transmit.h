/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The send path: NBLs from NDIS to XenVif and their completions back, both in batches.
 *
 * transmit.c has the states of one NBL and the sharing rules.
 */
#ifndef XENNET_TRANSMIT_H
#define XENNET_TRANSMIT_H

#include <ndis.h>
#include "vif_interface.h"

struct _XENNET_ADAPTER;
typedef struct _XENNET_TRANSMIT XENNET_TRANSMIT;

// Why a packet that NDIS handed over never reached the backend.
typedef enum _XENNET_TRANSMIT_DROP {
    XENNET_TRANSMIT_DROP_STATE,   // adapter not running
    XENNET_TRANSMIT_DROP_OFFLOAD, // an offload that was never offered
    XENNET_TRANSMIT_DROP_LENGTH,  // empty, shorter than a header, or longer than a frame may be
    XENNET_TRANSMIT_DROP_QUEUE,   // XenVif would not take it
    XENNET_TRANSMIT_DROP_BACKEND, // XenVif or the backend dropped it
    XENNET_TRANSMIT_DROP_COUNT
} XENNET_TRANSMIT_DROP;

#define XENNET_TRANSMIT_AGES 3

// Sums over all processors, in packets (NBs) unless said otherwise, read while they move.
typedef struct _XENNET_TRANSMIT_COUNTERS {
    ULONG64 NdisCalls; // send calls plus completion calls
    ULONG64 Lists;     // NBLs taken
    ULONG64 ListsCompleted;
    ULONG64 Drops[XENNET_TRANSMIT_DROP_COUNT];
    ULONG64 Out[XENNET_TRANSMIT_AGES]; // NBLs of each age that are out
    ULONG64 Stalls;                    // times that a queue stood still
} XENNET_TRANSMIT_COUNTERS;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS TransmitCreate(_In_ struct _XENNET_ADAPTER *Adapter, _Outptr_ XENNET_TRANSMIT **Transmit);

_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitDestroy(_In_opt_ XENNET_TRANSMIT *Transmit);

// Takes a chain of NBLs; every one of them is completed exactly once, some possibly before the call returns.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitSend(_In_ XENNET_TRANSMIT *Transmit, _In_ NET_BUFFER_LIST *Chain, _In_ ULONG SendFlags);

// XenVif gives a packet back; once for each that it took.
_IRQL_requires_(DISPATCH_LEVEL)
VOID TransmitReturnPacket(_In_ XENNET_TRANSMIT *Transmit, _In_ PVOID Cookie,
                          _In_ XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *Completion);

// After VifDisable: returns when every NBL taken has been completed to NDIS.
_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitDrain(_In_ XENNET_TRANSMIT *Transmit);

// NBLs that are out, as exactly as a sum of moving counts can be: zero is zero once no sends are taken any more.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG64 TransmitOutstanding(_In_ XENNET_TRANSMIT *Transmit);

// NBLs of one age that are out; nothing is missing.
_IRQL_requires_(PASSIVE_LEVEL)
ULONG64 TransmitOutOfAge(_In_ XENNET_TRANSMIT *Transmit, _In_ ULONG Age);

/*
 * Now and then while sends are out, and when the adapter stops running: packets that XenVif has not begun to send, since it
 * would not take the one behind them, are pushed, or the one behind them is given up.
 */
_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitPush(_In_ XENNET_TRANSMIT *Transmit);

// Counts a stall.
_IRQL_requires_(PASSIVE_LEVEL)
VOID TransmitNoteStall(_Inout_ XENNET_TRANSMIT *Transmit);

// Frames that are not to be segmented have at most so many bytes from now on, Ethernet header included, tag not.
VOID TransmitSetFrameSize(_Inout_ XENNET_TRANSMIT *Transmit, _In_ ULONG MaximumFrameSize);

// NBLs taken from now on count in Out[Age].
VOID TransmitSetAge(_Inout_ XENNET_TRANSMIT *Transmit, _In_ ULONG Age);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID TransmitReadCounters(_In_ XENNET_TRANSMIT *Transmit, _Out_ XENNET_TRANSMIT_COUNTERS *Counters);

#endif
