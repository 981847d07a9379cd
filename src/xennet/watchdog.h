/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an adapter does that takes time: it looks after sends that do not come back, and finishes what NDIS's handlers
 * may not wait for.
 *
 * watchdog.c has what it looks at and what it does then.
 */
#ifndef XENNET_WATCHDOG_H
#define XENNET_WATCHDOG_H

#include <ndis.h>

struct _XENNET_ADAPTER;

typedef struct _XENNET_WATCHDOG {
    // Immutable between WatchdogCreate and WatchdogDestroy.
    struct _XENNET_ADAPTER *Adapter;
    PVOID Thread;

    // Interlocked.
    volatile LONG ResetAsked;
    volatile LONG PauseAsked;
    volatile LONG RemoveAsked;
    volatile LONG Ending;

    // Whoever has taken Gate.
    KEVENT Gate;
    ULONG Age;         // of the NBLs taken now
    BOOLEAN Enabled;   // between restart and pause
    ULONG64 OldestOut; // NBLs of the oldest age at the last look
    ULONG Quiet;       // looks since fewer of them were out
    ULONG Gone;        // looks at which the backend was gone, one after the other
    LONG Silence;      // RssIsUnanswered at the last look
    ULONG64 Received;  // packets that XenVif had handed up then
    ULONG Wait;        // looks to let pass before XenVif is tried again; 0: it works
    ULONG Waited;
    ULONG Stalls; // since the adapter's start
    ULONG Recoveries;
} XENNET_WATCHDOG;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS WatchdogCreate(_In_ struct _XENNET_ADAPTER *Adapter, _Outptr_ XENNET_WATCHDOG **Watchdog);

_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogDestroy(_In_opt_ XENNET_WATCHDOG *Watchdog);

// After a restart, and before a pause. From WatchdogStop on the watchdog leaves the state alone. Works: VIF is enabled.
_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogStart(_Inout_ XENNET_WATCHDOG *Watchdog, _In_ BOOLEAN Works);

_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogStop(_Inout_ XENNET_WATCHDOG *Watchdog);

// After WatchdogStop: StateFinishPause, in the watchdog's thread.
_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogPause(_Inout_ XENNET_WATCHDOG *Watchdog);

// StateRemove, in the watchdog's thread, unless the adapter is paused.
_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogRemove(_Inout_ XENNET_WATCHDOG *Watchdog);

// The backend is gone: Detached is set, and the watchdog sees to the rest, the link first.
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID WatchdogNoteDetached(_Inout_ XENNET_WATCHDOG *Watchdog);

// MiniportResetEx: the reset is pending, or one is already (FALSE).
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN WatchdogReset(_Inout_ XENNET_WATCHDOG *Watchdog);

#endif
