/* SPDX-License-Identifier: BSD-2-Clause */
/* Checksums over packets as packet_parse described them, and XenVif's spread of flows over queues. */
#include <string.h>

#include "xenvif/receive/packet.h"

/* Sums 16-bit words in memory order; packet_fold puts the result into host order. */
uint64_t packet_sum(uint64_t sum, const uint8_t *bytes, size_t length)
{
    uint64_t word;
    uint32_t half;
    uint16_t quarter;

    while (length >= 8) {
        memcpy(&word, bytes, 8);
        sum += (word & 0xffffffff) + (word >> 32);
        bytes += 8;
        length -= 8;
    }
    if (length >= 4) {
        memcpy(&half, bytes, 4);
        sum += half;
        bytes += 4;
        length -= 4;
    }
    if (length >= 2) {
        memcpy(&quarter, bytes, 2);
        sum += quarter;
        bytes += 2;
        length -= 2;
    }
    return length != 0 ? sum + *bytes : sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

uint16_t packet_fold(uint64_t sum)
{
    return __builtin_bswap16(fold(sum));
}

/* A piece that begins at an odd place of the whole has its bytes in the other halves of the words. */
uint64_t packet_sum_chain(uint64_t sum, const struct MDL *mdl, uint32_t offset, uint32_t length)
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
        uint16_t part = fold(packet_sum(0, (const uint8_t *)mdl->MappedSystemVa + offset, here));

        sum += odd ? __builtin_bswap16(part) : part;
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
    uint64_t sum = packet_sum(0, header, 10);

    sum = packet_sum(sum, header + 12, 8);
    return (uint16_t)~packet_fold(packet_sum(sum, headers + info->IpOptions.Offset, info->IpOptions.Length));
}

static uint64_t pseudo_sum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info, uint32_t payload)
{
    const uint8_t *ip = headers + info->IpHeader.Offset;
    uint32_t length = payload + info->TcpHeader.Length + info->TcpOptions.Length + info->UdpHeader.Length;
    uint8_t rest[8] = { 0 };

    packet_put32(rest, length);
    rest[7] = info->TcpHeader.Length != 0 ? 6 : 17;
    return packet_sum(ip[0] >> 4 == 4 ? packet_sum(0, ip + 12, 8) : packet_sum(0, ip + 8, 32), rest, sizeof(rest));
}

uint16_t packet_pseudo_sum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info, uint32_t payload)
{
    return packet_fold(pseudo_sum(headers, info, payload));
}

uint16_t packet_transport_checksum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info,
                                   const struct MDL *mdl, uint32_t offset, uint32_t payload)
{
    uint64_t sum = pseudo_sum(headers, info, payload);
    uint16_t checksum;

    if (info->TcpHeader.Length != 0) {
        const uint8_t *tcp = headers + info->TcpHeader.Offset;

        sum = packet_sum(packet_sum(sum, tcp, 16), tcp + 18, 2);
        sum = packet_sum(sum, headers + info->TcpOptions.Offset, info->TcpOptions.Length);
    } else {
        sum = packet_sum(sum, headers + info->UdpHeader.Offset, 6);
    }
    checksum = (uint16_t)~packet_fold(packet_sum_chain(sum, mdl, offset, payload));
    return checksum == 0 && info->UdpHeader.Length != 0 ? 0xffff : checksum; /* zero would say that UDP has none */
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
