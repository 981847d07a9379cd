/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which cache lines the driver writes, by the instructions that story_step.c sees: those whose operand is memory, its
 * own stack left out. What calls out write is not the driver's. Called from the signal handler alone, but for the
 * figures.
 */
#ifndef TESTS_STEP_LINES_H
#define TESTS_STEP_LINES_H

#include <stdint.h>
#include <ucontext.h>

void step_lines_start(void);
/* The instruction at `code` is about to run with these registers, on this simulated processor. */
void step_lines_step(const uint8_t *code, const greg_t *registers, uint32_t processor);

uint64_t step_lines_stores(void);  /* stores to memory that is no stack */
uint64_t step_lines_written(void); /* distinct lines of 64 bytes */
uint64_t step_lines_shared(void);  /* of those, written on two processors at least */
/* Of the shared ones, the instruction that wrote it on the second processor; NULL: there are fewer. */
const uint8_t *step_lines_place(uint64_t number);

#endif
