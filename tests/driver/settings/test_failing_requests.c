/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A call that an OID request needs fails: the request has the status that its page names for that, and filters and
 * lists are what they were, in the adapter and in XenVif. test_failing_calls makes each call fail; here is what comes
 * of those of requests.
 */
#include "nt/export/fail.h"
#include "story_watch.h"

static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 1, 2, 3 }, other_group[6] = { 0x01, 0x00, 0x5e, 4, 5, 6 },
                     everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* Methods that can fail are put into the interface tables when the driver asks for them. */
static void arm_none(const struct story_plan *plan)
{
    (void)plan;
    fail_at(0);
}

static int32_t put_failing(struct story *story, uint32_t n, const char *call, uint32_t oid, const void *value,
                           uint32_t size)
{
    char text[1024];
    int32_t status;

    fail_at(n);
    status = oid_put(story, oid, value, size);
    CHECK(fail_described(text, sizeof(text)));
    CHECK_CONTAINS(text, call);
    fail_disarm();
    return status;
}

/* A packet to each: the guest, the group on the list, everybody; and one to another group, which no filter names. */
static void offer_each(struct watch *watch)
{
    const uint8_t *const addresses[] = { other_group, story_guest_mac, group, everybody };
    uint8_t bytes[100];

    watch_forget(watch);
    for (uint32_t i = 0; i < 4; i++) {
        frame_plain(bytes, sizeof(bytes), addresses[i], story_peer_mac, i);
        wire_inject(watch->story, 0, bytes, sizeof(bytes), NULL);
    }
    CHECK(watch_wait(watch, 3));
    CHECK_EQ(watch->count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(memcmp(watch->seen[i].bytes, addresses[i + 1], 6) == 0);
    }
}

static void requests(struct story *story)
{
    static const uint32_t filters[] = { 0, NDIS_PACKET_TYPE_PROMISCUOUS, NDIS_PACKET_TYPE_ALL_MULTICAST };
    const uint32_t filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST;
    struct watch *watch = watch_open(story);
    uint8_t list[64];

    CHECK_EQ(oid_put(story, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), SUCCESS);
    CHECK_EQ(oid_put(story, OID_802_3_MULTICAST_LIST, group, sizeof(group)), SUCCESS);
    offer_each(watch);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t n = 1; n <= 3; n++) { /* unicast, multicast, broadcast */
            CHECK_STATUS(put_failing(story, n, "VIF MacSetFilterLevel", OID_GEN_CURRENT_PACKET_FILTER, &filters[i],
                                     sizeof(filters[i])),
                         NDIS_STATUS_FAILURE);
            CHECK_EQ(oid_get32(story, OID_GEN_CURRENT_PACKET_FILTER), filter);
            offer_each(watch);
        }
    }
    CHECK_STATUS(put_failing(story, 1, "VIF MacSetMulticastAddresses", OID_802_3_MULTICAST_LIST, other_group,
                             sizeof(other_group)),
                 NDIS_STATUS_RESOURCES);
    CHECK_STATUS(put_failing(story, 1, "VIF MacSetMulticastAddresses", OID_802_3_ADD_MULTICAST_ADDRESS, other_group,
                             sizeof(other_group)),
                 NDIS_STATUS_RESOURCES);
    CHECK_STATUS(
        put_failing(story, 1, "VIF MacSetMulticastAddresses", OID_802_3_DELETE_MULTICAST_ADDRESS, group, sizeof(group)),
        NDIS_STATUS_RESOURCES);
    CHECK_EQ(oid_get(story, OID_802_3_MULTICAST_LIST, list, sizeof(list)), SUCCESS);
    CHECK_EQ(oid_written, sizeof(group));
    CHECK(memcmp(list, group, sizeof(group)) == 0);
    offer_each(watch);
    watch_close(watch);
}

TEST(a_filter_or_list_that_xenvif_does_not_take_changes_nothing)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .edge_buffers = 16,
                                    .loose_grants = true,
                                    .stand_in = "no XenVif fails at the test's word",
                                    .prepare = arm_none,
                                    .body = requests });
}
