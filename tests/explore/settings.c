/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations that ask and set (explore.h). What a request of any shape is answered with is for the rules to judge. */
#include "explore.h"
#include "nt/export/fail.h"

enum { MAX_BUFFER = 512 };

static const uint32_t usual_filter =
    NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST;

static uint32_t pick(struct explorer *explorer, uint32_t which)
{
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(explorer->story->bed.adapter, &oids);

    return count == 0 || which % 8 == 7 ? which * 2654435761u : oids[which / 8 % count];
}

/* Bytes that anybody may have left in a buffer. */
static void fill(uint8_t *buffer, uint32_t any)
{
    for (uint32_t i = 0; i < MAX_BUFFER; i++) {
        buffer[i] = (uint8_t)(any >> i % 4 * 8);
    }
}

bool explore_query(struct explorer *explorer, const uint32_t *values)
{
    const uint32_t oid = pick(explorer, values[0]);
    uint8_t buffer[MAX_BUFFER];
    int32_t status;

    fill(buffer, values[2]);
    status = oid_get(explorer->story, oid, buffer, values[1]);
    observe_answer(oid, status, buffer);
    return true;
}

/* Those that make the adapter another have operations of their own. */
static bool has_its_own(uint32_t oid)
{
    return oid == OID_PNP_SET_POWER || oid == OID_GEN_CURRENT_PACKET_FILTER;
}

bool explore_set(struct explorer *explorer, const uint32_t *values)
{
    uint32_t oid = pick(explorer, values[0]);
    uint8_t buffer[MAX_BUFFER];

    if (has_its_own(oid)) {
        return false;
    }
    fill(buffer, values[2]);
    observe_set(oid, oid_put(explorer->story, oid, buffer, values[1]));
    return true;
}

/* The nth call that can fail does, during a request. */
bool explore_failing_call(struct explorer *explorer, const uint32_t *values)
{
    if (!xenvif_can(story_release(explorer->story->plan), NEEDS_STAND_IN)) {
        return false; /* it may fail in XenVif, which then uses what it did not get */
    }
    fail_at(values[0]);
    (void)(values[1] % 2 != 0 ? explore_set(explorer, values + 1) : explore_query(explorer, values + 1));
    fail_disarm();
    return true;
}

bool explore_rss(struct explorer *explorer, const uint32_t *values)
{
    static const uint32_t types[] = { RSS_ALL_TYPES, NDIS_HASH_IPV4, NDIS_HASH_TCP_IPV4 | NDIS_HASH_TCP_IPV6, 0 };
    struct rss_set set;

    if (!oid_listed(explorer->story, OID_GEN_RECEIVE_SCALE_PARAMETERS)) {
        return false;
    }
    rss_fill(&set, 1u << values[0], 1 + values[1] % processor_count(), types[values[2]]);
    if (types[values[2]] == 0) {
        set.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    }
    observe_set(OID_GEN_RECEIVE_SCALE_PARAMETERS, rss_put(explorer->story, &set, sizeof(set)));
    return true;
}

/* OID_TCP_OFFLOAD_PARAMETERS with any legal value in each place. */
bool explore_offload(struct explorer *explorer, const uint32_t *values)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;
    uint32_t any = values[0];

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = 1;
    parameters.Header.Size = 20;
    parameters.IPv4Checksum = (uint8_t)(any % 5);
    parameters.TCPIPv4Checksum = (uint8_t)(any / 5 % 5);
    parameters.UDPIPv4Checksum = (uint8_t)(any / 25 % 5);
    parameters.TCPIPv6Checksum = (uint8_t)(any / 125 % 5);
    parameters.UDPIPv6Checksum = (uint8_t)(any / 625 % 5);
    parameters.LsoV2IPv4 = (uint8_t)(any / 3125 % 3);
    parameters.LsoV2IPv6 = (uint8_t)(any / 9375 % 3);
    observe_set(OID_TCP_OFFLOAD_PARAMETERS, oid_put(explorer->story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, 20));
    return true;
}

bool explore_filter(struct explorer *explorer, const uint32_t *values)
{
    uint32_t filter = values[0];

    explorer->lossy_in = true;
    observe_set(OID_GEN_CURRENT_PACKET_FILTER,
                oid_put(explorer->story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)));
    return true;
}

void settings_restore(struct explorer *explorer)
{
    uint32_t filter = usual_filter;

    CHECK_EQ(oid_put(explorer->story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
}
