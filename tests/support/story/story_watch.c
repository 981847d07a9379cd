/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests see beside the edge (story_watch.h). */
#include "story_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/nbl/nbl.h"

enum { SECOND = 1000000000 };

const uint8_t story_guest_mac[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 },
              story_peer_mac[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0xfe };

static void copy_bytes(const struct NET_BUFFER *nb, uint8_t *to)
{
    const struct MDL *mdl = nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset, left = nb->DataLength < WATCH_BYTES ? nb->DataLength : WATCH_BYTES;

    while (left != 0) {
        uint32_t part = mdl->ByteCount - offset < left ? mdl->ByteCount - offset : left;

        memcpy(to, (const uint8_t *)mdl->MappedSystemVa + offset, part);
        to += part;
        left -= part;
        mdl = mdl->Next;
        offset = 0;
    }
}

static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    struct watch *watch = context;
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO tag;
    struct NDIS_RSC_NBL_INFO rsc;
    struct watch_seen *seen;

    pthread_mutex_lock(&watch->lock);
    if (watch->count >= MAX_WATCH_SEEN) {
        __atomic_add_fetch(&watch->count, 1, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&watch->lock);
        return;
    }
    seen = &watch->seen[watch->count];
    tag.Value = ndis_info(nbl, Ieee8021QNetBufferListInfo);
    rsc.Value = ndis_info(nbl, TcpRecvSegCoalesceInfo);
    *seen = (struct watch_seen){
        .processor = processor,
        .length = nbl->FirstNetBuffer->DataLength,
        .flags = flags,
        .hash_value = (uint32_t)(uintptr_t)ndis_info(nbl, NetBufferListHashValue),
        .hash_info = (uint32_t)(uintptr_t)ndis_info(nbl, NetBufferListHashInfo),
        .priority = tag.TagHeader.UserPriority,
        .canonical = tag.TagHeader.CanonicalFormatId,
        .vlan = tag.TagHeader.VlanId,
        .segments = rsc.Info.CoalescedSegCount,
        .duplicate_acks = rsc.Info.DupAckCount,
        .checksum = (uint64_t)(uintptr_t)ndis_info(nbl, TcpIpChecksumNetBufferListInfo),
    };
    copy_bytes(nbl->FirstNetBuffer, seen->bytes);
    __atomic_add_fetch(&watch->count, 1, __ATOMIC_RELEASE); /* who waits for it reads it */
    pthread_mutex_unlock(&watch->lock);
}

static void status(void *context, uint32_t code, const void *buffer, uint32_t size)
{
    struct watch *watch = context;
    uint32_t place;

    pthread_mutex_lock(&watch->lock);
    place = watch->status_count;
    if (place < MAX_WATCH_STATUS) {
        watch->statuses[place].code = code;
        watch->statuses[place].size = size;
        memcpy(watch->statuses[place].bytes, buffer, size < WATCH_STATUS_BYTES ? size : WATCH_STATUS_BYTES);
    }
    __atomic_add_fetch(&watch->status_count, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&watch->lock);
}

struct watch *watch_open(struct story *story)
{
    struct watch *watch = malloc(sizeof(*watch));
    struct raw_options options = {
        .memory = story->bed.guest, .received = received, .status = status, .context = watch
    };

    CHECK(watch != NULL);
    watch->story = story; /* the records are large, and each is filled before it is counted */
    watch->count = watch->status_count = 0;
    pthread_mutex_init(&watch->lock, NULL);
    watch->raw = raw_open(story->bed.adapter, &options);
    return watch;
}

void watch_close(struct watch *watch)
{
    raw_close(watch->raw);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void watch_forget(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    __atomic_store_n(&watch->count, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&watch->status_count, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&watch->lock);
}

bool watch_wait(struct watch *watch, uint32_t count)
{
    uint64_t deadline = sched_now() + story_patience();
    uint32_t before = 0, now;

    while ((now = __atomic_load_n(&watch->count, __ATOMIC_ACQUIRE)) < count) {
        if (now != before) {
            before = now;
            deadline = sched_now() + story_patience();
        } else if (sched_now() >= deadline) {
            return false;
        }
        story_rest();
    }
    return true;
}

uint32_t watch_statuses(const struct watch *watch, uint32_t code)
{
    uint32_t i, n = 0;

    for (i = 0; i < watch->status_count && i < MAX_WATCH_STATUS; i++) {
        n += watch->statuses[i].code == code;
    }
    return n;
}

uint32_t oid_written, oid_needed;

int32_t oid_get(struct story *story, uint32_t oid, void *buffer, uint32_t size)
{
    return adapter_query(story->bed.adapter, oid, buffer, size, &oid_written, &oid_needed);
}

/* NDIS sets RSS by revision 3 where the miniport is of 6.60 or later: what a story says in revision 2 goes so. */
static const void *as_ndis_sets_rss(struct story *story, const void *buffer, uint32_t size)
{
    static uint8_t copy[4096];
    struct NDIS_RECEIVE_SCALE_PARAMETERS *parameters = (void *)copy;
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    if (facts.ndis_minor < 60 || size < sizeof(*parameters) || size > sizeof(copy)) {
        return buffer;
    }
    memcpy(copy, buffer, size);
    if (parameters->Header.Revision == 2 &&
        parameters->Header.Size == NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2) {
        parameters->Header.Revision = 3;
        parameters->Header.Size = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3;
        memset(&parameters->DefaultProcessorNumber, 0, sizeof(parameters->DefaultProcessorNumber));
    }
    return copy;
}

int32_t oid_put(struct story *story, uint32_t oid, const void *buffer, uint32_t size)
{
    oid_written = 0;
    if (oid == OID_GEN_RECEIVE_SCALE_PARAMETERS) {
        buffer = as_ndis_sets_rss(story, buffer, size);
    }
    return adapter_set(story->bed.adapter, oid, buffer, size, &oid_needed);
}

bool story_link_is_up(struct story *story)
{
    return oid_get32(story, OID_GEN_MEDIA_CONNECT_STATUS) == NdisMediaStateConnected;
}

bool story_link_is_down(struct story *story)
{
    return !story_link_is_up(story);
}

uint32_t oid_get32(struct story *story, uint32_t oid)
{
    uint32_t value = 0;
    int32_t result = oid_get(story, oid, &value, sizeof(value));

    if (result != NDIS_STATUS_SUCCESS || oid_written != sizeof(value)) {
        test_fail(__FILE__, __LINE__, "query of OID %#x: status %#x, %u bytes", oid, (unsigned)result, oid_written);
    }
    return value;
}

uint64_t oid_get64(struct story *story, uint32_t oid)
{
    uint64_t value = 0;
    int32_t result = oid_get(story, oid, &value, sizeof(value));

    if (result != NDIS_STATUS_SUCCESS || oid_written != sizeof(value)) {
        test_fail(__FILE__, __LINE__, "query of OID %#x: status %#x, %u bytes", oid, (unsigned)result, oid_written);
    }
    return value;
}

bool oid_listed(struct story *story, uint32_t oid)
{
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(story->bed.adapter, &oids), i;

    for (i = 0; i < count; i++) {
        if (oids[i] == oid) {
            return true;
        }
    }
    return false;
}

void frame_plain(uint8_t *bytes, uint32_t length, const uint8_t to[6], const uint8_t from[6], uint32_t number)
{
    uint32_t i;

    for (i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(number * 13 + i);
    }
    memcpy(bytes, to, 6);
    memcpy(bytes + 6, from, 6);
    bytes[12] = 0x88; /* local experimental Ethertype 1 */
    bytes[13] = 0xb5;
    memcpy(bytes + 14, &number, length >= 18 ? 4 : length - 14);
}

void wire_inject(struct story *story, uint32_t queue, const uint8_t *bytes, uint32_t length,
                 const struct frame_offload *offload)
{
    struct frame frame = { .vectors = { { (void *)(uintptr_t)bytes, length } }, .vector_count = 1, .length = length };

    if (offload != NULL) {
        frame.offload = *offload;
    }
    while (memory_port_inject(story->wire, queue, &frame) == -EAGAIN) {
        story_rest();
    }
}

void (*wire_seen)(const uint8_t *bytes, uint32_t length, const struct frame_offload *offload);

uint32_t wire_collect(struct story *story, uint8_t *bytes, uint32_t size, struct frame_offload *offload)
{
    uint64_t deadline = sched_now() + SECOND;
    uint32_t q;

    do {
        for (q = 0; q < story->queues; q++) {
            struct frame frame = { .vectors = { { bytes, size } }, .vector_count = 1 };

            if (memory_port_collect(story->wire, q, &frame, 0) != 0) {
                if (offload != NULL) {
                    *offload = frame.offload;
                }
                if (wire_seen != NULL) {
                    wire_seen(bytes, frame.length, &frame.offload);
                }
                return frame.length;
            }
        }
        story_rest();
    } while (sched_now() < deadline);
    return 0;
}
