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
#define REMARK_BYTES 400

void (*rule_more)(FILE *out);
void (*rule_last)(void);

static bool lenient;
static uint32_t remarks;
static struct remark {
    const char *format;
    bool written;
    char text[REMARK_BYTES];
} kept[REMARKS_KEPT];

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
    if (rule_last != NULL) {
        rule_last();
    }
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

/* Each remark is reported once: its format distinguishes it. NULL: it has been, or no more are kept. */
static struct remark *new_remark(const char *format)
{
    for (uint32_t i = 0; i < REMARKS_KEPT; i++) {
        const char *none = NULL;

        if (__atomic_load_n(&kept[i].format, __ATOMIC_ACQUIRE) == format) {
            return NULL;
        }
        if (__atomic_compare_exchange_n(&kept[i].format, &none, format, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            return &kept[i];
        }
        if (none == format) {
            return NULL;
        }
    }
    return NULL;
}

void rule_remark(const char *rule, const char *format, ...)
{
    struct remark *remark;
    va_list arguments;

    va_start(arguments, format);
    if (!lenient) {
        end_run(rule, format, arguments);
    }
    __atomic_fetch_add(&remarks, 1, __ATOMIC_RELAXED);
    remark = new_remark(format);
    if (remark != NULL) {
        const int used = snprintf(remark->text, REMARK_BYTES, "rule %s (Windows lets it pass): ", rule);

        vsnprintf(remark->text + used, (size_t)(REMARK_BYTES - used), format, arguments);
        __atomic_store_n(&remark->written, true, __ATOMIC_RELEASE);
        fprintf(stderr, "%s\n", remark->text);
    }
    va_end(arguments);
}

void rule_each_remark(void (*each)(void *context, const char *text), void *context)
{
    for (uint32_t i = 0; i < REMARKS_KEPT; i++) {
        if (__atomic_load_n(&kept[i].written, __ATOMIC_ACQUIRE)) {
            each(context, kept[i].text);
        }
    }
}
