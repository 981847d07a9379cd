/* SPDX-License-Identifier: BSD-2-Clause */
/* A debugger that holds the program: scripts/debug. */
#ifndef TESTBED_NT_CHECK_DEBUGGER_H
#define TESTBED_NT_CHECK_DEBUGGER_H

#include <stdbool.h>

bool debugger_is_there(void);
void debugger_wait(void); /* returns once one has come */

#endif
