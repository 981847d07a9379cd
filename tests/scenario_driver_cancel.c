/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may be taken back, and what cannot be moderated: sends cancelled by their identifier complete exactly once, whether XenVif
 * has them or not; a cancelled OID request has completed by the time it is cancelled; interrupt moderation is told as not there.
 */
#include "story_watch.h"

#define SUCCESS NDIS_STATUS_SUCCESS
#define SECOND 1000000000ull

enum { SENDS = 40, BYTES = 100 };

static void send_marked(struct watch *watch, uint32_t number, void *mark)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[BYTES];

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, number);
    raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    nbl->NetBufferListInfo[NetBufferListCancelId] = mark;
    raw_send(watch->raw, nbl, 0, false);
}

struct canceller { struct story *story; void *mark; };

static void cancel_some(void *argument)
{
    struct canceller *canceller = argument;
    uint32_t i;

    for (i = 0; i < SENDS; i++) {
        adapter_cancel_sends(canceller->story->bed.adapter, canceller->mark);
        story_rest();
    }
}

static void ask_some(void *argument)
{
    struct story *story = argument;
    uint32_t i;

    for (i = 0; i < SENDS; i++) {
        CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), 1500);
        sched_point("asked");
    }
}

static void cancel(struct story *story)
{
    static uint8_t bytes[2048];
    struct watch *watch = watch_open(story);
    struct canceller canceller = { story, (void *)0x1234 };
    struct task *task = task_spawn("canceller", 0, cancel_some, &canceller);
    uint32_t i, came = 0;

    /* Beside traffic: what was sent is completed once (the testbed's NDIS breaks off otherwise), and cancelling loses none that the
     * backend had already. */
    for (i = 0; i < SENDS; i++) {
        send_marked(watch, i, i % 2 == 0 ? canceller.mark : NULL);
        if (i % 8 == 0) {
            story_rest();
        }
    }
    task_join(task);
    CHECK(raw_wait(watch->raw, 20 * SECOND));
    CHECK_EQ(raw_completed(watch->raw), SENDS);
    raw_free_all(watch->raw);
    while (wire_collect(story, bytes, sizeof(bytes), &(struct frame_offload){ 0 }) != 0) {
        came++;
    }
    CHECK_EQ(came, SENDS);

    /* Without a backend: XenVif has them, and they come back within the watchdog's time, cancelled or not. */
    netback_destroy(story->bed.netback);
    story->bed.netback = NULL;
    for (i = 0; i < SENDS; i++) {
        send_marked(watch, i, canceller.mark);
    }
    adapter_cancel_sends(story->bed.adapter, canceller.mark);
    CHECK(raw_wait(watch->raw, 20 * SECOND));
    CHECK_EQ(raw_completed(watch->raw), 2 * SENDS);

    /* OID requests complete before their call returns, so that what is cancelled is done. */
    task = task_spawn("asker", 0, ask_some, story);
    for (i = 0; i < SENDS; i++) {
        adapter_cancel_oid(story->bed.adapter);
        sched_point("cancelled");
    }
    task_join(task);
    watch_close(watch);
    {
        struct netback_options options = { .vif = story->bed.vif_config, .queues = story->queues, .mtu = 1500, .speed_mbps = 10000 };

        story->bed.netback = netback_create(story->bed.dom0, story->wire, &options);
    }
    story_count("%u sends cancelled beside traffic and without a backend, each completed once; %u OID requests", SENDS + SENDS / 2, SENDS);
}

TEST(what_is_cancelled_completes_exactly_once)
{
    uint32_t version, seed;

    for (version = 8; version <= 10; version++) {
        for (seed = 0; seed < 5; seed++) {
            story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed() + seed, .vif_version = version, .edge_buffers = 16, .quiet = seed != 0, .tell = cancel });
        }
    }
}

static void moderate(struct story *story)
{
    struct NDIS_INTERRUPT_MODERATION_PARAMETERS record;
    uint32_t value;

    memset(&record, 0xcc, sizeof(record));
    CHECK(oid_listed(story, OID_GEN_INTERRUPT_MODERATION));
    CHECK_EQ(oid_get(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record)), SUCCESS);
    CHECK_EQ(oid_written, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    CHECK_EQ(record.Header.Type, NDIS_OBJECT_TYPE_DEFAULT);
    CHECK_EQ(record.Header.Revision, NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    CHECK_EQ(record.Header.Size, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    CHECK_EQ(record.Flags, 0);
    CHECK_EQ(record.InterruptModeration, NdisInterruptModerationNotSupported);
    CHECK_EQ(oid_get(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record) - 1), (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT);
    CHECK_EQ(oid_needed, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    for (value = NdisInterruptModerationEnabled; value <= NdisInterruptModerationDisabled; value++) {
        record.InterruptModeration = value;
        CHECK_EQ(oid_put(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record)), (int32_t)NDIS_STATUS_INVALID_DATA);
    }
    CHECK_EQ(oid_put(story, OID_GEN_INTERRUPT_MODERATION, &record, 4), (int32_t)NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(oid_get(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record)), SUCCESS);
    CHECK_EQ(record.InterruptModeration, NdisInterruptModerationNotSupported);
}

TEST(interrupt_moderation_is_told_as_not_supported_and_cannot_be_set)
{
    story_everywhere(&(struct story_plan){ .tell = moderate }, 2);
}
