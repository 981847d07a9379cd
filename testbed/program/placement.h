/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the threads of packets run, after what the packets are. Large frames want all of their threads on one
 * processor, where they stay in its cache; of small ones each thread's own work is what takes the time, and the threads
 * want a processor each. So while most bytes come in large frames the threads are gathered (sched_gather).
 */
#ifndef TESTBED_PROGRAM_PLACEMENT_H
#define TESTBED_PROGRAM_PLACEMENT_H

#include <stdint.h>

struct bed;
struct report_ports;
struct task;

struct placement {
    const struct report_ports *ports;
    struct bed *bed; /* NULL: no driver */
    uint32_t over;   /* atomic */
    struct task *task;
};

/* ports and bed are set; until placement_end. */
void placement_begin(struct placement *placement);
void placement_end(struct placement *placement);

#endif
