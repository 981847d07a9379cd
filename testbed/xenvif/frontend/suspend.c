/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A suspend and resume as a migration brings them: the subscriber's early callbacks, the frontend torn down and
 * connected again, the late callbacks. Called at PASSIVE_LEVEL.
 */
#include <stdio.h>

#include "nt/processor/dpc.h"
#include "xenvif/state.h"

#define COME_BACK_PATIENCE (10ull * 1000000000ull)
#define RESUME_PATIENCE    (500ull * 1000000000ull) /* an emulated machine */

bool vif_migrate_begin(struct vif *vif)
{
    xenbus_suspend_early(&vif->suspend);
    vif->frontend.migrating = true;
    frontend_look_again(vif);
    frontend_cycle(vif);
    if (!frontend_wait_connected(vif, COME_BACK_PATIENCE)) {
        return false;
    }
    distribution_write(vif);
    return true;
}

void vif_migrate_end(struct vif *vif)
{
    xenbus_suspend_late(&vif->suspend);
    dpc_flush_all(); /* XenBus suspends with every processor captured: no send spans it */
    frontend_migrated(vif);
}

int vif_suspend_resume(struct vif *vif)
{
    if (!vif_migrate_begin(vif)) {
        xenbus_suspend_late(&vif->suspend);
        frontend_not_migrated(vif);
        return -1;
    }
    vif_migrate_end(vif);
    return 0;
}

void vif_suspend(struct vif *vif)
{
    frontend_stop(vif);
}

bool vif_resume(struct vif *vif, char *error, size_t size)
{
    xenbus_suspend_early(&vif->suspend);
    vif->frontend.migrating = true;
    if (frontend_restart(vif) < 0) {
        snprintf(error, size, "the resumed domain's network device is not in xenstore");
        return false;
    }
    if (!frontend_wait_connected(vif, RESUME_PATIENCE)) {
        snprintf(error, size, "the virtual interface did not connect again after the resume");
        return false;
    }
    distribution_write(vif);
    xenbus_suspend_late(&vif->suspend);
    frontend_migrated(vif);
    return true;
}
