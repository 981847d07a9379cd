/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a settle looks at beside numbered frames (explore.h), while nothing else happens: several flows in one chain,
 * large sends and what is made of them, tags, hashes and coalesced packets in their out-of-band fields, the largest
 * frame and one beyond it, and counters of every kind. Each is held against what the adapter reports to do at that
 * moment, so it fits every list.
 */
#include "explore.h"
#include "ndis/adapter/adapter.h"
#include "story_payload.h"
#include "xenvif/state.h"

enum { FLOWS = 3, CHAIN = 12, PIECE = 400, PIECES = 5, ROOM = 65536 + 64, SMALL = 100, MAX_WAIT = 60 };

static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 },
                     broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static uint8_t bytes[ROOM], back[ROOM];

/* --- one chain of several flows --- */

static void expect_chain(struct story *story)
{
    uint32_t next[FLOWS] = { 0 };

    for (uint32_t i = 0; i < CHAIN; i++) {
        uint32_t number, length = wire_collect(story, back, sizeof(back), NULL);

        if (length == 0) {
            test_fail(__FILE__, __LINE__, "%u of %u frames of a chain of flows arrived", i, (unsigned)CHAIN);
        }
        CHECK_EQ(length, SMALL);
        memcpy(&number, back + 14, sizeof(number));
        CHECK(number < CHAIN);
        frame_plain(bytes, SMALL, story_peer_mac, story_guest_mac, number);
        CHECK(memcmp(back, bytes, SMALL) == 0);
        if (number / FLOWS != next[number % FLOWS]++) {
            test_fail(__FILE__, __LINE__, "frame %u of flow %u arrived as number %u of it", number / FLOWS,
                      number % FLOWS, next[number % FLOWS] - 1);
        }
    }
}

/* `hashed`: a protocol gives its sends the hash of their flow while RSS is on. */
static void probe_flows(struct explorer *explorer, bool hashed)
{
    struct raw *raw = explorer->watch->raw;
    struct NET_BUFFER_LIST *first = NULL, *last = NULL;

    for (uint32_t i = 0; i < CHAIN; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(raw);

        frame_plain(bytes, SMALL, story_peer_mac, story_guest_mac, i);
        raw_add(raw, nbl, bytes, SMALL, 0, NULL, 0);
        if (hashed) {
            nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)(1 + i % FLOWS);
            nbl->NetBufferListInfo[NetBufferListHashInfo] =
                (void *)(uintptr_t)(NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
        }
        if (last != NULL) {
            raw_link(last, nbl);
        }
        first = first == NULL ? nbl : first;
        last = nbl;
    }
    raw_send(raw, first, 0, false);
    expect_chain(explorer->story);
    CHECK(raw_wait(raw, MAX_WAIT * SECOND));
    raw_free_all(raw);
}

/* --- what is received, and its out-of-band fields --- */

static void forget(struct explorer *explorer)
{
    observe_received(explorer->watch);
    watch_forget(explorer->watch);
}

static const struct watch_seen *receive(struct explorer *explorer, uint32_t length, const struct frame_offload *offload)
{
    forget(explorer);
    wire_inject(explorer->story, 0, bytes, length, offload);
    if (!watch_wait(explorer->watch, 1)) {
        test_fail(__FILE__, __LINE__, "a frame of %u bytes did not arrive", length);
    }
    return &explorer->watch->seen[0];
}

/* The hash, where one is indicated, is that of the packet by the key that everybody here sets. */
static void check_hash(const struct watch_seen *seen, const struct rss_vector *vector)
{
    const uint32_t type = seen->hash_info & ~(uint32_t)NDIS_HASH_FUNCTION_MASK;

    if (seen->hash_info == 0) {
        CHECK_EQ(seen->hash_value, 0);
        return;
    }
    CHECK_EQ(seen->hash_info & NDIS_HASH_FUNCTION_MASK, NdisHashFunctionToeplitz);
    CHECK(type == (vector->version == 4 ? NDIS_HASH_TCP_IPV4 : NDIS_HASH_TCP_IPV6) ||
          type == (vector->version == 4 ? NDIS_HASH_IPV4 : NDIS_HASH_IPV6));
    CHECK_EQ(seen->hash_value,
             type == NDIS_HASH_TCP_IPV4 || type == NDIS_HASH_TCP_IPV6 ? vector->hash_tcp : vector->hash);
}

/* Whether packets are hashed. */
static bool probe_hashes(struct explorer *explorer)
{
    bool hashed = false;

    for (uint32_t i = 0; i < RSS_VECTORS; i += RSS_VECTORS - 1) {
        const struct rss_vector *vector = &rss_vectors[i];
        const uint32_t length = rss_frame(vector, true, bytes);
        const struct watch_seen *seen = receive(explorer, length, NULL);

        CHECK_EQ(seen->length, length);
        CHECK(memcmp(seen->bytes, bytes, WATCH_BYTES) == 0);
        check_hash(seen, vector);
        hashed = seen->hash_info != 0;
    }
    return hashed;
}

/* A packet whose checksum is wrong is not called good, one whose checksum is right not bad. */
static void probe_checksums(struct explorer *explorer)
{
    for (uint32_t wrong = 0; wrong < 2; wrong++) {
        struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;
        const uint32_t length = rss_frame(&rss_vectors[0], true, bytes);

        bytes[length - 1] ^= (uint8_t)wrong;
        info.Value = (void *)(uintptr_t)receive(explorer, length, NULL)->checksum;
        CHECK(!(wrong ? info.Receive.TcpChecksumSucceeded : info.Receive.TcpChecksumFailed));
        CHECK(!info.Receive.IpChecksumFailed && !info.Receive.UdpChecksumFailed && !info.Receive.UdpChecksumSucceeded);
    }
}

/* A tag with a priority and no VLAN, both ways. */
static void probe_tags(struct explorer *explorer)
{
    struct story *story = explorer->story;
    const bool beside = (oid_get32(story, OID_GEN_MAC_OPTIONS) & NDIS_MAC_OPTION_8021P_PRIORITY) != 0;
    const struct watch_seen *seen;

    frame_plain(bytes, SMALL + 4, story_peer_mac, story_guest_mac, 5);
    put16(bytes + 12, ETHERTYPE_VLAN);
    put16(bytes + 14, 5 << 13);
    story_edge_send(story, bytes, SMALL + 4, &(struct frame_offload){ 0 });
    CHECK_EQ(wire_collect(story, back, sizeof(back), NULL), SMALL + 4);
    CHECK(memcmp(back, bytes, SMALL + 4) == 0);

    memcpy(bytes, story_guest_mac, 6);
    memcpy(bytes + 6, story_peer_mac, 6);
    seen = receive(explorer, SMALL + 4, NULL);
    CHECK_EQ(seen->length, SMALL); /* the tag is taken out */
    CHECK_EQ(seen->priority, beside ? 5 : 0);
    CHECK_EQ(seen->vlan, 0);
    CHECK(memcmp(seen->bytes + 12, bytes + 16, SMALL - 12) == 0);
}

/* Segments that the backend has put together: in one packet with their number where that is switched on, or in as many
 * as the largest frame makes of them. */
static void probe_coalesced(struct explorer *explorer)
{
    const uint32_t payload = PIECE * PIECES - 1;
    struct adapter_facts facts;
    uint32_t sum = 0, count;

    adapter_facts(explorer->story->bed.adapter, &facts);
    for (int version = 4; version <= 6; version += 2) {
        const bool joined = version == 4 ? facts.rsc4 : facts.rsc6;
        const uint32_t headers = version == 4 ? 54 : 74;
        struct frame_offload offload;
        const uint32_t length =
            story_payload_build(bytes, version, PROTOCOL_TCP, payload, story_guest_mac, story_peer_mac, &offload);

        offload.gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
        offload.gso_size = PIECE;
        (void)receive(explorer, length, &offload);
        CHECK(watch_wait(explorer->watch, explorer->watch->seen[0].length == length ? 1 : PIECES));
        count = explorer->watch->count;
        sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct watch_seen *seen = &explorer->watch->seen[i];
            const uint32_t part = seen->length - headers;

            sum += part;
            CHECK_EQ(seen->segments, joined && part > PIECE ? (part + PIECE - 1) / PIECE : 0);
            CHECK(joined || part <= PIECE);
            CHECK_EQ(seen->duplicate_acks, 0);
        }
        CHECK_EQ(sum, payload);
    }
}

/* Datagrams of one flow, which the driver may put together: every byte of them, and none in front of another. */
static void probe_joined(struct explorer *explorer)
{
    struct frame_offload offload;
    const uint32_t length =
                       story_payload_build(bytes, 4, PROTOCOL_UDP, PIECE, story_guest_mac, story_peer_mac, &offload),
                   headers = length - PIECE;
    uint32_t sum = 0;

    offload.checksum_valid = false;
    forget(explorer);
    for (uint32_t i = 0; i < PIECES; i++) {
        bytes[headers] = (uint8_t)i; /* blank, the checksum does not change */
        wire_inject(explorer->story, 0, bytes, length, &offload);
    }
    for (uint32_t seen = 0; sum < PIECES * PIECE; seen++) {
        const struct watch_seen *nbl = &explorer->watch->seen[seen];

        if (!watch_wait(explorer->watch, seen + 1)) {
            test_fail(__FILE__, __LINE__, "%u of %u bytes of a flow arrived", sum, (unsigned)(PIECES * PIECE));
        }
        CHECK_EQ(nbl->bytes[headers], sum / PIECE);
        CHECK_EQ((nbl->length - headers) % PIECE, 0);
        sum += nbl->length - headers;
    }
    CHECK_EQ(sum, PIECES * PIECE);
}

/* --- the largest frame --- */

/* netback keeps to a page without scatter-gather. */
static bool backend_scatters(const struct explorer *explorer)
{
    const struct bed *bed = &explorer->story->bed;
    uint32_t queues, without;

    if (bed->vif != NULL) {
        return bed->vif->frontend.features.sg;
    }
    netback_offered(bed->netback, &queues, &without);
    return (without & 1u << NETBACK_BIT_SG) == 0;
}

static void probe_largest(struct explorer *explorer)
{
    struct story *story = explorer->story;
    struct raw *raw = explorer->watch->raw;
    const uint32_t largest = oid_get32(story, OID_GEN_MAXIMUM_TOTAL_SIZE), with_tag = largest + 4;
    struct NET_BUFFER_LIST *fits = raw_nbl(raw), *beyond = raw_nbl(raw);

    CHECK(largest >= 14 + 68 && largest < ROOM);
    frame_plain(bytes, with_tag + 1, story_peer_mac, story_guest_mac, 6);
    raw_add(raw, fits, bytes, largest, 0, NULL, 0);
    raw_add(raw, beyond, bytes, with_tag + 1, 0, NULL, 0);
    raw_send(raw, beyond, 0, false);
    raw_send(raw, fits, 0, false);
    CHECK_EQ(wire_collect(story, back, sizeof(back), NULL), largest);
    CHECK(memcmp(back, bytes, largest) == 0);
    CHECK(raw_wait(raw, MAX_WAIT * SECOND));
    observe("beyond", "status %#x", (uint32_t)beyond->Status);
    CHECK_EQ(fits->Status, SUCCESS);
    CHECK(!IS(beyond->Status, SUCCESS));
    raw_free_all(raw);
    memcpy(bytes, story_guest_mac, 6);
    memcpy(bytes + 6, story_peer_mac, 6);
    /* netback keeps to its own MTU of the moment. */
    if ((backend_scatters(explorer) || largest <= 1514) && largest <= backend_mtu(explorer) + 14) {
        CHECK_EQ(receive(explorer, largest, NULL)->length, largest);
    }
}

/* --- counters --- */

/* A frame to each kind of address both ways: every counter of theirs, to the octet, as soon as the sends are back. Not
 * to a group at a netback whose list is full of the same ones: XenVif names them with each Enable, and that it takes
 * them back with Disable it discards (xenvif/transmitter.c, __TransmitterRingDisable). */
static void probe_counters(struct explorer *explorer)
{
    static const uint8_t *const out[] = { story_peer_mac, group, broadcast }, *const in[] = { story_guest_mac, group,
                                                                                              broadcast };
    struct story *story = explorer->story;
    struct NDIS_STATISTICS_INFO before, after;
    uint64_t sent, received;
    uint32_t groups = 1;

    CHECK(story_until(story, sends_are_back, MAX_WAIT)); /* what is not is not counted yet */
    sent = oid_get64(story, OID_GEN_XMIT_OK), received = oid_get64(story, OID_GEN_RCV_OK);
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, group, sizeof(group)), SUCCESS);
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &before, sizeof(before)), SUCCESS);
    for (uint32_t i = 0; i < 3; i++) {
        frame_plain(bytes, SMALL + i, out[i], story_guest_mac, i);
        story_edge_send(story, bytes, SMALL + i, &(struct frame_offload){ 0 });
        CHECK_EQ(wire_collect(story, back, sizeof(back), NULL), SMALL + i);
        if (in[i] == group && netback_refuses_group(story->bed.netback, group)) {
            groups = 0;
            continue;
        }
        frame_plain(bytes, SMALL + 3 + i, in[i], story_peer_mac, i);
        CHECK_EQ(receive(explorer, SMALL + 3 + i, NULL)->length, SMALL + 3 + i);
    }
    CHECK(story_until(story, sends_are_back, MAX_WAIT));
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &after, sizeof(after)), SUCCESS);
#define GREW(field, by) CHECK_EQ(after.field - before.field, by)
    GREW(ifHCOutUcastPkts, 1);
    GREW(ifHCOutMulticastPkts, 1);
    GREW(ifHCOutBroadcastPkts, 1);
    GREW(ifHCOutUcastOctets, SMALL);
    GREW(ifHCOutMulticastOctets, SMALL + 1);
    GREW(ifHCOutBroadcastOctets, SMALL + 2);
    GREW(ifHCOutOctets, 3 * SMALL + 3);
    GREW(ifHCInUcastPkts, 1);
    GREW(ifHCInMulticastPkts, groups);
    GREW(ifHCInBroadcastPkts, 1);
    GREW(ifHCInUcastOctets, SMALL + 3);
    GREW(ifHCInMulticastOctets, groups * (SMALL + 4));
    GREW(ifHCInBroadcastOctets, SMALL + 5);
    GREW(ifHCInOctets, 2 * SMALL + 8 + groups * (SMALL + 4));
    GREW(ifOutErrors, 0);
    GREW(ifOutDiscards, 0);
    GREW(ifInErrors, 0);
    GREW(ifInDiscards, 0);
#undef GREW
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_OK) - sent, 3);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_OK) - received, 2 + groups);
}

static bool hashed; /* packets are, as the probe of hashes has seen */

static void look_at_hashes(struct explorer *explorer)
{
    hashed = probe_hashes(explorer);
}

static void send_flows(struct explorer *explorer)
{
    probe_flows(explorer, hashed);
}

static void send_payload(struct explorer *explorer)
{
    story_payload_probe(explorer->story, PIECE, PIECES);
}

static const struct {
    const char *name;
    void (*run)(struct explorer *explorer);
} probes[] = {
    { "hashes", look_at_hashes },     { OBSERVE_NOTHING, send_flows }, { "payload", send_payload },
    { "checksums", probe_checksums }, { "tags", probe_tags },          { "coalesced", probe_coalesced },
    { "joined", probe_joined },       { "largest", probe_largest },    { "counters", probe_counters },
};

void probe_all(struct explorer *explorer)
{
    if (observing()) {
        watch_forget(explorer->watch); /* numbered frames, in any order */
    }
    for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
        observe_probe(probes[i].name);
        probes[i].run(explorer);
        if (observing()) {
            forget(explorer);
        }
    }
    observe_probe("");
}
