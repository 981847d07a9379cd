/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device that is being installed or removed, as setupapi shows it. All functions are called from within a DIF
 * request, on the installer's thread, and log what fails.
 */
#ifndef COINST_DEVICE_H
#define COINST_DEVICE_H

#include "windows_api.h"

#include <setupapi.h>

typedef struct _DEVICE {
    HDEVINFO Set;
    SP_DEVINFO_DATA *Data;
} DEVICE;

// A text, or a list of texts, that the caller frees with MemoryFree; it ends with two terminators whatever the device
// says. ERROR_FILE_NOT_FOUND: the device has no such property, which is not logged.
_Check_return_ DWORD DeviceReadText(_In_ const DEVICE *Device, _In_ DWORD Property, _Outptr_ WCHAR **Text);

// Whether a driver other than "none" is about to be installed.
BOOL DeviceHasDriver(_In_ const DEVICE *Device);

#define DEVICE_ID_SIZE 200 // characters: Windows' own limit for a device instance ID

_Check_return_ DWORD DeviceReadId(_In_ const DEVICE *Device, _Out_writes_z_(DEVICE_ID_SIZE) WCHAR *Id);

// Whether no installed device but this one, present or not, uses the service. FALSE if that cannot be determined.
BOOL DeviceIsLast(_In_z_ PCWSTR Id, _In_z_ PCWSTR Service);

VOID DeviceSetName(_In_ const DEVICE *Device, _In_z_ PCWSTR Name);

// Asks for a reboot if Windows reports that the device cannot be started without one. TRUE if it asked.
BOOL DeviceAskForReboot(_In_ const DEVICE *Device);

#endif
