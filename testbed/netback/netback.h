/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded network backend: what Linux's xen-netback is to a frontend. Connects through xenstore, maps rings, and
 * moves frames between each queue's rings and a port. Features can be taken away one by one.
 */
#ifndef TESTBED_NETBACK_NETBACK_H
#define TESTBED_NETBACK_NETBACK_H

#include "wire/pcap.h"
#include "wire/port.h"
#include "xen/embedded/backend.h"

/* Names as for --backend-no; each is one bit of netback_options.without. */
/* clang-format off */
#define NETBACK_FEATURES(X) \
    X(SG, "sg") \
    X(GSO_TCPV4, "gso-tcpv4") \
    X(GSO_TCPV6, "gso-tcpv6") \
    X(CSUM, "csum") \
    X(IPV6_CSUM, "ipv6-csum") \
    X(MULTI_QUEUE, "multi-queue") \
    X(SPLIT_EVENTS, "split-event-channels") \
    X(CTRL_RING, "ctrl-ring") \
    X(MULTICAST_CONTROL, "multicast-control") \
    X(RX_NOTIFY, "rx-notify") \
    X(MTU, "mtu") \
    X(SPEED, "speed")
/* clang-format on */
enum {
#define X(name, text) NETBACK_BIT_##name,
    NETBACK_FEATURES(X)
#undef X
        NETBACK_FEATURE_COUNT
};
/* "gso-tcpv4,csum" to a mask. Unknown name: false and a sentence in `error` that lists the known ones. */
bool netback_features_parse(const char *list, uint32_t *mask, char *error, size_t size);

struct netback_options {
    struct xen_vif_config vif;
    uint32_t queues;     /* most offered */
    uint32_t mtu;        /* 68 to 65521: written to the backend directory */
    uint32_t speed_mbps; /* written as "speed" */
    uint32_t without;    /* feature bits taken away */
    uint32_t rate_kbps;  /* of each queue, from the guest, in 1,000 bits a second, as Xen's vif option; 0: no limit */
    struct pcap *pcap;   /* or NULL */
};

struct netback;
struct netback *netback_create(struct xen *backend_domain, struct port *port,
                               const struct netback_options *options); /* InitWait */
void netback_destroy(struct netback *netback); /* closes as a backend that goes away: state 5, 6 */
bool netback_wait_connected(struct netback *netback, bool connected, uint64_t timeout_ns);
/* Its list of groups was full, and this one is not in it: a frame to it goes nowhere. */
bool netback_refuses_group(struct netback *netback, const uint8_t address[6]);
void netback_set_link(struct netback *netback, bool up);
void netback_set_mtu(struct netback *netback, uint32_t mtu);
/* From the next connection on: so many queues at most, of those there were at the start, without these features. What a
 * migration finds at another host. */
void netback_offer(struct netback *netback, uint32_t queues, uint32_t without);
void netback_offered(const struct netback *netback, uint32_t *queues, uint32_t *without);
/* Requests on the control ring are not answered any more, or again. */
void netback_silence_control(struct netback *netback, bool silent);
/* Nothing is taken from the guest on this queue for so long: what was sent goes to a neighbour that does not take it.
 * Linux drops it after ten seconds; SCHED_FOREVER: never. 0 ends it. */
void netback_stall(struct netback *netback, uint32_t queue, uint64_t nanoseconds);
/* The next packets of that queue are answered with an error, as those whose pages cannot be mapped. */
void netback_refuse(struct netback *netback, uint32_t queue, uint32_t packets);

struct netback_counters {
    uint64_t tx_packets, tx_bytes, tx_errors, tx_gso, tx_csum_blank; /* tx: from the guest, as netif.h */
    uint64_t tx_csum_wrong; /* went out with a checksum that the next machine will find wrong (transmit.c) */
    uint64_t rx_packets, rx_bytes, rx_dropped, rx_gso, rx_csum_blank;
    uint64_t kicks_received, kicks_sent;
};
void netback_counters(struct netback *netback, struct netback_counters *counters);
void netback_leaks(struct netback *netback, struct leaks *leaks);

#endif
