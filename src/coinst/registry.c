/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the registry: see registry.h. What is written is written through journal.c, which can take it back.
 */
#include "registry.h"

#include "log.h"
#include "text.h"

PVOID
MemoryAllocate(SIZE_T Size)
{
    return HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Size);
}

VOID
MemoryFree(PVOID Memory)
{
    if (Memory != NULL)
        HeapFree(GetProcessHeap(), 0, Memory);
}

_Use_decl_annotations_
DWORD
RegistryServicePath(PCWSTR Service, BOOL Interfaces, PCWSTR Subscriber, WCHAR *Path)
{
    TEXT Text;

    TextStart(&Text, Path, REGISTRY_PATH_SIZE);
    TextAdd(&Text, SERVICES_KEY);
    TextAdd(&Text, Service);
    if (Interfaces)
        TextAdd(&Text, L"\\Interfaces");
    if (Subscriber != NULL) {
        TextAdd(&Text, L"\\");
        TextAdd(&Text, Subscriber);
    }
    return Text.Cut ? LOG_FAILURE(L"path is too long:", Path, ERROR_FILENAME_EXCED_RANGE) : NO_ERROR;
}

_Use_decl_annotations_
DWORD
RegistryOpen(REGISTRY_KEY *Key, PCWSTR Service, BOOL Interfaces, PCWSTR Subscriber)
{
    DWORD Error;

    Key->Handle = NULL;
    Error = RegistryServicePath(Service, Interfaces, Subscriber, Key->Path);
    if (Error != NO_ERROR)
        return Error;
    Error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, Key->Path, 0, KEY_READ, &Key->Handle);
    if (Error != NO_ERROR && Error != ERROR_FILE_NOT_FOUND)
        return LOG_FAILURE(L"cannot open HKLM", Key->Path, Error);
    return Error;
}

_Use_decl_annotations_
DWORD
RegistryServiceExists(PCWSTR Service, BOOL *Exists)
{
    REGISTRY_KEY Key;
    DWORD Error = RegistryOpen(&Key, Service, FALSE, NULL);

    *Exists = Error == NO_ERROR;
    RegistryClose(&Key);
    return Error == ERROR_FILE_NOT_FOUND ? NO_ERROR : Error;
}

_Use_decl_annotations_
VOID
RegistryClose(REGISTRY_KEY *Key)
{
    if (Key->Handle != NULL)
        RegCloseKey(Key->Handle);
    Key->Handle = NULL;
}

static DWORD
LogValue(const char *Function, PCWSTR What, const REGISTRY_KEY *Key, PCWSTR Name, DWORD Error)
{
    WCHAR Subject[REGISTRY_PATH_SIZE];
    TEXT Text;

    TextStart(&Text, Subject, COUNT_OF(Subject));
    TextAdd(&Text, Key->Path);
    TextAdd(&Text, L", value ");
    TextAdd(&Text, Name[0] != 0 ? Name : L"(default)");
    return LogFailure(Function, What, Subject, Error);
}

_Use_decl_annotations_
DWORD
RegistryReadNumber(const REGISTRY_KEY *Key, PCWSTR Name, DWORD *Number)
{
    DWORD Type = REG_NONE, Size = sizeof(*Number);
    DWORD Error;

    *Number = 0;
    Error = (DWORD)RegQueryValueExW(Key->Handle, Name, NULL, &Type, (BYTE *)Number, &Size);
    if (Error == ERROR_FILE_NOT_FOUND)
        return Error;
    if (Error == ERROR_MORE_DATA || (Error == NO_ERROR && (Type != REG_DWORD || Size != sizeof(*Number))))
        return LogValue(__FUNCTION__, L"not a REG_DWORD: HKLM", Key, Name, ERROR_DATATYPE_MISMATCH);
    if (Error != NO_ERROR)
        return LogValue(__FUNCTION__, L"cannot read HKLM", Key, Name, Error);
    return NO_ERROR;
}

_Use_decl_annotations_
DWORD
RegistryEnumKey(const REGISTRY_KEY *Key, DWORD Index, WCHAR *Name)
{
    DWORD Length = REGISTRY_NAME_SIZE;
    DWORD Error = (DWORD)RegEnumKeyExW(Key->Handle, Index, Name, &Length, NULL, NULL, NULL, NULL);

    if (Error != NO_ERROR && Error != ERROR_NO_MORE_ITEMS)
        return LOG_FAILURE(L"cannot list the keys of HKLM", Key->Path, Error);
    return Error;
}

_Use_decl_annotations_
DWORD
RegistryEnumNumber(const REGISTRY_KEY *Key, DWORD Index, WCHAR *Name, DWORD *Number)
{
    DWORD Length = REGISTRY_NAME_SIZE, Type = REG_NONE, Size = sizeof(*Number);
    DWORD Error = (DWORD)RegEnumValueW(Key->Handle, Index, Name, &Length, NULL, &Type, (BYTE *)Number, &Size);

    if (Error == ERROR_NO_MORE_ITEMS)
        return Error;
    // Too long for the number or for the name: neither is an interface with its version.
    if (Error == ERROR_MORE_DATA)
        return LOG_FAILURE(L"not a REG_DWORD among the values of HKLM", Key->Path, ERROR_DATATYPE_MISMATCH);
    if (Error != NO_ERROR)
        return LOG_FAILURE(L"cannot list the values of HKLM", Key->Path, Error);
    if (Type != REG_DWORD || Size != sizeof(*Number))
        return LogValue(__FUNCTION__, L"not a REG_DWORD: HKLM", Key, Name, ERROR_DATATYPE_MISMATCH);
    return NO_ERROR;
}
