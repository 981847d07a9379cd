/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DriverEntry and unload: registering the miniport as the NDIS version that revisions.c chooses.
 *
 * IRQL: PASSIVE. DriverHandle is written here only, before the first adapter and after the last.
 */
#include <version.h>
#include <ndis.h>
#include "event.h"
#include "memory.h"
#include "miniport.h"
#include "oid.h"
#include "revisions.h"

DRIVER_INITIALIZE DriverEntry;
static MINIPORT_UNLOAD DriverUnload;

static NDIS_HANDLE DriverHandle;
ULONG MemoryMapPriority;

static VOID NTAPI
DriverUnload(DRIVER_OBJECT *Driver)
{
    UNREFERENCED_PARAMETER(Driver);

    NdisMDeregisterMiniportDriver(DriverHandle);
    EventUnregister();
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
    Characteristics->CheckForHangHandlerEx = MiniportCheckForHang;
    Characteristics->ResetHandlerEx = MiniportReset;
    Characteristics->DevicePnPEventNotifyHandler = MiniportPnpEvent;
    Characteristics->ShutdownHandlerEx = MiniportShutdown;
    Characteristics->OidRequestHandler = OidRequest;
    Characteristics->CancelOidRequestHandler = OidCancelRequest;
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
        TRACE_ERROR("NDIS %u.%u is older than 6.%u\n", Version >> 16, Version & MAXUSHORT,
                    (ULONG)RevisionsOldest()->Minor);
        return NDIS_STATUS_BAD_VERSION;
    }

    MemoryMapPriority = NormalPagePriority | (Revisions->Minor >= 30 ? MdlMappingNoExecute : 0);
    EventRegister(Driver);
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
        TRACE_ERROR("NDIS refuses the miniport as version 6.%u (status %08x)\n", (ULONG)Revisions->Minor,
                    (ULONG)Status);
        EventUnregister();
    } else {
        TRACE("registered as NDIS 6.%u on NDIS %u.%u\n", (ULONG)Revisions->Minor, Version >> 16, Version & MAXUSHORT);
    }
    return Status;
}
