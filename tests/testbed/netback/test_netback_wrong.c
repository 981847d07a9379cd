/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend with a frontend that breaks the protocol: a wrong packet is answered with errors and the next one passes;
 * requests that make no sense disable the interface silently, its state stays Connected, and only a new one takes
 * anything again.
 */
#include "netback_frontend.h"
#include "packets.h"

static uint8_t bytes[MAX_FRAME_BYTES + 64], collected[MAX_FRAME_BYTES];
static struct fe_received received;

static void run_all(void (*body)(void *), void *argument)
{
    uint32_t seeds = test_seeds(10), i;
    struct sched_options options = { .kind = SCHED_LIVE };

    if (!test_seed_given()) {
        CHECK_EQ(sched_run(&options, body, argument), 0);
    }
    for (i = 0; i < seeds; i++) {
        options = (struct sched_options){ .kind = SCHED_SIMULATED, .seed = test_seed() + i };
        CHECK_EQ(sched_run(&options, body, argument), 0);
    }
}

static void check_alive(struct fe *fe)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 400 };
    struct frame frame, came = { .vectors = { { collected, sizeof(collected) } }, .vector_count = 1 };
    uint32_t length = packet_build(&shape, bytes, &frame);

    fe_queue_packet(fe, 0, bytes, length, 100, NETTXF_csum_blank, NULL);
    fe_push_tx(fe, 0);
    CHECK_EQ(fe_responses(fe, 0, 2), 0);
    CHECK(memory_port_collect(fe->port, 0, &came, 20 * SECOND) != 0);
    CHECK_EQ(came.length, length);
    CHECK(memcmp(collected, bytes, length) == 0);
}

/* --- wrong packets --- */

struct wrong {
    const char *name;
    void (*make)(struct fe *fe);
    uint32_t responses, errors;
};

static void runt(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 13, 0);
}

static void short_first(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 100,
            NETTXF_more_data); /* 90 of the 100 bytes are in the second: the first has no Ethernet header */
    fe_slot(&fe->q[0], 0, 90, 0);
}

static void longer_than_told(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 100, NETTXF_more_data);
    fe_slot(&fe->q[0], 0, 200, NETTXF_more_data);
    fe_slot(&fe->q[0], 0, 10, 0);
}

static void nineteen_more(struct fe *fe)
{
    int i;

    fe_slot(&fe->q[0], 0, 2000, NETTXF_more_data);
    for (i = 0; i < 19; i++) {
        fe_slot(&fe->q[0], 0, 10, i < 18 ? NETTXF_more_data : 0);
    }
}

static void bad_grant(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 1000, NETTXF_more_data);
    fe_slot(&fe->q[0], 0, 500, NETTXF_more_data)->gref = 12345678;
    fe_slot(&fe->q[0], 0, 100, 0);
}

static void bad_first_grant(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 1000, 0)->gref = 8000;
}

static void blank_without_protocol(struct fe *fe)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 400 };
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    put16(bytes + 12, 0x0806);
    fe_queue_packet(fe, 0, bytes, length, 4096, NETTXF_csum_blank, NULL);
}

static const struct wrong wrongs[] = {
    { "runt", runt, 1, 1 },
    { "no Ethernet header in the first slot", short_first, 2, 2 },
    { "slots longer than the packet", longer_than_told, 3, 3 },
    { "19 slots behind the first", nineteen_more, 20, 20 },
    { "a grant that is none", bad_grant, 3, 1 },
    { "a first grant that is none", bad_first_grant, 1, 1 },
    { "blank checksum in ARP", blank_without_protocol, 1, 0 }, /* dropped, but not answered with an error */
};

static void run_wrong(void *argument)
{
    const struct wrong *wrong = argument;
    struct fe fe = { .queues = 1 };
    struct netback_counters counters;

    fe_start(&fe);
    check_alive(&fe);
    wrong->make(&fe);
    fe_push_tx(&fe, 0);
    if (fe_responses(&fe, 0, wrong->responses) != wrong->errors) {
        test_fail(__FILE__, __LINE__, "%s: not %u errors", wrong->name, wrong->errors);
    }
    check_alive(&fe);
    netback_counters(fe.netback, &counters);
    CHECK_EQ(counters.tx_errors, 1);
    CHECK_EQ(counters.tx_packets, 2);
    fe_stop(&fe);
}

TEST(wrong_packet_is_answered_with_errors_and_the_next_one_passes)
{
    size_t i;

    for (i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        run_all(run_wrong, (void *)&wrongs[i]);
    }
}

/* --- nonsense --- */

static void crossing(struct fe *fe)
{
    fe_slot(&fe->q[0], 4000, 97, 0);
}

static void crossing_later(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 200, NETTXF_more_data);
    fe_slot(&fe->q[0], 4090, 7, 0);
}

static void endless(struct fe *fe)
{
    int i;

    for (i = 0; i < 25; i++) {
        fe_slot(&fe->q[0], 0, i == 0 ? 3000 : 10, NETTXF_more_data);
    }
}

static void unfinished(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 200, NETTXF_more_data);
}
static void no_extra(struct fe *fe)
{
    fe_slot(&fe->q[0], 0, 200, NETTXF_extra_info);
}

static void put_extra(struct fe *fe, struct netif_extra_info extra)
{
    fe_slot(&fe->q[0], 0, 200, NETTXF_extra_info);
    fe_extra(&fe->q[0], &extra);
}

static void unknown_extra(struct fe *fe)
{
    put_extra(fe, (struct netif_extra_info){ .type = 9 });
}
static void gso_without_size(struct fe *fe)
{
    put_extra(fe, (struct netif_extra_info){ .type = 1, .u.gso = { .type = 1 } });
}
static void gso_of_unknown_type(struct fe *fe)
{
    put_extra(fe, (struct netif_extra_info){ .type = 1, .u.gso = { .size = 1000, .type = 3 } });
}
static void overfull(struct fe *fe)
{
    fe->q[0].tx.req_prod_pvt += RING_SLOTS + 1;
}

static void (*const nonsense[])(struct fe *) = {
    crossing,         crossing_later,      endless,  unfinished, no_extra, unknown_extra,
    gso_without_size, gso_of_unknown_type, overfull,
};

static void run_nonsense(void *argument)
{
    struct fe fe = { .queues = 1 };
    struct frame frame = { .vectors = { { collected, sizeof(collected) } }, .vector_count = 1 };

    fe_start(&fe);
    check_alive(&fe);
    (*(void (*const *)(struct fe *))argument)(&fe);
    fe_push_tx(&fe, 0);
    CHECK_EQ(memory_port_collect(fe.port, 0, &frame, SECOND / 50), 0);
    CHECK_EQ(fe_backend_key(&fe, "state"), XenbusStateConnected);
    CHECK_EQ(flag(&fe.netback->disabled), 1);
    fe_close(&fe);
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe); /* as in Linux, of no use: only a new backend takes anything again */
    fe_wait_backend(&fe, XenbusStateConnected);
    CHECK_EQ(flag(&fe.netback->disabled), 1);
    fe_close(&fe);
    netback_destroy(fe.netback);
    fe.netback = netback_create(fe.dom0, fe.port, &fe.options);
    CHECK(fe.netback != NULL);
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe);
    check_alive(&fe);
    fe_stop(&fe);
}

TEST(nonsense_disables_the_interface_until_there_is_a_new_one)
{
    size_t i;

    for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        run_all(run_nonsense, (void *)&nonsense[i]);
    }
}

/* --- receive side and xenstore --- */

static void bad_receive_grants(void *unused)
{
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 100 };
    struct fe fe = { .queues = 1 };
    struct frame frame;
    uint32_t i;

    (void)unused;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    packet_build(&shape, bytes, &frame);
    /* Slots 0 to 255 are posted well; the next time round some of them are not. */
    fe.q[0].rx_grants[3] += 100000;
    fe.q[0].rx_grants[5] += 100000;
    for (i = 0; i < RING_SLOTS + 8; i++) {
        CHECK_EQ(memory_port_inject(fe.port, 0, &frame), 0);
        CHECK(fe_receive(&fe, 0, &received, 20 * SECOND));
        CHECK_EQ(received.error, i == RING_SLOTS + 3 || i == RING_SLOTS + 5);
        CHECK(received.error || memcmp(received.bytes, bytes, frame.length) == 0);
    }
    fe.q[0].rx_grants[3] -= 100000;
    fe.q[0].rx_grants[5] -= 100000;
    fe_stop(&fe);
}

TEST(receive_request_with_a_bad_grant_is_answered_with_an_error)
{
    run_all(bad_receive_grants, NULL);
}

static void overfull_receive(void *unused)
{
    struct fe fe = { .queues = 1 };

    (void)unused;
    fe_start(&fe);
    check_alive(&fe);
    fe.q[0].rx.sring->req_prod += 1000;
    xen_event_send(fe.q[0].rx_event);
    fe_close(&fe);
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe);
    check_alive(&fe);
    fe_stop(&fe);
}

TEST(overfull_receive_ring_harms_nobody)
{
    run_all(overfull_receive, NULL);
}

/* A key that is wrong at connect: the backend says Connected and is not (as Linux's), and a frontend that starts over
 * with the right one connects. */
static void wrong_key(void *argument)
{
    const char *key = argument;
    struct fe fe = { .queues = 2, .split = true };
    char path[128], *good;

    fe.options.queues = 2;
    fe_start(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    fe_close(&fe);
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe); /* connects well; then the same again with one key spoilt */
    fe_wait_backend(&fe, XenbusStateConnected);
    snprintf(path, sizeof(path), "/local/domain/1/device/vif/0/%s", key);
    CHECK_EQ(xen_store_read(fe.guest, 0, path, &good), 0);
    CHECK_EQ(xen_store_write(fe.guest, 0, path, "99999999"), 0);
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_wait_backend(&fe, XenbusStateInitWait);
    fe_put(&fe, "state", XenbusStateConnected);
    fe_wait_backend(&fe, XenbusStateConnected);
    CHECK(!netback_wait_connected(fe.netback, true, SECOND / 100));
    CHECK_EQ(xen_store_write(fe.guest, 0, path, good), 0);
    free(good);
    fe_put(&fe, "state", XenbusStateClosed);
    fe_wait_backend(&fe, XenbusStateClosed);
    fe_release(&fe);
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
    check_alive(&fe);
    fe_stop(&fe);
}

TEST(wrong_xenstore_keys_connect_nothing)
{
    static const char *const names[] = { "queue-1/tx-ring-ref", "queue-0/rx-ring-ref", "queue-1/event-channel-rx",
                                         "multi-queue-num-queues", "ctrl-ring-ref" };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        run_all(wrong_key, (void *)names[i]);
    }
}
