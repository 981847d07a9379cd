/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends in trouble, for stories (story_backend.h). */
#include "story_backend.h"

#include <stdio.h>

#include "../include/counters.h"
#include "netback/state.h"

#define NAME_OF(name, side, member) #name,
static const char *const counter_names[] = { XENNET_COUNTERS(NAME_OF) };
enum { COUNTERS = sizeof(counter_names) / sizeof(counter_names[0]), LEAVE_SECONDS = 60, TRIES = 30 };

/* The frontend has taken its rings down: another backend will not mistake them for its own. */
static bool is_alone(struct story *story)
{
    uint32_t state = XenbusStateConnected;

    (void)xen_store_scanf(story->bed.guest, 0, "device/vif/0/state", "%u", &state);
    return state != XenbusStateConnected && state != XenbusStateClosing;
}

void backend_leaves(struct story *story)
{
    netback_destroy(story->bed.netback);
    story->bed.netback = NULL;
    if (story_release(story->plan)->reconnects) {
        CHECK(story_until(story, is_alone, LEAVE_SECONDS));
    }
}

void backend_goes_silent(struct story *story)
{
    netback_fatal(story->bed.netback, "the test asks for it");
}

bool backend_serves_no_more(struct story *story)
{
    return __atomic_load_n(&story->bed.netback->disabled, __ATOMIC_SEQ_CST) != 0;
}

void backend_comes(struct story *story, uint32_t queues, uint32_t rate_kbps)
{
    struct netback_options options = {
        .vif = story->bed.vif_config, .queues = queues, .mtu = 1500, .speed_mbps = 10000, .rate_kbps = rate_kbps
    };

    story->bed.netback = netback_create(story->bed.dom0, story->wire, &options);
    CHECK(story->bed.netback != NULL);
}

struct NET_BUFFER_LIST *backend_send(struct watch *watch, uint32_t number, uint32_t hash)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[BACKEND_SEND_BYTES];

    frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, number);
    raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)hash;
    nbl->NetBufferListInfo[NetBufferListHashInfo] = (void *)(uintptr_t)(NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
    raw_send(watch->raw, nbl, 0, false);
    return nbl;
}

void backend_packet_is_kept(struct story *story)
{
    uint8_t bytes[BACKEND_SEND_BYTES];

    frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, 1);
    edge_hold_received(story->bed.edge, true);
    wire_inject(story, 0, bytes, sizeof(bytes), &(struct frame_offload){ 0 });
    sched_sleep(SECOND);
    CHECK_EQ(adapter_outstanding_receives(story->bed.adapter), 1);
}

void backend_send_many(struct watch *watch, uint32_t count, struct NET_BUFFER_LIST **nbls)
{
    for (uint32_t i = 0; i < count; i++) {
        struct NET_BUFFER_LIST *nbl = backend_send(watch, i, 0);

        if (nbls != NULL) {
            nbls[i] = nbl;
        }
    }
}

uint32_t backend_frames(struct story *story)
{
    uint8_t bytes[2048];
    uint32_t frames = 0;

    while (wire_collect(story, bytes, sizeof(bytes), &(struct frame_offload){ 0 }) != 0) {
        frames++;
    }
    return frames;
}

uint32_t backend_frames_now(struct story *story)
{
    static uint8_t bytes[2048];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };
    uint32_t frames = 0;

    for (uint32_t queue = 0; queue < story->queues; queue++) {
        while (memory_port_collect(story->wire, queue, &frame, 0) != 0) {
            frames++;
        }
    }
    return frames;
}

void backend_works(struct story *story, struct watch *watch, uint32_t seconds)
{
    uint64_t deadline = sched_now() + seconds * SECOND;
    uint32_t frames = 0;

    for (;;) {
        struct NET_BUFFER_LIST *nbl = backend_send(watch, 0, 0);

        CHECK(raw_wait(watch->raw, seconds * SECOND));
        if (nbl->Status == (int32_t)NDIS_STATUS_SUCCESS) {
            break;
        }
        if (sched_now() >= deadline) {
            test_fail(__FILE__, __LINE__, "after %u s a send still ends with %#x", seconds, (uint32_t)nbl->Status);
        }
        sched_sleep(SECOND / 10);
    }
    for (uint32_t i = 0; i < TRIES && frames == 0; i++) {
        frames = backend_frames(story);
    }
    CHECK(frames != 0);
    raw_free_all(watch->raw);
    story_send(story, 0, 20, 4);
    story_inject(story, 0, 20);
    story_check_from(story, 0, 0);
}

struct found {
    const char *what;
    uint32_t count;
};

static void look(void *context, const char *line)
{
    struct found *found = context;
    found->count += strstr(line, found->what) != NULL;
}

/* An entry's number is the event ID of src/xennet/events.ini. */
static uint32_t records(const char *event)
{
    struct found found = { .what = event };

    ndis_event_log(look, &found);
    return found.count;
}

uint32_t backend_stalls(void)
{
    return records(" (5): ");
}

uint32_t backend_recoveries(void)
{
    return records(" (8): ");
}

uint64_t story_counter(struct story *story, const char *name)
{
    uint64_t values[COUNTERS];
    uint32_t written, needed;

    CHECK_EQ(adapter_query(story->bed.adapter, XENNET_OID_COUNTERS, values, sizeof(values), &written, &needed),
             (int32_t)NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, sizeof(values));
    for (uint32_t i = 0; i < COUNTERS; i++) {
        if (strcmp(counter_names[i], name) == 0) {
            return values[i];
        }
    }
    test_fail(__FILE__, __LINE__, "there is no counter %s", name);
}
