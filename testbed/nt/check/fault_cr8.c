/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code that stands for an access to CR8. A read loads the IRQL from the task, without a call, and changes neither
 * flags nor stack. A write leaves value and return address on the driver's stack, as the fault's handler would, and
 * goes on in the same thunk: stacks are walked through it.
 */
#include "nt/check/fault_cr8.h"

#include <stddef.h>
#include <string.h>

#include "image/image.h"
#include "nt/check/fault_emulate.h"
#include "run/sched.h"

enum { RSP = 4, JUMP = 0xe9, JUMP_BYTES = 5 };

_Static_assert(offsetof(struct task, irql) < 128 && sizeof(((struct task *)0)->irql) == 1,
               "a displacement of one byte");

/* Where sched_current is, from the thread's own block: the same in every thread of a program. */
static int32_t offset_of_current(void)
{
    uintptr_t block;

    __asm__("movq %%fs:0, %0" : "=r"(block));
    return (int32_t)((intptr_t)&sched_current - (intptr_t)block);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* movq %fs:sched_current, REG; movzbl irql(REG), REG; jmp next */
static void put_read(uint8_t *code, unsigned number, const uint8_t *next)
{
    const unsigned low = number & 7, high = number >> 3;
    const int32_t current = offset_of_current();
    const uint8_t load[] = { 0x64, (uint8_t)(0x48 | high << 2), 0x8b, (uint8_t)(low << 3 | 4), 0x25 };
    const uint8_t widen[] = { (uint8_t)(0x40 | high << 2 | high), 0x0f, 0xb6, (uint8_t)(0x40 | low << 3 | low) };
    uint8_t *at = put(put(code, load, sizeof(load)), &current, sizeof(current));

    at = put(at, widen, sizeof(widen));
    if (low == RSP) { /* r12 as a base wants a SIB byte */
        *at++ = 0x24;
    }
    *at++ = offsetof(struct task, irql);
    *at++ = JUMP;

    const int32_t distance = (int32_t)(next - (at + 4));

    put(at, &distance, sizeof(distance));
}

/* push REG; push next; jmp *thunk; both addresses behind. */
static void put_write(uint8_t *code, unsigned number, const uint8_t *next)
{
    const uint8_t push[] = { 0x41, (uint8_t)(0x50 | (number & 7)) };
    const uint8_t go[] = { 0xff, 0x35, 6, 0, 0, 0, 0xff, 0x25, 8, 0, 0, 0 };
    const uint64_t addresses[] = { (uint64_t)next, (uint64_t)&fault_cr8_thunk };
    uint8_t *at = number >= 8 ? put(code, push, 2) : put(code, push + 1, 1);

    put(put(at, go, sizeof(go)), addresses, sizeof(addresses));
}

bool fault_cr8_code(uint8_t *code, const uint8_t *site)
{
    const unsigned number = (site[3] & 7u) | (site[0] & 1u) << 3;

    if (number == RSP) {
        return false;
    }
    (site[2] == CR8_READ ? put_read : put_write)(code, number, site + CR8_BYTES);
    return true;
}
