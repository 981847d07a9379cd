/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edge's sending side: buffers, NBL chains, and completions. One task at a time uses a queue (PASSIVE_LEVEL);
 * completions come on any processor at any IRQL up to DISPATCH_LEVEL. No lock and no allocation per packet, once as
 * many buffers were made as are in use at a time: a completion pushes the slots of a chain onto their queue with one
 * compare-and-swap.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ndis/nbl/nbl.h"
#include "ndis/protocol/edge_internal.h"
#include "nt/memory/guard.h"

static void slot_create(struct edge *edge, struct edge_queue *queue)
{
    uint32_t i = queue->made++, bytes = edge->options.frame_size;
    struct edge_slot *slot = &queue->slots[i];

    slot->queue = queue;
    slot->buffer = queue->memory + (i * edge->slot_stride + (guard_pages ? 1 : 0)) * XEN_PAGE_SIZE;
    slot->whole = mdl_create(slot->buffer, bytes);
    slot->rest = mdl_create(slot->buffer, bytes);
    slot->nbl = nbl_create(edge->pool, slot->whole, 0, bytes);
    slot->nbl->ProtocolReserved[0] = slot;
    slot->nbl->SourceHandle = edge;
    slot->next = queue->free;
    queue->free = slot;
    if (guard_pages) {
        edge_guard_close(slot);
    }
}

static void slot_destroy(struct edge_slot *slot)
{
    if (guard_pages) {
        edge_guard_end(slot);
    }
    nbl_show(slot->nbl, "after it completed its send");
    nbl_free(slot->nbl, "edge_close");
    mdl_free(slot->whole);
    mdl_free(slot->rest);
    memset(slot->buffer, 0, slot->filled);
}

bool edge_queues_create(struct edge *edge, char *error, size_t size)
{
    uint32_t q;

    edge->slot_pages = (edge->options.frame_size + XEN_PAGE_SIZE - 1) / XEN_PAGE_SIZE;
    edge->slot_stride = edge->slot_pages + 2 * (guard_pages ? 1 : 0);
    edge->queue_count = edge->options.queues;
    edge->queues = ndis_alloc(edge->queue_count * sizeof(*edge->queues));
    for (q = 0; q < edge->queue_count; q++) {
        struct edge_queue *queue = &edge->queues[q];

        queue->edge = edge;
        queue->index = q;
        queue->caps_epoch = UINT32_MAX;
        queue->slots = ndis_alloc(edge->options.buffers * sizeof(*queue->slots));
        queue->memory = xen_memory_alloc(edge->options.memory, edge->slot_stride * edge->options.buffers);
        if (queue->memory == NULL) {
            snprintf(error, size, "no guest memory left for %u send buffers of %u bytes: give the guest more pages",
                     edge->options.buffers, edge->options.frame_size);
            return false;
        }
        while (guard_pages && queue->made < edge->options.buffers) { /* what is not in use is inaccessible */
            slot_create(edge, queue);
        }
    }
    edge_guard_start(edge);
    return true;
}

void edge_queues_destroy(struct edge *edge)
{
    uint32_t q, i;

    edge_guard_stop(edge);
    for (q = 0; q < edge->queue_count; q++) {
        struct edge_queue *queue = &edge->queues[q];

        for (i = 0; i < queue->made; i++) {
            slot_destroy(&queue->slots[i]);
        }
        if (queue->memory != NULL) {
            xen_memory_free_wiped(edge->options.memory, queue->memory, edge->slot_stride * edge->options.buffers);
        }
        free(queue->slots);
    }
    free(edge->queues);
}

/* What came back meanwhile goes in front of the free ones: its buffers are the likeliest to be in a cache. */
static void take_returned(struct edge_queue *queue)
{
    struct edge_slot *first, *last;

    if (__atomic_load_n(&queue->returned, __ATOMIC_RELAXED) == NULL) {
        return;
    }
    first = __atomic_exchange_n(&queue->returned, NULL, __ATOMIC_ACQUIRE);
    for (last = first; last->next != NULL; last = last->next) {
    }
    last->next = queue->free;
    queue->free = first;
}

static bool is_full(struct edge_queue *queue)
{
    uint32_t blocks = __atomic_load_n(&queue->blocks, __ATOMIC_SEQ_CST);

    queue->full = blocks >= EDGE_MAX_BLOCKS || (queue->full && blocks > EDGE_MAX_BLOCKS / 2);
    return queue->full;
}

/* Says what for before looking again: a completion that comes after the look sees it and raises `signal`. */
static void wait_for_completion(struct edge_queue *queue, uint32_t seen)
{
    __atomic_store_n(&queue->waiting, queue->full ? EDGE_WAITS_FOR_BLOCKS : EDGE_WAITS_FOR_SLOT, __ATOMIC_SEQ_CST);
    if (queue->full ? is_full(queue) : __atomic_load_n(&queue->returned, __ATOMIC_SEQ_CST) == NULL) {
        (void)sched_wait(&queue->signal, seen, SCHED_FOREVER);
    }
    __atomic_store_n(&queue->waiting, EDGE_WAITS_NOT, __ATOMIC_SEQ_CST);
}

static struct edge_slot *take_slot(struct edge_queue *queue)
{
    struct edge_slot *slot;

    if (is_full(queue)) {
        return NULL;
    }
    take_returned(queue);
    if (queue->free == NULL && queue->made < queue->edge->options.buffers) {
        slot_create(queue->edge, queue);
    }
    slot = queue->free;
    if (slot == NULL) {
        return NULL;
    }
    queue->free = slot->next;
    if (guard_pages) {
        edge_guard_open(slot);
    }
    return slot;
}

bool edge_buffer(struct edge *edge, uint32_t index, struct frame *frame, bool wait)
{
    struct edge_queue *queue = &edge->queues[index];
    struct edge_slot *slot;

    for (;;) {
        uint32_t seen = __atomic_load_n(&queue->signal, __ATOMIC_SEQ_CST);

        if (__atomic_load_n(&edge->stopped, __ATOMIC_SEQ_CST)) {
            return false;
        }
        slot = take_slot(queue);
        if (slot != NULL) {
            break;
        }
        if (!wait) {
            return false;
        }
        wait_for_completion(queue, seen);
    }
    frame->vectors[0].iov_base = slot->buffer;
    frame->vectors[0].iov_len = edge->options.frame_size;
    frame->vector_count = 1;
    frame->length = 0;
    memset(&frame->offload, 0, sizeof(frame->offload));
    return true;
}

static struct edge_slot *slot_of(struct edge_queue *queue, const struct frame *frame)
{
    size_t offset = (size_t)((uint8_t *)frame->vectors[0].iov_base - queue->memory);

    return &queue->slots[offset / (queue->edge->slot_stride * XEN_PAGE_SIZE)];
}

static void release_slot(struct edge_queue *queue, struct edge_slot *slot)
{
    slot->next = queue->free;
    queue->free = slot;
}

void edge_buffer_unused(struct edge *edge, uint32_t index, struct frame *frame)
{
    struct edge_queue *queue = &edge->queues[index];
    struct edge_slot *slot = slot_of(queue, frame);

    slot->filled = edge->options.frame_size; /* nobody knows how far */
    release_slot(queue, slot);
}

void edge_queue(struct edge *edge, uint32_t index, struct frame *frame)
{
    struct edge_queue *queue = &edge->queues[index];
    struct edge_slot *slot = slot_of(queue, frame);
    struct NET_BUFFER_LIST *nbl = slot->nbl;
    uint32_t filled = guard_pages ? edge->slot_pages * XEN_PAGE_SIZE : frame->length; /* guards move it */

    slot->filled = slot->filled < filled ? filled : slot->filled;
    if (!edge_prepare(queue, slot, frame)) {
        COUNT(adapter_here(edge->adapter)->counts.tx_failed, 1);
        release_slot(queue, slot);
        return;
    }
    slot->block = frame->offload.gso == FRAME_GSO_UDP;
    if (slot->block) {
        __atomic_add_fetch(&queue->blocks, 1, __ATOMIC_SEQ_CST);
    }
    nbl->Next = NULL;
    if (queue->first == NULL) {
        queue->first = nbl;
    } else {
        queue->last->Next = nbl;
    }
    queue->last = nbl;
    queue->queued_bytes += nbl->FirstNetBuffer->DataLength;
    if (++queue->queued == EDGE_MAX_CHAIN) {
        edge_flush(edge, index);
    }
}

static void blocks_done(struct edge_queue *queue, uint32_t blocks)
{
    if (blocks != 0) {
        __atomic_sub_fetch(&queue->blocks, blocks, __ATOMIC_SEQ_CST);
    }
}

/* The adapter is not Running: what is queued is dropped, as NDIS completes sends of a paused stack. */
static void drop_queued(struct edge_queue *queue)
{
    struct NET_BUFFER_LIST *nbl, *next;

    COUNT(adapter_here(queue->edge->adapter)->counts.tx_failed, queue->queued);
    for (nbl = queue->first; nbl != NULL; nbl = next) {
        next = nbl->Next;
        nbl_set_tag(nbl, NBL_TAG_OWNED);
        blocks_done(queue, ((struct edge_slot *)nbl->ProtocolReserved[0])->block);
        release_slot(queue, nbl->ProtocolReserved[0]);
    }
}

static bool enter(struct edge_queue *queue)
{
    /* Pairs with edge_hold, which sets `held` and then looks at `sending`: one of the two sees the other. */
    __atomic_store_n(&queue->sending, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&queue->edge->held, __ATOMIC_SEQ_CST) == 0;
}

static void leave(struct edge_queue *queue)
{
    __atomic_store_n(&queue->sending, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&queue->edge->held, __ATOMIC_SEQ_CST)) {
        sched_wake(&queue->sending, UINT_MAX);
    }
}

void edge_flush(struct edge *edge, uint32_t index)
{
    struct edge_queue *queue = &edge->queues[index];
    uint32_t processor = index % processor_count();

    if (queue->first == NULL) {
        return;
    }
    if (enter(queue)) {
        uint8_t old;

        if (processor_current() != processor) {
            processor_pin(processor);
        }
        old = irql_raise(DISPATCH_LEVEL);
        adapter_send(edge->adapter, queue->first, queue->queued, queue->queued_bytes);
        irql_lower(old);
    } else {
        drop_queued(queue);
    }
    leave(queue);
    queue->first = queue->last = NULL;
    queue->queued = 0;
    queue->queued_bytes = 0;
}

void edge_hold(struct edge *edge)
{
    uint32_t q;

    __atomic_store_n(&edge->held, 1, __ATOMIC_SEQ_CST);
    for (q = 0; q < edge->queue_count; q++) {
        while (__atomic_load_n(&edge->queues[q].sending, __ATOMIC_SEQ_CST) != 0) {
            (void)sched_wait(&edge->queues[q].sending, 1, SCHED_FOREVER);
        }
    }
}

void edge_release(struct edge *edge)
{
    __atomic_store_n(&edge->held, 0, __ATOMIC_SEQ_CST);
}

static bool is_waited_for(const struct edge_queue *queue)
{
    uint32_t waiting = __atomic_load_n(&queue->waiting, __ATOMIC_SEQ_CST);

    return waiting == EDGE_WAITS_FOR_SLOT || (waiting == EDGE_WAITS_FOR_BLOCKS &&
                                              __atomic_load_n(&queue->blocks, __ATOMIC_SEQ_CST) <= EDGE_MAX_BLOCKS / 2);
}

static void push_returned(struct edge_queue *queue, struct edge_slot *first, struct edge_slot *last, uint32_t blocks)
{
    struct edge_slot *head = __atomic_load_n(&queue->returned, __ATOMIC_RELAXED);

    do {
        last->next = head;
    } while (!__atomic_compare_exchange_n(&queue->returned, &head, first, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    blocks_done(queue, blocks);
    if (is_waited_for(queue)) {
        __atomic_fetch_add(&queue->signal, 1, __ATOMIC_SEQ_CST);
        sched_wake(&queue->signal, UINT_MAX);
    }
}

/* Returns the next one. */
static struct NET_BUFFER_LIST *hide_completed(struct NET_BUFFER_LIST *nbl)
{
    struct NET_BUFFER_LIST *next = nbl->Next;

    if (guard_pages) {
        edge_guard_close(nbl->ProtocolReserved[0]);
    }
    nbl_hide(nbl, NBL_COMPLETED);
    return next;
}

void edge_send_complete(struct edge *edge, struct NET_BUFFER_LIST *chain)
{
    (void)edge;
    while (chain != NULL) {
        struct edge_slot *first = chain->ProtocolReserved[0], *last = first;
        struct edge_queue *queue = first->queue;
        uint32_t blocks = first->block;

        RULE(chain->SourceHandle == queue->edge, "ndis-send-complete",
             "a completed NBL has another SourceHandle than it was sent with");
        chain = hide_completed(first->nbl);
        while (chain != NULL) {
            struct edge_slot *slot = chain->ProtocolReserved[0];

            if (slot->queue != queue) {
                break;
            }
            chain = hide_completed(chain);
            blocks += slot->block;
            last->next = slot;
            last = slot;
        }
        push_returned(queue, first, last, blocks);
    }
}
