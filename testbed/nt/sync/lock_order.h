/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which order locks are taken: two locks that are taken in both orders can deadlock, whether they do so in this run
 * or not (rule "lock-order"). Longer circles count, too. Asked only where a lock is taken with another one held.
 */
#ifndef TESTBED_NT_SYNC_LOCK_ORDER_H
#define TESTBED_NT_SYNC_LOCK_ORDER_H

#include <stddef.h>

#include "run/sched.h"

/* The task is about to wait for `lock`, with what it holds already. */
void lock_order_check(const struct task *task, const void *lock, const void *from);
/* What was known of locks in this memory is over: it is freed, or a lock there is made anew. */
void lock_order_forget(const void *memory, size_t bytes);
void lock_order_stop(void);

#endif
