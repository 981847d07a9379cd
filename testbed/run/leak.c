/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of lines that say what was left behind. Used at the end of a run, by one task. */
#include "run/leak.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void leak_add(struct leaks *leaks, const char *format, ...)
{
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    char **lines = realloc(leaks->lines, (leaks->count + 1) * sizeof(*lines));
    if (length < 0 || lines == NULL) {
        fprintf(stderr, "testbed: no memory to list what was left behind\n");
        exit(1);
    }
    leaks->lines = lines;
    leaks->lines[leaks->count++] = line;
}

void leaks_free(struct leaks *leaks)
{
    for (size_t i = 0; i < leaks->count; i++) {
        free(leaks->lines[i]);
    }
    free(leaks->lines);
    *leaks = (struct leaks){ 0 };
}
