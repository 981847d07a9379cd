/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of life.h, each as NDIS takes it on a running system: PASSIVE_LEVEL, in the main task. */
#include "program/life.h"

#include "abi.h"
#include "ndis/object.h"

enum { BUFFER_BYTES = 4096 };

static bool ask_everything(struct life *life, struct adapter *adapter)
{
    static uint8_t buffer[BUFFER_BYTES];
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(adapter, &oids), written, needed;

    for (uint32_t i = 0; i < count; i++) {
        int32_t status = adapter_query(adapter, oids[i], buffer, sizeof(buffer), &written, &needed);

        life->asked++;
        life->answered += status == NDIS_STATUS_SUCCESS;
    }
    return true;
}

static bool pause_and_restart(struct life *life, struct adapter *adapter)
{
    life->pauses++;
    return adapter_pause(adapter) == NDIS_STATUS_SUCCESS && adapter_restart(adapter) == NDIS_STATUS_SUCCESS;
}

static bool sleep_in(struct life *life, struct adapter *adapter, uint32_t state)
{
    life->sleeps++;
    return adapter_set_power(adapter, state) == NDIS_STATUS_SUCCESS &&
           adapter_set_power(adapter, NdisDeviceStateD0) == NDIS_STATUS_SUCCESS;
}

static bool sleep_in_d3(struct life *life, struct adapter *adapter)
{
    return sleep_in(life, adapter, NdisDeviceStateD3);
}

static bool reset(struct life *life, struct adapter *adapter)
{
    int32_t status = adapter_reset(adapter);

    if (status == (int32_t)NDIS_STATUS_NOT_SUPPORTED) {
        return true; /* as drivers are to be since 6.83 */
    }
    life->resets++;
    return status == NDIS_STATUS_SUCCESS;
}

/* Of sends that carry no such identity: nothing may happen. */
static bool cancel(struct life *life, struct adapter *adapter)
{
    adapter_cancel_sends(adapter, life);
    return true;
}

bool life_step(struct life *life, struct adapter *adapter)
{
    static const struct {
        const char *name;
        bool (*run)(struct life *, struct adapter *);
    } steps[] = { { "answer", ask_everything },
                  { "come back from a pause", pause_and_restart },
                  { "cancel", cancel },
                  { "come back from D3", sleep_in_d3 },
                  { "come back from a reset", reset } };
    enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

    if (!steps[life->step].run(life, adapter)) {
        life->unable = steps[life->step].name;
        return false;
    }
    life->step = (life->step + 1) % STEPS;
    life->rounds += life->step == 0;
    return true;
}
