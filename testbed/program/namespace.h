/* SPDX-License-Identifier: BSD-2-Clause */
/* Network namespaces without a name: they are gone with the descriptor's last holder, so nothing can be left behind. */
#ifndef TESTBED_PROGRAM_NAMESPACE_H
#define TESTBED_PROGRAM_NAMESPACE_H

#include <stddef.h>

/* A new, empty network namespace; the calling thread stays where it was. Returns a descriptor, or -1 and a sentence in
 * `error`. */
int namespace_create(char *error, size_t size);

#endif
