/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's own counters: one for each reason to drop a packet and one pair for each queue, by OIDs and by the GUIDs
 * that WMI gets. On the simulated scheduler.
 */
#include "story.h"

#include "../include/counters.h"
#include "ndis/protocol/raw.h"

#include <errno.h>

#define INDEX(name, side, member) INDEX_##name,
enum { XENNET_COUNTERS(INDEX) INDEX_COUNT };
enum { MILLISECOND = 1000000, QUEUES = 2, FRAMES = 64, GUID_BYTES = 28 };

static void read_counters(struct story *story, uint64_t *counters)
{
    uint32_t written, needed;

    CHECK_EQ(adapter_query(story->bed.adapter, XENNET_OID_COUNTERS, counters, INDEX_COUNT * 8, &written, &needed),
             NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, INDEX_COUNT * 8);
}

static void send(struct story *story, struct raw *raw, uint32_t length, uint32_t lso_mss)
{
    static const uint8_t bytes[4000];
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info;

    (void)story;
    memset(&info, 0, sizeof(info));
    info.LsoV2Transmit.MSS = lso_mss;
    info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    info.LsoV2Transmit.TcpHeaderOffset = 34;
    raw_add(raw, nbl, bytes, length, 0, NULL, 0);
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = lso_mss != 0 ? info.Value : NULL;
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, 1000 * (uint64_t)MILLISECOND));
}

static void count(struct story *story)
{
    static const uint8_t guest[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 };
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    uint64_t before[INDEX_COUNT], after[INDEX_COUNT], queues[1 + 2 * QUEUES];
    uint32_t vlan = 9, none = 0, word = 0, written, needed, i;
    uint8_t bytes[60] = { 0 }, guids[4 * GUID_BYTES];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = sizeof(bytes) };

    read_counters(story, before);
    send(story, raw, 10, 0);
    send(story, raw, 3000, 0);
    send(story, raw, 3000, 0xfffff);
    memcpy(bytes, guest, 6);
    CHECK_EQ(adapter_set(story->bed.adapter, OID_GEN_VLAN_ID, &vlan, sizeof(vlan), &needed), NDIS_STATUS_SUCCESS);
    CHECK(memory_port_inject(story->wire, 0, &frame) != -EAGAIN);
    sched_sleep(50 * MILLISECOND);
    CHECK_EQ(adapter_set(story->bed.adapter, OID_GEN_VLAN_ID, &none, sizeof(none), &needed), NDIS_STATUS_SUCCESS);
    raw_close(raw);
    story_inject(story, 0, FRAMES);
    story_wait_received(story, FRAMES);

    read_counters(story, after);
    for (i = 0; i < INDEX_COUNT; i++) {
        after[i] -= before[i];
    }
    CHECK_EQ(after[INDEX_SendDropLength], 2);
    CHECK_EQ(after[INDEX_SendDropOffload], 1);
    CHECK_EQ(after[INDEX_ReceiveDropVlan], 1);
    CHECK_EQ(after[INDEX_ReceivePackets], FRAMES);
    CHECK_EQ(after[INDEX_SendDropState] + after[INDEX_SendDropQueue] + after[INDEX_ReceiveDropLength], 0);

    CHECK_EQ(adapter_query(story->bed.adapter, XENNET_OID_QUEUES, queues, sizeof(queues), &written, &needed),
             NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, sizeof(queues));
    CHECK_EQ(queues[0], 2 * QUEUES); /* a count of 32 bits, and nothing in the other half */
    CHECK_EQ(queues[1] + queues[3], FRAMES);
    CHECK_EQ(queues[2] + queues[4], FRAMES * STORY_FRAME_BYTES);

    CHECK_EQ(adapter_query(story->bed.adapter, OID_GEN_SUPPORTED_GUIDS, guids, sizeof(guids), &written, &needed),
             NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, 2 * GUID_BYTES);
    memcpy(&word, guids + 16, sizeof(word));
    CHECK_EQ(word, XENNET_OID_COUNTERS);
    memcpy(&word, guids + 20, sizeof(word));
    CHECK_EQ(word, INDEX_COUNT * 8);
    memcpy(&word, guids + GUID_BYTES + 20, sizeof(word));
    CHECK_EQ(word, UINT32_MAX); /* of any size */
}

TEST(each_reason_to_drop_has_a_counter_and_each_queue_a_pair)
{
    struct story_plan plan = { .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = QUEUES, .body = count };

    story_run(&plan);
}
