/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of published releases of XenVif that no run can avoid. A driver above it is not blamed for them: what they
 * leave behind is a remark that names the release. Anything else that an image leaves fails the run.
 */
#ifndef TESTBED_BUSDRIVER_KNOWN_FAULTS_H
#define TESTBED_BUSDRIVER_KNOWN_FAULTS_H

#include "run/leak.h"

/* Moves the lines of `leaks` that the image `name` is known to leave to `known`, each with its release and reason. */
void known_faults_take(const char *name, struct leaks *leaks, struct leaks *known);

#endif
