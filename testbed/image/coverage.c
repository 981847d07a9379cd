/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image that clang instrumented has its counters in section .lprfc, 64 bits each. Many test processes run one after
 * the other or side by side, so each adds its own to one file under a lock; scripts/check/coverage.py makes a profile
 * of the sums.
 */
#include "image/coverage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "image/image_internal.h"
#include "wire/integers.h"

void coverage_write(const struct image *image)
{
    const char *path = getenv("XENNET_COVERAGE");
    uint64_t *sums, *counters;
    size_t bytes;
    ssize_t got;
    int file;

    if (path == NULL || !image_named_section(image, ".lprfc", (void **)&counters, &bytes)) {
        return;
    }
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    sums = calloc(1, bytes + sizeof(*sums));
    if (file < 0 || sums == NULL || flock(file, LOCK_EX) != 0) {
        abort(); /* a figure that silently lacks a process would be a lie */
    }
    got = pread(file, sums, bytes, 0);
    for (size_t i = 0; got >= 0 && i < bytes / sizeof(*sums); i++) {
        sums[i] += get_le64(counters + i);
    }
    if (got < 0 || pwrite(file, sums, bytes, 0) != (ssize_t)bytes) {
        abort();
    }
    free(sums);
    close(file);
}
