/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What somebody outside sees of a list (explore.h), one line each: operation, what, value. explore.py compares the
 * lines of the same list run twice. Nothing is written, and nothing asked for it, unless a file is named.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "explore.h"

enum { MAX_ANSWER = 2048, MAX_SHOWN = 160 };

static FILE *file;
static uint32_t operation;
static const char *name = "start", *probe = "";

bool observing(void)
{
    return file != NULL;
}

static void see_wire(const uint8_t *bytes, uint32_t length, const struct frame_offload *offload);

void observe_start(const char *path)
{
    file = fopen(path, "w");
    if (file == NULL) {
        test_fail(__FILE__, __LINE__, "%s cannot be written", path);
    }
    wire_seen = see_wire;
}

void observe_end(void)
{
    if (file != NULL) {
        CHECK_EQ(fclose(file), 0);
        file = NULL;
    }
}

void observe_operation(uint32_t number, const char *of)
{
    operation = number;
    name = of;
    probe = "";
}

void observe_probe(const char *of)
{
    probe = of;
}

void observe(const char *what, const char *format, ...)
{
    va_list arguments;

    if (file == NULL || probe == NULL) {
        return;
    }
    fprintf(file, "%u %s\t%s%s%s\t", operation, name, probe, probe[0] != '\0' ? " " : "", what);
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputc('\n', file);
}

/* All of a few bytes, or the first of many and what tells the others apart (FNV-1a). */
static const char *hex(const uint8_t *bytes, uint32_t count)
{
    static char text[3 * MAX_SHOWN + 32];
    uint64_t sum = 0xcbf29ce484222325u;
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
        if (i < MAX_SHOWN) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, " %02x", bytes[i]);
        }
    }
    if (count > MAX_SHOWN) {
        snprintf(text + used, sizeof(text) - used, " ... %016" PRIx64, sum);
    }
    return text;
}

static void see_wire(const uint8_t *bytes, uint32_t length, const struct frame_offload *offload)
{
    observe("out", "%u bytes, %s, segments of %u:%s", length, offload->checksum_partial ? "checksum open" : "whole",
            offload->gso != FRAME_GSO_NONE ? offload->gso_size : 0, hex(bytes, length));
}

void observe_received(struct watch *watch)
{
    const uint32_t count = __atomic_load_n(&watch->count, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; file != NULL && i < count && i < MAX_WATCH_SEEN; i++) {
        const struct watch_seen *seen = &watch->seen[i];

        observe("in",
                "%u bytes, priority %u, canonical %u, VLAN %u, hash %#x of %#x, %u segments, %u duplicate ACKs, "
                "checksums %#" PRIx64 ":%s",
                seen->length, seen->priority, seen->canonical, seen->vlan, seen->hash_value, seen->hash_info,
                seen->segments, seen->duplicate_acks, seen->checksum,
                hex(seen->bytes, seen->length < WATCH_BYTES ? seen->length : WATCH_BYTES));
        if (seen->hash_info != 0) { /* without, any will do */
            observe("processor", "%u", seen->processor);
        }
    }
}

void observe_answer(uint32_t oid, int32_t status, const void *buffer)
{
    char what[16];

    snprintf(what, sizeof(what), "%#010x", oid);
    if (status == SUCCESS) {
        observe(what, "%u bytes:%s", oid_written, hex(buffer, oid_written));
    } else {
        observe(what, "status %#x, %u bytes needed", (uint32_t)status, oid_needed);
    }
}

void observe_set(uint32_t oid, int32_t status)
{
    char what[16];

    snprintf(what, sizeof(what), "%#010x", oid);
    observe(what, "status %#x", (uint32_t)status);
}

/* Each OID, in calm. */
void observe_adapter(struct explorer *explorer)
{
    static uint8_t buffer[MAX_ANSWER];
    const uint32_t *oids;
    uint32_t count;

    if (file == NULL) {
        return;
    }
    observe_probe("calm");
    count = adapter_supported_oids(explorer->story->bed.adapter, &oids);
    for (uint32_t i = 0; i < count; i++) {
        memset(buffer, 0, sizeof(buffer));
        observe_answer(oids[i], oid_get(explorer->story, oids[i], buffer, sizeof(buffer)), buffer);
    }
    observe_probe("");
}
