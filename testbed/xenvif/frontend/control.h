/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash configuration, and the control ring that carries it to the backend. */
#ifndef TESTBED_XENVIF_FRONTEND_CONTROL_H
#define TESTBED_XENVIF_FRONTEND_CONTROL_H

#include <stdint.h>
#include <xen/io/netif.h>

#include "xenvif/limits.h"

struct hash {
    uint32_t algorithm; /* XENVIF_PACKET_HASH_ALGORITHM_... */
    uint32_t types;     /* 1 << XENVIF_PACKET_HASH_TYPE_... */
    uint8_t key[XENVIF_VIF_HASH_KEY_SIZE];
    uint32_t mapping[MAX_HASH_MAPPING];
    uint32_t size;
};

struct control {
    struct sched_lock lock;
    struct xen_netif_ctrl_front_ring front;
    struct xen_netif_ctrl_sring *shared;
    uint32_t shared_reference;
    uint8_t *data; /* a page for keys and mappings */
    uint32_t data_reference;
    struct xen_event *event;
    uint32_t word; /* changes with each event */
    uint16_t last_id;
    bool connected;
};
int control_ring_connect(struct vif *vif);
void control_ring_disconnect(struct vif *vif);
int32_t control_update(struct vif *vif,
                       const struct hash *hash); /* the backend gets all of it, as the release has it */
int32_t control_types(struct vif *vif, uint32_t *types);

#endif
