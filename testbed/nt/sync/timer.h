/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's timers (KTIMER), for timer_exports.c. Times in ns of sched_now. */
#ifndef TESTBED_NT_SYNC_TIMER_H
#define TESTBED_NT_SYNC_TIMER_H

#include "nt/nt.h"

void ktimer_init(struct KTIMER *timer, bool synchronization);
/* Arms or re-arms. `period_ms` 0: once. Returns whether it was armed before. */
bool ktimer_set(struct KTIMER *timer, uint64_t due, uint32_t period_ms, struct KDPC *dpc);
bool ktimer_cancel(struct KTIMER *timer); /* whether it was armed */
bool timer_armed_within(const void *address, size_t bytes);
void timer_exports(void);

/* Windows' clocks in 100 ns: since 1601, since start. In a simulated run the first starts at a fixed date. */
uint64_t clock_system_time(void);
uint64_t clock_interrupt_time(void);

#endif
