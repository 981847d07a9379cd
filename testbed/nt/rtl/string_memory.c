/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's memory and string functions as ntoskrnl.exe exports them, any IRQL. Memory functions go to the
 * host's, which are fast, unless there are no bytes: a driver may name no memory then. Wide ones work on 16-bit units
 * and are written out here.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/utf.h"

static MS_CDECL void *nt_memcpy(void *to, const void *from, size_t bytes)
{
    return bytes != 0 ? memcpy(to, from, bytes) : to;
}
static MS_CDECL void *nt_memmove(void *to, const void *from, size_t bytes)
{
    return bytes != 0 ? memmove(to, from, bytes) : to;
}
static MS_CDECL void *nt_memset(void *to, int byte, size_t bytes)
{
    return bytes != 0 ? memset(to, byte, bytes) : to;
}
static MS_CDECL int nt_memcmp(const void *a, const void *b, size_t bytes)
{
    return bytes != 0 ? memcmp(a, b, bytes) : 0;
}
static MS_CDECL const void *nt_memchr(const void *in, int byte, size_t bytes)
{
    return bytes != 0 ? memchr(in, byte, bytes) : NULL;
}
static MS_CDECL size_t nt_strlen(const char *text)
{
    return strlen(text);
}
static MS_CDECL size_t nt_strnlen(const char *text, size_t most)
{
    return strnlen(text, most);
}
static MS_CDECL int nt_strcmp(const char *a, const char *b)
{
    return strcmp(a, b);
}
static MS_CDECL int nt_strncmp(const char *a, const char *b, size_t most)
{
    return strncmp(a, b, most);
}
static MS_CDECL int nt__stricmp(const char *a, const char *b)
{
    return strcasecmp(a, b);
}
static MS_CDECL int nt__strnicmp(const char *a, const char *b, size_t most)
{
    return strncasecmp(a, b, most);
}
static MS_CDECL char *nt_strcpy(char *to, const char *from)
{
    return strcpy(to, from);
}
static MS_CDECL char *nt_strncpy(char *to, const char *from, size_t most)
{
    return strncpy(to, from, most);
}
static MS_CDECL char *nt_strcat(char *to, const char *from)
{
    return strcat(to, from);
}
static MS_CDECL char *nt_strchr(const char *text, int c)
{
    return strchr(text, c);
}
static MS_CDECL char *nt_strrchr(const char *text, int c)
{
    return strrchr(text, c);
}
static MS_CDECL char *nt_strstr(const char *text, const char *part)
{
    return strstr(text, part);
}
static MS_CDECL int nt_atoi(const char *text)
{
    return atoi(text);
}
static MS_CDECL int nt_tolower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}
static MS_CDECL int nt_toupper(int c)
{
    return c >= 'a' && c <= 'z' ? c - 32 : c;
}
static MS_CDECL int nt_isdigit(int c)
{
    return c >= '0' && c <= '9';
}

static MS_CDECL size_t nt_wcslen(const uint16_t *text)
{
    return utf16_length(text);
}

static MS_CDECL size_t nt_wcsnlen(const uint16_t *text, size_t most)
{
    size_t n = 0;

    while (n < most && text[n] != 0) {
        n++;
    }
    return n;
}

static int compare(const uint16_t *a, const uint16_t *b, size_t most, bool fold)
{
    for (size_t i = 0; i < most; i++) {
        int p = fold ? utf16_upcase(a[i]) : a[i], q = fold ? utf16_upcase(b[i]) : b[i];

        if (p != q || p == 0) {
            return p < q ? -1 : p > q;
        }
    }
    return 0;
}

static MS_CDECL int nt_wcscmp(const uint16_t *a, const uint16_t *b)
{
    return compare(a, b, SIZE_MAX, false);
}
static MS_CDECL int nt_wcsncmp(const uint16_t *a, const uint16_t *b, size_t most)
{
    return compare(a, b, most, false);
}
static MS_CDECL int nt__wcsicmp(const uint16_t *a, const uint16_t *b)
{
    return compare(a, b, SIZE_MAX, true);
}
static MS_CDECL int nt__wcsnicmp(const uint16_t *a, const uint16_t *b, size_t most)
{
    return compare(a, b, most, true);
}

static MS_CDECL uint16_t *nt_wcscpy(uint16_t *to, const uint16_t *from)
{
    return memcpy(to, from, (utf16_length(from) + 1) * 2);
}

static MS_CDECL uint16_t *nt_wcsncpy(uint16_t *to, const uint16_t *from, size_t most)
{
    size_t length = nt_wcsnlen(from, most);

    memcpy(to, from, length * 2);
    memset(to + length, 0, (most - length) * 2);
    return to;
}

static MS_CDECL uint16_t *nt_wcscat(uint16_t *to, const uint16_t *from)
{
    nt_wcscpy(to + utf16_length(to), from);
    return to;
}

static MS_CDECL const uint16_t *nt_wcschr(const uint16_t *text, uint16_t unit)
{
    for (;; text++) {
        if (*text == unit) {
            return text;
        }
        if (*text == 0) {
            return NULL;
        }
    }
}

static MS_CDECL const uint16_t *nt_wcsrchr(const uint16_t *text, uint16_t unit)
{
    const uint16_t *found = NULL;

    for (;; text++) {
        if (*text == unit) {
            found = text;
        }
        if (*text == 0) {
            return found;
        }
    }
}

static MS_CDECL const uint16_t *nt_wcsstr(const uint16_t *text, const uint16_t *part)
{
    size_t length = utf16_length(part);

    for (;; text++) {
        if (compare(text, part, length, false) == 0) {
            return text;
        }
        if (*text == 0) {
            return NULL;
        }
    }
}

/* What a driver may import though the testbed cannot do it: exceptions. */
static MS_CDECL int32_t nt___C_specific_handler(void)
{
    rule_break("unsupported", "a structured exception in the driver (__C_specific_handler)");
}

#define ANY(X, name) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)
/* clang-format off */
#define STRING_MEMORY_EXPORTS(X) \
    ANY(X, memcpy) ANY(X, memmove) ANY(X, memset) ANY(X, memcmp) ANY(X, memchr) \
    ANY(X, strlen) ANY(X, strnlen) ANY(X, strcmp) ANY(X, strncmp) ANY(X, _stricmp) \
    ANY(X, _strnicmp) ANY(X, strcpy) ANY(X, strncpy) ANY(X, strcat) ANY(X, strchr) \
    ANY(X, strrchr) ANY(X, strstr) ANY(X, atoi) ANY(X, tolower) ANY(X, toupper) \
    ANY(X, isdigit) ANY(X, wcslen) ANY(X, wcsnlen) ANY(X, wcscmp) ANY(X, wcsncmp) \
    ANY(X, _wcsicmp) ANY(X, _wcsnicmp) ANY(X, wcscpy) ANY(X, wcsncpy) ANY(X, wcscat) \
    ANY(X, wcschr) ANY(X, wcsrchr) ANY(X, wcsstr) ANY(X, __C_specific_handler)
/* clang-format on */

void string_memory_start(void)
{
    EXPORT_REGISTER(STRING_MEMORY_EXPORTS);
}
