/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer: lists of operations on one adapter, made at random from a seed or read from a file, each run in a
 * simulated testbed of its own where every rule is checked. explore.py at the top of the tree runs it over many seeds,
 * and shortens a list that fails.
 *
 * An operation stands for itself: a list with any of its operations left out is a list, too. What cannot be done at
 * that moment is skipped. Senders and injectors run beside the operations that follow them, until a `settle`.
 */
#ifndef TESTS_EXPLORE_H
#define TESTS_EXPLORE_H

#include <stdio.h>

#include "story_backend.h"
#include "story_presence.h"
#include "story_rss.h"
#include "story_watch.h"

enum { MAX_OPERATIONS = 16384, OPERATION_VALUES = 4, MAX_EXPLORE_TASKS = 8, MAX_KEYWORDS = 4, MAX_NEWCOMERS = 4 };

/* The world that a list runs in. */
struct explore_config {
    uint64_t seed; /* of the simulated scheduler */
    char windows[16], xenvif_like[16];
    uint32_t vif, queues, processors, mtu, without;
    char keywords[MAX_KEYWORDS][64];
};

struct operation {
    uint32_t kind;
    uint32_t values[OPERATION_VALUES];
};

struct explore_list {
    struct explore_config config;
    struct operation operations[MAX_OPERATIONS];
    uint32_t count;
};

/* list.c */
/* `portable`: of operations alone that everything beneath can do. */
void list_make(struct explore_list *list, uint64_t seed, uint32_t operations, bool portable);
bool list_read(struct explore_list *list, const char *path, char *error, size_t size);
void list_write(const struct explore_list *list, FILE *file);

/* --- performing --- */
struct explorer {
    struct story *story;
    struct watch *watch;
    struct task *tasks[MAX_EXPLORE_TASKS]; /* senders and injectors that may still be at it */
    uint32_t task_count, running;          /* running: atomic */
    bool busy[2];                          /* there is a sender, an injector */
    bool lossy_out, lossy_in; /* since the last settle something happened that may cost frames on their way */
    bool silent;              /* the control ring is, or was since the last settle */
    bool stalled;             /* a queue is not served, or was not since the last settle */
    bool holding;             /* the protocol keeps what it receives */
    uint64_t resets;          /* rings that XenVif has begun anew */
    bool doubled;             /* since the last settle a backend has lost its place in one */
    uint64_t settled;         /* frames that arrived in calm, one by one accounted for */
    const char *operation;
    uint64_t begun; /* when the operation began, atomic: the clock reads it */
    uint32_t over;  /* the list has ended; the clock sleeps on it */
};

/* What an operation, or a setting, needs of the XenVif beneath (beneath.c). */
enum explore_needs {
    NEEDS_STAND_IN = 1 << 0,    /* what an image cannot be made to do */
    NEEDS_RECONNECT = 1 << 1,   /* a backend that goes away and comes back is connected to: no release does */
    NEEDS_CONTROL_END = 1 << 2, /* a request on the control ring is given up one day; where that fails an Enable, main's
                                   DPC still calls the callback that it has taken away */
    NEEDS_ANY_STAND_IN = NEEDS_STAND_IN | NEEDS_RECONNECT | NEEDS_CONTROL_END,
    NEEDS_NO_CONTROL = 1 << 3, /* Enable works at a backend without control ring */
};
bool xenvif_can(const struct vif_release *release, uint32_t needs);
/* The release that is asked for, for every list; NULL: each list has its own. */
const char *xenvif_asked(void);
/* Of these features that a backend lacks those that it may. */
uint32_t xenvif_stands(const struct vif_release *release, uint32_t without);
/* Makes it that of the list, and takes away what it or an image does not stand. */
void xenvif_settle_release(struct explore_config *config);

/* Each list draws how rare these are in it, so that in some the driver lives long in one connection, and long without
 * calm: list_make. */
enum explore_group { OFTEN, LOSES, SETTLES, SELDOM, EXPLORE_GROUPS }; /* SELDOM: rare in all */

/* One row for each kind of operation. False: it cannot be done now. */
struct operation_kind {
    const char *name;
    uint32_t needs; /* enum explore_needs; at an image that has it not, the operation is not composed */
    enum explore_group group;
    uint32_t weight; /* how often, in relation to the others */
    uint32_t values; /* how many numbers it has */
    struct {
        uint32_t least, most;
    } range[OPERATION_VALUES];
    bool (*perform)(struct explorer *explorer, const uint32_t values[OPERATION_VALUES]);
};
extern const struct operation_kind operation_kinds[];
extern const uint32_t operation_kind_count;

/* traffic.c */
bool explore_send(struct explorer *explorer, const uint32_t *values);
bool explore_inject(struct explorer *explorer, const uint32_t *values);
bool explore_send_shape(struct explorer *explorer, const uint32_t *values);
bool explore_hold(struct explorer *explorer, const uint32_t *values);
bool explore_cancel(struct explorer *explorer, const uint32_t *values);
bool explore_lie(struct explorer *explorer, const uint32_t *values);
bool explore_wait(struct explorer *explorer, const uint32_t *values);
void traffic_join(struct explorer *explorer);
void traffic_end(void);

/* settings.c */
bool explore_query(struct explorer *explorer, const uint32_t *values);
bool explore_set(struct explorer *explorer, const uint32_t *values);
bool explore_failing_call(struct explorer *explorer, const uint32_t *values);
bool explore_rss(struct explorer *explorer, const uint32_t *values);
bool explore_offload(struct explorer *explorer, const uint32_t *values);
bool explore_filter(struct explorer *explorer, const uint32_t *values);
void settings_restore(struct explorer *explorer);

/* life.c */
bool explore_pause(struct explorer *explorer, const uint32_t *values);
bool explore_power(struct explorer *explorer, const uint32_t *values);
bool explore_sleep(struct explorer *explorer, const uint32_t *values);
bool explore_migrate(struct explorer *explorer, const uint32_t *values);
bool explore_exchange(struct explorer *explorer, const uint32_t *values);
bool explore_surprise(struct explorer *explorer, const uint32_t *values);
bool explore_rebalance(struct explorer *explorer, const uint32_t *values);
bool explore_reset(struct explorer *explorer, const uint32_t *values);
bool explore_processor(struct explorer *explorer, const uint32_t *values);

/* backend.c */
bool backend_lost_its_place(struct explorer *explorer);
bool explore_stall(struct explorer *explorer, const uint32_t *values);
bool explore_refuse(struct explorer *explorer, const uint32_t *values);
bool explore_shortage(struct explorer *explorer, const uint32_t *values);
bool explore_backend_leaves(struct explorer *explorer, const uint32_t *values);
bool explore_backend_comes(struct explorer *explorer, const uint32_t *values);
bool explore_control(struct explorer *explorer, const uint32_t *values);
bool explore_link(struct explorer *explorer, const uint32_t *values);
bool explore_mtu(struct explorer *explorer, const uint32_t *values);
uint32_t backend_mtu(const struct explorer *explorer); /* of a backend that is there */
void backend_serve(struct explorer *explorer);         /* every queue from now on */
/* The backend is there and serves every queue and every request; with an adapter that lives, the link is up. */
void backend_restore_device(struct explorer *explorer);
void backend_restore(struct explorer *explorer);
void backend_wait_link(struct explorer *explorer);

/* settle.c: everything that was put in the way is taken away; then every frame is accounted for. */
bool explore_settle(struct explorer *explorer, const uint32_t *values);
bool sends_are_back(struct story *story); /* of every protocol */

/* observe.c: with --observe, what somebody outside sees. */
bool observing(void);
void observe_start(const char *path);
void observe_end(void);
void observe_operation(uint32_t number, const char *name);
#define OBSERVE_NOTHING NULL
void observe_probe(const char *name); /* "": none; OBSERVE_NOTHING: what follows is in any order */
void observe(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
void observe_answer(uint32_t oid, int32_t status, const void *buffer); /* to a query just made */
void observe_set(uint32_t oid, int32_t status);
void observe_received(struct watch *watch); /* since it was told to forget */
void observe_adapter(struct explorer *explorer);

/* probe.c: packets of every kind while nothing else happens. */
void probe_all(struct explorer *explorer);

#endif
