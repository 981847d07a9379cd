/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every part of an adapter needs of it: the handles, the configuration, and whether packets move. Parts include
 * this and get a pointer to it when they are created; adapter.h, which has the parts, is for those who put them
 * together.
 */
#ifndef XENNET_CONTEXT_H
#define XENNET_CONTEXT_H

#include <ndis.h>
#include "alarm.h"
#include "config.h"
#include "ethernet.h"
#include "report.h"
#include "revisions.h"
#include "vif.h"
#include "vlan.h"

#define XENNET_MAX_QUEUES 64 // that counters are reported of

// state.c has the diagram.
typedef enum _XENNET_STATE {
    XennetStateInitializing = 1,
    XennetStatePaused,
    XennetStateRestarting,
    XennetStateRunning,
    XennetStatePausing,
    XennetStateHalted
} XENNET_STATE;

typedef struct _XENNET_CONTEXT {
    // Immutable after MiniportInitializeEx.
    NDIS_HANDLE NdisHandle;
    XENNET_VIF Vif;
    const XENNET_REVISIONS *Revisions;
    XENNET_CONFIG Config;
    XENNET_VLAN Vlan; // its Id: within OID requests
    XENNET_REPORTER Reporter;
    ULONG ProcessorCount; // that there can ever be

    // Written by link.c: bytes, Ethernet header included, tag and CRC not.
    volatile ULONG MaximumFrameSize;    // that packets may have now
    volatile ULONG AdvertisedFrameSize; // that NDIS got at start or restart: the other one's upper limit

    // Written by RssFollow: the backend decides whenever XenVif connects.
    volatile ULONG QueueCount; // at most ProcessorCount
    ULONG QueuesSeen;          // the most so far

    // Moved by StateMove.
    volatile LONG State;         // XENNET_STATE
    volatile LONG Gone;          // surprise removed or shut down: the backend is not asked any more
    volatile LONG Running;       // State is Running, and not Gone: one word for every packet to read
    volatile BOOLEAN Recovering; // not running although NDIS has restarted it

    // XenVif has nobody to talk to: no link, whatever it reports, and no RSS. Set where that is seen in xenstore, or by
    // XenVif not coming up, by who may move the state and by RSS requests. The watchdog looks while it is set: what is
    // out of date is soon cleared.
    volatile BOOLEAN Detached;

    // Within OID requests, which NDIS serialises.
    volatile NDIS_DEVICE_POWER_STATE Power;
    BOOLEAN Asleep; // stopped for a low power state, without a pause of NDIS's

    // The migration since which XenVif may have no queue; 0: it has. Where it finds no backend it stays enabled, and
    // divides by their number. Set in XenBus's late callback, cleared by the watchdog.
    volatile LONG Connecting;

    XENNET_ALARM Alarm; // raised by sends, for the watchdog
} XENNET_CONTEXT;

FORCEINLINE BOOLEAN
ContextIsRunning(const XENNET_CONTEXT *Context)
{
    return Context->Running != FALSE;
}

// State or Gone has changed. Whoever changes one of them later sees the other one: Gone stays the last word.
FORCEINLINE VOID
ContextSetRunning(XENNET_CONTEXT *Context)
{
    (void)InterlockedExchange(&Context->Running, Context->State == XennetStateRunning && !Context->Gone);
    if (Context->Gone)
        (void)InterlockedExchange(&Context->Running, FALSE);
}

// Any IRQL: nothing but flags is touched.
FORCEINLINE VOID
ContextSetGone(XENNET_CONTEXT *Context)
{
    (void)InterlockedExchange(&Context->Gone, TRUE);
    ContextSetRunning(Context);
}

// Bytes of payload in one frame.
FORCEINLINE ULONG
ContextMtu(const XENNET_CONTEXT *Context)
{
    return Context->MaximumFrameSize - ETHERNET_HEADER_SIZE;
}

// Queues that XenVif has with the backend of the moment, at most ProcessorCount; 0: it is not connected.
_IRQL_requires_max_(DISPATCH_LEVEL)
ULONG ContextQueryQueues(_In_ XENNET_CONTEXT *Context);

// XenVif, enabled, has a queue for a send.
_IRQL_requires_max_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
ContextHasQueues(XENNET_CONTEXT *Context)
{
    return Context->Connecting == 0 || ContextQueryQueues(Context) != 0;
}

// What XenVif would not take is offered to it again. Neither after a removal nor after VifDisable: it takes nothing
// then.
_IRQL_requires_max_(DISPATCH_LEVEL)
FORCEINLINE BOOLEAN
ContextMayOffer(XENNET_CONTEXT *Context)
{
    return !Context->Gone && Context->Vif.Enabled && ContextHasQueues(Context);
}

// The status of a send that comes while the adapter is not running, or XenVif has no queues.
NDIS_STATUS ContextSendRefusal(_In_ const XENNET_CONTEXT *Context);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID ContextIndicateStatus(_In_ const XENNET_CONTEXT *Context, _In_ NDIS_STATUS Code, _In_ VOID *Buffer,
                           _In_ ULONG Length);

#endif
