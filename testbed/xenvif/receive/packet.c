/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What XenVif hands up about the headers of a packet. A header that is cut off or contradicts the packet's length is
 * not described, nor is anything behind it. Fragments end at their IP header.
 */
#include "xenvif/receive/packet.h"

#include <string.h>

#include "wire/headers.h"

static const struct headers_reader as_xenvif = { .max_tags = 1 };

/* Lengths that the IP header states fit into the packet. */
static bool fits(const struct headers *headers, uint32_t total)
{
    uint32_t start = headers->ethernet + (headers->version == 6 ? headers->network_fixed : 0);

    return headers->stated <= total - start;
}

static void describe_network(const struct headers *headers, struct XENVIF_PACKET_INFO_V2 *info)
{
    info->IpHeader.Offset = headers->ethernet;
    info->IpHeader.Length = headers->network_fixed;
    if (headers->network > headers->network_fixed) {
        info->IpOptions.Offset = headers->ethernet + headers->network_fixed;
        info->IpOptions.Length = headers->network - headers->network_fixed;
    }
    info->IsAFragment = headers->fragment;
    info->Length += headers->network;
}

static void describe_transport(const struct headers *headers, struct XENVIF_PACKET_INFO_V2 *info)
{
    enum { TCP_BYTES = 20 };

    if (headers->protocol == PROTOCOL_UDP) {
        info->UdpHeader.Offset = headers->transport;
        info->UdpHeader.Length = headers->transport_length;
    } else {
        info->TcpHeader.Offset = headers->transport;
        info->TcpHeader.Length = TCP_BYTES;
        if (headers->transport_length > TCP_BYTES) {
            info->TcpOptions.Offset = headers->transport + TCP_BYTES;
            info->TcpOptions.Length = headers->transport_length - TCP_BYTES;
        }
    }
    info->Length += headers->transport_length;
}

enum packet_parse packet_parse(const uint8_t *bytes, uint32_t available, uint32_t total,
                               struct XENVIF_PACKET_INFO_V2 *info)
{
    struct headers headers;
    enum headers_end end = headers_walk(bytes, available, total, &as_xenvif, &headers);

    memset(info, 0, sizeof(*info));
    info->EthernetHeader.Length = info->Length = headers.ethernet;
    if (headers.llc != 0) {
        info->LLCSnapHeader.Offset = headers.ethernet;
        info->LLCSnapHeader.Length = headers.llc;
        info->Length += headers.llc;
    }
    if (headers.version != 0 && !fits(&headers, total)) {
        return PACKET_TRUNCATED;
    }
    if (headers.network != 0) {
        describe_network(&headers, info);
    }
    if (headers.fragment && end != HEADERS_MORE) {
        return PACKET_PARSED;
    }
    if (headers.transport_length != 0) {
        describe_transport(&headers, info);
    }
    return end == HEADERS_WHOLE ? PACKET_PARSED : end == HEADERS_SHORT ? PACKET_TRUNCATED : PACKET_MORE;
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
