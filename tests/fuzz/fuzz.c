/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program (fuzz.h):
 *
 *   fuzz TARGET WORLD [LIBFUZZER'S OPTIONS, FOLDERS AND FILES]
 *   fuzz TARGET WORLD --history FILE       the inputs that a failure kept, in order
 *
 * libFuzzer writes the input that it ended in. That is not always enough where a process has run many: the newest
 * HISTORY inputs are written beside it, to the file that FUZZ_HISTORY names.
 */
#include "fuzz.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "nt/check/rule.h"
#include "nt/check/rule_context.h"

enum { HISTORY = 256 };

/* For a test of the fuzzer: four bytes that it has to find. */
static void planted_one(const uint8_t *data, size_t size)
{
    if (size >= 4 && data[0] == 'F' && data[1] == 'I' && data[2] == 'N' && data[3] == 'D') {
        fuzz_fail("the planted failure");
    }
}
static const struct fuzz_target fuzz_planted = { .name = "planted", .one = planted_one };

static const struct fuzz_target *const targets[] = {
    &fuzz_planted, &fuzz_oid,     &fuzz_send,     &fuzz_receive, &fuzz_config, &fuzz_connect,
    &fuzz_store,   &fuzz_netback, &fuzz_frontend, &fuzz_inf,     &fuzz_image,  &fuzz_wire,
};
enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };

int LLVMFuzzerRunDriver(int *count, char ***words, int (*one)(const uint8_t *data, size_t size));

static struct {
    const struct fuzz_target *target;
    uint32_t world;
    const char *replay;
    int count;
    char **words;
    int status;
} run;

static struct past {
    uint8_t *data;
    uint32_t size, room;
} past[HISTORY];
static uint64_t inputs;

static void keep(const uint8_t *data, size_t size)
{
    struct past *slot = &past[inputs++ % HISTORY];

    if (slot->room < size) {
        free(slot->data);
        slot->data = malloc(size);
        slot->room = slot->data != NULL ? (uint32_t)size : 0;
    }
    slot->size = slot->room < size ? slot->room : (uint32_t)size;
    if (slot->size != 0) {
        memcpy(slot->data, data, slot->size);
    }
}

static void write_history(void)
{
    const char *path = getenv("FUZZ_HISTORY");
    FILE *file = path != NULL ? fopen(path, "wb") : NULL;

    for (uint64_t i = inputs > HISTORY ? inputs - HISTORY : 0; file != NULL && i < inputs; i++) {
        const struct past *slot = &past[i % HISTORY];

        (void)fwrite(&slot->size, sizeof(slot->size), 1, file);
        (void)fwrite(slot->data, 1, slot->size, file);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* libFuzzer takes the signal, writes the input, and ends the program. */
static void end_as_crash(void)
{
    fflush(NULL);
    write_history();
    abort();
}

void fuzz_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("fuzz: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    end_as_crash();
    abort();
}

/* For what this shares with the tests (tests/support). */
void test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "fuzz: %s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    end_as_crash();
    abort();
}

static void on_fault(int number)
{
    (void)number;
    end_as_crash();
}

static int one(const uint8_t *data, size_t size)
{
    keep(data, size);
    run.target->one(data, size);
    return 0;
}

static void stop(void)
{
    if (run.target->stop != NULL) {
        run.target->stop();
    }
}

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint32_t size;

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    while (fread(&size, sizeof(size), 1, file) == 1 && size < 1u << 24) {
        uint8_t *data = malloc(size + 1);

        if (data == NULL || fread(data, 1, size, file) != size) {
            fputs("fuzz: no whole history\n", stderr);
            exit(2);
        }
        (void)one(data, size);
        free(data);
    }
    (void)fclose(file);
}

static void main_task(void *argument)
{
    (void)argument;
    fuzz_exports();
    if (run.target->start != NULL) {
        run.target->start(run.world);
    }
    if (run.target->driver) {
        fuzz_watch_image(driver_image(fuzz_bed.driver));
    }
    if (run.replay != NULL) {
        replay(run.replay);
        stop();
        return;
    }
    (void)atexit(stop); /* libFuzzer ends the program from here, on this task's stack */
    run.status = LLVMFuzzerRunDriver(&run.count, &run.words, one);
    exit(run.status);
}

static const struct fuzz_target *find(const char *name)
{
    for (size_t i = 0; i < TARGETS; i++) {
        if (strcmp(targets[i]->name, name) == 0) {
            return targets[i];
        }
    }
    return NULL;
}

/* What libFuzzer runs of its own, to merge inputs, has its options alone: the rest is in the environment. */
static void read_words(int count, char **words)
{
    bool inner = count >= 2 && words[1][0] == '-' && getenv("FUZZ_TARGET") != NULL;
    const char *name = inner ? getenv("FUZZ_TARGET") : count >= 3 ? words[1] : "";
    const char *world = inner ? getenv("FUZZ_WORLD") : count >= 3 ? words[2] : "";
    int used = inner ? 0 : 2;

    run.target = find(name);
    if (run.target == NULL) {
        fputs("usage: fuzz TARGET WORLD [OPTION...]\n", stderr);
        for (size_t i = 0; i < TARGETS; i++) {
            fprintf(stderr, "  %s\n", targets[i]->name);
        }
        exit(2);
    }
    (void)setenv("FUZZ_TARGET", name, 1);
    (void)setenv("FUZZ_WORLD", world, 1);
    run.world = (uint32_t)strtoul(world, NULL, 10);
    if (count == 5 && strcmp(words[3], "--history") == 0) {
        run.replay = words[4];
    }
    words[used] = words[0];
    run.words = words + used;
    run.count = count - used;
}

int main(int count, char **words)
{
    struct sched_options options = { .kind = SCHED_SIMULATED };
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };

    read_words(count, words);
    options.seed = run.world;
    rule_last = end_as_crash;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)signal(faults[i], on_fault); /* what the testbed does not handle itself */
    }
    if (sched_run(&options, main_task, NULL) != 0) {
        end_as_crash(); /* a deadlock, as reported */
    }
    return run.status;
}
