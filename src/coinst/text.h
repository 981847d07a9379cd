/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sentences and registry paths put together piece by piece into a buffer of the caller's. A text that does not fit
 * is cut, is always terminated, and sets Cut then. Plain C: the policy's own tests run it without Windows.
 */
#ifndef COINST_TEXT_H
#define COINST_TEXT_H

#include <stddef.h>

typedef struct _TEXT {
    wchar_t *Buffer;
    size_t Size;   // characters, the terminator included; at least 1
    size_t Length; // characters, the terminator not included
    int Cut;
} TEXT;

void TextStart(TEXT *Text, wchar_t *Buffer, size_t Size);
void TextAdd(TEXT *Text, const wchar_t *More);
void TextAddNumber(TEXT *Text, unsigned int Number);

size_t TextLength(const wchar_t *Text);

// Without regard to the case of ASCII letters: service names, interfaces and device IDs have no others.
int TextIsSame(const wchar_t *One, const wchar_t *Other);

#endif
