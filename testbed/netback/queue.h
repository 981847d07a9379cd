/* SPDX-License-Identifier: BSD-2-Clause */
/* A queue: its receive ring (the guest receives), its transmit ring, their tasks. Everything that the frontend can
 * write is read once, then checked. */
#ifndef TESTBED_NETBACK_QUEUE_H
#define TESTBED_NETBACK_QUEUE_H

#include <stdint.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "netback/gather.h"
#include "netback/netback.h"
#include "run/bell.h"
#include "run/timeline.h"
#include "wire/parse.h"
#include "wire/toeplitz.h"
#include "xen/barrier.h"

enum {
    RING_SLOTS = 256,    /* of a one-page ring, both directions */
    TX_MAX_SLOTS = 18,   /* slots behind the first; more: the packet is dropped */
    TX_SLOTS_FATAL = 20, /* more still: the frontend is disabled */
    TX_BATCH = 64,
    TX_GATHERING_BATCH = 2 * TX_BATCH, /* while datagrams are gathered that may go on */
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

/* What the next large datagram from the port is expected to be, as the one before it: see receive_cut.c. */
struct rx_cut {
    uint32_t size;   /* payload of each segment; 0: none is expected */
    uint32_t header; /* bytes before the payload */
    uint32_t extras; /* extra segments of each */
};

struct queue_rx {
    struct sched_lock lock;
    /* under lock */
    netif_rx_back_ring_t ring; /* req_cons: the next slot to complete */
    RING_IDX mapped;           /* slots [req_cons, mapped) are in `slots` */
    uint32_t expected_extras;  /* slots between a frame's first and second page: see receive.c */
    uint32_t headroom;         /* bytes left free at the start of each page, as the frontend asked */
    uint32_t most_posted;      /* slots that the frontend has had posted at a time */
    bool event_due;            /* for what was pushed, once the lock is free */
    struct rx_slot slots[RING_SLOTS];
    struct rx_hash hash;
    uint64_t packets, bytes, gso, csum_blank, kicks_sent;
    /* the receive task */
    uint8_t *stage;   /* MAX_FRAME_BYTES bytes */
    uint8_t *nowhere; /* a page of our own */
    bool segmenting;  /* a large frame's segments are pushed together */
    bool elsewhere;   /* the last frame was none for this ring as it came: the next one is read to the stage */
    struct rx_cut cut;
    uint64_t patience_ends; /* when a ring that is short of slots is taken as it is; 0: it is not short */
    uint64_t dropped;       /* atomic: any receive task */
};

struct queue_tx {
    /* the transmit task */
    netif_tx_back_ring_t ring;
    uint8_t headers[LAYOUT_HEADERS];
    struct gather gather;
    uint32_t held[RING_SLOTS]; /* references that stay mapped for it */
    uint32_t held_count;
    uint64_t packets, bytes, errors, gso, csum_blank, csum_wrong, kicks_sent;
    uint64_t ready; /* when the next packet may be taken, as the rate has it */
    /* atomic */
    uint32_t refuse;  /* packets to answer with an error */
    uint64_t stalled; /* until when nothing is taken, whatever the rate */
    uint32_t at_work; /* 1: somebody takes packets; 2: and the task waits for that */
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

/* In place of the transmit task, by the task that rings. False: that has to, or to go on. */
bool transmit_here(struct netback_queue *queue);
/* transmit.c, receive.c: the tasks */
void transmit_run(void *queue);
/* transmit_packet.c: what its gather holds was sent */
void transmit_unmap_held(void *queue);
void receive_run(void *queue);

/* A counter with one writer at a time, read by any. */
static inline void count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

#endif
