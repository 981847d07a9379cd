/* SPDX-License-Identifier: BSD-2-Clause */
/* By which calls the driver came to each instruction that story_step.c counts: a shadow of its stack, kept by what
 * calls and returns do to the stack pointer. For flame graphs (bench.py --flame). Called from the signal handler alone.
 */
#ifndef TESTS_STEP_PATH_H
#define TESTS_STEP_PATH_H

#include <stdint.h>

void step_path_start(void);
/* An instruction of the driver is about to run. `offset`: in the image; `entered`: the one before was outside. */
void step_path_step(uint64_t rsp, uint32_t offset, const uint8_t *code, int entered);
/* Appends to the file that XENNET_PATHS names: "# TITLE", then "CALL,CALL,... ADDRESS COUNT" in offsets. */
void step_path_write(const char *title);

#endif
