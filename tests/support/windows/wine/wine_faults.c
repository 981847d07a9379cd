/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What wine_setup.c puts in place of imports of the co-installer: setupapi's text log, which Wine lacks and whose lines
 * are printed; the device's state, which Wine does not know; and the registry functions and allocations that a story
 * may let fail. Also prints what a debugger would show.
 */
#define UNICODE
#include "wine_setup.h"

#include <cfgmgr32.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct fault fault = { 0, 0, 0, L"", TRUE, 0, 0 };

static BOOL fails(const WCHAR *path, DWORD *error)
{
    *error = fault.fail_error;
    return ++fault.calls == fault.fail_call ||
           (fault.fail_path[0] != 0 && path != NULL && wcsstr(path, fault.fail_path) != NULL);
}

static LSTATUS WINAPI open_key(HKEY key, LPCWSTR path, DWORD options, REGSAM access, PHKEY result)
{
    DWORD error;

    return fails(path, &error) ? (LSTATUS)error : RegOpenKeyExW(key, path, options, access, result);
}

static LSTATUS WINAPI create_key(HKEY key, LPCWSTR path, DWORD reserved, LPWSTR class, DWORD options, REGSAM access,
                                 LPSECURITY_ATTRIBUTES security, PHKEY result, LPDWORD disposition)
{
    DWORD error;

    return fails(path, &error)
               ? (LSTATUS)error
               : RegCreateKeyExW(key, path, reserved, class, options, access, security, result, disposition);
}

static LSTATUS WINAPI set_value(HKEY key, LPCWSTR name, DWORD reserved, DWORD type, const BYTE *data, DWORD size)
{
    DWORD error;

    return fails(NULL, &error) ? (LSTATUS)error : RegSetValueExW(key, name, reserved, type, data, size);
}

static LSTATUS WINAPI query_value(HKEY key, LPCWSTR name, LPDWORD reserved, LPDWORD type, LPBYTE data, LPDWORD size)
{
    DWORD error;

    return fails(NULL, &error) ? (LSTATUS)error : RegQueryValueExW(key, name, reserved, type, data, size);
}

static LSTATUS WINAPI enum_key(HKEY key, DWORD index, LPWSTR name, LPDWORD length, LPDWORD reserved, LPWSTR class,
                               LPDWORD size, PFILETIME time)
{
    DWORD error;

    return fails(NULL, &error) ? (LSTATUS)error : RegEnumKeyExW(key, index, name, length, reserved, class, size, time);
}

static LSTATUS WINAPI enum_value(HKEY key, DWORD index, LPWSTR name, LPDWORD length, LPDWORD reserved, LPDWORD type,
                                 LPBYTE data, LPDWORD size)
{
    DWORD error;

    return fails(NULL, &error) ? (LSTATUS)error : RegEnumValueW(key, index, name, length, reserved, type, data, size);
}

static LSTATUS WINAPI delete_tree(HKEY key, LPCWSTR path)
{
    DWORD error;

    return fails(path, &error) ? (LSTATUS)error : RegDeleteTreeW(key, path);
}

static LPVOID WINAPI allocate(HANDLE heap, DWORD flags, SIZE_T size)
{
    DWORD error;

    return fails(NULL, &error) ? NULL : HeapAlloc(heap, flags, size);
}

static CONFIGRET WINAPI device_status(PULONG status, PULONG problem, DEVINST device, ULONG flags)
{
    (void)device, (void)flags;
    *status = fault.device_status;
    *problem = fault.device_problem;
    return CR_SUCCESS;
}

static DWORDLONG WINAPI log_token(void)
{
    return 0x1234;
}

static void WINAPIV log_write(DWORDLONG token, DWORD category, DWORD flags, PCSTR format, ...)
{
    char text[2000];
    va_list arguments;

    va_start(arguments, format);
    _vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (token != 0x1234 || category != 8) {
        say("error\tlog token %u category %u", (unsigned)token, (unsigned)category);
    }
    say("log\t%u\t%s", (unsigned)flags, text);
}

static FARPROC WINAPI look_up(HMODULE module, LPCSTR name)
{
    if (strcmp(name, "SetupGetThreadLogToken") == 0 || strcmp(name, "SetupWriteTextLog") == 0) {
        return !fault.has_text_log ? NULL : name[5] == 'G' ? (FARPROC)log_token : (FARPROC)(ULONG_PTR)log_write;
    }
    return GetProcAddress(module, name);
}

static const struct {
    const char *name;
    void *function;
} stand_ins[] = {
    { "RegOpenKeyExW", open_key },     { "RegCreateKeyExW", create_key },
    { "RegSetValueExW", set_value },   { "RegQueryValueExW", query_value },
    { "RegEnumKeyExW", enum_key },     { "RegEnumValueW", enum_value },
    { "RegDeleteTreeW", delete_tree }, { "HeapAlloc", allocate },
    { "GetProcAddress", look_up },     { "CM_Get_DevNode_Status", device_status },
};

void replace_imports(HMODULE module)
{
    BYTE *base = (BYTE *)module;
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    IMAGE_IMPORT_DESCRIPTOR *import =
        (IMAGE_IMPORT_DESCRIPTOR *)(base +
                                    headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress);

    for (; import->Name != 0; import++) {
        IMAGE_THUNK_DATA *name = (IMAGE_THUNK_DATA *)(base + import->OriginalFirstThunk),
                         *slot = (IMAGE_THUNK_DATA *)(base + import->FirstThunk);

        for (; name->u1.AddressOfData != 0; name++, slot++) {
            const char *text = (const char *)((IMAGE_IMPORT_BY_NAME *)(base + name->u1.AddressOfData))->Name;

            for (size_t i = 0; i < sizeof(stand_ins) / sizeof(stand_ins[0]); i++) {
                DWORD was;

                if (strcmp(text, stand_ins[i].name) == 0) {
                    VirtualProtect(slot, sizeof(*slot), PAGE_READWRITE, &was);
                    slot->u1.Function = (ULONG_PTR)stand_ins[i].function;
                    VirtualProtect(slot, sizeof(*slot), was, &was);
                }
            }
        }
    }
}

/* What a debugger would show. */
LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception)
{
    EXCEPTION_RECORD *record = exception->ExceptionRecord;

    if ((record->ExceptionCode == 0x40010006 || record->ExceptionCode == 0x4001000a) && record->NumberParameters >= 2) {
        BOOL ansi = record->ExceptionCode == 0x40010006;
        const char *text = ansi ? (const char *)record->ExceptionInformation[1]
                                : narrow((const WCHAR *)record->ExceptionInformation[1]);

        say("debug\t%.*s", (int)strcspn(text, "\n"), text);
        return EXCEPTION_CONTINUE_EXECUTION;
    }
    return EXCEPTION_CONTINUE_SEARCH;
}
