/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device asleep: what XenVif and XenBus do and expect when the machine goes to S3 or S4 and comes back (XenVif's
 * pdo.c closes the frontend in D3 and connects it in D0; XenBus' fdo.c ends the machine with a bug check if, at S4,
 * somebody still has its STORE or SUSPEND interface acquired). Called at PASSIVE_LEVEL, after the driver above was
 * notified of D3 and before it is notified of D0.
 */
#include "xenvif/state.h"

#define COME_BACK_PATIENCE (10ull * 1000000000ull)

int vif_sleep(struct vif *vif, bool hibernate, void (*away)(void *context), void *context)
{
    RULE(!__atomic_load_n(&vif->subscriber.enabled, __ATOMIC_SEQ_CST), "vif-power",
         "the device goes to D3 with VIF still %s", "enabled");
    if (hibernate) {
        uint32_t store = __atomic_load_n(&vif->store.acquired, __ATOMIC_SEQ_CST),
                 suspend = __atomic_load_n(&vif->suspend.acquired, __ATOMIC_SEQ_CST);

        RULE(store == 0 && suspend == 0, "vif-power",
             "the machine goes to S4 with %u references of STORE and %u of SUSPEND not released", store, suspend);
    }
    if (away != NULL) {
        away(context);
    }
    frontend_cycle(vif);
    return frontend_wait_connected(vif, vif_patience(vif, COME_BACK_PATIENCE)) ? 0 : -1;
}
