/* SPDX-License-Identifier: BSD-2-Clause */
/* The receive side: a ring per queue. It belongs to its DPC, and to the frontend's thread while no DPC can run. */
#ifndef TESTBED_XENVIF_RECEIVE_RECEIVE_H
#define TESTBED_XENVIF_RECEIVE_RECEIVE_H

#include <stdint.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "xenvif/limits.h"
#include "xenvif/offer/marks.h"
#include "xenvif/receive/packet.h"

enum { EXTRA_TYPE_XDP = 5 /* newer than netif.h here: the headroom in its first 16 bits */ };
enum { RX_CHUNK = 64, RX_CHUNKS = 64, RX_PAGES_PER_PACKET = 20, RX_HEADER_BYTES = 2048 };

struct rx_page {
    struct MDL *mdl;
    uint8_t *address;
    uint32_t reference; /* 0: not granted */
    uint16_t chunk;
    uint16_t used; /* bytes of it that something was received into in this connection */
};

struct rx_packet {
    struct MDL *mdl; /* over `headers` */
    uint8_t *headers;
    struct XENVIF_PACKET_INFO_V2 info;
    struct XENVIF_PACKET_HASH_V2 hash;
    uint32_t offset, length;
    uint32_t flow; /* of the timeline, or 0 */
    uint16_t mss, tci;
    bool stripped;         /* of its tag */
    uint16_t marks, flags; /* flags: of the backend */
    uint32_t checksum;     /* XENVIF_PACKET_CHECKSUM_FLAGS */
    uint32_t cookie;       /* its number in the ring */
    uint32_t out;          /* atomic: the subscriber has it */
    uint64_t out_since;    /* by watchdog_clock */
    uint16_t page_count;
    struct rx_page *pages[RX_PAGES_PER_PACKET];
    struct rx_packet *next;
};

struct rx_chunk { /* of pages */
    struct rx_page pages[RX_CHUNK];
    uint8_t *memory;
    uint64_t free; /* bits */
};

/* The packet whose responses are being put together; it may span polls. */
struct rx_assembly {
    bool open, error, extra;
    uint16_t flags, mss, headroom;
    uint32_t extras; /* 1 << XEN_NETIF_EXTRA_TYPE_... seen */
    struct XENVIF_PACKET_HASH_V2 hash;
    struct rx_packet *packet; /* NULL: none was free, the packet is dropped */
};

struct rx_ring {
    struct vif *vif;
    uint32_t index;
    struct netif_rx_front_ring front;
    struct netif_rx_sring *shared;
    uint32_t shared_reference;
    struct xen_event *event;
    struct nt_dpc *dpcs; /* one per processor that there can ever be; those that were queued are in use */
    uint8_t *used;
    uint32_t processor; /* whose DPC the next event queues */
    uint32_t running;   /* 1: a DPC is in; 2: another came meanwhile */
    bool connected;
    bool enabled; /* atomic */
    bool starved; /* atomic: the ring is not full because nothing was free */
    bool paused;
    struct rx_page *posted[RING_SLOTS];
    struct rx_assembly assembly;
    struct rx_chunk *chunks[RX_CHUNKS];
    uint64_t chunks_free; /* bits: chunks that have a free page */
    uint32_t chunk_count, pages_free, min_pages_free, runs;
    struct rx_packet *packets[RX_CHUNKS];
    uint8_t *packet_headers[RX_CHUNKS];
    uint32_t packet_chunks;
    struct rx_packet *packets_free;
    struct rx_packet *returned; /* atomic: given back by the subscriber, last first */
    struct rx_packet *ready, **last_ready;
    uint32_t loaned; /* packets that the subscriber has, as far as returns are drained */
    bool waiting;    /* atomic: someone sleeps on `returns` */
    uint32_t returns;
    uint64_t statistics[STATISTICS];
    uint64_t packets_received, bytes, doorbells, batches, gso, csum_blank;
};

bool receive_create(struct rx_ring *ring, struct vif *vif, uint32_t index);
void receive_destroy(struct rx_ring *ring);
int receive_connect(struct rx_ring *ring);
void receive_disconnect(struct rx_ring *ring);
void receive_enable(struct rx_ring *ring);
void receive_disable(struct rx_ring *ring);       /* no callback runs or will run; loans may be out */
void receive_wait_returned(struct rx_ring *ring); /* every packet given back */
void receive_event(void *ring);
void receive_return(struct vif *vif, void *cookie); /* any processor, <= DISPATCH */
uint32_t receive_held(struct rx_ring *ring);
/* For a report, while everything may be moving: how many packets the subscriber has, and the oldest's time. */
uint32_t receive_out(const struct rx_ring *ring, uint64_t *oldest);

#endif
