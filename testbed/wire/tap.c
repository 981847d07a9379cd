/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port on a TAP device: frames go to and come from a real network stack with a virtio-net header, which carries
 * checksum and segmentation offload both ways. Live runs only: waiting is a poll of the kernel. Nothing is copied but,
 * in one case, the headers.
 *
 * The case: the kernel ignores a writer's "checksum is valid" and would verify the payload. It trusts a partial
 * checksum, so a frame with a valid one is written as partial: a copy of its headers with the pseudo-header sum in the
 * field, which stays right even when the frame is forwarded and the checksum completed again.
 */
#include "wire/tap_internal.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "wire/bytes.h"
#include "wire/checksum.h"

static struct tap *of(struct port *port)
{
    return (struct tap *)port;
}

static void read_header(const struct virtio_net_hdr *header, struct frame_offload *offload)
{
    *offload = (struct frame_offload){ 0 };
    if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
        offload->checksum_partial = true;
        offload->checksum_start = header->csum_start;
        offload->checksum_offset = header->csum_offset;
    }
    offload->checksum_valid = (header->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0;
    switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        offload->gso = FRAME_GSO_TCPV4;
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        offload->gso = FRAME_GSO_TCPV6;
        break;
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        offload->gso = FRAME_GSO_UDP;
        break;
    default:
        return;
    }
    offload->gso_size = header->gso_size;
    offload->header_length = header->hdr_len;
}

static uint32_t tap_try_receive_pieces(struct port *port, uint32_t queue, struct pieces *pieces)
{
    struct tap_queue *q = &of(port)->queues[queue];
    struct virtio_net_hdr header;

    pieces->vectors[0] = (struct iovec){ &header, sizeof(header) };
    for (;;) {
        ssize_t length = readv(q->fd, pieces->vectors, (int)pieces->count);

        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length < (ssize_t)sizeof(header)) {
            return 0; /* none now, or the device is gone */
        }
        length -= (ssize_t)sizeof(header);
        if ((uint32_t)length > vectors_room(pieces->vectors + 1, pieces->count - 1) ||
            length < (ssize_t)ETHERNET_HEADER) {
            port_count(&q->receive_dropped);
            continue;
        }
        port_count(&q->received);
        pieces->length = (uint32_t)length;
        read_header(&header, &pieces->offload);
        return pieces->length;
    }
}

static uint32_t tap_try_receive(struct port *port, uint32_t queue, struct frame *frame)
{
    struct pieces pieces;

    memcpy(pieces.vectors + 1, frame->vectors, frame->vector_count * sizeof(frame->vectors[0]));
    pieces.count = 1 + frame->vector_count;
    if (tap_try_receive_pieces(port, queue, &pieces) == 0) {
        return 0;
    }
    frame->length = pieces.length;
    frame->offload = pieces.offload;
    return frame->length;
}

static bool tap_wait(struct port *port, uint32_t queue)
{
    struct tap_queue *q = &of(port)->queues[queue];
    struct pollfd polled[2] = { { .fd = q->fd, .events = POLLIN }, { .fd = q->wake, .events = POLLIN } };

    for (;;) {
        if (__atomic_load_n(&of(port)->stopped, __ATOMIC_ACQUIRE) != 0) {
            return false;
        }
        if (poll(polled, 2, -1) < 0 && errno != EINTR) {
            return false;
        }
        if ((polled[1].revents & POLLIN) != 0) {
            uint64_t count;

            (void)!read(q->wake, &count, sizeof(count)); /* back to zero: one interrupt ends one wait */
            return false;
        }
        if ((polled[0].revents & POLLIN) != 0) {
            return true;
        }
        if ((polled[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
            return false; /* the device was deleted under us */
        }
    }
}

static const uint8_t gso_types[] = { [FRAME_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
                                     [FRAME_GSO_TCPV4] = VIRTIO_NET_HDR_GSO_TCPV4,
                                     [FRAME_GSO_TCPV6] = VIRTIO_NET_HDR_GSO_TCPV6,
                                     [FRAME_GSO_UDP] = VIRTIO_NET_HDR_GSO_UDP_L4 };

static void put_partial(struct virtio_net_hdr *header, uint32_t start, uint32_t offset)
{
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = (uint16_t)start;
    header->csum_offset = (uint16_t)offset;
}

/* The frame's headers in `layout`, with a partial checksum in place of the complete one. False: no TCP or UDP checksum
 * there. */
static bool make_partial(const struct frame *frame, struct layout *layout, struct virtio_net_hdr *header)
{
    uint16_t seed;

    if (!frame_parse(frame, layout) || layout->checksum == 0 || layout->fragment || layout->cut) {
        return false;
    }
    if (layout->network_end != frame->length) {
        return false; /* padding would be summed too: such a short frame is cheap to verify */
    }
    if (layout->protocol == PROTOCOL_UDP && frame->offload.gso == FRAME_GSO_NONE &&
        get16(layout->headers + layout->checksum) == 0) {
        return false;
    }
    seed = checksum_partial_seed(layout, frame->length - layout->transport);
    memcpy(layout->headers + layout->checksum, &seed, 2);
    put_partial(header, layout->transport, (uint32_t)layout->checksum - layout->transport);
    return true;
}

static void put_gso(struct virtio_net_hdr *header, const struct frame_offload *offload)
{
    header->gso_type = gso_types[offload->gso];
    if (offload->gso != FRAME_GSO_NONE) {
        header->gso_size = offload->gso_size;
        header->hdr_len = offload->header_length;
    }
}

static int write_pieces(struct tap_queue *q, struct virtio_net_hdr *header, struct pieces *pieces)
{
    pieces->vectors[0] = (struct iovec){ header, sizeof(*header) };
    while (writev(q->fd, pieces->vectors, (int)pieces->count) < 0) {
        int failure = errno;

        if (failure != EINTR) {
            __atomic_fetch_add(&q->send_refused, 1, __ATOMIC_RELAXED);
            return -failure;
        }
    }
    __atomic_fetch_add(&q->sent, 1, __ATOMIC_RELAXED);
    return 0;
}

static int tap_send_pieces(struct port *port, uint32_t queue, struct pieces *pieces)
{
    struct virtio_net_hdr header = { .flags = 0 };

    put_partial(&header, pieces->offload.checksum_start, pieces->offload.checksum_offset);
    put_gso(&header, &pieces->offload);
    return write_pieces(&of(port)->queues[queue], &header, pieces);
}

static int tap_send(struct port *port, uint32_t queue, const struct frame *frame)
{
    const struct frame_offload *offload = &frame->offload;
    struct virtio_net_hdr header = { .flags = 0 };
    struct pieces pieces;
    struct layout layout;
    uint32_t from = 0;

    pieces.count = 1;
    if (offload->checksum_partial) {
        put_partial(&header, offload->checksum_start, offload->checksum_offset);
    } else if ((offload->checksum_valid || offload->gso != FRAME_GSO_NONE) && make_partial(frame, &layout, &header)) {
        pieces.vectors[pieces.count++] = (struct iovec){ layout.headers, layout.payload };
        from = layout.payload;
    }
    put_gso(&header, offload);
    pieces.count += frame_slice(frame, from, frame->length - from, pieces.vectors + pieces.count, FRAME_VECTORS);
    return write_pieces(&of(port)->queues[queue], &header, &pieces);
}

static int tap_set_features(struct port *port, const struct port_features *features)
{
    unsigned long flags = 0, udp = TUN_F_USO4 | TUN_F_USO6;
    int fd = of(port)->queues[0].fd;

    if (features->checksum) { /* the kernel has no segmentation without checksum offload */
        flags = TUN_F_CSUM | (features->tso4 ? TUN_F_TSO4 : 0) | (features->tso6 ? TUN_F_TSO6 : 0);
        if (features->udp && ioctl(fd, TUNSETOFFLOAD, flags | udp) == 0) {
            return 0;
        }
    }
    return ioctl(fd, TUNSETOFFLOAD, flags) != 0 ? -errno : 0;
}

static int tap_set_queues(struct port *port, uint32_t queues)
{
    struct tap *tap = of(port);

    if (queues == 0 || queues > port->queues) {
        return -EINVAL;
    }
    while (tap->queues_in_use != queues) {
        bool more = tap->queues_in_use < queues;
        uint32_t queue = more ? tap->queues_in_use : tap->queues_in_use - 1;
        struct ifreq request = { .ifr_flags = more ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

        if (ioctl(tap->queues[queue].fd, TUNSETQUEUE, &request) != 0) {
            return -errno;
        }
        tap->queues_in_use = more ? queue + 1 : queue;
    }
    return 0;
}

static void tap_interrupt(struct port *port, uint32_t queue)
{
    uint64_t one = 1;

    if (write(of(port)->queues[queue].wake, &one, sizeof(one)) < 0) {
        return; /* only when the count is at its end: it is readable then, and that is what counts */
    }
}

static void tap_stop(struct port *port)
{
    uint32_t q;

    __atomic_store_n(&of(port)->stopped, 1, __ATOMIC_RELEASE);
    for (q = 0; q < port->queues; q++) {
        tap_interrupt(port, q);
    }
}

static void tap_destroy(struct port *port)
{
    struct tap *tap = of(port);
    uint32_t q;

    for (q = 0; q < port->queues; q++) {
        if (tap->queues[q].fd >= 0) {
            close(tap->queues[q].fd);
        }
        if (tap->queues[q].wake >= 0) {
            close(tap->queues[q].wake);
        }
    }
    free(tap->queues);
    free(tap);
}

static void tap_counters(const struct port *port, uint32_t queue, struct port_counters *counters)
{
    const struct tap_queue *q = &((const struct tap *)port)->queues[queue];

    counters->received = __atomic_load_n(&q->received, __ATOMIC_RELAXED);
    counters->receive_dropped = __atomic_load_n(&q->receive_dropped, __ATOMIC_RELAXED);
    counters->sent = __atomic_load_n(&q->sent, __ATOMIC_RELAXED);
    counters->send_refused = __atomic_load_n(&q->send_refused, __ATOMIC_RELAXED);
}

static const struct port_ops tap_ops = {
    tap_wait,        tap_try_receive,  tap_send,       tap_try_receive_pieces,
    tap_send_pieces, tap_set_features, tap_set_queues, tap_interrupt,
    tap_stop,        tap_destroy,      tap_counters,
};

struct port *tap_create(const char *name, int netns, uint32_t queues, uint32_t mtu, const uint8_t *mac, char *error,
                        size_t size)
{
    const struct port_features none = { 0 };
    struct tap *tap = calloc(1, sizeof(*tap));
    uint32_t q;

    if (tap != NULL) {
        tap->queues = queues == 0 ? NULL : aligned_alloc(PORT_CACHE_LINE, queues * sizeof(tap->queues[0]));
    }
    if (tap == NULL || tap->queues == NULL) {
        snprintf(error, size, "no memory for the TAP device %s with %u queues", name, queues);
        free(tap);
        return NULL;
    }
    tap->port = (struct port){ &tap_ops, queues, true };
    tap->queues_in_use = queues;
    for (q = 0; q < queues; q++) {
        tap->queues[q] = (struct tap_queue){ .fd = -1, .wake = -1 };
    }
    if (!tap_open(tap, name, netns, mtu, mac, error, size)) {
        tap_destroy(&tap->port);
        return NULL;
    }
    if (tap_set_features(&tap->port, &none) != 0) {
        snprintf(error, size, "the TAP device %s refuses its offload flags: the kernel needs TUNSETOFFLOAD", name);
        tap_destroy(&tap->port);
        return NULL;
    }
    return &tap->port;
}
