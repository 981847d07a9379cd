/* SPDX-License-Identifier: BSD-2-Clause */
/* The test runner behind harness.h: one child process per case, TAP on stdout. */
#include "harness.h"

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nt/check/rule.h"
#include "run/sched.h"
#include "run/timeline.h"

enum { STATUS_PASSED = 0, STATUS_FAILED = 1, STATUS_SKIPPED = 77 };
/* A simulated run that goes round in circles uses the processor: that is what ends it. By the clock a case may take
 * much longer on a busy machine, yet less than test.py has patience for (CASE_SECONDS). Both are for the seeds of an
 * ordinary run, and grow with those that --seeds asks for. */
enum { MAX_CPU_SECONDS = 300, MAX_SECONDS = 840, USUAL_SEEDS = 200 };

static struct test_case *cases;
static struct {
    uint64_t seed;
    bool seed_given;
    uint32_t seeds;
} options = { .seed = 1 };
static uint64_t seed_under_test;

void test_seed_tried(uint64_t seed)
{
    seed_under_test = seed;
}

/* The seed to give to --seed: that of the run that failed, not the one that a test over many began with. */
static uint64_t failing_seed(void)
{
    if (sched_kind() == SCHED_SIMULATED) {
        return sched_seed();
    }
    return seed_under_test != 0 ? seed_under_test : options.seed;
}

void test_add(struct test_case *test)
{
    struct test_case **end = &cases;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = test;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    const char *name = strrchr(file, '/');

    fflush(stdout);
    fprintf(stderr, "# %s:%d: ", name ? name + 1 : file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (sched_pct != 0) {
        fprintf(stderr, " (--pct %u, seed %" PRIu64 ")\n", sched_pct, failing_seed());
    } else {
        fprintf(stderr, " (seed %" PRIu64 ")\n", failing_seed());
    }
    timeline_end_run();
    _exit(STATUS_FAILED);
}

void test_skip(const char *reason)
{
    fprintf(stderr, "# skipped: %s\n", reason);
    _exit(STATUS_SKIPPED);
}

/* What the running case could not do, and whether it did anything else. */
static struct {
    bool ran;
    char reason[256];
} part;

void test_part_ran(void)
{
    part.ran = true;
}

void test_part_not_run(const char *reason)
{
    printf("# not run: %s\n", reason);
    fflush(stdout);
    snprintf(part.reason, sizeof(part.reason), "%s", reason);
}

uint64_t test_seed(void)
{
    return options.seed;
}

bool test_seed_given(void)
{
    return options.seed_given;
}

uint32_t test_seeds(uint32_t usual)
{
    if (options.seed_given) {
        return 1;
    }
    return options.seeds != 0 ? options.seeds : usual;
}

uint32_t test_patience(void)
{
    return options.seeds > USUAL_SEEDS ? (options.seeds + USUAL_SEEDS - 1) / USUAL_SEEDS : 1;
}

const char *test_root(void)
{
    static char root[PATH_MAX];
    char mark[PATH_MAX + 16];
    char *cut;

    if (root[0] == '\0') {
        ssize_t length = readlink("/proc/self/exe", root, sizeof(root) - 1);

        if (length < 0) {
            perror("/proc/self/exe");
            exit(2);
        }
        root[length] = '\0';
        /* build/tests/NAME, or deeper in build/ where the tests are built in another way. */
        do {
            cut = strrchr(root, '/');
            if (cut == NULL) {
                fprintf(stderr, "the test does not lie in the repository\n");
                exit(2);
            }
            *cut = '\0';
            snprintf(mark, sizeof(mark), "%s/test.py", root);
        } while (access(mark, F_OK) != 0);
    }
    return root;
}

/* --- temporary files --- */

static char temporary[TEST_MAX_PATH];

/* By the parent of all cases, so that it is gone even when a case dies. */
static void make_temporary(void)
{
    const char *folder = getenv("TMPDIR");

    snprintf(temporary, sizeof(temporary), "%s/xennet.XXXXXX", folder != NULL && *folder != '\0' ? folder : "/tmp");
    if (mkdtemp(temporary) == NULL) {
        perror(temporary);
        exit(2);
    }
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts, (void)kind, (void)place;
    return remove(path);
}

static void remove_temporary(void)
{
    if (nftw(temporary, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(temporary);
    }
}

char *test_temporary(char path[TEST_MAX_PATH], const char *format, ...)
{
    size_t used = (size_t)snprintf(path, TEST_MAX_PATH, "%.200s/", temporary);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(path + used, TEST_MAX_PATH - used, format, arguments);
    va_end(arguments);
    return path;
}

int test_child(void (*body)(void *), void *argument, char *text, size_t size)
{
    size_t used = 0;
    int status, ends[2];
    pid_t child;

    fflush(NULL);
    if (getenv("XENNET_DEBUGGED") != NULL) { /* a debugger holds this very process: what fails ends it there */
        body(argument);
        if (size != 0) {
            text[0] = '\0';
        }
        return STATUS_PASSED;
    }
    if (pipe(ends) != 0 || (child = fork()) < 0) {
        test_fail(__FILE__, __LINE__, "no child process: %s", strerror(errno));
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(MAX_SECONDS * test_patience());
        (void)setrlimit(RLIMIT_CPU, &(struct rlimit){ MAX_CPU_SECONDS * test_patience(), RLIM_INFINITY });
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        body(argument);
        fflush(NULL);
        _exit(STATUS_PASSED);
    }
    close(ends[1]);
    for (;;) {
        char spill[512];
        bool full = used + 1 >= size;
        ssize_t got = read(ends[0], full ? spill : text + used, full ? sizeof(spill) : size - used - 1);

        if (got <= 0) {
            break;
        }
        if (!full) {
            used += (size_t)got;
        }
    }
    close(ends[0]);
    if (size != 0) {
        text[used] = '\0';
    }
    waitpid(child, &status, 0);
    return status;
}

void test_expect_rule(const char *file, int line, const char *rule, void (*body)(void *), void *argument)
{
    static char text[65536];
    char expected[128];
    int status = test_child(body, argument, text, sizeof(text));

    snprintf(expected, sizeof(expected), "rule %s:", rule);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != RULE_EXIT_STATUS || strstr(text, expected) == NULL) {
        test_fail(file, line, "expected \"%s\" and exit status %d, got wait status %#x and: %s", expected,
                  RULE_EXIT_STATUS, status, text);
    }
    printf("# broke %.*s\n", (int)strcspn(strstr(text, expected), "\n"), strstr(text, expected));
    fflush(stdout);
}

static void run_body(void *argument)
{
    const struct test_case *test = argument;

    test->run();
    if (!part.ran && part.reason[0] != '\0') {
        test_skip(part.reason);
    }
}

static bool chosen(const char *name, char **names, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (fnmatch(names[i], name, 0) == 0) {
            return true;
        }
    }
    return count == 0;
}

static uint64_t number(const char *option, const char *text)
{
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text ? text : "", &end, 0);
    if (text == NULL || *text == '\0' || *end != '\0' || errno != 0) {
        fprintf(stderr, "%s needs a number, not '%s'\n", option, text ? text : "");
        exit(2);
    }
    return value;
}

static int run_case(const struct test_case *test, int index)
{
    static char text[1 << 20];
    int status = test_child(run_body, (void *)test, text, sizeof(text));
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_PASSED) {
        printf("ok %d - %s\n", index, test->name);
        return 0;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIPPED) {
        char *reason = strstr(text, "# skipped: ");

        printf("ok %d - %s # SKIP %s", index, test->name, reason ? reason + 11 : "\n");
        return 0;
    }
    printf("not ok %d - %s\n", index, test->name);
    if (WIFSIGNALED(status)) {
        printf("# ended by signal %d (%s)\n", WTERMSIG(status),
               WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGXCPU ? "took too long"
                                                                          : strsignal(WTERMSIG(status)));
    } else {
        printf("# ended with status %d\n", WEXITSTATUS(status));
    }
    fputs(text, stdout);
    return 1;
}

int main(int argc, char **argv)
{
    const struct test_case *test;
    char **names = calloc((size_t)argc, sizeof(*names));
    int count = 0, i, index = 0, failed = 0, planned = 0;
    bool list = false;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            list = true;
        } else if (strcmp(argv[i], "--seed") == 0) {
            options.seed = number("--seed", argv[++i]);
            options.seed_given = true;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            options.seeds = (uint32_t)number("--seeds", argv[++i]);
        } else if (test_option != NULL && test_option(argv[i], argv[i + 1])) {
            i++;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "unknown option %s: --list, --seed S, --seeds N, NAME...\n", argv[i]);
            return 2;
        } else {
            names[count++] = argv[i];
        }
    }
    for (test = cases; test != NULL; test = test->next) {
        if (chosen(test->name, names, count)) {
            planned++;
            if (list) {
                puts(test->name);
            }
        }
    }
    if (list) {
        return 0;
    }
    if (planned == 0) {
        fprintf(stderr, "no case of that name: --list shows them\n");
        return 2;
    }
    printf("1..%d\n", planned);
    make_temporary();
    for (test = cases; test != NULL; test = test->next) {
        if (chosen(test->name, names, count)) {
            fflush(stdout);
            failed += run_case(test, ++index);
        }
    }
    remove_temporary();
    free(names);
    return failed == 0 ? 0 : 1;
}
