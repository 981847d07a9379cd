/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP segmentation (USO), case by case of Microsoft's page: a large datagram leaves as datagrams of the segment size,
 * the last one shorter, each with lengths, IPv4 identification and checksums of its own, in order, whatever the MDLs
 * are cut like. OffloadUSO
 */
#include "nt/memory/guard.h"
#include "packets.h"
#include "story_release.h"
#include "story_uso.h"
#include "xen/xen.h"

enum { HEADERS4 = 42, HEADERS6 = 62, MAX_CUTS = 60, DEPTH = 2048 };

static const uint32_t classes[] = { 1, 2, 7, 8, 63, 100, 511, 536, 1000, 1200, 1400, 1452 };

/* The lengths of MDLs for `length` bytes: any, some of them 0. */
static uint32_t draw_cuts(uint32_t *state, uint32_t length, uint32_t *cuts)
{
    uint32_t count = 0, left = length;

    while (left != 0 && count < MAX_CUTS - 1) {
        cuts[count] = uso_draw(state, 5) == 0 ? 0 : 1 + uso_draw(state, left);
        left -= cuts[count++];
    }
    cuts[count++] = left;
    return count;
}

/* Sizes around every multiple of the segment size that matters, and drawn ones. */
static uint32_t draw_size(uint32_t *state, uint32_t mss)
{
    uint32_t segments = 1 + uso_draw(state, mss < 64 ? 20 : USO_MAX_DATAGRAM / mss), size;

    size = segments * mss + uso_draw(state, 3);
    size -= size > 1 ? uso_draw(state, 2) : 0;
    return size > USO_MAX_DATAGRAM ? USO_MAX_DATAGRAM : size;
}

static void shapes(struct story *story)
{
    struct uso *uso = uso_open(story);
    uint32_t state = (uint32_t)story->plan->seed + 7, i, sent = 0, segments = 0;

    for (i = 0; i < 24; i++) {
        struct uso_send send = { .shape = { .version = 4 + 2 * (int)uso_draw(&state, 2),
                                            .protocol = PROTOCOL_UDP,
                                            .source_port = (uint16_t)(1000 + i) },
                                 .mss = classes[uso_draw(&state, sizeof(classes) / sizeof(classes[0]))],
                                 .offset = uso_draw(&state, 2) * uso_draw(&state, 96) };
        uint32_t cuts[MAX_CUTS];

        send.no_checksum = send.shape.version == 4 && uso_draw(&state, 4) == 0;
        send.shape.vlan = uso_draw(&state, 4) == 0;
        send.shape.ip_options = send.shape.version == 4 ? 4 * uso_draw(&state, 4) : 0;
        send.shape.extension = send.shape.version == 6 ? 8 * uso_draw(&state, 3) : 0;
        send.mss = uso_fit(&send.shape, send.mss);
        send.shape.payload = draw_size(&state, send.mss);
        send.cuts = cuts;
        send.cut_count = draw_cuts(&state, send.offset + uso_length(&send.shape), cuts);
        CHECK_STATUS(uso_send(uso, &send), SUCCESS);
        sent++;
        segments += uso_expect(uso, &send);
    }
    story_count("%u large datagrams in MDLs of any length: %u segments, each as it should be", sent, segments);
    uso_close(uso);
}

TEST(segments_of_every_shape_are_datagrams_of_their_own)
{
    story_everywhere(
        &(struct story_plan){ .windows = "10-22h2", .wire_depth = DEPTH, .edge_buffers = 32, .body = shapes }, 20);
    story_everywhere(
        &(struct story_plan){
            .windows = "11-24h2", .queues = 2, .wire_depth = DEPTH, .edge_buffers = 32, .quiet = true, .body = shapes },
        5);
}

TEST(checksums_are_right_where_the_backend_computes_none)
{
    const uint32_t none = 1u << NETBACK_BIT_CSUM | 1u << NETBACK_BIT_IPV6_CSUM;

    story_everywhere(&(struct story_plan){ .windows = "10-22h2",
                                           .wire_depth = DEPTH,
                                           .edge_buffers = 32,
                                           .backend_without = none,
                                           .quiet = true,
                                           .body = shapes },
                     5);
    story_everywhere(&(struct story_plan){ .needs = STORY_NEEDS_NO_CONTROL,
                                           .windows = "10-22h2",
                                           .wire_depth = DEPTH,
                                           .edge_buffers = 32,
                                           .backend_without = ~0u,
                                           .quiet = true,
                                           .body = shapes },
                     3);
}

/* Every size, the segment size going round. */
static void every_size(struct story *story)
{
    struct uso *uso = uso_open(story);
    const uint32_t count = sizeof(classes) / sizeof(classes[0]);
    uint32_t size, segments = 0, i = 0;

    for (size = 1; size <= USO_MAX_DATAGRAM; size++) {
        struct uso_send send = { .shape = { .version = size % 2 == 0 ? 4 : 6, .protocol = PROTOCOL_UDP } };

        send.shape.payload = size;
        do {
            send.mss = classes[i++ % count];
        } while (size / send.mss > 200);
        CHECK_STATUS(uso_send(uso, &send), SUCCESS);
        segments += uso_expect(uso, &send);
        uso_free(uso);
    }
    story_count("%u sizes, %u segments", size - 1, segments);
    uso_close(uso);
}

TEST(every_size_of_datagram_is_cut)
{
    story_run(&(struct story_plan){ .kind = SCHED_LIVE, .windows = "10-22h2", .body = every_size });
}

/* Segments of jumbo frames and headers as long as they come: each lies in up to four pages and has many neighbours in
 * the pool. The last 128 bytes of the headers' room are IPv6 with 56 bytes of extension headers and a tag. */
static void jumbo(struct story *story)
{
    enum { MTU = 9000, PLACES = 16 };
    struct uso *uso = uso_open(story);
    uint32_t segments = 0;

    for (uint32_t i = 0; i < PLACES; i++) {
        struct uso_send send = { .shape = { .version = i % 2 == 0 ? 4 : 6, .protocol = PROTOCOL_UDP, .payload = 60000 },
                                 .offset = i * XEN_PAGE_SIZE / PLACES };

        send.shape.vlan = i % 4 >= 2;
        send.shape.ip_options = send.shape.version == 4 ? 40 : 0;
        send.shape.extension = send.shape.version == 6 ? 56 : 0;
        send.mss = MTU - 8 - (send.shape.version == 4 ? 60 : 96);
        netback_stall(story->bed.netback, 0, SECOND / 10);
        CHECK_STATUS(uso_send(uso, &send), SUCCESS);
        segments += uso_expect(uso, &send);
        uso_free(uso);
    }
    CHECK_EQ(segments, PLACES * 7);
    uso_close(uso);
}

TEST(segments_of_jumbo_frames_lie_anywhere)
{
    story_everywhere(
        &(struct story_plan){
            .windows = "10-22h2", .mtu = 9000, .wire_depth = DEPTH, .edge_buffers = 32, .quiet = true, .body = jumbo },
        2);
}

/* As many segments as there can be: many times what the pool has. */
static void one_byte_each(struct story *story)
{
    struct uso *uso = uso_open(story);
    struct uso_send send = { .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = USO_MAX_DATAGRAM },
                             .mss = 1 };
    struct NET_BUFFER_LIST *nbl = uso_start(uso, &send);

    CHECK_EQ(uso_expect(uso, &send), USO_MAX_DATAGRAM);
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    CHECK_STATUS(nbl->Status, SUCCESS);
    uso_close(uso);
}

TEST(a_datagram_of_65507_segments_is_sent)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "10-22h2",
                                    .wire_depth = 65536,
                                    .loose_grants = true,
                                    .body = one_byte_each });
}

/* Behind each other without a wait for the one before, other packets between them: nothing is lost, none overtakes. */
static void in_order(struct story *story)
{
    enum { MANY = 12 };
    struct uso *uso = uso_open(story);
    struct uso_send sends[MANY];
    struct NET_BUFFER_LIST *nbls[MANY], *chain = NULL;
    uint32_t i, state = (uint32_t)story->plan->seed + 3, segments = 0;

    netback_stall(story->bed.netback, 0, SECOND / 10);
    for (i = 0; i < MANY; i++) {
        sends[i] = (struct uso_send){ .shape = { .version = 4 + 2 * (int)(i & 1), .protocol = PROTOCOL_UDP },
                                      .mss = i % 3 == 2 ? 0 : 1000 };
        sends[i].shape.payload = i % 3 == 2 ? 100 + i : 20000 + uso_draw(&state, 40000);
        nbls[i] = uso_make(uso, &sends[i]);
        if (chain == NULL) {
            chain = nbls[i];
        } else {
            raw_link(chain, nbls[i]);
        }
        if (uso_draw(&state, 2) == 0 || i == MANY - 1) {
            raw_send(uso->watch->raw, chain, 0, uso_draw(&state, 2) == 0);
            chain = NULL;
        }
    }
    for (i = 0; i < MANY; i++) {
        segments += uso_expect(uso, &sends[i]);
    }
    CHECK(raw_wait(uso->watch->raw, USO_WAIT));
    for (i = 0; i < MANY; i++) {
        CHECK_STATUS(nbls[i]->Status, SUCCESS);
    }
    story_count("%u sends on a pool of %s: %u segments, all in order", MANY, story->plan->set[0], segments);
    uso_close(uso);
}

TEST(sends_wait_for_buffers_and_keep_their_order)
{
    static const char *const small[] = { "SegmentBuffers=64", NULL };

    story_everywhere(&(struct story_plan){ .windows = "10-22h2", .set = small, .edge_buffers = 32, .body = in_order },
                     40);
}

/* Segments whose payload lies in two MDLs each, far more of them than the pool may have: each of their buffers comes
 * back. */
static void two_pieces_each(struct story *story)
{
    enum { SEGMENTS = 16, SIZE = 400, ROUNDS = 60, HEADERS = 42 };
    uint32_t cuts[2 * SEGMENTS + 1] = { HEADERS };
    const struct uso_send send = { .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = SEGMENTS * SIZE },
                                   .mss = SIZE,
                                   .cuts = cuts,
                                   .cut_count = 2 * SEGMENTS + 1 };
    struct uso *uso = uso_open(story);

    for (uint32_t i = 1; i <= 2 * SEGMENTS; i++) {
        cuts[i] = SIZE / 2;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        CHECK_EQ(uso_send(uso, &send), SUCCESS);
        CHECK_EQ(uso_expect(uso, &send), SEGMENTS);
        uso_free(uso);
    }
    uso_close(uso);
}

TEST(buffers_of_segments_in_pieces_are_used_again)
{
    static const char *const small[] = { "SegmentBuffers=64", NULL };

    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "10-22h2",
                                    .set = small,
                                    .wire_depth = DEPTH,
                                    .edge_buffers = 32,
                                    .body = two_pieces_each });
}

/* A backend that stands still for longer than idle buffers are kept: those in XenVif stay. */
static void outstanding(struct story *story)
{
    const struct uso_send send = { .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 5000 }, .mss = 1000 };
    struct uso *uso = uso_open(story);
    struct NET_BUFFER_LIST *nbl;

    netback_stall(story->bed.netback, 0, 25 * SECOND);
    nbl = uso_start(uso, &send);
    CHECK(!raw_wait(uso->watch->raw, 20 * SECOND));
    CHECK(raw_wait(uso->watch->raw, 60 * SECOND));
    CHECK_STATUS(nbl->Status, SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), 5);
    CHECK_STATUS(uso_send(uso, &send), SUCCESS);
    CHECK_EQ(uso_expect(uso, &send), 5);
    uso_close(uso);
}

static void guard(const struct story_plan *plan)
{
    (void)plan;
    guard_pages = true;
}

TEST(buffers_in_use_outlive_an_idle_time)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = "10-22h2", .prepare = guard, .body = outstanding });
}
