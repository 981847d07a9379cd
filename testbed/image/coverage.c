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

static const struct section *counters_of(const struct image *image)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        if (strcmp(image->sections[i].name, ".lprfc") == 0) {
            return &image->sections[i];
        }
    }
    return NULL;
}

void coverage_write(const struct image *image)
{
    const char *path = getenv("XENNET_COVERAGE");
    const struct section *section = counters_of(image);
    uint64_t *sums;
    ssize_t got;
    int file;

    if (path == NULL || section == NULL) {
        return;
    }
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    sums = calloc(1, section->virtual_size + sizeof(*sums));
    if (file < 0 || sums == NULL || flock(file, LOCK_EX) != 0) {
        abort(); /* a figure that silently lacks a process would be a lie */
    }
    got = pread(file, sums, section->virtual_size, 0);
    for (uint32_t i = 0; got >= 0 && i < section->virtual_size / sizeof(*sums); i++) {
        sums[i] += get_le64(image->base + section->address + i * sizeof(*sums));
    }
    if (got < 0 || pwrite(file, sums, section->virtual_size, 0) != (ssize_t)section->virtual_size) {
        abort();
    }
    free(sums);
    close(file);
}
