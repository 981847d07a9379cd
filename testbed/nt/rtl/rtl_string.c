/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counted strings: UNICODE_STRING and ANSI_STRING. The ANSI code page is UTF-8, so for ASCII text all is as on Windows.
 * Functions that touch code page tables are PASSIVE_LEVEL only there, and so here.
 */
#include <string.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/utf.h"

#define TAG_STRING                 0x53727453 /* "StrS" */
#define STATUS_BUFFER_OVERFLOW     ((int32_t)0x80000005)
#define STATUS_INVALID_PARAMETER_2 ((int32_t)0xC00000F0)

/* ANSI_STRING has the layout of UNICODE_STRING. */

static MS_ABI void nt_RtlInitUnicodeString(struct UNICODE_STRING *string, const uint16_t *text)
{
    size_t bytes = text != NULL ? utf16_length(text) * 2 : 0;

    bytes = bytes > 0xfffc ? 0xfffc : bytes;
    string->Length = (uint16_t)bytes;
    string->MaximumLength = (uint16_t)(text != NULL ? bytes + 2 : 0);
    string->Buffer = (void *)(uintptr_t)text;
}

static MS_ABI void nt_RtlInitAnsiString(struct UNICODE_STRING *string, const char *text)
{
    size_t bytes = text != NULL ? strlen(text) : 0;

    bytes = bytes > 0xfffe ? 0xfffe : bytes;
    string->Length = (uint16_t)bytes;
    string->MaximumLength = (uint16_t)(text != NULL ? bytes + 1 : 0);
    string->Buffer = (void *)(uintptr_t)text;
}

static MS_ABI void nt_RtlCopyUnicodeString(struct UNICODE_STRING *target, const struct UNICODE_STRING *source)
{
    uint16_t bytes = source == NULL                           ? 0
                     : source->Length < target->MaximumLength ? source->Length
                                                              : target->MaximumLength;

    memmove(target->Buffer, source != NULL ? source->Buffer : NULL, bytes);
    target->Length = bytes;
    if (bytes + 2 <= target->MaximumLength) {
        ((uint16_t *)target->Buffer)[bytes / 2] = 0;
    }
}

static int32_t compare(const struct UNICODE_STRING *a, const struct UNICODE_STRING *b, bool fold)
{
    const uint16_t *p = a->Buffer, *q = b->Buffer;
    size_t n = a->Length / 2u, m = b->Length / 2u;

    for (size_t i = 0; i < n && i < m; i++) {
        int32_t difference = fold ? utf16_upcase(p[i]) - utf16_upcase(q[i]) : p[i] - q[i];

        if (difference != 0) {
            return difference;
        }
    }
    return (int32_t)a->Length - b->Length;
}

static MS_ABI int32_t nt_RtlCompareUnicodeString(const struct UNICODE_STRING *a, const struct UNICODE_STRING *b,
                                                 uint8_t fold)
{
    return compare(a, b, fold);
}

static MS_ABI uint8_t nt_RtlEqualUnicodeString(const struct UNICODE_STRING *a, const struct UNICODE_STRING *b,
                                               uint8_t fold)
{
    return a->Length == b->Length && compare(a, b, fold) == 0;
}

static MS_ABI uint8_t nt_RtlPrefixUnicodeString(const struct UNICODE_STRING *prefix,
                                                const struct UNICODE_STRING *string, uint8_t fold)
{
    struct UNICODE_STRING start = *string;

    if (prefix->Length > string->Length) {
        return 0;
    }
    start.Length = prefix->Length;
    return compare(prefix, &start, fold) == 0;
}

static int32_t append(struct UNICODE_STRING *target, const void *text, size_t bytes)
{
    if (target->Length + bytes > target->MaximumLength) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memmove((uint8_t *)target->Buffer + target->Length, text, bytes);
    target->Length = (uint16_t)(target->Length + bytes);
    if (target->Length + 2 <= target->MaximumLength) {
        ((uint16_t *)target->Buffer)[target->Length / 2] = 0;
    }
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlAppendUnicodeStringToString(struct UNICODE_STRING *target,
                                                        const struct UNICODE_STRING *source)
{
    return append(target, source->Buffer, source->Length);
}

static MS_ABI int32_t nt_RtlAppendUnicodeToString(struct UNICODE_STRING *target, const uint16_t *source)
{
    return append(target, source, source != NULL ? utf16_length(source) * 2 : 0);
}

static MS_ABI uint16_t nt_RtlUpcaseUnicodeChar(uint16_t unit)
{
    return utf16_upcase(unit);
}

static bool make_room(struct UNICODE_STRING *target, size_t bytes, bool allocate, const void *caller)
{
    if (allocate) {
        target->Buffer = pool_take(bytes, TAG_STRING, POOL_BLOCK, true, caller);
        target->MaximumLength = (uint16_t)bytes;
    }
    return target->Buffer != NULL && target->MaximumLength >= bytes;
}

static MS_ABI int32_t nt_RtlAnsiStringToUnicodeString(struct UNICODE_STRING *target,
                                                      const struct UNICODE_STRING *source, uint8_t allocate)
{
    char text[0x8000];
    size_t units;

    RULE(source->Length < sizeof(text), "unsupported", "RtlAnsiStringToUnicodeString of %u bytes", source->Length);
    memcpy(text, source->Buffer, source->Length);
    text[source->Length] = 0;
    units = utf16_from_utf8(NULL, 0, text);
    if (units * 2 + 2 > UINT16_MAX) {
        return STATUS_INVALID_PARAMETER_2;
    }
    if (!make_room(target, units * 2 + 2, allocate, __builtin_return_address(0))) {
        return allocate ? STATUS_NO_MEMORY : STATUS_BUFFER_OVERFLOW;
    }
    utf16_from_utf8(target->Buffer, units + 1, text);
    target->Length = (uint16_t)(units * 2);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlUnicodeStringToAnsiString(struct UNICODE_STRING *target,
                                                      const struct UNICODE_STRING *source, uint8_t allocate)
{
    size_t bytes = utf8_from_utf16(NULL, 0, source->Buffer, source->Length / 2u);

    if (bytes + 1 > UINT16_MAX) {
        return STATUS_INVALID_PARAMETER_2;
    }
    if (!make_room(target, bytes + 1, allocate, __builtin_return_address(0))) {
        return allocate ? STATUS_NO_MEMORY : STATUS_BUFFER_OVERFLOW;
    }
    utf8_from_utf16(target->Buffer, bytes + 1, source->Buffer, source->Length / 2u);
    target->Length = (uint16_t)bytes;
    return STATUS_SUCCESS;
}

static MS_ABI void nt_RtlFreeString(struct UNICODE_STRING *string)
{
    if (string->Buffer != NULL) {
        pool_give(string->Buffer, TAG_STRING, POOL_BLOCK, "RtlFreeUnicodeString");
    }
    memset(string, 0, sizeof(*string));
}

static MS_ABI int32_t nt_RtlUnicodeToUTF8N(char *out, uint32_t room, uint32_t *length, const uint16_t *text,
                                           uint32_t bytes)
{
    char *whole = NULL;
    size_t needed = utf8_from_utf16(NULL, 0, text, bytes / 2);

    *length = (uint32_t)needed;
    if (out == NULL) {
        return STATUS_SUCCESS;
    }
    if (needed > room) {
        *length = 0;
        return STATUS_BUFFER_TOO_SMALL;
    }
    whole = pool_alloc(needed + 1, TAG_STRING);
    utf8_from_utf16(whole, needed + 1, text, bytes / 2);
    memcpy(out, whole, needed);
    pool_free(whole);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlUTF8ToUnicodeN(uint16_t *out, uint32_t room, uint32_t *length, const char *text,
                                           uint32_t bytes)
{
    char *copy = pool_alloc(bytes + 1, TAG_STRING);
    uint16_t *wide;
    size_t units;

    memcpy(copy, text, bytes);
    copy[bytes] = 0;
    units = utf16_from_utf8(NULL, 0, copy);
    *length = (uint32_t)units * 2;
    if (out != NULL && units * 2 <= room) {
        wide = pool_alloc((units + 1) * 2, TAG_STRING);
        utf16_from_utf8(wide, units + 1, copy);
        memcpy(out, wide, units * 2);
        pool_free(wide);
    }
    pool_free(copy);
    return out == NULL || units * 2 <= room ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
}

static MS_ABI int32_t nt_RtlCompareString(const struct UNICODE_STRING *a, const struct UNICODE_STRING *b, uint8_t fold)
{
    const uint8_t *p = a->Buffer, *q = b->Buffer;

    for (size_t i = 0; i < a->Length && i < b->Length; i++) {
        int32_t difference = fold ? utf16_upcase(p[i]) - utf16_upcase(q[i]) : p[i] - q[i];

        if (difference != 0) {
            return difference;
        }
    }
    return (int32_t)a->Length - b->Length;
}

static MS_ABI int32_t nt_RtlUpcaseUnicodeString(struct UNICODE_STRING *target, const struct UNICODE_STRING *source,
                                                uint8_t allocate)
{
    uint16_t *to;

    if (allocate) {
        target->Buffer = pool_take(source->Length + 2u, TAG_STRING, POOL_BLOCK, true, __builtin_return_address(0));
        target->MaximumLength = (uint16_t)(source->Length + 2);
        if (target->Buffer == NULL) {
            return STATUS_NO_MEMORY;
        }
    } else if (target->MaximumLength < source->Length) {
        return STATUS_BUFFER_OVERFLOW;
    }
    to = target->Buffer;
    for (size_t i = 0; i < source->Length / 2u; i++) {
        to[i] = utf16_upcase(((const uint16_t *)source->Buffer)[i]);
    }
    target->Length = source->Length;
    if (allocate) {
        to[source->Length / 2u] = 0;
    }
    return STATUS_SUCCESS;
}

#define RTL_STRING_EXPORTS(X)                                                                                          \
    X("ntoskrnl.exe", RtlInitUnicodeString, nt_RtlInitUnicodeString, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", RtlInitAnsiString, nt_RtlInitAnsiString, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                   \
    X("ntoskrnl.exe", RtlInitString, nt_RtlInitAnsiString, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", RtlCopyUnicodeString, nt_RtlCopyUnicodeString, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", RtlCompareUnicodeString, nt_RtlCompareUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)    \
    X("ntoskrnl.exe", RtlEqualUnicodeString, nt_RtlEqualUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)        \
    X("ntoskrnl.exe", RtlPrefixUnicodeString, nt_RtlPrefixUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)      \
    X("ntoskrnl.exe", RtlAppendUnicodeStringToString, nt_RtlAppendUnicodeStringToString, PASSIVE_LEVEL,                \
      DISPATCH_LEVEL, WINDOWS_7)                                                                                       \
    X("ntoskrnl.exe", RtlAppendUnicodeToString, nt_RtlAppendUnicodeToString, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7) \
    X("ntoskrnl.exe", RtlCompareString, nt_RtlCompareString, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", RtlUpcaseUnicodeString, nt_RtlUpcaseUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)      \
    X("ntoskrnl.exe", RtlUpcaseUnicodeChar, nt_RtlUpcaseUnicodeChar, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)              \
    X("ntoskrnl.exe", RtlAnsiStringToUnicodeString, nt_RtlAnsiStringToUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL,     \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", RtlUnicodeStringToAnsiString, nt_RtlUnicodeStringToAnsiString, PASSIVE_LEVEL, PASSIVE_LEVEL,     \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", RtlFreeUnicodeString, nt_RtlFreeString, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", RtlFreeAnsiString, nt_RtlFreeString, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                        \
    X("ntoskrnl.exe", RtlUnicodeToUTF8N, nt_RtlUnicodeToUTF8N, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                \
    X("ntoskrnl.exe", RtlUTF8ToUnicodeN, nt_RtlUTF8ToUnicodeN, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void rtl_string_start(void)
{
    EXPORT_REGISTER(RTL_STRING_EXPORTS);
}

void rtl_start(void)
{
    rtl_bits_start();
    rtl_string_start();
    rtl_convert_start();
    rtl_version_start();
    rtl_registry_start();
    string_memory_start();
    string_print_start();
}

void rtl_stop(void)
{
}
