/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic, unchanged on the embedded backend and on Linux's netback: frames of every size, large packets,
 * checksums left open, flows on their processors, groups that the backend filters, and every feature that a backend may
 * lack.
 */
#include <stdlib.h>

#include "packets.h"
#include "story_provider.h"
#include "wire/parse.h"
#include "wire/toeplitz.h"

enum { SEEDS = 3, QUEUES = 4, MSS = 1400, FLOWS = 200, RSS_ENTRIES = 128, ALL_HASHES = 15, MAX_SIZES = 1500 };

bool test_option(const char *name, const char *value)
{
    return provider_option(name, value);
}

static uint8_t bytes[MAX_FRAME_BYTES], taken[MAX_FRAME_BYTES];

/* --- frames --- */

static void every_size(struct provider *provider)
{
    uint32_t most = provider->story.options.mtu + ETHERNET_HEADER, step = most > 2000 ? 61 : 1, lengths[MAX_SIZES],
             count = 0;

    for (uint32_t length = 60; length <= most; length += step) {
        lengths[count++] = length;
    }
    for (uint32_t i = 0; most > 4098 && i < 5; i++) { /* around the end of a page */
        lengths[count++] = 4094 + i;
    }
    lengths[count++] = most;
    CHECK(count <= MAX_SIZES);
    provider_exchange(provider, lengths, count);
}

TEST(frames_of_every_size_pass_both_ways)
{
    provider_everywhere(&(struct provider_plan){ .body = every_size }, 1);
}

TEST(jumbo_frames_pass_both_ways_on_several_queues)
{
    provider_everywhere(&(struct provider_plan){ .mtu = 9000, .queues = QUEUES, .body = every_size }, 1);
}

static void behind_headroom(struct provider *provider)
{
    struct vif_counters counters;

    every_size(provider);
    vif_counters(provider->story.bed.vif, &counters);
    CHECK_EQ(counters.rx_gso, 0);
}

TEST(frames_pass_behind_a_headroom_for_xdp)
{
    provider_everywhere(&(struct provider_plan){ .mtu = 9000, .headroom = 256, .body = behind_headroom }, SEEDS);
}

/* --- offloads --- */

/* A packet between guest and peer, either way, of ACK alone. */
static void build(const struct packet_shape *shape, bool outwards, struct frame *frame, struct layout *layout)
{
    packet_build(shape, bytes, frame);
    memcpy(bytes, outwards ? story_peer_mac : story_guest_mac, 6);
    memcpy(bytes + 6, outwards ? story_guest_mac : story_peer_mac, 6);
    CHECK(frame_parse(frame, layout));
    if (shape->protocol == PROTOCOL_TCP) {
        bytes[layout->transport + 13] = 0x10;
    }
}

static void make_large(const struct packet_shape *shape, struct frame *frame)
{
    frame->offload.gso = shape->version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    frame->offload.gso_size = MSS;
}

static void large_out(struct provider *provider, const struct packet_shape *shape)
{
    struct frame frame, came;
    struct layout layout;

    build(shape, true, &frame, &layout);
    make_large(shape, &frame);
    provider_send(provider, 0, &frame);
    provider_take(provider, taken, &came);
    CHECK_EQ(came.length, frame.length);
    CHECK_EQ(came.offload.gso, frame.offload.gso);
    CHECK_EQ(came.offload.gso_size, MSS);
    CHECK(came.offload.checksum_partial);
    CHECK(memcmp(taken + layout.payload, bytes + layout.payload, shape->payload) == 0);
}

/* Coalesced or not, the payload comes whole and in order. Returns the NBLs it came in. */
static uint32_t large_in(struct provider *provider, const struct packet_shape *shape, bool expect_whole)
{
    uint32_t done = 0, pieces = 0;
    struct frame frame;
    struct layout layout;

    build(shape, false, &frame, &layout);
    make_large(shape, &frame);
    wire_send(provider->wire, &frame, provider->story.options.headroom != 0);
    while (done < shape->payload) {
        struct provider_frame *piece = provider_expect(provider);
        uint32_t length = piece->length - layout.payload;

        CHECK(piece->length > layout.payload && length <= shape->payload - done);
        CHECK(memcmp(piece->bytes + layout.payload, bytes + layout.payload + done, length) == 0);
        CHECK(piece->offload.checksum_valid || piece->offload.gso != FRAME_GSO_NONE);
        done += length;
        pieces++;
        free(piece);
    }
    CHECK(!expect_whole || pieces == 1);
    return pieces;
}

static void large_packets(struct provider *provider)
{
    static const uint32_t payloads[] = { MSS + 1, 3000, 16000, 40000, 64000 };
    struct adapter_facts facts;
    struct vif_counters counters;

    adapter_facts(provider->story.bed.adapter, &facts);
    CHECK(facts.lso4 && facts.lso6 && facts.rsc4 && facts.rsc6);
    for (uint32_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        for (int version = 4; version <= 6; version += 2) {
            const struct packet_shape shape = { .version = version, .protocol = PROTOCOL_TCP, .payload = payloads[i] };

            large_out(provider, &shape);
            large_in(provider, &shape, true);
        }
    }
    vif_counters(provider->story.bed.vif, &counters);
    CHECK_EQ(counters.tx_gso, 2 * sizeof(payloads) / sizeof(payloads[0]));
    CHECK_EQ(counters.rx_gso, 2 * sizeof(payloads) / sizeof(payloads[0]));
}

TEST(large_packets_up_to_64_kb_pass_whole_both_ways)
{
    provider_everywhere(&(struct provider_plan){ .body = large_packets }, SEEDS);
}

/* Without GSO the guest's stack cuts, and so does what is in front of netback. */
static void no_large_packets(struct provider *provider)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 3000 };
    struct adapter_facts facts;

    adapter_facts(provider->story.bed.adapter, &facts);
    CHECK(!facts.lso4 && !facts.lso6);
    if (!provider->real) { /* netback itself never cuts: on a real machine its device takes no such packet */
        CHECK(large_in(provider, &shape, false) > 1);
    }
    provider_frames(provider, PROVIDER_WINDOW);
}

TEST(without_gso_nothing_is_large)
{
    provider_everywhere(&(struct provider_plan){ .without = "sg,gso-tcpv4,gso-tcpv6", .body = no_large_packets },
                        SEEDS);
}

static void checksum_out(struct provider *provider, const struct packet_shape *shape, bool left_open)
{
    struct frame frame, came;
    struct layout layout;

    build(shape, true, &frame, &layout);
    provider_send(provider, 0, &frame);
    provider_take(provider, taken, &came);
    if (!left_open) {
        CHECK(frame_complete_checksum(&frame));
    }
    CHECK_EQ(came.offload.checksum_partial, left_open);
    CHECK_EQ(came.length, frame.length);
    CHECK(memcmp(taken, bytes, frame.length) == 0);
}

static void checksum_in(struct provider *provider, const struct packet_shape *shape, bool good)
{
    struct provider_frame *came;
    struct layout layout;
    struct frame frame;

    build(shape, false, &frame, &layout);
    if (!good) {
        CHECK(frame_complete_checksum(&frame));
        bytes[layout.checksum] ^= 0x55;
        frame.offload = (struct frame_offload){ .checksum_partial = false };
    }
    provider_inject(provider, &frame);
    came = provider_expect(provider);
    CHECK_EQ(came->length, frame.length);
    CHECK_EQ(came->offload.checksum_valid, good);
    CHECK(memcmp(came->bytes + layout.payload, bytes + layout.payload, shape->payload) == 0);
    free(came);
}

static void checksums(struct provider *provider)
{
    bool offered = provider->plan->without == NULL;

    for (int version = 4; version <= 6; version += 2) {
        for (uint32_t protocol = PROTOCOL_TCP; protocol <= PROTOCOL_UDP; protocol += PROTOCOL_UDP - PROTOCOL_TCP) {
            for (uint32_t payload = 18; payload <= 1400; payload += 691) {
                const struct packet_shape shape = { .version = version, .protocol = (int)protocol, .payload = payload };

                checksum_out(provider, &shape, offered);
                checksum_in(provider, &shape, true);
                checksum_in(provider, &shape, false);
            }
        }
    }
}

TEST(checksums_are_left_open_both_ways)
{
    provider_everywhere(&(struct provider_plan){ .body = checksums }, SEEDS);
}

TEST(without_checksum_offload_each_is_complete)
{
    provider_everywhere(
        &(struct provider_plan){ .without = "sg,gso-tcpv4,gso-tcpv6,csum,ipv6-csum", .body = checksums }, SEEDS);
}

/* --- queues --- */

/* The edge sets the key of Microsoft's verification suite and a table that names the processors in turn. */
static void flows(struct provider *provider)
{
    static const uint8_t key[TOEPLITZ_KEY_BYTES] = {
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
        0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
        0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    };
    uint32_t arrived[QUEUES] = { 0 }, hash;

    for (uint32_t i = 0; i < FLOWS; i++) {
        const struct packet_shape shape = { .version = i % 2 != 0 ? 6 : 4,
                                            .protocol = PROTOCOL_TCP,
                                            .payload = 40,
                                            .source_port = (uint16_t)(1024 + i * 257 % 60000) };
        struct provider_frame *came;
        struct layout layout;
        struct frame frame;

        build(&shape, false, &frame, &layout);
        frame_flow_hash(&frame, key, ALL_HASHES, &hash);
        provider_inject(provider, &frame);
        came = provider_expect(provider);
        CHECK_EQ(came->processor, hash % RSS_ENTRIES % QUEUES);
        arrived[came->processor]++;
        free(came);
    }
    for (uint32_t i = 0; i < QUEUES; i++) {
        CHECK(arrived[i] != 0);
    }
}

TEST(flows_arrive_on_the_processors_that_the_table_names)
{
    provider_everywhere(&(struct provider_plan){ .queues = QUEUES, .body = flows }, SEEDS);
}

/* --- groups --- */

static const uint8_t wanted[6] = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 },
                     other[6] = { 0x01, 0x00, 0x5e, 0x04, 0x05, 0x06 };

static void send_group(struct provider *provider, const uint8_t *group)
{
    struct frame frame = { .vectors = { { bytes, 200 } }, .vector_count = 1, .length = 200 };

    provider_fill(bytes, 200, 0, false);
    memcpy(bytes, group, 6);
    provider_inject(provider, &frame);
}

/* The backend sees a change some time after it was made: until then the first frames may still fare as before, and
 * some of `before` may be on their way. */
static void until_group_arrives(struct provider *provider, const uint8_t *group, const uint8_t *before)
{
    uint64_t deadline = sched_now() + PROVIDER_PATIENCE;

    while (sched_now() < deadline) {
        struct provider_frame *came;

        send_group(provider, group);
        came = provider_received(provider, 100000000);
        if (came != NULL) {
            bool right = memcmp(came->bytes, group, 6) == 0;

            CHECK(right || memcmp(came->bytes, before, 6) == 0);
            free(came);
            if (right) {
                return;
            }
        }
    }
    give_up("frames for a group that was asked for do not arrive");
}

static void nothing_more(struct provider *provider)
{
    struct provider_frame *came;

    while ((came = provider_received(provider, 100000000)) != NULL) {
        free(came);
    }
}

static void until_backend_filters(struct provider *provider)
{
    uint64_t deadline = sched_now() + PROVIDER_PATIENCE;
    struct provider_backend before, after;

    provider_backend(provider, &before);
    do {
        if (sched_now() > deadline) {
            give_up("the backend does not filter groups");
        }
        send_group(provider, other);
        nothing_more(provider);
        provider_backend(provider, &after);
    } while (after.dropped == before.dropped);
}

/* In order behind frames of a group that nobody asked for: nothing of it may come. */
static void only_what_was_asked_for(struct provider *provider)
{
    struct provider_backend before, after;

    until_backend_filters(provider);
    provider_backend(provider, &before);
    for (uint32_t i = 0; i < PROVIDER_WINDOW; i++) {
        send_group(provider, other);
    }
    until_group_arrives(provider, wanted, wanted);
    provider_backend(provider, &after);
    CHECK(after.dropped - before.dropped >= PROVIDER_WINDOW); /* by the backend, not by the driver */
}

/* Linux's netback filters what a bridge gives its device, and not what comes from a packet socket, which is the wire
 * there: on it the requests are made, and what was asked for arrives. */
static void groups(struct provider *provider)
{
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST;

    CHECK_EQ(oid_put(&provider->story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), 0);
    CHECK_EQ(oid_put(&provider->story, OID_802_3_MULTICAST_LIST, wanted, sizeof(wanted)), 0);
    until_group_arrives(provider, wanted, wanted);
    if (!provider->real) {
        only_what_was_asked_for(provider);
    }
    filter |= NDIS_PACKET_TYPE_ALL_MULTICAST;
    CHECK_EQ(oid_put(&provider->story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), 0);
    nothing_more(provider);
    until_group_arrives(provider, other, wanted);
}

TEST(groups_are_filtered_by_the_backend)
{
    provider_everywhere(&(struct provider_plan){ .body = groups }, SEEDS);
}

/* --- features that are missing --- */

/* What the frontend has made of it: its queues and the event channels for them and for the control ring. */
struct outcome {
    uint32_t queues, channels;
};

static void some_frames(struct provider *provider)
{
    const struct outcome *outcome = provider->plan->detail;
    struct vif_counters counters;

    vif_counters(provider->story.bed.vif, &counters);
    CHECK_EQ(counters.queues, outcome->queues);
    CHECK_EQ(provider_held(provider, "event channel"), outcome->channels);
    provider_frames(provider, 4 * PROVIDER_WINDOW);
}

static void without(const char *names, uint32_t queues, uint32_t channels)
{
    const struct outcome outcome = { queues, channels };

    provider_everywhere(
        &(struct provider_plan){ .queues = 2, .without = names, .detail = &outcome, .body = some_frames }, SEEDS);
}

TEST(an_event_channel_for_each_ring)
{
    without(NULL, 2, 5);
}
TEST(one_event_channel_for_both_rings_of_a_queue)
{
    without("split-event-channels", 2, 3);
}
TEST(a_backend_without_control_ring_and_multicast_control)
{
    without("ctrl-ring,multicast-control", 2, 4);
}
TEST(a_backend_with_a_single_queue)
{
    without("multi-queue", 1, 3);
}
