/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processors, as irql.c and dpc.c share them.
 *
 * A processor's token is a lock word: 0 free, 1 held, 2 held and somebody may sleep on it. Who queues a DPC writes the
 * queue and then looks at the token; who gives the token up writes the token and then looks at the queue. Both are
 * sequentially consistent, so one of the two sees the other and no DPC stays behind.
 */
#ifndef TESTBED_NT_PROCESSOR_IRQL_H
#define TESTBED_NT_PROCESSOR_IRQL_H

#include "nt/nt.h"

#define MAX_PROCESSORS 256

struct processor {
    _Alignas(64) uint32_t token;
    uint32_t dpc_count; /* queued DPCs, written under dpc_lock, read without */
    struct sched_lock dpc_lock;
    void *dpc_first, *dpc_last; /* see dpc.c */
    uint32_t kick;              /* the DPC task sleeps while this is 0 */
    struct task *dpc_task;
    uint64_t dpcs_run;
    uint32_t strand; /* its DPCs, for run/order.h; the processor itself is an object there */
};

extern struct processor processors[MAX_PROCESSORS];

/* An object of the driver's in one of its frames: above the caller's, and not farther than a stack is high. */
static inline bool on_this_stack(const void *object)
{
    return (uintptr_t)object - (uintptr_t)__builtin_frame_address(0) < (256u << 10);
}

/* A write of CR8 that has nothing to do but take or give the token, in a live run. It makes no call and touches no
 * vector register, so that the code around it need not save them. False: nothing was done. */
bool irql_write_quick(uint64_t value);

/* Live, below DISPATCH_LEVEL: the DPCs that wait on the calling task's processor run now, or when whoever holds the
 * token gives it up, which is not waited for: that may wait for what the calling task does next. */
void irql_interrupt(void);

/* Runs the DPCs queued to the calling task's processor when called, at DISPATCH_LEVEL with the token held. */
void dpc_drain(struct processor *processor);
/* Has the DPC task look at its queue. */
void dpc_kick(struct processor *processor);

#endif
