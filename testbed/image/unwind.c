/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack walk. Inside an image the x64 unwind data of the function (UNWIND_INFO, "x64 exception handling" in
 * Microsoft's documentation) describes where the caller's registers are; outside it the testbed's own code keeps frame
 * pointers, and trampolines leave no frame. A fault inside a prologue is told apart by the code offsets, one inside an
 * epilogue is not. On x86 the driver keeps frame pointers as well, as the kernel's own stack walk wants it.
 *
 * Stacks may be damaged when this runs: memory is read by process_vm_readv, which fails instead of faulting.
 */
#include "image/unwind.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "image/image_internal.h"
#include "wire/integers.h"

#define MAX_STEPS 256
#define MAX_CHAIN 8

static bool fetch(uintptr_t address, uintptr_t *value)
{
    struct iovec to = { value, sizeof(*value) }, from = { (void *)address, sizeof(*value) };
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof(*value);
}

static bool leave_host_function(struct unwind_state *state)
{
    const uintptr_t frame = state->registers[UNWIND_RBP];
    uintptr_t caller;
    if (frame % sizeof(frame) != 0 || frame < state->registers[UNWIND_RSP] || !fetch(frame, &caller) ||
        !fetch(frame + sizeof(frame), &state->rip)) {
        return false;
    }
    state->registers[UNWIND_RBP] = caller;
    state->registers[UNWIND_RSP] = frame + 2 * sizeof(frame);
    return true;
}

#ifdef __x86_64__

enum {
    PUSH_NONVOL,
    ALLOC_LARGE,
    ALLOC_SMALL,
    SET_FPREG,
    SAVE_NONVOL,
    SAVE_NONVOL_FAR,
    EPILOG,
    SPARE,
    SAVE_XMM128,
    SAVE_XMM128_FAR,
    PUSH_MACHFRAME
};
enum { FLAG_CHAINED = 4 };

static const uint8_t *find_function(const struct image *image, uint32_t offset)
{
    const uint32_t count = image->directories[DIRECTORY_EXCEPTION].size / 12;
    const uint8_t *table =
        image_readable_at(image, image->directories[DIRECTORY_EXCEPTION].address, (size_t)count * 12);
    uint32_t low = 0, high = table != NULL ? count : 0;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const uint8_t *entry = table + (size_t)middle * 12;
        if (offset < get_le32(entry)) {
            high = middle;
        } else if (offset >= get_le32(entry + 4)) {
            low = middle + 1;
        } else {
            return entry;
        }
    }
    return NULL;
}

static uint32_t slots_of(unsigned operation, unsigned info)
{
    switch (operation) {
    case ALLOC_LARGE:
        return info == 0 ? 2 : 3;
    case SAVE_NONVOL:
    case SAVE_XMM128:
    case EPILOG:
        return 2;
    case SAVE_NONVOL_FAR:
    case SAVE_XMM128_FAR:
    case SPARE:
        return 3;
    default:
        return 1;
    }
}

/* Undoes one unwind code. `base` is where register saves count from. */
static bool undo(struct unwind_state *state, unsigned operation, unsigned info, const uint8_t *slot, uintptr_t base)
{
    uintptr_t *rsp = &state->registers[UNWIND_RSP];
    switch (operation) {
    case PUSH_NONVOL:
        if (!fetch(*rsp, &state->registers[info])) {
            return false;
        }
        *rsp += 8;
        return true;
    case ALLOC_LARGE:
        *rsp += info == 0 ? get_le16(slot + 2) * 8ull : get_le32(slot + 2);
        return true;
    case ALLOC_SMALL:
        *rsp += info * 8ull + 8;
        return true;
    case SET_FPREG:
        *rsp = base;
        return true;
    case SAVE_NONVOL:
        return fetch(base + get_le16(slot + 2) * 8ull, &state->registers[info]);
    case SAVE_NONVOL_FAR:
        return fetch(base + get_le32(slot + 2), &state->registers[info]);
    case PUSH_MACHFRAME:
        return false;
    default: /* xmm saves and epilogue descriptions change nothing we follow */
        return true;
    }
}

static bool undo_prologue(struct unwind_state *state, const struct image *image, const uint8_t *function,
                          uint32_t offset)
{
    for (int chain = 0; chain < MAX_CHAIN; chain++) {
        const uint32_t into = offset - get_le32(function);
        const uint8_t *info = image_readable_at(image, get_le32(function + 8), 4);
        if (info == NULL) {
            return false;
        }
        const unsigned flags = info[0] >> 3, count = info[2], frame_register = info[3] & 15,
                       frame_offset = info[3] >> 4;
        const uint8_t *codes =
            image_readable_at(image, get_le32(function + 8) + 4ull, (((size_t)count + 1) & ~(size_t)1) * 2 + 12);
        if (codes == NULL) {
            return false;
        }
        const uintptr_t base = frame_register != 0 ? state->registers[frame_register] - frame_offset * 16ull
                                                   : state->registers[UNWIND_RSP];
        for (unsigned i = 0; i < count;) {
            const uint8_t *slot = codes + i * 2;
            const unsigned operation = slot[1] & 15, argument = slot[1] >> 4;
            if ((chain > 0 || into >= slot[0]) && !undo(state, operation, argument, slot, base)) {
                return false;
            }
            i += slots_of(operation, argument);
        }
        if ((flags & FLAG_CHAINED) == 0) {
            return true;
        }
        function = codes + (((size_t)count + 1) & ~(size_t)1) * 2;
    }
    return false;
}

/* A return address may lie behind its function's end, when the call does not return: the call itself is looked up. */
static bool leave_driver_function(struct unwind_state *state, const struct image *image, bool returned_to)
{
    const uint32_t offset = (uint32_t)image_offset(image, (void *)state->rip) - returned_to;
    const uint8_t *function = find_function(image, offset);
    if (function != NULL && !undo_prologue(state, image, function, offset)) {
        return false;
    }
    if (!fetch(state->registers[UNWIND_RSP], &state->rip)) {
        return false;
    }
    state->registers[UNWIND_RSP] += 8;
    return true;
}

#else

static bool leave_driver_function(struct unwind_state *state, const struct image *image, bool returned_to)
{
    (void)image;
    (void)returned_to;
    return leave_host_function(state);
}

#endif

static size_t unwind(const struct unwind_state *from, void **addresses, size_t most, bool all)
{
    struct unwind_state state = *from;
    size_t count = 0;
    for (int step = 0; step < MAX_STEPS && count < most && state.rip != 0; step++) {
        const struct image *image = image_find((void *)state.rip);
        if (image != NULL || all) {
            addresses[count++] = (void *)state.rip;
        }
        if (!(image != NULL ? leave_driver_function(&state, image, step > 0) : leave_host_function(&state))) {
            break;
        }
    }
    return count;
}

size_t unwind_driver_frames(const struct unwind_state *state, void **addresses, size_t most)
{
    return unwind(state, addresses, most, false);
}

size_t unwind_all_frames(const struct unwind_state *state, void **addresses, size_t most)
{
    return unwind(state, addresses, most, true);
}

static struct unwind_state from_here(void *frame)
{
    struct unwind_state state = { .rip = (uintptr_t)&image_backtrace };
    state.registers[UNWIND_RBP] = (uintptr_t)frame;
    state.registers[UNWIND_RSP] = (uintptr_t)frame;
    return state;
}

size_t image_backtrace(void **addresses, size_t most)
{
    struct unwind_state state = from_here(__builtin_frame_address(0));
    return unwind_driver_frames(&state, addresses, most);
}

size_t image_backtrace_all(void **addresses, size_t most)
{
    struct unwind_state state = from_here(__builtin_frame_address(0));
    return unwind_all_frames(&state, addresses, most);
}
