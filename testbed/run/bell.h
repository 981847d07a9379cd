/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bell: something rings it from any task (or an event handler), some tasks sleep until it rings. Ringing costs one
 * atomic when nobody sleeps. A sleeper reads the bell, looks for work, and sleeps only if it has not rung since it was
 * read:
 *
 *     seen = bell_read(bell);  if (!work())  bell_wait(bell, seen, deadline);
 */
#ifndef TESTBED_RUN_BELL_H
#define TESTBED_RUN_BELL_H

#include <limits.h>

#include "run/sched.h"

struct bell {
    uint32_t rung;   /* the word slept on */
    uint32_t asleep; /* set by a sleeper before it looks at `rung` a last time; cleared by who wakes it */
};

static inline void bell_ring(struct bell *bell)
{
    /* Sequentially consistent with the pair in bell_wait: either the sleeper sees the new count or we see it asleep. */
    __atomic_fetch_add(&bell->rung, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->asleep, __ATOMIC_SEQ_CST) != 0 &&
        __atomic_exchange_n(&bell->asleep, 0, __ATOMIC_SEQ_CST) != 0) {
        sched_wake(&bell->rung, UINT_MAX);
    }
}

static inline uint32_t bell_read(struct bell *bell)
{
    return __atomic_load_n(&bell->rung, __ATOMIC_SEQ_CST);
}

/* False only when the deadline passed. */
static inline bool bell_wait(struct bell *bell, uint32_t seen, uint64_t deadline)
{
    __atomic_store_n(&bell->asleep, 1, __ATOMIC_SEQ_CST);
    if (bell_read(bell) != seen) {
        return true;
    }
    return sched_wait(&bell->rung, seen, deadline);
}

#endif
