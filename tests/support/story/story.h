/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver's tests share: a bed on a memory port with the built xennet.sys, frames that carry a number, and a
 * ledger that records of each number whether it was sent, arrived, and how often. Each run is one child process, so
 * that a test may run on many seeds and on both schedulers without one run seeing another's state.
 */
#ifndef TESTS_STORY_H
#define TESTS_STORY_H

#include "program/bed.h"
#include "harness.h"

#define SUCCESS NDIS_STATUS_SUCCESS
/* A status as NDIS returns it, whichever sign its constant has. */
#define IS(status, name)               ((uint32_t)(status) == (uint32_t)(name))
#define CHECK_STATUS(actual, expected) CHECK_EQ((uint32_t)(actual), (uint32_t)(expected))

enum { MAX_STORY_FRAMES = 4096, STORY_FRAME_BYTES = 128 };

struct story_ledger {
    uint32_t sent;                      /* numbers 0 ... sent - 1 were given away */
    uint32_t arrived[MAX_STORY_FRAMES]; /* how often each came out at the other end */
    uint32_t damaged;                   /* frames whose bytes are not what was sent */
};

struct story {
    struct bed bed;
    struct bed_options options;
    struct port *wire;
    struct story_ledger out, in; /* out: guest to wire */
    uint32_t queues;
    bool started;     /* false only where the plan says may_not_start */
    char error[1024]; /* why it did not start */
    const struct story_plan *plan;
};

struct story_plan {
    enum sched_kind kind;
    uint64_t seed;
    const char *xenvif_like; /* release of XenVif; NULL: as asked for, or strict (story_release.h) */
    uint32_t needs;          /* STORY_NEEDS_...: of the release */
    const char *stand_in;    /* why it is not for a XenVif's image (story_xenvif); NULL: it is */
    uint32_t vif_version, queues, mtu, backend_without, backend_rate, edge_buffers;
    uint32_t wire_depth;             /* frames that the wire keeps until they are collected; 0: 512 */
    uint32_t processors;             /* 0: as many as queues */
    const struct topology *topology; /* NULL: `processors` in groups of 64 */
    const char *windows;             /* NULL: STORY_WINDOWS; with story_everywhere all kinds in turn */
    const char *const *set;
    const char *trace_path;                         /* NULL, or where the trace goes */
    void (*prepare)(const struct story_plan *plan); /* NULL, or what to do before the bed starts */
    const void *detail;                             /* the test's own */
    bool may_not_start;                             /* then the test is called with `started` false */
    bool quiet;                                     /* counts are not printed */
    bool any_checksums;                             /* wrong ones are what the test is about */
    bool loose_grants;                 /* simulated: pages stay accessible after a grant ends, which is faster */
    void (*failed)(void);              /* NULL, or what is printed first when it did not end well */
    void (*body)(struct story *story); /* the test itself: the bed is running when it is called */
};

/* Runs the plan in a child process; the case fails with its output unless the child ends well and leaves nothing
 * behind. */
void story_run(const struct story_plan *plan);

/* One simulated run with this many queues (0: one) and nothing else out of the ordinary. */
void story_once(void (*body)(struct story *story), uint32_t queues);

/* Windows in turn: the oldest NDIS (6.20), one between, and one that polls (6.85 and later). */
#define STORY_WINDOWS "10-22h2"
const char *story_windows(uint32_t turn);

/* The same on the live scheduler and the simulated one, `seeds` seeds of it, each with VIF 8, 9 and 10, on Windows of
 * all kinds where the plan names none. Counts are printed once each. */
void story_everywhere(const struct story_plan *plan, uint32_t seeds);
/* Entries of the event log that end so, " (4): 2, 6": the event's id (src/xennet/events.ini) and all that it says. */
uint32_t story_logged(const char *event);
/* What the test counted, as a line of the test's output. */
void story_count(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The built driver's files; skips the case by name when they are missing. */
const char *story_driver(void);
const char *story_inf(void);

/* Send numbered frames from the guest's edge, `burst` per NDIS call; all must have been accepted by the edge. */
void story_send(struct story *story, uint32_t queue, uint32_t frames, uint32_t burst);
/* Inject numbered frames at the wire. */
void story_inject(struct story *story, uint32_t queue, uint32_t frames);
/* Collect at the wire until `frames` in all have arrived, or until nothing came for a virtual second. */
void story_collect(struct story *story, uint32_t frames);
void story_collect_ready(struct story *story); /* what has come, so that the port has room */
/* Wait until `frames` in all have been received by the guest, or until nothing came for a virtual second. */
void story_wait_received(struct story *story, uint32_t frames);
/* The same for the numbers from `first` on: until each has come at either end; those must have come exactly once. */
void story_check_from(struct story *story, uint32_t first_out, uint32_t first_in);
/* For what comes at once, in ns: a second, and more of a machine that may be busy with other things. */
uint64_t story_patience(void);
/* A millisecond for others to run; nothing shows a test that something will not come any more. */
void story_rest(void);
/* True as soon as `reached` is; false after `seconds` of the scheduler's time. */
bool story_until(struct story *story, bool (*reached)(struct story *story), uint32_t seconds);
/* Every number sent arrived exactly once, undamaged. `max_lost`: this many may be missing (a pause drops what comes
 * then). */
void story_check(const struct story_ledger *ledger, uint32_t max_lost);

/* What arrived, into the ledger; frames of another length are not of it. */
void story_enter(struct story_ledger *ledger, const struct frame *frame, bool outwards);

/* The image that the variable XENVIF names, to run instead of the stand-in, and its INF (XENVIF_INF, or the .inf beside
 * it). NULL: the stand-in. */
const char *story_xenvif(void);
const char *story_xenvif_inf(void);
/* The stand-in; with an image the story ends here, not run, and its test is the reason. */
#define STORY_STAND_IN(story) story_stand_in_for((story), __func__)
struct vif *story_stand_in_for(const struct story *story, const char *test);
enum { STORY_NEEDS_STAND_IN_STATUS = 77 };
/* story_plan.prepare: the test will inject packets (vif_inject), or lie about what XenVif answers. */
void story_inject_start(const struct story_plan *plan);

#endif
