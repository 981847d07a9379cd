/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What switches offloads on and off. Each keyword by itself, at each of its values, with all others off and with all
 * others on: what the adapter offers is what that keyword says and nothing beside it. Each member of a request
 * likewise, in each revision of its record; what is refused changes nothing. On the simulated scheduler.
 */
#include "nt/registry/registry.h"
#include "story_watch.h"

/* What an adapter offers, one bit each. */
enum offer {
    TX_IP4 = 1 << 0,
    RX_IP4 = 1 << 1,
    TX_TCP4 = 1 << 2,
    RX_TCP4 = 1 << 3,
    TX_UDP4 = 1 << 4,
    RX_UDP4 = 1 << 5,
    TX_TCP6 = 1 << 6,
    RX_TCP6 = 1 << 7,
    TX_UDP6 = 1 << 8,
    RX_UDP6 = 1 << 9,
    LSO4 = 1 << 10,
    LSO6 = 1 << 11,
    RSC4 = 1 << 12,
    RSC6 = 1 << 13,
    USO4 = 1 << 14,
    USO6 = 1 << 15,
    URO = 1 << 16,
    ALL = (1 << 17) - 1
};

static const struct keyword {
    const char *name;
    uint32_t values;        /* 0 ... values - 1 */
    uint32_t first, second; /* what bit 0 and bit 1 of the value switch on */
} keywords[] = {
    { "*IPChecksumOffloadIPv4", 4, TX_IP4, RX_IP4 },
    { "*TCPChecksumOffloadIPv4", 4, TX_TCP4, RX_TCP4 },
    { "*UDPChecksumOffloadIPv4", 4, TX_UDP4, RX_UDP4 },
    { "*TCPChecksumOffloadIPv6", 4, TX_TCP6, RX_TCP6 },
    { "*UDPChecksumOffloadIPv6", 4, TX_UDP6, RX_UDP6 },
    { "*LsoV2IPv4", 2, LSO4, 0 },
    { "*LsoV2IPv6", 2, LSO6, 0 },
    { "*RscIPv4", 2, RSC4, 0 },
    { "*RscIPv6", 2, RSC6, 0 },
    { "*UsoIPv4", 2, USO4, 0 },
    { "*UsoIPv6", 2, USO6, 0 },
    { "*UdpRsc", 2, URO, 0 },
};
enum { KEYWORDS = sizeof(keywords) / sizeof(keywords[0]) };

static uint32_t offered(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return (facts.checksum_tx_ip4 ? TX_IP4 : 0) | (facts.checksum_rx_ip4 ? RX_IP4 : 0) |
           (facts.checksum_tx_tcp4 ? TX_TCP4 : 0) | (facts.checksum_rx_tcp4 ? RX_TCP4 : 0) |
           (facts.checksum_tx_udp4 ? TX_UDP4 : 0) | (facts.checksum_rx_udp4 ? RX_UDP4 : 0) |
           (facts.checksum_tx_tcp6 ? TX_TCP6 : 0) | (facts.checksum_rx_tcp6 ? RX_TCP6 : 0) |
           (facts.checksum_tx_udp6 ? TX_UDP6 : 0) | (facts.checksum_rx_udp6 ? RX_UDP6 : 0) | (facts.lso4 ? LSO4 : 0) |
           (facts.lso6 ? LSO6 : 0) | (facts.rsc4 ? RSC4 : 0) | (facts.rsc6 ? RSC6 : 0) | (facts.uso4 ? USO4 : 0) |
           (facts.uso6 ? USO6 : 0) | (facts.uro ? URO : 0);
}

static void set(struct story *story, const struct keyword *keyword, uint32_t value)
{
    char text[4];

    snprintf(text, sizeof(text), "%u", value);
    registry_set_string(story->bed.package->driver_key, keyword->name, text);
}

static void start_again(struct story *story)
{
    char error[512];

    adapter_remove(story->bed.adapter);
    story->bed.adapter = adapter_add(story->bed.driver, bed_pdo(&story->bed), story->bed.package, error, sizeof(error));
    CHECK(story->bed.adapter != NULL);
}

/* What is left of it: a large send needs the checksums of its direction, and so does what is put together. */
static uint32_t possible(uint32_t bits)
{
    bits &= (bits & TX_TCP4) != 0 ? ALL : ~(uint32_t)LSO4;
    bits &= (bits & TX_TCP6) != 0 ? ALL : ~(uint32_t)LSO6;
    bits &= (bits & RX_TCP4) != 0 ? ALL : ~(uint32_t)RSC4;
    bits &= (bits & RX_TCP6) != 0 ? ALL : ~(uint32_t)RSC6;
    bits &= ((bits & RX_UDP4) != 0 && (bits & RX_IP4) != 0) || (bits & RX_UDP6) != 0 ? ALL : ~(uint32_t)URO;
    return bits;
}

static uint32_t meant(const struct keyword *keyword, uint32_t value)
{
    return ((value & 1) != 0 ? keyword->first : 0) | ((value & 2) != 0 ? keyword->second : 0);
}

static void each_alone(struct story *story)
{
    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    CHECK_EQ(offered(story), ALL);
    for (uint32_t others = 0; others < 2; others++) {
        for (uint32_t k = 0; k < KEYWORDS; k++) {
            for (uint32_t value = 0; value < keywords[k].values; value++) {
                uint32_t expected = 0;

                for (uint32_t i = 0; i < KEYWORDS; i++) {
                    const uint32_t v = i == k ? value : others != 0 ? keywords[i].values - 1 : 0;

                    set(story, &keywords[i], v);
                    expected |= meant(&keywords[i], v);
                }
                expected = possible(expected);
                start_again(story);
                if (offered(story) != expected) {
                    test_fail(__FILE__, __LINE__, "%s at %u, the others %s: %#x is offered, %#x expected",
                              keywords[k].name, value, others != 0 ? "on" : "off", offered(story), expected);
                }
            }
        }
    }
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
}

/* StandardizedKeywords */
TEST(each_offload_keyword_switches_what_it_names_and_nothing_else)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "11-24h2", .edge_buffers = 16, .body = each_alone });
}

/* --- OID_TCP_OFFLOAD_PARAMETERS --- */

enum { RECORD = 35, REVISIONS = 6, NO_CHANGE = 0 };

static const uint8_t record_sizes[REVISIONS + 1] = { 0, 20, 22, 26, 32, 34, 35 };

static const struct member {
    uint32_t offset, revision; /* the first that has it */
    bool checksum;             /* 1: off, 2: sends, 3: receives, 4: both; else 1: off, 2: on */
    uint32_t first, second;
} members[] = {
    { 4, 1, true, TX_IP4, RX_IP4 },   { 5, 1, true, TX_TCP4, RX_TCP4 }, { 6, 1, true, TX_UDP4, RX_UDP4 },
    { 7, 1, true, TX_TCP6, RX_TCP6 }, { 8, 1, true, TX_UDP6, RX_UDP6 }, { 9, 1, false, 0, 0 }, /* LSO version 1 */
    { 11, 1, false, LSO4, 0 },        { 12, 1, false, LSO6, 0 },        { 22, 3, false, RSC4, 0 },
    { 23, 3, false, RSC6, 0 },        { 32, 5, false, USO4, 0 },        { 33, 5, false, USO6, 0 },
    { 34, 6, false, URO, 0 },
};
enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

/* What nobody has here: the least value that switches it on. */
static const struct {
    uint32_t offset, revision, on, also_off;
} foreign[] = { { 10, 1, 2, 0 }, { 13, 1, 2, 0 }, { 14, 1, 2, 0 }, { 20, 2, 2, 0 }, { 21, 2, 2, 0 }, { 24, 3, 1, 2 } };

static int32_t put(struct story *story, uint32_t revision, uint32_t offset, uint32_t value)
{
    uint8_t record[RECORD] = { NDIS_OBJECT_TYPE_DEFAULT, (uint8_t)revision, record_sizes[revision] };
    uint32_t needed;

    record[offset] = (uint8_t)value;
    return adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, record_sizes[revision], &needed);
}

static void each_value(struct story *story, const struct member *member, uint32_t *current)
{
    const uint32_t both = member->first | member->second, values = member->checksum ? 5 : 3;

    for (uint32_t value = 0; value < values + 2; value++) {
        const bool first = member->checksum ? value == 2 || value == 4 : value == 2,
                   second = member->checksum && (value == 3 || value == 4);

        if (value < values) {
            CHECK_STATUS(put(story, REVISIONS, member->offset, value), SUCCESS);
            if (value != NO_CHANGE) {
                *current = (*current & ~both) | (first ? member->first : 0) | (second ? member->second : 0);
            }
        } else {
            CHECK_STATUS(put(story, REVISIONS, member->offset, value == values ? values : 255),
                         NDIS_STATUS_INVALID_DATA);
        }
        if (offered(story) != possible(*current)) {
            test_fail(__FILE__, __LINE__, "byte %u at %u: %#x is offered, %#x expected", member->offset, value,
                      offered(story), possible(*current));
        }
    }
}

/* A record without the member leaves it alone, whatever stands there. */
static void each_revision(struct story *story, const struct member *member, uint32_t current)
{
    for (uint32_t revision = 1; revision < member->revision; revision++) {
        uint8_t record[RECORD] = { NDIS_OBJECT_TYPE_DEFAULT, (uint8_t)revision, RECORD };
        uint32_t needed;

        for (uint32_t i = record_sizes[member->revision - 1]; i < RECORD; i++) {
            record[i] = 1;
        }
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, RECORD, &needed), SUCCESS);
        CHECK_EQ(offered(story), possible(current));
    }
}

static void spoiled_records(struct story *story, uint32_t current)
{
    for (uint32_t revision = 1; revision <= REVISIONS + 1; revision++) {
        const uint32_t size = record_sizes[revision <= REVISIONS ? revision : REVISIONS];
        uint8_t record[RECORD + 1] = { NDIS_OBJECT_TYPE_DEFAULT, (uint8_t)revision, (uint8_t)size };
        uint32_t needed;

        for (uint32_t i = 0; i < MEMBERS; i++) {
            record[members[i].offset] = members[i].offset < size ? 1 : 0; /* would switch everything off */
        }
        record[2]--;
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, size, &needed),
                     NDIS_STATUS_INVALID_LENGTH);
        record[2]++;
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, size - 1, &needed),
                     NDIS_STATUS_INVALID_LENGTH);
        record[0]++;
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, size, &needed),
                     NDIS_STATUS_INVALID_DATA);
        record[0]--, record[1] = 0;
        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, size, &needed),
                     NDIS_STATUS_INVALID_DATA);
        CHECK_EQ(offered(story), possible(current));
    }
}

static void requests(struct story *story)
{
    uint32_t current = ALL;

    CHECK_EQ(offered(story), ALL);
    for (uint32_t i = 0; i < MEMBERS; i++) {
        each_value(story, &members[i], &current);
        each_revision(story, &members[i], current);
        CHECK_STATUS(put(story, REVISIONS, members[i].offset, members[i].checksum ? 4 : 2), SUCCESS);
        current = ALL;
        CHECK_EQ(offered(story), ALL);
    }
    for (uint32_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        CHECK_STATUS(put(story, REVISIONS, foreign[i].offset, foreign[i].on), NDIS_STATUS_INVALID_DATA);
        CHECK_STATUS(put(story, foreign[i].revision, foreign[i].offset, foreign[i].on), NDIS_STATUS_INVALID_DATA);
        CHECK_STATUS(put(story, REVISIONS, foreign[i].offset, foreign[i].on - 1), SUCCESS);
        CHECK_STATUS(put(story, REVISIONS, foreign[i].offset, foreign[i].also_off), SUCCESS);
        CHECK_EQ(offered(story), ALL);
    }
    spoiled_records(story, ALL);
}

TEST(each_member_of_a_request_switches_what_it_names_and_nothing_else)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "11-24h2", .edge_buffers = 16, .body = requests });
}

/* The same with everything off before. */
static void requests_from_nothing(struct story *story)
{
    uint8_t record[RECORD] = { NDIS_OBJECT_TYPE_DEFAULT, REVISIONS, RECORD };
    uint32_t needed;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        record[members[i].offset] = 1;
    }
    for (uint32_t i = 0; i < MEMBERS; i++) {
        uint32_t current = 0;

        CHECK_STATUS(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, record, RECORD, &needed), SUCCESS);
        CHECK_EQ(offered(story), 0);
        each_value(story, &members[i], &current);
    }
}

TEST(what_is_off_stays_off_but_for_what_a_request_names)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "11-24h2",
                                    .edge_buffers = 16,
                                    .body = requests_from_nothing });
}

/* --- OID_OFFLOAD_ENCAPSULATION --- */

static struct NDIS_OFFLOAD_ENCAPSULATION encapsulation(uint32_t v4, uint32_t v6)
{
    struct NDIS_OFFLOAD_ENCAPSULATION request;

    memset(&request, 0, sizeof(request));
    request.Header.Type = NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION;
    request.Header.Revision = 1;
    request.Header.Size = sizeof(request);
    request.IPv4.Enabled = v4;
    request.IPv4.EncapsulationType = NDIS_ENCAPSULATION_IEEE_802_3;
    request.IPv6.Enabled = v6;
    request.IPv6.EncapsulationType = NDIS_ENCAPSULATION_IEEE_802_3;
    return request;
}

static int32_t encapsulate(struct story *story, const struct NDIS_OFFLOAD_ENCAPSULATION *request)
{
    return oid_put(story, OID_OFFLOAD_ENCAPSULATION, request, sizeof(*request));
}

/* NDIS_OFFLOAD_SET_NO_CHANGE, _ON and _OFF. */
static void encapsulations(struct story *story)
{
    enum { SAME, ON, OFF, V4 = TX_IP4 | RX_IP4 | TX_TCP4 | RX_TCP4 | TX_UDP4 | RX_UDP4 | LSO4 | RSC4 | USO4 };
    struct NDIS_OFFLOAD_ENCAPSULATION request = encapsulation(OFF, SAME);

    CHECK_STATUS(encapsulate(story, &request), SUCCESS);
    CHECK_EQ(offered(story), ALL & ~V4);
    request = encapsulation(SAME, OFF);
    CHECK_STATUS(encapsulate(story, &request), SUCCESS);
    CHECK_EQ(offered(story), 0);
    request = encapsulation(ON, SAME);
    CHECK_STATUS(encapsulate(story, &request), SUCCESS);
    CHECK_EQ(offered(story), V4 | URO);
    request = encapsulation(OFF, ON);
    CHECK_STATUS(encapsulate(story, &request), SUCCESS);
    CHECK_EQ(offered(story), ALL & ~V4);
    request = encapsulation(ON, ON);
    CHECK_STATUS(encapsulate(story, &request), SUCCESS);
    CHECK_EQ(offered(story), ALL);

    request = encapsulation(OFF, OFF), request.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = encapsulation(OFF, OFF), request.Header.Revision = 0;
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = encapsulation(OFF, OFF), request.Header.Size--;
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = encapsulation(OFF + 1, OFF);
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = encapsulation(OFF, OFF + 1);
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = encapsulation(ON, OFF), request.IPv4.EncapsulationType = NDIS_ENCAPSULATION_NULL;
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = encapsulation(OFF, ON), request.IPv6.EncapsulationType = NDIS_ENCAPSULATION_NULL;
    CHECK_STATUS(encapsulate(story, &request), NDIS_STATUS_INVALID_PARAMETER);
    CHECK_EQ(offered(story), ALL);
    request = encapsulation(OFF, SAME), request.IPv4.EncapsulationType = NDIS_ENCAPSULATION_NULL; /* not read */
    CHECK_STATUS(encapsulate(story, &request), SUCCESS);
    CHECK_EQ(offered(story), ALL & ~V4);
}

TEST(an_encapsulation_switches_all_offloads_of_its_ip_version)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "11-24h2",
                                    .edge_buffers = 16,
                                    .body = encapsulations });
}
