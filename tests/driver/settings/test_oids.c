/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OID requests as the certification tests send them: 64-bit counters by each length, every OID with every wrong buffer,
 * private OIDs, and what is listed against what is answered. Requests arrive beside traffic.
 */
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

enum { MAX_BUFFER = 2048 };

static const uint32_t counters[] = {
    OID_GEN_XMIT_OK,
    OID_GEN_RCV_OK,
    OID_GEN_XMIT_ERROR,
    OID_GEN_RCV_ERROR,
    OID_GEN_RCV_NO_BUFFER,
    OID_GEN_RCV_CRC_ERROR,
    OID_GEN_XMIT_DISCARDS,
    OID_GEN_RCV_DISCARDS,
    OID_GEN_BYTES_XMIT,
    OID_GEN_BYTES_RCV,
    OID_GEN_DIRECTED_BYTES_XMIT,
    OID_GEN_DIRECTED_FRAMES_XMIT,
    OID_GEN_MULTICAST_BYTES_XMIT,
    OID_GEN_MULTICAST_FRAMES_XMIT,
    OID_GEN_BROADCAST_BYTES_XMIT,
    OID_GEN_BROADCAST_FRAMES_XMIT,
    OID_GEN_DIRECTED_BYTES_RCV,
    OID_GEN_DIRECTED_FRAMES_RCV,
    OID_GEN_MULTICAST_BYTES_RCV,
    OID_GEN_MULTICAST_FRAMES_RCV,
    OID_GEN_BROADCAST_BYTES_RCV,
    OID_GEN_BROADCAST_FRAMES_RCV,
};
enum { COUNTERS = sizeof(counters) / sizeof(counters[0]) };

static void counters_by_length(struct story *story)
{
    uint32_t i;

    story_send(story, 0, 32, 8);
    story_inject(story, 0, 32);
    story_collect(story, 32);
    story_wait_received(story, 32);
    for (i = 0; i < COUNTERS; i++) {
        uint64_t whole = 0;
        uint32_t half = 0;
        int32_t status = oid_get(story, counters[i], NULL, 0);

        CHECK(IS(status, NDIS_STATUS_INVALID_LENGTH) || IS(status, NDIS_STATUS_BUFFER_TOO_SHORT));
        CHECK_EQ(oid_needed, 8);
        CHECK_EQ(oid_written, 0);
        CHECK_EQ(oid_get(story, counters[i], &half, 4), SUCCESS);
        CHECK_EQ(oid_written, 4);
        CHECK_EQ(oid_needed, 8);
        CHECK_EQ(oid_get(story, counters[i], &whole, 8), SUCCESS);
        CHECK_EQ(oid_written, 8);
        CHECK_EQ((uint32_t)whole, half);
        status = oid_get(story, counters[i], &half, 3);
        CHECK(IS(status, NDIS_STATUS_INVALID_LENGTH) || IS(status, NDIS_STATUS_BUFFER_TOO_SHORT));
        CHECK_EQ(oid_needed, 8);
        CHECK_EQ(oid_written, 0);
    }
    story_count("%u counters, each with 0, 3, 4 and 8 bytes", COUNTERS);
}

/* 1c_64BitOIDs, OidRequestTest */
TEST(counters_of_64_bits_answer_every_length_as_ndis_asks)
{
    story_everywhere(&(struct story_plan){ .body = counters_by_length }, 4);
}

/* Answered by direct requests only, which are no part of this. */
static bool is_direct(uint32_t oid)
{
    return oid == OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES;
}

static bool may_be_sent_blindly(uint32_t oid)
{
    return oid != OID_PNP_SET_POWER; /* the adapter's life has its own tests */
}

static void bad_buffers(struct story *story)
{
    static const uint32_t lengths[] = { 0,  1,  2,  3,  4,   5,   6,   7,   8,   12,  16,  20,   31,
                                        32, 40, 63, 64, 100, 151, 152, 153, 255, 256, 512, 1024, 2048 };
    static const uint8_t fills[] = { 0x00, 0xff, 0x01, 0x80 };
    uint8_t buffer[MAX_BUFFER];
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(story->bed.adapter, &oids), asked = 0, i, l, f, needed, written;

    for (i = 0; i < count; i++) {
        for (l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
            for (f = 0; f < sizeof(fills); f++) {
                memset(buffer, fills[f], sizeof(buffer));
                (void)oid_get(story, oids[i], buffer, lengths[l]);
                CHECK(oid_written <= lengths[l]);
                if (may_be_sent_blindly(oids[i])) {
                    (void)oid_put(story, oids[i], buffer, lengths[l]);
                }
                (void)adapter_method(story->bed.adapter, oids[i], buffer, lengths[l], lengths[l] / 2, &written,
                                     &needed);
                asked += 3;
            }
        }
    }
    /* Whatever was set above and accepted must not have broken the adapter: it still answers, pauses and restarts. */
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE), 1500);
    CHECK_EQ(adapter_pause(story->bed.adapter), 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), 0);
    story_count("%u requests to %u OIDs with bad buffers", asked, count);
}

/* 1c_IOCTLCoverage, 1c_NdisRequestCov */
TEST(bad_buffers_and_lengths_never_crash)
{
    story_everywhere(&(struct story_plan){ .queues = 2, .body = bad_buffers }, 1);
}

static void listed_is_answered(struct story *story)
{
    /* Where Microsoft's and vendors' OIDs of an Ethernet miniport lie. */
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00010100, 0x00010300 }, { 0x00020100, 0x00020220 }, { 0x01010100, 0x01010300 }, { 0x01020100, 0x01020220 },
        { 0xfc010200, 0xfc0102ff }, { 0xfd010100, 0xfd010110 }, { 0xff000000, 0xff000100 }, { 0xffffff00, 0xffffffff },
    };
    uint8_t buffer[MAX_BUFFER];
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(story->bed.adapter, &oids), unknown = 0, i, j, r;

    for (i = 0; i < count; i++) {
        uint32_t written, needed;
        int32_t query = oid_get(story, oids[i], NULL, 0), set = NDIS_STATUS_SUCCESS, method;

        for (j = 0; j < i; j++) {
            CHECK(oids[i] != oids[j]);
        }
        method = adapter_method(story->bed.adapter, oids[i], NULL, 0, 0, &written, &needed);
        if (may_be_sent_blindly(oids[i])) {
            set = oid_put(story, oids[i], NULL, 0);
        }
        if (IS(query, NDIS_STATUS_NOT_SUPPORTED) && IS(set, NDIS_STATUS_NOT_SUPPORTED) &&
            IS(method, NDIS_STATUS_NOT_SUPPORTED) && !is_direct(oids[i])) {
            test_fail(__FILE__, __LINE__, "OID %#x is listed and not answered", oids[i]);
        }
    }
    memset(buffer, 0, sizeof(buffer));
    for (r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
        uint64_t oid;

        for (oid = ranges[r].first; oid <= ranges[r].last; oid++) {
            if (oid_listed(story, (uint32_t)oid)) {
                continue;
            }
            unknown++;
            if (!IS(oid_get(story, (uint32_t)oid, buffer, sizeof(buffer)), NDIS_STATUS_NOT_SUPPORTED) ||
                !IS(oid_put(story, (uint32_t)oid, buffer, sizeof(buffer)), NDIS_STATUS_NOT_SUPPORTED)) {
                test_fail(__FILE__, __LINE__, "OID %#x is answered and not listed", (uint32_t)oid);
            }
        }
    }
    CHECK_EQ(oid_get(story, OID_GEN_SUPPORTED_LIST, buffer, sizeof(buffer)), SUCCESS);
    CHECK_EQ(oid_written, count * 4);
    CHECK(memcmp(buffer, oids, count * 4) == 0);
    story_count("%u OIDs listed and answered, %u neither", count, unknown);
}

TEST(what_is_listed_is_answered_and_what_is_answered_is_listed)
{
    story_everywhere(&(struct story_plan){ .queues = 2, .body = listed_is_answered }, 1);
}

static void required(struct story *story)
{
    /* What NDIS 6 requires of an Ethernet miniport's own table (others it answers from the attributes). */
    static const uint32_t mandatory[] = {
        OID_GEN_CURRENT_PACKET_FILTER,
        OID_GEN_CURRENT_LOOKAHEAD,
        OID_GEN_RECEIVE_BUFFER_SPACE,
        OID_GEN_TRANSMIT_BUFFER_SPACE,
        OID_GEN_RECEIVE_BLOCK_SIZE,
        OID_GEN_TRANSMIT_BLOCK_SIZE,
        OID_GEN_VENDOR_ID,
        OID_GEN_VENDOR_DESCRIPTION,
        OID_GEN_VENDOR_DRIVER_VERSION,
        OID_GEN_INTERRUPT_MODERATION,
        OID_GEN_STATISTICS,
        OID_GEN_XMIT_OK,
        OID_GEN_RCV_OK,
        OID_GEN_PHYSICAL_MEDIUM,
        OID_802_3_PERMANENT_ADDRESS,
        OID_802_3_CURRENT_ADDRESS,
        OID_802_3_MULTICAST_LIST,
        OID_802_3_MAXIMUM_LIST_SIZE,
        OID_PNP_SET_POWER,
        OID_PNP_QUERY_POWER,
        OID_OFFLOAD_ENCAPSULATION,
        OID_TCP_OFFLOAD_PARAMETERS,
    };
    uint8_t buffer[MAX_BUFFER];
    uint32_t i, power = NdisDeviceStateD3;

    for (i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        if (!oid_listed(story, mandatory[i])) {
            test_fail(__FILE__, __LINE__, "OID %#x is required and not listed", mandatory[i]);
        }
    }
    CHECK_EQ(oid_get32(story, OID_GEN_PHYSICAL_MEDIUM), NdisPhysicalMedium802_3);
    CHECK_EQ(oid_get(story, OID_802_3_PERMANENT_ADDRESS, buffer, sizeof(buffer)), SUCCESS);
    CHECK_EQ(oid_written, 6);
    CHECK(memcmp(buffer, story_guest_mac, 6) == 0);
    CHECK_EQ(oid_get32(story, OID_GEN_VENDOR_ID), 0x013e1600); /* the first three bytes of the address, and a number */
    CHECK_EQ(oid_get(story, OID_GEN_VENDOR_DESCRIPTION, buffer, sizeof(buffer)), SUCCESS);
    CHECK(oid_written > 4 && buffer[oid_written - 1] == 0);
    (void)oid_get(story, OID_PNP_QUERY_POWER, &power, sizeof(power));
    CHECK_EQ(oid_get32(story, OID_GEN_MAXIMUM_TOTAL_SIZE), oid_get32(story, OID_GEN_MAXIMUM_FRAME_SIZE) + 14);
    story_count("%zu required OIDs", sizeof(mandatory) / sizeof(mandatory[0]));
}

/* 2c_OidsNdisRequest */
TEST(every_oid_that_ndis_requires_is_there_with_a_plausible_value)
{
    static const char *const windows[] = { "7", "8.1", "10-1809", "10-22h2", "11-24h2", "2025" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_everywhere(&(struct story_plan){ .windows = windows[i], .queues = 2, .quiet = i != 0, .body = required },
                         1);
    }
}

struct asker {
    struct story *story;
    uint32_t stop, asked;
};

static void ask(void *argument)
{
    struct asker *asker = argument;

    while (!__atomic_load_n(&asker->stop, __ATOMIC_ACQUIRE)) {
        struct NDIS_STATISTICS_INFO statistics;
        uint32_t filter = oid_get32(asker->story, OID_GEN_CURRENT_PACKET_FILTER);

        CHECK_EQ(oid_get(asker->story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
        CHECK_EQ(oid_put(asker->story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
        asker->asked += 3;
        story_rest();
    }
}

static void oids_beside_traffic(struct story *story)
{
    struct asker asker = { .story = story };
    struct task *task = task_spawn("asker", 0, ask, &asker);

    story_send(story, 0, 256, 8);
    story_inject(story, 0, 256);
    story_collect(story, 256);
    story_wait_received(story, 256);
    __atomic_store_n(&asker.stop, 1, __ATOMIC_RELEASE);
    task_join(task);
    story_check(&story->out, 0);
    story_check(&story->in, 0);
    story_count("%u OID requests beside 512 frames", asker.asked);
}

TEST(oids_beside_traffic_lose_no_frame)
{
    story_everywhere(&(struct story_plan){ .body = oids_beside_traffic }, 20);
}

static void refused_states(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    struct NDIS_OFFLOAD_ENCAPSULATION encapsulation;
    struct NDIS_PM_PARAMETERS wake;
    uint32_t state = 99;
    uint8_t bytes[64];

    CHECK(!IS(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), SUCCESS)); /* no such state */
    memset(&wake, 0, sizeof(wake));
    wake.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    wake.Header.Revision = NDIS_PM_PARAMETERS_REVISION_1;
    wake.Header.Size = NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1;
    CHECK_EQ(oid_put(story, OID_PM_PARAMETERS, &wake, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1),
             SUCCESS);                                                /* nothing is asked for */
    wake.EnabledWoLPacketPatterns = NDIS_PM_WOL_MAGIC_PACKET_ENABLED; /* no wake-up was offered */
    CHECK(!IS(oid_put(story, OID_PM_PARAMETERS, &wake, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1), SUCCESS));
    wake.EnabledWoLPacketPatterns = 0;
    wake.EnabledProtocolOffloads = 1;
    CHECK(!IS(oid_put(story, OID_PM_PARAMETERS, &wake, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1), SUCCESS));
    wake.EnabledProtocolOffloads = 0;
    wake.WakeUpFlags = NDIS_PM_WAKE_ON_LINK_CHANGE_ENABLED;
    CHECK(!IS(oid_put(story, OID_PM_PARAMETERS, &wake, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1), SUCCESS));
    wake.WakeUpFlags = 0;
    wake.Header.Revision = 0;
    CHECK_STATUS(oid_put(story, OID_PM_PARAMETERS, &wake, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1),
                 NDIS_STATUS_INVALID_PARAMETER);
    memset(&encapsulation, 0, sizeof(encapsulation));
    encapsulation.Header.Type = NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION;
    encapsulation.Header.Revision = NDIS_OFFLOAD_ENCAPSULATION_REVISION_1;
    encapsulation.Header.Size = NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1;
    encapsulation.IPv4.Enabled = NDIS_OFFLOAD_SET_ON;
    encapsulation.IPv4.EncapsulationType = NDIS_ENCAPSULATION_NULL;
    CHECK(!IS(oid_put(story, OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof(encapsulation)),
              SUCCESS)); /* not Ethernet's */
    encapsulation.IPv4.Enabled = NDIS_OFFLOAD_SET_OFF;
    encapsulation.IPv6.Enabled = NDIS_OFFLOAD_SET_NO_CHANGE;
    CHECK_EQ(oid_put(story, OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof(encapsulation)), SUCCESS);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, 1000000000));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_LOW_POWER_STATE);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
    watch_close(watch);
    story_count("power states, wake-ups and encapsulations that cannot be were refused");
}

TEST(states_that_cannot_be_are_refused)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .body = refused_states }, 1);
}

static void lie_rings(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_RECEIVE_RING_SIZE, 512);
}

static void buffer_space(struct story *story)
{
    CHECK_EQ(oid_get32(story, OID_GEN_RECEIVE_BUFFER_SPACE), 2 * oid_get32(story, OID_GEN_TRANSMIT_BUFFER_SPACE));
}

TEST(receive_buffer_space_is_that_of_the_receive_ring)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .stand_in = "no XenVif answers what cannot be true",
                                    .prepare = lie_rings,
                                    .body = buffer_space });
}

static void both_ways(struct story *story)
{
    static const uint32_t asked[] = { OID_GEN_PHYSICAL_MEDIUM, OID_802_3_RCV_ERROR_ALIGNMENT,
                                      OID_802_3_XMIT_ONE_COLLISION, OID_802_3_XMIT_MORE_COLLISIONS,
                                      OID_802_3_MAXIMUM_LIST_SIZE };
    uint32_t value, i;

    for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        CHECK_EQ(oid_listed(story, asked[i]), IS(oid_get(story, asked[i], &value, sizeof(value)), SUCCESS));
    }
    CHECK_EQ(oid_get32(story, OID_GEN_PHYSICAL_MEDIUM), NdisPhysicalMedium802_3);
}

TEST(physical_medium_and_the_802_3_oids_are_listed_and_answered)
{
    story_once(both_ways, 1);
}
