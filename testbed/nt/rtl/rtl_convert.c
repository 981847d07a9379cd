/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and GUIDs to counted strings and back, and small helpers: random numbers, memory comparison. */
#include <stdio.h>
#include <string.h>

#include "nt/export/register.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/utf.h"

#define TAG_STRING 0x53727453 /* "StrS" */

struct guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

static MS_ABI int32_t nt_RtlStringFromGUID(const struct guid *guid, struct UNICODE_STRING *string)
{
    char text[40];

    snprintf(text, sizeof(text), "{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", guid->a, guid->b, guid->c,
             guid->d[0], guid->d[1], guid->d[2], guid->d[3], guid->d[4], guid->d[5], guid->d[6], guid->d[7]);
    string->Buffer = pool_take(39 * 2, TAG_STRING, POOL_BLOCK, true, __builtin_return_address(0));
    if (string->Buffer == NULL) {
        return STATUS_NO_MEMORY;
    }
    string->Length = 38 * 2;
    string->MaximumLength = 39 * 2;
    utf16_from_utf8(string->Buffer, 39, text);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlGUIDFromString(const struct UNICODE_STRING *string, struct guid *guid)
{
    char text[64];
    unsigned v[11];
    int end = 0;

    utf8_from_utf16(text, sizeof(text), string->Buffer, string->Length / 2u);
    if (string->Length != 38 * 2 ||
        sscanf(text, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
               &v[7], &v[8], &v[9], &v[10], &end) != 11 ||
        end != 38) {
        return STATUS_INVALID_PARAMETER;
    }
    guid->a = v[0];
    guid->b = (uint16_t)v[1];
    guid->c = (uint16_t)v[2];
    for (int i = 0; i < 8; i++) {
        guid->d[i] = (uint8_t)v[3 + i];
    }
    return STATUS_SUCCESS;
}

static int digit_of(uint16_t unit)
{
    if (unit >= '0' && unit <= '9') {
        return unit - '0';
    }
    unit = utf16_upcase(unit);
    return unit >= 'A' && unit <= 'Z' ? unit - 'A' + 10 : 99;
}

/* Leading blanks, a sign, and with base 0 the prefixes 0x, 0o and 0b; stops at the first character that is no digit. */
static MS_ABI int32_t nt_RtlUnicodeStringToInteger(const struct UNICODE_STRING *string, uint32_t base, uint32_t *value)
{
    const uint16_t *text = string->Buffer;
    size_t at = 0, end = string->Length / 2u;
    uint32_t number = 0;
    bool negative = false;

    while (at < end && text[at] <= ' ') {
        at++;
    }
    if (at < end && (text[at] == '-' || text[at] == '+')) {
        negative = text[at++] == '-';
    }
    if (base == 0) {
        base = 10;
        if (at + 1 < end && text[at] == '0' && (text[at + 1] == 'x' || text[at + 1] == 'o' || text[at + 1] == 'b')) {
            base = text[at + 1] == 'x' ? 16 : text[at + 1] == 'o' ? 8 : 2;
            at += 2;
        }
    } else if (base != 2 && base != 8 && base != 10 && base != 16) {
        return STATUS_INVALID_PARAMETER;
    }
    for (; at < end && (uint32_t)digit_of(text[at]) < base; at++) {
        number = number * base + (uint32_t)digit_of(text[at]);
    }
    *value = negative ? 0 - number : number;
    return STATUS_SUCCESS;
}

static int32_t integer_to_string(uint64_t value, uint32_t base, struct UNICODE_STRING *string)
{
    char digits[66];
    size_t count = 0;

    base = base == 0 ? 10 : base;
    if (base != 2 && base != 8 && base != 10 && base != 16) {
        return STATUS_INVALID_PARAMETER;
    }
    do {
        digits[count++] = "0123456789ABCDEF"[value % base];
        value /= base;
    } while (value != 0);
    if (count * 2 > string->MaximumLength) {
        return (int32_t)0x80000005; /* STATUS_BUFFER_OVERFLOW */
    }
    for (size_t i = 0; i < count; i++) {
        ((uint16_t *)string->Buffer)[i] = (uint8_t)digits[count - 1 - i];
    }
    string->Length = (uint16_t)(count * 2);
    if (string->Length + 2 <= string->MaximumLength) {
        ((uint16_t *)string->Buffer)[count] = 0;
    }
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_RtlIntegerToUnicodeString(uint32_t value, uint32_t base, struct UNICODE_STRING *string)
{
    return integer_to_string(value, base, string);
}

static MS_ABI int32_t nt_RtlInt64ToUnicodeString(uint64_t value, uint32_t base, struct UNICODE_STRING *string)
{
    return integer_to_string(value, base, string);
}

static MS_ABI size_t nt_RtlCompareMemory(const void *a, const void *b, size_t bytes)
{
    const uint8_t *p = a, *q = b;
    size_t same = 0;

    while (same < bytes && p[same] == q[same]) {
        same++;
    }
    return same;
}

/* Drawn from the run's seed, whatever the driver's own seed is: a simulated run stays reproducible, a driver sees
 * chance. */
static MS_ABI uint32_t nt_RtlRandomEx(uint32_t *seed)
{
    *seed = (uint32_t)sched_random(0x7fffffff);
    return *seed;
}

static MS_ABI int32_t nt_ExUuidCreate(uint8_t *uuid)
{
    for (int i = 0; i < 16; i++) {
        uuid[i] = (uint8_t)sched_random(256);
    }
    uuid[7] = (uint8_t)((uuid[7] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    return STATUS_SUCCESS;
}

#define RTL_CONVERT_EXPORTS(X)                                                                                         \
    X("ntoskrnl.exe", RtlStringFromGUID, nt_RtlStringFromGUID, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                \
    X("ntoskrnl.exe", RtlGUIDFromString, nt_RtlGUIDFromString, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                \
    X("ntoskrnl.exe", RtlUnicodeStringToInteger, nt_RtlUnicodeStringToInteger, PASSIVE_LEVEL, PASSIVE_LEVEL,           \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", RtlIntegerToUnicodeString, nt_RtlIntegerToUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL,           \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", RtlInt64ToUnicodeString, nt_RtlInt64ToUnicodeString, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)    \
    X("ntoskrnl.exe", RtlCompareMemory, nt_RtlCompareMemory, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", RtlRandomEx, nt_RtlRandomEx, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                                \
    X("ntoskrnl.exe", RtlRandom, nt_RtlRandomEx, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                                  \
    X("ntoskrnl.exe", ExUuidCreate, nt_ExUuidCreate, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void rtl_convert_start(void)
{
    EXPORT_REGISTER(RTL_CONVERT_EXPORTS);
}
