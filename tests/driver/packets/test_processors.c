/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More than 64 processors, in groups, with holes in their numbers ("Multiple processor group"): sends and completions
 * on every processor, packets on the processor that the RSS table names in whatever group it is, the keywords that
 * choose processors, and a processor that comes while the adapter works.
 */
#include "nt/processor/topology.h"
#include "nt/sync/thread.h"
#include "story_release.h"
#include "story_rss.h"

enum { SECOND = 1000000000, QUEUES = 8, MAX_QUEUES = 64 };

struct machine {
    const char *what;
    struct topology topology;
    uint32_t processors; /* that there are */
};

/* 130 of 173: group 0 has every third number missing, group 1 its first ten, group 2 none at all. */
#define THIRDS_MISSING 0x6db6db6db6db6db6ull
static const struct machine machines[] = {
    { "65 processors", { 2, { { 64, UINT64_MAX }, { 1, 1 } } }, 65 },
    { "96 processors in 2 groups", { 2, { { 48, 0xffffffffffffull }, { 48, 0xffffffffffffull } } }, 96 },
    { "130 processors in 3 of 4 groups with holes",
      { 4, { { 64, THIRDS_MISSING }, { 60, 0x0ffffffffffffc00ull }, { 8, 0 }, { 41, 0x1e7fffbffffull } } },
      130 },
};
enum { MACHINES = sizeof(machines) / sizeof(machines[0]) };

static void send_list_from(struct watch *watch, uint32_t processor, uint32_t frames)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[80];

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, processor);
    for (uint32_t i = 0; i < frames; i++) {
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    }
    raw_send(watch->raw, nbl, processor, false);
}

static void send_from(struct watch *watch, uint32_t processor)
{
    send_list_from(watch, processor, 1);
}

/* One send from each processor, all of which come back and out. */
static void send_from_all(struct watch *watch)
{
    uint8_t bytes[256], seen[256] = { 0 };
    uint32_t count = processor_count(), number, i;

    for (i = 0; i < count; i++) {
        send_from(watch, i);
    }
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    raw_free_all(watch->raw);
    for (i = 0; i < count; i++) {
        CHECK_EQ(wire_collect(watch->story, bytes, sizeof(bytes), NULL), 80);
        memcpy(&number, bytes + 14, sizeof(number));
        CHECK(number < count && seen[number]++ == 0);
    }
}

/* A table over `queues` processors of all groups, another for each round; the last of all gets a published packet. */
static void fill_far(struct rss_set *set, uint32_t queues, uint32_t round)
{
    uint32_t count = processor_count(), i;

    rss_fill(set, MAX_RSS_TABLE, 1, RSS_ALL_TYPES);
    for (i = 0; i < MAX_RSS_TABLE; i++) {
        set->table[i] = processor_number((i % (queues - 1) * count / queues + 7 * round) % count);
    }
    set->table[rss_vectors[round].hash_tcp & (MAX_RSS_TABLE - 1)] = processor_number(count - 1);
}

static void everywhere(struct story *story)
{
    const struct machine *machine = story->plan->detail;
    struct watch *watch = watch_open(story);
    uint32_t packets = 0, groups = 0, round, v;
    struct rss_set set;

    CHECK_EQ(processor_count(), machine->processors);
    send_from_all(watch);
    for (round = 0; round < 3; round++) {
        uint32_t used = 0;

        fill_far(&set, story->queues, round);
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
        for (v = 0; v < RSS_VECTORS; v++) {
            rss_expect(watch, &rss_vectors[v], true, &set, MAX_RSS_TABLE, v % story->queues);
            rss_expect(watch, &rss_vectors[v], false, &set, MAX_RSS_TABLE, v % story->queues);
            used |= 1u << set.table[rss_vectors[v].hash & (MAX_RSS_TABLE - 1)].Group |
                    1u << set.table[rss_vectors[v].hash_tcp & (MAX_RSS_TABLE - 1)].Group;
            packets += 2;
        }
        groups |= used;
    }
    CHECK((groups & (groups - 1)) != 0); /* else nothing was shown of groups */
    watch_close(watch);
    story_send(story, 0, 64, 8);
    story_inject(story, 0, 64);
    story_check_from(story, 0, 0);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    story_send(story, story->queues - 1, 64, 8);
    story_inject(story, story->queues - 1, 64);
    story_check_from(story, 64, 64);
    story_count("%s, %u queues: a send from each, %u packets each on the processor named, in groups %#x", machine->what,
                story->queues, packets, groups);
}

static void run(const struct machine *machine, uint32_t queues, const char *windows, bool live)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };
    struct story_plan plan = { .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                               .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .topology = &machine->topology,
                               .queues = queues,
                               .edge_buffers = 8,
                               .windows = windows,
                               .set = polling,
                               .loose_grants = queues > QUEUES,
                               .detail = machine,
                               .body = everywhere };
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        plan.vif_version = version;
        plan.kind = SCHED_SIMULATED;
        story_run(&plan);
        plan.kind = SCHED_LIVE;
        if (live) {
            story_run(&plan);
        }
        plan.quiet = true;
    }
}

/* Multiple processor group */
TEST(packets_find_their_processor_among_65_96_and_130_with_holes)
{
    uint32_t m;

    for (m = 0; m < MACHINES; m++) {
        run(&machines[m], QUEUES, "10-22h2", true);
    }
}

TEST(packets_find_their_processor_where_ndis_polls_and_on_the_first_windows_with_groups)
{
    uint32_t m;

    for (m = 1; m < MACHINES; m++) {
        run(&machines[m], QUEUES, "11-24h2", true);
        run(&machines[m], QUEUES, "7", false);
    }
}

TEST(sixty_four_queues_work_where_the_backend_gives_them)
{
    static const char *const set[] = { "*NumRssQueues=64", "*MaxRssProcessors=64", NULL };
    const struct machine *machine = &machines[2];
    struct story_plan plan = { .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                               .kind = SCHED_SIMULATED,
                               .seed = test_seed(),
                               .topology = &machine->topology,
                               .queues = MAX_QUEUES,
                               .edge_buffers = 8,
                               .set = set,
                               .loose_grants = true,
                               .detail = machine,
                               .body = everywhere };

    story_run(&plan);
    plan.kind = SCHED_LIVE;
    story_run(&plan);
}

/* A processor comes while the adapter works: the driver has room for it, and RSS may name it at once. */
static void newcomer(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct rss_set set;
    uint32_t i, index;

    index = processor_add(2, 3);
    CHECK_EQ(index, 130);
    CHECK_EQ(processor_add(0, 0), 131);
    send_from(watch, index);
    send_from(watch, index + 1);
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    rss_fill(&set, 2, 1, RSS_ALL_TYPES);
    for (i = 0; i < 2; i++) {
        set.table[i] = processor_number(index + i);
    }
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (i = 0; i < RSS_VECTORS; i++) {
        rss_expect(watch, &rss_vectors[i], true, &set, 2, i % QUEUES);
    }
    raw_free_all(watch->raw);
    watch_close(watch);
    story_send(story, 0, 64, 8);
    story_inject(story, 0, 64);
    story_wait_received(story, 64);
    story_check(&story->in, 0);
    story_count("two processors came to %s and took packets", "130");
}

TEST(processors_that_come_while_the_adapter_works_are_used)
{
    story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                                           .topology = &machines[2].topology,
                                           .queues = QUEUES,
                                           .edge_buffers = 8,
                                           .body = newcomer },
                     1);
}

/* XenVif does not take the last of a list at first, for which the others wait: it is offered again, and nowhere but on
 * that processor. */
static void kept_by_newcomer(struct story *story)
{
    struct watch *watch = watch_open(story);

    vif_refuse_sends(STORY_STAND_IN(story), 2, 1);
    send_list_from(watch, processor_add(2, 3), 3);
    CHECK(!raw_wait(watch->raw, SECOND / 10));
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    watch_close(watch);
}

TEST(what_a_processor_that_came_could_not_send_is_sent_later)
{
    story_everywhere(&(struct story_plan){ .stand_in = "XenVif is short of memory",
                                           .needs = STORY_NEEDS_PLACES,
                                           .topology = &machines[2].topology,
                                           .queues = QUEUES,
                                           .edge_buffers = 8,
                                           .body = kept_by_newcomer },
                     1);
}

/* Two processors with the same number in different groups work side by side, each on its own packets and sends. */
static void same_number(struct story *story)
{
    enum { FLOWS = 128 };
    struct watch *watch = watch_open(story);
    struct rss_set set;
    uint8_t bytes[256];
    uint32_t i;

    rss_fill(&set, 2, 1, RSS_ALL_TYPES);
    set.table[0].Number = set.table[1].Number = 5;
    set.table[1].Group = 1;
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    for (i = 0; i < FLOWS; i++) {
        struct rss_vector flow = rss_vectors[2];

        flow.source_port = (uint16_t)(3000 + i);
        wire_inject(story, i % story->queues, bytes, rss_frame(&flow, true, bytes), NULL);
    }
    CHECK(watch_wait(watch, FLOWS));
    for (i = 0; i < FLOWS; i++) {
        CHECK_EQ(watch->seen[i].processor, processor_index(&set.table[watch->seen[i].hash_value & 1]));
    }
    for (i = 0; i < FLOWS; i++) {
        send_from(watch, processor_index(&set.table[i & 1]));
    }
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    raw_free_all(watch->raw);
    watch_close(watch);
    while (wire_collect(story, bytes, sizeof(bytes), NULL) != 0) {
    }
    story_count("%u packets and sends on number 5 of two groups", FLOWS);
}

TEST(the_same_number_in_two_groups_is_two_processors)
{
    story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                                           .topology = &machines[1].topology,
                                           .queues = 2,
                                           .edge_buffers = 8,
                                           .windows = "10-22h2",
                                           .body = same_number },
                     4);
}

/* What NDIS chooses from the keywords, the driver carries out: all packets on processors from the base on, so many at
 * most. */
struct choice {
    const char *const *set;
    uint32_t first, last, processors, group;
};

static void chosen(struct story *story)
{
    const struct choice *choice = story->plan->detail;
    struct watch *watch = watch_open(story);
    uint32_t on[256] = { 0 }, used = 0, i;
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    CHECK(facts.rss_queues >= choice->processors);
    for (i = 0; i < 256; i++) {
        struct rss_vector flow = rss_vectors[0];
        uint8_t bytes[256];
        uint32_t length;

        flow.source_port = (uint16_t)(1000 + i);
        length = rss_frame(&flow, true, bytes);
        wire_inject(story, i % QUEUES, bytes, length, NULL);
    }
    CHECK(watch_wait(watch, 256));
    for (i = 0; i < 256; i++) {
        struct PROCESSOR_NUMBER number = processor_number(watch->seen[i].processor);

        CHECK_EQ(number.Group, choice->group);
        CHECK(number.Number >= choice->first && number.Number <= choice->last);
        used += on[watch->seen[i].processor]++ == 0;
    }
    CHECK_EQ(used, choice->processors);
    watch_close(watch);
    story_count("256 flows on %u processors of group %u from %u on", used, choice->group, choice->first);
}

TEST(packets_stay_on_the_processors_that_the_keywords_choose)
{
    static const char *const base[] = { "*RssBaseProcGroup=1", "*RssBaseProcNumber=20", "*MaxRssProcessors=4",
                                        "*RSSProfile=1", NULL };
    static const char *const node[] = { "*NumaNodeId=1", "*NumRssQueues=5", "*RSSProfile=2", NULL };
    static const char *const most[] = { "*RssBaseProcNumber=40", "*RssMaxProcNumber=42", "*RssMaxProcGroup=0",
                                        "*RSSProfile=1", NULL };
    static const struct choice choices[] = { { base, 20, 63, 4, 1 }, { node, 0, 63, 5, 1 }, { most, 40, 42, 3, 0 } };
    uint32_t i;

    for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_RSS | STORY_NEEDS_PLACES,
                                               .topology = &machines[1].topology,
                                               .queues = QUEUES,
                                               .edge_buffers = 8,
                                               .set = choices[i].set,
                                               .detail = &choices[i],
                                               .body = chosen },
                         1);
    }
}

static void many_processors(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t bytes[100];
    uint32_t processor;

    for (processor = 0; processor < processor_count(); processor++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, processor);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, processor, false);
        CHECK(raw_wait(watch->raw, SECOND));
        CHECK_EQ(nbl->Status, SUCCESS);
        CHECK_EQ(wire_collect(story, bytes, sizeof(bytes), NULL), sizeof(bytes));
    }
    watch_close(watch);
}

TEST(per_processor_data_is_found_by_index_on_every_processor)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .processors = 64, .edge_buffers = 16, .body = many_processors });
}

/* A request that visits each processor does so on the thread of whoever makes it, which may go on wherever it could
 * before (KeRevertToUserGroupAffinityThread). */
static void visits_and_returns(struct story *story)
{
    const struct nt_thread *thread = thread_current();
    struct rss_set set;

    CHECK_EQ(thread->affinity, 0);
    rss_fill(&set, 16, QUEUES, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    CHECK_EQ(thread->affinity, 0);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_EQ(thread->affinity, 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
}

TEST(a_thread_that_visits_processors_returns)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .needs = STORY_NEEDS_RSS,
                                    .queues = QUEUES,
                                    .edge_buffers = 8,
                                    .body = visits_and_returns });
}

static struct {
    const struct nt_thread *thread;
    uint64_t seen; /* masks that it had */
    bool over;
} visits;

static void look_at_visits(void *argument)
{
    (void)argument;
    while (!__atomic_load_n(&visits.over, __ATOMIC_ACQUIRE)) {
        visits.seen |= visits.thread->affinity;
        sched_point("a look at the visitor");
    }
}

/* Who looks on meets some of the visits; over several requests all of them. */
static void visits_each(struct story *story)
{
    enum { REQUESTS = 40 };
    struct rss_set set;
    struct task *task;

    visits.thread = thread_current();
    task = task_spawn("look", 1, look_at_visits, NULL);
    rss_fill(&set, 16, QUEUES, RSS_ALL_TYPES);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    }
    __atomic_store_n(&visits.over, true, __ATOMIC_RELEASE);
    task_join(task);
    CHECK_EQ(visits.seen, (1u << QUEUES) - 1);
}

TEST(a_table_changes_when_each_processor_was_visited)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .needs = STORY_NEEDS_RSS,
                                    .queues = QUEUES,
                                    .edge_buffers = 8,
                                    .body = visits_each });
}
