/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See known_faults.h. A row holds for one release: what it leaves has that release's revision in its text, and was
 * made by the image itself, so that the same line from another release or from the driver above still fails the run.
 */
#include "busdriver/known_faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAKER_BYTES = 160 };

static const struct known_fault {
    const char *starts, *has; /* the line */
    const char *made;         /* and, before the image's name, how it came to be */
    const char *reason;
} known_faults[] = {
    { "open handle: \\Registry\\Machine\\System\\CurrentControlSet\\Enum\\XENVIF\\", "&REV_0800", ", opened by ",
      "XenVif 8.2 opens the key of a network device at each start, and never closes it" },
};

static const struct known_fault *find(const char *name, const char *line)
{
    for (size_t i = 0; i < sizeof(known_faults) / sizeof(known_faults[0]); i++) {
        const struct known_fault *fault = &known_faults[i];
        char maker[MAKER_BYTES];

        snprintf(maker, sizeof(maker), "%s%s+", fault->made, name);
        if (strncmp(line, fault->starts, strlen(fault->starts)) == 0 && strstr(line, fault->has) != NULL &&
            strstr(line, maker) != NULL) {
            return fault;
        }
    }
    return NULL;
}

void known_faults_take(const char *name, struct leaks *leaks, struct leaks *known)
{
    size_t kept = 0;

    for (size_t i = 0; i < leaks->count; i++) {
        char *line = leaks->lines[i];
        const struct known_fault *fault = find(name, line);

        if (fault == NULL) {
            leaks->lines[kept++] = line;
            continue;
        }
        leak_add(known, "left behind by %s: %s (%s)", name, line, fault->reason);
        free(line);
    }
    leaks->count = kept;
}
