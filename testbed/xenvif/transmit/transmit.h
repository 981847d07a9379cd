/* SPDX-License-Identifier: BSD-2-Clause */
/* The transmit side: a ring per queue, under its lock at DISPATCH_LEVEL. */
#ifndef TESTBED_XENVIF_TRANSMIT_TRANSMIT_H
#define TESTBED_XENVIF_TRANSMIT_TRANSMIT_H

#include <stdint.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "xenvif/limits.h"
#include "xenvif/offer/marks.h"
#include "xenvif/receive/packet.h"

struct tx_packet {
    void *cookie;
    struct MDL *mdl;
    uint32_t offset, length;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options;
    uint16_t mss, tci;
    struct XENVIF_PACKET_HASH_V2 hash;
    uint16_t slots;         /* requests of it that wait for a response */
    uint16_t next;          /* in the free list, the queue or the completed list */
    uint8_t status;         /* 0 until known */
    uint8_t type;           /* ETHERNET_ADDRESS_TYPE of its destination */
    uint16_t marks;         /* 1 << MARK_...: statistics it counts for */
    uint32_t sent, payload; /* bytes on the wire, and of them behind the headers */
    uint32_t flow;          /* of the timeline, or 0 */
    uint16_t padding;       /* bytes on the wire that nobody asked for: XenVif counts without them */
};

struct tx_fragment {
    uint32_t reference;
    uint16_t offset, size;
    uint16_t buffer; /* of the ring's own pages, or NO_INDEX */
    uint16_t cached; /* entry of the grant cache, or NO_INDEX: granted for this packet alone unless it is a buffer */
};

/* A request that the backend has. */
struct tx_slot {
    struct tx_fragment fragment;
    uint16_t packet; /* NO_INDEX: a multicast change, or its packet was given up */
    uint16_t extras; /* responses of status NULL that belong to it */
    bool used;
};

struct tx_cached {
    const uint8_t *page;
    uint32_t reference;
    uint32_t uses; /* requests that name it now */
    bool listed;   /* in `cached` */
};

struct tx_list {
    uint16_t first, last;
};

struct tx_ring {
    struct vif *vif;
    uint32_t index;
    struct spin_lock lock;
    struct netif_tx_front_ring front;
    struct netif_tx_sring *shared;
    uint32_t shared_reference;
    struct xen_event *event; /* the receive ring's when channels are not split */
    struct nt_dpc dpc;
    bool connected, enabled;
    uint8_t *buffers; /* RING_SLOTS pages, kept from connection to connection: headers, and payload that cannot be
                         granted where it is */
    uint32_t buffer_references[RING_SLOTS]; /* 0: not taken in this connection, so not granted */
    uint16_t buffers_free[RING_SLOTS];
    uint32_t buffers_free_count, min_buffers_free; /* min: of the connection; those from there on were taken */
    struct tx_slot slots[RING_SLOTS];
    uint16_t ids_free[RING_SLOTS];
    uint32_t ids_free_count;
    struct tx_packet *packets;
    uint16_t packets_free;
    struct tx_list waiting, completed;
    uint32_t outstanding; /* slots in use; Disable sleeps on it */
    uint32_t unpushed;    /* requests since the last push */
    struct tx_cached *cache;
    uint16_t *cached; /* entries of it that this connection has used */
    uint32_t cached_count;
    struct {
        uint8_t address[6];
        bool add;
    } multicast[MAX_MULTICAST];
    uint32_t multicast_first, multicast_count;
    uint64_t statistics[STATISTICS];
    uint64_t packets_sent, bytes, doorbells, calls_without_more, gso, csum_blank, bounced, resets;
    struct {
        RING_IDX consumer;
        uint64_t since;
    } stall; /* frontend thread: see stall.c */
};

struct tx_request {
    struct MDL *mdl;
    uint32_t offset, length;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options;
    uint16_t mss, tci;
    struct XENVIF_PACKET_HASH_V2 hash;
    bool more;
    void *cookie;
};

bool transmit_create(struct tx_ring *ring, struct vif *vif, uint32_t index);
void transmit_destroy(struct tx_ring *ring);
int transmit_connect(struct tx_ring *ring);     /* ring page granted; PASSIVE, as all of these */
void transmit_disconnect(struct tx_ring *ring); /* what the backend still had is completed as dropped */
void transmit_enable(struct tx_ring *ring);
void transmit_disable(struct tx_ring *ring); /* what the backend has comes back, as the release has it */
void transmit_abort(struct tx_ring *ring);   /* after transmit_disable: what waits comes back, too */
void transmit_event(void *ring);             /* event channel handler */
int32_t transmit_queue(struct vif *vif, const struct tx_request *request); /* <= DISPATCH */
void transmit_multicast(struct vif *vif, const uint8_t address[6], bool add);
void transmit_offend(struct tx_ring *ring);         /* a request that no backend can take */
uint32_t transmit_held(const struct tx_ring *ring); /* cookies not returned */

#endif
