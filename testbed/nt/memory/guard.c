/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks between inaccessible pages (guard.h). What is known of a block is kept apart from it, in a table by page, so
 * that it can be read after the block itself cannot.
 */
#include "nt/memory/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image/image.h"
#include "nt/check/report.h"
#include "run/sched.h"

#define PAGE 4096u

enum { CANARY = 0xfd };
enum { BUCKETS = 1 << 14, KEPT = 1 << 13 /* freed ones */ };

struct known {
    uint8_t *mapping;
    size_t mapped;   /* bytes, the inaccessible page included */
    uint8_t *memory; /* the block */
    size_t bytes;
    const char *what;
    uint32_t tag;
    const void *taken_by, *given_by; /* the driver's return addresses, or NULL */
    bool given;
    bool exact;         /* between two inaccessible pages, what is left of its own filled with CANARY */
    const char *closed; /* why nobody may touch it now, or NULL */
    struct known *next; /* of its bucket */
};

bool guard_pages;
bool (*guard_describes_more)(uint64_t address, char *text, size_t size);

static struct known *buckets[BUCKETS];
static struct known *given[KEPT];
static uint32_t next_given;
static struct sched_lock lock;

static struct known **bucket_of(const void *memory)
{
    return &buckets[((uintptr_t)memory / PAGE * 0x9e3779b97f4a7c15u >> 40) % BUCKETS];
}

static struct known *find(const void *memory)
{
    struct known *known = *bucket_of(memory);
    while (known != NULL && known->memory != memory) {
        known = known->next;
    }
    return known;
}

static void remember(struct known *known)
{
    sched_lock(&lock);
    struct known **bucket = bucket_of(known->memory);
    known->next = *bucket;
    *bucket = known;
    sched_unlock(&lock);
}

void *guard_take(size_t header, size_t bytes, const char *what, uint32_t tag, const void *caller)
{
    /* The end of the block is the end of a page, up to what 16-byte alignment leaves; a page-aligned one begins one. */
    const size_t body = bytes >= PAGE ? (bytes + PAGE - 1) / PAGE * PAGE : (bytes + 15) / 16 * 16;
    const size_t whole = (header + body + PAGE - 1) / PAGE * PAGE + PAGE;
    struct known *known = calloc(1, sizeof(*known));
    uint8_t *mapping = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (known == NULL || mapping == MAP_FAILED || mprotect(mapping + whole - PAGE, PAGE, PROT_NONE) != 0) {
        free(known);
        return NULL;
    }
    *known = (struct known){ .mapping = mapping,
                             .mapped = whole,
                             .memory = mapping + whole - PAGE - body,
                             .bytes = bytes,
                             .what = what,
                             .tag = tag,
                             .taken_by = caller };
    remember(known);
    return known->memory;
}

void *guard_take_exact(size_t bytes, const char *what, bool at_end)
{
    const size_t body = (bytes + PAGE - 1) / PAGE * PAGE;
    struct known *known = calloc(1, sizeof(*known));
    uint8_t *mapping = mmap(NULL, body + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (known == NULL || mapping == MAP_FAILED || mprotect(mapping + PAGE, body, PROT_READ | PROT_WRITE) != 0) {
        fprintf(stderr, "testbed: no memory for %s between guard pages\n", what);
        exit(1);
    }
    memset(mapping + PAGE, CANARY, body);
    *known = (struct known){ .mapping = mapping,
                             .mapped = body + 2 * PAGE,
                             .memory = mapping + PAGE + (at_end ? body - bytes : 0),
                             .bytes = bytes,
                             .what = what,
                             .exact = true };
    remember(known);
    return known->memory;
}

void guard_fill(uint8_t *start, size_t bytes, const uint8_t *memory, size_t length)
{
    const size_t before = (size_t)(memory - start);
    memset(start, CANARY, before);
    memset(start + before + length, CANARY, bytes - before - length);
}

int64_t guard_canary(const uint8_t *start, size_t bytes, const uint8_t *memory, size_t length)
{
    for (const uint8_t *at = start; at < start + bytes; at++) {
        if ((at < memory || at >= memory + length) && *at != CANARY) {
            return at < memory ? at - memory : at - memory - (int64_t)length + 1;
        }
    }
    return 0;
}

int64_t guard_written_beside(const void *memory)
{
    sched_lock(&lock);
    const struct known *known = find(memory);
    const int64_t at = known == NULL || !known->exact
                           ? 0
                           : guard_canary(known->mapping + PAGE, known->mapped - 2 * PAGE, known->memory, known->bytes);
    sched_unlock(&lock);
    return at;
}

const void *guard_caller(void)
{
    void *frames[1] = { NULL };
    (void)image_backtrace(frames, 1);
    return frames[0];
}

static void forget(struct known *known)
{
    struct known **link = bucket_of(known->memory);
    while (*link != known) {
        link = &(*link)->next;
    }
    *link = known->next;
    munmap(known->mapping, known->mapped);
    free(known);
}

void guard_give(void *memory, const void *caller)
{
    sched_lock(&lock);
    struct known *known = find(memory);
    if (known != NULL) {
        struct known **slot = &given[next_given++ % KEPT];
        known->given = true;
        known->given_by = caller;
        mprotect(known->mapping, known->mapped, PROT_NONE);
        if (*slot != NULL) {
            forget(*slot);
        }
        *slot = known;
    }
    sched_unlock(&lock);
}

/* The page behind it stays inaccessible. */
static void set_closed(void *memory, const char *why)
{
    sched_lock(&lock);
    struct known *known = find(memory);
    if (known != NULL && !known->given && (known->closed != NULL) != (why != NULL)) {
        mprotect(known->mapping, known->mapped - PAGE, why != NULL ? PROT_NONE : PROT_READ | PROT_WRITE);
        known->closed = why;
    }
    sched_unlock(&lock);
}

void guard_close(void *memory, const char *why)
{
    set_closed(memory, why);
}

void guard_open(void *memory)
{
    set_closed(memory, NULL);
}

bool guard_is_closed(const void *memory)
{
    const struct known *known = find(memory);
    return known != NULL && known->closed != NULL;
}

bool guard_may_be_read(const void *memory)
{
    sched_lock(&lock);
    const struct known *known = find(memory);
    const bool may = known == NULL || (!known->given && known->closed == NULL);
    sched_unlock(&lock);
    return may;
}

static void place(const void *caller, char *text, size_t size)
{
    if (caller == NULL) {
        snprintf(text, size, "the testbed");
    } else {
        image_describe((const char *)caller - 1, text, size);
    }
}

bool guard_is_given(const void *memory)
{
    const struct known *known = find(memory);
    return known != NULL && known->given;
}

bool guard_was_given(const void *memory, char *text, size_t size)
{
    struct known *known = find(memory);
    char where[IMAGE_LINE_BYTES];
    if (known == NULL || !known->given) {
        return false;
    }
    place(known->given_by, where, sizeof(where));
    snprintf(text, size, "%s of %zu bytes, freed in %s", known->what, known->bytes, where);
    return true;
}

bool guard_describe(uint64_t address, char *text, size_t size)
{
    char taken[IMAGE_LINE_BYTES], freed[IMAGE_LINE_BYTES];
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct known *known = buckets[i]; known != NULL; known = known->next) {
            if (address - (uintptr_t)known->mapping >= known->mapped) {
                continue;
            }
            const int64_t at = (int64_t)(address - (uintptr_t)known->memory);
            place(known->taken_by, taken, sizeof(taken));
            if (known->closed != NULL && at < (int64_t)known->bytes) {
                snprintf(text, size, " (offset %lld of %s of %zu bytes, allocated in %s, %s)", (long long)at,
                         known->what, known->bytes, taken, known->closed);
                return true;
            }
            if (!known->given && at < 0) {
                snprintf(text, size, " (%lld bytes before %s of %zu bytes, allocated in %s)", (long long)-at,
                         known->what, known->bytes, taken);
                return true;
            }
            if (!known->given) {
                snprintf(text, size, " (%lld bytes past the end of %s of %zu bytes, allocated in %s)",
                         (long long)(at - (int64_t)known->bytes) + 1, known->what, known->bytes, taken);
                return true;
            }
            place(known->given_by, freed, sizeof(freed));
            snprintf(text, size, " (offset %lld of %s of %zu bytes, allocated in %s, freed in %s)", (long long)at,
                     known->what, known->bytes, taken, freed);
            return true;
        }
    }
    return guard_describes_more != NULL && guard_describes_more(address, text, size);
}

void guard_stop(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (buckets[i] != NULL) {
            forget(buckets[i]);
        }
    }
    memset(given, 0, sizeof(given));
}
