/* SPDX-License-Identifier: BSD-2-Clause */
/* Checksums over packets as packet_parse described them, and XenVif's spread of flows over queues. */
#include "wire/checksum.h"
#include "xenvif/receive/packet.h"

/* The number that a checksum field holds for a sum. */
static uint16_t field(uint16_t sum)
{
    return (uint16_t)~__builtin_bswap16(sum);
}

static uint16_t add(uint16_t sum, const uint8_t *bytes, size_t length)
{
    return checksum_add(sum, checksum_sum(bytes, length));
}

/* A piece that begins at an odd place of the whole has its bytes in the other halves of the words. */
uint16_t packet_sum_chain(uint16_t sum, const struct MDL *mdl, uint32_t offset, uint32_t length)
{
    bool odd = false;

    while (mdl != NULL && length != 0) {
        uint32_t here;

        if (offset >= mdl->ByteCount) {
            offset -= mdl->ByteCount;
            mdl = mdl->Next;
            continue;
        }
        here = mdl->ByteCount - offset < length ? mdl->ByteCount - offset : length;
        uint16_t part = checksum_sum((const uint8_t *)mdl->MappedSystemVa + offset, here);

        sum = checksum_add(sum, odd ? __builtin_bswap16(part) : part);
        odd ^= here & 1;
        length -= here;
        offset = 0;
        mdl = mdl->Next;
    }
    return sum;
}

uint16_t packet_ip_checksum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info)
{
    const uint8_t *header = headers + info->IpHeader.Offset;
    uint16_t sum = checksum_sum(header, 10);

    sum = add(sum, header + 12, 8);
    return field(add(sum, headers + info->IpOptions.Offset, info->IpOptions.Length));
}

static uint16_t pseudo_sum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info, uint32_t payload)
{
    uint32_t length = payload + info->TcpHeader.Length + info->TcpOptions.Length + info->UdpHeader.Length;

    return checksum_pseudo(headers + info->IpHeader.Offset, info->TcpHeader.Length != 0 ? PROTOCOL_TCP : PROTOCOL_UDP,
                           length);
}

uint16_t packet_pseudo_sum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info, uint32_t payload)
{
    return __builtin_bswap16(pseudo_sum(headers, info, payload));
}

uint16_t packet_transport_checksum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info,
                                   const struct MDL *mdl, uint32_t offset, uint32_t payload)
{
    uint16_t sum = pseudo_sum(headers, info, payload);

    if (info->TcpHeader.Length != 0) {
        const uint8_t *tcp = headers + info->TcpHeader.Offset;

        sum = add(add(sum, tcp, 16), tcp + 18, 2);
        sum = add(sum, headers + info->TcpOptions.Offset, info->TcpOptions.Length);
    } else {
        sum = add(sum, headers + info->UdpHeader.Offset, 6);
    }
    return field(packet_sum_chain(sum, mdl, offset, payload));
}

static uint32_t accumulate(uint32_t value, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t overflow;

        value = (value << 4) + bytes[i];
        overflow = value & 0x000fff00;
        value ^= overflow ^ (overflow >> 8);
    }
    return value;
}

uint32_t packet_flow_value(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info)
{
    const uint8_t *ip = headers + info->IpHeader.Offset;
    uint32_t value = ip[0] >> 4 == 4 ? accumulate(0, ip + 12, 8) : accumulate(0, ip + 8, 32);

    if (info->TcpHeader.Length != 0) {
        value = accumulate(value, headers + info->TcpHeader.Offset, 4);
    } else if (info->UdpHeader.Length != 0) {
        value = accumulate(value, headers + info->UdpHeader.Offset, 4);
    }
    return value;
}
