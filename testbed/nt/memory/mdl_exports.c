/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MDL functions that a driver calls: Io... for the record, Mm... for the memory behind it. Rules beyond the IRQL
 * ranges: an MDL is mapped once and unmapped before it or its pages go, built or locked before it is mapped, locked
 * pages are unlocked before the record is freed.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/export/version.h"
#include "nt/memory/mdl.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"

#define TAG_MDL 0x206c644d /* "Mdl " */

enum { KERNEL_MODE = 0, IO_READ_ACCESS = 0, DONT_ZERO = 1 };

/* Beside the page priority, from Windows 8 (NDIS 6.30) on. */
#define MAPPING_NO_EXECUTE 0x40000000u
#define MAPPING_FLAGS      0xc0000000u

static MS_ABI struct MDL *nt_IoAllocateMdl(void *address, uint32_t bytes, uint8_t secondary, uint8_t quota,
                                           struct IRP *irp)
{
    size_t size = mdl_record_size(address, bytes);
    struct MDL *mdl;

    (void)quota;
    RULE(bytes != 0, "mdl", "IoAllocateMdl of 0 bytes");
    if (size == 0 || (mdl = pool_take(size, TAG_MDL, POOL_MDL, false, __builtin_return_address(0))) == NULL) {
        return NULL;
    }
    mdl_describe(mdl, address, bytes);
    if (irp != NULL) {
        struct MDL **end = &irp->MdlAddress;

        RULE(secondary || *end == NULL, "mdl", "IoAllocateMdl: the IRP has an MDL already");
        while (*end != NULL) {
            end = &(*end)->Next;
        }
        *end = mdl;
    }
    return mdl;
}

static MS_ABI void nt_IoFreeMdl(struct MDL *mdl)
{
    RULE((mdl->MdlFlags & MDL_PAGES_LOCKED) == 0 || (mdl->MdlFlags & MDL_PARTIAL) != 0, "mdl",
         "IoFreeMdl of an MDL whose pages are still locked");
    RULE((mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) == 0 || (mdl->MdlFlags & MDL_PARTIAL) != 0, "mdl",
         "IoFreeMdl of an MDL that is still mapped");
    pool_give(mdl, 0, POOL_MDL, "IoFreeMdl");
}

static MS_ABI void nt_IoBuildPartialMdl(struct MDL *source, struct MDL *target, void *address, uint32_t bytes)
{
    uintptr_t start = (uintptr_t)source->StartVa + source->ByteOffset, end = start + source->ByteCount;
    uintptr_t from = (uintptr_t)address;
    uint64_t pages, first;

    if (bytes == 0) {
        bytes = (uint32_t)(end - from);
    }
    RULE(from >= start && from + bytes <= end, "mdl", "IoBuildPartialMdl of bytes %lld to %lld of an MDL of %u bytes",
         (long long)(from - start), (long long)(from - start + bytes), source->ByteCount);
    RULE((target->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED) == 0, "mdl",
         "IoBuildPartialMdl into an MDL that is still mapped: MmPrepareMdlForReuse is missing");
    RULE(mdl_record_size(address, bytes) <= (size_t)target->Size, "mdl",
         "IoBuildPartialMdl: the target MDL is too small for %u bytes", bytes);
    target->StartVa = (void *)(from & ~(uintptr_t)(MDL_PAGE - 1));
    target->ByteOffset = (uint32_t)(from & (MDL_PAGE - 1));
    target->ByteCount = bytes;
    target->Process = source->Process;
    target->MdlFlags =
        (int16_t)(MDL_PARTIAL | (source->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA)));
    target->MappedSystemVa = source->MappedSystemVa == NULL ? NULL : (uint8_t *)source->MappedSystemVa + (from - start);
    first = ((uintptr_t)target->StartVa - (uintptr_t)source->StartVa) / MDL_PAGE;
    pages = (target->ByteOffset + (uint64_t)bytes + MDL_PAGE - 1) / MDL_PAGE;
    memcpy(mdl_frames(target), mdl_frames(source) + first, pages * sizeof(uintptr_t));
}

static MS_ABI void nt_MmBuildMdlForNonPagedPool(struct MDL *mdl)
{
    mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
    mdl->MappedSystemVa = (uint8_t *)mdl->StartVa + mdl->ByteOffset;
    mdl_fill_frames(mdl, mdl->StartVa);
}

static void *map(const char *function, struct MDL *mdl, int8_t mode)
{
    uint64_t pages = (mdl->ByteOffset + (uint64_t)mdl->ByteCount + MDL_PAGE - 1) / MDL_PAGE;
    uintptr_t *frames = mdl_frames(mdl);

    RULE(mode == KERNEL_MODE, "unsupported", "%s into user space", function);
    RULE((mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) == 0 || (mdl->MdlFlags & MDL_PARTIAL) != 0, "mdl",
         "%s of an MDL that is mapped already", function);
    RULE((mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL)) != 0, "mdl",
         "%s of an MDL whose pages are neither locked nor part of another MDL", function);
    for (uint64_t i = 1; i < pages; i++) {
        RULE(frames[i] == frames[0] + i, "unsupported", "%s of frames that are not in a row", function);
    }
    mdl->MappedSystemVa = (uint8_t *)(frames[0] * MDL_PAGE) + mdl->ByteOffset;
    mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA;
    if ((mdl->MdlFlags & MDL_PARTIAL) != 0) {
        mdl->MdlFlags |= MDL_PARTIAL_HAS_BEEN_MAPPED;
    }
    return mdl->MappedSystemVa;
}

void *mdl_map(struct MDL *mdl)
{
    bool mapped = (mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) != 0;

    return mapped ? mdl->MappedSystemVa : map("a mapping for another driver", mdl, KERNEL_MODE);
}

/* Code integrity of Windows 8 and later, under Driver Verifier: a driver maps memory for data only. */
static void check_priority(uint32_t priority)
{
    bool has_flags = windows_simulated()->ndis_minor >= 30;

    RULE_DOCUMENTED(!has_flags || (priority & MAPPING_NO_EXECUTE) != 0, "mdl-execute",
                    "an MDL is mapped so that its bytes can be executed: MdlMappingNoExecute is missing");
    RULE(has_flags || (priority & MAPPING_FLAGS) == 0, "mdl-execute",
         "an MDL is mapped with priority %#x: Windows 7 has no MdlMapping flags", priority);
}

static MS_ABI void *nt_MmMapLockedPagesSpecifyCache(struct MDL *mdl, int8_t mode, uint32_t caching, void *at,
                                                    uint32_t bugcheck, uint32_t priority)
{
    (void)caching, (void)bugcheck;
    check_priority(priority);
    RULE(at == NULL, "unsupported", "MmMapLockedPagesSpecifyCache at a requested address");
    return pool_fails() ? NULL : map("MmMapLockedPagesSpecifyCache", mdl, mode);
}

static MS_ABI void *nt_MmMapLockedPages(struct MDL *mdl, int8_t mode)
{
    return map("MmMapLockedPages", mdl, mode);
}

static MS_ABI void nt_MmUnmapLockedPages(void *address, struct MDL *mdl)
{
    RULE((mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) != 0, "mdl", "MmUnmapLockedPages of an MDL that is not mapped");
    RULE(address == mdl->MappedSystemVa, "mdl", "MmUnmapLockedPages of another address than the MDL is mapped at");
    mdl->MdlFlags &= ~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
    mdl->MappedSystemVa = NULL;
}

static MS_ABI void nt_MmProbeAndLockPages(struct MDL *mdl, int8_t mode, uint32_t operation)
{
    RULE(mode == KERNEL_MODE, "unsupported", "MmProbeAndLockPages of user memory");
    RULE((mdl->MdlFlags & MDL_PAGES_LOCKED) == 0, "mdl",
         "MmProbeAndLockPages of an MDL whose pages are locked already");
    mdl->MdlFlags |= MDL_PAGES_LOCKED | (operation == IO_READ_ACCESS ? 0 : MDL_WRITE_OPERATION);
    mdl_fill_frames(mdl, mdl->StartVa);
}

static MS_ABI void nt_MmUnlockPages(struct MDL *mdl)
{
    RULE((mdl->MdlFlags & MDL_PAGES_LOCKED) != 0, "mdl", "MmUnlockPages of an MDL whose pages are not locked");
    RULE(pool_kind_of(mdl) != POOL_PAGES, "mdl", "MmUnlockPages of an MDL from MmAllocatePagesForMdl");
    if ((mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) != 0) {
        mdl->MappedSystemVa = NULL; /* Windows unmaps, too */
    }
    mdl->MdlFlags &= ~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION | MDL_MAPPED_TO_SYSTEM_VA);
}

static const struct page_source *page_source;

void mdl_pages_from(const struct page_source *source)
{
    page_source = source;
}

static void *pages_take(uint64_t bytes)
{
    return page_source != NULL ? page_source->take(page_source->context, bytes / MDL_PAGE)
                               : aligned_alloc(MDL_PAGE, bytes);
}

static void pages_give(void *pages, uint64_t bytes)
{
    if (page_source != NULL && page_source->owns(page_source->context, pages)) {
        page_source->give(page_source->context, pages, bytes / MDL_PAGE);
    } else {
        free(pages);
    }
}

static struct MDL *allocate_pages(uint64_t bytes, bool zero, const void *caller)
{
    uint64_t whole = (bytes + MDL_PAGE - 1) & ~(uint64_t)(MDL_PAGE - 1);
    size_t size = mdl_record_size(NULL, whole);
    struct MDL *mdl;
    uint8_t *pages;

    if (size == 0 || bytes == 0 || (mdl = pool_take(size, TAG_MDL, POOL_PAGES, false, caller)) == NULL) {
        return NULL;
    }
    pages = pages_take(whole);
    if (pages == NULL) {
        pool_give(mdl, 0, POOL_PAGES, "MmAllocatePagesForMdlEx");
        return NULL;
    }
    memset(pages, zero ? 0 : 0xa5, whole);
    mdl_describe(mdl, NULL, (uint32_t)whole);
    mdl->MdlFlags = MDL_PAGES_LOCKED;
    mdl_fill_frames(mdl, pages);
    return mdl;
}

static MS_ABI struct MDL *nt_MmAllocatePagesForMdlEx(int64_t low, int64_t high, int64_t skip, size_t bytes,
                                                     uint32_t caching, uint32_t flags)
{
    (void)low, (void)high, (void)skip,
        (void)caching; /* the frame numbers simulated here have no meaning to any device */
    return allocate_pages(bytes, (flags & DONT_ZERO) == 0, __builtin_return_address(0));
}

static MS_ABI struct MDL *nt_MmAllocatePagesForMdl(int64_t low, int64_t high, int64_t skip, size_t bytes)
{
    (void)low, (void)high, (void)skip;
    return allocate_pages(bytes, true, __builtin_return_address(0));
}

static MS_ABI void nt_MmFreePagesFromMdl(struct MDL *mdl)
{
    RULE(pool_kind_of(mdl) == POOL_PAGES, "mdl",
         "MmFreePagesFromMdl of an MDL that MmAllocatePagesForMdl did not make");
    RULE((mdl->MdlFlags & MDL_PAGES_LOCKED) != 0, "mdl", "MmFreePagesFromMdl: the pages were freed before");
    RULE((mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA) == 0, "mdl", "MmFreePagesFromMdl of pages that are still mapped");
    pages_give((void *)(mdl_frames(mdl)[0] * MDL_PAGE), mdl->ByteCount);
    mdl->MdlFlags &= ~MDL_PAGES_LOCKED;
}

static MS_ABI size_t nt_MmSizeOfMdl(void *address, size_t bytes)
{
    return sizeof(struct MDL) +
           (((uintptr_t)address & (MDL_PAGE - 1)) + bytes + MDL_PAGE - 1) / MDL_PAGE * sizeof(uintptr_t);
}

static MS_ABI int64_t nt_MmGetPhysicalAddress(void *address)
{
    return (int64_t)(uintptr_t)address;
}

#define MDL_EXPORTS(X)                                                                                                 \
    X("ntoskrnl.exe", IoAllocateMdl, nt_IoAllocateMdl, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", IoFreeMdl, nt_IoFreeMdl, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", IoBuildPartialMdl, nt_IoBuildPartialMdl, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", MmBuildMdlForNonPagedPool, nt_MmBuildMdlForNonPagedPool, PASSIVE_LEVEL, DISPATCH_LEVEL,          \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", MmMapLockedPagesSpecifyCache, nt_MmMapLockedPagesSpecifyCache, PASSIVE_LEVEL, DISPATCH_LEVEL,    \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", MmMapLockedPages, nt_MmMapLockedPages, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", MmUnmapLockedPages, nt_MmUnmapLockedPages, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", MmProbeAndLockPages, nt_MmProbeAndLockPages, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)           \
    X("ntoskrnl.exe", MmUnlockPages, nt_MmUnlockPages, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", MmAllocatePagesForMdl, nt_MmAllocatePagesForMdl, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", MmAllocatePagesForMdlEx, nt_MmAllocatePagesForMdlEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)   \
    X("ntoskrnl.exe", MmFreePagesFromMdl, nt_MmFreePagesFromMdl, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", MmSizeOfMdl, nt_MmSizeOfMdl, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", MmGetPhysicalAddress, nt_MmGetPhysicalAddress, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)

void mdl_start(void)
{
    EXPORT_REGISTER(MDL_EXPORTS);
}

void mdl_stop(void)
{
    page_source = NULL;
}
