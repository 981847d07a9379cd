/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received UDP datagrams for the driver's tests: what goes in at the wire or through XenVif's callback, and what the
 * protocol must get, joined or not. A flow is a source port; each of its datagrams has a number, which its payload
 * depends on.
 */
#ifndef TESTS_STORY_URO_H
#define TESTS_STORY_URO_H

#include "ndis/late.h"
#include "packets.h"
#include "story_backend.h"
#include "xenvif/offer/hostile.h"

enum { URO_FLOWS = 12, URO_DATAGRAMS = 4096, URO_FRAME = 65600, URO_COUNTS = 512, URO_BATCH = 256, URO_MDLS = 12 };

/* A datagram as it is sent. */
struct uro_datagram {
    uint32_t payload;
    uint8_t tos, ttl; /* IPv4's, or traffic class and hop limit; ttl 0: 64 */
    uint8_t label;    /* IPv6: of the flow label */
    bool no_checksum, bad_checksum, dont_fragment, fragment, tagged, options, other_mac, padded;
};

struct uro_flow {
    uint32_t sent, seen;
    struct uro_datagram datagrams[URO_DATAGRAMS];
};

struct uro {
    struct story *story;
    struct raw *raw;
    uint32_t version; /* of all flows: 4 or 6 */
    struct uro_flow flows[URO_FLOWS];
    uint8_t bytes[URO_FRAME];
    /* written where the miniport indicates */
    struct sched_lock lock;
    uint32_t datagrams; /* atomic */
    uint32_t joined_nbls, joined_datagrams, nbls;
    uint32_t counts[URO_COUNTS]; /* datagrams of each NBL, of the first ones */
    uint8_t seen[URO_FRAME];
};

struct uro *uro_open(struct story *story, uint32_t version);
void uro_close(struct uro *uro);
/* The next datagram of a flow in `bytes`; its length. `offload`: NULL, the checksum is complete. */
uint32_t uro_make(struct uro *uro, uint32_t flow, const struct uro_datagram *datagram, struct frame_offload *offload);
void uro_inject(struct uro *uro, uint32_t flow, const struct uro_datagram *datagram); /* at the wire */
/* Until all that was sent has been seen; fails otherwise. */
void uro_wait(struct uro *uro);
void uro_forget(struct uro *uro); /* all that was sent and seen; nothing is on its way */

/* One batch through XenVif's callback, at this processor. */
struct uro_batch {
    struct uro *uro;
    uint32_t count;
    struct uro_packet {
        uint8_t *bytes;
        struct MDL *mdls[URO_MDLS];
        struct vif_inject inject;
    } packets[URO_BATCH];
};
struct uro_batch *uro_batch_open(struct story *story, uint32_t version); /* with a uro of its own */
void uro_batch_close(struct uro_batch *batch);
/* `headers`: bytes in the first MDL, 0: all headers; `pieces`: lengths of the payload's MDLs, 0 ends them: the rest is
 * in one more. */
void uro_batch_add(struct uro_batch *batch, uint32_t flow, const struct uro_datagram *datagram, uint32_t headers,
                   const uint32_t *pieces);
void uro_batch_go(struct uro_batch *batch, uint32_t processor, bool more); /* more: the batch does not end with it */
void uro_batch_wait(uint32_t more);           /* until so many packets more than before are back from the protocol */
void uro_batch_free(struct uro_batch *batch); /* of packets that are back, with the chains that they had */
void uro_batch_end(struct uro_batch *batch);  /* both */
int32_t uro_switch(struct story *story, uint8_t value); /* OID_TCP_OFFLOAD_PARAMETERS' UdpRsc */
/* May both be in one: all that the page wants the same of two datagrams of a flow, the second not being longer. */
bool uro_alike(const struct uro_datagram *one, const struct uro_datagram *other);

#endif
