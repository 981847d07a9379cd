/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver answers to OID requests, asked on the simulated scheduler through the testbed's NDIS: the supported
 * list and the answers agree, lengths are kept to, a refused set changes nothing, "no change" changes nothing.
 */
#include "story.h"
#include "story_release.h"
#include "story_watch.h"

#include <stdlib.h>

enum { MAX_LIST = 128, BUFFER_BYTES = 1024, KEY_BYTES = 40, TABLE_ENTRIES = 128 };

static void run(void (*body)(struct story *), const char *windows)
{
    struct story_plan plan = {
        .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = 4, .windows = windows, .body = body
    };

    story_run(&plan);
}

static int32_t query(struct story *story, uint32_t oid, void *buffer, uint32_t size, uint32_t *written)
{
    uint32_t needed;

    return adapter_query(story->bed.adapter, oid, buffer, size, written, &needed);
}

static int32_t set(struct story *story, uint32_t oid, const void *buffer, uint32_t size)
{
    uint32_t needed;

    return adapter_set(story->bed.adapter, oid, buffer, size, &needed);
}

static bool is_set_only(uint32_t oid)
{
    static const uint32_t oids[] = { OID_GEN_RECEIVE_SCALE_PARAMETERS,
                                     OID_GEN_RECEIVE_SCALE_PARAMETERS_V2,
                                     OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES,
                                     OID_802_3_ADD_MULTICAST_ADDRESS,
                                     OID_802_3_DELETE_MULTICAST_ADDRESS,
                                     OID_OFFLOAD_ENCAPSULATION,
                                     OID_TCP_OFFLOAD_PARAMETERS,
                                     OID_PM_PARAMETERS,
                                     OID_GEN_LINK_PARAMETERS,
                                     OID_PNP_SET_POWER };
    size_t i;

    for (i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
        if (oid == oids[i]) {
            return true;
        }
    }
    return false;
}

static void ask_every_listed(struct story *story)
{
    uint32_t list[MAX_LIST], written, answered, i;
    uint8_t buffer[BUFFER_BYTES];

    CHECK_EQ(query(story, OID_GEN_SUPPORTED_LIST, list, sizeof(list), &written), NDIS_STATUS_SUCCESS);
    CHECK(written >= 40 * sizeof(list[0]));
    for (i = 0; i < written / sizeof(list[0]); i++) {
        int32_t status = query(story, list[i], buffer, sizeof(buffer), &answered);

        if ((status == NDIS_STATUS_SUCCESS) == is_set_only(list[i])) {
            test_fail(__FILE__, __LINE__, "query of OID %#x, which is listed: status %#x", list[i], (uint32_t)status);
        }
    }
}

TEST(every_listed_oid_is_answered_on_windows_7)
{
    run(ask_every_listed, "7");
}

TEST(every_listed_oid_is_answered_on_windows_11)
{
    run(ask_every_listed, "11-24h2");
}

static void ask_with_wrong_lengths(struct story *story)
{
    uint64_t wide = ~0ull;
    uint32_t needed, written, filter, narrow = ~0u;

    CHECK_EQ(query(story, OID_GEN_RCV_OK, &wide, sizeof(wide), &written), NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, sizeof(wide));
    CHECK_EQ(query(story, OID_GEN_RCV_OK, &narrow, sizeof(narrow), &written), NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, sizeof(narrow));
    CHECK_EQ(narrow, (uint32_t)wide);
    CHECK_EQ(adapter_query(story->bed.adapter, OID_GEN_RCV_OK, &narrow, 3, &written, &needed),
             (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT);
    CHECK_EQ(needed, sizeof(wide));
    CHECK_EQ(written, 0);

    /* A value that is fine, of the wrong length; then one that is not, of the right length. */
    wide = NDIS_PACKET_TYPE_DIRECTED;
    CHECK_EQ(query(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter), &written), NDIS_STATUS_SUCCESS);
    CHECK_STATUS(set(story, OID_GEN_CURRENT_PACKET_FILTER, &wide, 3), NDIS_STATUS_INVALID_LENGTH);
    CHECK_STATUS(set(story, OID_GEN_CURRENT_PACKET_FILTER, &wide, sizeof(wide)), NDIS_STATUS_INVALID_LENGTH);
    CHECK_STATUS(set(story, OID_GEN_CURRENT_LOOKAHEAD, &wide, sizeof(wide)), NDIS_STATUS_INVALID_LENGTH);
    wide = ~0ull;
    CHECK_STATUS(set(story, OID_GEN_CURRENT_PACKET_FILTER, &wide, 4), NDIS_STATUS_INVALID_DATA);
    CHECK_EQ(query(story, OID_GEN_CURRENT_PACKET_FILTER, &narrow, sizeof(narrow), &written), NDIS_STATUS_SUCCESS);
    CHECK_EQ(narrow, filter);
    CHECK_STATUS(set(story, OID_GEN_SUPPORTED_LIST, &wide, 4), NDIS_STATUS_NOT_SUPPORTED);
}

TEST(wrong_lengths_are_refused_and_counters_give_their_low_half)
{
    run(ask_with_wrong_lengths, NULL);
}

static void set_multicast_lists(struct story *story)
{
    uint8_t list[33 * 6], back[33 * 6];
    uint32_t written, i;

    memset(list, 0, sizeof(list));
    for (i = 0; i < 33; i++) {
        list[i * 6] = 0x01;
        list[i * 6 + 5] = (uint8_t)i;
    }
    CHECK_EQ(set(story, OID_802_3_MULTICAST_LIST, list, 32 * 6), NDIS_STATUS_SUCCESS);
    CHECK_EQ(set(story, OID_802_3_MULTICAST_LIST, list, 33 * 6), (int32_t)NDIS_STATUS_MULTICAST_FULL);
    CHECK_STATUS(set(story, OID_802_3_MULTICAST_LIST, list, 7), NDIS_STATUS_INVALID_LENGTH);
    list[0] = 0x02;
    CHECK_STATUS(set(story, OID_802_3_MULTICAST_LIST, list, 6), NDIS_STATUS_MULTICAST_FULL);
    CHECK_EQ(query(story, OID_802_3_MULTICAST_LIST, back, sizeof(back), &written), NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, 32 * 6);
    list[0] = 0x01;
    CHECK(memcmp(list, back, written) == 0);
    CHECK_EQ(set(story, OID_802_3_MULTICAST_LIST, list, 0), NDIS_STATUS_SUCCESS);
}

TEST(a_multicast_list_has_32_addresses_and_no_more)
{
    run(set_multicast_lists, NULL);
}

static void init_parameters(struct NDIS_OFFLOAD_PARAMETERS *parameters)
{
    memset(parameters, 0, sizeof(*parameters));
    parameters->Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters->Header.Revision = 3;
    parameters->Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
}

static void switch_offloads(struct story *story)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    CHECK(before.checksum_tx_tcp4 && before.lso4 && before.rsc4);
    init_parameters(&parameters);
    CHECK_EQ(set(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters)), NDIS_STATUS_SUCCESS);
    adapter_facts(story->bed.adapter, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);

    parameters.LsoV2IPv4 = NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED;
    parameters.UDPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED;
    CHECK_EQ(set(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters)), NDIS_STATUS_SUCCESS);
    adapter_facts(story->bed.adapter, &after);
    CHECK(!after.lso4 && !after.checksum_tx_udp6);
    CHECK(after.lso6 && after.rsc4 && after.checksum_tx_tcp4);

    /* One impossible member refuses all of it. */
    init_parameters(&parameters);
    parameters.LsoV2IPv4 = NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED;
    parameters.TCPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED + 1;
    CHECK(set(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters)) != NDIS_STATUS_SUCCESS);
    adapter_facts(story->bed.adapter, &after);
    CHECK(!after.lso4);

    /* Segmentation cannot outlive the checksum it needs. */
    init_parameters(&parameters);
    parameters.TCPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED;
    CHECK_EQ(set(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters)), NDIS_STATUS_SUCCESS);
    adapter_facts(story->bed.adapter, &after);
    CHECK(!after.lso6 && !after.rsc6 && !after.checksum_tx_tcp6);
}

TEST(offload_parameters_change_what_they_name_and_nothing_else)
{
    run(switch_offloads, NULL);
}

struct rss_request {
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters;
    struct PROCESSOR_NUMBER table[TABLE_ENTRIES];
    uint8_t key[KEY_BYTES];
};

static void init_rss(struct rss_request *request)
{
    uint32_t i;

    memset(request, 0, sizeof(*request));
    request->parameters.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    request->parameters.Header.Revision = 2;
    request->parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    request->parameters.HashInformation = NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz;
    request->parameters.IndirectionTableSize = sizeof(request->table);
    request->parameters.IndirectionTableOffset = offsetof(struct rss_request, table);
    request->parameters.HashSecretKeySize = KEY_BYTES;
    request->parameters.HashSecretKeyOffset = offsetof(struct rss_request, key);
    for (i = 0; i < TABLE_ENTRIES; i++) {
        request->table[i].Number = (uint8_t)(i % 4);
    }
}

static void refuse(struct story *story, const struct rss_request *request, const char *what)
{
    if (set(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, request, sizeof(*request)) == NDIS_STATUS_SUCCESS) {
        test_fail(__FILE__, __LINE__, "an RSS setting with %s was taken", what);
    }
}

static void set_rss_wrongly(struct story *story)
{
    struct rss_request request;

    init_rss(&request);
    CHECK_EQ(set(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, &request, sizeof(request)), NDIS_STATUS_SUCCESS);
    init_rss(&request), request.parameters.IndirectionTableOffset = sizeof(request) - 4;
    refuse(story, &request, "a table past the end");
    init_rss(&request), request.parameters.IndirectionTableOffset = 0xfffffff0;
    refuse(story, &request, "a table whose end wraps");
    init_rss(&request), request.parameters.IndirectionTableOffset = 0;
    refuse(story, &request, "a table inside the record");
    init_rss(&request), request.parameters.IndirectionTableSize = 12;
    refuse(story, &request, "three table entries");
    init_rss(&request), request.parameters.HashSecretKeyOffset = sizeof(request) - KEY_BYTES + 1;
    refuse(story, &request, "a key past the end");
    init_rss(&request), request.parameters.HashSecretKeySize = 16;
    refuse(story, &request, "a short key");
    init_rss(&request), request.parameters.HashInformation |= NDIS_HASH_UDP_IPV4;
    refuse(story, &request, "a hash type that was not offered");
    init_rss(&request), request.table[5].Number = 63;
    refuse(story, &request, "a processor that is not there");
    init_rss(&request), request.parameters.Header.Size = 8;
    refuse(story, &request, "a record shorter than its revision");

    /* RSS is still on: hashing by itself is refused while it is. */
    {
        struct NDIS_RECEIVE_HASH_PARAMETERS hash;

        memset(&hash, 0, sizeof(hash));
        hash.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
        hash.Header.Revision = 1;
        hash.Header.Size = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1;
        hash.Flags = NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH;
        CHECK_EQ(set(story, OID_GEN_RECEIVE_HASH, &hash, sizeof(hash)), (int32_t)NDIS_STATUS_NOT_SUPPORTED);
    }
}

TEST(an_rss_setting_that_is_refused_leaves_rss_as_it_was)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .needs = STORY_NEEDS_RSS, .seed = test_seed(), .queues = 4, .body = set_rss_wrongly });
}

static int32_t put_parameters(struct story *story, uint8_t udp4, uint8_t tcp6)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.UDPIPv4Checksum = udp4;
    parameters.TCPIPv6Checksum = tcp6;
    return oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
}

static void no_change(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    CHECK(before.checksum_tx_udp4 && before.checksum_rx_udp4 && before.checksum_tx_tcp4 && before.lso4);
    CHECK_EQ(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE), SUCCESS);
    adapter_facts(story->bed.adapter, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

static void beyond_capability(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    CHECK(!before.checksum_tx_tcp6); /* the backend has no IPv6 checksums */
    CHECK(
        !IS(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE, NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED), SUCCESS));
    adapter_facts(story->bed.adapter, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

TEST(no_change_turns_no_checksum_off_and_only_capabilities_are_switched_on)
{
    story_once(no_change, 1);
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .backend_without = 1u << NETBACK_BIT_IPV6_CSUM | 1u << NETBACK_BIT_GSO_TCPV6,
                                    .body = beyond_capability });
}

static void exact_lengths(struct story *story)
{
    uint32_t value[2] = { NDIS_PACKET_TYPE_DIRECTED, 0 }, filter = oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER),
             length;

    for (length = 0; length <= 8; length++) {
        if (length != 4) {
            CHECK_STATUS(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, value, length), NDIS_STATUS_INVALID_LENGTH);
            CHECK_EQ(oid_needed, 4);
            CHECK_STATUS(oid_put(story, OID_GEN_CURRENT_LOOKAHEAD, value, length), NDIS_STATUS_INVALID_LENGTH);
            CHECK_EQ(oid_needed, 4);
        }
    }
    CHECK_EQ(oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER), filter);
}

TEST(a_set_of_lookahead_or_packet_filter_with_a_wrong_length_is_refused)
{
    story_once(exact_lengths, 1);
}
