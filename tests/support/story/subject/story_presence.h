/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stories of power and presence: something happens to the adapter under full traffic, a thousand rounds in simulation
 * and some live, with each VIF version and each kind of Windows. What is sent while nothing happens arrives once; what
 * is on its way when it happens is completed, never lost without a trace and never doubled.
 */
#ifndef TESTS_STORY_PRESENCE_H
#define TESTS_STORY_PRESENCE_H

#include "story_watch.h"

enum { PRESENCE_BURST = 12 };

struct presence {
    const char *name;
    void (*happen)(struct story *story);
    const char *windows; /* NULL: each kind in turn */
    bool exchanges;      /* it takes the edge away and opens another: no sender may be inside meanwhile */
    bool second;         /* a second adapter of the same driver, under traffic too */
};

void presence_tell(const struct presence *presence);

/* What happens, in parts. */
void presence_close(struct story *story);                   /* the protocol goes */
void presence_open(struct story *story);                    /* and comes back */
void presence_exchange(struct story *story, bool surprise); /* the adapter is taken down and made again */
uint32_t presence_driver_lines(struct story *story);        /* how often xenstore has the driver's line */
struct story *presence_second(struct story *story);         /* the second adapter's story, NULL without */
/* For tests that have no rounds: a second adapter of the same driver, and its end. */
void presence_make_second(struct story *story);
void presence_remove_second(void);

#endif
