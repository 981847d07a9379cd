/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults. In driver code some instructions are carried out (fault_emulate.c); the rest ends the run: a bad access (rule
 * "access"), a fast fail (int 0x29, rule "fast-fail"), an assertion (int 0x2c, "assert"), a breakpoint ("breakpoint"),
 * a division ("divide"), an instruction that is not one or needs the machine ("instruction").
 *
 * Each host thread that runs driver code has a stack of its own for this, so that an overflow of the usual one can be
 * reported as well. Handlers never switch tasks. rule_break may be called from here: it takes no locks.
 */
#include "nt/check/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "image/image.h"
#include "image/unwind.h"
#include "nt/areas.h"
#include "nt/check/fault_emulate.h"
#include "nt/check/registers.h"
#include "nt/check/rule_context.h"
#include "nt/memory/guard.h"
#include "nt/nt.h"
#include "nt/memory/paged.h"

#define SIGNAL_STACK_BYTES (64u << 10)
#define PAGE_FAULT_WRITE   2
#define PAGE_FAULT_FETCH   16
#define NULL_PAGE          65536u
#define STACK_GUARD_BYTES  4096u

static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))
static struct sigaction before[SIGNALS];
static bool installed;

static _Thread_local void *signal_stack;
static _Thread_local ucontext_t *fault_context;

extern const uint8_t __executable_start[], etext[];

void fault_registers(const void *ucontext, struct unwind_state *state)
{
    const ucontext_t *context = ucontext;
    static const int order[] = GENERAL_REGISTERS;
    state->rip = (uintptr_t)context->uc_mcontext.gregs[REGISTER_CODE];
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        state->registers[i] = (uintptr_t)context->uc_mcontext.gregs[order[i]];
    }
}

void rule_at_fault(void *ucontext)
{
    fault_context = ucontext;
}

size_t rule_fault_frames(void **addresses, size_t most)
{
    struct unwind_state state;
    if (fault_context == NULL) {
        return 0;
    }
    fault_registers(fault_context, &state);
    const bool jumped = ((const ucontext_t *)fault_context)->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_FETCH;
    /* Called through a pointer to no code: the caller is on the stack. */
    if (state.rip < NULL_PAGE || (jumped && image_find((void *)state.rip) == NULL)) {
        state.rip = *(uintptr_t *)state.registers[UNWIND_RSP];
        state.registers[UNWIND_RSP] += sizeof(uintptr_t);
    }
    return unwind_all_frames(&state, addresses, most);
}

/* FAST_FAIL_* of the code that __fastfail was given in ecx. */
static const char *fast_fail_name(uint32_t code)
{
    static const char *const names[] = {
        [0] = "legacy security check",
        [1] = "vtable guard",
        [2] = "stack cookie",
        [3] = "corrupt list entry",
        [4] = "incorrect stack",
        [5] = "invalid argument",
        [6] = "stack cookie init",
        [7] = "fatal application exit",
        [8] = "range check",
        [9] = "unsafe registry access",
        [10] = "control flow guard",
        [11] = "guard write check",
        [12] = "invalid fiber switch",
        [13] = "invalid set of context",
        [14] = "invalid reference count",
        [18] = "invalid jump buffer",
        [21] = "certification",
        [25] = "crypto library",
        [29] = "invalid longjmp target",
    };
    return code < sizeof(names) / sizeof(names[0]) && names[code] != NULL ? names[code] : "another code";
}

static void describe_place(uintptr_t rip, char *text, size_t size)
{
    if (image_find((void *)rip) != NULL) {
        image_describe((void *)rip, text, size);
    } else if (rip >= (uintptr_t)__executable_start && rip < (uintptr_t)etext) {
        snprintf(text, size, "the testbed's own code (at +%#llx)",
                 (unsigned long long)(rip - (uintptr_t)__executable_start));
    } else {
        snprintf(text, size, "%#llx", (unsigned long long)rip);
    }
}

static const char *describe_address(uintptr_t address, uintptr_t rsp, char *text, size_t size)
{
    if (address < NULL_PAGE) {
        return " (a NULL pointer)";
    }
    if (address - (rsp - STACK_GUARD_BYTES) < 2 * STACK_GUARD_BYTES) {
        return " (the end of the stack)";
    }
    if (guard_describe(address, text, size) || paged_describe(address, text, size)) {
        return text;
    }
    if (image_find((void *)address) != NULL) {
        char name[256];
        image_describe((void *)address, name, sizeof(name));
        snprintf(text, size, " (%s: read-only, or discarded after DriverEntry)", name);
        return text;
    }
    return "";
}

static _Noreturn void report_access(const ucontext_t *context, const siginfo_t *info)
{
    const greg_t *gregs = context->uc_mcontext.gregs;
    const uintptr_t rip = (uintptr_t)gregs[REGISTER_CODE], address = (uintptr_t)info->si_addr;
    const unsigned long error = (unsigned long)gregs[REG_ERR];
    char place[320], where[1400];
    if (info->si_code == SI_KERNEL) { /* general protection: the processor does not give the address */
        describe_place(rip, place, sizeof(place));
        rule_break("access",
                   "in %s: an address that no processor can have, a misaligned operand or a privileged instruction",
                   place);
    }
    if ((error & PAGE_FAULT_FETCH) && paged_describe(address, where, sizeof(where))) {
        describe_place(address, place, sizeof(place));
        rule_break("access", "ran %s%s", place, where);
    }
    if (error & PAGE_FAULT_FETCH) {
        rule_break("access", "jumped to %#llx%s, where no code is", (unsigned long long)address,
                   describe_address(address, (uintptr_t)gregs[REGISTER_STACK], where, sizeof(where)));
    }
    describe_place(rip, place, sizeof(place));
    rule_break("access", "%s of %#llx%s in %s", error & PAGE_FAULT_WRITE ? "write" : "read",
               (unsigned long long)address,
               describe_address(address, (uintptr_t)gregs[REGISTER_STACK], where, sizeof(where)), place);
}

static void handle_driver(int number, const siginfo_t *info, ucontext_t *context)
{
    const greg_t *gregs = context->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)gregs[REGISTER_CODE];
    if (number == SIGTRAP) {
        rule_break("breakpoint", "the driver ran into a breakpoint (int 3)");
    }
    if (number == SIGSEGV && (gregs[REG_ERR] & PAGE_FAULT_FETCH)) { /* no code to look at */
        report_access(context, info);
    }
    if (code[0] == 0xcd && code[1] == 0x29) {
        rule_break("fast-fail", "the driver failed fast with code %u: %s", (unsigned)gregs[REGISTER_COUNT],
                   fast_fail_name((uint32_t)gregs[REGISTER_COUNT]));
    }
    if (code[0] == 0xcd && code[1] == 0x2c) {
        rule_break("assert", "an assertion of the driver's failed (int 0x2c)");
    }
    if (number == SIGFPE) {
        rule_break("divide", "the driver divided by zero, or the quotient did not fit");
    }
    if (number == SIGILL) {
        rule_break("instruction", "the driver ran into an undefined instruction (%02x %02x)", code[0], code[1]);
    }
    if (info->si_code == SI_KERNEL && (code[0] == 0xf4 || code[0] == 0xfa || code[0] == 0xfb ||
                                       (code[0] == 0x0f && (code[1] == 0x20 || code[1] == 0x22 || code[1] == 0x30 ||
                                                            code[1] == 0x32 || code[1] == 0x00 || code[1] == 0x01)))) {
        rule_break("instruction", "the driver used a privileged instruction that is not simulated (%02x %02x %02x)",
                   code[0], code[1], code[2]);
    }
    report_access(context, info);
}

/* The first instruction of a pageable function runs elsewhere (image_paged.c): reports name where it belongs. */
static void move_to_entry(ucontext_t *context)
{
    const void *entry = image_pageable_origin((const void *)context->uc_mcontext.gregs[REGISTER_CODE]);
    if (entry != NULL) {
        context->uc_mcontext.gregs[REGISTER_CODE] = (greg_t)entry;
    }
}

/* The breakpoint at the beginning of a pageable function, in a live run: what it stands for is carried out. */
static bool pageable_entry(ucontext_t *context, const void *entry)
{
    const void *stub = image_pageable_stub(entry);
    char place[320], where[200];
    if (stub == NULL) {
        return false;
    }
    context->uc_mcontext.gregs[REGISTER_CODE] = (greg_t)entry;
    if (paged_describe((uintptr_t)entry, where, sizeof(where))) {
        fault_context = context;
        describe_place((uintptr_t)entry, place, sizeof(place));
        rule_break("access", "ran %s%s", place, where);
    }
    context->uc_mcontext.gregs[REGISTER_CODE] = (greg_t)stub;
    return true;
}

static void handle(int number, siginfo_t *info, void *argument)
{
    ucontext_t *context = argument;
    paged_in_handler();
    move_to_entry(context);
    const uintptr_t rip = (uintptr_t)context->uc_mcontext.gregs[REGISTER_CODE];
    /* A breakpoint's address is behind it. */
    const bool driver = image_find((void *)(number == SIGTRAP ? rip - 1 : rip)) != NULL;
    if (driver && number == SIGSEGV && !(context->uc_mcontext.gregs[REG_ERR] & PAGE_FAULT_FETCH) &&
        fault_emulate(context, (uintptr_t)info->si_addr)) {
        return;
    }
    if (driver && number == SIGTRAP && pageable_entry(context, (const void *)(rip - 1))) {
        return;
    }
    fault_context = context;
    if (driver) {
        handle_driver(number, info, context);
    }
    if (number == SIGSEGV || number == SIGBUS) {
        report_access(context, info);
    }
    char place[320];
    describe_place(rip, place, sizeof(place));
    rule_break("instruction", "signal %d in %s", number, place);
}

void fault_thread_start(void)
{
    void *memory = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("testbed: no memory for a signal stack");
        exit(1);
    }
    stack_t stack = { .ss_sp = memory, .ss_size = SIGNAL_STACK_BYTES };
    sigaltstack(&stack, NULL);
    signal_stack = memory;
}

void fault_thread_end(void)
{
    stack_t none = { .ss_flags = SS_DISABLE };
    sigaltstack(&none, NULL);
    munmap(signal_stack, SIGNAL_STACK_BYTES);
    signal_stack = NULL;
}

void fault_start(void)
{
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &action, &before[i]);
    }
    installed = true;
}

void fault_stop(void)
{
    for (size_t i = 0; i < SIGNALS && installed; i++) {
        sigaction(signals[i], &before[i], NULL);
    }
    installed = false;
}
