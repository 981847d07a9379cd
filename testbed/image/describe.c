/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for addresses in reports: image+offset, and functions, files and lines where llvm-symbolizer is installed and
 * finds a PDB or DWARF beside the image. Where code was inlined an address has several functions: all are named,
 * innermost first. Runs while the program ends, possibly in a signal handler: a child does the work.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/image_internal.h"

enum { MAX_SECONDS = 10, MAX_ASKED = 64, ANSWER_BYTES = 1 << 16, INLINED = 16 };

static void run_symbolizer(const struct image *image, const uintptr_t *offsets, size_t count, int out)
{
    static const char *const names[] = { "llvm-symbolizer-16", "llvm-symbolizer" };
    char object[4200], addresses[MAX_ASKED][24];
    char *arguments[MAX_ASKED + 4] = { NULL, object, "--relative-address" };
    int null = open("/dev/null", O_RDWR);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGALRM, SIG_DFL);
    alarm(MAX_SECONDS);
    dup2(null, STDIN_FILENO);
    dup2(null, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    snprintf(object, sizeof(object), "--obj=%s", image->path);
    for (size_t i = 0; i < count; i++) {
        snprintf(addresses[i], sizeof(addresses[i]), "%#lx", (unsigned long)offsets[i]);
        arguments[3 + i] = addresses[i];
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        arguments[0] = (char *)(uintptr_t)names[i];
        execvp(names[i], arguments);
    }
    _exit(1);
}

/* What the symbolizer answers: for each address pairs of lines, function and place, and an empty line. */
static size_t ask_symbolizer(const struct image *image, const uintptr_t *offsets, size_t count, char *answer,
                             size_t size)
{
    int ends[2];
    size_t used = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        run_symbolizer(image, offsets, count, ends[1]);
    }
    close(ends[1]);
    for (ssize_t got; child > 0 && used < size - 1 && (got = read(ends[0], answer + used, size - 1 - used)) > 0;) {
        used += (size_t)got;
    }
    close(ends[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    answer[used] = '\0';
    return used;
}

static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (*line == '\0' || end == NULL) {
        return NULL;
    }
    *end = '\0';
    *at = end + 1;
    return line;
}

/* "transmit.c:120" of "/a/b/transmit.c:120:7". The compiler's path, from whichever system it ran on, is not needed to
 * find the line. */
static const char *short_place(char *place)
{
    char *column = strrchr(place, ':');
    if (column != NULL && strchr(place, ':') != column) {
        *column = '\0';
    }
    for (char *slash; (slash = strpbrk(place, "/\\")) != NULL;) {
        place = slash + 1;
    }
    return place[0] == '?' ? "?" : place;
}

static void describe_one(const struct image *image, uintptr_t offset, char **answer, image_line *each, void *context)
{
    char place[256];
    const char *functions[INLINED], *places[INLINED];
    size_t count = 0;
    for (char *function; (function = next_line(answer)) != NULL && *function != '\0';) {
        char *where = next_line(answer);
        if (where != NULL && count < INLINED && strncmp(function, "??", 2) != 0) {
            functions[count] = function;
            places[count++] = short_place(where);
        }
    }
    snprintf(place, sizeof(place), "%s+%#lx", image->name, (unsigned long)offset);
    if (count == 0) {
        each(context, place);
    }
    for (size_t i = 0; i < count; i++) {
        char text[IMAGE_LINE_BYTES];
        snprintf(text, sizeof(text), "%s %s (%s)%s%s", place, functions[i], places[i],
                 i + 1 < count ? ", inlined into " : "", i + 1 < count ? functions[i + 1] : "");
        each(context, text);
    }
}

void image_describe_frames(const struct image *image, const void *const *addresses, size_t count, image_line *each,
                           void *context)
{
    static char answer[ANSWER_BYTES];
    uintptr_t offsets[MAX_ASKED];
    char *at = answer;
    count = count < MAX_ASKED ? count : MAX_ASKED;
    for (size_t i = 0; i < count; i++) {
        offsets[i] = image_offset(image, addresses[i]);
    }
    ask_symbolizer(image, offsets, count, answer, sizeof(answer));
    for (size_t i = 0; i < count; i++) {
        describe_one(image, offsets[i], &at, each, context);
    }
}

struct one_line {
    char *text;
    size_t size;
};

/* "xennet.sys+0x12 Inner (a.h:3) < Outer (b.c:40)": the lines of one address, joined. */
static void join_line(void *context, const char *line)
{
    struct one_line *one = context;
    const size_t used = strlen(one->text);
    const char *function = used != 0 ? strchr(line, ' ') : line;
    const char *end = strstr(line, "), inlined into ");
    const int length = end != NULL ? (int)(end + 1 - function) : (int)strlen(function);
    snprintf(one->text + used, one->size - used, "%s%.*s", used != 0 ? " <" : "", length, function);
}

void image_describe(const void *address, char *text, size_t size)
{
    const struct image *image = image_find(address);
    struct one_line one = { text, size };
    if (image == NULL) {
        snprintf(text, size, "code of the testbed");
        return;
    }
    text[0] = '\0';
    if (image_offset(image, address) == 0) {
        snprintf(text, size, "%s+0", image->name);
        return;
    }
    image_describe_frames(image, &address, 1, join_line, &one);
}
