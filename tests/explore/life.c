/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on the adapter's life (explore.h). Each ends within the time that an administrator would wait. */
#include "explore.h"
#include "nt/export/version.h"
#include "nt/processor/topology.h"

enum { MAX_WAIT = 30 };

/* With VIF 8 the driver waits for a backend that is there as long as it takes, because XenVif 8.2 would: nothing that
 * disables happens while one does not answer. Its control ring is not among what may be silent: 8.2 has none. */
static void be_answered(struct explorer *explorer)
{
    struct netback *netback = explorer->story->bed.netback;

    if (story_version(explorer->story->plan) == 8) {
        backend_serve(explorer);
        if (netback != NULL) {
            netback_silence_control(netback, false);
        }
    }
    explorer->lossy_in = explorer->lossy_out = true;
}

static uint64_t begun;

static void begin(struct explorer *explorer)
{
    be_answered(explorer);
    begun = sched_now();
}

static void end(struct explorer *explorer)
{
    if (sched_now() - begun > MAX_WAIT * SECOND) {
        test_fail(__FILE__, __LINE__, "%s took %u s", explorer->operation, (unsigned)((sched_now() - begun) / SECOND));
    }
}

bool explore_pause(struct explorer *explorer, const uint32_t *values)
{
    begin(explorer);
    CHECK_EQ(adapter_pause(explorer->story->bed.adapter), SUCCESS);
    sched_sleep(values[0] * 1000000ull);
    CHECK_EQ(adapter_restart(explorer->story->bed.adapter), SUCCESS);
    end(explorer);
    return true;
}

bool explore_power(struct explorer *explorer, const uint32_t *values)
{
    begin(explorer);
    CHECK_EQ(adapter_set_power(explorer->story->bed.adapter, NdisDeviceStateD1 + values[0]), SUCCESS);
    sched_sleep(values[1] * 1000000ull);
    CHECK_EQ(adapter_set_power(explorer->story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    end(explorer);
    return true;
}

/* S3 and S4. */
bool explore_sleep(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;

    if (story->bed.netback == NULL) {
        return false;
    }
    backend_restore(explorer);
    begin(explorer);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    CHECK_EQ(bed_sleep(&story->bed, values[0] != 0, NULL, NULL), 0);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    end(explorer);
    return true;
}

/* XenVif's own: what waits in the list of a queue that the other host does not have comes back never. */
static void be_empty(struct explorer *explorer, uint32_t queues)
{
    struct vif_counters counters;

    bed_vif_counters(&explorer->story->bed, &counters);
    if (explorer->story->bed.bus != NULL && queues < counters.queues) {
        (void)explore_hold(explorer, &(uint32_t){ 0 });
        traffic_join(explorer);
        CHECK(story_until(explorer->story, sends_are_back, MAX_WAIT));
    }
}

/* To a host with other queues and features. */
bool explore_migrate(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;
    uint32_t without = story->plan->backend_without;

    if (story->bed.netback == NULL) {
        return false;
    }
    if (values[1] < NETBACK_FEATURE_COUNT && values[1] != NETBACK_BIT_CTRL_RING) {
        without |= xenvif_stands(story_release(story->plan), 1u << values[1]);
    }
    be_empty(explorer, 1 + values[0] % story->queues);
    begin(explorer);
    netback_offer(story->bed.netback, 1 + values[0] % story->queues, without);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    end(explorer);
    return true;
}

static void close_all(struct explorer *explorer)
{
    CHECK(raw_wait(explorer->watch->raw, MAX_WAIT * SECOND));
    watch_close(explorer->watch);
    explorer->watch = NULL;
    presence_close(explorer->story);
    explorer->holding = false;
}

/* Sends that wait for XenVif to be enabled anew come back only once nobody holds what it handed up. */
static void be_idle(struct explorer *explorer)
{
    backend_restore(explorer);
    (void)explore_hold(explorer, &(uint32_t){ 0 });
    traffic_join(explorer);
}

static void open_all(struct explorer *explorer)
{
    presence_open(explorer->story);
    explorer->watch = watch_open(explorer->story);
}

static void add(struct story *story)
{
    char error[512];

    story->bed.adapter = adapter_add(story->bed.driver, bed_pdo(&story->bed), story->bed.package, error, sizeof(error));
    if (story->bed.adapter == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not start: %s", error);
    }
}

/* Disabled and enabled in Device Manager; or the machine shuts down and starts. */
bool explore_exchange(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;

    be_idle(explorer);
    begin(explorer);
    close_all(explorer);
    if (values[0] != 0) {
        adapter_shutdown(story->bed.adapter);
    }
    adapter_remove(story->bed.adapter);
    end(explorer);
    add(story);
    open_all(explorer);
    return true;
}

/* The device is gone from one moment to the next, whatever the backend was doing. */
bool explore_surprise(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;

    (void)values;
    begin(explorer);
    adapter_surprise_remove(story->bed.adapter);
    CHECK(raw_wait(explorer->watch->raw, MAX_WAIT * SECOND));
    end(explorer);
    backend_restore_device(explorer);
    traffic_join(explorer);
    close_all(explorer);
    adapter_remove(story->bed.adapter);
    add(story);
    open_all(explorer);
    return true;
}

bool explore_rebalance(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;

    (void)values;
    be_idle(explorer);
    begin(explorer);
    close_all(explorer);
    adapter_stop(story->bed.adapter);
    CHECK_EQ(adapter_start(story->bed.adapter), SUCCESS);
    open_all(explorer);
    end(explorer);
    return true;
}

bool explore_reset(struct explorer *explorer, const uint32_t *values)
{
    enum { NO_RESETS_SINCE = 83 };
    int32_t status;

    (void)values;
    if (windows_simulated()->ndis_minor >= NO_RESETS_SINCE) {
        return false;
    }
    (void)explore_hold(explorer, &(uint32_t){ 0 }); /* a reset waits for a protocol that holds packets */
    begin(explorer);
    (void)adapter_check_for_hang(explorer->story->bed.adapter);
    status = adapter_reset(explorer->story->bed.adapter);
    observe("status", "%#x", (uint32_t)status);
    CHECK(status == SUCCESS || IS(status, NDIS_STATUS_SOFT_ERRORS)); /* the latter: no backend to go on with yet */
    end(explorer);
    return true;
}

/* Microsoft, "Changes to the Number of Processors": one may be added at any time. */
bool explore_processor(struct explorer *explorer, const uint32_t *values)
{
    const uint32_t count = processor_count();

    (void)explorer;
    (void)values;
    if (count == processor_maximum()) {
        return false;
    }
    CHECK_EQ(processor_add(0, (uint8_t)count), count);
    return true;
}
