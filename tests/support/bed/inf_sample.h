/* SPDX-License-Identifier: BSD-2-Clause */
/* A small INF for tests, with a line per thing that INFs do, and a way to write changed copies of it. */
#ifndef TESTS_INF_SAMPLE_H
#define TESTS_INF_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

extern const char inf_sample[];

/* The sample with the first `from` replaced by `to`, in a fresh file whose name goes to `path` (a mkstemps template).
 */
const char *inf_write(char path[TEST_MAX_PATH], const char *from, const char *to);

#endif
