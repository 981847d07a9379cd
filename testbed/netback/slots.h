/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots of a receive ring (receive_slots.c), all under rx.lock. */
#ifndef TESTBED_NETBACK_SLOTS_H
#define TESTBED_NETBACK_SLOTS_H

#include "netback/queue.h"

struct rx_extras {
    struct netif_extra_info info[3];
    uint32_t count;
};
uint32_t slots_map(struct netback_queue *queue,
                   uint32_t want); /* requests mapped ahead, at least `want` if the ring has them */
/* A frame over the mapped pages: the first, then, `extras` slots on, the following. At most `pages`. */
void slots_frame(struct netback_queue *queue, uint32_t extras, uint32_t pages, struct frame *frame);
void slots_move(struct netback_queue *queue, uint32_t from_extras, uint32_t to_extras, uint32_t length);
void slots_complete(struct netback_queue *queue, const struct frame *frame, const struct rx_extras *extras);
void slots_push(struct netback_queue *queue);                /* responses so far, and a notification if wanted */
void slots_unlock(struct netback_queue *queue);              /* who has pushed lets rx.lock go so */
bool slots_want(struct netback_queue *queue, uint32_t want); /* requests a notification; true: they came meanwhile */
void slots_unmap(struct netback_queue *queue);

static inline uint32_t slot_room(const struct netback_queue *queue)
{
    return XEN_PAGE_SIZE - queue->rx.headroom;
}

/* Pages that a frame takes; under rx.lock, like what it goes by. */
static inline uint32_t slots_of(const struct netback_queue *queue, uint32_t length)
{
    return length == 0 ? 1 : (length + slot_room(queue) - 1) / slot_room(queue);
}

#endif
