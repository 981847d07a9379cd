/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet costs with one queue and with sixteen, each on a processor of its own: the same instructions, and no
 * cache line that two processors write for it. Counted by single steps, never timed.
 */
#include "story_presence.h"
#include "story_release.h"
#include "story_step.h"
#include "story_watch.h"
#include "step_lines.h"
#include "xenvif/offer/hostile.h"

#include <sys/mman.h>

enum { SECOND = 1000000000, BATCH = 32, ROUNDS = 4, MANY = 16, FRAME = 100 };

struct cost {
    double instructions, lines; /* of a packet */
    uint64_t shared;            /* lines that two processors wrote */
};

/* By queues; a run is a process of its own. */
static struct {
    struct cost out, in;
} *found;

static uint8_t frame[FRAME];
static uint64_t expected_back;

static bool all_back(struct story *story)
{
    (void)story;
    return vif_inject_returned() == expected_back;
}

/* With a hash, whose value picks the queue and lets the whole chain be one push. */
static struct NET_BUFFER_LIST *make_chain(struct watch *watch, uint32_t queue)
{
    struct NET_BUFFER_LIST *chain = NULL, *nbl;
    uint32_t i;

    for (i = 0; i < BATCH; i++) {
        nbl = raw_nbl(watch->raw);
        raw_add(watch->raw, nbl, frame, sizeof(frame), 0, NULL, 0);
        nbl->NetBufferListInfo[NetBufferListHashInfo] =
            (void *)(uintptr_t)(NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
        nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)queue;
        if (chain == NULL) {
            chain = nbl;
        } else {
            raw_link(chain, nbl);
        }
    }
    return chain;
}

static void drain_wire(struct story *story)
{
    static uint8_t bytes[65536];
    uint32_t q;

    for (q = 0; q < story->queues; q++) {
        struct frame one = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        while (memory_port_collect(story->wire, q, &one, 0) != 0) {
        }
    }
}

static void send(struct watch *watch, bool step)
{
    struct NET_BUFFER_LIST *chains[MANY];
    uint32_t q;

    for (q = 0; q < watch->story->queues; q++) {
        chains[q] = make_chain(watch, q);
    }
    if (step) {
        step_start(watch->story);
    }
    for (q = 0; q < watch->story->queues; q++) {
        processor_pin(q);
        raw_send(watch->raw, chains[q], 0, false);
        CHECK(raw_wait(watch->raw, 5ull * SECOND));
    }
    if (step) {
        step_stop();
    }
    raw_free_all(watch->raw);
    drain_wire(watch->story);
}

static void receive(struct watch *watch, struct MDL *mdl, bool step)
{
    struct story *story = watch->story;
    uint32_t q, i;

    if (step) {
        step_start(story);
    }
    for (q = 0; q < story->queues; q++) {
        expected_back = vif_inject_returned() + BATCH;
        for (i = 0; i < BATCH; i++) {
            const struct vif_inject inject = { .index = q, .mdl = mdl, .length = FRAME, .more = i + 1 < BATCH };

            vif_inject(STORY_STAND_IN(story), q, &inject);
        }
        CHECK(story_until(story, all_back, 5));
    }
    if (step) {
        step_stop();
    }
    watch_forget(watch);
}

static struct cost cost_of(uint32_t queues)
{
    const double packets = (double)BATCH * queues;

    return (struct cost){ .instructions = (double)step_instructions() / packets,
                          .lines = (double)step_lines_written() / packets,
                          .shared = step_lines_shared() };
}

static void show(const char *what, uint32_t queues, const struct cost *cost)
{
    char place[IMAGE_LINE_BYTES];
    uint64_t i;

    story_count("%s, 32 a call, %u queue%s: %.1f instructions, %.2f lines written, %u lines by two processors in all",
                what, queues, queues == 1 ? "" : "s", cost->instructions, cost->lines, (unsigned)cost->shared);
    for (i = 0; i < cost->shared && i < 8; i++) {
        image_describe(step_lines_place(i), place, sizeof(place));
        story_count("  one of them written in %s", place);
    }
}

static void body(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct MDL *mdl;
    uint32_t round;

    frame_plain(frame, sizeof(frame), story_guest_mac, story_peer_mac, 7);
    mdl = mdl_create(frame, sizeof(frame));
    for (round = 0; round < ROUNDS; round++) {
        send(watch, round == ROUNDS - 1);
    }
    found[story->queues].out = cost_of(story->queues);
    show("send", story->queues, &found[story->queues].out);
    sched_sleep(3ull * SECOND); /* the watchdog has looked at what was sent, and rests */
    presence_close(story);      /* it returns some packets late, on any processor */
    for (round = 0; round < ROUNDS; round++) {
        receive(watch, mdl, round == ROUNDS - 1);
    }
    found[story->queues].in = cost_of(story->queues);
    show("receive", story->queues, &found[story->queues].in);
    mdl_free(mdl);
    watch_close(watch);
}

static void run(uint32_t queues)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_VIF9,
                                    .seed = test_seed(),
                                    .queues = queues,
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .prepare = story_inject_start,
                                    .body = body });
}

static void check_alike(const char *what, const struct cost *one, const struct cost *many)
{
    if (many->instructions > one->instructions * 1.05 || many->lines > one->lines * 1.05) {
        test_fail(__FILE__, __LINE__,
                  "%s: %.1f instructions and %.2f lines a packet with one queue, %.1f and %.2f with %d", what,
                  one->instructions, one->lines, many->instructions, many->lines, MANY);
    }
}

TEST(a_packet_costs_as_much_on_sixteen_queues_as_on_one)
{
    found = mmap(NULL, (MANY + 1) * sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(found != MAP_FAILED);
    run(1);
    run(MANY);
    check_alike("send", &found[1].out, &found[MANY].out);
    check_alike("receive", &found[1].in, &found[MANY].in);
    CHECK_EQ(found[MANY].out.shared, 0);
    /* An NBL that comes from another processor's cache through the depot, which trades 64 at once. */
    CHECK(found[MANY].in.shared <= MANY * BATCH / 64);
    CHECK_EQ(munmap(found, (MANY + 1) * sizeof(*found)), 0);
}
