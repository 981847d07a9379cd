/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP coalescing (URO), case by case of Microsoft's page: datagrams of one flow and size that came in one batch go up
 * as one, what differs in anything that the page names does not, nothing of a flow overtakes, and every datagram is
 * the one that was sent.
 */
#include <stdlib.h>

#include "nt/memory/mdl.h"
#include "story_uro.h"
#include "story_uso.h"

enum { MAX_CASE = 16, SIZE = 1000 };

static const char *const windows = "11-24h2";

/* --- exact batches, through XenVif's callback --- */

struct given {
    uint32_t flow, payload;
    struct uro_datagram other; /* what is not plain of it */
};

struct batch_case {
    const char *what;
    struct given given[MAX_CASE];
    uint32_t count;
    uint32_t expected[MAX_CASE]; /* datagrams of each NBL */
};

#define PLAIN(flow)                                                                                                    \
    {                                                                                                                  \
        flow, SIZE,                                                                                                    \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }
#define SHORT(flow, size)                                                                                              \
    {                                                                                                                  \
        flow, size,                                                                                                    \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }
#define OTHER(flow, ...)                                                                                               \
    {                                                                                                                  \
        flow, SIZE,                                                                                                    \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define CASE(what, count, ...) what, { __VA_ARGS__ }, count

static const struct batch_case cases[] = {
    { CASE("one flow", 4, PLAIN(1), PLAIN(1), PLAIN(1), PLAIN(1)), { 4 } },
    { CASE("one datagram", 1, PLAIN(1)), { 1 } },
    { CASE("the page's flows A, A, B, C, B, A", 6, PLAIN(1), PLAIN(1), PLAIN(2), PLAIN(3), PLAIN(2), PLAIN(1)),
      { 3, 2, 1 } },
    { CASE("a shorter one is the last", 4, PLAIN(1), SHORT(1, 999), PLAIN(1), PLAIN(1)), { 2, 2 } },
    { CASE("a longer one is the first", 4, SHORT(1, 999), PLAIN(1), PLAIN(1), SHORT(1, 1)), { 1, 3 } },
    { CASE("the page's bad checksum", 5, PLAIN(1), PLAIN(1), OTHER(1, .bad_checksum = true), PLAIN(1), PLAIN(1)),
      { 2, 1, 2 } },
    { CASE("no checksum", 5, PLAIN(1), PLAIN(1), OTHER(1, .no_checksum = true), PLAIN(1), PLAIN(1)), { 2, 1, 2 } },
    { CASE("another TOS", 4, PLAIN(1), PLAIN(1), OTHER(1, .tos = 0x20), PLAIN(1)), { 2, 1, 1 } },
    { CASE("another ECN", 4, PLAIN(1), OTHER(1, .tos = 3), OTHER(1, .tos = 3), PLAIN(1)), { 1, 2, 1 } },
    { CASE("another TTL", 4, PLAIN(1), PLAIN(1), OTHER(1, .ttl = 63), OTHER(1, .ttl = 63)), { 2, 2 } },
    { CASE("options", 4, PLAIN(1), OTHER(1, .options = true), OTHER(1, .options = true), PLAIN(1)), { 1, 1, 1, 1 } },
    { CASE("another address of the sender", 3, PLAIN(1), OTHER(1, .other_mac = true), PLAIN(1)), { 1, 1, 1 } },
    { CASE("without payload", 3, PLAIN(1), SHORT(1, 0), PLAIN(1)), { 1, 1, 1 } },
    { CASE("one byte each", 3, SHORT(1, 1), SHORT(1, 1), SHORT(1, 1)), { 3 } },
    { CASE("more flows than are followed", 16, PLAIN(1), PLAIN(2), PLAIN(3), PLAIN(4), PLAIN(5), PLAIN(6), PLAIN(7),
           PLAIN(8), PLAIN(9), PLAIN(10), PLAIN(1), PLAIN(3), PLAIN(10), PLAIN(2), PLAIN(4), PLAIN(9)),
      { 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1 } },
};

static const struct batch_case cases4[] = {
    { CASE("do not fragment", 4, PLAIN(1), OTHER(1, .dont_fragment = true), OTHER(1, .dont_fragment = true), PLAIN(1)),
      { 1, 2, 1 } },
    { CASE("padded to a frame", 3, SHORT(1, 10), { 1, 10, { .padded = true } }, SHORT(1, 10)), { 1, 1, 1 } },
    { CASE("a fragment", 3, PLAIN(1), OTHER(1, .fragment = true), PLAIN(1)), { 1, 1, 1 } },
};

static const struct batch_case cases6[] = {
    { CASE("another flow label", 4, PLAIN(1), PLAIN(1), OTHER(1, .label = 7), OTHER(1, .label = 7)), { 2, 2 } },
};

static void run_case(struct uro_batch *batch, const struct batch_case *one)
{
    struct uro *uro = batch->uro;
    uint32_t i, expected = 0;

    for (i = 0; i < one->count; i++) {
        struct uro_datagram datagram = one->given[i].other;

        datagram.payload = one->given[i].payload;
        uro_batch_add(batch, one->given[i].flow, &datagram, 0, NULL);
    }
    uro_batch_go(batch, 0, false);
    uro_batch_end(batch);
    for (i = 0; i < MAX_CASE && one->expected[i] != 0; i++) {
        if (uro->counts[i] != one->expected[i]) {
            test_fail(__FILE__, __LINE__, "%s, IPv%u: NBL %u of %u has %u datagrams, not %u", one->what, uro->version,
                      i + 1, uro->nbls, uro->counts[i], one->expected[i]);
        }
        expected++;
    }
    CHECK_EQ(uro->nbls, expected);
    uro_forget(uro);
}

static void run_cases(struct story *story, uint32_t version, const struct batch_case *own, uint32_t own_count)
{
    struct uro_batch *batch = uro_batch_open(story, version);
    uint32_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_case(batch, &cases[i]);
    }
    for (i = 0; i < own_count; i++) {
        run_case(batch, &own[i]);
    }
    uro_batch_close(batch);
}

static void case_by_case(struct story *story)
{
    run_cases(story, 4, cases4, sizeof(cases4) / sizeof(cases4[0]));
    run_cases(story, 6, cases6, sizeof(cases6) / sizeof(cases6[0]));
    story_count("%u batches, the NBLs of each as the page has them",
                (uint32_t)(2 * sizeof(cases) / sizeof(cases[0]) + sizeof(cases4) / sizeof(cases4[0]) +
                           sizeof(cases6) / sizeof(cases6[0])));
}

TEST(datagrams_are_joined_as_the_page_has_it)
{
    story_everywhere(
        &(struct story_plan){
            .windows = windows, .edge_buffers = 16, .prepare = story_inject_start, .body = case_by_case },
        6);
}

/* --- in the middle of other traffic, at the wire --- */

static const uint32_t sizes[] = { 1, 2, 17, 18, 100, 512, 999, 1000, 1200, 1400, 1452 };

static struct uro_datagram draw_datagram(uint32_t *state, uint32_t size)
{
    struct uro_datagram datagram = { .payload = size };

    switch (uso_draw(state, 24)) {
    case 0:
        datagram.tos = (uint8_t)uso_draw(state, 4);
        break;
    case 1:
        datagram.ttl = (uint8_t)(1 + uso_draw(state, 3));
        break;
    case 2:
        datagram.options = true;
        datagram.payload = size > 1400 ? 1400 : size; /* it has to fit a frame */
        break;
    case 3:
        datagram.no_checksum = true;
        break;
    case 4:
        datagram.bad_checksum = true;
        break;
    case 5:
        datagram.dont_fragment = true;
        break;
    case 6:
        datagram.tagged = true;
        break;
    case 7:
        datagram.payload = uso_draw(state, 1453);
        break;
    case 8:
        datagram.label = (uint8_t)uso_draw(state, 3);
        break;
    default:
        break;
    }
    return datagram;
}

static void traffic(struct story *story, uint32_t version)
{
    enum { ROUNDS = 12, AT_ONCE = 60 };
    struct uro *uro = uro_open(story, version);
    uint32_t state = (uint32_t)story->plan->seed * 7 + version, round, i;

    for (round = 0; round < ROUNDS; round++) {
        uint32_t flows = 1 + uso_draw(&state, URO_FLOWS - 1), size = sizes[uso_draw(&state, 11)];

        for (i = 0; i < AT_ONCE; i++) {
            struct uro_datagram datagram = draw_datagram(&state, size);

            datagram.no_checksum = datagram.no_checksum && version == 4;
            datagram.tagged = datagram.tagged && story->queues == 1; /* it has another hash, and so another queue */
            uro_inject(uro, uso_draw(&state, flows), &datagram);
        }
        uro_wait(uro);
    }
    CHECK_EQ(story_counter(story, "ReceiveJoinedPackets"), uro->joined_nbls);
    CHECK_EQ(story_counter(story, "ReceiveJoinedDatagrams"), uro->joined_datagrams);
    story_count("IPv%u: %u datagrams, %u of them joined to %u", version, uro->datagrams, uro->joined_datagrams,
                uro->joined_nbls);
    uro_close(uro);
}

static void traffic4(struct story *story)
{
    traffic(story, 4);
}

static void traffic6(struct story *story)
{
    traffic(story, 6);
}

TEST(every_datagram_arrives_whole_and_in_order)
{
    story_everywhere(
        &(struct story_plan){ .windows = windows, .edge_buffers = 16, .any_checksums = true, .body = traffic4 }, 10);
    story_everywhere(
        &(struct story_plan){ .windows = windows, .edge_buffers = 16, .any_checksums = true, .body = traffic6 }, 10);
    story_everywhere(&(struct story_plan){ .windows = windows,
                                           .queues = 2,
                                           .edge_buffers = 16,
                                           .any_checksums = true,
                                           .quiet = true,
                                           .body = traffic4 },
                     5);
}

/* --- MDLs of any cut, every size --- */

/* Payload in pieces, the headers apart as XenVif has them. */
static void cuts(struct story *story)
{
    enum { ROUNDS = 60 };
    struct uro_batch *batch = uro_batch_open(story, 4 + 2 * (story->plan->seed % 2));
    struct uro *uro = batch->uro;
    uint32_t state = (uint32_t)story->plan->seed * 5 + 1, round, i, n;

    for (round = 0; round < ROUNDS; round++) {
        uint32_t count = 2 + uso_draw(&state, 30), size = 1 + uso_draw(&state, 1400), apart = 0;

        for (i = 0; i < count; i++) {
            struct uro_datagram datagram = { .payload = size };
            uint32_t pieces[URO_MDLS - 2], headers = 0;

            for (n = 0; n < URO_MDLS - 2; n++) {
                pieces[n] = uso_draw(&state, 3) == 0 ? 0 : 1 + uso_draw(&state, size);
            }
            /* Not as XenVif has them: some of the payload with the headers, headers in several. */
            if (uso_draw(&state, 8) == 0) {
                headers = 20 + uso_draw(&state, 100);
                apart += headers != (uro->version == 4 ? 42u : 62u);
            }
            uro_batch_add(batch, 1, &datagram, headers, pieces);
        }
        uro_batch_go(batch, 0, false);
        CHECK_EQ(uro->datagrams, count);
        CHECK(uro->nbls >= apart && uro->nbls <= 2 * apart + 1);
        uro_batch_end(batch);
        uro_forget(uro);
    }
    uro_batch_close(batch);
}

TEST(payload_may_lie_in_mdls_of_any_cut)
{
    story_everywhere(&(struct story_plan){ .windows = windows,
                                           .edge_buffers = 16,
                                           .prepare = story_inject_start,
                                           .any_checksums = true,
                                           .quiet = true,
                                           .body = cuts },
                     20);
}

/* Every total there can be, of datagrams of sizes in turn. */
static void every_total(struct story *story)
{
    const uint32_t count = sizeof(sizes) / sizeof(sizes[0]);
    struct uro_batch *batch = uro_batch_open(story, 4);
    struct uro *uro = batch->uro;
    uint32_t total, i = 0, datagrams = 0;

    for (total = 2; total <= USO_MAX_DATAGRAM; total++) {
        struct uro_datagram datagram = { .payload = total };
        uint32_t left = total, size = total;

        while (size == total || total / size >= URO_BATCH) {
            size = total < sizes[i % count] ? 1 : sizes[i % count];
            i++;
            size = size == total ? total - 1 : size;
            size = total / size >= URO_BATCH ? total / 100 : size;
        }
        uro->version = total % 2 == 0 ? 4 : 6;
        for (; left != 0; left -= datagram.payload) {
            datagram.payload = left < size ? left : size;
            uro_batch_add(batch, total % URO_FLOWS, &datagram, 0, NULL);
        }
        uro_batch_go(batch, 0, false);
        uro_batch_end(batch);
        CHECK_EQ(uro->nbls, 1);
        CHECK_EQ(uro->counts[0], (total + size - 1) / size);
        datagrams += uro->datagrams;
        uro_forget(uro);
    }
    story_count("%u totals of %u datagrams, each in one NBL", total - 2, datagrams);
    uro_batch_close(batch);
}

TEST(every_total_of_datagrams_is_one_nbl)
{
    story_run(&(struct story_plan){ .kind = SCHED_LIVE,
                                    .windows = windows,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = every_total });
}

/* More than a length field holds goes up in two. */
static void too_long(struct story *story)
{
    enum { PAYLOAD = 1400, MANY = 100, FIT = USO_MAX_DATAGRAM / PAYLOAD };
    struct uro_batch *batch = uro_batch_open(story, 4);
    struct uro *uro = batch->uro;
    struct uro_datagram datagram = { .payload = PAYLOAD }, last = datagram;
    uint32_t i;

    for (uro->version = 4; uro->version <= 6; uro->version += 2) {
        for (i = 0; i < MANY; i++) {
            uro_batch_add(batch, 1, &datagram, 0, NULL);
        }
        uro_batch_go(batch, 0, false);
        CHECK_EQ(uro->nbls, 3);
        CHECK_EQ(uro->counts[0], FIT);
        CHECK_EQ(uro->counts[1], FIT);
        CHECK_EQ(uro->counts[2], MANY - 2 * FIT);
        uro_batch_end(batch);
        uro_forget(uro);
        /* A last one that fills it to the byte, and one that is a byte longer. */
        for (uint32_t more = 0; more < 2; more++) {
            for (i = 0; i < FIT; i++) {
                uro_batch_add(batch, 1, &datagram, 0, NULL);
            }
            last.payload = USO_MAX_DATAGRAM - FIT * PAYLOAD + more;
            uro_batch_add(batch, 1, &last, 0, NULL);
            uro_batch_go(batch, 0, false);
            CHECK_EQ(uro->nbls, 1 + more);
            CHECK_EQ(uro->counts[0], FIT + 1 - more);
            uro_batch_end(batch);
            uro_forget(uro);
        }
    }
    uro_batch_close(batch);
}

TEST(no_more_is_joined_than_a_length_has_room_for)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = windows,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = too_long });
}

static const char *const polling[] = { "*NdisPoll=1", NULL };

/* A batch of two is one that may be joined, as any longer one. */
static void pairs(struct story *story)
{
    struct uro_batch *batch = uro_batch_open(story, 4);
    struct uro *uro = batch->uro;
    struct uro_datagram datagram = { .payload = 1000 };

    for (uint32_t count = 2; count < 5; count++) {
        for (uint32_t i = 0; i < count; i++) {
            uro_batch_add(batch, 1, &datagram, 0, NULL);
        }
        uro_batch_go(batch, 0, false);
        uro_batch_end(batch);
        CHECK_EQ(uro->nbls, 1);
        CHECK_EQ(uro->counts[0], count);
        uro_forget(uro);
    }
    uro_batch_close(batch);
}

TEST(polled_datagrams_are_joined_from_two_on)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = windows,
                                    .set = polling,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = pairs });
}

TEST(polled_datagrams_are_joined_too)
{
    story_everywhere(&(struct story_plan){ .windows = windows,
                                           .set = polling,
                                           .edge_buffers = 16,
                                           .any_checksums = true,
                                           .quiet = true,
                                           .body = traffic4 },
                     5);
}
