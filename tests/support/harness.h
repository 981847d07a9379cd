/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small test runner. A test file defines cases named as sentences:
 *
 *   TEST(pause_returns_every_send) { CHECK_EQ(adapter_pause(adapter), 0); }
 *
 * Each case runs in a child process, so that one that dies, breaks a rule or hangs fails alone. A failed CHECK ends
 * its case. Options: --list, --seed S, NAME... (shell wildcards). Output is TAP; exit status 0 only if all passed.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_add(struct test_case *test);
_Noreturn void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *reason); /* ends the case; counted as skipped, with the reason */

/* A case of several parts reports each of them here; one of which no part could run is skipped, for the last reason. */
void test_part_ran(void);
void test_part_not_run(const char *reason);

uint64_t test_seed(void); /* --seed, or 1 */
bool test_seed_given(void);
void test_seed_tried(uint64_t seed); /* before a run in a child process: what a failure names from now on */
uint32_t
test_seeds(uint32_t usual); /* how many seeds a case over many seeds should try: --seeds, or `usual`; 1 with --seed */
/* How many times as long as usual a case may take, for the seeds that were asked for. */
uint32_t test_patience(void);
const char *test_root(void); /* the repository's top folder */
/* "FOLDER/name" in `path`, in a folder of this program's own that goes with it, however its cases end. Returns `path`.
 */
enum { TEST_MAX_PATH = 256 };
char *test_temporary(char path[TEST_MAX_PATH], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A test file may define this for an option of its own with a value. False: it is not one. */
bool test_option(const char *name, const char *value) __attribute__((weak));

/* Run `body` in a child process and return its wait status; what it wrote to stderr goes to `text`. */
int test_child(void (*body)(void *), void *argument, char *text, size_t size);
/* The child must end by breaking `rule`. Prints "# broke rule NAME: what happened". */
void test_expect_rule(const char *file, int line, const char *rule, void (*body)(void *), void *argument);

#define TEST(name)                                                                                                     \
    static void test_##name(void);                                                                                     \
    __attribute__((constructor)) static void add_##name(void)                                                          \
    {                                                                                                                  \
        static struct test_case test = { #name, test_##name, NULL };                                                   \
        test_add(&test);                                                                                               \
    }                                                                                                                  \
    static void test_##name(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            test_fail(__FILE__, __LINE__, "check failed: %s", #condition);                                             \
        }                                                                                                              \
    } while (0)

#define CHECK_EQ(actual, expected)                                                                                     \
    do {                                                                                                               \
        int64_t actual_ = (int64_t)(actual), expected_ = (int64_t)(expected);                                          \
        if (actual_ != expected_) {                                                                                    \
            test_fail(__FILE__, __LINE__, "%s is %" PRId64 " (%#" PRIx64 "), expected %" PRId64, #actual, actual_,     \
                      (uint64_t)actual_, expected_);                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_STR(actual, expected)                                                                                    \
    do {                                                                                                               \
        const char *actual_ = (actual), *expected_ = (expected);                                                       \
        if (actual_ == NULL || strcmp(actual_, expected_) != 0) {                                                      \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #actual, actual_ ? actual_ : "(null)",      \
                      expected_);                                                                                      \
        }                                                                                                              \
    } while (0)

#define CHECK_CONTAINS(text, part)                                                                                     \
    do {                                                                                                               \
        const char *text_ = (text), *part_ = (part);                                                                   \
        if (strstr(text_, part_) == NULL) {                                                                            \
            test_fail(__FILE__, __LINE__, "\"%s\" is not in: %s", part_, text_);                                       \
        }                                                                                                              \
    } while (0)

#define EXPECT_RULE(rule, body, argument) test_expect_rule(__FILE__, __LINE__, rule, body, argument)

#endif
