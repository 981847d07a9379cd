/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DriverEntry and unload: choosing the NDIS version, registering the miniport.
 *
 * One binary serves Windows 7 to today. The table below says for each NDIS version which revision of each record
 * this driver fills. It registers the newest version that both NDIS and the table know, so a Windows that is
 * newer than the table still gets a version whose rules this driver keeps.
 *
 * IRQL: PASSIVE. The globals are written here only, before the first adapter and after the last.
 */
#include <version.h>
#include "driver.h"
#include "adapter.h"
#include "event.h"
#include "oid.h"

DRIVER_INITIALIZE DriverEntry;
static MINIPORT_UNLOAD DriverUnload;

static NDIS_HANDLE DriverHandle;
static DRIVER_OBJECT *DriverSelf;
static const XENNET_REVISIONS *DriverRow;

// Chars, Reg, Off, Rss and Pm are revisions of the records in XENNET_REVISIONS.
// clang-format off
#define DRIVER_ROW(_Minor, _Chars, _Reg, _Off, _Rss, _Pm, _Rsc)             \
    {                                                                       \
        _Minor, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_##_Chars,     \
        NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_##_Reg,      \
        NDIS_OFFLOAD_REVISION_##_Off,                                       \
        NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_##_Rss,                    \
        NDIS_PM_CAPABILITIES_REVISION_##_Pm, _Rsc, (_Minor) >= 80,          \
        NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_##_Chars,      \
        NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_##_Reg, \
        NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_##_Off,                           \
        NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_##_Rss,             \
        NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_##_Pm                     \
    }

// Oldest first.
static const XENNET_REVISIONS DriverTable[] = {
    DRIVER_ROW(20, 2, 1, 2, 1, 1, FALSE),
    DRIVER_ROW(30, 2, 2, 3, 2, 2, TRUE),
    DRIVER_ROW(40, 2, 2, 3, 2, 2, TRUE),
    DRIVER_ROW(50, 2, 2, 4, 2, 2, TRUE),
    DRIVER_ROW(51, 2, 2, 4, 2, 2, TRUE),
    DRIVER_ROW(60, 2, 2, 4, 3, 2, TRUE),
    DRIVER_ROW(70, 2, 2, 5, 3, 2, TRUE),
    DRIVER_ROW(80, 3, 2, 5, 3, 2, TRUE),
    DRIVER_ROW(81, 3, 2, 5, 3, 2, TRUE),
    DRIVER_ROW(82, 3, 2, 5, 3, 2, TRUE),
    DRIVER_ROW(83, 3, 2, 6, 3, 2, TRUE),
    DRIVER_ROW(84, 3, 2, 6, 3, 2, TRUE),
    DRIVER_ROW(85, 3, 2, 6, 3, 2, TRUE),
    DRIVER_ROW(86, 3, 2, 6, 3, 2, TRUE),
    DRIVER_ROW(87, 3, 2, 6, 3, 2, TRUE),
    DRIVER_ROW(88, 3, 2, 6, 3, 2, TRUE),
    DRIVER_ROW(89, 3, 2, 7, 3, 2, TRUE),
};
// clang-format on

#define DRIVER_MAJOR 6

// NULL where NDIS is older than the table. Version: major in the high word, minor in the low one.
static const XENNET_REVISIONS *
DriverChooseRow(ULONG Version)
{
    const XENNET_REVISIONS *Row = NULL;
    ULONG Index;

    for (Index = 0; Index < RTL_NUMBER_OF(DriverTable); Index++) {
        if (((DRIVER_MAJOR << 16) | DriverTable[Index].Minor) <= Version)
            Row = &DriverTable[Index];
    }
    return Row;
}

const XENNET_REVISIONS *
DriverRevisions(VOID)
{
    return DriverRow;
}

DRIVER_OBJECT *
DriverObject(VOID)
{
    return DriverSelf;
}

static VOID NTAPI
DriverUnload(DRIVER_OBJECT *Driver)
{
    UNREFERENCED_PARAMETER(Driver);

    NdisMDeregisterMiniportDriver(DriverHandle);
    EventUnregister();
    DriverHandle = NULL;
    DriverRow = NULL;
}

static VOID
DriverSetHandlers(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Characteristics)
{
    Characteristics->UnloadHandler = DriverUnload;
    Characteristics->InitializeHandlerEx = AdapterInitialize;
    Characteristics->HaltHandlerEx = AdapterHalt;
    Characteristics->PauseHandler = StatePause;
    Characteristics->RestartHandler = StateRestart;
    Characteristics->SendNetBufferListsHandler = AdapterSend;
    Characteristics->ReturnNetBufferListsHandler = AdapterReturn;
    Characteristics->CancelSendHandler = AdapterCancelSend;
    Characteristics->CheckForHangHandlerEx = AdapterCheckForHang;
    Characteristics->ResetHandlerEx = AdapterReset;
    Characteristics->DevicePnPEventNotifyHandler = StatePnpEvent;
    Characteristics->ShutdownHandlerEx = StateShutdown;
    Characteristics->OidRequestHandler = OidRequest;
    Characteristics->CancelOidRequestHandler = OidCancelRequest;
    if (DriverRow->RssEntryMoves)
        Characteristics->SynchronousOidRequestHandler = OidSynchronousRequest;
}

_Use_decl_annotations_
NTSTATUS NTAPI
DriverEntry(DRIVER_OBJECT *Driver, UNICODE_STRING *RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics;
    NDIS_STATUS Status;
    ULONG Version;

    DriverSelf = Driver;
    Version = NdisGetVersion();
    DriverRow = DriverChooseRow(Version);
    if (DriverRow == NULL) {
        TRACE_ERROR("NDIS %u.%u is older than 6.%u\n", Version >> 16, Version & MAXUSHORT, (ULONG)DriverTable[0].Minor);
        return NDIS_STATUS_BAD_VERSION;
    }

    EventRegister();
    RtlZeroMemory(&Characteristics, sizeof(Characteristics));
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS;
    Characteristics.Header.Revision = DriverRow->Characteristics;
    Characteristics.Header.Size = DriverRow->CharacteristicsSize;
    Characteristics.MajorNdisVersion = DRIVER_MAJOR;
    Characteristics.MinorNdisVersion = DriverRow->Minor;
    Characteristics.MajorDriverVersion = MAJOR_VERSION;
    Characteristics.MinorDriverVersion = MINOR_VERSION;
    Characteristics.Flags = NDIS_WDM_DRIVER;
    DriverSetHandlers(&Characteristics);

    Status = NdisMRegisterMiniportDriver(Driver, RegistryPath, NULL, &Characteristics, &DriverHandle);
    if (Status != NDIS_STATUS_SUCCESS) {
        TRACE_ERROR("NDIS refuses the miniport as version 6.%u (status %08x)\n", (ULONG)DriverRow->Minor,
                    (ULONG)Status);
        EventUnregister();
    } else {
        TRACE("registered as NDIS 6.%u on NDIS %u.%u\n", (ULONG)DriverRow->Minor, Version >> 16, Version & MAXUSHORT);
    }
    return Status;
}
