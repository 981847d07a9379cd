/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the backend does with transmit requests, right and wrong. After each a marked frame is sent: what arrives before
 * it came of the case; when it is not answered the backend has disabled the device.
 */
#include "conformance_bed.h"

#include <stdlib.h>

#include "packets.h"

#define NO_GRANT 0x00fffff0u

static uint8_t bytes[MAX_FRAME_BYTES + 64], taken[MAX_FRAME_BYTES + 64];

const struct setup setup_plain = { .queues = 1 }, setup_multicast = { .queues = 1, .multicast = true };

static uint32_t packet(int version, int protocol, uint32_t payload)
{
    const struct packet_shape shape = { .version = version, .protocol = protocol, .payload = payload };
    struct frame frame;

    return packet_build(&shape, bytes, &frame);
}

/* A frame of no protocol that netback looks into. */
static uint32_t blank(uint32_t length, uint16_t type)
{
    memset(bytes, 0x5a, length);
    memcpy(bytes, "\x00\x16\x3e\x01\x02\x03\x00\x16\x3e\x0a\x0b\x0c", 12);
    put16(bytes + 12, type);
    return length;
}

static void saw_frame(struct bed *bed, const struct frame *frame)
{
    const struct frame_offload *offload = &frame->offload;

    saw(bed, "; frame of %u", frame->length);
    if (offload->checksum_partial) {
        saw(bed, " checksum open");
    } else if (offload->checksum_valid) {
        saw(bed, " checksum valid");
    }
    if (offload->gso != FRAME_GSO_NONE) {
        saw(bed, " large v%d by %u", offload->gso == FRAME_GSO_TCPV4 ? 4 : 6, offload->gso_size);
    }
    if (memcmp(taken, bytes, frame->length < 14 ? frame->length : 14) != 0) {
        saw(bed, " of other bytes");
    }
}

static bool is_mark(const struct frame *frame)
{
    return frame->length >= 14 && get16(taken + 12) == MARK_TYPE;
}

static int by_id(const void *left, const void *right)
{
    const struct tx_answer *a = left, *b = right;
    bool a_null = a->status == NETIF_RSP_NULL, b_null = b->status == NETIF_RSP_NULL;

    return a_null != b_null ? a_null - b_null : (int)a->id - (int)b->id;
}

/* Statuses by slot: the order of responses is the backend's affair. Extra segments' null responses come last. */
static void saw_answers(struct bed *bed, struct tx_answer *answers, uint32_t count)
{
    uint32_t i, same;

    qsort(answers, count, sizeof(answers[0]), by_id);
    saw(bed, count == 0 ? "no answer" : "answers");
    for (i = 0; i < count; i += same) {
        for (same = 1; i + same < count && answers[i + same].status == answers[i].status; same++) {
        }
        saw(bed, same == 1 ? " %d" : " %d*%u", answers[i].status, same);
    }
}

void transmit_case(struct bed *bed, void (*make)(struct bed *))
{
    struct frame frame = { .vectors = { { taken, sizeof(taken) } }, .vector_count = 1 };
    struct tx_answer answers[RING_SLOTS + 1];
    uint8_t mark[60] = { 0, 0x16, 0x3e, 1, 2, 3, 0, 0x16, 0x3e, 9, 9, 9, MARK_TYPE >> 8, MARK_TYPE & 0xff };
    uint32_t count;

    make(bed);
    tx_push(bed, 0);
    count = tx_answers(bed, 0, answers, RING_SLOTS);
    saw_answers(bed, answers, count);
    if (count == 0) { /* nothing is looked at any more, or the requests are still waited for */
        bed->queue[0].tx.rsp_cons = bed->queue[0].tx.req_prod_pvt;
    }
    tx_packet(bed, mark, sizeof(mark), 4096, 0, NULL);
    tx_push(bed, 0);
    if (count == 0 || tx_answers(bed, 0, answers, 1) == 0) {
        saw(bed, "; device disabled, state %d", back_read(bed, "state"));
        return;
    }
    while (wire_take(bed->wire, &frame, bed->patience) != 0) {
        if (is_mark(&frame)) {
            return;
        }
        saw_frame(bed, &frame);
    }
    saw(bed, "; the next frame does not arrive");
}

/* --- sizes and slots --- */

static void whole(struct bed *bed, uint32_t length)
{
    tx_packet(bed, bytes, blank(length, 0x88b6), 4096, 0, NULL);
}
static void frame_60(struct bed *bed)
{
    whole(bed, 60);
}
static void frame_14(struct bed *bed)
{
    whole(bed, 14);
}
static void frame_13(struct bed *bed)
{
    whole(bed, 13);
}
static void frame_1514(struct bed *bed)
{
    whole(bed, 1514);
}
static void frame_4096(struct bed *bed)
{
    whole(bed, 4096);
}
static void frame_9014(struct bed *bed)
{
    whole(bed, 9014);
}
static void frame_65535(struct bed *bed)
{
    whole(bed, 65535);
}

static void empty(struct bed *bed)
{
    uint32_t reference;

    tx_page(bed, 0, &reference);
    tx_request(bed, 0, reference, 0, 0, 0);
}

static void at_page_end(struct bed *bed)
{
    uint32_t reference;
    uint8_t *page = tx_page(bed, 0, &reference);

    memcpy(page + 4036, bytes, blank(60, 0x88b6));
    tx_request(bed, 0, reference, 4036, 60, 0);
}

static void request_list(struct bed *bed, uint32_t first, uint32_t count, const uint32_t (*offset_size)[2])
{
    uint32_t reference;

    (void)first;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *page = tx_page(bed, 0, &reference);

        memset(page, 0x5a, XEN_PAGE_SIZE);
        blank(64, 0x88b6);
        memcpy(page + (offset_size[i][0] < 4000 ? offset_size[i][0] : 0), bytes, 14);
        tx_request(bed, 0, reference, offset_size[i][0], offset_size[i][1], i + 1 < count ? NETTXF_more_data : 0);
    }
}

#define REQUESTS(name, ...)                                                                                            \
    static void name(struct bed *bed)                                                                                  \
    {                                                                                                                  \
        static const uint32_t list[][2] = __VA_ARGS__;                                                                 \
        request_list(bed, 0, sizeof(list) / sizeof(list[0]), list);                                                    \
    }

REQUESTS(crossing, { { 4000, 97 } })
REQUESTS(offset_beyond, { { 5000, 60 } })
REQUESTS(crossing_later, { { 0, 200 }, { 4090, 7 } })
REQUESTS(two_slots, { { 0, 100 }, { 0, 40 } })
REQUESTS(later_of_zero, { { 0, 100 }, { 0, 0 } })
REQUESTS(later_of_zero_between, { { 0, 140 }, { 0, 0 }, { 0, 40 } })
REQUESTS(later_larger_than_all, { { 0, 100 }, { 0, 200 }, { 0, 10 } })
REQUESTS(later_as_large_as_all, { { 0, 100 }, { 0, 100 } })
REQUESTS(first_left_short, { { 0, 100 }, { 0, 90 } })
REQUESTS(first_left_crossing, { { 4000, 300 }, { 0, 100 } })

static void slots(struct bed *bed, uint32_t count)
{
    uint32_t reference;

    blank(2000, 0x88b6);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *page = tx_page(bed, 0, &reference);

        memcpy(page, bytes, 2000);
        tx_request(bed, 0, reference, 0, i == 0 ? 2000 : 10, i + 1 < count ? NETTXF_more_data : 0);
    }
}

static void slots_17(struct bed *bed)
{
    slots(bed, 17);
}
static void slots_18(struct bed *bed)
{
    slots(bed, 18);
}
static void slots_19(struct bed *bed)
{
    slots(bed, 19);
}
static void slots_20(struct bed *bed)
{
    slots(bed, 20);
}
static void slots_21(struct bed *bed)
{
    slots(bed, 21);
}
static void slots_22(struct bed *bed)
{
    slots(bed, 22);
}

static void more_to_come(struct bed *bed)
{
    uint32_t reference;

    tx_page(bed, 0, &reference);
    tx_request(bed, 0, reference, 0, 100, NETTXF_more_data);
}

static void extra_to_come(struct bed *bed)
{
    uint32_t reference;

    tx_page(bed, 0, &reference);
    tx_request(bed, 0, reference, 0, 100, NETTXF_extra_info);
}

static void unknown_flags(struct bed *bed)
{
    tx_packet(bed, bytes, blank(60, 0x88b6), 4096, 0xfff0, NULL);
}

static void producer_ahead(struct bed *bed)
{
    bed->queue[0].tx.req_prod_pvt += RING_SLOTS + 1;
}

/* --- grants --- */

static void bad_grant(struct bed *bed, uint32_t count, uint32_t bad)
{
    uint32_t reference;

    blank(2000, 0x88b6);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *page = tx_page(bed, 0, &reference);

        memcpy(page, bytes, 2000);
        tx_request(bed, 0, i == bad ? NO_GRANT : reference, 0, i == 0 ? 2000 : 500,
                   i + 1 < count ? NETTXF_more_data : 0);
    }
}

static void bad_only(struct bed *bed)
{
    bad_grant(bed, 1, 0);
}
static void bad_first(struct bed *bed)
{
    bad_grant(bed, 3, 0);
}
static void bad_second(struct bed *bed)
{
    bad_grant(bed, 3, 1);
}
static void bad_last(struct bed *bed)
{
    bad_grant(bed, 3, 2);
}

/* --- checksums --- */

static void open_udp4(struct bed *bed)
{
    tx_packet(bed, bytes, packet(4, PROTOCOL_UDP, 400), 4096, NETTXF_csum_blank, NULL);
}
static void open_tcp4(struct bed *bed)
{
    tx_packet(bed, bytes, packet(4, PROTOCOL_TCP, 400), 100, NETTXF_csum_blank | NETTXF_data_validated, NULL);
}
static void open_udp6(struct bed *bed)
{
    tx_packet(bed, bytes, packet(6, PROTOCOL_UDP, 400), 4096, NETTXF_csum_blank, NULL);
}
static void open_tcp6(struct bed *bed)
{
    tx_packet(bed, bytes, packet(6, PROTOCOL_TCP, 400), 14, NETTXF_csum_blank, NULL);
}
static void vouched(struct bed *bed)
{
    tx_packet(bed, bytes, packet(4, PROTOCOL_TCP, 400), 4096, NETTXF_data_validated, NULL);
}
static void open_arp(struct bed *bed)
{
    tx_packet(bed, bytes, blank(60, 0x0806), 4096, NETTXF_csum_blank, NULL);
}

static void open_icmp(struct bed *bed)
{
    uint32_t length = packet(4, PROTOCOL_UDP, 400);

    bytes[23] = 1;
    tx_packet(bed, bytes, length, 4096, NETTXF_csum_blank, NULL);
}

static void open_fragment(struct bed *bed)
{
    uint32_t length = packet(4, PROTOCOL_UDP, 400);

    put16(bytes + 20, 0x2000);
    tx_packet(bed, bytes, length, 4096, NETTXF_csum_blank, NULL);
}

static void open_cut(struct bed *bed)
{
    packet(4, PROTOCOL_TCP, 400);
    tx_packet(bed, bytes, 40, 4096, NETTXF_csum_blank, NULL);
}

/* --- extra segments --- */

static void with_gso(struct bed *bed, int version, int protocol, uint8_t type, uint16_t size, uint32_t flags)
{
    const struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso = { .size = size, .type = type } };

    tx_packet(bed, bytes, packet(version, protocol, 9000), 4096, flags, &extra);
}

static void gso_4(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV4, 1400, NETTXF_csum_blank | NETTXF_data_validated);
}
static void gso_6(struct bed *bed)
{
    with_gso(bed, 6, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV6, 1380, NETTXF_csum_blank | NETTXF_data_validated);
}
static void gso_not_blank(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV4, 1400, NETTXF_data_validated);
}
static void gso_no_flags(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV4, 1400, 0);
}
static void gso_no_size(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV4, 0, NETTXF_csum_blank);
}
static void gso_size_1(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV4, 1, NETTXF_csum_blank);
}
static void gso_none(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_NONE, 1400, NETTXF_csum_blank);
}
static void gso_unknown(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, 9, 1400, NETTXF_csum_blank);
}
static void gso_udp(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_UDP, XEN_NETIF_GSO_TYPE_TCPV4, 1400, NETTXF_csum_blank);
}
static void gso_4_of_6(struct bed *bed)
{
    with_gso(bed, 6, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV4, 1400, NETTXF_csum_blank);
}
static void gso_6_of_4(struct bed *bed)
{
    with_gso(bed, 4, PROTOCOL_TCP, XEN_NETIF_GSO_TYPE_TCPV6, 1400, NETTXF_csum_blank);
}

static void gso_small(struct bed *bed)
{
    const struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO,
                                            .u.gso = { .size = 1400, .type = XEN_NETIF_GSO_TYPE_TCPV4 } };

    tx_packet(bed, bytes, packet(4, PROTOCOL_TCP, 100), 4096, NETTXF_csum_blank, &extra);
}

static void extras(struct bed *bed, const struct netif_extra_info *list, uint32_t count)
{
    uint32_t length = blank(60, 0x88b6), reference;
    uint8_t *page = tx_page(bed, 0, &reference);

    memcpy(page, bytes, length);
    tx_request(bed, 0, reference, 0, length, NETTXF_extra_info);
    for (uint32_t i = 0; i < count; i++) {
        tx_extra(bed, 0, &list[i]);
    }
}

static void one_extra(struct bed *bed, uint8_t type)
{
    const struct netif_extra_info extra = { .type = type };

    extras(bed, &extra, 1);
}

static void extra_0(struct bed *bed)
{
    one_extra(bed, 0);
}
static void extra_hash(struct bed *bed)
{
    one_extra(bed, XEN_NETIF_EXTRA_TYPE_HASH);
}
static void extra_5(struct bed *bed)
{
    one_extra(bed, 5);
}
static void extra_6(struct bed *bed)
{
    one_extra(bed, 6);
}

static void multicast(struct bed *bed, uint8_t type, uint32_t count, uint8_t first)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct netif_extra_info extra = { .type = type, .u.mcast = { { first, 0, 0x5e, 0, 1, (uint8_t)i } } };

        extras(bed, &extra, 1);
    }
}

static void mcast_add(struct bed *bed)
{
    multicast(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, 1);
}
static void mcast_add_unicast(struct bed *bed)
{
    multicast(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 1, 0);
}
static void mcast_add_65(struct bed *bed)
{
    multicast(bed, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 66, 1);
}
static void mcast_remove(struct bed *bed)
{
    multicast(bed, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 1, 1);
}
static void mcast_remove_none(struct bed *bed)
{
    multicast(bed, XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 1, 0x33);
}

#define CASES(X)                                                                                                       \
    X("60 bytes", plain, frame_60)                                                                                     \
    X("14 bytes", plain, frame_14)                                                                                     \
    X("13 bytes", plain, frame_13)                                                                                     \
    X("no bytes", plain, empty)                                                                                        \
    X("1514 bytes", plain, frame_1514)                                                                                 \
    X("a page", plain, frame_4096)                                                                                     \
    X("9014 bytes, more than the MTU", plain, frame_9014)                                                              \
    X("65535 bytes", plain, frame_65535)                                                                               \
    X("up to the end of its page", plain, at_page_end)                                                                 \
    X("two slots", plain, two_slots)                                                                                   \
    X("last slot of no bytes", plain, later_of_zero)                                                                   \
    X("middle slot of no bytes", plain, later_of_zero_between)                                                         \
    X("second slot larger than the packet", plain, later_larger_than_all)                                              \
    X("second slot as large as the packet", plain, later_as_large_as_all)                                              \
    X("no Ethernet header left for the first slot", plain, first_left_short)                                           \
    X("first slot would cross by the size of the whole", plain, first_left_crossing)                                   \
    X("17 slots", plain, slots_17)                                                                                     \
    X("18 slots", plain, slots_18)                                                                                     \
    X("19 slots", plain, slots_19)                                                                                     \
    X("20 slots", plain, slots_20)                                                                                     \
    X("unknown flags", plain, unknown_flags)                                                                           \
    X("bad grant", plain, bad_only)                                                                                    \
    X("bad grant in the first of three slots", plain, bad_first)                                                       \
    X("bad grant in the second of three slots", plain, bad_second)                                                     \
    X("bad grant in the last of three slots", plain, bad_last)                                                         \
    X("checksum open, UDP over IPv4", plain, open_udp4)                                                                \
    X("checksum open, TCP over IPv4", plain, open_tcp4)                                                                \
    X("checksum open, UDP over IPv6", plain, open_udp6)                                                                \
    X("checksum open, TCP over IPv6", plain, open_tcp6)                                                                \
    X("checksum vouched for", plain, vouched)                                                                          \
    X("checksum open, ARP", plain, open_arp)                                                                           \
    X("checksum open, ICMP", plain, open_icmp)                                                                         \
    X("checksum open, a fragment", plain, open_fragment)                                                               \
    X("checksum open, TCP header cut off", plain, open_cut)                                                            \
    X("GSO over IPv4", plain, gso_4)                                                                                   \
    X("GSO over IPv6", plain, gso_6)                                                                                   \
    X("GSO, checksum not open", plain, gso_not_blank)                                                                  \
    X("GSO, checksum neither open nor vouched for", plain, gso_no_flags)                                               \
    X("GSO by 1 byte", plain, gso_size_1)                                                                              \
    X("GSO of less than one segment", plain, gso_small)                                                                \
    X("GSO of UDP", plain, gso_udp)                                                                                    \
    X("GSO for IPv4 of IPv6", plain, gso_4_of_6)                                                                       \
    X("GSO for IPv6 of IPv4", plain, gso_6_of_4)                                                                       \
    X("hash segment", plain, extra_hash)                                                                               \
    X("multicast segment without asking for them", plain, mcast_add)                                                   \
    X("multicast address added", multicast, mcast_add)                                                                 \
    X("unicast address added to multicast", multicast, mcast_add_unicast)                                              \
    X("multicast address removed", multicast, mcast_remove)                                                            \
    X("multicast address removed that is not there", multicast, mcast_remove_none)                                     \
    X("66 multicast addresses added", multicast, mcast_add_65)                                                         \
    X("GSO without a size", plain, gso_no_size)                                                                        \
    X("GSO of no type", plain, gso_none)                                                                               \
    X("GSO of unknown type", plain, gso_unknown)                                                                       \
    X("extra segment 0", plain, extra_0)                                                                               \
    X("extra segment 5", plain, extra_5)                                                                               \
    X("extra segment 6", plain, extra_6)                                                                               \
    X("extra segment missing", plain, extra_to_come)                                                                   \
    X("slot missing", plain, more_to_come)                                                                             \
    X("request crosses its page", plain, crossing)                                                                     \
    X("request starts beyond its page", plain, offset_beyond)                                                          \
    X("later request crosses its page", plain, crossing_later)                                                         \
    X("21 slots", plain, slots_21)                                                                                     \
    X("22 slots", plain, slots_22)                                                                                     \
    X("producer further than the ring", plain, producer_ahead)

#define X(name, setup, make)                                                                                           \
    static void run_##make##_##setup(struct bed *bed)                                                                  \
    {                                                                                                                  \
        transmit_case(bed, make);                                                                                      \
    }
CASES(X)
#undef X

const struct conformance_case transmit_cases[] = {
#define X(name, setup, make) { "transmit: " name, &setup_##setup, run_##make##_##setup },
    CASES(X)
#undef X
        { NULL, NULL, NULL },
};
