/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of a packet as XenVif describes them to its subscriber, and the checksums it computes over them. Pure
 * functions. */
#ifndef TESTBED_XENVIF_RECEIVE_PACKET_H
#define TESTBED_XENVIF_RECEIVE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define ETHERNET_HEADER_BYTES 14u
#define VLAN_TAG_BYTES        4u
#define ETHERNET_TAG_BYTES    4u
#define ETHERNET_PACKET_LEAST 60u
#define HEADERS_MOST          1024u /* bytes of headers that are ever looked at */

enum packet_parse {
    PACKET_PARSED,
    PACKET_TRUNCATED, /* what `info` tells is there, the next header is not or makes no sense */
    PACKET_MORE,      /* headers go on behind `available`: call again with more */
};

/* `bytes` holds the first `available` of the packet's `total`. */
enum packet_parse packet_parse(const uint8_t *bytes, uint32_t available, uint32_t total,
                               struct XENVIF_PACKET_INFO_V2 *info);
/* Move every header but Ethernet's by `by` bytes (a VLAN tag came or went); the Ethernet header grows or shrinks by it.
 */
void packet_shift(struct XENVIF_PACKET_INFO_V2 *info, int32_t by);

static inline uint16_t packet_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline void packet_put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}
static inline uint32_t packet_get32(const uint8_t *p)
{
    return (uint32_t)packet_get16(p) << 16 | packet_get16(p + 2);
}
static inline void packet_put32(uint8_t *p, uint32_t value)
{
    packet_put16(p, value >> 16);
    packet_put16(p + 2, value & 0xffff);
}
static inline uint8_t packet_ip_version(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info)
{
    return info->IpHeader.Length != 0 ? headers[info->IpHeader.Offset] >> 4 : 0;
}
/* Ones' complement sums are kept unfolded in 64 bits until the end; `odd` bytes before make the next byte a low one. */
uint64_t packet_sum(uint64_t sum, const uint8_t *bytes, size_t length);
uint16_t packet_fold(uint64_t sum); /* not complemented, host order */
uint64_t packet_sum_chain(uint64_t sum, const struct MDL *mdl, uint32_t offset, uint32_t length);
uint16_t packet_ip_checksum(const uint8_t *headers,
                            const struct XENVIF_PACKET_INFO_V2 *info); /* of the IPv4 header, as stored */
/* Pseudo-header sum of a TCP or UDP packet with `payload` bytes behind its headers. */
uint16_t packet_pseudo_sum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info, uint32_t payload);
/* TCP or UDP checksum over headers and `payload` bytes at `offset` in the chain; the checksum field counts as zero. */
uint16_t packet_transport_checksum(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info,
                                   const struct MDL *mdl, uint32_t offset, uint32_t payload);
/* XenVif's own spread of flows over queues, for packets without a hash: addresses and ports. */
uint32_t packet_flow_value(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info);

#endif
