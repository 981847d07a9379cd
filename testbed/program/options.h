/* SPDX-License-Identifier: BSD-2-Clause */
/* The testbed program's command line. */
#ifndef TESTBED_PROGRAM_OPTIONS_H
#define TESTBED_PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAX_SETTINGS = 64,
    MAX_QUEUES = 16,
    PROCESSORS_LIMIT = 256,
    MIN_MTU = 1280,
    MAX_MTU = 9000,
    MAX_RATE = 100000000
};

struct options {
    const char *driver, *inf;
    const char *xenvif, *xenvif_inf;        /* a bus driver's image instead of the stand-in, or NULL */
    const char *settings[MAX_SETTINGS + 1]; /* KEYWORD=VALUE, ends with NULL */
    const struct windows_version *windows;
    const struct vif_release *release;
    uint32_t vif, queues, processors, group_size, mtu;
    uint32_t backend_without; /* netback feature mask */
    uint32_t backend_rate;    /* kbit/s; 0: no limit */
    const char *pcap;
    const char *timeline, *last_packets;
    uint32_t pcap_bytes, pcap_limit; /* of each frame; millions in all; 0: no limit */
    bool bypass, verbose, trace, strict_grants, real_xen, lenient, guard_pages, wait_for_debugger, life, gather, help;
    uint32_t edge_buffers; /* 0: the usual number */
    uint32_t sample_ms;    /* between two status events */
};

/* False and one sentence in `error` naming the option and what it takes. */
bool options_parse(struct options *options, int argc, char **argv, char *error, size_t size);
void options_help(void); /* to stdout */

#endif
