/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A provider, or a backend behind it, that means harm: every value that crosses VIF is sent wrong. A wrong packet costs
 * that packet, counts in the statistics, goes back to its owner, and leaves the adapter working; a wrong figure costs a
 * feature.
 */
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

enum { GOOD_LENGTH = 200, MTU = 1500, MEMORY = 72 * 1024 };

struct packet {
    struct vif_inject inject;
    struct XENVIF_PACKET_INFO_V2 info;
    struct XENVIF_PACKET_HASH_V2 hash;
};

struct lie {
    const char *what;
    void (*make)(struct packet *packet);
};

static struct MDL *mdl, *second, *pair[2], *ring[3];
static uint8_t memory[MEMORY];

/* A TCP packet as the provider describes it; with an MSS, a coalesced one. */
static void describe(struct packet *packet, uint16_t mss)
{
    memset(packet, 0, sizeof(*packet));
    packet->info.Length = 54;
    packet->info.EthernetHeader.Length = 14;
    packet->info.IpHeader.Offset = 14;
    packet->info.IpHeader.Length = 20;
    packet->info.TcpHeader.Offset = 34;
    packet->info.TcpHeader.Length = 20;
    packet->inject = (struct vif_inject){ .mdl = mdl,
                                          .length = mss != 0 ? 54 + 3 * mss : GOOD_LENGTH,
                                          .mss = mss,
                                          .info = &packet->info,
                                          .hash = &packet->hash };
}

#define LIE(name) static void name(struct packet *p)
LIE(queue_that_is_not_there)
{
    p->inject.index = 4;
}
LIE(queue_far_away)
{
    p->inject.index = UINT32_MAX;
}
LIE(no_bytes)
{
    p->inject.length = 0;
}
LIE(half_a_header)
{
    p->inject.length = 13;
}
LIE(longer_than_a_frame)
{
    p->inject.length = MTU + 14 + 4 + 1;
}
LIE(longer_than_memory)
{
    p->inject.length = UINT32_MAX;
}
LIE(no_mdl)
{
    p->inject.mdl = NULL;
}
LIE(offset_behind_the_mdl)
{
    p->inject.offset = MEMORY;
}
LIE(offset_far_away)
{
    p->inject.offset = UINT32_MAX;
}
LIE(mdl_shorter_than_the_packet)
{
    p->inject.mdl = second;
}
LIE(mdl_chain_shorter_than_the_packet)
{
    p->inject.mdl = second;
    p->inject.offset = 50;
}
LIE(begins_in_the_second_mdl)
{
    p->inject.mdl = pair[0];
    p->inject.offset = 100;
}
LIE(longer_than_two_mdls)
{
    p->inject.mdl = pair[0];
    p->inject.offset = 99;
    p->inject.length = 1 + 300 + 1;
}
LIE(tag_behind_the_first_mdl)
{
    p->inject.mdl = pair[0];
    p->inject.offset = 90;
    p->info.EthernetHeader.Length = 18;
}
LIE(mdl_chain_that_never_ends)
{
    p->inject.mdl = ring[0];
}
LIE(ip_checksum_good_and_bad)
{
    p->inject.checksum = 1u << 0 | 1u << 1;
}
LIE(tcp_checksum_good_and_bad)
{
    p->inject.checksum = 1u << 3 | 1u << 4;
}
LIE(udp_checksum_good_and_bad)
{
    p->inject.checksum = 1u << 6 | 1u << 7;
}
LIE(coalesced_without_headers)
{
    p->inject.info = NULL;
}
LIE(headers_longer_than_the_packet)
{
    p->info.Length = p->inject.length + 1;
}
LIE(headers_as_long_as_the_packet)
{
    p->info.Length = p->inject.length;
}
LIE(ip_header_outside)
{
    p->info.IpHeader.Offset = 60;
}
LIE(ip_header_far_away)
{
    p->info.IpHeader.Offset = UINT32_MAX;
}
LIE(ip_header_too_short)
{
    p->info.IpHeader.Length = 19;
}
LIE(tcp_header_outside)
{
    p->info.TcpHeader.Offset = 40;
}
LIE(tcp_header_far_away)
{
    p->info.TcpHeader.Offset = UINT32_MAX - 10;
}
LIE(tcp_header_too_short)
{
    p->info.TcpHeader.Length = 19;
}
LIE(tcp_header_too_long)
{
    p->info.TcpHeader.Length = UINT32_MAX;
}
LIE(tcp_header_over_the_ip_header)
{
    p->info.TcpHeader.Offset = 20;
}
LIE(coalesced_with_ip_options)
{
    p->info.IpOptions.Offset = 34;
    p->info.IpOptions.Length = 8;
    p->info.TcpHeader.Offset = 42;
    p->info.Length = 62;
}
LIE(coalesced_with_ip_options_inside_the_tcp_header)
{
    p->info.IpOptions.Offset = 34;
    p->info.IpOptions.Length = 8;
}
LIE(segments_longer_than_a_frame)
{
    p->inject.mss = MTU;
}
LIE(segments_far_too_long)
{
    p->inject.mss = UINT16_MAX;
}
LIE(longer_than_any_large_packet)
{
    p->inject.length = 70000;
}
#undef LIE

#define L(name) { #name, name },
static const struct lie plain[] = { L(queue_that_is_not_there) L(queue_far_away) L(no_bytes) L(half_a_header)
                                        L(longer_than_a_frame) L(longer_than_memory) L(no_mdl) L(offset_behind_the_mdl)
                                            L(offset_far_away) L(mdl_shorter_than_the_packet)
                                                L(mdl_chain_shorter_than_the_packet) L(begins_in_the_second_mdl)
                                                    L(longer_than_two_mdls) L(tag_behind_the_first_mdl)
                                                        L(mdl_chain_that_never_ends) L(ip_checksum_good_and_bad)
                                                            L(tcp_checksum_good_and_bad) L(udp_checksum_good_and_bad) };
static const struct lie coalesced[] = {
    L(coalesced_without_headers) L(headers_longer_than_the_packet) L(headers_as_long_as_the_packet) L(ip_header_outside)
        L(ip_header_far_away) L(ip_header_too_short) L(tcp_header_outside) L(tcp_header_far_away)
            L(tcp_header_too_short) L(tcp_header_too_long) L(tcp_header_over_the_ip_header) L(coalesced_with_ip_options)
                L(coalesced_with_ip_options_inside_the_tcp_header) L(segments_longer_than_a_frame)
                    L(segments_far_too_long) L(longer_than_any_large_packet) L(queue_that_is_not_there) L(no_mdl)
                        L(no_bytes)
};
#undef L

static uint64_t errors(struct story *story)
{
    struct NDIS_STATISTICS_INFO statistics;

    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
    return statistics.ifInErrors;
}

static void lie(struct watch *watch, const struct lie *lie, uint16_t mss)
{
    struct story *story = watch->story;
    uint64_t before = errors(story), returned = vif_inject_returned();
    struct packet packet;

    describe(&packet, mss);
    lie->make(&packet);
    watch_forget(watch);
    vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
    if (watch->count != 0 || vif_inject_returned() != returned + 1 || errors(story) != before + 1) {
        test_fail(__FILE__, __LINE__, "%s: indicated %u times, returned %u times, %u errors counted", lie->what,
                  watch->count, (unsigned)(vif_inject_returned() - returned), (unsigned)(errors(story) - before));
    }
}

static bool three_back(struct story *story)
{
    (void)story;
    return vif_inject_returned() >= 3;
}

static void lying_packets(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO checksum;
    struct packet packet;
    uint32_t i;

    mdl = mdl_create(memory, MEMORY);
    second = mdl_create(memory, 100);
    pair[0] = mdl_create(memory, 100);
    pair[1] = mdl_create(memory, 300);
    pair[0]->Next = pair[1];
    for (i = 0; i < 3; i++) {
        ring[i] = mdl_create(memory, 0);
    }
    ring[2] = (mdl_free(ring[2]), mdl_create(memory, 1));
    ring[0]->ByteCount = 1;
    ring[0]->Next = ring[1];
    ring[1]->Next = ring[1]; /* empty, and its own successor */
    frame_plain(memory, 64, story_guest_mac, story_peer_mac, 7);

    /* The honest ones first: a plain packet, one of each hash type, a coalesced one. */
    describe(&packet, 0);
    vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
    packet.hash.Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    packet.hash.Type = XENVIF_PACKET_HASH_TYPE_IPV4_TCP;
    vif_inject(STORY_STAND_IN(story), 1, &packet.inject);
    describe(&packet, 1000);
    vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
    CHECK_EQ(watch->count, 3);
    CHECK_EQ(watch->seen[2].segments, 3);
    checksum.Value = (void *)(uintptr_t)watch->seen[2].checksum;
    CHECK_EQ(checksum.Receive.IpChecksumSucceeded, 1); /* though XenVif was silent about it */
    CHECK(story_until(story, three_back, 5));

    for (i = 0; i < ARRAY(plain); i++) {
        lie(watch, &plain[i], 0);
    }
    for (i = 0; i < ARRAY(coalesced); i++) {
        lie(watch, &coalesced[i], 1000);
    }
    for (i = 3; i < 300; i += 97) {
        vif_inject_type(STORY_STAND_IN(story), i);
    }
    ring[1]->Next = NULL;
    mdl_free(mdl);
    mdl_free(second);
    mdl_free(pair[0]);
    mdl_free(pair[1]);
    for (i = 0; i < 3; i++) {
        mdl_free(ring[i]);
    }
    story_send(story, 0, 40, 4);
    story_inject(story, 0, 40);
    story_collect(story, 40);
    story_wait_received(story, 40);
    story_check(&story->out, 0);
    story_check(&story->in, 0);
    story_count("%zu lies about packets and 4 unknown callbacks: each cost its packet and was counted",
                ARRAY(plain) + ARRAY(coalesced));
    watch_close(watch);
}

TEST(a_packet_whose_description_is_a_lie_costs_that_packet_only)
{
    story_everywhere(&(struct story_plan){ .queues = 4,
                                           .edge_buffers = 16,
                                           .windows = STORY_WINDOWS,
                                           .prepare = story_inject_start,
                                           .body = lying_packets },
                     1);
}

struct figure {
    const char *what;
    enum vif_lie lie;
    uint64_t value;
};

/* A figure that cannot be true costs at most a feature: the adapter starts, carries traffic and leaves. */
static const struct figure figures[] = {
    { "no queues", LIE_RING_COUNT, 0 },
    { "65 queues", LIE_RING_COUNT, 65 },
    { "4 billion queues", LIE_RING_COUNT, UINT32_MAX },
    { "frames of no bytes", LIE_FRAME_SIZE, 0 },
    { "frames of 13 bytes", LIE_FRAME_SIZE, 13 },
    { "frames of 70,000 bytes", LIE_FRAME_SIZE, 70000 },
    { "frames of 4 GB", LIE_FRAME_SIZE, UINT32_MAX },
    { "rings of no packets", LIE_RING_SIZE, 0 },
    { "rings of 4 billion packets", LIE_RING_SIZE, UINT32_MAX },
    { "large sends of 4 GB", LIE_LARGE_SIZE, UINT32_MAX },
    { "large sends of one byte", LIE_LARGE_SIZE, 1 },
    { "unknown offloads", LIE_OFFLOADS, 0xff80 },
    { "unknown hash types", LIE_HASH_TYPES, 0xffffffe0 },
    { "no hash types", LIE_HASH_TYPES, 0 },
    { "a link state that does not exist", LIE_CONNECT, 77 },
    { "a duplex that does not exist", LIE_DUPLEX, 77 },
    { "no speed", LIE_SPEED, 0 },
    { "impossible speed", LIE_SPEED, UINT64_MAX },
    { "no address", LIE_ADDRESS, 0 },
    { "a group's address", LIE_ADDRESS, 0x0302015e0001 },
    { "everybody's address", LIE_ADDRESS, 0xffffffffffff },
    { "another group's address", LIE_ADDRESS, 0x0302015e7733 },
};

static void lying_figures(struct story *story)
{
    const struct figure *figure = story->plan->detail;
    struct adapter_facts facts;

    vif_tell_mac(STORY_STAND_IN(story));
    adapter_facts(story->bed.adapter, &facts);
    CHECK(facts.mtu >= 68 && facts.mtu <= 65535);
    CHECK(facts.link_speed_tx == UINT64_MAX || facts.link_speed_tx <= 10000000000000ull);
    CHECK(facts.lso4_size <= 65535 && facts.lso6_size <= 65535);
    CHECK(facts.rss_queues <= 64);
    CHECK((facts.permanent_mac[0] & 1) == 0 && (facts.current_mac[0] & 1) == 0);
    CHECK(memcmp(facts.permanent_mac, "\0\0\0\0\0\0", 6) != 0 && memcmp(facts.current_mac, "\0\0\0\0\0\0", 6) != 0);
    if (figure->lie == LIE_ADDRESS) { /* no more of it is changed than makes it a local one */
        CHECK_EQ(facts.permanent_mac[0], (figure->value & 0xfe) | 2);
        CHECK_EQ(facts.permanent_mac[1], figure->value >> 8 & 0xff);
        CHECK_EQ(facts.permanent_mac[5], figure->value >> 40 & 0xff);
    }
    if (figure->lie != LIE_FRAME_SIZE || figure->value > 200) {
        story_send(story, 0, 40, 4);
        story_inject(story, 0, 40);
        story_collect(story, 40);
        story_wait_received(story, 40);
        story_check(&story->out, 0);
        story_check(&story->in, 0);
    }
    story_count("%s: survived", figure->what);
}

static void lie_first(const struct story_plan *plan)
{
    const struct figure *figure = plan->detail;

    vif_lie(figure->lie, figure->value);
}

TEST(a_figure_that_cannot_be_true_costs_at_most_a_feature)
{
    uint32_t i;

    for (i = 0; i < ARRAY(figures); i++) {
        story_everywhere(&(struct story_plan){ .queues = 2,
                                               .edge_buffers = 16,
                                               .stand_in = "no XenVif answers what cannot be true",
                                               .prepare = lie_first,
                                               .detail = &figures[i],
                                               .quiet = i % 6 != 0,
                                               .body = lying_figures },
                         1);
    }
}

/* What is wrong in no way that matters is taken: bits that nobody defined, a tag of any value, no hash or an unknown
 * one, no headers.
 */
static void strange_packets(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct packet packet;
    uint32_t bit, n = 0;

    mdl = mdl_create(memory, MEMORY);
    frame_plain(memory, 64, story_guest_mac, story_peer_mac, 7);
    for (bit = 0; bit < 32; bit++) {
        describe(&packet, 0);
        packet.inject.checksum = 1u << bit;
        vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
        CHECK_EQ(watch->count, ++n);
    }
    for (bit = 0; bit < 16; bit++) {
        describe(&packet, 0);
        packet.inject.tci = (uint16_t)(0xffff >> bit);
        vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
        CHECK_EQ(watch->count, ++n);
        CHECK_EQ(watch->seen[n - 1].vlan, packet.inject.tci & 0xfff);
    }
    for (bit = 0; bit < 32; bit++) { /* hashes that NDIS has no name for: first types, then algorithms */
        describe(&packet, 0);
        packet.hash.Algorithm = bit < 16 ? XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ : (int)(3u << (bit - 16));
        packet.hash.Type = bit < 16 ? (int)(5u << bit) : XENVIF_PACKET_HASH_TYPE_IPV4_TCP;
        packet.hash.Value = 0x12345678;
        vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
        CHECK_EQ(watch->count, ++n);
        CHECK_EQ(watch->seen[n - 1].hash_info, 0);
        CHECK_EQ(watch->seen[n - 1].hash_value, 0);
    }
    describe(&packet, 0);
    packet.inject.info = NULL;
    packet.inject.hash = NULL;
    vif_inject(STORY_STAND_IN(story), 0, &packet.inject);
    CHECK_EQ(watch->count, ++n);
    CHECK_EQ(watch->seen[n - 1].hash_info, 0);
    while (vif_inject_returned() < n) {
        story_rest();
    }
    mdl_free(mdl);
    story_count("%u packets with bits, tags and pointers that say nothing went up", n);
    watch_close(watch);
}

TEST(what_describes_nothing_of_a_packet_does_no_harm)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .prepare = story_inject_start, .body = strange_packets },
                     1);
}

/* The same figures, reported while traffic goes on: what is in force stays or gets less, and the truth heals it. */
static void lying_later(struct story *story)
{
    static const struct {
        uint64_t reported, indicated;
    } speeds[] = { { 25000000000ull, 25000000000ull },
                   { 0, UINT64_MAX },
                   { 1, 1 },
                   { 10000000000000ull, 10000000000000ull },
                   { 10000000000001ull, UINT64_MAX } };
    uint32_t i, reported = 0, out, in;

    for (i = 0; i < ARRAY(figures); i++) {
        struct adapter_facts facts;

        if (figures[i].lie != LIE_FRAME_SIZE && figures[i].lie != LIE_CONNECT && figures[i].lie != LIE_DUPLEX &&
            figures[i].lie != LIE_SPEED) {
            continue; /* asked once, at the start */
        }
        vif_lie(figures[i].lie, figures[i].value);
        vif_tell_mac(STORY_STAND_IN(story));
        adapter_facts(story->bed.adapter, &facts);
        CHECK(facts.mtu >= 68 && facts.mtu <= 65535);
        CHECK(facts.link_speed_tx == UINT64_MAX || facts.link_speed_tx <= 10000000000000ull);
        CHECK(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE) >= 68);
        vif_tell_truth();
        vif_tell_mac(STORY_STAND_IN(story));
        out = story->out.sent;
        in = story->in.sent;
        story_send(story, 0, 20, 4);
        story_inject(story, 0, 20);
        story_check_from(story, out, in);
        reported++;
    }
    CHECK(reported >= 8);
    /* What is valid is indicated, both ways; what is beyond any link is not. */
    for (i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
        struct adapter_facts facts;

        vif_lie(LIE_SPEED, speeds[i].reported);
        vif_tell_mac(STORY_STAND_IN(story));
        adapter_facts(story->bed.adapter, &facts);
        CHECK_EQ(facts.link_speed_tx, speeds[i].indicated);
        CHECK_EQ(facts.link_speed_rx, speeds[i].indicated);
    }
    story_count("%u invalid figures reported while traffic went on", reported);
}

TEST(a_figure_that_becomes_impossible_does_no_harm)
{
    static const struct figure truth = { "", LIE_STATISTIC, 0 };

    story_everywhere(&(struct story_plan){ .edge_buffers = 16,
                                           .detail = &truth,
                                           .stand_in = "no XenVif answers what cannot be true",
                                           .prepare = lie_first,
                                           .body = lying_later },
                     1);
}

static void lying_completions(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t i, failed = 0;

    for (i = 0; i < 8; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
        uint8_t bytes[64];

        vif_lie(LIE_COMPLETION, i < 4 ? i : 60 * i);
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, 1000000000));
        failed += nbl->Status != SUCCESS;
    }
    CHECK_EQ(failed, 7); /* all but XENVIF_TRANSMITTER_PACKET_OK */
    story_count("8 completions with every kind of status, %u failed", failed);
    watch_close(watch);
}

TEST(a_completion_status_that_does_not_exist_fails_the_send)
{
    static const struct figure truth = { "", LIE_STATISTIC, 0 };

    story_everywhere(&(struct story_plan){ .edge_buffers = 16,
                                           .detail = &truth,
                                           .stand_in = "no XenVif answers what cannot be true",
                                           .prepare = lie_first,
                                           .body = lying_completions },
                     1);
}
