/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests that run unchanged on both providers: the embedded backend with a port in memory (simulated and live), and
 * Linux's netback below a real Xen with a packet socket on its device (live). The program's option --provider xen
 * chooses the latter; it then runs in domain 0, with /vif as its toolstack.
 *
 * One task, the test's, uses what is here unless a comment says otherwise.
 */
#ifndef TESTS_STORY_PROVIDER_H
#define TESTS_STORY_PROVIDER_H

#include "story_watch.h"
#include "story_wire.h"

enum { PROVIDER_WINDOW = 16 }; /* frames on their way at once: what an emulated machine carries without a loss */
#define PROVIDER_PATIENCE (60ull * 1000000000ull) /* nothing came for so long: it is stuck */

struct provider;

struct provider_plan {
    uint32_t queues, mtu, headroom; /* 0: one queue, 1500, none */
    const char *without;            /* what the backend does not offer, as for --backend-no; NULL: nothing */
    uint32_t stall_seconds;         /* 0: the usual time */
    void (*body)(struct provider *provider);
    const void *detail;
    /* set by provider_everywhere */
    enum sched_kind kind;
    uint64_t seed;
    uint32_t vif_version;
};

struct provider_frame {
    struct provider_frame *next;
    uint32_t length, processor;
    struct frame_offload offload;
    uint8_t bytes[];
};

struct provider {
    struct story story; /* bed and options, for the OIDs of story_watch.h; it has no port */
    const struct provider_plan *plan;
    bool real;
    struct port *port; /* NULL on a real Xen */
    struct wire *wire;
    struct sched_lock lock; /* what the guest received and the test has not looked at */
    struct provider_frame *first, **last;
    uint32_t came; /* changes with each; slept on */
};

/* To be called `test_option` by the program's file: takes --provider. */
bool provider_option(const char *name, const char *value);
bool provider_real(void);
/* On the embedded backend: `seeds` seeds simulated and one live run, each VIF version in turn. On a real Xen: live. */
void provider_everywhere(const struct provider_plan *plan, uint32_t seeds);

/* A numbered frame of `length` bytes (14 or more) of an unassigned Ethernet type. */
void provider_fill(uint8_t *bytes, uint32_t length, uint32_t number, bool outwards);
void provider_send(struct provider *provider, uint32_t queue, const struct frame *frame); /* from the guest */
uint32_t provider_take(struct provider *provider, uint8_t *bytes,
                       struct frame *frame); /* at the wire, MAX_FRAME_BYTES; fails when nothing comes */
void provider_inject(struct provider *provider, const struct frame *frame); /* at the wire */
struct provider_frame *provider_received(struct provider *provider,
                                         uint64_t timeout_ns);     /* by the guest; free() it. NULL: nothing */
struct provider_frame *provider_expect(struct provider *provider); /* fails when nothing comes */
/* Frames of these lengths pass both ways, each once, whole and in order. */
void provider_exchange(struct provider *provider, const uint32_t *lengths, uint32_t count);
void provider_frames(struct provider *provider, uint32_t frames); /* the same, of 60 to 1514 bytes */

void provider_receive(void *context, uint32_t processor,
                      const struct frame *frame); /* the edge's receiver; up to DISPATCH_LEVEL */

/* --- the toolstack --- */
void provider_write(struct provider *provider, const char *key, const char *value); /* in the guest's directory */
void provider_backend_leave(struct provider *provider);
void provider_backend_come(struct provider *provider); /* a new one; returns when it has connected */
void provider_settle(struct provider *provider);       /* until netback's device carries what it is given */
void provider_until(struct provider *provider, bool (*reached)(struct provider *provider), const char *what);

/* How much the guest's domain holds of what its leaks call by this name: "event channel", "watch", "transaction". */
uint32_t provider_held(struct provider *provider, const char *what);

struct provider_backend {
    uint64_t from_guest, to_guest, dropped;
};
void provider_backend(struct provider *provider, struct provider_backend *counters); /* since the backend came */

#endif
