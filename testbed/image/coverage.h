/* SPDX-License-Identifier: BSD-2-Clause */
/* Coverage counters of an instrumented image, added up over processes in a file. */
#ifndef TESTBED_IMAGE_COVERAGE_H
#define TESTBED_IMAGE_COVERAGE_H

#include "image/image.h"

/* Adds the image's counters to the file that XENNET_COVERAGE names; nothing without that variable or without counters.
 */
void coverage_write(const struct image *image);

#endif
