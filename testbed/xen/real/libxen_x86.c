/* SPDX-License-Identifier: BSD-2-Clause */
/* Debian has no Xen libraries of 32 bits for a machine of 64: the x86 testbed has the embedded Xen only. */
#include <stdio.h>

#include "xen/real/libxen.h"

struct xen *libxen_open(const struct libxen_options *options, char *error, size_t size)
{
    (void)options;
    snprintf(error, size, "the x86 testbed cannot run on a real Xen: run the x64 driver there");
    return NULL;
}

/* Never called: nothing was opened. */
void libxen_close(struct xen *xen)
{
    (void)xen;
}
