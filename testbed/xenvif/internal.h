/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XenVif stand-in's own records. A struct vif is one virtual interface: the interfaces its subscriber calls
 * (interface.c, store_interface.c, suspend_interface.c), what the subscriber is told (callback.c), and the netif
 * frontend: xenbus states (frontend.c), the control ring (control.c), address filters and link (mac.c), and per queue a
 * transmit ring (transmit*.c) and a receive ring (receive*.c).
 *
 * Who may touch what: a transmit ring is under its Lock, at DISPATCH_LEVEL; a receive ring belongs to its DPC, and to
 * the frontend's thread while no DPC can run; everything of xenstore belongs to the frontend's thread; the
 * configuration that the subscriber sets is under `vif.lock`. The subscriber is never called with any of these held.
 */
#ifndef TESTBED_XENVIF_INTERNAL_H
#define TESTBED_XENVIF_INTERNAL_H

#include <stdint.h>
#include <string.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#include "xenvif/receive/packet.h"
#include "xen/barrier.h"
#include "xenbus/store.h"
#include "xenbus/suspend.h"
#include "xenvif/vif.h"

enum {
    MAX_QUEUES = 64,
    RING_SLOTS = 256,
    TX_PACKETS = 4096, /* per queue that may wait or be on their way */
    TX_CACHED_GRANTS = 16384,
    TX_MAX_FRAGMENTS = XEN_NETIF_NR_SLOTS_MIN,
    MAX_MULTICAST = 64, /* addresses, and changes of them that wait for room in the ring */
    MAX_HASH_MAPPING = 128,
    STATISTICS = XENVIF_VIF_STATISTIC_COUNT,
    NO_INDEX = 0xffff,
};

/* What backends may have; read when the frontend connects. */
struct features {
    bool sg, gso4, gso6, checksum4, checksum6, split, control, multicast, dynamic_multicast;
    uint32_t queues;
    uint32_t headroom; /* that the backend leaves before the data of each page */
};

/* --- transmit --- */

enum {
    MARK_TAGGED,
    MARK_LLC,
    MARK_IPV4,
    MARK_IPV6,
    MARK_TCP,
    MARK_UDP,
    MARK_GSO,
    MARK_IP_SUCCEEDED,
    MARK_IP_FAILED,
    MARK_IP_UNKNOWN,
    MARK_TCP_SUCCEEDED,
    MARK_TCP_FAILED,
    MARK_TCP_UNKNOWN,
    MARK_UDP_SUCCEEDED,
    MARK_UDP_FAILED,
    MARK_UDP_UNKNOWN
}; /* in the order of XenVif's statistics */

struct tx_packet {
    void *cookie;
    struct MDL *mdl;
    uint32_t offset, length;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options;
    uint16_t mss, tci;
    struct XENVIF_PACKET_HASH_V2 hash;
    uint16_t slots;         /* requests of it that wait for a response */
    uint16_t next;          /* in the free list, the queue or the completed list */
    uint8_t status;         /* 0 until known */
    uint8_t type;           /* ETHERNET_ADDRESS_TYPE of its destination */
    uint16_t marks;         /* 1 << MARK_...: statistics it counts for */
    uint32_t sent, payload; /* bytes on the wire, and of them behind the headers */
    uint16_t padding;       /* bytes on the wire that nobody asked for: XenVif counts without them */
};

struct tx_fragment {
    uint32_t reference;
    uint16_t offset, size;
    uint16_t buffer; /* of the ring's own pages, or NO_INDEX */
    uint16_t cached; /* entry of the grant cache, or NO_INDEX: granted for this packet alone unless it is a buffer */
};

/* A request that the backend has. */
struct tx_slot {
    struct tx_fragment fragment;
    uint16_t packet; /* NO_INDEX: a multicast change, or its packet was given up */
    uint16_t extras; /* responses of status NULL that belong to it */
    bool used;
};

struct tx_cached {
    const uint8_t *page;
    uint32_t reference;
    uint32_t uses; /* requests that name it now */
};

struct tx_list {
    uint16_t first, last;
};

struct tx_ring {
    struct vif *vif;
    uint32_t index;
    struct spin_lock lock;
    struct netif_tx_front_ring front;
    struct netif_tx_sring *shared;
    uint32_t shared_reference;
    struct xen_event *event; /* the receive ring's when channels are not split */
    struct nt_dpc dpc;
    bool connected, enabled;
    uint8_t *buffers; /* RING_SLOTS pages: headers, and payload that cannot be granted where it is */
    uint32_t buffer_references[RING_SLOTS];
    uint16_t buffers_free[RING_SLOTS];
    uint32_t buffers_free_count;
    struct tx_slot slots[RING_SLOTS];
    uint16_t ids_free[RING_SLOTS];
    uint32_t ids_free_count;
    struct tx_packet *packets;
    uint16_t packets_free;
    struct tx_list waiting, completed;
    uint32_t outstanding; /* slots in use; Disable sleeps on it */
    uint32_t unpushed;    /* requests since the last push */
    struct tx_cached *cache;
    struct {
        uint8_t address[6];
        bool add;
    } multicast[MAX_MULTICAST];
    uint32_t multicast_first, multicast_count;
    uint64_t statistics[STATISTICS];
    uint64_t packets_sent, bytes, doorbells, calls_without_more, gso, csum_blank, bounced;
    struct {
        RING_IDX consumer;
        uint64_t since;
    } stall; /* frontend thread: see stall.c */
};

struct tx_request {
    struct MDL *mdl;
    uint32_t offset, length;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options;
    uint16_t mss, tci;
    struct XENVIF_PACKET_HASH_V2 hash;
    bool more;
    void *cookie;
};

bool transmit_create(struct tx_ring *ring, struct vif *vif, uint32_t index);
void transmit_destroy(struct tx_ring *ring);
int transmit_connect(struct tx_ring *ring);     /* ring page and buffers granted; PASSIVE, as all of these */
void transmit_disconnect(struct tx_ring *ring); /* what the backend still had is completed as dropped */
void transmit_enable(struct tx_ring *ring);
void transmit_disable(struct tx_ring *ring); /* what the backend has comes back, as the release has it */
void transmit_abort(struct tx_ring *ring);   /* after transmit_disable: what waits comes back, too */
void transmit_event(void *ring);             /* event channel handler */
int32_t transmit_queue(struct vif *vif, const struct tx_request *request); /* <= DISPATCH */
void transmit_multicast(struct vif *vif, const uint8_t address[6], bool add);
void transmit_offend(struct tx_ring *ring);         /* a request that no backend can take */
uint32_t transmit_held(const struct tx_ring *ring); /* cookies not returned */

/* transmit_prepare.c: with the ring's lock held */
struct tx_plan {
    struct tx_fragment fragments[TX_MAX_FRAGMENTS + 1];
    uint32_t count, extras;
    uint16_t flags;
    uint8_t gso_type;
    uint16_t mss;
    uint8_t hash_type; /* _XEN_NETIF_CTRL_HASH_TYPE_..., or NO_HASH */
    uint32_t hash_value;
};
enum { NO_HASH = 0xff };
bool prepare_packet(struct tx_ring *ring, struct tx_packet *packet,
                    struct tx_plan *plan); /* false: it cannot be sent */
void prepare_release(struct tx_ring *ring, const struct tx_fragment *fragment);
void prepare_undo(struct tx_ring *ring, const struct tx_plan *plan);

/* --- receive --- */

enum { EXTRA_TYPE_XDP = 5 /* newer than netif.h here: the headroom in its first 16 bits */ };
enum { RX_CHUNK = 64, RX_CHUNKS = 64, RX_PAGES_PER_PACKET = 20, RX_HEADER_BYTES = 2048 };

struct rx_page {
    struct MDL *mdl;
    uint8_t *address;
    uint32_t reference; /* 0: not granted */
    uint16_t chunk;
};

struct rx_packet {
    struct MDL *mdl; /* over `headers` */
    uint8_t *headers;
    struct XENVIF_PACKET_INFO_V2 info;
    struct XENVIF_PACKET_HASH_V2 hash;
    uint32_t offset, length;
    uint16_t mss, tci;
    bool stripped;         /* of its tag */
    uint16_t marks, flags; /* flags: of the backend */
    uint32_t checksum;     /* XENVIF_PACKET_CHECKSUM_FLAGS */
    uint32_t cookie;       /* its number in the ring */
    uint32_t out;          /* atomic: the subscriber has it */
    uint16_t page_count;
    struct rx_page *pages[RX_PAGES_PER_PACKET];
    struct rx_packet *next;
};

struct rx_chunk { /* of pages */
    struct rx_page pages[RX_CHUNK];
    uint8_t *memory;
    uint64_t free; /* bits */
};

/* The packet whose responses are being put together; it may span polls. */
struct rx_assembly {
    bool open, error, extra;
    uint16_t flags, mss, headroom;
    uint32_t extras; /* 1 << XEN_NETIF_EXTRA_TYPE_... seen */
    struct XENVIF_PACKET_HASH_V2 hash;
    struct rx_packet *packet; /* NULL: none was free, the packet is dropped */
};

struct rx_ring {
    struct vif *vif;
    uint32_t index;
    struct netif_rx_front_ring front;
    struct netif_rx_sring *shared;
    uint32_t shared_reference;
    struct xen_event *event;
    struct nt_dpc *dpcs; /* one per processor that there can ever be; those that were queued are in use */
    uint8_t *used;
    uint32_t processor; /* whose DPC the next event queues */
    uint32_t running;   /* 1: a DPC is in; 2: another came meanwhile */
    bool connected;
    bool enabled; /* atomic */
    bool starved; /* atomic: the ring is not full because nothing was free */
    bool paused;
    struct rx_page *posted[RING_SLOTS];
    struct rx_assembly assembly;
    struct rx_chunk *chunks[RX_CHUNKS];
    uint64_t chunks_free; /* bits: chunks that have a free page */
    uint32_t chunk_count, pages_free, min_pages_free, runs;
    struct rx_packet *packets[RX_CHUNKS];
    uint8_t *packet_headers[RX_CHUNKS];
    uint32_t packet_chunks;
    struct rx_packet *packets_free;
    struct rx_packet *returned; /* atomic: given back by the subscriber, last first */
    struct rx_packet *ready, **last_ready;
    uint32_t loaned; /* packets that the subscriber has, as far as returns are drained */
    bool waiting;    /* atomic: someone sleeps on `returns` */
    uint32_t returns;
    uint64_t statistics[STATISTICS];
    uint64_t packets_received, bytes, doorbells, batches, gso, csum_blank;
};

bool receive_create(struct rx_ring *ring, struct vif *vif, uint32_t index);
void receive_destroy(struct rx_ring *ring);
int receive_connect(struct rx_ring *ring);
void receive_disconnect(struct rx_ring *ring);
void receive_enable(struct rx_ring *ring);
void receive_disable(struct rx_ring *ring);       /* no callback runs or will run; loans may be out */
void receive_wait_returned(struct rx_ring *ring); /* every packet given back */
void receive_event(void *ring);
void receive_return(struct vif *vif, void *cookie); /* any processor, <= DISPATCH */
uint32_t receive_held(struct rx_ring *ring);

/* receive_pool.c: in the ring's DPC, or with none about */
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

/* --- the rest --- */

struct mac {
    struct sched_lock lock;
    uint8_t permanent[6], current[6];
    uint8_t multicast[MAX_MULTICAST][6];
    uint32_t multicast_count;
    uint32_t levels[ETHERNET_ADDRESS_TYPE_COUNT]; /* atomic */
    uint32_t mtu;                                 /* atomic */
    uint64_t speed;                               /* bits per second */
    bool up;
};
void mac_read(struct vif *vif);          /* from xenstore, for a new connection; frontend's thread */
bool mac_state_changed(struct vif *vif); /* link and speed again; true: one is another */
bool mac_allows(struct vif *vif, const uint8_t *destination);
uint8_t mac_type(const uint8_t *destination); /* ETHERNET_ADDRESS_TYPE */
int32_t mac_set_multicast(struct vif *vif, const uint8_t *addresses, uint32_t count);
void mac_announce_multicast(struct vif *vif); /* after a connect: the list to the backend */
void mac_filter_changed(struct vif *vif);     /* request-multicast-control follows the filter */

struct hash {
    uint32_t algorithm; /* XENVIF_PACKET_HASH_ALGORITHM_... */
    uint32_t types;     /* 1 << XENVIF_PACKET_HASH_TYPE_... */
    uint8_t key[XENVIF_VIF_HASH_KEY_SIZE];
    uint32_t mapping[MAX_HASH_MAPPING];
    uint32_t size;
};

struct control {
    struct sched_lock lock;
    struct xen_netif_ctrl_front_ring front;
    struct xen_netif_ctrl_sring *shared;
    uint32_t shared_reference;
    uint8_t *data; /* a page for keys and mappings */
    uint32_t data_reference;
    struct xen_event *event;
    uint32_t word; /* changes with each event */
    uint16_t last_id;
    bool connected;
};
int control_ring_connect(struct vif *vif);
void control_ring_disconnect(struct vif *vif);
int32_t control_update(struct vif *vif,
                       const struct hash *hash); /* the backend gets all of it, as the release has it */
int32_t control_types(struct vif *vif, uint32_t *types);

enum { LINK_KEYS = 2 };
enum frontend_phase { FRONTEND_WAITING, FRONTEND_CONNECTING, FRONTEND_CONNECTED, FRONTEND_CLOSING, FRONTEND_STOPPED };

struct frontend {
    struct task *thread;
    char path[64]; /* device/vif/N, relative */
    char *backend; /* absolute */
    uint16_t backend_domid;
    struct xen_watch *watch;                   /* the backend's directory */
    struct xen_watch *link_watches[LINK_KEYS]; /* the toolstack's keys in ours */
    uint32_t word;                             /* changes when the thread has something to look at */
    uint32_t phase;                            /* atomic enum frontend_phase; others sleep on it */
    bool stop;                                 /* atomic */
    bool announce;                             /* atomic: tell the subscriber the link state although it is the same */
    bool cycle;                                /* atomic: close and connect again, for a resume */
    uint32_t cycles;                           /* done; others sleep on it */
    uint32_t own_state;                        /* what we wrote last */
    uint64_t patience;                         /* when to stop waiting for a backend that should close */
    uint64_t stalls;                           /* atomic: connections given up because the backend did not answer */
    uint32_t stalls_in_vain;                   /* of them since it last answered, 6 at most; frontend thread */
    bool running;                              /* atomic: rings run, XenVif's state ENABLED */
    bool migrating;                            /* connected again, and the late callbacks have not run yet */
    struct nt_event gate;                      /* auto-reset: who starts and stops rings; PASSIVE */
    struct features features;
};
int frontend_start(struct vif *vif);
void frontend_stop(struct vif *vif);
int frontend_restart(struct vif *vif); /* after frontend_stop: the backend's directory may be another */
bool frontend_wait_connected(struct vif *vif, uint64_t timeout_ns);
void frontend_announce(struct vif *vif);  /* a MAC_STATE_CHANGE soon, as XenVif's watches fire when they are set */
void frontend_cycle(struct vif *vif);     /* as after a migration */
void frontend_migrated(struct vif *vif);  /* after a migration's late callbacks: rings run again */
int32_t frontend_enable(struct vif *vif); /* rings start; or STATUS_...: not connected. PASSIVE, as all of these */
void frontend_disable(struct vif *vif);   /* everything of the subscriber's comes back, no packet callback afterwards */
/* stall.c: with the gate held */
void stall_forget(struct vif *vif); /* at each connection */
bool stall_seen(struct vif *vif);   /* requests have waited for too long */

/* frontend_connect.c: rings, channels and keys; in the frontend's thread, gate held */
int connect_publish(struct vif *vif);   /* 0: the backend may connect */
int32_t connect_run(struct vif *vif);   /* rings run; or STATUS_...: the backend does not take the hash, none does */
void connect_start(struct vif *vif);    /* the backend has connected: rings run if the subscriber wants them */
void connect_stop(struct vif *vif);     /* nothing more is received */
void connect_teardown(struct vif *vif); /* the backend is gone */
bool frontend_reads(struct vif *vif, const char *key, uint32_t *value); /* a number in the backend's directory */

enum callback_kind { CALLBACK_VARIABLE = 8, CALLBACK_RECORD = 9, CALLBACK_PAUSE = 10 };

struct subscriber {
    uint32_t version;
    void *callback, *argument;
    bool enabled;                /* atomic */
    uint32_t acquired;           /* atomic: references of the VIF interface */
    bool left_alone;             /* atomic: vif_leave_alone */
    uint32_t queued[MAX_QUEUES]; /* versions 8 and 9: packets since a batch ended */
    uint32_t in_mac;             /* atomic: a MAC_STATE_CHANGE runs; Disable sleeps on it */
    uint32_t mac_count;          /* atomic: of them that were over; Enable sleeps on it */
};
void callback_transmit(struct vif *vif, void *cookie, struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *completion);
bool callback_receive(struct vif *vif, uint32_t queue, struct rx_packet *packet, void *cookie,
                      bool more); /* true: pause */
void callback_mac(struct vif *vif);

struct vif {
    struct xen *xen;
    struct vif_options options;
    const struct vif_release *release;
    struct device *pdo;
    struct subscriber subscriber;
    struct frontend frontend;
    struct control control;
    struct mac mac;
    struct sched_lock lock; /* who changes what follows */
    struct hash hash;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 receive_options;
    uint32_t backfill;
    struct {
        uint32_t taken, refused; /* see vif_refuse_sends */
    } shortage;
    uint32_t offered;      /* atomic: transmit offloads of any connection so far */
    uint32_t queues;       /* atomic: rings in use, 0: not connected */
    uint32_t queues_known; /* of the last connection */
    struct tx_ring *tx[MAX_QUEUES];
    struct rx_ring *rx[MAX_QUEUES];
    /* other interfaces */
    struct xenbus_store store;
    struct xenbus_suspend suspend;
};

/* How long a backend gets that usually gets `usual` nanoseconds. */
static inline uint64_t vif_patience(const struct vif *vif, uint64_t usual)
{
    return vif->options.patience != 0 ? usual * vif->options.patience : usual;
}

/* fills the function table */
void interface_fill_vif(struct vif *vif, void *interface);
uint32_t interface_offloads(struct vif *vif); /* what TransmitterQueryOffloadOptions tells */

struct device *pdo_make(struct vif *vif);
/* distribution.c */
void distribution_write(struct vif *vif);
void distribution_remove(struct vif *vif);
void pdo_fill_store(struct vif *vif, void *interface);

#endif
