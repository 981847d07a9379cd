/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened when, for people to look at: spans of callbacks and calls, marks, and the way of single packets,
 * written in the trace-event format that Perfetto and chrome://tracing open (timeline_write.c).
 *
 * Live runs are sampled: a helper thread opens a short window now and then, so that a run of any length costs little
 * and leaves a file of bounded size. Simulated runs keep the newest events. Nothing here waits, takes a lock or is a
 * switch point, so a seed's run is the same with a timeline and without. While it is off, each hook is one comparison.
 *
 * A packet is followed by what its holder knows it by: its first MDL in NDIS and at XenVif's interface, its first
 * request's grant and id in the ring. Names must outlive the run, as string literals do.
 */
#ifndef TESTBED_RUN_TIMELINE_H
#define TESTBED_RUN_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool timeline_on; /* events are taken now */

/* Before sched_run. A live run begins and ends its windows itself; the environment's XENNET_TIMELINE names the file of
 * a simulated one. */
void timeline_open(const char *path);
/* By sched_run, around the run. */
void timeline_begin_run(void);
/* Writes the file; also before an end by a broken rule or a failed check. Once: later calls do nothing. */
void timeline_end_run(void);

struct timeline_span {
    const char *name; /* NULL: not taken */
    uint64_t since;
    struct timeline_span *outer; /* open spans of the task, for a run that ends inside of them */
};
void timeline_span_begin(struct timeline_span *span, const char *name);
void timeline_span_end(struct timeline_span *span);
/* A span from here to the end of the block. */
#define TIMELINE_SPAN(what)                                                                                            \
    struct timeline_span span_ __attribute__((cleanup(timeline_leave))) = { 0 };                                       \
    timeline_enter(&span_, what)
static inline void timeline_enter(struct timeline_span *span, const char *name)
{
    if (__builtin_expect(timeline_on, 0)) {
        timeline_span_begin(span, name);
    }
}
static inline void timeline_leave(struct timeline_span *span)
{
    if (__builtin_expect(span->name != NULL, 0)) {
        timeline_span_end(span);
    }
}

void timeline_add_call(const char *name);
static inline void timeline_call(const char *name) /* a call without a span of its own */
{
    if (__builtin_expect(timeline_on, 0)) {
        timeline_add_call(name);
    }
}

void timeline_add_irql(uint32_t processor, uint8_t irql);
static inline void timeline_irql(uint32_t processor, uint8_t irql)
{
    if (__builtin_expect(timeline_on, 0)) {
        timeline_add_irql(processor, irql);
    }
}

/* State, link, OID, rule: rare, and kept outside of windows, too. `kind` is the category. */
void timeline_mark(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- one packet --- */

enum timeline_lane {
    LANE_TASK, /* of the task that is here */
    LANE_SEND_XENVIF,
    LANE_SEND_BACKEND,
    LANE_SEND_RESPONSE,
    LANE_RECEIVE_BACKEND,
    LANE_RECEIVE_XENVIF,
};
enum timeline_step { STEP_FIRST, STEP_NEXT, STEP_LAST };

/* A packet comes into the picture, known by `key`. Its number, or 0: this one is not followed. */
uint32_t timeline_follow(uint64_t key);
void timeline_known_as(uint64_t key, uint32_t flow); /* from now on; flow 0: nothing */
uint32_t timeline_flow(uint64_t key);                /* 0: none that is followed */
void timeline_packet(uint32_t flow, enum timeline_step step, enum timeline_lane lane, uint32_t queue, const char *name);
static inline uint64_t timeline_slot_key(uint32_t reference, uint16_t id)
{
    return 1ull << 63 | (uint64_t)reference << 16 | id;
}

#endif
