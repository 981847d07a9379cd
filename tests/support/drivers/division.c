/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For test_build: a 32-bit Linux program whose exit status is 0 when toolchain/runtime divides as rows.h says:
 * operands, quotient and remainder without a sign, quotient and remainder with one.
 */
#include <ntddk.h>

#include "divide.c"

static const ULONGLONG Rows[][6] = {
#include "rows.h"
};

void _start(void)
{
    unsigned Index, Bad = 0;

    for (Index = 0; Index < sizeof(Rows) / sizeof(*Rows); Index++) {
        const ULONGLONG *Row = Rows[Index];

        Bad |= __udivdi3(Row[0], Row[1]) != Row[2] || __umoddi3(Row[0], Row[1]) != Row[3];
        Bad |= (ULONGLONG)__divdi3(Row[0], Row[1]) != Row[4] || (ULONGLONG)__moddi3(Row[0], Row[1]) != Row[5];
    }
    __asm__ volatile("int $0x80" : : "a"(1), "b"(Bad));
}
