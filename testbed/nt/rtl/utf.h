/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 and UTF-16. */
#ifndef TESTBED_NT_RTL_UTF_H
#define TESTBED_NT_RTL_UTF_H

#include <stddef.h>
#include <stdint.h>

/* Returns the UTF-16 units without NUL, writes at most `most` - 1 of them and a NUL (when most > 0). */
size_t utf16_from_utf8(uint16_t *wide, size_t most, const char *text);
/* Same the other way; `units` UTF-16 units are read. Returns the bytes without NUL. */
size_t utf8_from_utf16(char *text, size_t most, const uint16_t *wide, size_t units);
size_t utf16_length(const uint16_t *wide);
uint16_t utf16_upcase(uint16_t unit);

#endif
