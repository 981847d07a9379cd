/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets and published packets of receive side scaling (story_rss.h). */
#include "story_rss.h"

#include "nt/processor/topology.h"
#include "packets.h"

/* The key of "Verifying the RSS Hash Calculation". */
const uint8_t rss_key[RSS_KEY] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The suite's own figures. */
const struct rss_vector rss_vectors[RSS_VECTORS] = {
    { 4, { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766, 0x323e8fc2, 0x51ccc178 },
    { 4, { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739, 0xd718262a, 0xc626b0ea },
    { 4, { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
    { 4, { 38, 27, 205, 30 }, { 209, 142, 163, 6 }, 48228, 2217, 0x82989176, 0xafc7327f },
    { 4, { 153, 39, 163, 191 }, { 202, 188, 127, 2 }, 44251, 1303, 0x5d1809c5, 0x10e828a2 },
    { 6,
      { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 },
      { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1 },
      2794,
      1766,
      0x2cc18cd5,
      0x40207d3d },
    { 6,
      { 0x3f, 0xfe, 0x05, 0x01, 0, 8, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef, 0xab },
      { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
      14230,
      4739,
      0x0f0c461c,
      0xdde51bbf },
    { 6,
      { 0x3f, 0xfe, 0x19, 0, 0x45, 0x45, 0, 3, 0x02, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf },
      { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf },
      44251,
      38024,
      0x4b61e985,
      0x02d1feef },
};
void rss_fill(struct rss_set *set, uint32_t entries, uint32_t processors, uint32_t types)
{
    uint32_t i;

    memset(set, 0, sizeof(*set));
    set->parameters.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    set->parameters.Header.Revision = 2;
    set->parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    set->parameters.HashInformation = types | NdisHashFunctionToeplitz;
    set->parameters.IndirectionTableSize = (uint16_t)(entries * sizeof(set->table[0]));
    set->parameters.IndirectionTableOffset = offsetof(struct rss_set, table);
    set->parameters.HashSecretKeySize = RSS_KEY;
    set->parameters.HashSecretKeyOffset = offsetof(struct rss_set, key);
    for (i = 0; i < entries; i++) {
        set->table[i] = processor_number((entries - 1 - i) % processors);
    }
    memcpy(set->key, rss_key, RSS_KEY);
}

int32_t rss_put(struct story *story, const struct rss_set *set, uint32_t size)
{
    return oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, set, size);
}

uint32_t rss_frame(const struct rss_vector *vector, bool tcp, uint8_t *bytes)
{
    struct packet_shape shape = { .version = vector->version,
                                  .protocol = tcp ? PROTOCOL_TCP : PROTOCOL_UDP,
                                  .payload = 64 };
    struct layout layout;
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);
    uint16_t sum;

    memcpy(bytes, story_guest_mac, 6);
    frame_parse(&frame, &layout);
    memcpy(bytes + layout.network + (vector->version == 4 ? 12 : 8), vector->source, vector->version == 4 ? 4 : 16);
    memcpy(bytes + layout.network + (vector->version == 4 ? 16 : 24), vector->destination,
           vector->version == 4 ? 4 : 16);
    put16(bytes + layout.transport, vector->source_port);
    put16(bytes + layout.transport + 2, vector->destination_port);
    if (vector->version == 4) {
        memset(bytes + layout.network + 10, 0, 2);
        sum = (uint16_t)~checksum_sum(bytes + layout.network, 20);
        memcpy(bytes + layout.network + 10, &sum, 2);
    }
    frame_parse(&frame, &layout);
    sum = checksum_partial_seed(&layout, layout.network_end - layout.transport);
    memcpy(bytes + layout.checksum, &sum, 2);
    frame_complete_checksum(&frame);
    return length;
}

void rss_expect_on(struct watch *watch, const struct rss_vector *vector, bool tcp, struct PROCESSOR_NUMBER expected,
                   uint32_t queue)
{
    uint8_t bytes[256];
    uint32_t length = rss_frame(vector, tcp, bytes), hash = tcp ? vector->hash_tcp : vector->hash;
    uint32_t type = vector->version == 4 ? tcp ? NDIS_HASH_TCP_IPV4 : NDIS_HASH_IPV4
                    : tcp                ? NDIS_HASH_TCP_IPV6
                                         : NDIS_HASH_IPV6;

    watch_forget(watch);
    wire_inject(watch->story, queue, bytes, length, NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].length, length);
    CHECK_EQ(watch->seen[0].hash_value, hash);
    CHECK_EQ(watch->seen[0].hash_info, type | NdisHashFunctionToeplitz);
    CHECK_EQ(watch->seen[0].processor, processor_index(&expected));
}

void rss_expect(struct watch *watch, const struct rss_vector *vector, bool tcp, const struct rss_set *set,
                uint32_t entries, uint32_t queue)
{
    rss_expect_on(watch, vector, tcp, set->table[(tcp ? vector->hash_tcp : vector->hash) & (entries - 1)], queue);
}
