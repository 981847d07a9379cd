/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xenstore's watches. A change queues an event for every watch on the path or above it; a removal also for watches
 * below it. One task, "xenstored", runs the callbacks one after another without the lock, so that they may use the
 * store, add and remove watches, and block.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/embedded/embedded.h"

/* --- within the lock --- */

static void queue_event(struct store *store, struct watch *watch, const char *path)
{
    size_t length = strlen(path);
    struct watch_event *event = malloc(sizeof(*event) + length + 1);

    if (event == NULL) {
        return;
    }
    event->watch = watch;
    event->next = NULL;
    memcpy(event->path, path, length + 1);
    *store->last_event = event;
    store->last_event = &event->next;
    __atomic_add_fetch(&store->signal, 1, __ATOMIC_SEQ_CST);
    sched_wake(&store->signal, UINT_MAX);
}

static bool below(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return strncmp(path, folder, length) == 0 && (path[length] == '/' || (length == 1 && folder[0] == '/'));
}

void watch_match(struct store *store, const char *path, bool removed)
{
    for (struct watch *watch = store->watches; watch != NULL; watch = watch->next) {
        const bool above = strcmp(path, watch->path) == 0 || below(path, watch->path);
        const struct node *node;

        if (!above && !(removed && below(watch->path, path))) {
            continue;
        }
        node = tree_find(store->root, path, NULL);
        if (node == NULL || tree_allows(node, watch->domain->xen.domid, false)) {
            queue_event(store, watch, above ? path : watch->path);
        }
    }
}

static void forget_events(struct store *store, const struct watch *watch)
{
    struct watch_event **link = &store->events;

    while (*link != NULL) {
        struct watch_event *event = *link;

        if (event->watch == watch) {
            *link = event->next;
            free(event);
        } else {
            link = &event->next;
        }
    }
    store->last_event = link;
}

/* --- the task --- */

static void free_watch(struct watch *watch)
{
    free(watch->path);
    free(watch);
}

static void run_callback(struct store *store, struct watch_event *event)
{
    struct watch *watch = event->watch;
    const char *path = event->path;

    store->running = watch;
    sched_unlock(&store->lock);
    watch->fired(watch->argument, strlen(path) >= watch->strip ? path + watch->strip : path);
    free(event);
    sched_lock(&store->lock);
    store->running = NULL;
    if (watch->dead) {
        free_watch(watch);
    }
    __atomic_add_fetch(&store->idle, 1, __ATOMIC_SEQ_CST);
    sched_wake(&store->idle, UINT_MAX);
}

static void dispatch(void *argument)
{
    struct store *store = argument;

    sched_lock(&store->lock);
    while (!store->stop) {
        struct watch_event *event = store->events;

        if (event != NULL) {
            store->events = event->next;
            if (store->events == NULL) {
                store->last_event = &store->events;
            }
            run_callback(store, event);
        } else {
            uint32_t seen = store->signal;

            sched_unlock(&store->lock);
            sched_wait(&store->signal, seen, SCHED_FOREVER);
            sched_lock(&store->lock);
        }
    }
    sched_unlock(&store->lock);
}

void watch_start(struct xen_host *host)
{
    struct store *store = &host->store;

    store->last_event = &store->events;
    store->last_watch = &store->watches;
    store->task = task_spawn("xenstored", 0, dispatch, store);
}

void watch_stop(struct xen_host *host)
{
    struct store *store = &host->store;

    sched_lock(&store->lock);
    store->stop = true;
    __atomic_add_fetch(&store->signal, 1, __ATOMIC_SEQ_CST);
    sched_wake(&store->signal, UINT_MAX);
    sched_unlock(&store->lock);
    task_join(store->task);
    while (store->watches != NULL) {
        struct watch *watch = store->watches;

        forget_events(store, watch);
        store->watches = watch->next;
        free_watch(watch);
    }
}

/* --- operations --- */

int watch_add(struct xen *xen, const char *path, void (*fired)(void *, const char *), void *argument,
              struct xen_watch **result)
{
    struct domain *domain = domain_of(xen);
    struct store *store = &domain->host->store;
    struct watch *watch = calloc(1, sizeof(*watch));
    char absolute[STORE_MAX_PATH];

    *result = NULL;
    if (watch == NULL || !store_path(xen, path, absolute, sizeof(absolute))) {
        free(watch);
        return watch == NULL ? -ENOMEM : -EINVAL;
    }
    watch->base.xen = xen;
    watch->domain = domain;
    watch->path = strdup(absolute);
    if (path[0] != '/') {
        watch->strip = (size_t)snprintf(NULL, 0, "/local/domain/%u/", xen->domid);
    }
    watch->fired = fired;
    watch->argument = argument;
    *result = &watch->base; /* before the first callback, which may want it */
    sched_lock(&store->lock);
    *store->last_watch = watch;
    store->last_watch = &watch->next;
    queue_event(store, watch, absolute);
    sched_unlock(&store->lock);
    return 0;
}

void watch_remove(struct xen_watch *base)
{
    struct watch *watch = (struct watch *)base, **link;
    struct store *store = &watch->domain->host->store;

    sched_lock(&store->lock);
    for (link = &store->watches; *link != watch; link = &(*link)->next) {
    }
    *link = watch->next;
    if (watch->next == NULL) {
        store->last_watch = link;
    }
    forget_events(store, watch);
    if (store->running == watch && task_self() == store->task) {
        watch->dead = true; /* freed when its callback returns */
        sched_unlock(&store->lock);
        return;
    }
    while (store->running == watch) {
        uint32_t seen = store->idle;

        sched_unlock(&store->lock);
        sched_wait(&store->idle, seen, SCHED_FOREVER);
        sched_lock(&store->lock);
    }
    sched_unlock(&store->lock);
    free_watch(watch);
}

void watch_leaks(struct domain *domain, struct leaks *leaks)
{
    for (const struct watch *watch = domain->host->store.watches; watch != NULL; watch = watch->next) {
        if (watch->domain == domain) {
            leak_add(leaks, "domain %u: watch on %s not removed", domain->xen.domid, watch->path);
        }
    }
}
