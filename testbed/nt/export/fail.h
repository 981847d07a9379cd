/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes one call of the driver fail: the nth that can fail, counted by function and call stack, so that a sweep over n
 * reaches every call site once per way to it. Simulated runs only, where the same seed makes the same calls.
 *
 * A function is a candidate when the table in fail.c says how its failure looks; each failing call returns that and
 * does nothing else.
 */
#ifndef TESTBED_NT_EXPORT_FAIL_H
#define TESTBED_NT_EXPORT_FAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nt/export/export.h"
#include "nt/export/export_bound.h"

extern bool fail_armed;

void fail_at(
    uint32_t n); /* 1: the first new candidate from now on; 0: none, only count. Forgets what was counted before */
void fail_disarm(void);
uint32_t fail_candidates(void); /* different candidates met since fail_at */
/* The function and call stack that was made to fail; false: not reached. */
bool fail_described(char *text, size_t size);

/* For what the testbed itself answers to the driver: true once, when this call is the one to fail. */
bool fail_now(const char *name);

/* Called by export_enter while armed: what to call instead, or NULL. */
void *fail_enter(const struct bound *bound);

#endif
