/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XenVif's own line among those of the guest's drivers in xenstore, drivers/N, in the first free place: it is there
 * before a driver above XenVif starts, and written anew before the late callbacks of a migration. One for all virtual
 * interfaces. At PASSIVE_LEVEL.
 */
#include <stdio.h>
#include <stdlib.h>

#include "xenvif/state.h"

enum { INDEX_MAX = 31, PATH_BYTES = 24 };

static const char ours[] = "XenProject XENVIF 9.1.0.100 ";

/* The first place with this text; NULL: the first without any. False: there is none. */
static bool find(struct vif *vif, const char *text, char path[PATH_BYTES])
{
    for (uint32_t i = 0; i <= INDEX_MAX; i++) {
        char *line = NULL;
        bool there, found;

        snprintf(path, PATH_BYTES, "drivers/%u", i);
        there = xen_store_read(vif->xen, 0, path, &line) == 0;
        found = there ? text != NULL && strcmp(line, text) == 0 : text == NULL;
        free(line);
        if (found) {
            return true;
        }
    }
    return false;
}

void distribution_remove(struct vif *vif)
{
    char path[PATH_BYTES];

    if (find(vif, ours, path)) {
        (void)xen_store_remove(vif->xen, 0, path);
    }
}

void distribution_write(struct vif *vif)
{
    char path[PATH_BYTES];

    distribution_remove(vif);
    if (find(vif, NULL, path)) {
        (void)xen_store_printf(vif->xen, 0, path, "%s", ours);
    }
}
