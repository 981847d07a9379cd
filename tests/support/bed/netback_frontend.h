/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small netif frontend for the tests of the backend: it does what a test calls for, right or wrong. Everything runs
 * in one task of the test, which polls the rings and sleeps on one bell that all event channels ring.
 */
#ifndef TESTS_NETBACK_FRONTEND_H
#define TESTS_NETBACK_FRONTEND_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "netback/state.h"
#include "wire/bytes.h"

#define SECOND 1000000000ull

struct fe_queue {
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    uint32_t tx_ref, rx_ref;
    struct xen_event *tx_event, *rx_event;
    uint8_t *tx_pages, *rx_pages, *rings;
    uint32_t tx_grants[RING_SLOTS], rx_grants[RING_SLOTS];
};

struct fe {
    struct xen_host *host;
    struct xen *guest, *dom0;
    struct port *port;
    struct netback *netback;
    struct netback_options options;
    uint32_t queues;
    uint32_t post; /* receive requests kept posted */
    bool split, no_rx_notify, no_ipv6_offload;
    bool strict;
    struct bell bell;
    struct fe_queue q[4];
    uint8_t *control_page;
    uint32_t control_ref, argument_ref;
    struct xen_event *control_event;
    xen_netif_ctrl_front_ring_t control;
};

void fe_put(struct fe *fe, const char *key, uint32_t number);
int fe_backend_key(struct fe *fe, const char *key);
void fe_wait_backend(struct fe *fe, int state);
void fe_connect(struct fe *fe);
/* The zeroed fe holds what the test wants different. */
void fe_start(struct fe *fe);
void fe_release(struct fe *fe);
void fe_close(struct fe *fe);
/* Closes and takes all down; nothing may be left. */
void fe_stop(struct fe *fe);

/* --- transmit --- */

void fe_push_tx(struct fe *fe, uint32_t queue);
struct netif_tx_request *fe_slot(struct fe_queue *q, uint16_t offset, uint16_t size, uint16_t flags);
void fe_extra(struct fe_queue *q, const struct netif_extra_info *extra);
/* Puts one packet on the ring, not pushed: `bytes` cut into pages, the first slot with at most `first` bytes. */
void fe_queue_packet(struct fe *fe, uint32_t queue, const uint8_t *bytes, uint32_t length, uint32_t first,
                     uint16_t flags, const struct netif_extra_info *extra);
/* Takes `responses` responses; each status that is not NULL is counted. Returns how many were errors. */
uint32_t fe_responses(struct fe *fe, uint32_t queue, uint32_t responses);

/* --- receive --- */

struct fe_received {
    uint8_t bytes[MAX_FRAME_BYTES];
    uint32_t length, slots;
    uint16_t flags;
    bool error;
    struct netif_extra_info extras[XEN_NETIF_EXTRA_TYPE_MAX]; /* by type */
};

/* The next packet of the queue; false when none comes in time. Posts again what was used. */
bool fe_receive(struct fe *fe, uint32_t queue, struct fe_received *received, uint64_t timeout);

/* --- control ring --- */

uint32_t fe_control(struct fe *fe, uint16_t type, uint32_t a, uint32_t b, uint32_t c, uint32_t *data);

#endif
