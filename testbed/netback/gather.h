/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams on their way to the wire, gathered as Linux's GRO gathers them: those of one flow and size that follow each
 * other in a batch become one write of UDP segmentation, which the stack behind the port takes apart into the same
 * datagrams. Only for a port that takes them, and only what the guest leaves the checksum of to the backend.
 *
 * No payload is copied: the frames' bytes must stay where they are until they have gone to the port.
 */
#ifndef TESTBED_NETBACK_GATHER_H
#define TESTBED_NETBACK_GATHER_H

#include "wire/frame.h"
#include "wire/parse.h"

struct port;

/* The transmit task's. Zeroed at first, but for the first two. */
struct gather {
    void (*sent)(void *context); /* what was gathered has gone to the port: its bytes are free. NULL: nobody wants it */
    void *context;
    uint32_t count, size;
    bool ended;  /* a shorter one was the last */
    bool unable; /* the port takes no such frames (before Linux 6.2) */
    struct layout first;
    struct pieces pieces; /* the first one's headers, then payload */
};

/* False: it is none to gather. What was gathered before it has gone to the port then. `layout`: the frame's, where its
 * checksum is left open. */
bool gather_take(struct gather *gather, struct port *port, uint32_t queue, const struct frame *frame,
                 const struct layout *layout);
/* What was gathered goes to the port. */
void gather_flush(struct gather *gather, struct port *port, uint32_t queue);
/* No other datagram goes with what was gathered. */
bool gather_is_full(const struct gather *gather);

#endif
