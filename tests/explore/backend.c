/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of the other side (explore.h): a backend that is slow, refuses, goes away and comes back. */
#include "explore.h"
#include "netback/state.h"

enum { PATIENCE = 60 };

void backend_serve(struct explorer *explorer)
{
    struct netback *netback = explorer->story->bed.netback;

    for (uint32_t queue = 0; netback != NULL && queue < netback->max_queues; queue++) {
        netback_stall(netback, queue, 0);
        netback_refuse(netback, queue, 0);
    }
}

bool explore_stall(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;

    if (story->bed.netback == NULL || !xenvif_can(story_release(story->plan), NEEDS_RECONNECT)) {
        return false; /* a device that is lost would never come back */
    }
    netback_stall(story->bed.netback, values[0] % story->bed.netback->max_queues, values[1] * 1000000ull);
    explorer->stalled = true;
    return true;
}

bool explore_refuse(struct explorer *explorer, const uint32_t *values)
{
    struct story *story = explorer->story;

    if (story->bed.netback == NULL) {
        return false;
    }
    explorer->lossy_out = true;
    netback_refuse(story->bed.netback, values[0] % story->bed.netback->max_queues, values[1]);
    return true;
}

bool explore_shortage(struct explorer *explorer, const uint32_t *values)
{
    if (!xenvif_can(story_release(explorer->story->plan), NEEDS_STAND_IN) ||
        story_version(explorer->story->plan) == 8) {
        return false; /* a pause offers them until XenVif takes them, which is the end only where there is memory again
                       */
    }
    explorer->lossy_out = true;
    vif_refuse_sends(STORY_STAND_IN(explorer->story), values[0], values[1]);
    return true;
}

bool explore_backend_leaves(struct explorer *explorer, const uint32_t *values)
{
    (void)values;
    if (explorer->story->bed.netback == NULL || !xenvif_can(story_release(explorer->story->plan), NEEDS_RECONNECT)) {
        return false;
    }
    /* What it has sent and not answered goes to the next one. */
    explorer->lossy_out = explorer->lossy_in = explorer->doubled = true;
    backend_leaves(explorer->story);
    return true;
}

bool explore_backend_comes(struct explorer *explorer, const uint32_t *values)
{
    if (explorer->story->bed.netback != NULL) {
        return false;
    }
    backend_comes(explorer->story, 1 + values[0] % explorer->story->queues, 0);
    return true;
}

bool explore_control(struct explorer *explorer, const uint32_t *values)
{
    if (explorer->story->bed.netback == NULL || !xenvif_can(story_release(explorer->story->plan), NEEDS_CONTROL_END)) {
        return false; /* that release waits for an answer for ever */
    }
    explorer->silent = explorer->silent || values[0] != 0;
    netback_silence_control(explorer->story->bed.netback, values[0] != 0);
    return true;
}

bool explore_link(struct explorer *explorer, const uint32_t *values)
{
    if (explorer->story->bed.netback == NULL) {
        return false;
    }
    explorer->lossy_in = explorer->lossy_out = true;
    netback_set_link(explorer->story->bed.netback, values[0] != 0);
    return true;
}

bool explore_mtu(struct explorer *explorer, const uint32_t *values)
{
    if (explorer->story->bed.netback == NULL) {
        return false;
    }
    netback_set_mtu(explorer->story->bed.netback, values[0]);
    return true;
}

uint32_t backend_mtu(const struct explorer *explorer)
{
    return explorer->story->bed.netback->mtu;
}

/* Disable under a connected backend that does not answer: XenVif begins the ring anew, and the device is lost until
 * another backend comes. With nothing of the driver's out the requests are XenVif's own, and the driver cannot know. */
bool backend_lost_its_place(struct explorer *explorer)
{
    struct vif_counters counters;
    bool lost;

    bed_vif_counters(&explorer->story->bed, &counters);
    lost = counters.resets != explorer->resets;
    if (lost && !explorer->stalled) {
        test_fail(__FILE__, __LINE__, "XenVif was disabled with requests out at a backend that answers");
    }
    explorer->resets = counters.resets;
    return lost;
}

static bool link_is_up(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return facts.link_up;
}

void backend_restore_device(struct explorer *explorer)
{
    struct story *story = explorer->story;
    bool lost = false;

    if (backend_lost_its_place(explorer)) {
        explorer->lossy_out = explorer->lossy_in = explorer->doubled = true;
        lost = true;
    }
    if (story->bed.netback != NULL && (lost || backend_serves_no_more(story))) {
        backend_leaves(story);
    }
    if (story->bed.netback == NULL) {
        (void)explore_backend_comes(explorer, &(uint32_t){ story->queues - 1 });
    }
    backend_serve(explorer);
    netback_silence_control(story->bed.netback, false);
    netback_set_link(story->bed.netback, true);
    if (story->bed.vif != NULL) {
        vif_refuse_sends(story->bed.vif, UINT32_MAX, 0);
    }
}

void backend_restore(struct explorer *explorer)
{
    backend_restore_device(explorer);
    CHECK(netback_wait_connected(explorer->story->bed.netback, true, PATIENCE * SECOND));
}

/* XenVif does not run at a host that it migrated to while the control ring was silent. The driver sees that within a
 * few looks of its watchdog, and enables XenVif anew. */
void backend_wait_link(struct explorer *explorer)
{
    enum { NOTICED = 10 };

    if (explorer->silent) {
        sched_sleep(NOTICED * SECOND);
    }
    CHECK(story_until(explorer->story, link_is_up, PATIENCE));
}
