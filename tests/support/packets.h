/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames for tests: well-formed TCP and UDP over IPv4 and IPv6 with a payload that depends on its own place. */
#ifndef TESTS_PACKETS_H
#define TESTS_PACKETS_H

#include <string.h>

#include "wire/bytes.h"
#include "wire/checksum.h"

struct packet_shape {
    int version;  /* 4 or 6 */
    int protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
    uint32_t payload;
    bool vlan;
    uint32_t ip_options; /* bytes, IPv4: a multiple of 4 */
    uint32_t extension;  /* bytes of IPv6 destination options: a multiple of 8 */
    uint16_t source_port;
};

/* Builds into `bytes` (room for MAX_FRAME_BYTES) and returns the length. The checksum field holds the pseudo-header
 * sum. */
uint32_t packet_build(const struct packet_shape *shape, uint8_t *bytes, struct frame *frame);
/* The same frame over many vectors, cut at odd places. */
void packet_scatter(struct frame *frame, uint32_t piece);

#endif
