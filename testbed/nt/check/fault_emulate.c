/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emulated in driver code, inside the signal handler: reads of CR8 (the IRQL) and writes of CR8 that image_patch.c
 * could not replace, and loads from the page that Windows shares with everybody (KUSER_SHARED_DATA: clocks, version),
 * whose macros the WDK puts inline into drivers.
 *
 * A write of CR8 may block or run DPCs, which a signal handler must not. So the handler only makes the driver's code
 * call fault_write_cr8 through a thunk that keeps every register: it pushes the value and the return address on the
 * driver's stack (Windows x64 has no red zone) and continues in the thunk. So it does for `pause` in simulated runs.
 */
#include "nt/check/fault_emulate.h"

#include <string.h>

#include "image/image.h"
#include "nt/memory/paged.h"
#include "nt/nt.h"
#include "nt/sync/timer.h"
#include "nt/export/version.h"

#define SHARED_PAGE  0xfffff78000000000u
#define SHARED_BYTES 0x1000u
#define TICK_100NS   156250u
#define PAUSE_BYTES  2
#define PAUSE_NS     1000u
#define MAX_PAUSE_NS 64000u
#define SPINS_NS     100u /* of simulated time between two of them */

/* For fault_write_cr8, instead of an IRQL. */
#define INSTEAD_OF_PAUSE UINT64_MAX

/* A frame like any other, so that stacks can be walked through it. */
__asm__(".text\n"
        ".globl fault_cr8_thunk\n"
        "fault_cr8_thunk:\n"
        "    pushq %rbp\n"
        "    movq %rsp, %rbp\n"
        "    pushfq\n"
        "    pushq %rax\n"
        "    pushq %rcx\n"
        "    pushq %rdx\n"
        "    pushq %rsi\n"
        "    pushq %rdi\n"
        "    pushq %r8\n"
        "    pushq %r9\n"
        "    pushq %r10\n"
        "    pushq %r11\n"
        "    pushq %rbx\n"
        "    movq %rsp, %rbx\n"
        "    subq $512, %rsp\n"
        "    andq $-16, %rsp\n"
        "    cld\n"
        "    movq 16(%rbp), %rdi\n"
        "    callq irql_write_quick\n"
        "    testb %al, %al\n"
        "    jnz 1f\n"
        "    fxsave64 (%rsp)\n"
        "    movq 16(%rbp), %rdi\n"
        "    movq 8(%rbp), %rsi\n"
        "    callq fault_write_cr8\n"
        "    fxrstor64 (%rsp)\n"
        "1:  movq %rbx, %rsp\n"
        "    popq %rbx\n"
        "    popq %r11\n"
        "    popq %r10\n"
        "    popq %r9\n"
        "    popq %r8\n"
        "    popq %rdi\n"
        "    popq %rsi\n"
        "    popq %rdx\n"
        "    popq %rcx\n"
        /* Another task may have begun or ended single steps meanwhile: the trap flag is that of now. */
        "    pushfq\n"
        "    popq %rax\n"
        "    andq $0x100, %rax\n"
        "    andq $~0x100, 8(%rsp)\n"
        "    orq %rax, 8(%rsp)\n"
        "    popq %rax\n"
        "    popfq\n"
        "    popq %rbp\n"
        "    ret $8\n");

/* A driver that spins: time goes on, so that whoever it waits for comes on, too. Who does nothing else in between waits
 * longer each time: seconds would be millions of steps. */
static void pause_driver(void)
{
    struct task *task = task_self();
    const bool spins = sched_kind() == SCHED_SIMULATED && sched_now() - task->paused_until < SPINS_NS;
    uint32_t never = 0;

    task->pause_ns = !spins ? PAUSE_NS : task->pause_ns < MAX_PAUSE_NS ? 2 * task->pause_ns : task->pause_ns;
    task->paused_until = sched_now() + task->pause_ns;
    task->waits_for = "pause";
    (void)sched_wait(&never, 0, task->paused_until);
    task->waits_for = NULL;
}

__attribute__((used)) void fault_write_cr8(uint64_t value, const void *next)
{
    if (value == INSTEAD_OF_PAUSE) {
        pause_driver();
        return;
    }
    RULE(value <= HIGH_LEVEL, "irql", "CR8 written with %#llx", (unsigned long long)value);
    if (value >= irql_current()) {
        if (value >= DISPATCH_LEVEL) {
            paged_raises(next);
        }
        irql_raise((uint8_t)value);
    } else {
        irql_lower((uint8_t)value);
    }
}

/* By x64 register number. */
static greg_t *general(ucontext_t *context, unsigned number)
{
    static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
    return &context->uc_mcontext.gregs[order[number]];
}

/* On the driver's stack, as a call would leave it. */
static void go_on_in_thunk(greg_t *gregs, uint64_t value, uint64_t next)
{
    uint64_t *stack = (uint64_t *)gregs[REG_RSP];

    *--stack = value;
    *--stack = next;
    gregs[REG_RSP] = (greg_t)stack;
    gregs[REG_RIP] = (greg_t)&fault_cr8_thunk;
}

static bool emulate_cr8(ucontext_t *context, const uint8_t *code)
{
    if (!image_is_cr8(code)) {
        return false;
    }
    greg_t *gregs = context->uc_mcontext.gregs;
    greg_t *operand = general(context, (code[3] & 7u) | (code[0] & 1u) << 3);
    const uint64_t next = (uint64_t)gregs[REG_RIP] + CR8_BYTES;
    if (code[2] == CR8_READ) {
        *operand = irql_current();
        gregs[REG_RIP] = (greg_t)next;
        return true;
    }
    go_on_in_thunk(gregs, (uint64_t)*operand, next);
    return true;
}

/* image/image_patch.c put f4 90 where f3 90 was. */
static bool emulate_pause(ucontext_t *context, const uint8_t *code)
{
    greg_t *gregs = context->uc_mcontext.gregs;

    if (!sched_is_simulated || code[0] != 0xf4 || code[1] != 0x90) {
        return false;
    }
    go_on_in_thunk(gregs, INSTEAD_OF_PAUSE, (uint64_t)gregs[REG_RIP] + PAUSE_BYTES);
    return true;
}

static void put(uint8_t *page, size_t offset, uint64_t value, size_t size)
{
    memcpy(page + offset, &value, size);
}

/* KSYSTEM_TIME: low, high, high again. */
static void put_time(uint8_t *page, size_t offset, uint64_t value)
{
    put(page, offset, value, 8);
    put(page, offset + 8, value >> 32, 4);
}

/* The fields that inline functions of the WDK read; false when others are wanted. Offsets are documented with
 * KUSER_SHARED_DATA. */
static bool read_shared(uint64_t offset, size_t size, uint64_t *value)
{
    enum {
        INTERRUPT_TIME = 0x8,
        SYSTEM_TIME = 0x14,
        TIME_BYTES = 12,
        BUILD = 0x260,
        PRODUCT_TYPE = 0x264,
        MAJOR = 0x26c,
        MINOR = 0x270,
        DEBUGGER = 0x2d4,
        TICKS = 0x320,
        PROCESSORS = 0x3c0
    };
    static const struct {
        uint16_t offset, size;
    } known[] = {
        { INTERRUPT_TIME, TIME_BYTES },
        { SYSTEM_TIME, TIME_BYTES },
        { BUILD, 4 },
        { PRODUCT_TYPE, 4 },
        { MAJOR, 4 },
        { MINOR, 4 },
        { DEBUGGER, 1 },
        { TICKS, TIME_BYTES },
        { PROCESSORS, 4 },
    };
    const struct windows_version *windows = windows_simulated();
    bool found = false;
    uint8_t page[PROCESSORS + 8] = { 0 };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        found |= offset >= known[i].offset && offset + size <= (uint64_t)known[i].offset + known[i].size;
    }
    if (!found) {
        return false;
    }
    put_time(page, INTERRUPT_TIME, clock_interrupt_time());
    put_time(page, SYSTEM_TIME, clock_system_time());
    put_time(page, TICKS, clock_interrupt_time() / TICK_100NS);
    put(page, BUILD, windows->build, 4);
    put(page, PRODUCT_TYPE, windows->product_type, 4);
    put(page, MAJOR, windows->major, 4);
    put(page, MINOR, windows->minor, 4);
    put(page, PROCESSORS, processor_count(), 4);
    *value = 0;
    memcpy(value, page + offset, size);
    return true;
}

static size_t modrm_bytes(const uint8_t *modrm)
{
    const unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;
    size_t bytes = 1;
    bool wide = mod == 2 || (mod == 0 && rm == 5);
    if (mod != 3 && rm == 4) {
        bytes++;
        wide |= mod == 0 && (modrm[1] & 7) == 5;
    }
    return bytes + (mod == 1 ? 1 : wide ? 4 : 0);
}

/* Loads into a general register: mov, movzx, and mov from an absolute 64-bit address. */
static bool emulate_shared(ucontext_t *context, const uint8_t *code, uint64_t address)
{
    greg_t *gregs = context->uc_mcontext.gregs;
    const uint8_t *at = code;
    unsigned rex = 0, number;
    size_t operand = 4, load;
    uint64_t value;
    if (address - SHARED_PAGE >= SHARED_BYTES) {
        return false;
    }
    if (*at == 0x66) {
        operand = 2;
        at++;
    }
    if ((*at & 0xf0) == 0x40) {
        rex = *at++;
    }
    if (rex & 8) {
        operand = 8;
    }
    if (at[0] == 0xa1) {
        load = operand;
        number = 0;
        at += 1 + 8;
    } else if (at[0] == 0x8b || (at[0] == 0x0f && (at[1] == 0xb6 || at[1] == 0xb7)) || (at[0] == 0x8a && rex != 0)) {
        load = at[0] == 0x8b ? operand : at[0] == 0x8a || at[1] == 0xb6 ? 1 : 2;
        operand = at[0] == 0x8a ? 1 : operand;
        at += at[0] == 0x0f ? 2 : 1;
        number = (at[0] >> 3 & 7) | (rex & 4) << 1;
        at += modrm_bytes(at);
    } else {
        return false;
    }
    if (!read_shared(address - SHARED_PAGE, load, &value)) {
        return false;
    }
    greg_t *target = general(context, number);
    if (operand >= 4) { /* 32-bit results clear the upper half */
        *target = (greg_t)value;
    } else {
        memcpy(target, &value, operand);
    }
    gregs[REG_RIP] += at - code;
    return true;
}

bool fault_emulate(ucontext_t *context, uint64_t address)
{
    const uint8_t *code = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    return emulate_cr8(context, code) || emulate_pause(context, code) || emulate_shared(context, code, address);
}
