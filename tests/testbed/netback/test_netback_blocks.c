/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of datagrams through the backend: cut for the guest, gathered for the wire, each datagram as it was. */
#include "netback_frontend.h"
#include "packets.h"
#include "wire/segment.h"

enum { MAX_CUT = 160 };

static uint8_t bytes[MAX_FRAME_BYTES + 64], collected[MAX_FRAME_BYTES], expected[MAX_CUT][9100];
static uint32_t lengths[MAX_CUT], parts;
static struct fe_received received;

static void run_all(void (*body)(void *))
{
    uint32_t seeds = test_seeds(10), i;

    for (i = 0; i <= seeds; i++) {
        const struct sched_options options = { .kind = i == 0 ? SCHED_LIVE : SCHED_SIMULATED, .seed = test_seed() + i };

        if (i != 0 || !test_seed_given()) {
            CHECK_EQ(sched_run(&options, body, NULL), 0);
        }
    }
}

static void expect(void *context, struct frame *segment)
{
    (void)context;
    lengths[parts] = frame_copy_out(segment, 0, expected[parts], segment->length);
    parts++;
}

/* What comes of the frame, one behind the other. */
static void make(const struct packet_shape *shape, uint32_t size, struct frame *frame)
{
    parts = 0;
    packet_build(shape, bytes, frame);
    if (size == 0) {
        expect(NULL, frame);
        return;
    }
    frame->offload.gso = shape->protocol == PROTOCOL_UDP ? FRAME_GSO_UDP
                         : shape->version == 4           ? FRAME_GSO_TCPV4
                                                         : FRAME_GSO_TCPV6;
    frame->offload.gso_size = (uint16_t)size;
    if (shape->protocol == PROTOCOL_UDP) {
        CHECK(frame_segment(frame, expect, NULL));
    } else {
        lengths[parts] = frame->length; /* goes on as it is */
        parts++;
    }
}

static void compare(uint32_t i, const uint8_t *came, uint32_t length)
{
    CHECK_EQ(length, lengths[i]);
    if (memcmp(came, parts == 1 ? bytes : expected[i], length) != 0) {
        test_fail(__FILE__, __LINE__, "datagram %u of %u is not the one that was in the block", i, parts);
    }
}

static void receive_blocks(struct fe *fe, uint32_t queue, bool hashed)
{
    /* Payload and segment size: the same again and again, then others; between them what is no block. */
    static const struct {
        uint32_t payload, size;
        int version, protocol;
    } frames[] = {
        { 64400, 1400, 4, PROTOCOL_UDP }, { 64400, 1400, 4, PROTOCOL_UDP }, { 64400, 1400, 6, PROTOCOL_UDP },
        { 64400, 1400, 6, PROTOCOL_UDP }, { 20000, 1400, 6, PROTOCOL_UDP }, { 1401, 1400, 6, PROTOCOL_UDP },
        { 100, 0, 6, PROTOCOL_UDP },      { 30000, 1000, 6, PROTOCOL_UDP }, { 30001, 1000, 6, PROTOCOL_UDP },
        { 50000, 1448, 4, PROTOCOL_TCP }, { 30001, 1000, 6, PROTOCOL_UDP }, { 30999, 1000, 6, PROTOCOL_UDP },
        { 50000, 1448, 4, PROTOCOL_TCP }, { 1400, 0, 4, PROTOCOL_UDP },     { 60000, 512, 4, PROTOCOL_UDP },
        { 60000, 512, 4, PROTOCOL_UDP },  { 30000, 512, 4, PROTOCOL_UDP },  { 9000, 4000, 4, PROTOCOL_UDP },
        { 9000, 4000, 4, PROTOCOL_UDP },  { 9001, 4000, 6, PROTOCOL_UDP },  { 64400, 1400, 4, PROTOCOL_UDP },
        { 65507, 1472, 4, PROTOCOL_UDP }, { 65507, 1472, 4, PROTOCOL_UDP }, { 1473, 1472, 4, PROTOCOL_UDP },
    };
    uint32_t i, n;

    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        const struct packet_shape shape = { .version = frames[i].version,
                                            .protocol = frames[i].protocol,
                                            .payload = frames[i].payload,
                                            .vlan = i % 5 == 4 };
        struct frame frame;

        make(&shape, frames[i].size, &frame);
        CHECK_EQ(memory_port_inject(fe->port, queue, &frame), 0);
        for (n = 0; n < parts; n++) {
            CHECK(fe_receive(fe, queue, &received, 20 * SECOND));
            CHECK(!received.error);
            compare(n, received.bytes, received.length);
            CHECK(received.flags & NETRXF_csum_blank);
            CHECK_EQ(received.extras[XEN_NETIF_EXTRA_TYPE_HASH].type != 0, hashed);
        }
    }
}

static void blocks_in(void *unused)
{
    struct fe fe = { .queues = 1, .options.mtu = 9000, .strict = true };
    struct netback_counters counters;

    (void)unused;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    receive_blocks(&fe, 0, false);
    netback_counters(fe.netback, &counters);
    CHECK_EQ(counters.rx_dropped, 0);
    fe_close(&fe); /* another frontend, and what the last block was is forgotten */
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe);
    receive_blocks(&fe, 0, false);
    fe_stop(&fe);
}

/* Fewer requests than a block has datagrams. */
static void blocks_in_short(void *unused)
{
    struct fe fe = { .queues = 1, .options.mtu = 9000, .post = 24 };

    (void)unused;
    fe_start(&fe);
    receive_blocks(&fe, 0, false);
    fe_stop(&fe);
}

/* Each segment with a hash, on this queue or on another. */
static void blocks_in_hashed(void *unused)
{
    struct fe fe = { .queues = 2, .options.mtu = 9000, .split = true };
    uint32_t mapping[2] = { 0, 0 }, i;

    (void)unused;
    fe_start(&fe);
    for (i = 0; i < TOEPLITZ_KEY_BYTES; i++) {
        fe.control_page[XEN_PAGE_SIZE + i] = (uint8_t)(i * 29 + 3);
    }
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, fe.argument_ref, TOEPLITZ_KEY_BYTES, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 2, 0, 0, NULL), 0);
    for (i = 0; i < 2; i++) {
        mapping[0] = mapping[1] = i;
        memcpy(fe.control_page + XEN_PAGE_SIZE, mapping, sizeof(mapping));
        CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 2, 0, NULL), 0);
        for (uint32_t turn = 0; turn < 2; turn++) {
            const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 20001 };
            struct frame frame;

            make(&shape, 1400, &frame);
            CHECK_EQ(memory_port_inject(fe.port, 0, &frame), 0);
            for (uint32_t n = 0; n < parts; n++) {
                CHECK(fe_receive(&fe, i, &received, 20 * SECOND));
                compare(n, received.bytes, received.length);
                CHECK(received.extras[XEN_NETIF_EXTRA_TYPE_HASH].type != 0);
            }
        }
    }
    mapping[0] = mapping[1] = 0;
    memcpy(fe.control_page + XEN_PAGE_SIZE, mapping, sizeof(mapping));
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 2, 0, NULL), 0);
    receive_blocks(&fe, 0, true);
    fe_stop(&fe);
}

TEST(blocks_of_datagrams_are_cut_for_the_guest)
{
    run_all(blocks_in);
    run_all(blocks_in_short);
    run_all(blocks_in_hashed);
}

static void blocks_in_unoffloaded(void *unused)
{
    struct fe fe = { .queues = 1, .no_ipv6_offload = true };
    const struct packet_shape shape = { .version = 6, .protocol = PROTOCOL_UDP, .payload = 10000 };
    struct frame frame;

    (void)unused;
    fe_start(&fe);
    for (uint32_t turn = 0; turn < 3; turn++) {
        make(&shape, 1400, &frame);
        CHECK_EQ(memory_port_inject(fe.port, 0, &frame), 0);
        for (uint32_t n = 0; n < parts; n++) {
            struct frame segment = { .vectors = { { received.bytes, sizeof(received.bytes) } }, .vector_count = 1 };

            CHECK(fe_receive(&fe, 0, &received, 20 * SECOND));
            segment.length = received.length;
            CHECK_EQ(received.length, lengths[n]);
            CHECK_EQ(received.flags & NETRXF_csum_blank, 0);
            CHECK_EQ(frame_verify_checksum(&segment), CHECKSUM_GOOD);
        }
    }
    fe_stop(&fe);
}

TEST(a_frontend_without_checksum_offload_gets_datagrams_with_checksums)
{
    run_all(blocks_in_unoffloaded);
}

static void take(void *context, struct frame *frame)
{
    static uint8_t one[9100];
    uint32_t *seen = context;

    frame_copy_out(frame, 0, one, frame->length);
    compare((*seen)++, one, frame->length);
}

/* The guest sends the segments of a block; a port that takes blocks gets them as few, with pages that the guest has
 * not got back before. */
static void blocks_out(void *unused)
{
    static const uint32_t sizes[] = { 1400, 1472, 1000, 100, 1400 };
    struct fe fe = { .queues = 1, .split = true, .strict = true };
    struct netback_counters counters;
    uint32_t round, i, seen, writes, sent = 0;

    (void)unused;
    fe.port = memory_port_create(1, 256);
    memory_port_take_udp_gso(fe.port);
    fe_start(&fe);
    for (round = 0; round < sizeof(sizes) / sizeof(sizes[0]); round++) {
        const struct packet_shape shape = { .version = round % 2 ? 6 : 4,
                                            .protocol = PROTOCOL_UDP,
                                            .payload = 40 * sizes[round] - round };
        struct frame frame;
        uint32_t slots = 0;

        make(&shape, sizes[round], &frame);
        for (i = 0; i < parts; i++) {
            uint32_t before = fe.q[0].tx.req_prod_pvt;

            fe_queue_packet(&fe, 0, expected[i], lengths[i], 62 + i % 3, NETTXF_csum_blank | NETTXF_data_validated,
                            NULL);
            slots += fe.q[0].tx.req_prod_pvt - before;
        }
        sent += parts;
        fe_push_tx(&fe, 0);
        CHECK_EQ(fe_responses(&fe, 0, slots), 0);
        for (seen = 0, writes = 0; seen < parts; writes++) {
            struct frame came = { .vectors = { { collected, sizeof(collected) } }, .vector_count = 1 };

            CHECK(memory_port_collect(fe.port, 0, &came, 20 * SECOND) != 0);
            came.vectors[0].iov_len = came.length;
            if (came.offload.gso == FRAME_GSO_NONE) {
                take(&seen, &came);
            } else {
                CHECK_EQ(came.offload.gso, FRAME_GSO_UDP);
                CHECK_EQ(came.offload.gso_size, sizes[round]);
                CHECK(frame_segment(&came, take, &seen));
            }
        }
        CHECK_EQ(writes, 1);
    }
    netback_counters(fe.netback, &counters);
    CHECK_EQ(counters.tx_packets, sent);
    CHECK_EQ(counters.tx_errors, 0);
    fe_stop(&fe);
}

TEST(datagrams_of_a_block_go_to_the_wire_as_one)
{
    run_all(blocks_out);
}
