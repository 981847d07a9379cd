/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that a driver may use and a Linux process may not. */
#ifndef TESTBED_NT_CHECK_FAULT_EMULATE_H
#define TESTBED_NT_CHECK_FAULT_EMULATE_H

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

/* Carries out the faulting instruction and moves the context past it. `address`: what a page fault touched. False: not
 * one of those. */
bool fault_emulate(ucontext_t *context, uint64_t address);

/* Writes CR8 for a driver and keeps every register. On entry: (%rsp) where to go on, 8(%rsp) the value. */
void fault_cr8_thunk(void);

#endif
