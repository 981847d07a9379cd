/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and MDLs by NDIS's names: thin, the kernel's pool and MDLs do the work and the checking. The memory is the
 * driver's: filled with a pattern, with the place of its allocation, and it may fail. Any IRQL up to DISPATCH_LEVEL.
 * Generic objects are handles that drivers pass to functions that want to know who allocates.
 */
#include <stdlib.h>

#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "nt/memory/pool.h"

static void *MS_ABI allocate_memory(void *handle, uint32_t bytes, uint32_t tag, uint32_t priority)
{
    (void)priority;
    RULE(handle != NULL, "ndis-handle", "NdisAllocateMemoryWithTagPriority with a NULL handle");
    RULE(tag != 0, "ndis-memory", "NdisAllocateMemoryWithTagPriority without a tag");
    return pool_take(bytes, tag, POOL_NDIS, false, __builtin_return_address(0));
}

static int32_t MS_ABI allocate_with_tag(void **address, uint32_t bytes, uint32_t tag)
{
    *address = pool_take(bytes, tag, POOL_NDIS, false, __builtin_return_address(0));
    return *address != NULL ? NDIS_STATUS_SUCCESS : (int32_t)NDIS_STATUS_RESOURCES;
}

static void MS_ABI free_memory(void *address, uint32_t bytes, uint32_t flags)
{
    (void)bytes;
    RULE((flags & ~(NDIS_MEMORY_CONTIGUOUS | NDIS_MEMORY_NONCACHED)) == 0, "ndis-memory",
         "NdisFreeMemory with flags %#x", flags);
    RULE(flags == 0, "ndis-memory", "NdisFreeMemory of contiguous or noncached memory, of which none was allocated");
    pool_give(address, 0, POOL_NDIS, "NdisFreeMemory");
}

static void MS_ABI free_with_tag(void *address, uint32_t tag)
{
    pool_give(address, tag, POOL_NDIS, "NdisFreeMemoryWithTag");
}

static void MS_ABI free_with_priority(void *handle, void *address, uint32_t tag)
{
    RULE(handle != NULL, "ndis-handle", "NdisFreeMemoryWithTagPriority with a NULL handle");
    pool_give(address, tag, POOL_NDIS, "NdisFreeMemoryWithTagPriority");
}

static struct MDL *MS_ABI allocate_mdl(void *handle, void *address, uint32_t bytes)
{
    RULE(handle != NULL, "ndis-handle", "NdisAllocateMdl with a NULL handle");
    return mdl_create_for(address, bytes, __builtin_return_address(0));
}

static void MS_ABI free_mdl(struct MDL *mdl)
{
    RULE(mdl != NULL, "ndis-memory", "NdisFreeMdl of NULL");
    mdl_free(mdl);
}

struct generic_object {
    struct NDIS_GENERIC_OBJECT visible; /* what the driver may look at; its address is the handle */
    struct ndis_object object;
};

static struct NDIS_GENERIC_OBJECT *MS_ABI allocate_generic(struct DRIVER_OBJECT *driver_object, uint32_t tag,
                                                           uint16_t size)
{
    struct generic_object *generic = ndis_alloc(sizeof(*generic) + size);
    char text[5];

    NDIS_HEADER(generic->visible.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(generic->visible));
    generic->visible.DriverObject = driver_object;
    ndis_object_add(&generic->object, NDIS_KIND_GENERIC, "generic object '%s' was not freed", ndis_tag_text(tag, text));
    ndis_object_made_here(&generic->object);
    return &generic->visible;
}

static void MS_ABI free_generic(struct NDIS_GENERIC_OBJECT *visible)
{
    struct generic_object *generic = (struct generic_object *)(void *)visible;

    RULE(generic != NULL && generic->object.kind == NDIS_KIND_GENERIC, "ndis-handle",
         "NdisFreeGenericObject of something else");
    ndis_object_remove(&generic->object);
    free(generic);
}

static void MS_ABI init_unicode_string(struct UNICODE_STRING *string, const uint16_t *text)
{
    size_t units = 0;

    while (text != NULL && text[units] != 0) {
        units++;
    }
    string->Length = (uint16_t)(units * 2);
    string->MaximumLength = text != NULL ? (uint16_t)(units * 2 + 2) : 0;
    string->Buffer = (void *)(uintptr_t)text;
}

#define MEMORY_EXPORTS(X)                                                                                              \
    X(NdisAllocateMemoryWithTagPriority, allocate_memory, PASSIVE_LEVEL, DISPATCH_LEVEL)                               \
    X(NdisAllocateMemoryWithTag, allocate_with_tag, PASSIVE_LEVEL, DISPATCH_LEVEL)                                     \
    X(NdisFreeMemory, free_memory, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                      \
    X(NdisFreeMemoryWithTag, free_with_tag, PASSIVE_LEVEL, DISPATCH_LEVEL)                                             \
    X(NdisFreeMemoryWithTagPriority, free_with_priority, PASSIVE_LEVEL, DISPATCH_LEVEL)                                \
    X(NdisAllocateMdl, allocate_mdl, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                    \
    X(NdisFreeMdl, free_mdl, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                            \
    X(NdisAllocateGenericObject, allocate_generic, PASSIVE_LEVEL, DISPATCH_LEVEL)                                      \
    X(NdisFreeGenericObject, free_generic, PASSIVE_LEVEL, DISPATCH_LEVEL)                                              \
    X(NdisInitUnicodeString, init_unicode_string, PASSIVE_LEVEL, DISPATCH_LEVEL)

void memory_exports(void)
{
    NDIS_EXPORTS(MEMORY_EXPORTS);
}
