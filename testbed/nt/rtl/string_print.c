/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sprintf and its family, narrow and wide, with the results that the Microsoft C library gives: the _sn... functions
 * return -1 when the text does not fit and then leave no NUL; the ..._s functions end the run when it does not fit,
 * unless they may cut.
 */
#include <string.h>

#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/string_format.h"

#define TRUNCATE SIZE_MAX

typedef ms_va_list va;

static int narrow(char *out, size_t size, const char *format, va arguments)
{
    struct formatted formatted = format_narrow(out, out != NULL ? size : 0, format, arguments);

    if (out == NULL) {
        return (int)formatted.length;
    }
    if (formatted.length < size) {
        out[formatted.length] = 0;
    }
    return formatted.length <= size ? (int)formatted.length : -1;
}

static int wide(uint16_t *out, size_t size, const uint16_t *format, va arguments)
{
    struct formatted formatted = format_wide(out, out != NULL ? size : 0, format, arguments);

    if (out == NULL) {
        return (int)formatted.length;
    }
    if (formatted.length < size) {
        out[formatted.length] = 0;
    }
    return formatted.length <= size ? (int)formatted.length : -1;
}

/* `count`: most characters to write, TRUNCATE or more than there is room: cut to the room. */
static int narrow_s(const char *function, char *out, size_t size, size_t count, const char *format, va arguments)
{
    size_t most = count < size ? count : size - 1;
    struct formatted formatted = format_narrow(out, most, format, arguments);
    bool fits = formatted.length <= most;

    RULE(fits || count != TRUNCATE - 1, "buffer", "%s: %zu characters do not fit into %zu", function, formatted.length,
         size);
    out[fits ? formatted.length : most] = 0;
    return fits ? (int)formatted.length : -1;
}

static int wide_s(const char *function, uint16_t *out, size_t size, size_t count, const uint16_t *format, va arguments)
{
    size_t most = count < size ? count : size - 1;
    struct formatted formatted = format_wide(out, most, format, arguments);
    bool fits = formatted.length <= most;

    RULE(fits || count != TRUNCATE - 1, "buffer", "%s: %zu characters do not fit into %zu", function, formatted.length,
         size);
    out[fits ? formatted.length : most] = 0;
    return fits ? (int)formatted.length : -1;
}

#define WITH_ARGUMENTS(last, call)                                                                                     \
    ({                                                                                                                 \
        va arguments;                                                                                                  \
        int result_;                                                                                                   \
        ms_va_start(arguments, last);                                                                                  \
        result_ = (call);                                                                                              \
        ms_va_end(arguments);                                                                                          \
        result_;                                                                                                       \
    })

static MS_CDECL int nt_sprintf(char *out, const char *format, ...)
{
    return WITH_ARGUMENTS(format, narrow(out, INT32_MAX, format, arguments));
}

static MS_CDECL int nt_vsprintf(char *out, const char *format, va arguments)
{
    return narrow(out, INT32_MAX, format, arguments);
}

static MS_CDECL int nt__snprintf(char *out, size_t size, const char *format, ...)
{
    return WITH_ARGUMENTS(format, narrow(out, size, format, arguments));
}

static MS_CDECL int nt__vsnprintf(char *out, size_t size, const char *format, va arguments)
{
    return narrow(out, size, format, arguments);
}

static MS_CDECL int nt_swprintf(uint16_t *out, const uint16_t *format, ...)
{
    return WITH_ARGUMENTS(format, wide(out, INT32_MAX, format, arguments));
}

static MS_CDECL int nt__snwprintf(uint16_t *out, size_t size, const uint16_t *format, ...)
{
    return WITH_ARGUMENTS(format, wide(out, size, format, arguments));
}

static MS_CDECL int nt__vsnwprintf(uint16_t *out, size_t size, const uint16_t *format, va arguments)
{
    return wide(out, size, format, arguments);
}

static MS_CDECL int nt_sprintf_s(char *out, size_t size, const char *format, ...)
{
    return WITH_ARGUMENTS(format, narrow_s("sprintf_s", out, size, TRUNCATE - 1, format, arguments));
}

static MS_CDECL int nt_vsprintf_s(char *out, size_t size, const char *format, va arguments)
{
    return narrow_s("vsprintf_s", out, size, TRUNCATE - 1, format, arguments);
}

static MS_CDECL int nt__snprintf_s(char *out, size_t size, size_t count, const char *format, ...)
{
    return WITH_ARGUMENTS(format, narrow_s("_snprintf_s", out, size, count, format, arguments));
}

static MS_CDECL int nt__vsnprintf_s(char *out, size_t size, size_t count, const char *format, va arguments)
{
    return narrow_s("_vsnprintf_s", out, size, count, format, arguments);
}

static MS_CDECL int nt_swprintf_s(uint16_t *out, size_t size, const uint16_t *format, ...)
{
    return WITH_ARGUMENTS(format, wide_s("swprintf_s", out, size, TRUNCATE - 1, format, arguments));
}

static MS_CDECL int nt__snwprintf_s(uint16_t *out, size_t size, size_t count, const uint16_t *format, ...)
{
    return WITH_ARGUMENTS(format, wide_s("_snwprintf_s", out, size, count, format, arguments));
}

static MS_CDECL int nt__vsnwprintf_s(uint16_t *out, size_t size, size_t count, const uint16_t *format, va arguments)
{
    return wide_s("_vsnwprintf_s", out, size, count, format, arguments);
}

#define ANY(X, name) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)
/* clang-format off: a row each, which it would join */
#define STRING_PRINT_EXPORTS(X)                                                                                        \
    ANY(X, sprintf)                                                                                                    \
    ANY(X, vsprintf)                                                                                                   \
    ANY(X, _snprintf)                                                                                                  \
    ANY(X, _vsnprintf)                                                                                                 \
    ANY(X, swprintf)                                                                                                   \
    ANY(X, _snwprintf)                                                                                                 \
    ANY(X, _vsnwprintf)                                                                                                \
    ANY(X, sprintf_s)                                                                                                  \
    ANY(X, vsprintf_s)                                                                                                 \
    ANY(X, _snprintf_s)                                                                                                \
    ANY(X, _vsnprintf_s)                                                                                               \
    ANY(X, swprintf_s)                                                                                                 \
    ANY(X, _snwprintf_s)                                                                                               \
    ANY(X, _vsnwprintf_s)
/* clang-format on */

void string_print_start(void)
{
    EXPORT_REGISTER(STRING_PRINT_EXPORTS);
}
