/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ExAllocatePool and its family, as the driver calls them. Rules beyond the IRQL range of each function: paged pool
 * only up to APC_LEVEL, a tag that is not zero, no request of zero bytes, flags and types that Windows knows.
 */
#include <string.h>

#include <stdlib.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/memory/guard.h"
#include "nt/memory/mdl.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"

/* POOL_TYPE: the lowest bit says paged, 4 cache-aligned, 32 session, 512 no-execute, 16 raise on failure, 8 quota. */
enum { TYPE_PAGED = 1, TYPE_RAISE = 16, TYPE_KNOWN = 1 | 4 | 32 | 512 | 1024 };

/* POOL_FLAGS */
#define FLAG_UNINITIALIZED     0x2ull
#define FLAG_CACHE_ALIGNED     0x8ull
#define FLAG_RAISE_ON_FAILURE  0x20ull
#define FLAG_NON_PAGED         0x40ull
#define FLAG_NON_PAGED_EXECUTE 0x80ull
#define FLAG_PAGED             0x100ull
#define FLAG_OPTIONAL          0xffffffff00000000ull /* unknown ones here are ignored by Windows */

static void *allocate(const char *function, uint32_t type, size_t bytes, uint32_t tag, const void *caller)
{
    bool paged = (type & TYPE_PAGED) != 0;

    RULE((type & TYPE_RAISE) == 0, "unsupported", "%s that raises an exception on failure (pool type %u)", function,
         type);
    RULE((type & ~(uint32_t)TYPE_KNOWN) == 0, "pool", "%s with unknown pool type %u", function, type);
    RULE(tag != 0, "pool", "%s of %zu bytes with tag 0", function, bytes);
    RULE(bytes != 0, "pool", "%s of 0 bytes", function);
    RULE(!paged || irql_current() <= APC_LEVEL, "irql", "%s from paged pool at IRQL %u, allowed 0 to 1", function,
         irql_current());
    return pool_take(bytes, tag, POOL_BLOCK, paged, caller);
}

static MS_ABI void *nt_ExAllocatePoolWithTag(uint32_t type, size_t bytes, uint32_t tag)
{
    return allocate("ExAllocatePoolWithTag", type, bytes, tag, __builtin_return_address(0));
}

static MS_ABI void *nt_ExAllocatePool(uint32_t type, size_t bytes)
{
    return allocate("ExAllocatePool", type, bytes, 0x656e6f4e, __builtin_return_address(0));
}

static MS_ABI void *nt_ExAllocatePoolWithTagPriority(uint32_t type, size_t bytes, uint32_t tag, uint32_t priority)
{
    (void)priority;
    return allocate("ExAllocatePoolWithTagPriority", type, bytes, tag, __builtin_return_address(0));
}

static void *allocate_flags(const char *function, uint64_t flags, size_t bytes, uint32_t tag, const void *caller)
{
    uint64_t kinds = flags & (FLAG_NON_PAGED | FLAG_NON_PAGED_EXECUTE | FLAG_PAGED);
    void *memory;

    RULE(kinds != 0 && (kinds & (kinds - 1)) == 0, "pool",
         "%s with flags %#llx: exactly one of paged and non-paged must be named", function, (unsigned long long)flags);
    RULE((flags & FLAG_RAISE_ON_FAILURE) == 0, "unsupported", "%s with POOL_FLAG_RAISE_ON_FAILURE", function);
    RULE((flags & ~(kinds | FLAG_UNINITIALIZED | FLAG_CACHE_ALIGNED | FLAG_OPTIONAL)) == 0, "pool",
         "%s with unknown flags %#llx", function, (unsigned long long)flags);
    memory = allocate(function, kinds == FLAG_PAGED, bytes, tag, caller);
    if (memory != NULL && (flags & FLAG_UNINITIALIZED) == 0) {
        memset(memory, 0, bytes);
    }
    return memory;
}

static MS_ABI void *nt_ExAllocatePool2(uint64_t flags, size_t bytes, uint32_t tag)
{
    return allocate_flags("ExAllocatePool2", flags, bytes, tag, __builtin_return_address(0));
}

struct POOL_EXTENDED_PARAMETER {
    uint64_t Type : 8, Optional : 1, Reserved : 55;
    uint64_t Value;
};

static MS_ABI void *nt_ExAllocatePool3(uint64_t flags, size_t bytes, uint32_t tag,
                                       const struct POOL_EXTENDED_PARAMETER *extended, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        RULE(extended[i].Optional || extended[i].Type == 1 /* priority */, "unsupported",
             "ExAllocatePool3 with extended parameter type %u", (unsigned)extended[i].Type);
    }
    return allocate_flags("ExAllocatePool3", flags, bytes, tag, __builtin_return_address(0));
}

/* The MDL of MmAllocatePagesForMdl is freed here too, once its pages are gone. */
static void free_block(const char *function, void *memory, uint32_t tag)
{
    bool pages = memory != NULL && ((uintptr_t)memory % POOL_ALIGNMENT) == 0 && pool_kind_of(memory) == POOL_PAGES;

    if (pages) {
        RULE((((struct MDL *)memory)->MdlFlags & MDL_PAGES_LOCKED) == 0, "mdl",
             "%s of an MDL whose pages were not freed with MmFreePagesFromMdl", function);
    }
    pool_give(memory, pages ? 0 : tag, pages ? POOL_PAGES : POOL_BLOCK, function);
}

static MS_ABI void nt_ExFreePoolWithTag(void *memory, uint32_t tag)
{
    free_block("ExFreePoolWithTag", memory, tag);
}

static MS_ABI void nt_ExFreePool(void *memory)
{
    free_block("ExFreePool", memory, 0);
}

static MS_ABI void nt_ExFreePool2(void *memory, uint32_t tag, const void *extended, uint32_t count)
{
    (void)extended;
    RULE(count == 0, "unsupported", "ExFreePool2 with extended parameters");
    free_block("ExFreePool2", memory, tag);
}

#define POOL_EXPORTS(X)                                                                                                \
    X("ntoskrnl.exe", ExAllocatePool, nt_ExAllocatePool, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", ExAllocatePoolWithTag, nt_ExAllocatePoolWithTag, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", ExAllocatePoolWithTagPriority, nt_ExAllocatePoolWithTagPriority, PASSIVE_LEVEL, DISPATCH_LEVEL,  \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", ExAllocatePool2, nt_ExAllocatePool2, PASSIVE_LEVEL, DISPATCH_LEVEL, 19041)                       \
    X("ntoskrnl.exe", ExAllocatePool3, nt_ExAllocatePool3, PASSIVE_LEVEL, DISPATCH_LEVEL, 19041)                       \
    X("ntoskrnl.exe", ExFreePool, nt_ExFreePool, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                             \
    X("ntoskrnl.exe", ExFreePoolWithTag, nt_ExFreePoolWithTag, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", ExFreePool2, nt_ExFreePool2, PASSIVE_LEVEL, DISPATCH_LEVEL, 19041)

void pool_start(void)
{
    const char *wanted = getenv("TESTBED_GUARD_PAGES");

    EXPORT_REGISTER(POOL_EXPORTS);
    guard_pages |= wanted != NULL && wanted[0] == '1';
}
