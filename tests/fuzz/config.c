/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of the driver's key, of any type and length, as Regedit and setup programs leave them there: the adapter is
 * added, restarted, and removed with each. One that cannot be is a failure of MiniportInitializeEx, with nothing left.
 */
#include <string.h>

#include "fuzz.h"
#include "nt/registry/registry.h"

enum { MAX_VALUES = 6, MAX_NAMES = 96, NAME_BYTES = 64, MAX_DATA = 300 };

static char names[MAX_NAMES][NAME_BYTES];
static uint32_t name_count;
static struct {
    enum registry_type type;
    uint8_t data[MAX_DATA];
    size_t size;
    bool there;
} usual[MAX_NAMES];

static void note(void *context, const char *name, enum registry_type type, const void *data, size_t size)
{
    (void)context;
    if (name_count < MAX_NAMES && strlen(name) < NAME_BYTES && size <= MAX_DATA) {
        strcpy(names[name_count], name);
        usual[name_count].type = type;
        usual[name_count].size = size;
        usual[name_count].there = true;
        memcpy(usual[name_count++].data, data, size);
    }
}

static void start(uint32_t world)
{
    static const char *const others[] = { "NetworkAddress", "NetCfgInstanceId", "BusNumber" };

    fuzz_bed_start(world, 2);
    registry_each_value(fuzz_bed.package->driver_key, note, NULL);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && name_count < MAX_NAMES; i++) {
        strcpy(names[name_count++], others[i]);
    }
    edge_close(fuzz_bed.edge);
    fuzz_bed.edge = NULL;
    adapter_remove(fuzz_bed.adapter);
    fuzz_bed.adapter = NULL;
}

/* A number as the INF has it, text in UTF-16, a DWORD, or bytes. */
static void set(const char *name, struct fuzz_input *input)
{
    static const enum registry_type types[] = { REGISTRY_SZ,     REGISTRY_SZ,   REGISTRY_DWORD,
                                                REGISTRY_BINARY, REGISTRY_NONE, REGISTRY_MULTI_SZ };
    uint32_t kind = fuzz_take(input, 1) % 6, length;
    uint8_t data[MAX_DATA];
    char text[32];

    if (kind == 0) {
        snprintf(text, sizeof(text), "%d", (int32_t)fuzz_take(input, 4));
        registry_set_string(fuzz_bed.package->driver_key, name, text);
        return;
    }
    length = fuzz_take(input, 1);
    if (kind == 1) { /* a character each, most of them ASCII */
        uint32_t at = 0;

        for (; at < length && input->size > 0; at++) {
            uint32_t c = fuzz_take(input, 1);

            data[at * 2 % MAX_DATA] = (uint8_t)c;
            data[(at * 2 + 1) % MAX_DATA] = c > 0xf0 ? (uint8_t)c : 0;
        }
        registry_set_value(fuzz_bed.package->driver_key, name, REGISTRY_SZ, data,
                           at * 2 > MAX_DATA ? MAX_DATA : at * 2);
        return;
    }
    length = fuzz_take_bytes(input, data, length);
    registry_set_value(fuzz_bed.package->driver_key, name, types[kind], data, length);
}

static void put_back(uint32_t which)
{
    if (usual[which].there) {
        registry_set_value(fuzz_bed.package->driver_key, names[which], usual[which].type, usual[which].data,
                           usual[which].size);
    } else {
        registry_delete_value(fuzz_bed.package->driver_key, names[which]);
    }
}

static void live(void)
{
    char error[1024];
    struct adapter *adapter = adapter_add(fuzz_bed.driver, bed_pdo(&fuzz_bed), fuzz_bed.package, error, sizeof(error));

    if (adapter == NULL) {
        return;
    }
    if (adapter_restart(adapter) != NDIS_STATUS_SUCCESS) {
        fuzz_fail("an adapter that was initialized could not be restarted");
    }
    adapter_remove(adapter);
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    uint32_t which[MAX_VALUES], count = 0;

    while (count < MAX_VALUES && input.size > 0) {
        which[count] = fuzz_take(&input, 1) % name_count;
        if (input.size > 0 && input.data[0] == 0xff) {
            registry_delete_value(fuzz_bed.package->driver_key, names[which[count]]);
            (void)fuzz_take(&input, 1);
        } else {
            set(names[which[count]], &input);
        }
        count++;
    }
    live();
    while (count > 0) {
        put_back(which[--count]);
    }
}

const struct fuzz_target fuzz_config = {
    .name = "config", .start = start, .one = one, .stop = fuzz_bed_stop, .driver = true
};
