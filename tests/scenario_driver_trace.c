/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's trace events, read from what they say about themselves: each that a life brings is there, whole, with its fields.
 */
#include "story.h"

#include "ndis/raw.h"
#include "nt/etw.h"

enum { EVENTS_MOST = 256, LINE = 512 };

struct lines {
    uint32_t count, broken;
    char text[EVENTS_MOST][LINE];
};

static void keep(void *context, const struct etw_event *event)
{
    struct lines *lines = context;

    if (lines->count < EVENTS_MOST) {
        lines->broken += !etw_describe(event, lines->text[lines->count++], LINE);
    }
}

static bool has(const struct lines *lines, const char *wanted)
{
    uint32_t i;

    for (i = 0; i < lines->count; i++) {
        if (strstr(lines->text[i], wanted) != NULL) {
            return true;
        }
    }
    return false;
}

static void want(const struct lines *lines, const char *wanted)
{
    uint32_t i;

    if (!has(lines, wanted)) {
        for (i = 0; i < lines->count; i++) {
            fprintf(stderr, "# %s\n", lines->text[i]);
        }
        test_fail(__FILE__, __LINE__, "no event says \"%s\"", wanted);
    }
}

static void live(struct story *story)
{
    static struct lines lines;
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    uint8_t byte = 0;
    uint32_t vlan = 5, needed, word = 0;

    /* Refused: shorter than an Ethernet header. */
    raw_add(raw, nbl, &byte, 1, 0, NULL, 0);
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, 1000000000));
    raw_close(raw);
    CHECK_EQ(adapter_set(story->bed.adapter, OID_GEN_VLAN_ID, &vlan, sizeof(vlan), &needed), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);

    netback_set_link(story->bed.netback, false);
    (void)sched_wait(&word, 0, sched_now() + 100000000);
    netback_set_link(story->bed.netback, true);
    (void)sched_wait(&word, 0, sched_now() + 100000000);

    memset(&lines, 0, sizeof(lines));
    etw_each(keep, &lines);
    CHECK_EQ(lines.broken, 0);
    want(&lines, "XenNet Start Adapter=2 Vif=10 Queues=2 FrameSize=1514");
    want(&lines, "XenNet State Adapter=2 From=3 To=4");
    want(&lines, "XenNet State Adapter=2 From=4 To=5");
    want(&lines, "XenNet Link Adapter=2 Connect=2");
    want(&lines, "XenNet Link Adapter=2 Connect=1");
    want(&lines, "XenNet Offload Adapter=2 On=0x");
    want(&lines, "XenNet Rss Adapter=2 Hash=1 Scale=1 Types=0x1700 Entries=128");
    want(&lines, "XenNet Power Adapter=2 From=1 To=4");
    want(&lines, "XenNet PacketFilter Adapter=2 Types=0x");
    want(&lines, "XenNet Vlan Adapter=2 Id=5");
    want(&lines, "XenNet SendDrop Adapter=2 Reason=2 Packets=1");
}

TEST(trace_events_tell_the_life_of_an_adapter)
{
    struct story_plan plan = { .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = 2, .tell = live };

    etw_enable(true, 0, 0);
    story_run(&plan);
    etw_enable(false, 0, 0);
}
