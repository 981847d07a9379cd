/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts without a C runtime: see text.h. No allocation, no locks, any thread.
 */
#include "text.h"

void
TextStart(TEXT *Text, wchar_t *Buffer, size_t Size)
{
    Text->Buffer = Buffer;
    Text->Size = Size;
    Text->Length = 0;
    Text->Cut = 0;
    Buffer[0] = 0;
}

void
TextAdd(TEXT *Text, const wchar_t *More)
{
    for (; *More != 0; More++) {
        if (Text->Length + 1 == Text->Size) {
            Text->Cut = 1;
            break;
        }
        Text->Buffer[Text->Length++] = *More;
    }
    Text->Buffer[Text->Length] = 0;
}

void
TextAddNumber(TEXT *Text, unsigned int Number)
{
    wchar_t Digits[11];
    size_t First = sizeof(Digits) / sizeof(Digits[0]) - 1;

    Digits[First] = 0;
    do {
        Digits[--First] = (wchar_t)(L'0' + Number % 10);
        Number /= 10;
    } while (Number != 0);
    TextAdd(Text, Digits + First);
}

size_t
TextLength(const wchar_t *Text)
{
    size_t Length = 0;

    while (Text[Length] != 0)
        Length++;
    return Length;
}

static wchar_t
Upper(wchar_t Letter)
{
    return Letter >= L'a' && Letter <= L'z' ? (wchar_t)(Letter - L'a' + L'A') : Letter;
}

int
TextIsSame(const wchar_t *One, const wchar_t *Other)
{
    for (; Upper(*One) == Upper(*Other); One++, Other++) {
        if (*One == 0)
            return 1;
    }
    return 0;
}
