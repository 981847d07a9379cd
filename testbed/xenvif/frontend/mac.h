/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, filters and link. */
#ifndef TESTBED_XENVIF_FRONTEND_MAC_H
#define TESTBED_XENVIF_FRONTEND_MAC_H

#include "xenvif/limits.h"

struct mac {
    struct sched_lock lock;
    uint8_t permanent[6], current[6];
    uint8_t multicast[MAX_MULTICAST][6];
    uint32_t multicast_count;
    uint32_t levels[ETHERNET_ADDRESS_TYPE_COUNT]; /* atomic */
    uint32_t mtu;                                 /* atomic */
    uint64_t speed;                               /* bits per second */
    bool up;
};
void mac_read(struct vif *vif);          /* from xenstore, for a new connection; frontend's thread */
bool mac_state_changed(struct vif *vif); /* link and speed again; true: one is another */
bool mac_allows(struct vif *vif, const uint8_t *destination);
uint8_t mac_type(const uint8_t *destination); /* ETHERNET_ADDRESS_TYPE */
int32_t mac_set_multicast(struct vif *vif, const uint8_t *addresses, uint32_t count);
void mac_announce_multicast(struct vif *vif); /* after a connect: the list to the backend */
void mac_filter_changed(struct vif *vif);     /* request-multicast-control follows the filter */

#endif
