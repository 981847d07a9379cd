/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of the kernel and of NDIS that the driver must keep. Breaking one ends the run: the rule's name, what
 * happened, the task, its IRQL and processor, the driver's stack as image+offset (function and line where a PDB is
 * beside the image), and in a simulated run the seed are printed to stderr; exit status 3. The first line reads
 * "rule NAME: what happened".
 *
 * rule_break("irql", "%s called at IRQL %u, allowed %u to %u", ...) is the one way out. Names are short, stable and
 * listed in docs/testbed.md; each has a test in test_NOUN_rules that breaks it in a child process.
 */
#ifndef TESTBED_NT_CHECK_RULE_H
#define TESTBED_NT_CHECK_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define RULE_EXIT_STATUS 3

_Noreturn void rule_break(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define RULE(condition, rule, ...)                                                                                     \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            rule_break((rule), __VA_ARGS__);                                                                           \
        }                                                                                                              \
    } while (0)

/* For what the documents ask and Windows does not enforce. Breaks the rule as above, unless rules are lenient (a driver
 * built elsewhere, --lenient): then it is reported once on stderr and counted, and the run goes on. */
void rule_remark(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rule_be_lenient(bool lenient);
uint32_t rule_remarks(void);                                                         /* how many so far */
void rule_each_remark(void (*each)(void *context, const char *text), void *context); /* each one once */

#define RULE_DOCUMENTED(condition, rule, ...)                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            rule_remark((rule), __VA_ARGS__);                                                                          \
        }                                                                                                              \
    } while (0)

#endif
