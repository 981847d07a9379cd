/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image's code, instruction by instruction: the bytes of a `pause` or of an access to CR8 may as well be a part of a
 * longer instruction. The sweep begins anew at each function that .pdata names, so that data between functions leads it
 * astray no further than to the next.
 */
#include <string.h>

#include "image/image_internal.h"
#include "wire/integers.h"

enum { FUNCTION_BYTES = 12 };

/* What follows an opcode of one byte: '.' nothing, 'm' ModRM, 'b' a byte, 'w' two, 'z' 4 (2 with prefix 66), 'd' 4,
 * 'v' 8 with REX.W or like 'z', 'o' 8, 'e' 3, 'M' ModRM and a byte, 'Z' ModRM and 'z', 'g' and 'G' ModRM and, for TEST,
 * a byte or 'z'. */
static const char one_byte[] = "mmmmbz..mmmmbz..mmmmbz..mmmmbz.."
                               "mmmmbz..mmmmbz..mmmmbz..mmmmbz.."
                               "................................"
                               "...m....zZbM....bbbbbbbbbbbbbbbb"
                               "MZ.Mmmmmmmmmmmmm................"
                               "oooo....bz......bbbbbbbbvvvvvvvv"
                               "MMw.mmMZe.w..b..mmmm....mmmmmmmm"
                               "bbbbbbbbdd.b..........gG......mm";
_Static_assert(sizeof(one_byte) == 257, "one letter for each opcode");

static bool two_byte_has_modrm(uint8_t opcode)
{
    return !((opcode >= 0x05 && opcode <= 0x0b) || opcode == 0x0e || (opcode >= 0x30 && opcode <= 0x37) ||
             opcode == 0x77 || (opcode & 0xf0) == 0x80 || (opcode >= 0xa0 && opcode <= 0xa2) ||
             (opcode >= 0xa8 && opcode <= 0xaa) || (opcode >= 0xc8 && opcode <= 0xcf));
}

static bool two_byte_has_immediate(uint8_t opcode)
{
    return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xa4 || opcode == 0xac || opcode == 0xba || opcode == 0xc2 ||
           (opcode >= 0xc4 && opcode <= 0xc6);
}

/* Bytes of ModRM, SIB and displacement. */
static size_t modrm_size(const uint8_t *at)
{
    const uint8_t mode = at[0] >> 6, memory = at[0] & 7;
    const bool scaled = mode != 3 && memory == 4;
    size_t size = scaled ? 2 : 1;

    if (mode == 1) {
        size += 1;
    } else if (mode == 2 || (mode == 0 && (memory == 5 || (scaled && (at[1] & 7) == 5)))) {
        size += 4;
    }
    return size;
}

static size_t operands_size(const uint8_t *at, char kind, bool short_operand, bool wide)
{
    const size_t z = short_operand ? 2 : 4;

    switch (kind) {
    case 'm':
        return modrm_size(at);
    case 'M':
        return modrm_size(at) + 1;
    case 'Z':
        return modrm_size(at) + z;
    case 'g':
        return modrm_size(at) + ((at[0] >> 3 & 7) < 2 ? 1 : 0);
    case 'G':
        return modrm_size(at) + ((at[0] >> 3 & 7) < 2 ? z : 0);
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'z':
        return z;
    case 'd':
        return 4;
    case 'v':
        return wide ? 8 : z;
    case 'o':
        return 8;
    case 'e':
        return 3;
    default:
        return 0;
    }
}

static bool is_prefix(uint8_t byte)
{
    return byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x2e ||
           byte == 0x36 || byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65;
}

struct decoded {
    size_t size;   /* bytes; at most 15 are looked at */
    size_t modrm;  /* where ModRM is; 0: there is none */
    bool relative; /* a jump or call to a distance */
};

static bool one_byte_has_modrm(char kind)
{
    return kind == 'm' || kind == 'M' || kind == 'Z' || kind == 'g' || kind == 'G';
}

static struct decoded decode_two_bytes(const uint8_t *code, const uint8_t *at)
{
    struct decoded decoded = { 0 };

    if (*at == 0x38 || *at == 0x3a) {
        const bool immediate = *at == 0x3a;

        at += 2;
        decoded.modrm = (size_t)(at - code);
        decoded.size = decoded.modrm + modrm_size(at) + (immediate ? 1 : 0);
        return decoded;
    }
    const uint8_t opcode = *at++;

    decoded.size = (size_t)(at - code);
    if (two_byte_has_modrm(opcode)) {
        decoded.modrm = decoded.size;
        decoded.size += modrm_size(at);
    } else if ((opcode & 0xf0) == 0x80) {
        decoded.relative = true;
        decoded.size += 4;
    }
    decoded.size += two_byte_has_immediate(opcode) ? 1 : 0;
    return decoded;
}

static struct decoded decode(const uint8_t *code)
{
    const uint8_t *at = code;
    bool short_operand = false, wide = false;

    while (at - code < 4 && is_prefix(*at)) {
        short_operand = short_operand || *at == 0x66;
        at++;
    }
    if ((*at & 0xf0) == 0x40) {
        wide = (*at & 8) != 0;
        at++;
    }
    if (*at == 0x0f) {
        return decode_two_bytes(code, at + 1);
    }
    struct decoded decoded = { .relative = (*at & 0xf0) == 0x70 || (*at >= 0xe0 && *at <= 0xe3) || *at == 0xe8 ||
                                           *at == 0xe9 || *at == 0xeb };
    const char kind = one_byte[*at++];

    decoded.modrm = one_byte_has_modrm(kind) ? (size_t)(at - code) : 0;
    decoded.size = (size_t)(at - code) + operands_size(at, kind, short_operand, wide);
    return decoded;
}

size_t image_move_instruction(const uint8_t *code, uint8_t *to)
{
    const struct decoded decoded = decode(code);

    if (decoded.relative) {
        return 0;
    }
    memcpy(to, code, decoded.size);
    if (decoded.modrm != 0 && (code[decoded.modrm] & 0xc7) == 0x05) { /* from RIP on */
        const int64_t distance = (int32_t)get_le32(code + decoded.modrm + 1) + (int64_t)(code - to);

        if (distance != (int32_t)distance) {
            return 0;
        }
        memcpy(to + decoded.modrm + 1, &(int32_t){ (int32_t)distance }, sizeof(int32_t));
    }
    return decoded.size;
}

/* The first function of .pdata that begins behind `offset`; the image's end when there is none. */
static uint32_t next_function(const struct image *image, uint32_t offset, uint32_t *index)
{
    const uint32_t count = image->directories[DIRECTORY_EXCEPTION].size / FUNCTION_BYTES;

    for (; *index < count; ++*index) {
        const uint8_t *entry =
            image_at(image, image->directories[DIRECTORY_EXCEPTION].address + *index * FUNCTION_BYTES, FUNCTION_BYTES);

        if (entry == NULL) {
            break;
        }
        if (get_le32(entry) > offset) {
            return get_le32(entry);
        }
    }
    return image->size;
}

static void sweep(struct image *image, const struct section *section, image_instruction *each, void *context)
{
    const uint32_t end = section->address + section->virtual_size;
    uint32_t at = section->address, index = 0, next = next_function(image, at, &index);

    while (at + 16 <= end) {
        uint8_t *code = image->base + at;

        at += (uint32_t)decode(code).size;
        each(context, code);
        if (at >= next) {
            at = next;
            next = next_function(image, at, &index);
        }
    }
}

void image_each_instruction(struct image *image, image_instruction *each, void *context)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        if ((image->sections[i].characteristics & SECTION_EXECUTE) != 0) {
            sweep(image, &image->sections[i], each, context);
        }
    }
}
