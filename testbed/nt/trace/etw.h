/* SPDX-License-Identifier: BSD-2-Clause */
/* Events the driver writes with EtwWrite: counted always, kept with their payload while tracing is on. */
#ifndef TESTBED_NT_TRACE_ETW_H
#define TESTBED_NT_TRACE_ETW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct etw_event {
    uint8_t provider[16]; /* GUID */
    uint16_t id;
    uint8_t version, channel, level, opcode;
    uint16_t task;
    uint64_t keyword;
    uint64_t time;          /* ns of sched_now */
    const uint8_t *payload; /* the data descriptors' bytes one after the other */
    size_t size;
};

/* Before the driver is loaded: a session that listens to all providers, as `logman` would start one. */
void etw_enable(bool enabled, uint8_t level, uint64_t keywords);
/* One line: time, provider, event, each field with its value. False: not self-describing, or its parts do not fit each
 * other. */
bool etw_describe(const struct etw_event *event, char *to, size_t size);
void etw_show(bool on);     /* each event kept goes to stderr as it is written */
uint64_t etw_written(void); /* events since nt_start, kept or not */
void etw_each(void (*each)(void *context, const struct etw_event *event),
              void *context); /* the kept ones, oldest first */

#endif
