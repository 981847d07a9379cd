/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Windows kernel's printf dialect, for _snprintf and its family and for DbgPrint. One engine writes 16-bit units; a narrow
 * result takes their low bytes, with wide strings put in as UTF-8. Any IRQL; the callers know more. Conversions that the
 * kernel does not have (floating point, %n) end the run.
 */
#include "nt/string_format.h"

#include <string.h>

#include "nt/internal.h"

enum argument_size { SIZE_INT, SIZE_SHORT, SIZE_LONG, SIZE_WIDE, SIZE_64, SIZE_POINTER };

struct engine {
    char *narrow;
    uint16_t *wide;
    size_t most, length;
    bool is_wide, has_unicode;
};

struct field {
    bool left, plus, space, alternate, zero;
    int width, precision; /* precision -1: none */
    enum argument_size size;
};

static void put(struct engine *engine, uint16_t unit)
{
    if (engine->length < engine->most) {
        if (engine->is_wide) {
            engine->wide[engine->length] = unit;
        } else {
            engine->narrow[engine->length] = (char)unit;
        }
    }
    engine->length++;
}

static void fill(struct engine *engine, uint16_t unit, int count)
{
    for (; count > 0; count--) {
        put(engine, unit);
    }
}

static void put_number(struct engine *engine, const struct field *field, uint64_t value, bool negative, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    int count = 0, zeros, signs = negative || field->plus || field->space;
    int prefix = field->alternate && value != 0 ? (base == 16 ? 2 : base == 8 ? 1 : 0) : 0;

    for (; value != 0 || (count == 0 && field->precision != 0); value /= base) {
        text[count++] = digits[value % base];
    }
    zeros = field->precision > count ? field->precision - count : 0;
    if (field->zero && !field->left && field->precision < 0 && field->width > count + signs + prefix) {
        zeros = field->width - count - signs - prefix;
    }
    if (!field->left) {
        fill(engine, ' ', field->width - zeros - count - signs - prefix);
    }
    if (signs != 0) {
        put(engine, negative ? '-' : field->plus ? '+' : ' ');
    }
    if (prefix != 0) {
        put(engine, '0');
    }
    if (prefix == 2) {
        put(engine, upper ? 'X' : 'x');
    }
    fill(engine, '0', zeros);
    for (int i = count; i > 0; i--) {
        put(engine, (uint16_t)(uint8_t)text[i - 1]);
    }
    if (field->left) {
        fill(engine, ' ', field->width - zeros - count - signs - prefix);
    }
}

/* `length` units or bytes; SIZE_MAX: up to the NUL. The precision limits what is read. */
static void put_text(struct engine *engine, const struct field *field, const void *text, bool text_wide, size_t length)
{
    const uint16_t *wide = text;
    const char *narrow = text;
    char bytes[8];
    size_t most = field->precision >= 0 ? (size_t)field->precision : SIZE_MAX, count = 0;

    if (text == NULL) {
        narrow = "(null)";
        text_wide = false;
        length = SIZE_MAX;
    }
    engine->has_unicode |= text_wide;
    while (count < most && count < length && (length != SIZE_MAX || (text_wide ? wide[count] != 0 : narrow[count] != 0))) {
        count++;
    }
    if (!field->left) {
        fill(engine, ' ', field->width - (int)count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!text_wide) {
            put(engine, (uint8_t)narrow[i]);
        } else if (engine->is_wide) {
            put(engine, wide[i]);
        } else {
            size_t units = wide[i] >= 0xd800 && wide[i] < 0xdc00 && i + 1 < count ? 2 : 1;
            size_t n = utf8_from_utf16(bytes, sizeof(bytes), wide + i, units);

            for (size_t k = 0; k < n; k++) {
                put(engine, (uint8_t)bytes[k]);
            }
            i += units - 1;
        }
    }
    if (field->left) {
        fill(engine, ' ', field->width - (int)count);
    }
}

static void put_string_record(struct engine *engine, const struct field *field, const struct UNICODE_STRING *string, bool wide)
{
    if (string == NULL || string->Buffer == NULL) {
        put_text(engine, field, NULL, false, SIZE_MAX);
    } else {
        put_text(engine, field, string->Buffer, wide, wide ? string->Length / 2u : string->Length);
    }
}

static struct formatted run(struct engine *engine, const void *format, __builtin_ms_va_list arguments)
{
    const char *narrow = format;
    const uint16_t *wide = format;
    size_t at = 0;
#define UNIT(i) (engine->is_wide ? wide[i] : (uint16_t)(uint8_t)narrow[i])

    for (; UNIT(at) != 0; at++) {
        struct field field = { .precision = -1 };
        uint16_t c;

        if (UNIT(at) != '%') {
            put(engine, UNIT(at));
            continue;
        }
        for (at++;; at++) {
            c = UNIT(at);
            if (c == '-') {
                field.left = true;
            } else if (c == '+') {
                field.plus = true;
            } else if (c == ' ') {
                field.space = true;
            } else if (c == '#') {
                field.alternate = true;
            } else if (c == '0') {
                field.zero = true;
            } else {
                break;
            }
        }
        if (c == '*') {
            field.width = __builtin_va_arg(arguments, int);
            if (field.width < 0) {
                field.left = true;
                field.width = -field.width;
            }
            c = UNIT(++at);
        }
        for (; c >= '0' && c <= '9'; c = UNIT(++at)) {
            field.width = field.width * 10 + (c - '0');
        }
        if (c == '.') {
            field.precision = 0;
            c = UNIT(++at);
            if (c == '*') {
                field.precision = __builtin_va_arg(arguments, int);
                c = UNIT(++at);
            }
            for (; c >= '0' && c <= '9'; c = UNIT(++at)) {
                field.precision = field.precision * 10 + (c - '0');
            }
        }
        for (;; c = UNIT(++at)) {
            if (c == 'h') {
                field.size = SIZE_SHORT;
            } else if (c == 'l') {
                field.size = field.size == SIZE_LONG ? SIZE_64 : SIZE_LONG;
            } else if (c == 'w') {
                field.size = SIZE_WIDE;
            } else if (c == 'I' && UNIT(at + 1) == '6' && UNIT(at + 2) == '4') {
                field.size = SIZE_64;
                at += 2;
            } else if (c == 'I' && UNIT(at + 1) == '3' && UNIT(at + 2) == '2') {
                field.size = SIZE_INT;
                at += 2;
            } else if (c == 'I' || c == 'z' || c == 't') {
                field.size = SIZE_POINTER;
            } else {
                break;
            }
        }
        switch (c) {
        case '%':
            put(engine, '%');
            break;
        case 'd':
        case 'i': {
            int64_t value = field.size == SIZE_64 || field.size == SIZE_POINTER ? __builtin_va_arg(arguments, int64_t) : __builtin_va_arg(arguments, int32_t);

            value = field.size == SIZE_SHORT ? (int16_t)value : value;
            put_number(engine, &field, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10, false);
            break;
        }
        case 'u':
        case 'x':
        case 'X':
        case 'o': {
            uint64_t value = field.size == SIZE_64 || field.size == SIZE_POINTER ? __builtin_va_arg(arguments, uint64_t) : __builtin_va_arg(arguments, uint32_t);

            value = field.size == SIZE_SHORT ? (uint16_t)value : value;
            field.plus = field.space = false;
            put_number(engine, &field, value, false, c == 'u' ? 10 : c == 'o' ? 8 : 16, c == 'X');
            break;
        }
        case 'p':
            field.precision = 16;
            field.plus = field.space = field.alternate = false;
            put_number(engine, &field, (uint64_t)__builtin_va_arg(arguments, void *), false, 16, true);
            break;
        case 'c':
        case 'C': {
            uint16_t unit = (uint16_t)__builtin_va_arg(arguments, int);
            bool is_wide = field.size == SIZE_SHORT ? false : field.size != SIZE_INT || (c == 'C') != engine->is_wide;

            engine->has_unicode |= is_wide;
            if (!is_wide) {
                unit &= 0xff;
            }
            field.precision = 1;
            put_text(engine, &field, &unit, is_wide, 1);
            break;
        }
        case 's':
        case 'S': {
            const void *text = __builtin_va_arg(arguments, void *);
            bool is_wide = field.size == SIZE_SHORT ? false : field.size != SIZE_INT || (c == 'S') != engine->is_wide;

            put_text(engine, &field, text, is_wide, SIZE_MAX);
            break;
        }
        case 'Z':
            put_string_record(engine, &field, __builtin_va_arg(arguments, const struct UNICODE_STRING *), field.size == SIZE_WIDE || field.size == SIZE_LONG);
            break;
        default:
            rule_break("unsupported", "printf conversion %%%c, which the kernel does not have", c < 0x80 ? (char)c : '?');
        }
    }
#undef UNIT
    return (struct formatted){ engine->length, engine->has_unicode };
}

struct formatted format_narrow(char *out, size_t most, const char *format, __builtin_ms_va_list arguments)
{
    struct engine engine = { .narrow = out, .most = most };

    return run(&engine, format, arguments);
}

struct formatted format_wide(uint16_t *out, size_t most, const uint16_t *format, __builtin_ms_va_list arguments)
{
    struct engine engine = { .wide = out, .most = most, .is_wide = true };

    return run(&engine, format, arguments);
}
