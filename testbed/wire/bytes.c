/* SPDX-License-Identifier: BSD-2-Clause */
/* The byte access of bytes.h. Used by all of wire/ and by netback/; pure functions, any task. */
#include "wire/bytes.h"

#include <string.h>

uint32_t vectors_room(const struct iovec *vectors, uint32_t count)
{
    size_t room = 0;
    uint32_t i;

    for (i = 0; i < count; i++) {
        room += vectors[i].iov_len;
    }
    return room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

uint32_t frame_room(const struct frame *frame)
{
    return vectors_room(frame->vectors, frame->vector_count);
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

/* Between the vectors' bytes from `offset` on and a buffer: out of them into `out`, or from `in` into them. */
static uint32_t copy(const struct iovec *vectors, uint32_t count, uint32_t offset, uint8_t *out, const uint8_t *in,
                     uint32_t length)
{
    uint32_t done = 0;

    for (uint32_t i = 0; i < count && done < length; i++) {
        uint8_t *bytes = vectors[i].iov_base;
        size_t size = vectors[i].iov_len;

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

uint32_t vectors_copy_out(const struct iovec *vectors, uint32_t count, uint32_t offset, void *to, uint32_t length)
{
    return copy(vectors, count, offset, to, NULL, length);
}

uint32_t vectors_copy_in(const struct iovec *vectors, uint32_t count, uint32_t offset, const void *from,
                         uint32_t length)
{
    return copy(vectors, count, offset, NULL, from, length);
}

uint32_t frame_copy_out(const struct frame *frame, uint32_t offset, void *to, uint32_t length)
{
    return copy(frame->vectors, frame->vector_count, offset, to, NULL, length);
}

uint32_t frame_copy_in(const struct frame *frame, uint32_t offset, const void *from, uint32_t length)
{
    return copy(frame->vectors, frame->vector_count, offset, NULL, from, length);
}
