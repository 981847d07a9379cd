/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a provider of xen.h implements. xen.c calls through these tables, so that xenvif/ and netback/ never know
 * whether they speak to the embedded hypervisor or to a real one. A provider's own records begin with the structs
 * below.
 */
#ifndef TESTBED_XEN_PROVIDER_H
#define TESTBED_XEN_PROVIDER_H

#include "xen/xen.h"

struct xen_ops {
    void *(*memory_alloc)(struct xen *xen, size_t pages);
    void (*memory_free)(struct xen *xen, void *address, size_t pages, bool wiped);
    bool (*memory_owns)(struct xen *xen, const void *address);
    int (*grant)(struct xen *xen, uint16_t peer, const void *page, bool read_only, uint32_t *reference);
    int (*ungrant)(struct xen *xen, uint32_t reference);
    int (*event_open)(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument,
                      struct xen_event **event);
    int (*event_bind)(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                      struct xen_event **event);
    void (*event_send)(struct xen_event *event);
    void (*event_mask)(struct xen_event *event);
    void (*event_unmask)(struct xen_event *event);
    void (*event_close)(struct xen_event *event);
    int (*store_read)(struct xen *xen, xen_transaction t, const char *path, char **value);
    int (*store_write)(struct xen *xen, xen_transaction t, const char *path, const char *value);
    int (*store_remove)(struct xen *xen, xen_transaction t, const char *path);
    int (*store_list)(struct xen *xen, xen_transaction t, const char *path, char ***names, size_t *count);
    int (*store_permissions)(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other,
                             bool read, bool write);
    int (*transaction_start)(struct xen *xen, xen_transaction *t);
    int (*transaction_end)(struct xen *xen, xen_transaction t, bool commit);
    int (*watch_add)(struct xen *xen, const char *path, void (*fired)(void *, const char *), void *argument,
                     struct xen_watch **watch);
    void (*watch_remove)(struct xen_watch *watch);
    void (*leaks)(struct xen *xen, struct leaks *leaks);
};

struct xen {
    const struct xen_ops *ops;
    uint16_t domid;
};

struct xen_event {
    struct xen *xen;
    uint32_t port;
};

struct xen_watch {
    struct xen *xen;
};

#endif
