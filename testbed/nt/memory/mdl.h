/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory descriptor lists. Host addresses stand for physical addresses: a page's frame number is its address over 4096,
 * so a driver that computes with the frame numbers behind an MDL sees numbers that fit together. Memory behind one MDL
 * is always contiguous.
 */
#ifndef TESTBED_NT_MEMORY_MDL_H
#define TESTBED_NT_MEMORY_MDL_H

#include "nt/nt.h"

enum { MDL_PAGE = 4096 };

#define MDL_MAPPED_TO_SYSTEM_VA     0x0001
#define MDL_PAGES_LOCKED            0x0002
#define MDL_SOURCE_IS_NONPAGED_POOL 0x0004
#define MDL_ALLOCATED_FIXED_SIZE    0x0008
#define MDL_PARTIAL                 0x0010
#define MDL_PARTIAL_HAS_BEEN_MAPPED 0x0020
#define MDL_WRITE_OPERATION         0x0080

static inline uintptr_t *mdl_frames(const struct MDL *mdl)
{
    return (uintptr_t *)(uintptr_t)(mdl + 1);
}

/* Bytes of an MDL record for a buffer; 0: larger than a record can describe. */
size_t mdl_record_size(const void *address, uint64_t bytes);
void mdl_describe(struct MDL *mdl, const void *address, uint32_t bytes); /* fills the fixed part, not the frames */
void mdl_fill_frames(struct MDL *mdl, const void *first_page);
/* Describes other bytes, on at most as many pages as before; its place in a chain stays. */
void mdl_aim(struct MDL *mdl, void *address, uint32_t bytes);
/* Maps it where it is not, as MmGetSystemAddressForMdlSafe does for whoever gets it. */
void *mdl_map(struct MDL *mdl);

/* Where the pages of MmAllocatePagesForMdl come from while somebody shares pages with other domains; NULL: the heap.
 * The source is in force from a driver's first allocation to its last. */
struct page_source {
    void *context;
    void *(*take)(void *context, size_t pages); /* NULL: none left */
    void (*give)(void *context, void *address, size_t pages);
    bool (*owns)(void *context, const void *address);
};
void mdl_pages_from(const struct page_source *source);

#endif
