/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded hypervisor's own records. One struct xen_host per run: guest memory (memory.c), a grant table per domain
 * (grant.c), event channels (evtchn.c), xenstore (store.c, tree.c, watch.c).
 *
 * Locks, never two at once: memory_lock (page owners, back mapping's protection), event_lock (pairing of ports),
 * store.lock (tree, transactions, watches). Mapping a grant and sending an event take none.
 */
#ifndef TESTBED_XEN_EMBEDDED_EMBEDDED_H
#define TESTBED_XEN_EMBEDDED_EMBEDDED_H

#include "run/sched.h"
#include "xen/embedded/backend.h"
#include "xen/provider.h"
#include "xen/embedded/tree.h"

enum {
    MAX_DOMAINS = 16,
    PAGES_PER_OPENING = 64, /* lazy protection: pages made accessible to backends at once */
    MAX_PORTS = 4096,       /* per domain, as Xen's two-level table */
    GRANT_REFERENCES_RESERVED = 8,
};

struct grant_table {
    uint64_t *entries; /* the bits are in grant.c */
    uint32_t *next;    /* free list, by reference */
    uint64_t free;     /* reference of the first free entry, and above it a count that makes each change unique */
    uint32_t size;
};

/* A port. Never freed while the host lives, so that a sender may look at its peer without a lock. */
struct event {
    struct xen_event base;
    struct domain *domain;
    uint16_t peer_domid;
    struct event *peer; /* atomic; NULL: unbound */
    void (*handler)(void *);
    void *argument;
    uint32_t users; /* senders inside it right now; close waits for 0 */
    bool open, masked, pending;
    struct event *next_free, *next_made;
};

struct domain {
    struct xen xen;
    struct xen_host *host;
    struct grant_table grants;
    struct event *ports[MAX_PORTS];
    uint64_t pages; /* owned now */
};

struct watch {
    struct xen_watch base;
    struct domain *domain;
    char *path;   /* absolute */
    size_t strip; /* characters to leave out of reported paths: watches on relative paths report relative ones */
    void (*fired)(void *, const char *);
    void *argument;
    bool dead; /* removed by its own callback */
    struct watch *next;
};

struct watch_event {
    struct watch *watch;
    struct watch_event *next;
    char path[];
};

struct transaction {
    uint32_t id;
    struct domain *domain;
    struct node *root;       /* the tree as it was, with this transaction's changes */
    struct access *accesses; /* what it looked at, to find conflicts */
    struct change *changes, **last_change;
    struct transaction *next;
};

struct store {
    struct sched_lock lock;
    struct node *root;
    uint64_t generation;
    uint32_t last_transaction;
    struct transaction *transactions;
    struct watch *watches, **last_watch;
    struct watch_event *events, **last_event;
    struct watch *running; /* whose callback runs now */
    uint32_t signal;       /* changes whenever the task has something to do */
    uint32_t idle;         /* changes after each callback */
    bool stop;
    struct task *task;
};

struct xen_host {
    struct xen_host_options options;
    struct sched_lock memory_lock;
    int memory; /* the file behind both mappings */
    uint8_t *front, *back;
    uint16_t *owners;            /* per page: domid + 1, 0: free */
    uint16_t *readers, *writers; /* strict: grants that cover the page */
    uint8_t *opened;             /* lazy: per PAGES_PER_OPENING */
    size_t search;               /* where the next allocation starts looking */
    struct sched_lock event_lock;
    struct event *events_free, *events_made;
    struct domain *domains[MAX_DOMAINS];
    struct store store;
};

static inline struct domain *domain_of(struct xen *xen)
{
    return (struct domain *)xen;
}

struct domain *host_domain(struct xen_host *host, uint16_t domid); /* NULL: no such domain */

/* memory.c */
int memory_start(struct xen_host *host); /* 0 or -errno */
void memory_stop(struct xen_host *host);
void *memory_alloc(struct xen *xen, size_t pages);
void memory_free(struct xen *xen, void *address, size_t pages, bool wiped);
bool memory_owns(struct xen *xen, const void *address);
void memory_cover(struct xen_host *host, size_t page, bool read_only);   /* strict: a grant begins */
void memory_uncover(struct xen_host *host, size_t page, bool read_only); /* strict: it ended */
void memory_open(struct xen_host *host, size_t page);                    /* lazy: before a backend's first look */

/* grant.c */
int grant_start(struct grant_table *table, uint32_t size);
void grant_stop(struct grant_table *table);
int grant_begin(struct xen *xen, uint16_t peer, const void *page, bool read_only, uint32_t *reference);
int grant_end(struct xen *xen, uint32_t reference);
void grant_leaks(struct domain *domain, struct leaks *leaks);

/* evtchn.c */
int evtchn_open(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument, struct xen_event **event);
int evtchn_bind(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                struct xen_event **event);
void evtchn_send(struct xen_event *event);
void evtchn_mask(struct xen_event *event);
void evtchn_unmask(struct xen_event *event);
void evtchn_close(struct xen_event *event);
void evtchn_leaks(struct domain *domain, struct leaks *leaks);
void evtchn_stop(struct xen_host *host);

/* store.c */
void store_start(struct xen_host *host);
void store_stop(struct xen_host *host);
int store_read(struct xen *xen, xen_transaction t, const char *path, char **value);
int store_write(struct xen *xen, xen_transaction t, const char *path, const char *value);
int store_remove(struct xen *xen, xen_transaction t, const char *path);
int store_list(struct xen *xen, xen_transaction t, const char *path, char ***names, size_t *count);
int store_permissions(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other, bool read,
                      bool write);
int store_transaction_start(struct xen *xen, xen_transaction *t);
int store_transaction_end(struct xen *xen, xen_transaction t, bool commit);
void store_leaks(struct domain *domain, struct leaks *leaks);
/* `path` made absolute for the domain. False: empty, too long or malformed. */
bool store_path(const struct xen *xen, const char *path, char *absolute, size_t size);
enum { STORE_MAX_PATH = 1024 };

/* watch.c; `watch_match` with store.lock held */
void watch_start(struct xen_host *host);
void watch_stop(struct xen_host *host);
int watch_add(struct xen *xen, const char *path, void (*fired)(void *, const char *), void *argument,
              struct xen_watch **watch);
void watch_remove(struct xen_watch *watch);
void watch_match(struct store *store, const char *path, bool removed);
void watch_leaks(struct domain *domain, struct leaks *leaks);

#endif
