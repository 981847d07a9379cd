/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Somebody else chooses what runs next in a simulated run, in place of the seed (systematic.h). Meanwhile points take
 * no time, so that time passes only when nobody can run; no wait ends for no reason; and each task draws numbers of its
 * own.
 */
#ifndef TESTBED_RUN_SCHED_CHOICE_H
#define TESTBED_RUN_SCHED_CHOICE_H

#include <stddef.h>

#include "run/sched.h"

enum { SCHED_MAX_CHOICE = 32 };

/* Which of `count` tasks, at least two, by their numbers. `goes_on`: the one that asks and could go on, or SIZE_MAX. */
typedef size_t sched_choice(const uint32_t *ids, size_t count, size_t goes_on);
extern sched_choice *sched_chooser; /* NULL: the seed */
void sched_choose_with(sched_choice *chooser);

/* So much time passes at once: whoever sleeps no longer than that can run. */
void sched_pass(uint64_t nanoseconds);

/* Each task that has not ended, with its stack and how far that was used when it last left it. */
void sched_each_context(void (*each)(void *argument, struct task *task, void *sp, void *stack), void *argument);

#endif
