/* SPDX-License-Identifier: BSD-2-Clause */
/* The subscriber of the VIF interface, and the calls that it gets. */
#ifndef TESTBED_XENVIF_OFFER_SUBSCRIBER_H
#define TESTBED_XENVIF_OFFER_SUBSCRIBER_H

#include "xenvif/limits.h"

struct rx_packet;

enum callback_kind { CALLBACK_VARIABLE = 8, CALLBACK_RECORD = 9, CALLBACK_PAUSE = 10 };

struct subscriber {
    uint32_t version;
    void *callback, *argument;
    bool enabled;                /* atomic */
    uint32_t acquired;           /* atomic: references of the VIF interface */
    bool left_alone;             /* atomic: vif_leave_alone */
    struct task *exclusive;      /* atomic: who holds the lock in Disable; other methods share it, and spin */
    uint32_t queued[MAX_QUEUES]; /* versions 8 and 9: packets since a batch ended */
    uint32_t in_mac;             /* atomic: a MAC_STATE_CHANGE runs; Disable sleeps on it */
    uint32_t mac_count;          /* atomic: of them that were over; Enable sleeps on it */
};
void callback_transmit(struct vif *vif, void *cookie, struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *completion);
bool callback_receive(struct vif *vif, uint32_t queue, struct rx_packet *packet, void *cookie,
                      bool more); /* true: pause */
void callback_mac(struct vif *vif);

#endif
