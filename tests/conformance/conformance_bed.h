/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A raw netif frontend for recording what a backend does, on either provider: the embedded backend with a port in
 * memory (simulated time), or Linux's netback with a packet socket on its device (real time). One task uses all of it.
 *
 * Nothing here judges the backend: what cannot go on (no backend at all) ends the program with a sentence.
 */
#ifndef TESTS_CONFORMANCE_BED_H
#define TESTS_CONFORMANCE_BED_H

#include <stdio.h>

#include "netback/state.h"
#include "story_wire.h"
#include "wire/bytes.h"

enum { QUEUES = 4, MARK_TYPE = 0x88b5, SAW_BYTES = 2000 };

/* What a connection is made with; cases that share one are run over the same connection. */
struct setup {
    uint32_t queues;
    bool split, multicast, no_gso, no_checksum, no_sg;
    uint32_t headroom; /* asked for before the data of each received slot */
};

struct raw_queue {
    netif_tx_front_ring_t tx;
    netif_rx_front_ring_t rx;
    uint32_t tx_ref, rx_ref;
    struct xen_event *tx_event, *rx_event;
    uint8_t *rings, *tx_pages, *rx_pages;
    uint32_t tx_grants[RING_SLOTS], rx_grants[RING_SLOTS];
    uint32_t posted;   /* receive requests kept posted */
    uint32_t headroom; /* counted in by each received slot's status */
};

struct bed {
    bool real;
    uint64_t patience; /* ns: silence this long is an answer, where nothing shows sooner that none will come */
    struct xen *xen, *dom0;
    struct xen_host *host;
    struct netback *netback;
    struct netback_options options;
    char front[64], back[64];
    struct bell bell;
    const struct setup *setup; /* of the connection; NULL: none */
    struct raw_queue queue[QUEUES];
    uint8_t *control_page, *argument_page;
    uint32_t control_ref, argument_ref;
    struct xen_event *control_event;
    xen_netif_ctrl_front_ring_t control;
    struct wire *wire;
    char saw[SAW_BYTES]; /* what the case under way has seen so far */
};

void saw(struct bed *bed, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- conformance_bed.c --- */
void bed_open(struct bed *bed, bool real);
void bed_close(struct bed *bed);
void bed_connect(struct bed *bed, const struct setup *setup); /* from the backend's InitWait; gives up when it fails */
void bed_connect_posting(struct bed *bed, const struct setup *setup, uint32_t posted,
                         bool bad_grant); /* that many receive requests */
void bed_disconnect(struct bed *bed);     /* closes and waits for the next InitWait */
void bed_renew(struct bed *bed);          /* a new device, whatever became of the old one */
void bed_pause(uint64_t ns);

/* Pieces of bed_connect, for cases that leave one out. */
void front_write(struct bed *bed, const char *key, uint32_t value);
void front_remove(struct bed *bed, const char *key);
int back_read(struct bed *bed, const char *key); /* -1: not there, or no number */
void queue_prepare(struct bed *bed, uint32_t index, bool split);
void queue_publish(struct bed *bed, uint32_t index, const struct setup *setup);
void control_prepare(struct bed *bed);
void features_write(struct bed *bed, const struct setup *setup);
void queue_release(struct bed *bed, uint32_t index);
void control_release(struct bed *bed);

/* --- the real backend's threads and device: conformance_rest.c --- */
void backend_find(void);                      /* gives up when the threads are not there */
int settled_state(struct bed *bed, int from); /* the backend's, where it stays after leaving `from`, or `from` */
bool backend_down(
    bool real); /* its device has lost its carrier: it is disabled, or not connected, and will answer nothing */

/* --- transmit and receive: conformance_ring.c --- */
void tx_request(struct bed *bed, uint32_t queue, uint32_t reference, uint32_t offset, uint32_t size, uint32_t flags);
void tx_extra(struct bed *bed, uint32_t queue, const struct netif_extra_info *extra);
uint8_t *tx_page(struct bed *bed, uint32_t queue, uint32_t *reference); /* the page of the slot that comes next */
void tx_packet(struct bed *bed, const uint8_t *bytes, uint32_t length, uint32_t first, uint32_t flags,
               const struct netif_extra_info *extra);
void tx_push(struct bed *bed, uint32_t queue);
struct tx_answer {
    uint16_t id;
    int16_t status;
};
uint32_t tx_answers(struct bed *bed, uint32_t queue, struct tx_answer *answers,
                    uint32_t most); /* until all are answered or patience ends */
void rx_post(struct bed *bed, uint32_t queue, bool bad_grant);
struct received {
    uint8_t bytes[MAX_FRAME_BYTES];
    uint32_t length, slots, flags;
    int16_t status; /* the worst */
    struct netif_extra_info extras[8];
    uint32_t extra_count;
};
bool rx_take(struct bed *bed, uint32_t queue, struct received *received); /* false: patience ended */
uint32_t control_call(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c,
                      uint32_t *data); /* status, or -1 without an answer */

/* --- tables of cases --- */
struct conformance_case {
    const char *name;
    const struct setup *setup; /* NULL: the case connects by itself, or not, and a new device follows */
    void (*run)(struct bed *bed);
};
extern const struct conformance_case transmit_cases[], receive_cases[], control_cases[],
    life_cases[]; /* each ends with a NULL name */
extern const struct setup setup_plain, setup_multicast;
void transmit_case(struct bed *bed, void (*make)(struct bed *)); /* responses, frames, and whether the link lives on */

/* flows.c: the queue that the backend picks for each of `flows` flows, and the one predicted: prints one JSON object.
 */
int flows_run(struct bed *bed, uint32_t flows);

#endif
