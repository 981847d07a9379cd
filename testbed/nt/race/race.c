/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is remembered of accesses: for each 8 bytes that are watched, those accesses that are not known to be over for
 * everybody who came later. A new access drops what it makes superfluous, so few are kept.
 *
 * A simulated run is one host thread; in a live one everything is done between order_open and order_close.
 */
#include "nt/race/race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/race/race_known.h"
#include "nt/check/rule.h"
#include "nt/memory/guard.h"
#include "nt/nt.h"
#include "run/order.h"
#include "run/sched.h"

enum { PAGE_BITS = 12, CELL_BYTES = 8, CELLS = (1 << PAGE_BITS) / CELL_BYTES, PAGE_BUCKETS = 4096, TEXT_BYTES = 700 };

struct access {
    struct order_moment moment;
    uint8_t mask; /* which of the 8 bytes */
    uint8_t kind; /* enum race_access */
    uint16_t processor;
    const void *from;
    uint64_t when;
};

struct region {
    const uint8_t *start;
    size_t bytes;
    const char *what;
    const void *caller;
};

struct cell {
    struct access *accesses;
    uint16_t count, room;
    uint32_t region; /* 0: not watched */
};

struct page {
    uintptr_t number;
    struct page *next;
    struct cell cells[CELLS];
};

bool race_watching;
static struct page *pages[PAGE_BUCKETS];
static struct region *regions; /* [0] is none */
static uint32_t region_count, region_room, *unused, unused_count;

static void *need(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "testbed: no memory for the search for races\n");
        exit(1);
    }
    return memory;
}

static struct cell *cell_at(uintptr_t address, bool make)
{
    const uintptr_t number = address >> PAGE_BITS;
    struct page **link = &pages[(number * 0x9e3779b97f4a7c15u >> 40) % PAGE_BUCKETS];
    while (*link != NULL && (*link)->number != number) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        if (!make) {
            return NULL;
        }
        *link = need(calloc(1, sizeof(**link)));
        (*link)->number = number;
    }
    return &(*link)->cells[(address >> 3) % CELLS];
}

/* The bytes of a cell that lie in [start, end). */
static uint8_t mask_of(uintptr_t cell, uintptr_t start, uintptr_t end)
{
    const unsigned first = start > cell ? (unsigned)(start - cell) : 0;
    const unsigned last = end < cell + CELL_BYTES ? (unsigned)(end - cell) : CELL_BYTES;
    return (uint8_t)((0xffu << first) & (0xffu >> (CELL_BYTES - last)));
}

static const char *verb(const struct access *access, bool past)
{
    if ((access->kind & RACE_FREE) != 0) {
        return past ? "freed" : "frees";
    }
    if ((access->kind & RACE_WRITE) != 0) {
        return past ? "wrote" : "writes";
    }
    return past ? "read" : "reads";
}

static void name_place(const struct region *region, uintptr_t at, char *text, size_t size)
{
    char caller[IMAGE_LINE_BYTES] = "";
    if (region->caller != NULL) {
        image_describe((const char *)region->caller - 1, caller, sizeof(caller));
    }
    snprintf(text, size, "offset %#zx of %s of %zu bytes%s%s", (size_t)(at - (uintptr_t)region->start), region->what,
             region->bytes, caller[0] != 0 ? ", allocated in " : "", caller);
}

static void report(const struct cell *cell, uintptr_t at, const struct access *before, const struct access *now)
{
    char here[IMAGE_LINE_BYTES], there[IMAGE_LINE_BYTES], place[TEXT_BYTES];
    if (race_is_known(now->from, before->from)) {
        return;
    }
    image_describe((const char *)now->from - 1, here, sizeof(here));
    image_describe((const char *)before->from - 1, there, sizeof(there));
    name_place(&regions[cell->region], at, place, sizeof(place));
    if (race_collects()) {
        race_collect("race: %s %s what %s %s: %s\n", here, verb(now, false), there, verb(before, true), place);
        return;
    }
    rule_break("race",
               "%s %s on processor %u what %s %s on processor %u at %llu ns in %s, and nothing orders the two: %s",
               here, verb(now, false), now->processor, there, verb(before, true), before->processor,
               (unsigned long long)before->when, order_name(before->moment.strand), place);
}

static bool clash(const struct access *a, const struct access *b)
{
    return (a->mask & b->mask) != 0 && ((a->kind | b->kind) & RACE_WRITE) != 0 &&
           (a->kind & b->kind & RACE_MARKED) == 0;
}

/* Whoever clashes with `before` would clash with `now`, too: `before`, which is over, need not be kept. */
static bool covers(const struct access *now, const struct access *before)
{
    return (before->mask & ~now->mask) == 0 && (now->kind & RACE_WRITE) >= (before->kind & RACE_WRITE) &&
           (now->kind & RACE_MARKED) <= (before->kind & RACE_MARKED);
}

static void look_at_cell(struct cell *cell, uintptr_t at, const struct access *now)
{
    uint16_t kept = 0;
    for (uint16_t i = 0; i < cell->count; i++) {
        const struct access before = cell->accesses[i];
        const bool mine = before.moment.strand == now->moment.strand;
        const bool over = mine || order_before(before.moment);
        if (!over && clash(&before, now)) {
            report(cell, at, &before, now);
        }
        if (!(over && covers(now, &before))) {
            cell->accesses[kept++] = before;
        }
    }
    if (kept == cell->room) {
        cell->room = (uint16_t)(kept + 2);
        cell->accesses = need(realloc(cell->accesses, cell->room * sizeof(*cell->accesses)));
    }
    cell->accesses[kept++] = *now;
    cell->count = kept;
}

void race_look(const void *memory, size_t bytes, enum race_access kind, const void *from)
{
    const uintptr_t start = (uintptr_t)memory, end = start + bytes;
    if (!race_watching) {
        return;
    }
    order_open();
    struct access now = { .moment = order_now(),
                          .kind = (uint8_t)kind,
                          .processor = (uint16_t)processor_current(),
                          .from = from,
                          .when = sched_now() };
    for (uintptr_t at = start & ~(uintptr_t)(CELL_BYTES - 1); at < end; at += CELL_BYTES) {
        struct cell *cell = cell_at(at, false);
        if (cell != NULL && cell->region != 0) {
            now.mask = mask_of(at, start, end);
            look_at_cell(cell, at, &now);
        }
    }
    order_close();
}

static void forget(struct cell *cell)
{
    free(cell->accesses);
    *cell = (struct cell){ 0 };
}

void race_watched(const void *memory, size_t bytes, const char *what, const void *caller)
{
    const uintptr_t start = (uintptr_t)memory, end = start + bytes;
    uint32_t region;
    order_open();
    if (unused_count != 0) {
        region = unused[--unused_count];
    } else {
        if (region_count == region_room) {
            region_room = region_room != 0 ? region_room * 2 : 256;
            regions = need(realloc(regions, region_room * sizeof(*regions)));
            unused = need(realloc(unused, region_room * sizeof(*unused)));
        }
        region_count += region_count == 0;
        region = region_count++;
    }
    regions[region] = (struct region){ memory, bytes, what, caller };
    for (uintptr_t at = start & ~(uintptr_t)(CELL_BYTES - 1); at < end; at += CELL_BYTES) {
        struct cell *cell = cell_at(at, true);
        forget(cell);
        cell->region = region;
    }
    order_close();
}

void race_image(const struct image *image)
{
    void *start;
    size_t bytes;
    race_watching = true;
    order_keep();
    race_known_read(image_path(image));
    for (uint32_t i = 0; image_section(image, i, &start, &bytes); i++) {
        if (bytes != 0) {
            race_watched(start, bytes, "data of the image", NULL);
        }
    }
}

static void unwatch(const void *memory)
{
    struct cell *first = cell_at((uintptr_t)memory, false);
    if (first == NULL || first->region == 0 || regions[first->region].start != memory) {
        return;
    }
    const uint32_t region = first->region;
    const uintptr_t start = (uintptr_t)memory, end = start + regions[region].bytes;
    const void *from = guard_caller();
    if (from != NULL) { /* the driver frees it: whatever it did with it must be over */
        race_look(memory, regions[region].bytes, RACE_WRITE | RACE_FREE, from);
    }
    for (uintptr_t at = start & ~(uintptr_t)(CELL_BYTES - 1); at < end; at += CELL_BYTES) {
        forget(cell_at(at, false));
    }
    unused[unused_count++] = region;
}

void race_unwatched(const void *memory)
{
    order_open();
    unwatch(memory);
    order_close();
}

void race_stop(void)
{
    race_watching = false;
    order_reset();
    for (uint32_t i = 0; i < PAGE_BUCKETS; i++) {
        for (struct page *page = pages[i], *next; page != NULL; page = next) {
            next = page->next;
            for (uint32_t k = 0; k < CELLS; k++) {
                free(page->cells[k].accesses);
            }
            free(page);
        }
        pages[i] = NULL;
    }
    free(regions);
    free(unused);
    regions = NULL;
    unused = NULL;
    region_count = region_room = unused_count = 0;
    race_known_stop();
}
