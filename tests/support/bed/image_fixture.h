/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of the PE loader: small drivers, compiled here with the toolchain that builds the real one, in a folder
 * that goes away with the test. A driver's DriverEntry puts its functions into the table that it is given as
 * DriverObject.
 */
#ifndef TESTS_IMAGE_FIXTURE_H
#define TESTS_IMAGE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "image/image.h"
#include "nt/nt.h"

/* Of a file in the folder; good until eight more were asked for. */
const char *fixture_path(const char *name);
void fixture_write(const char *name, const void *bytes, size_t size);
/* The whole file, at most a megabyte; free() it. */
char *fixture_read(const char *path, size_t *size);
/* Compiles and links tests/support/drivers/NAME.c, or all of the folder NAME, into NAME.sys; `imports` are
 * ntoskrnl.exe's names, one per line. */
const char *fixture_driver(const char *name, const char *imports, const char *compiler, const char *linker);

/* For image_load: what the testbed exports. */
void *fixture_resolve(const char *module, const char *name);
/* Binds whatever is asked for: where the driver is not run. */
void *fixture_resolve_any(const char *module, const char *name);

#endif
