/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parser of parse.h. The bytes may lie in memory that somebody else writes meanwhile, so the headers are copied
 * once and everything is read from the copy; each offset that comes out is inside it. Pure functions, any task.
 */
#include "wire/parse.h"

#include "wire/bytes.h"

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60, MOBILITY = 135 };

static void parse_transport(struct layout *layout, uint32_t at)
{
    uint32_t length, field, end = layout->headers_length;

    if (end > layout->network_end) {
        end = layout->network_end;
    }
    if (layout->protocol == PROTOCOL_TCP) {
        if (at + 20 > end) {
            return;
        }
        length = (layout->headers[at + 12] >> 4) * 4u;
        field = 16;
        if (length < 20) {
            return;
        }
    } else if (layout->protocol == PROTOCOL_UDP) {
        length = 8;
        field = 6;
    } else {
        return;
    }
    if (at + length > end) {
        return;
    }
    layout->transport = (uint16_t)at;
    layout->payload = (uint16_t)(at + length);
    layout->checksum = (uint16_t)(at + field);
}

static void parse_ipv4(const struct frame *frame, struct layout *layout)
{
    const uint8_t *ip = layout->headers + layout->network;
    uint32_t header, total, fragment;

    if (layout->network + 20u > layout->headers_length || ip[0] >> 4 != 4) {
        return;
    }
    header = (ip[0] & 15) * 4u;
    total = get16(ip + 2);
    if (header < 20 || layout->network + header > layout->headers_length || (total != 0 && total < header)) {
        return;
    }
    fragment = get16(ip + 6);
    layout->version = 4;
    layout->protocol = ip[9];
    layout->fragment = (fragment & 0x3fff) != 0;
    layout->network_end = total == 0 ? frame->length : layout->network + total;
    if (layout->network_end > frame->length) {
        layout->network_end = frame->length;
        layout->cut = true;
    }
    if ((fragment & 0x1fff) == 0) {
        parse_transport(layout, layout->network + header);
    }
}

static bool is_extension(uint8_t next)
{
    return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == AUTHENTICATION || next == DESTINATION ||
           next == MOBILITY;
}

static void parse_ipv6(const struct frame *frame, struct layout *layout)
{
    const uint8_t *headers = layout->headers, *ip = headers + layout->network;
    uint32_t at, total;
    uint8_t next;

    if (layout->network + 40u > layout->headers_length || ip[0] >> 4 != 6) {
        return;
    }
    layout->version = 6;
    total = get16(ip + 4);
    at = layout->network + 40u;
    layout->network_end = total == 0 ? frame->length : at + total;
    if (layout->network_end > frame->length) {
        layout->network_end = frame->length;
        layout->cut = true;
    }
    for (next = ip[6]; is_extension(next);) {
        uint32_t length;

        if (at + 8 > layout->headers_length) {
            return;
        }
        if (next == FRAGMENT) {
            layout->fragment = true;
            if ((get16(headers + at + 2) & 0xfff8) != 0) {
                layout->protocol = headers[at];
                return;
            }
            length = 8;
        } else if (next == AUTHENTICATION) {
            length = headers[at + 1] * 4u + 8;
        } else {
            length = headers[at + 1] * 8u + 8;
        }
        next = headers[at];
        at += length;
    }
    layout->protocol = next;
    parse_transport(layout, at);
}

bool frame_parse(const struct frame *frame, struct layout *layout)
{
    uint32_t length = frame->length < LAYOUT_HEADERS ? frame->length : LAYOUT_HEADERS, at = 12;

    *layout = (struct layout){ .headers_length = 0 };
    layout->headers_length = (uint16_t)frame_copy_out(frame, 0, layout->headers, length);
    if (layout->headers_length < ETHERNET_HEADER) {
        return false;
    }
    layout->ethertype = get16(layout->headers + at);
    at += 2;
    while ((layout->ethertype == ETHERTYPE_VLAN || layout->ethertype == ETHERTYPE_QINQ) &&
           at + 4 <= layout->headers_length) {
        if (!layout->tagged) {
            layout->tagged = true;
            layout->tci = get16(layout->headers + at);
        }
        layout->ethertype = get16(layout->headers + at + 2);
        at += 4;
    }
    layout->network = (uint16_t)at;
    if (layout->ethertype == ETHERTYPE_IPV4) {
        parse_ipv4(frame, layout);
    } else if (layout->ethertype == ETHERTYPE_IPV6) {
        parse_ipv6(frame, layout);
    }
    return true;
}
