/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to a XenVif, the stand-in or an image: what a subscriber sees of it. Each answer is a line, the question
 * and a colon first; the same questions in the same order, so that answers can be compared line by line.
 *
 * One simulated run for each bed; the probe is the only subscriber.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "packets.h"
#include "vif_bed.h"

enum {
    TAG = 1 << 0,
    LSO4 = 1 << 1,
    SUM_IP4 = 1 << 2,
    SUM_TCP4 = 1 << 3,
    SUM_UDP4 = 1 << 4,
    LSO6 = 1 << 5,
    SUM_TCP6 = 1 << 6,
    SUM_UDP6 = 1 << 7,
    NEED_CHECKSUM = 1 << 8,
    NEED_SPLIT = 1 << 9,
    EVERY_OFFLOAD = 0xff
};

struct probe {
    struct vif_bed bed;
    const char *state;                    /* "connected", "enabled", "disabled": stands before what depends on it */
    uint8_t received_at[VIF_BED_PACKETS]; /* IRQL */
    struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 completion;
    uint32_t mac_changes_below_dispatch, mac_changes;
};

/* One answer: the question, formatted, up to the first ": " of it. */
void probe_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t probe_fingerprint(const uint8_t *bytes, uint32_t size);
void probe_wait(uint32_t milliseconds);
void probe_options(struct probe *probe, uint16_t options);

void probe_queries(struct probe *probe); /* probe_settings.c: what is asked in any state */
void probe_hash(struct probe *probe);    /* hash algorithm, parameters, mapping */
void probe_mac(struct probe *probe);     /* multicast list, filter levels */
void probe_statistics(struct probe *probe);
void probe_received(struct probe *probe); /* probe_receive.c: frames of every kind, with three settings each */
void probe_filter(struct probe *probe);   /* which frames come up with which filter */
void probe_batch(struct probe *probe);
void probe_sent(struct probe *probe); /* probe_send.c */
void probe_sent_while_disabled(struct probe *probe);

#endif
