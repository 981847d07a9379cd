/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Races that are known to do no harm: the file beside an image that ends in .races instead of .sys. A line is
 *
 *   FUNCTION / FUNCTION: why it does no harm
 *
 * with the function of either access (or one that it is inlined into; * for any), in either order. Lines that begin
 * with # and empty ones are comments; further lines of a reason begin with a space.
 */
#ifndef TESTBED_NT_CHECK_RACE_KNOWN_H
#define TESTBED_NT_CHECK_RACE_KNOWN_H

#include <stdbool.h>

void race_known_read(const char *image_path); /* a line that cannot be read ends the program with a message */
void race_known_stop(void);

/* Return addresses behind two accesses. Each pair is looked up once. */
bool race_is_known(const void *one, const void *other);

/* TESTBED_RACES in the environment names a file: races are added to it, once for each pair of places in a program, and
 * so are the lines of the list that were needed ("known: FUNCTION / FUNCTION"); the run goes on. */
bool race_collects(void);
void race_collect(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
