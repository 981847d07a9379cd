/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XenVif stand-in over its life: several queues and hashing, backends that go and come back, suspend and resume,
 * Disable with packets out, pauses, rings that fill up, memory that cannot be granted.
 */
#include "netback/state.h"
#include "vif_bed.h"

typedef MS_ABI int32_t vb_algorithm(void *interface, uint32_t algorithm);
typedef MS_ABI int32_t vb_mapping(void *interface, const struct PROCESSOR_NUMBER *mapping, uint32_t size);
typedef MS_ABI int32_t vb_parameters(void *interface, ...);
typedef MS_ABI int32_t vb_multicast(void *interface, const uint8_t *addresses, uint32_t count);

static uint64_t statistic(struct vif_bed *bed, uint32_t index)
{
    uint64_t value = 0;

    CHECK_EQ(((vb_statistic *)bed->vifi.QueryStatistic)(&bed->vifi, index, &value), 0);
    return value;
}

/* --- queues --- */

static void set_hash(struct vif_bed *bed)
{
    struct PROCESSOR_NUMBER mapping[8];
    uint8_t key[40];
    uint32_t types = 0;

    memset(mapping, 0, sizeof(mapping));
    for (uint32_t i = 0; i < 8; i++) {
        mapping[i].Number = (uint8_t)((i / 2) % 2);
    }
    for (uint32_t i = 0; i < 40; i++) {
        key[i] = (uint8_t)(i * 37 + 11);
    }
    CHECK_EQ(((vb_algorithm *)bed->vifi.ReceiverSetHashAlgorithm)(&bed->vifi, XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ),
             0);
    CHECK_EQ(((vb_parameters *)bed->vifi.ReceiverQueryHashCapabilities)(&bed->vifi, &types), 0);
    CHECK_EQ(types, 1 << XENVIF_PACKET_HASH_TYPE_IPV4 | 1 << XENVIF_PACKET_HASH_TYPE_IPV4_TCP |
                        1 << XENVIF_PACKET_HASH_TYPE_IPV6 | 1 << XENVIF_PACKET_HASH_TYPE_IPV6_TCP);
    CHECK_EQ(((vb_parameters *)bed->vifi.ReceiverUpdateHashParameters)(&bed->vifi, types, key), 0);
    CHECK_EQ(((vb_mapping *)bed->vifi.UpdateHashMapping)(&bed->vifi, mapping, 8), 0);
}

static void hashed(struct vif_bed *bed)
{
    struct XENVIF_PACKET_HASH_V2 hash = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ };
    uint32_t seen = 0;

    vb_bind(bed);
    set_hash(bed);
    bed->keep = true;
    for (uint32_t i = 0; i < 40; i++) {
        struct frame frame;

        packet_build(&(struct packet_shape){ 4, PROTOCOL_TCP, 50, .source_port = (uint16_t)(100 + i) }, vb_bytes,
                     &frame);
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
        vb_wait_received(bed, i + 1);
        CHECK_EQ(bed->received[i].hash.Algorithm, XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ);
        CHECK_EQ(bed->received[i].hash.Type, XENVIF_PACKET_HASH_TYPE_IPV4_TCP);
        CHECK_EQ(bed->received[i].queue, (bed->received[i].hash.Value % 8 / 2) % 2);
        seen |= 1u << bed->received[i].queue;
    }
    CHECK_EQ(seen, 3);
    vb_give_back(bed);
    for (uint32_t i = 0; i < 8; i++) { /* the hash value picks the ring */
        struct frame frame = vb_udp(100, 1), got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };

        frame_complete_checksum(&frame);
        memcpy(bed->memory + (size_t)i * 4096, vb_bytes, frame.length);
        hash.Value = i;
        CHECK_EQ(vb_send(bed, i, NULL, frame.length, 0, 0, &hash, false), 0);
        CHECK_EQ(memory_port_collect(bed->port, (i / 2) % 2, &got, 20 * SECOND), frame.length);
    }
    vb_wait_completed(bed, 8);
    vb_unbind(bed);
}

TEST(hash_picks_the_queue_both_ways)
{
    vb_run_all((struct vb_story){ hashed, { .version = 10, .queues = 2 } }, 10);
}

static void no_hash(struct vif_bed *bed)
{
    vb_bind(bed);
    CHECK_EQ(((vb_algorithm *)bed->vifi.ReceiverSetHashAlgorithm)(&bed->vifi, XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ),
             STATUS_NOT_SUPPORTED);
    vb_unbind(bed);
}

TEST(hash_fails_without_a_control_ring_or_with_one_queue)
{
    vb_run_all((struct vb_story){ no_hash, { .version = 10, .queues = 2, .without = 1u << NETBACK_BIT_CTRL_RING } }, 1);
    vb_run_all((struct vb_story){ no_hash, { .version = 10, .queues = 1 } }, 1);
}

/* --- More --- */

static void more_holds(struct vif_bed *bed)
{
    struct XENVIF_PACKET_HASH_V2 hash = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ };
    struct vif_counters before, after;
    struct frame frame, got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };

    vb_bind(bed);
    for (uint32_t i = 0; i < 10; i++) {
        frame = vb_udp(100 + i, 1);
        frame_complete_checksum(&frame);
        memcpy(bed->memory + (size_t)i * 4096, vb_bytes, frame.length);
    }
    vif_counters(bed->vif, &before);
    for (uint32_t i = 0; i < 10; i++) {
        CHECK_EQ(vb_send(bed, i, NULL, 142 + i, 0, 0, &hash, i < 9), 0);
        vif_counters(bed->vif, &after);
        CHECK_EQ(after.tx_packets - before.tx_packets, i < 9 ? 0 : 10);
    }
    CHECK(after.tx_doorbells - before.tx_doorbells <= 1);
    for (uint32_t i = 0; i < 10; i++) {
        CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), 142 + i);
    }
    vb_wait_completed(bed, 10);
    vb_unbind(bed);
}

TEST(packets_with_more_wait_for_the_one_without)
{
    vb_run_all((struct vb_story){ more_holds, { .version = 10, .queues = 1 } }, 10);
}

/* --- a ring that is full, memory that cannot be granted --- */

static void flood(struct vif_bed *bed)
{
    struct frame got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };
    uint32_t count = 1000;

    vb_bind(bed);
    for (uint32_t i = 0; i < count; i++) {
        struct frame frame = vb_udp(60 + i, 1);

        frame_complete_checksum(&frame);
        memcpy(bed->memory + (size_t)i * 4096, vb_bytes, frame.length);
        CHECK_EQ(vb_send(bed, i, NULL, frame.length, 0, 0, NULL, false), 0);
    }
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), 102 + i);
    }
    vb_wait_completed(bed, count);
    CHECK_EQ(bed->sent_ok, count);
    CHECK_EQ(bed->doubled, 0);
    CHECK_EQ(statistic(bed, XENVIF_TRANSMITTER_UNICAST_PACKETS), count);
    CHECK_EQ(statistic(bed, XENVIF_TRANSMITTER_UDP_PACKETS), count);
    vb_unbind(bed);
}

TEST(packets_beyond_the_ring_wait_in_order)
{
    vb_run_all((struct vb_story){ flood, { .version = 10, .queues = 1 } }, 3);
}

static void bounce(struct vif_bed *bed)
{
    static uint8_t elsewhere[70000];
    struct vif_counters counters;
    struct frame frame, got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };
    uint32_t length =
        packet_build(&(struct packet_shape){ 4, PROTOCOL_TCP, 30000, .source_port = 5 }, vb_bytes, &frame);
    struct MDL *mdl = mdl_create(elsewhere, length);

    memcpy(elsewhere, vb_bytes, length);
    vb_bind(bed);
    CHECK_EQ(vb_send(bed, 0, mdl, length, 1 << 1, 1460, NULL, false), 0);
    CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), length);
    CHECK(memcmp(vb_bytes, vb_other, length) == 0);
    vb_wait_completed(bed, 1);
    vif_counters(bed->vif, &counters);
    CHECK_EQ(counters.tx_bounced, 1);
    vb_unbind(bed);
    mdl_free(mdl);
}

TEST(memory_that_cannot_be_granted_is_copied)
{
    vb_run_all((struct vb_story){ bounce, { .version = 10, .queues = 1 } }, 3);
}

/* --- going and coming back --- */

static void suspend(struct vif_bed *bed)
{
    vb_bind(bed);
    vb_exchange(bed, 1);
    CHECK_EQ(vif_suspend_resume(bed->vif), 0);
    vb_exchange(bed, 2);
    CHECK_EQ(vif_suspend_resume(bed->vif), 0);
    vb_exchange(bed, 3);
    vb_unbind(bed);
}

TEST(traffic_goes_on_after_suspend_and_resume)
{
    vb_run_all((struct vb_story){ suspend, { .version = 10, .queues = 1 } }, 20);
}

/* What would be lost when the domain is saved: its channels and what it has granted. */
static uint32_t open_things(struct vif_bed *bed)
{
    struct leaks leaks = { 0 };
    uint32_t count = 0;

    xen_leaks(bed->guest, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        count += strstr(leaks.lines[i], "event channel") != NULL || strstr(leaks.lines[i], "grant") != NULL;
    }
    leaks_free(&leaks);
    return count;
}

static void saved_and_restored(struct vif_bed *bed)
{
    char error[128];

    vb_bind(bed);
    vb_exchange(bed, 1);
    CHECK(open_things(bed) != 0);
    for (uint32_t i = 2; i <= 3; i++) {
        vif_suspend(bed->vif);
        CHECK_EQ(open_things(bed), 0);
        vif_suspend(bed->vif); /* once more is nothing */
        CHECK(vif_resume(bed->vif, error, sizeof(error)));
        vb_exchange(bed, i);
    }
    vb_unbind(bed);
    vif_suspend(bed->vif); /* and it need not come back */
}

TEST(nothing_is_open_while_the_domain_is_saved)
{
    vb_run_all((struct vb_story){ saved_and_restored, { .version = 10, .queues = 1 } }, 20);
}

static void enable_again(struct vif_bed *bed)
{
    for (uint32_t i = 1; i <= 3; i++) {
        vb_bind(bed);
        vb_exchange(bed, i);
        vb_unbind(bed);
    }
}

TEST(enable_and_disable_again_and_again)
{
    vb_run_all((struct vb_story){ enable_again, { .version = 9, .queues = 1 } }, 20);
}

static void backend_returns(struct vif_bed *bed)
{
    struct vif_bed_options options = { .version = 10, .queues = 1 };
    struct vif_counters counters;
    uint32_t changes;

    vb_bind(bed);
    vb_exchange(bed, 1);
    netback_destroy(bed->netback);
    do { /* a backend that comes while the frontend is still connected would take over its rings */
        sched_wait(&bed->mac_changes, __atomic_load_n(&bed->mac_changes, __ATOMIC_SEQ_CST), sched_now() + 100000);
        vif_counters(bed->vif, &counters);
    } while (counters.queues != 0);
    changes = __atomic_load_n(&bed->mac_changes, __ATOMIC_SEQ_CST);
    vb_start_netback(bed, &options);
    CHECK(netback_wait_connected(bed->netback, true, 20 * SECOND));
    while (__atomic_load_n(&bed->mac_changes, __ATOMIC_SEQ_CST) == changes) {
        sched_wait(&bed->mac_changes, changes, SCHED_FOREVER);
    }
    vb_exchange(bed, 2);
    vb_unbind(bed);
}

TEST(backend_that_comes_back_is_connected_again)
{
    vb_run_all((struct vb_story){ backend_returns, { .version = 10, .queues = 1 } }, 20);
}

/* Disabled by the backend without a word: closed and connected anew until there is a backend that answers. */
static void stalled(struct vif_bed *bed)
{
    struct vif_bed_options options = { .version = 10, .queues = 1 };
    struct vif_counters counters = { .stalls = 0 };
    struct frame frame;

    vb_bind(bed);
    vb_exchange(bed, 1);
    netback_fatal(bed->netback, "the test wants it");
    frame = vb_udp(100, 1);
    frame_complete_checksum(&frame);
    memcpy(bed->memory, vb_bytes, frame.length);
    CHECK_EQ(vb_send(bed, 0, NULL, frame.length, 0, 0, NULL, false), 0);
    while (counters.stalls < 1) {

        sched_sleep(SECOND / 10);
        vif_counters(bed->vif, &counters);
    }
    netback_destroy(bed->netback);
    vb_start_netback(bed, &options);
    CHECK(netback_wait_connected(bed->netback, true, 60 * SECOND));
    vb_wait_completed(bed, 2);
    vb_unbind(bed);
}

TEST(backend_that_stopped_answering_is_left_and_a_new_one_found)
{
    vb_run_all((struct vb_story){ stalled, { .version = 10, .queues = 1, .stall_ns = 5 * SECOND } }, 20);
}

/* --- Disable --- */

struct giver {
    struct vif_bed *bed;
    uint32_t delay;
};

static void give_later(void *argument)
{
    struct giver *giver = argument;

    sched_sleep(giver->delay);
    __atomic_store_n(&giver->bed->pause_every, 1,
                     __ATOMIC_SEQ_CST); /* shows below that packets had not come back before */
    vb_give_back(giver->bed);
}

static void disable_waits(struct vif_bed *bed)
{
    struct giver giver = { bed, 30 * 1000000 };
    struct frame frame = vb_udp(100, 1);
    struct task *task;

    vb_bind(bed);
    bed->keep = true;
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    }
    vb_wait_received(bed, 20);
    task = task_spawn("giver", 0, give_later, &giver);
    vb_unbind(bed);
    CHECK_EQ(bed->pause_every, 1);
    task_join(task);
}

TEST(disable_waits_until_every_received_packet_is_returned)
{
    vb_run_all((struct vb_story){ disable_waits, { .version = 9, .queues = 1 } }, 20);
}

static void pauses(struct vif_bed *bed)
{
    struct frame frame = vb_udp(100, 1);

    vb_bind(bed);
    bed->pause_every = 3;
    for (uint32_t i = 0; i < 200; i++) {
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    }
    vb_wait_received(bed, 200);
    vb_unbind(bed);
    CHECK_EQ(bed->received_count, 200);
}

TEST(pause_loses_nothing)
{
    vb_run_all((struct vb_story){ pauses, { .version = 10, .queues = 1 } }, 20);
}

/* The subscriber keeps everything: memory grows to its bound and no further, and all goes on when it returns them. */
static void hoarder(struct vif_bed *bed)
{
    struct frame frame = vb_udp(1000, 1);
    uint32_t injected = 0;

    vb_bind(bed);
    bed->keep = true;
    while (injected < 6000) {
        uint32_t seen = bed->received_count;

        while (injected < 6000 && memory_port_inject(bed->port, 0, &frame) == 0) {
            injected++;
        }
        if (bed->received_count == seen) {
            sched_wait(&bed->received_count, seen, sched_now() + 20000000);
        }
        if (bed->received_count == seen) {
            vb_give_back(bed);
        }
    }
    while (bed->received_count < 6000) {
        uint32_t seen = bed->received_count;

        if (!sched_wait(&bed->received_count, seen, sched_now() + 20000000)) {
            vb_give_back(bed);
        }
    }
    vb_give_back(bed);
    vb_unbind(bed);
    CHECK_EQ(bed->received_count, 6000);
}

TEST(a_subscriber_that_keeps_packets_stops_the_ring_and_not_the_machine)
{
    vb_run_all((struct vb_story){ hoarder, { .version = 9, .queues = 1 } }, 2);
}

/* --- addresses --- */

static void multicast(struct vif_bed *bed)
{
    static const uint8_t groups[2][6] = { { 0x01, 0, 0x5e, 0, 0, 1 }, { 0x01, 0, 0x5e, 0, 0, 2 } };
    struct frame frame;

    vb_bind(bed);
    CHECK_EQ(
        ((vb_filter *)bed->vifi.MacSetFilterLevel)(&bed->vifi, ETHERNET_ADDRESS_MULTICAST, XENVIF_MAC_FILTER_MATCHING),
        0);
    CHECK_EQ(
        ((vb_filter *)bed->vifi.MacSetFilterLevel)(&bed->vifi, ETHERNET_ADDRESS_UNICAST, XENVIF_MAC_FILTER_MATCHING),
        0);
    CHECK_EQ(((vb_multicast *)bed->vifi.MacSetMulticastAddresses)(&bed->vifi, groups[1], 1), 0);
    bed->keep = true;
    for (uint32_t i = 0; i < 4; i++) { /* a group not joined, one joined, a stranger's address, ours */
        frame = vb_udp(100 + i, 1);
        if (i < 2) {
            memcpy(vb_bytes, groups[i], 6);
        } else if (i == 2) {
            vb_bytes[5] ^= 0xff;
        }
        frame_complete_checksum(&frame);
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    }
    vb_wait_received(bed, 2);
    CHECK_EQ(bed->received[0].length, 143);
    CHECK_EQ(bed->received[1].length, 145);
    CHECK_EQ(statistic(bed, XENVIF_RECEIVER_MULTICAST_PACKETS), 1);
    CHECK_EQ(statistic(bed, XENVIF_RECEIVER_UNICAST_PACKETS), 1);
    vb_give_back(bed);
    vb_unbind(bed);
}

TEST(filters_let_through_what_was_asked_for)
{
    vb_run_all(
        (struct vb_story){ multicast, { .version = 10, .queues = 1, .without = 1u << NETBACK_BIT_MULTICAST_CONTROL } },
        3);
}

/* Taken down at any moment of the handshake, also before anybody has bound to it. */
static void stopped_early(struct vif_bed *bed)
{
    for (uint32_t i = 0; i < 10; i++) {
        struct vif_options options = { .version = bed->version, .queues = 2, .vendor = "XP0002" };

        vif_destroy(bed->vif);
        CHECK(netback_wait_connected(bed->netback, false, 20 * SECOND));
        bed->vif = vif_create(bed->guest, &options);
        CHECK(bed->vif != NULL);
        sched_sleep(sched_random(2000));
        while (sched_random(20) != 0) {
            sched_point("stop soon");
        }
    }
}

TEST(a_frontend_may_be_stopped_at_any_moment_of_the_handshake)
{
    vb_run_all((struct vb_story){ stopped_early, { .version = 10, .queues = 2 } }, 100);
}
