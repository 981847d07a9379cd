/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for addresses in reports: image+offset, and function, file and line where llvm-symbolizer is installed and
 * finds a PDB or DWARF beside the image. Runs while the program ends, possibly in a signal handler: a child does the
 * work.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/image_internal.h"

#define MAX_SECONDS 10

static void run_symbolizer(const struct image *image, uintptr_t offset, int out)
{
    static const char *const names[] = { "llvm-symbolizer-16", "llvm-symbolizer" };
    char object[4200], address[32];
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
    snprintf(address, sizeof(address), "%#lx", (unsigned long)offset);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        execlp(names[i], names[i], object, "--relative-address", "--no-inlines", address, (char *)NULL);
    }
    _exit(1);
}

/* "TransmitSend (transmit.c:120)", or false. */
static bool symbolize(const struct image *image, uintptr_t offset, char *text, size_t size)
{
    int ends[2];
    char answer[512];
    size_t used = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        run_symbolizer(image, offset, ends[1]);
    }
    close(ends[1]);
    for (ssize_t got; child > 0 && used < sizeof(answer) - 1 &&
                      (got = read(ends[0], answer + used, sizeof(answer) - 1 - used)) > 0;) {
        used += (size_t)got;
    }
    close(ends[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    answer[used] = '\0';
    char *function = answer, *place = strchr(answer, '\n');
    if (place == NULL || strncmp(function, "??", 2) == 0) {
        return false;
    }
    *place++ = '\0';
    place[strcspn(place, "\n")] = '\0';
    char *column = strrchr(place, ':'); /* file:line:column: the last is noise */
    if (column != NULL && strchr(place, ':') != column) {
        *column = '\0';
    }
    /* The compiler's path, from whichever system it ran on: the name is enough to find the line. */
    for (char *slash; (slash = strpbrk(place, "/\\")) != NULL;) {
        place = slash + 1;
    }
    snprintf(text, size, "%s (%s)", function, place[0] == '?' ? "?" : place);
    return true;
}

void image_describe(const void *address, char *text, size_t size)
{
    const struct image *image = image_find(address);
    if (image == NULL) {
        snprintf(text, size, "code of the testbed");
        return;
    }
    const uintptr_t offset = image_offset(image, address);
    char symbol[320];
    if (offset != 0 && symbolize(image, offset, symbol, sizeof(symbol))) {
        snprintf(text, size, "%s+%#lx %s", image->name, (unsigned long)offset, symbol);
    } else {
        snprintf(text, size, "%s+%#lx", image->name, (unsigned long)offset);
    }
}
