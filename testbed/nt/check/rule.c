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
#include "nt/check/rule_context.h"
#include "run/sched.h"

#define MAX_FRAMES   32
#define REMARKS_KEPT 64

void (*rule_more)(FILE *out);

static bool lenient;
static uint32_t remarks;
static const char *reported[REMARKS_KEPT];

static void print_stack(void)
{
    void *addresses[MAX_FRAMES];
    size_t count = rule_fault_frames(addresses, MAX_FRAMES);
    const bool fault = count != 0;
    if (!fault) {
        count = image_backtrace(addresses, MAX_FRAMES);
    }
    for (size_t i = 0; i < count; i++) {
        char text[256];
        /* A return address names the call before it; the innermost frame of a fault is the instruction itself. */
        image_describe((char *)addresses[i] - (fault && i == 0 ? 0 : 1), text, sizeof(text));
        fprintf(stderr, "    %s\n", text);
    }
    if (count == 0) {
        fprintf(stderr, "    (no driver code on this stack)\n");
    }
}

static _Noreturn void end_run(const char *rule, const char *format, va_list arguments)
{
    static uint32_t breaking;
    static _Thread_local bool mine;
    if (__atomic_exchange_n(&breaking, 1, __ATOMIC_SEQ_CST) != 0) {
        if (mine) { /* broke another while telling of the first */
            fprintf(stderr, "rule %s: broken while the report above was written\n", rule);
            _exit(RULE_EXIT_STATUS);
        }
        for (;;) { /* another thread is about to end the program */
            pause();
        }
    }
    mine = true;
    fflush(stdout);
    fprintf(stderr, "rule %s: ", rule);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);

    const struct task *task = task_self();
    if (task != NULL) {
        fprintf(stderr, "  in task %s#%u on processor %u at IRQL %u, %u locks held\n", task->name, task->id,
                task->processor, task->irql, task->locks_held);
    }
    fprintf(stderr, "  driver stack:\n");
    print_stack();
    if (rule_more != NULL) {
        rule_more(stderr);
    }
    if (sched_is_simulated) {
        fprintf(stderr, "  seed %llu at %llu ns of virtual time\n", (unsigned long long)sched_seed(),
                (unsigned long long)sched_now());
    }
    sched_trace("breaks rule %s", rule);
    fflush(NULL);
    _exit(RULE_EXIT_STATUS);
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
