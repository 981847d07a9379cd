/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Coroutines for the simulated scheduler: stacks with a guard page below, and the switch between two of them. A switch
 * keeps what the System V ABI asks a callee to keep; driver code never switches directly, and the ms_abi functions that
 * it calls have saved the rest by then.
 */
#ifndef TESTBED_RUN_SCHED_SWITCH_H
#define TESTBED_RUN_SCHED_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COROUTINE_STACK_BYTES (512u << 10)

/* Saves the present context's stack pointer in *from and continues the one saved as `to`, whose stack (NULL: the host
 * thread's own) is for the sanitizer. */
void coroutine_continue(void **from, void *to, void *stack);
/* A coroutine's first step. */
void coroutine_arrived(void);
/* A stack whose first switch calls entry(argument), which must not return. Returns the stack pointer to switch to. */
void *coroutine_prepare(void *stack, void (*entry)(void *), void *argument);
/* Where the one stands whose stack pointer was saved as `sp`: its caller's registers. False: it has not been switched
 * from. */
bool coroutine_place(const void *sp, uintptr_t *rip, uintptr_t *rsp, uintptr_t *rbp);
void *coroutine_stack_get(void); /* kept ones are used again; ends the program when memory is out */
void coroutine_stack_put(void *stack);
/* How many bytes from `address` on are of a stack, kept or in use; 0: none. */
size_t coroutine_stack_at(const void *address);

#endif
