/* SPDX-License-Identifier: BSD-2-Clause */
/* The backend with a frontend that behaves, under both schedulers: connection, both directions, offloads, queues,
 * steering. */
#include "netback_frontend.h"
#include "packets.h"

static void run(void (*body)(void *), void *argument, enum sched_kind kind, uint64_t seed)
{
    const struct sched_options options = { .kind = kind, .seed = seed };

    CHECK_EQ(sched_run(&options, body, argument), 0);
}

/* A live run and some simulated ones. */
static void run_all(void (*body)(void *))
{
    uint32_t seeds = test_seeds(20), i;

    if (!test_seed_given()) {
        run(body, NULL, SCHED_LIVE, 1);
    }
    for (i = 0; i < seeds; i++) {
        run(body, NULL, SCHED_SIMULATED, test_seed() + i);
    }
}

static uint8_t bytes[MAX_FRAME_BYTES + 64], collected[MAX_FRAME_BYTES];
static struct fe_received received;

static void collect(struct fe *fe, uint32_t queue, struct frame *frame)
{
    *frame = (struct frame){ .vectors = { { collected, sizeof(collected) } }, .vector_count = 1 };
    CHECK(memory_port_collect(fe->port, queue, frame, 20 * SECOND) != 0);
}

static void inject(struct fe *fe, uint32_t queue, const struct frame *frame)
{
    CHECK_EQ(memory_port_inject(fe->port, queue, frame), 0);
}

static void connect_close_and_connect_again(void *unused)
{
    struct fe fe = { .queues = 2, .split = true };

    (void)unused;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    CHECK(netback_wait_connected(fe.netback, true, SECOND));
    CHECK_EQ(fe_backend_key(&fe, "feature-gso-tcpv4"), 1);
    CHECK_EQ(fe_backend_key(&fe, "multi-queue-max-queues"), 2);
    CHECK_EQ(fe_backend_key(&fe, "mtu"), 1500);
    CHECK_EQ(fe_backend_key(&fe, "feature-no-csum-offload"), -1);
    fe_close(&fe);
    CHECK(netback_wait_connected(fe.netback, false, SECOND));
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    fe_stop(&fe);
}

TEST(backend_connects_closes_and_connects_again)
{
    run_all(connect_close_and_connect_again);
}

static void start_over(void *unused)
{
    struct fe fe = { .queues = 1 };

    (void)unused;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    fe_put(&fe, "state", XenbusStateInitialising); /* a frontend that crashed and was loaded again */
    fe_wait_backend(&fe, XenbusStateInitWait);
    fe_release(&fe);
    fe_connect(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    fe_stop(&fe);
}

TEST(frontend_that_starts_over_is_taken_again)
{
    run_all(start_over);
}

static void transmit_all_sizes(void *unused)
{
    struct fe fe = { .queues = 1, .split = true, .strict = true };
    struct frame frame;
    uint32_t length, sent = 0;

    (void)unused;
    fe_start(&fe);
    for (length = 14; length < 65500; length += length < 100 ? 1 : length / 3) {
        uint32_t i, slots = 1 + (length > 60 ? (length - 60 + 4095) / 4096 : 0);

        for (i = 0; i < length; i++) {
            bytes[i] = (uint8_t)(i * 13 + (i >> 8) + length);
        }
        fe_queue_packet(&fe, 0, bytes, length, 60, NETTXF_data_validated, NULL);
        fe_push_tx(&fe, 0);
        collect(&fe, 0, &frame);
        CHECK_EQ(frame.length, length);
        CHECK(memcmp(collected, bytes, length) == 0);
        CHECK(frame.offload.checksum_valid && !frame.offload.checksum_partial);
        CHECK_EQ(fe_responses(&fe, 0, slots), 0);
        sent++;
    }
    struct netback_counters counters;
    netback_counters(fe.netback, &counters);
    CHECK_EQ(counters.tx_packets, sent);
    CHECK_EQ(counters.tx_errors, 0);
    fe_stop(&fe);
}

TEST(transmitted_packets_of_all_sizes_arrive)
{
    run(transmit_all_sizes, NULL, SCHED_LIVE, 1);
    run(transmit_all_sizes, NULL, SCHED_SIMULATED, test_seed());
}

static void transmit_offloads(void *unused)
{
    static const struct packet_shape shapes[] = {
        { .version = 4, .protocol = PROTOCOL_TCP, .payload = 50000 },
        { .version = 6, .protocol = PROTOCOL_TCP, .payload = 60000 },
        { .version = 4, .protocol = PROTOCOL_UDP, .payload = 100 },
        { .version = 6, .protocol = PROTOCOL_UDP, .payload = 100, .extension = 16 },
        { .version = 4, .protocol = PROTOCOL_TCP, .payload = 3000, .vlan = true, .ip_options = 8 },
    };
    struct fe fe = { .queues = 1 };
    uint32_t i;

    (void)unused;
    fe_start(&fe);
    for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct netif_extra_info gso = { .type = XEN_NETIF_EXTRA_TYPE_GSO };
        struct frame frame, came;
        uint32_t length = packet_build(&shapes[i], bytes, &frame);
        bool large = shapes[i].payload > 1448;
        int blank;

        gso.u.gso.size = 1448;
        gso.u.gso.type = shapes[i].version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
        /* A large packet without csum_blank is put right by the backend. */
        for (blank = 1; blank >= (large ? 0 : 1); blank--) {
            if (!blank) {
                memset(bytes + frame.offload.checksum_start + frame.offload.checksum_offset, 0xee, 2);
            }
            fe_queue_packet(&fe, 0, bytes, length, 4000, blank ? NETTXF_csum_blank | NETTXF_data_validated : 0,
                            large ? &gso : NULL);
            fe_push_tx(&fe, 0);
            collect(&fe, 0, &came);
            packet_build(&shapes[i], bytes, &frame);
            CHECK_EQ(came.length, length);
            CHECK(memcmp(collected, bytes, length) == 0);
            CHECK(came.offload.checksum_partial);
            CHECK_EQ(came.offload.checksum_start, frame.offload.checksum_start);
            CHECK_EQ(came.offload.checksum_offset, frame.offload.checksum_offset);
            CHECK_EQ(came.offload.gso, !large                   ? FRAME_GSO_NONE
                                       : shapes[i].version == 4 ? FRAME_GSO_TCPV4
                                                                : FRAME_GSO_TCPV6);
            CHECK_EQ(came.offload.gso_size, large ? 1448 : 0);
            CHECK_EQ(fe_responses(&fe, 0, 1 + large + (length > 4000 ? (length - 4000 + 4095) / 4096 : 0)), 0);
        }
    }
    fe_stop(&fe);
}

TEST(transmit_offloads_become_the_frames)
{
    run_all(transmit_offloads);
}

/* What is passed on as it is counts, because nobody here would find it: a wrong pseudo-header sum under a blank
 * checksum, and a wrong checksum where none is blank. */
static void wrong_checksums(void *unused)
{
    static const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 300 };
    struct fe fe = { .queues = 1 };
    uint64_t expected = 0;

    (void)unused;
    fe_start(&fe);
    for (uint32_t i = 0; i < 4; i++) {
        bool blank = (i & 1) != 0, wrong = (i & 2) != 0;
        struct netback_counters counters;
        struct frame frame, came;
        uint32_t length = packet_build(&shape, bytes, &frame);
        uint32_t field = frame.offload.checksum_start + frame.offload.checksum_offset;
        uint8_t sum[2];

        CHECK(blank || frame_complete_checksum(&frame));
        bytes[field] ^= wrong;
        memcpy(sum, bytes + field, sizeof(sum));
        fe_queue_packet(&fe, 0, bytes, length, 4000, blank ? NETTXF_csum_blank | NETTXF_data_validated : 0, NULL);
        fe_push_tx(&fe, 0);
        collect(&fe, 0, &came);
        CHECK_EQ(came.offload.checksum_partial, blank);
        CHECK(memcmp(collected + field, sum, sizeof(sum)) == 0); /* nobody mends it */
        CHECK_EQ(fe_responses(&fe, 0, 1), 0);
        netback_counters(fe.netback, &counters);
        expected += wrong && (blank || sched_kind() == SCHED_SIMULATED);
        CHECK_EQ(counters.tx_csum_wrong, expected);
    }
    fe_stop(&fe);
}

TEST(a_frame_with_a_wrong_checksum_is_passed_on_and_counted)
{
    run_all(wrong_checksums);
}

static void check_received(const struct frame *frame, bool large)
{
    CHECK(!received.error);
    CHECK_EQ(received.length, frame->length);
    CHECK(memcmp(received.bytes, bytes, frame->length) == 0);
    CHECK_EQ(received.flags & NETRXF_csum_blank, frame->offload.checksum_partial ? NETRXF_csum_blank : 0);
    CHECK_EQ(received.extras[XEN_NETIF_EXTRA_TYPE_GSO].type, large ? XEN_NETIF_EXTRA_TYPE_GSO : 0);
    if (large) {
        CHECK_EQ(received.extras[XEN_NETIF_EXTRA_TYPE_GSO].u.gso.size, 1448);
        CHECK_EQ(received.extras[XEN_NETIF_EXTRA_TYPE_GSO].u.gso.type, frame->offload.gso == FRAME_GSO_TCPV4 ? 1 : 2);
    }
}

/* Large and plain frames of one and several pages in turn: each change makes the backend guess wrong where the second
 * page goes. */
static void receive_mixed(struct fe *fe)
{
    struct frame frame;
    uint32_t round;

    fe_start(fe);
    for (round = 0; round < 24; round++) {
        const struct packet_shape shape = { .version = round % 3 == 0 ? 6 : 4,
                                            .protocol = PROTOCOL_TCP,
                                            .payload = round % 4 == 0   ? 20
                                                       : round % 2 == 0 ? 8000
                                                                        : 5000 + round * 2500 };
        bool large = round % 2 != 0 || round % 8 == 6;

        if (round % 4 == 0 || !large) {
            large = false;
        }
        packet_build(&shape, bytes, &frame);
        if (large) {
            frame.offload.gso = shape.version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
            frame.offload.gso_size = 1448;
        }
        inject(fe, 0, &frame);
        CHECK(fe_receive(fe, 0, &received, 20 * SECOND));
        check_received(&frame, large);
    }
    fe_stop(fe);
}

static void receive_mixed_full(void *unused)
{
    struct fe fe = { .queues = 1, .options.mtu = 9000, .strict = true };

    (void)unused;
    receive_mixed(&fe);
}

static void receive_mixed_short(void *unused)
{
    struct fe fe = { .queues = 1, .options.mtu = 9000, .post = 18 };

    (void)unused;
    receive_mixed(&fe);
}

static void receive_mixed_polling(void *unused)
{
    struct fe fe = { .queues = 1, .options.mtu = 9000, .post = 18, .no_rx_notify = true };

    (void)unused;
    receive_mixed(&fe);
}

TEST(received_frames_of_all_kinds_arrive_in_place)
{
    run_all(receive_mixed_full);
}

TEST(received_frames_arrive_over_a_ring_too_short_for_the_largest)
{
    run_all(receive_mixed_short);
    run_all(receive_mixed_polling);
}

/* One request at a time: the backend finds the ring empty after each frame, and must request a notification of the next
 * request. */
static void receive_starved(void *unused)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 700 };
    struct fe fe = { .queues = 1, .split = true, .post = 1 };
    struct frame frame;
    uint32_t i;

    (void)unused;
    fe_start(&fe);
    packet_build(&shape, bytes, &frame);
    for (i = 0; i < 20; i++) {
        inject(&fe, 0, &frame);
    }
    for (i = 0; i < 20; i++) {
        CHECK(fe_receive(&fe, 0, &received, 20 * SECOND));
        check_received(&frame, false);
    }
    fe_stop(&fe);
}

TEST(starved_ring_goes_on_when_a_request_is_posted)
{
    run_all(receive_starved);
}

static void receive_unoffloaded(void *unused)
{
    struct fe fe = { .queues = 1, .no_ipv6_offload = true };
    const struct packet_shape shape = { .version = 6, .protocol = PROTOCOL_TCP, .payload = 10000 };
    struct frame frame;
    uint32_t done = 0;

    (void)unused;
    fe_start(&fe);
    packet_build(&shape, bytes, &frame);
    frame.offload.gso = FRAME_GSO_TCPV6;
    frame.offload.gso_size = 1400;
    inject(&fe, 0, &frame);
    while (done < 10000) {
        struct frame segment = { .vectors = { { received.bytes, sizeof(received.bytes) } }, .vector_count = 1 };
        uint32_t part = 10000 - done < 1400 ? 10000 - done : 1400;

        CHECK(fe_receive(&fe, 0, &received, 20 * SECOND));
        segment.length = received.length;
        CHECK_EQ(received.length, 74 + part);
        CHECK_EQ(received.flags & NETRXF_csum_blank, 0);
        CHECK_EQ(frame_verify_checksum(&segment), CHECKSUM_GOOD);
        CHECK(memcmp(received.bytes + 74, bytes + 74 + done, part) == 0);
        done += part;
    }
    fe_stop(&fe);
}

TEST(frontend_without_ipv6_offloads_gets_complete_segments)
{
    run_all(receive_unoffloaded);
}

static void steer(void *unused)
{
    struct fe fe = { .queues = 4, .split = true };
    uint8_t key[TOEPLITZ_KEY_BYTES];
    uint32_t mapping[8] = { 3, 2, 1, 0, 3, 2, 1, 0 }, data, i, used[4] = { 0 };

    (void)unused;
    for (i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(i * 29 + 3);
    }
    fe_start(&fe);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0, NULL), XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 9, 0, 0, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0, &data), 0);
    CHECK_EQ(data, 15);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0, NULL), 0);
    memcpy(fe.control_page + XEN_PAGE_SIZE, key, sizeof(key));
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, fe.argument_ref, 41, 0, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 4000000, 40, 0, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, fe.argument_ref, 40, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129, 0, 0, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 8, 0, 0, NULL), 0);
    memcpy(fe.control_page + XEN_PAGE_SIZE, mapping, sizeof(mapping));
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 8, 1, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 8, 0xfffffff8u, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 8, 0, NULL), 0);
    ((uint32_t *)(fe.control_page + XEN_PAGE_SIZE))[2] = 4;
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 8, 0, NULL),
             XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, 0, 0, NULL), XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
    for (i = 0; i < 40; i++) {
        const struct packet_shape shape = { .version = i % 2 ? 4 : 6,
                                            .protocol = PROTOCOL_TCP,
                                            .payload = i % 5 == 0 ? 30000 : 100,
                                            .source_port = (uint16_t)(5000 + i * 17) };
        struct frame frame;
        uint32_t value, queue, came;

        packet_build(&shape, bytes, &frame);
        if (shape.payload > 1448) {
            frame.offload.gso = shape.version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
            frame.offload.gso_size = 1448;
        }
        CHECK_EQ(frame_flow_hash(&frame, key, 15, &value),
                 shape.version == 4 ? FLOW_HASH_IPV4_TCP : FLOW_HASH_IPV6_TCP);
        queue = mapping[value % 8];
        inject(&fe, i % 4, &frame);
        CHECK(fe_receive(&fe, queue, &received, 20 * SECOND));
        check_received(&frame, shape.payload > 1448);
        CHECK_EQ(received.extras[XEN_NETIF_EXTRA_TYPE_HASH].u.hash.type, shape.version == 4 ? 1 : 3);
        memcpy(&came, received.extras[XEN_NETIF_EXTRA_TYPE_HASH].u.hash.value, 4);
        CHECK_EQ(came, value);
        used[queue]++;
    }
    CHECK(used[0] != 0 && used[1] != 0 && used[2] != 0 && used[3] != 0);
    fe_stop(&fe);
}

TEST(hash_mapping_steers_frames_to_the_frontends_queues)
{
    run_all(steer);
}

/* Who posts to the queue that frames are steered to has not run for a while: the frames wait. */
static void steer_to_a_late_one(void *unused)
{
    enum { FRAMES = 12, POSTED = 4 };
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 100 };
    struct fe fe = { .queues = 2, .split = true, .post = POSTED };
    struct netback_counters counters;
    struct frame frame;
    uint32_t i;

    (void)unused;
    fe_start(&fe);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0, NULL), 0);
    memset(fe.control_page + XEN_PAGE_SIZE, 0x5a, TOEPLITZ_KEY_BYTES);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, fe.argument_ref, TOEPLITZ_KEY_BYTES, 0, NULL), 0);
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 1, 0, 0, NULL), 0);
    *(uint32_t *)(fe.control_page + XEN_PAGE_SIZE) = 1; /* all to the second */
    CHECK_EQ(fe_control(&fe, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, fe.argument_ref, 1, 0, NULL), 0);
    packet_build(&shape, bytes, &frame);
    for (i = 0; i < FRAMES; i++) {
        inject(&fe, 0, &frame);
    }
    sched_sleep(SECOND / 5);
    for (i = 0; i < FRAMES; i++) {
        CHECK(fe_receive(&fe, 1, &received, 20 * SECOND));
        check_received(&frame, false);
    }
    netback_counters(fe.netback, &counters);
    CHECK_EQ(counters.rx_dropped, 0);
    fe_stop(&fe);
}

TEST(frames_wait_for_the_queue_that_they_are_steered_to)
{
    run_all(steer_to_a_late_one);
}

static void multicast(void *unused)
{
    static const uint8_t group[6] = { 0x33, 0x33, 0, 0, 0, 5 };
    struct netif_extra_info change = { .type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD };
    const struct packet_shape shape = { .version = 6, .protocol = PROTOCOL_UDP, .payload = 10 };
    struct fe fe = { .queues = 1 };
    struct netback_counters counters;
    struct frame frame;
    int step, tries;

    (void)unused;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    packet_build(&shape, bytes, &frame);
    memcpy(bytes, group, 6);
    memcpy(change.u.mcast.addr, group, 6);
    fe_put(&fe, "request-multicast-control", 1);
    for (step = 0; step < 3; step++) { /* not asked for, asked for, given up */
        uint64_t before;

        if (step != 0) {
            change.type = step == 1 ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD : XEN_NETIF_EXTRA_TYPE_MCAST_DEL;
            fe_queue_packet(&fe, 0, bytes, 1, 1, 0, &change);
            fe_push_tx(&fe, 0);
            CHECK_EQ(fe_responses(&fe, 0, 2), 0);
        }
        netback_counters(fe.netback, &counters);
        before = counters.rx_dropped;
        if (step == 1) {
            inject(&fe, 0, &frame);
            CHECK(fe_receive(&fe, 0, &received, 20 * SECOND));
            continue;
        }
        /* The watch needs a moment: send until one is dropped. */
        for (tries = 0; tries < 500 && counters.rx_dropped == before; tries++) {
            inject(&fe, 0, &frame);
            (void)fe_receive(&fe, 0, &received, SECOND / 100);
            netback_counters(fe.netback, &counters);
        }
        CHECK(counters.rx_dropped != before);
    }
    fe_stop(&fe);
}

TEST(multicast_list_filters_once_requested)
{
    run_all(multicast);
}

TEST(feature_names_are_parsed_and_unknown_ones_named)
{
    uint32_t mask;
    char error[300];

    CHECK(netback_features_parse("", &mask, error, sizeof(error)) && mask == 0);
    CHECK(netback_features_parse("gso-tcpv4,csum", &mask, error, sizeof(error)));
    CHECK_EQ(mask, 1u << NETBACK_BIT_GSO_TCPV4 | 1u << NETBACK_BIT_CSUM);
    CHECK(!netback_features_parse("sg,gso", &mask, error, sizeof(error)));
    CHECK_CONTAINS(error, "\"gso\"");
    CHECK_CONTAINS(error, "multi-queue");
}

static void taken_away(void *unused)
{
    struct fe fe = { .queues = 1,
                     .options.without = 1u << NETBACK_BIT_CSUM | 1u << NETBACK_BIT_GSO_TCPV4 | 1u << NETBACK_BIT_MTU };
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 100 };
    struct netback_counters counters;
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    (void)unused;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    CHECK_EQ(fe_backend_key(&fe, "feature-no-csum-offload"), 1);
    CHECK_EQ(fe_backend_key(&fe, "feature-gso-tcpv4"), -1);
    CHECK_EQ(fe_backend_key(&fe, "mtu"), -1);
    fe_queue_packet(&fe, 0, bytes, length, 4096, NETTXF_csum_blank, NULL); /* against what was offered */
    fe_push_tx(&fe, 0);
    CHECK_EQ(fe_responses(&fe, 0, 1), 0);
    netback_counters(fe.netback, &counters);
    CHECK_EQ(counters.tx_errors,
             1); /* dropped, as Linux drops what it cannot make sense of: without an error response */
    CHECK_EQ(counters.tx_packets, 0);
    inject(&fe, 0, &frame);
    CHECK(fe_receive(&fe, 0, &received, 20 * SECOND));
    CHECK_EQ(received.flags & NETRXF_csum_blank, 0);
    netback_set_link(fe.netback, false);
    CHECK_EQ(fe_backend_key(&fe, "carrier"), 0);
    inject(&fe, 0, &frame);
    CHECK(!fe_receive(&fe, 0, &received, SECOND / 10));
    fe_stop(&fe);
}

TEST(feature_taken_away_is_neither_offered_nor_used)
{
    run_all(taken_away);
}

static void without_sg(void *unused)
{
    struct fe fe = { .queues = 1, .options.without = 1u << NETBACK_BIT_SG };
    struct frame frame;

    (void)unused;
    fe_start(&fe);
    CHECK_EQ(fe_backend_key(&fe, "feature-sg"), -1);
    CHECK_EQ(fe_backend_key(&fe, "feature-gso-tcpv4"), -1);
    CHECK_EQ(fe_backend_key(&fe, "feature-gso-tcpv6"), -1);
    fe_queue_packet(&fe, 0, bytes, 1400, 100, 0, NULL);
    fe_push_tx(&fe, 0);
    collect(&fe, 0, &frame);
    CHECK_EQ(frame.length, 1400);
    CHECK_EQ(fe_responses(&fe, 0, 2), 0);
    fe_stop(&fe);
}

TEST(backend_without_scatter_gather_offers_no_gso_and_takes_slots_all_the_same)
{
    run_all(without_sg);
}
