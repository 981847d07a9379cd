/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS as the rest of the testbed uses it: a miniport adapter's life, its OIDs, and the protocol edge, where a real
 * network stack (or a test) sends and receives frames through the miniport.
 *
 * Verbs return NDIS_STATUS values; all of them run at PASSIVE_LEVEL in a task.
 */
#ifndef TESTBED_NDIS_NDIS_H
#define TESTBED_NDIS_NDIS_H

#include "nt/io/pnp.h"
#include "wire/frame.h"
#include "wire/pcap.h"
#include "xen/xen.h"

void ndis_start(void); /* registers ndis.sys's exports; after nt_start, before driver_load */
void ndis_stop(void);

struct adapter;

/* AddDevice and MiniportInitializeEx for the device, by the miniport that `driver` registered. On failure NULL and a
 * sentence that names the miniport's status and what it wrote to the event log. The adapter is Paused then. */
struct adapter *adapter_add(struct driver *driver, struct device *pdo, const struct package *package, char *error,
                            size_t size);
int32_t adapter_restart(struct adapter *adapter);
int32_t adapter_pause(struct adapter *adapter);
void adapter_surprise_remove(struct adapter *adapter); /* PnP event, protocols paused, pause, halt */
void adapter_surprise_event(struct adapter *adapter);  /* the event alone */
void adapter_shutdown(struct adapter *adapter);
void adapter_bugcheck(
    struct adapter *adapter); /* MiniportShutdownEx at HIGH_LEVEL, where the miniport asked for that */
int32_t adapter_set_power(struct adapter *adapter,
                          uint32_t device_state); /* NdisDeviceStateD0 ... D3 by OID_PNP_SET_POWER */
/* Rebalance: events, pause, halt; then MiniportInitializeEx once more for the same device. No protocol may have it
 * open. */
void adapter_stop(struct adapter *adapter);
int32_t adapter_start(struct adapter *adapter);

/* MiniportCheckForHangEx, and a reset where that returns TRUE: true. A live run does it by itself, as often as the
 * miniport wants. */
bool adapter_check_for_hang(struct adapter *adapter);
int32_t adapter_reset(struct adapter *adapter); /* MiniportResetEx on a running adapter */
void adapter_hang_watch_start(struct adapter *adapter);
void adapter_hang_watch_stop(struct adapter *adapter);
void adapter_cancel_sends(struct adapter *adapter,
                          void *cancel_id); /* MiniportCancelSend, at any IRQL up to DISPATCH_LEVEL */
/* MiniportCancelOidRequest for the request that is with the miniport now, if there is one. */
void adapter_cancel_oid(struct adapter *adapter);
void adapter_remove(struct adapter *adapter); /* pause if running, MiniportHaltEx, remove device */

/* OIDs, as NDIS would send them (one at a time; statistics allowed in any state but halted). */
int32_t adapter_query(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t size, uint32_t *written,
                      uint32_t *needed);
int32_t adapter_set(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t size, uint32_t *needed);
int32_t adapter_method(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t in, uint32_t out,
                       uint32_t *written, uint32_t *needed);
/* A method by MiniportSynchronousOidRequest (NDIS 6.80), at DISPATCH_LEVEL and beside other requests. */
int32_t adapter_method_now(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t in, uint32_t out,
                           uint32_t *written, uint32_t *needed);
/* The same at PASSIVE_LEVEL: the handler's page has IRQL <= DISPATCH_LEVEL. */
int32_t adapter_method_now_passive(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t in, uint32_t out,
                                   uint32_t *written, uint32_t *needed);
/* The OIDs that the miniport listed in its general attributes; returns how many. The list lives as long as the adapter.
 */
/* Among the GUIDs that the driver names for WMI (OID_GEN_SUPPORTED_GUIDS) is one for this OID of its own. PASSIVE */
bool adapter_has_own_oid(struct adapter *adapter, uint32_t oid);
uint32_t adapter_supported_oids(struct adapter *adapter, const uint32_t **oids);

/* Records that a miniport hands to NDIS, whose header names a revision. */
enum ndis_record {
    RECORD_DRIVER_CHARACTERISTICS,
    RECORD_REGISTRATION_ATTRIBUTES,
    RECORD_GENERAL_ATTRIBUTES,
    RECORD_OFFLOAD_ATTRIBUTES,
    RECORD_ADD_DEVICE_ATTRIBUTES,
    RECORD_OFFLOAD,
    RECORD_RSS_CAPABILITIES,
    RECORD_PM_CAPABILITIES,
    RECORD_PNP_CHARACTERISTICS,
    RECORD_STATUS_INDICATION,
    RECORD_LINK_STATE,
    RECORD_NBL_POOL,
    RECORD_NB_POOL,
    RECORD_CONFIGURATION,
    RECORD_TIMER,
    RECORD_SG_DMA,
    RECORD_DEVICE_OBJECT,
    RECORD_COUNT
};
/* The last record of that kind that a miniport gave (revision 0: none yet), and the newest that an NDIS version (major
 * in the high byte) has. */
struct record_facts {
    const char *name;
    uint8_t revision, newest;
    uint16_t size, newest_size;
};
struct record_facts record_facts(enum ndis_record record, uint16_t version);

/* What the miniport reported about itself. */
struct adapter_facts {
    uint8_t ndis_major, ndis_minor; /* version registered */
    uint8_t permanent_mac[6], current_mac[6];
    uint32_t mtu;
    uint64_t link_speed_tx, link_speed_rx;
    bool link_up;
    uint32_t link_changes; /* indications since start */
    bool checksum_tx_tcp4, checksum_tx_tcp6, checksum_tx_udp4, checksum_tx_udp6, checksum_tx_ip4;
    bool checksum_rx_tcp4, checksum_rx_tcp6, checksum_rx_udp4, checksum_rx_udp6, checksum_rx_ip4;
    bool lso4, lso6, rsc4, rsc6, rss;
    uint32_t lso4_size, lso6_size;
    bool uso4, uso6; /* UDP segmentation */
    uint32_t uso4_size, uso6_size;
    bool uro; /* UDP coalescing */
    uint32_t rss_queues;
};
void adapter_facts(struct adapter *adapter, struct adapter_facts *facts);

struct adapter_counters {
    uint64_t tx_packets, tx_bytes, tx_calls, tx_completions, tx_completion_calls,
        tx_failed; /* packets: NBs; calls: MiniportSendNetBufferLists */
    uint64_t rx_packets, rx_bytes, rx_calls, rx_returns, rx_return_calls,
        rx_low_resources; /* calls: NdisMIndicateReceiveNetBufferLists */
    uint64_t tx_lso, tx_uso, tx_checksum, rx_coalesced, rx_checksum_good;
    uint64_t rx_joined, rx_joined_datagrams; /* URO: packets, and datagrams in them */
    uint64_t polls;                          /* calls of NdisPoll handlers */
    uint64_t polls_made;                     /* poll objects */
    uint64_t polls_passive;                  /* at PASSIVE_LEVEL */
    uint64_t polls_astray, polled_astray;    /* on another processor than the poll object's; NBLs that they indicated */
    uint64_t rx_sums_wrong; /* simulated runs: received with a flag about a checksum that is not true */
    uint64_t rx_unshown;    /* received in more pieces than a frame has vectors: returned, not shown to the receiver */
};
void adapter_counters(struct adapter *adapter, struct adapter_counters *counters);
/* The name of the status with which the last send failed that did. */
const char *adapter_send_failure(const struct adapter *adapter);

/* NBLs indicated and not returned. */
int64_t adapter_outstanding_receives(const struct adapter *adapter);

/* --- the protocol edge --- */
struct edge_options {
    struct xen *memory;  /* where send buffers come from: grantable memory */
    uint32_t buffers;    /* frames that may be on their way at once, per queue, e.g. 256 */
    uint32_t queues;     /* send queues: one task at a time each; queue q sends on processor q modulo count */
    uint32_t frame_size; /* largest frame sent: MAX_FRAME_BYTES, or less to save memory */
    struct pcap *pcap;
    /* Called for each NBL received, at DISPATCH or below, before it is returned. The frame's vectors point into the
     * driver's MDLs. */
    void (*receive)(void *context, uint32_t processor, const struct frame *frame);
    /* The same for joined datagrams, whose checksum is left open; NULL: they are copied together for `receive`. */
    void (*receive_pieces)(void *context, uint32_t processor, struct pieces *pieces);
    void *context;
};
/* Opens the adapter as TCP/IP would: binds, sets packet filter, lookahead, multicast list, offload encapsulation, RSS
 * if offered. */
struct edge *edge_open(struct adapter *adapter, const struct edge_options *options, char *error, size_t size);
void edge_close(struct edge *edge); /* sends done, received returned, filter 0 */

/* A free send buffer of `frame_size` bytes as frame->vectors, or false when none is free now; blocks when `wait`. */
bool edge_buffer(struct edge *edge, uint32_t queue, struct frame *frame, bool wait);
void edge_buffer_unused(struct edge *edge, uint32_t queue, struct frame *frame);
/* Queues the filled frame (from edge_buffer, length and offload set) for the next edge_flush, which sends all as one
 * NBL chain. Offloads the miniport does not have are done in software first (checksum; segmentation must not be asked
 * of it). */
void edge_queue(struct edge *edge, uint32_t queue, struct frame *frame);
void edge_flush(struct edge *edge, uint32_t queue);
/* Simulated runs: the next batch received stays with the protocol until `hold` is false again, or until NDIS pauses it.
 */
void edge_hold_received(struct edge *edge, bool hold);
void edge_stop(struct edge *edge); /* wakes tasks blocked in edge_buffer, for good */

/* Pools, NBLs, NBs, open configurations, adapters, spin locks, registered miniports still there. */
void ndis_leaks(struct leaks *leaks);
/* Event log entries written by the driver so far, one line each. */
void ndis_event_log(void (*each)(void *context, const char *line), void *context);

#endif
