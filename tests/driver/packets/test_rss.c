/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive side scaling: sets that are valid, invalid, mis-sized and misaligned; packets with the hash of Microsoft's
 * published vectors, on the processor that the table names.
 */
#include <stdio.h>

#include "nt/export/fail.h"
#include "nt/processor/topology.h"
#include "story_release.h"
#include "story_rss.h"

enum { QUEUES = 4 };

static void published(struct story *story)
{
    static const uint32_t sizes[] = { 2, 4, 16, 128 };
    struct watch *watch = watch_open(story);
    uint32_t s, v, packets = 0;
    struct rss_set set;

    for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        rss_fill(&set, sizes[s], QUEUES, RSS_ALL_TYPES);
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
        for (v = 0; v < RSS_VECTORS; v++) {
            rss_expect(watch, &rss_vectors[v], true, &set, sizes[s], v % QUEUES);
            rss_expect(watch, &rss_vectors[v], false, &set, sizes[s], (v + 1) % QUEUES);
            packets += 2;
        }
    }
    story_count("%u packets with the published hashes, each on the processor its table names", packets);
    watch_close(watch);
}

/* 2c_Mini6RSSSendRecv */
TEST(packets_arrive_on_the_processor_that_the_table_names_with_the_published_hash)
{
    story_everywhere(
        &(struct story_plan){ .needs = STORY_NEEDS_RSS, .queues = QUEUES, .edge_buffers = 16, .body = published }, 2);
}

struct wrong {
    const char *what;
    void (*spoil)(struct rss_set *set, uint32_t *size);
};

#define WRONG(name) static void name(struct rss_set *set, uint32_t *size)
/* clang-format off */
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
/* clang-format on */
#undef WRONG

static const struct wrong wrongs[] = {
#define W(name) { #name, name },
    W(no_bytes) W(header_only) W(one_byte_short) W(revision_zero) W(wrong_type) W(size_too_small) W(no_function)
        W(unknown_function) W(unknown_type) W(no_type) W(key_too_short) W(key_too_long) W(key_behind_the_buffer)
            W(key_half_behind_the_buffer) W(key_far_away) W(key_wraps) W(table_behind_the_buffer) W(table_far_away)
                W(table_on_the_record) W(table_empty) W(table_of_three) W(table_of_half_entries) W(table_too_long)
                    W(table_misaligned) W(processor_not_there) W(group_not_there)
#undef W
};
enum { WRONGS = sizeof(wrongs) / sizeof(wrongs[0]) };

static void refusals(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set good, set;
    uint32_t i, v;

    rss_fill(&good, 16, QUEUES, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &good, sizeof(good)), SUCCESS);
    for (i = 0; i < WRONGS; i++) {
        uint32_t size = sizeof(set);

        rss_fill(&set, 16, 1, RSS_ALL_TYPES); /* would send everything to processor 0 */
        memset(set.key, 0x55, RSS_KEY);       /* with other hashes */
        wrongs[i].spoil(&set, &size);
        if (IS(rss_put(story, &set, size), SUCCESS)) {
            test_fail(__FILE__, __LINE__, "RSS took a set with %s", wrongs[i].what);
        }
        v = i % RSS_VECTORS;
        rss_expect(watch, &rss_vectors[v], true, &good, 16, i % QUEUES); /* what was in force still is */
    }
    story_count("%u wrong RSS sets refused, none of which changed anything", WRONGS);
    watch_close(watch);
}

/* 1c_Mini6RSSOids */
TEST(a_refused_rss_set_keeps_what_was)
{
    story_everywhere(
        &(struct story_plan){ .needs = STORY_NEEDS_RSS, .queues = QUEUES, .edge_buffers = 16, .body = refusals }, 1);
}

static void valid_sets(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set, again;
    uint8_t bytes[256];
    uint32_t entries, taken = 0;

    for (entries = 1; entries <= MAX_RSS_TABLE; entries *= 2) {
        rss_fill(&set, entries, QUEUES, RSS_ALL_TYPES);
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
        rss_expect(watch, &rss_vectors[entries % RSS_VECTORS], true, &set, entries, 0);
        taken++;
    }
    /* Only the table; only the key and types; nothing at all. */
    rss_fill(&again, 4, 2, RSS_ALL_TYPES);
    again.parameters.Flags = NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED;
    memset(again.key, 0, RSS_KEY);
    CHECK_EQ(rss_put(story, &again, sizeof(again)), SUCCESS);
    rss_expect(watch, &rss_vectors[1], true, &again, 4, 0);
    set = again;
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED;
    set.parameters.HashInformation = NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz;
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    rss_expect(watch, &rss_vectors[2], true, &again, 4, 0);
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED |
                           NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED | NDIS_RSS_PARAM_FLAG_BASE_CPU_UNCHANGED;
    CHECK_EQ(rss_put(story, &set, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2), SUCCESS);
    rss_expect(watch, &rss_vectors[3], true, &again, 4, 0);
    /* Off: no hash is indicated any more. */
    set.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_EQ(rss_put(story, &set, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2), SUCCESS);
    watch_forget(watch);
    wire_inject(story, 0, bytes, rss_frame(&rss_vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_info, 0);
    CHECK_EQ(watch->seen[0].hash_value, 0);
    story_count("%u valid RSS sets, and three that change a part", taken);
    watch_close(watch);
}

TEST(valid_rss_sets_of_every_size_take_effect_and_flags_leave_alone_what_they_name)
{
    story_everywhere(
        &(struct story_plan){ .needs = STORY_NEEDS_RSS, .queues = QUEUES, .edge_buffers = 16, .body = valid_sets }, 1);
}

static void not_offered(struct story *story)
{
    struct adapter_facts facts;
    struct rss_set set;

    adapter_facts(story->bed.adapter, &facts);
    CHECK(!facts.rss);
    CHECK(!oid_listed(story, OID_GEN_RECEIVE_SCALE_PARAMETERS));
    rss_fill(&set, 16, QUEUES, RSS_ALL_TYPES);
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), NDIS_STATUS_NOT_SUPPORTED);
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

    story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_NO_CONTROL,
                                           .queues = QUEUES,
                                           .backend_without = 1u << NETBACK_BIT_CTRL_RING,
                                           .body = not_offered },
                     1);
    story_everywhere(&(struct story_plan){ .queues = QUEUES, .set = off, .body = not_offered }, 1);
}

struct hash_set {
    struct NDIS_RECEIVE_HASH_PARAMETERS parameters;
    uint8_t key[RSS_KEY];
};

/* Hash values without scaling: OID_GEN_RECEIVE_HASH, while RSS is off. */
static void hash_only(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct hash_set set, back;
    uint8_t bytes[256];
    struct rss_set rss;

    memset(&set, 0, sizeof(set));
    set.parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    set.parameters.Header.Revision = NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1;
    set.parameters.Header.Size = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1;
    set.parameters.Flags = NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH;
    set.parameters.HashInformation = RSS_ALL_TYPES | NdisHashFunctionToeplitz;
    set.parameters.HashSecretKeySize = RSS_KEY;
    set.parameters.HashSecretKeyOffset = offsetof(struct hash_set, key);
    memcpy(set.key, rss_key, RSS_KEY);
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)),
              SUCCESS)); /* RSS is on: the two exclude each other */
    rss_fill(&rss, 16, QUEUES, RSS_ALL_TYPES);
    rss.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_EQ(rss_put(story, &rss, sizeof(rss)), SUCCESS);
    CHECK_EQ(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS);
    CHECK_EQ(oid_get(story, OID_GEN_RECEIVE_HASH, &back, sizeof(back)), SUCCESS);
    CHECK_EQ(back.parameters.HashInformation, set.parameters.HashInformation);
    wire_inject(story, 0, bytes, rss_frame(&rss_vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_value, rss_vectors[0].hash_tcp);
    set.parameters.HashSecretKeyOffset = 0xffffffff;
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS));
    set.parameters.HashSecretKeyOffset = offsetof(struct hash_set, key);
    set.parameters.HashInformation = NdisHashFunctionToeplitz;
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS));
    set.parameters.Flags = 0;
    CHECK_EQ(oid_put(story, OID_GEN_RECEIVE_HASH, &set, sizeof(set)), SUCCESS);
    watch_forget(watch);
    wire_inject(story, 0, bytes, rss_frame(&rss_vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_info, 0);
    story_count("hash values without scaling, on and off");
    watch_close(watch);
}

TEST(hash_values_are_indicated_without_scaling_when_requested)
{
    story_everywhere(
        &(struct story_plan){ .needs = STORY_NEEDS_RSS, .queues = QUEUES, .edge_buffers = 16, .body = hash_only }, 1);
}

/* The set that names more processors than there are queues: what has a queue keeps it, the rest is spread over those.
 */
static void too_many(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t queues = story->queues, packets = 0, i, v;
    uint32_t on[MAX_RSS_TABLE], turn = 0;
    struct adapter_facts facts;
    struct rss_set set;

    adapter_facts(story->bed.adapter, &facts);
    queues = facts.rss_queues < queues ? facts.rss_queues : queues;
    rss_fill(&set, MAX_RSS_TABLE, processor_count(), RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (v = 0; v < RSS_VECTORS; v++) {
        uint32_t named = processor_index(&set.table[rss_vectors[v].hash_tcp & (MAX_RSS_TABLE - 1)]),
                 first = processor_index(&set.table[0]);
        uint8_t bytes[256];
        bool kept = first - named < queues; /* the table counts down from its first processor */

        if (kept) {
            rss_expect(watch, &rss_vectors[v], true, &set, MAX_RSS_TABLE, 0);
        } else {
            watch_forget(watch);
            wire_inject(story, 0, bytes, rss_frame(&rss_vectors[v], true, bytes), NULL);
            CHECK(watch_wait(watch, 1));
            CHECK_EQ(watch->seen[0].hash_value, rss_vectors[v].hash_tcp);
            CHECK(first - watch->seen[0].processor < queues);
        }
        packets += kept;
    }
    for (i = 0; i < MAX_RSS_TABLE; i++) {
        const uint32_t named = processor_index(&set.table[i]), first = processor_index(&set.table[0]);

        on[i] = first - named < queues ? named : first - turn++ % queues;
    }
    /* A flow for each entry of the table: all queues work, the others' entries in turn, and no other processor. */
    watch_forget(watch);
    for (i = 0; i < 256; i++) {
        struct rss_vector flow = rss_vectors[1];
        uint8_t bytes[256];

        flow.source_port = (uint16_t)(2000 + i);
        wire_inject(story, i % story->queues, bytes, rss_frame(&flow, true, bytes), NULL);
    }
    CHECK(watch_wait(watch, 256));
    for (i = 0, v = 0; i < 256; i++) {
        uint32_t place = processor_index(&set.table[0]) - watch->seen[i].processor;

        CHECK(place < queues);
        CHECK_EQ(watch->seen[i].processor, on[watch->seen[i].hash_value % MAX_RSS_TABLE]);
        v |= 1u << place;
    }
    CHECK_EQ(v, (1u << queues) - 1);
    watch_close(watch);
    story_count("a table of %u processors over %u queues: %u of %u packets exactly where it says, 256 flows on the %u",
                processor_count(), queues, packets, RSS_VECTORS, queues);
}

TEST(a_table_of_more_processors_than_queues_is_carried_out_as_far_as_queues_go)
{
    static const char *const two[] = { "*NumRssQueues=2", NULL };

    story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                                           .queues = QUEUES,
                                           .processors = 16,
                                           .edge_buffers = 16,
                                           .body = too_many },
                     1);
    story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                                           .queues = QUEUES,
                                           .processors = 5,
                                           .edge_buffers = 16,
                                           .set = two,
                                           .body = too_many },
                     1);
}

struct first_set {
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters; /* of revision 1 as far as its size says */
    uint8_t table[MAX_RSS_TABLE], key[RSS_KEY];
};

/* Revision 1 has a byte for each entry; revision 3 a default processor at its end. */
static void revisions(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct first_set first;
    struct rss_set set;
    uint32_t i;

    rss_fill(&set, 64, QUEUES, RSS_ALL_TYPES);
    memset(&first, 0, sizeof(first));
    first.parameters = set.parameters;
    first.parameters.Header.Revision = 1;
    first.parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1;
    first.parameters.IndirectionTableSize = 64;
    first.parameters.IndirectionTableOffset = offsetof(struct first_set, table);
    first.parameters.HashSecretKeyOffset = offsetof(struct first_set, key);
    memcpy(first.key, rss_key, RSS_KEY);
    for (i = 0; i < 64; i++) {
        first.table[i] = set.table[i].Number;
    }
    CHECK_EQ(oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, &first, sizeof(first)), SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        rss_expect(watch, &rss_vectors[i], true, &set, 64, 0);
    }
    first.table[3] = 99; /* nobody */
    CHECK(!IS(oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, &first, sizeof(first)), SUCCESS));
    rss_expect(watch, &rss_vectors[0], true, &set, 64, 0);

    rss_fill(&set, 32, 3, RSS_ALL_TYPES);
    set.parameters.Header.Revision = 3;
    set.parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3;
    set.parameters.DefaultProcessorNumber.Number = 1;
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        rss_expect(watch, &rss_vectors[i], false, &set, 32, 0);
    }
    set.parameters.HashSecretKeyOffset =
        NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2; /* lies on the longer record's end */
    CHECK(!IS(rss_put(story, &set, sizeof(set)), SUCCESS));
    CHECK_STATUS(rss_put(story, &set, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2), NDIS_STATUS_INVALID_LENGTH);
    rss_expect(watch, &rss_vectors[0], false, &set, 32, 0);
    watch_close(watch);
    story_count("sets of revision 1 and 3, %u packets", 3 * RSS_VECTORS);
}

TEST(sets_of_revision_1_and_3_take_effect)
{
    story_everywhere(
        &(struct story_plan){
            .needs = STORY_NEEDS_RSS, .queues = QUEUES, .edge_buffers = 16, .windows = "2025", .body = revisions },
        1);
}

/* XenVif's own calls fail, one after the other: half a set is none, and what was in force still is. */
static void arm_none(const struct story_plan *plan)
{
    (void)plan;
    fail_at(0);
}

static void refused_half_way(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint32_t refused = 0, n, v;
    struct rss_set good, set;

    fail_disarm();
    rss_fill(&good, 16, QUEUES, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &good, sizeof(good)), SUCCESS);
    rss_fill(&set, 16, 1, RSS_ALL_TYPES);
    memset(set.key, 0x55, RSS_KEY);
    for (n = 1;; n++) {
        char text[1024] = "none";
        uint32_t calls;
        int32_t status;
        bool others;

        fail_at(n);
        status = rss_put(story, &set, sizeof(set));
        calls = fail_candidates();
        others = fail_described(text, sizeof(text)) &&
                 (strstr(text, "RssSetParameters") == NULL || strstr(text, "ProcessorVisitAll") != NULL ||
                  strstr(text, "KeGetProcessorIndexFromNumber < xenvif.sys") != NULL);
        fprintf(stderr, "# call %u failed: %s\n", n, text);
        fail_disarm();
        /* Not of the set: a task's own, a processor that is not visited, or one that XenVif 8.2 does not miss. */
        if (others) {
            CHECK_EQ(rss_put(story, &good, sizeof(good)), SUCCESS);
            continue;
        }
        if (n > calls) {
            CHECK_EQ(status, SUCCESS);
            break;
        }
        CHECK(!IS(status, SUCCESS));
        refused++;
        v = n % RSS_VECTORS;
        rss_expect(watch, &rss_vectors[v], true, &good, 16, 0);
        rss_expect(watch, &rss_vectors[v], false, &good, 16, 0);
    }
    CHECK(refused >= 3); /* a processor's index, then parameters and mapping; XenVif has the algorithm already */
    watch_close(watch);
    story_count("%u steps of a set failed, each without a change", refused);
}

TEST(a_set_that_xenvif_refuses_half_way_changes_nothing)
{
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .needs = STORY_NEEDS_RSS,
                                        .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .vif_version = version,
                                        .windows = story_windows(version),
                                        .queues = QUEUES,
                                        .edge_buffers = 16,
                                        .prepare = arm_none,
                                        .body = refused_half_way });
    }
}
