/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts and stops the kernel's areas (nt/areas.h) inside a run of the scheduler: memory first, then what schedules,
 * then what drivers call. Stopping goes the other way round and clears the registry; leaks are to be listed before.
 */
#include "image/image.h"
#include "nt/areas.h"
#include "nt/race/race.h"
#include "nt/check/fault_cr8.h"
#include "nt/check/sanitizer.h"
#include "nt/memory/paged.h"
#include "nt/nt.h"
#include "nt/processor/topology.h"
#include "nt/registry/registry.h"

void nt_start(uint32_t processors)
{
    struct topology topology = topology_of(processors, MAX_GROUP);

    nt_start_on(&topology);
}

void nt_start_on(const struct topology *topology)
{
    static const struct image_hooks hooks = { export_is_trampoline, rule_break, fault_cr8_code, paged_watches_code };

    image_hooks_set(&hooks);
    topology_start(topology);
    pool_start();
    object_start();
    registry_start();
    lock_start();
    event_start();
    dpc_start();
    timer_start();
    threads_start();
    fault_start();
    mdl_start();
    io_start();
    rtl_start();
    lookaside_start();
    rundown_start();
    error_log_start();
    bug_check_start();
    debug_start();
#ifdef __x86_64__ /* for a xenvif.sys, which is x64 */
    bcrypt_start();
#endif
    module_start();
    etw_start();
    watchdog_start();
    race_exports();
    sanitizer_exports();
}

void nt_stop(void)
{
    etw_stop();
    netio_stop();
#ifdef __x86_64__
    bcrypt_stop();
#endif
    bug_check_stop();
    rtl_stop();
    io_stop();
    mdl_stop();
    fault_stop();
    threads_stop();
    timer_stop();
    dpc_stop();
    event_stop();
    lock_stop();
    registry_stop();
    object_stop();
    pool_stop();
    topology_stop();
    watchdog_stop();
    debug_stop();
    race_stop();
}

void nt_leaks(struct leaks *leaks)
{
    pool_leaks(leaks);
    object_leaks(leaks);
    io_leaks(leaks);
    timer_leaks(leaks);
    threads_leaks(leaks);
    bug_check_leaks(leaks);
    netio_leaks(leaks);
#ifdef __x86_64__
    bcrypt_leaks(leaks);
#endif
    etw_leaks(leaks);
}
