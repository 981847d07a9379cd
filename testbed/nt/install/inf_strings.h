/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the INF's [Strings] in place of every %name% in it. Part of inf_open. */
#ifndef TESTBED_NT_INSTALL_INF_STRINGS_H
#define TESTBED_NT_INSTALL_INF_STRINGS_H

#include "nt/install/inf.h"

/* False and one sentence: a %name% that no [Strings] section defines. */
bool inf_resolve_strings(struct inf *inf, char *error, size_t size);

#endif
