/* SPDX-License-Identifier: BSD-2-Clause */
/* Segmentation in software, for a frame that goes where large frames are not taken, and for tests that compare with it.
 */
#ifndef TESTBED_WIRE_SEGMENT_H
#define TESTBED_WIRE_SEGMENT_H

#include "wire/frame.h"
#include "wire/parse.h"

/* Calls `emit` with each segment in order: own headers, payload in place. Each has a partial checksum that
 * frame_complete_checksum can complete without touching the frame itself. Nothing it points to outlives the call.
 * False, and nothing emitted: not a GSO frame, no TCP or UDP header where one must be, no MSS. */
bool frame_segment(const struct frame *frame, void (*emit)(void *context, struct frame *segment), void *context);

/* The headers alone, layout->payload bytes of them, of segment `number` of a large datagram: `part` bytes follow. */
void segment_datagram_headers(const struct layout *layout, uint32_t number, uint32_t part, uint8_t *headers);

#endif
