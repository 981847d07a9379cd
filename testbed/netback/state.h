/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend of one interface. Tasks: one for control (netback.c, connect.c, control.c: follows the frontend's state,
 * connects, disconnects, serves the control ring), and for each connected queue one that transmits (transmit.c: the
 * guest's transmit ring to the port) and one that receives (receive.c, receive_slots.c: the port to the guest's receive
 * ring).
 *
 * Locks: a queue's rx.lock guards its receive ring (another queue's receive task may deliver there when the frontend
 * steers by hash); no task holds two. multicast_lock guards the address list.
 */
#ifndef TESTBED_NETBACK_STATE_H
#define TESTBED_NETBACK_STATE_H

#include <xen/io/xenbus.h>

#include "netback/queue.h"

/* What the frontend wrote to xenstore; written before the queues start. */
struct frontend_features {
    bool sg, gso4, gso6, checksum4, checksum6, rx_notify;
};

struct netback {
    /* immutable */
    struct xen *xen;
    struct port *port;
    struct netback_options options;
    char backend[PATH_BYTES], frontend[PATH_BYTES];
    uint16_t guest;
    uint32_t max_queues;
    uint32_t queues_offered; /* changes between connections only, as options.without does */
    struct task *task;
    struct xen_watch *state_watch, *multicast_watch;
    /* the control task */
    enum xenbus_state state;
    int frontend_state;
    struct frontend_features features;
    xen_netif_ctrl_back_ring_t *control; /* NULL: none */
    xen_netif_ctrl_back_ring_t control_ring;
    uint32_t control_reference;
    struct xen_event *control_event;
    struct rx_hash hash;          /* the master copy */
    struct netback_queue *queues; /* max_queues of them */
    uint32_t queue_count;         /* connected ones; constant while their tasks run */
    /* atomic */
    struct bell bell;
    uint32_t stop;        /* the control task ends */
    uint32_t queues_stop; /* the queues' tasks end */
    uint32_t disabled;    /* the frontend did something that Linux calls fatal */
    uint32_t connected;   /* slept on by netback_wait_connected */
    uint32_t link_up, mtu, multicast_control;
    uint32_t control_silent;
    /* under multicast_lock */
    struct sched_lock multicast_lock;
    uint32_t multicast_count;
    bool multicast_refused; /* one of them, of this frontend's, for want of room */
    uint8_t multicast[MAX_MULTICAST][6];
};

static inline uint32_t flag(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void flag_set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline bool without(const struct netback *netback, unsigned bit)
{
    return (netback->options.without >> bit & 1) != 0;
}

/* The frontend broke the protocol: the interface is dead for good, through reconnects too; its state stays Connected
 * (as in Linux). */
void netback_fatal(struct netback *netback, const char *what);

/* features.c */
int features_advertise(struct netback *netback);
void features_read(struct netback *netback);
void features_read_headroom(struct netback *netback); /* any time: takes each queue's rx.lock */
int features_publish_link(struct netback *netback);
int features_publish_mtu(struct netback *netback);
int store_unsigned(struct netback *netback, const char *directory, const char *key, uint32_t *value); /* 0 or -errno */

/* connect.c: 0, or -errno after netback_complain */
int netback_connect(struct netback *netback);
void netback_disconnect(struct netback *netback);
int netback_complain(struct netback *netback, int failure,
                     const char *what); /* writes the error node, returns `failure` */

/* control.c */
int control_connect(struct netback *netback);
void control_disconnect(struct netback *netback);
void control_poll(struct netback *netback);

/* multicast.c */
bool multicast_add(struct netback *netback, const uint8_t *address);
void multicast_remove(struct netback *netback, const uint8_t *address);
bool multicast_wanted(struct netback *netback, const struct frame *frame); /* true for what is no multicast */

#endif
