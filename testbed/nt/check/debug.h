/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver prints with DbgPrint: the last lines are kept for failure reports, all go to stderr when that is
 * wanted. */
#ifndef TESTBED_NT_CHECK_DEBUG_H
#define TESTBED_NT_CHECK_DEBUG_H

#include <stdbool.h>
#include <stdio.h>

void debug_verbose(bool verbose);
void debug_note(const char *text); /* puts a line of the testbed's own among the driver's; ends with a newline */
void debug_print_kept(FILE *out);  /* the last lines, oldest first; no lock taken, for a report at the end of the run */
void debug_each_line(void (*each)(void *context, const char *line), void *context);

#endif
