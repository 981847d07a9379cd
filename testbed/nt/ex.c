/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Executive services: lookaside lists, rundown protection, unique IDs, event log entries. Lookaside lists are filled
 * and emptied by code inside the driver (the headers' inline functions), so the record must be exactly as Windows lays
 * it out.
 */
#include <stdio.h>
#include <string.h>

#include "nt/check/debug.h"
#include "nt/internal.h"
#include "nt/io/io_device.h"
#include "nt/memory/pool.h"

#define TAG_LOG 0x676f4c45 /* "ELog" */

static uint32_t bug_check_callbacks;

/* --- lookaside lists --- */

struct NPAGED_LOOKASIDE_LIST { /* GENERAL_LOOKASIDE */
    struct SLIST_HEADER ListHead;
    uint16_t Depth, MaximumDepth;
    uint32_t TotalAllocates, AllocateMisses, TotalFrees, FreeMisses, Type, Tag, Size;
    void *Allocate, *Free;
    struct LIST_ENTRY ListEntry;
    uint32_t LastTotalAllocates, LastAllocateMisses, Future[2];
};
_Static_assert(offsetof(struct NPAGED_LOOKASIDE_LIST, Type) == 36 &&
                   offsetof(struct NPAGED_LOOKASIDE_LIST, Allocate) == 48 &&
                   offsetof(struct NPAGED_LOOKASIDE_LIST, Free) == 56,
               "the driver's inline functions use these");

typedef MS_ABI void free_function(void *);

static void initialize_lookaside(struct NPAGED_LOOKASIDE_LIST *list, void *allocate, void *free_block, uint32_t type,
                                 size_t size, uint32_t tag)
{
    RULE(((uintptr_t)list & 15) == 0, "alignment", "a lookaside list that is not aligned to 16 bytes");
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

/* --- rundown protection: bit 0 says that no more comes in, the rest counts holders by two --- */

static MS_ABI void nt_ExInitializeRundownProtection(uint64_t *count)
{
    *count = 0;
}

static MS_ABI uint8_t nt_ExAcquireRundownProtection(uint64_t *count)
{
    uint64_t now = __atomic_load_n(count, __ATOMIC_RELAXED);

    while ((now & 1) == 0) {
        if (__atomic_compare_exchange_n(count, &now, now + 2, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            return 1;
        }
    }
    return 0;
}

static MS_ABI void nt_ExReleaseRundownProtection(uint64_t *count)
{
    uint64_t was = __atomic_fetch_sub(count, 2, __ATOMIC_RELEASE);

    RULE(was >= 2, "rundown", "ExReleaseRundownProtection without a matching acquire");
    if (was == 3) {
        sched_wake((uint32_t *)count, UINT32_MAX);
    }
}

static MS_ABI void nt_ExWaitForRundownProtectionRelease(uint64_t *count)
{
    uint64_t now = __atomic_or_fetch(count, 1, __ATOMIC_ACQ_REL);

    while (now != 1) {
        sched_wait((uint32_t *)count, (uint32_t)now, SCHED_FOREVER);
        now = __atomic_load_n(count, __ATOMIC_ACQUIRE);
    }
}

static MS_ABI void nt_ExRundownCompleted(uint64_t *count)
{
    RULE(*count <= 1, "rundown", "ExRundownCompleted while protection is still held");
    *count = 1;
}

static MS_ABI void nt_ExReInitializeRundownProtection(uint64_t *count)
{
    RULE(*count == 1, "rundown", "ExReInitializeRundownProtection before the rundown completed");
    *count = 0;
}

/* --- the rest --- */

static MS_ABI int32_t nt_ExUuidCreate(uint8_t *uuid)
{
    for (int i = 0; i < 16; i++) {
        uuid[i] = (uint8_t)sched_random(256);
    }
    uuid[7] = (uint8_t)((uuid[7] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_IoGetDeviceNumaNode(struct DEVICE_OBJECT *device, uint16_t *node)
{
    device_of(device);
    *node = 0;
    return STATUS_SUCCESS;
}

static MS_ABI void *nt_IoAllocateErrorLogEntry(void *object, uint8_t size)
{
    (void)object;
    if (size < 48 || size > 240) {
        return NULL; /* smaller than the packet, larger than ERROR_LOG_MAXIMUM_SIZE */
    }
    return pool_take(size, TAG_LOG, POOL_BLOCK, false, __builtin_return_address(0));
}

static MS_ABI void nt_IoWriteErrorLogEntry(void *entry)
{
    uint32_t code, unique;
    char line[100];

    memcpy(&code, (uint8_t *)entry + 12, sizeof(code));
    memcpy(&unique, (uint8_t *)entry + 16, sizeof(unique));
    snprintf(line, sizeof(line), "event log: error 0x%08X, value %u\n", code, unique);
    debug_note(line);
    pool_give(entry, TAG_LOG, POOL_BLOCK, "IoWriteErrorLogEntry");
}

static MS_ABI void nt_IoFreeErrorLogEntry(void *entry)
{
    pool_give(entry, TAG_LOG, POOL_BLOCK, "IoFreeErrorLogEntry");
}

/* Registered callbacks are kept only to be missed when they stay: no bug check and no new processor ever calls them. */
static MS_ABI uint8_t nt_KeRegisterBugCheckReasonCallback(uint8_t *record, void *routine, uint32_t reason,
                                                          const char *component)
{
    (void)record, (void)routine, (void)reason, (void)component;
    __atomic_add_fetch(&bug_check_callbacks, 1, __ATOMIC_RELAXED);
    return 1;
}

static MS_ABI uint8_t nt_KeDeregisterBugCheckReasonCallback(uint8_t *record)
{
    (void)record;
    RULE(__atomic_load_n(&bug_check_callbacks, __ATOMIC_RELAXED) > 0, "callback",
         "KeDeregisterBugCheckReasonCallback without a registration");
    __atomic_sub_fetch(&bug_check_callbacks, 1, __ATOMIC_RELAXED);
    return 1;
}

void ex_leaks(struct leaks *leaks)
{
    if (bug_check_callbacks != 0) {
        leak_add(leaks, "%u bug check callbacks", bug_check_callbacks);
    }
}

#define UP_TO(X, name, highest) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define EX_EXPORTS(X)                                                                                                  \
    UP_TO(X, ExInitializeNPagedLookasideList, DISPATCH_LEVEL)                                                          \
    UP_TO(X, ExInitializePagedLookasideList, APC_LEVEL)                                                                \
    X("ntoskrnl.exe", ExDeleteNPagedLookasideList, nt_ExDeleteLookasideList, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7) \
    X("ntoskrnl.exe", ExDeletePagedLookasideList, nt_ExDeleteLookasideList, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)       \
    UP_TO(X, ExInitializeRundownProtection, APC_LEVEL)                                                                 \
    UP_TO(X, ExAcquireRundownProtection, DISPATCH_LEVEL)                                                               \
    UP_TO(X, ExReleaseRundownProtection, DISPATCH_LEVEL)                                                               \
    UP_TO(X, ExWaitForRundownProtectionRelease, APC_LEVEL)                                                             \
    UP_TO(X, ExRundownCompleted, APC_LEVEL)                                                                            \
    UP_TO(X, ExReInitializeRundownProtection, APC_LEVEL)                                                               \
    UP_TO(X, ExUuidCreate, PASSIVE_LEVEL)                                                                              \
    UP_TO(X, IoGetDeviceNumaNode, PASSIVE_LEVEL)                                                                       \
    UP_TO(X, IoAllocateErrorLogEntry, DISPATCH_LEVEL)                                                                  \
    UP_TO(X, IoWriteErrorLogEntry, DISPATCH_LEVEL)                                                                     \
    UP_TO(X, IoFreeErrorLogEntry, DISPATCH_LEVEL)                                                                      \
    UP_TO(X, KeRegisterBugCheckReasonCallback, HIGH_LEVEL)                                                             \
    UP_TO(X, KeDeregisterBugCheckReasonCallback, HIGH_LEVEL)

void ex_start(void)
{
    EXPORT_REGISTER(EX_EXPORTS);
}

void ex_stop(void)
{
    bug_check_callbacks = 0;
}
