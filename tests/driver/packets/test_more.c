/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets queued with More set are not sent before one without it comes for their ring. XenVif may refuse that one, for
 * want of memory: those before it must not wait for whoever sends next.
 */
#include "story_backend.h"
#include "story_rss.h"

enum { CHAIN = 40, SHORT = 20, RINGS = 4, LONG_CHAIN = 9000, MAX_PENDING = 64, MAX_BEGUN = 200 };

/* `count` NBLs for one ring; a `flow` other than 0 has the hash that TCP gives it under RSS. */
static void make_chain(struct watch *watch, struct NET_BUFFER_LIST **nbls, uint32_t count, uint32_t flow)
{
    uint8_t bytes[BACKEND_SEND_BYTES];
    uint32_t i;

    for (i = 0; i < count; i++) {
        nbls[i] = raw_nbl(watch->raw);
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbls[i], bytes, sizeof(bytes), 0, NULL, 0);
        if (flow != 0) {
            nbls[i]->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)flow;
            nbls[i]->NetBufferListInfo[NetBufferListHashInfo] =
                (void *)(uintptr_t)(NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
        }
        if (i != 0) {
            raw_link(nbls[i - 1], nbls[i]);
        }
    }
}

/* One send call. */
static void send_chain(struct watch *watch, struct NET_BUFFER_LIST **nbls, uint32_t count)
{
    make_chain(watch, nbls, count, 0);
    raw_send(watch->raw, nbls[0], 0, false);
}

static void last_refused(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN];
    struct watch *watch = watch_open(story);
    uint64_t before = sched_now();
    uint32_t i;

    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, 1);
    send_chain(watch, nbls, CHAIN);
    CHECK(raw_wait(watch->raw, 5 * SECOND));
    for (i = 0; i < CHAIN; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    story_count("the last of %u refused once: all sent after %u ms", CHAIN,
                (uint32_t)((sched_now() - before) / 1000000));
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), CHAIN);
    watch_close(watch);
}

/* Chains of all lengths that one run has: the last one is offered again, since others wait for it. */
static void last_of_a_run_refused(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[MAX_PENDING + 1];
    struct watch *watch = watch_open(story);

    for (uint32_t length = 2; length <= MAX_PENDING + 1; length++) {
        vif_refuse_sends(STORY_STAND_IN(story), length - 1, 1);
        send_chain(watch, nbls, length);
        CHECK(raw_wait(watch->raw, 5 * SECOND));
        for (uint32_t i = 0; i < length; i++) {
            CHECK_EQ(nbls[i]->Status, SUCCESS);
        }
        raw_free_all(watch->raw);
        CHECK_EQ(backend_frames(story), length);
    }
    watch_close(watch);
}

/* Refused for long: what pends goes with the next send, and nothing is lost of it. */
static void refused_for_long(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN], *next[1];
    struct watch *watch = watch_open(story);
    uint32_t i;

    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, 1000);
    send_chain(watch, nbls, CHAIN);
    sched_sleep(30 * SECOND);
    CHECK(raw_completed(watch->raw) < CHAIN); /* an event on the ring may have sent the others */
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    send_chain(watch, next, 1);
    CHECK(raw_wait(watch->raw, SECOND / 10));
    for (i = 0; i < CHAIN; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), CHAIN + 1);
    watch_close(watch);
}

/* However long a chain is, no more of it waits for the refused packet than one run. Nothing else has an event on the
 * ring for XenVif to send them on. */
static void long_one_refused(struct story *story)
{
    enum { LONG = 200 };
    static struct NET_BUFFER_LIST *nbls[LONG], *next[1];
    struct watch *watch = watch_open(story);
    uint32_t waiting;

    sched_sleep(SECOND);
    vif_refuse_sends(STORY_STAND_IN(story), LONG - 1, UINT32_MAX);
    send_chain(watch, nbls, LONG);
    sched_sleep(SECOND / 10);
    waiting = LONG - (uint32_t)raw_completed(watch->raw);
    CHECK(waiting <= MAX_PENDING);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    send_chain(watch, next, 1);
    CHECK(raw_wait(watch->raw, SECOND));
    story_count("the last of %u refused for good: %u waited", LONG, waiting);
    watch_close(watch);
}

/* The same for the packets of one NBL, which come out at the backend before it is complete. */
static void long_list_refused(struct story *story)
{
    enum { LONG = 200 };
    static struct NET_BUFFER_LIST *next[1];
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[128];
    uint32_t i, came;

    for (i = 0; i < LONG; i++) {
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    }
    sched_sleep(SECOND);
    vif_refuse_sends(STORY_STAND_IN(story), LONG - 1, UINT32_MAX);
    raw_send(watch->raw, nbl, 0, false);
    sched_sleep(SECOND / 10);
    came = backend_frames(story);
    CHECK(came >= LONG - MAX_PENDING);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    send_chain(watch, next, 1);
    CHECK(raw_wait(watch->raw, SECOND));
    story_count("the last of %u of one NBL refused for good: %u waited", LONG, LONG - came);
    watch_close(watch);
}

/* XenVif begins to send with each packet that no other is promised behind: every 65th one of a long run, and the last.
 * `lists`: NBLs of one NB; else one NBL of as many. */
static void begun(struct watch *watch, uint32_t packets, bool lists)
{
    static struct NET_BUFFER_LIST *nbls[MAX_BEGUN];
    struct vif_counters before, after;
    uint8_t bytes[BACKEND_SEND_BYTES];

    vif_counters(STORY_STAND_IN(watch->story), &before);
    if (lists) {
        send_chain(watch, nbls, packets);
    } else {
        nbls[0] = raw_nbl(watch->raw);
        for (uint32_t i = 0; i < packets; i++) {
            frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
            raw_add(watch->raw, nbls[0], bytes, sizeof(bytes), 0, NULL, 0);
        }
        raw_send(watch->raw, nbls[0], 0, false);
    }
    CHECK(raw_wait(watch->raw, 5 * SECOND));
    vif_counters(STORY_STAND_IN(watch->story), &after);
    CHECK_EQ(after.tx_packets - before.tx_packets, packets);
    CHECK_EQ(after.tx_calls_without_more - before.tx_calls_without_more, (packets + MAX_PENDING) / (MAX_PENDING + 1));
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(watch->story), packets);
}

static void runs(struct story *story)
{
    static const uint32_t lengths[] = { 1, 2, 64, 65, 66, 129, 130, 131, MAX_BEGUN };
    struct watch *watch = watch_open(story);

    for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        begun(watch, lengths[i], true);
        begun(watch, lengths[i], false);
    }
    watch_close(watch);
}

/* A pause does not wait for memory: what was kept is given up, the rest is aborted. */
static void paused_meanwhile(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN];
    struct watch *watch = watch_open(story);

    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, 1000);
    send_chain(watch, nbls, CHAIN);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK(raw_wait(watch->raw, 0));
    CHECK(nbls[CHAIN - 1]->Status != SUCCESS);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    backend_works(story, watch, 1);
    watch_close(watch);
}

/* A pause offers it once more, which sends all of them. */
static void paused_in_time(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN];
    struct watch *watch = watch_open(story);

    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, 1);
    send_chain(watch, nbls, CHAIN);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    for (uint32_t i = 0; i < CHAIN; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    watch_close(watch);
}

static void memory_returns(void *argument)
{
    struct story *story = argument;

    sched_sleep(20 * SECOND);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
}

/* XenVif 8.2 must not be disabled with sends out, so a pause goes on offering the packet that makes it send the others.
 */
static void paused_until_there_is_memory(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN];
    struct watch *watch = watch_open(story);
    struct task *task;

    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, UINT32_MAX);
    send_chain(watch, nbls, CHAIN);
    task = task_spawn("memory", 0, memory_returns, story);
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    task_join(task);
    for (uint32_t i = 0; i < CHAIN; i++) {
        CHECK_EQ(nbls[i]->Status, SUCCESS);
    }
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    backend_works(story, watch, 1);
    watch_close(watch);
}

/* The backend goes meanwhile: nothing makes XenVif send the others, so the pause gives all of them up. */
static void paused_without_backend(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN];
    struct watch *watch = watch_open(story);
    uint64_t before;

    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, UINT32_MAX);
    send_chain(watch, nbls, CHAIN);
    backend_leaves(story);
    before = sched_now();
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK(sched_now() - before < 5 * SECOND);
    CHECK(raw_wait(watch->raw, 0));
    CHECK(nbls[CHAIN - 1]->Status != SUCCESS);
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    /* A XenVif that does not reconnect has left its rings as they were, and another backend takes or refuses them. */
    if (story_release(story->plan)->reconnects) {
        backend_comes(story, 1, 0);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        backend_works(story, watch, 60);
    }
    watch_close(watch);
}

/* More than XenVif takes at once: it refuses the rest, and has begun to send all but a bounded number of the others. */
static void too_many(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[LONG_CHAIN];
    struct watch *watch = watch_open(story);
    uint32_t taken = 0, i;

    netback_stall(story->bed.netback, 0, SECOND);
    send_chain(watch, nbls, LONG_CHAIN);
    for (i = 0; i < 50; i++) {
        sched_sleep(SECOND / 10);
        backend_frames_now(story);
    }
    CHECK(raw_wait(watch->raw, 0));
    for (i = 0; i < LONG_CHAIN; i++) {
        taken += nbls[i]->Status == SUCCESS;
    }
    story_count("%u NBLs in one call: %u sent, the others refused, none left", LONG_CHAIN, taken);
    CHECK(taken > MAX_PENDING && taken < LONG_CHAIN);
    CHECK_EQ(backend_recoveries() + backend_stalls(), 0);
    watch_close(watch);
}

/* Of one flow, whose ring the RSS table picks. Another table would leave what waits in that ring there, whichever
 * processor has sent it. */
static void table_changes(struct story *story)
{
    static struct NET_BUFFER_LIST *nbls[CHAIN];
    struct watch *watch = watch_open(story);
    struct rss_set first, second;
    uint32_t processor, i;

    rss_fill(&first, 16, RINGS, RSS_ALL_TYPES);
    second = first;
    for (i = 0; i < 16; i++) {
        second.table[i] = first.table[15 - i];
    }
    for (processor = 0; processor < RINGS; processor++) {
        CHECK_EQ(rss_put(story, &first, sizeof(first)), SUCCESS);
        vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, UINT32_MAX);
        make_chain(watch, nbls, CHAIN, 1);
        raw_send(watch->raw, nbls[0], processor, false);
        CHECK_EQ(rss_put(story, &second, sizeof(second)), (int32_t)NDIS_STATUS_RESOURCES);
        vif_refuse_sends(STORY_STAND_IN(story), CHAIN, 1);
        CHECK_EQ(rss_put(story, &second, sizeof(second)), SUCCESS);
        CHECK(raw_wait(watch->raw, SECOND));
        for (i = 0; i < CHAIN; i++) {
            CHECK_EQ(nbls[i]->Status, SUCCESS);
        }
        raw_free_all(watch->raw);
        CHECK_EQ(backend_frames(story), CHAIN);
        vif_refuse_sends(STORY_STAND_IN(story), UINT32_MAX, 0);
    }
    backend_works(story, watch, 1);
    watch_close(watch);
}

/* One call for two flows in two rings, and XenVif takes neither the last packet of the first nor that of the second.
 * One packet can be kept: those of the second ring must not wait for theirs. */
static void two_rings(struct story *story)
{
    static struct NET_BUFFER_LIST *first[CHAIN], *second[SHORT];
    struct watch *watch = watch_open(story);
    struct rss_set set;

    rss_fill(&set, 16, RINGS, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(story, &set, sizeof(set)), SUCCESS);
    sched_sleep(SECOND);
    make_chain(watch, first, CHAIN, 1);
    make_chain(watch, second, SHORT, 2);
    raw_link(first[CHAIN - 1], second[0]);
    vif_refuse_sends(STORY_STAND_IN(story), CHAIN - 1, 1);
    vif_refuse_sends_again(STORY_STAND_IN(story), SHORT - 1, 1);
    raw_send(watch->raw, first[0], 0, false);
    CHECK(raw_wait(watch->raw, 5 * SECOND));
    for (uint32_t i = 0; i < CHAIN; i++) {
        CHECK_EQ(first[i]->Status, SUCCESS);
    }
    for (uint32_t i = 0; i < SHORT; i++) {
        CHECK_EQ(second[i]->Status, i < SHORT - 1 ? SUCCESS : (int32_t)NDIS_STATUS_RESOURCES);
    }
    raw_free_all(watch->raw);
    CHECK_EQ(backend_frames(story), CHAIN + SHORT - 1);
    watch_close(watch);
}

/* Chains of three of one flow, one each 5 ms. XenVif takes what waits and one packet, or two, and refuses the rest
 * until the next chain. */
struct sender {
    struct watch *watch;
    bool stop;
};

static void send_and_be_refused(void *argument)
{
    struct sender *sender = argument;
    struct NET_BUFFER_LIST *nbls[3];

    while (!__atomic_load_n(&sender->stop, __ATOMIC_ACQUIRE)) {
        vif_refuse_sends(STORY_STAND_IN(sender->watch->story), 2, UINT32_MAX);
        make_chain(sender->watch, nbls, 3, 1);
        raw_send(sender->watch->raw, nbls[0], 0, false);
        sched_sleep(SECOND / 200);
    }
}

/* There is always one who waits behind a refused packet, or will in a moment; while a table is about to change nobody
 * new has to, so it does change. */
static void table_changes_under_load(struct story *story)
{
    struct sender sender = { .watch = watch_open(story) };
    struct rss_set first, second;
    struct task *task;

    rss_fill(&first, 16, RINGS, RSS_ALL_TYPES);
    second = first;
    for (uint32_t i = 0; i < 16; i++) {
        second.table[i] = first.table[15 - i];
    }
    CHECK_EQ(rss_put(story, &first, sizeof(first)), SUCCESS);
    task = task_spawn("sender", 0, send_and_be_refused, &sender);
    sched_sleep(SECOND / 10);
    CHECK_EQ(rss_put(story, &second, sizeof(second)), SUCCESS);
    CHECK_EQ(rss_put(story, &first, sizeof(first)), SUCCESS);
    __atomic_store_n(&sender.stop, true, __ATOMIC_RELEASE);
    task_join(task);
    vif_refuse_sends(STORY_STAND_IN(story), UINT32_MAX, 0);
    CHECK(raw_wait(sender.watch->raw, 5 * SECOND));
    watch_close(sender.watch);
}

static void each(void (*body)(struct story *story), uint32_t needs)
{
    story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                            .seed = test_seed(),
                                            .edge_buffers = 32,
                                            .needs = needs,
                                            .loose_grants = true,
                                            .body = body });
}

TEST(packets_before_a_refused_one_are_sent_within_seconds)
{
    each(last_refused, 0);
}

TEST(the_last_packet_of_a_run_of_any_length_is_offered_again)
{
    each(last_of_a_run_refused, 0);
}

TEST(packets_before_a_refused_one_go_with_the_next_send)
{
    each(refused_for_long, 0);
}

TEST(a_run_is_begun_with_every_65th_packet_and_the_last)
{
    each(runs, 0);
}

TEST(no_more_than_a_run_of_packets_waits_behind_a_refused_one)
{
    each(long_one_refused, 0);
}

TEST(no_more_than_a_run_of_one_nbl_waits_behind_a_refused_one)
{
    each(long_list_refused, 0);
}

TEST(a_pause_gives_up_what_xenvif_would_not_take)
{
    each(paused_in_time, 0);
    each(paused_meanwhile, STORY_NEEDS_DISABLE);
}

TEST(a_pause_of_xenvif_8_ends_when_it_takes_sends_again)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .xenvif_like = "8.2",
                                    .seed = test_seed(),
                                    .edge_buffers = 32,
                                    .loose_grants = true,
                                    .body = paused_until_there_is_memory });
}

TEST(a_pause_gives_up_a_refused_packet_once_the_backend_is_gone)
{
    each(paused_without_backend, 0);
}

static void with_rss(void (*body)(struct story *story))
{
    static const char *const versions[] = { "7", "11-24h2" }; /* without RSSv2 and with it */

    for (size_t i = 0; i < 2; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .needs = STORY_NEEDS_RSS,
                                        .windows = versions[i],
                                        .queues = RINGS,
                                        .edge_buffers = 32,
                                        .loose_grants = true,
                                        .body = body });
    }
}

TEST(a_table_changes_only_when_nothing_waits_behind_a_refused_packet)
{
    with_rss(table_changes);
}

TEST(a_table_changes_while_xenvif_refuses_packets_now_and_then)
{
    with_rss(table_changes_under_load);
}

TEST(only_one_ring_at_a_time_waits_for_a_refused_packet)
{
    with_rss(two_rings);
}

TEST(a_chain_longer_than_xenvif_takes_leaves_nothing_behind)
{
    if (story_xenvif() != NULL) {
        test_part_not_run("XenVif takes as many packets as there are");
        return;
    }
    each(too_many, 0);
}

/* Packets without a hash, of which XenVif picks the queue: none waits for the next, which may go to another. */
static void without_a_hash(struct story *story)
{
    enum { COUNT = 6 };
    static struct NET_BUFFER_LIST *nbls[COUNT];
    struct watch *watch = watch_open(story);
    struct vif_counters before, after;

    for (uintptr_t priority = 0; priority < 2; priority++) { /* with one they go the longer way through the driver */
        make_chain(watch, nbls, COUNT, 0);
        for (uint32_t i = 0; i < COUNT; i++) {
            nbls[i]->NetBufferListInfo[Ieee8021QNetBufferListInfo] = (void *)priority;
        }
        vif_counters(STORY_STAND_IN(story), &before);
        raw_send(watch->raw, nbls[0], 0, false);
        CHECK(raw_wait(watch->raw, SECOND));
        vif_counters(STORY_STAND_IN(story), &after);
        CHECK_EQ(after.tx_calls_without_more - before.tx_calls_without_more, COUNT);
        raw_free_all(watch->raw);
        CHECK_EQ(backend_frames(story), COUNT);
    }
    watch_close(watch);
}

TEST(a_packet_whose_queue_xenvif_picks_waits_for_no_other)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .queues = RINGS,
                                    .edge_buffers = 32,
                                    .loose_grants = true,
                                    .body = without_a_hash });
}
