/* SPDX-License-Identifier: BSD-2-Clause */
/* What is left behind: each module that hands something out can list what did not come back. */
#ifndef TESTBED_RUN_LEAK_H
#define TESTBED_RUN_LEAK_H

#include <stddef.h>

struct leaks {
    char **lines;
    size_t count;
};

void leak_add(struct leaks *leaks, const char *format, ...) __attribute__((format(printf, 2, 3)));
void leaks_free(struct leaks *leaks);

#endif
