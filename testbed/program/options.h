/* SPDX-License-Identifier: BSD-2-Clause */
/* The testbed program's command line. */
#ifndef TESTBED_PROGRAM_OPTIONS_H
#define TESTBED_PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SETTINGS_MOST = 64,
    QUEUES_MOST = 16,
    PROCESSORS_LIMIT = 256,
    MTU_LEAST = 1280,
    MTU_MOST = 9000,
    RATE_MOST = 100000000
};

struct options {
    const char *driver, *inf;
    const char *settings[SETTINGS_MOST + 1]; /* KEYWORD=VALUE, ends with NULL */
    const struct windows_version *windows;
    const struct vif_release *release;
    uint32_t vif, queues, processors, group_size, mtu;
    uint32_t backend_without; /* netback feature mask */
    uint32_t backend_rate;    /* kbit/s; 0: no limit */
    const char *pcap;
    bool bypass, verbose, trace, strict_grants, real_xen, lenient, help;
    uint32_t edge_buffers; /* 0: the usual number */
};

/* False and one sentence in `error` naming the option and what it takes. */
bool options_parse(struct options *options, int argc, char **argv, char *error, size_t size);
void options_help(void); /* to stdout */

#endif
