/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The testbed's own watchdog: what stands still is reported within ten seconds, as Windows or Driver Verifier would
 * report it after its own time (rule "hang"): a callback of the driver that does not return, a request that it never
 * completes, a task that never ends. The report names every task with its IRQL, locks, what it waits for and its driver
 * frames, and lists what is out (report.h).
 *
 * In a live run a host thread of the watchdog's own looks twice a second, and time is real. In a simulated one time is
 * virtual, and waits may last ten minutes of it, as Windows' own timeouts do; only a loop that calls nothing is timed
 * by the processor time that it takes.
 */
#ifndef TESTBED_NT_CHECK_WATCHDOG_H
#define TESTBED_NT_CHECK_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "run/sched.h"

/* Something that the driver, or what depends on it, must do soon. Lives on the waiter's stack. */
struct expectation {
    char what[160];      /* "the completion of OID_GEN_STATISTICS (0x...), which MiniportOidRequest left pending" */
    const char *windows; /* what Windows would report, and when */
    const void *handler; /* the driver's function that was asked, or NULL */
    const struct task *task;
    uint64_t since;
    struct expectation *next;
};
void watchdog_expect(struct expectation *expectation, const void *handler, const char *windows, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
void watchdog_met(struct expectation *expectation);

/* `times` as patient from the next start on: a backend under emulation, a run under an instrumenting tool. The
 * environment's TESTBED_PATIENCE is multiplied with it. */
void watchdog_patience(uint32_t times);
/* Of a simulated run: everything takes `times` as much processor time from here on, since a test steps through it. */
void watchdog_slowed(uint32_t times);
/* The scheduler's time, no more than half a second old in a live run: what costs nothing per packet. */
uint64_t watchdog_clock(void);

#define WINDOWS_DISPATCH "Windows stops with 0x133 DPC_WATCHDOG_VIOLATION after 20 s"
#define WINDOWS_WAITS                                                                                                  \
    "Windows waits for ever, and stops with 0x9F DRIVER_POWER_STATE_FAILURE when the machine is to sleep or shut down"

#endif
