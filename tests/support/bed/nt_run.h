/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of nt/: runs a body as the main task of a simulated run with the kernel started, and calls exports by name
 * in the driver's convention, through the trampolines with their IRQL checks.
 */
#ifndef TESTS_NT_RUN_H
#define TESTS_NT_RUN_H

#include <stdio.h>

#include "harness.h"
#include "nt/nt.h"

struct nt_run {
    void (*body)(void);
    struct leaks leaks;
};

void nt_run_task(void *argument);
/* Returns how many leaks the run ended with; they are in `leaks` when it is not NULL. */
size_t nt_run(void (*body)(void), struct leaks *leaks);
/* For test_expect_rule: the rule must be broken inside `body`. */
void nt_run_body(void *body);
#define EXPECT_NT_RULE(rule, body) EXPECT_RULE(rule, nt_run_body, (void *)(body))

/* CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, 100, 'x') */
#define CALL(result, name, parameters, ...)                                                                            \
    (((result MS_ABI(*) parameters)export_bind("ntoskrnl.exe", #name))(__VA_ARGS__))

struct wide_string {
    struct UNICODE_STRING string;
    uint16_t text[256];
};

/* A counted string for an ASCII text. */
struct UNICODE_STRING *wide_of(struct wide_string *wide, const char *text);

#endif
