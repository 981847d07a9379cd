/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracked memory: pool blocks, and the records that Windows carves out of pool (MDLs, IRPs). Each block carries a
 * header before and guard bytes behind it; freed small blocks stay in quarantine for a while, so that a second free and
 * a write after free are found. Internal to nt/, except for failing allocations on purpose, which tests use.
 */
#ifndef TESTBED_NT_MEMORY_POOL_H
#define TESTBED_NT_MEMORY_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

#define POOL_ALIGNMENT (2 * sizeof(void *)) /* MEMORY_ALLOCATION_ALIGNMENT */

enum pool_kind {
    POOL_BLOCK = 1, /* the driver's, by ExAllocatePool... */
    POOL_NATIVE,    /* the testbed's own, by pool_alloc */
    POOL_MDL,       /* IoAllocateMdl, mdl_create */
    POOL_PAGES,     /* MDL of MmAllocatePagesForMdlEx: freed by ExFreePool once its pages are gone */
    POOL_IRP,
    POOL_NDIS, /* the driver's, by NdisAllocateMemory... */
};

/* NULL when the run is to fail here, or `bytes` are absurd. `caller` is the driver's return address or NULL. */
void *pool_take(size_t bytes, uint32_t tag, enum pool_kind kind, bool paged, const void *caller);
/* Checks everything; `tag` 0 means any. `function` names the caller's function in the rule's text. */
void pool_give(void *block, uint32_t tag, enum pool_kind kind, const char *function);
size_t pool_size(const void *block);
enum pool_kind pool_kind_of(const void *block); /* 0: not a live block's address */
void pool_set_kind(void *block, enum pool_kind kind);

/* The `n`th allocation of the driver from now on fails (1: the next), and only that one; 0: none does. */
void pool_fail_at(uint64_t n);
uint64_t pool_requests(void); /* allocations that pool_fail_at could have failed, since nt_start */
bool pool_fails(void);        /* for other allocators (NBL pools): counts one request, returns whether it is to fail */
uint64_t pool_used(void);     /* bytes that the driver has of ExAllocatePool... and NdisAllocateMemory... */

/* Before an image goes away: remember its functions' names for the leak listing. */
void pool_name_callers(const struct image *image);

#endif
