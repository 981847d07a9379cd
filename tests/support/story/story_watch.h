/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a test sees of the adapter beside the edge: each NBL received with its out-of-band data, each status
 * indicated, and sends of any shape. Plus the OIDs as one-liners.
 */
#ifndef TESTS_STORY_WATCH_H
#define TESTS_STORY_WATCH_H

#include <pthread.h>

#include "abi.h"
#include "ndis/protocol/raw.h"
#include "story.h"
#include "wire/frame.h"

enum { MAX_WATCH_SEEN = 4096, MAX_WATCH_STATUS = 64, WATCH_BYTES = 128, WATCH_STATUS_BYTES = 512 };

struct watch_seen {
    uint32_t processor, length, flags, hash_value, hash_info;
    uint32_t priority, canonical, vlan;
    uint32_t segments, duplicate_acks;
    uint64_t checksum; /* NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO */
    uint8_t bytes[WATCH_BYTES];
};

struct watch {
    struct story *story;
    struct raw *raw;
    pthread_mutex_t lock; /* of those that write below; `count` and `status_count` name what is written whole */
    struct watch_seen seen[MAX_WATCH_SEEN];
    uint32_t count; /* atomic; those beyond MAX_WATCH_SEEN are counted only */
    struct {
        uint32_t code, size;
        _Alignas(8) uint8_t bytes[WATCH_STATUS_BYTES]; /* a record */
    } statuses[MAX_WATCH_STATUS];
    uint32_t status_count;
};

struct watch *watch_open(struct story *story);
void watch_close(struct watch *watch);
void watch_forget(struct watch *watch);               /* what was seen so far */
bool watch_wait(struct watch *watch, uint32_t count); /* until `count` NBLs were seen; story_patience after each */
uint32_t watch_statuses(const struct watch *watch, uint32_t code);

/* One OID request; the status. `needed` and `written` of the last request are kept here. */
extern uint32_t oid_written, oid_needed;
int32_t oid_get(struct story *story, uint32_t oid, void *buffer, uint32_t size);
int32_t oid_put(struct story *story, uint32_t oid, const void *buffer, uint32_t size);
uint32_t oid_get32(struct story *story, uint32_t oid); /* must succeed with 4 bytes */
uint64_t oid_get64(struct story *story, uint32_t oid); /* must succeed with 8 bytes */
bool oid_listed(struct story *story, uint32_t oid);
/* For story_until, too. */
bool story_link_is_up(struct story *story);
bool story_link_is_down(struct story *story);

extern const uint8_t story_guest_mac[6], story_peer_mac[6];
/* A frame of `length` bytes of an unassigned Ethernet type between these addresses. */
void frame_plain(uint8_t *bytes, uint32_t length, const uint8_t to[6], const uint8_t from[6], uint32_t number);
void wire_inject(struct story *story, uint32_t queue, const uint8_t *bytes, uint32_t length,
                 const struct frame_offload *offload);
/* The next frame at any of the wire's queues into `bytes`; its length, 0: none within a second. */
uint32_t wire_collect(struct story *story, uint8_t *bytes, uint32_t size, struct frame_offload *offload);
/* NULL, or what sees each of them, too. */
extern void (*wire_seen)(const uint8_t *bytes, uint32_t length, const struct frame_offload *offload);

#endif
