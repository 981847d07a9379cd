/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the receive side share. */
#ifndef TESTBED_XENVIF_RECEIVE_RECEIVE_INTERNAL_H
#define TESTBED_XENVIF_RECEIVE_RECEIVE_INTERNAL_H

#include "xenvif/receive/receive.h"

/* receive.c, for receive_connect.c */
void receive_flush(
    struct rx_ring *ring); /* PASSIVE: no DPC of the ring runs or is queued, as long as nothing queues one */
/* Takes in what the subscriber gave back; in the ring's DPC or with none about. */
void receive_drain(struct rx_ring *ring);
void receive_guard(struct rx_packet *packet); /* receive_guard.c */
void receive_unguard(struct rx_packet *packet);

/* receive_pool.c: in the ring's DPC, or with none about */
static inline void page_used(struct rx_page *page, uint32_t bytes)
{
    page->used = (uint16_t)(page->used < bytes ? bytes : page->used);
}
struct rx_page *pool_page(struct rx_ring *ring); /* NULL: at the bound, or no memory */
void pool_page_free(struct rx_ring *ring, struct rx_page *page);
struct rx_packet *pool_packet(struct rx_ring *ring);
void pool_packet_free(struct rx_ring *ring, struct rx_packet *packet); /* with its pages */
void pool_tidy(struct rx_ring *ring); /* gives memory back that was not needed for a while */
void pool_revoke(struct rx_ring *ring);
void pool_destroy(struct rx_ring *ring);

/* receive_process.c: one packet of the backend becomes one or more in ring->ready, or is dropped and freed */
struct rx_settings { /* what the subscriber wants, sampled once per DPC */
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options;
    uint32_t backfill;
    uint32_t hash_algorithm, hash_types;
    uint32_t max_frame_bytes;
};
void process_packet(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet);
/* receive_segment.c: `packet`'s headers and pages are described; cuts it as the settings want, each piece through
 * process_finish */
void process_large(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet);
void process_finish(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet);
void process_drop(struct rx_ring *ring, struct rx_packet *packet);
/* Moves `length` bytes of payload to `to`, giving pages back as they run empty. */
void process_pull(struct rx_ring *ring, struct rx_packet *packet, uint8_t *to, uint32_t length);

#endif
