/* SPDX-License-Identifier: BSD-2-Clause */
/* What rule.c asks of others for its report. */
#ifndef TESTBED_NT_CHECK_RULE_CONTEXT_H
#define TESTBED_NT_CHECK_RULE_CONTEXT_H

#include <stddef.h>
#include <stdio.h>

/* fault.c: when a signal is being handled on this thread, the driver's frames from the faulting context, innermost
 * first; else 0. */
size_t rule_fault_frames(void **addresses, size_t most);
/* NULL, or prints more for the report (debug output kept by nt/check/debug.c). Must not take locks. */
extern void (*rule_more)(FILE *out);

#endif
