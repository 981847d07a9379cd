/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams on their way to the wire, gathered as Linux's GRO gathers them: those of one flow and size that follow each
 * other in a batch become one write of UDP segmentation, which the stack behind the port takes apart into the same
 * datagrams. Only for a port that takes them, and only what the guest leaves the checksum of to the backend.
 */
#ifndef TESTBED_NETBACK_GATHER_H
#define TESTBED_NETBACK_GATHER_H

#include "wire/frame.h"
#include "wire/parse.h"

struct port;

/* The transmit task's. Zeroed at first. */
struct gather {
    uint8_t *bytes; /* MAX_FRAME_BYTES; NULL: none yet */
    uint32_t count, length, size;
    bool ended;  /* a shorter one was the last */
    bool unable; /* the port takes no such frames (before Linux 6.2) */
    struct layout first;
};

/* False: it is none to gather. What was gathered before it has gone to the port then. */
bool gather_take(struct gather *gather, struct port *port, uint32_t queue, const struct frame *frame);
/* What was gathered goes to the port. */
void gather_flush(struct gather *gather, struct port *port, uint32_t queue);
void gather_free(struct gather *gather);

#endif
