/* SPDX-License-Identifier: BSD-2-Clause */
/* One packet of the guest, between transmit.c, which takes it off the ring and answers, and transmit_packet.c, which
 * hands it to the port. The transmit task. */
#ifndef TESTBED_NETBACK_TRANSMIT_PACKET_H
#define TESTBED_NETBACK_TRANSMIT_PACKET_H

#include "netback/queue.h"

struct packet {
    struct netif_tx_request slots[1 + TX_MAX_SLOTS]; /* size: of the slot alone, also for the first */
    uint32_t slot_count, extra_count;
    struct netif_extra_info extras[EXTRA_TYPE_LAST]; /* by type; type 0: not there */
};

/* Where the packet's bytes are has been mapped to `frame`. True: its pages stay mapped until transmit_flush. */
bool transmit_packet(struct netback_queue *queue, const struct packet *packet, struct frame *frame);
/* All packets so far go to the port: before they are answered. */
void transmit_flush(struct netback_queue *queue);

#endif
