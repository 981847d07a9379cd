/* SPDX-License-Identifier: BSD-2-Clause */
/* What a refused RSS set must not do: read beyond its buffer, or touch the setting that is in force. */
#include "packets.h"
#include "story_release.h"
#include "story_watch.h"

enum { SECOND = 1000000000 };

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

static void run(void (*body)(struct story *story))
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .needs = STORY_NEEDS_RSS,
                                    .seed = test_seed(),
                                    .queues = 2,
                                    .edge_buffers = 16,
                                    .body = body });
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

TEST(rss_key_and_table_outside_the_buffer_are_refused_and_revisions_checked)
{
    run(rss_bounds);
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

TEST(a_failed_rss_set_leaves_rss_on_as_it_was)
{
    run(rss_keeps);
}
