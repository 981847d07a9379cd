/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8, as the testbed has its text, to UTF-16, as Windows has it, and back. What cannot be converted becomes U+FFFD,
 * so that no input makes a name disappear. Any IRQL.
 */
#include "nt/nt.h"
#include "nt/rtl/utf.h"

#define REPLACEMENT 0xfffdu

static uint32_t utf8_next(const uint8_t **at)
{
    const uint8_t *p = *at;
    uint32_t c = *p++;
    uint32_t lowest = 0;
    int more = 0;

    if (c >= 0xf0 && c < 0xf8) {
        c &= 7, more = 3, lowest = 0x10000;
    } else if (c >= 0xe0 && c < 0xf0) {
        c &= 15, more = 2, lowest = 0x800;
    } else if (c >= 0xc0 && c < 0xe0) {
        c &= 31, more = 1, lowest = 0x80;
    } else if (c >= 0x80) {
        c = REPLACEMENT;
    }
    for (; more > 0; more--) {
        if ((*p & 0xc0) != 0x80) {
            *at = p;
            return REPLACEMENT;
        }
        c = c << 6 | (*p++ & 0x3f);
    }
    *at = p;
    return c < lowest || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? REPLACEMENT : c;
}

size_t utf16_from_utf8(uint16_t *wide, size_t most, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t count = 0;

    while (*at != 0) {
        uint32_t c = utf8_next(&at);
        uint16_t units[2] = { (uint16_t)c, 0 };
        unsigned n = 1;

        if (c > 0xffff) {
            units[0] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            units[1] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
            n = 2;
        }
        for (unsigned i = 0; i < n; i++, count++) {
            if (count + 1 < most) {
                wide[count] = units[i];
            }
        }
    }
    if (most > 0) {
        wide[count < most ? count : most - 1] = 0;
    }
    return count;
}

size_t utf8_from_utf16(char *text, size_t most, const uint16_t *wide, size_t units)
{
    size_t count = 0;

    for (size_t i = 0; i < units; i++) {
        uint32_t c = wide[i];
        uint8_t bytes[4];
        unsigned n;

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units && wide[i + 1] >= 0xdc00 && wide[i + 1] < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (wide[++i] - 0xdc00u);
        } else if (c >= 0xd800 && c < 0xe000) {
            c = REPLACEMENT;
        }
        if (c < 0x80) {
            bytes[0] = (uint8_t)c, n = 1;
        } else if (c < 0x800) {
            bytes[0] = (uint8_t)(0xc0 | c >> 6), bytes[1] = (uint8_t)(0x80 | (c & 0x3f)), n = 2;
        } else if (c < 0x10000) {
            bytes[0] = (uint8_t)(0xe0 | c >> 12), bytes[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f)),
            bytes[2] = (uint8_t)(0x80 | (c & 0x3f)), n = 3;
        } else {
            bytes[0] = (uint8_t)(0xf0 | c >> 18), bytes[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
            bytes[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f)), bytes[3] = (uint8_t)(0x80 | (c & 0x3f)), n = 4;
        }
        if (count + n < most) {
            for (unsigned k = 0; k < n; k++) {
                text[count + k] = (char)bytes[k];
            }
        } else if (count < most) {
            most = count + 1; /* cut between characters */
        }
        count += n;
    }
    if (most > 0) {
        text[count < most ? count : most - 1] = 0;
    }
    return count;
}

size_t utf16_length(const uint16_t *wide)
{
    size_t n = 0;

    while (wide[n] != 0) {
        n++;
    }
    return n;
}

/* The letters that occur in device and key names: Latin-1, Greek and Cyrillic; others compare as they are. */
uint16_t utf16_upcase(uint16_t unit)
{
    if ((unit >= 'a' && unit <= 'z') || (unit >= 0xe0 && unit <= 0xfe && unit != 0xf7) ||
        (unit >= 0x3b1 && unit <= 0x3c9 && unit != 0x3c2) || (unit >= 0x430 && unit <= 0x44f)) {
        return (uint16_t)(unit - 0x20);
    }
    if (unit == 0xff) {
        return 0x178;
    }
    return unit >= 0x450 && unit <= 0x45f ? (uint16_t)(unit - 0x50) : unit;
}
