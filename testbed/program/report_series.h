/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of a status event that is a list: by queue, by processor. Its members begin with a comma. */
#ifndef TESTBED_PROGRAM_REPORT_SERIES_H
#define TESTBED_PROGRAM_REPORT_SERIES_H

#include <stdio.h>

#include "program/bed.h"
#include "program/options.h"

void report_series(FILE *out, const struct options *options, struct bed *bed); /* bed NULL: bypass */

#endif
