/* SPDX-License-Identifier: BSD-2-Clause */
/* The frames of tests on either provider, at both ends. See story_provider.h. */
#include "story_provider.h"

#include <limits.h>
#include <stdlib.h>

#include "wire/bytes.h"

enum { SENT_MARK = 0x5a };

void provider_fill(uint8_t *bytes, uint32_t length, uint32_t number, bool outwards)
{
    memcpy(bytes, outwards ? story_peer_mac : story_guest_mac, 6);
    memcpy(bytes + 6, outwards ? story_guest_mac : story_peer_mac, 6);
    put16(bytes + 12, 0x88b6);
    for (uint32_t i = 14; i < length; i++) {
        bytes[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8) + SENT_MARK);
    }
}

void provider_send(struct provider *provider, uint32_t queue, const struct frame *frame)
{
    struct edge *edge = provider->story.bed.edge;
    struct frame place;

    CHECK(edge_buffer(edge, queue, &place, true));
    frame_copy_out(frame, 0, place.vectors[0].iov_base, frame->length);
    place.vectors[0].iov_len = place.length = frame->length;
    place.offload = frame->offload;
    edge_queue(edge, queue, &place);
    edge_flush(edge, queue);
}

uint32_t provider_take(struct provider *provider, uint8_t *bytes, struct frame *frame)
{
    *frame = (struct frame){ .vectors = { { bytes, MAX_FRAME_BYTES } }, .vector_count = 1 };
    if (wire_take(provider->wire, frame, PROVIDER_PATIENCE) == 0) {
        give_up("nothing arrived at the wire");
    }
    return frame->length;
}

void provider_inject(struct provider *provider, const struct frame *frame)
{
    wire_send(provider->wire, frame, false);
}

void provider_receive(void *context, uint32_t processor, const struct frame *frame)
{
    struct provider *provider = context;
    struct provider_frame *copy = malloc(sizeof(*copy) + frame->length);

    if (copy == NULL) {
        give_up("no memory for a received frame");
    }
    copy->next = NULL;
    copy->length = frame->length;
    copy->processor = processor;
    copy->offload = frame->offload;
    frame_copy_out(frame, 0, copy->bytes, frame->length);
    sched_lock(&provider->lock);
    *provider->last = copy;
    provider->last = &copy->next;
    sched_unlock(&provider->lock);
    __atomic_add_fetch(&provider->came, 1, __ATOMIC_SEQ_CST);
    sched_wake(&provider->came, UINT_MAX);
}

struct provider_frame *provider_received(struct provider *provider, uint64_t timeout_ns)
{
    uint64_t deadline = sched_now() + timeout_ns;

    for (;;) {
        uint32_t seen = __atomic_load_n(&provider->came, __ATOMIC_SEQ_CST);
        struct provider_frame *frame;

        sched_lock(&provider->lock);
        frame = provider->first;
        if (frame != NULL) {
            provider->first = frame->next;
            if (provider->first == NULL) {
                provider->last = &provider->first;
            }
        }
        sched_unlock(&provider->lock);
        if (frame != NULL || !sched_wait(&provider->came, seen, deadline)) {
            return frame;
        }
    }
}

struct provider_frame *provider_expect(struct provider *provider)
{
    struct provider_frame *frame = provider_received(provider, PROVIDER_PATIENCE);

    if (frame == NULL) {
        give_up("nothing arrived in the guest");
    }
    return frame;
}

static void compare(const uint8_t *bytes, uint32_t length, uint32_t expected_length, uint32_t number, bool outwards)
{
    static uint8_t expected[MAX_FRAME_BYTES];

    provider_fill(expected, expected_length, number, outwards);
    if (length != expected_length || memcmp(bytes, expected, length) != 0) {
        give_up("%s: frame %u of %u bytes arrived as %u bytes%s", outwards ? "out" : "in", number, expected_length,
                length, length == expected_length ? " that differ" : "");
    }
}

static void exchange_window(struct provider *provider, const uint32_t *lengths, uint32_t count, uint32_t number)
{
    static uint8_t bytes[MAX_FRAME_BYTES];
    struct frame frame;

    for (uint32_t i = 0; i < count; i++) {
        frame = (struct frame){ .vectors = { { bytes, lengths[i] } }, .vector_count = 1, .length = lengths[i] };
        provider_fill(bytes, lengths[i], number + i, true);
        provider_send(provider, 0, &frame);
        provider_fill(bytes, lengths[i], number + i, false);
        provider_inject(provider, &frame);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct provider_frame *came = provider_expect(provider);

        compare(came->bytes, came->length, lengths[i], number + i, false);
        free(came);
        provider_take(provider, bytes, &frame);
        compare(bytes, frame.length, lengths[i], number + i, true);
    }
}

void provider_exchange(struct provider *provider, const uint32_t *lengths, uint32_t count)
{
    provider_settle(provider);
    for (uint32_t done = 0; done < count; done += PROVIDER_WINDOW) {
        exchange_window(provider, lengths + done, count - done < PROVIDER_WINDOW ? count - done : PROVIDER_WINDOW,
                        done);
    }
}

void provider_frames(struct provider *provider, uint32_t frames)
{
    static const uint32_t lengths[] = { 60, 61, 127, 128, 500, 1000, 1513, 1514 };
    uint32_t all[256];

    CHECK(frames <= sizeof(all) / sizeof(all[0]));
    for (uint32_t i = 0; i < frames; i++) {
        all[i] = lengths[i % (sizeof(lengths) / sizeof(lengths[0]))];
    }
    provider_exchange(provider, all, frames);
}
