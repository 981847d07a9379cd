/* SPDX-License-Identifier: BSD-2-Clause */
/* Large UDP sends for the driver's tests, and what must come of them at the wire. */
#ifndef TESTS_STORY_USO_H
#define TESTS_STORY_USO_H

#include "ndis/late.h"
#include "packets.h"
#include "story_backend.h"

enum { USO_MAX_DATAGRAM = 65507 };
#define USO_WAIT (60ull * SECOND)

struct uso {
    struct story *story;
    struct watch *watch;
    uint8_t *bytes, *back; /* of the send that is made, of the frame that arrived */
};

struct uso_send {
    struct packet_shape shape;
    uint32_t mss;  /* 0: no segmentation */
    uint32_t tci;  /* out of band; 0: none */
    uint32_t hash; /* 0: none */
    bool no_checksum;
    uint32_t offset; /* bytes in the MDLs before the packet */
    const uint32_t *cuts;
    uint32_t cut_count;
};

struct uso *uso_open(struct story *story);
void uso_close(struct uso *uso);
void uso_free(struct uso *uso); /* the NBLs made so far, all of them back */

uint32_t uso_draw(uint32_t *state, uint32_t bound);
uint32_t uso_length(const struct packet_shape *shape);            /* of the frame */
uint32_t uso_fit(const struct packet_shape *shape, uint32_t mss); /* no more than a frame of 1,500 bytes has room for */

struct NET_BUFFER_LIST *uso_make(struct uso *uso, const struct uso_send *send);
struct NET_BUFFER_LIST *uso_start(struct uso *uso, const struct uso_send *send); /* made and sent */
/* Sent, and waited for where it is cut into few segments; its status, or success for one that is still out. */
int32_t uso_send(struct uso *uso, const struct uso_send *send);
/* Takes off the wire what must come of it, and compares it all; the number of frames. */
uint32_t uso_expect(struct uso *uso, const struct uso_send *send);

#endif
