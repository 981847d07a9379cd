/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netio.sys as a driver finds it that looks for its functions by itself: an image in memory with an export table, and
 * the IP helper functions that XenVif calls, on a machine that has no addresses yet. The table's entries jump to the
 * exports' trampolines.
 *
 * Rules: FreeMibTable gets a table that was given out, CancelMibChangeNotify2 a notification that is there.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/memory/pool.h"
#include "nt/module/module.h"
#include "nt/nt.h"

#define TAG_MIB 0x4d69704e /* "NpiM" */

enum { TABLE_BYTES = 16, INITIAL_NOTIFICATION = 3 };

/* Where things are in the image. */
enum {
    HEADERS = 0x80,
    OPTIONAL_HEADER = HEADERS + 24,
    OPTIONAL_MAGIC = 0x20b,
    EXPORT_ENTRY_OFFSET = OPTIONAL_HEADER + 112,
    DIRECTORY = 0x400,
    DIRECTORY_BYTES = 40,
    FUNCTIONS = 0x500,
    NAMES = 0x600,
    ORDINALS = 0x700,
    TEXTS = 0x800,
    THUNKS = 0x1000,
    THUNK_BYTES = 16,
    IMAGE_BYTES = 0x2000
};

typedef MS_ABI void address_changed(void *context, void *row, uint32_t type);

struct notification {
    struct notification *next;
};

static struct sched_lock lock;
static struct notification *notifications;

/* A table of no rows: their number, and padding to the first. */
static MS_ABI int32_t nt_GetIfTable2(void **table)
{
    *table = pool_take(TABLE_BYTES, TAG_MIB, POOL_BLOCK, false, __builtin_return_address(0));
    if (*table == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(*table, 0, TABLE_BYTES);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_GetUnicastIpAddressTable(uint16_t family, void **table)
{
    (void)family;
    return nt_GetIfTable2(table);
}

static MS_ABI void nt_FreeMibTable(void *table)
{
    RULE(pool_kind_of(table) == POOL_BLOCK, "pool", "FreeMibTable of what is no %s", "table");
    pool_give(table, TAG_MIB, POOL_BLOCK, "FreeMibTable");
}

static MS_ABI int32_t nt_NotifyUnicastIpAddressChange(uint16_t family, address_changed *callback, void *context,
                                                      uint8_t initial, struct notification **handle)
{
    struct notification *made = calloc(1, sizeof(*made));

    (void)family;
    if (made == NULL) {
        return STATUS_NO_MEMORY;
    }
    sched_lock(&lock);
    made->next = notifications;
    notifications = made;
    sched_unlock(&lock);
    *handle = made;
    if (initial) {
        DRIVER_CALL_VOID("address change callback", callback(context, NULL, INITIAL_NOTIFICATION));
    }
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_CancelMibChangeNotify2(struct notification *handle)
{
    struct notification **link, *found;

    sched_lock(&lock);
    for (link = &notifications; *link != NULL && *link != handle; link = &(*link)->next) {
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    sched_unlock(&lock);
    RULE(found != NULL, "callback", "CancelMibChangeNotify2 of a notification that is not %s", "registered");
    free(found);
    return STATUS_SUCCESS;
}

#define UP_TO(X, name, highest) X("netio.sys", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define NETIO_EXPORTS(X)                                                                                               \
    UP_TO(X, CancelMibChangeNotify2, APC_LEVEL)                                                                        \
    UP_TO(X, FreeMibTable, DISPATCH_LEVEL)                                                                             \
    UP_TO(X, GetIfTable2, APC_LEVEL)                                                                                   \
    UP_TO(X, GetUnicastIpAddressTable, APC_LEVEL)                                                                      \
    UP_TO(X, NotifyUnicastIpAddressChange, APC_LEVEL)

/* --- the image --- */

static void put16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

/* movabs $function, %rax; jmp *%rax */
static void put_thunk(uint8_t *at, const void *function)
{
    at[0] = 0x48;
    at[1] = 0xb8;
    memcpy(at + 2, &function, sizeof(function));
    at[10] = 0xff;
    at[11] = 0xe0;
}

static void put_headers(uint8_t *image, uint32_t exports)
{
    memcpy(image, "MZ", 2);
    put32(image + 0x3c, HEADERS);
    memcpy(image + HEADERS, "PE\0\0", 4);
    put16(image + OPTIONAL_HEADER, OPTIONAL_MAGIC);
    put32(image + EXPORT_ENTRY_OFFSET, DIRECTORY);
    put32(image + EXPORT_ENTRY_OFFSET + 4, DIRECTORY_BYTES);
    put32(image + DIRECTORY + 20, exports);
    put32(image + DIRECTORY + 24, exports);
    put32(image + DIRECTORY + 28, FUNCTIONS);
    put32(image + DIRECTORY + 32, NAMES);
    put32(image + DIRECTORY + 36, ORDINALS);
}

/* Names in order, as a search by halves expects them. */
static uint8_t *make_image(void)
{
    static const struct export exports[] = { NETIO_EXPORTS(EXPORT_ENTRY) };
    const uint32_t number = sizeof(exports) / sizeof(exports[0]);
    uint8_t *image = mmap(NULL, IMAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t text = TEXTS;

    if (image == MAP_FAILED) {
        abort();
    }
    put_headers(image, number);
    for (uint32_t i = 0; i < number; i++) {
        put32(image + FUNCTIONS + i * 4, THUNKS + i * THUNK_BYTES);
        put32(image + NAMES + i * 4, text);
        put16(image + ORDINALS + i * 2, (uint16_t)i);
        text += (uint32_t)snprintf((char *)image + text, THUNKS - text, "%s", exports[i].name) + 1;
        put_thunk(image + THUNKS + i * THUNK_BYTES, export_bind("netio.sys", exports[i].name));
    }
    mprotect(image, IMAGE_BYTES, PROT_READ | PROT_EXEC);
    return image;
}

void netio_start(void)
{
    static uint8_t *image;

    EXPORT_REGISTER(NETIO_EXPORTS);
    if (image == NULL) {
        image = make_image();
    }
    module_add("\\SystemRoot\\system32\\drivers\\NETIO.SYS", image, IMAGE_BYTES);
}

void netio_stop(void)
{
    while (notifications != NULL) {
        struct notification *notification = notifications;

        notifications = notification->next;
        free(notification);
    }
}

void netio_leaks(struct leaks *leaks)
{
    uint32_t number = 0;

    for (const struct notification *at = notifications; at != NULL; at = at->next) {
        number++;
    }
    if (number != 0) {
        leak_add(leaks, "%u notifications of addresses not cancelled", number);
    }
}
