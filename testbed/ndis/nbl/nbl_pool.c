/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools of NET_BUFFER_LISTs and NET_BUFFERs, and who owns each NBL. Any IRQL up to DISPATCH_LEVEL.
 *
 * A block holds an NBL and, where the pool has them, its NB. Each processor keeps a list of free blocks under a lock of
 * its own, so that a driver that allocates per packet does not make processors meet. The tag in NdisReserved[0] shows
 * whom an NBL belongs to; every function that passes one on checks and changes it. Freed blocks are filled, except in
 * live runs.
 */
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/nbl/nbl.h"
#include "ndis/object.h"
#include "nt/check/sanitizer.h"
#include "nt/export/version.h"
#include "nt/processor/topology.h"
#include "nt/race/race.h"
#include "run/ms_abi.h"

enum { MAX_KEPT = 512, FILL = 0xdd, NBL_POINTERS = 5 };

struct nbl_block {
    struct NET_BUFFER_LIST nbl;
    struct NET_BUFFER nb __attribute__((aligned(64)));
    struct nbl_block *next; /* while free */
    /* While nobody may use the NBL: what its pointers and those of its NB were. */
    bool hidden;
    void *pointers[NBL_POINTERS];
} __attribute__((aligned(64)));

struct nbl_cache {
    struct sched_lock lock;
    uint32_t kept;
    struct nbl_block *free;
    int64_t out; /* NBLs allocated here minus NBLs freed here */
} __attribute__((aligned(NDIS_LINE)));

struct nbl_pool {
    struct ndis_object object;
    uint16_t context_size;
    bool with_net_buffer, of_net_buffers;
    struct nbl_cache caches[]; /* one per processor that there can ever be */
};

/* Blocks of pools that are gone, filled as they are: whoever still uses one is found by its tag, as before. With
 * clang's checks they go back to the allocator, which knows. */
static struct {
    struct sched_lock lock;
    struct nbl_block *first;
} spare;

static struct nbl_block *block_new(void)
{
    struct nbl_block *block;

    sched_lock(&spare.lock);
    block = spare.first;
    if (block != NULL) {
        spare.first = block->next;
    }
    sched_unlock(&spare.lock);
    if (block == NULL) {
        return ndis_alloc(sizeof(*block));
    }
    memset(block, 0, sizeof(*block));
    return block;
}

static void block_free(struct nbl_block *block)
{
    if (SANITIZER_HAS_ADDRESSES) {
        free(block);
        return;
    }
    sched_lock(&spare.lock);
    block->next = spare.first;
    spare.first = block;
    sched_unlock(&spare.lock);
}

const char *nbl_tag_name(uintptr_t tag)
{
    switch (tag) {
    case NBL_TAG_FREE:
        return "free";
    case NBL_TAG_OWNED:
        return "its allocator's";
    case NBL_TAG_SENT:
        return "being sent";
    case NBL_TAG_INDICATED:
        return "indicated and not yet returned";
    case NBL_TAG_LENT:
        return "indicated with low resources";
    case NBL_TAG_HIDDEN:
        return "handed over or freed before";
    default:
        return "not from an NDIS pool, or overwritten";
    }
}

/* The last slots of NDIS 6.20, 6.30 and 6.50. */
enum {
    LAST_SLOT_620 = TcpReceiveBytesTransferred,
    LAST_SLOT_630 = TcpRecvSegCoalesceInfo + 1,                   /* RscTcpTimestampDelta */
    LAST_SLOT_650 = LAST_SLOT_630 + (sizeof(void *) == 8 ? 2 : 0) /* GftFlowEntryId, on x64 alone */
};

uint32_t nbl_public_slots(void)
{
    uint32_t minor = windows_simulated()->ndis_minor;

    return 1 + (minor < 30 ? LAST_SLOT_620 : minor < 50 ? LAST_SLOT_630 : LAST_SLOT_650);
}

uint32_t nbl_slots(void)
{
    return windows_simulated()->ndis_minor < 80 ? nbl_public_slots() : MaxNetBufferListInfo;
}

/* What follows the NBL in memory. */
static void *const beyond = NO_ADDRESS(0xbe704d0be704d000, 0xfffff040);

void nbl_check_end(const struct NET_BUFFER_LIST *nbl, const char *function)
{
    for (uint32_t i = nbl_slots(); i < MaxNetBufferListInfo; i++) {
        RULE(nbl->NetBufferListInfo[i] == beyond, "ndis-slot",
             "%s with an NBL whose out-of-band slot %u was written: on this Windows the NBL ends before it", function,
             i);
    }
}

static struct nbl_pool *create(enum ndis_kind kind, const char *what, uint32_t tag)
{
    struct nbl_pool *pool = ndis_alloc(sizeof(*pool) + processor_maximum() * sizeof(pool->caches[0]));
    char text[5];

    ndis_object_add(&pool->object, kind, "%s pool '%s' was not freed", what, ndis_tag_text(tag, text));
    return pool;
}

struct nbl_pool *nbl_pool_create(const char *what, uint32_t tag, uint16_t context_size, bool with_net_buffer)
{
    struct nbl_pool *pool = create(NDIS_KIND_NBL_POOL, what, tag);

    pool->context_size = context_size;
    pool->with_net_buffer = with_net_buffer;
    return pool;
}

static struct nbl_block *take_guarded(struct nbl_pool *pool)
{
    struct nbl_block *block = guard_take(0, sizeof(*block), "an NBL with its NB", 0, guard_caller());

    if (block == NULL) {
        fprintf(stderr, "testbed: no memory for an NBL between guard pages\n");
        exit(1);
    }
    __atomic_fetch_add(&pool->caches[processor_current()].out, 1, __ATOMIC_RELAXED);
    return block;
}

static struct nbl_block *take(struct nbl_pool *pool)
{
    struct nbl_cache *cache = &pool->caches[processor_current()];
    struct nbl_block *block;

    if (guard_pages) {
        return take_guarded(pool);
    }

    sched_lock(&cache->lock);
    cache->out++;
    block = cache->free;
    if (block != NULL) {
        cache->free = block->next;
        cache->kept--;
    }
    sched_unlock(&cache->lock);
    if (block == NULL) {
        block = block_new();
    }
    return block;
}

static void give(struct nbl_pool *pool, struct nbl_block *block)
{
    struct nbl_cache *cache = &pool->caches[processor_current()];

    race_unwatch(block);
    if (sched_kind() == SCHED_SIMULATED) {
        memset(&block->nbl, FILL, sizeof(block->nbl));
        memset(&block->nb, FILL, sizeof(block->nb));
    }
    nbl_set_tag(&block->nbl, NBL_TAG_FREE);
    if (guard_pages) {
        __atomic_fetch_sub(&cache->out, 1, __ATOMIC_RELAXED);
        guard_give(block, guard_caller());
        return;
    }
    sched_lock(&cache->lock);
    cache->out--;
    if (cache->kept < MAX_KEPT) {
        block->next = cache->free;
        cache->free = block;
        cache->kept++;
        block = NULL;
    }
    sched_unlock(&cache->lock);
    if (block != NULL) {
        block_free(block);
    }
}

int64_t nbl_pool_out(const struct nbl_pool *pool)
{
    int64_t out = 0;
    uint32_t i;

    for (i = 0; i < processor_maximum(); i++) {
        out += pool->caches[i].out;
    }
    return out;
}

void nbl_pool_destroy(struct nbl_pool *pool, const char *function)
{
    int64_t out = nbl_pool_out(pool);
    uint32_t i;

    RULE(out == 0, "ndis-pool", "%s while %lld of its %s are still allocated", function, (long long)out,
         pool->of_net_buffers ? "NBs" : "NBLs");
    for (i = 0; i < processor_maximum(); i++) {
        while (pool->caches[i].free != NULL) {
            struct nbl_block *block = pool->caches[i].free;

            pool->caches[i].free = block->next;
            block_free(block);
        }
    }
    ndis_object_remove(&pool->object);
    free(pool);
}

void net_buffer_init(struct NET_BUFFER *nb, void *pool, struct MDL *mdl, uint32_t offset, size_t length)
{
    size_t within = offset;

    memset(nb, 0, sizeof(*nb));
    nb->NdisPoolHandle = pool;
    nb->MdlChain = mdl;
    nb->DataOffset = offset;
    nb->stDataLength = length;
    nb->CurrentMdl = mdl_chain_at(mdl, &within);
    nb->CurrentMdlOffset = (uint32_t)within;
}

struct NET_BUFFER_LIST *nbl_create(struct nbl_pool *pool, struct MDL *mdl, uint32_t offset, size_t length)
{
    struct nbl_block *block = take(pool);
    struct NET_BUFFER_LIST *nbl = &block->nbl;

    memset(nbl, 0, sizeof(*nbl));
    nbl_set_tag(nbl, NBL_TAG_OWNED);
    race_watch(nbl, sizeof(*block), "an NBL", NULL);
    nbl->NdisPoolHandle = pool;
    nbl->Flags = NBL_FLAGS_GIVEN;
    for (uint32_t i = nbl_slots(); i < MaxNetBufferListInfo; i++) {
        nbl->NetBufferListInfo[i] = beyond;
    }
    if (pool->with_net_buffer) {
        net_buffer_init(&block->nb, pool, mdl, offset, length);
        nbl->FirstNetBuffer = &block->nb;
    }
    return nbl;
}

static struct nbl_block *block_of(struct NET_BUFFER_LIST *nbl)
{
    return (struct nbl_block *)(void *)nbl; /* the NBL is the block's first member */
}

/* No processor has such an address: whoever follows it is reported at that instruction. */
static void *const nowhere = NO_ADDRESS(0x4e424c0badbadbad, 0xfffff0ad);

static void **pointer_of(struct nbl_block *block, uint32_t which)
{
    switch (which) {
    case 0:
        return (void **)&block->nbl.FirstNetBuffer;
    case 1:
        return (void **)&block->nbl.Next;
    case 2:
        return (void **)&block->nb.MdlChain;
    case 3:
        return (void **)&block->nb.CurrentMdl;
    default:
        return (void **)&block->nb.Next;
    }
}

void nbl_hide(struct NET_BUFFER_LIST *nbl, const char *why)
{
    struct nbl_block *block = block_of(nbl);

    if (guard_pages) {
        guard_close(block, why);
        return;
    }
    block->hidden = true;
    for (uint32_t i = 0; i < NBL_POINTERS; i++) {
        block->pointers[i] = *pointer_of(block, i);
        *pointer_of(block, i) = nowhere;
    }
}

bool nbl_is_hidden(const struct NET_BUFFER_LIST *nbl)
{
    return guard_pages ? guard_is_closed(nbl) : ((const struct nbl_block *)(const void *)nbl)->hidden;
}

void nbl_show(struct NET_BUFFER_LIST *nbl, const char *meanwhile)
{
    struct nbl_block *block = block_of(nbl);

    if (guard_pages) {
        guard_open(block);
        return;
    }
    if (!block->hidden) {
        return;
    }
    for (uint32_t i = 0; i < NBL_POINTERS; i++) {
        RULE(*pointer_of(block, i) == nowhere, "ndis-nbl",
             "the miniport has written into an NBL %s: it was not the miniport's", meanwhile);
        *pointer_of(block, i) = block->pointers[i];
    }
    block->hidden = false;
}

static void free_context(struct NET_BUFFER_LIST *nbl)
{
    while (nbl->Context != NULL) {
        struct NET_BUFFER_LIST_CONTEXT *context = nbl->Context;

        nbl->Context = context->Next;
        free(context);
    }
}

void nbl_free(struct NET_BUFFER_LIST *nbl, const char *function)
{
    uint64_t tag;
    struct nbl_pool *pool;

    RULE(nbl != NULL, "ndis-nbl", "%s of NULL", function);
    tag = nbl_tag(nbl);
    RULE(tag == NBL_TAG_OWNED, "ndis-nbl", "%s of an NBL that is %s", function, nbl_tag_name(tag));
    nbl_check_end(nbl, function);
    pool = ndis_object_check(nbl->NdisPoolHandle, NDIS_KIND_NBL_POOL, function);
    RULE(nbl->ChildRefCount == 0, "ndis-nbl", "%s of an NBL whose clones are still there (ChildRefCount %d)", function,
         nbl->ChildRefCount);
    RULE(!pool->with_net_buffer || nbl->FirstNetBuffer == &block_of(nbl)->nb, "ndis-nbl",
         "%s of an NBL that lost the NB it was allocated with", function);
    free_context(nbl);
    give(pool, block_of(nbl));
}

static struct NET_BUFFER_LIST_CONTEXT *add_context(struct NET_BUFFER_LIST *nbl, uint16_t size, uint16_t backfill)
{
    struct NET_BUFFER_LIST_CONTEXT *context = ndis_alloc(sizeof(*context) + size + backfill);

    /* Used from its end: Offset bytes of backfill are left in front of the part in use. */
    context->Size = (uint16_t)(size + backfill);
    context->Offset = backfill;
    context->Next = nbl->Context;
    nbl->Context = context;
    return context;
}

static void *MS_ABI allocate_nbl_pool(void *handle, struct NET_BUFFER_LIST_POOL_PARAMETERS *parameters)
{
    struct nbl_pool *pool;

    (void)handle; /* an adapter, a miniport or NULL: NDIS uses it for accounting only */
    record_check(RECORD_NBL_POOL, parameters, ndis_version_simulated());
    RULE(parameters->PoolTag != 0, "ndis-pool", "NdisAllocateNetBufferListPool without a PoolTag");
    RULE(parameters->ContextSize % 8 == 0, "ndis-pool", "ContextSize %u is no multiple of MEMORY_ALLOCATION_ALIGNMENT",
         parameters->ContextSize);
    if (parameters->DataSize != 0) {
        rule_break("ndis-pool", "NdisAllocateNetBufferListPool with DataSize is not simulated");
    }
    pool = nbl_pool_create("NBL", parameters->PoolTag, parameters->ContextSize, parameters->fAllocateNetBuffer != 0);
    ndis_object_made_here(&pool->object);
    return pool;
}

static void MS_ABI free_nbl_pool(void *handle)
{
    nbl_pool_destroy(ndis_object_check(handle, NDIS_KIND_NBL_POOL, "NdisFreeNetBufferListPool"),
                     "NdisFreeNetBufferListPool");
}

static struct NET_BUFFER_LIST *new_nbl(struct nbl_pool *pool, uint16_t context_size, uint16_t backfill, struct MDL *mdl,
                                       uint32_t offset, size_t length)
{
    struct NET_BUFFER_LIST *nbl;

    RULE(context_size % 8 == 0 && backfill % 8 == 0, "ndis-pool",
         "an NBL with a context of %u bytes and %u in front of it: no multiples of MEMORY_ALLOCATION_ALIGNMENT",
         context_size, backfill);
    RULE(mdl != NULL || (offset == 0 && length == 0), "ndis-pool", "an NBL without MDLs for %zu bytes at %u", length,
         offset);
    nbl = nbl_create(pool, mdl, offset, length);
    if (context_size + backfill + pool->context_size > 0) {
        (void)add_context(nbl, (uint16_t)(context_size > 0 ? context_size : pool->context_size), backfill);
    }
    return nbl;
}

static struct NET_BUFFER_LIST *MS_ABI allocate_both(void *handle, uint16_t context_size, uint16_t backfill,
                                                    struct MDL *mdl, uint32_t offset, size_t length)
{
    struct nbl_pool *pool = ndis_object_check(handle, NDIS_KIND_NBL_POOL, "NdisAllocateNetBufferAndNetBufferList");

    RULE(pool->with_net_buffer, "ndis-pool",
         "NdisAllocateNetBufferAndNetBufferList from a pool without fAllocateNetBuffer");
    return new_nbl(pool, context_size, backfill, mdl, offset, length);
}

static struct NET_BUFFER_LIST *MS_ABI allocate_nbl(void *handle, uint16_t context_size, uint16_t backfill)
{
    struct nbl_pool *pool = ndis_object_check(handle, NDIS_KIND_NBL_POOL, "NdisAllocateNetBufferList");

    RULE(!pool->with_net_buffer, "ndis-pool", "NdisAllocateNetBufferList from a pool with fAllocateNetBuffer");
    return new_nbl(pool, context_size, backfill, NULL, 0, 0);
}

static void MS_ABI free_nbl(struct NET_BUFFER_LIST *nbl)
{
    nbl_free(nbl, "NdisFreeNetBufferList");
}

static void *MS_ABI pool_of_nbl(struct NET_BUFFER_LIST *nbl)
{
    return nbl->NdisPoolHandle;
}

static int32_t MS_ABI allocate_context(struct NET_BUFFER_LIST *nbl, uint16_t size, uint16_t backfill, uint32_t tag)
{
    struct NET_BUFFER_LIST_CONTEXT *context = nbl->Context;

    (void)tag;
    if (context != NULL && context->Offset >= size) {
        context->Offset = (uint16_t)(context->Offset - size);
    } else {
        (void)add_context(nbl, size, backfill);
    }
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI release_context(struct NET_BUFFER_LIST *nbl, uint16_t size)
{
    struct NET_BUFFER_LIST_CONTEXT *context = nbl->Context;

    RULE(context != NULL && context->Offset + size <= context->Size, "ndis-nbl",
         "NdisFreeNetBufferListContext of %u bytes that are not there", size);
    context->Offset = (uint16_t)(context->Offset + size);
    if (context->Offset == context->Size) {
        nbl->Context = context->Next;
        free(context);
    }
}

static void *MS_ABI allocate_nb_pool(void *handle, struct NET_BUFFER_POOL_PARAMETERS *parameters)
{
    struct nbl_pool *pool;

    (void)handle;
    record_check(RECORD_NB_POOL, parameters, ndis_version_simulated());
    RULE(parameters->PoolTag != 0, "ndis-pool", "NdisAllocateNetBufferPool without a PoolTag");
    if (parameters->DataSize != 0) {
        rule_break("ndis-pool", "NdisAllocateNetBufferPool with DataSize is not simulated");
    }
    pool = create(NDIS_KIND_NB_POOL, "NB", parameters->PoolTag);
    ndis_object_made_here(&pool->object);
    pool->of_net_buffers = true;
    return pool;
}

static void MS_ABI free_nb_pool(void *handle)
{
    nbl_pool_destroy(ndis_object_check(handle, NDIS_KIND_NB_POOL, "NdisFreeNetBufferPool"), "NdisFreeNetBufferPool");
}

static struct NET_BUFFER *MS_ABI allocate_nb(void *handle, struct MDL *mdl, uint32_t offset, size_t length)
{
    struct nbl_block *block = take(ndis_object_check(handle, NDIS_KIND_NB_POOL, "NdisAllocateNetBuffer"));

    nbl_set_tag(&block->nbl, NBL_TAG_OWNED);
    net_buffer_init(&block->nb, handle, mdl, offset, length);
    return &block->nb;
}

static void MS_ABI free_nb(struct NET_BUFFER *nb)
{
    struct nbl_pool *pool = ndis_object_check(nb->NdisPoolHandle, NDIS_KIND_NB_POOL, "NdisFreeNetBuffer");
    struct nbl_block *block = (struct nbl_block *)(void *)((uint8_t *)nb - offsetof(struct nbl_block, nb));

    RULE(nbl_tag(&block->nbl) == NBL_TAG_OWNED, "ndis-nb", "NdisFreeNetBuffer of an NB that is %s",
         nbl_tag_name(nbl_tag(&block->nbl)));
    give(pool, block);
}

#define NBL_POOL_EXPORTS(X)                                                                                            \
    X(NdisAllocateNetBufferListPool, allocate_nbl_pool, PASSIVE_LEVEL, DISPATCH_LEVEL)                                 \
    X(NdisFreeNetBufferListPool, free_nbl_pool, PASSIVE_LEVEL, DISPATCH_LEVEL)                                         \
    X(NdisAllocateNetBufferAndNetBufferList, allocate_both, PASSIVE_LEVEL, DISPATCH_LEVEL)                             \
    X(NdisAllocateNetBufferList, allocate_nbl, PASSIVE_LEVEL, DISPATCH_LEVEL)                                          \
    X(NdisFreeNetBufferList, free_nbl, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                  \
    X(NdisGetPoolFromNetBufferList, pool_of_nbl, PASSIVE_LEVEL, DISPATCH_LEVEL)                                        \
    X(NdisAllocateNetBufferListContext, allocate_context, PASSIVE_LEVEL, DISPATCH_LEVEL)                               \
    X(NdisFreeNetBufferListContext, release_context, PASSIVE_LEVEL, DISPATCH_LEVEL)                                    \
    X(NdisAllocateNetBufferPool, allocate_nb_pool, PASSIVE_LEVEL, DISPATCH_LEVEL)                                      \
    X(NdisFreeNetBufferPool, free_nb_pool, PASSIVE_LEVEL, DISPATCH_LEVEL)                                              \
    X(NdisAllocateNetBuffer, allocate_nb, PASSIVE_LEVEL, DISPATCH_LEVEL)                                               \
    X(NdisFreeNetBuffer, free_nb, PASSIVE_LEVEL, DISPATCH_LEVEL)

void nbl_pool_exports(void)
{
    NDIS_EXPORTS(NBL_POOL_EXPORTS);
}
