/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Xen gives to a domain: shared memory by grant references, event channels, xenstore. One interface, two
 * providers: embedded (embedded.h: everything inside this process, frontend and backend domains) and real Xen
 * (libxen.h: the shared Xen libraries). xenvif/ uses this header only; netback/ also uses xen/embedded/backend.h, which
 * only the embedded provider has.
 *
 * A struct xen is one domain's handle on its hypervisor. Functions return 0 or a negative errno.
 */
#ifndef TESTBED_XEN_XEN_H
#define TESTBED_XEN_XEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/leak.h"

#define XEN_PAGE_SIZE 4096u

struct xen;
struct xen_ops;

uint16_t xen_domid(struct xen *xen);

/* --- memory that can be granted --- */
void *xen_memory_alloc(struct xen *xen,
                       size_t pages); /* page-aligned, zeroed, contiguous in this domain's mapping; NULL: none left */
void xen_memory_free(struct xen *xen, void *address, size_t pages);
void xen_memory_free_wiped(struct xen *xen, void *address, size_t pages); /* it reads as zero already */
bool xen_memory_owns(struct xen *xen, const void *address);

/* --- grants: one page each --- */
int xen_grant(struct xen *xen, uint16_t peer, const void *page, bool read_only,
              uint32_t *reference);                   /* -EINVAL: not xen_memory; -ENOSPC */
int xen_ungrant(struct xen *xen, uint32_t reference); /* -EBUSY: the peer still has it mapped */

/* --- event channels --- */
struct xen_event;
/* A new channel that `peer` may bind. `handler` runs in the sender's context, like an interrupt: it may queue a DPC or
 * sched_wake, nothing else. Events that arrive while masked are kept and delivered once at unmask. */
int xen_event_open(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument, struct xen_event **event);
int xen_event_bind(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                   struct xen_event **event);
uint32_t xen_event_port(const struct xen_event *event);
void xen_event_send(struct xen_event *event);
void xen_event_mask(struct xen_event *event);
void xen_event_unmask(struct xen_event *event);
void xen_event_close(struct xen_event *event); /* returns when no handler runs any more */

/* --- xenstore: paths absolute or relative to /local/domain/<domid>; values are bytes with an added NUL, freed with
 * free() --- */
typedef uint32_t xen_transaction; /* 0: none */
int xen_store_read(struct xen *xen, xen_transaction t, const char *path, char **value);
int xen_store_write(struct xen *xen, xen_transaction t, const char *path, const char *value);
int xen_store_printf(struct xen *xen, xen_transaction t, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int xen_store_scanf(struct xen *xen, xen_transaction t, const char *path, const char *format, ...)
    __attribute__((format(scanf, 4, 5))); /* number of items or -errno */
int xen_store_remove(struct xen *xen, xen_transaction t, const char *path);
int xen_store_list(struct xen *xen, xen_transaction t, const char *path, char ***names,
                   size_t *count); /* names freed with one free() */
int xen_store_permissions(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other,
                          bool read, bool write);
int xen_transaction_start(struct xen *xen, xen_transaction *t);
int xen_transaction_end(struct xen *xen, xen_transaction t, bool commit); /* -EAGAIN: conflict, try again */
struct xen_watch;
/* `fired` runs in a task of the provider (may block, may use the store); once right after registration, as xenstored
 * does. */
int xen_watch_add(struct xen *xen, const char *path, void (*fired)(void *argument, const char *path), void *argument,
                  struct xen_watch **watch);
void xen_watch_remove(struct xen_watch *watch); /* returns when `fired` is not running and will not run again */

/* Grants, channels, watches, pages and transactions still held by this domain. */
void xen_leaks(struct xen *xen, struct leaks *leaks);

#endif
