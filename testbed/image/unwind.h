/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking a stack that alternates between driver code (.pdata; frame pointers on x86) and the testbed's own (frame
 * pointers). */
#ifndef TESTBED_IMAGE_UNWIND_H
#define TESTBED_IMAGE_UNWIND_H

#include <stddef.h>
#include <stdint.h>

struct unwind_state {
    uintptr_t rip;
    uintptr_t registers[16]; /* rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 ... r15, as x64 encodes them; x86: eight */
};
enum { UNWIND_RSP = 4, UNWIND_RBP = 5 };

/* Addresses inside images from this state outwards, the state's own rip first if it is in one. Reads memory carefully.
 */
size_t unwind_driver_frames(const struct unwind_state *state, void **addresses, size_t most);
/* The testbed's own frames as well. */
size_t unwind_all_frames(const struct unwind_state *state, void **addresses, size_t most);

#endif
