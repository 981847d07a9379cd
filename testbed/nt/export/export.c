/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of exports and their trampolines.
 *
 * Each bound export gets a small piece of code in one arena: it loads the address of its struct bound into r10 (eax on
 * x86), which no Windows call uses for an argument, and jumps to the common entry in export_trampoline.c. In a live run
 * without trace that compares the task's IRQL with the bounds and jumps on, a few instructions; everything else goes
 * through export_enter.
 *
 * Registration and binding happen at PASSIVE_LEVEL, under one lock. Names are found by hash.
 */
#include "nt/export/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nt/export/export_bound.h"
#include "nt/check/rule.h"
#include "run/sched.h"
#include "nt/export/version.h"

#define BUCKETS     1024u
#define CODE_BYTES  32u
#define ARENA_BYTES (256u << 10)

struct slot {
    const struct export *entry;
    struct slot *next;
};

static struct slot *buckets[BUCKETS];
static struct bound *bounds;
static struct sched_lock lock;
static uint8_t *arena, *arena_written; /* the same memory twice: to run, and to write into while others run */
static size_t arena_used;

static uint32_t hash(const char *name)
{
    uint32_t value = 2166136261u;
    for (; *name != '\0'; name++) {
        value = (value ^ (uint8_t)*name) * 16777619u;
    }
    return value % BUCKETS;
}

static void *need(void *memory)
{
    if (memory == NULL || memory == MAP_FAILED) {
        fprintf(stderr, "testbed: no memory for exports\n");
        exit(1);
    }
    return memory;
}

void export_register(const struct export *table, size_t count)
{
    struct slot *slots = need(calloc(count, sizeof(*slots)));
    sched_lock(&lock);
    for (size_t i = 0; i < count; i++) {
        struct slot **bucket = &buckets[hash(table[i].name)];
        for (const struct slot *other = *bucket; other != NULL; other = other->next) {
            if (strcmp(other->entry->name, table[i].name) == 0 &&
                strcasecmp(other->entry->image, table[i].image) == 0) {
                fprintf(stderr, "testbed: %s!%s is registered twice\n", table[i].image, table[i].name);
                abort();
            }
        }
        slots[i] = (struct slot){ &table[i], *bucket };
        *bucket = &slots[i];
    }
    sched_unlock(&lock);
}

/* hal.dll has been a part of ntoskrnl.exe since Windows 10; drivers import its names from either. */
static bool same_image(const char *wanted, const char *image)
{
    if (wanted == NULL || strcasecmp(wanted, image) == 0) {
        return true;
    }
    bool kernel = strcasecmp(wanted, "hal.dll") == 0 || strcasecmp(wanted, "ntoskrnl.exe") == 0;
    return kernel && (strcasecmp(image, "hal.dll") == 0 || strcasecmp(image, "ntoskrnl.exe") == 0);
}

const struct export *export_find(const char *image, const char *name)
{
    /* Server 2025 has the build number of Windows 11 24H2; export.h tells them apart by a number of its own. */
    const struct windows_version *windows = windows_simulated();
    const uint32_t build =
        windows->build == WINDOWS_11_24H2 && windows->product_type != 1 ? WINDOWS_2025 : windows->build;
    for (const struct slot *slot = buckets[hash(name)]; slot != NULL; slot = slot->next) {
        if (strcmp(slot->entry->name, name) == 0 && same_image(image, slot->entry->image) &&
            slot->entry->since <= build) {
            return slot->entry;
        }
    }
    return NULL;
}

static void make_arena(void)
{
    const int memory = memfd_create("exports", MFD_CLOEXEC);

    if (memory < 0 || ftruncate(memory, ARENA_BYTES) != 0) {
        need(NULL);
    }
    arena = need(mmap(NULL, ARENA_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, memory, 0));
    arena_written = need(mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    close(memory);
}

#ifdef __x86_64__
/* mov $bound, %r10; mov $export_common, %r11; jmp *%r11 */
static void put_code(uint8_t *code, const uint8_t *runs_at, const struct bound *bound)
{
    const uint64_t entry = (uint64_t)&export_common, argument = (uint64_t)bound;
    (void)runs_at;
    code[0] = 0x49;
    code[1] = 0xba;
    memcpy(&code[2], &argument, 8);
    code[10] = 0x49;
    code[11] = 0xbb;
    memcpy(&code[12], &entry, 8);
    code[20] = 0x41;
    code[21] = 0xff;
    code[22] = 0xe3;
}
#else
/* mov $bound, %eax; jmp export_common */
static void put_code(uint8_t *code, const uint8_t *runs_at, const struct bound *bound)
{
    enum { MOV = 0xb8, JMP = 0xe9, MOV_BYTES = 5, ALL_BYTES = 10 };
    const uint32_t argument = (uint32_t)bound, distance = (uint32_t)&export_common - (uint32_t)(runs_at + ALL_BYTES);
    code[0] = MOV;
    memcpy(&code[1], &argument, sizeof(argument));
    code[MOV_BYTES] = JMP;
    memcpy(&code[MOV_BYTES + 1], &distance, sizeof(distance));
}
#endif

static void *write_code(const struct bound *bound)
{
    if (arena == NULL) {
        make_arena();
    }
    if (arena_used + CODE_BYTES > ARENA_BYTES) {
        fprintf(stderr, "testbed: more than %u imports bound\n", ARENA_BYTES / CODE_BYTES);
        exit(1);
    }
    uint8_t *code = arena_written + arena_used;
    put_code(code, arena + arena_used, bound);
    arena_used += CODE_BYTES;
    return arena + (code - arena_written);
}

static struct bound *new_bound(const char *image, const char *name, const struct export *entry)
{
    struct bound *bound = need(calloc(1, sizeof(*bound)));
    bound->image = need(strdup(image != NULL ? image : ""));
    bound->name = need(strdup(name));
    if (entry != NULL) {
        bound->function = entry->function;
        bound->lowest = entry->lowest;
        bound->span = (uint8_t)(entry->highest - entry->lowest);
    }
    bound->code = write_code(bound);
    bound->next = bounds;
    bounds = bound;
    return bound;
}

void *export_bind(const char *image, const char *name)
{
    const struct export *entry = export_find(image, name);
    void *function = entry != NULL ? entry->function : NULL;
    if (entry != NULL && entry->lowest == EXPORT_DATA) {
        return function;
    }
    sched_lock(&lock);
    struct bound *bound = bounds;
    while (bound != NULL && !(strcmp(bound->name, name) == 0 && bound->function == function)) {
        bound = bound->next;
    }
    if (bound == NULL) {
        bound = new_bound(image, name, entry);
    }
    sched_unlock(&lock);
    return bound->code;
}

void *export_wrap(const struct export *entry)
{
    sched_lock(&lock);
    struct bound *bound = bounds;
    while (bound != NULL && bound->function != entry->function) {
        bound = bound->next;
    }
    if (bound == NULL) {
        bound = new_bound(entry->image, entry->name, entry);
    }
    sched_unlock(&lock);
    return bound->code;
}

bool export_is_trampoline(const void *address)
{
    const uintptr_t at = (uintptr_t)address - (uintptr_t)arena;
    return arena != NULL && at < arena_used && at % CODE_BYTES == 0;
}

const struct export *export_of(const void *function)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct slot *slot = buckets[i]; slot != NULL; slot = slot->next) {
            if (slot->entry->function == function) {
                return slot->entry;
            }
        }
    }
    return NULL;
}
