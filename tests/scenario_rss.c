/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive side scaling: sets that are valid, invalid, mis-sized and misaligned; packets with the hash of Microsoft's published
 * vectors, on the processor that the table names.
 */
#include "packets.h"
#include "story_watch.h"
#include "wire/toeplitz.h"

#define SUCCESS NDIS_STATUS_SUCCESS
#define IS(status, name) ((uint32_t)(status) == (uint32_t)(name))

enum { QUEUES = 4, TABLE_MOST = 128, KEY = 40 };

/* The key of "Verifying the RSS Hash Calculation". */
static const uint8_t published_key[KEY] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

struct vector {
    int version;
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    uint32_t hash, hash_tcp; /* of the addresses, and with the ports */
};

/* The suite's own figures. */
static const struct vector vectors[] = {
    { 4, { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766, 0x323e8fc2, 0x51ccc178 },
    { 4, { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739, 0xd718262a, 0xc626b0ea },
    { 4, { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
    { 4, { 38, 27, 205, 30 }, { 209, 142, 163, 6 }, 48228, 2217, 0x82989176, 0xafc7327f },
    { 4, { 153, 39, 163, 191 }, { 202, 188, 127, 2 }, 44251, 1303, 0x5d1809c5, 0x10e828a2 },
    { 6, { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 }, { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1 },
      2794, 1766, 0x2cc18cd5, 0x40207d3d },
    { 6, { 0x3f, 0xfe, 0x05, 0x01, 0, 8, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef, 0xab }, { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
      14230, 4739, 0x0f0c461c, 0xdde51bbf },
    { 6, { 0x3f, 0xfe, 0x19, 0, 0x45, 0x45, 0, 3, 0x02, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf },
      { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67, 0xcf }, 44251, 38024, 0x4b61e985, 0x02d1feef },
};
enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]) };

struct set {
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters;
    struct PROCESSOR_NUMBER table[TABLE_MOST];
    uint8_t key[KEY];
    uint8_t room[64];
};

#define ALL_TYPES (NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6)

/* A valid set of revision 2: `entries` over the first `processors`, backwards so that it differs from the edge's own. */
static void fill(struct set *set, uint32_t entries, uint32_t processors, uint32_t types)
{
    uint32_t i;

    memset(set, 0, sizeof(*set));
    set->parameters.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    set->parameters.Header.Revision = 2;
    set->parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    set->parameters.HashInformation = types | NdisHashFunctionToeplitz;
    set->parameters.IndirectionTableSize = (uint16_t)(entries * sizeof(set->table[0]));
    set->parameters.IndirectionTableOffset = offsetof(struct set, table);
    set->parameters.HashSecretKeySize = KEY;
    set->parameters.HashSecretKeyOffset = offsetof(struct set, key);
    for (i = 0; i < entries; i++) {
        set->table[i].Number = (uint8_t)((entries - 1 - i) % processors);
    }
    memcpy(set->key, published_key, KEY);
}

static int32_t put(struct story *story, const struct set *set, uint32_t size)
{
    return oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, set, size);
}

static uint32_t vector_frame(const struct vector *vector, bool tcp, uint8_t *bytes)
{
    struct packet_shape shape = { .version = vector->version, .protocol = tcp ? PROTOCOL_TCP : PROTOCOL_UDP, .payload = 64 };
    struct layout layout;
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);
    uint16_t sum;

    memcpy(bytes, story_guest_mac, 6);
    frame_parse(&frame, &layout);
    memcpy(bytes + layout.network + (vector->version == 4 ? 12 : 8), vector->source, vector->version == 4 ? 4 : 16);
    memcpy(bytes + layout.network + (vector->version == 4 ? 16 : 24), vector->destination, vector->version == 4 ? 4 : 16);
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

/* One packet arrives where the table says, with the suite's hash. A network card picks the port's queue by the same hash. */
static void expect_vector(struct watch *watch, const struct vector *vector, bool tcp, const struct set *set, uint32_t entries, uint32_t queue)
{
    uint8_t bytes[256];
    uint32_t length = vector_frame(vector, tcp, bytes), hash = tcp ? vector->hash_tcp : vector->hash;
    uint32_t type = vector->version == 4 ? tcp ? NDIS_HASH_TCP_IPV4 : NDIS_HASH_IPV4 : tcp ? NDIS_HASH_TCP_IPV6 : NDIS_HASH_IPV6;

    watch_forget(watch);
    wire_inject(watch->story, queue, bytes, length, NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].length, length);
    CHECK_EQ(watch->seen[0].hash_value, hash);
    CHECK_EQ(watch->seen[0].hash_info, type | NdisHashFunctionToeplitz);
    CHECK_EQ(watch->seen[0].processor, set->table[hash & (entries - 1)].Number);
}

static void published(struct story *story)
{
    static const uint32_t sizes[] = { 2, 4, 16, 128 };
    struct watch *watch = watch_open(story);
    uint32_t s, v, packets = 0;
    struct set set;

    for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        fill(&set, sizes[s], QUEUES, ALL_TYPES);
        CHECK_EQ(put(story, &set, sizeof(set)), SUCCESS);
        for (v = 0; v < VECTORS; v++) {
            expect_vector(watch, &vectors[v], true, &set, sizes[s], v % QUEUES);
            expect_vector(watch, &vectors[v], false, &set, sizes[s], (v + 1) % QUEUES);
            packets += 2;
        }
    }
    story_count("%u packets with the published hashes, each on the processor its table names", packets);
    watch_close(watch);
}

/* 2c_Mini6RSSSendRecv */
TEST(packets_arrive_on_the_processor_that_the_table_names_with_the_published_hash)
{
    story_everywhere(&(struct story_plan){ .queues = QUEUES, .edge_buffers = 16, .tell = published }, 2);
}

struct wrong { const char *what; void (*spoil)(struct set *set, uint32_t *size); };

#define WRONG(name) static void name(struct set *set, uint32_t *size)
WRONG(no_bytes) { (void)set; *size = 0; }
WRONG(header_only) { (void)set; *size = 4; }
WRONG(one_byte_short) { (void)set; *size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1 - 1; }
WRONG(revision_zero) { (void)size; set->parameters.Header.Revision = 0; }
WRONG(wrong_type) { (void)size; set->parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT; }
WRONG(size_too_small) { (void)size; set->parameters.Header.Size = 8; }
WRONG(no_function) { (void)size; set->parameters.HashInformation &= ~(uint32_t)NDIS_HASH_FUNCTION_MASK; }
WRONG(unknown_function) { (void)size; set->parameters.HashInformation |= 0x8; }
WRONG(unknown_type) { (void)size; set->parameters.HashInformation |= 0x00800000; }
WRONG(no_type) { (void)size; set->parameters.HashInformation = NdisHashFunctionToeplitz; }
WRONG(key_too_short) { (void)size; set->parameters.HashSecretKeySize = 16; }
WRONG(key_too_long) { (void)size; set->parameters.HashSecretKeySize = 41; }
WRONG(key_behind_the_buffer) { set->parameters.HashSecretKeyOffset = *size; }
WRONG(key_half_behind_the_buffer) { set->parameters.HashSecretKeyOffset = *size - 20; }
WRONG(key_far_away) { (void)size; set->parameters.HashSecretKeyOffset = 0xffffffff; }
WRONG(key_wraps) { (void)size; set->parameters.HashSecretKeyOffset = 0xfffffff0; }
WRONG(table_behind_the_buffer) { set->parameters.IndirectionTableOffset = *size; }
WRONG(table_far_away) { (void)size; set->parameters.IndirectionTableOffset = 0xfffffff0; }
WRONG(table_on_the_record) { (void)size; set->parameters.IndirectionTableOffset = 4; }
WRONG(table_empty) { (void)size; set->parameters.IndirectionTableSize = 0; }
WRONG(table_of_three) { (void)size; set->parameters.IndirectionTableSize = 3 * 4; }
WRONG(table_of_half_entries) { (void)size; set->parameters.IndirectionTableSize = 4 * 4 - 2; }
WRONG(table_too_long) { (void)size; set->parameters.IndirectionTableSize = 256 * 4; }
WRONG(table_misaligned) { (void)size; set->parameters.IndirectionTableOffset += 1; }
WRONG(processor_not_there) { (void)size; set->table[1].Number = 63; }
WRONG(group_not_there) { (void)size; set->table[1].Group = 9; }
#undef WRONG

static const struct wrong wrongs[] = {
#define W(name) { #name, name },
    W(no_bytes) W(header_only) W(one_byte_short) W(revision_zero) W(wrong_type) W(size_too_small) W(no_function) W(unknown_function) W(unknown_type)
    W(no_type) W(key_too_short) W(key_too_long) W(key_behind_the_buffer) W(key_half_behind_the_buffer) W(key_far_away) W(key_wraps)
    W(table_behind_the_buffer) W(table_far_away) W(table_on_the_record) W(table_empty) W(table_of_three) W(table_of_half_entries) W(table_too_long)
    W(table_misaligned) W(processor_not_there) W(group_not_there)
#undef W
};
enum { WRONGS = sizeof(wrongs) / sizeof(wrongs[0]) };

static void refusals(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct set good, set;
    uint32_t i, v;

    fill(&good, 16, QUEUES, ALL_TYPES);
    CHECK_EQ(put(story, &good, sizeof(good)), SUCCESS);
    for (i = 0; i < WRONGS; i++) {
        uint32_t size = sizeof(set);

        fill(&set, 16, 1, ALL_TYPES); /* would send everything to processor 0 */
        memset(set.key, 0x55, KEY);   /* with other hashes */
        wrongs[i].spoil(&set, &size);
        if (IS(put(story, &set, size), SUCCESS)) {
            test_fail(__FILE__, __LINE__, "RSS took a set with %s", wrongs[i].what);
        }
        v = i % VECTORS;
        expect_vector(watch, &vectors[v], true, &good, 16, i % QUEUES); /* what was in force still is */
    }
    story_count("%u wrong RSS sets refused, none of which changed anything", WRONGS);
    watch_close(watch);
}

/* 1c_Mini6RSSOids */
TEST(a_refused_rss_set_keeps_what_was)
{
    story_everywhere(&(struct story_plan){ .queues = QUEUES, .edge_buffers = 16, .tell = refusals }, 1);
}

static void valid_sets(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct set set, again;
    uint8_t bytes[256];
    uint32_t entries, taken = 0;

    for (entries = 1; entries <= TABLE_MOST; entries *= 2) {
        fill(&set, entries, QUEUES, ALL_TYPES);
        CHECK_EQ(put(story, &set, sizeof(set)), SUCCESS);
        expect_vector(watch, &vectors[entries % VECTORS], true, &set, entries, 0);
        taken++;
    }
    /* Only the table; only the key and types; nothing at all. */
    fill(&again, 4, 2, ALL_TYPES);
    again.parameters.Flags = NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED;
    memset(again.key, 0, KEY);
    CHECK_EQ(put(story, &again, sizeof(again)), SUCCESS);
    expect_vector(watch, &vectors[1], true, &again, 4, 0);
    set = again;
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED;
    set.parameters.HashInformation = NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz;
    CHECK_EQ(put(story, &set, sizeof(set)), SUCCESS);
    expect_vector(watch, &vectors[2], true, &again, 4, 0);
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED |
                           NDIS_RSS_PARAM_FLAG_BASE_CPU_UNCHANGED;
    CHECK_EQ(put(story, &set, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2), SUCCESS);
    expect_vector(watch, &vectors[3], true, &again, 4, 0);
    /* Off: no hash is told any more. */
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_EQ(put(story, &set, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2), SUCCESS);
    watch_forget(watch);
    wire_inject(story, 0, bytes, vector_frame(&vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_info, 0);
    CHECK_EQ(watch->seen[0].hash_value, 0);
    story_count("%u valid RSS sets, and three that change a part", taken);
    watch_close(watch);
}

TEST(valid_rss_sets_of_every_size_take_effect_and_flags_leave_alone_what_they_name)
{
    story_everywhere(&(struct story_plan){ .queues = QUEUES, .edge_buffers = 16, .tell = valid_sets }, 1);
}

static void not_offered(struct story *story)
{
    struct adapter_facts facts;
    struct set set;

    adapter_facts(story->bed.adapter, &facts);
    CHECK(!facts.rss);
    CHECK(!oid_listed(story, OID_GEN_RECEIVE_SCALE_PARAMETERS));
    fill(&set, 16, QUEUES, ALL_TYPES);
    CHECK(IS(put(story, &set, sizeof(set)), NDIS_STATUS_NOT_SUPPORTED));
    story_send(story, 1, 30, 4);
    story_inject(story, 1, 30);
    story_collect(story, 30);
    story_wait_received(story, 30);
    story_check(&story->out, 0);
    story_check(&story->in, 0);
}

TEST(without_a_control_ring_or_with_the_keyword_off_rss_is_not_offered)
{
    static const char *const off[] = { "*RSS=0", NULL };

    story_everywhere(&(struct story_plan){ .queues = QUEUES, .backend_without = 1u << NETBACK_BIT_CTRL_RING, .tell = not_offered }, 1);
    story_everywhere(&(struct story_plan){ .queues = QUEUES, .set = off, .tell = not_offered }, 1);
}

struct hash_set {
    struct NDIS_RECEIVE_HASH_PARAMETERS parameters;
    uint8_t key[KEY];
};

/* Hash values without scaling: OID_GEN_RECEIVE_HASH, while RSS is off. */
static void hash_only(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct hash_set set, back;
    uint8_t bytes[256];
    struct set rss;

    memset(&set, 0, sizeof(set));
    set.parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    set.parameters.Header.Revision = NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1;
    set.parameters.Header.Size = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1;
    set.parameters.Flags = NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH;
    set.parameters.HashInformation = ALL_TYPES | NdisHashFunctionToeplitz;
    set.parameters.HashSecretKeySize = KEY;
    set.parameters.HashSecretKeyOffset = offsetof(struct hash_set, key);
    memcpy(set.key, published_key, KEY);
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS)); /* RSS is on: the two exclude each other */
    fill(&rss, 16, QUEUES, ALL_TYPES);
    rss.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_EQ(put(story, &rss, sizeof(rss)), SUCCESS);
    CHECK_EQ(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS);
    CHECK_EQ(oid_get(story, OID_GEN_RECEIVE_HASH, &back, sizeof(back)), SUCCESS);
    CHECK_EQ(back.parameters.HashInformation, set.parameters.HashInformation);
    wire_inject(story, 0, bytes, vector_frame(&vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_value, vectors[0].hash_tcp);
    set.parameters.HashSecretKeyOffset = 0xffffffff;
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS));
    set.parameters.HashSecretKeyOffset = offsetof(struct hash_set, key);
    set.parameters.HashInformation = NdisHashFunctionToeplitz;
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS));
    set.parameters.Flags = 0;
    CHECK_EQ(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS);
    watch_forget(watch);
    wire_inject(story, 0, bytes, vector_frame(&vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_info, 0);
    story_count("hash values without scaling, on and off");
    watch_close(watch);
}

TEST(hash_values_are_told_without_scaling_when_asked_for)
{
    story_everywhere(&(struct story_plan){ .queues = QUEUES, .edge_buffers = 16, .tell = hash_only }, 1);
}
