/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded hypervisor put together: hosts and domains, and what the toolstack writes for a new interface.
 *
 * Called at set-up and take-down by one task. Running out of the host's own memory ends the program: a testbed without
 * it has nothing sensible left to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/embedded/embedded.h"

static void embedded_leaks(struct xen *xen, struct leaks *leaks)
{
    struct domain *domain = domain_of(xen);

    grant_leaks(domain, leaks);
    evtchn_leaks(domain, leaks);
    watch_leaks(domain, leaks);
    store_leaks(domain, leaks);
    if (domain->pages != 0) {
        leak_add(leaks, "domain %u: %llu pages of memory not freed", xen->domid, (unsigned long long)domain->pages);
    }
}

static const struct xen_ops embedded_ops = {
    .memory_alloc = memory_alloc,
    .memory_free = memory_free,
    .memory_owns = memory_owns,
    .grant = grant_begin,
    .ungrant = grant_end,
    .event_open = evtchn_open,
    .event_bind = evtchn_bind,
    .event_send = evtchn_send,
    .event_mask = evtchn_mask,
    .event_unmask = evtchn_unmask,
    .event_close = evtchn_close,
    .store_read = store_read,
    .store_write = store_write,
    .store_remove = store_remove,
    .store_list = store_list,
    .store_permissions = store_permissions,
    .transaction_start = store_transaction_start,
    .transaction_end = store_transaction_end,
    .watch_add = watch_add,
    .watch_remove = watch_remove,
    .leaks = embedded_leaks,
};

struct xen_host *xen_host_create(const struct xen_host_options *options)
{
    struct xen_host *host = calloc(1, sizeof(*host));

    if (host == NULL) {
        return NULL;
    }
    host->options = *options;
    if (memory_start(host) < 0) {
        free(host);
        return NULL;
    }
    store_start(host);
    watch_start(host);
    return host;
}

void xen_host_destroy(struct xen_host *host)
{
    watch_stop(host);
    for (size_t i = 0; i < MAX_DOMAINS; i++) {
        if (host->domains[i] != NULL) {
            xen_domain_destroy(&host->domains[i]->xen);
        }
    }
    store_stop(host);
    evtchn_stop(host);
    memory_stop(host);
    free(host);
}

struct domain *host_domain(struct xen_host *host, uint16_t domid)
{
    for (size_t i = 0; i < MAX_DOMAINS; i++) {
        struct domain *domain = __atomic_load_n(&host->domains[i], __ATOMIC_ACQUIRE);

        if (domain != NULL && domain->xen.domid == domid) {
            return domain;
        }
    }
    return NULL;
}

/* The toolstack acts with the rights of domain 0, which need not exist as a domain here. */
static struct xen toolstack_handle(struct xen_host *host, struct domain *domain)
{
    domain->xen.ops = &embedded_ops;
    domain->xen.domid = 0;
    domain->host = host;
    return domain->xen;
}

struct xen *xen_domain_create(struct xen_host *host, uint16_t domid)
{
    struct domain *domain = host_domain(host, domid) == NULL ? calloc(1, sizeof(*domain)) : NULL;
    struct domain *toolstack = calloc(1, sizeof(*toolstack));
    size_t slot = 0;
    char path[64];

    while (slot < MAX_DOMAINS && host->domains[slot] != NULL) {
        slot++;
    }
    if (domain == NULL || toolstack == NULL || slot == MAX_DOMAINS ||
        grant_start(&domain->grants, host->options.max_grants) < 0) {
        free(domain);
        free(toolstack);
        return NULL;
    }
    domain->xen = (struct xen){ &embedded_ops, domid };
    domain->host = host;
    toolstack_handle(host, toolstack);
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    xen_store_write(&toolstack->xen, 0, path, "");
    xen_store_permissions(&toolstack->xen, 0, path, domid, domid, false, false);
    free(toolstack);
    __atomic_store_n(&host->domains[slot], domain, __ATOMIC_RELEASE);
    return &domain->xen;
}

void xen_domain_destroy(struct xen *xen)
{
    struct domain *domain = domain_of(xen);
    struct xen_host *host = domain->host;

    for (size_t i = 0; i < MAX_DOMAINS; i++) {
        if (host->domains[i] == domain) {
            __atomic_store_n(&host->domains[i], NULL, __ATOMIC_RELEASE);
        }
    }
    grant_stop(&domain->grants);
    free(domain);
}

struct vif_paths {
    char front[128], back[128];
};

static struct vif_paths vif_paths(const struct xen_vif_config *config)
{
    struct vif_paths paths;

    snprintf(paths.front, sizeof(paths.front), "/local/domain/%u/device/vif/%u", config->guest, config->handle);
    snprintf(paths.back, sizeof(paths.back), "/local/domain/%u/backend/vif/%u/%u", config->backend, config->guest,
             config->handle);
    return paths;
}

static int write_all(struct xen *xen, const char *folder, const char *const (*values)[2], size_t count)
{
    char path[256];

    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, values[i][0]);
        int result = xen_store_write(xen, 0, path, values[i][1]);

        if (result < 0) {
            return result;
        }
    }
    return 0;
}

/* Another host's directory has nothing of what a frontend wrote into the one before. */
static int forget_others(struct xen *xen, const char *folder, const char *const (*values)[2], size_t count)
{
    size_t names = 0, kept;
    char **list, path[256];
    int result = xen_store_list(xen, 0, folder, &list, &names);

    if (result < 0) {
        return result;
    }
    for (size_t i = 0; result == 0 && i < names; i++) {
        for (kept = 0; kept < count && strcmp(values[kept][0], list[i]) != 0; kept++) {
        }
        if (kept == count) {
            snprintf(path, sizeof(path), "%s/%s", folder, list[i]);
            result = xen_store_remove(xen, 0, path);
        }
    }
    free(list);
    return result;
}

/* The directory first, with its permissions, which every key below inherits. */
static int make_folder(struct xen *xen, const char *path, uint16_t owner, uint16_t reader)
{
    int result = xen_store_write(xen, 0, path, "");

    return result < 0 ? result : xen_store_permissions(xen, 0, path, owner, reader, true, false);
}

int xen_toolstack_add_vif(struct xen_host *host, const struct xen_vif_config *config)
{
    struct domain *toolstack = calloc(1, sizeof(*toolstack));
    struct vif_paths paths = vif_paths(config);
    char guest[8], backend[8], handle[12], mac[18];
    int result;

    if (toolstack == NULL) {
        return -ENOMEM;
    }
    toolstack_handle(host, toolstack);
    snprintf(guest, sizeof(guest), "%u", config->guest);
    snprintf(backend, sizeof(backend), "%u", config->backend);
    snprintf(handle, sizeof(handle), "%u", config->handle);
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", config->mac[0], config->mac[1], config->mac[2],
             config->mac[3], config->mac[4], config->mac[5]);

    const char *const back[][2] = {
        { "frontend", paths.front },
        { "frontend-id", guest },
        { "online", "1" },
        { "script", "/etc/xen/scripts/vif-bridge" },
        { "mac", mac },
        { "bridge", "xenbr0" },
        { "handle", handle },
        { "type", "vif" },
        { "vifname", config->vif_name },
        { "hotplug-status", "connected" },
        { "state", "1" },
    };
    const char *const front[][2] = {
        { "backend", paths.back }, { "backend-id", backend }, { "handle", handle }, { "mac", mac }, { "state", "1" },
    };

    result = make_folder(&toolstack->xen, paths.back, config->backend, config->guest);
    if (result == 0) {
        result = make_folder(&toolstack->xen, paths.front, config->guest, config->backend);
    }
    if (result == 0) {
        result = forget_others(&toolstack->xen, paths.front, front, sizeof(front) / sizeof(front[0]));
    }
    if (result == 0) {
        result = write_all(&toolstack->xen, paths.back, back, sizeof(back) / sizeof(back[0]));
    }
    if (result == 0) {
        result = write_all(&toolstack->xen, paths.front, front, sizeof(front) / sizeof(front[0]));
    }
    free(toolstack);
    return result;
}

int xen_toolstack_remove_vif(struct xen_host *host, const struct xen_vif_config *config)
{
    struct domain *toolstack = calloc(1, sizeof(*toolstack));
    struct vif_paths paths = vif_paths(config);
    int front, back;

    if (toolstack == NULL) {
        return -ENOMEM;
    }
    toolstack_handle(host, toolstack);
    front = xen_store_remove(&toolstack->xen, 0, paths.front);
    back = xen_store_remove(&toolstack->xen, 0, paths.back);
    free(toolstack);
    return front < 0 ? front : back;
}
