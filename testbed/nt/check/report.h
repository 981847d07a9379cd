/* SPDX-License-Identifier: BSD-2-Clause */
/* What reports of a broken rule and of a standstill have in common. Nothing here takes a lock of the testbed. */
#ifndef TESTBED_NT_CHECK_REPORT_H
#define TESTBED_NT_CHECK_REPORT_H

#include <stdio.h>

#include "run/sched.h"

enum { REPORT_MAX_FRAMES = 64 };

/* A stack, innermost first: the driver's functions with their lines, the exports that it called by name, and the
 * testbed's functions that called it. `exact`: the first address is an instruction, not a return address. */
void report_stack(FILE *out, void *const *addresses, size_t count, bool exact);
/* The function, file and line of the driver, a newline behind. */
void report_place(FILE *out, const void *address);
/* "in task dpc0#2 on processor 0 at IRQL 2 (DISPATCH_LEVEL), 1 lock held ..." and who took each. */
void report_task(FILE *out, const struct task *task);
const char *irql_name(uint8_t irql);

/* Whoever hands something out to the driver can list what is out: how many, and where it was handed over. */
struct report_list {
    void (*print)(void *context, FILE *out);
    void *context;
    struct report_list *next;
};
void report_list_add(struct report_list *list);
void report_list_remove(struct report_list *list);
void report_lists(FILE *out);

#endif
