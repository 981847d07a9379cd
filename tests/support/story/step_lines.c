/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See step_lines.h. Decoded is what a compiler makes for a kernel driver: prefixes, one or two bytes of opcode, ModRM.
 * An instruction that writes and is not known here would be missed, so those that have a memory operand and are known
 * neither to write nor to read only end the run.
 */
#include "step_lines.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64, MAX_LINES = 1 << 15, STACK = 64 << 10 };

static struct line {
    uintptr_t address; /* 0: free */
    uint32_t processor;
    const uint8_t *place; /* that shares it; NULL: it is not shared */
} lines[MAX_LINES];
static uint64_t stores, written, shared;

/* In the order in which instructions number them. */
static const int registers_by_number[] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                           REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

struct instruction {
    const uint8_t *modrm;
    uint8_t rex, opcode;
    bool two; /* 0F before the opcode */
    bool wide, repeated;
    unsigned immediate; /* bytes behind the operand: what RIP counts from */
};

/* Of one-byte opcodes with a ModRM whose operand is memory: does it write that? -1: it is not known. */
static int writes_one(const struct instruction *i)
{
    const unsigned extension = (*i->modrm >> 3) & 7;

    if (i->opcode < 0x40 && (i->opcode & 7) < 4) {
        return i->opcode < 0x38 && (i->opcode & 7) < 2;
    }
    switch (i->opcode) {
    case 0x63:
    case 0x69:
    case 0x6b:
    case 0x84:
    case 0x85:
    case 0x8a:
    case 0x8b:
    case 0x8d:
        return 0;
    case 0x80:
    case 0x81:
    case 0x83:
        return extension != 7;
    case 0x86:
    case 0x87:
    case 0x88:
    case 0x89:
    case 0xc6:
    case 0xc7:
    case 0x8f:
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return 1;
    case 0xf6:
    case 0xf7:
        return extension == 2 || extension == 3;
    case 0xfe:
    case 0xff:
        return extension < 2;
    default:
        return -1;
    }
}

static int writes_two(const struct instruction *i)
{
    const unsigned extension = (*i->modrm >> 3) & 7;

    if ((i->opcode & 0xf0) == 0x40 || (i->opcode >= 0x51 && i->opcode <= 0x6f) || i->opcode == 0xaf ||
        (i->opcode >= 0xb6 && i->opcode <= 0xb8) || (i->opcode >= 0xbc && i->opcode <= 0xbf) ||
        (i->opcode >= 0x18 && i->opcode <= 0x1f) || i->opcode == 0x0d || i->opcode == 0xa3 || i->opcode == 0x2e ||
        i->opcode == 0x2f) {
        return 0;
    }
    if ((i->opcode & 0xf0) == 0x90) {
        return 1;
    }
    switch (i->opcode) {
    case 0x10:
    case 0x12:
    case 0x14:
    case 0x16:
    case 0x28:
    case 0x2a:
    case 0x2c:
    case 0x2d:
    case 0x70:
    case 0xc6:
        return 0;
    case 0x11:
    case 0x13:
    case 0x17:
    case 0x29:
    case 0x2b:
    case 0x7f:
    case 0xd6:
    case 0xe7:
    case 0xab:
    case 0xb0:
    case 0xb1:
    case 0xb3:
    case 0xbb:
    case 0xc0:
    case 0xc1:
    case 0xc3:
    case 0xc7:
        return 1;
    case 0x7e:
        return !i->repeated;
    case 0xba:
        return extension > 4;
    default:
        return i->opcode >= 0xd0 ? 0 : -1;
    }
}

static bool has_modrm(const struct instruction *i)
{
    if (i->two) {
        return !((i->opcode & 0xf0) == 0x80 || (i->opcode >= 0x05 && i->opcode <= 0x0b) || (i->opcode & 0xf8) == 0xc8 ||
                 (i->opcode >= 0x20 && i->opcode <= 0x23) || (i->opcode >= 0x30 && i->opcode <= 0x37) ||
                 i->opcode == 0xa2 || i->opcode == 0x01);
    }
    return (i->opcode < 0x40 && (i->opcode & 7) < 4) || i->opcode == 0x63 || i->opcode == 0x69 || i->opcode == 0x6b ||
           (i->opcode >= 0x80 && i->opcode <= 0x8f) || i->opcode == 0xc0 || i->opcode == 0xc1 || i->opcode == 0xc6 ||
           i->opcode == 0xc7 || (i->opcode >= 0xd0 && i->opcode <= 0xd3) || i->opcode == 0xf6 || i->opcode == 0xf7 ||
           i->opcode >= 0xfe;
}

static unsigned immediate_of(const struct instruction *i)
{
    const unsigned extension = (*i->modrm >> 3) & 7;

    if (i->two) {
        return i->opcode == 0xba || i->opcode == 0x70 || i->opcode == 0xc6;
    }
    switch (i->opcode) {
    case 0x80:
    case 0x83:
    case 0x6b:
    case 0xc0:
    case 0xc1:
    case 0xc6:
        return 1;
    case 0x69:
    case 0x81:
    case 0xc7:
        return i->wide ? 2 : 4;
    case 0xf6:
        return extension < 2 ? 1 : 0;
    case 0xf7:
        return extension < 2 ? (i->wide ? 2 : 4) : 0;
    default:
        return 0;
    }
}

static struct instruction decode(const uint8_t *code)
{
    struct instruction found = { .rex = 0 };

    for (;; code++) {
        if (*code == 0x66) {
            found.wide = true;
        } else if (*code == 0xf2 || *code == 0xf3) {
            found.repeated = true;
        } else if (*code != 0xf0 && *code != 0x65 && *code != 0x2e) {
            break;
        }
    }
    if ((*code & 0xf0) == 0x40) {
        found.rex = *code++;
    }
    if (*code == 0x0f) {
        found.two = true;
        code++;
    }
    found.opcode = *code++;
    found.modrm = code;
    found.immediate = has_modrm(&found) ? immediate_of(&found) : 0;
    return found;
}

static int32_t read32(const uint8_t *bytes)
{
    int32_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* The address of the operand, which is memory. */
static uintptr_t address_of(const struct instruction *i, const greg_t *registers)
{
    const unsigned mode = *i->modrm >> 6, base_bit = (i->rex & 1u) << 3, index_bit = (i->rex & 2u) << 2;
    unsigned base = *i->modrm & 7u;
    const uint8_t *next = i->modrm + 1;
    uintptr_t address = 0;

    if (base == 4) {
        const uint8_t sib = *next++;
        const unsigned index = ((sib >> 3) & 7u) | index_bit;

        base = sib & 7u;
        if (index != 4) {
            address = (uintptr_t)registers[registers_by_number[index]] << (sib >> 6);
        }
        if (base == 5 && mode == 0) {
            return address + (uintptr_t)(intptr_t)read32(next);
        }
    } else if (base == 5 && mode == 0) {
        return (uintptr_t)next + 4 + i->immediate + (uintptr_t)(intptr_t)read32(next);
    }
    address += (uintptr_t)registers[registers_by_number[base | base_bit]];
    if (mode == 1) {
        address += (uintptr_t)(intptr_t)(int8_t)*next;
    } else if (mode == 2) {
        address += (uintptr_t)(intptr_t)read32(next);
    }
    return address;
}

static void note(uintptr_t address, uint32_t processor, const uint8_t *code)
{
    const uintptr_t line = address / LINE * LINE;
    uint32_t at = (uint32_t)((line / LINE * 0x9e3779b97f4a7c15u) >> 40) % MAX_LINES;

    stores++;
    while (lines[at].address != 0 && lines[at].address != line) {
        at = (at + 1) % MAX_LINES;
    }
    if (lines[at].address == 0) {
        if (++written == MAX_LINES) {
            fprintf(stderr, "too many cache lines\n");
            abort();
        }
        lines[at] = (struct line){ line, processor, NULL };
    } else if (lines[at].processor != processor && lines[at].place == NULL) {
        lines[at].place = code;
        shared++;
    }
}

void step_lines_start(void)
{
    memset(lines, 0, sizeof(lines));
    stores = written = shared = 0;
}

void step_lines_step(const uint8_t *code, const greg_t *registers, uint32_t processor)
{
    const uintptr_t stack = (uintptr_t)registers[REG_RSP];
    const struct instruction i = decode(code);
    uintptr_t address;
    int writes;

    if (!i.two && (i.opcode == 0xaa || i.opcode == 0xab || i.opcode == 0xa4 || i.opcode == 0xa5)) {
        address = (uintptr_t)registers[REG_RDI]; /* its first line: the driver has none that is long */
    } else if (!has_modrm(&i) || *i.modrm >> 6 == 3) {
        return;
    } else {
        writes = i.two ? writes_two(&i) : writes_one(&i);
        if (writes < 0) {
            fprintf(stderr, "step_lines.c does not know %s%02x\n", i.two ? "0f " : "", i.opcode);
            abort();
        }
        if (writes == 0) {
            return;
        }
        address = address_of(&i, registers);
    }
    if (address - stack + STACK / 2 >= STACK) {
        note(address, processor, code);
    }
}

uint64_t step_lines_stores(void)
{
    return stores;
}

uint64_t step_lines_written(void)
{
    return written;
}

uint64_t step_lines_shared(void)
{
    return shared;
}

const uint8_t *step_lines_place(uint64_t number)
{
    for (uint32_t i = 0; i < MAX_LINES; i++) {
        if (lines[i].place != NULL && number-- == 0) {
            return lines[i].place;
        }
    }
    return NULL;
}
