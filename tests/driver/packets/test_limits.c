/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps the driver within bounds: no processor is kept by completions or by a batch without end, and what Windows
 * cannot give (a mapping, a poll object) costs a packet or a manner of working. test_nbl_pool has how many NBLs there
 * are.
 */
#include "packets.h"
#include "story_watch.h"
#include "nt/export/fail.h"
#include "nt/memory/mdl.h"
#include "xenvif/offer/hostile.h"

#include <stdio.h>
#include <sys/mman.h>

enum { SECOND = 1000000000, ANSWERS = 100, MAX_BATCH = 256, MEMORY = 4096, MAX_ROUNDS = 8, OFFSET = 6 };

static struct MDL *mdl;
static uint8_t memory[MEMORY];

static void inject_plain(struct story *story, bool more)
{
    const struct vif_inject inject = { .mdl = mdl, .length = 100, .more = more };

    vif_inject(STORY_STAND_IN(story), 0, &inject);
}

/* --- a protocol that answers each completion with a send that is refused at once --- */

struct echo {
    struct raw *raw;
    struct NET_BUFFER_LIST *nbls[ANSWERS + 1];
    uint32_t next, within;
};

static void answer(void *context, uint32_t count)
{
    struct echo *echo = context;

    (void)count;
    echo->within++;
    if (echo->next <= ANSWERS) {
        raw_send(echo->raw, echo->nbls[echo->next++], 0, false);
    }
}

static void completions(struct story *story)
{
    struct echo echo = { .next = 1 };
    const struct raw_options options = { .memory = story->bed.guest, .completed = answer, .context = &echo };
    struct adapter_counters before, after;
    uint8_t bytes[14], old;
    uint32_t i;

    echo.raw = raw_open(story->bed.adapter, &options);
    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 0);
    for (i = 0; i <= ANSWERS; i++) {
        echo.nbls[i] = raw_nbl(echo.raw);
        raw_add(echo.raw, echo.nbls[i], bytes, 10, 0, NULL, 0); /* shorter than a header */
    }
    adapter_counters(story->bed.adapter, &before);
    old = irql_raise(DISPATCH_LEVEL); /* no DPC yet */
    raw_send(echo.raw, echo.nbls[0], 0, false);
    /* The send call itself ended after so many rounds; the rest is left to DPCs. */
    CHECK_EQ(echo.within, MAX_ROUNDS);
    CHECK_EQ(echo.next, MAX_ROUNDS + 1);
    irql_lower(old);
    for (i = 0; echo.next <= ANSWERS && i < 5000; i++) {
        story_rest();
    }
    CHECK(raw_wait(echo.raw, 5ull * SECOND));
    adapter_counters(story->bed.adapter, &after);
    CHECK_EQ(after.tx_completions - before.tx_completions, ANSWERS + 1);
    for (i = 0; i <= ANSWERS; i++) {
        CHECK_STATUS(echo.nbls[i]->Status, NDIS_STATUS_INVALID_LENGTH);
    }
    story_count("%u completions answered with a send, at most %u in one call", ANSWERS + 1, MAX_ROUNDS);
    raw_close(echo.raw);
}

/* MPE_Ethernet: no DPC is longer than the watchdog allows. */
TEST(a_protocol_that_answers_each_completion_with_a_send_keeps_no_processor)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .body = completions });
}

static void batches(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct adapter_counters before, after;
    uint32_t i;

    mdl = mdl_create(memory, MEMORY);
    frame_plain(memory, 64, story_guest_mac, story_peer_mac, 7);
    adapter_counters(story->bed.adapter, &before);
    for (i = 1; i < MAX_BATCH; i++) {
        inject_plain(story, true);
        CHECK_EQ(watch->count, 0);
    }
    inject_plain(story, true);
    CHECK_EQ(watch->count, MAX_BATCH);
    for (i = 0; i < 3 * MAX_BATCH; i++) {
        inject_plain(story, true);
    }
    adapter_counters(story->bed.adapter, &after);
    CHECK(after.rx_calls - before.rx_calls >= 4);
    inject_plain(story, false);
    CHECK_EQ(watch->count, 4 * MAX_BATCH + 1);
    story_count("%u packets without an end of batch: %u indications", 4 * MAX_BATCH,
                (unsigned)(after.rx_calls - before.rx_calls));
    watch_close(watch);
}

static bool all_returned(struct story *story)
{
    (void)story;
    return vif_inject_returned() == 4 * MAX_BATCH + 1;
}

static void batches_told(struct story *story)
{
    batches(story);
    CHECK(story_until(story, all_returned, 5));
    mdl_free(mdl);
}

TEST(a_batch_without_end_is_indicated_in_parts)
{
    /* Where NDIS polls, it says how many packets it takes at once. */
    story_everywhere(
        &(struct story_plan){
            .edge_buffers = 16, .windows = STORY_WINDOWS, .prepare = story_inject_start, .body = batches_told },
        2);
}

/* --- a large send whose header cannot be read --- */

static void unmapped(struct story *story)
{
    static uint8_t bytes[2048];
    struct watch *watch = watch_open(story);
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 500 };
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);
    struct MDL *data;
    int16_t flags;
    char text[1024];

    large.LsoV2Transmit.MSS = 1000; /* more than there is: the header's length decides */
    large.LsoV2Transmit.TcpHeaderOffset = 34;
    large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
    data = nbl->FirstNetBuffer->CurrentMdl;
    flags = data->MdlFlags;
    data->MdlFlags = MDL_PAGES_LOCKED; /* and not mapped */
    fail_at(1);
    raw_send(watch->raw, nbl, 0, false);
    data->MdlFlags = flags;
    CHECK(fail_described(text, sizeof(text)));
    fail_disarm();
    CHECK_CONTAINS(text, "MmMapLockedPagesSpecifyCache");
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK(nbl->Status != SUCCESS);
    story_send(story, 0, 20, 4);
    story_collect(story, 20);
    story_check(&story->out, 0);
    story_count("a large send whose MDL cannot be mapped is refused");
    watch_close(watch);
}

TEST(a_large_send_whose_header_cannot_be_mapped_is_refused)
{
    story_run(
        &(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .body = unmapped });
}

/* The bytes of one MDL of the chain lie in other memory from now on, and those behind the one before are not they. */
static struct MDL *part_elsewhere(struct MDL *chain, uint32_t which)
{
    static uint8_t other[64];
    struct MDL *elsewhere, *before = chain, *old;

    for (uint32_t i = 1; i < which; i++) {
        before = before->Next;
    }
    old = before->Next;
    CHECK(old->ByteCount <= sizeof(other));
    memcpy(other, old->MappedSystemVa, old->ByteCount);
    memset(old->MappedSystemVa, 0, old->ByteCount);
    elsewhere = mdl_create(other, old->ByteCount);
    elsewhere->Next = old->Next;
    before->Next = elsewhere;
    return elsewhere;
}

/* Headers in pieces, one MDL for each and some that are empty, and payload shorter than the MSS. */
static void pieces(struct story *story)
{
    static const uint32_t cuts[] = {
        OFFSET + 14, 0, 20, 12, 8, 500
    }; /* the length of the header is a piece's first byte */
    static uint8_t bytes[2048];
    struct watch *watch = watch_open(story);
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 500 };
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    struct frame_offload offload;
    struct MDL *elsewhere;
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame), i;

    memcpy(bytes, story_peer_mac, 6);
    for (i = 0; i < 2; i++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        large.LsoV2Transmit.MSS = 1000;
        large.LsoV2Transmit.TcpHeaderOffset = i == 0 ? 34 : 900; /* behind the packet's end */
        large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        raw_add(watch->raw, nbl, bytes, length, OFFSET, cuts, sizeof(cuts) / sizeof(cuts[0]));
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
        elsewhere = part_elsewhere(nbl->FirstNetBuffer->MdlChain, 4);
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, SECOND));
        CHECK_STATUS(nbl->Status, i == 0 ? SUCCESS : NDIS_STATUS_INVALID_LENGTH);
        mdl_free(elsewhere);
    }
    CHECK_EQ(wire_collect(story, bytes, sizeof(bytes), &offload), length);
    CHECK_EQ(offload.gso_size, 0); /* as one segment, whose lengths are set */
    story_count("a large send with its headers in %u MDLs went out, one without headers was refused",
                (uint32_t)(sizeof(cuts) / sizeof(cuts[0])));
    watch_close(watch);
}

TEST(a_large_send_whose_header_lies_in_pieces_goes_out_and_one_without_is_refused)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .body = pieces }, 1);
}

/* --- polling, where NDIS does not make a poll object --- */

struct shared {
    uint32_t candidates;
    bool poll;
};

static uint32_t wanted;

static void arm(const struct story_plan *plan)
{
    (void)plan;
    fail_at(wanted);
}

static void without_poll(struct story *story)
{
    struct shared *shared = (struct shared *)(uintptr_t)story->plan->detail;
    char text[1024];

    shared->candidates = fail_candidates();
    shared->poll = fail_described(text, sizeof(text)) && strstr(text, "NdisRegisterPoll") != NULL;
    fail_disarm();
    if (!shared->poll) {
        return;
    }
    CHECK(story->started);
    story_inject(story, 0, 64);
    story_wait_received(story, 64);
    story_check(&story->in, 0);
    story_count("NDIS made no poll object: 64 packets came up as they came");
}

TEST(without_a_poll_object_packets_go_up_as_they_come)
{
    static const char *const polling[] = { "*NdisPoll=1", NULL };
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t polls = 0;

    if (story_xenvif() != NULL) {
        test_part_not_run("a call may fail in XenVif, which then uses what it did not get");
        return;
    }
    CHECK(shared != MAP_FAILED);
    for (wanted = 0; wanted <= shared->candidates && polls == 0; wanted++) { /* the first run only counts */
        struct story_plan plan = { .kind = SCHED_SIMULATED,
                                   .seed = test_seed(),
                                   .queues = 2,
                                   .windows = "11-24h2",
                                   .set = polling,
                                   .detail = shared,
                                   .may_not_start = true,
                                   .loose_grants = true,
                                   .prepare = arm,
                                   .body = without_poll };
        uint32_t candidates = shared->candidates;

        story_run(&plan);
        shared->candidates = wanted != 0 ? candidates : shared->candidates;
        polls += shared->poll;
    }
    CHECK(polls >= 1);
}
