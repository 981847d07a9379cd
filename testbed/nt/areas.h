/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The areas of nt/. nt.c starts them in the order below and stops them in reverse. An area's X_start registers its
 * exports and may be called again after X_stop; X_leaks lists what the driver did not give back.
 */
#ifndef TESTBED_NT_AREAS_H
#define TESTBED_NT_AREAS_H

#include <stdint.h>

#include "run/leak.h"

/* --- scheduling side: irql.c lock.c event.c dpc.c timer.c thread.c fault.c --- */
void irql_start(uint32_t processors);
void irql_stop(void);
void irql_add(uint32_t index);   /* a processor more, not yet counted */
void irql_count(uint32_t count); /* those below it may be used now */
void lock_start(void);
void lock_stop(void);
void event_start(void);
void event_stop(void);
void dpc_start(void);
void dpc_add(uint32_t index);
void dpc_stop(void);
void timer_start(void);
void timer_stop(void);
void timer_leaks(struct leaks *leaks);
void threads_start(void); /* system threads and work items; thread_start is nt.h's */
void threads_stop(void);
void threads_leaks(struct leaks *leaks);
void fault_start(void);
void fault_stop(void);

/* --- memory and objects --- */
void pool_start(void);
void pool_stop(void);
void pool_leaks(struct leaks *leaks);
void mdl_start(void);
void mdl_stop(void);
void object_start(void); /* handles and referenced objects */
void object_stop(void);
void object_leaks(struct leaks *leaks);
void registry_start(void);
void registry_stop(void);
void io_start(void); /* devices, IRPs, device properties */
void io_stop(void);
void io_leaks(struct leaks *leaks);
void rtl_start(void);
void rtl_stop(void);
void lookaside_start(void);
void rundown_start(void);
void error_log_start(void);
void bug_check_start(void);
void bug_check_stop(void);
void bug_check_leaks(struct leaks *leaks);
void watchdog_start(void);
void watchdog_stop(void);
void debug_start(void);
void debug_stop(void);
void module_start(void); /* loaded modules, netio.sys among them */
void netio_stop(void);
void netio_leaks(struct leaks *leaks);
void bcrypt_start(void);
void bcrypt_stop(void);
void bcrypt_leaks(struct leaks *leaks);
void etw_start(void);
void etw_stop(void);
void etw_leaks(struct leaks *leaks);

#endif
