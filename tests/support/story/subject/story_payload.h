/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets with headers that count, from the guest to the wire: what the adapter is asked to do to them was done. */
#ifndef TESTS_STORY_PAYLOAD_H
#define TESTS_STORY_PAYLOAD_H

#include "ndis/adapter/adapter.h"
#include "story_watch.h"

/* Bytes written to `bytes` (room for MAX_FRAME_BYTES), and what is left to do to them. */
uint32_t story_payload_build(uint8_t *bytes, int version, int protocol, uint32_t payload, const uint8_t to[6],
                             const uint8_t from[6], struct frame_offload *offload);

/* One frame through the edge of queue 0, which asks the adapter for what the frame leaves to it, as far as NDIS has
 * that it does it. */
void story_edge_send(struct story *story, const uint8_t *bytes, uint32_t length, const struct frame_offload *offload);

/* TCP and UDP over IPv4 and IPv6, with checksums left to the adapter, and of `pieces` times `piece` bytes less one
 * where it cuts that: what arrives at the wire is all of each, in order, each frame with right headers of its own. */
void story_payload_probe(struct story *story, uint32_t piece, uint32_t pieces);

#endif
