/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pageable memory (paged.h). The list is under a lock in live runs; a report reads it without.
 *
 * The key is taken before there are threads, so that each begins with a right to it. Linux gives that word (PKRU) to a
 * new thread from the one that makes it, which may be at DISPATCH_LEVEL: thread.c has each task begin with its own.
 */
#include "nt/memory/paged.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "image/image.h"
#include "nt/check/debugger.h"
#include "nt/nt.h"
#include "run/sched.h"

enum { NO_KEY = -1, UNKNOWN = -1, KEY_BITS = 2, ACCESS_DISABLED = 1 };

struct region {
    uint8_t *start;
    size_t bytes;
    int protection;
    const char *what;
    struct region *next;
};

bool paged_there;
static struct region *data, *code;
static struct sched_lock lock;
static int key = NO_KEY;
static _Thread_local int8_t is_out = UNKNOWN;

__attribute__((constructor)) static void take_key(void)
{
    key = pkey_alloc(0, 0);
}

bool paged_has_keys(void)
{
    return key != NO_KEY;
}

bool paged_watches_code(void)
{
    return !sched_is_simulated && !debugger_is_there();
}

static uint32_t read_rights(void)
{
    uint32_t low, high;

    __asm__ volatile("rdpkru" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void set_rights(bool out)
{
    const uint32_t disabled = (uint32_t)ACCESS_DISABLED << (key * KEY_BITS), rights = read_rights();

    __asm__ volatile("wrpkru" : : "a"(out ? rights | disabled : rights & ~disabled), "d"(0), "c"(0) : "memory");
}

static bool is_code(const struct region *region)
{
    return (region->protection & PROT_EXEC) != 0;
}

static void protect(const struct region *region)
{
    if (sched_is_simulated) {
        mprotect(region->start, region->bytes, is_out == 1 ? PROT_NONE : region->protection);
    } else if (key != NO_KEY && !is_code(region)) {
        pkey_mprotect(region->start, region->bytes, region->protection, key);
    }
}

static void give_back(const struct region *region)
{
    if (sched_is_simulated) {
        mprotect(region->start, region->bytes, region->protection);
    } else if (key != NO_KEY && !is_code(region)) {
        pkey_mprotect(region->start, region->bytes, region->protection, 0);
    }
}

/* Others may be looking at the list: what left it is kept, and used again. */
static struct region *unused(struct region *first)
{
    while (first != NULL && first->bytes != 0) {
        first = first->next;
    }
    return first;
}

void paged_add(void *start, size_t bytes, int protection, const char *what)
{
    struct region **list = (protection & PROT_EXEC) != 0 ? &code : &data;
    sched_lock(&lock);
    struct region *region = unused(*list);
    if (region == NULL && (region = calloc(1, sizeof(*region))) != NULL) {
        region->next = *list;
        __atomic_store_n(list, region, __ATOMIC_RELEASE);
    }
    if (region == NULL) {
        fprintf(stderr, "testbed: no memory for pageable memory\n");
        exit(1);
    }
    region->start = start;
    region->protection = protection;
    region->what = what;
    __atomic_store_n(&region->bytes, bytes, __ATOMIC_RELEASE);
    __atomic_store_n(&paged_there, true, __ATOMIC_RELEASE);
    protect(region);
    sched_unlock(&lock);
}

static struct region *find(struct region *const *list, uint64_t address)
{
    struct region *region = __atomic_load_n(list, __ATOMIC_ACQUIRE);

    while (region != NULL && address - (uintptr_t)region->start >= __atomic_load_n(&region->bytes, __ATOMIC_ACQUIRE)) {
        region = region->next;
    }
    return region;
}

void paged_remove(const void *start)
{
    sched_lock(&lock);
    struct region *region = find(&data, (uint64_t)start);
    region = region != NULL ? region : find(&code, (uint64_t)start);
    if (region != NULL && region->start == start) {
        give_back(region);
        __atomic_store_n(&region->bytes, 0, __ATOMIC_RELEASE);
    }
    sched_unlock(&lock);
}

void paged_image(const struct image *image, bool add)
{
    void *start;
    size_t bytes;
    int protection;

    for (uint32_t i = 0; image_pageable(image, i, &start, &bytes, &protection); i++) {
        if (bytes != 0 && add) {
            paged_add(start, bytes, protection, "pageable section of the image");
        } else if (bytes != 0) {
            paged_remove(start);
        }
    }
}

static void free_all(struct region **list)
{
    while (*list != NULL) {
        struct region *region = *list;
        *list = region->next;
        if (region->bytes != 0) {
            give_back(region);
        }
        free(region);
    }
}

void paged_stop(void)
{
    paged_out(false);
    free_all(&data);
    free_all(&code);
    paged_there = false;
    is_out = UNKNOWN;
}

void paged_switch(bool out)
{
    if (out == is_out) {
        return;
    }
    is_out = out;
    if (!sched_is_simulated) {
        if (key != NO_KEY) {
            set_rights(out);
        }
        return;
    }
    for (const struct region *region = data; region != NULL; region = region->next) {
        protect(region);
    }
    for (const struct region *region = code; region != NULL; region = region->next) {
        protect(region);
    }
}

void paged_in_handler(void)
{
    if (key != NO_KEY && !sched_is_simulated && paged_there) {
        set_rights(false);
    }
}

void paged_check_code(const void *from)
{
    const struct region *region = sched_is_simulated ? NULL : find(&code, (uint64_t)from);
    char place[IMAGE_LINE_BYTES];

    if (region != NULL && irql_current() < DISPATCH_LEVEL) {
        image_describe((const char *)from - 1, place, sizeof(place));
        rule_break("access",
                   "%s raises the IRQL to DISPATCH_LEVEL and goes on in a %s: Windows stops with 0xD1 when "
                   "it is paged out",
                   place, region->what);
    }
}

bool paged_describe(uint64_t address, char *text, size_t size)
{
    const struct task *task = task_self();
    const struct region *region = find(&data, address);

    region = region != NULL ? region : find(&code, address);
    if (region == NULL || task == NULL || task->irql < DISPATCH_LEVEL) {
        return false;
    }
    snprintf(text, size, " (%s, at DISPATCH_LEVEL: Windows stops with 0xD1 when it is paged out)", region->what);
    return true;
}
