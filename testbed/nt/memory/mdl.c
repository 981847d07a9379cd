/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MDLs for the testbed itself (mdl_create ...) and the arithmetic that the exported functions share. Records come from
 * tracked pool (POOL_MDL). IRQL <= DISPATCH_LEVEL; an MDL belongs to one owner at a time, so there is no lock.
 */
#include "nt/memory/mdl.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/memory/pool.h"

#define TAG_MDL 0x206c644d /* "Mdl " */

static uint64_t page_count(const void *address, uint64_t bytes)
{
    return (((uintptr_t)address & (MDL_PAGE - 1)) + bytes + MDL_PAGE - 1) / MDL_PAGE;
}

size_t mdl_record_size(const void *address, uint64_t bytes)
{
    uint64_t size = sizeof(struct MDL) + page_count(address, bytes) * sizeof(uintptr_t);

    return size > INT16_MAX ? 0 : (size_t)size;
}

void mdl_describe(struct MDL *mdl, const void *address, uint32_t bytes)
{
    mdl->Next = NULL;
    mdl->Size = (int16_t)mdl_record_size(address, bytes);
    mdl->MdlFlags = 0;
    mdl->Process = NULL;
    mdl->MappedSystemVa = NULL;
    mdl->StartVa = (void *)((uintptr_t)address & ~(uintptr_t)(MDL_PAGE - 1));
    mdl->ByteCount = bytes;
    mdl->ByteOffset = (uint32_t)((uintptr_t)address & (MDL_PAGE - 1));
}

void mdl_fill_frames(struct MDL *mdl, const void *first_page)
{
    uintptr_t frame = (uintptr_t)first_page / MDL_PAGE;
    uint64_t pages = page_count((void *)(uintptr_t)mdl->ByteOffset, mdl->ByteCount);

    for (uintptr_t i = 0; i < pages; i++) {
        mdl_frames(mdl)[i] = frame + i;
    }
}

static struct MDL *fill(struct MDL *mdl, void *address, uint32_t bytes)
{
    mdl_describe(mdl, address, bytes);
    mdl->MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL;
    mdl->MappedSystemVa = address;
    mdl_fill_frames(mdl, mdl->StartVa);
    return mdl;
}

void mdl_aim(struct MDL *mdl, void *address, uint32_t bytes)
{
    mdl->StartVa = (void *)((uintptr_t)address & ~(uintptr_t)(MDL_PAGE - 1));
    mdl->ByteOffset = (uint32_t)((uintptr_t)address & (MDL_PAGE - 1));
    mdl->ByteCount = bytes;
    mdl->MappedSystemVa = address;
    mdl_fill_frames(mdl, mdl->StartVa);
}

struct MDL *mdl_create(void *address, uint32_t bytes)
{
    size_t size = mdl_record_size(address, bytes);
    struct MDL *mdl;

    RULE(size != 0, "unsupported", "an MDL for %u bytes", bytes);
    mdl = pool_alloc(size, TAG_MDL);
    pool_set_kind(mdl, POOL_MDL);
    return fill(mdl, address, bytes);
}

struct MDL *mdl_create_for(void *address, uint32_t bytes, const void *caller)
{
    size_t size = mdl_record_size(address, bytes);
    struct MDL *mdl = size != 0 ? pool_take(size, TAG_MDL, POOL_MDL, false, caller) : NULL;

    return mdl != NULL ? fill(mdl, address, bytes) : NULL;
}

void mdl_free(struct MDL *mdl)
{
    pool_give(mdl, 0, POOL_MDL, "mdl_free");
}

struct MDL *mdl_chain_at(struct MDL *mdl, size_t *offset)
{
    while (mdl != NULL && *offset >= mdl->ByteCount) {
        *offset -= mdl->ByteCount;
        mdl = mdl->Next;
    }
    return mdl;
}
