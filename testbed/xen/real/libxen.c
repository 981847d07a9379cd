/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opens the libraries of libxen.h, and its memory. A page is shared with the peer from its allocation to its end (that
 * is how gntalloc works), so granting it means looking up its reference, and read-only grants are not enforced here.
 */
#include "xen/real/libxen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *memory_alloc(struct xen *xen, size_t pages)
{
    struct libxen *libxen = (struct libxen *)xen;
    struct libxen_area *area = calloc(1, sizeof(*area) + pages * sizeof(area->references[0]));

    if (area == NULL) {
        return NULL;
    }
    area->pages = pages;
    area->address = xengntshr_share_pages(libxen->shared, libxen->peer, (int)pages, area->references, 1);
    if (area->address == NULL) {
        free(area);
        return NULL;
    }
    sched_lock(&libxen->memory_lock);
    area->next = libxen->areas;
    libxen->areas = area;
    sched_unlock(&libxen->memory_lock);
    return area->address;
}

static void memory_free(struct xen *xen, void *address, size_t pages, bool wiped)
{
    (void)wiped; /* the file goes */
    struct libxen *libxen = (struct libxen *)xen;
    struct libxen_area **link, *area;

    sched_lock(&libxen->memory_lock);
    for (link = &libxen->areas; *link != NULL && (*link)->address != address; link = &(*link)->next) {
    }
    area = *link;
    if (area != NULL) {
        *link = area->next;
    }
    sched_unlock(&libxen->memory_lock);
    if (area == NULL || area->pages != pages) {
        fprintf(stderr, "testbed: %zu pages are freed that were not allocated so\n", pages);
        abort();
    }
    xengntshr_unshare(libxen->shared, area->address, (uint32_t)area->pages);
    free(area);
}

/* The area that holds `address`, or NULL. Under memory_lock. */
static struct libxen_area *area_find(struct libxen *libxen, const void *address)
{
    const uint8_t *byte = address;
    struct libxen_area *area;

    for (area = libxen->areas; area != NULL; area = area->next) {
        if (byte >= area->address && byte < area->address + area->pages * XEN_PAGE_SIZE) {
            return area;
        }
    }
    return NULL;
}

static bool memory_owns(struct xen *xen, const void *address)
{
    struct libxen *libxen = (struct libxen *)xen;
    bool owns;

    sched_lock(&libxen->memory_lock);
    owns = area_find(libxen, address) != NULL;
    sched_unlock(&libxen->memory_lock);
    return owns;
}

static int grant(struct xen *xen, uint16_t peer, const void *page, bool read_only, uint32_t *reference)
{
    struct libxen *libxen = (struct libxen *)xen;
    struct libxen_area *area;

    (void)read_only;
    if (peer != libxen->peer) {
        return -EINVAL;
    }
    sched_lock(&libxen->memory_lock);
    area = area_find(libxen, page);
    if (area != NULL) {
        *reference = area->references[((const uint8_t *)page - area->address) / XEN_PAGE_SIZE];
    }
    sched_unlock(&libxen->memory_lock);
    if (area == NULL) {
        return -EINVAL;
    }
    __atomic_fetch_add(&libxen->grants, 1, __ATOMIC_RELAXED);
    return 0;
}

static int ungrant(struct xen *xen, uint32_t reference)
{
    struct libxen *libxen = (struct libxen *)xen;

    (void)reference;
    __atomic_fetch_sub(&libxen->grants, 1, __ATOMIC_RELAXED);
    return 0;
}

static void leaks_list(struct xen *xen, struct leaks *leaks)
{
    struct libxen *libxen = (struct libxen *)xen;
    struct libxen_area *area;

    for (area = libxen->areas; area != NULL; area = area->next) {
        leak_add(leaks, "domain %u: %zu pages of shared memory", xen->domid, area->pages);
    }
    if (libxen->grants != 0) {
        leak_add(leaks, "domain %u: %llu grants", xen->domid, (unsigned long long)libxen->grants);
    }
    libxen_event_leaks(libxen, leaks);
    libxen_store_leaks(libxen, leaks);
}

static const struct xen_ops libxen_ops = {
    .memory_alloc = memory_alloc,
    .memory_free = memory_free,
    .memory_owns = memory_owns,
    .grant = grant,
    .ungrant = ungrant,
    .event_open = libxen_event_open,
    .event_bind = libxen_event_bind,
    .event_send = libxen_event_send,
    .event_mask = libxen_event_mask,
    .event_unmask = libxen_event_unmask,
    .event_close = libxen_event_close,
    .store_read = libxen_store_read,
    .store_write = libxen_store_write,
    .store_remove = libxen_store_remove,
    .store_list = libxen_store_list,
    .store_permissions = libxen_store_permissions,
    .transaction_start = libxen_transaction_start,
    .transaction_end = libxen_transaction_end,
    .watch_add = libxen_watch_add,
    .watch_remove = libxen_watch_remove,
    .leaks = leaks_list,
};

/* The number of the own domain, as xenstore has it. */
bool libxen_read_domid(struct libxen *libxen, char *error, size_t size)
{
    char *value;
    int result = libxen_store_read(&libxen->xen, 0, "domid", &value);

    if (result != 0) {
        snprintf(error, size, "xenstore does not have the own domain's number (%s): is xen-init-dom0 done?",
                 strerror(-result));
        return false;
    }
    libxen->xen.domid = (uint16_t)atoi(value);
    free(value);
    return true;
}

struct xen *libxen_open(const struct libxen_options *options, char *error, size_t size)
{
    struct libxen *libxen = calloc(1, sizeof(*libxen));

    if (libxen == NULL) {
        snprintf(error, size, "no memory");
        return NULL;
    }
    libxen->xen.ops = &libxen_ops;
    libxen->peer = options->peer;
    libxen->stop = eventfd(0, EFD_CLOEXEC);
    libxen->shared = xengntshr_open(NULL, 0);
    if (libxen->shared == NULL) {
        snprintf(error, size,
                 "/dev/xen/gntalloc cannot be opened (%s): run as root in a Xen domain, with the module xen-gntalloc",
                 strerror(errno));
    } else if (libxen_events_open(libxen, error, size) && libxen_store_open(libxen, error, size) &&
               libxen_read_domid(libxen, error, size)) {
        return &libxen->xen;
    }
    libxen_close(&libxen->xen);
    return NULL;
}

void libxen_close(struct xen *xen)
{
    struct libxen *libxen = (struct libxen *)xen;

    if (eventfd_write(libxen->stop, 1) != 0) {
        perror("testbed: the provider's tasks cannot be asked to end");
        abort();
    }
    libxen_store_close(libxen);
    libxen_events_close(libxen);
    if (libxen->shared != NULL) {
        xengntshr_close(libxen->shared);
    }
    close(libxen->stop);
    free(libxen);
}
