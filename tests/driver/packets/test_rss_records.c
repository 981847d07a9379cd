/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of RSS and hash requests, spoiled one field at a time: each is refused with the status that its page names,
 * or that of MiniportOidRequest for all OIDs, and what was in force still is. Which records switch off what is off, and
 * what "unchanged" means before the first time. On the simulated scheduler.
 */
#include "story_backend.h"
#include "story_rss.h"

enum { QUEUES = 2, ENTRIES = 8, MOVES = 4, HASH_SIZE = NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1 };
enum { TYPE_PARAMETERS_V2 = 0xc8, TYPE_ENTRIES = 0xc9 };

/* --- OID_GEN_RECEIVE_HASH --- */

struct hash_set {
    struct NDIS_RECEIVE_HASH_PARAMETERS parameters;
    uint8_t key[RSS_KEY];
};

static struct hash_set hash_set(uint32_t flags)
{
    struct hash_set set;

    memset(&set, 0, sizeof(set));
    set.parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    set.parameters.Header.Revision = NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1;
    set.parameters.Header.Size = HASH_SIZE;
    set.parameters.Flags = flags;
    set.parameters.HashInformation = RSS_ALL_TYPES | NdisHashFunctionToeplitz;
    set.parameters.HashSecretKeySize = RSS_KEY;
    set.parameters.HashSecretKeyOffset = offsetof(struct hash_set, key);
    memcpy(set.key, rss_key, RSS_KEY);
    return set;
}

static int32_t put_hash(struct story *story, const struct hash_set *set, uint32_t size)
{
    return oid_put(story, OID_GEN_RECEIVE_HASH, set, size);
}

/* The first packet has the published hash, or none. */
static void expect_hash(struct watch *watch, bool hashed)
{
    uint8_t bytes[256];

    watch_forget(watch);
    wire_inject(watch->story, 0, bytes, rss_frame(&rss_vectors[0], true, bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].hash_value, hashed ? rss_vectors[0].hash_tcp : 0);
    CHECK_EQ(watch->seen[0].hash_info, hashed ? NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz : 0);
}

/* The queue that a send with this hash goes out on. */
static uint32_t queue_of_send(struct watch *watch, uint32_t hash)
{
    static uint8_t bytes[BACKEND_SEND_BYTES];
    uint32_t queue = 0;

    (void)backend_send(watch, hash, hash);
    CHECK(raw_wait(watch->raw, SECOND));
    raw_free_all(watch->raw);
    for (;; queue++) {
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        CHECK(queue < QUEUES);
        if (memory_port_collect(watch->story->wire, queue, &frame, 0) != 0) {
            return queue;
        }
    }
}

static void rss_off(struct story *story)
{
    struct rss_set rss;

    rss_fill(&rss, ENTRIES, QUEUES, RSS_ALL_TYPES);
    rss.parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    CHECK_STATUS(rss_put(story, &rss, sizeof(rss)), SUCCESS);
}

static void spoiled_hashes(struct watch *watch)
{
    struct story *story = watch->story;
    const struct hash_set good = hash_set(NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH);
    struct hash_set set = good;

    set.parameters.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.Header.Revision = 0;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.Header.Size = HASH_SIZE - 1;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.HashInformation = NdisHashFunctionToeplitz;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.HashInformation |= 0x00800000;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.HashSecretKeySize = RSS_KEY - 1;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.HashSecretKeyOffset = HASH_SIZE - 1;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.HashSecretKeyOffset++;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    CHECK_STATUS(put_hash(story, &good, sizeof(good) - 1), NDIS_STATUS_INVALID_DATA);
    CHECK_STATUS(put_hash(story, &good, HASH_SIZE - 1), NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(oid_needed, HASH_SIZE);
}

static void hashes(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct hash_set good = hash_set(NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH), off = hash_set(0), set, back;

    /* RSS is on: it has to be switched off first, and hashes are off already. */
    CHECK_STATUS(put_hash(story, &good, sizeof(good)), NDIS_STATUS_NOT_SUPPORTED);
    CHECK_STATUS(put_hash(story, &off, HASH_SIZE), SUCCESS);
    expect_hash(watch, true);
    CHECK_STATUS(oid_get(story, OID_GEN_RECEIVE_HASH, &back, sizeof(back)), SUCCESS);
    CHECK_EQ(back.parameters.Flags, 0);
    CHECK_EQ(back.parameters.HashInformation, 0);
    rss_off(story);
    spoiled_hashes(watch);
    expect_hash(watch, false);

    CHECK_STATUS(put_hash(story, &good, sizeof(good)), SUCCESS);
    spoiled_hashes(watch);
    expect_hash(watch, true);
    for (uint32_t hash = 0; hash < QUEUES; hash++) { /* the table of before is XenVif's still */
        CHECK_EQ(queue_of_send(watch, hash), hash);
    }
    /* What is named as unchanged is not read. */
    set = good, set.parameters.Flags |= NDIS_RECEIVE_HASH_FLAG_HASH_KEY_UNCHANGED;
    set.parameters.HashSecretKeySize = 0, set.parameters.HashSecretKeyOffset = UINT32_MAX;
    CHECK_STATUS(put_hash(story, &set, HASH_SIZE), SUCCESS);
    expect_hash(watch, true);
    set = good, set.parameters.Flags |= NDIS_RECEIVE_HASH_FLAG_HASH_INFO_UNCHANGED;
    set.parameters.HashInformation = 0;
    CHECK_STATUS(put_hash(story, &set, sizeof(set)), SUCCESS);
    expect_hash(watch, true);
    CHECK_STATUS(oid_get(story, OID_GEN_RECEIVE_HASH, &back, sizeof(back)), SUCCESS);
    CHECK_EQ(back.parameters.Flags, NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH);
    CHECK_EQ(back.parameters.HashInformation, good.parameters.HashInformation);
    CHECK_EQ(memcmp(back.key, rss_key, RSS_KEY), 0);
    CHECK_STATUS(put_hash(story, &off, HASH_SIZE), SUCCESS);
    expect_hash(watch, false);
    watch_close(watch);
}

/* --- OID_GEN_RECEIVE_SCALE_PARAMETERS --- */

static void sizes_of_revisions(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set good, set;

    rss_fill(&good, ENTRIES, QUEUES, RSS_ALL_TYPES);
    CHECK_STATUS(rss_put(story, &good, sizeof(good)), SUCCESS);
    set = good, set.parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2 - 1;
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), NDIS_STATUS_INVALID_LENGTH);
    CHECK_STATUS(rss_put(story, &good, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2 - 1),
                 NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(oid_needed, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1);
    set = good, set.parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    set = good, set.parameters.Header.Revision = 0;
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), NDIS_STATUS_INVALID_DATA);
    rss_expect(watch, &rss_vectors[0], true, &good, ENTRIES, 0);
    /* A later revision has what revision 3 has. */
    set = good, set.parameters.Header.Revision = 4;
    set.parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3 - 1;
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), NDIS_STATUS_INVALID_LENGTH);
    /* No hash at all is another way to switch it off. */
    set = good, set.parameters.HashInformation = 0;
    CHECK_STATUS(rss_put(story, &set, sizeof(set)), SUCCESS);
    expect_hash(watch, false);
    watch_close(watch);
}

/* --- OID_GEN_RECEIVE_SCALE_PARAMETERS_V2 and moves --- */

struct parameters {
    struct NDIS_RECEIVE_SCALE_PARAMETERS_V2 fixed;
    uint8_t key[RSS_KEY];
};

static struct parameters parameters(uint32_t flags)
{
    struct parameters p;

    memset(&p, 0, sizeof(p));
    p.fixed.Header.Type = TYPE_PARAMETERS_V2;
    p.fixed.Header.Revision = 1;
    p.fixed.Header.Size = sizeof(p.fixed);
    p.fixed.Flags = flags;
    p.fixed.HashInformation = RSS_ALL_TYPES | NdisHashFunctionToeplitz;
    p.fixed.HashSecretKeySize = RSS_KEY;
    p.fixed.HashSecretKeyOffset = offsetof(struct parameters, key);
    p.fixed.NumberOfQueues = QUEUES;
    p.fixed.NumberOfIndirectionTableEntries = ENTRIES;
    memcpy(p.key, rss_key, RSS_KEY);
    return p;
}

static int32_t put_v2(struct story *story, const struct parameters *p)
{
    return oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, p, sizeof(*p));
}

struct moves {
    struct NDIS_RSS_SET_INDIRECTION_ENTRIES fixed;
    struct NDIS_RSS_SET_INDIRECTION_ENTRY entries[MOVES];
};

static struct moves moves(void)
{
    struct moves m;

    memset(&m, 0, sizeof(m));
    m.fixed.Header.Type = TYPE_ENTRIES;
    m.fixed.Header.Revision = 1;
    m.fixed.Header.Size = sizeof(m.fixed);
    m.fixed.RssEntrySize = sizeof(m.entries[0]);
    m.fixed.RssEntryTableOffset = offsetof(struct moves, entries);
    m.fixed.NumberOfRssEntries = 1;
    return m;
}

static uint32_t moved; /* bytes that the last move wrote */

static int32_t move(struct story *story, struct moves *m, uint32_t size)
{
    processor_pin(0);
    return adapter_method_now(story->bed.adapter, OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES, m, size, size, &moved,
                              &oid_needed);
}

static void spoiled_moves(struct story *story)
{
    struct moves m = moves();

    m.fixed.Header.Type = TYPE_PARAMETERS_V2;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.fixed.Header.Revision = 0;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.fixed.Header.Size--;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.fixed.RssEntrySize -= 4;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.fixed.RssEntrySize++;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.fixed.RssEntryTableOffset++;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.fixed.RssEntryTableOffset -= 8;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(oid_needed, sizeof(m.fixed));
    m = moves(), m.fixed.RssEntryTableOffset = (sizeof(m) + 15) & ~7u;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_LENGTH);
    m = moves(), m.fixed.NumberOfRssEntries = MOVES + 1;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_LENGTH);
    m = moves();
    CHECK_STATUS(move(story, &m, sizeof(m.fixed) - 1), NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(moved, 0);
    m = moves(), m.fixed.NumberOfRssEntries = 0; /* nothing to move, and no room for it */
    m.fixed.RssEntryTableOffset = sizeof(m.fixed);
    CHECK_STATUS(move(story, &m, sizeof(m.fixed)), SUCCESS);
    m = moves(), m.fixed.NumberOfRssEntries = MOVES; /* just as many as there is room for */
    CHECK_STATUS(move(story, &m, sizeof(m)), SUCCESS);
}

/* Entries that name what is not there, or what XenVif keeps where it is. */
static void entries(struct story *story)
{
    static const uint16_t no_entries[] = { 0xffff, 0xfffe };
    struct moves m = moves();

    m.entries[0].SwitchId = 1;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.entries[0].VPortId = 1;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.entries[0].Flags = 0x80;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(), m.entries[0].TargetProcessorNumber.Reserved = 1;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_DATA);
    m = moves(), m.entries[0].TargetProcessorNumber.Group = 9;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_DATA);
    m = moves(), m.entries[0].IndirectionTableIndex = ENTRIES;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    CHECK_STATUS(m.entries[0].EntryStatus, NDIS_STATUS_INVALID_PARAMETER);
    for (uint32_t i = 0; i < 2; i++) {
        m = moves(), m.entries[0].IndirectionTableIndex = no_entries[i];
        CHECK_STATUS(move(story, &m, sizeof(m)), SUCCESS);
        CHECK_EQ(moved, sizeof(m));
        m = moves(), m.entries[0].IndirectionTableIndex = ENTRIES; /* of no entry where the flag is set */
        m.entries[0].Flags = i + 1;
        CHECK_STATUS(move(story, &m, sizeof(m)), SUCCESS);
    }
    /* One after the other: what the second one is refused for, the first one has not changed. */
    m = moves(), m.fixed.NumberOfRssEntries = 2;
    m.entries[0].TargetProcessorNumber.Number = 1;
    m.entries[1].IndirectionTableIndex = ENTRIES;
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    m = moves(); /* at home it would be refused if it had gone to processor 1 */
    CHECK_STATUS(move(story, &m, sizeof(m)), SUCCESS);
}

static void second_generation(struct story *story)
{
    const uint32_t on = NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS, what = NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                                                                    NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED |
                                                                    NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED |
                                                                    NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_QUEUES_CHANGED;
    struct watch *watch = watch_open(story);
    struct parameters p = parameters(on | what);

    p.fixed.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(on | what), p.fixed.Header.Revision = 0;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(on | what), p.fixed.Header.Size--;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_LENGTH);
    p = parameters(on | what), p.fixed.NumberOfIndirectionTableEntries = 0;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(on | what), p.fixed.NumberOfIndirectionTableEntries = 2 * MAX_RSS_TABLE;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(on | what), p.fixed.HashInformation = NdisHashFunctionToeplitz;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(on | what), p.fixed.HashSecretKeySize--;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER);
    expect_hash(watch, true); /* by the set that the edge has made */

    /* From off: a table of the first processor alone, of another length, then one entry elsewhere. */
    p = parameters(0);
    CHECK_STATUS(put_v2(story, &p), SUCCESS);
    expect_hash(watch, false);
    p = parameters(on | what);
    CHECK_STATUS(put_v2(story, &p), SUCCESS);
    expect_hash(watch, true);
    spoiled_moves(story);
    entries(story);
    watch_close(watch);
}

/* --- before the first time --- */

static void renew(struct story *story)
{
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED;
    char error[300];

    edge_close(story->bed.edge); /* it has set a table; an adapter that is new has none */
    story->bed.edge = NULL;
    adapter_remove(story->bed.adapter);
    story->bed.adapter = adapter_add(story->bed.driver, bed_pdo(&story->bed), story->bed.package, error, sizeof(error));
    CHECK(story->bed.adapter != NULL);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    CHECK_STATUS(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
}

static void unchanged_first(struct story *story)
{
    struct hash_set hash = hash_set(NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH | NDIS_RECEIVE_HASH_FLAG_HASH_INFO_UNCHANGED);
    struct parameters p = parameters(NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                                     NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED);
    struct watch *watch;
    struct moves m = moves();
    struct rss_set rss;

    renew(story);
    watch = watch_open(story);
    CHECK_STATUS(put_hash(story, &hash, sizeof(hash)), NDIS_STATUS_INVALID_DATA);
    rss_fill(&rss, ENTRIES, QUEUES, RSS_ALL_TYPES);
    rss.parameters.Flags = NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED;
    CHECK_STATUS(rss_put(story, &rss, sizeof(rss)), NDIS_STATUS_INVALID_DATA);
    rss.parameters.Flags = NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED;
    CHECK_STATUS(rss_put(story, &rss, sizeof(rss)), NDIS_STATUS_INVALID_DATA);
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER); /* no table */
    p.fixed.Flags = NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED;
    CHECK_STATUS(put_v2(story, &p), NDIS_STATUS_INVALID_PARAMETER); /* no hash */
    CHECK_STATUS(move(story, &m, sizeof(m)), NDIS_STATUS_INVALID_PARAMETER);
    expect_hash(watch, false);
    watch_close(watch);
}

static void run(void (*body)(struct story *))
{
    story_run(&(struct story_plan){ .needs = STORY_NEEDS_RSS,
                                    .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .queues = QUEUES,
                                    .windows = "11-24h2",
                                    .edge_buffers = 16,
                                    .body = body });
}

TEST(a_spoiled_hash_request_is_refused_and_one_that_switches_off_succeeds)
{
    run(hashes);
}

TEST(an_rss_record_has_the_size_of_its_revision)
{
    run(sizes_of_revisions);
}

TEST(spoiled_records_of_the_second_generation_are_refused)
{
    run(second_generation);
}

TEST(unchanged_means_nothing_before_the_first_time)
{
    run(unchanged_first);
}
