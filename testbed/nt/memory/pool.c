/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracked memory (see pool.h). Any IRQL up to DISPATCH_LEVEL.
 *
 * Live blocks hang in one of SHARDS lists, chosen by the allocating processor, each under its own lock, so that
 * processors do not meet on one cache line. A block's header says which. Sizes of a page and more are page-aligned, as
 * in Windows; all others are 16-aligned, on x86 8-aligned. New memory is filled, so that a simulated run does not
 * depend on what was there before.
 */
#include "nt/memory/pool.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image/image.h"
#include "nt/areas.h"
#include "nt/check/sanitizer.h"
#include "nt/memory/guard.h"
#include "nt/nt.h"
#include "nt/processor/dpc.h"
#include "nt/sync/lock_order.h"
#include "nt/sync/timer.h"
#include "nt/race/race.h"
#include "nt/memory/paged.h"

enum {
    SHARDS = 16,
    QUARANTINE = 64,
    GUARD_BYTES = 16,
    PAGE_BYTES = 4096,
    FILL_NEW = 0xa5,
    FILL_FREED = 0xdd,
    FILL_GUARD = 0xfd
};

#define OFFSET_GUARDED UINT64_MAX
#define MAGIC_LIVE     0x6c6f6f506576694cull
#define MAGIC_FREED    0x6c6f6f5064656572ull

struct block {
    uint64_t magic;
    struct block *next, *prev;
    size_t size;
    uint32_t tag;
    uint8_t kind, paged;
    uint16_t shard;
    const void *caller;
    char *origin;    /* the caller's name, once its image is about to go */
    uint64_t offset; /* of this header in the host's allocation; OFFSET_GUARDED: in guard.c's */
#ifdef __i386__
    uint8_t apart[12]; /* the block behind it is 8-aligned and no more */
#endif
};
_Static_assert(sizeof(struct block) % 16 == (sizeof(void *) == 8 ? 0 : 8), "the alignment of the block behind it");

struct shard {
    struct sched_lock lock;
    struct block *first, *last;
    struct block *freed[QUARANTINE];
    uint32_t next_freed;
} __attribute__((aligned(64)));

static struct shard shards[SHARDS];
static uint64_t requests, fail_at;

static struct block *block_of(const void *memory)
{
    return (struct block *)((uint8_t *)(uintptr_t)memory - sizeof(struct block));
}

static uint8_t *memory_of(struct block *block)
{
    return (uint8_t *)(block + 1);
}

/* Blocks of the driver's end at a page that nobody may touch, where that is wanted. */
static bool guarded(enum pool_kind kind)
{
    return guard_pages && kind != POOL_NATIVE;
}

static bool is_guarded(const struct block *block)
{
    return block->offset == OFFSET_GUARDED;
}

/* Behind the block; with guard pages what its alignment leaves. */
static size_t guard_bytes(const struct block *block)
{
    return !is_guarded(block) ? GUARD_BYTES : block->size >= PAGE_BYTES ? 0 : (16 - block->size % 16) % 16;
}

static void host_free(struct block *block)
{
    free(block->origin);
    if (is_guarded(block)) {
        guard_give(memory_of(block), NULL);
        return;
    }
    free((uint8_t *)block - block->offset);
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static const char *tag_text(uint32_t tag, char text[5])
{
    for (int i = 0; i < 4; i++) {
        uint8_t c = (uint8_t)(tag >> (8 * i));

        text[i] = isprint(c) ? (char)c : '.';
    }
    text[4] = 0;
    return text;
}

static const char *kind_name(enum pool_kind kind)
{
    static const char *const names[] = {
        "?", "pool block", "pool block", "MDL", "MDL with pages", "IRP", "NDIS memory"
    };

    return names[kind];
}

void pool_fail_at(uint64_t n)
{
    uint64_t now = __atomic_load_n(&requests, __ATOMIC_RELAXED);

    __atomic_store_n(&fail_at, n == 0 ? 0 : now + n, __ATOMIC_RELAXED);
}

uint64_t pool_requests(void)
{
    return __atomic_load_n(&requests, __ATOMIC_RELAXED);
}

bool pool_fails(void)
{
    uint64_t mine = __atomic_add_fetch(&requests, 1, __ATOMIC_RELAXED);

    return mine == __atomic_load_n(&fail_at, __ATOMIC_RELAXED);
}

static uint64_t used;

static void count_used(const struct block *block, bool taken)
{
    if (block->kind == POOL_BLOCK || block->kind == POOL_NDIS) {
        __atomic_fetch_add(&used, taken ? (uint64_t)block->size : -(uint64_t)block->size, __ATOMIC_RELAXED);
    }
}

uint64_t pool_used(void)
{
    return __atomic_load_n(&used, __ATOMIC_RELAXED);
}

void *pool_take(size_t bytes, uint32_t tag, enum pool_kind kind, bool paged, const void *caller)
{
    struct shard *shard;
    struct block *block;
    uint64_t offset = 0;
    uint8_t *host;

    if ((kind != POOL_NATIVE && pool_fails()) || (uint64_t)bytes > (1ull << 34)) {
        return NULL;
    }
    if (guarded(kind)) {
        uint8_t *memory = guard_take(sizeof(struct block), bytes, kind_name(kind), tag, caller);

        host = memory != NULL ? memory - sizeof(struct block) : NULL;
    } else if (bytes >= PAGE_BYTES || paged) {
        size_t whole = whole_pages(PAGE_BYTES + bytes + GUARD_BYTES);

        host = aligned_alloc(PAGE_BYTES, whole);
        offset = PAGE_BYTES - sizeof(struct block);
    } else {
        host = malloc(sizeof(struct block) + bytes + GUARD_BYTES);
    }
    if (host == NULL) {
        return NULL;
    }
    block = (struct block *)(host + offset);
    memset(block, 0, sizeof(*block));
    block->magic = MAGIC_LIVE;
    block->offset = guarded(kind) ? OFFSET_GUARDED : offset;
    block->size = bytes;
    block->tag = tag;
    block->kind = (uint8_t)kind;
    block->paged = paged;
    block->caller = caller;
    block->shard = (uint16_t)(processor_current() % SHARDS);
    count_used(block, true);
    memset(memory_of(block), kind == POOL_BLOCK || kind == POOL_NDIS ? FILL_NEW : 0, bytes);
    memset(memory_of(block) + bytes, FILL_GUARD, guard_bytes(block));
    sanitizer_poison(memory_of(block) + bytes, guard_bytes(block));
    shard = &shards[block->shard];
    sched_lock(&shard->lock);
    block->prev = shard->last;
    *(shard->last != NULL ? &shard->last->next : &shard->first) = block;
    shard->last = block;
    sched_unlock(&shard->lock);
    if (paged && (sched_is_simulated || paged_has_keys()) && !is_guarded(block)) {
        paged_add(memory_of(block), whole_pages(bytes + GUARD_BYTES), PROT_READ | PROT_WRITE, "paged pool");
    }
    if (kind == POOL_BLOCK || kind == POOL_NDIS) {
        race_watch(memory_of(block), bytes, kind_name(kind), caller);
    }
    return memory_of(block);
}

/* The whole range holds one byte value: its first byte does, and each equals the one before. */
static bool filled_with(const uint8_t *bytes, uint8_t value, size_t count)
{
    return count == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static void check_guard(struct block *block, const char *function)
{
    const uint8_t *guard = memory_of(block) + block->size;
    char tag[5];

    const size_t bytes = guard_bytes(block);

    sanitizer_unpoison(guard, bytes);
    for (unsigned i = 0; i < bytes && !filled_with(guard, FILL_GUARD, bytes); i++) {
        RULE(guard[i] == FILL_GUARD, "pool", "%s: %s '%s' of %zu bytes was written %u bytes past its end", function,
             kind_name(block->kind), tag_text(block->tag, tag), block->size, i + 1);
    }
}

/* A freed block leaves quarantine: nobody may have written to it. */
static void release(struct block *block)
{
    const uint8_t *memory = memory_of(block);
    char tag[5];

    sanitizer_unpoison(memory, block->size + guard_bytes(block));
    for (size_t i = 0; i < block->size && !filled_with(memory, FILL_FREED, block->size); i++) {
        RULE(memory[i] == FILL_FREED, "pool", "%s '%s' of %zu bytes was written at offset %zu after it was freed",
             kind_name(block->kind), tag_text(block->tag, tag), block->size, i);
    }
    host_free(block);
}

/* Windows goes on with what lies in the memory: it would read what somebody else has there by then. */
static void check_idle(const struct block *block, const char *function)
{
    const void *memory = block + 1;
    char tag[5];

    RULE(!timer_armed_within(memory, block->size), "timer", "%s: %s '%s' of %zu bytes has a timer in it that is set",
         function, kind_name(block->kind), tag_text(block->tag, tag), block->size);
    RULE(!dpc_queued_within(memory, block->size), "dpc", "%s: %s '%s' of %zu bytes has a DPC in it that is queued",
         function, kind_name(block->kind), tag_text(block->tag, tag), block->size);
}

struct user {
    const struct block *block;
    const char *function;
};

static void check_user(struct task *task, void *context)
{
    const struct user *user = context;
    const uintptr_t start = (uintptr_t)(user->block + 1);
    const size_t bytes = user->block->size;
    char tag[5];

    RULE((uintptr_t)__atomic_load_n(&task->waits_on, __ATOMIC_RELAXED) - start >= bytes, "event",
         "%s: %s '%s' of %zu bytes has an object in it that task %s#%u waits for", user->function,
         kind_name(user->block->kind), tag_text(user->block->tag, tag), bytes, task->name, task->id);
    for (uint32_t i = 0; i < task->locks_held && i < TASK_MAX_LOCKS; i++) {
        RULE((uintptr_t)task->held[i].lock - start >= bytes, "lock",
             "%s: %s '%s' of %zu bytes has a lock in it that task %s#%u holds", user->function,
             kind_name(user->block->kind), tag_text(user->block->tag, tag), bytes, task->name, task->id);
    }
}

static void unlink_block(struct block *block)
{
    struct shard *shard = &shards[block->shard];

    sched_lock(&shard->lock);
    *(block->prev != NULL ? &block->prev->next : &shard->first) = block->next;
    *(block->next != NULL ? &block->next->prev : &shard->last) = block->prev;
    sched_unlock(&shard->lock);
}

static void give_guarded(struct block *block)
{
    unlink_block(block);
    free(block->origin);
    guard_give(memory_of(block), guard_caller());
}

void pool_give(void *memory, uint32_t tag, enum pool_kind kind, const char *function)
{
    struct block *block = block_of(memory);
    struct block *gone = NULL;
    struct shard *shard;
    char was[5], is[5], before[600];

    RULE(memory != NULL, "pool", "%s of a null pointer", function);
    if (guard_pages && guard_was_given(memory, before, sizeof(before))) {
        rule_break("pool", "%s: freed before: %s", function, before);
    }
    RULE(((uintptr_t)memory % POOL_ALIGNMENT) == 0, "pool", "%s of an address that is no block", function);
    RULE(block->magic != MAGIC_FREED, "pool", "%s: %s '%s' of %zu bytes was freed before", function,
         kind_name(block->kind), tag_text(block->tag, was), block->size);
    RULE(block->magic == MAGIC_LIVE, "pool", "%s of an address that is no block", function);
    RULE(block->kind == kind, "pool", "%s of memory of another kind: %s", function,
         block->kind == POOL_NATIVE ? "block of the testbed" : kind_name(block->kind));
    RULE(tag == 0 || tag == block->tag, "pool", "%s: pool block '%s' of %zu bytes freed with tag '%s'", function,
         tag_text(block->tag, was), block->size, tag_text(tag, is));
    RULE(!block->paged || irql_current() <= APC_LEVEL, "irql", "%s: paged pool block '%s' freed at IRQL %u", function,
         tag_text(block->tag, was), irql_current());
    if (block->paged) {
        paged_remove(memory);
    }
    check_guard(block, function);
    lock_order_forget(memory, block->size);
    if (kind != POOL_NATIVE) {
        check_idle(block, function);
        if (sched_is_simulated || guard_pages) { /* it asks all tasks */
            struct user user = { block, function };
            sched_each_task(check_user, &user);
        }
        race_unwatch(memory);
    }
    count_used(block, false);
    if (is_guarded(block)) {
        give_guarded(block);
        return;
    }
    shard = &shards[block->shard];
    if (block->size <= PAGE_BYTES) {
        memset(memory, FILL_FREED, block->size);
        sanitizer_poison(memory, block->size + guard_bytes(block));
    }
    sched_lock(&shard->lock);
    *(block->prev != NULL ? &block->prev->next : &shard->first) = block->next;
    *(block->next != NULL ? &block->next->prev : &shard->last) = block->prev;
    block->magic = MAGIC_FREED;
    if (block->size <= PAGE_BYTES) {
        uint32_t slot = shard->next_freed++ % QUARANTINE;

        gone = shard->freed[slot];
        shard->freed[slot] = block;
    }
    sched_unlock(&shard->lock);
    if (block->size > PAGE_BYTES) {
        host_free(block);
    }
    if (gone != NULL) {
        release(gone);
    }
}

size_t pool_size(const void *memory)
{
    return block_of(memory)->size;
}

enum pool_kind pool_kind_of(const void *memory)
{
    if (guard_pages && guard_is_given(memory)) {
        return 0;
    }
    return block_of(memory)->magic == MAGIC_LIVE ? block_of(memory)->kind : 0;
}

void pool_set_kind(void *memory, enum pool_kind kind)
{
    block_of(memory)->kind = (uint8_t)kind;
}

void *pool_alloc(size_t bytes, uint32_t tag)
{
    void *memory = pool_take(bytes, tag, POOL_NATIVE, false, NULL);

    if (memory == NULL) {
        fprintf(stderr, "testbed: out of memory (%zu bytes)\n", bytes);
        abort();
    }
    return memory;
}

void pool_free(void *memory)
{
    pool_give(memory, 0, POOL_NATIVE, "pool_free");
}

void pool_name_callers(const struct image *image)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        sched_lock(&shards[i].lock);
        for (struct block *block = shards[i].first; block != NULL; block = block->next) {
            if (block->origin == NULL && block->caller != NULL && image_contains(image, block->caller)) {
                char name[200];

                image_describe((const char *)block->caller - 1, name, sizeof(name));
                block->origin = strdup(name);
            }
        }
        sched_unlock(&shards[i].lock);
    }
}

static void leak_block(struct leaks *leaks, const struct block *block)
{
    char tag[5], name[200] = "the testbed";

    if (block->origin != NULL) {
        snprintf(name, sizeof(name), "%s", block->origin);
    } else if (block->caller != NULL && image_find(block->caller) != NULL) {
        image_describe((const char *)block->caller - 1, name, sizeof(name));
    }
    leak_add(leaks, "%s '%s' of %zu bytes, allocated by %s", kind_name(block->kind), tag_text(block->tag, tag),
             block->size, name);
}

void pool_leaks(struct leaks *leaks)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        sched_lock(&shards[i].lock);
        for (struct block *block = shards[i].first; block != NULL; block = block->next) {
            leak_block(leaks, block);
        }
        for (unsigned k = 0; k < QUARANTINE; k++) {
            struct block *freed = shards[i].freed[k];

            shards[i].freed[k] = NULL;
            if (freed != NULL) {
                release(freed);
            }
        }
        sched_unlock(&shards[i].lock);
    }
}

void pool_stop(void)
{
    paged_stop();
    for (unsigned i = 0; i < SHARDS; i++) {
        for (struct block *block = shards[i].first, *next; block != NULL; block = next) {
            next = block->next;
            host_free(block);
        }
        for (unsigned k = 0; k < QUARANTINE; k++) {
            if (shards[i].freed[k] != NULL) {
                host_free(shards[i].freed[k]);
            }
        }
    }
    guard_stop();
    memset(shards, 0, sizeof(shards));
    requests = fail_at = 0;
}
