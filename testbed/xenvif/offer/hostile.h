/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A provider, or a backend behind it, that means harm: methods that answer impossible values, packets whose description
 * is a lie, completions with a status that does not exist. Set before the device is added; for tests.
 */
#ifndef TESTBED_XENVIF_OFFER_HOSTILE_H
#define TESTBED_XENVIF_OFFER_HOSTILE_H

#include "abi.h"
#include "xenvif/vif.h"

enum vif_lie {
    LIE_RING_COUNT,
    LIE_FRAME_SIZE,
    LIE_RING_SIZE,
    LIE_RECEIVE_RING_SIZE,
    LIE_LARGE_SIZE,
    LIE_OFFLOADS,
    LIE_HASH_TYPES,
    LIE_CONNECT,
    LIE_DUPLEX,
    LIE_SPEED,
    LIE_ADDRESS,
    LIE_COMPLETION,
    LIE_COMPLETION_ONCE,
    LIE_STATISTIC,
    LIE_COUNT
};
/* From now on the method answers `value` (bits of an address: its six bytes, lowest first). */
void vif_lie(enum vif_lie what, uint64_t value);
void vif_tell_truth(void); /* of everything again */

/* A received packet as the subscriber is to get it. The cookie is the testbed's. */
struct vif_inject {
    uint32_t index;
    struct MDL *mdl;
    uint32_t offset, length, checksum;
    uint16_t mss, tci;
    struct XENVIF_PACKET_INFO_V2 *info;
    struct XENVIF_PACKET_HASH_V2 *hash; /* NULL: a record that says there is none, as every XenVif gives one */
    bool more;
};
/* Calls back on this processor at DISPATCH_LEVEL. The subscriber must be enabled, and vif_inject_start called before
 * the device was added. */
void vif_inject_start(void);
void vif_inject(struct vif *vif, uint32_t processor, const struct vif_inject *packet);
uint64_t vif_inject_returned(void);                   /* injected packets that came back */
void vif_inject_type(struct vif *vif, uint32_t type); /* a callback of a type that does not exist */
void vif_tell_mac(struct vif *vif);                   /* MAC_STATE_CHANGE, true or not. PASSIVE */

/* pdo.c: after `fill` has filled the table. callback.c: each completion. */
void hostile_fill(struct vif *vif, void *table, void (*fill)(struct vif *, void *));
void hostile_wait_returned(void); /* interface.c: Disable waits for injected packets, too */
void hostile_completion(struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *completion);

#endif
