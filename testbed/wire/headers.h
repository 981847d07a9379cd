/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one walk over a packet's headers: Ethernet with its VLAN tags, LLC/SNAP, IPv4 and IPv6 with options and extension
 * headers (RFC 8200), TCP and UDP. What it finds is turned into a frame's layout (wire/parse.h) and into the record
 * that XenVif gives to its subscriber (xenvif/receive/packet.h). Pure functions.
 */
#ifndef TESTBED_WIRE_HEADERS_H
#define TESTBED_WIRE_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#define ETHERNET_HEADER 14u
#define VLAN_TAG_BYTES  4u

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd, ETHERTYPE_VLAN = 0x8100, ETHERTYPE_QINQ = 0x88a8 };

enum headers_end {
    HEADERS_WHOLE, /* every header that is known is described */
    HEADERS_SHORT, /* the next one makes no sense, or goes beyond the packet */
    HEADERS_MORE,  /* the next one is in the packet, but not in the bytes given: walk again with more */
};

/* How far a reader of headers goes. */
struct headers_reader {
    uint32_t max_tags; /* 1: an 802.1Q tag; more: 802.1ad tags too */
    bool mobility;     /* takes the mobility header for an extension header */
};

/* Offsets count from the packet's start. A length of 0: that header is not there, or not whole. */
struct headers {
    uint32_t ethernet; /* bytes of the Ethernet header with its tags */
    uint16_t type;     /* behind the tags: an EtherType, or an 802.3 length */
    bool tagged;
    uint16_t tci; /* of the outermost tag */
    uint32_t llc; /* bytes of LLC and SNAP, behind the Ethernet header */
    /* IP, at `ethernet` */
    uint8_t version;        /* 4, 6, or 0: none, or its fixed part makes no sense */
    uint32_t network_fixed; /* bytes without options and extension headers */
    uint32_t network;       /* bytes with them, once all are there */
    uint32_t stated;        /* IPv4: total length; IPv6: payload length */
    uint8_t protocol;       /* behind the extension headers, once they are all there */
    bool fragment;          /* more follow, or it is not the first */
    bool later_fragment;    /* not the first */
    bool fragment_header;   /* IPv6: there is one, an atomic fragment's too */
    /* TCP or UDP; not looked for in a later fragment */
    uint32_t transport, transport_length;
};

/* `bytes` holds the first `available` of the packet's `total` bytes. */
enum headers_end headers_walk(const uint8_t *bytes, uint32_t available, uint32_t total,
                              const struct headers_reader *reader, struct headers *headers);

#endif
