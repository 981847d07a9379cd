/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the fields of a UDP datagram lie, for those who cut one (segment.c) and those who join several
 * (receive_coalesce.c). Offsets in bytes: TYPE_AT in the frame, the others in their header. ETHERNET_READ16 reads one.
 */
#ifndef XENNET_DATAGRAM_H
#define XENNET_DATAGRAM_H

#include <ndis.h>

#define TYPE_AT            12
#define TYPE_IPV4          0x0800
#define TYPE_IPV6          0x86DD
#define PROTOCOL_UDP       17
#define IPV4_LENGTH        2
#define IPV4_ID            4
#define IPV4_FRAGMENT      6
#define IPV4_FRAGMENT_MASK 0x3FFF // more fragments, and the offset
#define IPV4_TTL           8
#define IPV4_PROTOCOL      9
#define IPV4_CHECKSUM      10
#define IPV4_FLOW          12 // addresses, with the ports behind them
#define IPV6_LENGTH        4
#define IPV6_NEXT          6
#define IPV6_HOPS          7
#define IPV6_FLOW          8
#define UDP_LENGTH         4
#define UDP_CHECKSUM       6
#define UDP_HEADER         8

FORCEINLINE VOID
DatagramPut16(UCHAR *Bytes, ULONG Value)
{
    Bytes[0] = (UCHAR)(Value >> 8);
    Bytes[1] = (UCHAR)Value;
}

#endif
