/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a simulated run is at one moment, to go back to: each writable page of the process, and the stacks of its
 * tasks. Pages are made read-only, and each is kept when it is written for the first time. One host thread; what the
 * kernel knows of the process does not go back.
 */
#ifndef TESTBED_RUN_SNAPSHOT_H
#define TESTBED_RUN_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool snapshot_taken;
/* `apart`: memory that is not part of it, such as the caller's stack. The current task has left its own at `sp`, the
 * others where sched_each_context says. */
void snapshot_take(void *sp, void *apart, size_t bytes);
void snapshot_restore(void);
void snapshot_end(void); /* every page is as it is now, and no more kept */

/* A number for what differs from the moment of the snapshot, the tasks' stacks included: runs that have the same one go
 * on in the same way. */
uint64_t snapshot_state(void *sp);
/* These bytes do not count in it. */
void snapshot_except(const void *memory, size_t bytes);

/* These pages are about to become writable through another mapping as well. */
void snapshot_opens(void *memory, size_t bytes);
size_t snapshot_pages(void); /* that were written since */

#endif
