/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the real backend's machine answers without time limits: its control path rests when xenstored and the kernel's
 * two xenbus threads sleep, however slow the machine is; and a device that netback has disabled, or never connected,
 * has no carrier. The embedded backend is waited for in simulated time, which costs nothing.
 */
#include "conformance_bed.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "xenwatch", "xenbus", "xenstored" };
enum { THREADS = sizeof(names) / sizeof(names[0]) };

/* A state is settled after so many looks in a row that found it the same and the backend at rest. */
enum { QUIET_CHANGED = 10, QUIET_UNCHANGED = 30 };

#define LOOK 10000000ull

static int threads[THREADS];

/* Of a process: its name and its state's letter; 0 when it is gone. */
static char state_of(int process, char name[32])
{
    char path[64], state = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", process);
    file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*d (%31[^)]) %c", name, &state) != 2) {
        state = 0;
    }
    fclose(file);
    return state;
}

void backend_find(void)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    char name[32];

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        int process = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

        if (process == 0 || state_of(process, name) == 0) {
            continue;
        }
        for (size_t i = 0; i < THREADS; i++) {
            if (strcmp(name, names[i]) == 0) {
                threads[i] = process;
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    for (size_t i = 0; i < THREADS; i++) {
        if (threads[i] == 0) {
            give_up("there is no thread %s: is this domain 0?", names[i]);
        }
    }
}

static bool backend_rests(bool real)
{
    char name[32];

    for (size_t i = 0; real && i < THREADS; i++) {
        if (state_of(threads[i], name) != 'S') { /* running, or in the middle of something */
            return false;
        }
    }
    return true;
}

bool backend_down(bool real)
{
    FILE *file = real ? fopen("/sys/class/net/vif0.0/carrier", "r") : NULL;
    int carrier = file != NULL ? fgetc(file) : EOF;

    if (file != NULL) {
        fclose(file);
    }
    return carrier == '0';
}

int settled_state(struct bed *bed, int from)
{
    uint64_t deadline = sched_now() + 4 * bed->patience;
    uint32_t quiet = 0;
    int state = from, before = from;

    while (quiet < (state == from ? QUIET_UNCHANGED : QUIET_CHANGED) && sched_now() < deadline) {
        bed_pause(LOOK);
        state = back_read(bed, "state");
        quiet =
            state == before && backend_rests(bed->real) ? quiet + 1 : 0; /* one change may lead to the next at once */
        before = state;
    }
    return state;
}
