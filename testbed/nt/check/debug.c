/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DbgPrint and its relatives, and the ways in which a driver ends the machine: KeBugCheckEx, RtlAssert. Pieces without
 * a line end are joined. One lock around the ring of lines; printing is no fast path. DbgPrint may be called at any
 * IRQL up to DIRQL, with wide text only at PASSIVE_LEVEL.
 */
#include "nt/check/debug.h"

#include <string.h>

#include "nt/areas.h"
#include "nt/check/rule_context.h"
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/rtl/string_format.h"

enum { KEPT = 64, LINE_BYTES = 512 };

static struct sched_lock lock;
static char ring[KEPT][LINE_BYTES];
static uint32_t lines; /* finished ones; the next is being written at ring[lines % KEPT] */
static size_t line_used;
static bool to_stderr;

void debug_verbose(bool verbose)
{
    to_stderr = verbose;
}

void debug_print_kept(FILE *out)
{
    uint32_t first = lines > KEPT - 1 ? lines - (KEPT - 1) : 0;

    if (lines > 0) {
        fprintf(out, "  last words of the driver:\n");
    }
    for (uint32_t i = first; i < lines; i++) {
        fprintf(out, "    %s\n", ring[i % KEPT]);
    }
}

void debug_each_line(void (*each)(void *context, const char *line), void *context)
{
    for (uint32_t i = lines > KEPT - 1 ? lines - (KEPT - 1) : 0; i < lines; i++) {
        each(context, ring[i % KEPT]);
    }
}

void debug_note(const char *text)
{
    sched_lock(&lock);
    for (; *text != 0; text++) {
        char *line = ring[lines % KEPT];

        if (*text != '\n' && *text != '\r' && line_used < LINE_BYTES - 1) {
            line[line_used++] = *text;
        }
        if (*text == '\n') {
            line[line_used] = 0;
            line_used = 0;
            if (to_stderr) {
                fprintf(stderr, "driver: %s\n", line);
            }
            lines++;
        }
    }
    sched_unlock(&lock);
}

static uint32_t print(const char *function, const char *prefix, const char *format, ms_va_list arguments)
{
    char text[LINE_BYTES];
    struct formatted formatted = format_narrow(text, sizeof(text) - 1, format, arguments);

    text[formatted.length < sizeof(text) - 1 ? formatted.length : sizeof(text) - 1] = 0;
    RULE(!formatted.has_unicode || irql_current() == PASSIVE_LEVEL, "irql", "%s with wide text at IRQL %u, allowed 0",
         function, irql_current());
    if (prefix != NULL) {
        debug_note(prefix);
    }
    debug_note(text);
    return STATUS_SUCCESS;
}

/* --- what the driver calls --- */

static MS_CDECL uint32_t nt_DbgPrint(const char *format, ...)
{
    ms_va_list arguments;
    uint32_t status;

    ms_va_start(arguments, format);
    status = print("DbgPrint", NULL, format, arguments);
    ms_va_end(arguments);
    return status;
}

static MS_CDECL uint32_t nt_DbgPrintEx(uint32_t component, uint32_t level, const char *format, ...)
{
    ms_va_list arguments;
    uint32_t status;

    (void)component, (void)level;
    ms_va_start(arguments, format);
    status = print("DbgPrintEx", NULL, format, arguments);
    ms_va_end(arguments);
    return status;
}

static MS_ABI uint32_t nt_vDbgPrintEx(uint32_t component, uint32_t level, const char *format, ms_va_list arguments)
{
    (void)component, (void)level;
    return print("vDbgPrintEx", NULL, format, arguments);
}

static MS_ABI uint32_t nt_vDbgPrintExWithPrefix(const char *prefix, uint32_t component, uint32_t level,
                                                const char *format, ms_va_list arguments)
{
    (void)component, (void)level;
    return print("vDbgPrintExWithPrefix", prefix, format, arguments);
}

static MS_ABI void nt_KeBugCheckEx(uint32_t code, uintptr_t p1, uintptr_t p2, uintptr_t p3, uintptr_t p4)
{
    rule_break("bugcheck", "KeBugCheckEx(0x%08X, %#llx, %#llx, %#llx, %#llx)", code, (unsigned long long)p1,
               (unsigned long long)p2, (unsigned long long)p3, (unsigned long long)p4);
}

static MS_ABI void nt_KeBugCheck(uint32_t code)
{
    rule_break("bugcheck", "KeBugCheck(0x%08X)", code);
}

static MS_ABI void nt_RtlAssert(const char *what, const char *file, uint32_t line, const char *message)
{
    rule_break("assert", "%s:%u: %s%s%s", file, line, what, message != NULL ? ": " : "",
               message != NULL ? message : "");
}

#define DEBUG_EXPORTS(X)                                                                                               \
    X("ntoskrnl.exe", DbgPrint, nt_DbgPrint, PASSIVE_LEVEL, DIRQL, WINDOWS_7)                                          \
    X("ntoskrnl.exe", DbgPrintEx, nt_DbgPrintEx, PASSIVE_LEVEL, DIRQL, WINDOWS_7)                                      \
    X("ntoskrnl.exe", vDbgPrintEx, nt_vDbgPrintEx, PASSIVE_LEVEL, DIRQL, WINDOWS_7)                                    \
    X("ntoskrnl.exe", vDbgPrintExWithPrefix, nt_vDbgPrintExWithPrefix, PASSIVE_LEVEL, DIRQL, WINDOWS_7)                \
    X("ntoskrnl.exe", KeBugCheckEx, nt_KeBugCheckEx, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                             \
    X("ntoskrnl.exe", KeBugCheck, nt_KeBugCheck, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                                 \
    X("ntoskrnl.exe", RtlAssert, nt_RtlAssert, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)

void debug_start(void)
{
    EXPORT_REGISTER(DEBUG_EXPORTS);
    lines = 0;
    line_used = 0;
    rule_more = debug_print_kept;
}

void debug_stop(void)
{
    rule_more = NULL;
}
