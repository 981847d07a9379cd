/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals from driver code: per host thread, a stack to handle them on. */
#ifndef TESTBED_NT_CHECK_FAULT_H
#define TESTBED_NT_CHECK_FAULT_H

void fault_thread_start(void);
void fault_thread_end(void);

#endif
