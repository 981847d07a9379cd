/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/headers.h"

#include "wire/integers.h"

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60, MOBILITY = 135 };
enum { MAX_802_3_LENGTH = 1500 };
enum { IPV4_BYTES = 20, IPV6_BYTES = 40, EXTENSION_BYTES = 8, TCP_BYTES = 20, UDP_BYTES = 8 };
enum { LLC_BYTES = 3, SNAP_BYTES = 8 };

struct walk {
    const uint8_t *bytes;
    uint32_t at, available, total;
    const struct headers_reader *reader;
    struct headers *headers;
};

/* The next `length` bytes: here, beyond what was given, or beyond the packet's end. */
static enum headers_end need(const struct walk *walk, uint32_t length)
{
    if (length > walk->total - walk->at) {
        return HEADERS_SHORT;
    }
    return length > walk->available - walk->at ? HEADERS_MORE : HEADERS_WHOLE;
}

static enum headers_end walk_transport(struct walk *walk)
{
    bool tcp = walk->headers->protocol == PROTOCOL_TCP;
    uint32_t length = tcp ? TCP_BYTES : UDP_BYTES;
    enum headers_end end;

    if (walk->headers->later_fragment || (!tcp && walk->headers->protocol != PROTOCOL_UDP)) {
        return HEADERS_WHOLE;
    }
    end = need(walk, length);
    if (end == HEADERS_WHOLE && tcp) {
        length = (uint32_t)(walk->bytes[walk->at + 12] >> 4) * 4;
        end = length < TCP_BYTES ? HEADERS_SHORT : need(walk, length);
    }
    if (end == HEADERS_WHOLE) {
        walk->headers->transport = walk->at;
        walk->headers->transport_length = length;
    }
    return end;
}

static enum headers_end walk_ipv4(struct walk *walk)
{
    struct headers *headers = walk->headers;
    const uint8_t *ip = walk->bytes + walk->at;
    enum headers_end end = need(walk, IPV4_BYTES);
    uint32_t length;

    if (end != HEADERS_WHOLE) {
        return end;
    }
    length = (uint32_t)(ip[0] & 15) * 4;
    if (ip[0] >> 4 != 4 || length < IPV4_BYTES) {
        return HEADERS_SHORT;
    }
    end = need(walk, length);
    if (end != HEADERS_WHOLE) {
        return end;
    }
    headers->version = 4;
    headers->network_fixed = IPV4_BYTES;
    headers->network = length;
    headers->stated = get16(ip + 2);
    headers->protocol = ip[9];
    headers->fragment = (get16(ip + 6) & 0x3fff) != 0; /* more fragments, or an offset */
    headers->later_fragment = (get16(ip + 6) & 0x1fff) != 0;
    walk->at += length;
    return walk_transport(walk);
}

static bool is_extension(const struct walk *walk, uint8_t next)
{
    return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == AUTHENTICATION || next == DESTINATION ||
           (next == MOBILITY && walk->reader->mobility);
}

static uint32_t extension_length(uint8_t kind, const uint8_t *extension)
{
    return kind == FRAGMENT         ? EXTENSION_BYTES
           : kind == AUTHENTICATION ? (extension[1] + 2u) * 4
                                    : (extension[1] + 1u) * 8;
}

static enum headers_end walk_ipv6(struct walk *walk)
{
    struct headers *headers = walk->headers;
    const uint8_t *ip = walk->bytes + walk->at;
    enum headers_end end = need(walk, IPV6_BYTES);
    uint8_t next;

    if (end != HEADERS_WHOLE) {
        return end;
    }
    if (ip[0] >> 4 != 6) {
        return HEADERS_SHORT;
    }
    headers->version = 6;
    headers->network_fixed = IPV6_BYTES;
    headers->stated = get16(ip + 4);
    next = ip[6];
    walk->at += IPV6_BYTES;
    while (is_extension(walk, next) && !headers->later_fragment) { /* behind a later fragment's header is its payload */
        const uint8_t *extension = walk->bytes + walk->at;
        uint32_t length;

        end = need(walk, EXTENSION_BYTES);
        if (end != HEADERS_WHOLE) {
            return end;
        }
        length = extension_length(next, extension);
        end = need(walk, length);
        if (end != HEADERS_WHOLE) {
            return end;
        }
        if (next == FRAGMENT) {
            headers->fragment_header = true;
            headers->fragment = (get16(extension + 2) & 0xfff9) != 0; /* more fragments, or an offset */
            headers->later_fragment = (get16(extension + 2) & 0xfff8) != 0;
        }
        next = extension[0];
        walk->at += length;
    }
    headers->network = walk->at - headers->ethernet;
    headers->protocol = next;
    return walk_transport(walk);
}

static enum headers_end walk_llc(struct walk *walk)
{
    const uint8_t *llc = walk->bytes + walk->at;
    enum headers_end end = need(walk, LLC_BYTES);
    uint32_t length = LLC_BYTES;

    if (end == HEADERS_WHOLE && (llc[0] & 0xfe) == 0xaa && (llc[1] & 0xfe) == 0xaa && llc[2] == 3) {
        length = SNAP_BYTES;
        end = need(walk, length);
    }
    if (end == HEADERS_WHOLE) {
        walk->headers->llc = length;
    }
    return end;
}

/* The tags. A tag that is cut off leaves its EtherType as the packet's. */
static enum headers_end walk_tags(struct walk *walk)
{
    struct headers *headers = walk->headers;

    for (uint32_t tags = 0;
         tags < walk->reader->max_tags &&
         (headers->type == ETHERTYPE_VLAN || (headers->type == ETHERTYPE_QINQ && walk->reader->max_tags > 1));
         tags++) {
        enum headers_end end = need(walk, VLAN_TAG_BYTES);

        if (end != HEADERS_WHOLE) {
            return end;
        }
        if (!headers->tagged) {
            headers->tagged = true;
            headers->tci = get16(walk->bytes + walk->at);
        }
        headers->type = get16(walk->bytes + walk->at + 2);
        walk->at += VLAN_TAG_BYTES;
    }
    headers->ethernet = walk->at;
    return HEADERS_WHOLE;
}

enum headers_end headers_walk(const uint8_t *bytes, uint32_t available, uint32_t total,
                              const struct headers_reader *reader, struct headers *headers)
{
    struct walk walk = { bytes, 0, available, total, reader, headers };
    enum headers_end end = need(&walk, ETHERNET_HEADER);

    *headers = (struct headers){ .ethernet = 0 };
    if (end != HEADERS_WHOLE) {
        return end;
    }
    headers->type = get16(bytes + 12);
    walk.at = ETHERNET_HEADER;
    end = walk_tags(&walk);
    if (end != HEADERS_WHOLE) {
        return end;
    }
    if (headers->type <= MAX_802_3_LENGTH) {
        return walk_llc(&walk);
    }
    return headers->type == ETHERTYPE_IPV4   ? walk_ipv4(&walk)
           : headers->type == ETHERTYPE_IPV6 ? walk_ipv6(&walk)
                                             : HEADERS_WHOLE;
}
