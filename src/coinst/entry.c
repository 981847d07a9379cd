/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device co-installer that the INF names for Windows before 10 1709. Windows calls it around each step of an
 * installation (a DIF code); two of them matter, all others pass:
 *
 *   DIF_INSTALLDEVICE   before: refuse what would not work or break others (veto.c)
 *                       after:  subscribe to XENVIF, name the device, ask for a reboot if Windows needs one
 *   DIF_REMOVE          after:  the last device takes the subscription with it
 *
 *             Windows                         here
 *   step ---> co-installer, first call  ---> InstallBefore: error ends the step, nothing is changed
 *             the class installer's work
 *             co-installer, second call ---> InstallAfter: error fails the step, what was written is undone
 *
 * Windows loads the DLL for a step and unloads it again; nothing is kept but the INSTALLATION that Windows carries.
 */
#include "device.h"
#include "log.h"
#include "registry.h"
#include "subscription.h"
#include "text.h"
#include "veto.h"

#define NAME_SIZE 200 // characters

typedef struct _INSTALLATION {
    VETO_VERSIONS Versions;
    WCHAR *OldName; // the friendly name before the installation, or NULL
} INSTALLATION;

DWORD CALLBACK CoDeviceInstall(DI_FUNCTION Function, HDEVINFO Set, SP_DEVINFO_DATA *Data,
                               COINSTALLER_CONTEXT_DATA *Coinstaller);

static DWORD
InstallBefore(const DEVICE *Device, COINSTALLER_CONTEXT_DATA *Coinstaller)
{
    INSTALLATION *Installation;
    DWORD Error;

    if (!DeviceHasDriver(Device))
        return NO_ERROR;

    Installation = (INSTALLATION *)MemoryAllocate(sizeof(*Installation));
    if (Installation == NULL)
        return LOG_FAILURE(L"no memory to install the device", NULL, ERROR_NOT_ENOUGH_MEMORY);
    Error = VetoCheck(Device, &Installation->Versions);
    if (Error != NO_ERROR) {
        MemoryFree(Installation);
        return Error;
    }
    if (DeviceReadText(Device, SPDRP_FRIENDLYNAME, &Installation->OldName) != NO_ERROR)
        Installation->OldName = NULL;
    Coinstaller->PrivateData = Installation;
    return ERROR_DI_POSTPROCESSING_REQUIRED;
}

static BOOL
IsNumber(PCWSTR Text)
{
    size_t Index;

    for (Index = 0; Text[Index] >= L'0' && Text[Index] <= L'9'; Index++)
        ;
    return Index > 0 && Index < 10 && Text[Index] == 0;
}

/*
 * A name that a device has stays. A new device is named after its place: XenVif reports the number of the virtual
 * interface, so that "#1" is the same interface here and in the toolstack.
 */
static VOID
NameDevice(const DEVICE *Device, PCWSTR OldName)
{
    WCHAR *Description, *Location;
    WCHAR Name[NAME_SIZE];
    TEXT Text;

    if (OldName != NULL) {
        DeviceSetName(Device, OldName);
        return;
    }
    if (DeviceReadText(Device, SPDRP_DEVICEDESC, &Description) != NO_ERROR)
        return;
    if (DeviceReadText(Device, SPDRP_LOCATION_INFORMATION, &Location) == NO_ERROR) {
        TextStart(&Text, Name, COUNT_OF(Name));
        TextAdd(&Text, Description);
        TextAdd(&Text, L" #");
        TextAdd(&Text, Location);
        if (IsNumber(Location) && !Text.Cut)
            DeviceSetName(Device, Name);
        MemoryFree(Location);
    }
    MemoryFree(Description);
}

static DWORD
InstallAfter(const DEVICE *Device, COINSTALLER_CONTEXT_DATA *Coinstaller)
{
    INSTALLATION *Installation = (INSTALLATION *)Coinstaller->PrivateData;
    DWORD Error = Coinstaller->InstallResult;

    if (Installation == NULL)
        return LOG_FAILURE(L"called a second time without the first", NULL, ERROR_INVALID_PARAMETER);
    Coinstaller->PrivateData = NULL;
    if (Error != NO_ERROR) {
        LOG_FAILURE(L"Windows did not install the device, so nothing is written", NULL, Error);
    } else {
        Error = SubscriptionWrite(&Installation->Versions);
        if (Error == NO_ERROR) {
            NameDevice(Device, Installation->OldName);
            DeviceAskForReboot(Device);
        }
    }
    MemoryFree(Installation->OldName);
    MemoryFree(Installation);
    return Error;
}

// The device is asked for its ID while it still has one.
static DWORD
RemoveBefore(const DEVICE *Device, COINSTALLER_CONTEXT_DATA *Coinstaller)
{
    WCHAR *Id = (WCHAR *)MemoryAllocate(DEVICE_ID_SIZE * sizeof(WCHAR));

    if (Id == NULL || DeviceReadId(Device, Id) != NO_ERROR) {
        LOG(LOG_WARNING,
            L"the subscription to " PROVIDER_NAME L" stays: whether this device is the last cannot be determined");
        MemoryFree(Id);
        return NO_ERROR;
    }
    Coinstaller->PrivateData = Id;
    return ERROR_DI_POSTPROCESSING_REQUIRED;
}

static DWORD
RemoveAfter(COINSTALLER_CONTEXT_DATA *Coinstaller)
{
    WCHAR *Id = (WCHAR *)Coinstaller->PrivateData;

    if (Id == NULL)
        return LOG_FAILURE(L"called a second time without the first", NULL, ERROR_INVALID_PARAMETER);
    Coinstaller->PrivateData = NULL;
    if (Coinstaller->InstallResult == NO_ERROR && DeviceIsLast(Id, DRIVER_NAME))
        SubscriptionDelete();
    MemoryFree(Id);
    return Coinstaller->InstallResult;
}

DWORD CALLBACK
CoDeviceInstall(DI_FUNCTION Function, HDEVINFO Set, SP_DEVINFO_DATA *Data, COINSTALLER_CONTEXT_DATA *Coinstaller)
{
    DEVICE Device;

    Device.Set = Set;
    Device.Data = Data;
    switch (Function) {
    case DIF_INSTALLDEVICE:
        if (Data == NULL)
            break;
        return Coinstaller->PostProcessing ? InstallAfter(&Device, Coinstaller) : InstallBefore(&Device, Coinstaller);
    case DIF_REMOVE:
        if (Data == NULL)
            break;
        return Coinstaller->PostProcessing ? RemoveAfter(Coinstaller) : RemoveBefore(&Device, Coinstaller);
    default:
        break;
    }
    // Somebody else's business: in a second call the result so far is handed on.
    return Coinstaller->PostProcessing ? Coinstaller->InstallResult : NO_ERROR;
}
