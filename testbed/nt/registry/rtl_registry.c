/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry by path: RtlWriteRegistryValue, RtlCheckRegistryKey, RtlDeleteRegistryValue, RtlQueryRegistryValues. Of
 * the query tables the entries that a network driver uses are there: direct ones and callbacks on named values, with
 * subkeys, required values and defaults; others end the run by name.
 */
#include <stdio.h>
#include <string.h>

#include "nt/export/register.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"
#include "nt/registry/registry.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/utf.h"

#define TAG_REGISTRY 0x67655251 /* "QReg" */

enum {
    QUERY_SUBKEY = 1,
    QUERY_TOPKEY = 2,
    QUERY_REQUIRED = 4,
    QUERY_NOVALUE = 8,
    QUERY_NOEXPAND = 0x10,
    QUERY_DIRECT = 0x20,
    QUERY_DELETE = 0x40,
    QUERY_TYPECHECK = 0x100,
    RELATIVE_OPTIONAL = (int)0x80000000
};

struct RTL_QUERY_REGISTRY_TABLE {
    void *QueryRoutine;
    uint32_t Flags;
    uint16_t *Name;
    void *EntryContext;
    uint32_t DefaultType;
    void *DefaultData;
    uint32_t DefaultLength;
};

typedef MS_ABI int32_t query_routine(uint16_t *name, uint32_t type, void *data, uint32_t length, void *context,
                                     void *entry_context);

static void path_of(uint32_t relative, const uint16_t *path, char *text, size_t size)
{
    static const char *const roots[] = {
        "",
        "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\",
        "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\",
        "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\",
        "\\Registry\\Machine\\Hardware\\DeviceMap\\",
    };
    size_t used;

    relative &= ~(uint32_t)RELATIVE_OPTIONAL;
    RULE(relative < sizeof(roots) / sizeof(roots[0]), "unsupported", "a registry path relative to %u", relative);
    used = (size_t)snprintf(text, size, "%s", roots[relative]);
    utf8_from_utf16(text + used, size - used, path, utf16_length(path));
}

static MS_ABI int32_t nt_RtlCheckRegistryKey(uint32_t relative, const uint16_t *path)
{
    char text[600];

    path_of(relative, path, text, sizeof(text));
    return registry_key_exists(text) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

static MS_ABI int32_t nt_RtlCreateRegistryKey(uint32_t relative, const uint16_t *path)
{
    char text[600];

    path_of(relative, path, text, sizeof(text));
    registry_create_key(text);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlWriteRegistryValue(uint32_t relative, const uint16_t *path, const uint16_t *name,
                                               uint32_t type, const void *data, uint32_t size)
{
    char text[600], value[300];

    path_of(relative, path, text, sizeof(text));
    utf8_from_utf16(value, sizeof(value), name, utf16_length(name));
    registry_set_value(text, value, type, data, size);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlDeleteRegistryValue(uint32_t relative, const uint16_t *path, const uint16_t *name)
{
    char text[600], value[300];
    size_t none = 0;

    path_of(relative, path, text, sizeof(text));
    utf8_from_utf16(value, sizeof(value), name, utf16_length(name));
    if (!registry_get_value(text, value, NULL, NULL, &none)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    registry_delete_value(text, value);
    return STATUS_SUCCESS;
}

/* RTL_QUERY_REGISTRY_DIRECT: strings go to a UNICODE_STRING (with a buffer made for it if it has none), numbers to a
 * ULONG. */
static int32_t store(const struct RTL_QUERY_REGISTRY_TABLE *entry, uint32_t type, const void *data, size_t size,
                     const void *caller)
{
    struct UNICODE_STRING *string = entry->EntryContext;

    if ((entry->Flags & QUERY_TYPECHECK) != 0 && entry->DefaultType >> 24 != type) {
        return (int32_t)0xC0000024; /* STATUS_OBJECT_TYPE_MISMATCH */
    }
    if (type == REGISTRY_DWORD) {
        memcpy(entry->EntryContext, data, sizeof(uint32_t));
        return STATUS_SUCCESS;
    }
    RULE(type == REGISTRY_SZ || type == REGISTRY_EXPAND_SZ || type == REGISTRY_MULTI_SZ, "unsupported",
         "RtlQueryRegistryValues: a direct query of a value of type %u", type);
    if (string->Buffer == NULL) {
        string->Buffer = pool_take(size, TAG_REGISTRY, POOL_BLOCK, true, caller);
        string->MaximumLength = (uint16_t)size;
        if (string->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
    }
    if (string->MaximumLength < size) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memcpy(string->Buffer, data, size);
    string->Length = (uint16_t)(size - 2);
    return STATUS_SUCCESS;
}

static int32_t query_entry(const char *key, const struct RTL_QUERY_REGISTRY_TABLE *entry, void *context,
                           const void *caller)
{
    uint8_t data[4096];
    size_t size = sizeof(data);
    enum registry_type type;
    char name[300];
    const void *value = data;
    int32_t status;

    utf8_from_utf16(name, sizeof(name), entry->Name, utf16_length(entry->Name));
    if (!registry_get_value(key, name, &type, data, &size)) {
        if ((entry->Flags & QUERY_REQUIRED) != 0) {
            return STATUS_OBJECT_NAME_NOT_FOUND;
        }
        type = entry->DefaultType & 0xff;
        value = entry->DefaultData;
        size = entry->DefaultLength;
        if (type == REGISTRY_NONE) {
            return STATUS_SUCCESS;
        }
        if (size == 0 && (type == REGISTRY_SZ || type == REGISTRY_EXPAND_SZ)) {
            size = (utf16_length(value) + 1) * 2;
        }
    }
    RULE(size <= sizeof(data), "unsupported", "RtlQueryRegistryValues of a value of %zu bytes", size);
    if ((entry->Flags & QUERY_DIRECT) != 0) {
        status = store(entry, type, value, size, caller);
    } else {
        query_routine *routine = (query_routine *)entry->QueryRoutine;

        memmove(data, value, size);
        status = DRIVER_CALL("query routine",
                             routine(entry->Name, type, data, (uint32_t)size, context, entry->EntryContext));
    }
    if (NT_SUCCESS(status) && (entry->Flags & QUERY_DELETE) != 0) {
        registry_delete_value(key, name);
    }
    return status;
}

static MS_ABI int32_t nt_RtlQueryRegistryValues(uint32_t relative, const uint16_t *path,
                                                const struct RTL_QUERY_REGISTRY_TABLE *table, void *context,
                                                void *environment)
{
    char top[600], key[900], name[300];
    int32_t status = STATUS_SUCCESS;

    (void)environment;
    path_of(relative, path, top, sizeof(top));
    snprintf(key, sizeof(key), "%s", top);
    if (!registry_key_exists(top)) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    for (; NT_SUCCESS(status) && (table->QueryRoutine != NULL || (table->Flags & (QUERY_SUBKEY | QUERY_DIRECT)) != 0);
         table++) {
        if ((table->Flags & (QUERY_TOPKEY | QUERY_SUBKEY)) != 0) {
            snprintf(key, sizeof(key), "%s", top);
        }
        if ((table->Flags & QUERY_SUBKEY) != 0) {
            utf8_from_utf16(name, sizeof(name), table->Name, utf16_length(table->Name));
            snprintf(key, sizeof(key), "%s\\%s", top, name);
            if (!registry_key_exists(key) && (table->Flags & QUERY_REQUIRED) != 0) {
                status = STATUS_OBJECT_NAME_NOT_FOUND;
            }
            continue;
        }
        RULE(table->Name != NULL && (table->Flags & QUERY_NOVALUE) == 0, "unsupported",
             "RtlQueryRegistryValues of all values of a key");
        status = query_entry(key, table, context, __builtin_return_address(0));
    }
    return status;
}

#define RTL_REGISTRY_EXPORTS(X)                                                                                        \
    X("ntoskrnl.exe", RtlCheckRegistryKey, nt_RtlCheckRegistryKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)            \
    X("ntoskrnl.exe", RtlCreateRegistryKey, nt_RtlCreateRegistryKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)          \
    X("ntoskrnl.exe", RtlWriteRegistryValue, nt_RtlWriteRegistryValue, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)        \
    X("ntoskrnl.exe", RtlDeleteRegistryValue, nt_RtlDeleteRegistryValue, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)      \
    X("ntoskrnl.exe", RtlQueryRegistryValues, nt_RtlQueryRegistryValues, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void rtl_registry_start(void)
{
    EXPORT_REGISTER(RTL_REGISTRY_EXPORTS);
}
