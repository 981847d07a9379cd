/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The provider for a real hypervisor: xen.h through the shared Xen libraries, from a process in a Xen domain. Live
 * scheduler only. Needs /dev/xen/{gntalloc,evtchn,xenbus}.
 *
 * Files: libxen.c (opening, memory and grants), libxen_event.c, libxen_store.c, libxen_resume.c.
 */
#ifndef TESTBED_XEN_REAL_LIBXEN_H
#define TESTBED_XEN_REAL_LIBXEN_H

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "run/sched.h"
#include "xen/provider.h"

struct libxen_options {
    uint16_t peer; /* the backend's domain: pages are shared with it when they are allocated */
};

/* This process's domain. NULL and a sentence in `error` naming the device or library call that failed. */
struct xen *libxen_open(const struct libxen_options *options, char *error, size_t size);
void libxen_close(struct xen *xen); /* everything released before; stops the tasks */

/* After the domain was suspended and resumed: memory keeps its contents and can be granted again. No grant and no
 * channel may be open over it. False and a sentence in `error`. */
bool libxen_resume(struct xen *xen, char *error, size_t size);

/* --- shared by the files --- */

struct libxen_area { /* one memory_alloc */
    uint8_t *address;
    size_t pages;
    struct libxen_area *next;
    uint32_t references[];
};
struct libxen_event;
struct libxen_watch;

struct libxen {
    struct xen xen;
    uint16_t peer;
    int stop; /* eventfd: asks both tasks to end */

    xengntshr_handle *shared;
    struct sched_lock memory_lock; /* areas */
    struct libxen_area *areas;
    uint64_t grants; /* atomic: handed out and not taken back */

    xenevtchn_handle *channels;
    struct sched_lock event_lock; /* events; held while a handler runs */
    struct libxen_event *events;
    struct task *event_task;

    struct xs_handle *store;
    struct sched_lock watch_lock; /* watches */
    struct libxen_watch *watches, *running;
    uint32_t watch_idle; /* changes after each callback */
    uint32_t last_token;
    uint64_t transactions; /* atomic: open */
    struct task *watch_task;
};

bool libxen_read_domid(struct libxen *libxen, char *error, size_t size);
bool libxen_events_open(struct libxen *libxen, char *error, size_t size);
void libxen_events_close(struct libxen *libxen);
bool libxen_store_open(struct libxen *libxen, char *error, size_t size);
void libxen_store_close(struct libxen *libxen);

int libxen_event_open(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument,
                      struct xen_event **event);
int libxen_event_bind(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                      struct xen_event **event);
void libxen_event_send(struct xen_event *event);
void libxen_event_mask(struct xen_event *event);
void libxen_event_unmask(struct xen_event *event);
void libxen_event_close(struct xen_event *event);
void libxen_event_leaks(struct libxen *libxen, struct leaks *leaks);

int libxen_store_read(struct xen *xen, xen_transaction t, const char *path, char **value);
int libxen_store_write(struct xen *xen, xen_transaction t, const char *path, const char *value);
int libxen_store_remove(struct xen *xen, xen_transaction t, const char *path);
int libxen_store_list(struct xen *xen, xen_transaction t, const char *path, char ***names, size_t *count);
int libxen_store_permissions(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other,
                             bool read, bool write);
int libxen_transaction_start(struct xen *xen, xen_transaction *t);
int libxen_transaction_end(struct xen *xen, xen_transaction t, bool commit);
int libxen_watch_add(struct xen *xen, const char *path, void (*fired)(void *, const char *), void *argument,
                     struct xen_watch **watch);
void libxen_watch_remove(struct xen_watch *watch);
void libxen_store_leaks(struct libxen *libxen, struct leaks *leaks);

#endif
