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

static inline void nt_run_task(void *argument)
{
    struct nt_run *run = argument;

    nt_start(2);
    run->body();
    nt_leaks(&run->leaks);
    nt_stop();
}

/* Returns how many leaks the run ended with; they are in `leaks` when it is not NULL. */
static inline size_t nt_run(void (*body)(void), struct leaks *leaks)
{
    struct sched_options options = { .kind = SCHED_SIMULATED, .seed = test_seed() };
    struct nt_run run = { .body = body };
    size_t count;

    CHECK_EQ(sched_run(&options, nt_run_task, &run), 0);
    count = run.leaks.count;
    if (leaks != NULL) {
        *leaks = run.leaks;
    } else {
        leaks_free(&run.leaks);
    }
    return count;
}

/* For test_expect_rule: the rule must be broken inside `body`. */
static inline void nt_run_body(void *body)
{
    nt_run((void (*)(void))body, NULL);
}

#define EXPECT_NT_RULE(rule, body) EXPECT_RULE(rule, nt_run_body, (void *)(body))

/* CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, 100, 'x') */
#define CALL(result, name, parameters, ...)                                                                            \
    (((result MS_ABI(*) parameters)export_bind("ntoskrnl.exe", #name))(__VA_ARGS__))

struct wide_string {
    struct UNICODE_STRING string;
    uint16_t text[256];
};

/* A counted string for an ASCII text. */
static inline struct UNICODE_STRING *wide_of(struct wide_string *wide, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i <= length; i++) {
        wide->text[i] = (uint8_t)text[i];
    }
    wide->string.Length = (uint16_t)(length * 2);
    wide->string.MaximumLength = sizeof(wide->text);
    wide->string.Buffer = wide->text;
    return &wide->string;
}

#endif
