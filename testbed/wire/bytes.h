/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame's bytes by offset, whatever vectors they lie in. `frame->length` counts; vectors may hold more room than
 * that. */
#ifndef TESTBED_WIRE_BYTES_H
#define TESTBED_WIRE_BYTES_H

#include "wire/frame.h"
#include "wire/integers.h"

/* Bytes that fit into the vectors. */
uint32_t frame_room(const struct frame *frame);
/* Both stop at the end of the vectors and return the bytes copied. */
uint32_t frame_copy_out(const struct frame *frame, uint32_t offset, void *to, uint32_t length);
uint32_t frame_copy_in(const struct frame *frame, uint32_t offset, const void *from, uint32_t length);
/* The same of any vectors. */
uint32_t vectors_room(const struct iovec *vectors, uint32_t count);
uint32_t vectors_copy_out(const struct iovec *vectors, uint32_t count, uint32_t offset, void *to, uint32_t length);
uint32_t vectors_copy_in(const struct iovec *vectors, uint32_t count, uint32_t offset, const void *from,
                         uint32_t length);
/* The vectors that hold [offset, offset + length): their count, or 0 when there are more than `most`. */
uint32_t frame_slice(const struct frame *frame, uint32_t offset, uint32_t length, struct iovec *vectors, uint32_t most);

#endif
