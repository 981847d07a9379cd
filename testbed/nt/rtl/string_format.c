/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Windows kernel's printf dialect, for _snprintf and its family and for DbgPrint. One engine writes 16-bit units; a
 * narrow result takes their low bytes, with wide strings put in as UTF-8. Any IRQL; the callers know more. Conversions
 * that the kernel does not have (floating point, %n) end the run.
 */
#include "nt/rtl/string_format.h"

#include <string.h>

#include "nt/nt.h"
#include "nt/rtl/utf.h"

enum argument_size { SIZE_INT, SIZE_SHORT, SIZE_LONG, SIZE_WIDE, SIZE_64, SIZE_POINTER };

struct engine {
    const void *format;
    size_t at;
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

static void put_number(struct engine *engine, const struct field *field, uint64_t value, bool negative, unsigned base,
                       bool upper)
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
    while (count < most && count < length &&
           (length != SIZE_MAX || (text_wide ? wide[count] != 0 : narrow[count] != 0))) {
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

static void put_string_record(struct engine *engine, const struct field *field, const struct UNICODE_STRING *string,
                              bool wide)
{
    if (string == NULL || string->Buffer == NULL) {
        put_text(engine, field, NULL, false, SIZE_MAX);
    } else {
        put_text(engine, field, string->Buffer, wide, wide ? string->Length / 2u : string->Length);
    }
}

static uint16_t unit_at(const struct engine *engine, size_t at)
{
    return engine->is_wide ? ((const uint16_t *)engine->format)[at] : (uint8_t)((const char *)engine->format)[at];
}

/* Digits or a star. */
static int take_count(struct engine *engine, ms_va_list *arguments)
{
    int count = 0;

    if (unit_at(engine, engine->at) == '*') {
        engine->at++;
        return __builtin_va_arg(*arguments, int);
    }
    for (; unit_at(engine, engine->at) >= '0' && unit_at(engine, engine->at) <= '9'; engine->at++) {
        count = count * 10 + (unit_at(engine, engine->at) - '0');
    }
    return count;
}

static bool take_flag(struct field *field, uint16_t unit)
{
    switch (unit) {
    case '-':
        return field->left = true;
    case '+':
        return field->plus = true;
    case ' ':
        return field->space = true;
    case '#':
        return field->alternate = true;
    case '0':
        return field->zero = true;
    default:
        return false;
    }
}

static bool take_size(struct engine *engine, struct field *field)
{
    uint16_t unit = unit_at(engine, engine->at);

    if (unit == 'h') {
        field->size = SIZE_SHORT;
    } else if (unit == 'l') {
        field->size = field->size == SIZE_LONG ? SIZE_64 : SIZE_LONG;
    } else if (unit == 'w') {
        field->size = SIZE_WIDE;
    } else if (unit == 'I' && unit_at(engine, engine->at + 1) == '6' && unit_at(engine, engine->at + 2) == '4') {
        field->size = SIZE_64;
        engine->at += 2;
    } else if (unit == 'I' && unit_at(engine, engine->at + 1) == '3' && unit_at(engine, engine->at + 2) == '2') {
        field->size = SIZE_INT;
        engine->at += 2;
    } else if (unit == 'I' || unit == 'z' || unit == 't') {
        field->size = SIZE_POINTER;
    } else {
        return false;
    }
    engine->at++;
    return true;
}

/* From behind the percent sign up to the conversion character. */
static void take_field(struct engine *engine, struct field *field, ms_va_list *arguments)
{
    while (take_flag(field, unit_at(engine, engine->at))) {
        engine->at++;
    }
    field->width = take_count(engine, arguments);
    if (field->width < 0) {
        field->left = true;
        field->width = -field->width;
    }
    if (unit_at(engine, engine->at) == '.') {
        engine->at++;
        field->precision = take_count(engine, arguments);
    }
    while (take_size(engine, field)) {
    }
}

static void convert_number(struct engine *engine, struct field *field, uint16_t conversion, ms_va_list *arguments)
{
    bool is_64 = field->size == SIZE_64 || field->size == SIZE_POINTER;
    unsigned base = conversion == 'o' ? 8 : conversion == 'x' || conversion == 'X' ? 16 : 10;

    if (conversion == 'd' || conversion == 'i') {
        int64_t value = is_64 ? __builtin_va_arg(*arguments, int64_t) : __builtin_va_arg(*arguments, int32_t);

        value = field->size == SIZE_SHORT ? (int16_t)value : value;
        put_number(engine, field, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10, false);
    } else {
        uint64_t value = is_64 ? __builtin_va_arg(*arguments, uint64_t) : __builtin_va_arg(*arguments, uint32_t);

        value = field->size == SIZE_SHORT ? (uint16_t)value : value;
        field->plus = field->space = false;
        put_number(engine, field, value, false, base, conversion == 'X');
    }
}

/* %s and %c take text as wide as the format, %S and %C the other; h, l and w say it outright. */
static bool text_is_wide(const struct engine *engine, const struct field *field, bool other)
{
    return field->size == SIZE_SHORT ? false : field->size != SIZE_INT || other != engine->is_wide;
}

static void convert(struct engine *engine, struct field *field, uint16_t conversion, ms_va_list *arguments)
{
    uint16_t unit;

    switch (conversion) {
    case '%':
        put(engine, '%');
        return;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        convert_number(engine, field, conversion, arguments);
        return;
    case 'p':
        field->precision = 16;
        field->plus = field->space = field->alternate = false;
        put_number(engine, field, (uint64_t) __builtin_va_arg(*arguments, void *), false, 16, true);
        return;
    case 'c':
    case 'C':
        unit = (uint16_t) __builtin_va_arg(*arguments, int);
        field->precision = 1;
        put_text(engine, field, &unit, text_is_wide(engine, field, conversion == 'C'), 1);
        return;
    case 's':
    case 'S':
        put_text(engine, field, __builtin_va_arg(*arguments, void *), text_is_wide(engine, field, conversion == 'S'),
                 SIZE_MAX);
        return;
    case 'Z':
        put_string_record(engine, field, __builtin_va_arg(*arguments, const struct UNICODE_STRING *),
                          field->size == SIZE_WIDE || field->size == SIZE_LONG);
        return;
    default:
        rule_break("unsupported", "printf conversion %%%c, which the kernel does not have",
                   conversion < 0x80 ? (char)conversion : '?');
    }
}

static struct formatted run(struct engine *engine, ms_va_list arguments)
{
    ms_va_list taken;

    ms_va_copy(taken, arguments);
    for (; unit_at(engine, engine->at) != 0; engine->at++) {
        struct field field = { .precision = -1 };

        if (unit_at(engine, engine->at) != '%') {
            put(engine, unit_at(engine, engine->at));
            continue;
        }
        engine->at++;
        take_field(engine, &field, &taken);
        convert(engine, &field, unit_at(engine, engine->at), &taken);
    }
    ms_va_end(taken);
    return (struct formatted){ engine->length, engine->has_unicode };
}

struct formatted format_narrow(char *out, size_t most, const char *format, ms_va_list arguments)
{
    struct engine engine = { .format = format, .narrow = out, .most = most };

    return run(&engine, arguments);
}

struct formatted format_wide(uint16_t *out, size_t most, const uint16_t *format, ms_va_list arguments)
{
    struct engine engine = { .format = format, .wide = out, .most = most, .is_wide = true };

    return run(&engine, arguments);
}
