/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of a packet as XenVif describes them to its subscriber, and the checksums it computes over them. Pure
 * functions. */
#ifndef TESTBED_XENVIF_RECEIVE_PACKET_H
#define TESTBED_XENVIF_RECEIVE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "wire/headers.h"
#include "wire/integers.h"

#define MIN_ETHERNET_PACKET 60u
#define MAX_HEADERS         1024u /* bytes of headers that are ever looked at */

enum packet_parse {
    PACKET_PARSED,
    PACKET_TRUNCATED, /* what `info` has is there, the next header is not or makes no sense */
    PACKET_MORE,      /* headers go on behind `available`: call again with more */
};

/* `bytes` holds the first `available` of the packet's `total`. */
enum packet_parse packet_parse(const uint8_t *bytes, uint32_t available, uint32_t total,
                               struct XENVIF_PACKET_INFO_V2 *info);
/* Move every header but Ethernet's by `by` bytes (a VLAN tag came or went); the Ethernet header grows or shrinks by it.
 */
void packet_shift(struct XENVIF_PACKET_INFO_V2 *info, int32_t by);

static inline uint8_t packet_ip_version(const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info)
{
    return info->IpHeader.Length != 0 ? headers[info->IpHeader.Offset] >> 4 : 0;
}
/* Sums as wire/checksum.h keeps them. */
uint16_t packet_sum_chain(uint16_t sum, const struct MDL *mdl, uint32_t offset, uint32_t length);
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
