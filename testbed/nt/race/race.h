/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Races: two accesses of a driver to the same bytes, one of them a write, that nothing orders (rule "race"). Found in
 * runs of an image that reports its accesses, simulated or live: compiled with clang's -fsanitize=thread, whose calls
 * resolve to race_exports.c. What orders things is run/order.h.
 *
 * Watched is the driver's own memory: its data, its blocks of the pool and of NDIS, NBLs. Volatile and interlocked
 * accesses do not race with each other; an interlocked one orders as a barrier does, a volatile one orders nothing,
 * since a compiler may move other accesses over it.
 */
#ifndef TESTBED_NT_CHECK_RACE_H
#define TESTBED_NT_CHECK_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

enum race_access { RACE_READ = 0, RACE_WRITE = 1, RACE_MARKED = 2 /* volatile or interlocked */, RACE_FREE = 4 };

#define RACE_MODULE "races.sys" /* what an instrumented image imports from */

void race_exports(void);
/* An image was loaded that imports them: its data is watched from now on. */
void race_image(const struct image *image);
void race_stop(void);

/* Memory becomes the driver's, and ceases to be. `what` is kept by address. */
extern bool race_watching;
void race_watched(const void *memory, size_t bytes, const char *what, const void *caller);
void race_unwatched(const void *memory);
static inline void race_watch(const void *memory, size_t bytes, const char *what, const void *caller)
{
    if (__builtin_expect(race_watching, 0)) {
        race_watched(memory, bytes, what, caller);
    }
}
static inline void race_unwatch(const void *memory)
{
    if (__builtin_expect(race_watching, 0)) {
        race_unwatched(memory);
    }
}

void race_look(const void *memory, size_t bytes, enum race_access access, const void *from);

#endif
