/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the headers of a packet: Ethernet with or without a VLAN tag, LLC/SNAP, IPv4 and IPv6 with options and
 * extension headers, TCP and UDP. A header that is cut off or contradicts the packet's length is not described, nor is
 * anything behind it. Fragments end at their IP header.
 */
#include "xenvif/receive/packet.h"

#include <string.h>

#include "wire/parse.h"

enum { MAX_LENGTH = 1500 };
enum { NEXT_HOP = 0, NEXT_ROUTING = 43, NEXT_FRAGMENT = 44, NEXT_AUTHENTICATION = 51, NEXT_DESTINATION = 60 };
enum { MAX_EXTENSIONS = 100 };

struct cursor {
    const uint8_t *bytes;
    uint32_t at, available, total;
    struct XENVIF_PACKET_INFO_V2 *info;
};

/* The next `length` bytes: there, beyond what was given, or beyond the packet's end. */
static enum packet_parse need(const struct cursor *cursor, uint32_t length)
{
    if (length > cursor->total - cursor->at) {
        return PACKET_TRUNCATED;
    }
    return length > cursor->available - cursor->at ? PACKET_MORE : PACKET_PARSED;
}

static enum packet_parse parse_tcp(struct cursor *cursor)
{
    struct XENVIF_PACKET_INFO_V2 *info = cursor->info;
    enum packet_parse result = need(cursor, 20);
    uint32_t length;

    if (result != PACKET_PARSED) {
        return result;
    }
    length = (uint32_t)(cursor->bytes[cursor->at + 12] >> 4) * 4;
    if (length < 20) {
        return PACKET_TRUNCATED;
    }
    result = need(cursor, length);
    if (result != PACKET_PARSED) {
        return result;
    }
    info->TcpHeader.Offset = cursor->at;
    info->TcpHeader.Length = 20;
    if (length > 20) {
        info->TcpOptions.Offset = cursor->at + 20;
        info->TcpOptions.Length = length - 20;
    }
    info->Length += length;
    return PACKET_PARSED;
}

static enum packet_parse parse_udp(struct cursor *cursor)
{
    enum packet_parse result = need(cursor, 8);

    if (result == PACKET_PARSED) {
        cursor->info->UdpHeader.Offset = cursor->at;
        cursor->info->UdpHeader.Length = 8;
        cursor->info->Length += 8;
    }
    return result;
}

static enum packet_parse parse_transport(struct cursor *cursor, uint8_t protocol)
{
    if (cursor->info->IsAFragment) {
        return PACKET_PARSED;
    }
    return protocol == PROTOCOL_TCP ? parse_tcp(cursor) : protocol == PROTOCOL_UDP ? parse_udp(cursor) : PACKET_PARSED;
}

static enum packet_parse parse_ipv4(struct cursor *cursor)
{
    struct XENVIF_PACKET_INFO_V2 *info = cursor->info;
    const uint8_t *header = cursor->bytes + cursor->at;
    enum packet_parse result = need(cursor, 20);
    uint32_t length;

    if (result != PACKET_PARSED) {
        return result;
    }
    length = (uint32_t)(header[0] & 15) * 4;
    if (header[0] >> 4 != 4 || length < 20 || get16(header + 2) > cursor->total - cursor->at) {
        return PACKET_TRUNCATED;
    }
    result = need(cursor, length);
    if (result != PACKET_PARSED) {
        return result;
    }
    info->IpHeader.Offset = cursor->at;
    info->IpHeader.Length = 20;
    if (length > 20) {
        info->IpOptions.Offset = cursor->at + 20;
        info->IpOptions.Length = length - 20;
    }
    info->Length += length;
    info->IsAFragment = (get16(header + 6) & 0x3fff) != 0; /* more fragments, or an offset */
    cursor->at += length;
    return parse_transport(cursor, header[9]);
}

static enum packet_parse parse_ipv6(struct cursor *cursor)
{
    struct XENVIF_PACKET_INFO_V2 *info = cursor->info;
    const uint8_t *header = cursor->bytes + cursor->at;
    enum packet_parse result = need(cursor, 40);
    uint32_t start = cursor->at + 40;
    bool fragment = false;
    uint8_t next;

    if (result != PACKET_PARSED) {
        return result;
    }
    if (header[0] >> 4 != 6 || get16(header + 4) > cursor->total - start) {
        return PACKET_TRUNCATED;
    }
    next = header[6];
    cursor->at = start;
    for (int count = 0;; count++) {
        const uint8_t *extension = cursor->bytes + cursor->at;
        uint32_t length;

        if (next != NEXT_HOP && next != NEXT_ROUTING && next != NEXT_DESTINATION && next != NEXT_FRAGMENT &&
            next != NEXT_AUTHENTICATION) {
            break;
        }
        result = count < MAX_EXTENSIONS ? need(cursor, 8) : PACKET_TRUNCATED;
        if (result != PACKET_PARSED) {
            return result;
        }
        length = next == NEXT_FRAGMENT         ? 8
                 : next == NEXT_AUTHENTICATION ? (extension[1] + 2u) * 4
                                               : (extension[1] + 1u) * 8;
        result = need(cursor, length);
        if (result != PACKET_PARSED) {
            return result;
        }
        if (next == NEXT_FRAGMENT) {
            fragment = (get16(extension + 2) & 0xfff9) != 0; /* more fragments, or an offset */
        }
        next = extension[0];
        cursor->at += length;
    }
    info->IpHeader.Offset = start - 40;
    info->IpHeader.Length = 40;
    info->IsAFragment = fragment;
    if (cursor->at > start) {
        info->IpOptions.Offset = start;
        info->IpOptions.Length = cursor->at - start;
    }
    info->Length += cursor->at - (start - 40);
    return parse_transport(cursor, next);
}

static enum packet_parse parse_llc(struct cursor *cursor)
{
    const uint8_t *header = cursor->bytes + cursor->at;
    enum packet_parse result = need(cursor, 3);
    uint32_t length = 3;

    if (result == PACKET_PARSED && (header[0] & 0xfe) == 0xaa && (header[1] & 0xfe) == 0xaa && header[2] == 3) {
        length = 8; /* SNAP */
        result = need(cursor, length);
    }
    if (result == PACKET_PARSED) {
        cursor->info->LLCSnapHeader.Offset = cursor->at;
        cursor->info->LLCSnapHeader.Length = length;
        cursor->info->Length += length;
    }
    return result;
}

enum packet_parse packet_parse(const uint8_t *bytes, uint32_t available, uint32_t total,
                               struct XENVIF_PACKET_INFO_V2 *info)
{
    struct cursor cursor = { bytes, 0, available, total, info };
    enum packet_parse result = need(&cursor, ETHERNET_HEADER_BYTES);
    uint16_t type;

    memset(info, 0, sizeof(*info));
    if (result != PACKET_PARSED) {
        return result;
    }
    type = get16(bytes + 12);
    cursor.at = ETHERNET_HEADER_BYTES;
    if (type == ETHERTYPE_VLAN) {
        result = need(&cursor, ETHERNET_TAG_BYTES);
        if (result != PACKET_PARSED) {
            return result;
        }
        type = get16(bytes + 16);
        cursor.at += ETHERNET_TAG_BYTES;
    }
    info->EthernetHeader.Length = info->Length = cursor.at;
    if (type <= MAX_LENGTH) {
        return parse_llc(&cursor);
    }
    return type == ETHERTYPE_IPV4 ? parse_ipv4(&cursor) : type == ETHERTYPE_IPV6 ? parse_ipv6(&cursor) : PACKET_PARSED;
}

void packet_shift(struct XENVIF_PACKET_INFO_V2 *info, int32_t by)
{
    info->EthernetHeader.Length += (uint32_t)by;
    info->Length += (uint32_t)by;
    if (info->LLCSnapHeader.Length != 0) {
        info->LLCSnapHeader.Offset += (uint32_t)by;
    }
    if (info->IpHeader.Length != 0) {
        info->IpHeader.Offset += (uint32_t)by;
    }
    if (info->IpOptions.Length != 0) {
        info->IpOptions.Offset += (uint32_t)by;
    }
    if (info->TcpHeader.Length != 0) {
        info->TcpHeader.Offset += (uint32_t)by;
    }
    if (info->TcpOptions.Length != 0) {
        info->TcpOptions.Offset += (uint32_t)by;
    }
    if (info->UdpHeader.Length != 0) {
        info->UdpHeader.Offset += (uint32_t)by;
    }
}
