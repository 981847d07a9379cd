/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends and OID requests cancelled while they are on their way: each completes once, with success or as aborted, and
 * nobody else's does.
 */
#include "story_watch.h"

enum { SECOND = 1000000000, SENDS = 60, OIDS = 200 };

static uint8_t cancelled_id, kept_id;

struct canceller {
    struct story *story;
    uint32_t stop, times;
};

static void cancel_sends(void *argument)
{
    struct canceller *canceller = argument;

    while (__atomic_load_n(&canceller->stop, __ATOMIC_ACQUIRE) == 0) {
        uint8_t old = irql_current();
        bool high = sched_random(2) == 0;

        if (high) {
            old = irql_raise(DISPATCH_LEVEL);
        }
        adapter_cancel_sends(canceller->story->bed.adapter, &cancelled_id);
        if (high) {
            irql_lower(old);
        }
        __atomic_fetch_add(&canceller->times, 1, __ATOMIC_RELEASE);
        story_rest();
    }
}

/* A machine with other work lets it begin late. */
static bool has_begun(struct canceller *canceller)
{
    return __atomic_load_n(&canceller->times, __ATOMIC_ACQUIRE) != 0;
}

static void sends(struct story *story)
{
    struct canceller canceller = { .story = story };
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbls[SENDS];
    struct task *task = task_spawn("canceller", 0, cancel_sends, &canceller);
    uint32_t aborted = 0, i;
    uint8_t bytes[100];

    for (i = 0; i < SENDS; i++) {
        nbls[i] = raw_nbl(watch->raw);
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbls[i], bytes, sizeof(bytes), 0, NULL, 0);
        nbls[i]->NetBufferListInfo[NetBufferListCancelId] = i % 2 != 0 ? &cancelled_id : &kept_id;
        raw_send(watch->raw, nbls[i], 0, false);
        if (i % 4 == 3) {
            story_rest();
        }
    }
    CHECK(raw_wait(watch->raw, 10ull * SECOND));
    while (!has_begun(&canceller)) {
        sched_sleep(1000000);
    }
    __atomic_store_n(&canceller.stop, 1, __ATOMIC_RELEASE);
    task_join(task);
    CHECK_EQ(raw_completed(watch->raw), SENDS);
    for (i = 0; i < SENDS; i++) {
        bool was = IS(nbls[i]->Status, NDIS_STATUS_SEND_ABORTED);

        CHECK(was || nbls[i]->Status == SUCCESS);
        CHECK(!was || i % 2 != 0); /* others are left alone */
        aborted += was;
    }
    for (i = 0; i < SENDS - aborted; i++) { /* what succeeded went out, once */
        CHECK_EQ(wire_collect(story, bytes, sizeof(bytes), NULL), sizeof(bytes));
    }
    watch_close(watch);
    story_count("%u sends, half of them cancelled %u times: %u aborted", SENDS, canceller.times, aborted);
}

TEST(cancelled_sends_complete_once_and_others_are_left_alone)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 16, .body = sends }, 10);
}

static void cancel_oids(void *argument)
{
    struct canceller *canceller = argument;

    while (__atomic_load_n(&canceller->stop, __ATOMIC_ACQUIRE) == 0) {
        adapter_cancel_oid(canceller->story->bed.adapter);
        __atomic_fetch_add(&canceller->times, 1, __ATOMIC_RELEASE);
        story_rest();
    }
}

static void requests(struct story *story)
{
    struct canceller canceller = { .story = story };
    struct task *task = task_spawn("canceller", 0, cancel_oids, &canceller);
    uint32_t aborted = 0, i;

    while (!has_begun(&canceller)) {
        story_rest();
    }
    for (i = 0; i < OIDS; i++) {
        uint32_t value = 0;
        int32_t status = oid_get(story, i % 2 != 0 ? OID_GEN_MAXIMUM_FRAME_SIZE : OID_GEN_CURRENT_PACKET_FILTER, &value,
                                 sizeof(value));

        CHECK(status == SUCCESS || IS(status, NDIS_STATUS_REQUEST_ABORTED));
        CHECK(status != SUCCESS || (value != 0 && oid_written == sizeof(value)));
        aborted += status != SUCCESS;
        if (i % 8 == 7) {
            story_rest();
        }
    }
    __atomic_store_n(&canceller.stop, 1, __ATOMIC_RELEASE);
    task_join(task);
    story_send(story, 0, 32, 4);
    story_collect(story, 32);
    story_check(&story->out, 0);
    story_count("%u OID requests while requests are cancelled: %u aborted", OIDS, aborted);
}

TEST(cancelled_oid_requests_complete_once)
{
    story_everywhere(&(struct story_plan){ .body = requests }, 10);
}
