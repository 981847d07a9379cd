/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GNTTAB 1 to 4 as XenBus gives it to a subscriber: caches of grant table entries, an entry for each page that a domain
 * may use. Rules: an entry is revoked once, by the cache that it came from, and before that cache goes; the page is one
 * that this domain has (nt/memory/pages.h: what MmAllocatePagesForMdl gives is).
 *
 * A subscriber's lock callbacks are not called: a lock of the cache's own is around its list. Entries stay with their
 * cache, so that one which is used after its end is known as such, and a page costs no memory to be had and freed.
 */
#include <stdlib.h>

#include "xenbus/services.h"

enum { VERSION_QUERY = 3, VERSION_CAP = 4, ENTRY_LIVE = 0x746e7247 /* "Grnt" */ };

struct gnttab_cache {
    struct xenbus_item item;
    uint32_t cap; /* entries; 0: no limit */
    struct sched_lock lock;
    uint32_t out;              /* under `lock`, as what follows */
    struct gnttab_entry *free; /* that were out */
};

struct gnttab_entry {
    uint32_t live;
    uint32_t reference;
    struct gnttab_cache *cache;
    struct gnttab_entry *next; /* in the cache */
};

/* NULL: the cache's limit, or no memory. */
static struct gnttab_entry *entry_take(struct gnttab_cache *cache)
{
    struct gnttab_entry *entry = NULL;

    sched_lock(&cache->lock);
    if (cache->cap == 0 || cache->out < cache->cap) {
        entry = cache->free;
        if (entry != NULL) {
            cache->free = entry->next;
        } else {
            entry = calloc(1, sizeof(*entry));
        }
        cache->out += entry != NULL;
    }
    sched_unlock(&cache->lock);
    return entry;
}

static void entry_give(struct gnttab_cache *cache, struct gnttab_entry *entry)
{
    sched_lock(&cache->lock);
    entry->next = cache->free;
    cache->free = entry;
    cache->out--;
    sched_unlock(&cache->lock);
}

static void cache_free(struct gnttab_cache *cache)
{
    while (cache->free != NULL) {
        struct gnttab_entry *entry = cache->free;

        cache->free = entry->next;
        free(entry);
    }
    free(cache);
}

static MS_ABI int32_t gnttab_CreateCache(struct INTERFACE *interface, const char *name, uint32_t reservation,
                                         uint32_t cap, void *acquire, void *release, void *argument,
                                         struct gnttab_cache **made)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "CreateCache", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct gnttab_cache *cache = xenbus_item_new(service, sizeof(*cache), name);

    (void)acquire, (void)release, (void)argument;
    if (cache == NULL) {
        return STATUS_NO_MEMORY;
    }
    RULE(cap == 0 || reservation <= cap, "xenbus", "GNTTAB CreateCache of %s: a reservation of %u is above its cap, %u",
         name, reservation, cap);
    cache->cap = cap;
    *made = cache;
    return STATUS_SUCCESS;
}

static MS_ABI int32_t gnttab_CreateCacheV1(struct INTERFACE *interface, const char *name, uint32_t reservation,
                                           void *acquire, void *release, void *argument, struct gnttab_cache **made)
{
    return gnttab_CreateCache(interface, name, reservation, 0, acquire, release, argument, made);
}

static MS_ABI int32_t gnttab_PermitForeignAccess(struct INTERFACE *interface, struct gnttab_cache *cache,
                                                 uint8_t locked, uint16_t domain, uint64_t frame, uint8_t read_only,
                                                 struct gnttab_entry **made)
{
    struct xenbus_service *service =
        xenbus_service_enter(interface, "PermitForeignAccess", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct gnttab_entry *entry;

    (void)locked;
    xenbus_item_check(service, cache, "PermitForeignAccess");
    entry = entry_take(cache);
    if (entry == NULL) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (xen_grant(xenbus_xen(service->owner), domain, (void *)(frame * XEN_PAGE_SIZE), read_only != 0,
                  &entry->reference) < 0) {
        entry_give(cache, entry);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    entry->live = ENTRY_LIVE;
    entry->cache = cache;
    *made = entry;
    return STATUS_SUCCESS;
}

/* Refused while the other domain still has the page mapped: the entry stays. */
static MS_ABI int32_t gnttab_RevokeForeignAccess(struct INTERFACE *interface, struct gnttab_cache *cache,
                                                 uint8_t locked, struct gnttab_entry *entry)
{
    struct xenbus_service *service =
        xenbus_service_enter(interface, "RevokeForeignAccess", PASSIVE_LEVEL, DISPATCH_LEVEL);

    (void)locked;
    xenbus_item_check(service, cache, "RevokeForeignAccess");
    RULE(entry != NULL && entry->live == ENTRY_LIVE && entry->cache == cache, "xenbus",
         "GNTTAB RevokeForeignAccess of an entry that is not out of cache %s", cache->item.name);
    if (xen_ungrant(xenbus_xen(service->owner), entry->reference) < 0) {
        return STATUS_UNSUCCESSFUL;
    }
    entry->live = 0;
    entry_give(cache, entry);
    return STATUS_SUCCESS;
}

static MS_ABI uint32_t gnttab_GetReference(struct INTERFACE *interface, const struct gnttab_entry *entry)
{
    (void)xenbus_service_enter(interface, "GetReference", PASSIVE_LEVEL, HIGH_LEVEL);
    RULE(entry != NULL && entry->live == ENTRY_LIVE, "xenbus", "GNTTAB GetReference of an entry that was %s",
         "revoked");
    return entry->reference;
}

static MS_ABI int32_t gnttab_Unsupported(void)
{
    rule_break("unsupported", "GNTTAB QueryReference, MapForeignPages or UnmapForeignPages: no network frontend's");
}

static MS_ABI void gnttab_DestroyCache(struct INTERFACE *interface, struct gnttab_cache *cache)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "DestroyCache", PASSIVE_LEVEL, DISPATCH_LEVEL);

    xenbus_item_take(service, cache, "DestroyCache");
    RULE(cache->out == 0, "xenbus", "GNTTAB DestroyCache of %s with %u entries not revoked", cache->item.name,
         cache->out);
    cache_free(cache);
}

void xenbus_gnttab_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    size_t methods = version >= VERSION_QUERY ? 10 : version == 2 ? 9 : 7;
    void **method = xenbus_service_head(service, table, methods, version) + 2;

    *method++ = version >= VERSION_CAP ? (void *)gnttab_CreateCache : (void *)gnttab_CreateCacheV1;
    *method++ = (void *)gnttab_PermitForeignAccess;
    *method++ = (void *)gnttab_RevokeForeignAccess;
    *method++ = (void *)gnttab_GetReference;
    if (version >= VERSION_QUERY) {
        *method++ = (void *)gnttab_Unsupported; /* QueryReference */
    }
    *method++ = (void *)gnttab_DestroyCache;
    if (version >= 2) {
        *method++ = (void *)gnttab_Unsupported; /* MapForeignPages */
        *method++ = (void *)gnttab_Unsupported; /* UnmapForeignPages */
    }
}

void xenbus_gnttab_stop(struct xenbus_service *service)
{
    while (service->items != NULL) {
        struct gnttab_cache *cache = (struct gnttab_cache *)service->items;

        service->items = cache->item.next;
        cache_free(cache);
    }
}
