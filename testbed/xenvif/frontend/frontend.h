/* SPDX-License-Identifier: BSD-2-Clause */
/* The netif frontend: states in xenstore, and rings that start and stop with them. */
#ifndef TESTBED_XENVIF_FRONTEND_FRONTEND_H
#define TESTBED_XENVIF_FRONTEND_FRONTEND_H

#include "xenvif/limits.h"

/* What backends may have; read when the frontend connects. */
struct features {
    bool sg, gso4, gso6, checksum4, checksum6, split, control, multicast, dynamic_multicast;
    uint32_t queues;
    uint32_t headroom; /* that the backend leaves before the data of each page */
};

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
    bool announce;           /* atomic: report the link state to the subscriber although it is the same */
    bool cycle;              /* atomic: close and connect again, for a resume */
    uint32_t cycles;         /* done; others sleep on it */
    uint32_t own_state;      /* what we wrote last */
    uint64_t patience;       /* when to stop waiting for a backend that should close */
    uint64_t stalls;         /* atomic: connections given up because the backend did not answer */
    uint32_t stalls_in_vain; /* of them since it last answered, 6 at most; frontend thread */
    bool running;            /* atomic: rings run, XenVif's state ENABLED */
    bool migrating;          /* connected again, and the late callbacks have not run yet */
    bool lost;               /* a migration found no backend of use: the next Enable, or host, may */
    uint64_t again;          /* when to try once more to let rings run, after a reconnect; or 0 */
    struct nt_event gate;    /* auto-reset: who starts and stops rings; PASSIVE */
    struct features features;
};
int frontend_start(struct vif *vif);
void frontend_stop(struct vif *vif);
int frontend_restart(struct vif *vif); /* after frontend_stop: the backend's directory may be another */
bool frontend_wait_connected(struct vif *vif, uint64_t timeout_ns);
void frontend_look_again(struct vif *vif);   /* for a backend, where a migration found none of use */
void frontend_give_up(struct vif *vif);      /* closed, and not connected again; gate held */
void frontend_announce(struct vif *vif);     /* a MAC_STATE_CHANGE soon, as XenVif's watches fire when they are set */
void frontend_cycle(struct vif *vif);        /* as after a migration */
void frontend_migrated(struct vif *vif);     /* after a migration's late callbacks: rings run again */
void frontend_not_migrated(struct vif *vif); /* after one that found no backend */
int32_t frontend_enable(struct vif *vif);    /* rings start; or STATUS_...: not connected. PASSIVE, as all of these */
void frontend_disable(struct vif *vif); /* everything of the subscriber's comes back, no packet callback afterwards */
/* stall.c: with the gate held */
void stall_forget(struct vif *vif); /* at each connection */
bool stall_seen(struct vif *vif);   /* requests have waited for too long */

#define CONNECT_AGAIN 6000000000ull /* ns after nobody has answered, or the backend has refused twice */

/* frontend_connect.c: rings, channels and keys; in the frontend's thread, gate held */
int connect_publish(struct vif *vif); /* 0: the backend may connect */
int32_t connect_run(struct vif *vif); /* rings run; or STATUS_...: the backend does not take the hash, none does */
void connect_start(struct vif *vif);  /* the backend has connected: rings run if the subscriber wants them */
void connect_abort_beyond(struct vif *vif); /* what waits on queues that the last connection had and this one has not */
void connect_stop(struct vif *vif);         /* nothing more is received */
void connect_teardown(struct vif *vif);     /* the backend is gone */
bool frontend_reads(struct vif *vif, const char *key, uint32_t *value); /* a number in the backend's directory */

#endif
