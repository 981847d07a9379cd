/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of xen.h: each goes to the domain's provider; formatted store access is built on plain reads and
 * writes. */
#include "xen/xen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/provider.h"

uint16_t xen_domid(struct xen *xen)
{
    return xen->domid;
}

void *xen_memory_alloc(struct xen *xen, size_t pages)
{
    return xen->ops->memory_alloc(xen, pages);
}

void xen_memory_free(struct xen *xen, void *address, size_t pages)
{
    xen->ops->memory_free(xen, address, pages, false);
}

void xen_memory_free_wiped(struct xen *xen, void *address, size_t pages)
{
    xen->ops->memory_free(xen, address, pages, true);
}

bool xen_memory_owns(struct xen *xen, const void *address)
{
    return xen->ops->memory_owns(xen, address);
}

int xen_grant(struct xen *xen, uint16_t peer, const void *page, bool read_only, uint32_t *reference)
{
    return xen->ops->grant(xen, peer, page, read_only, reference);
}

int xen_ungrant(struct xen *xen, uint32_t reference)
{
    return xen->ops->ungrant(xen, reference);
}

int xen_event_open(struct xen *xen, uint16_t peer, void (*handler)(void *), void *argument, struct xen_event **event)
{
    return xen->ops->event_open(xen, peer, handler, argument, event);
}

int xen_event_bind(struct xen *xen, uint16_t peer, uint32_t remote_port, void (*handler)(void *), void *argument,
                   struct xen_event **event)
{
    return xen->ops->event_bind(xen, peer, remote_port, handler, argument, event);
}

uint32_t xen_event_port(const struct xen_event *event)
{
    return event->port;
}

void xen_event_send(struct xen_event *event)
{
    event->xen->ops->event_send(event);
}

void xen_event_mask(struct xen_event *event)
{
    event->xen->ops->event_mask(event);
}

void xen_event_unmask(struct xen_event *event)
{
    event->xen->ops->event_unmask(event);
}

void xen_event_close(struct xen_event *event)
{
    event->xen->ops->event_close(event);
}

int xen_store_read(struct xen *xen, xen_transaction t, const char *path, char **value)
{
    return xen->ops->store_read(xen, t, path, value);
}

int xen_store_write(struct xen *xen, xen_transaction t, const char *path, const char *value)
{
    return xen->ops->store_write(xen, t, path, value);
}

int xen_store_printf(struct xen *xen, xen_transaction t, const char *path, const char *format, ...)
{
    char few[64], *value = few;
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = vsnprintf(few, sizeof(few), format, arguments);
    va_end(arguments);
    if (result >= (int)sizeof(few)) {
        va_start(arguments, format);
        result = vasprintf(&value, format, arguments);
        va_end(arguments);
    }
    if (result < 0) {
        return -ENOMEM;
    }
    result = xen_store_write(xen, t, path, value);
    if (value != few) {
        free(value);
    }
    return result;
}

int xen_store_scanf(struct xen *xen, xen_transaction t, const char *path, const char *format, ...)
{
    char *value;
    va_list arguments;
    int result = xen_store_read(xen, t, path, &value);

    if (result < 0) {
        return result;
    }
    va_start(arguments, format);
    result = vsscanf(value, format, arguments);
    va_end(arguments);
    free(value);
    return result < 0 ? 0 : result; /* an empty value has no items */
}

int xen_store_remove(struct xen *xen, xen_transaction t, const char *path)
{
    return xen->ops->store_remove(xen, t, path);
}

int xen_store_list(struct xen *xen, xen_transaction t, const char *path, char ***names, size_t *count)
{
    return xen->ops->store_list(xen, t, path, names, count);
}

int xen_store_permissions(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other,
                          bool read, bool write)
{
    return xen->ops->store_permissions(xen, t, path, owner, other, read, write);
}

int xen_transaction_start(struct xen *xen, xen_transaction *t)
{
    return xen->ops->transaction_start(xen, t);
}

int xen_transaction_end(struct xen *xen, xen_transaction t, bool commit)
{
    return xen->ops->transaction_end(xen, t, commit);
}

int xen_watch_add(struct xen *xen, const char *path, void (*fired)(void *argument, const char *path), void *argument,
                  struct xen_watch **watch)
{
    return xen->ops->watch_add(xen, path, fired, argument, watch);
}

void xen_watch_remove(struct xen_watch *watch)
{
    watch->xen->ops->watch_remove(watch);
}

void xen_leaks(struct xen *xen, struct leaks *leaks)
{
    xen->ops->leaks(xen, leaks);
}
