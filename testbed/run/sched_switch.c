/* SPDX-License-Identifier: BSD-2-Clause */
/* Coroutine stacks and the switch between them: see sched_switch.h. One host thread uses all of this. */
#include "run/sched_switch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define GUARD_BYTES 4096u
#define KEPT_MOST   64

static void *kept[KEPT_MOST];
static size_t kept_count;

/* The six registers that System V preserves, then the stack pointer; a fresh stack holds the entry in r12 and its
 * argument in r13, and a zero frame pointer, at which every stack walk ends. */
__asm__(".text\n"
        ".globl coroutine_switch\n"
        ".type coroutine_switch, @function\n"
        "coroutine_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size coroutine_switch, .-coroutine_switch\n"
        ".type coroutine_first, @function\n"
        "coroutine_first:\n"
        "    movq %r13, %rdi\n"
        "    xorl %ebp, %ebp\n"
        "    callq *%r12\n"
        "    ud2\n"
        ".size coroutine_first, .-coroutine_first\n");

void coroutine_first(void);

void *coroutine_prepare(void *stack, void (*entry)(void *), void *argument)
{
    uint64_t *top = (uint64_t *)((char *)stack + COROUTINE_STACK_BYTES);
    *--top = 0;
    *--top = 0;                          /* two words: the stack is aligned at the call in coroutine_first */
    *--top = (uint64_t)&coroutine_first; /* returned to */
    *--top = 0;                          /* rbp */
    *--top = 0;                          /* rbx */
    *--top = (uint64_t)entry;            /* r12 */
    *--top = (uint64_t)argument;         /* r13 */
    *--top = 0;                          /* r14 */
    *--top = 0;                          /* r15 */
    return top;
}

void *coroutine_stack_get(void)
{
    if (kept_count > 0) {
        return kept[--kept_count];
    }
    char *memory = mmap(NULL, GUARD_BYTES + COROUTINE_STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES, PROT_NONE) != 0) {
        perror("testbed: no memory for a task's stack");
        exit(1);
    }
    return memory + GUARD_BYTES;
}

void coroutine_stack_put(void *stack)
{
    if (kept_count < KEPT_MOST) {
        kept[kept_count++] = stack;
    } else {
        munmap((char *)stack - GUARD_BYTES, GUARD_BYTES + COROUTINE_STACK_BYTES);
    }
}
