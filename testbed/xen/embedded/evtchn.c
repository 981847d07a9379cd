/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels between domains. A port is opened unbound for one peer domain, bound by that domain, and from then on
 * each side's send sets the other's pending bit and, unless it is masked or was pending already, runs the other's
 * handler in the sender's context.
 *
 * Sending takes no lock: ports are never freed while the host lives, and a sender announces itself in the peer's
 * `users` before it looks whether the peer is still open. Closing marks the port, then waits for the users to leave.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "xen/embedded/embedded.h"

static struct event *event_of(struct xen_event *event)
{
    return (struct event *)event;
}

/* With event_lock held. */
static struct event *make_event(struct domain *domain)
{
    struct xen_host *host = domain->host;
    struct event *event = host->events_free;
    uint32_t port = 1;

    while (port < MAX_PORTS && domain->ports[port] != NULL) {
        port++;
    }
    if (port == MAX_PORTS) {
        return NULL;
    }
    if (event != NULL) {
        host->events_free = event->next_free;
    } else {
        event = calloc(1, sizeof(*event));
        if (event == NULL) {
            return NULL;
        }
        event->next_made = host->events_made;
        host->events_made = event;
    }
    event->base = (struct xen_event){ &domain->xen, port };
    event->domain = domain;
    event->peer = NULL;
    event->masked = event->pending = false;
    domain->ports[port] = event;
    return event;
}

static void deliver(struct event *event)
{
    __atomic_store_n(&event->pending, true, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&event->masked, __ATOMIC_SEQ_CST) &&
        __atomic_exchange_n(&event->pending, false, __ATOMIC_SEQ_CST)) {
        event->handler(event->argument);
    }
}

int evtchn_open(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument, struct xen_event **result)
{
    struct domain *domain = domain_of(xen);
    struct event *event;

    sched_lock(&domain->host->event_lock);
    event = make_event(domain);
    if (event != NULL) {
        event->peer_domid = peer;
        event->handler = handler;
        event->argument = argument;
        __atomic_store_n(&event->open, true, __ATOMIC_SEQ_CST);
    }
    sched_unlock(&domain->host->event_lock);
    *result = event != NULL ? &event->base : NULL;
    return event != NULL ? 0 : -ENOSPC;
}

int evtchn_bind(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                struct xen_event **result)
{
    struct domain *domain = domain_of(xen), *remote_domain = host_domain(domain->host, peer);
    struct event *event = NULL, *remote;
    int error = -EINVAL;

    *result = NULL;
    if (remote_domain == NULL || remote_port == 0 || remote_port >= MAX_PORTS) {
        return -EINVAL;
    }
    sched_lock(&domain->host->event_lock);
    remote = remote_domain->ports[remote_port];
    if (remote != NULL && remote->open && remote->peer == NULL && remote->peer_domid == xen->domid) {
        event = make_event(domain);
        error = event != NULL ? 0 : -ENOSPC;
    }
    if (event != NULL) {
        event->peer_domid = peer;
        event->handler = handler;
        event->argument = argument;
        __atomic_store_n(&event->open, true, __ATOMIC_SEQ_CST);
        __atomic_store_n(&event->peer, remote, __ATOMIC_SEQ_CST);
        __atomic_store_n(&remote->peer, event, __ATOMIC_SEQ_CST);
    }
    sched_unlock(&domain->host->event_lock);
    if (event == NULL) {
        return error;
    }
    *result = &event->base;
    deliver(event); /* what the peer sent before now went nowhere: as Xen does, pretend that it sent something */
    return 0;
}

void evtchn_send(struct xen_event *base)
{
    struct event *event = event_of(base), *peer = __atomic_load_n(&event->peer, __ATOMIC_SEQ_CST);

    sched_point("event");
    if (peer == NULL) {
        return;
    }
    __atomic_add_fetch(&peer->users, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&peer->open, __ATOMIC_SEQ_CST) && __atomic_load_n(&peer->peer, __ATOMIC_SEQ_CST) == event) {
        deliver(peer);
    }
    if (__atomic_sub_fetch(&peer->users, 1, __ATOMIC_SEQ_CST) == 0 && !__atomic_load_n(&peer->open, __ATOMIC_SEQ_CST)) {
        sched_wake(&peer->users, UINT_MAX);
    }
}

void evtchn_mask(struct xen_event *base)
{
    __atomic_store_n(&event_of(base)->masked, true, __ATOMIC_SEQ_CST);
}

void evtchn_unmask(struct xen_event *base)
{
    struct event *event = event_of(base);

    __atomic_store_n(&event->masked, false, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&event->pending, false, __ATOMIC_SEQ_CST)) {
        event->handler(event->argument);
    }
}

void evtchn_close(struct xen_event *base)
{
    struct event *event = event_of(base);
    struct xen_host *host = event->domain->host;
    uint32_t users;

    sched_lock(&host->event_lock);
    __atomic_store_n(&event->open, false, __ATOMIC_SEQ_CST);
    if (event->peer != NULL) {
        __atomic_store_n(&event->peer->peer, NULL, __ATOMIC_SEQ_CST);
        __atomic_store_n(&event->peer, NULL, __ATOMIC_SEQ_CST);
    }
    sched_unlock(&host->event_lock);
    while ((users = __atomic_load_n(&event->users, __ATOMIC_SEQ_CST)) != 0) {
        sched_wait(&event->users, users, SCHED_FOREVER);
    }
    sched_lock(&host->event_lock);
    event->domain->ports[event->base.port] = NULL;
    event->next_free = host->events_free;
    host->events_free = event;
    sched_unlock(&host->event_lock);
}

void evtchn_leaks(struct domain *domain, struct leaks *leaks)
{
    for (uint32_t port = 1; port < MAX_PORTS; port++) {
        const struct event *event = domain->ports[port];

        if (event != NULL) {
            leak_add(leaks, "domain %u: event channel %u to domain %u%s", domain->xen.domid, port, event->peer_domid,
                     event->peer != NULL ? "" : ", unbound");
        }
    }
}

void evtchn_stop(struct xen_host *host)
{
    while (host->events_made != NULL) {
        struct event *event = host->events_made;

        host->events_made = event->next_made;
        free(event);
    }
}
