/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the Windows loader sets up through the load configuration: the stack protector's cookie, and control flow
 * guard's two pointers, through which guarded code checks the target of every indirect call.
 *
 * A target inside an image must be in its table of call targets; one outside must be code of the testbed or a
 * trampoline (rule "cfg"). The table is kept as a bitmap, so that a check is a few instructions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "image/image_internal.h"
#include "wire/integers.h"
#include "run/sched.h"

#ifdef __x86_64__
/* IMAGE_LOAD_CONFIG_DIRECTORY64. */
enum {
    CONFIG_COOKIE = 88,
    CONFIG_CHECK = 112,
    CONFIG_DISPATCH = 120,
    CONFIG_TABLE = 128,
    CONFIG_COUNT = 136,
    CONFIG_FLAGS = 144,
    CONFIG_XFG_CHECK = 280,
    CONFIG_XFG_DISPATCH = 288,
    CONFIG_XFG_TABLE_DISPATCH = 296
};
#define COOKIE_BITS 48
#else
/* IMAGE_LOAD_CONFIG_DIRECTORY32. Code for x86 checks, and calls by itself: there is no dispatch. */
enum { CONFIG_COOKIE = 60, CONFIG_CHECK = 72, CONFIG_TABLE = 80, CONFIG_COUNT = 84, CONFIG_FLAGS = 88 };
#define COOKIE_BITS 32
#endif
enum { GUARD_INSTRUMENTED = 0x100, GUARD_TABLE_PRESENT = 0x400, GUARD_STRIDE_SHIFT = 28, ENTRY_SUPPRESSED = 1 };

extern const uint8_t __executable_start[], etext[];

void guard_check(void);
void guard_dispatch(void);

#ifdef __x86_64__
/* The check gets its target in rcx and keeps every register that may hold an argument; the dispatch gets it in rax and
 * jumps there. */
__asm__(".text\n"
        "guard_keep_and_check:\n" /* target in rax; keeps all but flags */
        "    pushq %rbp\n"
        "    movq %rsp, %rbp\n"
        "    subq $0xb0, %rsp\n"
        "    andq $-16, %rsp\n"
        "    movq %rax, 0x20(%rsp)\n"
        "    movq %rcx, 0x28(%rsp)\n"
        "    movq %rdx, 0x30(%rsp)\n"
        "    movq %r8, 0x38(%rsp)\n"
        "    movq %r9, 0x40(%rsp)\n"
        "    movq %r10, 0x48(%rsp)\n"
        "    movq %r11, 0x50(%rsp)\n"
        "    movups %xmm0, 0x60(%rsp)\n"
        "    movups %xmm1, 0x70(%rsp)\n"
        "    movups %xmm2, 0x80(%rsp)\n"
        "    movups %xmm3, 0x90(%rsp)\n"
        "    movq %rax, %rcx\n"
        "    callq guard_check_target\n"
        "    movq 0x20(%rsp), %rax\n"
        "    movq 0x28(%rsp), %rcx\n"
        "    movq 0x30(%rsp), %rdx\n"
        "    movq 0x38(%rsp), %r8\n"
        "    movq 0x40(%rsp), %r9\n"
        "    movq 0x48(%rsp), %r10\n"
        "    movq 0x50(%rsp), %r11\n"
        "    movups 0x60(%rsp), %xmm0\n"
        "    movups 0x70(%rsp), %xmm1\n"
        "    movups 0x80(%rsp), %xmm2\n"
        "    movups 0x90(%rsp), %xmm3\n"
        "    movq %rbp, %rsp\n"
        "    popq %rbp\n"
        "    ret\n"
        ".globl guard_check\n"
        "guard_check:\n"
        "    pushq %rbp\n"
        "    movq %rsp, %rbp\n"
        "    xchgq %rax, %rcx\n"
        "    callq guard_keep_and_check\n"
        "    xchgq %rax, %rcx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".globl guard_dispatch\n"
        "guard_dispatch:\n"
        "    pushq %rbp\n"
        "    movq %rsp, %rbp\n"
        "    callq guard_keep_and_check\n"
        "    popq %rbp\n"
        "    jmpq *%rax\n");
#else
/* The target is in ecx, and every register is kept. */
__asm__(".text\n"
        ".globl guard_check\n"
        "guard_check:\n"
        "    pushl %ebp\n"
        "    movl %esp, %ebp\n"
        "    pushal\n"
        "    pushl %ecx\n"
        "    calll guard_check_target\n" /* stdcall: it takes its argument away */
        "    popal\n"
        "    popl %ebp\n"
        "    retl\n");
#endif

const struct image_hooks *image_hooks_given;

void image_hooks_set(const struct image_hooks *given)
{
    image_hooks_given = given;
}

MS_ABI __attribute__((used)) void guard_check_target(const void *target)
{
    const struct image *image = image_find(target);
    if (image == NULL) {
        if (((const uint8_t *)target >= __executable_start && (const uint8_t *)target < etext) ||
            image_hooks_given->may_call(target)) {
            return;
        }
        image_hooks_given->broken("cfg", "indirect call to %p, which is no code that the driver may call", target);
    }
    const uintptr_t offset = image_offset(image, target);
    if (image->call_targets != NULL && (image->call_targets[offset / 8] >> (offset % 8) & 1) == 0) {
        char text[256];
        image_describe(target, text, sizeof(text));
        image_hooks_given->broken("cfg", "indirect call to %s, which is not in the image's table of call targets",
                                  text);
    }
}

/* The field of the load configuration as an offset in the image; 0: absent. Its value is an address after relocation.
 */
static uintptr_t config_offset(const struct image *image, const uint8_t *config, uint32_t config_size, uint32_t field)
{
    const uintptr_t address = field + sizeof(uintptr_t) <= config_size ? get_address(config + field) : 0;
    return address == 0 ? 0 : address - (uintptr_t)image->base;
}

static bool set_pointer(struct image *image, const uint8_t *config, uint32_t config_size, uint32_t field,
                        void (*function)(void))
{
    const uint64_t offset = config_offset(image, config, config_size, field);
    uint8_t *slot = offset == 0 ? NULL : image_at(image, offset, sizeof(uintptr_t));
    if (slot != NULL) {
        put_address(slot, (uintptr_t)function);
    }
    return offset == 0 || slot != NULL;
}

static bool read_targets(struct image *image, uint64_t table, uint64_t count, uint32_t stride)
{
    if (count > image->size || image_at(image, table, count * stride) == NULL) {
        return false;
    }
    image->call_targets = calloc(image->size / 8 + 1, 1);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *entry = image_at(image, table + i * stride, stride);
        const uint32_t offset = get_le32(entry);
        const bool suppressed = stride > 4 && (entry[4] & ENTRY_SUPPRESSED) != 0;
        if (offset >= image->size) {
            return false;
        }
        if (!suppressed) {
            image->call_targets[offset / 8] |= (uint8_t)(1u << (offset % 8));
        }
    }
    return true;
}

bool image_guard(struct image *image, char *error, size_t size)
{
    const uint32_t at = image->directories[DIRECTORY_LOAD_CONFIG].address;
    if (at == 0) {
        return true;
    }
    const uint8_t *config = image_at(image, at, 4);
    const uint32_t config_size = config != NULL ? get_le32(config) : 0;
    bool fine = config != NULL && image_at(image, at, config_size) != NULL;
    const uint64_t cookie = fine ? config_offset(image, config, config_size, CONFIG_COOKIE) : 0;
    if (fine && cookie != 0) {
        uint8_t *slot = image_at(image, cookie, sizeof(uintptr_t));
        fine = slot != NULL;
        if (fine) { /* not the value that means "never set" */
            put_address(slot, (uintptr_t)((sched_random(1ull << (COOKIE_BITS - 1)) | 1ull << (COOKIE_BITS - 2)) + 1));
        }
    }
    const uint32_t flags = fine && CONFIG_FLAGS + 4 <= config_size ? get_le32(config + CONFIG_FLAGS) : 0;
    if (fine && (flags & GUARD_INSTRUMENTED)) {
        fine = set_pointer(image, config, config_size, CONFIG_CHECK, guard_check);
#ifdef __x86_64__
        fine = fine && set_pointer(image, config, config_size, CONFIG_DISPATCH, guard_dispatch) &&
               set_pointer(image, config, config_size, CONFIG_XFG_CHECK, guard_check) &&
               set_pointer(image, config, config_size, CONFIG_XFG_DISPATCH, guard_dispatch) &&
               set_pointer(image, config, config_size, CONFIG_XFG_TABLE_DISPATCH, guard_dispatch);
#endif
        if (fine && (flags & GUARD_TABLE_PRESENT)) {
            fine = read_targets(image, config_offset(image, config, config_size, CONFIG_TABLE),
                                get_address(config + CONFIG_COUNT), 4 + (flags >> GUARD_STRIDE_SHIFT));
        }
    }
    if (!fine) {
        snprintf(error, size, "%s is damaged: its load configuration points outside the image: build or copy it again",
                 image->path);
    }
    return fine;
}
