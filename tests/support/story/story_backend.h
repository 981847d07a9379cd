/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backends that are slow, silent, gone or back, and what the driver says about it: the event log, its counters.
 */
#ifndef TESTS_STORY_BACKEND_H
#define TESTS_STORY_BACKEND_H

#include "story_release.h"
#include "story_watch.h"

#define SECOND 1000000000ull

enum { BACKEND_SEND_BYTES = 200 };

/* The backend goes as one whose domain takes the device away; where the release notices, until it has let go. */
void backend_leaves(struct story *story);
/* It answers nothing any more, as Linux's does when it no longer understands a frontend: its state stays Connected. */
void backend_goes_silent(struct story *story);
bool backend_serves_no_more(struct story *story); /* for that reason, or for one of its own */
/* It comes back, with `queues` queues; `rate_kbps` as in netback_options. Its state is not waited for. */
void backend_comes(struct story *story, uint32_t queues, uint32_t rate_kbps);

/* One send of BACKEND_SEND_BYTES whose RSS hash is `hash`. */
struct NET_BUFFER_LIST *backend_send(struct watch *watch, uint32_t number, uint32_t hash);
void backend_send_many(struct watch *watch, uint32_t count, struct NET_BUFFER_LIST **nbls);
/* The adapter sends again within `seconds`, and what it sends arrives, in both directions. */
void backend_works(struct story *story, struct watch *watch, uint32_t seconds);
/* Frames at the wire, all taken off it: until none came for a second; those that are there. */
/* One packet is received, which a protocol keeps until edge_hold_received says otherwise. */
void backend_packet_is_kept(struct story *story);
uint32_t backend_frames(struct story *story);
uint32_t backend_frames_now(struct story *story);

/* Records in the event log: a queue that stood still, a backend that was gone and whose sends were aborted. */
uint32_t backend_stalls(void);
uint32_t backend_recoveries(void);
/* One of include/counters.h's counters, by its name. */
uint64_t story_counter(struct story *story, const char *name);

#endif
