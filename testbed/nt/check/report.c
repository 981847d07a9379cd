/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks, tasks and lists of what is out, for the reports of rule.c and watchdog.c. */
#include "nt/check/report.h"

#include <string.h>

#include "image/image.h"
#include "nt/race/race.h"
#include "nt/check/rule.h"
#include "nt/check/rule_context.h"
#include "nt/export/export.h"

static struct report_list *lists;
static struct sched_lock lists_lock;

const char *irql_name(uint8_t irql)
{
    static const char *const names[] = { "PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL" };
    return irql < 3 ? names[irql] : irql < HIGH_LEVEL ? "DIRQL" : "HIGH_LEVEL";
}

static void print_line(void *context, const char *line)
{
    fprintf(context, "    %s\n", line);
}

/* The report's own functions, which every stack begins with. */
static bool is_of_the_report(const char *name)
{
    static const char *const names[] = { "rule_break",      "rule_remark", "end_run",
                                         "image_backtrace", "print_stack", "race_" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void print_host(FILE *out, const void *address, bool driver_seen)
{
    const void *start = NULL;
    const char *name = host_function(address, &start);
    const struct export *entry = name != NULL ? export_of(start) : NULL;
    if (entry != NULL && strcmp(entry->image, RACE_MODULE) == 0) {
        return; /* how the driver reported the access */
    }
    if (entry != NULL) {
        fprintf(out, "    %s!%s\n", entry->image, entry->name);
    } else if (name != NULL && (driver_seen || !is_of_the_report(name))) {
        fprintf(out, "    testbed: %s\n", name);
    }
}

void report_stack(FILE *out, void *const *addresses, size_t count, bool exact)
{
    const void *of_image[REPORT_MAX_FRAMES];
    bool driver_seen = false;
    for (size_t i = 0; i < count && i < REPORT_MAX_FRAMES;) {
        /* A return address names the call before it; the innermost frame of a fault is the instruction itself. */
        const struct image *image = image_find((char *)addresses[i] - !(exact && i == 0));
        size_t run = 0;
        while (image != NULL && i < count && image_find((char *)addresses[i] - !(exact && i == 0)) == image) {
            of_image[run++] = (char *)addresses[i] - !(exact && i == 0);
            i++;
        }
        if (run != 0) {
            image_describe_frames(image, of_image, run, print_line, out);
            driver_seen = true;
        } else {
            print_host(out, addresses[i++], driver_seen);
        }
    }
    if (!driver_seen) {
        fprintf(out, "    (no driver code on this stack)\n");
    }
}

void report_place(FILE *out, const void *address)
{
    char place[IMAGE_LINE_BYTES];
    image_describe(address, place, sizeof(place));
    fprintf(out, "%s\n", place);
}

void report_task(FILE *out, const struct task *task)
{
    fprintf(out, "%s#%u on processor %u at IRQL %u (%s), %u lock%s held", task->name, task->id, task->processor,
            task->irql, irql_name(task->irql), task->locks_held, task->locks_held == 1 ? "" : "s");
    if (task->driver_call != NULL) {
        fprintf(out, ", in %s", task->driver_call);
    }
    if (task->asleep) {
        const double seconds = (double)(sched_now() - task->waits_since) / 1e9;
        if (task->waits_for != NULL) {
            fprintf(out, ", has waited %.1f s for %s", seconds, task->waits_for);
        } else {
            fprintf(out, ", has slept %.1f s", seconds);
        }
    }
    fputc('\n', out);
    for (uint32_t i = 0; i < task->locks_held && i < TASK_MAX_LOCKS; i++) {
        char place[IMAGE_LINE_BYTES];
        image_describe((const char *)task->held[i].from - 1, place, sizeof(place));
        fprintf(out, "      lock %u was taken in %s\n", i + 1, place);
    }
}

void report_list_add(struct report_list *list)
{
    sched_lock(&lists_lock);
    list->next = lists;
    __atomic_store_n(&lists, list, __ATOMIC_RELEASE);
    sched_unlock(&lists_lock);
}

void report_list_remove(struct report_list *list)
{
    sched_lock(&lists_lock);
    for (struct report_list **link = &lists; *link != NULL; link = &(*link)->next) {
        if (*link == list) {
            *link = list->next;
            break;
        }
    }
    sched_unlock(&lists_lock);
}

void report_lists(FILE *out)
{
    for (const struct report_list *list = __atomic_load_n(&lists, __ATOMIC_ACQUIRE); list != NULL; list = list->next) {
        list->print(list->context, out);
    }
}
