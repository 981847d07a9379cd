/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of xenvif/: a kernel, a hypervisor with the embedded backend on a memory port, the XenVif stand-in, and a
 * subscriber that binds to it as a miniport would, keeps what it is given, and says what it saw. All three callback
 * conventions. VIF_TRACE=FILE in the environment writes the last run's trace.
 */
#ifndef TESTS_VIF_BED_H
#define TESTS_VIF_BED_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "netback/netback.h"
#include "packets.h"
#include "xenvif/vif.h"

#define SECOND          1000000000ull
#define VIF_BED_PACKETS 8192

/* Of the interface, as the subscriber sees it. */
typedef MS_ABI int32_t vb_acquire(void *interface);
typedef MS_ABI void vb_release(void *interface);
typedef MS_ABI int32_t vb_enable(void *interface, void *callback, void *argument);
typedef MS_ABI int32_t vb_queue(void *interface, struct MDL *mdl, uint32_t offset, uint32_t length,
                                struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options, uint16_t mss, uint16_t tci,
                                const struct XENVIF_PACKET_HASH_V2 *hash, uint8_t more, void *cookie);
typedef MS_ABI void vb_return(void *interface, void *cookie);
typedef MS_ABI void vb_get32(void *interface, uint32_t *value);
typedef MS_ABI int32_t vb_mapping(void *interface, const struct PROCESSOR_NUMBER *mapping, uint32_t size);
typedef MS_ABI int32_t vb_statistic(void *interface, uint32_t index, uint64_t *value);
typedef MS_ABI int32_t vb_filter(void *interface, uint32_t type, uint32_t level);
typedef MS_ABI void vb_options(void *interface, struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options);

struct vb_received {
    uint32_t queue, length, offset, checksum;
    uint16_t mss, tci;
    uint8_t more;
    struct MDL *mdl;
    struct XENVIF_PACKET_INFO_V2 info;
    struct XENVIF_PACKET_HASH_V2 hash;
    void *cookie;
    bool held;
};

struct vif_bed {
    struct xen_host *host;
    struct xen *guest, *dom0;
    struct xen_vif_config config;
    struct port *port;
    struct netback *netback;
    struct vif *vif;
    struct busdriver *bus; /* a XenVif's image instead */
    struct package *package;
    struct XENVIF_VIF_INTERFACE_V10 vifi;
    void (*seen)(struct vif_bed *bed, uint32_t type, const struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 *p); /* or NULL */
    uint32_t version;
    bool keep;                                     /* received packets are not returned at once */
    uint32_t pause_every;                          /* version 10: Pause after every so many packets */
    uint32_t received_count, batches, mac_changes; /* atomic */
    struct vb_received *received;                  /* the first VIF_BED_PACKETS, whole as far as counted */
    pthread_mutex_t receiving;
    uint32_t sent_ok, sent_dropped, sent_error, doubled; /* atomic */
    uint8_t *cookies;                                    /* 1: out */
    uint8_t *memory;                                     /* one page per packet sent, grantable */
    struct MDL **mdls;
    uint32_t memory_pages;
};

struct vif_bed_options {
    const struct vif_release *release; /* NULL: strict */
    uint32_t version, queues, mtu, without, processors, rate_kbps;
    bool strict, per_packet;
    uint64_t stall_ns;
    const char *xenvif, *xenvif_inf,
        *inf; /* a XenVif's image; the INF of the driver that its device is installed with */
};

/* The subscriber's callback of VIF 9 and 10, and the GUID that it asks for. */
MS_ABI void vb_callback(void *argument, uint32_t type, struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 *p);
const uint8_t *vb_guid(void);

void vb_start_netback(struct vif_bed *bed, const struct vif_bed_options *options);
/* Everything but the subscriber. */
void vb_start(struct vif_bed *bed, const struct vif_bed_options *options);
struct device *vb_pdo(const struct vif_bed *bed);
void *vb_callback_of(const struct vif_bed *bed); /* in the convention of its version */
void vb_filter_all(struct vif_bed *bed);
void vb_bind(struct vif_bed *bed);
void vb_unbind(struct vif_bed *bed);
/* Ends with a check that nothing was left behind anywhere. */
void vb_stop(struct vif_bed *bed);
/* Send packet `number`: its bytes from its own page (or `mdl`). */
int32_t vb_send(struct vif_bed *bed, uint32_t number, struct MDL *mdl, uint32_t length, uint16_t options, uint16_t mss,
                const struct XENVIF_PACKET_HASH_V2 *hash, bool more);
uint32_t vb_completed(struct vif_bed *bed);
void vb_wait_completed(struct vif_bed *bed, uint32_t count);
void vb_wait_received(struct vif_bed *bed, uint32_t count);
/* A received packet's bytes in one piece. */
uint32_t vb_copy(const struct vb_received *packet, uint8_t *to);
void vb_give_back(struct vif_bed *bed);

/* --- stories: a live run, and simulated ones over seeds --- */

struct vb_story {
    void (*body)(struct vif_bed *bed);
    struct vif_bed_options options;
};

void vb_run(struct vb_story *story, enum sched_kind kind, uint64_t seed);
/* For rules: `story` in a simulated run. */
void vb_run_simulated(void *story);
void vb_run_all(struct vb_story story, uint32_t seeds);
/* For a test's use: a frame that it builds, and one to compare with it. */
extern uint8_t vb_bytes[MAX_FRAME_BYTES + 64], vb_other[MAX_FRAME_BYTES + 64];

/* Built into `vb_bytes`; its checksum is partial. */
struct frame vb_udp(uint32_t payload, uint16_t source_port);

/* A frame each way, of this number: both arrive. */
void vb_exchange(struct vif_bed *bed, uint32_t number);

#endif
