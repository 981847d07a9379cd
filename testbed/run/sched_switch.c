/* SPDX-License-Identifier: BSD-2-Clause */
/* Coroutine stacks and the switch between them: see sched_switch.h. One host thread uses all of this. */
#include "run/sched_switch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GUARD_BYTES 4096u
#define MAX_KEPT    64
#define MAX_MAPPED  512

static void *kept[MAX_KEPT];
static size_t kept_count;
static char *mapped[MAX_MAPPED];
static size_t mapped_count;

#ifdef __x86_64__
/* The six registers that System V preserves, then the stack pointer; a fresh stack holds the entry in r12 and its
 * argument in r13, and a zero frame pointer, at which every stack walk ends. */
__asm__(".text\n"
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
enum { SAVED_FRAME = 5, SAVED_ENTRY = 3, SAVED_ARGUMENT = 2, SAVED_REGISTERS = 6 }; /* r15 at the lowest address */
#else
/* The four of x86; the entry in ebx and its argument in esi. */
__asm__(".text\n"
        ".type coroutine_switch, @function\n"
        "coroutine_switch:\n"
        "    movl 4(%esp), %eax\n"
        "    movl 8(%esp), %ecx\n"
        "    pushl %ebp\n"
        "    pushl %ebx\n"
        "    pushl %esi\n"
        "    pushl %edi\n"
        "    movl %esp, (%eax)\n"
        "    movl %ecx, %esp\n"
        "    popl %edi\n"
        "    popl %esi\n"
        "    popl %ebx\n"
        "    popl %ebp\n"
        "    ret\n"
        ".size coroutine_switch, .-coroutine_switch\n"
        ".type coroutine_first, @function\n"
        "coroutine_first:\n"
        "    pushl %esi\n"
        "    xorl %ebp, %ebp\n"
        "    calll *%ebx\n"
        "    ud2\n"
        ".size coroutine_first, .-coroutine_first\n");
enum { SAVED_FRAME = 3, SAVED_ENTRY = 2, SAVED_ARGUMENT = 1, SAVED_REGISTERS = 4 }; /* edi at the lowest address */
#endif

void coroutine_switch(void **from, void *to);
void coroutine_first(void);

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* The sanitizer is kept informed of the stack that we are on. Those of its own that outlive a call are switched off. */
static const void *host_bottom;
static size_t host_size;

static void leave_for(void *stack)
{
    __sanitizer_start_switch_fiber(NULL, stack != NULL ? stack : host_bottom,
                                   stack != NULL ? COROUTINE_STACK_BYTES : host_size);
}

void coroutine_arrived(void)
{
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (host_bottom == NULL) { /* whoever switches first is the host */
        host_bottom = bottom;
        host_size = size;
    }
}

/* A task's last functions never return from its stack. */
static void clean(void *stack)
{
    ASAN_UNPOISON_MEMORY_REGION(stack, COROUTINE_STACK_BYTES);
}
#else
static void leave_for(void *stack)
{
    (void)stack;
}

void coroutine_arrived(void)
{
}

static void clean(void *stack)
{
    (void)stack;
}
#endif

void coroutine_continue(void **from, void *to, void *stack)
{
    leave_for(stack);
    coroutine_switch(from, to);
    coroutine_arrived();
}

void *coroutine_prepare(void *stack, void (*entry)(void *), void *argument)
{
    uintptr_t *top = (uintptr_t *)((char *)stack + COROUTINE_STACK_BYTES);
    *--top = 0;
    *--top = 0;                           /* two words: the stack is aligned at the call in coroutine_first */
    *--top = (uintptr_t)&coroutine_first; /* returned to */
    top -= SAVED_REGISTERS;
    memset(top, 0, SAVED_REGISTERS * sizeof(*top));
    top[SAVED_ENTRY] = (uintptr_t)entry;
    top[SAVED_ARGUMENT] = (uintptr_t)argument;
    return top;
}

bool coroutine_place(const void *sp, uintptr_t *rip, uintptr_t *rsp, uintptr_t *rbp)
{
    const uintptr_t *saved = sp; /* registers, the return address */
    if (saved == NULL || saved[SAVED_REGISTERS] == (uintptr_t)&coroutine_first) {
        return false;
    }
    *rbp = saved[SAVED_FRAME];
    *rip = saved[SAVED_REGISTERS];
    *rsp = (uintptr_t)(saved + SAVED_REGISTERS + 1);
    return true;
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
    if (mapped_count < MAX_MAPPED) {
        mapped[mapped_count++] = memory + GUARD_BYTES;
    }
    return memory + GUARD_BYTES;
}

size_t coroutine_stack_at(const void *address)
{
    for (size_t i = 0; i < mapped_count; i++) {
        const size_t offset = (size_t)((const char *)address - mapped[i]);
        if (offset < COROUTINE_STACK_BYTES) {
            return COROUTINE_STACK_BYTES - offset;
        }
    }
    return 0;
}

void coroutine_stack_put(void *stack)
{
    clean(stack);
    if (kept_count < MAX_KEPT) {
        kept[kept_count++] = stack;
    } else {
        for (size_t i = 0; i < mapped_count; i++) {
            if (mapped[i] == stack) {
                mapped[i] = mapped[--mapped_count];
            }
        }
        munmap((char *)stack - GUARD_BYTES, GUARD_BYTES + COROUTINE_STACK_BYTES);
    }
}
