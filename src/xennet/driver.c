/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DriverEntry and unload: registering the miniport as the NDIS version that revisions.c chooses.
 *
 * IRQL: PASSIVE. DriverHandle is written here only, before the first adapter and after the last.
 */
#include <version.h>
#include <ndis.h>
#include "debug.h"
#include "event_log.h"
#include "memory.h"
#include "miniport.h"
#include "oid.h"
#include "revisions.h"
#include "trace.h"

DRIVER_INITIALIZE DriverEntry;
static MINIPORT_UNLOAD DriverUnload;

static NDIS_HANDLE DriverHandle;
ULONG MemoryMapPriority;
#if DBG
DEBUG_GET_IRQL DebugIrql;
#endif

static VOID NTAPI
DriverUnload(DRIVER_OBJECT *Driver)
{
    UNREFERENCED_PARAMETER(Driver);

    NdisMDeregisterMiniportDriver(DriverHandle);
    TraceUnregister();
    DriverHandle = NULL;
}

static VOID
DriverSetHandlers(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Characteristics, const XENNET_REVISIONS *Revisions)
{
    Characteristics->UnloadHandler = DriverUnload;
    Characteristics->InitializeHandlerEx = MiniportInitialize;
    Characteristics->HaltHandlerEx = MiniportHalt;
    Characteristics->PauseHandler = MiniportPause;
    Characteristics->RestartHandler = MiniportRestart;
    Characteristics->SendNetBufferListsHandler = MiniportSend;
    Characteristics->ReturnNetBufferListsHandler = MiniportReturn;
    Characteristics->CancelSendHandler = MiniportCancelSend;
    Characteristics->DevicePnPEventNotifyHandler = MiniportPnpEvent;
    Characteristics->ShutdownHandlerEx = MiniportShutdown;
    Characteristics->OidRequestHandler = OidRequest;
    Characteristics->CancelOidRequestHandler = OidCancelRequest;
    // From NDIS 6.83 on a miniport without hardware has neither: the watchdog looks by itself.
    if (Revisions->HangCheck) {
        Characteristics->CheckForHangHandlerEx = MiniportCheckForHang;
        Characteristics->ResetHandlerEx = MiniportReset;
    }
    if (Revisions->RssEntryMoves)
        Characteristics->SynchronousOidRequestHandler = OidSynchronousRequest;
}

_Use_decl_annotations_
NTSTATUS NTAPI
DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics;
    const XENNET_REVISIONS *Revisions;
    NDIS_STATUS Status;
    ULONG Version;

    Version = NdisGetVersion();
    Revisions = RevisionsChoose(Version);
    if (Revisions == NULL) {
        DEBUG_ERROR("NDIS %u.%u is older than 6.%u\n", Version >> 16, Version & MAXUSHORT,
                    (ULONG)RevisionsOldest()->Minor);
        return NDIS_STATUS_BAD_VERSION;
    }

#if DBG
    {
        UNICODE_STRING Name = RTL_CONSTANT_STRING(L"KeGetCurrentIrql");

        DebugIrql = (DEBUG_GET_IRQL)MmGetSystemRoutineAddress(&Name);
    }
#endif
    MemoryMapPriority = NormalPagePriority | (Revisions->Minor >= 30 ? MdlMappingNoExecute : 0);
    EventLogInitialize(Driver);
    TraceRegister();
    RtlZeroMemory(&Characteristics, sizeof(Characteristics));
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS;
    Characteristics.Header.Revision = Revisions->Characteristics;
    Characteristics.Header.Size = Revisions->CharacteristicsSize;
    Characteristics.MajorNdisVersion = REVISIONS_MAJOR;
    Characteristics.MinorNdisVersion = Revisions->Minor;
    Characteristics.MajorDriverVersion = MAJOR_VERSION;
    Characteristics.MinorDriverVersion = MINOR_VERSION;
    Characteristics.Flags = NDIS_WDM_DRIVER;
    DriverSetHandlers(&Characteristics, Revisions);

    Status = NdisMRegisterMiniportDriver(Driver, RegistryPath, NULL, &Characteristics, &DriverHandle);
    if (Status != NDIS_STATUS_SUCCESS) {
        DEBUG_ERROR("NDIS refuses the miniport as version 6.%u (status %08x)\n", (ULONG)Revisions->Minor,
                    (ULONG)Status);
        TraceUnregister();
    } else {
        DEBUG_INFO("registered as NDIS 6.%u on NDIS %u.%u\n", (ULONG)Revisions->Minor, Version >> 16,
                   Version & MAXUSHORT);
    }
    return Status;
}
