/* SPDX-License-Identifier: BSD-2-Clause */
/* A TAP device as tap.c runs it and tap_open.c makes it. */
#ifndef TESTBED_WIRE_TAP_INTERNAL_H
#define TESTBED_WIRE_TAP_INTERNAL_H

#include <linux/virtio_net.h>

#include "wire/port_internal.h"

/* Linux 6.2; Debian 12's headers are older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

struct tap_queue {
    /* immutable */
    _Alignas(PORT_CACHE_LINE) int fd;
    int wake; /* eventfd, readable after an interrupt or a stop */
    /* the receiving task */
    _Alignas(PORT_CACHE_LINE) uint64_t received;
    uint64_t receive_dropped;
    /* the sending tasks */
    _Alignas(PORT_CACHE_LINE) uint64_t sent;
    uint64_t send_refused;
};

struct tap {
    struct port port;
    uint32_t stopped;
    uint32_t queues_in_use;
    struct tap_queue *queues;
};

/* Descriptors that were opened are in tap->queues (others -1), also after a failure. */
bool tap_open(struct tap *tap, const char *name, int netns, uint32_t mtu, const uint8_t *mac, char *error, size_t size);

#endif
