/* SPDX-License-Identifier: BSD-2-Clause */
/* What receive.c and receive_cut.c have in common. The receive task. */
#ifndef TESTBED_NETBACK_RECEIVE_INTERNAL_H
#define TESTBED_NETBACK_RECEIVE_INTERNAL_H

#include "netback/slots.h"

enum verdict { DELIVER, DROP, SEGMENT };

struct judged {
    struct rx_extras extras;
    struct netback_queue *target;
};

enum received { RECEIVED, RECEIVED_NOTHING, RECEIVED_ELSEWHERE };

/* What is to become of a frame; makes it fit for the frontend as far as that can be done in place. Under rx.lock. */
enum verdict receive_judge(struct netback_queue *queue, struct frame *frame, struct judged *judged);
void receive_drop(struct netback_queue *queue, uint32_t frames);
void receive_stage(struct netback_queue *queue, struct frame *frame); /* `frame` is the stage */

/* Slots that the next read takes if a large datagram is expected; 0: none is. */
uint32_t cut_slots(const struct netback_queue *queue);
/* The way of receive_direct, cut_slots being in the window. */
enum received receive_cut(struct netback_queue *queue, struct frame *frame, enum verdict *verdict,
                          struct judged *judged);
/* A large datagram was segmented out of the stage, the last segment as `judged` has it: is the next one expected? */
void cut_expect(struct netback_queue *queue, const struct frame *frame, const struct judged *judged);

#endif
