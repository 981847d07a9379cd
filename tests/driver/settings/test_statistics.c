/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics agree with what was really sent and received, to the packet and to the octet, whichever way they are read,
 * and with what the provider counted.
 */
#include "nt/export/fail.h"
#include "nt/memory/mdl.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

enum { SECOND = 1000000000 };

struct traffic {
    uint32_t frames, bytes;
};

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
                     group[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };

static void send_class(struct watch *watch, const uint8_t to[6], struct traffic traffic)
{
    uint8_t bytes[1514];
    uint32_t i;

    for (i = 0; i < traffic.frames; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        frame_plain(bytes, traffic.bytes, to, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, traffic.bytes, 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, 1000000000));
        CHECK_EQ(nbl->Status, SUCCESS);
        CHECK_EQ(wire_collect(watch->story, bytes, sizeof(bytes), NULL), traffic.bytes);
    }
    raw_free_all(watch->raw);
}

static void receive_class(struct watch *watch, const uint8_t to[6], struct traffic traffic)
{
    uint8_t bytes[1514];
    uint32_t i;

    watch_forget(watch);
    for (i = 0; i < traffic.frames; i++) {
        frame_plain(bytes, traffic.bytes, to, story_peer_mac, i);
        wire_inject(watch->story, 0, bytes, traffic.bytes, NULL);
    }
    CHECK(watch_wait(watch, traffic.frames));
}

static void exact(struct story *story)
{
    static const struct traffic directed = { 21, 1514 }, multicast = { 8, 200 }, broadcasts = { 5, 60 };
    struct watch *watch = watch_open(story);
    struct NDIS_STATISTICS_INFO before, after;
    uint64_t xmit = oid_get64(story, OID_GEN_XMIT_OK), rcv = oid_get64(story, OID_GEN_RCV_OK);

    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &before, sizeof(before)), SUCCESS);
    CHECK_EQ(oid_written, sizeof(before));
    send_class(watch, story_peer_mac, directed);
    send_class(watch, group, multicast);
    send_class(watch, broadcast, broadcasts);
    receive_class(watch, story_guest_mac, directed);
    receive_class(watch, group, multicast);
    receive_class(watch, broadcast, broadcasts);
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &after, sizeof(after)), SUCCESS);

#define GREW(field, by) CHECK_EQ(after.field - before.field, by)
    GREW(ifHCOutUcastPkts, directed.frames);
    GREW(ifHCOutMulticastPkts, multicast.frames);
    GREW(ifHCOutBroadcastPkts, broadcasts.frames);
    GREW(ifHCOutUcastOctets, directed.frames * directed.bytes);
    GREW(ifHCOutMulticastOctets, multicast.frames * multicast.bytes);
    GREW(ifHCOutBroadcastOctets, broadcasts.frames * broadcasts.bytes);
    GREW(ifHCOutOctets,
         directed.frames * directed.bytes + multicast.frames * multicast.bytes + broadcasts.frames * broadcasts.bytes);
    GREW(ifHCInUcastPkts, directed.frames);
    GREW(ifHCInMulticastPkts, multicast.frames);
    GREW(ifHCInBroadcastPkts, broadcasts.frames);
    GREW(ifHCInUcastOctets, directed.frames * directed.bytes);
    GREW(ifHCInMulticastOctets, multicast.frames * multicast.bytes);
    GREW(ifHCInBroadcastOctets, broadcasts.frames * broadcasts.bytes);
    GREW(ifHCInOctets,
         directed.frames * directed.bytes + multicast.frames * multicast.bytes + broadcasts.frames * broadcasts.bytes);
    GREW(ifInErrors, 0);
    GREW(ifOutErrors, 0);
    GREW(ifInDiscards, 0);
    GREW(ifOutDiscards, 0);
    /* The single OIDs say the same. */
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_OK) - xmit, directed.frames + multicast.frames + broadcasts.frames);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_OK) - rcv, directed.frames + multicast.frames + broadcasts.frames);
    CHECK_EQ(oid_get64(story, OID_GEN_DIRECTED_FRAMES_XMIT), after.ifHCOutUcastPkts);
    CHECK_EQ(oid_get64(story, OID_GEN_MULTICAST_FRAMES_XMIT), after.ifHCOutMulticastPkts);
    CHECK_EQ(oid_get64(story, OID_GEN_BROADCAST_FRAMES_XMIT), after.ifHCOutBroadcastPkts);
    CHECK_EQ(oid_get64(story, OID_GEN_DIRECTED_BYTES_XMIT), after.ifHCOutUcastOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_MULTICAST_BYTES_XMIT), after.ifHCOutMulticastOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_BROADCAST_BYTES_XMIT), after.ifHCOutBroadcastOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_DIRECTED_FRAMES_RCV), after.ifHCInUcastPkts);
    CHECK_EQ(oid_get64(story, OID_GEN_MULTICAST_FRAMES_RCV), after.ifHCInMulticastPkts);
    CHECK_EQ(oid_get64(story, OID_GEN_BROADCAST_FRAMES_RCV), after.ifHCInBroadcastPkts);
    CHECK_EQ(oid_get64(story, OID_GEN_DIRECTED_BYTES_RCV), after.ifHCInUcastOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_MULTICAST_BYTES_RCV), after.ifHCInMulticastOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_BROADCAST_BYTES_RCV), after.ifHCInBroadcastOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_BYTES_XMIT), after.ifHCOutOctets);
    CHECK_EQ(oid_get64(story, OID_GEN_BYTES_RCV), after.ifHCInOctets);
    story_count("%u frames each way, %llu and %llu octets, all in the statistics",
                directed.frames + multicast.frames + broadcasts.frames,
                (unsigned long long)(after.ifHCOutOctets - before.ifHCOutOctets),
                (unsigned long long)(after.ifHCInOctets - before.ifHCInOctets));
    watch_close(watch);
}

/* 1c_OidsDeviceIoControl, 2c_OidsNdisRequest, Stats */
TEST(statistics_agree_with_what_was_really_sent_and_received)
{
    story_everywhere(&(struct story_plan){ .body = exact }, 2);
    story_everywhere(&(struct story_plan){ .queues = 2, .quiet = true, .body = exact }, 2);
}

static bool forty_sent(struct story *story)
{
    return oid_get64(story, OID_GEN_XMIT_OK) == 40; /* counted when the backend has answered */
}

static void survive_reconnects(struct story *story)
{
    uint64_t before;

    story_send(story, 0, 40, 4);
    story_collect(story, 40);
    CHECK(story_until(story, forty_sent, 2));
    before = oid_get64(story, OID_GEN_XMIT_OK);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 5000000000ull));
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_OK), before);
    CHECK_EQ(adapter_pause(story->bed.adapter), 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), 0);
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_OK), before);
    story_send(story, 0, 10, 4);
    story_collect(story, 50);
    story_check(&story->out, 0);
    CHECK(oid_get64(story, OID_GEN_XMIT_OK) >= before);
    story_count("counters kept over a migration and a pause");
}

TEST(statistics_survive_migration_and_pause)
{
    story_everywhere(&(struct story_plan){ .body = survive_reconnects }, 4);
}

/* As the real XenVif counts: a frame that the filter holds back is among its dropped ones, and so is one that failed.
 */
static void filtered_and_failed(struct story *story)
{
    static const uint8_t stranger[6] = { 0x00, 0x16, 0x3e, 0x77, 0x77, 0x77 };
    enum { FILTERED = 8, FAILED = 3, SENT = 8 };
    struct watch *watch = watch_open(story);
    struct NDIS_STATISTICS_INFO before, after;
    uint64_t rcv = oid_get64(story, OID_GEN_RCV_OK);
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED, i;
    uint8_t bytes[100];

    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &before, sizeof(before)), SUCCESS);
    for (i = 0; i < FILTERED; i++) {
        frame_plain(bytes, sizeof(bytes), i % 2 != 0 ? stranger : group, story_peer_mac, i);
        wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    }
    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, i);
    wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    CHECK(watch_wait(watch, 1));
    netback_refuse(story->bed.netback, 0, FAILED);
    for (i = 0; i < SENT; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, 1000000000));
        CHECK_EQ(nbl->Status == SUCCESS, i >= FAILED);
    }
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &after, sizeof(after)), SUCCESS);
    GREW(ifInDiscards, 0);
    GREW(ifInErrors, 0);
    GREW(ifHCInUcastPkts, 1);
    GREW(ifOutErrors, FAILED);
    GREW(ifOutDiscards, 0);
    GREW(ifHCOutUcastPkts, SENT - FAILED);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_OK) - rcv, 1);
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_ERROR), after.ifOutErrors);
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_DISCARDS), after.ifOutDiscards);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_DISCARDS), after.ifInDiscards);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_NO_BUFFER), 0);
    CHECK(!oid_listed(story, OID_GEN_TRANSMIT_QUEUE_LENGTH));
    story_count("%u frames filtered, %u sends failed: no discards, %u errors", FILTERED, FAILED, FAILED);
    watch_close(watch);
}

TEST(filtered_frames_are_no_discards_and_errors_are_counted_once)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .body = filtered_and_failed }, 2);
}

static void lie_big(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_STATISTIC, 0x123456789aull);
}

static void wide_counters(struct story *story)
{
    static const uint32_t single[] = { OID_GEN_DIRECTED_FRAMES_XMIT,  OID_GEN_DIRECTED_BYTES_XMIT,
                                       OID_GEN_MULTICAST_FRAMES_XMIT, OID_GEN_MULTICAST_BYTES_XMIT,
                                       OID_GEN_BROADCAST_FRAMES_XMIT, OID_GEN_BROADCAST_BYTES_XMIT,
                                       OID_GEN_DIRECTED_FRAMES_RCV,   OID_GEN_DIRECTED_BYTES_RCV,
                                       OID_GEN_MULTICAST_FRAMES_RCV,  OID_GEN_MULTICAST_BYTES_RCV,
                                       OID_GEN_BROADCAST_FRAMES_RCV,  OID_GEN_BROADCAST_BYTES_RCV };
    struct NDIS_STATISTICS_INFO all;
    uint32_t i;

    for (i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        CHECK_EQ(oid_get64(story, single[i]), 0x123456789aull);
    }
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_OK), 3 * 0x123456789aull);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_OK), 3 * 0x123456789aull);
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &all, sizeof(all)), SUCCESS);
    CHECK_EQ(all.Header.Type, NDIS_OBJECT_TYPE_DEFAULT);
    CHECK_EQ(all.Header.Revision, 1);
    CHECK_EQ(all.Header.Size, sizeof(all));
    CHECK_EQ(all.ifInErrors, 2 * 0x123456789aull);
    CHECK_EQ(all.ifHCInUcastOctets, 0x123456789aull);
}

TEST(sums_and_packet_counters_keep_all_64_bits)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .stand_in = "no XenVif answers what cannot be true",
                                    .prepare = lie_big,
                                    .body = wide_counters });
}

static void send_refused(struct watch *watch, uint32_t length, uint32_t segment, int32_t status)
{
    static uint8_t bytes[2000];
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = (void *)(uintptr_t)segment;
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK_STATUS(nbl->Status, status);
}

static void out_discards(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    struct NDIS_STATISTICS_INFO statistics;
    uint8_t bytes[64];
    uint32_t i;

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    for (i = 0; i < 3; i++) {
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    }
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    raw_send(watch->raw, nbl, 0, false); /* refused: three packets discarded */
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_PAUSED);
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
    CHECK_EQ(statistics.ifOutDiscards, 3);
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_DISCARDS), 3);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 1);
    send_refused(watch, 64, 0, NDIS_STATUS_RESOURCES);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    send_refused(watch, 2000, 0, NDIS_STATUS_INVALID_LENGTH);
    for (i = 0; i < 2; i++) {
        send_refused(watch, 200, 0xFFFFF, NDIS_STATUS_INVALID_PACKET); /* a large send that makes no sense */
    }
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
    CHECK_EQ(statistics.ifOutDiscards, 3 + 1);
    CHECK_EQ(statistics.ifOutErrors, 1 + 2);
    watch_close(watch);
}

TEST(discarded_sends_show_in_ifoutdiscards)
{
    story_once(out_discards, 1);
}

static bool all_returned(struct story *story)
{
    (void)story;
    return vif_inject_returned() == 1;
}

/* Windows has no memory to map a packet whose tag is to be taken out. */
static void in_discards(struct story *story)
{
    enum { MAPPED = 1, OF_POOL = 4 };
    static uint8_t bytes[100];
    struct MDL *mdl = mdl_create(bytes, sizeof(bytes));
    struct XENVIF_PACKET_INFO_V2 info = { .Length = 18 };
    struct NDIS_STATISTICS_INFO statistics;
    char text[1024];

    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
    info.EthernetHeader.Length = 18;
    mdl->MdlFlags &= (int16_t) ~(MAPPED | OF_POOL);
    mdl->MappedSystemVa = NULL;
    fail_at(1);
    vif_inject(STORY_STAND_IN(story), 0, &(struct vif_inject){ .mdl = mdl, .length = sizeof(bytes), .info = &info });
    CHECK(fail_described(text, sizeof(text)));
    CHECK_CONTAINS(text, "MmMapLockedPagesSpecifyCache");
    fail_disarm();
    CHECK(story_until(story, all_returned, 1));
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
    CHECK_EQ(statistics.ifInDiscards, 1);
    CHECK_EQ(statistics.ifInErrors, 0);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_NO_BUFFER), 1);
    mdl_free(mdl);
}

TEST(received_packets_for_which_there_is_no_memory_show_in_ifindiscards)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = in_discards });
}
