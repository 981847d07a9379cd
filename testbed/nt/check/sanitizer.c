/* SPDX-License-Identifier: BSD-2-Clause */
/* What sanitizer.h says. The calls are exported as data: they come from anywhere, at any IRQL, and nothing switches. */
#include "nt/check/sanitizer.h"

#include <stdint.h>

#include "nt/export/register.h"
#include "nt/nt.h"

static MS_ABI void ignore(void)
{
}

static void undefined(const char *what)
{
    rule_break("undefined", "undefined behaviour in C: %s", what);
}

/* As clang names its checks, with and without the end of the program behind them, which rule_break is anyway. */
#define UNDEFINED(X)                                                                                                   \
    X(type_mismatch, "a pointer that is not aligned for its type, or NULL")                                            \
    X(alignment_assumption, "a pointer that is not aligned as promised")                                               \
    X(add_overflow, "a sum that overflows")                                                                            \
    X(sub_overflow, "a difference that overflows")                                                                     \
    X(mul_overflow, "a product that overflows")                                                                        \
    X(negate_overflow, "a negation that overflows")                                                                    \
    X(divrem_overflow, "a division by zero, or one that overflows")                                                    \
    X(shift_out_of_bounds, "a shift by more than the bits there are, or of a negative number")                         \
    X(out_of_bounds, "an index outside of its array")                                                                  \
    X(vla_bound_not_positive, "an array of no length")                                                                 \
    X(load_invalid_value, "a value that its type does not have")                                                       \
    X(builtin_unreachable, "code that was said not to be reached")                                                     \
    X(missing_return, "a function that returns no value")                                                              \
    X(invalid_builtin, "a bit counted of 0")                                                                           \
    X(nonnull_arg, "NULL for what may not be NULL")                                                                    \
    X(nonnull_return_v1, "NULL returned by what may not")                                                              \
    X(pointer_overflow, "a pointer that overflows")

#define HANDLER(name, what)                                                                                            \
    static MS_ABI void name(void)                                                                                      \
    {                                                                                                                  \
        undefined(what);                                                                                               \
    }
UNDEFINED(HANDLER)

#define EXPORT(exported, function)                                                                                     \
    { SANITIZER_MODULE, exported, (void *)(function), EXPORT_DATA, EXPORT_DATA, WINDOWS_7 },
#define HANDLER_EXPORT(name, what)                                                                                     \
    EXPORT("__ubsan_handle_" #name "_minimal", name) EXPORT("__ubsan_handle_" #name "_minimal_abort", name)

#if SANITIZER_HAS_ADDRESSES
static void address(const char *access, const void *at, size_t bytes)
{
    __asan_describe_address((void *)(uintptr_t)at);
    rule_break("address", "%s of %zu bytes at %p, which are not the driver's to use: see above", access, bytes, at);
}

#define ACCESSES(X) X(1) X(2) X(4) X(8) X(16)
#define REPORT(bytes)                                                                                                  \
    static MS_ABI void read##bytes(const void *at)                                                                     \
    {                                                                                                                  \
        address("a read", at, bytes);                                                                                  \
    }                                                                                                                  \
    static MS_ABI void write##bytes(const void *at)                                                                    \
    {                                                                                                                  \
        address("a write", at, bytes);                                                                                 \
    }
ACCESSES(REPORT)

static MS_ABI void read_any(const void *at, size_t bytes)
{
    address("a read", at, bytes);
}
static MS_ABI void write_any(const void *at, size_t bytes)
{
    address("a write", at, bytes);
}
static MS_ABI void look_read(const void *at, size_t bytes)
{
    if (__asan_region_is_poisoned((void *)(uintptr_t)at, bytes) != NULL) {
        address("a read", at, bytes);
    }
}
static MS_ABI void look_write(const void *at, size_t bytes)
{
    if (__asan_region_is_poisoned((void *)(uintptr_t)at, bytes) != NULL) {
        address("a write", at, bytes);
    }
}
#define REPORT_EXPORT(bytes)                                                                                           \
    EXPORT("__asan_report_load" #bytes "_noabort", read##bytes)                                                        \
    EXPORT("__asan_report_store" #bytes "_noabort", write##bytes)
#define ADDRESS_EXPORTS                                                                                                \
    ACCESSES(REPORT_EXPORT)                                                                                            \
    EXPORT("__asan_report_load_n_noabort", read_any)                                                                   \
    EXPORT("__asan_report_store_n_noabort", write_any)                                                                 \
    EXPORT("__asan_loadN_noabort", look_read)                                                                          \
    EXPORT("__asan_storeN_noabort", look_write)                                                                        \
    EXPORT("__asan_handle_no_return", ignore)
#else
#define ADDRESS_EXPORTS
#endif

void sanitizer_exports(void)
{
    static const struct export table[] = { UNDEFINED(HANDLER_EXPORT) ADDRESS_EXPORTS EXPORT("__asan_init", ignore) };
    static bool done;

    if (!done) {
        done = true;
        export_register(table, sizeof(table) / sizeof(table[0]));
    }
}
