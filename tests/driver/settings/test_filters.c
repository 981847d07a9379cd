/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet filters, multicast lists and addresses: what a filter names comes through and nothing else; what the adapter
 * cannot filter by is refused and changes nothing.
 */
#include "story_presence.h"
#include "story_watch.h"

#include <stdio.h>

enum { CLASSES = 5, MAX_MULTICAST = 32, RETRIES = 200, RETRY_NS = 20000000 };

static const uint8_t class_address[CLASSES][6] = {
    { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 },                                         /* the guest's own */
    { 0x00, 0x16, 0x3e, 0x99, 0x99, 0x99 },                                         /* somebody else's */
    { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 }, /* on the list */
    { 0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa },                                         /* not on the list */
};

static uint32_t expected(uint32_t filter, uint32_t class)
{
    if ((filter & NDIS_PACKET_TYPE_PROMISCUOUS) != 0) {
        return 1;
    }
    switch (class) {
    case 0:
        return (filter & NDIS_PACKET_TYPE_DIRECTED) != 0;
    case 1:
        return 0;
    case 2:
        return (filter & NDIS_PACKET_TYPE_BROADCAST) != 0;
    case 3:
        return (filter & (NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST)) != 0;
    default:
        return (filter & NDIS_PACKET_TYPE_ALL_MULTICAST) != 0;
    }
}

/* One frame of each class, then one that always passes (the filter is opened for it): by then the others have passed or
 * not. */
static void offer_all(struct watch *watch, uint32_t filter)
{
    struct story *story = watch->story;
    uint32_t open = NDIS_PACKET_TYPE_DIRECTED, class, n = 0, i;
    uint32_t seen[CLASSES] = { 0 };
    uint64_t received = 0;
    uint8_t bytes[100];
    struct vif_counters counters;

    watch_forget(watch);
    vif_counters(STORY_STAND_IN(story), &counters);
    received = counters.rx_packets;
    for (class = 0; class < CLASSES; class ++) {
        n += expected(filter, class);
        frame_plain(bytes, sizeof(bytes), class_address[class], story_peer_mac, class);
        wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    }
    /* The frontend has taken all of them, passed or not. */
    for (i = 0; i < 1000; i++) {
        vif_counters(STORY_STAND_IN(story), &counters);
        if (counters.rx_packets - received >= CLASSES) {
            break;
        }
        story_rest();
    }
    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &open, sizeof(open)), SUCCESS);
    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 99);
    wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    CHECK(watch_wait(watch, n + 1));
    CHECK_EQ(watch->count, n + 1);
    for (i = 0; i < watch->count; i++) {
        uint32_t number;

        memcpy(&number, watch->seen[i].bytes + 14, 4);
        CHECK(number < CLASSES || number == 99);
        if (number < CLASSES) {
            seen[number]++;
        }
    }
    for (class = 0; class < CLASSES; class ++) {
        if (seen[class] != expected(filter, class)) {
            test_fail(__FILE__, __LINE__, "filter %#x: class %u came %u times, expected %u", filter, class, seen[class],
                      expected(filter, class));
        }
    }
}

static void filters(struct story *story)
{
    static const uint32_t bits[] = { NDIS_PACKET_TYPE_DIRECTED, NDIS_PACKET_TYPE_MULTICAST,
                                     NDIS_PACKET_TYPE_ALL_MULTICAST, NDIS_PACKET_TYPE_BROADCAST,
                                     NDIS_PACKET_TYPE_PROMISCUOUS };
    struct watch *watch = watch_open(story);
    uint32_t supported = 0, mask, refused = 0, tried = 0, filter, bit, kept;

    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, class_address[3], 6), SUCCESS);
    for (bit = 0; bit < 5; bit++) {
        supported |= bits[bit];
    }
    for (mask = 0; mask < 32; mask++) {
        for (bit = 0, filter = 0; bit < 5; bit++) {
            filter |= (mask >> bit & 1) != 0 ? bits[bit] : 0;
        }
        CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
        CHECK_EQ(oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER), filter);
        offer_all(watch, filter);
        tried++;
    }
    kept = oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER);
    for (bit = 0; bit < 32; bit++) {
        filter = 1u << bit;
        if ((supported & filter) != 0) {
            continue;
        }
        filter |= NDIS_PACKET_TYPE_DIRECTED;
        CHECK_STATUS(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), NDIS_STATUS_INVALID_DATA);
        CHECK_EQ(oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER), kept);
        refused++;
    }
    story_count("%u filters let through what they name, %u bits refused", tried, refused);
    watch_close(watch);
}

/* 2c_ReceivePackets, PacketFilters */
TEST(filters_let_through_what_they_name_and_nothing_else)
{
    story_everywhere(&(struct story_plan){ .backend_without = 1u << NETBACK_BIT_MULTICAST_CONTROL, .body = filters },
                     2);
}

/* One frame of that class at a host that sends only the groups asked for, until it is there: the backend learns of the
 * filter in its own time. */
static void hears(struct watch *watch, const uint8_t address[6], uint32_t filter, const char *when)
{
    uint8_t bytes[100];

    frame_plain(bytes, sizeof(bytes), address, story_peer_mac, 0);
    for (uint32_t i = 0; i < RETRIES; i++) {
        watch_forget(watch);
        wire_inject(watch->story, 0, bytes, sizeof(bytes), NULL);
        sched_sleep(RETRY_NS);
        if (watch->count != 0) {
            return;
        }
    }
    test_fail(__FILE__, __LINE__, "filter %#x, %s: no frame to %02x:%02x:%02x:%02x:%02x:%02x comes any more", filter,
              when, address[0], address[1], address[2], address[3], address[4], address[5]);
}

static void comes_through(struct watch *watch, uint32_t filter, uint32_t class, const char *when)
{
    hears(watch, class_address[class], filter, when);
}

static void after_connections(struct story *story)
{
    static const uint32_t filters[] = { NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_ALL_MULTICAST,
                                        NDIS_PACKET_TYPE_PROMISCUOUS,
                                        NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST };
    struct watch *watch = watch_open(story);

    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, class_address[3], 6), SUCCESS);
    for (uint32_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        uint32_t filter = filters[i], class = filter & NDIS_PACKET_TYPE_MULTICAST ? 3 : 4;

        CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
        comes_through(watch, filter, class, "as it was set");
        CHECK_EQ(bed_migrate(&story->bed), 0);
        comes_through(watch, filter, class, "after a migration");
        CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), SUCCESS);
        CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), SUCCESS);
        comes_through(watch, filter, class, "after D3 and D0");
    }
    watch_close(watch);
}

/* XenVif asks a backend for the groups of its list at every connection, whatever the filter (TransmitterStoreWrite). */
TEST(a_filter_for_every_group_outlives_a_migration_and_sleep)
{
    story_everywhere(&(struct story_plan){ .body = after_connections, .windows = STORY_WINDOWS }, 2);
}

static void fill_groups(uint8_t list[][6], uint32_t count, const char *first_five)
{
    for (uint32_t i = 0; i < count; i++) {
        memcpy(list[i], first_five, 5);
        list[i][5] = (uint8_t)i;
    }
}

/* XenVif names its groups once more with each Enable, and that they are left out with Disable it discards
 * (FrontendNotifyMulticastAddresses, __TransmitterRingDisable); netback has room for 64. */
static void join_after(struct story *story, uint32_t pauses, uint32_t groups, uint32_t then)
{
    const uint32_t filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST;
    struct watch *watch = watch_open(story);
    uint8_t list[MAX_MULTICAST][6];

    fill_groups(list, MAX_MULTICAST, "\x33\x33\xff\x00\x00");
    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, list, groups * 6), SUCCESS);
    for (uint32_t i = 0; i < pauses; i++) {
        CHECK_EQ(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_EQ(adapter_restart(story->bed.adapter), SUCCESS);
        story_send(story, 0, 1, 1); /* what XenVif has to say to netback goes out with a packet */
    }
    story_check_from(story, 0, 0);
    memcpy(list[then - 1], class_address[3], 6);
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, list, then * 6), SUCCESS);
    comes_through(watch, filter, 3, "after pauses");
    CHECK_EQ(bed_migrate(&story->bed), 0);
    comes_through(watch, filter, 3, "after a migration");
    watch_close(watch);
}

static void one_more(struct story *story)
{
    join_after(story, 12, 6, 7);
}

static void another(struct story *story)
{
    join_after(story, 1, MAX_MULTICAST, MAX_MULTICAST);
}

/* Nobody empties the list of a device that is gone. The protocol of the adapter that comes joins a group of its own. */
static void join_after_removal(struct story *story)
{
    static const uint8_t own[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 };
    const uint32_t filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST;
    uint8_t list[MAX_MULTICAST][6];
    struct watch *watch;

    fill_groups(list, MAX_MULTICAST, "\x33\x33\xff\x00\x00");
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, list, sizeof(list)), SUCCESS);
    story_send(story, 0, 1, 1); /* what XenVif has to say to netback goes out with a packet */
    story_check_from(story, 0, 0);
    presence_exchange(story, true);
    watch = watch_open(story);
    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
    hears(watch, own, filter, "after a surprise removal");
    watch_close(watch);
}

TEST(a_group_joined_after_a_surprise_removal_is_heard)
{
    story_everywhere(&(struct story_plan){ .body = join_after_removal, .windows = STORY_WINDOWS }, 2);
}

TEST(a_group_joined_after_many_pauses_is_heard)
{
    story_everywhere(&(struct story_plan){ .body = one_more, .windows = STORY_WINDOWS }, 2);
    story_everywhere(&(struct story_plan){ .body = another, .windows = STORY_WINDOWS }, 2);
}

static void lists(struct story *story)
{
    uint8_t list[MAX_MULTICAST + 1][6], back[MAX_MULTICAST + 1][6];
    uint32_t count;

    fill_groups(list, MAX_MULTICAST + 1, "\x01\x00\x5e\x05\x00");
    for (count = 0; count <= MAX_MULTICAST; count++) {
        CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, count != 0 ? list : NULL, count * 6), SUCCESS);
        CHECK_EQ(oid_get(story, OID_802_3_MULTICAST_LIST, back, sizeof(back)), SUCCESS);
        CHECK_EQ(oid_written, count * 6);
        CHECK(memcmp(back, list, count * 6) == 0);
    }
    CHECK_EQ(oid_get32(story, OID_802_3_MAXIMUM_LIST_SIZE), MAX_MULTICAST);
    CHECK_STATUS(oid_put(story, OID_802_3_MULTICAST_LIST, list, sizeof(list)), NDIS_STATUS_MULTICAST_FULL); /* 33 */
    CHECK_STATUS(oid_put(story, OID_802_3_MULTICAST_LIST, list, 7), NDIS_STATUS_INVALID_LENGTH);
    list[0][0] = 0x00; /* not a group */
    CHECK_STATUS(oid_put(story, OID_802_3_MULTICAST_LIST, list, 6), NDIS_STATUS_MULTICAST_FULL);
    list[0][0] = 0x01;
    CHECK_EQ(oid_get(story, OID_802_3_MULTICAST_LIST, back, sizeof(back)), SUCCESS);
    CHECK_EQ(oid_written, MAX_MULTICAST * 6); /* refused sets changed nothing */
    CHECK(memcmp(back, list, MAX_MULTICAST * 6) == 0);
    story_count("multicast lists of 0 to %u addresses, %u refused", MAX_MULTICAST, MAX_MULTICAST + 1);
}

/* MultiCast Address */
TEST(a_list_of_32_multicast_addresses_is_taken_and_one_of_33_refused)
{
    story_everywhere(&(struct story_plan){ .body = lists }, 1);
}

static void add_and_delete(struct story *story)
{
    static const uint8_t a[6] = { 0x01, 0, 0x5e, 1, 1, 1 }, b[6] = { 0x01, 0, 0x5e, 2, 2, 2 };
    uint8_t back[64 * 6], full[MAX_MULTICAST][6];

    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, a, 6), SUCCESS);
    CHECK_EQ(oid_put(story, OID_802_3_ADD_MULTICAST_ADDRESS, b, 6), SUCCESS);
    CHECK_EQ(oid_get(story, OID_802_3_MULTICAST_LIST, back, sizeof(back)), SUCCESS);
    CHECK_EQ(oid_written, 12);
    CHECK_EQ(oid_put(story, OID_802_3_DELETE_MULTICAST_ADDRESS, a, 6), SUCCESS);
    CHECK_EQ(oid_get(story, OID_802_3_MULTICAST_LIST, back, sizeof(back)), SUCCESS);
    CHECK_EQ(oid_written, 6);
    CHECK(memcmp(back, b, 6) == 0);
    /* not there any more */
    CHECK_STATUS(oid_put(story, OID_802_3_DELETE_MULTICAST_ADDRESS, a, 6), NDIS_STATUS_MULTICAST_NOT_FOUND);
    CHECK_STATUS(oid_put(story, OID_802_3_ADD_MULTICAST_ADDRESS, b, 5), NDIS_STATUS_INVALID_LENGTH);
    fill_groups(full, MAX_MULTICAST, "\x01\x00\x5e\x09\x00");
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, full, sizeof(full)), SUCCESS);
    CHECK_STATUS(oid_put(story, OID_802_3_ADD_MULTICAST_ADDRESS, b, 6), NDIS_STATUS_MULTICAST_FULL);
    CHECK_EQ(oid_put(story, OID_802_3_ADD_MULTICAST_ADDRESS, full[3], 6), SUCCESS); /* there already */
    CHECK_EQ(oid_get(story, OID_802_3_MULTICAST_LIST, back, sizeof(back)), SUCCESS);
    CHECK_EQ(oid_written, sizeof(full));
    story_count("addresses added and deleted one by one");
}

TEST(single_multicast_addresses_are_added_and_deleted)
{
    story_everywhere(&(struct story_plan){ .body = add_and_delete }, 1);
}

static void address_told(struct story *story)
{
    const uint8_t *wanted = story->plan->detail;
    uint8_t permanent[6], current[6], bytes[64];
    struct watch *watch = watch_open(story);

    CHECK_EQ(oid_get(story, OID_802_3_PERMANENT_ADDRESS, permanent, 6), SUCCESS);
    CHECK_EQ(oid_get(story, OID_802_3_CURRENT_ADDRESS, current, 6), SUCCESS);
    CHECK(memcmp(permanent, story_guest_mac, 6) == 0);
    CHECK(memcmp(current, wanted, 6) == 0);
    frame_plain(bytes, sizeof(bytes), wanted, story_peer_mac, 1);
    wire_inject(story, 0, bytes, sizeof(bytes), NULL);
    CHECK(watch_wait(watch, 1));
    story_count("current address %02x:%02x:%02x:%02x:%02x:%02x", current[0], current[1], current[2], current[3],
                current[4], current[5]);
    watch_close(watch);
}

/* AddressChange */
TEST(the_networkaddress_keyword_overrides_the_permanent_address)
{
    static const char *const set[] = { "NetworkAddress=021122334455", NULL };
    static const uint8_t wanted[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };

    story_everywhere(&(struct story_plan){ .set = set, .detail = wanted, .body = address_told }, 1);
}

static uint32_t address_bytes;

static void address_reported(struct story *story)
{
    char event[32];

    address_told(story);
    snprintf(event, sizeof(event), " (4): 2, %u", address_bytes);
    CHECK_EQ(story_logged(event), address_bytes != 0); /* what NDIS cannot read is none */
}

TEST(a_networkaddress_that_is_no_unicast_address_is_ignored)
{
    static const char *const wrong[][2] = { { "NetworkAddress=011122334455", NULL },
                                            { "NetworkAddress=000000000000", NULL },
                                            { "NetworkAddress=FFFFFFFFFFFF", NULL },
                                            { "NetworkAddress=0211", NULL },
                                            { "NetworkAddress=garbage", NULL } };
    static const uint32_t bytes[] = { 6, 6, 6, 2, 0 };
    uint32_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        address_bytes = bytes[i];
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .set = wrong[i],
                                        .stand_in = "XenVif reads NetworkAddress too, and does not start then",
                                        .detail = story_guest_mac,
                                        .body = address_reported });
    }
}
