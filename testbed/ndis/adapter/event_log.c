/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system event log, as far as NDIS drivers write to it: one decoded line per entry, in order. Any IRQL up to
 * DISPATCH_LEVEL; one lock, entries are rare.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "nt/check/debug.h"

/* What NDIS takes of strings and data together on 32-bit Windows, the smaller of the two. */
#define MAX_EVENT_BYTES_X86 108u

static struct sched_lock lock;
static char **lines;
static size_t count;

void event_log_add(const char *format, ...)
{
    va_list arguments;
    char line[512];
    char **more;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    sched_lock(&lock);
    more = realloc(lines, (count + 1) * sizeof(*lines));
    if (more != NULL) {
        lines = more;
        lines[count++] = strdup(line);
    }
    sched_unlock(&lock);
}

size_t event_log_count(void)
{
    size_t n;

    sched_lock(&lock);
    n = count;
    sched_unlock(&lock);
    return n;
}

struct words {
    char *text;
    size_t size, used;
    bool some;
};

static void add_words(void *context, const char *line)
{
    struct words *words = context;

    if (words->used + 1 < words->size) {
        words->used += (size_t)snprintf(words->text + words->used, words->size - words->used, "%s%s",
                                        words->some ? "; " : "; it printed: ", line);
    }
    words->some = true;
}

void event_log_since(size_t first, char *text, size_t size)
{
    struct words words = { .text = text, .size = size };
    size_t i, used = 0;

    text[0] = '\0';
    sched_lock(&lock);
    for (i = first; i < count && used + 1 < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > first ? "; " : "", lines[i]);
    }
    sched_unlock(&lock);
    if (used == 0) {
        used = (size_t)snprintf(text, size, "nothing");
    }
    words.used = used;
    debug_each_line(add_words, &words);
}

void ndis_event_log(void (*each)(void *context, const char *line), void *context)
{
    size_t i;

    for (i = 0; i < event_log_count(); i++) {
        each(context, lines[i]);
    }
}

void event_log_clear(void)
{
    size_t i;

    sched_lock(&lock);
    for (i = 0; i < count; i++) {
        free(lines[i]);
    }
    free(lines);
    lines = NULL;
    count = 0;
    sched_unlock(&lock);
}

/* "timeout" of EVENT_NDIS_TIMEOUT. */
static const char *code_words(uint32_t code, char *text, size_t size)
{
    static const char prefix[] = "EVENT_NDIS_";
    const char *name = ndis_event_name(code);
    size_t i;

    snprintf(text, size, "%s", name != NULL ? name + sizeof(prefix) - 1 : "an event without a name");
    for (i = 0; name != NULL && text[i] != '\0'; i++) {
        text[i] = text[i] == '_' ? ' ' : (char)(text[i] | 0x20);
    }
    return text;
}

static void MS_CDECL write_error(void *handle, uint32_t code, uint32_t values, ...)
{
    struct adapter *adapter = adapter_check(handle, "NdisWriteErrorLogEntry");
    ms_va_list arguments;
    char line[400], words[80];
    size_t used;
    uint32_t i;

    used = (size_t)snprintf(line, sizeof(line), "%s: %s (%#010x)", adapter->package->service,
                            code_words(code, words, sizeof(words)), code);
    ms_va_start(arguments, values);
    for (i = 0; i < values && used < sizeof(line); i++) {
        /* Documented as ULONGs; each takes a whole 8-byte slot. */
        used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%#x", i == 0 ? ": " : ", ",
                                 __builtin_va_arg(arguments, uint32_t));
    }
    ms_va_end(arguments);
    event_log_add("%s", line);
}

static int32_t MS_ABI write_event(void *log, int32_t code, uint32_t unique, uint16_t strings, void *list,
                                  uint32_t bytes, void *data)
{
    uint16_t **text = list;
    char line[400], part[200];
    size_t used, size = bytes;
    uint16_t i;

    (void)data;
    RULE(log != NULL, "ndis-handle", "NdisWriteEventLogEntry was given no log handle");
    RULE(bytes <= NDIS_MAX_EVENT_LOG_DATA_SIZE, "ndis-event-log",
         "NdisWriteEventLogEntry with %u bytes of data, at most %u", bytes, NDIS_MAX_EVENT_LOG_DATA_SIZE);
    used = (size_t)snprintf(line, sizeof(line), "event %#010x (%u)", (uint32_t)code, unique);
    for (i = 0; i < strings && used < sizeof(line); i++) {
        ndis_utf8(part, sizeof(part), text[i], sizeof(part));
        for (const uint16_t *unit = text[i]; *unit != 0; unit++) {
            size += sizeof(*unit);
        }
        size += sizeof(uint16_t);
        used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i == 0 ? ": " : ", ", part);
    }
    RULE(size <= MAX_EVENT_BYTES_X86, "ndis-event-log",
         "NdisWriteEventLogEntry with %zu bytes of strings and data; Windows takes %u at most", size,
         MAX_EVENT_BYTES_X86);
    event_log_add("%s", line);
    return NDIS_STATUS_SUCCESS;
}

#define EVENT_LOG_EXPORTS(X)                                                                                           \
    X(NdisWriteErrorLogEntry, write_error, PASSIVE_LEVEL, DISPATCH_LEVEL)                                              \
    X(NdisWriteEventLogEntry, write_event, PASSIVE_LEVEL, DISPATCH_LEVEL)

void event_log_exports(void)
{
    NDIS_EXPORTS(EVENT_LOG_EXPORTS);
}
