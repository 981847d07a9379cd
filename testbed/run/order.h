/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened before what (vector clocks). A strand is what runs in an order of its own: a task,
 * or the DPCs of one processor, which run on whatever task's stack. Strands are ordered by what passes between them:
 * who releases an object has done what it did so far before whatever is done after an acquisition of that object.
 *
 * Objects are named by an address and need not be introduced. Nothing is kept, and each call costs one comparison,
 * unless somebody wants to know (nt/race/race.h).
 */
#ifndef TESTBED_RUN_ORDER_H
#define TESTBED_RUN_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct order_moment {
    uint32_t strand, time;
};

extern bool order_kept;
void order_keep(void);  /* from here on, until the run ends */
void order_reset(void); /* nothing is kept any more */

void order_released(const void *object);
void order_acquired(const void *object);
static inline void order_release(const void *object)
{
    if (__builtin_expect(order_kept, 0)) {
        order_released(object);
    }
}
static inline void order_acquire(const void *object)
{
    if (__builtin_expect(order_kept, 0)) {
        order_acquired(object);
    }
}

/* The calling task goes on as the strand that `strand` names (0: a new one, called `name`, which is kept there), and
 * later as the one that this returns. Nothing orders the two by itself. */
uint32_t order_become(uint32_t *strand, const char *name);
void order_be(uint32_t strand);

/* In a live run: nobody else learns or asks anything until order_close. May be nested. */
void order_open(void);
void order_close(void);

struct order_moment order_now(void);
bool order_before(struct order_moment moment); /* it is over for whoever calls */
const char *order_name(uint32_t strand);

#endif
