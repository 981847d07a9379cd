/* SPDX-License-Identifier: BSD-2-Clause */
/* What rule.c asks of others for its report. */
#ifndef TESTBED_NT_CHECK_RULE_CONTEXT_H
#define TESTBED_NT_CHECK_RULE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The frame of a report: false when one is being written already. rule_end_report adds what the driver printed and the
 * seed, and ends the program. */
bool rule_begin_report(const char *rule);
_Noreturn void rule_end_report(const char *rule);
/* fault.c: when a signal is being handled on this thread, the driver's frames from the faulting context, innermost
 * first; else 0. */
size_t rule_fault_frames(void **addresses, size_t most);
/* NULL, or prints more for the report (debug output kept by nt/check/debug.c). Must not take locks. */
/* A signal handler reports what its signal interrupted: the stack is walked from there. */
void rule_at_fault(void *ucontext);
struct unwind_state;
void fault_registers(const void *ucontext, struct unwind_state *state);
extern void (*rule_more)(FILE *out);
extern void (*rule_last)(void); /* NULL, or called when the report is written, before the program ends */

#endif
