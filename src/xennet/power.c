/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS pauses the adapter before it asks for a low power state and restarts it after it has asked for D0, so by then
 * nothing moves and VIF is disabled; what is left is to remember the state, to release what XenBus wants back before
 * S4, and, back in D0, to look at the link again. Where it has not paused it the request succeeds as well, as it always
 * must: the adapter stops and resumes by itself. No wake-up is offered, so none can be asked for.
 *
 * IRQL: PASSIVE; NDIS serialises OID requests. No locks.
 */
#include "power.h"
#include "adapter.h"
#include "debug.h"
#include "report.h"
#include "link.h"
#include "state.h"
#include "store.h"
#include "watchdog.h"

_Use_decl_annotations_
VOID
PowerGetCapabilities(const XENNET_CONTEXT *Context, NDIS_PM_CAPABILITIES *Capabilities)
{
    RtlZeroMemory(Capabilities, sizeof(*Capabilities));
    Capabilities->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Capabilities->Header.Revision = Context->Revisions->PmCapabilities;
    Capabilities->Header.Size = Context->Revisions->PmCapabilitiesSize;
    Capabilities->MinMagicPacketWakeUp = NdisDeviceStateUnspecified;
    Capabilities->MinPatternWakeUp = NdisDeviceStateUnspecified;
    Capabilities->MinLinkChangeWakeUp = NdisDeviceStateUnspecified;
}

_Use_decl_annotations_
NDIS_STATUS
PowerSetParameters(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    const NDIS_PM_PARAMETERS *Parameters = Buffer;

    UNREFERENCED_PARAMETER(Adapter);

    if (Parameters->Header.Revision == 0 || Parameters->Header.Size < NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1 ||
        Length < Parameters->Header.Size)
        return NDIS_STATUS_INVALID_PARAMETER;
    // No wake-up was offered, so none can be asked for.
    if (Parameters->EnabledWoLPacketPatterns != 0 || Parameters->EnabledProtocolOffloads != 0 ||
        Parameters->WakeUpFlags != 0)
        return NDIS_STATUS_INVALID_PARAMETER;
    return NDIS_STATUS_SUCCESS;
}

// NDIS has not paused the adapter: it stops by itself.
_IRQL_requires_(PASSIVE_LEVEL)
static VOID
PowerStop(XENNET_ADAPTER *Adapter)
{
    if (!Adapter->Watchdog->Enabled)
        return;
    Adapter->Context.Asleep = TRUE;
    WatchdogStop(Adapter->Watchdog);
    StateSleep(Adapter);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
PowerResume(XENNET_ADAPTER *Adapter)
{
    if (!Adapter->Context.Asleep)
        return;
    Adapter->Context.Asleep = FALSE;
    WatchdogStart(Adapter->Watchdog, StateWake(Adapter));
}

_Use_decl_annotations_
NDIS_STATUS
PowerSetState(XENNET_ADAPTER *Adapter, const VOID *Buffer, ULONG Length)
{
    NDIS_DEVICE_POWER_STATE State = *(const NDIS_DEVICE_POWER_STATE *)Buffer;

    UNREFERENCED_PARAMETER(Length);

    if (State != NdisDeviceStateD0 && State != NdisDeviceStateD1 && State != NdisDeviceStateD2 &&
        State != NdisDeviceStateD3)
        return NDIS_STATUS_INVALID_DATA;
    ReportPower(&Adapter->Context.Reporter, Adapter->Context.Power, State);
    Adapter->Context.Power = State;
    if (State == NdisDeviceStateD0) {
        StoreWake(Adapter->Store);
        LinkStateChanged(Adapter->Link);
        PowerResume(Adapter);
    } else {
        PowerStop(Adapter);
        StoreSleep(Adapter->Store);
    }
    return NDIS_STATUS_SUCCESS;
}
