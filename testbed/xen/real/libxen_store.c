/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenstore of a real Xen, through the shared libxenstore (the static one of Debian 12 can take a watch event for a
 * reply). One task waits for watch events and calls the callbacks, so that one runs at a time; a watch is known to the
 * library by a token.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/real/libxen.h"

struct libxen_watch {
    struct xen_watch base;
    char token[16];
    char *path;
    void (*fired)(void *, const char *);
    void *argument;
    bool dead;
    struct libxen_watch *next;
};

static void fire(struct libxen *libxen, const char *path, const char *token)
{
    struct libxen_watch *watch;

    sched_lock(&libxen->watch_lock);
    for (watch = libxen->watches; watch != NULL && strcmp(watch->token, token) != 0; watch = watch->next) {
    }
    libxen->running = watch;
    sched_unlock(&libxen->watch_lock);
    if (watch == NULL) {
        return; /* removed while its event was on the way */
    }
    watch->fired(watch->argument, path);
    sched_lock(&libxen->watch_lock);
    libxen->running = NULL;
    sched_unlock(&libxen->watch_lock);
    if (watch->dead) {
        free(watch->path);
        free(watch);
    }
    __atomic_fetch_add(&libxen->watch_idle, 1, __ATOMIC_RELEASE);
    sched_wake(&libxen->watch_idle, UINT32_MAX);
}

static void run(void *argument)
{
    struct libxen *libxen = argument;
    struct pollfd fds[2] = { { .fd = xs_fileno(libxen->store), .events = POLLIN },
                             { .fd = libxen->stop, .events = POLLIN } };

    for (;;) {
        char **event;

        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (fds[1].revents != 0) {
            break;
        }
        while (fds[0].revents != 0 && (event = xs_check_watch(libxen->store)) != NULL) {
            fire(libxen, event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
            free(event);
        }
    }
}

bool libxen_store_open(struct libxen *libxen, char *error, size_t size)
{
    libxen->store = xs_open(0);
    if (libxen->store == NULL) {
        snprintf(error, size, "xenstore cannot be reached (%s): is xenstored running?", strerror(errno));
        return false;
    }
    libxen->watch_task = task_spawn("xen-watches", 0, run, libxen);
    return true;
}

void libxen_store_close(struct libxen *libxen)
{
    if (libxen->watch_task != NULL) {
        task_join(libxen->watch_task);
    }
    if (libxen->store != NULL) {
        xs_close(libxen->store);
    }
}

int libxen_store_read(struct xen *xen, xen_transaction t, const char *path, char **value)
{
    unsigned length;

    *value = xs_read(((struct libxen *)xen)->store, t, path, &length);
    return *value != NULL ? 0 : -errno;
}

int libxen_store_write(struct xen *xen, xen_transaction t, const char *path, const char *value)
{
    return xs_write(((struct libxen *)xen)->store, t, path, value, (unsigned)strlen(value)) ? 0 : -errno;
}

int libxen_store_remove(struct xen *xen, xen_transaction t, const char *path)
{
    return xs_rm(((struct libxen *)xen)->store, t, path) ? 0 : -errno;
}

int libxen_store_list(struct xen *xen, xen_transaction t, const char *path, char ***names, size_t *count)
{
    unsigned number = 0;

    *names = xs_directory(((struct libxen *)xen)->store, t, path, &number);
    *count = number;
    return *names != NULL ? 0 : -errno;
}

int libxen_store_permissions(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other,
                             bool read, bool write)
{
    struct xs_permissions permissions[2] = { { owner, XS_PERM_NONE },
                                             { other, (read ? XS_PERM_READ : 0u) | (write ? XS_PERM_WRITE : 0u) } };

    return xs_set_permissions(((struct libxen *)xen)->store, t, path, permissions, 2) ? 0 : -errno;
}

int libxen_transaction_start(struct xen *xen, xen_transaction *t)
{
    struct libxen *libxen = (struct libxen *)xen;

    *t = xs_transaction_start(libxen->store);
    if (*t == XBT_NULL) {
        return -errno;
    }
    __atomic_fetch_add(&libxen->transactions, 1, __ATOMIC_RELAXED);
    return 0;
}

int libxen_transaction_end(struct xen *xen, xen_transaction t, bool commit)
{
    struct libxen *libxen = (struct libxen *)xen;

    __atomic_fetch_sub(&libxen->transactions, 1, __ATOMIC_RELAXED);
    return xs_transaction_end(libxen->store, t, !commit) ? 0 : -errno;
}

int libxen_watch_add(struct xen *xen, const char *path, void (*fired)(void *, const char *), void *argument,
                     struct xen_watch **made)
{
    struct libxen *libxen = (struct libxen *)xen;
    struct libxen_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL || (watch->path = strdup(path)) == NULL) {
        free(watch);
        return -ENOMEM;
    }
    watch->base.xen = xen;
    watch->fired = fired;
    watch->argument = argument;
    *made = &watch->base;
    sched_lock(&libxen->watch_lock);
    snprintf(watch->token, sizeof(watch->token), "%u", ++libxen->last_token);
    watch->next = libxen->watches;
    libxen->watches = watch;
    sched_unlock(&libxen->watch_lock);
    if (!xs_watch(libxen->store, path, watch->token)) {
        int failure = -errno;

        libxen_watch_remove(&watch->base);
        return failure;
    }
    return 0;
}

void libxen_watch_remove(struct xen_watch *base)
{
    struct libxen_watch *watch = (struct libxen_watch *)base, **link;
    struct libxen *libxen = (struct libxen *)base->xen;

    (void)xs_unwatch(libxen->store, watch->path, watch->token); /* fails only if it was never set */
    sched_lock(&libxen->watch_lock);
    for (link = &libxen->watches; *link != NULL && *link != watch; link = &(*link)->next) {
    }
    if (*link != NULL) {
        *link = watch->next;
    }
    if (libxen->running == watch && task_self() == libxen->watch_task) {
        watch->dead = true; /* removes itself: its callback still runs */
        sched_unlock(&libxen->watch_lock);
        return;
    }
    while (libxen->running == watch) {
        uint32_t idle = __atomic_load_n(&libxen->watch_idle, __ATOMIC_ACQUIRE);

        sched_unlock(&libxen->watch_lock);
        (void)sched_wait(&libxen->watch_idle, idle, SCHED_FOREVER);
        sched_lock(&libxen->watch_lock);
    }
    sched_unlock(&libxen->watch_lock);
    free(watch->path);
    free(watch);
}

void libxen_store_leaks(struct libxen *libxen, struct leaks *leaks)
{
    struct libxen_watch *watch;

    for (watch = libxen->watches; watch != NULL; watch = watch->next) {
        leak_add(leaks, "domain %u: watch on %s", libxen->xen.domid, watch->path);
    }
    if (libxen->transactions != 0) {
        leak_add(leaks, "domain %u: %llu transactions", libxen->xen.domid, (unsigned long long)libxen->transactions);
    }
}
