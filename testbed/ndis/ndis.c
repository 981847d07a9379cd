/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start and stop of the simulated ndis.sys, the list of handles it has given out, and small helpers of its files.
 *
 * ndis_start and ndis_stop run in the main task at PASSIVE_LEVEL. The handle functions may be called at any IRQL up to
 * DISPATCH_LEVEL; the list has one lock, which is taken only where handles are made and freed, never per packet.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/rss_processors.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "nt/io/pnp.h"

static struct sched_lock list_lock;
static struct ndis_object list = { .next = &list, .previous = &list };

static void name_callers(const struct image *image);

void ndis_start(void)
{
    static bool registered;

    if (!registered) {
        registered = true;
        attributes_exports();
        configuration_exports();
        control_device_exports();
        device_exports();
        event_log_exports();
        ndis_lock_exports();
        memory_exports();
        miniport_exports();
        nbl_pool_exports();
        net_buffer_exports();
        oid_exports();
        poll_exports();
        ndis_processor_exports();
        rss_processor_exports();
        reset_exports();
        status_exports();
        ndis_timer_exports();
        transfer_exports();
        work_item_exports();
    }
    driver_before_unload(name_callers);
    work_items_start();
}

void ndis_stop(void)
{
    work_items_stop();
    event_log_clear();
    /* What is still listed was reported by ndis_leaks; the memory stays with its owner, who may still point to it. */
    list.next = list.previous = &list;
}

void ndis_object_add(struct ndis_object *object, enum ndis_kind kind, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(object->what, sizeof(object->what), format, arguments);
    va_end(arguments);
    object->kind = kind;
    object->caller = NULL;
    object->origin = NULL;
    sched_lock(&list_lock);
    object->previous = list.previous;
    object->next = &list;
    list.previous->next = object;
    list.previous = object;
    sched_unlock(&list_lock);
}

void ndis_object_remove(struct ndis_object *object)
{
    sched_lock(&list_lock);
    object->kind = 0;
    object->previous->next = object->next;
    object->next->previous = object->previous;
    sched_unlock(&list_lock);
    free(object->origin);
    object->origin = NULL;
}

/* An image is about to go: places in it are named while that can be done. */
static void name_callers(const struct image *image)
{
    struct ndis_object *object;

    sched_lock(&list_lock);
    for (object = list.next; object != &list; object = object->next) {
        if (object->caller != NULL && object->origin == NULL) {
            object->origin = place_in_image(image, object->caller);
        }
    }
    sched_unlock(&list_lock);
}

void *ndis_object_check(void *handle, enum ndis_kind kind, const char *function)
{
    struct ndis_object *object = handle;

    RULE(object != NULL, "ndis-handle", "%s was given a NULL handle", function);
    RULE(object->kind == (uint32_t)kind, "ndis-handle",
         "%s was given a handle that is of another kind or already freed", function);
    return handle;
}

void ndis_leaks(struct leaks *leaks)
{
    struct ndis_object *object;

    sched_lock(&list_lock);
    for (object = list.next; object != &list; object = object->next) {
        leak_add(leaks, "NDIS: %s%s%s", object->what, object->origin != NULL ? ", made by " : "",
                 object->origin != NULL ? object->origin : "");
    }
    sched_unlock(&list_lock);
}

const char *ndis_tag_text(uint32_t tag, char *text)
{
    int i;

    for (i = 0; i < 4; i++) {
        char c = (char)(tag >> (8 * i));

        text[i] = c >= ' ' && c <= '~' ? c : '.';
    }
    text[4] = '\0';
    return text;
}

void *ndis_alloc(size_t bytes)
{
    /* A whole number of lines, aligned to them: these records are what processors must not share by accident. */
    size_t size = (bytes + NDIS_LINE - 1) & ~(size_t)(NDIS_LINE - 1);
    void *memory = aligned_alloc(NDIS_LINE, size);

    if (memory == NULL) {
        fprintf(stderr, "testbed: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memset(memory, 0, size);
}

size_t ndis_utf8(char *text, size_t size, const uint16_t *wide, size_t units)
{
    size_t n = 0, i;

    for (i = 0; i < units && wide[i] != 0 && n + 4 < size; i++) {
        uint32_t c = wide[i];

        if (c < 0x80) {
            text[n++] = (char)c;
        } else if (c < 0x800) {
            text[n++] = (char)(0xc0 | c >> 6);
            text[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            text[n++] = (char)(0xe0 | c >> 12);
            text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            text[n++] = (char)(0x80 | (c & 0x3f));
        }
    }
    text[n] = '\0';
    return n;
}

size_t ndis_utf16(uint16_t *wide, size_t most, const char *text)
{
    size_t n = 0;

    while (*text != '\0' && n + 1 < most) {
        uint32_t c = (uint8_t)*text++, more = c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

        c = more == 2 ? c & 0x0f : more == 1 ? c & 0x1f : c;
        while (more-- > 0 && ((uint8_t)*text & 0xc0) == 0x80) {
            c = c << 6 | ((uint8_t)*text++ & 0x3f);
        }
        wide[n++] = (uint16_t)c;
    }
    wide[n] = 0;
    return n;
}

/* Names of numbers, as Microsoft's headers have them; where two names share a number the first is used. */
struct named {
    uint32_t value;
    const char *name;
};

static const char *find_name(const struct named *names, size_t count, uint32_t value, const char *otherwise)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (names[i].value == value) {
            return names[i].name;
        }
    }
    return otherwise;
}

#define ROW(name, value) { value, #name },

const char *ndis_status_name(int32_t status)
{
    /* Numbers that the kernel and NDIS share have the kernel's name there, and NDIS's here. */
    static const struct named names[] = { ABI_NAMES_NDIS_STATUS(ROW) };

    return find_name(names, sizeof(names) / sizeof(names[0]), (uint32_t)status, "unnamed");
}

const char *ndis_oid_name(uint32_t oid)
{
    static const struct named names[] = { ABI_NAMES_OID(ROW) };

    return find_name(names, sizeof(names) / sizeof(names[0]), oid, "an OID of the vendor's own");
}

const char *ndis_event_name(uint32_t code)
{
    static const struct named names[] = { ABI_NAMES_EVENT_NDIS(ROW) };

    return find_name(names, sizeof(names) / sizeof(names[0]), code, NULL);
}
