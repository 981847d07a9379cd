/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backend puts on the receive ring: for each frame from the wire its slots, statuses, flags and extra
 * segments. */
#include "conformance_bed.h"

#include "packets.h"

enum { HEADROOM = 256 };

static uint8_t bytes[MAX_FRAME_BYTES + 64];
static struct received received;

static const struct setup setup_no_gso = { .queues = 1, .no_gso = true },
                          setup_no_checksum = { .queues = 1, .no_gso = true, .no_checksum = true };
static const struct setup setup_split = { .queues = 1, .split = true };
static const struct setup setup_headroom = { .queues = 1, .no_gso = true, .headroom = HEADROOM };

static void saw_received(struct bed *bed)
{
    saw(bed, "%s%u bytes in %u slots", bed->saw[0] != '\0' ? "; " : "", received.length, received.slots);
    if (received.status < 0) {
        saw(bed, " status %d", received.status);
    }
    saw(bed, "%s%s", (received.flags & NETRXF_csum_blank) != 0 ? " blank" : "",
        (received.flags & NETRXF_data_validated) != 0 ? " validated" : "");
    for (uint32_t i = 0; i < received.extra_count; i++) {
        const struct netif_extra_info *extra = &received.extras[i];

        if (extra->type == XEN_NETIF_EXTRA_TYPE_GSO) {
            saw(bed, " gso %u by %u", extra->u.gso.type, extra->u.gso.size);
        } else if (extra->type == EXTRA_TYPE_XDP) {
            saw(bed, " headroom %u", extra->u.pad[0]);
        } else {
            saw(bed, " extra %u", extra->type);
        }
    }
    if (received.status >= 0 && (received.length < 14 || memcmp(received.bytes, bytes, 14) != 0)) {
        saw(bed, " of other bytes");
    }
}

/* Sends a marked frame behind the case's and takes all that comes before it. */
static void until_mark(struct bed *bed, uint32_t queue)
{
    uint8_t mark[60] = { 0, 0x16, 0x3e, 1, 2, 3, 0, 0x16, 0x3e, 9, 9, 9, MARK_TYPE >> 8, MARK_TYPE & 0xff };
    const struct frame frame = { .vectors = { { mark, sizeof(mark) } }, .vector_count = 1, .length = sizeof(mark) };

    wire_send(bed->wire, &frame, false);
    while (rx_take(bed, queue, &received)) {
        if (received.length >= 14 && get16(received.bytes + 12) == MARK_TYPE) {
            return;
        }
        saw_received(bed);
    }
    saw(bed, "; nothing more comes, state %d", back_read(bed, "state"));
}

static void from_wire(struct bed *bed, int version, int protocol, uint32_t payload, bool large)
{
    const struct packet_shape shape = { .version = version, .protocol = protocol, .payload = payload };
    struct frame frame;

    packet_build(&shape, bytes, &frame);
    if (large) {
        frame.offload.gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
        frame.offload.gso_size = 1400;
    }
    wire_send(bed->wire, &frame, large && bed->setup->no_gso);
    until_mark(bed, 0);
}

static void small(struct bed *bed)
{
    from_wire(bed, 4, PROTOCOL_UDP, 18, false);
}
static void full(struct bed *bed)
{
    from_wire(bed, 4, PROTOCOL_UDP, 1472, false);
}
static void full_tcp6(struct bed *bed)
{
    from_wire(bed, 6, PROTOCOL_TCP, 1440, false);
}
static void large_4(struct bed *bed)
{
    from_wire(bed, 4, PROTOCOL_TCP, 9000, true);
}
static void large_6(struct bed *bed)
{
    from_wire(bed, 6, PROTOCOL_TCP, 9000, true);
}
static void largest_4(struct bed *bed)
{
    from_wire(bed, 4, PROTOCOL_TCP, 65000, true);
}

static void plain(struct bed *bed)
{
    struct frame frame = { .vectors = { { bytes, 200 } }, .vector_count = 1, .length = 200 };

    memset(bytes, 0x5a, 200);
    put16(bytes + 12, 0x88b6);
    wire_send(bed->wire, &frame, false);
    until_mark(bed, 0);
}

/* Every posted request names a page that is not granted; then good ones again. */
static void bad_grants(struct bed *bed)
{
    struct frame frame = { .vectors = { { bytes, 200 } }, .vector_count = 1, .length = 200 };

    bed->queue[0].posted = 1; /* the rest of the ring was posted when the connection began: see run_bad */
    memset(bytes, 0x5a, 200);
    put16(bytes + 12, 0x88b6);
    wire_send(bed->wire, &frame, false);
    if (rx_take(bed, 0, &received)) {
        saw_received(bed);
    }
    bed->queue[0].posted = RING_SLOTS;
    rx_post(bed, 0, false);
    until_mark(bed, 0);
}

/* Connects by itself, to post its own requests first. */
static void run_bad(struct bed *bed)
{
    static const struct setup setup = { .queues = 1 };

    bed_connect_posting(bed, &setup, 1, true);
    bad_grants(bed);
    bed_disconnect(bed);
}

/* A headroom asked for, and given up again, while connected. */
static void run_reconfiguring(struct bed *bed)
{
    static const struct setup setup = { .queues = 1, .no_gso = true };

    bed_connect(bed, &setup);
    small(bed);
    front_write(bed, "xdp-headroom", HEADROOM);
    front_write(bed, "state", XenbusStateReconfiguring);
    saw(bed, "; reconfiguring leads to %d", settled_state(bed, XenbusStateConnected));
    bed->queue[0].headroom = HEADROOM;
    full(bed);
    front_write(bed, "state", XenbusStateConnected);
    saw(bed, "; connected leads to %d", settled_state(bed, XenbusStateReconfigured));
    full(bed);
    bed_disconnect(bed);
}

static void producer_ahead(struct bed *bed)
{
    bed->queue[0].rx.req_prod_pvt += RING_SLOTS;
    bed->queue[0].rx.sring->req_prod = bed->queue[0].rx.req_prod_pvt;
    xen_event_send(bed->queue[0].rx_event);
    small(bed);
}

const struct conformance_case receive_cases[] = {
    { "receive: a frame of no protocol", &setup_plain, plain },
    { "receive: small UDP, checksum open", &setup_plain, small },
    { "receive: full UDP", &setup_plain, full },
    { "receive: full TCP over IPv6", &setup_plain, full_tcp6 },
    { "receive: large TCP over IPv4", &setup_plain, large_4 },
    { "receive: large TCP over IPv6", &setup_plain, large_6 },
    { "receive: largest TCP over IPv4", &setup_plain, largest_4 },
    { "receive: small UDP, split event channels", &setup_split, small },
    { "receive: large TCP over IPv4 without feature-gso", &setup_no_gso, large_4 },
    { "receive: small UDP without checksum offload", &setup_no_checksum, small },
    { "receive: full TCP over IPv6 without checksum offload", &setup_no_checksum, full_tcp6 },
    { "receive: a request with a bad grant", NULL, run_bad },
    { "receive: small UDP, headroom for XDP", &setup_headroom, small },
    { "receive: full TCP over IPv6, headroom for XDP", &setup_headroom, full_tcp6 },
    { "receive: a headroom while connected", NULL, run_reconfiguring },
    { "receive: producer further than the ring", &setup_plain, producer_ahead },
    { NULL, NULL, NULL },
};
