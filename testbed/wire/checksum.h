/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internet checksums. A "sum" is a folded 16-bit ones' complement sum kept in the order its bytes have in memory, so it
 * is read and written with memcpy and needs no swapping (RFC 1071, byte order independence).
 */
#ifndef TESTBED_WIRE_CHECKSUM_H
#define TESTBED_WIRE_CHECKSUM_H

#include "wire/frame.h"
#include "wire/parse.h"

uint16_t checksum_sum(const void *bytes, size_t length);
uint16_t checksum_add(uint16_t a, uint16_t b);
/* Of the frame's bytes [offset, offset + length), as far as there are any. */
uint16_t frame_sum(const struct frame *frame, uint32_t offset, uint32_t length);

/* Pseudo-header sum for the IPv4 or IPv6 header at `ip`. */
uint16_t checksum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t transport_length);
/* Pseudo-header sum over addresses, protocol and `transport_length`: what a partial checksum's field holds. The frame's
 * version must be 4 or 6. */
uint16_t checksum_partial_seed(const struct layout *layout, uint32_t transport_length);

/* Completes a partial checksum in place; the frame is checksum_valid then. A frame without one is left as it is. False
 * when the checksum's place is outside the frame, or for a GSO frame (each segment has its own). */
bool frame_complete_checksum(struct frame *frame);

enum checksum_verdict {
    CHECKSUM_NONE,
    CHECKSUM_GOOD,
    CHECKSUM_BAD
}; /* NONE: no TCP or UDP checksum there, or UDP over IPv4 without */
enum checksum_verdict frame_verify_checksum(const struct frame *frame); /* of a frame whose checksum is complete */
/* What is really in a frame, whichever way its checksum is: the pseudo-header's sum where it is left open, as
 * netif.h's csum_blank and virtio-net's NEEDS_CSUM have it, else the complete one. Without a change to the frame. */
enum checksum_verdict frame_check_checksum(const struct frame *frame);
/* The pseudo-header's sum is in the field, so that completing it gives a right checksum. */
bool frame_seed_is_right(const struct layout *layout);
bool frame_verify_ip_header(const struct frame *frame); /* true for what is not IPv4 */

#endif
