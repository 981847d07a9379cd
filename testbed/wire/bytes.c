/* SPDX-License-Identifier: BSD-2-Clause */
/* The byte access of bytes.h. Used by all of wire/ and by netback/; pure functions, any task. */
#include "wire/bytes.h"

#include <string.h>

uint32_t frame_room(const struct frame *frame)
{
    size_t room = 0;
    uint32_t i;

    for (i = 0; i < frame->vector_count; i++) {
        room += frame->vectors[i].iov_len;
    }
    return room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

uint32_t frame_slice(const struct frame *frame, uint32_t offset, uint32_t length, struct iovec *vectors, uint32_t most)
{
    uint32_t i, count = 0;

    for (i = 0; i < frame->vector_count && length > 0; i++) {
        size_t size = frame->vectors[i].iov_len;

        if (offset >= size) {
            offset -= (uint32_t)size;
            continue;
        }
        if (count == most) {
            return 0;
        }
        size -= offset;
        if (size > length) {
            size = length;
        }
        vectors[count].iov_base = (uint8_t *)frame->vectors[i].iov_base + offset;
        vectors[count++].iov_len = size;
        length -= (uint32_t)size;
        offset = 0;
    }
    return count;
}

/* Between a frame's bytes from `offset` on and a buffer: out of the frame into `out`, or from `in` into the frame. */
static uint32_t copy(const struct frame *frame, uint32_t offset, uint8_t *out, const uint8_t *in, uint32_t length)
{
    uint32_t done = 0;

    for (uint32_t i = 0; i < frame->vector_count && done < length; i++) {
        uint8_t *bytes = frame->vectors[i].iov_base;
        size_t size = frame->vectors[i].iov_len;

        if (offset >= size) {
            offset -= (uint32_t)size;
            continue;
        }
        size -= offset;
        if (size > length - done) {
            size = length - done;
        }
        if (out != NULL) {
            memcpy(out + done, bytes + offset, size);
        } else {
            memcpy(bytes + offset, in + done, size);
        }
        done += (uint32_t)size;
        offset = 0;
    }
    return done;
}

uint32_t frame_copy_out(const struct frame *frame, uint32_t offset, void *to, uint32_t length)
{
    return copy(frame, offset, to, NULL, length);
}

uint32_t frame_copy_in(const struct frame *frame, uint32_t offset, const void *from, uint32_t length)
{
    return copy(frame, offset, NULL, from, length);
}
