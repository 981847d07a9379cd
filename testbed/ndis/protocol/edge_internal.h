/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol edge, as its files share it: edge.c (open, close), edge_send.c (buffers, chains), edge_receive.c (frames
 * out of NBLs), edge_offload.c (frames' offloads into out-of-band data), edge_rss.c (hash and table).
 *
 * A send slot belongs to its queue's one sending task from edge_buffer to edge_flush, then to the miniport, and comes
 * back on `returned`, a list any processor may push to and only the sending task takes from.
 */
#ifndef TESTBED_NDIS_PROTOCOL_EDGE_INTERNAL_H
#define TESTBED_NDIS_PROTOCOL_EDGE_INTERNAL_H

#include "ndis/adapter/adapter.h"
#include "ndis/object.h"
#include "wire/parse.h"

enum {
    EDGE_MAX_CHAIN = 64,
    EDGE_MAX_QUEUES = 64,
    /* Blocks of datagrams below the protocol at a time, per queue: a socket's send buffer bounds them, as no window
     * does. At that number the queue waits until half of them are left. */
    EDGE_MAX_BLOCKS = 24
};

enum edge_waits { EDGE_WAITS_NOT, EDGE_WAITS_FOR_SLOT, EDGE_WAITS_FOR_BLOCKS };

struct edge_slot {
    struct NET_BUFFER_LIST *nbl;
    struct MDL *whole; /* the buffer in one MDL */
    struct MDL *rest;  /* from a split point on: with `whole` shortened, the same bytes in two MDLs */
    uint8_t *buffer;
    uint32_t filled; /* bytes of it that frames have taken */
    struct edge_queue *queue;
    struct edge_slot *next;
    bool block;      /* several datagrams in one, on its way */
    uint8_t *placed; /* edge_guard.c: where its frame is, and of how many bytes; NULL: nowhere */
    uint32_t placed_bytes, turn;
};

struct edge_queue {
    /* the sending task's own */
    struct edge *edge;
    uint32_t index;
    struct edge_slot *slots, *free;
    uint32_t made; /* slots: a buffer is made when none is free */
    uint8_t *memory;
    struct NET_BUFFER_LIST *first, *last; /* queued for the next flush */
    uint32_t queued;
    uint64_t queued_bytes;
    uint32_t caps_epoch;
    struct adapter_facts caps;
    bool full; /* of blocks: until half of them are back */
    /* 1 while inside MiniportSendNetBufferLists: edge_hold waits on it */
    uint32_t sending __attribute__((aligned(NDIS_LINE)));
    /* written by completions */
    struct edge_slot *returned __attribute__((aligned(NDIS_LINE)));
    uint32_t waiting; /* enum edge_waits: the sending task sleeps on `signal`, or is about to */
    uint32_t blocks;  /* queued or on their way */
    uint32_t signal;
} __attribute__((aligned(NDIS_LINE)));

struct edge_late { /* NBLs kept back for a moment, in simulated runs */
    struct sched_lock lock;
    struct NET_BUFFER_LIST *first;
    uint32_t count;
    struct nt_dpc dpc;
    struct edge *edge;
    uint8_t *joined; /* UDP datagrams in one frame: this processor's, while it is received */
} __attribute__((aligned(NDIS_LINE)));

/* NBLs of which an application has not read the data yet: protocols keep them until it does, or until NDIS pauses them.
 */
struct edge_held {
    struct sched_lock lock;
    struct NET_BUFFER_LIST *first; /* chain of one batch; there is one at a time */
    uint32_t count;
    uint64_t due;
    uint32_t word; /* changes when `first` does */
    struct task *task;
    uint32_t stop;  /* atomic */
    uint32_t asked; /* atomic: the next batch is held until released */
};

struct edge_rss {
    bool enabled;
    uint32_t hash_types;     /* NDIS_HASH_... */
    uint32_t table[36][256]; /* contribution of each value of each input byte */
};

struct edge {
    struct ndis_object object;
    struct adapter *adapter;
    struct edge_options options;
    struct nbl_pool *pool;
    size_t slot_pages, slot_stride; /* of a buffer, and from one to the next */
    uint32_t queue_count;
    struct edge_queue *queues;
    struct edge_late *late; /* one per processor */
    struct edge_held application;
    struct edge_rss rss;
    uint32_t held; /* sends are not let through: the adapter is not Running */
    uint32_t stopped;
};

/* edge_send.c */
bool edge_queues_create(struct edge *edge, char *error, size_t size);
void edge_queues_destroy(struct edge *edge);
/* edge_guard.c: with --guard-pages nobody may touch anything but a frame's bytes, and those while it is sent. */
uint32_t edge_guard_pages(void);                                   /* in front of a buffer, and behind it */
uint8_t *edge_guard_place(struct edge_slot *slot, uint32_t bytes); /* moves the frame to where it is sent from */
void edge_guard_start(struct edge *edge); /* reports name its buffers; from when they are there until they go */
void edge_guard_stop(struct edge *edge);
void edge_guard_open(struct edge_slot *slot);
void edge_guard_close(struct edge_slot *slot);
void edge_guard_end(struct edge_slot *slot); /* all of it is ordinary memory again */
/* edge_offload.c. Sets the slot's NB and out-of-band data from the frame, whose bytes are the slot's buffer; false: it
 * cannot be sent. */
bool edge_prepare(struct edge_queue *queue, struct edge_slot *slot, struct frame *frame);
/* What the miniport indicated about a received frame. */
void edge_receive_offload(struct edge *edge, const struct NET_BUFFER_LIST *nbl, struct frame *frame);
/* edge_joined.c: datagrams in the NBL; 0: it is an ordinary packet. The frame made of them, with its offload; false: it
 * cannot be one. */
uint32_t edge_joined(const struct NET_BUFFER_LIST *nbl);
bool edge_joined_frame(struct edge *edge, uint32_t processor, const struct NET_BUFFER_LIST *nbl, struct frame *frame);
/* The same over the miniport's MDLs, and headers in `layout`. */
bool edge_joined_pieces(const struct NET_BUFFER_LIST *nbl, struct pieces *pieces, struct layout *layout);
/* edge_held.c: in simulated runs; elsewhere nothing is held. */
void edge_held_start(struct edge *edge);
void edge_held_stop(struct edge *edge);
/* True: the chain is kept for seconds. */
bool edge_held_keep(struct edge *edge, struct NET_BUFFER_LIST *chain, uint32_t count);
void edge_held_return(struct edge *edge);
void edge_held_end(struct edge *edge); /* NetEventPause: nothing is kept for good from now on */
/* edge_rss.c */
uint8_t edge_rss_revision(const struct adapter *adapter); /* of the record that its version of NDIS has */
int32_t edge_rss_enable(struct edge *edge);
void edge_rss_disable(struct edge *edge);
void edge_hash(const struct edge_rss *rss, const struct layout *layout, struct NET_BUFFER_LIST *nbl);

#endif
