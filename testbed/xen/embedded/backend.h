/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded hypervisor: makes domains, and gives a backend domain what only the embedded provider can give: mapping
 * and copying other domains' granted pages. The backend sees guest memory through a mapping of its own, in which a page
 * is accessible only while a grant covers it (strict: protected again at the end of the grant; otherwise checked
 * against the grant table at each map, protection follows lazily).
 */
#ifndef TESTBED_XEN_EMBEDDED_BACKEND_H
#define TESTBED_XEN_EMBEDDED_BACKEND_H

#include "xen/xen.h"

struct xen_host;

struct xen_host_options {
    size_t guest_pages;  /* memory for grants, for all guests together */
    uint32_t max_grants; /* per domain, e.g. 32768 */
    bool strict;         /* page protection at each grant and ungrant */
};

struct xen_host *xen_host_create(const struct xen_host_options *options);
void xen_host_destroy(struct xen_host *host);
struct xen *xen_domain_create(struct xen_host *host, uint16_t domid); /* makes /local/domain/<domid> */
void xen_domain_destroy(struct xen *xen);

/* The backend's address of the page behind (domain, reference). -EACCES: not granted to us; -EPERM: read-only grant,
 * write wanted; -ENOENT: no such reference. Counted; a page cannot be un-granted while mapped. Usable from any task,
 * does not allocate. */
int xen_map(struct xen *backend, uint16_t domid, uint32_t reference, bool write, void **page);
void xen_unmap(struct xen *backend, uint16_t domid, uint32_t reference);

/* What the toolstack writes for a new virtual interface, both directories in state Initialising. */
struct xen_vif_config {
    uint16_t guest, backend;
    uint32_t handle;
    uint8_t mac[6];
    const char *vif_name; /* "vif1.0" */
};
int xen_toolstack_add_vif(struct xen_host *host, const struct xen_vif_config *config);
int xen_toolstack_remove_vif(struct xen_host *host, const struct xen_vif_config *config);

#endif
