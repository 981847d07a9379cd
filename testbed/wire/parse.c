/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of parse.h. The bytes may lie in memory that somebody else writes meanwhile, so the headers are copied
 * once and everything is read from the copy; each offset that comes out is inside it. Pure functions, any task.
 */
#include "wire/parse.h"

#include <string.h>

#include "wire/bytes.h"
#include "wire/headers.h"

/* As many tags as fit, and every extension header: a wire carries them all. */
static const struct headers_reader everything = { .max_tags = LAYOUT_HEADERS / VLAN_TAG_BYTES, .mobility = true };

/* Where the datagram ends. IPv4 length 0 and IPv6 length 0: a large send, which goes to the frame's end. False: the
 * length is smaller than the header. */
static bool find_end(const struct frame *frame, const struct headers *headers, struct layout *layout)
{
    uint32_t start = layout->network + (headers->version == 6 ? headers->network_fixed : 0);

    if (headers->version == 4 && headers->stated != 0 && headers->stated < headers->network) {
        return false;
    }
    layout->network_end = headers->stated == 0 ? frame->length : start + headers->stated;
    if (layout->network_end > frame->length) {
        layout->network_end = frame->length;
        layout->cut = true;
    }
    return true;
}

/* Copies the headers and walks them. Those that lie in the frame's first piece alone are looked at alone: the payload
 * behind them may be in another processor's cache. */
static bool walk(const struct frame *frame, struct layout *layout, struct headers *headers)
{
    uint32_t most = frame->length < LAYOUT_HEADERS ? frame->length : LAYOUT_HEADERS, first = most;
    enum headers_end end;

    if (frame->vector_count != 0 && frame->vectors[0].iov_len < first) {
        first = (uint32_t)frame->vectors[0].iov_len;
    }
    layout->headers_length = (uint16_t)frame_copy_out(frame, 0, layout->headers, first);
    end = headers_walk(layout->headers, layout->headers_length, most, &everything, headers);
    if (end == HEADERS_MORE) {
        layout->headers_length = (uint16_t)frame_copy_out(frame, 0, layout->headers, most);
        headers_walk(layout->headers, layout->headers_length, layout->headers_length, &everything, headers);
    }
    return layout->headers_length >= ETHERNET_HEADER;
}

bool frame_parse(const struct frame *frame, struct layout *layout)
{
    struct headers headers;

    memset(layout, 0, offsetof(struct layout, headers));
    if (!walk(frame, layout, &headers)) {
        return false;
    }
    layout->ethertype = headers.type;
    layout->tagged = headers.tagged;
    layout->tci = headers.tci;
    layout->network = (uint16_t)headers.ethernet;
    if (headers.version == 0 || !find_end(frame, &headers, layout)) {
        return true;
    }
    layout->version = headers.version;
    layout->protocol = headers.protocol;
    layout->fragment = headers.fragment || headers.fragment_header;
    if (headers.transport_length != 0 && headers.transport + headers.transport_length <= layout->network_end) {
        layout->transport = (uint16_t)headers.transport;
        layout->payload = (uint16_t)(headers.transport + headers.transport_length);
        layout->checksum = (uint16_t)(headers.transport + (headers.protocol == PROTOCOL_TCP ? 16 : 6));
    }
    return true;
}
