/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setupapi's view of devices: see device.h. No state.
 */
#include "device.h"

#include <cfgmgr32.h>

#include "log.h"
#include "registry.h"

// The class GUID of network adapters.
static const GUID NetClass = {0x4d36e972, 0xe325, 0x11ce, {0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}};

_Use_decl_annotations_
DWORD
DeviceReadText(const DEVICE *Device, DWORD Property, WCHAR **Text)
{
    DWORD Size = 0, Type = REG_NONE, Error;
    BYTE *Buffer;

    *Text = NULL;
    if (SetupDiGetDeviceRegistryPropertyW(Device->Set, Device->Data, Property, &Type, NULL, 0, &Size))
        return ERROR_FILE_NOT_FOUND; // there, and empty
    Error = GetLastError();
    if (Error == ERROR_INVALID_DATA || Error == ERROR_FILE_NOT_FOUND)
        return ERROR_FILE_NOT_FOUND;
    if (Error != ERROR_INSUFFICIENT_BUFFER)
        return LOG_FAILURE(L"cannot ask for a property of the device", NULL, Error);

    Buffer = (BYTE *)MemoryAllocate((SIZE_T)Size + 2 * sizeof(WCHAR));
    if (Buffer == NULL)
        return LOG_FAILURE(L"no memory for a property of the device", NULL, ERROR_NOT_ENOUGH_MEMORY);
    Error = NO_ERROR;
    if (!SetupDiGetDeviceRegistryPropertyW(Device->Set, Device->Data, Property, &Type, Buffer, Size, NULL))
        Error = GetLastError();
    else if (Type != REG_SZ && Type != REG_MULTI_SZ)
        Error = ERROR_DATATYPE_MISMATCH;
    if (Error != NO_ERROR) {
        MemoryFree(Buffer);
        return LOG_FAILURE(L"cannot read a property of the device", NULL, Error);
    }
    *Text = (WCHAR *)Buffer;
    return NO_ERROR;
}

_Use_decl_annotations_
BOOL
DeviceHasDriver(const DEVICE *Device)
{
    SP_DRVINFO_DATA_W Driver;

    Driver.cbSize = sizeof(Driver);
    if (SetupDiGetSelectedDriverW(Device->Set, Device->Data, &Driver))
        return TRUE;
    if (GetLastError() != ERROR_NO_DRIVER_SELECTED)
        LOG_FAILURE(L"cannot ask which driver is selected", NULL, GetLastError());
    return FALSE;
}

static BOOL
UsesService(const DEVICE *Device, PCWSTR Service)
{
    WCHAR *Text;
    BOOL Same;

    if (DeviceReadText(Device, SPDRP_SERVICE, &Text) != NO_ERROR)
        return FALSE;
    Same = CompareStringOrdinal(Text, -1, Service, -1, TRUE) == CSTR_EQUAL;
    MemoryFree(Text);
    return Same;
}

static BOOL
IsSameDevice(HDEVINFO Set, SP_DEVINFO_DATA *Data, PCWSTR Id)
{
    WCHAR Other[DEVICE_ID_SIZE];

    return SetupDiGetDeviceInstanceIdW(Set, Data, Other, COUNT_OF(Other), NULL) &&
           CompareStringOrdinal(Other, -1, Id, -1, TRUE) == CSTR_EQUAL;
}

_Use_decl_annotations_
DWORD
DeviceReadId(const DEVICE *Device, WCHAR *Id)
{
    if (SetupDiGetDeviceInstanceIdW(Device->Set, Device->Data, Id, DEVICE_ID_SIZE, NULL))
        return NO_ERROR;
    Id[0] = 0;
    return LOG_FAILURE(L"cannot ask for the device's instance ID", NULL, GetLastError());
}

_Use_decl_annotations_
BOOL
DeviceIsLast(PCWSTR Id, PCWSTR Service)
{
    SP_DEVINFO_DATA Data;
    DEVICE Other;
    BOOL Last = TRUE;
    DWORD Index;

    // Absent devices count: their driver comes back with them.
    Other.Set = SetupDiGetClassDevsW(&NetClass, NULL, NULL, 0);
    Other.Data = &Data;
    if (Other.Set == INVALID_HANDLE_VALUE) {
        LOG_FAILURE(L"cannot list the network adapters", NULL, GetLastError());
        return FALSE;
    }
    Data.cbSize = sizeof(Data);
    for (Index = 0; Last && SetupDiEnumDeviceInfo(Other.Set, Index, &Data); Index++) {
        if (!IsSameDevice(Other.Set, &Data, Id) && UsesService(&Other, Service))
            Last = FALSE;
    }
    if (Last && GetLastError() != ERROR_NO_MORE_ITEMS) {
        LOG_FAILURE(L"cannot list the network adapters", NULL, GetLastError());
        Last = FALSE;
    }
    SetupDiDestroyDeviceInfoList(Other.Set);
    return Last;
}

_Use_decl_annotations_
VOID
DeviceSetName(const DEVICE *Device, PCWSTR Name)
{
    DWORD Size = ((DWORD)lstrlenW(Name) + 1) * sizeof(WCHAR);

    if (!SetupDiSetDeviceRegistryPropertyW(Device->Set, Device->Data, SPDRP_FRIENDLYNAME, (const BYTE *)Name, Size))
        LOG_FAILURE(L"cannot set the device's friendly name to", Name, GetLastError());
}

_Use_decl_annotations_
BOOL
DeviceAskForReboot(const DEVICE *Device)
{
    SP_DEVINSTALL_PARAMS_W Params;
    ULONG Status = 0, Problem = 0;

    if (CM_Get_DevNode_Status(&Status, &Problem, Device->Data->DevInst, 0) != CR_SUCCESS)
        return FALSE;
    if ((Status & DN_NEED_RESTART) == 0 && ((Status & DN_HAS_PROBLEM) == 0 || Problem != CM_PROB_NEED_RESTART))
        return FALSE;

    Params.cbSize = sizeof(Params);
    if (!SetupDiGetDeviceInstallParamsW(Device->Set, Device->Data, &Params)) {
        LOG_FAILURE(L"cannot read the device's install parameters", NULL, GetLastError());
        return FALSE;
    }
    Params.Flags |= DI_NEEDREBOOT;
    if (!SetupDiSetDeviceInstallParamsW(Device->Set, Device->Data, &Params)) {
        LOG_FAILURE(L"cannot ask for a reboot", NULL, GetLastError());
        return FALSE;
    }
    LOG(LOG_SUMMARY, L"the device cannot be started before Windows is");
    return TRUE;
}
