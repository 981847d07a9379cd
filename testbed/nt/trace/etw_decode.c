/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a self-describing event as any trace viewer would: the provider's block, the event's block with names and types
 * of the fields, then the values. Each block states its size first. Whatever does not fit is reported, never read past.
 * Any IRQL.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nt/trace/etw.h"

enum { CHANNEL_SELF_DESCRIBING = 11, MORE = 0x80 };
enum in_type {
    TYPE_ANSI = 2,
    TYPE_INT32 = 7,
    TYPE_UINT32 = 8,
    TYPE_INT64 = 9,
    TYPE_UINT64 = 10,
    TYPE_HEX32 = 20,
    TYPE_HEX64 = 21
};

struct text {
    char *to;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    __builtin_va_list arguments;
    int n;

    if (text->used >= text->size) {
        return;
    }
    __builtin_va_start(arguments, format);
    n = vsnprintf(text->to + text->used, text->size - text->used, format, arguments);
    __builtin_va_end(arguments);
    text->used += n > 0 ? (size_t)n : 0;
}

struct bytes {
    const uint8_t *at, *end;
};

/* The block at the cursor, without its size; false: there is none. */
static bool take_block(struct bytes *from, struct bytes *block)
{
    size_t size;

    if (from->end - from->at < 2) {
        return false;
    }
    size = (size_t)(from->at[0] | from->at[1] << 8);
    if (size < 3 || size > (size_t)(from->end - from->at)) {
        return false;
    }
    block->at = from->at + 2;
    block->end = from->at + size;
    from->at += size;
    return true;
}

static const char *take_name(struct bytes *from)
{
    const uint8_t *end = memchr(from->at, 0, (size_t)(from->end - from->at));
    const char *name = (const char *)from->at;

    if (end == NULL) {
        return NULL;
    }
    from->at = end + 1;
    return name;
}

static bool take_value(struct bytes *from, enum in_type type, struct text *text)
{
    size_t size = type == TYPE_INT32 || type == TYPE_UINT32 || type == TYPE_HEX32 ? 4 : 8;
    uint64_t value = 0;
    const char *string;

    if (type == TYPE_ANSI) {
        string = take_name(from);
        put(text, "%s", string != NULL ? string : "?");
        return string != NULL;
    }
    if ((size_t)(from->end - from->at) < size) {
        return false;
    }
    memcpy(&value, from->at, size);
    from->at += size;
    switch (type) {
    case TYPE_UINT32:
    case TYPE_UINT64:
        put(text, "%" PRIu64, value);
        return true;
    case TYPE_INT32:
        put(text, "%" PRId32, (int32_t)value);
        return true;
    case TYPE_INT64:
        put(text, "%" PRId64, (int64_t)value);
        return true;
    case TYPE_HEX32:
    case TYPE_HEX64:
        put(text, "%#" PRIx64, value);
        return true;
    default:
        return false;
    }
}

bool etw_describe(const struct etw_event *event, char *to, size_t size)
{
    struct bytes all = { event->payload, event->payload + event->size }, traits, shape;
    struct text text = { to, size, 0 };
    const char *name;

    put(&text, "%" PRIu64 ".%06" PRIu64 " ", event->time / 1000000000, event->time / 1000 % 1000000);
    if (event->channel != CHANNEL_SELF_DESCRIBING || !take_block(&all, &traits) || !take_block(&all, &shape)) {
        put(&text, "event %u, which does not describe itself", event->id);
        return false;
    }
    name = take_name(&traits);
    put(&text, "%s", name != NULL ? name : "?");
    while (shape.at < shape.end && (*shape.at & MORE) != 0) {
        shape.at++; /* tags: each byte but the last has the high bit set */
    }
    shape.at += shape.at < shape.end;
    name = take_name(&shape);
    put(&text, " %s", name != NULL ? name : "?");
    while (name != NULL && shape.at < shape.end) {
        name = take_name(&shape);
        if (name == NULL || shape.at == shape.end) {
            return false;
        }
        put(&text, " %s=", name);
        if (!take_value(&all, *shape.at++, &text)) {
            put(&text, "?");
            return false;
        }
    }
    return name != NULL && all.at == all.end;
}
