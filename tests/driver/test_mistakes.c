/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistakes that network drivers of this kind have made, one test each, named after what it prevents. Each was seen to
 * fail with the mistake put back (docs/testing.md tells how).
 */
#include "packets.h"
#include "story_watch.h"
#include "nt/export/fail.h"
#include "nt/export/version.h"
#include "xenvif/offer/hostile.h"

#include <stdio.h>
#include <stdlib.h>

#define SUCCESS          NDIS_STATUS_SUCCESS
#define IS(status, name) ((uint32_t)(status) == (uint32_t)(name))

enum { SECOND = 1000000000 };

static void once(void (*tell)(struct story *), uint32_t queues)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = queues, .edge_buffers = 16, .tell = tell });
}

static int32_t put_parameters(struct story *story, uint8_t udp4, uint8_t tcp6)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.UDPIPv4Checksum = udp4;
    parameters.TCPIPv6Checksum = tcp6;
    return oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
}

/* 1 */
static void no_change(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    CHECK(before.checksum_tx_udp4 && before.checksum_rx_udp4 && before.checksum_tx_tcp4 && before.lso4);
    CHECK_EQ(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE), SUCCESS);
    adapter_facts(story->bed.adapter, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

static void beyond_capability(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    CHECK(!before.checksum_tx_tcp6); /* the backend has no IPv6 checksums */
    CHECK(
        !IS(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE, NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED), SUCCESS));
    adapter_facts(story->bed.adapter, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
}

TEST(mistake_01_no_change_turns_no_checksum_off_and_only_capabilities_are_switched_on)
{
    once(no_change, 1);
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .backend_without = 1u << NETBACK_BIT_IPV6_CSUM | 1u << NETBACK_BIT_GSO_TCPV6,
                                    .tell = beyond_capability });
}

/* 2 */
static uint32_t driver_lines(struct story *story)
{
    char **names, path[300], *value;
    size_t count = 0, i;
    uint32_t found = 0;

    if (xen_store_list(story->bed.guest, 0, "drivers", &names, &count) != 0) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "drivers/%s", names[i]);
        if (xen_store_read(story->bed.guest, 0, path, &value) == 0) {
            found += strstr(value, "XENNET") != NULL;
            free(value);
        }
    }
    free(names);
    return found;
}

static void two_adapters(struct story *story)
{
    struct xen_vif_config config = story->bed.vif_config;
    struct vif_options options = { .version = 10, .queues = 1, .vendor = "XP0002", .handle = 1 };
    struct netback_options backend;
    struct port *port = memory_port_create(1, 16);
    struct package *package;
    struct netback *netback;
    struct adapter *second;
    struct vif *vif;
    char error[512];

    config.handle = 1;
    config.vif_name = "vif1.1";
    config.mac[5] = 2;
    xen_toolstack_add_vif(story->bed.host, &config);
    backend = (struct netback_options){ .vif = config, .queues = 1, .mtu = 1500, .speed_mbps = 1000 };
    netback = netback_create(story->bed.dom0, port, &backend);
    vif = vif_create(story->bed.guest, &options);
    package = package_install(vif_pdo(vif), story->options.inf_path, NULL, error, sizeof(error));
    CHECK(netback != NULL && package != NULL);
    second = adapter_add(story->bed.driver, vif_pdo(vif), package, error, sizeof(error));
    if (second == NULL) {
        test_fail(__FILE__, __LINE__, "no second adapter: %s", error);
    }
    CHECK_EQ(driver_lines(story), 1); /* one driver, one line */
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(driver_lines(story), 0);
    CHECK_EQ(vif_suspend_resume(vif), 0); /* the second adapter's callback alone writes it again */
    CHECK_EQ(driver_lines(story), 1);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(vif_suspend_resume(story->bed.vif), 0); /* and so does the first's */
    CHECK_EQ(driver_lines(story), 1);
    adapter_remove(second);
    CHECK_EQ(driver_lines(story), 1); /* the first still needs it */
    package_free(package);
    vif_destroy(vif);
    (void)netback_wait_connected(netback, false, 5ull * SECOND);
    port_stop(port);
    netback_destroy(netback);
    port_destroy(port);
    xen_toolstack_remove_vif(story->bed.host, &config);
}

TEST(mistake_02_the_version_is_published_again_after_migration_by_each_of_two_adapters)
{
    once(two_adapters, 1);
}

/* 3 and 4 */
static void lie_big(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_STATISTIC, 0x123456789aull);
}

static void wide_counters(struct story *story)
{
    static const uint32_t single[] = { OID_GEN_DIRECTED_FRAMES_XMIT,  OID_GEN_DIRECTED_BYTES_XMIT,
                                       OID_GEN_MULTICAST_FRAMES_XMIT, OID_GEN_MULTICAST_BYTES_XMIT,
                                       OID_GEN_BROADCAST_FRAMES_XMIT, OID_GEN_BROADCAST_BYTES_XMIT,
                                       OID_GEN_DIRECTED_FRAMES_RCV,   OID_GEN_DIRECTED_BYTES_RCV,
                                       OID_GEN_MULTICAST_FRAMES_RCV,  OID_GEN_MULTICAST_BYTES_RCV,
                                       OID_GEN_BROADCAST_FRAMES_RCV,  OID_GEN_BROADCAST_BYTES_RCV };
    uint32_t i;

    for (i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        CHECK_EQ(oid_get64(story, single[i]), 0x123456789aull);
    }
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_OK), 3 * 0x123456789aull);
    CHECK_EQ(oid_get64(story, OID_GEN_RCV_OK), 3 * 0x123456789aull);
}

TEST(mistake_03_sums_and_packet_counters_keep_all_64_bits)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .prepare = lie_big, .tell = wide_counters });
}

static void out_discards(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    struct NDIS_STATISTICS_INFO statistics;
    uint8_t bytes[64];
    uint32_t i;

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
    for (i = 0; i < 3; i++) {
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    }
    CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
    raw_send(watch->raw, nbl, 0, false); /* refused: three packets discarded */
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK(!IS(nbl->Status, SUCCESS));
    CHECK_EQ(oid_get(story, OID_GEN_STATISTICS, &statistics, sizeof(statistics)), SUCCESS);
    CHECK_EQ(statistics.ifOutDiscards, 3);
    CHECK_EQ(oid_get64(story, OID_GEN_XMIT_DISCARDS), 3);
    CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    watch_close(watch);
}

TEST(mistake_04_discarded_sends_show_in_ifoutdiscards)
{
    once(out_discards, 1);
}

/* 5 */
static void exact_lengths(struct story *story)
{
    uint32_t value[2] = { NDIS_PACKET_TYPE_DIRECTED, 0 }, filter = oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER),
             length;

    for (length = 0; length <= 8; length++) {
        if (length != 4) {
            CHECK(IS(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, value, length), NDIS_STATUS_INVALID_LENGTH));
            CHECK_EQ(oid_needed, 4);
            CHECK(IS(oid_put(story, OID_GEN_CURRENT_LOOKAHEAD, value, length), NDIS_STATUS_INVALID_LENGTH));
            CHECK_EQ(oid_needed, 4);
        }
    }
    CHECK_EQ(oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER), filter);
}

TEST(mistake_05_a_set_of_lookahead_or_packet_filter_with_a_wrong_length_is_refused)
{
    once(exact_lengths, 1);
}

/* 6 and 7 */
struct rss_set {
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters;
    struct PROCESSOR_NUMBER table[16];
    uint8_t key[40];
};

static void fill_rss(struct rss_set *set)
{
    memset(set, 0, sizeof(*set));
    set->parameters.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    set->parameters.Header.Revision = 2;
    set->parameters.Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    set->parameters.HashInformation = NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV4 | NdisHashFunctionToeplitz;
    set->parameters.IndirectionTableSize = sizeof(set->table);
    set->parameters.IndirectionTableOffset = offsetof(struct rss_set, table);
    set->parameters.HashSecretKeySize = sizeof(set->key);
    set->parameters.HashSecretKeyOffset = offsetof(struct rss_set, key);
    memset(set->key, 0x6d, sizeof(set->key));
}

static int32_t put_rss(struct story *story, const struct rss_set *set)
{
    return oid_put(story, OID_GEN_RECEIVE_SCALE_PARAMETERS, set, sizeof(*set));
}

/* What lies behind the request's buffer is guarded: a read there would take a key of guard bytes, so it must be
 * refused. */
static void rss_bounds(struct story *story)
{
    static const uint32_t outside[] = { sizeof(struct rss_set), sizeof(struct rss_set) - 39, 0x7fffffff, 0xffffffff,
                                        0xffffffd8 };
    struct rss_set set;
    uint32_t i;

    fill_rss(&set);
    CHECK_EQ(put_rss(story, &set), SUCCESS);
    for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        fill_rss(&set);
        set.parameters.HashSecretKeyOffset = outside[i];
        CHECK(!IS(put_rss(story, &set), SUCCESS));
        fill_rss(&set);
        set.parameters.IndirectionTableOffset = outside[i] & ~3u;
        CHECK(!IS(put_rss(story, &set), SUCCESS));
    }
    fill_rss(&set);
    set.parameters.Header.Revision = 0;
    CHECK(!IS(put_rss(story, &set), SUCCESS));
    set.parameters.Header.Revision = 2;
    set.parameters.Header.Size = 12;
    CHECK(!IS(put_rss(story, &set), SUCCESS));
}

TEST(mistake_06_rss_key_and_table_outside_the_buffer_are_refused_and_revisions_checked)
{
    once(rss_bounds, 2);
}

static void rss_keeps(struct story *story)
{
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 40 };
    struct watch *watch = watch_open(story);
    uint8_t bytes[256];
    struct frame frame;
    struct rss_set set;
    uint32_t length = packet_build(&shape, bytes, &frame), hash;

    CHECK(frame_complete_checksum(&frame));
    memcpy(bytes, story_guest_mac, 6);
    fill_rss(&set);
    CHECK_EQ(put_rss(story, &set), SUCCESS);
    wire_inject(story, 0, bytes, length, NULL);
    CHECK(watch_wait(watch, 1));
    hash = watch->seen[0].hash_value;
    CHECK(watch->seen[0].hash_info != 0);
    set.parameters.IndirectionTableSize = 12; /* three entries */
    memset(set.key, 1, sizeof(set.key));
    CHECK(!IS(put_rss(story, &set), SUCCESS));
    watch_forget(watch);
    wire_inject(story, 0, bytes, length, NULL);
    CHECK(watch_wait(watch, 1));
    CHECK(watch->seen[0].hash_info != 0);
    CHECK_EQ(watch->seen[0].hash_value, hash);
    watch_close(watch);
}

TEST(mistake_07_a_failed_rss_set_leaves_rss_on_as_it_was)
{
    once(rss_keeps, 2);
}

/* 8 */
static void tags(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t bytes[100];
    uint32_t vlan, priority;

    for (vlan = 0; vlan <= 5; vlan += 5) {
        for (priority = 0; priority < 8; priority++) {
            frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
            put16(bytes + 12, 0x8100);
            put16(bytes + 14, priority << 13 | vlan);
            put16(bytes + 16, 0x88b5);
            watch_forget(watch);
            wire_inject(story, 0, bytes, sizeof(bytes), NULL);
            CHECK(watch_wait(watch, 1)); /* with a VLAN ID as well */
            CHECK_EQ(watch->seen[0].priority, priority);
            CHECK_EQ(watch->seen[0].vlan, vlan);
            CHECK_EQ(watch->seen[0].canonical, 0);
            CHECK_EQ(watch->seen[0].length, sizeof(bytes) - 4);
        }
    }
    /* And an untagged one after them has none left over. */
    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
    watch_forget(watch);
    wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].priority + watch->seen[0].vlan + watch->seen[0].canonical, 0);
    watch_close(watch);
}

TEST(mistake_08_tags_are_told_whole_and_packets_with_a_vlan_id_are_received)
{
    once(tags, 1);
}

/* 9: of three NBs the backend refuses the first and takes the others. */
static void first_of_three(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[100];
    uint32_t i;

    for (i = 0; i < 3; i++) {
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    }
    vif_lie(LIE_COMPLETION_ONCE, XENVIF_TRANSMITTER_PACKET_ERROR);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK(!IS(nbl->Status, SUCCESS));
    raw_free_all(watch->raw);
    watch_close(watch);
}

/* And one that cannot be sent at all (a large send without payload): those before it must not lie in XenVif waiting for
 * more. */
static void one_of_three(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP };
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    static uint8_t bytes[4096];
    uint32_t bad, i;

    for (bad = 0; bad < 3; bad++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        for (i = 0; i < 3; i++) {
            struct frame frame;
            uint32_t length;

            shape.payload = i == bad ? 0 : 2000;
            length = packet_build(&shape, bytes, &frame);
            memcpy(bytes, story_peer_mac, 6);
            raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
        }
        large.LsoV2Transmit.MSS = 1000;
        large.LsoV2Transmit.TcpHeaderOffset = 34;
        large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, SECOND));
        CHECK(!IS(nbl->Status, SUCCESS));
        while (wire_collect(story, bytes, sizeof(bytes), NULL) != 0) {
        }
    }
    watch_close(watch);
}

TEST(mistake_09_one_failed_nb_fails_its_nbl_whatever_came_after_it)
{
    once(first_of_three, 1);
    once(one_of_three, 1);
}

/* 10 */
static void many_processors(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t bytes[100];
    uint32_t processor;

    for (processor = 0; processor < processor_count(); processor++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, processor);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, processor, false);
        CHECK(raw_wait(watch->raw, SECOND));
        CHECK_EQ(nbl->Status, SUCCESS);
        CHECK_EQ(wire_collect(story, bytes, sizeof(bytes), NULL), sizeof(bytes));
    }
    watch_close(watch);
}

TEST(mistake_10_per_processor_data_is_found_by_index_on_every_processor)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .processors = 64, .edge_buffers = 16, .tell = many_processors });
}

/* 11: tests/driver/test_failing_calls.c fails each allocation of the pool in turn and looks for what stays behind; here
 * the pool alone. */
static void fail_first(const struct story_plan *plan)
{
    fail_at(*(const uint32_t *)plan->detail);
}

static void nothing_left(struct story *story)
{
    fail_disarm();
    CHECK(story->started || strstr(story->error, "left behind") == NULL);
}

TEST(mistake_11_a_failing_nbl_pool_leaves_nothing_behind)
{
    uint32_t n;

    for (n = 1; n <= 40; n++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .may_not_start = true,
                                        .detail = &n,
                                        .prepare = fail_first,
                                        .tell = nothing_left });
    }
}

/* 12 */
static void lie_rings(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_RECEIVE_RING_SIZE, 512);
}

static void buffer_space(struct story *story)
{
    CHECK_EQ(oid_get32(story, OID_GEN_RECEIVE_BUFFER_SPACE), 2 * oid_get32(story, OID_GEN_TRANSMIT_BUFFER_SPACE));
}

TEST(mistake_12_receive_buffer_space_is_that_of_the_receive_ring)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .prepare = lie_rings, .tell = buffer_space });
}

/* 13 */
static void both_ways(struct story *story)
{
    static const uint32_t asked[] = { OID_GEN_PHYSICAL_MEDIUM, OID_802_3_RCV_ERROR_ALIGNMENT,
                                      OID_802_3_XMIT_ONE_COLLISION, OID_802_3_XMIT_MORE_COLLISIONS,
                                      OID_802_3_MAXIMUM_LIST_SIZE };
    uint32_t value, i;

    for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        CHECK_EQ(oid_listed(story, asked[i]), IS(oid_get(story, asked[i], &value, sizeof(value)), SUCCESS));
    }
    CHECK_EQ(oid_get32(story, OID_GEN_PHYSICAL_MEDIUM), NdisPhysicalMedium802_3);
}

TEST(mistake_13_physical_medium_and_the_802_3_oids_are_listed_and_answered)
{
    once(both_ways, 1);
}

/* 14: the link changes on one processor while the adapter is paused and restarted on another. */
static void flap_link(void *argument)
{
    struct story *story = argument;
    uint32_t i;

    for (i = 0; i < 20; i++) {
        netback_set_link(story->bed.netback, i % 2 != 0);
        story_rest();
    }
}

static bool link_up(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return facts.link_up;
}

static void orderly(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct task *flapper = task_spawn("flapper", 1, flap_link, story);
    uint32_t i, last = MediaConnectStateUnknown;

    for (i = 0; i < 10; i++) {
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
    }
    task_join(flapper);
    CHECK(story_until(story, link_up, 5));
    for (i = 0; i < watch->status_count && i < WATCH_STATUS_MOST; i++) {
        const struct NDIS_LINK_STATE *link = (const void *)watch->statuses[i].bytes;

        if (watch->statuses[i].code == NDIS_STATUS_LINK_STATE) {
            CHECK(link->MediaConnectState != last); /* each change once, never the same twice */
            last = link->MediaConnectState;
        }
    }
    CHECK_EQ(oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS), NdisMediaStateConnected);
    watch_close(watch);
}

TEST(mistake_14_link_and_state_stay_in_order_over_processors)
{
    uint32_t seeds = test_seeds(40), i;

    for (i = 0; i < seeds; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .queues = 2,
                                        .edge_buffers = 16,
                                        .loose_grants = true,
                                        .tell = orderly });
    }
}

/* 15 */
static void known_version(struct story *story)
{
    static const uint8_t minors[] = { 20, 30, 40, 50, 51, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89 };
    struct adapter_facts facts;
    uint16_t version = 0;
    bool known = false;
    uint32_t i;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.ndis_major, 6);
    for (i = 0; i < sizeof(minors); i++) {
        known = known || facts.ndis_minor == minors[i];
    }
    CHECK(known);
    CHECK_EQ(oid_get(story, OID_GEN_DRIVER_VERSION, &version, sizeof(version)), SUCCESS);
    CHECK_EQ(version, 0x600 | facts.ndis_minor);
}

/* A Windows that is newer than the driver. */
static void play_the_future(const struct story_plan *plan)
{
    static struct windows_version future;

    (void)plan;
    future = *windows_version_find("2025");
    future.ndis_minor = 95;
    windows_play(&future);
}

TEST(mistake_15_no_ndis_version_outside_the_table_is_claimed)
{
    static const char *const windows[] = { "7", "8.1", "10-1809", "10-22h2", "11-24h2", "2025" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .edge_buffers = 16,
                                        .windows = windows[i],
                                        .tell = known_version });
    }
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .prepare = play_the_future,
                                    .tell = known_version });
}
