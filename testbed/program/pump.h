/* SPDX-License-Identifier: BSD-2-Clause */
/* Pumps: tasks that carry frames between a port and the protocol edge, or between two ports (no driver: the bypass). */
#ifndef TESTBED_PROGRAM_PUMP_H
#define TESTBED_PROGRAM_PUMP_H

#include "ndis/ndis.h"
#include "wire/port.h"

struct pump;

/* One task per queue of `guest`: what the stack behind it sends goes to the edge, in batches. */
struct pump *pump_start_edge(struct port *guest, struct edge *edge);
/* One task per queue and direction, each port's frames to the other. */
struct pump *pump_start_bypass(struct port *guest, struct port *wire, struct pcap *pcap);
/* A bypass's traffic so far, out: from the guest's port to the wire's. */
struct pump_counters {
    uint64_t out_packets, out_bytes, in_packets, in_bytes;
};
void pump_counters(const struct pump *pump, struct pump_counters *counters);
/* The ports (and the edge) must have been stopped before: waits for the tasks to end. */
void pump_join(struct pump *pump);

#endif
