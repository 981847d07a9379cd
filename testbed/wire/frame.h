/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame on its way: its bytes, scattered, and what a network card and a stack exchange beside them (the
 * content of a virtio-net header, in host order and without its encoding). No Windows and no Xen types here.
 */
#ifndef TESTBED_WIRE_FRAME_H
#define TESTBED_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define FRAME_VECTORS   24 /* 65,550 bytes in 4,096-byte pages, plus odd starts and headers */
#define MAX_FRAME_BYTES (65535 + 14 + 4)

enum frame_gso { FRAME_GSO_NONE, FRAME_GSO_TCPV4, FRAME_GSO_TCPV6, FRAME_GSO_UDP };

struct frame_offload {
    bool checksum_partial; /* field holds the pseudo-header sum: sum from checksum_start, store at + checksum_offset */
    bool checksum_valid;   /* sender vouches for the payload's checksum */
    uint16_t checksum_start, checksum_offset; /* from the start of the frame */
    enum frame_gso gso;
    uint16_t gso_size;      /* MSS: payload bytes per segment */
    uint16_t header_length; /* Ethernet to TCP or UDP header, of a GSO frame */
};

struct frame {
    struct iovec vectors[FRAME_VECTORS];
    uint32_t vector_count;
    uint32_t length; /* bytes, without FCS */
    struct frame_offload offload;
};

/* A frame in more pieces than a struct frame has: datagrams cut from one block, or to become one. vectors[0] is for a
 * header of the port's own. */
#define FRAME_PIECES 160

struct pieces {
    struct iovec vectors[1 + FRAME_PIECES];
    uint32_t count; /* with the port's */
    uint32_t length;
    struct frame_offload offload;
};

#endif
