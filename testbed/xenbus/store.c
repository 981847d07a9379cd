/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * STORE 2 as XenBus gives it to a subscriber: xenstore with optional prefixes and transactions, buffers to
 * be freed, watches that set the subscriber's KEVENT. Everything handed out is on a list, for rule "vif-store" (what is
 * given back was not handed out) and for leaks. IRQL <= DISPATCH_LEVEL.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/rtl/string_format.h"
#include "xenbus/store.h"

enum object_kind { OBJECT_BUFFER, OBJECT_WATCH, OBJECT_TRANSACTION };

/* The subscriber's pointer to it is to `data`. */
struct object {
    struct object *next;
    enum object_kind kind;
    char what[80];
    struct xen_watch *watch;
    xen_transaction transaction;
    void *event;
    uint64_t reserved;
    char data[];
};

typedef MS_ABI int32_t set_event(void *event, int32_t increment, uint8_t wait);

static struct xenbus_store *enter(struct INTERFACE *interface, const char *method)
{
    struct xenbus_store *store = interface->Context;

    RULE(irql_current() <= DISPATCH_LEVEL, "vif-irql", "STORE %s called at IRQL %u", method, irql_current());
    RULE(__atomic_load_n(&store->acquired, __ATOMIC_RELAXED) != 0, "vif-acquire", "STORE %s called without Acquire",
         method);
    return store;
}

static int32_t status_of(int result)
{
    switch (result) {
    case 0:
        return STATUS_SUCCESS;
    case -ENOENT:
        return (int32_t)0xC0000034; /* STATUS_OBJECT_NAME_NOT_FOUND */
    case -EACCES:
        return (int32_t)0xC0000022; /* STATUS_ACCESS_DENIED */
    case -EINVAL:
        return STATUS_INVALID_PARAMETER;
    case -EAGAIN:
        return STATUS_RETRY;
    case -ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_UNSUCCESSFUL;
    }
}

static struct object *object_new(struct xenbus_store *store, enum object_kind kind, const char *what, size_t bytes)
{
    struct object *object = calloc(1, sizeof(*object) + bytes);

    if (object == NULL) {
        return NULL;
    }
    object->kind = kind;
    snprintf(object->what, sizeof(object->what), "%s", what);
    sched_lock(&store->lock);
    object->next = store->objects;
    store->objects = object;
    sched_unlock(&store->lock);
    return object;
}

/* Takes it off the list; NULL: not on it. */
static struct object *object_take(struct xenbus_store *store, enum object_kind kind, const void *data)
{
    struct object *found = NULL;

    sched_lock(&store->lock);
    for (struct object **link = (struct object **)&store->objects; *link != NULL; link = &(*link)->next) {
        if ((*link)->kind == kind && (*link)->data == data) {
            found = *link;
            *link = found->next;
            break;
        }
    }
    sched_unlock(&store->lock);
    return found;
}

static xen_transaction transaction_of(struct xenbus_store *store, const void *handle)
{
    xen_transaction t = 0;
    bool found = handle == NULL;

    sched_lock(&store->lock);
    for (const struct object *object = store->objects; object != NULL && !found; object = object->next) {
        if (object->kind == OBJECT_TRANSACTION && object->data == handle) {
            t = object->transaction;
            found = true;
        }
    }
    sched_unlock(&store->lock);
    RULE(found, "vif-store", "%s that was not started or has ended", "a transaction");
    return t;
}

static void join(char *path, size_t size, const char *prefix, const char *node)
{
    if (prefix != NULL) {
        snprintf(path, size, "%s/%s", prefix, node);
    } else {
        snprintf(path, size, "%s", node);
    }
}

static MS_ABI int32_t store_Acquire(struct INTERFACE *interface)
{
    __atomic_add_fetch(&((struct xenbus_store *)interface->Context)->acquired, 1, __ATOMIC_SEQ_CST);
    return STATUS_SUCCESS;
}

static MS_ABI void store_Release(struct INTERFACE *interface)
{
    __atomic_sub_fetch(&enter(interface, "Release")->acquired, 1, __ATOMIC_SEQ_CST);
}

static void keep_or_free(struct xenbus_store *store, struct object *object)
{
    struct object *oldest = NULL, **link;

    sched_lock(&store->lock);
    object->next = store->kept;
    store->kept = object;
    if (++store->kept_count > store->keep_freed) {
        for (link = (struct object **)&store->kept; (*link)->next != NULL; link = &(*link)->next) {
        }
        oldest = *link;
        *link = NULL;
        store->kept_count--;
    }
    sched_unlock(&store->lock);
    free(oldest);
}

static MS_ABI void store_Free(struct INTERFACE *interface, char *buffer)
{
    struct object *object = object_take(enter(interface, "Free"), OBJECT_BUFFER, buffer);

    RULE(object != NULL, "vif-store", "%s freed that was not handed out", "a buffer");
    keep_or_free(interface->Context, object);
}

static MS_ABI int32_t store_Read(struct INTERFACE *interface, void *transaction, const char *prefix, const char *node,
                                 char **buffer)
{
    struct xenbus_store *store = enter(interface, "Read");
    struct object *object;
    char path[512], *value;
    int result;

    join(path, sizeof(path), prefix, node);
    result = xen_store_read(store->xen, transaction_of(store, transaction), path, &value);
    if (result < 0) {
        return status_of(result);
    }
    object = object_new(store, OBJECT_BUFFER, path, strlen(value) + 1);
    if (object != NULL) {
        strcpy(object->data, value);
        *buffer = object->data;
    }
    free(value);
    return object != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static MS_CDECL int32_t store_Printf(struct INTERFACE *interface, void *transaction, const char *prefix,
                                     const char *node, const char *format, ...)
{
    struct xenbus_store *store = enter(interface, "Printf");
    ms_va_list arguments;
    char path[512], value[1024];
    size_t length;

    join(path, sizeof(path), prefix, node);
    ms_va_start(arguments, format);
    length = format_narrow(value, sizeof(value) - 1, format, arguments).length;
    ms_va_end(arguments);
    if (length >= sizeof(value)) {
        return (int32_t)0x80000005; /* STATUS_BUFFER_OVERFLOW */
    }
    value[length] = '\0';
    return status_of(xen_store_write(store->xen, transaction_of(store, transaction), path, value));
}

static MS_ABI int32_t store_PermissionsSet(struct INTERFACE *interface, void *transaction, const char *prefix,
                                           const char *node, const struct XENBUS_STORE_PERMISSION *permissions,
                                           uint32_t count)
{
    struct xenbus_store *store = enter(interface, "PermissionsSet");
    char path[512];

    if (count == 0 || count > 2) {
        return count == 0 ? STATUS_INVALID_PARAMETER
                          : STATUS_NOT_SUPPORTED; /* an owner and one other is what the store keeps */
    }
    join(path, sizeof(path), prefix, node);
    const struct XENBUS_STORE_PERMISSION *other = &permissions[count - 1];

    return status_of(xen_store_permissions(store->xen, transaction_of(store, transaction), path, permissions[0].Domain,
                                           other->Domain, other->Mask & XENBUS_STORE_PERM_READ,
                                           other->Mask & XENBUS_STORE_PERM_WRITE));
}

static MS_ABI int32_t store_Remove(struct INTERFACE *interface, void *transaction, const char *prefix, const char *node)
{
    struct xenbus_store *store = enter(interface, "Remove");
    char path[512];

    join(path, sizeof(path), prefix, node);
    return status_of(xen_store_remove(store->xen, transaction_of(store, transaction), path));
}

/* Names one after another, each with its NUL, and an empty one at the end. */
static MS_ABI int32_t store_Directory(struct INTERFACE *interface, void *transaction, const char *prefix,
                                      const char *node, char **buffer)
{
    struct xenbus_store *store = enter(interface, "Directory");
    struct object *object;
    char path[512], **names, *at;
    size_t count, bytes = 1;
    int result;

    join(path, sizeof(path), prefix, node);
    result = xen_store_list(store->xen, transaction_of(store, transaction), path, &names, &count);
    if (result < 0) {
        return status_of(result);
    }
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(names[i]) + 1;
    }
    object = object_new(store, OBJECT_BUFFER, path, bytes);
    if (object != NULL) {
        at = *buffer = object->data;
        for (size_t i = 0; i < count; i++) {
            at = stpcpy(at, names[i]) + 1;
        }
    }
    free(names);
    return object != NULL ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static MS_ABI int32_t store_TransactionStart(struct INTERFACE *interface, void **transaction)
{
    struct xenbus_store *store = enter(interface, "TransactionStart");
    struct object *object = object_new(store, OBJECT_TRANSACTION, "transaction", 1);

    if (object == NULL) {
        return STATUS_NO_MEMORY;
    }
    *transaction = object->data;
    return status_of(xen_transaction_start(store->xen, &object->transaction));
}

static MS_ABI int32_t store_TransactionEnd(struct INTERFACE *interface, void *transaction, uint8_t commit)
{
    struct xenbus_store *store = enter(interface, "TransactionEnd");
    struct object *object = object_take(store, OBJECT_TRANSACTION, transaction);
    int result;

    RULE(object != NULL, "vif-store", "%s ended that was not started", "a transaction");
    result = xen_transaction_end(store->xen, object->transaction, commit != 0);
    free(object);
    return status_of(result);
}

static void watch_fired(void *argument, const char *path)
{
    struct object *object = argument;
    const struct export *export = export_find(NULL, "KeSetEvent");

    (void)path;
    if (export != NULL) {
        DRIVER_CALL("watch", ((set_event *)export->function)(object->event, 0, 0));
    }
}

static MS_ABI int32_t store_WatchAdd(struct INTERFACE *interface, const char *prefix, const char *node, void *event,
                                     void **watch)
{
    struct xenbus_store *store = enter(interface, "WatchAdd");
    struct object *object;
    char path[512];
    int result;

    join(path, sizeof(path), prefix, node);
    object = object_new(store, OBJECT_WATCH, path, 1);
    if (object == NULL) {
        return STATUS_NO_MEMORY;
    }
    object->event = event;
    result = xen_watch_add(store->xen, path, watch_fired, object, &object->watch);
    if (result < 0) {
        free(object_take(store, OBJECT_WATCH, object->data));
        return status_of(result);
    }
    *watch = object->data;
    return STATUS_SUCCESS;
}

static MS_ABI int32_t store_WatchRemove(struct INTERFACE *interface, void *watch)
{
    struct object *object = object_take(enter(interface, "WatchRemove"), OBJECT_WATCH, watch);

    RULE(object != NULL, "vif-store", "%s removed that was not added", "a watch");
    xen_watch_remove(object->watch);
    free(object);
    return STATUS_SUCCESS;
}

/* Events are delivered by a task of their own: there is nothing to poll for. */
static MS_ABI void store_Poll(struct INTERFACE *interface)
{
    enter(interface, "Poll");
    sched_point("poll");
}

void xenbus_store_start(struct xenbus_store *store, struct xen *xen)
{
    memset(store, 0, sizeof(*store));
    store->xen = xen;
}

void xenbus_store_fill(struct xenbus_store *store, void *interface)
{
    struct XENBUS_STORE_INTERFACE_V2 *table = interface;

    memset(table, 0, sizeof(*table));
    table->Interface.Size = sizeof(*table);
    table->Interface.Version = 2;
    table->Interface.Context = store;
    table->StoreAcquire = store_Acquire;
    table->StoreRelease = store_Release;
    table->StoreFree = store_Free;
    table->StoreRead = store_Read;
    table->StorePrintf = store_Printf;
    table->StorePermissionsSet = store_PermissionsSet;
    table->StoreRemove = store_Remove;
    table->StoreDirectory = store_Directory;
    table->StoreTransactionStart = store_TransactionStart;
    table->StoreTransactionEnd = store_TransactionEnd;
    table->StoreWatchAdd = store_WatchAdd;
    table->StoreWatchRemove = store_WatchRemove;
    table->StorePoll = store_Poll;
}

void xenbus_store_leaks(struct xenbus_store *store, struct leaks *leaks)
{
    static const char *const kinds[] = { "buffer for", "watch on", "" };

    for (const struct object *object = store->objects; object != NULL; object = object->next) {
        leak_add(leaks, "STORE interface: %s %s not given back", kinds[object->kind], object->what);
    }
    if (store->acquired != 0) {
        leak_add(leaks, "STORE interface: %u references not released", store->acquired);
    }
}

void xenbus_store_stop(struct xenbus_store *store)
{
    while (store->objects != NULL) {
        struct object *object = store->objects;

        store->objects = object->next;
        if (object->kind == OBJECT_WATCH) {
            xen_watch_remove(object->watch);
        } else if (object->kind == OBJECT_TRANSACTION) {
            xen_transaction_end(store->xen, object->transaction, false);
        }
        free(object);
    }
    while (store->kept != NULL) {
        struct object *object = store->kept;

        store->kept = object->next;
        free(object);
    }
}
