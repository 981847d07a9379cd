/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSS of the second generation: parameters without a table, entries moved one by one at DISPATCH_LEVEL, and packets
 * that come up where the table says. On the simulated scheduler.
 */
#include "story_release.h"
#include "story_rss.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

#include "ndis/protocol/raw.h"

#include <errno.h>

enum { QUEUES = 4, KEY_BYTES = 40, ENTRIES = 8, MAX_ENTRIES = 16, MILLISECOND = 1000000, FRAME = 60 };
enum { TYPE_PARAMETERS_V2 = 0xc8, TYPE_ENTRIES = 0xc9 };

#define STATUS_NO_QUEUES ((int32_t)0xC0230031)

struct parameters {
    struct NDIS_RECEIVE_SCALE_PARAMETERS_V2 fixed;
    uint8_t key[KEY_BYTES];
};

struct moves {
    struct NDIS_RSS_SET_INDIRECTION_ENTRIES fixed;
    struct NDIS_RSS_SET_INDIRECTION_ENTRY entries[MAX_ENTRIES];
};

struct seen {
    uint32_t on[QUEUES];
};

static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    struct seen *seen = context;

    (void)nbl, (void)flags;
    seen->on[processor]++;
}

static int32_t set(struct story *story, const struct parameters *parameters, uint32_t size)
{
    uint32_t needed;

    return adapter_set(story->bed.adapter, OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, parameters, size, &needed);
}

static struct parameters parameters(uint32_t flags)
{
    struct parameters p;

    memset(&p, 0, sizeof(p));
    p.fixed.Header.Type = TYPE_PARAMETERS_V2;
    p.fixed.Header.Revision = 1;
    p.fixed.Header.Size = sizeof(p.fixed);
    p.fixed.Flags = flags;
    p.fixed.HashInformation = NDIS_HASH_IPV4 | NdisHashFunctionToeplitz;
    p.fixed.HashSecretKeySize = KEY_BYTES;
    p.fixed.HashSecretKeyOffset = offsetof(struct parameters, key);
    p.fixed.NumberOfQueues = QUEUES;
    p.fixed.NumberOfIndirectionTableEntries = ENTRIES;
    memset(p.key, 0x5a, sizeof(p.key));
    return p;
}

static bool at_passive; /* requests are made below DISPATCH_LEVEL */

/* On processor `from`: moves entries 0 ... count - 1 to `processor`, or with `spread` to processors in turn. The
 * status, which each entry must have too. */
static int32_t move_on(struct story *story, uint32_t from, uint32_t count, uint32_t processor, bool spread)
{
    struct moves moves;
    uint32_t i, written, needed;
    int32_t status;

    memset(&moves, 0, sizeof(moves));
    moves.fixed.Header.Type = TYPE_ENTRIES;
    moves.fixed.Header.Revision = 1;
    moves.fixed.Header.Size = sizeof(moves.fixed);
    moves.fixed.RssEntrySize = sizeof(moves.entries[0]);
    moves.fixed.RssEntryTableOffset = offsetof(struct moves, entries);
    moves.fixed.NumberOfRssEntries = count;
    for (i = 0; i < count; i++) {
        moves.entries[i].IndirectionTableIndex = (uint16_t)i;
        moves.entries[i].TargetProcessorNumber.Number = (uint8_t)(spread ? i % QUEUES : processor);
        moves.entries[i].EntryStatus = NDIS_STATUS_PENDING;
    }
    processor_pin(from);
    status = (at_passive ? adapter_method_now_passive
                         : adapter_method_now)(story->bed.adapter, OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES, &moves,
                                               sizeof(moves), sizeof(moves), &written, &needed);
    for (i = 0; i < count; i++) {
        CHECK_EQ(moves.entries[i].EntryStatus, status);
    }
    return status;
}

static int32_t move(struct story *story, uint32_t count, uint32_t processor, bool spread)
{
    return move_on(story, 0, count, processor, spread);
}

static void inject(struct story *story, uint32_t flow)
{
    static const uint8_t guest[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 };
    uint8_t bytes[FRAME] = { 0 };
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = sizeof(bytes) };

    memcpy(bytes, guest, 6);
    bytes[12] = 0x08;
    bytes[14] = 0x45;
    bytes[17] = FRAME - 14;
    bytes[23] = 0xfd; /* for experiments */
    bytes[26] = 10, bytes[29] = (uint8_t)flow, bytes[30] = 10, bytes[33] = 1;
    while (memory_port_inject(story->wire, 0, &frame) == -EAGAIN) {
        sched_sleep(MILLISECOND);
    }
}

/* 32 flows; how many processors they came up on. */
static uint32_t processors_used(struct story *story, struct seen *seen)
{
    uint32_t used = 0, i;

    memset(seen, 0, sizeof(*seen));
    for (i = 0; i < 32; i++) {
        inject(story, i);
    }
    for (i = 0; i < 50; i++) {
        story_rest(); /* each may be cut short */
    }
    for (i = 0; i < QUEUES; i++) {
        used += seen->on[i] != 0;
    }
    CHECK_EQ(seen->on[0] + seen->on[1] + seen->on[2] + seen->on[3], 32);
    return used;
}

static void move_entries(struct story *story)
{
    const uint32_t on = NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                        NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED;
    const uint32_t sizes =
        NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_QUEUES_CHANGED;
    struct seen seen;
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = &seen };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct parameters p = parameters(sizes);

    /* The edge has switched RSS on the old way: off, resized, and the entries remembered while off. */
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    CHECK_EQ(move(story, ENTRIES, 2, false), NDIS_STATUS_SUCCESS);
    CHECK_EQ(move(story, ENTRIES + 1, 1, false), (int32_t)NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(on);
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    CHECK_EQ(processors_used(story, &seen), 1);
    CHECK_EQ(seen.on[2], 32);

    /* While it works: the next packet follows, and only the entry's own processor moves it. */
    CHECK_EQ(move_on(story, 0, ENTRIES, 1, false), (int32_t)NDIS_STATUS_NOT_ACCEPTED);
    CHECK_EQ(processors_used(story, &seen), 1);
    CHECK_EQ(seen.on[2], 32);
    CHECK_EQ(move_on(story, 2, ENTRIES, 1, false), NDIS_STATUS_SUCCESS);
    CHECK_EQ(processors_used(story, &seen), 1);
    CHECK_EQ(seen.on[1], 32);
    CHECK_EQ(move_on(story, 1, ENTRIES, 63, false), (int32_t)NDIS_STATUS_INVALID_DATA);
    CHECK_EQ(move_on(story, 1, ENTRIES, 0, true), NDIS_STATUS_SUCCESS);
    CHECK_EQ(processors_used(story, &seen), QUEUES);

    /* One queue only: two processors are one too many. */
    p = parameters(0);
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    CHECK_EQ(move(story, ENTRIES, 3, false), NDIS_STATUS_SUCCESS);
    p = parameters(on | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_QUEUES_CHANGED);
    p.fixed.NumberOfQueues = 1;
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    CHECK_EQ(move_on(story, 3, 1, 0, false), STATUS_NO_QUEUES);
    CHECK_EQ(processors_used(story, &seen), 1);
    CHECK_EQ(seen.on[3], 32);

    p = parameters(on), p.fixed.HashSecretKeyOffset = sizeof(p) - KEY_BYTES + 1;
    CHECK_STATUS(set(story, &p, sizeof(p)), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(sizes), p.fixed.NumberOfIndirectionTableEntries = 12;
    CHECK_STATUS(set(story, &p, sizeof(p)), NDIS_STATUS_INVALID_PARAMETER);
    p = parameters(sizes), p.fixed.NumberOfQueues = QUEUES + 1;
    CHECK_STATUS(set(story, &p, sizeof(p)), NDIS_STATUS_INVALID_PARAMETER);
    CHECK_STATUS(set(story, &p, 8), NDIS_STATUS_INVALID_LENGTH);
    raw_close(raw);
}

static void run(void (*body)(struct story *), const char *windows)
{
    struct story_plan plan = { .needs = STORY_NEEDS_RSS,
                               .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .queues = QUEUES,
                               .windows = windows,
                               .body = body };

    story_run(&plan);
}

TEST(table_entries_move_one_by_one_and_packets_follow)
{
    if (story_xenvif() != NULL && story_is_asked("8.2")) {
        test_part_not_run(
            "XenVif 8.2 looks for an answer on the control ring and then waits for the next event: one that "
            "comes between is waited for 100 ms, at DISPATCH_LEVEL");
        return;
    }
    run(move_entries, "11-24h2");
}

/* MiniportSynchronousOidRequest may be called at any IRQL up to DISPATCH_LEVEL. */
TEST(table_entries_move_below_dispatch_level_too)
{
    if (story_xenvif() != NULL && story_is_asked("8.2")) {
        test_part_not_run("as table_entries_move_one_by_one_and_packets_follow");
        return;
    }
    at_passive = true;
    run(move_entries, "11-24h2");
}

/* Each request on the control ring is waited for at DISPATCH_LEVEL. XenVif passes five on for a table. */
static void what_a_move_costs(struct story *story)
{
    const uint32_t on = NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                        NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED;
    struct parameters p = parameters(on);
    const uint16_t *requests = &STORY_STAND_IN(story)->control.last_id;
    uint16_t before;

    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    before = *requests;
    CHECK_EQ(move_on(story, 0, 1, 1, false), NDIS_STATUS_SUCCESS);
    CHECK_EQ((uint16_t)(*requests - before), 5);
    before = *requests;
    CHECK_EQ(move_on(story, 1, 1, 1, false), NDIS_STATUS_SUCCESS); /* to where it is */
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);      /* what is there already */
    CHECK_EQ((uint16_t)(*requests - before), 0);
    vif_tell_mac(STORY_STAND_IN(story)); /* nor does a link that is as it was */
    sched_sleep(100ull * MILLISECOND);
    CHECK_EQ((uint16_t)(*requests - before), 0);
}

TEST(a_moved_entry_costs_one_update_of_the_table_and_what_is_there_already_nothing)
{
    run(what_a_move_costs, "11-24h2");
}

/* Two sends of one flow, of which XenVif takes the first, with More set, and not the second: another table would part
 * them. On whichever processor they are. */
static uint32_t sender;

static void behind_a_refused_send(struct story *story)
{
    const uint32_t on = NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                        NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED;
    struct parameters p = parameters(on);
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbls[2];
    uint8_t bytes[100];

    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < 2; i++) {
        nbls[i] = raw_nbl(watch->raw);
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbls[i], bytes, sizeof(bytes), 0, NULL, 0);
        nbls[i]->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)1;
        nbls[i]->NetBufferListInfo[NetBufferListHashInfo] =
            (void *)(uintptr_t)(NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
    }
    raw_link(nbls[0], nbls[1]);
    vif_refuse_sends(STORY_STAND_IN(story), 1, UINT32_MAX);
    raw_send(watch->raw, nbls[0], sender, false);
    CHECK_EQ(move_on(story, 0, 1, 1, false), (int32_t)NDIS_STATUS_RESOURCES);
    vif_refuse_sends(STORY_STAND_IN(story), UINT32_MAX, 0);
    CHECK(raw_wait(watch->raw, 5000ull * MILLISECOND));
    CHECK_EQ(nbls[0]->Status, NDIS_STATUS_SUCCESS);
    CHECK_EQ(nbls[1]->Status, NDIS_STATUS_SUCCESS);
    CHECK_EQ(move_on(story, 0, 1, 1, false), NDIS_STATUS_SUCCESS);
    watch_close(watch);
}

TEST(an_entry_moves_only_when_nothing_waits_behind_a_refused_send)
{
    for (sender = 0; sender < QUEUES; sender++) {
        run(behind_a_refused_send, "11-24h2");
    }
}

static void has_none(struct story *story)
{
    struct parameters p = parameters(0);

    CHECK_EQ(set(story, &p, sizeof(p)), (int32_t)NDIS_STATUS_NOT_SUPPORTED);
}

TEST(windows_7_has_no_second_generation_of_rss)
{
    run(has_none, "7");
}

/* The protocol's edge has set a table; an adapter that is new has none. */
static void start_again(struct story *story)
{
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED;
    char error[300];

    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    adapter_remove(story->bed.adapter);
    story->bed.adapter = adapter_add(story->bed.driver, bed_pdo(&story->bed), story->bed.package, error, sizeof(error));
    CHECK(story->bed.adapter != NULL);
    CHECK_EQ(adapter_restart(story->bed.adapter), NDIS_STATUS_SUCCESS);
    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), NDIS_STATUS_SUCCESS);
}

static uint16_t requests_of_a_migration(struct story *story)
{
    const uint16_t *requests = &STORY_STAND_IN(story)->control.last_id;
    uint16_t before = *requests;

    CHECK_EQ(bed_migrate(&story->bed), 0);
    sched_sleep(1000ull * MILLISECOND);
    return (uint16_t)(*requests - before);
}

/* Entries that are moved while RSS is off are remembered for later: a migration, which waits for each request, has none
 * for them. */
static void what_remembered_entries_cost(struct story *story)
{
    struct parameters p = parameters(NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED);
    uint16_t before;

    start_again(story);
    before = requests_of_a_migration(story);
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    CHECK_EQ(move(story, ENTRIES, 2, false), NDIS_STATUS_SUCCESS);
    CHECK_EQ(requests_of_a_migration(story), before);
}

TEST(entries_remembered_while_rss_is_off_cost_a_migration_nothing)
{
    run(what_remembered_entries_cost, "11-24h2");
}

/* A table that nobody has filled: all at the base processor that the keywords name, in whatever group. */
static void at_base(struct story *story)
{
    struct parameters p =
        parameters(NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                   NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED);
    struct PROCESSOR_NUMBER base = { 0 };
    struct watch *watch;
    uint32_t i;

    start_again(story);
    watch = watch_open(story);
    if (story->plan->detail == NULL) {
        base.Group = 1;
        base.Number = 7;
    }
    memcpy(p.key, rss_key, sizeof(p.key));
    p.fixed.HashInformation = RSS_ALL_TYPES | NdisHashFunctionToeplitz;
    CHECK_EQ(set(story, &p, sizeof(p)), NDIS_STATUS_SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        rss_expect_on(watch, &rss_vectors[i], true, base, i % QUEUES);
    }
    watch_close(watch);
}

TEST(a_table_that_nobody_filled_is_at_the_base_processor_of_the_keywords)
{
    static const char *const keywords[] = { "*RssBaseProcGroup=1", "*RssBaseProcNumber=7", "*MaxRssProcessors=1",
                                            NULL };
    static const char *const elsewhere[] = { "*RssBaseProcGroup=1", "*RssBaseProcNumber=13", "*MaxRssProcessors=1",
                                             NULL }; /* as on another machine: then it is the first one */
    struct topology topology = topology_of(24, 12);
    struct story_plan plan = { .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                               .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .queues = QUEUES,
                               .topology = &topology,
                               .windows = "11-24h2",
                               .set = keywords,
                               .body = at_base };

    story_run(&plan);
    plan.set = elsewhere;
    plan.detail = elsewhere;
    story_run(&plan);
}
