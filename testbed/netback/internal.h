/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend as its files share it. Tasks:
 *
 *   control   one: follows the frontend's state, connects, disconnects, serves the control ring   (netback.c connect.c
 * control.c) transmit  one per connected queue: guest's transmit ring -> port                              (transmit.c)
 *   receive   one per connected queue: port -> guest's receive ring                               (receive.c
 * receive_slots.c)
 *
 * Locks: a queue's rx.lock guards its receive ring (another queue's receive task may deliver there when the frontend
 * steers by hash); no task holds two. multicast_lock guards the address list. Everything the frontend can write is read
 * once, then checked.
 */
#ifndef TESTBED_NETBACK_INTERNAL_H
#define TESTBED_NETBACK_INTERNAL_H

#include "netback/netback.h"
#include "xen/barrier.h"

#include <xen/grant_table.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#include "run/bell.h"
#include "wire/parse.h"
#include "wire/toeplitz.h"

enum {
    RING_SLOTS = 256,    /* of a one-page ring, both directions */
    TX_MAX_SLOTS = 18,   /* slots behind the first; more: the packet is dropped */
    TX_SLOTS_FATAL = 20, /* more still: the frontend is disabled */
    TX_BATCH = 64,
    RX_BATCH = 64,
    MAX_QUEUES = 64,
    MAX_MULTICAST = 64,
    MAX_HASH_MAPPING = 128,
    EXTRA_TYPE_XDP = 5, /* room before the data of each slot, in its first 16 bits; netif.h here is older than that */
    EXTRA_TYPE_LAST = EXTRA_TYPE_XDP,
    MAX_HEADROOM =
        1024, /* Linux takes more, and would write beyond the page; the largest frame must fit FRAME_VECTORS */
    PATH_BYTES = 96,
};

/* What the frontend said in xenstore; written before the queues start. */
struct frontend_features {
    bool sg, gso4, gso6, checksum4, checksum6, rx_notify;
};

struct rx_hash {
    uint32_t algorithm, flags, mapping_size;
    uint8_t key[TOEPLITZ_KEY_BYTES];
    uint32_t mapping[MAX_HASH_MAPPING];
};

/* A request that was taken off the ring, its page mapped. */
struct rx_slot {
    uint8_t *page; /* the guest's page, or queue->rx.nowhere when it could not be mapped */
    uint32_t reference;
    uint16_t id;
    int16_t status; /* why not: what the hypervisor calls it */
    bool bad;       /* not mapped */
};

struct queue_rx {
    struct sched_lock lock;
    /* under lock */
    netif_rx_back_ring_t ring; /* req_cons: the next slot to complete */
    RING_IDX mapped;           /* slots [req_cons, mapped) are in `slots` */
    uint32_t expected_extras;  /* slots between a frame's first and second page: see receive.c */
    uint32_t headroom;         /* bytes left free at the start of each page, as the frontend asked */
    struct rx_slot slots[RING_SLOTS];
    struct rx_hash hash;
    uint64_t packets, bytes, gso, csum_blank, kicks_sent;
    /* the receive task */
    uint8_t *stage;         /* MAX_FRAME_BYTES bytes */
    uint8_t *nowhere;       /* a page of our own */
    uint64_t patience_ends; /* when a ring that is short of slots is taken as it is; 0: it is not short */
    uint64_t dropped;       /* atomic: any receive task */
};

struct queue_tx {
    /* the transmit task */
    netif_tx_back_ring_t ring;
    uint8_t headers[LAYOUT_HEADERS];
    uint64_t packets, bytes, errors, gso, csum_blank, kicks_sent;
    uint64_t ready; /* when the next packet may be taken, as the rate has it */
    /* atomic */
    uint32_t refuse;  /* packets to answer with an error */
    uint64_t stalled; /* until when nothing is taken, whatever the rate */
};

struct netback_queue {
    struct netback *netback;
    uint32_t index;
    uint32_t tx_reference, rx_reference;
    bool tx_mapped, rx_mapped;
    struct xen_event *tx_event, *rx_event; /* the same one unless split */
    struct task *tx_task, *rx_task;
    _Alignas(64) struct bell tx_bell;
    _Alignas(64) struct bell rx_bell;
    _Alignas(64) uint64_t kicks_received; /* atomic: handlers */
    _Alignas(64) struct queue_tx tx;
    _Alignas(64) struct queue_rx rx;
};

struct netback {
    /* immutable */
    struct xen *xen;
    struct port *port;
    struct netback_options options;
    char backend[PATH_BYTES], frontend[PATH_BYTES];
    uint16_t guest;
    uint32_t max_queues;
    uint32_t queues_offered; /* changes between connections only, as options.without does */
    struct task *task;
    struct xen_watch *state_watch, *multicast_watch;
    /* the control task */
    enum xenbus_state state;
    int frontend_state;
    struct frontend_features features;
    xen_netif_ctrl_back_ring_t *control; /* NULL: none */
    xen_netif_ctrl_back_ring_t control_ring;
    uint32_t control_reference;
    struct xen_event *control_event;
    struct rx_hash hash;          /* the master copy */
    struct netback_queue *queues; /* max_queues of them */
    uint32_t queue_count;         /* connected ones; constant while their tasks run */
    /* atomic */
    struct bell bell;
    uint32_t stop;        /* the control task ends */
    uint32_t queues_stop; /* the queues' tasks end */
    uint32_t disabled;    /* the frontend did something that Linux calls fatal */
    uint32_t connected;   /* slept on by netback_wait_connected */
    uint32_t link_up, mtu, multicast_control;
    uint32_t control_silent;
    /* under multicast_lock */
    struct sched_lock multicast_lock;
    uint32_t multicast_count;
    uint8_t multicast[MAX_MULTICAST][6];
};

static inline uint32_t flag(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void flag_set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* A counter with one writer at a time, read by any. */
static inline void count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

static inline bool without(const struct netback *netback, unsigned bit)
{
    return (netback->options.without >> bit & 1) != 0;
}

/* The frontend broke the protocol: the interface is dead for good, through reconnects too; its state stays Connected
 * (as in Linux). */
void netback_fatal(struct netback *netback, const char *what);

/* features.c */
int features_advertise(struct netback *netback);
void features_read(struct netback *netback);
void features_read_headroom(struct netback *netback); /* any time: takes each queue's rx.lock */
int features_publish_link(struct netback *netback);
int features_publish_mtu(struct netback *netback);
int store_unsigned(struct netback *netback, const char *directory, const char *key, uint32_t *value); /* 0 or -errno */

/* connect.c: 0, or -errno after netback_complain */
int netback_connect(struct netback *netback);
void netback_disconnect(struct netback *netback);
int netback_complain(struct netback *netback, int failure,
                     const char *what); /* writes the error node, returns `failure` */

/* control.c */
int control_connect(struct netback *netback);
void control_disconnect(struct netback *netback);
void control_poll(struct netback *netback);

/* multicast.c */
bool multicast_add(struct netback *netback, const uint8_t *address);
void multicast_remove(struct netback *netback, const uint8_t *address);
bool multicast_wanted(struct netback *netback, const struct frame *frame); /* true for what is no multicast */

/* transmit.c, receive.c: the tasks */
void transmit_run(void *queue);
void receive_run(void *queue);

/* receive_slots.c, all under rx.lock */
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
bool slots_want(struct netback_queue *queue, uint32_t want); /* asks to be told; true: they came meanwhile */
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
