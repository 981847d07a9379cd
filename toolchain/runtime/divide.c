/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 64-bit division on x86, under the names that clang calls. Any IRQL; division by zero traps as the hardware does.
 *
 * A quotient is built from 32-bit divide instructions where the divisor has 32 bits, and bit by bit otherwise.
 */
#include <ntddk.h>

#ifdef _X86_

ULONGLONG __udivmoddi4(ULONGLONG Dividend, ULONGLONG Divisor, ULONGLONG *Remainder);
ULONGLONG __udivdi3(ULONGLONG Dividend, ULONGLONG Divisor);
ULONGLONG __umoddi3(ULONGLONG Dividend, ULONGLONG Divisor);
LONGLONG __divdi3(LONGLONG Dividend, LONGLONG Divisor);
LONGLONG __moddi3(LONGLONG Dividend, LONGLONG Divisor);

/* High:Low divided by Divisor, where High < Divisor, so that the quotient fits. */
static ULONG DivideWord(ULONG High, ULONG Low, ULONG Divisor, ULONG *Remainder)
{
    ULONG Quotient;

    __asm__("divl %4" : "=a"(Quotient), "=d"(*Remainder) : "0"(Low), "1"(High), "rm"(Divisor) : "cc");
    return Quotient;
}

ULONGLONG __udivmoddi4(ULONGLONG Dividend, ULONGLONG Divisor, ULONGLONG *Remainder)
{
    ULONGLONG Quotient = 0;
    ULONGLONG Rest = 0;
    ULONG Bit;

    if ((Divisor >> 32) == 0) {
        ULONG Upper;
        ULONG Lower;

        Upper = DivideWord(0, (ULONG)(Dividend >> 32), (ULONG)Divisor, &Lower);
        Quotient = (ULONGLONG)Upper << 32;
        Quotient |= DivideWord(Lower, (ULONG)Dividend, (ULONG)Divisor, &Lower);
        *Remainder = Lower;
        return Quotient;
    }

    for (Bit = 0; Bit < 64; Bit++) {
        ULONG Carry = (ULONG)(Rest >> 63);

        Rest = (Rest << 1) | (Dividend >> 63);
        Dividend <<= 1;
        Quotient <<= 1;
        if (Carry || Rest >= Divisor) {
            Rest -= Divisor;
            Quotient |= 1;
        }
    }
    *Remainder = Rest;
    return Quotient;
}

ULONGLONG __udivdi3(ULONGLONG Dividend, ULONGLONG Divisor)
{
    ULONGLONG Rest;

    return __udivmoddi4(Dividend, Divisor, &Rest);
}

ULONGLONG __umoddi3(ULONGLONG Dividend, ULONGLONG Divisor)
{
    ULONGLONG Rest;

    (void)__udivmoddi4(Dividend, Divisor, &Rest);
    return Rest;
}

LONGLONG __divdi3(LONGLONG Dividend, LONGLONG Divisor)
{
    ULONGLONG Rest;
    ULONGLONG Quotient = __udivmoddi4(Dividend < 0 ? 0 - (ULONGLONG)Dividend : (ULONGLONG)Dividend,
                                      Divisor < 0 ? 0 - (ULONGLONG)Divisor : (ULONGLONG)Divisor, &Rest);

    return (LONGLONG)((Dividend < 0) != (Divisor < 0) ? 0 - Quotient : Quotient);
}

LONGLONG __moddi3(LONGLONG Dividend, LONGLONG Divisor)
{
    ULONGLONG Rest;

    (void)__udivmoddi4(Dividend < 0 ? 0 - (ULONGLONG)Dividend : (ULONGLONG)Dividend,
                       Divisor < 0 ? 0 - (ULONGLONG)Divisor : (ULONGLONG)Divisor, &Rest);
    return (LONGLONG)(Dividend < 0 ? 0 - Rest : Rest);
}

#else
typedef int NothingToDivide;
#endif
