/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port whose other side is a test: two rings of frames per queue, one writer and one reader each, on bells of the
 * scheduler, so that it works in simulated runs. A frame is copied in and copied out; a slot's buffer grows to the
 * largest frame it held and stays, so a steady flow allocates nothing.
 *
 * Ring: `head` is written by the writer alone, `tail` by the reader alone; head's release pairs with the reader's
 * acquire (the frame is complete), tail's release with the writer's (the slot is free).
 */
#include "wire/port_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "run/bell.h"
#include "wire/bytes.h"

struct slot {
    uint8_t *bytes;
    uint32_t room, length;
    struct frame_offload offload;
};

struct ring {
    _Alignas(PORT_CACHE_LINE) uint32_t head;
    uint64_t full; /* writer: frames refused */
    _Alignas(PORT_CACHE_LINE) uint32_t tail;
    uint64_t taken, too_long; /* reader */
    _Alignas(PORT_CACHE_LINE) struct bell bell;
    struct slot *slots;
};

struct memory_queue {
    struct ring in, out; /* in: towards who receives from the port; out: what was sent to it */
    _Alignas(PORT_CACHE_LINE) uint32_t interrupted;
};

struct memory_port {
    struct port port;
    uint32_t depth; /* a power of two */
    uint32_t stopped;
    uint32_t queues_in_use;
    struct memory_queue *queues;
};

static struct memory_port *of(struct port *port)
{
    return (struct memory_port *)port;
}

static int ring_put(struct memory_port *memory, struct ring *ring, const struct iovec *vectors, uint32_t count,
                    uint32_t length, const struct frame_offload *offload)
{
    struct slot *slot = &ring->slots[ring->head & (memory->depth - 1)];

    if (ring->head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == memory->depth) {
        port_count(&ring->full);
        return -EAGAIN;
    }
    if (length > MAX_FRAME_BYTES || vectors_room(vectors, count) < length) {
        return -EINVAL;
    }
    if (slot->room < length) {
        uint32_t room = (length + 2047) & ~2047u;
        uint8_t *bytes = realloc(slot->bytes, room);

        if (bytes == NULL) {
            return -ENOMEM;
        }
        slot->bytes = bytes;
        slot->room = room;
    }
    vectors_copy_out(vectors, count, 0, slot->bytes, length);
    slot->length = length;
    slot->offload = *offload;
    __atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
    bell_ring(&ring->bell);
    return 0;
}

static int ring_put_frame(struct memory_port *memory, struct ring *ring, const struct frame *frame)
{
    return ring_put(memory, ring, frame->vectors, frame->vector_count, frame->length, &frame->offload);
}

static bool ring_empty(struct ring *ring)
{
    return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) == ring->tail;
}

static uint32_t ring_take(struct memory_port *memory, struct ring *ring, const struct iovec *vectors, uint32_t count,
                          struct frame_offload *offload)
{
    while (!ring_empty(ring)) {
        struct slot *slot = &ring->slots[ring->tail & (memory->depth - 1)];
        uint32_t length = slot->length;
        bool fits = length <= vectors_room(vectors, count);

        if (fits) {
            vectors_copy_in(vectors, count, 0, slot->bytes, length);
            *offload = slot->offload;
        }
        __atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
        if (fits) {
            port_count(&ring->taken);
            return length;
        }
        port_count(&ring->too_long);
    }
    return 0;
}

/* A frame that there is not leaves the record as it is. */
static uint32_t ring_take_frame(struct memory_port *memory, struct ring *ring, struct frame *frame)
{
    uint32_t length = ring_take(memory, ring, frame->vectors, frame->vector_count, &frame->offload);

    if (length != 0) {
        frame->length = length;
    }
    return length;
}

static bool memory_wait(struct port *port, uint32_t queue)
{
    struct memory_queue *q = &of(port)->queues[queue];

    for (;;) {
        uint32_t seen = bell_read(&q->in.bell);

        if (__atomic_load_n(&of(port)->stopped, __ATOMIC_ACQUIRE) != 0 ||
            __atomic_exchange_n(&q->interrupted, 0, __ATOMIC_ACQ_REL) != 0) {
            return false;
        }
        if (!ring_empty(&q->in)) {
            return true;
        }
        bell_wait(&q->in.bell, seen, SCHED_FOREVER);
    }
}

static uint32_t memory_try_receive(struct port *port, uint32_t queue, struct frame *frame)
{
    return ring_take_frame(of(port), &of(port)->queues[queue].in, frame);
}

static int memory_send(struct port *port, uint32_t queue, const struct frame *frame)
{
    return ring_put_frame(of(port), &of(port)->queues[queue].out, frame);
}

static uint32_t memory_try_receive_pieces(struct port *port, uint32_t queue, struct pieces *pieces)
{
    uint32_t length =
        ring_take(of(port), &of(port)->queues[queue].in, pieces->vectors + 1, pieces->count - 1, &pieces->offload);

    if (length != 0) {
        pieces->length = length;
    }
    return length;
}

static int memory_send_pieces(struct port *port, uint32_t queue, struct pieces *pieces)
{
    return ring_put(of(port), &of(port)->queues[queue].out, pieces->vectors + 1, pieces->count - 1, pieces->length,
                    &pieces->offload);
}

static int memory_set_features(struct port *port, const struct port_features *features)
{
    (void)port;
    (void)features; /* the test decides what it injects */
    return 0;
}

static int memory_set_queues(struct port *port, uint32_t queues)
{
    if (queues == 0 || queues > port->queues) {
        return -EINVAL;
    }
    __atomic_store_n(&of(port)->queues_in_use, queues, __ATOMIC_RELEASE);
    return 0;
}

static void memory_interrupt(struct port *port, uint32_t queue)
{
    struct memory_queue *q = &of(port)->queues[queue];

    __atomic_store_n(&q->interrupted, 1, __ATOMIC_RELEASE);
    bell_ring(&q->in.bell);
}

static void memory_stop(struct port *port)
{
    uint32_t queue;

    __atomic_store_n(&of(port)->stopped, 1, __ATOMIC_RELEASE);
    for (queue = 0; queue < port->queues; queue++) {
        bell_ring(&of(port)->queues[queue].in.bell);
        bell_ring(&of(port)->queues[queue].out.bell);
    }
}

static void ring_free(struct memory_port *memory, struct ring *ring)
{
    uint32_t i;

    if (ring->slots != NULL) {
        for (i = 0; i < memory->depth; i++) {
            free(ring->slots[i].bytes);
        }
        free(ring->slots);
    }
}

static void memory_destroy(struct port *port)
{
    struct memory_port *memory = of(port);
    uint32_t queue;

    for (queue = 0; queue < port->queues; queue++) {
        ring_free(memory, &memory->queues[queue].in);
        ring_free(memory, &memory->queues[queue].out);
    }
    free(memory->queues);
    free(memory);
}

static void memory_counters(const struct port *port, uint32_t queue, struct port_counters *counters)
{
    const struct memory_queue *q = &((const struct memory_port *)port)->queues[queue];

    counters->received = __atomic_load_n(&q->in.taken, __ATOMIC_RELAXED);
    counters->receive_dropped = __atomic_load_n(&q->in.too_long, __ATOMIC_RELAXED);
    counters->sent = __atomic_load_n(&q->out.head, __ATOMIC_RELAXED);
    counters->send_refused = __atomic_load_n(&q->out.full, __ATOMIC_RELAXED);
}

static const struct port_ops memory_ops = {
    memory_wait,        memory_try_receive,  memory_send,       memory_try_receive_pieces,
    memory_send_pieces, memory_set_features, memory_set_queues, memory_interrupt,
    memory_stop,        memory_destroy,      memory_counters,
};

struct port *memory_port_create(uint32_t queues, uint32_t depth)
{
    struct memory_port *memory = calloc(1, sizeof(*memory));
    uint32_t queue;

    if (memory == NULL || queues == 0 || depth == 0) {
        free(memory);
        return NULL;
    }
    memory->port = (struct port){ &memory_ops, queues, false };
    memory->queues_in_use = queues;
    for (memory->depth = 1; memory->depth < depth;) {
        memory->depth *= 2;
    }
    memory->queues = aligned_alloc(PORT_CACHE_LINE, queues * sizeof(memory->queues[0]));
    if (memory->queues == NULL) {
        free(memory);
        return NULL;
    }
    for (queue = 0; queue < queues; queue++) {
        struct memory_queue *q = &memory->queues[queue];

        *q = (struct memory_queue){ .interrupted = 0 };
        q->in.slots = calloc(memory->depth, sizeof(struct slot));
        q->out.slots = calloc(memory->depth, sizeof(struct slot));
        if (q->in.slots == NULL || q->out.slots == NULL) {
            fputs("testbed: no memory for a port's queues\n", stderr);
            exit(1);
        }
    }
    return &memory->port;
}

int memory_port_inject(struct port *port, uint32_t queue, const struct frame *frame)
{
    if (queue >= __atomic_load_n(&of(port)->queues_in_use, __ATOMIC_ACQUIRE)) {
        return -ENOENT;
    }
    return ring_put_frame(of(port), &of(port)->queues[queue].in, frame);
}

uint32_t memory_port_collect(struct port *port, uint32_t queue, struct frame *frame, uint64_t timeout_ns)
{
    struct ring *ring = &of(port)->queues[queue].out;
    uint64_t now = sched_now(), deadline = timeout_ns > SCHED_FOREVER - now ? SCHED_FOREVER : now + timeout_ns;

    for (;;) {
        uint32_t seen = bell_read(&ring->bell), length = ring_take_frame(of(port), ring, frame);

        if (length != 0) {
            return length;
        }
        if (__atomic_load_n(&of(port)->stopped, __ATOMIC_ACQUIRE) != 0 || !bell_wait(&ring->bell, seen, deadline)) {
            return ring_take_frame(of(port), ring, frame);
        }
    }
}

void memory_port_take_udp_gso(struct port *port)
{
    port->takes_udp_gso = true;
}

uint32_t memory_port_room(struct port *port, uint32_t queue)
{
    const struct ring *ring = &of(port)->queues[queue].in;

    return of(port)->depth - (ring->head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE));
}

void memory_port_forget(struct port *port)
{
    for (uint32_t queue = 0; queue < port->queues; queue++) {
        struct ring *ring = &of(port)->queues[queue].in;

        __atomic_store_n(&ring->tail, __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
    }
}
