/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookaside lists. They are filled and emptied by code inside the driver (the headers' inline functions), so the record
 * must be exactly as Windows lays it out.
 */
#include <string.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"

struct NPAGED_LOOKASIDE_LIST { /* GENERAL_LOOKASIDE */
    struct SLIST_HEADER ListHead;
    uint16_t Depth, MaximumDepth;
    uint32_t TotalAllocates, AllocateMisses, TotalFrees, FreeMisses, Type, Tag, Size;
    void *Allocate, *Free;
    struct LIST_ENTRY ListEntry;
    uint32_t LastTotalAllocates, LastAllocateMisses, Future[2];
};
#ifdef __x86_64__
_Static_assert(offsetof(struct NPAGED_LOOKASIDE_LIST, Type) == 36 &&
                   offsetof(struct NPAGED_LOOKASIDE_LIST, Allocate) == 48 &&
                   offsetof(struct NPAGED_LOOKASIDE_LIST, Free) == 56,
               "the driver's inline functions use these");
#else
_Static_assert(offsetof(struct NPAGED_LOOKASIDE_LIST, Type) == 28 &&
                   offsetof(struct NPAGED_LOOKASIDE_LIST, Allocate) == 40 &&
                   offsetof(struct NPAGED_LOOKASIDE_LIST, Free) == 44,
               "the driver's inline functions use these");
#endif

typedef MS_ABI void free_function(void *);

static void initialize_lookaside(struct NPAGED_LOOKASIDE_LIST *list, void *allocate, void *free_block, uint32_t type,
                                 size_t size, uint32_t tag)
{
    RULE(((uintptr_t)list % POOL_ALIGNMENT) == 0, "alignment", "a lookaside list that is not aligned to %zu bytes",
         POOL_ALIGNMENT);
    memset(list, 0, sizeof(*list));
    list->Depth = 4;
    list->MaximumDepth = 256;
    list->Type = type;
    list->Tag = tag;
    list->Size = (uint32_t)size;
    list->Allocate = allocate != NULL ? allocate : export_bind("ntoskrnl.exe", "ExAllocatePoolWithTag");
    list->Free = free_block != NULL ? free_block : export_bind("ntoskrnl.exe", "ExFreePool");
}

static MS_ABI void nt_ExInitializeNPagedLookasideList(struct NPAGED_LOOKASIDE_LIST *list, void *allocate,
                                                      void *free_block, uint32_t flags, size_t size, uint32_t tag,
                                                      uint16_t depth)
{
    enum { NX_FLAG = 512 };

    (void)depth;
    RULE((flags & ~(uint32_t)NX_FLAG) == 0, "unsupported", "ExInitializeNPagedLookasideList with flags %#x", flags);
    initialize_lookaside(list, allocate, free_block, flags & NX_FLAG, size, tag);
}

static MS_ABI void nt_ExInitializePagedLookasideList(struct NPAGED_LOOKASIDE_LIST *list, void *allocate,
                                                     void *free_block, uint32_t flags, size_t size, uint32_t tag,
                                                     uint16_t depth)
{
    (void)depth;
    RULE(flags == 0, "unsupported", "ExInitializePagedLookasideList with flags %#x", flags);
    initialize_lookaside(list, allocate, free_block, 1, size, tag);
}

static MS_ABI void nt_ExDeleteLookasideList(struct NPAGED_LOOKASIDE_LIST *list)
{
    typedef MS_ABI void *flush_function(struct SLIST_HEADER *);
    flush_function *flush = (flush_function *)export_find("ntoskrnl.exe", "ExpInterlockedFlushSList")->function;
    void **entry = flush(&list->ListHead);

    while (entry != NULL) {
        void **next = *entry;

        ((free_function *)list->Free)(entry);
        entry = next;
    }
}

#define UP_TO(X, name, highest) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define LOOKASIDE_EXPORTS(X)                                                                                           \
    UP_TO(X, ExInitializeNPagedLookasideList, DISPATCH_LEVEL)                                                          \
    UP_TO(X, ExInitializePagedLookasideList, APC_LEVEL)                                                                \
    X("ntoskrnl.exe", ExDeleteNPagedLookasideList, nt_ExDeleteLookasideList, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7) \
    X("ntoskrnl.exe", ExDeletePagedLookasideList, nt_ExDeleteLookasideList, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)

void lookaside_start(void)
{
    EXPORT_REGISTER(LOOKASIDE_EXPORTS);
}
