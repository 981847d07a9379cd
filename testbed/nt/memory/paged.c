/* SPDX-License-Identifier: BSD-2-Clause */
/* Pageable memory (paged.h). Simulated runs only, which are one host thread: nothing locks. */
#include "nt/memory/paged.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "run/sched.h"

struct region {
    uint8_t *start;
    size_t bytes;
    int protection;
    const char *what;
    struct region *next;
};

bool paged_there;
static struct region *regions;
static bool is_out;

static void protect(const struct region *region)
{
    mprotect(region->start, region->bytes, is_out ? PROT_NONE : region->protection);
}

void paged_add(void *start, size_t bytes, int protection, const char *what)
{
    struct region *region = malloc(sizeof(*region));
    if (region == NULL) {
        fprintf(stderr, "testbed: no memory for pageable memory\n");
        exit(1);
    }
    *region = (struct region){ start, bytes, protection, what, regions };
    regions = region;
    paged_there = true;
    protect(region);
}

void paged_remove(const void *start)
{
    for (struct region **link = &regions; *link != NULL; link = &(*link)->next) {
        struct region *region = *link;
        if (region->start == start) {
            mprotect(region->start, region->bytes, region->protection);
            *link = region->next;
            free(region);
            break;
        }
    }
    paged_there = regions != NULL;
    is_out = is_out && paged_there;
}

void paged_stop(void)
{
    while (regions != NULL) {
        paged_remove(regions->start);
    }
}

void paged_switch(bool out)
{
    if (out == is_out) {
        return;
    }
    is_out = out;
    for (const struct region *region = regions; region != NULL; region = region->next) {
        protect(region);
    }
}

bool paged_describe(uint64_t address, char *text, size_t size)
{
    for (const struct region *region = regions; region != NULL && is_out; region = region->next) {
        if (address - (uintptr_t)region->start < region->bytes) {
            snprintf(text, size, " (%s, at DISPATCH_LEVEL: Windows stops with 0xD1 when it is paged out)",
                     region->what);
            return true;
        }
    }
    return false;
}
