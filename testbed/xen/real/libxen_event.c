/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels of a real Xen. One task waits on the driver's descriptor and calls handlers under event_lock, so that
 * a channel is never closed beneath its handler. The kernel masks a port as it reports it; it is unmasked once its
 * handler ran, or at xen_event_unmask.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/real/libxen.h"

struct libxen_event {
    struct xen_event base;
    void (*handler)(void *);
    void *argument;
    bool masked, pending;
    struct libxen_event *next;
};

static void deliver(struct libxen *libxen, evtchn_port_t port)
{
    struct libxen_event *event;

    sched_lock(&libxen->event_lock);
    for (event = libxen->events; event != NULL && event->base.port != port; event = event->next) {
    }
    if (event != NULL && event->masked) {
        event->pending = true;
    } else if (event != NULL) {
        event->handler(event->argument);
    }
    sched_unlock(&libxen->event_lock);
    xenevtchn_unmask(libxen->channels, port);
}

static void run(void *argument)
{
    struct libxen *libxen = argument;
    struct pollfd fds[2] = { { .fd = xenevtchn_fd(libxen->channels), .events = POLLIN },
                             { .fd = libxen->stop, .events = POLLIN } };

    for (;;) {
        xenevtchn_port_or_error_t port;

        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (fds[1].revents != 0) {
            break;
        }
        if ((fds[0].revents & POLLIN) != 0 && (port = xenevtchn_pending(libxen->channels)) >= 0) {
            deliver(libxen, (evtchn_port_t)port);
        }
    }
}

bool libxen_events_open(struct libxen *libxen, char *error, size_t size)
{
    libxen->channels = xenevtchn_open(NULL, 0);
    if (libxen->channels == NULL) {
        snprintf(error, size,
                 "/dev/xen/evtchn cannot be opened (%s): run as root in a Xen domain, with the module xen-evtchn",
                 strerror(errno));
        return false;
    }
    libxen->event_task = task_spawn("xen-events", 0, run, libxen);
    return true;
}

void libxen_events_close(struct libxen *libxen)
{
    if (libxen->event_task != NULL) {
        task_join(libxen->event_task);
    }
    if (libxen->channels != NULL) {
        xenevtchn_close(libxen->channels);
    }
}

static int event_create(struct libxen *libxen, xenevtchn_port_or_error_t port, void (*handler)(void *), void *argument,
                        struct xen_event **made)
{
    struct libxen_event *event;

    if (port < 0) {
        return -errno;
    }
    event = calloc(1, sizeof(*event));
    if (event == NULL) {
        xenevtchn_unbind(libxen->channels, (evtchn_port_t)port);
        return -ENOMEM;
    }
    event->base.xen = &libxen->xen;
    event->base.port = (uint32_t)port;
    event->handler = handler;
    event->argument = argument;
    *made = &event->base; /* before a handler can run */
    sched_lock(&libxen->event_lock);
    event->next = libxen->events;
    libxen->events = event;
    sched_unlock(&libxen->event_lock);
    return 0;
}

int libxen_event_open(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument, struct xen_event **event)
{
    struct libxen *libxen = (struct libxen *)xen;

    return event_create(libxen, xenevtchn_bind_unbound_port(libxen->channels, peer), handler, argument, event);
}

int libxen_event_bind(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                      struct xen_event **event)
{
    struct libxen *libxen = (struct libxen *)xen;

    return event_create(libxen, xenevtchn_bind_interdomain(libxen->channels, peer, remote_port), handler, argument,
                        event);
}

void libxen_event_send(struct xen_event *event)
{
    struct libxen *libxen = (struct libxen *)event->xen;

    if (xenevtchn_notify(libxen->channels, event->port) != 0) {
        fprintf(stderr, "testbed: event channel %u cannot be notified: %s\n", event->port, strerror(errno));
    }
}

void libxen_event_mask(struct xen_event *event)
{
    struct libxen *libxen = (struct libxen *)event->xen;

    sched_lock(&libxen->event_lock);
    ((struct libxen_event *)event)->masked = true;
    sched_unlock(&libxen->event_lock);
}

void libxen_event_unmask(struct xen_event *base)
{
    struct libxen *libxen = (struct libxen *)base->xen;
    struct libxen_event *event = (struct libxen_event *)base;

    sched_lock(&libxen->event_lock);
    event->masked = false;
    if (event->pending) {
        event->pending = false;
        event->handler(event->argument);
    }
    sched_unlock(&libxen->event_lock);
}

void libxen_event_close(struct xen_event *base)
{
    struct libxen *libxen = (struct libxen *)base->xen;
    struct libxen_event **link;

    sched_lock(&libxen->event_lock);
    for (link = &libxen->events; *link != NULL && &(*link)->base != base; link = &(*link)->next) {
    }
    if (*link != NULL) {
        *link = (*link)->next;
    }
    sched_unlock(&libxen->event_lock);
    xenevtchn_unbind(libxen->channels, base->port);
    free(base);
}

void libxen_event_leaks(struct libxen *libxen, struct leaks *leaks)
{
    struct libxen_event *event;

    for (event = libxen->events; event != NULL; event = event->next) {
        leak_add(leaks, "domain %u: event channel %u", libxen->xen.domid, event->base.port);
    }
}
