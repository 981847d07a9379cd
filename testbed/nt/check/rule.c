/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a run that broke a rule: reports what, who and where, then leaves at once with RULE_EXIT_STATUS. Called
 * from any task, at any IRQL, and from the fault handler; takes no lock of the testbed and unwinds nothing.
 */
#include "nt/check/rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/image.h"
#include "nt/check/report.h"
#include "nt/check/rule_context.h"
#include "run/sched.h"
#include "run/timeline.h"

#define REMARKS_KEPT 64

void (*rule_more)(FILE *out);

static bool lenient;
static uint32_t remarks;
static const char *reported[REMARKS_KEPT];

static void print_stack(void)
{
    void *addresses[REPORT_MAX_FRAMES];
    size_t count = rule_fault_frames(addresses, REPORT_MAX_FRAMES);
    const bool fault = count != 0;
    if (!fault) {
        count = image_backtrace_all(addresses, REPORT_MAX_FRAMES);
    }
    report_stack(stderr, addresses, count, fault);
}

bool rule_begin_report(const char *rule)
{
    static uint32_t breaking;
    static _Thread_local bool mine;
    if (__atomic_exchange_n(&breaking, 1, __ATOMIC_SEQ_CST) != 0) {
        if (mine) { /* broke another while telling of the first */
            fprintf(stderr, "rule %s: broken while the report above was written\n", rule);
            _exit(RULE_EXIT_STATUS);
        }
        return false;
    }
    mine = true;
    fflush(stdout);
    return true;
}

void rule_end_report(const char *rule)
{
    if (rule_more != NULL) {
        rule_more(stderr);
    }
    if (sched_is_simulated) {
        fprintf(stderr, "  seed %llu at %llu ns of virtual time\n", (unsigned long long)sched_seed(),
                (unsigned long long)sched_now());
    }
    sched_trace("breaks rule %s", rule);
    timeline_mark("rule", "rule %s is broken", rule);
    timeline_end_run();
    fflush(NULL);
    _exit(RULE_EXIT_STATUS);
}

static _Noreturn void end_run(const char *rule, const char *format, va_list arguments)
{
    while (!rule_begin_report(rule)) { /* another thread is about to end the program */
        pause();
    }
    fprintf(stderr, "rule %s: ", rule);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    if (task_self() != NULL) {
        fputs("  in task ", stderr);
        report_task(stderr, task_self());
    }
    fputs("  stack:\n", stderr);
    print_stack();
    rule_end_report(rule);
}

void rule_break(const char *rule, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    end_run(rule, format, arguments);
}

void rule_be_lenient(bool wanted)
{
    lenient = wanted;
}

uint32_t rule_remarks(void)
{
    return __atomic_load_n(&remarks, __ATOMIC_RELAXED);
}

/* Each remark is reported once: its format distinguishes it. */
static bool said_before(const char *format)
{
    for (uint32_t i = 0; i < REMARKS_KEPT; i++) {
        const char *none = NULL;

        if (__atomic_load_n(&reported[i], __ATOMIC_ACQUIRE) == format) {
            return true;
        }
        if (__atomic_compare_exchange_n(&reported[i], &none, format, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            return false;
        }
        if (none == format) {
            return true;
        }
    }
    return true;
}

void rule_remark(const char *rule, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (!lenient) {
        end_run(rule, format, arguments);
    }
    __atomic_fetch_add(&remarks, 1, __ATOMIC_RELAXED);
    if (!said_before(format)) {
        fprintf(stderr, "rule %s (Windows lets it pass): ", rule);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
    }
    va_end(arguments);
}
