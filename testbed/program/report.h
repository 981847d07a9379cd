/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the testbed program reports to its caller: one JSON object per line on stdout, each with an "event": ready,
 * status (once a second, counters since the start), end (the same counters and what was left behind), error; suspended
 * and resumed where a caller asked for it.
 */
#ifndef TESTBED_PROGRAM_REPORT_H
#define TESTBED_PROGRAM_REPORT_H

#include "program/bed.h"
#include "program/life.h"
#include "program/options.h"
#include "program/pump.h"
#include "wire/pcap.h"

struct report_ports {
    struct port *guest, *wire;
    int guest_netns, wire_netns;
    const char *guest_name, *wire_name;
    const struct pump *bypass; /* or NULL */
    const struct pcap *pcap;   /* or NULL */
    const struct life *life;   /* or NULL: the driver has a wire */
};

void report_ready(const struct options *options, const struct report_ports *ports,
                  struct bed *bed); /* bed NULL: bypass */
void report_status(const struct options *options, uint64_t elapsed_ns, const struct report_ports *ports,
                   struct bed *bed);
/* Both directions together, so far. */
void report_moved(const struct report_ports *ports, struct bed *bed, uint64_t *packets, uint64_t *bytes);
/* Call before the bed goes down: keeps the counters for report_end. */
void report_keep(uint64_t elapsed_ns, const struct report_ports *ports, struct bed *bed);
/* `known`: what an image beneath left that no driver above it is blamed for. */
void report_end(const struct leaks *leaks, const struct leaks *known);
void report_error(const char *text);
void report_suspended(void);              /* nothing of ours is open: the domain may be suspended */
void report_uro(bool on, int32_t status); /* it was switched, with the status of the request */
void report_resumed(uint32_t domid);      /* and connected again, in this domain */

#endif
