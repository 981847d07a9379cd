/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts what the driver executes: between step_start and step_stop the processor stops after each instruction (trap
 * flag), and those that lie in the driver's image are counted, and the exports that it calls by name; step_lines.h has
 * the cache lines that they write. Exact, and the same for the same seed. Simulated runs only: one host thread.
 */
#ifndef TESTS_STORY_STEP_H
#define TESTS_STORY_STEP_H

#include <stdint.h>

#include "story.h"

void step_start(struct story *story);
void step_stop(void);

uint64_t
step_instructions(void);    /* of the driver between the last start and stop; a repeated string instruction is one */
uint64_t step_locked(void); /* of those, interlocked operations */
uint64_t step_calls(const char *name); /* calls of exports whose name starts so */
uint64_t step_calls_all(void);         /* calls of any export */
/* Appends to the file that the environment variable XENNET_STEPS names, if it does: "! COUNT NAME" for interlocked
 * operations, calls of XenVif and of each export, and "OFFSET COUNT" for each place of the image. */
void step_write(const char *title);

#endif
