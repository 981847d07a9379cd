/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of Microsoft's page on URO, for an NBL in which UDP datagrams were joined: that it may be one now, and that
 * its headers, its lengths and its flags are those of the whole. Runs with each indication; only an NBL whose slot has
 * a count is looked at.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/nbl/nbl.h"
#include "nt/export/version.h"
#include "wire/bytes.h"
#include "wire/headers.h"

enum { FIRST_MINOR = 89, TYPE_AT = 12, TAG_BYTES = 4, IPV4_HEADER = 20, IPV6_HEADER = 40, UDP_HEADER = 8 };
enum { MAX_HEADERS = ETHERNET_HEADER + TAG_BYTES + IPV6_HEADER + UDP_HEADER };

static void check_network(const uint8_t *ip, uint32_t version, uint32_t length, const char *function)
{
    if (version == 4) {
        RULE(ip[0] == 0x45 && ip[9] == PROTOCOL_UDP && (get16(ip + 6) & 0x3fff) == 0, "ndis-uro",
             "%s with joined datagrams that have IPv4 options, are fragments or are not UDP", function);
        RULE(get16(ip + 2) == length, "ndis-uro", "%s with joined datagrams whose IPv4 length is %u: it has %u bytes",
             function, get16(ip + 2), length);
        RULE(get16(ip + 10) == 0, "ndis-uro", "%s with joined datagrams whose IPv4 checksum is not zero", function);
    } else {
        RULE(ip[0] >> 4 == 6 && ip[6] == PROTOCOL_UDP, "ndis-uro",
             "%s with joined datagrams that have IPv6 extension headers or are not UDP", function);
        RULE(get16(ip + 4) == length - IPV6_HEADER, "ndis-uro",
             "%s with joined datagrams whose IPv6 length is %u: it has %u bytes", function, get16(ip + 4),
             length - IPV6_HEADER);
    }
}

static void check_flags(const struct NET_BUFFER_LIST *nbl, uint32_t version, const char *function)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum;

    memset(&sum, 0, sizeof(sum));
    sum.Value = ndis_info(nbl, TcpIpChecksumNetBufferListInfo);
    RULE(sum.Receive.UdpChecksumSucceeded && (version != 4 || sum.Receive.IpChecksumSucceeded), "ndis-uro",
         "%s with joined datagrams whose checksums are not reported as right", function);
}

/* Frame and payload bytes against the count and the size. */
static void check_sizes(union late_udp_rsc info, uint32_t payload, const char *function)
{
    uint32_t count = info.Receive.SegCount, size = info.Receive.SegSize;

    RULE(count != 0 && size != 0 && payload <= count * size && payload > (count - 1) * size, "ndis-uro",
         "%s with %u datagrams of %u bytes joined to %u", function, count, size, payload);
}

void nbl_check_joined(struct adapter *adapter, const struct NET_BUFFER_LIST *nbl, const char *function)
{
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    uint8_t bytes[MAX_HEADERS] = { 0 }, *ip = bytes + ETHERNET_HEADER;
    uint32_t length = nb->DataLength - ETHERNET_HEADER, version = net_buffer_ip_version(nb), header, off;
    union late_udp_rsc info = { .Value = NULL };

    if (windows_simulated()->ndis_minor < FIRST_MINOR) {
        return;
    }
    info.Value = ndis_info(nbl, UdpRecvSegCoalesceOffloadInfo);
    if (((uintptr_t)info.Value & UINT32_MAX) == 0) {
        return;
    }
    off = __atomic_load_n(&adapter->rsc_off, __ATOMIC_SEQ_CST);
    RULE((adapter->offload.UdpRsc.Enabled || (off & RSC_CHANGING) != 0) && (off & RSC_OFF_UDP) == 0, "ndis-uro",
         "%s with %u datagrams joined: that is not switched on", function, info.Receive.SegCount);
    (void)net_buffer_copy_out(nb, 0, bytes, sizeof(bytes));
    if (get16(bytes + TYPE_AT) == ETHERTYPE_VLAN) {
        ip += TAG_BYTES;
        length -= TAG_BYTES;
    }
    header = (version == 4 ? IPV4_HEADER : IPV6_HEADER) + UDP_HEADER;
    RULE(version != 0 && length > header, "ndis-uro", "%s with joined datagrams in a packet that is not IP", function);
    check_network(ip, version, length, function);
    RULE(get16(ip + header - 4) == length - header + UDP_HEADER && get16(ip + header - 2) == 0, "ndis-uro",
         "%s with joined datagrams whose UDP length is %u and checksum %#x", function, get16(ip + header - 4),
         get16(ip + header - 2));
    check_flags(nbl, version, function);
    check_sizes(info, length - header, function);
}
