/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule on the use of the VIF, STORE and SUSPEND interfaces is tripped once. */
#include "vif_bed.h"
#include "xenvif/offer/hostile.h"

typedef MS_ABI void vb_backfill(void *interface, uint32_t size);
typedef MS_ABI void vb_free(void *interface, void *buffer);
typedef MS_ABI int32_t vb_parameters(void *interface, ...);

static void expect(void (*body)(struct vif_bed *bed), const char *rule)
{
    struct vb_story story = { body, { .version = 10, .queues = 1, .mtu = 9000 } };

    test_expect_rule(__FILE__, __LINE__, rule, vb_run_simulated, &story);
}

static void query(struct vif_bed *bed)
{
    CHECK_EQ(pnp_query_interface(device_object(vif_pdo(bed->vif)), vb_guid(), 10, &bed->vifi, sizeof(bed->vifi)), 0);
}

static void without_acquire(struct vif_bed *bed)
{
    uint32_t count;

    query(bed);
    ((vb_get32 *)bed->vifi.QueryRingCount)(&bed->vifi, &count);
}

TEST(method_without_acquire_is_caught)
{
    expect(without_acquire, "vif-acquire");
}

static void release_too_often(struct vif_bed *bed)
{
    vb_bind(bed);
    vb_unbind(bed);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

TEST(release_too_often_is_caught)
{
    expect(release_too_often, "vif-acquire");
}

static void send_disabled(struct vif_bed *bed)
{
    query(bed);
    ((vb_acquire *)bed->vifi.Acquire)(&bed->vifi);
    vb_send(bed, 0, NULL, 60, 0, 0, NULL, false);
}

TEST(packet_sent_while_not_enabled_is_caught)
{
    expect(send_disabled, "vif-enabled");
}

static void send_disabled_leniently(struct vif_bed *bed)
{
    const struct XENVIF_PACKET_HASH_V2 none = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_NONE };
    const struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 nothing = { .Value = 0 };

    rule_be_lenient(true);
    query(bed);
    ((vb_acquire *)bed->vifi.Acquire)(&bed->vifi);
    CHECK_EQ(
        ((vb_queue *)bed->vifi.TransmitterQueuePacket)(&bed->vifi, bed->mdls[0], 0, 60, nothing, 0, 0, &none, 0, bed),
        STATUS_UNSUCCESSFUL);
    CHECK_EQ(rule_remarks(), 1);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

TEST(packet_of_a_foreign_driver_sent_while_not_enabled_is_refused)
{
    struct vb_story story = { send_disabled_leniently, { .version = 10, .queues = 1, .mtu = 1500 } };

    vb_run_simulated(&story);
}

static void send_without_queues(struct vif_bed *bed)
{
    vb_bind(bed);
    netback_destroy(bed->netback);
    bed->netback = NULL;
    CHECK_EQ(vif_suspend_resume(bed->vif), -1);
    vb_send(bed, 0, NULL, 60, 0, 0, NULL, false);
}

TEST(packet_without_a_hash_for_a_xenvif_without_queues_is_caught)
{
    expect(send_without_queues, "vif-queues");
}

static void release_enabled(struct vif_bed *bed)
{
    vb_bind(bed);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

TEST(release_while_enabled_is_caught)
{
    expect(release_enabled, "vif-enabled");
}

static void disable_at_dispatch(struct vif_bed *bed)
{
    vb_bind(bed);
    irql_raise(DISPATCH_LEVEL);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
}

TEST(disable_at_dispatch_is_caught)
{
    expect(disable_at_dispatch, "vif-irql");
}

static void ask_the_removed(struct vif_bed *bed)
{
    vb_bind(bed);
    vif_leave_alone(bed->vif, true);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
}

TEST(method_of_a_device_to_be_left_alone_is_caught)
{
    expect(ask_the_removed, "vif-removed");
}

static void receive_one(struct vif_bed *bed)
{
    struct frame frame = vb_udp(3000, 1);

    vb_bind(bed);
    bed->keep = true;
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, 1);
}

static void return_twice(struct vif_bed *bed)
{
    receive_one(bed);
    vb_give_back(bed);
    ((vb_return *)bed->vifi.ReceiverReturnPacket)(&bed->vifi, bed->received[0].cookie);
}

TEST(packet_returned_twice_is_caught)
{
    expect(return_twice, "vif-cookie");
}

static void return_nothing(struct vif_bed *bed)
{
    receive_one(bed);
    ((vb_return *)bed->vifi.ReceiverReturnPacket)(&bed->vifi, bed);
}

TEST(cookie_that_is_none_is_caught)
{
    expect(return_nothing, "vif-cookie");
}

static void return_changed(struct vif_bed *bed)
{
    receive_one(bed);
    bed->received[0].mdl->Next = NULL;
    vb_give_back(bed);
}

TEST(changed_mdl_chain_is_caught)
{
    struct vb_story story = { return_changed, { .version = 10, .queues = 1, .mtu = 9000 } };

    test_expect_rule(__FILE__, __LINE__, "vif-chain", vb_run_simulated, &story);
}

static void keep_at_disable(struct vif_bed *bed)
{
    struct frame frame = vb_udp(100, 1);

    vb_bind(bed);
    bed->keep = true;
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, 1);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
}

TEST(packets_kept_over_disable_are_caught)
{
    expect(keep_at_disable, "vif-held");
}

static void beyond_chain(struct vif_bed *bed)
{
    struct frame frame = vb_udp(100, 1);

    memcpy(bed->memory, vb_bytes, frame.length);
    vb_bind(bed);
    vb_send(bed, 0, NULL, 5000, 0, 0, NULL, false);
}

TEST(packet_longer_than_its_mdls_is_caught)
{
    expect(beyond_chain, "vif-packet");
}

static void large_udp(struct vif_bed *bed)
{
    struct frame frame = vb_udp(1000, 1);

    memcpy(bed->memory, vb_bytes, frame.length);
    vb_bind(bed);
    vb_send(bed, 0, NULL, frame.length, 1 << 1, 500, NULL, false);
}

TEST(large_send_that_is_not_tcp_is_caught)
{
    expect(large_udp, "vif-offload");
}

static void not_offered(struct vif_bed *bed)
{
    struct frame frame;
    uint32_t length = packet_build(&(struct packet_shape){ 6, PROTOCOL_TCP, 100, .source_port = 1 }, vb_bytes, &frame);

    memcpy(bed->memory, vb_bytes, length);
    vb_bind(bed);
    vb_send(bed, 0, NULL, length, 1 << 6, 0, NULL, false);
}

TEST(offload_that_was_not_offered_is_caught)
{
    struct vb_story story = { not_offered, { .version = 10, .queues = 1, .without = 1u << NETBACK_BIT_IPV6_CSUM } };

    test_expect_rule(__FILE__, __LINE__, "vif-offload", vb_run_simulated, &story);
}

static void backfill(struct vif_bed *bed)
{
    vb_bind(bed);
    ((vb_backfill *)bed->vifi.ReceiverSetBackfillSize)(&bed->vifi, 4000);
}

TEST(backfill_beyond_reason_is_caught)
{
    expect(backfill, "vif-backfill");
}

static void free_nothing(struct vif_bed *bed)
{
    static const struct {
        uint32_t a;
        uint16_t b, c;
        uint8_t d[8];
    } guid = GUID_XENBUS_STORE_INTERFACE;
    struct XENBUS_STORE_INTERFACE_V2 store;

    CHECK_EQ(pnp_query_interface(device_object(vif_pdo(bed->vif)), (const uint8_t *)&guid, 2, &store, sizeof(store)),
             0);
    ((vb_acquire *)store.StoreAcquire)(&store);
    ((vb_free *)store.StoreFree)(&store, bed);
}

TEST(store_buffer_that_is_none_is_caught)
{
    expect(free_nothing, "vif-store");
}

static void suspend_nothing(struct vif_bed *bed)
{
    static const struct {
        uint32_t a;
        uint16_t b, c;
        uint8_t d[8];
    } guid = GUID_XENBUS_SUSPEND_INTERFACE;
    struct XENBUS_SUSPEND_INTERFACE_V1 suspend;

    CHECK_EQ(
        pnp_query_interface(device_object(vif_pdo(bed->vif)), (const uint8_t *)&guid, 1, &suspend, sizeof(suspend)), 0);
    ((vb_acquire *)suspend.Acquire)(&suspend);
    ((vb_free *)suspend.Deregister)(&suspend, bed);
}

TEST(suspend_callback_that_is_none_is_caught)
{
    expect(suspend_nothing, "vif-suspend");
}

static void write_behind(struct vif_bed *bed)
{
    struct frame frame = vb_udp(100, 1);

    vb_bind(bed);
    bed->version = 10; /* the subscriber believes to have version 10 and asks for a pause */
    bed->pause_every = 1;
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, 1);
    vb_unbind(bed);
}

TEST(writing_behind_the_version_9_record_is_caught)
{
    struct vb_story story = { write_behind, { .version = 9, .queues = 1 } };

    test_expect_rule(__FILE__, __LINE__, "vif-record", vb_run_simulated, &story);
}

static void return_injected_twice(struct vif_bed *bed)
{
    struct XENVIF_PACKET_INFO_V2 info = { .Length = 0 };
    struct XENVIF_PACKET_HASH_V2 hash = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_NONE };
    struct vif_inject packet = { .mdl = bed->mdls[0], .length = 100, .info = &info, .hash = &hash };

    vif_inject_start();
    vb_bind(bed);
    bed->keep = true;
    vif_inject(bed->vif, 0, &packet);
    vb_give_back(bed);
    CHECK_EQ(vif_inject_returned(), 1);
    ((vb_return *)bed->vifi.ReceiverReturnPacket)(&bed->vifi, bed->received[0].cookie);
}

TEST(hostile_packet_returned_twice_is_caught)
{
    expect(return_injected_twice, "vif-return");
}

static void sleep_enabled(struct vif_bed *bed)
{
    vb_bind(bed);
    (void)vif_sleep(bed->vif, false, NULL, NULL);
}

TEST(sleeping_while_enabled_is_caught)
{
    expect(sleep_enabled, "vif-power");
}

static void hibernate_with_references(struct vif_bed *bed)
{
    static const struct {
        uint32_t a;
        uint16_t b, c;
        uint8_t d[8];
    } guid = GUID_XENBUS_SUSPEND_INTERFACE;
    struct XENBUS_SUSPEND_INTERFACE_V1 suspend;

    CHECK_EQ(
        pnp_query_interface(device_object(vif_pdo(bed->vif)), (const uint8_t *)&guid, 1, &suspend, sizeof(suspend)), 0);
    ((vb_acquire *)suspend.Acquire)(&suspend);
    CHECK_EQ(vif_sleep(bed->vif, false, NULL, NULL), 0); /* S3 leaves them */
    (void)vif_sleep(bed->vif, true, NULL, NULL);
}

TEST(hibernating_with_references_is_caught)
{
    expect(hibernate_with_references, "vif-power");
}

static void disable_with_requests_out(struct vif_bed *bed)
{
    vb_bind(bed);
    netback_stall(bed->netback, 0, SCHED_FOREVER);
    vb_send(bed, 0, NULL, 60, 0, 0, NULL, false);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
}

TEST(disable_that_never_returns_is_caught)
{
    struct vb_story story = { disable_with_requests_out,
                              { .release = vif_release_find("8.2"), .version = 8, .queues = 1 } };

    test_expect_rule(__FILE__, __LINE__, "vif-disable", vb_run_simulated, &story);
}

static void give_back_received(struct vif_bed *bed, uint32_t type, const struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 *p)
{
    (void)p;
    if (type == XENVIF_TRANSMITTER_RETURN_PACKET) {
        ((vb_return *)bed->vifi.ReceiverReturnPacket)(&bed->vifi, bed->received[0].cookie);
    }
}

static void call_from_within_disable(struct vif_bed *bed)
{
    receive_one(bed);
    bed->seen = give_back_received;
    netback_stall(bed->netback, 0, SCHED_FOREVER);
    vb_send(bed, 0, NULL, 60, 0, 0, NULL, false);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
}

TEST(a_method_called_from_within_disable_is_caught)
{
    expect(call_from_within_disable, "vif-lock");
}

typedef MS_ABI int32_t vb_set_algorithm(void *interface, uint32_t algorithm);

static void set_hash_with_a_dead_control_ring(struct vif_bed *bed)
{
    vb_bind(bed);
    netback_silence_control(bed->netback, true);
    ((vb_set_algorithm *)bed->vifi.ReceiverSetHashAlgorithm)(&bed->vifi, XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ);
}

TEST(a_control_request_that_waits_for_ever_is_caught)
{
    struct vb_story story = { set_hash_with_a_dead_control_ring,
                              { .release = vif_release_find("9.1"), .version = 10, .queues = 2 } };

    test_expect_rule(__FILE__, __LINE__, "vif-control", vb_run_simulated, &story);
}

static void enable_with_a_dead_control_ring(struct vif_bed *bed)
{
    netback_silence_control(bed->netback, true);
    vb_bind(bed);
}

/* FrontendEnable has asked the control ring since 8.2.0, and waits for the answer as long as a change of the hash. */
TEST(enable_with_a_dead_control_ring_waits_for_ever_and_is_caught)
{
    static const struct {
        const char *name;
        uint32_t version;
    } releases[] = { { "8.2", 8 }, { "9.1", 10 } };

    for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++) {
        struct vb_story story = {
            enable_with_a_dead_control_ring,
            { .release = vif_release_find(releases[i].name), .version = releases[i].version, .queues = 2 }
        };

        test_expect_rule(__FILE__, __LINE__, "vif-control", vb_run_simulated, &story);
    }
}

static void set_hash_types_that_are_none(struct vif_bed *bed)
{
    const uint8_t key[40] = { 0 };

    vb_bind(bed);
    ((vb_parameters *)bed->vifi.ReceiverUpdateHashParameters)(&bed->vifi, 1 << XENVIF_PACKET_HASH_TYPE_NONE, key);
}

TEST(hash_types_that_are_none_are_caught)
{
    expect(set_hash_types_that_are_none, "vif-hash");
}
