/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin lock words. The driver owns a zeroed ULONG_PTR (KSPIN_LOCK) and never looks inside. Low half: 0 free, 1 held, 2
 * held and somebody may sleep. High half: the holder's task number while held, as much of it as there is room for.
 *
 * lock_acquire and lock_release do not change the IRQL; both are called at DISPATCH_LEVEL or above.
 */
#ifndef TESTBED_NT_SYNC_LOCK_H
#define TESTBED_NT_SYNC_LOCK_H

#include "nt/nt.h"

/* `from`: where it is called, for reports. */
void lock_acquire(uintptr_t *word, const void *from);
bool lock_try(uintptr_t *word, const void *from);
void lock_release(uintptr_t *word);
/* What a report lists of the task: the locks that it holds, and the driver's code that took each. */
void lock_taken(const void *lock, struct task *task, const void *from);
void lock_given_back(const void *lock, struct task *task);
void lock_exports(void);
void lock_shared_exports(void);
void slist_exports(void);

#endif
