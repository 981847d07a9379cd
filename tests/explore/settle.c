/* SPDX-License-Identifier: BSD-2-Clause */
/* The check behind every list (explore.h): calm, and then every frame accounted for. */
#include "explore.h"
#include "ndis/adapter/adapter.h"

enum { CALM_FRAMES = 16, MAX_WAIT = 60 };

/* Frames that wait in queues of the port that nobody serves any more would come in another page. */
static void turn_page(struct story *story)
{
    memory_port_forget(story->wire);
    memset(&story->out, 0, sizeof(story->out));
    memset(&story->in, 0, sizeof(story->in));
}

bool sends_are_back(struct story *story)
{
    return adapter_outstanding_sends(story->bed.adapter) == 0;
}

/* What was on its way since the last settle: each frame once at most, undamaged; and exactly once where nothing
 * happened that may cost frames. */
static void account(struct explorer *explorer)
{
    struct story *story = explorer->story;

    CHECK(story_until(story, sends_are_back, MAX_WAIT));
    story_collect(story, UINT32_MAX); /* until nothing has come for a second */
    story_wait_received(story, UINT32_MAX);
    story_check_from(story, explorer->lossy_out ? story->out.sent : 0, explorer->lossy_in ? story->in.sent : 0);
    if (!explorer->doubled) { /* such a backend sends what it finds, once more */
        story_check(&story->out, story->out.sent);
    }
    story_check(&story->in, story->in.sent);
}

static struct NDIS_STATISTICS_INFO statistics(struct story *story)
{
    struct NDIS_STATISTICS_INFO info;

    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &info, sizeof(info)), SUCCESS);
    return info;
}

/* Frames while nothing happens: all of them arrive, and the statistics have counted them. */
static void calm(struct explorer *explorer)
{
    struct story *story = explorer->story;
    struct NDIS_STATISTICS_INFO before, after;
    struct vif_counters counters;
    uint32_t frames;

    turn_page(story);
    bed_vif_counters(&story->bed, &counters);
    frames = CALM_FRAMES * counters.queues;
    before = statistics(story);
    for (uint32_t queue = 0; queue < counters.queues; queue++) {
        story_send(story, queue, CALM_FRAMES, 1 + queue);
        story_inject(story, queue, CALM_FRAMES);
    }
    story_check_from(story, 0, 0);
    CHECK(story_until(story, sends_are_back, MAX_WAIT)); /* what is not is not counted yet */
    after = statistics(story);
    CHECK_EQ(after.ifHCOutUcastPkts - before.ifHCOutUcastPkts, frames);
    CHECK_EQ(after.ifHCInUcastPkts - before.ifHCInUcastPkts, frames);
    CHECK_EQ(after.ifOutErrors, before.ifOutErrors);
    CHECK_EQ(after.ifInErrors, before.ifInErrors);
    explorer->settled += 2ull * frames;
}

bool explore_settle(struct explorer *explorer, const uint32_t *values)
{
    (void)values;
    backend_restore(explorer);
    if (explorer->holding) {
        explorer->holding = false;
        edge_hold_received(explorer->story->bed.edge, false);
    }
    backend_wait_link(explorer); /* for which received packets must be back where XenVif has to be enabled anew */
    settings_restore(explorer);
    traffic_join(explorer);
    CHECK(raw_wait(explorer->watch->raw, MAX_WAIT * SECOND));
    raw_free_all(explorer->watch->raw);
    watch_forget(explorer->watch);
    account(explorer);
    calm(explorer);
    probe_all(explorer);
    observe_adapter(explorer);
    turn_page(explorer->story);
    explorer->lossy_in = explorer->lossy_out = explorer->stalled = explorer->doubled = explorer->silent = false;
    return true;
}
