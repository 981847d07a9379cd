/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Coalesced packets: OID_TCP_RSC_STATISTICS in full against traffic whose segments are known, no duplicate ACKs ever
 * indicated, since nothing without payload is coalesced, and, with coalescing switched off for one or both IP versions,
 * no packet beyond the MTU even from a provider that goes on handing up coalesced ones.
 */
#include "../include/counters.h"
#include "packets.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

#define INDEX(name, side, member) INDEX_##name,

enum { XENNET_COUNTERS(INDEX) INDEX_COUNT };
enum { MAX_LARGE = 65536, MSS = 1000, FRAME = 1514 };

static uint8_t bytes[MAX_LARGE];

static struct NDIS_RSC_STATISTICS_INFO statistics(struct story *story)
{
    struct NDIS_RSC_STATISTICS_INFO info;

    CHECK_EQ(oid_get(story, OID_TCP_RSC_STATISTICS, &info, sizeof(info)), SUCCESS);
    CHECK_EQ(info.Header.Revision, 1);
    CHECK_EQ(info.Header.Size, NDIS_SIZEOF_RSC_STATISTICS_REVISION_1);
    return info;
}

static uint32_t tcp_frame(int version, uint32_t payload, struct frame_offload *offload)
{
    struct packet_shape shape = { .version = version, .protocol = PROTOCOL_TCP, .payload = payload };
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    memcpy(bytes, story_guest_mac, 6);
    *offload = frame.offload;
    if (payload > MSS) {
        offload->gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
        offload->gso_size = MSS;
    }
    return length;
}

static void known_traffic(struct story *story)
{
    static const uint32_t payloads[] = { 0, 0, 1, MSS, MSS + 1, 2 * MSS, 17 * MSS + 5, 0, 60 * MSS };
    struct watch *watch = watch_open(story);
    struct NDIS_RSC_STATISTICS_INFO before = statistics(story), after;
    uint64_t packets = 0, octets = 0, segments = 0;
    uint32_t i;

    for (i = 0; i < 2 * sizeof(payloads) / sizeof(payloads[0]); i++) {
        uint32_t payload = payloads[i / 2], expected = payload > MSS ? (payload + MSS - 1) / MSS : 0;
        struct frame_offload offload;
        uint32_t length = tcp_frame(i % 2 == 0 ? 4 : 6, payload, &offload);

        watch_forget(watch);
        wire_inject(story, 0, bytes, length, &offload);
        CHECK(watch_wait(watch, 1));
        CHECK_EQ(watch->seen[0].length, length);
        CHECK_EQ(watch->seen[0].segments, expected);
        CHECK_EQ(watch->seen[0].duplicate_acks, 0);
        segments += expected;
        packets += expected != 0;
        octets += expected != 0 ? length : 0;
    }
    after = statistics(story);
    CHECK_EQ(after.CoalescedPkts - before.CoalescedPkts, segments);
    CHECK_EQ(after.CoalesceEvents - before.CoalesceEvents, packets);
    CHECK_EQ(after.CoalescedOctets - before.CoalescedOctets, octets);
    CHECK_EQ(after.Aborts, 0);
    story_count("%u coalesced packets of %u segments and %u bytes, indicated as such; ACKs came one by one",
                (uint32_t)packets, (uint32_t)segments, (uint32_t)octets);
    watch_close(watch);
}

TEST(statistics_count_the_coalesced_traffic_that_there_was)
{
    story_everywhere(&(struct story_plan){ .windows = "8.1", .edge_buffers = 16, .body = known_traffic }, 1);
    story_everywhere(&(struct story_plan){ .windows = "11-24h2", .edge_buffers = 16, .body = known_traffic }, 1);
}

static int32_t switch_rsc(struct story *story, uint8_t version4, uint8_t version6)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.RscIPv4 = version4;
    parameters.RscIPv6 = version6;
    return oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
}

static uint64_t refused(struct story *story)
{
    uint64_t counters[INDEX_COUNT];

    CHECK_EQ(oid_get(story, XENNET_OID_COUNTERS, counters, sizeof(counters)), SUCCESS);
    return counters[INDEX_ReceiveDropSegment];
}

/* A provider that ignores the option: coalesced, with an IP header of so many bytes. Whether NDIS got it. */
static bool goes_up_with(struct watch *watch, struct MDL *mdl, uint32_t ip)
{
    struct XENVIF_PACKET_HASH_V2 hash;
    struct XENVIF_PACKET_INFO_V2 info;
    struct vif_inject packet = { .mdl = mdl, .mss = MSS, .info = &info, .hash = &hash };

    memset(&hash, 0, sizeof(hash));
    memset(&info, 0, sizeof(info));
    info.EthernetHeader.Length = 14;
    info.IpHeader.Offset = 14;
    info.IpHeader.Length = ip;
    info.TcpHeader.Offset = 14 + ip;
    info.TcpHeader.Length = 20;
    info.Length = 14 + ip + 20;
    packet.length = info.Length + 5 * MSS;
    watch_forget(watch);
    vif_inject(STORY_STAND_IN(watch->story), 0, &packet);
    CHECK(watch->count == 0 || watch->seen[0].segments == 5);
    return watch->count != 0;
}

static bool goes_up(struct watch *watch, struct MDL *mdl, bool version6)
{
    return goes_up_with(watch, mdl, version6 ? 40 : 20);
}

static void switched_off(struct story *story)
{
    enum { OFF = NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED, ON = NDIS_OFFLOAD_PARAMETERS_RSC_ENABLED };
    struct MDL *mdl = mdl_create(bytes, sizeof(bytes));
    struct watch *watch = watch_open(story);
    uint64_t before;
    uint32_t i;

    frame_plain(bytes, 100, story_guest_mac, story_peer_mac, 1);
    CHECK(goes_up(watch, mdl, false));
    CHECK(goes_up(watch, mdl, true));
    for (i = 0; i < 4; i++) {
        CHECK_EQ(switch_rsc(story, i & 1 ? ON : OFF, i & 2 ? ON : OFF), SUCCESS);
        before = refused(story);
        CHECK_EQ(goes_up(watch, mdl, false), (i & 1) != 0);
        CHECK_EQ(goes_up(watch, mdl, true), (i & 2) != 0);
        CHECK_EQ(refused(story) - before, 2 - (i & 1) - i / 2);
        CHECK(!goes_up_with(watch, mdl, 0)); /* that has no IP header is of neither version */
    }
    mdl_free(mdl);
    story_count("coalesced packets for either IP version went up while it was on, and were dropped and counted while "
                "it was off");
    watch_close(watch);
}

TEST(a_coalesced_packet_that_comes_although_it_was_switched_off_is_dropped)
{
    story_everywhere(
        &(struct story_plan){
            .windows = "10-22h2", .edge_buffers = 16, .prepare = story_inject_start, .body = switched_off },
        1);
}

/* Switched off in the middle of coalesced traffic, polled or not: what comes after the request is no more coalesced
 * (rule ndis-rsc). */
static void off_in_traffic(struct story *story)
{
    enum { PACKETS = 60, FIRST = 3, MAX_WAIT = 20000 };
    struct watch *watch = watch_open(story);
    struct frame_offload offload;
    uint32_t length = tcp_frame(4, 5 * MSS, &offload), i, before, late = 0;

    for (i = 0; i < PACKETS; i++) {
        wire_inject(story, 0, bytes, length, &offload);
    }
    for (i = 0; i < MAX_WAIT && __atomic_load_n(&watch->count, __ATOMIC_ACQUIRE) < FIRST; i++) {
        sched_point("packets on their way");
    }
    CHECK_EQ(switch_rsc(story, NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED, NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED), SUCCESS);
    before = watch->count;
    for (i = 0; i < 200; i++) {
        story_rest();
    }
    for (i = before; i < watch->count; i++) {
        late += watch->seen[i].segments > 1;
    }
    CHECK_EQ(late, 0);
    watch_close(watch);
}

TEST(coalesced_packets_are_up_when_the_request_that_switches_them_off_is_complete)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };
    uint32_t i;

    for (i = 0; i < 24; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = i & 1 ? "11-24h2" : "10-22h2",
                                        .set = i & 1 ? polling : NULL,
                                        .edge_buffers = 32,
                                        .loose_grants = true,
                                        .body = off_in_traffic });
    }
}
