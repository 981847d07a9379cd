/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kinds of ports share: the table of verbs behind port.h, and the per-queue counters. */
#ifndef TESTBED_WIRE_PORT_INTERNAL_H
#define TESTBED_WIRE_PORT_INTERNAL_H

#include "wire/port.h"

#define PORT_CACHE_LINE 64

struct port_ops {
    bool (*wait)(struct port *port, uint32_t queue);
    uint32_t (*try_receive)(struct port *port, uint32_t queue, struct frame *frame);
    int (*send)(struct port *port, uint32_t queue, const struct frame *frame);
    uint32_t (*try_receive_pieces)(struct port *port, uint32_t queue, struct pieces *pieces);
    int (*send_pieces)(struct port *port, uint32_t queue, struct pieces *pieces);
    int (*set_features)(struct port *port, const struct port_features *features);
    int (*set_queues)(struct port *port, uint32_t queues);
    void (*interrupt)(struct port *port, uint32_t queue);
    void (*stop)(struct port *port);
    void (*destroy)(struct port *port);
    void (*counters)(const struct port *port, uint32_t queue, struct port_counters *counters);
};

struct port {
    const struct port_ops *ops;
    uint32_t queues;    /* immutable */
    bool takes_udp_gso; /* immutable once frames move */
};

/* A counter written by one task at a time and read by any. */
static inline void port_count(uint64_t *counter)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

#endif
