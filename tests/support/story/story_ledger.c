/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames that carry a number, their ways in and out, and the ledger of what arrived (story.h). */
#include "story.h"

#include <errno.h>

enum { PAYLOAD_AT = 42, SECOND = 1000000000 };

/* An Ethernet, IPv4 and UDP frame without a UDP checksum, whose payload is its number and bytes that follow from it. */
static void frame_write(uint8_t *bytes, uint32_t number, bool outwards)
{
    static const uint8_t guest[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 },
                         peer[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0xfe };
    uint32_t sum = 0, i;

    memset(bytes, 0, STORY_FRAME_BYTES);
    memcpy(bytes, outwards ? peer : guest, 6);
    memcpy(bytes + 6, outwards ? guest : peer, 6);
    bytes[12] = 0x08;
    bytes[14] = 0x45;
    bytes[17] = STORY_FRAME_BYTES - 14;
    bytes[22] = 64;
    bytes[23] = 17;
    memcpy(bytes + 26, outwards ? "\xc6\x12\x00\x02\xc6\x12\x00\x01" : "\xc6\x12\x00\x01\xc6\x12\x00\x02", 8);
    for (i = 14; i < 34; i += 2) {
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~(sum + (sum >> 16));
    bytes[24] = (uint8_t)(sum >> 8);
    bytes[25] = (uint8_t)sum;
    bytes[34] = 0x30;
    bytes[36] = 0x31;
    bytes[39] = STORY_FRAME_BYTES - 34;
    memcpy(bytes + PAYLOAD_AT, &number, sizeof(number));
    for (i = PAYLOAD_AT + 4; i < STORY_FRAME_BYTES; i++) {
        bytes[i] = (uint8_t)(number * 31 + i);
    }
}

void story_enter(struct story_ledger *ledger, const struct frame *frame, bool outwards)
{
    uint8_t bytes[STORY_FRAME_BYTES], expected[STORY_FRAME_BYTES];
    uint32_t used = 0, i, number;

    if (frame->length != STORY_FRAME_BYTES) {
        return; /* not of this ledger: a stack's own */
    }
    for (i = 0; i < frame->vector_count && used < sizeof(bytes); i++) {
        size_t take = frame->vectors[i].iov_len;

        take = take < sizeof(bytes) - used ? take : sizeof(bytes) - used;
        memcpy(bytes + used, frame->vectors[i].iov_base, take);
        used += (uint32_t)take;
    }
    memcpy(&number, bytes + PAYLOAD_AT, sizeof(number));
    if (number >= MAX_STORY_FRAMES) {
        __atomic_fetch_add(&ledger->damaged, 1, __ATOMIC_RELAXED);
        return;
    }
    frame_write(expected, number, outwards);
    if (memcmp(bytes, expected, sizeof(bytes)) != 0) {
        __atomic_fetch_add(&ledger->damaged, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&ledger->arrived[number], 1, __ATOMIC_RELEASE);
}

static uint32_t ledger_arrived(const struct story_ledger *ledger)
{
    uint32_t i, total = 0;

    for (i = 0; i < ledger->sent; i++) {
        total += __atomic_load_n(&ledger->arrived[i], __ATOMIC_ACQUIRE) != 0;
    }
    return total;
}

void story_send(struct story *story, uint32_t queue, uint32_t frames, uint32_t burst)
{
    uint32_t i, waiting = 0;

    for (i = 0; i < frames; i++) {
        struct frame frame;

        if (!edge_buffer(story->bed.edge, queue, &frame, false)) {
            edge_flush(story->bed.edge, queue);
            waiting = 0;
            CHECK(edge_buffer(story->bed.edge, queue, &frame, true));
        }
        CHECK(story->out.sent < MAX_STORY_FRAMES);
        CHECK(frame.vectors[0].iov_len >= STORY_FRAME_BYTES);
        frame_write(frame.vectors[0].iov_base, story->out.sent++, true);
        frame.vectors[0].iov_len = STORY_FRAME_BYTES;
        frame.vector_count = 1;
        frame.length = STORY_FRAME_BYTES;
        memset(&frame.offload, 0, sizeof(frame.offload));
        edge_queue(story->bed.edge, queue, &frame);
        if (++waiting == burst) {
            edge_flush(story->bed.edge, queue);
            waiting = 0;
        }
    }
    edge_flush(story->bed.edge, queue);
}

void story_inject(struct story *story, uint32_t queue, uint32_t frames)
{
    uint32_t i;

    for (i = 0; i < frames; i++) {
        uint8_t bytes[STORY_FRAME_BYTES];
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = sizeof(bytes) };

        CHECK(story->in.sent < MAX_STORY_FRAMES);
        frame_write(bytes, story->in.sent++, false);
        while (memory_port_inject(story->wire, queue, &frame) == -EAGAIN) {
            story_rest(); /* full: let the backend take some */
        }
    }
}

/* One frame of each queue that has one. */
static uint32_t collect_now(struct story *story)
{
    uint8_t bytes[2048];
    uint32_t q, came = 0;

    for (q = 0; q < story->queues; q++) {
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        if (memory_port_collect(story->wire, q, &frame, 0) != 0) {
            story_enter(&story->out, &frame, true);
            came++;
        }
    }
    return came;
}

void story_collect_ready(struct story *story)
{
    while (collect_now(story) != 0) {
    }
}

/* Who waits for no number of frames waits for the end of them all, a second or more: there is no haste. */
static void rest_for(uint32_t frames)
{
    if (frames == UINT32_MAX) {
        sched_sleep(SECOND / 20);
    } else {
        story_rest();
    }
}

void story_collect(struct story *story, uint32_t frames)
{
    uint64_t deadline = sched_now() + SECOND;

    while (ledger_arrived(&story->out) < frames && sched_now() < deadline) {
        if (collect_now(story) != 0) {
            deadline = sched_now() + SECOND;
        } else {
            rest_for(frames);
        }
    }
}

void story_wait_received(struct story *story, uint32_t frames)
{
    uint32_t before = UINT32_MAX, now;

    while ((now = ledger_arrived(&story->in)) < frames && now != before) {
        uint64_t deadline = sched_now() + story_patience();

        before = now;
        while (ledger_arrived(&story->in) < frames && sched_now() < deadline) {
            rest_for(frames);
        }
    }
}

static bool all_since(const struct story_ledger *ledger, uint32_t first)
{
    while (first < ledger->sent && __atomic_load_n(&ledger->arrived[first], __ATOMIC_ACQUIRE) != 0) {
        first++;
    }
    return first == ledger->sent;
}

void story_check_from(struct story *story, uint32_t first_out, uint32_t first_in)
{
    uint64_t deadline = sched_now() + 5 * story_patience();
    uint32_t i;

    while (!(all_since(&story->out, first_out) && all_since(&story->in, first_in)) && sched_now() < deadline) {
        collect_now(story);
        story_rest();
    }
    for (i = first_out; i < story->out.sent; i++) {
        if (story->out.arrived[i] != 1) {
            test_fail(__FILE__, __LINE__, "frame %u from the guest arrived %u times", i, story->out.arrived[i]);
        }
    }
    for (i = first_in; i < story->in.sent; i++) {
        if (story->in.arrived[i] != 1) {
            test_fail(__FILE__, __LINE__, "frame %u to the guest arrived %u times", i, story->in.arrived[i]);
        }
    }
}

void story_check(const struct story_ledger *ledger, uint32_t max_lost)
{
    uint32_t i, lost = 0;

    CHECK_EQ(ledger->damaged, 0);
    for (i = 0; i < ledger->sent; i++) {
        uint32_t times = __atomic_load_n(&ledger->arrived[i], __ATOMIC_ACQUIRE);

        if (times > 1) {
            test_fail(__FILE__, __LINE__, "frame %u arrived %u times", i, times);
        }
        lost += times == 0;
    }
    if (lost > max_lost) {
        test_fail(__FILE__, __LINE__, "%u of %u frames were lost, at most %u may be", lost, ledger->sent, max_lost);
    }
}
