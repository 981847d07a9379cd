/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often a driver has waited at DISPATCH_LEVEL for a device below it, and how long: a round trip to the backend of a
 * network, which no call may make many of. Counted by the device's stand-in, looked at by whoever called the driver.
 */
#ifndef TESTBED_NT_CHECK_PROVIDER_WAIT_H
#define TESTBED_NT_CHECK_PROVIDER_WAIT_H

#include <stdint.h>

struct provider_waits {
    uint32_t count;
    uint64_t nanoseconds;
};

/* A round trip that began at `since` has ended. Below DISPATCH_LEVEL it is not counted. */
void provider_wait(uint64_t since);
/* This task's so far. */
struct provider_waits provider_waits_mine(void);

#endif
