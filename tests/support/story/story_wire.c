/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire behind the backend: the port in memory that the embedded backend sends to, or a packet socket on netback's
 * device, whose virtio-net header gives and takes what a frame carries beside its bytes.
 */
#include "story_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/sched.h"
#include "wire/segment.h"

#define DEVICE "vif0.0"

struct wire {
    struct port *port; /* or NULL */
    int socket;
};

struct wire *wire_open(bool real, struct port *port)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(0x0003) };
    int on = 1, most = 4 << 20;

    if (wire == NULL) {
        give_up("no memory");
    }
    wire->port = port;
    wire->socket = -1;
    if (!real) {
        return wire;
    }
    address.sll_ifindex = (int)if_nametoindex(DEVICE);
    wire->socket = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
    if (wire->socket < 0 || setsockopt(wire->socket, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
        setsockopt(wire->socket, SOL_SOCKET, SO_RCVBUFFORCE, &most, sizeof(most)) != 0 ||
        setsockopt(wire->socket, SOL_SOCKET, SO_SNDBUFFORCE, &most, sizeof(most)) != 0 ||
        bind(wire->socket, (struct sockaddr *)&address, sizeof(address)) != 0) {
        give_up("a packet socket on " DEVICE ": %m");
    }
    return wire;
}

void wire_close(struct wire *wire)
{
    if (wire->socket >= 0) {
        close(wire->socket);
    }
    free(wire);
}

struct port *wire_port(struct wire *wire)
{
    return wire->port;
}

static void rest(void)
{

    sched_sleep(1000000);
}

static void send_real(struct wire *wire, const struct frame *frame)
{
    const struct frame_offload *offload = &frame->offload;
    struct virtio_net_hdr header = { .flags = offload->checksum_partial ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0 };
    struct iovec vectors[FRAME_VECTORS + 1] = { { &header, sizeof(header) } };
    struct msghdr message = { .msg_iov = vectors, .msg_iovlen = 1 + frame->vector_count };

    if (offload->checksum_partial) {
        header.csum_start = offload->checksum_start;
        header.csum_offset = offload->checksum_offset;
    }
    if (offload->gso != FRAME_GSO_NONE) {
        header.gso_type = offload->gso == FRAME_GSO_TCPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
        header.gso_size = offload->gso_size;
        header.hdr_len = offload->header_length;
    }
    memcpy(vectors + 1, frame->vectors, frame->vector_count * sizeof(vectors[0]));
    while (sendmsg(wire->socket, &message, 0) < 0) {
        if (errno != ENOBUFS) {
            give_up("sending on " DEVICE ": %m");
        }
        rest(); /* the device's queue is full */
    }
}

static void inject(void *context, struct frame *frame)
{
    struct wire *wire = context;
    int failure;

    while ((failure = memory_port_inject(wire->port, 0, frame)) == -EAGAIN) {
        rest();
    }
    if (failure != 0) {
        give_up("the port in memory takes no frame: %d", failure);
    }
}

void wire_send(struct wire *wire, const struct frame *frame, bool segment)
{
    struct frame copy = *frame;

    if (wire->port == NULL) {
        send_real(wire, frame);
    } else if (!segment) {
        inject(wire, &copy);
    } else if (!frame_segment(frame, inject, wire)) {
        give_up("the frame cannot be cut into segments");
    }
}

static uint32_t take_real(struct wire *wire, struct frame *frame, uint64_t timeout_ns)
{
    struct virtio_net_hdr header;
    struct iovec vectors[2] = { { &header, sizeof(header) }, frame->vectors[0] };
    struct sockaddr_ll from;

    for (;;) {
        struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = vectors, .msg_iovlen = 2 };
        struct pollfd poll_one = { .fd = wire->socket, .events = POLLIN };
        ssize_t length;

        if (poll(&poll_one, 1, (int)(timeout_ns / 1000000)) == 0) {
            return 0;
        }
        length = recvmsg(wire->socket, &message, 0);
        if (length < (ssize_t)sizeof(header)) {
            give_up("receiving on " DEVICE ": %m");
        }
        if (from.sll_pkttype == PACKET_OUTGOING) {
            continue;
        }
        frame->length = (uint32_t)(length - (ssize_t)sizeof(header));
        frame->offload = (struct frame_offload){
            .checksum_partial = (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
            .checksum_valid = (header.flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0,
            .gso = header.gso_type == VIRTIO_NET_HDR_GSO_NONE                                ? FRAME_GSO_NONE
                   : (header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4 ? FRAME_GSO_TCPV4
                                                                                             : FRAME_GSO_TCPV6,
            .gso_size = header.gso_size,
        };
        return frame->length;
    }
}

uint32_t wire_take(struct wire *wire, struct frame *frame, uint64_t timeout_ns)
{
    uint32_t length, q;

    if (wire->port == NULL) {
        return take_real(wire, frame, timeout_ns);
    }
    for (q = 0; q < WIRE_QUEUES && q < port_queues(wire->port); q++) {
        length = memory_port_collect(wire->port, q, frame, q == 0 ? timeout_ns : 0);
        if (length != 0) {
            return length;
        }
    }
    return 0;
}
