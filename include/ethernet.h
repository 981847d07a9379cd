/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ethernet as both sides of the VIF interface name it: the address record and address classes that
 * MacSetFilterLevel and the transmit completion carry, frame sizes, and the 802.1Q tag control word.
 * Shared with every user of vif_interface.h; nothing here depends on NDIS.
 */
#ifndef ETHERNET_H
#define ETHERNET_H

#define ETHERNET_HEADER_SIZE 14 // two addresses and a type, no tag
#define ETHERNET_TAG_SIZE    4
#define ETHERNET_TAG_TYPE    0x8100 // where an untagged frame has its type
#define ETHERNET_MTU         1500
#define ETHERNET_MIN_MTU     68 // RFC 791: every link carries 68 bytes of IPv4

typedef struct _ETHERNET_ADDRESS {
    UCHAR Byte[6];
} ETHERNET_ADDRESS;

#define ETHERNET_ADDRESS_LENGTH 6

// A 16-bit field of a frame, in host order.
#define ETHERNET_READ16(_At) ((USHORT)((((const UCHAR *)(_At))[0] << 8) | ((const UCHAR *)(_At))[1]))

typedef enum _ETHERNET_ADDRESS_TYPE {
    ETHERNET_ADDRESS_TYPE_INVALID = 0,
    ETHERNET_ADDRESS_UNICAST = 1,
    ETHERNET_ADDRESS_MULTICAST = 2,
    ETHERNET_ADDRESS_BROADCAST = 3,
    ETHERNET_ADDRESS_TYPE_COUNT = 4
} ETHERNET_ADDRESS_TYPE;

// 802.1Q tag control information: priority in bits 15-13, canonical format in 12, VLAN in 11-0.
#define ETHERNET_TCI(_Priority, _Format, _Vlan)                                                                        \
    ((USHORT)((((_Priority)&0x7) << 13) | (((_Format)&0x1) << 12) | ((_Vlan)&0xFFF)))
#define ETHERNET_TCI_PRIORITY(_Tci) (((_Tci) >> 13) & 0x7)
#define ETHERNET_TCI_FORMAT(_Tci)   (((_Tci) >> 12) & 0x1)
#define ETHERNET_TCI_VLAN(_Tci)     ((_Tci)&0xFFF)

#endif
