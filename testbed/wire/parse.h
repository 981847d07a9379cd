/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a frame's headers lie. */
#ifndef TESTBED_WIRE_PARSE_H
#define TESTBED_WIRE_PARSE_H

#include "wire/frame.h"
#include "wire/headers.h"

#define LAYOUT_HEADERS                                                                                                 \
    192u /* bytes looked at: a TCP header with all options behind 100 bytes of IPv6 extension headers */

/* Offsets count from the start of the frame. */
struct layout {
    uint16_t ethertype; /* behind the VLAN tags */
    bool tagged;
    uint16_t tci;     /* of the outermost tag */
    uint8_t version;  /* 4, 6, or 0: not IP, or a malformed IP header */
    uint8_t protocol; /* behind the extension headers; 0: not reached */
    bool fragment;    /* any fragment, the first one too */
    bool cut;         /* the IP header has more bytes than the frame has */
    uint16_t network;
    uint16_t transport;   /* 0: no complete TCP or UDP header */
    uint16_t payload;     /* behind the TCP or UDP header */
    uint16_t checksum;    /* the field in the TCP or UDP header; 0: none */
    uint32_t network_end; /* end of the IP datagram; Ethernet padding may follow. IPv4 length 0 (a large send): the
                             frame's end */
    uint16_t headers_length;
    uint8_t headers[LAYOUT_HEADERS]; /* a copy of the frame's first bytes, safe from a writer on the other side of
                                        shared memory */
};

/* False when there is not even an Ethernet header. */
bool frame_parse(const struct frame *frame, struct layout *layout);

#endif
