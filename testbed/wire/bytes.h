/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame's bytes by offset, whatever vectors they lie in. `frame->length` counts; vectors may hold more room than
 * that. */
#ifndef TESTBED_WIRE_BYTES_H
#define TESTBED_WIRE_BYTES_H

#include "wire/frame.h"

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

/* Bytes that fit into the vectors. */
uint32_t frame_room(const struct frame *frame);
/* Both stop at the end of the vectors and return the bytes copied. */
uint32_t frame_copy_out(const struct frame *frame, uint32_t offset, void *to, uint32_t length);
uint32_t frame_copy_in(const struct frame *frame, uint32_t offset, const void *from, uint32_t length);
/* The vectors that hold [offset, offset + length): their count, or 0 when there are more than `most`. */
uint32_t frame_slice(const struct frame *frame, uint32_t offset, uint32_t length, struct iovec *vectors, uint32_t most);

#endif
