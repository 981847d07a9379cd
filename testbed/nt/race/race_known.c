/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of known races (see race_known.h). Simulated runs only: nothing locks.
 *
 * Naming a place takes a program of its own to be started. What was looked up is therefore kept where the processes
 * that a test program forks share it: they run one after the other, and map an image at one address.
 */
#include "nt/race/race_known.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/image.h"

enum { MAX_KNOWN = 64, NAME_BYTES = 80, MAX_PAIRS = 4096 };

struct known {
    char names[2][NAME_BYTES];
    bool used;
};

struct pair {
    const void *one, *other;
    bool known;
};

static struct known list[MAX_KNOWN];
static size_t known_count;
static struct {
    size_t count;
    struct pair pairs[MAX_PAIRS];
} *looked_up;

__attribute__((constructor)) static void share(void)
{
    looked_up = mmap(NULL, sizeof(*looked_up), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (looked_up == MAP_FAILED) {
        abort();
    }
}

static _Noreturn void refuse(const char *path, unsigned number, const char *why)
{
    fprintf(stderr, "%s:%u: %s: see testbed/nt/race/race_known.h\n", path, number, why);
    exit(2);
}

static void read_line(const char *path, unsigned number, char *line)
{
    struct known *known = &list[known_count];
    char *colon = strchr(line, ':');
    if (colon == NULL || colon[1 + strspn(colon + 1, " \n")] == '\0') {
        refuse(path, number, "no reason behind a colon");
    }
    *colon = '\0';
    if (sscanf(line, "%79[A-Za-z0-9_*] / %79[A-Za-z0-9_*]", known->names[0], known->names[1]) != 2) {
        refuse(path, number, "not two functions");
    }
    if (++known_count == MAX_KNOWN) {
        refuse(path, number, "too many lines");
    }
}

void race_known_read(const char *image_path)
{
    char path[4096], line[512];
    const size_t stem = strlen(image_path) - strlen(strrchr(image_path, '.') != NULL ? strrchr(image_path, '.') : "");
    snprintf(path, sizeof(path), "%.*s.races", (int)stem, image_path);
    FILE *file = fopen(path, "re");
    known_count = 0;
    for (unsigned number = 1; file != NULL && fgets(line, sizeof(line), file) != NULL; number++) {
        if (strchr("# \n", line[0]) == NULL) {
            read_line(path, number, line);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* `text` is what image_describe says: "xennet.sys+0x10 Inner (a.c:1) < Outer (b.c:2)". */
static bool names(const char *text, const char *name)
{
    const size_t length = strlen(name);
    if (strcmp(name, "*") == 0) {
        return true;
    }
    for (const char *at = text; (at = strstr(at, name)) != NULL; at++) {
        if (at > text && at[-1] == ' ' && strncmp(at + length, " (", 2) == 0) {
            return true;
        }
    }
    return false;
}

bool race_collects(void)
{
    return getenv("TESTBED_RACES") != NULL;
}

void race_collect(const char *format, ...)
{
    char text[4 * IMAGE_LINE_BYTES];
    va_list arguments;
    int file = open(getenv("TESTBED_RACES"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (file < 0 || length >= (int)sizeof(text) || write(file, text, (size_t)length) != length) {
        abort(); /* a list that silently lacks a line would be a lie */
    }
    close(file);
}

static bool look_up(const void *one, const void *other)
{
    char first[IMAGE_LINE_BYTES], second[IMAGE_LINE_BYTES];
    if (known_count == 0) {
        return false;
    }
    image_describe((const char *)one - 1, first, sizeof(first));
    image_describe((const char *)other - 1, second, sizeof(second));
    for (size_t i = 0; i < known_count; i++) {
        const char *a = list[i].names[0], *b = list[i].names[1];
        if ((names(first, a) && names(second, b)) || (names(first, b) && names(second, a))) {
            if (race_collects() && !list[i].used) {
                race_collect("known: %s / %s\n", a, b);
            }
            list[i].used = true;
            return true;
        }
    }
    return false;
}

/* A pair that has been collected counts as known. */
bool race_is_known(const void *one, const void *other)
{
    for (size_t i = 0; i < looked_up->count; i++) {
        if (looked_up->pairs[i].one == one && looked_up->pairs[i].other == other) {
            return looked_up->pairs[i].known;
        }
    }
    const bool known = look_up(one, other);
    if (looked_up->count < MAX_PAIRS) {
        looked_up->pairs[looked_up->count++] = (struct pair){ one, other, known || race_collects() };
    }
    return known;
}

void race_known_stop(void)
{
    known_count = 0;
}
