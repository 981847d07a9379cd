/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends come back within seconds, whatever XenVif and the backend do.
 *
 * watchdog.c says how long it waits and what it does then.
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
    volatile LONG Ending;

    // Whoever has taken Gate.
    KEVENT Gate;
    ULONG Age;       // of the NBLs taken now
    BOOLEAN Enabled; // between restart and pause
    ULONG Wait;      // looks to let pass before XenVif is tried again
    ULONG Waited;
    ULONG Recoveries; // since the adapter's start
} XENNET_WATCHDOG;

_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS WatchdogCreate(_In_ struct _XENNET_ADAPTER *Adapter, _Outptr_ XENNET_WATCHDOG **Watchdog);

_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogDestroy(_In_opt_ XENNET_WATCHDOG *Watchdog);

// After a restart, and before a pause. From WatchdogStop on the watchdog leaves the state alone.
_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogStart(_Inout_ XENNET_WATCHDOG *Watchdog);

_IRQL_requires_(PASSIVE_LEVEL)
VOID WatchdogStop(_Inout_ XENNET_WATCHDOG *Watchdog);

// MiniportResetEx: the reset is pending, or one is already (FALSE).
_IRQL_requires_max_(DISPATCH_LEVEL)
BOOLEAN WatchdogReset(_Inout_ XENNET_WATCHDOG *Watchdog);

#endif
