/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen_run.h"

static void xen_run_task(void *argument)
{
    struct xen_run *run = argument;
    const struct xen_host_options options = { 1024, 256, run->strict };

    run->host = xen_host_create(&options);
    run->dom0 = xen_domain_create(run->host, 0);
    run->guest = xen_domain_create(run->host, 1);
    run->body(run);
    xen_domain_destroy(run->guest);
    xen_domain_destroy(run->dom0);
    xen_host_destroy(run->host);
}

void xen_run_once(void (*body)(struct xen_run *), bool strict, enum sched_kind kind, uint64_t seed)
{
    const struct sched_options options = { .kind = kind, .seed = seed };
    struct xen_run run = { .body = body, .strict = strict };

    CHECK_EQ(sched_run(&options, xen_run_task, &run), 0);
}

void xen_run_all(void (*body)(struct xen_run *), uint32_t usual)
{
    uint32_t seeds = test_seeds(usual);

    if (!test_seed_given()) {
        xen_run_once(body, false, SCHED_LIVE, 1);
        xen_run_once(body, true, SCHED_LIVE, 1);
    }
    for (uint32_t i = 0; i < seeds; i++) {
        xen_run_once(body, i % 2 != 0, SCHED_SIMULATED, test_seed() + i);
    }
}
