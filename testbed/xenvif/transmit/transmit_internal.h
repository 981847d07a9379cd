/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the transmit side share. All with the ring's lock held unless said otherwise. */
#ifndef TESTBED_XENVIF_TRANSMIT_TRANSMIT_INTERNAL_H
#define TESTBED_XENVIF_TRANSMIT_TRANSMIT_INTERNAL_H

#include "xenvif/transmit/transmit.h"

/* transmit_prepare.c: with the ring's lock held */
struct tx_plan {
    struct tx_fragment fragments[TX_MAX_FRAGMENTS + 1];
    uint32_t count, extras;
    uint16_t flags;
    uint8_t gso_type;
    uint16_t mss;
    uint8_t hash_type; /* _XEN_NETIF_CTRL_HASH_TYPE_..., or NO_HASH */
    uint32_t hash_value;
};
enum { NO_HASH = 0xff };
bool prepare_packet(struct tx_ring *ring, struct tx_packet *packet,
                    struct tx_plan *plan);                               /* false: it cannot be sent */
bool prepare_buffer(struct tx_ring *ring, struct tx_fragment *fragment); /* a page of the ring's; false: none is free */
void prepare_release(struct tx_ring *ring, const struct tx_fragment *fragment);
void prepare_undo(struct tx_ring *ring, const struct tx_plan *plan);

/* transmit.c, transmit_poll.c */
void transmit_append(struct tx_ring *ring, struct tx_list *list, uint16_t packet);
uint16_t transmit_take_first(struct tx_ring *ring, struct tx_list *list); /* the list is not empty */
void transmit_schedule(struct tx_ring *ring); /* posts what waits, as far as there is room, and pushes */
void transmit_poll(struct tx_ring *ring);     /* takes responses; packets that are done go to `completed` */
void transmit_poll_dpc(void *ring);           /* without the lock */
struct tx_list transmit_take_completed(struct tx_ring *ring);
void transmit_return(struct tx_ring *ring,
                     struct tx_list completed); /* to the subscriber; without the lock, at DISPATCH */
/* The headers of a packet, copied and described. */
void transmit_look(struct MDL *mdl, uint32_t offset, uint32_t length, uint8_t headers[MAX_HEADERS],
                   struct XENVIF_PACKET_INFO_V2 *info);

#endif
