/* SPDX-License-Identifier: BSD-2-Clause */
#include "nt_run.h"

void nt_run_task(void *argument)
{
    struct nt_run *run = argument;

    nt_start(2);
    run->body();
    nt_leaks(&run->leaks);
    nt_stop();
}

size_t nt_run(void (*body)(void), struct leaks *leaks)
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

void nt_run_body(void *body)
{
    nt_run((void (*)(void))body, NULL);
}

struct UNICODE_STRING *wide_of(struct wide_string *wide, const char *text)
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
