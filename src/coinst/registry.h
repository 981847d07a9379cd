/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registry keys below HKEY_LOCAL_MACHINE that know their path, so that every failure is logged with it.
 *
 * Functions return a Windows error. That a key or a value is not there (ERROR_FILE_NOT_FOUND) and that an enumeration
 * has ended (ERROR_NO_MORE_ITEMS) are answers, not failures, and are not logged; everything else is.
 */
#ifndef COINST_REGISTRY_H
#define COINST_REGISTRY_H

#include "windows_api.h"

#define REGISTRY_NAME_SIZE 256 // characters of a key's name, the terminator included: Windows' own limit
#define REGISTRY_PATH_SIZE 400 // characters: two services' names and what stands between them

typedef struct _REGISTRY_KEY {
    HKEY Handle;
    WCHAR Path[REGISTRY_PATH_SIZE];
} REGISTRY_KEY;

// Services\<Service>, or Services\<Service>\Interfaces, or Services\<Service>\Interfaces\<Subscriber>.
_Check_return_ DWORD RegistryServicePath(_In_z_ PCWSTR Service, _In_ BOOL Interfaces, _In_opt_z_ PCWSTR Subscriber,
                                         _Out_writes_z_(REGISTRY_PATH_SIZE) WCHAR *Path);

// For reading; the path as above.
_Check_return_ DWORD RegistryOpen(_Out_ REGISTRY_KEY *Key, _In_z_ PCWSTR Service, _In_ BOOL Interfaces,
                                  _In_opt_z_ PCWSTR Subscriber);
_Check_return_ DWORD RegistryServiceExists(_In_z_ PCWSTR Service, _Out_ BOOL *Exists);
VOID RegistryClose(_Inout_ REGISTRY_KEY *Key);

// A value that is no REG_DWORD of four bytes is ERROR_DATATYPE_MISMATCH.
_Check_return_ DWORD RegistryReadNumber(_In_ const REGISTRY_KEY *Key, _In_z_ PCWSTR Name, _Out_ DWORD *Number);
_Check_return_ DWORD RegistryEnumKey(_In_ const REGISTRY_KEY *Key, _In_ DWORD Index,
                                     _Out_writes_z_(REGISTRY_NAME_SIZE) WCHAR *Name);
_Check_return_ DWORD RegistryEnumNumber(_In_ const REGISTRY_KEY *Key, _In_ DWORD Index,
                                        _Out_writes_z_(REGISTRY_NAME_SIZE) WCHAR *Name, _Out_ DWORD *Number);

PVOID MemoryAllocate(_In_ SIZE_T Size); // zeroed, NULL if there is none
VOID MemoryFree(_In_opt_ PVOID Memory);

#endif
