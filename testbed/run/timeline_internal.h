/* SPDX-License-Identifier: BSD-2-Clause */
/* What timeline.c records and timeline_write.c writes. */
#ifndef TESTBED_RUN_TIMELINE_INTERNAL_H
#define TESTBED_RUN_TIMELINE_INTERNAL_H

#include <stdio.h>

#include "run/timeline.h"

enum timeline_kind { EVENT_SPAN, EVENT_OPEN, EVENT_CALL, EVENT_IRQL, EVENT_PACKET };

struct timeline_event {
    uint64_t time, length; /* ns */
    const char *name;
    uint32_t task;  /* number; 0: none */
    uint32_t value; /* IRQL, or the packet's number */
    uint32_t queue;
    uint16_t processor;
    uint8_t kind, step, lane;
    bool whole; /* the rest of it is written */
};

struct timeline_mark {
    uint64_t time;
    const char *kind;
    char text[120];
    uint32_t task;
    uint16_t processor;
    bool whole;
};

enum { TIMELINE_TASKS = 1024, TIMELINE_NAME = 32 };

struct timeline_record {
    const struct timeline_event *events;
    uint64_t first, end, size; /* events [first, end), at their number modulo `size` */
    const struct timeline_mark *marks;
    uint64_t mark_count;
    char (*task_names)[TIMELINE_NAME]; /* by task number modulo TIMELINE_TASKS */
    bool simulated;
    uint64_t seed;
};

/* False: it could not be written whole, errno has why. */
bool timeline_write(const struct timeline_record *record, FILE *out);

#endif
