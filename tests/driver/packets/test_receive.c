/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is indicated with a received packet: 802.1p priority for directed, broadcast and multicast frames both ways, and
 * coalesced packets with their segment counts, which a switch at run time turns off.
 */
#include "packets.h"
#include "story_watch.h"
#include "nt/registry/registry.h"
#include "xenvif/offer/hostile.h"

enum { SECOND = 1000000000, MAX_LARGE = 65536 };

static const uint8_t destinations[3][6] = { { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0xfe },
                                            { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
                                            { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 } };

static void priorities(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t bytes[128], back[256];
    uint32_t class, priority, kept = 0;

    for (class = 0; class < 3; class ++) {
        for (priority = 1; priority < 8; priority++) {
            struct NDIS_NET_BUFFER_LIST_8021Q_INFO tag = { .Value = NULL };
            struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

            /* Out: the tag travels beside the frame and must be in it on the wire. */
            frame_plain(bytes, 100, destinations[class], story_guest_mac, priority);
            raw_add(watch->raw, nbl, bytes, 100, 0, NULL, 0);
            tag.TagHeader.UserPriority = priority;
            nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = tag.Value;
            raw_send(watch->raw, nbl, 0, false);
            CHECK(raw_wait(watch->raw, SECOND));
            CHECK_EQ(nbl->Status, SUCCESS);
            CHECK_EQ(wire_collect(story, back, sizeof(back), NULL), 104);
            CHECK_EQ(get16(back + 12), 0x8100);
            CHECK_EQ(get16(back + 14), priority << 13);
            CHECK(memcmp(back + 16, bytes + 12, 88) == 0);
            raw_free_all(watch->raw);
            /* In: the other way round. */
            memcpy(back, class == 0 ? story_guest_mac : destinations[class], 6);
            memcpy(back + 6, story_peer_mac, 6);
            watch_forget(watch);
            wire_inject(story, 0, back, 104, NULL);
            CHECK(watch_wait(watch, 1));
            CHECK_EQ(watch->seen[0].priority, priority);
            CHECK_EQ(watch->seen[0].length, 100);
            kept += 2;
        }
    }
    story_count("%u frames kept their priority", kept);
    watch_close(watch);
}

/* 2c_Priority */
TEST(priority_is_kept_for_directed_broadcast_and_multicast_frames)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .body = priorities }, 2);
}

static uint32_t large_frame(int version, uint32_t payload, uint32_t mss, uint8_t *bytes, struct frame_offload *offload)
{
    struct packet_shape shape = { .version = version, .protocol = PROTOCOL_TCP, .payload = payload };
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    memcpy(bytes, story_guest_mac, 6);
    *offload = frame.offload;
    offload->gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    offload->gso_size = (uint16_t)mss;
    return length;
}

static int32_t switch_rsc(struct story *story, uint8_t value)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.RscIPv4 = parameters.RscIPv6 = value;
    return oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
}

static uint32_t payload_seen(const struct watch *watch, uint32_t headers)
{
    uint32_t sum = 0, i;

    for (i = 0; i < watch->count; i++) {
        sum += watch->seen[i].length - headers;
    }
    return sum;
}

static void coalesced(struct story *story)
{
    static const uint32_t counts[] = { 2, 3, 10, 40 };
    static uint8_t bytes[MAX_LARGE];
    struct watch *watch = watch_open(story);
    struct NDIS_RSC_STATISTICS_INFO before, after;
    uint32_t packets = 0, cut = 0, version, c, i;

    for (version = 4; version <= 6; version += 2) {
        uint32_t headers = version == 4 ? 54 : 74, mss = 1400;

        for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            struct frame_offload offload;
            uint32_t payload = counts[c] * mss - 1, length = large_frame((int)version, payload, mss, bytes, &offload);

            CHECK_EQ(switch_rsc(story, NDIS_OFFLOAD_PARAMETERS_RSC_ENABLED), SUCCESS);
            CHECK_EQ(oid_get(story, OID_TCP_RSC_STATISTICS, &before, sizeof(before)), SUCCESS);
            watch_forget(watch);
            wire_inject(story, 0, bytes, length, &offload);
            CHECK(watch_wait(watch, 1));
            CHECK_EQ(watch->seen[0].length, length);
            CHECK_EQ(watch->seen[0].segments, counts[c]);
            CHECK_EQ(watch->seen[0].duplicate_acks, 0);
            CHECK_EQ(oid_get(story, OID_TCP_RSC_STATISTICS, &after, sizeof(after)), SUCCESS);
            CHECK_EQ(after.CoalescedPkts - before.CoalescedPkts, counts[c]);
            CHECK_EQ(after.CoalesceEvents - before.CoalesceEvents, 1);
            packets++;

            /* Off: the same comes in pieces that fit the MTU, none of them said to be coalesced. */
            CHECK_EQ(switch_rsc(story, NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED), SUCCESS);
            watch_forget(watch);
            wire_inject(story, 0, bytes, length, &offload);
            CHECK(watch_wait(watch, counts[c]));
            CHECK_EQ(payload_seen(watch, headers), payload);
            for (i = 0; i < watch->count; i++) {
                CHECK(watch->seen[i].length <= 1514);
                CHECK_EQ(watch->seen[i].segments, 0);
            }
            cut += watch->count;
        }
    }
    story_count("%u coalesced packets with their counts, %u single segments when switched off", packets, cut);
    watch_close(watch);
}

/* OffloadRsc */
TEST(coalesced_packets_carry_their_segment_count_and_the_switch_works_at_run_time)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .windows = STORY_WINDOWS, .body = coalesced },
                     1); /* NDIS 6.20 has no RSC */
}

/* What XenVif found out about checksums, over all that can be: nothing, good or bad for each of the three. */
static void checksums(struct story *story)
{
    static uint8_t memory[256];
    struct watch *watch = watch_open(story);
    struct MDL *mdl = mdl_create(memory, sizeof(memory));
    uint32_t ip, tcp, udp, indicated = 0;

    frame_plain(memory, 100, story_guest_mac, story_peer_mac, 7);
    for (ip = 0; ip < 3; ip++) {
        for (tcp = 0; tcp < 3; tcp++) {
            for (udp = 0; udp < 3; udp++) {
                const struct vif_inject inject = { .mdl = mdl, .length = 100, .checksum = ip | tcp << 3 | udp << 6 };
                struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;

                watch_forget(watch);
                vif_inject(STORY_STAND_IN(story), 0, &inject);
                CHECK_EQ(watch->count, 1);
                info.Value = (void *)(uintptr_t)watch->seen[0].checksum;
                CHECK_EQ(info.Receive.IpChecksumSucceeded, ip == 1);
                CHECK_EQ(info.Receive.IpChecksumFailed, ip == 2);
                CHECK_EQ(info.Receive.TcpChecksumSucceeded, tcp == 1);
                CHECK_EQ(info.Receive.TcpChecksumFailed, tcp == 2);
                CHECK_EQ(info.Receive.UdpChecksumSucceeded, udp == 1);
                CHECK_EQ(info.Receive.UdpChecksumFailed, udp == 2);
                indicated++;
            }
        }
    }
    story_count("%u findings about checksums indicated as they are", indicated);
    while (vif_inject_returned() < indicated) {
        story_rest();
    }
    mdl_free(mdl);
    watch_close(watch);
}

TEST(checksums_are_indicated_as_xenvif_found_them)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .prepare = story_inject_start, .body = checksums }, 1);
}

static void make_anew(struct story *story)
{
    struct bed *bed = &story->bed;
    struct edge_options options = { .memory = bed->guest,
                                    .buffers = 16,
                                    .queues = story->queues,
                                    .frame_size = MAX_FRAME_BYTES,
                                    .receive = story->options.receive,
                                    .context = story };
    char error[512];

    edge_close(bed->edge);
    adapter_remove(bed->adapter);
    bed->adapter = adapter_add(bed->driver, bed_pdo(bed), bed->package, error, sizeof(error));
    CHECK(bed->adapter != NULL);
    CHECK_EQ(adapter_restart(bed->adapter), SUCCESS);
    bed->edge = edge_open(bed->adapter, &options, error, sizeof(error));
    CHECK(bed->edge != NULL);
}

/* OffloadMisc: what the keywords say is in force again after the adapter was taken down and made anew. */
static void reload(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    CHECK(!before.lso4 && before.lso6 && !before.checksum_tx_udp4 && before.checksum_rx_udp4);
    make_anew(story);
    adapter_facts(story->bed.adapter, &after);
    CHECK(after.lso4 == before.lso4 && after.lso6 == before.lso6 && after.checksum_tx_udp4 == before.checksum_tx_udp4 &&
          after.rsc4 == before.rsc4);
    story_count("offload settings survived a reload");
}

TEST(offload_settings_survive_a_reload)
{
    static const char *const set[] = { "*LsoV2IPv4=0", "*UDPChecksumOffloadIPv4=2", NULL };

    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .set = set, .body = reload }, 1);
}

/* An older driver left its own keyword for coalescing in the registry: off stays off, also beside the new one. */
static void old_keyword(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    CHECK(facts.rsc4 && facts.rsc6);
    registry_set_string(story->bed.package->driver_key, "LROIPv4", "0");
    make_anew(story);
    adapter_facts(story->bed.adapter, &facts);
    CHECK(!facts.rsc4 && facts.rsc6);
    story_count("LROIPv4 of an older driver kept coalescing off for IPv4");
}

TEST(coalescing_keywords_of_an_older_driver_are_honoured)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .windows = "10-22h2", .body = old_keyword });
}

/* 2c_Mini6SendRecv, SendRecvReply, Stress: both ways under pauses and OIDs, then all quiet and complete. */
static void sender(void *argument)
{
    story_send(argument, 0, 400, 1 + (uint32_t)sched_random(16));
}

static void injector(void *argument)
{
    story_inject(argument, 0, 400);
}

static void stress(struct story *story)
{
    struct task *out = task_spawn("sender", 0, sender, story), *in = task_spawn("injector", 0, injector, story);
    uint32_t i, sent, received;

    for (i = 0; i < 10; i++) {
        uint32_t filter = oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER);

        CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
        CHECK_EQ(
            switch_rsc(story, i % 2 != 0 ? NDIS_OFFLOAD_PARAMETERS_RSC_ENABLED : NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED),
            SUCCESS);
        story_collect(story, story->out.sent / 2);
        if (i % 3 == 0) {
            CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
            CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        }
    }
    task_join(out);
    task_join(in);
    sent = story->out.sent;
    received = story->in.sent;
    story_send(story, 0, 50, 4);
    story_inject(story, 0, 50);
    story_check_from(story, sent, received);
    story_check(&story->out, 400);
    story_check(&story->in, 400);
    story_count("900 frames under pauses, OIDs and offload changes, none doubled, none lost outside a pause");
}

TEST(nothing_is_doubled_or_lost_without_a_pause_under_stress)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .windows = STORY_WINDOWS, .body = stress }, 10);
}

static void tags(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t bytes[100];
    uint32_t vlan, priority;

    for (vlan = 0; vlan <= 5; vlan += 5) {
        for (priority = 0; priority < 8; priority++) {
            frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
            put16(bytes + 12, 0x8100);
            put16(bytes + 14, priority << 13 | vlan);
            put16(bytes + 16, 0x88b5);
            watch_forget(watch);
            wire_inject(story, 0, bytes, sizeof(bytes), NULL);
            CHECK(watch_wait(watch, 1)); /* with a VLAN ID as well */
            CHECK_EQ(watch->seen[0].priority, priority);
            CHECK_EQ(watch->seen[0].vlan, vlan);
            CHECK_EQ(watch->seen[0].canonical, 0);
            CHECK_EQ(watch->seen[0].length, sizeof(bytes) - 4);
        }
    }
    /* And an untagged one after them has none left over. */
    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
    watch_forget(watch);
    wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].priority + watch->seen[0].vlan + watch->seen[0].canonical, 0);
    watch_close(watch);
}

TEST(tags_are_reported_whole_and_packets_with_a_vlan_id_are_received)
{
    story_once(tags, 1);
}
