/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of xen/: a hypervisor with domain 0 and a guest, in a live run and in simulated ones. */
#ifndef TESTS_XEN_RUN_H
#define TESTS_XEN_RUN_H

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "run/sched.h"
#include "xen/embedded/backend.h"

struct xen_run {
    void (*body)(struct xen_run *run);
    bool strict;
    struct xen_host *host;
    struct xen *guest, *dom0;
};

void xen_run_once(void (*body)(struct xen_run *), bool strict, enum sched_kind kind, uint64_t seed);
void xen_run_all(void (*body)(struct xen_run *), uint32_t usual);

#endif
