/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CACHE 1 and 2 as XenBus gives it to a subscriber: objects of one size that are constructed once and used again. The
 * subscriber's lock is around every use of the cache's list: taken here at DISPATCH_LEVEL, unless the caller says that
 * it has it (`locked`); an object is constructed with it held, as XenBus does.
 *
 * Rules: an object is put back once and into the cache that it came from; a cache goes with all objects in it.
 */
#include <stdlib.h>
#include <string.h>

#include "xenbus/services.h"

enum { VERSION_CAP = 2 };

typedef MS_ABI int32_t cache_constructor(void *argument, void *object);
typedef MS_ABI void cache_destructor(void *argument, void *object);
typedef MS_ABI void cache_lock(void *argument);

struct object {
    struct object *next; /* in the cache */
    struct cache *cache;
    bool out;
    uint8_t data[] __attribute__((aligned(16)));
};

struct cache {
    struct xenbus_item item;
    uint32_t size, cap; /* objects; 0: no limit */
    uint32_t made, out; /* under the subscriber's lock, like `free` */
    cache_constructor *construct;
    cache_destructor *destroy;
    cache_lock *acquire, *release;
    void *argument;
    struct object *free;
};

static struct object *object_new(struct cache *cache)
{
    struct object *object;

    if (cache->cap != 0 && cache->made >= cache->cap) {
        return NULL;
    }
    object = calloc(1, sizeof(*object) + cache->size);
    if (object == NULL) {
        return NULL;
    }
    object->cache = cache;
    if (!NT_SUCCESS(DRIVER_CALL("cache constructor", cache->construct(cache->argument, object->data)))) {
        free(object);
        return NULL;
    }
    cache->made++;
    return object;
}

static void objects_free(struct cache *cache, bool destroy)
{
    while (cache->free != NULL) {
        struct object *object = cache->free;

        cache->free = object->next;
        if (destroy) {
            DRIVER_CALL_VOID("cache destructor", cache->destroy(cache->argument, object->data));
        }
        free(object);
    }
}

static MS_ABI int32_t cache_Create(struct INTERFACE *interface, const char *name, uint32_t size, uint32_t reservation,
                                   uint32_t cap, cache_constructor *construct, cache_destructor *destroy,
                                   cache_lock *acquire, cache_lock *release, void *argument, struct cache **made)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Create", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct cache *cache = xenbus_item_new(service, sizeof(*cache), name);

    if (cache == NULL) {
        return STATUS_NO_MEMORY;
    }
    RULE(cap == 0 || reservation <= cap, "xenbus", "CACHE Create of %s: a reservation of %u is above its cap, %u", name,
         reservation, cap);
    cache->size = size;
    cache->cap = cap;
    cache->construct = construct;
    cache->destroy = destroy;
    cache->acquire = acquire;
    cache->release = release;
    cache->argument = argument;
    while (cache->made < reservation) {
        struct object *object = object_new(cache);

        if (object == NULL) {
            objects_free(cache, true);
            xenbus_item_take(service, cache, "Create");
            free(cache);
            return STATUS_NO_MEMORY;
        }
        object->next = cache->free;
        cache->free = object;
    }
    *made = cache;
    return STATUS_SUCCESS;
}

static MS_ABI int32_t cache_CreateV1(struct INTERFACE *interface, const char *name, uint32_t size, uint32_t reservation,
                                     cache_constructor *construct, cache_destructor *destroy, cache_lock *acquire,
                                     cache_lock *release, void *argument, struct cache **made)
{
    return cache_Create(interface, name, size, reservation, 0, construct, destroy, acquire, release, argument, made);
}

/* The subscriber's own lock routines change what a callback must leave alone: they are called as they are. */
static uint8_t lock(struct cache *cache, bool locked)
{
    uint8_t old = irql_current();

    if (!locked) {
        old = irql_raise(DISPATCH_LEVEL);
        cache->acquire(cache->argument);
    }
    return old;
}

static void unlock(struct cache *cache, bool locked, uint8_t old)
{
    if (!locked) {
        cache->release(cache->argument);
        irql_lower(old);
    }
}

static MS_ABI void *cache_Get(struct INTERFACE *interface, struct cache *cache, uint8_t locked)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Get", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct object *object;
    uint8_t old;

    xenbus_item_check(service, cache, "Get");
    old = lock(cache, locked);
    object = cache->free;
    if (object != NULL) {
        cache->free = object->next;
    } else {
        object = object_new(cache);
    }
    if (object != NULL) {
        object->out = true;
        cache->out++;
    }
    unlock(cache, locked, old);
    return object != NULL ? object->data : NULL;
}

static MS_ABI void cache_Put(struct INTERFACE *interface, struct cache *cache, void *data, uint8_t locked)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Put", PASSIVE_LEVEL, DISPATCH_LEVEL);
    struct object *object = (struct object *)((uint8_t *)data - offsetof(struct object, data));
    uint8_t old;

    xenbus_item_check(service, cache, "Put");
    old = lock(cache, locked);
    RULE(object->cache == cache && object->out, "xenbus", "CACHE Put of an object that is not out of cache %s",
         cache->item.name);
    object->out = false;
    object->next = cache->free;
    cache->free = object;
    cache->out--;
    unlock(cache, locked, old);
}

static MS_ABI void cache_Destroy(struct INTERFACE *interface, struct cache *cache)
{
    struct xenbus_service *service = xenbus_service_enter(interface, "Destroy", PASSIVE_LEVEL, DISPATCH_LEVEL);

    xenbus_item_take(service, cache, "Destroy");
    RULE(cache->out == 0, "xenbus", "CACHE Destroy of %s with %u objects not put back", cache->item.name, cache->out);
    objects_free(cache, true);
    free(cache);
}

void xenbus_cache_fill(struct xenbus_service *service, void *table, uint16_t version)
{
    void **method = xenbus_service_head(service, table, 6, version) + 2;

    *method++ = version >= VERSION_CAP ? (void *)cache_Create : (void *)cache_CreateV1;
    *method++ = (void *)cache_Get;
    *method++ = (void *)cache_Put;
    *method++ = (void *)cache_Destroy;
}

void xenbus_cache_stop(struct xenbus_service *service)
{
    while (service->items != NULL) {
        struct cache *cache = (struct cache *)service->items;

        service->items = cache->item.next;
        objects_free(cache, false);
        free(cache);
    }
}
