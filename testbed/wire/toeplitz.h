/* SPDX-License-Identifier: BSD-2-Clause */
/* The Toeplitz hash of receive-side scaling, and the flow hash of a frame by it. Pure functions, any task. */
#ifndef TESTBED_WIRE_TOEPLITZ_H
#define TESTBED_WIRE_TOEPLITZ_H

#include "wire/frame.h"

#define TOEPLITZ_KEY_BYTES 40u

/* Hash of `length` bytes, at most 36 (beyond the key's reach the key counts as zero). */
uint32_t toeplitz(const uint8_t key[TOEPLITZ_KEY_BYTES], const uint8_t *input, size_t length);

/* What may be hashed; a mask of these selects. TCP wins over its IP version where both are selected. */
enum flow_hash {
    FLOW_HASH_NONE = 0,
    FLOW_HASH_IPV4 = 1,
    FLOW_HASH_IPV4_TCP = 2,
    FLOW_HASH_IPV6 = 4,
    FLOW_HASH_IPV6_TCP = 8,
};

/* The kind used and its value; FLOW_HASH_NONE (value 0) when the frame is of no selected kind. Fragments have no TCP
 * ports. */
enum flow_hash frame_flow_hash(const struct frame *frame, const uint8_t key[TOEPLITZ_KEY_BYTES], uint32_t kinds,
                               uint32_t *value);

#endif
